"""CIFAR-10 in its own file format, a few hundred made-up pictures; and what must not come in with it."""

import os
import pickle
import re
import shutil
import tarfile

import numpy as np
import pytest
from torchvision import datasets

from training.data import open_dataset
from training.data.cifar import CLASSES
from training.data.decoding import DataError


@pytest.fixture(scope="module")
def pictures():
    random = np.random.default_rng(0)
    return random.integers(0, 256, (300, 3, 32, 32), np.uint8), random.integers(0, 10, 300)


def write(root, pictures, protocol=2):
    images, labels = pictures
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for k, name in enumerate([f"data_batch_{k}" for k in range(1, 6)] + ["test_batch"]):
        part = slice(50 * k, 50 * k + 50)
        content = {
            b"batch_label": b"made up",
            b"labels": labels[part].tolist(),
            b"data": images[part].reshape(-1, 3072),
        }
        (folder / name).write_bytes(pickle.dumps(content, protocol))
    return root


def pack(root, folder):
    """The archive in `root`, as it is downloaded, of a folder as `write` makes it."""
    root.mkdir(exist_ok=True)
    with tarfile.open(root / "cifar-10-python.tar.gz", "w:gz") as archive:
        archive.add(folder / "cifar-10-batches-py", "cifar-10-batches-py")


def one_sentence(name, root, **options) -> str:
    with pytest.raises(DataError) as error:
        open_dataset(name, root, 32, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("protocol", [2, 4])
def test_pictures_and_classes_are_those_of_the_files(tmp_path, pictures, protocol):
    root, (images, labels) = write(tmp_path, pictures, protocol), pictures
    train, test = open_dataset("cifar10", root, 32), open_dataset("CIFAR-10", root, 32, split="test")
    assert np.array_equal(train.images, images[:250]) and train.labels.tolist() == labels[:250].tolist()
    assert np.array_equal(test.images, images[250:]) and test.label_names == CLASSES and not test.multi_label
    assert train.checksum != test.checksum and "250 pictures" in train.notes[0]


def test_the_old_files_of_python_2(tmp_path):
    """As the real ones are: protocol 2, keys and array contents as Python 2 strings, names of numpy 1."""
    raw = np.arange(3072, dtype=np.uint8)
    content = pickle.dumps({b"data": raw[None], b"labels": [7]}, 2).replace(
        b"numpy._core.multiarray", b"numpy.core.multiarray"
    )
    for name in ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"):
        (tmp_path / "cifar-10-batches-py").mkdir(exist_ok=True)
        (tmp_path / "cifar-10-batches-py" / name).write_bytes(content)
    data = open_dataset("cifar10", tmp_path, 32)
    assert (
        data.images.shape == (5, 3, 32, 32)
        and (data.images[0].ravel() == raw).all()
        and data.labels.tolist() == [7] * 5
    )


def test_the_archive_is_read_as_it_is(tmp_path, pictures):
    write(tmp_path / "unpacked", pictures)
    pack(tmp_path, tmp_path / "unpacked")
    data = open_dataset("cifar10", tmp_path, 32)
    assert np.array_equal(data.images, pictures[0][:250]) and not (tmp_path / "cifar-10-batches-py").exists()


def test_other_sizes_and_grey(tmp_path, pictures):
    write(tmp_path, pictures)
    assert open_dataset("cifar10", tmp_path, 16).images.shape == (250, 3, 16, 16)
    assert open_dataset("cifar10", tmp_path, 32, channels=1).images.shape == (250, 1, 32, 32)


class Evil:
    def __reduce__(self):
        return os.mkdir, (os.environ["EVIL"],)


@pytest.mark.parametrize(
    "what", [Evil(), {b"data": Evil()}, {b"data": np.array([Evil()], dtype=object), b"labels": [1]}, eval, os.system]
)
def test_a_pickle_that_would_run_something_is_refused_and_does_not(tmp_path, monkeypatch, pictures, what):
    monkeypatch.setenv("EVIL", str(tmp_path / "evil"))
    write(tmp_path, pictures)
    (tmp_path / "cifar-10-batches-py/data_batch_3").write_bytes(pickle.dumps(what, 2))
    said = one_sentence("cifar10", tmp_path)
    assert re.search("data_batch_3 is no batch of CIFAR-10: it asks for .*which no picture needs; .*fetch", said)
    assert not (tmp_path / "evil").exists()
    pickle.loads((tmp_path / "cifar-10-batches-py/data_batch_3").read_bytes())  # which the usual way would have run
    assert (tmp_path / "evil").exists() or what in (eval, os.system)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>quota exceeded</html>",
        pickle.dumps({b"data": np.zeros((2, 9), np.uint8), b"labels": [1, 2]}, 2),
        pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1]}, 2),
        pickle.dumps({b"data": np.zeros((1, 3072), np.uint8), b"labels": [10]}, 2),
        pickle.dumps({b"data": np.zeros((1, 3072), np.float32), b"labels": [1]}, 2),
        pickle.dumps([1, 2], 2),
        pickle.dumps({b"data": np.zeros((1, 3072), np.uint8), b"labels": [1]}, 2)[:200],
    ],
)
def test_an_invalid_batch_is_reported_in_one_sentence(tmp_path, pictures, content):
    write(tmp_path, pictures)
    (tmp_path / "cifar-10-batches-py/test_batch").write_bytes(content)
    said = one_sentence("cifar10", tmp_path, split="test")
    assert re.search("test_batch is .*fetch .* again", said) and ("web page" in said) == content.startswith(b"<html")


