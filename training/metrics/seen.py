"""What a metric may look at: the pictures of a generator, and what a network says of them."""

import functools
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from gan_models.networks.base import Generator

from ..data.dataset import Dataset, to_float
from ..errors import EvaluationError
from ..judges import networks
from . import agreement, statistics
from .naming import short_count
from .sampling import label_columns, reconstruction_error, stored, subset


@dataclass
class Seen:
    """The data for metrics: generated pictures, as many real ones, and the outputs of one network for both."""

    generator: Generator
    viewer: Any  # features.FeatureExtractor
    train: Dataset
    test: Dataset | None
    samples: int
    seed: int
    batch_size: int
    latents: Tensor
    labels: Tensor | None  # of the generated pictures
    fake: Any  # features and logits of the generated pictures
    real: dict[str, Any]  # split: those of real pictures
    floor: dict[str, Tensor]  # split: features of real pictures that are not those of the reference
    usable: dict[str, int]  # split: number of pictures for distances
    compared: int  # real training pictures that generated ones are compared with
    known: np.ndarray  # indices of the real pictures of the training split: those compared, then those of the floor
    unknown: np.ndarray  # indices of the real pictures of the test split
    toggled: int  # latents for toggling attributes
    bar: tqdm
    fidelity: Any  # the module features, which needs torch-fidelity
    details: dict = field(default_factory=dict)  # numbers of each attribute
    agreement: ClassVar = agreement  # the module that compares labels with what is seen

    @property
    def how(self) -> str:
        """The protocol of metrics over all generated pictures."""
        return f"{short_count(self.samples)}_{self.viewer.name}"

    @property
    def named(self) -> bool:
        """Whether the network knows all labels of the generator."""
        return self.labels is not None and set(self.generator.labels) <= set(self.viewer.labels)

    @functools.cached_property
    def truth(self) -> Tensor | None:
        """The labels of the real test pictures."""
        return label_columns(self.test, self.generator.labels)[self.unknown] if self.test else None

    @functools.cached_property
    def answers(self) -> Tensor | None:
        """Where the network agrees with the labels of the real test pictures."""
        if not self.test:
            return None
        return agreement.answers(self.viewer, self.generator, self.real["test"].logits, self.truth)

    @functools.cached_property
    def pairs(self):
        """The outputs for the same latents with each attribute off and on."""
        n = self.toggled
        return agreement.toggle(
            self.generator, self.viewer, self.latents[:n], self.labels[:n], self.batch_size, self.bar
        )

    @functools.cached_property
    def spread(self) -> tuple[dict[str, float], dict[str, float]]:
        """Precision, recall, density and coverage, of generated pictures and of the floor."""
        split, n = next(iter(self.usable.items()))
        real = self.real[split].features[:n]
        radii = statistics.radii(real)
        return tuple(
            statistics.prdc(some[:n], real, statistics.radii(some[:n]), radii)
            for some in (self.fake.features, self.floor[split])
        )

    @functools.cached_property
    def modes(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The number of modes and their KL, of generated pictures, and by the true labels of as many training pictures."""
        train, viewer, logits = self.train, self.viewer, self.fake.logits
        kinds = round(len(viewer.labels) ** (1 / viewer.stacked))
        expected = statistics.joint_frequencies(train.labels, kinds, viewer.stacked)
        if not expected.all():
            raise EvaluationError(
                f"{train.name} is too small to count its modes: some digit never occurs; take more data."
            )
        some = train.labels[subset(train, len(logits), self.seed)]
        return statistics.count_modes(logits.argmax(1).numpy(), expected), statistics.count_modes(some, expected)

    @functools.cached_property
    def reconstructions(self) -> tuple[str, dict[str, float]]:
        """The protocol, and the error of reconstructions from the pictures' own latents."""
        split = "test" if self.test else "train"
        data = self.test or self.train
        chosen = self.unknown if self.test else self.known[: self.compared]
        error = reconstruction_error(self.generator, stored(data, chosen, self.bar), self.batch_size)
        return f"{short_count(len(chosen))}_{split}", statistics.psnr_and_mae(*error)

    @functools.cached_property
    def accuracy(self) -> float | None:
        """The accuracy of the network on the real test pictures, if it knows their classes."""
        test, viewer = self.test, self.viewer
        if not test or test.labels is None or test.multi_label or tuple(test.label_names) != tuple(viewer.labels):
            return None
        labels = torch.from_numpy(test.labels[self.unknown])
        return networks.right(self.real["test"].logits, labels).double().mean().item()

    @functools.cached_property
    def misread(self) -> float:
        """The share of all test pictures whose class the model itself names wrong."""
        model, test, wrong = self.generator, self.test, 0
        with torch.inference_mode():
            for first in range(0, len(test), self.batch_size):
                images, labels = test.batch(np.arange(first, min(first + self.batch_size, len(test))))
                wrong += int((model.classify(to_float(images.to(model.device))).argmax(1).cpu() != labels).sum())
        return wrong / len(test)

    def against(self, split: str) -> tuple[Tensor, Tensor, Tensor]:
        """Features of equally many pictures: generated, real ones of the split, and the floor."""
        n = self.usable[split]
        return self.fake.features[:n], self.real[split].features[:n], self.floor[split][:n]
