"""Judge networks: they look at generated pictures for us. Readers tell MNIST's digits and FashionMNIST's garments, one names the
attributes of CelebA's faces.

What a judge sees in a picture is compared with what was asked for (label agreement); its last hidden layer is the feature space
of FID and KID inside the domain, where the standard Inception network, trained on photographs of things, knows little.
A judge is never shown to a GAN in training: its numbers would be worth nothing. For that there is the teacher, a smaller network
of another architecture and seed, in whose features a recipe may match pictures, and which judges none.

CelebA's judge learns from the training pictures with an even file number; an editor's attribute loss (and its own estimate of
attributes) from those with an odd one, while the regressions behind its directions and regions, and the generators, see the
labels of both halves. After the training the judge does take part: calibrate.py tunes an editor's strengths on its verdicts and
features, on validation pictures, so of those it is no judge, and of test pictures not a quite independent one.

Make them again with

    OMP_NUM_THREADS=1 python -m training.judges mnist --data-root ROOT           (about 15 minutes)
    OMP_NUM_THREADS=1 python -m training.judges mnist-teacher --data-root ROOT   (about 3 minutes)
    OMP_NUM_THREADS=1 python -m training.judges fashionmnist --data-root ROOT    (about 5 minutes)
    OMP_NUM_THREADS=1 python -m training.judges celeba --data-root ROOT          (about 20 minutes)

(One thread, because the order of sums, and so the last bits, depend on the number of threads.)
"""

import argparse
import hashlib
import itertools
import json
import platform
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn import functional as F

from gan_models.hub import write_atomically

from .data import DataError, Dataset, open_dataset, to_float

FOLDER = Path(__file__).parent / "readers"


class JudgeError(ValueError):
    """A judge's files are missing or do not fit; the message says what to do."""


class Opinion(NamedTuple):
    """What a judge says of n pictures."""

    features: Tensor  # (n, D) the last hidden layer
    logits: Tensor  # (n, K) of the classes or attributes


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


class _Residual(nn.Module):
    """x + f(x) (He et al. 2015, arXiv:1512.03385)."""

    def __init__(self, width: int):
        super().__init__()
        self.layers = nn.Sequential(_convolution(width, width), nn.Conv2d(width, width, 3, padding=1, bias=False),
                                    nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.layers(x))


class Judge(nn.Module):
    """A classifier of small pictures: (n, C, H, W) float in [-1, 1] -> Opinion.

    Attributes: network (what metric names call it), image_shape it was made for, label_names, multi_label, record (its json).
    Pictures of another size are brought to its own first; the same is done to real and generated ones.
    """

    def __init__(self, network: str, image_shape: tuple[int, int, int], layers: list[nn.Module], features: int,
                 label_names: tuple[str, ...], multi_label: bool, dropout: float):
        super().__init__()
        self.network, self.image_shape, self.features = network, image_shape, features
        self.label_names, self.multi_label, self.record = label_names, multi_label, {}
        self.layers = nn.Sequential(*layers, nn.Flatten())
        with torch.no_grad():
            flat = self.layers.eval()(torch.zeros(1, *image_shape)).shape[1]
        self.hidden = nn.Sequential(nn.Dropout(dropout), nn.Linear(flat, features, bias=False), nn.BatchNorm1d(features),
                                    nn.ReLU())
        self.classify = nn.Linear(features, len(label_names))

    def forward(self, images: Tensor) -> Opinion:
        features = self.hidden(self.layers(self._fit(images)))
        return Opinion(features, self.classify(features))

    def _fit(self, images: Tensor) -> Tensor:
        channels, size, _ = self.image_shape
        if images.shape[1] != channels:
            images = images.mean(1, keepdim=True).expand(-1, channels, -1, -1)
        if (size, images.shape[-1]) == (28, 32):  # digits at 32 px are those at 28 with a margin
            images = images[..., 2:-2, 2:-2]
        if images.shape[-1] != size:
            images = F.interpolate(images, (size, size), mode="bilinear", antialias=True)
        return images


