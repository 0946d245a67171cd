"""Data sets: made-up ones in every layout, and the real ones where they are."""

import gzip
import io
import os
import re
import struct
import subprocess
import sys
import types
import zipfile

import numpy as np
import pytest
import torch
from conftest import skip_or_fail
from PIL import Image

from training.data import celeba, decoding, open_dataset
from training.data import dataset as data
from training.data.dataset import to_float
from training.data.decoding import DataError
from training.data.digits import DIGITS, GARMENTS


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GAN_STUDIO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def random_image(seed: int, width: int, height: int | None = None, channels: int = 3) -> np.ndarray:
    shape = (height or width, width, channels)[: 2 if channels == 1 else 3]
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def encode(array: np.ndarray, kind: str = "JPEG", **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind, **({"quality": 95} if kind == "JPEG" else {}), **options)
    return file.getvalue()


def plain(rgb, width: int = 8, height: int | None = None, kind: str = "PNG") -> bytes:
    """A picture of one colour."""
    return encode(np.broadcast_to(np.uint8(rgb), (height or width, width, 3)).copy(), kind)


def write(folder, files: dict[str, bytes]):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def fails(message: str):
    return pytest.raises(DataError, match=message)


# ---- order and batch -------------------------------------------------------------------------------------------------


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


# ---- MNIST and FashionMNIST ------------------------------------------------------------------------------------------


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


# ---- CelebA ----------------------------------------------------------------------------------------------------------

ATTRIBUTES = ("Eyeglasses", "Male", "Smiling")


def write_celeba(root, pictures: dict[str, bytes], *, packed=True, parts=None):
    """Picture k has the attributes (k is odd, k is a multiple of 3, always)."""
    folder = root / "celeba"
    rows = [f"{name}  {1 if k % 2 else -1} {-1 if k % 3 else 1}  1" for k, name in enumerate(pictures)]
    parts = parts or [0] * len(pictures)
    write(
        folder,
        {
            "list_attr_celeba.txt": "\n".join([str(len(rows)), " ".join(ATTRIBUTES) + " ", *rows, ""]).encode(),
            "list_eval_partition.txt": "".join(f"{n} {p}\n" for n, p in zip(pictures, parts)).encode(),
        },
    )
    if not packed:
        return write(folder / "img_align_celeba", pictures).parents[1]
    with zipfile.ZipFile(folder / "img_align_celeba.zip", "w") as archive:
        for name, content in pictures.items():
            archive.writestr(f"img_align_celeba/{name}", content)
    return root


def faces(count: int = 6, width: int = 16, height: int | None = None) -> dict[str, bytes]:
    return {f"{k + 1:06}.jpg": encode(random_image(k, width, height)) for k in range(count)}


