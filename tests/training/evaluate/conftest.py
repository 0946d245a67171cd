"""Fixtures of the tests of evaluation."""

from pathlib import Path

import pytest
import torch
from copyist import DIGITS, write_noise

from gan_models import model_folder
from gan_models.networks.dcgan import DCGANGenerator


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A data root with a small MNIST of noise, the classes of unequal size."""
    return write_noise(tmp_path_factory.mktemp("root"))


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """The folder of an untrained conditional generator of digits."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models") / "untrained"
    model_folder.save(DCGANGenerator(28, 1, latent_dim=8, width=4, labels=DIGITS), folder)
    return folder
