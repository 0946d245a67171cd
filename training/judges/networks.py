"""The judges and their weights."""

import hashlib
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn import functional as F

from ..data.dataset import to_float
from ..errors import TrainingError

FOLDER = Path(__file__).parent / "weights"


class JudgeError(TrainingError):
    """A judge's files are missing or invalid; the message says what to do."""


class ClassifierOutput(NamedTuple):
    """A judge's output for n pictures."""

    features: Tensor  # (n, D) the last hidden layer
    logits: Tensor  # (n, K) of the classes or attributes


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class _Residual(nn.Module):
    """x + f(x) (He et al. 2015, arXiv:1512.03385)."""

    def __init__(self, width: int):
        super().__init__()
        self.layers = nn.Sequential(
            _convolution(width, width), nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.layers(x))


class Judge(nn.Module):
    """A classifier of small pictures: (n, C, H, W) float in [-1, 1] -> ClassifierOutput.

    Attributes: network (its name in metrics), image_shape, label_names, multi_label, record (its json). Pictures of
    another size, real and generated alike, are resized first.
    """

    def __init__(
        self,
        network: str,
        image_shape: tuple[int, int, int],
        layers: list[nn.Module],
        features: int,
        label_names: tuple[str, ...],
        multi_label: bool,
        dropout: float,
    ):
        super().__init__()
        self.network, self.image_shape, self.features = network, image_shape, features
        self.label_names, self.multi_label, self.record = label_names, multi_label, {}
        self.layers = nn.Sequential(*layers, nn.Flatten())
        with torch.no_grad():
            flat = self.layers.eval()(torch.zeros(1, *image_shape)).shape[1]
        self.hidden = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(flat, features, bias=False), nn.BatchNorm1d(features), nn.ReLU()
        )
        self.classify = nn.Linear(features, len(label_names))

    def forward(self, images: Tensor) -> ClassifierOutput:
        features = self.hidden(self.layers(self._fit(images)))
        return ClassifierOutput(features, self.classify(features))

    def _fit(self, images: Tensor) -> Tensor:
        channels, size, _ = self.image_shape
        if images.shape[1] != channels:
            images = images.mean(1, keepdim=True).expand(-1, channels, -1, -1)
        if (size, images.shape[-1]) == (28, 32):  # digits at 32 px are those at 28 px with a margin
            images = images[..., 2:-2, 2:-2]
        if images.shape[-1] != size:
            images = F.interpolate(images, (size, size), mode="bilinear", antialias=True)
        return images


class Stack(nn.Module):
    """Classifies pictures whose channels are separate pictures (StackedMNIST) by a judge for each channel.

    The features of the channels are concatenated. The classes are all tuples of the judge's classes ("000" to "999" for
    three digits); their logits are the logarithms of the joint probabilities. Attributes as of a Judge.
    """

    def __init__(self, judge: Judge, channels: int):
        super().__init__()
        self.judge, self.network, self.record = judge, judge.network, judge.record
        self.image_shape, self.features = (channels, *judge.image_shape[1:]), channels * judge.features
        self.label_names, self.multi_label = (
            tuple(map("".join, itertools.product(judge.label_names, repeat=channels))),
            False,
        )

    def forward(self, images: Tensor) -> ClassifierOutput:
        opinion = self.judge(images.flatten(0, 1)[:, None])
        features, logs = (x.unflatten(0, images.shape[:2]) for x in (opinion.features, opinion.logits.log_softmax(1)))
        joint = logs[:, 0]
        for k in range(1, images.shape[1]):
            joint = (joint[:, :, None] + logs[:, k, None]).flatten(1)
        return ClassifierOutput(features.flatten(1), joint)


def _digit_layers() -> list[nn.Module]:
    return [
        _convolution(1, 32),
        _convolution(32, 48, 2),
        _convolution(48, 48),
        _convolution(48, 80, 2),
        _convolution(80, 80),
    ]


def _face_layers() -> list[nn.Module]:
    return [
        _convolution(3, 32, 2),
        _convolution(32, 64, 2),
        _Residual(64),
        _convolution(64, 128, 2),
        _Residual(128),
        _convolution(128, 192, 2),
        _Residual(192),
    ]


def _object_layers() -> list[nn.Module]:
    return [
        _convolution(3, 24),
        _convolution(24, 48, 2),
        _Residual(48),
        _convolution(48, 96, 2),
        _Residual(96),
        _convolution(96, 160, 2),
        _Residual(160),
    ]


def _teacher_layers() -> list[nn.Module]:
    return [_convolution(1, 16, 2), _Residual(16), _convolution(16, 32, 2), _Residual(32), _convolution(32, 64, 2)]


def _garment_layers() -> list[nn.Module]:
    return [_convolution(1, 24, 2), _Residual(24), _convolution(24, 48, 2), _Residual(48), _convolution(48, 96, 2)]


@dataclass(frozen=True)
class JudgeConfig:
    """The configuration of a judge and its training."""

    network: str  # its name in metrics
    data: str  # the data set of its training
    image_shape: tuple[int, int, int]
    layers: Callable[[], list[nn.Module]]
    features: int
    epochs: int
    degrees: float  # the largest rotation of the augmentation
    shift: float  # the largest shift, as a share of the width
    scale: float  # the largest enlargement or reduction
    photographs: bool = False  # also augment by flips, colours, noise and blur
    multi_label: bool = False  # attributes, of which a picture may have several, instead of classes
    half: bool = False  # learn from training pictures with even file numbers only
    batch_size: int = 128
    learning_rate: float = 2e-3
    bfloat16: bool = False
    dropout: float = 0.3
    seed: int = 0
    samples: int = 10_000  # default number of pictures for an evaluation
    cas_epochs: int = 3  # epochs of a classifier for the CAS
    stacked: str = ""  # the judge of each channel, for one without weights of its own


