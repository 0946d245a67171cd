"""The real data sets. They are decoded once, into the folder of caches that other tests use too."""

import zipfile

import numpy as np
import pytest
from conftest import skip_or_fail
from layouts import decoded

from training.data import celeba, open_dataset
from training.data import dataset as data


def test_real_mnist(data_root):
    train, test = open_dataset("mnist", data_root, 28), open_dataset("mnist", data_root, 32, split="test")
    assert (len(train), len(test)) == (60_000, 10_000)
    assert train.labels[:3].tolist() == [5, 0, 4] and test.labels[:3].tolist() == [7, 2, 1]
    assert np.bincount(train.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert train.images.mean() / 255 == pytest.approx(0.1307, abs=1e-4)  # the customary normalisation constant


def listed(root, split: str) -> int:
    lines = (root / "celeba/list_eval_partition.txt").read_text().splitlines()
    return sum(line.endswith(f" {data.SPLITS.index(split)}") for line in lines)


def test_real_celeba(data_root):
    """Decoding the training faces once takes about 10 s."""
    if not (data_root / "celeba/img_align_celeba.zip").is_file():
        skip_or_fail("needs CelebA's archive in the data root")
    faces = {split: open_dataset("celeba", data_root, 64, split=split) for split in data.SPLITS}
    assert {split: len(dataset) for split, dataset in faces.items()} == {
        split: listed(data_root, split) for split in data.SPLITS
    }
    train = faces["train"]
    assert train.images.shape[1:] == (3, 64, 64) and len(train.label_names) == 40
    share = dict(zip(train.label_names, train.labels.mean(0)))
    assert share["Smiling"] == pytest.approx(0.49, abs=0.03) and share["Bald"] == pytest.approx(0.02, abs=0.01)
    if len(train) == 25_068:  # the part of CelebA whose rest has half the resolution
        larger = open_dataset("celeba", data_root, 128)
        assert len(larger) == 25_068 - 6_711 and "Left out for being smaller than 128 px: 6,711." in larger.notes
        assert len(open_dataset("celeba", data_root, 128, split="test")) == 3_014


def test_the_crop_of_original_celeba_gives_the_cropped_pictures(data_root):
    """Where the data root has both forms of the same faces: 178 x 218, and the window cut out and compressed again."""
    if not (data_root / "original/celeba").is_dir():
        pytest.skip("needs CelebA's original pictures in original/ of the data root, beside cropped ones")
    original = open_dataset("celeba", data_root / "original", 128, split="train")
    cropped = zipfile.ZipFile(data_root / "celeba/img_align_celeba.zip")
    with zipfile.ZipFile(data_root / "original/celeba/img_align_celeba.zip") as archive:
        names = sorted(archive.namelist())
    parts = celeba._read_partition(*celeba._celeba_file(data_root / "original/celeba", "list_eval_partition"))
    names = [name for name in names if parts[celeba._picture_number(name)] == 0]
    assert len(names) == len(original) > 100
    for k in range(0, len(names), 25):
        mine, other = original.images[k].transpose(1, 2, 0).astype(int), decoded(cropped.read(names[k])).astype(int)
        error, error_if_shifted = np.abs(mine - other).mean(), np.abs(mine - np.roll(other, 1, axis=1)).mean()
        assert error < min(6, error_if_shifted), names[k]