def decoded(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


@pytest.mark.parametrize("packed", [True, False])
def test_celeba_from_zip_and_folder(tmp_path, packed):
    pictures = faces(6)
    dataset = open_dataset("celeba", write_celeba(tmp_path, pictures, packed=packed), 16)
    assert np.array_equal(dataset.images.transpose(0, 2, 3, 1), [decoded(p) for p in pictures.values()])
    assert dataset.label_names == ATTRIBUTES and dataset.multi_label and dataset.labels.dtype == np.uint8
    assert dataset.labels.tolist() == [[k % 2, int(k % 3 == 0), 1] for k in range(6)]
    assert dataset.notes == ("CelebA (train): 6 pictures.",)
    _, labels = dataset.batch(dataset.order(0, 4, 0))
    assert labels.dtype == torch.float32 and labels.shape == (4, 3)


def test_celeba_zip_and_folder_have_one_checksum(tmp_path):
    packed, unpacked = write_celeba(tmp_path / "a", faces()), write_celeba(tmp_path / "b", faces(), packed=False)
    checksums = [open_dataset("celeba", root, 16).checksum for root in (packed, unpacked)]
    assert checksums[0] == checksums[1]
    assert open_dataset("celeba", packed, 8).checksum != checksums[0]
    assert open_dataset("celeba", packed, 16, attributes=["Male"]).checksum != checksums[0]


def test_the_crop_window_of_aligned_pictures(tmp_path):
    picture = encode(random_image(0, 178, 218))
    root = write_celeba(tmp_path, {"000001.jpg": picture})
    whole = decoded(picture)
    image = open_dataset("celeba", root, 128).images[0]
    assert np.array_equal(image.transpose(1, 2, 0), whole[48:176, 25:153])
    image = open_dataset("celeba", root, 20, crop=(3, 7, 20)).images[0]
    assert np.array_equal(image.transpose(1, 2, 0), whole[7:27, 3:23])
    halved = open_dataset("celeba", root, 64).images[0].transpose(1, 2, 0)
    expected = Image.fromarray(whole[48:176, 25:153]).resize((64, 64), Image.Resampling.LANCZOS)
    assert np.array_equal(halved, np.asarray(expected))
    for crop in ((51, 48, 128), (25, 91, 128), (-1, 0, 10), (0, 0, 0), (1, 2)):
        with fails("crop"):
            open_dataset("celeba", root, 64, crop=crop)


def test_a_picture_of_another_shape_is_cropped_to_its_centre(tmp_path):
    stripes = np.zeros((16, 32, 3), np.uint8)
    stripes[:, 8:24] = 200
    root = write_celeba(tmp_path, {"000001.jpg": encode(stripes, "PNG")})
    assert (open_dataset("celeba", root, 16).images == 200).all()


def test_partition_and_unlisted_pictures(tmp_path):
    root = write_celeba(tmp_path, faces(6), packed=False, parts=[0, 1, 2, 0, 0, 1])
    write(
        root / "celeba/img_align_celeba", {"999999.jpg": encode(random_image(0, 16)), "._000001.jpg": b"a Mac was here"}
    )
    (root / "celeba/img_align_celeba/000004.jpg").unlink()  # a part of CelebA is a valid CelebA
    counts = {split: open_dataset("celeba", root, 16, split=split) for split in data.SPLITS}
    assert {split: len(dataset) for split, dataset in counts.items()} == {"train": 2, "valid": 2, "test": 1}
    assert counts["valid"].labels.tolist() == [[1, 0, 1], [1, 0, 1]]  # pictures 1 and 5
    assert counts["train"].notes == (
        "CelebA (train): 2 pictures.",
        "Left out because the lists of CelebA do not name them: 1.",
    )


def test_small_and_broken_pictures_are_left_out_and_counted(tmp_path):
    pictures = faces(6)
    pictures["000002.jpg"] = encode(random_image(0, 8))
    pictures["000004.jpg"] = pictures["000004.jpg"][:200]
    pictures["000006.jpg"] = b"not a picture"
    for _ in ("decoded", "from the cache"):
        dataset = open_dataset("celeba", write_celeba(tmp_path, pictures), 16)
        assert dataset.labels.tolist() == [[k % 2, int(k % 3 == 0), 1] for k in (0, 2, 4)]
        assert dataset.notes == (
            "CelebA (train): 3 pictures.",
            "Left out for being smaller than 16 px: 1.",
            "Left out because they cannot be read: 2 (the first is img_align_celeba/000004.jpg).",
        )
        assert np.array_equal(dataset.images[2].transpose(1, 2, 0), decoded(pictures["000005.jpg"]))
    assert len(open_dataset("celeba", tmp_path, 8)) == 4


def test_a_damaged_member_of_the_zip_is_left_out(tmp_path):
    root = write_celeba(tmp_path, faces(3))
    path = root / "celeba/img_align_celeba.zip"
    content = bytearray(path.read_bytes())
    content[content.index(b"\xff\xd8") + 300] ^= 255  # inside the first picture: its checksum is wrong now
    path.write_bytes(content)
    dataset = open_dataset("celeba", root, 16)
    assert len(dataset) == 2 and "cannot be read: 1 (" in dataset.notes[1]


def test_no_usable_picture(tmp_path):
    with fails("None of the 6 pictures of celeba can be used: 6 are smaller than 32 px and 0 cannot be read"):
        open_dataset("celeba", write_celeba(tmp_path, faces(6)), 32)
    with fails("split 'test'"):
        open_dataset("celeba", tmp_path, 16, split="test")


def test_attributes_are_selected_and_ordered(tmp_path):
    root = write_celeba(tmp_path, faces(4))
    dataset = open_dataset("celeba", root, 16, attributes=["Smiling", "Eyeglasses"])
    assert dataset.label_names == ("Smiling", "Eyeglasses") and dataset.labels.tolist() == [
        [1, 0],
        [1, 1],
        [1, 0],
        [1, 1],
    ]
    with fails("CelebA has no attribute 'smilling'; did you mean Smiling?"):
        open_dataset("celeba", root, 16, attributes=["smilling"])
    with fails("no attribute 'xyz'; known are Eyeglasses, Male, Smiling"):
        open_dataset("celeba", root, 16, attributes=["xyz"])


def test_missing_celeba_says_what_to_fetch_and_where(tmp_path):
    with pytest.raises(DataError) as failure:
        open_dataset("celeba", tmp_path, 64)
    said = str(failure.value)
    assert all(file in said for file in ("img_align_celeba.zip", "list_attr_celeba.txt", "list_eval_partition.txt"))
    assert str(tmp_path / "celeba") in said
    assert "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html" in said and "drive.google" not in said
    root = write_celeba(tmp_path, faces(1))
    for name in ("list_attr_celeba.txt", "list_eval_partition.txt"):
        (root / "celeba" / name).rename(root / "aside")
        with fails(f"CelebA's {name} is not in"):
            open_dataset("celeba", root, 16)
        (root / "aside").rename(root / "celeba" / name)
    (root / "celeba/img_align_celeba.zip").unlink()
    (root / "celeba/img_align_celeba").mkdir()
    with fails("no pictures in the img_align_celeba"):
        open_dataset("celeba", root, 16)


@pytest.mark.parametrize(
    "name, content, message",
    [
        (
            "img_align_celeba.zip",
            b"<!DOCTYPE html><title>Google Drive - Quota exceeded</title>",
            "is a web page .*quota",
        ),
        ("img_align_celeba.zip", b"PK\3\4 and then the connection broke", "truncated or not a zip archive"),
        ("list_attr_celeba.txt", b"<html>Quota exceeded</html>", "is a web page .*quota"),
        ("list_attr_celeba.txt", b"1\nMale Smiling\n000001.jpg 1 0\n", "Line 3 of list_attr_celeba.txt"),
        ("list_attr_celeba.txt", b"1\nMale Smiling\n000001.jpg 1 -1\n000002.jpg 1\n", "Line 4 of list_attr_celeba.txt"),
        ("list_eval_partition.txt", b"000001.jpg 3\n", "Line 1 of list_eval_partition.txt"),
    ],
)
def test_bad_celeba_files(tmp_path, name, content, message):
    root = write_celeba(tmp_path, faces(1))
    write(root / "celeba", {name: content})
    with fails(message):
        open_dataset("celeba", root, 16)


# ---- folders ---------------------------------------------------------------------------------------------------------

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def colours(dataset) -> list[tuple[int, ...]]:
    """The colour of each picture of one colour."""
    assert (np.asarray(dataset.images).std((2, 3)) == 0).all()
    return [tuple(image[:, 0, 0].tolist()) for image in dataset.images]


def test_folder_without_classes_is_searched_recursively(tmp_path):
    black = encode(np.zeros((8, 8, 3), np.uint8), "WEBP", lossless=True)
    folder = write(
        tmp_path / "mine",
        {
            "b.png": plain(GREEN),
            "a/x/c.bmp": plain(RED, kind="BMP"),
            "d.txt": b"no picture",
            ".trash/e.png": plain(RED),
            "z.WEBP": black,
        },
    )
    dataset = open_dataset(folder, None, 8)
    assert colours(dataset) == [RED, GREEN, (0, 0, 0)] and dataset.name == "mine"
    assert dataset.labels is None and dataset.label_names is None and not dataset.multi_label
    assert dataset.batch(dataset.order(0, 3, 0))[1] is None


def test_sub_folders_that_all_hold_images_are_classes(tmp_path):
    write(
        tmp_path / "pets",
        {
            "dogs/1.png": plain(RED),
            "cats/a/1.png": plain(GREEN),
            "cats/2.jpg": plain(GREEN, 4),
            "dogs/2.png": plain(BLUE),
        },
    )
    dataset = open_dataset(str(tmp_path / "pets"), None, 8)
    assert dataset.label_names == ("cats", "dogs") and dataset.labels.tolist() == [0, 1, 1] and not dataset.multi_label
    assert colours(dataset) == [GREEN, RED, BLUE]
    assert dataset.notes[1] == "Left out for being smaller than 8 px: 1."
    (tmp_path / "pets/empty").mkdir()
    dataset = open_dataset(tmp_path / "pets", None, 8)
    assert dataset.label_names == ("cats", "dogs") and any("empty/" in note for note in dataset.notes)


def test_one_sub_folder_is_no_class(tmp_path):
    assert open_dataset(write(tmp_path / "celebrities", {"all/1.png": plain(RED)}), None, 8).labels is None


def test_splits_of_a_folder(tmp_path):
    write(
        tmp_path / "pets",
        {
            "train/cat/1.png": plain(RED),
            "train/cow/1.png": plain(GREEN),
            "train/dog/1.png": plain(BLUE),
            "test/dog/1.png": plain(BLUE),
        },
    )
    assert open_dataset(tmp_path / "pets", None, 8).labels.tolist() == [0, 1, 2]
    test = open_dataset(tmp_path / "pets", None, 8, split="test")
    assert test.labels.tolist() == [2] and test.label_names == (
        "cat",
        "cow",
        "dog",
    )  # a class has one number in all splits
    with fails(r"no split 'valid'; make train/ and valid/"):
        open_dataset(tmp_path / "pets", None, 8, split="valid")
    write(tmp_path / "pets", {"test/eel/1.png": plain(BLUE)})
    with fails("eel is not one of the classes"):
        open_dataset(tmp_path / "pets", None, 8, split="test")
    with fails("no split 'test'; make train/ and test/"):
        open_dataset(tmp_path / "pets/train", None, 8, split="test")


def test_centre_crop_resize_and_channels(tmp_path):
    wide = np.zeros((40, 100, 3), np.uint8)
    wide[:, 30:70] = (10, 200, 30)
    folder = write(tmp_path / "wide", {"a.png": encode(wide, "PNG")})
    assert colours(open_dataset(folder, None, 20)) == [(10, 200, 30)]
    grey = open_dataset(folder, None, 20, channels=1)
    assert (
        grey.images.shape == (1, 1, 20, 20) and abs(int(grey.images[0, 0, 0, 0]) - 124) <= 1
    )  # 0.299 R + 0.587 G + 0.114 B
    folder = write(tmp_path / "grey", {"a.png": encode(random_image(0, 8, channels=1), "PNG")})
    image = open_dataset(folder, None, 8).images[0]
    assert image.shape == (3, 8, 8) and (image == random_image(0, 8, channels=1)).all()


def test_a_large_jpeg_keeps_its_quality_when_reduced(tmp_path):
    """Decoding at a fraction of the size is a shortcut; it must give nearly what the long way gives."""
    rough = Image.fromarray(random_image(0, 24)).resize((600, 600), Image.Resampling.BICUBIC)
    content = encode(np.asarray(rough))
    short = open_dataset(write(tmp_path / "large", {"a.jpg": content}), None, 64).images[0].astype(float)
    long = np.asarray(Image.open(io.BytesIO(content)).resize((64, 64), Image.Resampling.LANCZOS), float).transpose(
        2, 0, 1
    )
    assert np.abs(short - long).mean() < 1 and long.std() > 40


def test_odd_pictures(tmp_path):
    """Sideways EXIF, alpha, palette with transparency, 16 bits, CMYK."""
    upright = np.zeros((8, 8, 3), np.uint8)
    upright[:4] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise when shown
    rgba = np.zeros((8, 8, 4), np.uint8)
    rgba[..., 0], rgba[:4, :, 3] = 255, 255
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 0, 0, 255])
    files = {"exif": encode(np.rot90(upright).copy(), "PNG", exif=exif), "rgba": encode(rgba, "PNG")}
    for name, picture, options in (
        ("palette", palette, {"transparency": 0}),
        ("sixteen", Image.fromarray(np.full((8, 8), 128 * 257, np.uint16)), {}),
        ("wcmyk", Image.new("CMYK", (8, 8), (0, 255, 255, 0)), {"format": "JPEG"}),
    ):
        file = io.BytesIO()
        picture.save(file, **{"format": "PNG", **options})
        files[name] = file.getvalue()
    images = open_dataset(
        write(tmp_path / "odd", {f"{name}.png": content for name, content in files.items()}), None, 8
    ).images
    turned, blue, rgba, sixteen, cmyk = (image.transpose(1, 2, 0) for image in images)
    assert np.array_equal(turned, upright)
    assert (blue == BLUE).all()
    assert (rgba[:4] == RED).all() and (rgba[4:] == 255).all()  # the transparent half is seen on white
    assert (sixteen == 128).all()
    assert np.abs(cmyk.astype(int) - RED).max() <= 3


