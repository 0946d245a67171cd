"""Pictures in the form that torch-fidelity takes: uint8, made in batches, generated ones rounded as in a PNG."""

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from gan_models.images import to_uint8
from gan_models.networks.base import Generator
from gan_models.project import VERSION
from gan_models.rng import Stream, philox

from ..data.dataset import Dataset, to_float
from ..errors import EvaluationError


class _Pictures(torch.utils.data.Dataset):
    """uint8 images made in batches when torch-fidelity asks for them, so that a million need no more memory than one
    batch."""

    def __init__(self, count: int, make: Callable[[np.ndarray], Tensor], bar: tqdm):
        self.count, self.make, self.bar = count, make, bar

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, k: int) -> Tensor:
        return self.make([k])[0]

    def __getitems__(self, some: list[int]) -> list[Tensor]:
        self.bar.update(len(some))
        return list(self.make(some))


def stored(data: Dataset, chosen: np.ndarray, bar: tqdm) -> _Pictures:
    """The chosen pictures of a data set."""
    return _Pictures(len(chosen), lambda some: torch.from_numpy(np.array(data.images[chosen[some]])), bar)


def generated_pictures(generator: Generator, latents: Tensor, labels: Tensor | None, bar: tqdm) -> _Pictures:
    """Generated pictures. Raises EvaluationError if they are not finite."""

    def make(some: list[int]) -> Tensor:
        return _png(generator.generate(latents[some], None if labels is None else labels[some]))

    return _Pictures(len(latents), make, bar)


def rounded(images: Tensor) -> Tensor:
    """Pictures in [-1, 1] rounded to 8 bits, as in a file."""
    return ((images + 1) * 127.5).round().clamp(0, 255) / 127.5 - 1


def how_measured(began: float, pictures: Dataset, **about) -> dict:
    """The record of a measurement that began then: what is known about it, of which data, by which versions, how long."""
    return {
        **about,
        "data": {"name": pictures.name, "checksum": pictures.checksum},
        "torch": torch.__version__,
        "gan_models": VERSION,
        "seconds": round(time.monotonic() - began, 1),
    }


def _png(images: Tensor) -> Tensor:
    if not images.isfinite().all():
        raise EvaluationError(
            "The model draws pictures that are not finite numbers: its training has diverged; take an earlier one."
        )
    return torch.from_numpy(to_uint8(images)).permute(0, 3, 1, 2)


def all_of(pictures: _Pictures, batch_size: int) -> np.ndarray:
    """All pictures in memory: (n, C, H, W) uint8."""
    parts = torch.arange(len(pictures)).split(batch_size)
    return np.concatenate([torch.stack(pictures.__getitems__(part.tolist())).numpy() for part in parts])


def redrawn(generator: Generator, images: Tensor) -> Tensor:
    """Reconstructions of pictures (n, C, H, W): encoded and drawn again."""
    return generator.generate(generator.encode(images), generator.estimate_labels(images))


def reconstruction_error(generator: Generator, pictures: _Pictures, batch_size: int) -> tuple[int, int, int]:
    """The error of the reconstructions in uint8: the exact sums of squared and of absolute differences, and the number
    of values."""
    squares = absolutes = count = 0
    for part in torch.arange(len(pictures)).split(batch_size):
        images = torch.stack(pictures.__getitems__(part.tolist()))
        difference = _png(redrawn(generator, to_float(images))).long() - images
        squares, absolutes = squares + difference.square().sum().item(), absolutes + difference.abs().sum().item()
        count += difference.numel()
    return squares, absolutes, count


def label_columns(data: Dataset, names: tuple[str, ...]) -> Tensor:
    """All labels in the generator's form: (N,) int64 classes, or (N, K) float32 of the attributes `names`."""
    if not data.multi_label:
        return torch.from_numpy(data.labels)
    return torch.from_numpy(data.labels[:, [data.label_names.index(name) for name in names]]).float()


def subset(data: Dataset | None, n: int, seed: int) -> np.ndarray:
    """Indices of n pictures, in an order given by the seed."""
    return philox(seed, 1, Stream.EVALUATION).permutation(len(data))[:n] if data else np.arange(0)
