"""A data set in memory: pictures and labels, in an order that is a function of (seed, image number)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gan_models.errors import did_you_mean
from gan_models.rng import Stream, philox
from gan_models.sizes import Size

from .decoding import DataError

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Dataset:
    """Images and labels in memory, or memory-mapped.

    images: (N, C, H, W) uint8. labels: (N,) int64 classes, (N, K) uint8 attributes 0/1 (multi_label), or None.
    label_names: the classes or attributes. checksum: of images, labels and names, to notice changed data. notes:
    sentences to print. names: CelebA's file names without their ending, which decide whether a judge or an editor may
    learn a picture's labels; else None. sources: (N, C, H, W) uint8, the inputs for `images` if these are pairs. altered: a
    sentence on how the pictures differ from the published ones, which cards repeat; else None.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray | None
    label_names: tuple[str, ...] | None
    multi_label: bool
    checksum: str
    notes: tuple[str, ...] = ()
    names: tuple[str, ...] | None = None
    sources: np.ndarray | None = None
    altered: str | None = None
    shown: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.images)

    def order(self, start: int, count: int, seed: int) -> np.ndarray:
        """The indices (count,) int64 of the images with the numbers start .. start + count - 1 of a run.

        Every epoch is another permutation. The result is a function of (seed, image number) alone.
        """
        length = len(self) if self.shown is None else len(self.shown)
        epochs, places = np.divmod(np.arange(start, start + count, dtype=np.int64), length)
        indices = np.empty(count, np.int64)
        for epoch in np.unique(epochs):
            current = epochs == epoch
            indices[current] = _permutation(length, seed, int(epoch))[places[current]]
        return indices if self.shown is None else self.shown[indices]

    def repeated(self, threshold: float, seed: int) -> "Dataset":
        """The same pictures, of which those with rare labels are shown more often (repeat-factor sampling: Gupta et al.
        2019, arXiv:1908.03195). A picture is shown r times an epoch, where r is the greatest of 1 and sqrt(threshold / f)
        over its classes or attributes, f is the share of pictures with that one, and the seed rounds r up or down.
        threshold: above 0, at most 1. Raises DataError without labels."""
        if self.labels is None:
            raise DataError(f"{self.name} has no labels, so none of them is rare; repeat_threshold must be 0.")
        has = self.labels if self.multi_label else self.labels[:, None] == np.arange(len(self.label_names))
        wanted = np.sqrt(threshold / np.maximum(has.mean(0), 1 / len(self)))
        factors = np.maximum(1, (has * wanted).max(1))
        times = (factors + philox(seed, 0, Stream.REPEATS).random(len(self))).astype(np.int64)
        shown = np.repeat(np.arange(len(self)), times)
        note = f"Rare labels are shown more often: an epoch has {len(shown):,} pictures, the rarest up to {times.max():,} times."
        return replace(self, shown=shown, notes=(*self.notes, note))

    def few(self, count: int, seed: int) -> "Dataset":
        """The same pictures with only `count` labels per class, drawn by the seed; all other labels are -1, unknown.
        Raises DataError if there are no classes, or too few pictures of one."""
        if self.labels is None or self.multi_label:
            raise DataError(f"{self.name} has no classes of which a few pictures could keep their label.")
        labels = np.full_like(self.labels, -1)
        for k, name in enumerate(self.label_names):
            own = np.flatnonzero(self.labels == k)
            if not 1 <= count <= len(own):
                raise DataError(
                    f"{self.name} has {len(own):,} pictures of the class {name}; labels per class must be from 1 to that."
                )
            kept = philox(seed, k, Stream.EXAMPLES).permutation(len(own))[:count]
            labels[own[kept]] = k
        checksum = hashlib.sha256(self.checksum.encode() + labels.tobytes()).hexdigest()[:16]
        return replace(self, labels=labels, checksum=checksum)

    def sorted(self) -> "Dataset":
        """Of pictures with attributes those that show exactly one of them, each attribute a class. Raises DataError
        where there are no attributes, or no such picture of one."""
        if self.labels is None or not self.multi_label or len(self.label_names) < 2:
            raise DataError(f"{self.name} has no attributes, or only one, by which its pictures could be sorted.")
        kept = np.flatnonzero(self.labels.sum(1) == 1)
        labels = self.labels[kept].argmax(1).astype(np.int64)
        for k, name in enumerate(self.label_names):
            if not (labels == k).any():
                raise DataError(f"No picture of {self.name} shows {name} and none of the other attributes.")
        note = f"Sorted by {', '.join(self.label_names)}: {len(kept):,} pictures show exactly one of them."
        found = make_dataset(self.name, self.images[kept], labels, self.label_names, False, (*self.notes, note))
        return replace(found, names=self.names and tuple(self.names[k] for k in kept), altered=self.altered)

    def beside(self, other: "Dataset") -> "Dataset":
        """The pictures of both, whatever labels they have: two classes, each with the name of its data set. Raises
        DataError where these are the same."""
        if self.name == other.name:
            raise DataError(f"Both folders are called {self.name}: rename one, since these names become the classes.")
        labels = np.repeat(np.arange(2, dtype=np.int64), (len(self), len(other)))
        images, names = np.concatenate([self.images, other.images]), (self.name, other.name)
        return make_dataset("-".join(names), images, labels, names, False, (*self.notes, *other.notes))

    def sources_at(self, indices: np.ndarray) -> list[Tensor]:
        """What the images are drawn from, (n, C, H, W) uint8, where these are pairs; else nothing."""
        return [] if self.sources is None else [torch.from_numpy(np.array(self.sources[indices]))]

    def batch(self, indices: np.ndarray) -> tuple[Tensor, Tensor | None]:
        """Images (n, C, H, W) uint8 and labels: (n,) int64 classes, (n, K) float32 attributes 0..1, or None."""
        images = torch.from_numpy(np.array(self.images[indices]))
        if self.labels is None:
            return images, None
        labels = torch.from_numpy(self.labels[indices])
        return images, labels.float() if self.multi_label else labels


@lru_cache(maxsize=4)
def _permutation(n: int, seed: int, epoch: int) -> np.ndarray:
    return philox(seed, epoch, Stream.DATA_ORDER).permutation(n)


def to_float(images: Tensor) -> Tensor:
    """uint8 images -> float32 in [-1, 1]."""
    return images.float() / 127.5 - 1


@dataclass(frozen=True)
class Request:
    """The arguments of a reader."""

    root: Path
    image_size: Size
    split: str
    channels: int | None
    attributes: tuple[str, ...] | None
    crop: tuple[int, int, int]


def near_names(name: str, known: Sequence[str]) -> str:
    return did_you_mean(name, known, f"known are {', '.join(known)}.", 0.5)


def make_dataset(
    name: str,
    images: np.ndarray,
    labels: np.ndarray | None,
    label_names: tuple[str, ...] | None,
    multi_label: bool,
    notes: Sequence[str],
    images_digest: str | None = None,
    sources: np.ndarray | None = None,
) -> Dataset:
    digest = hashlib.sha256((images_digest or hashlib.sha256(images).hexdigest()).encode())
    if labels is not None:
        digest.update(np.ascontiguousarray(labels))
        digest.update("\n".join(label_names).encode())
    checksum = digest.hexdigest()[:16]
    return Dataset(name, images, labels, label_names, multi_label, checksum, tuple(notes), sources=sources)