def test_bad_folders_names_and_requests(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.png").write_bytes(plain(RED))
    for arguments, message in (
        ((tmp_path / "empty", None, 8), "There are no images in .*empty"),
        ((tmp_path / "file.png", None, 8), "is a file; give a folder of images"),
        (("celebra", None, 8), "no folder 'celebra'; did you mean celeba?"),
        (("qqq", None, 8), "known are mnist, fashionmnist, stackedmnist, cifar10, celeba"),
        (("mnist", None, 0), "image size must be"),
        (("mnist", None, 2.5), "image size must be"),
    ):
        with fails(message):
            open_dataset(*arguments)
    for options, message in (
        ({"split": "valid"}, "no split 'valid'"),
        ({"split": "dev"}, "no split 'dev'"),
        ({"channels": 2}, "1 channel"),
        ({"attributes": ["Male"]}, "no attributes"),
    ):
        with fails(message):
            open_dataset("mnist", tmp_path, 28, **options)
    with fails("Attributes are chosen from CelebA"):
        open_dataset(tmp_path, None, 8, attributes=["Male"])


# ---- the cache -------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "folder", {f"{k}.png": encode(random_image(k, 8), "PNG") for k in range(5)})


@pytest.fixture
def decodings(monkeypatch):
    """Grows by one with each picture decoded."""
    counted, prepare = [], decoding.decode_one
    monkeypatch.setattr(decoding, "decode_one", lambda *arguments: counted.append(1) or prepare(*arguments))
    return counted


def test_the_cache_is_used_again(folder, cache, decodings):
    first, second = open_dataset(folder, None, 8), open_dataset(folder, None, 8)
    assert len(decodings) == 5
    assert isinstance(first.images, np.memmap) and not first.images.flags.writeable
    assert np.array_equal(first.images, second.images) and first.checksum == second.checksum
    assert sorted(path.suffix for path in (cache / "datasets").iterdir()) == [".json", ".npy"]
    open_dataset(folder, None, 4)
    open_dataset(folder, None, 8, channels=1)
    assert len(decodings) == 15


def test_changed_pictures_are_noticed(folder, decodings):
    first = open_dataset(folder, None, 8)
    write(folder, {"3.png": encode(random_image(77, 8), "PNG")})
    second = open_dataset(folder, None, 8)
    assert len(decodings) == 10 and first.checksum != second.checksum
    assert np.array_equal(second.images[3].transpose(1, 2, 0), random_image(77, 8))


def truncate(path):
    os.truncate(path, path.stat().st_size - 10)


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("suffix", [".npy", ".json"])
@pytest.mark.parametrize(
    "damage",
    [
        truncate,
        flip_a_byte,
        os.remove,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"[]"),
        lambda path: path.write_bytes(b"PK\3\4" + bytes(200)),
    ],
)
def test_a_damaged_cache_is_rebuilt(folder, cache, decodings, suffix, damage):
    expected = open_dataset(folder, None, 8)
    expected = (np.array(expected.images), expected.checksum)
    damage(next((cache / "datasets").glob(f"*{suffix}")))
    for _ in range(2):
        again = open_dataset(folder, None, 8)
        assert np.array_equal(again.images, expected[0]) and again.checksum == expected[1]
    assert len(decodings) == 10


