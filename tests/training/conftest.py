"""Fixtures of the tests of training; tiny.py has the helpers."""

import signal
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from tiny import forget_accelerate, write_data

from training import curves


@pytest.fixture(scope="session")
def tiny_root(tmp_path_factory) -> Path:
    """A data root with 40 digits, 40 clothes, 50 small photographs and 24 faces, so that a run of some 50 images goes
    through more than one epoch."""
    return write_data(tmp_path_factory.mktemp("data"), 40, 10, 24)


@pytest.fixture
def alone(tmp_path_factory, tiny_root, monkeypatch):
    """What a run changes in its process is as before afterwards; the tiny data are the default."""
    monkeypatch.setenv("GAN_STUDIO_DATA", str(tiny_root))
    monkeypatch.setenv("GAN_STUDIO_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # of processes that a test starts
    monkeypatch.setattr(
        curves, "plot_runs", lambda runs, path: path.write_bytes(b"PNG")
    )  # longer than such a run; test_curves.py draws
    threads = torch.get_num_threads()
    handlers = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    torch.set_num_threads(1)
    forget_accelerate()
    yield
    forget_accelerate()
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)
    for name, handler in handlers.items():
        assert signal.getsignal(name) is handler, "a run leaves the signals as they were"
        signal.signal(name, handler)


@pytest.fixture
def accelerator(alone) -> Accelerator:
    """One CPU process, float32."""
    return Accelerator(cpu=True, mixed_precision="no")
