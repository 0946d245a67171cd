"""Folders and archives of pictures as people have them: links, pipes, odd formats, bombs."""

import io
import os
import stat
import tarfile
import time
import zipfile

import numpy as np
import pytest
from PIL import Image

from training.data import listing, open_dataset
from training.data.decoding import DataError
from training.recipes import RECIPES
from training.run.options import RunError, RunOptions
from training.run.plan import open_data
from training.settings import change

COLOURS = {"bus": (255, 0, 0), "car": (0, 255, 0), "cow": (0, 0, 255), "train": (255, 255, 0)}
posix = pytest.mark.skipif(os.name == "nt", reason="pipes and links of POSIX")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GAN_STUDIO_CACHE", str(tmp_path / "cache"))


def encode(picture, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    picture = picture if isinstance(picture, Image.Image) else Image.new("RGB", (8, 8), picture)
    picture.save(file, kind, **options)
    return file.getvalue()


def write(folder, files: dict[str, bytes]):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def classes(*names: str, count: int = 2) -> dict[str, bytes]:
    return {f"{name}/{k}.png": encode(COLOURS.get(name, (9, 9, 9))) for name in names for k in range(count)}


def said(dataset) -> str:
    return " ".join(dataset.notes)


def refused(source, **options) -> str:
    with pytest.raises(DataError) as error:
        open_dataset(source, None, 8, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


# ---- splits and classes ----------------------------------------------------------------------------------------------


def test_a_class_called_train_is_no_split(tmp_path):
    folder = write(tmp_path / "traffic", classes("bus", "car", "train", count=3))
    dataset = open_dataset(folder, None, 8)
    assert len(dataset) == 9 and dataset.label_names == ("bus", "car", "train")
    assert "no split 'test'" in refused(folder, split="test")
    folder = write(tmp_path / "stages", classes("val", "test", "bus"))
    assert open_dataset(folder, None, 8).label_names == ("bus", "test", "val")


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_splits_next_to_empty_and_hidden_folders(tmp_path, name):
    parts = {f"{part}/{key}": data for part in ("train", name, "test") for key, data in classes("bus", "car").items()}
    extra = {".thumbs/1.png": b"", "__MACOSX/1.png": b"", "lists/names.txt": b""}
    folder = write(tmp_path / "traffic", parts | extra | {"train/car/9.png": encode((1, 2, 3))})
    (folder / "empty").mkdir()
    assert len(open_dataset(folder, None, 8)) == 5
    dataset = open_dataset(folder, None, 8, split="valid")
    assert len(dataset) == 4 and dataset.label_names == ("bus", "car")


def test_the_folder_that_is_no_class_is_named_and_the_labels_stay(tmp_path):
    folder = write(tmp_path / "traffic", classes("bus", "car") | {"scripts/label.py": b"print()"})
    (folder / "lorry").mkdir()
    dataset = open_dataset(folder, None, 8)
    assert dataset.labels.tolist() == [0, 0, 1, 1] and dataset.label_names == ("bus", "car")
    assert "lorry/, scripts/" in said(dataset) and "(.py): 1" in said(dataset)
    write(folder, {"loose.png": encode((1, 2, 3))})
    dataset = open_dataset(folder, None, 8)
    assert dataset.labels is None and len(dataset) == 5 and "the first is loose.png" in said(dataset)


def test_folders_that_hold_but_one_folder_are_looked_into(tmp_path):
    folder = write(tmp_path / "a", classes("bus", "car"))
    for name in ("inner", "outer"):
        folder.rename(tmp_path / "aside")
        folder.mkdir()
        (tmp_path / "aside").rename(folder / name)
    assert open_dataset(folder, None, 8).label_names == ("bus", "car")
    folder = write(
        tmp_path / "b", {f"data/{part}/{n}": d for part in ("train", "test") for n, d in classes("x").items()}
    )
    assert len(open_dataset(folder, None, 8, split="test")) == 2


def test_few_pictures_are_told_with_the_cure(tmp_path):
    folder = write(tmp_path / "traffic", classes("bus"))
    assert "2,000" in said(open_dataset(folder, None, 8)) and "--set augment=" in said(open_dataset(folder, None, 8))
    write(folder, {f"bus/{k}.bmp": encode((k % 256, 0, 0), "BMP") for k in range(1998)})
    assert "augment" not in said(open_dataset(folder, None, 8))


def test_what_cannot_fill_a_batch_is_refused_and_nothing_else(tmp_path):
    pictures = {f"{name}/{k}.png": encode(Image.new("L", (28, 28), k)) for name in ("bus", "car") for k in range(2)}
    folder = write(tmp_path / "traffic", pictures)
    options = RunOptions("mnist-dcgan", tmp_path / "run", data=str(folder))
    assert len(open_data(change(RECIPES["mnist-dcgan"], ["batch_size=4"]), options)) == 4
    with pytest.raises(RunError, match="4 pictures, fewer than a batch of 5; .*--set batch_size=4"):
        open_data(change(RECIPES["mnist-dcgan"], ["batch_size=5"]), options)


# ---- what lies in a folder -------------------------------------------------------------------------------------------


@posix
def test_links_to_folders_are_followed_once(tmp_path):
    write(tmp_path / "elsewhere", classes("bus", "car"))
    folder = write(tmp_path / "traffic", classes("cow"))
    (folder / "bus").symlink_to(tmp_path / "elsewhere/bus")
    (folder / "car").symlink_to("../elsewhere/car")
    (folder / "again").symlink_to("cow")
    (folder / "cow/up").symlink_to("..")
    (folder / "cow/here").symlink_to(".")
    dataset = open_dataset(folder, None, 8)
    assert dataset.label_names == ("bus", "car", "cow") and dataset.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert "links to folders that are read already: 3" in said(dataset)


@posix
def test_dangling_links_pipes_and_devices_are_left_out_and_told(tmp_path):
    folder = write(tmp_path / "traffic", classes("bus", "car"))
    (folder / "bus/gone.png").symlink_to("nowhere.png")
    (folder / "bus/loop.png").symlink_to("loop.png")
    (folder / "bus/link.png").symlink_to("0.png")
    (folder / "car/zero.png").symlink_to("/dev/zero")
    os.mkfifo(folder / "car/pipe.png")
    start = time.monotonic()
    dataset = open_dataset(folder, None, 8)
    assert time.monotonic() - start < 20 and len(dataset) == 5 and dataset.label_names == ("bus", "car")
    assert "lead nowhere: 2" in said(dataset) and "no regular file (pipes, devices): 2" in said(dataset)


@posix
def test_a_file_that_became_a_pipe_since_is_not_waited_for(tmp_path):
    pictures = listing.in_folder(write(tmp_path / "traffic", classes("bus")))
    (tmp_path / "traffic/bus/0.png").unlink()
    os.mkfifo(tmp_path / "traffic/bus/0.png")
    with pytest.raises(EOFError):
        pictures.read("bus/0.png")


def test_every_format_of_pillow_is_read_by_its_first_frame(tmp_path):
    red, blue = Image.new("RGB", (8, 8), (255, 0, 0)), Image.new("RGB", (8, 8), (0, 0, 255))
    frames = {"save_all": True, "append_images": [blue]}
    files = {
        "a.gif": encode(red, "GIF", **frames),
        "b.tif": encode(red, "TIFF", **frames),
        "c.tiff": encode(red, "TIFF"),
        "d.jfif": encode(red, "JPEG"),
        "e.ppm": encode(red, "PPM"),
        "f.jp2": encode(red, "JPEG2000"),
        "g.tga": encode(red, "TGA"),
        "h.PCX": encode(red, "PCX"),
    }
    if ".avif" in listing.suffixes():
        files["i.avif"] = encode(red, "AVIF", quality=100)
    if ".heic" in listing.suffixes():
        files["j.heic"] = encode(red.resize((64, 64)), "HEIF", quality=100)
    dataset = open_dataset(write(tmp_path / "all", files), None, 8)
    assert len(dataset) == len(files) and "Left out" not in said(dataset)
    assert np.abs(dataset.images[:, :, 4, 4].astype(int) - (255, 0, 0)).max() < 30


def test_what_is_left_out_is_counted_by_reason(tmp_path, monkeypatch):
    files = {"notes.txt": b"", "b.csv": b"", "c.csv": b"", "d.eps": b"%!PS-Adobe", "e.heic": b"", ".hidden.txt": b""}
    folder = write(tmp_path / "all", classes("bus") | files)
    monkeypatch.setattr(listing, "suffixes", lambda: (".png",))
    dataset = open_dataset(folder, None, 8)
    assert "other files than pictures (.csv, .eps, .txt): 4." in said(dataset).replace(
        ".csv, .txt, .eps", ".csv, .eps, .txt"
    )
    assert "want of the package pillow-heif: 1." in said(dataset)


def test_no_program_is_started_for_a_picture(tmp_path, monkeypatch):
    from PIL import EpsImagePlugin

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_, **__: pytest.fail("a program was started"))
    eps = encode(Image.new("RGB", (8, 8)), "EPS")
    dataset = open_dataset(write(tmp_path / "all", classes("bus") | {"a.eps": eps, "b.png": eps}), None, 8)
    assert len(dataset) == 2 and "cannot be read: 1" in said(dataset) and "(.eps): 1" in said(dataset)


def test_a_huge_file_is_not_read(tmp_path):
    folder = write(tmp_path / "all", classes("bus"))
    with open(folder / "bus/huge.png", "wb") as file:
        file.truncate(listing.MAX_PICTURE + 1)
    assert "more than 256 MiB: 1" in said(open_dataset(folder, None, 8))


def test_pictures_of_32_bits_are_scaled_or_told(tmp_path):
    ramp = np.tile(np.linspace(0, 1, 8), (8, 1))
    arrays = {"a": ramp.astype(np.float32), "b": (ramp * 65535).astype(np.int32), "c": (ramp * 1000).astype(np.int32)}
    files = {f"{name}.tif": encode(Image.fromarray(array), "TIFF") for name, array in arrays.items()}
    files["d.png"] = encode(Image.fromarray((ramp * 65535).astype(np.uint16)))
    for _ in ("decoded", "from the cache"):
        dataset = open_dataset(write(tmp_path / "deep", files), None, 8)
        assert len(dataset) == 3 and np.abs(dataset.images - 255 * ramp).max() <= 1.01
        assert "(32 bits; save them with 8 or 16): 1 (the first is c.tif)" in said(dataset)


# ---- archives --------------------------------------------------------------------------------------------------------


def pack(path, files: dict[str, bytes]):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


KINDS = ["a.zip", "a.tar", "a.tar.gz", "a.tgz"]


@pytest.mark.parametrize("kind", KINDS)
def test_archives_are_read_in_place(tmp_path, kind):
    (tmp_path / "in").mkdir()
    files = classes("bus", "car", count=70) | {"notes.txt": b"hello", "__MACOSX/bus/._0.png": b"a Mac was here"}
    dataset = open_dataset(pack(tmp_path / "in" / kind, files), None, 8)
    assert dataset.label_names == ("bus", "car") and dataset.name == "a" and len(dataset) == 140
    assert [tuple(image[:, 0, 0]) for image in dataset.images] == [COLOURS[("bus", "car")[k]] for k in dataset.labels]
    assert "(.txt): 1" in said(dataset) and os.listdir(tmp_path / "in") == [kind]
    flat = open_dataset(pack(tmp_path / "in" / f"flat.{kind}", {"x.png": encode((1, 2, 3))}), None, 8)
    assert flat.labels is None and len(flat) == 1
    parts = {f"./top/{part}/{name}": data for part in ("train", "val") for name, data in classes("bus", "car").items()}
    assert len(open_dataset(pack(tmp_path / "in" / f"b.{kind}", parts), None, 8, split="valid")) == 4


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["../evil.png", "a/../../evil.png", "/etc/evil.png", "C:/evil.png", "a\\..\\evil.png"])
def test_entries_that_lead_out_are_refused(tmp_path, kind, name):
    assert "leads out of it" in refused(pack(tmp_path / kind, classes("bus") | {name: b"x"}))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path, kind):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        member = tarfile.TarInfo("bus/1.png")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    assert "a link, a device" in refused(tmp_path / "a.tar")