def test_a_codec_that_blows_up_is_refused(tmp_path, pictures):
    write(tmp_path, pictures)
    bomb = b"c_codecs\nencode\n(V" + b"a" * 100 + b"\nVzlib_codec\ntR."
    (tmp_path / "cifar-10-batches-py/test_batch").write_bytes(bomb)
    with pytest.raises(DataError, match="asks for the codec"):
        open_dataset("cifar10", tmp_path, 32, split="test")


def test_an_invalid_archive_is_reported_in_one_sentence(tmp_path, pictures):
    pack(tmp_path, write(tmp_path / "unpacked", pictures))
    path = tmp_path / "cifar-10-python.tar.gz"
    good = path.read_bytes()
    holes = [good[:k] + bytes(100) + good[k + 100 :] for k in range(50, len(good) - 10_000, len(good) // 7)]
    for content in (b"", b"GIF89a", good[:100], good[: len(good) // 2], *holes):
        path.write_bytes(content)
        assert re.search("CIFAR-10|archive", one_sentence("cifar10", tmp_path))
    path.write_bytes(b"<!DOCTYPE html><title>Too many requests</title>")
    assert "cifar-10-python.tar.gz is a web page" in one_sentence("cifar10", tmp_path)


def test_missing_pictures_are_downloaded_and_not_unpickled(tmp_path, pictures, monkeypatch, capsys):
    pack(tmp_path / "there", write(tmp_path / "unpacked", pictures))

    def download_url(url, root, filename, md5):
        print("Downloading", url)
        assert url.endswith(filename) and md5 == datasets.CIFAR10.tgz_md5
        root.mkdir()
        shutil.copy(tmp_path / "there" / filename, root)

    def load(*arguments, **options):
        raise AssertionError("a pickle was read")

    monkeypatch.setattr(datasets.utils, "download_url", download_url)
    monkeypatch.setattr(pickle, "load", load)
    assert np.array_equal(open_dataset("cifar10", tmp_path / "here", 32).images, pictures[0][:250])
    assert capsys.readouterr().out == ""


def test_missing_pictures_say_what_to_fetch_and_where(tmp_path, monkeypatch):
    def offline(url, root, filename, md5):
        root.mkdir(parents=True)
        (root / filename).write_bytes(b"half of it")
        raise RuntimeError("no\nnetwork")

    monkeypatch.setattr(datasets.utils, "download_url", offline)
    said = one_sentence("cifar10", tmp_path / "a/b")
    assert (
        f"CIFAR-10 is not in {tmp_path}/a/b and downloading it failed (no network); put https://www.cs.toronto.edu"
        in said
    )
    assert not (tmp_path / "a/b").exists()


def test_a_missing_batch_and_what_cifar_does_not_have(tmp_path, pictures):
    write(tmp_path, pictures)
    (tmp_path / "cifar-10-batches-py/data_batch_2").unlink()
    assert "data_batch_2 is missing; fetch" in one_sentence("cifar10", tmp_path)
    assert "no split 'valid'" in one_sentence("cifar10", tmp_path, split="valid")
    assert "no attributes" in one_sentence("cifar10", tmp_path, attributes=["Smiling"])
