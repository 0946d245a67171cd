"""Fixtures of the tests of metrics."""

from pathlib import Path

import pytest
from copyist import write_noise


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A data root with a small MNIST of noise."""
    return write_noise(tmp_path_factory.mktemp("root"))