class Stack(nn.Module):
    """Reads pictures whose channels are pictures of their own (StackedMNIST): a judge looks at each channel by itself.

    Features are those of the channels side by side; the classes are all tuples of the judge's ("000" to "999" for three digits),
    their logits the logarithms of the joint probabilities. Attributes as of a Judge.
    """

    def __init__(self, judge: Judge, channels: int):
        super().__init__()
        self.judge, self.network, self.record = judge, judge.network, judge.record
        self.image_shape, self.features = (channels, *judge.image_shape[1:]), channels * judge.features
        self.label_names, self.multi_label = tuple(map("".join, itertools.product(judge.label_names, repeat=channels))), False

    def forward(self, images: Tensor) -> Opinion:
        opinion = self.judge(images.flatten(0, 1)[:, None])
        features, logs = (x.unflatten(0, images.shape[:2]) for x in (opinion.features, opinion.logits.log_softmax(1)))
        joint = logs[:, 0]
        for k in range(1, images.shape[1]):
            joint = (joint[:, :, None] + logs[:, k, None]).flatten(1)
        return Opinion(features.flatten(1), joint)


def _digit_layers() -> list[nn.Module]:
    return [_convolution(1, 32), _convolution(32, 48, 2), _convolution(48, 48), _convolution(48, 80, 2), _convolution(80, 80)]


def _face_layers() -> list[nn.Module]:
    return [_convolution(3, 32, 2), _convolution(32, 64, 2), _Residual(64), _convolution(64, 128, 2), _Residual(128),
            _convolution(128, 192, 2), _Residual(192)]


def _teacher_layers() -> list[nn.Module]:
    return [_convolution(1, 16, 2), _Residual(16), _convolution(16, 32, 2), _Residual(32), _convolution(32, 64, 2)]


def _garment_layers() -> list[nn.Module]:
    return [_convolution(1, 24, 2), _Residual(24), _convolution(24, 48, 2), _Residual(48), _convolution(48, 96, 2)]


@dataclass(frozen=True)
class Plan:
    """How a judge is built and trained."""

    network: str  # its name in metrics
    data: str  # the data set that it learns from
    image_shape: tuple[int, int, int]
    layers: Callable[[], list[nn.Module]]
    features: int
    epochs: int
    degrees: float  # the largest rotation of the augmentation
    shift: float  # the largest shift, as a share of the width
    scale: float  # the largest enlargement or reduction
    faces: bool = False  # also flips, colours, noise and blur
    half: bool = False  # learn from the even training pictures only
    batch_size: int = 128
    learning_rate: float = 2e-3
    bfloat16: bool = False
    dropout: float = 0.3
    seed: int = 0
    samples: int = 10_000  # that an evaluation draws unless told otherwise
    stacked: str = ""  # it has no weights of its own: this judge reads each channel


PLANS = {
    "mnist": Plan("reader", "mnist", (1, 28, 28), _digit_layers, features=128, epochs=12, degrees=12, shift=0.08, scale=0.12),
    "mnist-teacher": Plan("teacher", "mnist", (1, 28, 28), _teacher_layers, features=64, epochs=6, degrees=8, shift=0.06,
                          scale=0.08, seed=1),
    "fashionmnist": Plan("fashionreader", "fashionmnist", (1, 28, 28), _garment_layers, features=128, epochs=6, degrees=4,
                         shift=0.04, scale=0.06),
    "stackedmnist": Plan("reader", "stackedmnist", (3, 28, 28), _digit_layers, features=384, epochs=0, degrees=0, shift=0, scale=0,
                         samples=26_000, stacked="mnist"),
    "celeba": Plan("judge", "celeba", (3, 64, 64), _face_layers, features=192, epochs=32, degrees=6, shift=0.06, scale=0.06,
                   faces=True, half=True, bfloat16=True),
}


def plan_of(data: str) -> Plan | None:
    """How the judge of a data set is built; None where there is none."""
    plan = PLANS.get(data)
    return plan if plan and plan.data == data else None  # the teacher judges nothing


def build(name: str, label_names: tuple[str, ...]) -> Judge:
    """An untrained judge of the plan `name`."""
    plan = PLANS[name]
    return Judge(plan.network, plan.image_shape, plan.layers(), plan.features, label_names, plan.data == "celeba", plan.dropout)


def half(data: Dataset, rest: int = 0) -> Dataset:
    """The pictures of CelebA whose file number is even (rest 0: what the judge learns from) or odd (rest 1: for classifiers
    that take part in making pictures, which must not know what the judge knows)."""
    chosen = np.array([int(name) % 2 == rest for name in data.names])
    return replace(data, images=data.images[chosen], labels=data.labels[chosen],
                   names=tuple(name for name, take in zip(data.names, chosen) if take))