def test_a_copied_cache_is_accepted(folder, cache, decodings):
    open_dataset(folder, None, 8)
    for path in (cache / "datasets").iterdir():
        os.utime(path, (1, 1))
    open_dataset(folder, None, 8)
    assert len(decodings) == 5


def test_without_a_cache_pictures_stay_in_memory(folder, tmp_path, monkeypatch):
    with_cache = open_dataset(folder, None, 8)
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("GAN_STUDIO_CACHE", str(tmp_path / "file"))
    without = open_dataset(folder, None, 8)
    assert np.array_equal(with_cache.images, without.images) and with_cache.checksum == without.checksum
    assert re.search("cache in .* cannot be written .* decoded again", without.notes[-1])


def test_a_full_disk_leaves_nothing_behind(folder, cache, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    dataset = open_dataset(folder, None, 8)
    assert len(dataset) == 5 and "No space left on device" in dataset.notes[-1]
    assert list((cache / "datasets").iterdir()) == []


def test_leftovers_of_killed_runs_are_removed(folder, cache):
    old, new = (
        write(cache / "datasets", {f".{name}.1.npy.tmp": b""}) / f".{name}.1.npy.tmp" for name in ("old", "new")
    )
    os.utime(old, (1, 1))
    open_dataset(folder, None, 8)
    assert new.exists() and not old.exists()


def test_where_the_cache_is(monkeypatch, tmp_path):
    assert decoding.cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("GAN_STUDIO_CACHE")
    monkeypatch.setenv("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert decoding.cache_folder() == tmp_path / "xdg" / "gan-studio"


def test_the_cache_grows_with_more_than_one_chunk(tmp_path):
    """More pictures than are handed to the threads at a time, in their order."""
    folder = write(
        tmp_path / "many", {f"{k:05}.bmp": plain((k % 256, k // 256, 0), 1, kind="BMP") for k in range(1500)}
    )
    assert colours(open_dataset(folder, None, 1)) == [(k % 256, k // 256, 0) for k in range(1500)]


# ---- the real data ---------------------------------------------------------------------------------------------------


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
    names = [name for name in names if parts[celeba._number(name)] == 0]
    assert len(names) == len(original) > 100
    for k in range(0, len(names), 25):
        mine, other = original.images[k].transpose(1, 2, 0).astype(int), decoded(cropped.read(names[k])).astype(int)
        error, error_if_shifted = np.abs(mine - other).mean(), np.abs(mine - np.roll(other, 1, axis=1)).mean()
        assert error < min(6, error_if_shifted), names[k]


# ---- StackedMNIST ----------------------------------------------------------------------------------------------------


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


# ---- All of small pictures -------------------------------------------------------------------------------------------

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


def test_the_names_of_garments_are_torchvisions():
    from torchvision import datasets

    assert list(GARMENTS) == datasets.FashionMNIST.classes
