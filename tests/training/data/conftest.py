"""Fixtures of the tests of data."""

import pytest
from layouts import encode, random_image, write


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Decoded pictures go into a folder of the test's own."""
    monkeypatch.setenv("GAN_STUDIO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "folder", {f"{k}.png": encode(random_image(k, 8), "PNG") for k in range(5)})
