"""The cache of decoded pictures."""

import os
import re

import numpy as np
import pytest
from layouts import colours, encode, plain, random_image, write

from training.data import decoding, open_dataset

pytestmark = pytest.mark.usefixtures("cache")


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
