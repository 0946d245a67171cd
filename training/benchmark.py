"""Compare the speed of training `celeba-dcgan` with a plain loop: `python -m training.benchmark`.

The plain loop is that of PyTorch's well-known DCGAN example: the same two networks, batch and optimiser in float32, JPEG
files read by torchvision's ImageFolder in two worker processes, two backward passes for the discriminator, and one
through it for the generator, which also computes gradients of the discriminator that are not used. It runs in its own
process, so that this package's CPU settings do not help it. The two take turns, so that a machine whose speed drifts
favours neither.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from gan_models import cli
from gan_models.networks import PAIRS

from . import loop, recipes
from .data import celeba
from .data.dataset import Dataset
from .starting import build_state

if TYPE_CHECKING:
    from accelerate import Accelerator

PICTURES = 4000  # JPEG files that are unpacked for the plain loop


class Clock:
    """Measures steps per second, without the first ones, in which memory is allocated and workers start."""

    def __init__(self, seconds: float, ignored: int = 3, now: Callable[[], float] = time.perf_counter):
        self.seconds, self.steps, self.speed, self.now = seconds, -ignored, 0.0, now

    def __call__(self) -> bool:
        """Count a step. True when the time is over."""
        self.steps += 1
        if self.steps <= 0:
            self.began = self.now()
            return False
        elapsed = self.now() - self.began
        self.speed = self.steps / elapsed
        return elapsed >= self.seconds


def ours(recipe: recipes.Recipe, dataset: Dataset, accelerator: Accelerator, seconds: float) -> float:
    """Images/s of this package's loop."""
    clock = Clock(seconds)
    state = build_state(recipe, dataset, 0, accelerator.device)
    loop.train(recipe, dataset, state, accelerator, 10**12, 0, [lambda state, scalars: clock()])
    return clock.speed * recipe.batch_size


def time_plain_loop(recipe: recipes.Recipe, folder: Path, device: torch.device, seconds: float, threads: int) -> float:
    """Images/s of the plain loop over an ImageFolder."""
    from torchvision import datasets, transforms

    torch.set_num_threads(threads)
    prepare = transforms.Compose(
        [
            transforms.Resize(recipe.image_size),
            transforms.CenterCrop(recipe.image_size),
            transforms.ToTensor(),
            transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        ]
    )
    loader = torch.utils.data.DataLoader(
        datasets.ImageFolder(folder, prepare), recipe.batch_size, shuffle=True, num_workers=2, drop_last=True
    )
    size = {"image_size": recipe.image_size, "image_channels": recipe.image_channels}
    generator_class, discriminator_class = PAIRS[recipe.networks]
    generator = generator_class(**size, **recipe.generator).to(device)
    discriminator = discriminator_class(**size, **recipe.discriminator).to(device)
    generator_optimiser, discriminator_optimiser = (
        torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999)) for network in (generator, discriminator)
    )
    criterion, clock = nn.BCELoss(), Clock(seconds)
    label = torch.empty(recipe.batch_size, device=device)

    def loss(images: torch.Tensor, target: float) -> torch.Tensor:
        return criterion(discriminator(images).scores.sigmoid(), label.fill_(target).clone())

    while True:
        for real, _ in loader:
            discriminator.zero_grad()
            loss(real.to(device), 1).backward()
            fake = generator(torch.randn(recipe.batch_size, generator.latent_dim, device=device))
            loss(fake.detach(), 0).backward()
            discriminator_optimiser.step()
            generator.zero_grad()
            loss(fake, 1).backward()
            generator_optimiser.step()
            if clock():
                return clock.speed * recipe.batch_size


def unpack(root: Path, dataset: Dataset, folder: Path, least: int) -> None:
    """Write up to PICTURES JPEG files of the data set, unchanged, as the only class of an ImageFolder. They are repeated
    if there are fewer than `least`, one batch per worker."""
    pictures = celeba.celeba_pictures(root / "celeba")
    chosen = [name for name in pictures.names if Path(name).stem in set(dataset.names[:PICTURES])]
    (folder / "faces").mkdir(parents=True)
    for k in range(max(len(chosen), least)):
        name = chosen[k % len(chosen)]
        (folder / "faces" / f"{k:06d}{Path(name).suffix}").write_bytes(pictures.read(name))


if __name__ == "__main__":
    sys.exit(cli.main(["benchmark", *sys.argv[1:]]))