JUDGES = {
    "mnist": JudgeConfig(
        "reader", "mnist", (1, 28, 28), _digit_layers, features=128, epochs=12, degrees=12, shift=0.08, scale=0.12
    ),
    "mnist-teacher": JudgeConfig(
        "teacher",
        "mnist",
        (1, 28, 28),
        _teacher_layers,
        features=64,
        epochs=6,
        degrees=8,
        shift=0.06,
        scale=0.08,
        seed=1,
    ),
    "fashionmnist": JudgeConfig(
        "fashionreader",
        "fashionmnist",
        (1, 28, 28),
        _garment_layers,
        features=128,
        epochs=6,
        degrees=4,
        shift=0.04,
        scale=0.06,
    ),
    "stackedmnist": JudgeConfig(
        "reader",
        "stackedmnist",
        (3, 28, 28),
        _digit_layers,
        features=384,
        epochs=0,
        degrees=0,
        shift=0,
        scale=0,
        samples=26_000,
        stacked="mnist",
    ),
    "cifar10": JudgeConfig(
        "objectreader",
        "cifar10",
        (3, 32, 32),
        _object_layers,
        features=192,
        epochs=12,
        degrees=4,
        shift=0.08,
        scale=0.08,
        photographs=True,
        cas_epochs=5,
    ),
    "celeba": JudgeConfig(
        "judge",
        "celeba",
        (3, 64, 64),
        _face_layers,
        features=192,
        epochs=32,
        degrees=6,
        shift=0.06,
        scale=0.06,
        photographs=True,
        multi_label=True,
        half=True,
        bfloat16=True,
    ),
}


def judge_of(data: str) -> JudgeConfig | None:
    """The configuration of a data set's judge, or None."""
    plan = JUDGES.get(data)
    return plan if plan and plan.data == data else None  # the teacher is not a judge


def build_judge(name: str, label_names: tuple[str, ...]) -> Judge:
    """An untrained judge of the configuration `name`."""
    plan = JUDGES[name]
    return Judge(
        plan.network, plan.image_shape, plan.layers(), plan.features, label_names, plan.multi_label, plan.dropout
    )


@torch.inference_mode()
def classify(judge: Judge, images: np.ndarray, batch_size: int = 500) -> ClassifierOutput:
    """The judge's output for uint8 images (n, C, H, W), in float32."""
    parts = [
        judge(to_float(torch.from_numpy(np.array(images[k : k + batch_size]))))
        for k in range(0, len(images), batch_size)
    ]
    return ClassifierOutput(torch.cat([part.features for part in parts]), torch.cat([part.logits for part in parts]))


def right(logits: Tensor, labels: Tensor) -> Tensor:
    """Which predictions are right: (n,) bool for classes, (n, K) for attributes."""
    return logits.argmax(1) == labels if labels.ndim == 1 else (logits > 0) == (labels > 0.5)


def balance(answers: Tensor, labels: Tensor) -> Tensor:
    """Balanced accuracy (K,) from (n, K) right or wrong and 0/1 labels: the mean of the accuracies on ones and on zeros
    (NaN if one of them is missing)."""
    ones = labels.double()
    return ((answers * ones).sum(0) / ones.sum(0) + (answers * (1 - ones)).sum(0) / (1 - ones).sum(0)) / 2


def weight_files(name: str, folder: Path = FOLDER) -> tuple[Path, Path]:
    return folder / f"{name}.safetensors", folder / f"{name}.json"


def read(name: str, folder: Path = FOLDER) -> Judge | Stack:
    """The judge `name`, named like its data set: eval mode, float32, on the CPU. Raises JudgeError if there is none, or
    its files do not fit the network or each other."""
    if name not in JUDGES:
        raise JudgeError(f"There is no judge for {name!r}, only for {', '.join(JUDGES)}.")
    if JUDGES[name].stacked:
        return Stack(read(JUDGES[name].stacked, folder), JUDGES[name].image_shape[0])
    weights, description = weight_files(name, folder)
    try:
        data, record = weights.read_bytes(), json.loads(description.read_bytes())
        labels, checksum = tuple(record["labels"]), record["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise JudgeError(
            f"The judge of {name} is missing or damaged in {folder}: "
            f"install the package again, or `python -m training.judges {name}`."
        ) from error
    if hashlib.sha256(data).hexdigest() != checksum:
        raise JudgeError(f"{weights} is not the file that {description.name} describes: install the package again.")
    judge = restore_judge(build_judge(name, labels), data, str(weights))
    judge.record = record
    return judge


def restore_judge(judge: Judge, data: bytes, name: str) -> Judge:
    try:
        tensors = {key: value.float() if value.is_floating_point() else value for key, value in load(data).items()}
        judge.load_state_dict(tensors, strict=True)
    except (SafetensorError, RuntimeError) as error:
        raise JudgeError(f"{name} does not fit the network of this version: install the package again.") from error
    return judge.requires_grad_(False).eval()
