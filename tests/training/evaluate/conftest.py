"""Fixtures of the tests of evaluation."""

from pathlib import Path

import numpy as np
import pytest
import torch
from copyist import DIGITS, write_idx

from gan_models import model_folder
from gan_models.networks.dcgan import DCGANGenerator


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A data root with a small MNIST of noise, the classes of unequal size."""
    root = tmp_path_factory.mktemp("root")
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    random = np.random.default_rng(0)
    for part, count in (("train", 600), ("t10k", 300)):
        labels = np.sort(random.choice(10, count, p=np.arange(1, 11) / 55)).astype(np.uint8)
        images = random.integers(0, 100, (count, 28, 28), dtype=np.uint8)
        images[np.arange(count), 2 * labels + 3] = 255
        write_idx(raw / f"{part}-images-idx3-ubyte", images)
        write_idx(raw / f"{part}-labels-idx1-ubyte", labels)
    return root


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """The folder of an untrained conditional generator of digits."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models") / "untrained"
    model_folder.save(DCGANGenerator(28, 1, latent_dim=8, width=4, labels=DIGITS), folder)
    return folder
