"""What `python -m gan_models` draws, and how it is written: one sheet, a file a picture, or a folder a class."""

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from .. import images, rng
from ..errors import InvalidInput
from ..networks import Generator
from ..networks import load as load_model
from ..networks.retouch import RetouchEditor
from .common import assignments, find_label

BATCH = 64  # pictures at once, which bounds the memory


@dataclass(frozen=True)
class Wanted:
    """Pictures number 0 .. count - 1 of a seed."""

    model: Generator
    seed: int
    latents: Tensor  # (count, latent_dim)
    labels: Tensor | None  # (count,) classes | (count, K) attributes | None: the model knows none
    size: int | None  # pixels of a picture's height
    classes: tuple[str, ...] | None = None  # (count,) the folder of each picture

    @property
    def count(self) -> int:
        return len(self.latents)

    def pictures(self) -> Iterator[Image.Image]:
        for start in range(0, self.count, BATCH):
            yield from (images.sized(picture, self.size) for picture in images.to_pil(self.draw(start)))

    @torch.inference_mode()
    def draw(self, start: int) -> Tensor:
        """A batch (n, C, H, W) in [-1, 1] on the CPU, beginning with number `start`."""
        part = slice(start, start + BATCH)
        return self.model.generate(self.latents[part], None if self.labels is None else self.labels[part]).cpu()


def load(source: str, revision: str | None, device: str | None) -> Generator:
    """The model. Raises InvalidInput for one that draws nothing of its own."""
    model = load_model(source, revision=revision, device=device)
    if isinstance(model, RetouchEditor):
        raise InvalidInput(f"{source} edits photos and draws none of its own: gan-studio edit PHOTO --model {source}.")
    return model


def choose(model: Generator, options: argparse.Namespace, seed: int) -> Wanted:
    """What the options ask of the model. Raises InvalidInput where it cannot do that."""
    count, words, classes = options.count, options.labels, None
    if options.per_class is not None:
        if not model.labels or model.multi_label:
            known = "attributes" if model.labels else "no labels"
            raise InvalidInput(f"--per-class needs a model of classes, and this one knows {known}: give --count.")
        chosen = [find_label(model.labels, word) for word in words] if words else range(len(model.labels))
        chosen = [k for k in dict.fromkeys(chosen) for _ in range(options.per_class)]
        count = rng.check_count(len(chosen))
        folders, labels = folder_names(model.labels), torch.tensor(chosen, device=model.device)
        classes = tuple(folders[k] for k in chosen)
    else:
        labels = choose_labels(model, words, count, seed)
    latents = model.sample_latents(count, seed=seed, truncation=options.truncation)
    return Wanted(model, seed, latents, labels, options.size, classes)


def choose_labels(model: Generator, words: list[str] | None, n: int, seed: int) -> Tensor | None:
    """Labels for n pictures, from the words of --labels: (n,) classes | (n, K) attributes | None for an unconditional
    model."""
    if words and not model.labels:
        raise InvalidInput("This model is unconditional: leave --labels out.")
    labels = model.sample_labels(n, seed=seed)
    if not words:
        return labels
    if not model.multi_label:
        classes = torch.tensor([find_label(model.labels, word) for word in words])
        return classes.repeat(-(-n // len(words)))[:n].to(model.device)
    labels = labels.clone()
    for name, value in assignments(model.labels, words, 0).items():
        labels[:, model.labels.index(name)] = value
    return labels


def folder_names(labels: tuple[str, ...]) -> list[str]:
    """A name for the folder of each class: its label, but for what a file system does not take. No two are equal, not
    even where upper and lower case are."""
    names = [re.sub(r"[^\w .()+&,'-]", "_", label).strip(" .")[:80] or "class" for label in labels]
    folded = [name.casefold() for name in names]
    return [f"{name}-{k}" if folded.count(name.casefold()) > 1 else name for k, name in enumerate(names)]


def write_sheet(wanted: Wanted, path: Path) -> int:
    """All pictures on one sheet. Returns how many. Raises InvalidInput where the file cannot be written."""
    if wanted.size is None:
        sheet = images.grid(torch.cat([wanted.draw(start) for start in range(0, wanted.count, BATCH)]))
    else:
        sheet = images.sheet(list(wanted.pictures()))
    _save(sheet, path)
    return wanted.count


def write_each(wanted: Wanted, output: Path) -> int:
    """Every picture as a file of its own: `output` itself where it is one, else SEED-NUMBER.png in that folder, or in
    its folder of the picture's class. Returns how many. Raises InvalidInput where one cannot be written."""
    for k, picture in enumerate(wanted.pictures()):
        folder = output / wanted.classes[k] if wanted.classes else output
        if wanted.classes:
            folder.mkdir(exist_ok=True)
        _save(picture, output if output.suffix.lower() == ".png" else folder / f"{wanted.seed}-{k:05d}.png")
    return wanted.count


def _save(picture: Image.Image, path: Path) -> None:
    try:
        images.save_png(picture, path)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written ({error.strerror or error}); give another --output.") from error