def test_links_in_a_zip_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        member = zipfile.ZipInfo("bus/1.png")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc/passwd")
    assert "a link, a device" in refused(tmp_path / "a.zip")


@pytest.mark.parametrize("kind", KINDS)
def test_bombs_are_refused(tmp_path, kind, monkeypatch):
    path = pack(tmp_path / kind, classes("bus", count=5))
    monkeypatch.setattr(listing, "MAX_FILES", 4)
    assert "more than 4 files" in refused(path)
    monkeypatch.setattr(listing, "MAX_FILES", 9)
    monkeypatch.setattr(listing, "MAX_UNPACKED", 100)
    assert "more than 100 bytes" in refused(path)


def test_a_zip_that_declares_terabytes_is_refused_from_its_directory(tmp_path):
    path = pack(tmp_path / "a.zip", {f"{k}.png": b"x" for k in range(200)})
    data = bytearray(path.read_bytes())
    start = data.index(b"PK\1\2")
    while (start := data.find(b"PK\1\2", start)) >= 0:
        data[start + 24 : start + 28] = b"\xf0\xff\xff\xff"  # 4 GB each
        start += 4
    path.write_bytes(data)
    assert "when unpacked" in refused(path)


def test_a_picture_that_unpacks_to_more_than_a_picture_has_is_not_read(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bus/1.png", encode((1, 2, 3)))
        archive.writestr("bus/2.png", bytes(listing.MAX_PICTURE + 1))
    assert "more than 256 MiB: 1" in said(open_dataset(tmp_path / "a.zip", None, 8))


def test_a_tar_whose_header_asks_for_gigabytes_is_refused(tmp_path):
    """Extended headers are read as a whole, however many zeros they say they have."""
    import gzip

    member = tarfile.TarInfo("x")
    member.type, member.size = tarfile.XHDTYPE, 2**33
    with gzip.open(tmp_path / "a.tar.gz", "wb") as file:
        file.write(member.tobuf(tarfile.USTAR_FORMAT if member.size < 2**33 else tarfile.GNU_FORMAT))
        file.write(bytes(2**20))
    assert "damaged or not a tar" in refused(tmp_path / "a.tar.gz")


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_archives_are_refused_or_read_in_part(tmp_path, kind):
    random = np.random.default_rng(0)
    pictures = {f"{k}.png": encode(Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8))) for k in range(9)}
    whole = pack(tmp_path / kind, pictures).read_bytes()
    for content in (b"", b"junk" * 300, b"<html>quota", whole[: len(whole) // 2]):
        (tmp_path / kind).write_bytes(content)
        refused(tmp_path / kind)
    for place in random.integers(0, len(whole), 40):
        content = bytearray(whole)
        content[place] ^= 255
        (tmp_path / kind).write_bytes(content)
        try:
            assert len(open_dataset(tmp_path / kind, None, 8)) <= 9
        except DataError as error:
            assert "\n" not in str(error)


@posix
def test_a_pipe_called_zip_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "a.zip")
    assert "give a folder of images" in refused(tmp_path / "a.zip")


# ---- CelebA of Kaggle, MNIST with dots, CIFAR-10 as zips -------------------------------------------------------------


@pytest.mark.parametrize("off", ["-1", "0"])
def test_celeba_as_kaggle_has_it(tmp_path, off):
    rows = "".join(f"{k:06}.jpg,{1 if k % 2 else off},{1 if k % 3 else off}\r\n" for k in range(1, 7))
    parts = "".join(f"{k:06}.jpg,{int(k > 4)}\r\n" for k in range(1, 7))
    pictures = {f"img_align_celeba/img_align_celeba/{k:06}.jpg": encode((9, 9, 9), "JPEG") for k in range(1, 7)}
    lists = {
        "list_attr_celeba.csv": f"\ufeffimage_id,Male,Smiling\r\n{rows}".encode(),
        "list_eval_partition.csv": f"image_id,partition\r\n{parts}".encode(),
    }
    write(tmp_path / "celeba", pictures | lists)
    dataset = open_dataset("celeba", tmp_path, 8)
    assert dataset.label_names == ("Male", "Smiling") and dataset.labels.tolist() == [[1, 1], [0, 1], [1, 0], [0, 1]]
    assert len(open_dataset("celeba", tmp_path, 8, split="valid")) == 2
    bad = lists["list_attr_celeba.csv"] + b"000007.jpg,2,1\r\n"
    write(tmp_path / "celeba", {"list_attr_celeba.csv": bad})
    with pytest.raises(DataError, match="Line 8 of list_attr_celeba.csv"):
        open_dataset("celeba", tmp_path, 8)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_digits_with_a_dot_in_their_names(tmp_path, suffix):
    import gzip

    pack = gzip.compress if suffix else bytes
    images = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28]) + bytes(2 * 784)
    labels = bytes([0, 0, 8, 1, 0, 0, 0, 2, 3, 4])
    files = {"train-images.idx3-ubyte": images, "train-labels.idx1-ubyte": labels}
    write(tmp_path / "MNIST/raw", {name + suffix: pack(data) for name, data in files.items()})
    assert open_dataset("mnist", tmp_path, 28).labels.tolist() == [3, 4]


