"""Real pictures and generated ones together, for whatever learns from pictures with labels.

    import training, gan_models
    more = training.augmented(gan_models.load("runs/few/model"), dataset, share=1.0)

Whether that helps is a question of the numbers: where a classifier has thousands of real pictures a class, it seldom does
(Ravuri and Vinyals 2019, arXiv:1905.10887).
"""

from collections.abc import Callable, Sized
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import ConcatDataset
from torch.utils.data import Dataset as TorchDataset

from gan_models.errors import InvalidInput, short
from gan_models.images import to_uint8
from gan_models.networks.base import Generator
from gan_models.rng import check_seed

from .data.dataset import Dataset, make_dataset

BATCH = 256  # pictures drawn at once
MOST = 100.0  # generated pictures for each real one


def augmented(
    model: Generator,
    dataset: Dataset | TorchDataset,
    share: float = 1.0,
    *,
    seed: int = 0,
    transform: Callable[[Image.Image], Any] | None = None,
) -> Dataset | TorchDataset:
    """The pictures of a data set and `share` times as many that a conditional generator drew, whose labels are those that
    it was asked for: classes in turn, attributes as they occur in the data set. Generated picture k of a seed does not
    depend on `share`.

    dataset: one of this package's (`training.data.open_dataset`); then so is the result. Or any of torch's whose items are
    (picture, class), such as torchvision's; then the result is too, and `transform` makes an item's picture of a PIL
    image, as the data set's own does (None: float (C, H, W) in 0..1, as ToTensor gives).

    Raises InvalidInput where the generator takes no labels, or others than the data set has, and for a share that is not
    from 0 to 100.
    """
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= MOST:
        raise InvalidInput(f"The share must be a number from 0 to {MOST:g}, not {short(share)}.")
    if not isinstance(dataset, Sized):
        raise InvalidInput("The data set must have a length; this one is a stream.")
    if model.labels is None:
        raise InvalidInput(
            "The model draws without labels, so nobody knows what its pictures show; take a conditional one."
        )
    count = round(len(dataset) * share)
    if not isinstance(dataset, Dataset):
        if model.multi_label:
            raise InvalidInput("The model is told attributes; a data set of (picture, class) needs one of classes.")
        return ConcatDataset([dataset, Drawn(model, count, seed, transform)])
    if dataset.labels is None or tuple(model.labels) != tuple(dataset.label_names or ()):
        raise InvalidInput(
            f"The model's labels ({', '.join(model.labels)}) are not those of {dataset.name} "
            f"({', '.join(dataset.label_names or ('none',))})."
        )
    if model.image_shape != dataset.images.shape[1:]:
        raise InvalidInput(
            f"The model draws pictures of {model.image_shape}, and those of {dataset.name} are {dataset.images.shape[1:]}."
        )
    if model.multi_label:
        labels = dataset.labels[np.arange(count) % len(dataset)]
    else:
        labels = np.arange(count) % len(model.labels)
    if not count:
        return dataset
    images = np.concatenate([dataset.images, draw(model, labels, seed)])
    labels = np.concatenate([dataset.labels, labels.astype(dataset.labels.dtype)])
    both = make_dataset(dataset.name, images, labels, dataset.label_names, dataset.multi_label, dataset.notes)
    return replace(both, names=None)


@torch.inference_mode()
def draw(model: Generator, labels: np.ndarray | None, seed: int, count: int | None = None) -> np.ndarray:
    """What the generator draws for labels (n,) or (n, K), or without labels `count` pictures: (n, C, H, W) uint8. Picture
    k is a function of (seed, k) and its label alone. Raises InvalidInput where it is not finite."""
    count = len(labels) if count is None else count
    if not count:
        return np.empty((0, *model.image_shape), np.uint8)
    latents, parts = model.sample_latents(count, seed=check_seed(seed)), []
    for first in range(0, count, BATCH):
        some = slice(first, first + BATCH)
        images = model.generate(
            latents[some], None if labels is None else torch.from_numpy(labels[some]).to(model.device)
        )
        if not images.isfinite().all():
            raise InvalidInput("The model draws pictures that are not finite numbers: its training has diverged.")
        parts.append(to_uint8(images).transpose(0, 3, 1, 2))
    return np.concatenate(parts)


class Drawn(TorchDataset):
    """`count` pictures of a class-conditional generator as items (picture, class), classes in turn. They are drawn once,
    and kept in memory as uint8."""

    def __init__(self, model: Generator, count: int, seed: int, transform: Callable[[Image.Image], Any] | None = None):
        self.labels, self.transform = np.arange(count) % len(model.labels), transform
        self.images = draw(model, self.labels, seed)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, k: int) -> tuple[Any, int]:
        image, label = self.images[k], int(self.labels[k])
        if self.transform is None:
            return torch.from_numpy(image).float() / 255, label
        picture = Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0))
        return self.transform(picture), label
