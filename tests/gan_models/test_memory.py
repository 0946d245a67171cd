"""Freed memory is kept, where the C library can."""

import ctypes
import subprocess
import sys

import pytest

from gan_models.memory import keep_memory

FAULTS = """
import resource, sys
import torch
from gan_models.memory import keep_memory
if sys.argv[1] == "kept":
    assert keep_memory()
if sys.argv[1] == "small":
    assert keep_memory(32 << 20, 64 << 20)
x = torch.ones(12_000_000)  # 48 MB: glibc by itself gives back what is larger than 32 MB, whatever came before
before = None
for k in range(24):
    if k == 4:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    y = x + 1
    del y
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or not hasattr(ctypes.CDLL(None), "mallopt"), reason="needs glibc"
)
def test_freed_memory_is_kept():
    """In processes of their own: blocks of 48 MB that are kept take no new pages, where each took its own. (Huge pages
    make all fewer: they are compared, not counted.) Where only smaller ones are kept, these are given back."""
    kept, returned, small = (
        int(subprocess.run([sys.executable, "-c", FAULTS, word], capture_output=True, text=True, check=True).stdout)
        for word in ("kept", "returned", "small")
    )
    assert kept * 2 < returned and kept * 2 < small


@pytest.mark.parametrize("error", [TypeError, OSError, None])
def test_a_system_without_mallopt_does_without(monkeypatch, error):
    def library(name):
        if error:
            raise error("no")
        return object()

    monkeypatch.setattr(ctypes, "CDLL", library)
    assert keep_memory() is False
