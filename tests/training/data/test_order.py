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


def attributes(repeats: tuple[int, ...], total: int = 1600) -> data.Dataset:
    """Pictures of which the first repeats[k] have attribute k, and no other."""
    labels = np.zeros((total, len(repeats)), np.uint8)
    labels[np.arange(sum(repeats)), np.repeat(np.arange(len(repeats)), repeats)] = 1
    names = tuple(f"a{k}" for k in range(len(repeats)))
    return data.Dataset("rare", np.zeros((total, 1, 1, 1), np.uint8), labels, names, True, "")


def test_pictures_with_rare_labels_are_shown_more_often_by_the_root_of_their_rarity():
    rare = attributes((16, 100, 800)).repeated(0.5, seed=1)
    times = np.bincount(rare.order(0, len(rare.shown), seed=3), minlength=1600)
    assert set(times[:16]) <= {7, 8} and times[:16].mean() == pytest.approx((0.5 / 0.01) ** 0.5, abs=0.3)
    assert set(times[16:116]) == {2, 3} and times[16:116].mean() == pytest.approx(8**0.5, abs=0.15)
    assert (times[116:] == 1).all()  # half of them, or none of these labels
    assert "up to 8 times" in rare.notes[-1] and len(rare) == 1600


def test_a_picture_is_repeated_for_the_rarest_of_its_labels_and_unknown_ones_count_as_none():
    both = attributes((16, 100))
    both.labels[:16, 1] = 1
    assert np.bincount(both.repeated(0.5, seed=1).shown)[:16].min() >= 7
    classes = np.array([0] * 10 + [1] * 90 + [-1] * 100)
    rows = data.Dataset("few", np.zeros((200, 1, 1, 1), np.uint8), classes, ("rare", "usual"), False, "")
    times = np.bincount(rows.repeated(0.2, seed=1).shown)
    assert (times[:10] == 2).all() and (times[10:] == 1).all()


def test_the_order_with_repeats_depends_on_seed_and_image_number_alone():
    rare = attributes((16, 100)).repeated(0.5, seed=1)
    whole, epoch = rare.order(0, 5000, seed=3), len(rare.shown)
    assert np.array_equal(np.concatenate([rare.order(0, 2100, seed=3), rare.order(2100, 2900, seed=3)]), whole)
    assert (
        sorted(whole[:epoch]) == sorted(whole[epoch : 2 * epoch]) and (whole[:epoch] != whole[epoch : 2 * epoch]).any()
    )
    assert np.array_equal(attributes((16, 100)).repeated(0.5, seed=1).shown, rare.shown)
    assert not np.array_equal(attributes((16, 100)).repeated(0.5, seed=2).shown, rare.shown)


def test_without_labels_nothing_is_rare(ten):
    with pytest.raises(data.DataError, match="ten has no labels, so none of them is rare; repeat_threshold must be 0"):
        data.replace(ten, labels=None).repeated(0.5, seed=1)
