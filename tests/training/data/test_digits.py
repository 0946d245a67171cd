"""MNIST, FashionMNIST and StackedMNIST, as files of idx."""

import gzip
import struct
import sys
import types

import numpy as np
import pytest
from layouts import fails, write

from training.data import open_dataset
from training.data.decoding import DataError
from training.data.digits import DIGITS, GARMENTS

pytestmark = pytest.mark.usefixtures("cache")


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_digits(root, folder="MNIST", pack=gzip.compress, suffix=".gz"):
    for part, count in (("train", 30), ("t10k", 10)):
        images = np.random.default_rng(count).integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        write(
            root / folder / "raw",
            {
                f"{part}-images-idx3-ubyte{suffix}": pack(idx(images)),
                f"{part}-labels-idx1-ubyte{suffix}": pack(idx(labels)),
            },
        )
    return root


@pytest.mark.parametrize("pack, suffix", [(gzip.compress, ".gz"), (bytes, "")])
@pytest.mark.parametrize(
    "name, folder, names", [("mnist", "MNIST", DIGITS), ("FashionMNIST", "FashionMNIST", GARMENTS)]
)
def test_digits_packed_or_not(tmp_path, name, folder, names, pack, suffix):
    root = write_digits(tmp_path, folder, pack, suffix)
    train, test = open_dataset(name, root, 28), open_dataset(name, root, 28, split="test")
    expected = np.random.default_rng(30).integers(0, 256, (30, 28, 28), dtype=np.uint8)
    assert np.array_equal(train.images[:, 0], expected) and train.images.flags.c_contiguous
    assert train.labels.tolist() == [*range(10)] * 3 and train.labels.dtype == np.int64
    assert train.label_names == names and not train.multi_label and train.name == folder.lower()
    assert len(test) == 10 and test.checksum != train.checksum
    assert train.notes == (f"{folder} (train): 30 pictures.",)


def test_digits_of_other_sizes(tmp_path):
    root = write_digits(tmp_path)
    native, padded, halved = (open_dataset("mnist", root, size) for size in (28, 32, 14))
    assert np.array_equal(padded.images[:, :, 2:30, 2:30], native.images)
    assert padded.images.sum() == native.images.sum()  # the border is black
    blocks = native.images.reshape(30, 1, 14, 2, 14, 2).mean((3, 5))
    assert halved.images.shape == (30, 1, 14, 14)
    assert (
        np.corrcoef(halved.images.ravel(), blocks.ravel())[0, 1] > 0.9
    )  # antialiased, so near the mean of each 2 x 2 block
    colour = open_dataset("mnist", root, 28, channels=3)
    assert colour.images.shape == (30, 3, 28, 28) and (colour.images == native.images).all()


def test_data_root_from_the_environment(tmp_path, monkeypatch):
    write_digits(tmp_path / "elsewhere")
    monkeypatch.setenv("GAN_STUDIO_DATA", str(tmp_path / "elsewhere"))
    assert len(open_dataset("mnist", None, 28)) == 30
    monkeypatch.delenv("GAN_STUDIO_DATA")
    write_digits(tmp_path / "data", pack=bytes, suffix="")
    monkeypatch.chdir(tmp_path)
    assert len(open_dataset("mnist", None, 28, split="test")) == 10


@pytest.mark.parametrize(
    "content, message",
    [
        (b"<!DOCTYPE html><html>Quota exceeded</html>", "is a web page .* fetch it again"),
        (b"\n <HTML><body>404", "is a web page"),
        (idx(np.zeros((30, 28, 28), np.uint8))[:-1], "fewer bytes than the 23,520"),
        (idx(np.zeros((30, 28, 28), np.uint8)) + b"0", "more bytes than"),
        (gzip.compress(idx(np.zeros((30, 28, 28), np.uint8)), mtime=0)[:-20], "truncated or damaged"),
        (gzip.compress(b"x" * 40, mtime=0), "not an idx file"),
        (b"", "not an idx file .* missing"),
        (b"\0\0\x0d\x03" + bytes(20), "not an idx file"),  # an idx file of floats
        (b"\0\0\x08\x03\0", "truncated or damaged"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "absurd shape"),
        (idx(np.zeros((29, 28, 28), np.uint8)), "do not belong together"),
        (idx(np.zeros((30, 27, 28), np.uint8)), "do not belong together"),
    ],
)
def test_bad_idx_files(tmp_path, content, message):
    root = write_digits(tmp_path)
    (root / "MNIST/raw/train-images-idx3-ubyte.gz").write_bytes(content)
    with fails(message):
        open_dataset("mnist", root, 28)
    assert len(open_dataset("mnist", root, 28, split="test")) == 10


def test_bad_digit_labels(tmp_path):
    write(write_digits(tmp_path) / "MNIST/raw", {"train-labels-idx1-ubyte.gz": idx(np.full(30, 10, np.uint8))})
    with fails("other labels than 0 to 9"):
        open_dataset("mnist", tmp_path, 28)


def fake_torchvision(monkeypatch, download):
    datasets = types.SimpleNamespace(MNIST=download, FashionMNIST=download)
    monkeypatch.setitem(sys.modules, "torchvision", types.SimpleNamespace(datasets=datasets))


def test_missing_digits_are_downloaded_by_torchvision(tmp_path, monkeypatch, capsys):
    def download(root, download):
        print("Downloading")
        write_digits(root)

    fake_torchvision(monkeypatch, download)
    assert len(open_dataset("mnist", tmp_path, 28)) == 30
    assert capsys.readouterr().out == ""


def test_missing_digits_without_network(tmp_path, monkeypatch):
    def download(root, download):
        raise RuntimeError("Error downloading\ntrain-images-idx3-ubyte.gz")

    fake_torchvision(monkeypatch, download)
    for name, folder in (("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST")):
        with pytest.raises(DataError) as failure:
            open_dataset(name, tmp_path, 28)
        said = str(failure.value)
        assert str(tmp_path / folder / "raw") in said and "Error downloading train-images" in said
        assert all(
            f"{part}-{kind}-ubyte.gz" in said for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
        )
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with fails("torchvision, which would download it, is not installed"):
        open_dataset("mnist", tmp_path, 28)


def test_stacked_digits_are_three_digits_and_their_number(tiny_root):
    digits = {split: open_dataset("mnist", tiny_root, 28, split=split) for split in ("train", "test")}
    for split, count in (("train", 128_000), ("test", 26_000)):
        data = open_dataset("stackedmnist", tiny_root, 28, split=split)
        assert (
            data.images.shape == (count, 3, 28, 28) and data.label_names[7] == "007" and len(data.label_names) == 1000
        )
        known = {image.tobytes(): label for image, label in zip(digits[split].images, digits[split].labels)}
        for k in (0, 1, 25_999):
            assert data.labels[k] == int("".join(str(known[channel.tobytes()]) for channel in data.images[k]))
    with pytest.raises(DataError, match="three channels"):
        open_dataset("stackedmnist", tiny_root, 28, channels=1)


def test_the_names_of_garments_are_torchvisions():
    from torchvision import datasets

    assert list(GARMENTS) == datasets.FashionMNIST.classes
