"""The classifier of the study: a small residual network, trained the same way on every kind of training set."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.resnet import BasicBlock

from .. import augment
from ..data.dataset import to_float

WIDTH = 24  # channels of the first stage; doubled at each further one
BATCH = 64
RATE, DECAY = 3e-3, 0.05  # AdamW, with a rate that rises and falls once (OneCycleLR)
LOOK = 500  # pictures per batch without gradients


def residual_network(channels: int, classes: int) -> nn.Module:
    """The classifier: three stages of torchvision's BasicBlock (He et al. 2016, arXiv:1512.03385) for pictures of 28 or
    32 pixels."""
    stages = [nn.Conv2d(channels, WIDTH, 3, padding=1, bias=False), nn.BatchNorm2d(WIDTH), nn.ReLU(inplace=True)]
    inputs = WIDTH
    for stage, stride in enumerate((2, 2, 2)):
        outputs = WIDTH * 2**stage
        shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        stages.append(BasicBlock(inputs, outputs, stride, shortcut))
        inputs = outputs
    return nn.Sequential(*stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))


def transformed(images: Tensor, random: torch.Generator) -> Tensor:
    """Images (n, C, H, W) in [-1, 1] with the usual augmentation: small rotations, scalings, shears and shifts for grey
    ones; flips and shifts of up to an eighth for colour ones."""
    n = len(images)
    if images.shape[1] == 1:
        return augment.warp(images, torch.rand(n, augment.WARPS, generator=random))
    mirrored = torch.rand(n, generator=random) < 0.5
    images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    return augment.augment(images, torch.rand(n, augment.RANDOMS, generator=random), 1.0, ("translation",))


def fit(images: np.ndarray, labels: np.ndarray, classes: int, *, transforms: bool, steps: int, seed: int) -> nn.Module:
    """A classifier trained on images (n, C, H, W) uint8 with labels (n,), for `steps` steps of BATCH pictures, whatever n
    is. Deterministic for its arguments and the number of threads."""
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    found = residual_network(images.shape[1], classes).train().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(found.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, max(steps, 2), pct_start=0.2)
    order = torch.empty(0, dtype=torch.long)
    for _ in range(steps):
        while len(order) < BATCH:
            order = torch.cat([order, torch.randperm(len(images), generator=random)])
        chosen, order = order[:BATCH].numpy(), order[BATCH:]
        batch = to_float(torch.from_numpy(images[chosen])).contiguous(memory_format=torch.channels_last)
        batch = transformed(batch, random) if transforms else batch
        loss = F.cross_entropy(found(batch), torch.from_numpy(labels[chosen]))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return found.eval()


@torch.no_grad()
def predictions(found: nn.Module, images: np.ndarray) -> np.ndarray:
    """The predicted classes (n,) of images (n, C, H, W) uint8."""
    parts = [
        found(to_float(torch.from_numpy(np.array(images[k : k + LOOK])))).argmax(1) for k in range(0, len(images), LOOK)
    ]
    return torch.cat(parts).numpy()


def accuracy(found: nn.Module, images: np.ndarray, labels: np.ndarray) -> float:
    """The accuracy on images with labels."""
    return float((predictions(found, images) == labels).mean())
