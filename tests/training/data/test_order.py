"""The order of a data set's pictures, and its batches."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from training.data import dataset as data
from training.data import open_dataset
from training.data.dataset import to_float
from training.data.digits import DIGITS

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def ten():
    images = np.arange(10, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 2, 2), np.uint8)
    return data.Dataset("ten", images, np.arange(10), DIGITS, False, "")


def test_every_epoch_is_its_own_permutation(ten):
    epochs = [ten.order(10 * e, 10, seed=1) for e in range(20)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 20
    assert epochs[0].dtype == np.int64


def test_order_depends_on_seed_and_image_number_alone(ten):
    whole = ten.order(0, 57, seed=3)
    data._permutation.cache_clear()
    chunks = [ten.order(start, min(7, 57 - start), seed=3) for start in (49, 0, 14, 7, 42, 35, 28, 21, 56)]
    data._permutation.cache_clear()
    starts = np.argsort([49, 0, 14, 7, 42, 35, 28, 21, 56])
    assert np.array_equal(np.concatenate([chunks[k] for k in starts]), whole)
    assert not np.array_equal(ten.order(0, 57, seed=4), whole)
    assert np.array_equal(ten.order(8, 25, seed=3), whole[8:33])  # from one epoch over two whole ones into the next
    assert len(ten.order(5, 0, seed=3)) == 0


def test_batches_are_tensors_of_their_own(ten):
    images, labels = ten.batch(np.array([7, 7, 2]))
    assert images.dtype == torch.uint8 and images.shape == (3, 1, 2, 2) and images[:, 0, 0, 0].tolist() == [7, 7, 2]
    assert labels.dtype == torch.int64 and labels.tolist() == [7, 7, 2]
    images.zero_()
    assert ten.images[7].max() == 7


def test_to_float_spans_minus_one_to_one():
    values = to_float(torch.tensor([0, 51, 255], dtype=torch.uint8))
    assert values.dtype == torch.float32
    torch.testing.assert_close(values, torch.tensor([-1.0, -0.6, 1.0]))


SHOWN = """
import hashlib, sys
from training.data import open_dataset

for name in sys.argv[2:]:
    data = open_dataset(name, sys.argv[1], 28, channels=3)
    images, labels = data.batch(data.order(len(data) - 5, 9, seed=7))
    print(name, data.checksum, hashlib.sha256(images.numpy()).hexdigest(), labels.tolist())
"""


def test_another_process_in_another_order_is_shown_the_same(tiny_root, capsys, monkeypatch):
    names = ["stackedmnist", "fashionmnist", "cifar10", "mnist"]
    command = [sys.executable, "-c", SHOWN, str(tiny_root), *names[::-1]]
    there = subprocess.run(command, capture_output=True, text=True, check=True)
    monkeypatch.setattr(sys, "argv", ["", str(tiny_root), *names])
    exec(SHOWN, {})
    assert capsys.readouterr().out.splitlines() == there.stdout.splitlines()[::-1]


@pytest.mark.parametrize("name", ["mnist", "fashionmnist", "cifar10"])
def test_a_batch_may_be_larger_than_the_data_set(tiny_root, name):
    dataset = open_dataset(name, tiny_root, 28)
    n = len(dataset)
    images, labels = dataset.batch(dataset.order(0, 3 * n, seed=1))
    assert len(images) == len(labels) == 3 * n
    assert sorted(dataset.order(0, 3 * n, seed=1).tolist()) == sorted(list(range(n)) * 3)
