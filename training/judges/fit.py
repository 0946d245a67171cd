"""Training of the judges."""

import hashlib
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional as F

from gan_models.files import write_atomically

from ..data.dataset import Dataset, to_float
from .networks import (
    FOLDER,
    JUDGES,
    Judge,
    JudgeConfig,
    balance,
    build_judge,
    classify,
    read,
    restore_judge,
    right,
    weight_files,
)


def half(data: Dataset, rest: int = 0) -> Dataset:
    """The pictures of CelebA with an even file number (rest 0: for the judge) or an odd one (rest 1: for classifiers
    that take part in training, which must not learn from the judge's pictures)."""
    chosen = np.array([int(name) % 2 == rest for name in data.names])
    return replace(
        data,
        images=data.images[chosen],
        labels=data.labels[chosen],
        names=tuple(name for name, take in zip(data.names, chosen) if take),
    )


def distort(images: Tensor, random: torch.Generator, plan: JudgeConfig) -> Tensor:
    """Pictures after small random rotations, scalings, shifts and shears, and for photographs flips, tints, blur or
    noise, so that the judge is robust to small flaws of generated pictures: (n, C, H, W) in about [-1, 1], as given."""
    n = len(images)

    def uniform(most: float, *shape: int) -> Tensor:
        return (torch.rand(n, *shape, generator=random) * 2 - 1) * most

    angle, size = uniform(np.deg2rad(plan.degrees)), 1 + uniform(plan.scale)
    matrix = torch.stack(
        [
            torch.stack([angle.cos() * size, -angle.sin() * size], 1),
            torch.stack([angle.sin() * size, angle.cos() * size], 1),
        ],
        1,
    )
    if plan.photographs:
        matrix[:, :, 0] *= torch.randint(2, (n, 1), generator=random) * 2 - 1
    theta = torch.cat([matrix, uniform(2 * plan.shift, 2, 1)], 2)
    padding = "border" if plan.photographs else "zeros"
    # The interpolation fills with 0, and black is -1.
    images = (
        F.grid_sample(images + 1, F.affine_grid(theta, images.shape, align_corners=False), "bilinear", padding, False)
        - 1
    )
    if plan.photographs:
        images = images * (1 + uniform(0.15, 1, 1, 1)) + uniform(0.15, 3, 1, 1)
        images = images + torch.randn(images.shape, generator=random) * uniform(0.06, 1, 1, 1)
        blurred = F.interpolate(F.avg_pool2d(images[: n // 5], 2), scale_factor=2, mode="bilinear")
        images = torch.cat([blurred, images[n // 5 :]])
    return images


def train_judge(name: str, data: Dataset, *, epochs: int | None = None, seed: int = 0) -> Judge:
    """A judge trained on `data` (in float32, or bfloat16 autocast if its configuration says so). Deterministic for a
    seed and number of threads."""
    plan = JUDGES[name]
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    judge = build_judge(name, data.label_names).train().to(memory_format=torch.channels_last)
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
        print(
            f"epoch {epoch + 1} of {epochs}  loss {total / steps:.4f}  {time.monotonic() - began:.0f} s",
            file=sys.stderr,
            flush=True,
        )
    return judge.eval().to(memory_format=torch.contiguous_format)


def _loss(logits: Tensor, labels: Tensor) -> Tensor:
    if labels.ndim == 2:
        return F.binary_cross_entropy_with_logits(logits, labels.float())
    return F.cross_entropy(logits, labels, label_smoothing=0.05)


def judge_accuracy(judge: Judge, data: Dataset) -> dict:
    """{"accuracy": ...}; for attributes also "balanced_accuracy" (the mean of the accuracies on pictures with and
    without the attribute), and both for each attribute."""
    labels = torch.from_numpy(data.labels)
    answers = right(classify(judge, data.images).logits, labels).double()
    if labels.ndim == 1:
        return {"accuracy": answers.mean().item()}
    plain, balanced = answers.mean(0), balance(answers, labels)
    return {
        "accuracy": plain.mean().item(),
        "balanced_accuracy": balanced.nanmean().item(),
        "attributes": {
            name: {"accuracy": round(a, 4), "balanced_accuracy": round(b, 4)}
            for name, a, b in zip(data.label_names, plain.tolist(), balanced.tolist())
        },
    }


def write_judge(name: str, judge: Judge, record: dict, test: Dataset, folder: Path = FOLDER) -> Judge:
    """Store the weights in half precision, and `record` with their checksum and the accuracy of the stored weights."""
    folder.mkdir(parents=True, exist_ok=True)
    weights, description = weight_files(name, folder)
    data = save(
        {key: value.half() if value.is_floating_point() else value for key, value in judge.state_dict().items()}
    )
    record = {
        "data": JUDGES[name].data,
        "network": judge.network,
        "labels": list(judge.label_names),
        "features": judge.features,
        "sha256": hashlib.sha256(data).hexdigest(),
        **record,
    }
    stored = restore_judge(build_judge(name, judge.label_names), data, str(weights))
    record |= {"test_images": len(test), "test_checksum": test.checksum, **judge_accuracy(stored, test)}
    write_atomically(weights, data)
    write_atomically(description, (json.dumps(record, indent=1) + "\n").encode())
    return read(name, folder)
