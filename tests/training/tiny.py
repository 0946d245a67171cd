"""Runs so small that a test can afford several: made-up data in the real layouts, tiny networks, the command in this process."""

import gzip
import io
import itertools
import json
import pickle
import signal
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState
from PIL import Image

from gan_models.dcgan import DCGANGenerator
from training import curves
from training.__main__ import main
from training.data import DIGITS, Dataset
from training.losses import OBJECTIVES
from training.recipes import EDITOR_ATTRIBUTES, RECIPES

BATCH = 8
SMALL = [f"batch_size={BATCH}", "generator.width=4", "discriminator.width=4"]


def small(recipe: str) -> list[str]:
    """Settings that make the recipe's networks tiny. (A tied discriminator has the generator's width.)"""
    if recipe.startswith("celeba-editor"):
        return SMALL + ["generator.decoder_width=4"]
    return [setting for setting in SMALL if recipe != "mnist-tied" or "discriminator" not in setting]


@pytest.fixture(scope="session")
def tiny_root(tmp_path_factory) -> Path:
    """A data root with 40 digits, 40 clothes, 50 small photographs and 24 faces, so that a run of some 50 images goes through more than
    one epoch."""
    return write_data(tmp_path_factory.mktemp("data"), 40, 10, 24)


def write_data(root: Path, digits: int, photographs: int, faces: int, test_faces: int = 0) -> Path:
    """Noise in the layouts of the real data sets: so many digits and clothes of each split, photographs of each file, and faces of the
    training split, after which come those of the test split. Returns the root."""
    celeba, random = root / "celeba", np.random.default_rng(0)
    celeba.mkdir()
    for name, part in itertools.product(("MNIST", "FashionMNIST"), ("train", "t10k")):
        raw = root / name / "raw"
        raw.mkdir(parents=True, exist_ok=True)
        images, labels = random.integers(0, 256, (digits, 28, 28), np.uint8), random.integers(0, 10, digits, np.uint8)
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
            (raw / f"{part}-{kind}-ubyte.gz").write_bytes(gzip.compress(header + array.tobytes()))
    batches = root / "cifar-10-batches-py"
    batches.mkdir()
    for name in [f"data_batch_{k}" for k in range(1, 6)] + ["test_batch"]:
        content = {b"data": random.integers(0, 256, (photographs, 3072), np.uint8), b"labels": [k % 10 for k in range(photographs)]}
        (batches / name).write_bytes(pickle.dumps(content, protocol=2))
    names = [f"{k:06d}.jpg" for k in range(faces + test_faces)]
    with zipfile.ZipFile(celeba / "img_align_celeba.zip", "w") as archive:
        for name in names:
            archive.writestr(f"img_align_celeba/{name}", jpeg(random.integers(0, 256, (128, 128, 3), np.uint8)))
    rows = [" ".join([name] + [str(value) for value in random.choice([-1, 1], len(EDITOR_ATTRIBUTES))]) for name in names]
    (celeba / "list_attr_celeba.txt").write_text("\n".join([str(len(names)), " ".join(EDITOR_ATTRIBUTES), *rows]) + "\n")
    (celeba / "list_eval_partition.txt").write_text("".join(f"{name} {2 * (k >= faces)}\n" for k, name in enumerate(names)))
    return root


def jpeg(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def alone(tmp_path_factory, tiny_root, monkeypatch):
    """What a run changes in its process is as before afterwards; the tiny data are the default."""
    monkeypatch.setenv("GAN_STUDIO_DATA", str(tiny_root))
    monkeypatch.setenv("GAN_STUDIO_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # of processes that a test starts
    monkeypatch.setattr(curves, "draw", lambda runs, path: path.write_bytes(b"PNG"))  # longer than such a run; test_curves.py draws
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


def forget_accelerate() -> None:
    """Accelerate keeps its settings for the life of a process."""
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()


@pytest.fixture
def accelerator(alone) -> Accelerator:
    """One CPU process, float32."""
    return Accelerator(cpu=True, mixed_precision="no")


def digits(n: int = 20) -> Dataset:
    """Noisy digits in memory."""
    images = np.random.default_rng(0).integers(0, 256, (n, 1, 28, 28), np.uint8)
    return Dataset("mnist", images, np.arange(n) % 10, DIGITS, False, "")


def tiny(recipe: str, *options) -> list[str]:
    """The arguments of a run with tiny networks."""
    return [recipe, *(word for setting in small(recipe) for word in ("--set", setting)), *map(str, options)]


def train(recipe: str, *options) -> int:
    """A run with tiny networks in this process. Returns the exit status."""
    forget_accelerate()
    return main(tiny(recipe, *options))


def needed(recipe: str, folder: Path) -> list:
    """The options that a recipe cannot begin without: an encoder is trained for a generator that is there already."""
    if not RECIPES[recipe].recovery:
        return []
    torch.manual_seed(0)
    labels = RECIPES[recipe].generator.get("conditions") or list(RECIPES[recipe].attributes)
    DCGANGenerator(64, 3, width=4, labels=labels, multi_label=True).save_pretrained(folder)
    return ["--init-from", folder]


def losses_become_nan(monkeypatch) -> None:
    """From now on the generator's logistic loss is not a number."""
    broken = OBJECTIVES["logistic"]._replace(generator=lambda real, fake: ((fake * float("nan")).mean(), {}))
    monkeypatch.setitem(OBJECTIVES, "logistic", broken)


def stats(folder: Path) -> list[dict]:
    """stats.jsonl without the speed."""
    lines = [json.loads(line) for line in (folder / "stats.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "images_per_second"} for line in lines]


def weights(folder: Path) -> dict[str, bytes]:
    """The bytes of all weights that a run leaves."""
    names = ("model/model.safetensors", "checkpoint/model/model.safetensors", "checkpoint/state.safetensors")
    return {name: (folder / name).read_bytes() for name in names}


class Killed(BaseException):
    """Stands for a kill: nothing in the program catches it."""
