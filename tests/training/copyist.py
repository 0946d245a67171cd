"""A generator that copies real pictures, and files of digits."""

import struct
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gan_models.networks.base import Generator
from training.data.dataset import Dataset, to_float

DIGITS = list("0123456789")
N = 260  # more than the 128 features of the reader, and little enough to be quick


def write_idx(path: Path, array: np.ndarray) -> None:
    path.write_bytes(b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes())


def write_noise(root: Path) -> Path:
    """Write a small MNIST of noise, the classes of unequal size, into a data root, which it returns."""
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    random = np.random.default_rng(0)
    for part, count in (("train", 600), ("t10k", 300)):
        labels = np.sort(random.choice(10, count, p=np.arange(1, 11) / 55)).astype(np.uint8)
        images = random.integers(0, 100, (count, 28, 28), dtype=np.uint8)
        images[np.arange(count), 2 * labels + 3] = 255
        write_idx(raw / f"{part}-images-idx3-ubyte", images)
        write_idx(raw / f"{part}-labels-idx1-ubyte", labels)
    return root


class Copyist(Generator):
    """Draws real pictures: those with the label asked for, in order; or, if it does not listen, any."""

    family = "copyist"

    def __init__(self, data: Dataset, labels, listens: bool = True):
        super().__init__()
        self.set_labels(list(labels), data.multi_label)
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.latent_dim, self.image_shape, self.data, self.listens = 1, data.images.shape[1:], data, listens
        columns = data.labels[:, [data.label_names.index(name) for name in labels]] if data.multi_label else data.labels
        self.known = {}
        for k, row in enumerate(np.atleast_2d(columns.T).T.tolist()):
            self.known.setdefault(tuple(row), []).append(k)

    def sample_latents(self, n, *, seed=None, truncation=1.0):
        return torch.arange(n, dtype=torch.float32)[:, None]

    def chosen(self, latents: Tensor, labels: Tensor) -> list[int]:
        if not self.listens:
            return [int(k) % len(self.data) for k in latents[:, 0]]
        rows = [self.known[tuple(np.atleast_1d(row).tolist())] for row in labels.numpy()]
        return [row[int(k) % len(row)] for k, row in zip(latents[:, 0], rows)]

    def generate(self, latents, labels=None):
        return to_float(torch.from_numpy(np.array(self.data.images[self.chosen(latents, labels)])))
