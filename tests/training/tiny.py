"""Runs so small that a test can afford several: made-up data in the real layouts, tiny networks, the command in this
process."""

import gzip
import io
import itertools
import json
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import torch
from accelerate.state import AcceleratorState, GradientState
from PIL import Image

from gan_models import saving
from gan_models.networks.dcgan import DCGANGenerator
from training.__main__ import main
from training.data.dataset import Dataset
from training.data.digits import DIGITS
from training.games import GAMES
from training.losses import OBJECTIVES
from training.recipes import EDITOR_ATTRIBUTES, RECIPES

BATCH = 8
SMALL = [f"batch_size={BATCH}", "generator.width=4", "discriminator.width=4"]


def small(recipe: str) -> list[str]:
    """Settings that make the recipe's networks tiny. (A tied discriminator has the generator's width.)"""
    if recipe == "celeba-editor":  # whose widths are multiples of 8
        return [
            f"batch_size={BATCH}",
            "generator.width=8",
            "generator.finest=8",
            "discriminator.width=8",
            f"edits_after={BATCH}",
        ]
    if recipe in RECIPES and RECIPES[recipe].game == "restoring":
        later = [f"looks_after={BATCH}", f"adversarial_after={2 * BATCH}"]
        return [f"batch_size={BATCH}", "generator.width=8", "discriminator.width=4", "discriminator.pixels=4", *later]
    if recipe in RECIPES and RECIPES[recipe].game == "projected":
        details = ["generator.details_width=4"] if RECIPES[recipe].networks == "laplacian" else []
        return [
            *SMALL,
            *details,
            "discriminator.pixels=4",
            "discriminator.seen=32",
            f"waits={BATCH}",
        ]
    if recipe == "celeba-cyclegan":
        return [f"batch_size={BATCH}", "generator.width=8", "discriminator.width=4"]
    if recipe.startswith("celeba-editor"):
        return SMALL + ["generator.decoder_width=4"]
    if recipe.endswith("-sgan"):
        return [f"batch_size={BATCH}", "generator.width=4", "generator.reader_width=8", "labels_per_class=1"]
    return [setting for setting in SMALL if recipe != "mnist-tied" or "discriminator" not in setting]


def write_data(root: Path, digits: int, photographs: int, faces: int, test_faces: int = 0) -> Path:
    """Noise in the layouts of the real data sets: so many digits and clothes of each split, photographs of each file,
    and faces of the training split, after which come those of the test split. Returns the root."""
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
        content = {
            b"data": random.integers(0, 256, (photographs, 3072), np.uint8),
            b"labels": [k % 10 for k in range(photographs)],
        }
        (batches / name).write_bytes(pickle.dumps(content, protocol=2))
    names = [f"{k:06d}.jpg" for k in range(faces + test_faces)]
    with zipfile.ZipFile(celeba / "img_align_celeba.zip", "w") as archive:
        for name in names:
            archive.writestr(f"img_align_celeba/{name}", jpeg(random.integers(0, 256, (128, 128, 3), np.uint8)))
    rows = [
        " ".join([name] + [str(value) for value in random.choice([-1, 1], len(EDITOR_ATTRIBUTES))]) for name in names
    ]
    (celeba / "list_attr_celeba.txt").write_text(
        "\n".join([str(len(names)), " ".join(EDITOR_ATTRIBUTES), *rows]) + "\n"
    )
    (celeba / "list_eval_partition.txt").write_text(
        "".join(f"{name} {2 * (k >= faces)}\n" for k, name in enumerate(names))
    )
    return root


def jpeg(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "JPEG")
    return file.getvalue()


def forget_accelerate() -> None:
    """Accelerate keeps its settings for the life of a process."""
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()


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
    if not GAMES[RECIPES[recipe].game].needs_model(RECIPES[recipe]):
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


def kill_at(images: int):
    """In the place of a callback: the kill comes after so many images."""

    def killed(self, state, scalars):
        if state.images == images:
            raise Killed
        return False

    return killed


def tiny_generator(folder: Path, dataset: str, labels: tuple[str, ...] | None = ("0", "1")) -> Path:
    """The folder of a fresh generator of digits, which says that it learned from that data set."""
    torch.manual_seed(len(folder.name))
    saving.write(
        DCGANGenerator(28, 1, 8, 4, labels=list(labels) if labels else None),
        folder,
        metrics={"training": {"dataset": dataset}},
        samples=None,
        card="# Tiny\n",
    )
    return folder
