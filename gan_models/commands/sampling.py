"""How `gan-studio sample` draws and writes pictures: one sheet, a file per picture, or a folder per class."""

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from .. import images, marks, rng
from ..errors import InvalidInput
from ..networks import Generator
from ..networks import load as load_model
from ..networks.retouch import RetouchEditor
from .common import assignments, find_label

BATCH = 64  # pictures at once, to limit memory


@dataclass(frozen=True)
class Wanted:
    """Pictures number 0 .. count - 1 of a seed."""

    model: Generator
    seed: int
    truncation: float
    latents: Tensor  # (count, latent_dim)
    labels: Tensor | None  # (count,) classes | (count, K) attributes | None: the model has none
    size: int | None  # pixels of a picture's height
    classes: tuple[str, ...] | None = None  # (count,) the folder of each picture

    @property
    def count(self) -> int:
        return len(self.latents)

    def pictures(self) -> Iterator[Image.Image]:
        """Each with its mark."""
        for start in range(0, self.count, BATCH):
            for picture, one in zip(images.to_pil(self.draw(start)), self.drawn(start), strict=True):
                yield marks.marked(images.sized(picture, self.size), marks.of(self.model, (one,)))

    def drawn(self, start: int, count: int = BATCH) -> tuple[marks.Drawn, ...]:
        """From what pictures are drawn, beginning with number `start`."""
        part = slice(start, start + count)
        labels = None if self.labels is None else self.labels[part]
        return marks.drawn(
            self.model, self.latents[part], labels, seed=self.seed, truncation=self.truncation, start=start
        )

    @torch.inference_mode()
    def draw(self, start: int) -> Tensor:
        """A batch (n, C, H, W) in [-1, 1] on the CPU, starting with number `start`."""
        part = slice(start, start + BATCH)
        return self.model.generate(self.latents[part], None if self.labels is None else self.labels[part]).cpu()


def load_generator(source: str, revision: str | None, device: str | None) -> Generator:
    """The model. Raises InvalidInput if it is not a generator."""
    model = load_model(source, revision=revision, device=device)
    if isinstance(model, RetouchEditor):
        raise InvalidInput(f"{source} edits photos and draws none of its own: gan-studio edit PHOTO --model {source}.")
    return model


def choose_pictures(model: Generator, options: argparse.Namespace, seed: int) -> Wanted:
    """The pictures that the options request. Raises InvalidInput if the model cannot draw them."""
    count, words, classes = options.count, options.labels, None
    if options.per_class is not None:
        if not model.labels or model.multi_label:
            known = "attributes" if model.labels else "no labels"
            raise InvalidInput(f"--per-class needs a model of classes, but this one knows {known}: give --count.")
        chosen = [find_label(model.labels, word) for word in words] if words else range(len(model.labels))
        chosen = [k for k in dict.fromkeys(chosen) for _ in range(options.per_class)]
        count = rng.check_count(len(chosen))
        folders, labels = folder_names(model.labels), torch.tensor(chosen, device=model.device)
        classes = tuple(folders[k] for k in chosen)
    else:
        labels = choose_labels(model, words, count, seed)
    latents = model.sample_latents(count, seed=seed, truncation=options.truncation)
    return Wanted(model, seed, options.truncation, latents, labels, options.size, classes)


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
    """A folder name for each class: its label without characters that file systems forbid. No two are equal, not even
    when upper and lower case do not count."""
    names = [re.sub(r"[^\w .()+&,'-]", "_", label).strip(" .")[:80] or "class" for label in labels]
    folded = [name.casefold() for name in names]
    return [f"{name}-{k}" if folded.count(name.casefold()) > 1 else name for k, name in enumerate(names)]


def write_sheet(wanted: Wanted, path: Path) -> int:
    """Write all pictures on one sheet, whose metadata name the first 16. Returns how many. Raises InvalidInput if the file
    cannot be written."""
    padding = 2 if wanted.count > 1 else 0  # a single picture has no frame
    if wanted.size is None:
        sheet = images.grid(torch.cat([wanted.draw(k) for k in range(0, wanted.count, BATCH)]), padding=padding)
    else:
        sheet = images.sheet(list(wanted.pictures()), padding=padding)
    _save(marks.marked(sheet, marks.of(wanted.model, wanted.drawn(0, marks.MOST_PICTURES))), path)
    return wanted.count


def write_each(wanted: Wanted, output: Path) -> int:
    """Write every picture to its own file: to `output` if there is only one, else to SEED-NUMBER.png in that folder or
    its folder for the class. Returns how many. Raises InvalidInput if a file cannot be written."""
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