def distort(images: Tensor, random: torch.Generator, plan: Plan) -> Tensor:
    """Each picture rotated, scaled, shifted and sheared a little, and for faces flipped, tinted, blurred or made noisy:
    generated pictures are not quite clean, and their judge must not stumble over that."""
    n = len(images)

    def uniform(most: float, *shape: int) -> Tensor:
        return (torch.rand(n, *shape, generator=random) * 2 - 1) * most

    angle, size = uniform(np.deg2rad(plan.degrees)), 1 + uniform(plan.scale)
    matrix = torch.stack([torch.stack([angle.cos() * size, -angle.sin() * size], 1),
                          torch.stack([angle.sin() * size, angle.cos() * size], 1)], 1)
    if plan.faces:
        matrix[:, :, 0] *= torch.randint(2, (n, 1), generator=random) * 2 - 1
    theta = torch.cat([matrix, uniform(2 * plan.shift, 2, 1)], 2)
    padding = "border" if plan.faces else "zeros"
    # Zeros outside mean black, which is -1.
    images = F.grid_sample(images + 1, F.affine_grid(theta, images.shape, align_corners=False), "bilinear", padding, False) - 1
    if plan.faces:
        images = images * (1 + uniform(0.15, 1, 1, 1)) + uniform(0.15, 3, 1, 1)
        images = images + torch.randn(images.shape, generator=random) * uniform(0.06, 1, 1, 1)
        blurred = F.interpolate(F.avg_pool2d(images[: n // 5], 2), scale_factor=2, mode="bilinear")
        images = torch.cat([blurred, images[n // 5 :]])
    return images


def train(name: str, data: Dataset, *, epochs: int | None = None, seed: int = 0) -> Judge:
    """A judge trained on `data` (float32, or bfloat16 autocast where the plan says so). Deterministic for a seed and thread count."""
    plan = PLANS[name]
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    judge = build(name, data.label_names).train().to(memory_format=torch.channels_last)
    images, labels = torch.from_numpy(np.array(data.images)), torch.from_numpy(data.labels)
    epochs = epochs or plan.epochs
    steps = len(images) // plan.batch_size
    optimiser = torch.optim.AdamW(judge.parameters(), lr=plan.learning_rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, plan.learning_rate, epochs * steps, pct_start=0.2)
    began = time.monotonic()
    for epoch in range(epochs):
        total = 0.0
        order = torch.randperm(len(images), generator=random)
        for chosen in order[: steps * plan.batch_size].split(plan.batch_size):
            batch = distort(to_float(images[chosen]), random, plan).contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16, enabled=plan.bfloat16):
                logits = judge(batch).logits.float()
            loss = _loss(logits, labels[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1} of {epochs}  loss {total / steps:.4f}  {time.monotonic() - began:.0f} s", file=sys.stderr,
              flush=True)
    return judge.eval().to(memory_format=torch.contiguous_format)


def _loss(logits: Tensor, labels: Tensor) -> Tensor:
    if labels.ndim == 2:
        return F.binary_cross_entropy_with_logits(logits, labels.float())
    return F.cross_entropy(logits, labels, label_smoothing=0.05)


@torch.inference_mode()
def opinions(judge: Judge, images: np.ndarray, batch_size: int = 500) -> Opinion:
    """What the judge says of uint8 images (n, C, H, W), in float32."""
    parts = [judge(to_float(torch.from_numpy(np.array(images[k:k + batch_size])))) for k in range(0, len(images), batch_size)]
    return Opinion(torch.cat([part.features for part in parts]), torch.cat([part.logits for part in parts]))


def right(logits: Tensor, labels: Tensor) -> Tensor:
    """Which answers are right: (n,) bool for classes, (n, K) for attributes."""
    return logits.argmax(1) == labels if labels.ndim == 1 else (logits > 0) == (labels > 0.5)


def accuracy(judge: Judge, data: Dataset) -> dict:
    """{"accuracy": share of right answers}; for attributes also "balanced_accuracy" (the mean of the shares among pictures with
    and without it) and both for each attribute."""
    labels = torch.from_numpy(data.labels)
    answers = right(opinions(judge, data.images).logits, labels).double()
    if labels.ndim == 1:
        return {"accuracy": answers.mean().item()}
    plain, balanced = answers.mean(0), balance(answers, labels)
    return {"accuracy": plain.mean().item(), "balanced_accuracy": balanced.nanmean().item(),
            "attributes": {name: {"accuracy": round(a, 4), "balanced_accuracy": round(b, 4)}
                           for name, a, b in zip(data.label_names, plain.tolist(), balanced.tolist())}}


def balance(answers: Tensor, labels: Tensor) -> Tensor:
    """(n, K) right or wrong and 0/1 labels -> (K,) the mean of the shares among ones and among zeros (NaN where one is missing)."""
    ones = labels.double()
    return ((answers * ones).sum(0) / ones.sum(0) + (answers * (1 - ones)).sum(0) / (1 - ones).sum(0)) / 2


def files(name: str, folder: Path = FOLDER) -> tuple[Path, Path]:
    return folder / f"{name}.safetensors", folder / f"{name}.json"


def write(name: str, judge: Judge, record: dict, test: Dataset, folder: Path = FOLDER) -> Judge:
    """Store the weights in half precision, and beside them `record` with their checksum and the accuracy of what was stored."""
    folder.mkdir(parents=True, exist_ok=True)
    weights, description = files(name, folder)
    data = save({key: value.half() if value.is_floating_point() else value for key, value in judge.state_dict().items()})
    record = {"data": PLANS[name].data, "network": judge.network, "labels": list(judge.label_names), "features": judge.features,
              "sha256": hashlib.sha256(data).hexdigest(), **record}
    stored = _restore(build(name, judge.label_names), data, str(weights))
    record |= {"test_images": len(test), "test_checksum": test.checksum, **accuracy(stored, test)}
    write_atomically(weights, data)
    write_atomically(description, (json.dumps(record, indent=1) + "\n").encode())
    return read(name, folder)


def read(name: str, folder: Path = FOLDER) -> Judge | Stack:
    """The judge `name`, called like its data set: eval mode, float32, on the CPU. Raises JudgeError if there is none, or its
    files do not fit the network or each other."""
    if name not in PLANS:
        raise JudgeError(f"There is no judge for {name!r}, only for {', '.join(PLANS)}.")
    if PLANS[name].stacked:
        return Stack(read(PLANS[name].stacked, folder), PLANS[name].image_shape[0])
    weights, description = files(name, folder)
    try:
        data, record = weights.read_bytes(), json.loads(description.read_bytes())
        labels, checksum = tuple(record["labels"]), record["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise JudgeError(f"The judge of {name} is missing or damaged in {folder}: "
                         f"install the package again, or `python -m training.judges {name}`.") from error
    if hashlib.sha256(data).hexdigest() != checksum:
        raise JudgeError(f"{weights} is not the file that {description.name} describes: install the package again.")
    judge = _restore(build(name, labels), data, str(weights))
    judge.record = record
    return judge


def _restore(judge: Judge, data: bytes, name: str) -> Judge:
    try:
        tensors = {key: value.float() if value.is_floating_point() else value for key, value in load(data).items()}
        judge.load_state_dict(tensors, strict=True)
    except (SafetensorError, RuntimeError) as error:
        raise JudgeError(f"{name} does not fit the network of this version: install the package again.") from error
    return judge.requires_grad_(False).eval()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.judges", description="Train the judge network of a data set.")
    parser.add_argument("name", choices=[name for name, plan in PLANS.items() if not plan.stacked],
                        help="the judge, called like its data set; or the teacher")
    parser.add_argument("--data-root", type=Path, metavar="DIR", help="where the data sets are (default: $GAN_STUDIO_DATA, else ./data)")
    parser.add_argument("--epochs", type=int, metavar="N", help="(default: the plan's)")
    parser.add_argument("--seed", type=int, metavar="S", help="(default: the plan's)")
    parser.add_argument("--output", type=Path, default=FOLDER, metavar="DIR", help="(default: the package's own folder)")
    options = parser.parse_args(arguments)
    try:
        plan = PLANS[options.name]
        data, test = (open_dataset(plan.data, options.data_root, plan.image_shape[1], split=split) for split in ("train", "test"))
        data = half(data) if plan.half else data
        began = time.monotonic()
        seed = plan.seed if options.seed is None else options.seed
        judge = train(options.name, data, epochs=options.epochs, seed=seed)
        record = {"seed": seed, "epochs": options.epochs or plan.epochs, "minutes": round((time.monotonic() - began) / 60, 1),
                  "train_images": len(data), "train_checksum": data.checksum,
                  "train_rule": "training pictures with an even file number" if plan.half else "all training pictures",
                  "threads": torch.get_num_threads(), "torch": torch.__version__, "machine": platform.machine()}
        judge = write(options.name, judge, record, test, options.output)
    except (DataError, JudgeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    shown = {key: value for key, value in judge.record.items() if key.endswith("accuracy")}
    print(f"{options.name}: {shown} on {len(test):,} test pictures; weights in {files(options.name, options.output)[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