def test_cifar10_as_zips_of_jpegs(tmp_path):
    (tmp_path / "cifar10").mkdir()
    rng = np.random.default_rng(0)
    for split, count in (("train", 3), ("test", 1)):
        files = {
            f"{name}/{k:04}.jpg": encode(Image.fromarray(rng.integers(0, 256, (32, 32, 3), np.uint8)), "JPEG")
            for name in ("airplane", "truck")
            for k in range(count)
        }
        pack(tmp_path / "cifar10" / f"{split}.zip", files)
    train = open_dataset("cifar10", tmp_path, 32)
    assert train.labels.tolist() == [0, 0, 0, 9, 9, 9] and len(train.label_names) == 10 and train.name == "cifar10"
    assert (
        "not the exact" in train.altered
        and train.altered in said(train)
        and len(open_dataset("cifar10", tmp_path, 32, split="test")) == 2
    )
    assert open_dataset("cifar10", tmp_path, 64).images.shape == (6, 3, 64, 64)
    with zipfile.ZipFile(tmp_path / "cifar10/test.zip", "a") as archive:
        archive.writestr("zebra/1.jpg", b"")
    with pytest.raises(DataError, match="zebra/1.jpg.* it is no CIFAR-10"):
        open_dataset("cifar10", tmp_path, 32, split="test")


