"""Photographs are judged in general features, against pictures that nobody learned from."""

import numpy as np
import pytest
import torch
from tqdm import tqdm

from gan_models.networks.dcgan import DCGANGenerator
from training.data.dataset import Dataset, to_float
from training.errors import EvaluationError
from training.evaluate import generator, photographs
from training.judges import general
from training.metrics import features
from training.metrics.sampling import stored


def pictures(n: int, size: int, seed: int = 0, channels: int = 3) -> Dataset:
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (n, channels, 4, 4), np.uint8)
    return Dataset("celeba", coarse.repeat(size // 4, 2).repeat(size // 4, 3), None, None, False, f"{seed}")


def test_pictures_of_any_size_are_seen_at_128_px_in_order():
    network, some = general.read(general.JUDGES), pictures(5, 32)
    with tqdm(disable=True) as bar:
        found = photographs.look(network, stored(some, np.array([3, 1]), bar), 1)
    assert found.shape == (2, general.POOLED) and found.dtype == torch.float64
    wanted = network(photographs.at_size(to_float(torch.from_numpy(some.images[[3, 1]])))).pooled.double()
    # The network computes in float32, and one picture at a time rounds otherwise than two.
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4)
    assert photographs.at_size(torch.zeros(1, 3, 256, 256)).shape == (1, 3, 128, 128)


def test_celeba_is_compared_with_valid_and_test_at_128_px_at_any_picture_size(monkeypatch):
    torch.manual_seed(0)
    drawing = DCGANGenerator(64, 3, latent_dim=4, width=4)
    asked = []

    def opened(data, root, size, *, channels, split="train"):
        asked.append((size, split))
        return pictures(30, size, {"train": 0, "valid": 1, "test": 2}[split], channels)

    monkeypatch.setattr(photographs, "open_dataset", opened)
    monkeypatch.setattr(
        photographs,
        "look",
        lambda network, some, batch_size: torch.stack(
            [x.double().flatten()[:8] for x in some.__getitems__(list(range(len(some))))]
        ),
    )
    few = pictures(80, 64)
    network = general.read(general.JUDGES)
    monkeypatch.setattr(general, "read", lambda name: network)
    monkeypatch.setattr(general, "POOLED", 20)
    found = photographs.general_distances(
        drawing, "celeba", None, few, None, features, samples=100, batch_size=10, seed=0
    )
    assert asked[-3:] == [(128, "valid"), (128, "test"), (128, "train")]
    assert {"fid30_heldout_general", "kid30_heldout_general", "evaluation"} == set(found)
    assert (
        found["fid30_heldout_general"]["value"] > 0
        and found["evaluation"]["general"]["pictures"]["heldout"]["real"] == 30
    )
    with pytest.raises(EvaluationError, match="more than 20 pictures on each side, and there are 10"):
        photographs.general_distances(drawing, "celeba", None, few, None, features, samples=10, batch_size=10, seed=0)


def test_digits_are_no_photographs(monkeypatch):
    grey = DCGANGenerator(28, 1, latent_dim=4, width=4)
    data = Dataset("mnist", np.zeros((4, 1, 28, 28), np.uint8), np.zeros(4, int), tuple("0123456789"), False, "")
    monkeypatch.setattr(generator, "_open_splits", lambda *a: (data, data))
    with pytest.raises(EvaluationError, match="photographs in colour"):
        generator.evaluate(grey, "mnist", samples=4, network="general")
