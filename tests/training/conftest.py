"""Tiny made-up data sets in the real layouts, and a way to run the command line in this process."""

import io
import signal
import zipfile

import numpy as np
import pytest
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from PIL import Image

from training.__main__ import main
from training.recipes import CELEBA_ATTRIBUTES

TINY = {
    "mlp": ["--set", "generator.width=16", "--set", "discriminator.width=8"],
    "dcgan": ["--set", "generator.width=4", "--set", "discriminator.width=4"],
}


def write_idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


@pytest.fixture(scope="session")
def tiny_root(tmp_path_factory):
    """A data root with 40 noisy digits and 24 noisy faces."""
    root, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for split, n in (("train", 40), ("t10k", 20)):
        write_idx(raw / f"{split}-images-idx3-ubyte", rng.integers(0, 256, (n, 28, 28)))
        write_idx(raw / f"{split}-labels-idx1-ubyte", np.arange(n) % 10)
    celeba = root / "celeba"
    celeba.mkdir()
    names = [f"{k:06d}.jpg" for k in range(1, 25)]
    with zipfile.ZipFile(celeba / "img_align_celeba.zip", "w") as archive:
        for name in names:
            data = io.BytesIO()
            Image.fromarray(rng.integers(0, 256, (64, 64, 3)).astype(np.uint8)).save(data, "JPEG")
            archive.writestr(f"img_align_celeba/{name}", data.getvalue())
    rows = [" ".join([name] + [str(v) for v in rng.choice([-1, 1], len(CELEBA_ATTRIBUTES))]) for name in names]
    (celeba / "list_attr_celeba.txt").write_text("\n".join([str(len(names)), " ".join(CELEBA_ATTRIBUTES), *rows]) + "\n")
    (celeba / "list_eval_partition.txt").write_text("".join(f"{name} {0 if k < 20 else 2}\n" for k, name in enumerate(names)))
    return root


@pytest.fixture(scope="module")
def accelerator():
    """One CPU process, float32."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield Accelerator(cpu=True, mixed_precision="no")
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture
def run(tiny_root, tmp_path, monkeypatch):
    """run(recipe, *options, output=...) -> exit status: a tiny run of 64 images in batches of 8, in this process."""
    monkeypatch.setenv("GAN_STUDIO_CACHE", str(tmp_path / "cache"))
    handlers = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}

    def start(recipe, *options, output=tmp_path / "run", images=64):
        AcceleratorState._reset_state(reset_partial_state=True)
        family = "mlp" if recipe == "mnist-mlp" else "dcgan"
        return main([recipe, "--data-root", str(tiny_root), "--output", str(output), "--images", str(images), "--checkpoint-every", "32",
                     "--precision", "fp32", "--set", "batch_size=8", *TINY[family], *options])

    yield start
    AcceleratorState._reset_state(reset_partial_state=True)
    for name, handler in handlers.items():
        signal.signal(name, handler)