# ---- pictures that are not square ------------------------------------------------------------------------------------


def test_pictures_are_cropped_around_their_middle_to_the_proportions_asked_for(tmp_path):
    wide = Image.new("RGB", (60, 30), (255, 0, 0))
    wide.paste((0, 0, 255), (10, 0, 50, 30))  # the middle 40 x 30 is blue
    turned = wide.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[274] = 6  # to be shown turned by 90 degrees
    write(tmp_path / "p", {"a.png": encode(wide), "b.jpg": encode(turned, "JPEG", quality=95, exif=exif)})
    dataset = open_dataset(tmp_path / "p", None, (12, 16))
    assert dataset.images.shape == (2, 3, 12, 16) and (dataset.images[0] == [[[0]], [[0]], [[255]]]).all()
    assert abs(dataset.images[1].astype(int) - dataset.images[0]).mean() < 12
    assert open_dataset(tmp_path / "p", None, (12, 16)).checksum == dataset.checksum  # from the cache
    tall = open_dataset(tmp_path / "p", None, (30, 15))
    assert tall.images.shape == (2, 3, 30, 15)


def test_a_side_that_is_too_short_leaves_a_picture_out(tmp_path):
    write(tmp_path / "p", {"a.png": encode(Image.new("RGB", (20, 8))), "b.png": encode(Image.new("RGB", (8, 20)))})
    dataset = open_dataset(tmp_path / "p", None, (8, 16))
    assert len(dataset) == 1 and "Left out for being smaller than 16x8 px: 1." in said(dataset)


def test_data_sets_of_square_pictures_say_so(tmp_path):
    with pytest.raises(DataError, match="The pictures of mnist are square, so they cannot be 32x28"):
        open_dataset("mnist", tmp_path, (28, 32))
    with pytest.raises(DataError, match="two of them"):
        open_dataset("mnist", tmp_path, (28, 32, 1))
