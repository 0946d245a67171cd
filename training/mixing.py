"""Mix real and generated pictures, as training data for classifiers.

    import training, gan_models
    more = training.augmented(gan_models.load("runs/few/model"), dataset, share=1.0)

Whether that helps depends on the numbers: for a classifier with thousands of real pictures per class it rarely does
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
MOST = 100.0  # generated pictures per real one


def augmented(
    model: Generator,
    dataset: Dataset | TorchDataset,
    share: float = 1.0,
    *,
    seed: int = 0,
    transform: Callable[[Image.Image], Any] | None = None,
) -> Dataset | TorchDataset:
    """The pictures of a data set and `share` times as many generated ones, labelled with their conditions: classes in
    turn, attributes as they occur in the data set. Generated picture k of a seed does not depend on `share`.

    dataset: one of this package (`training.data.open_dataset`), which gives another one; or a torch data set with items
    (picture, class), such as torchvision's, which gives a torch data set. For the latter, `transform` turns a generated
    PIL image into an item's picture, like the data set's own transform (None: float (C, H, W) in 0..1, as by ToTensor).

    Raises InvalidInput if the generator takes no labels or others than those of the data set, and for a share outside
    0 to 100.
    """
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= MOST:
        raise InvalidInput(f"The share must be a number from 0 to {MOST:g}, not {short(share)}.")
    if not isinstance(dataset, Sized):
        raise InvalidInput("The data set must have a length; this one is a stream.")
    if model.labels is None:
        raise InvalidInput("The model is unconditional, so its pictures have no labels; take a conditional one.")
    count = round(len(dataset) * share)
    if not isinstance(dataset, Dataset):
        if model.multi_label:
            raise InvalidInput(
                "The model is conditional on attributes; a data set of (picture, class) needs one of classes."
            )
        return ConcatDataset([dataset, GeneratedPictures(model, count, seed, transform)])
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
    images = np.concatenate([dataset.images, draw_examples(model, labels, seed)])
    labels = np.concatenate([dataset.labels, labels.astype(dataset.labels.dtype)])
    both = make_dataset(dataset.name, images, labels, dataset.label_names, dataset.multi_label, dataset.notes)
    return replace(both, names=None, altered=dataset.altered)


@torch.inference_mode()
def draw_examples(model: Generator, labels: np.ndarray | None, seed: int, count: int | None = None) -> np.ndarray:
    """Generated pictures for labels (n,) or (n, K), or `count` pictures without labels: (n, C, H, W) uint8. Picture k is
    a function of (seed, k) and its label alone. Raises InvalidInput if one is not finite."""
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


class GeneratedPictures(TorchDataset):
    """`count` pictures of a class-conditional generator as items (picture, class), with the classes in turn. They are
    drawn once and kept in memory as uint8."""

    def __init__(self, model: Generator, count: int, seed: int, transform: Callable[[Image.Image], Any] | None = None):
        self.labels, self.transform = np.arange(count) % len(model.labels), transform
        self.images = draw_examples(model, self.labels, seed)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, k: int) -> tuple[Any, int]:
        image, label = self.images[k], int(self.labels[k])
        if self.transform is None:
            return torch.from_numpy(image).float() / 255, label
        picture = Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0))
        return self.transform(picture), label
