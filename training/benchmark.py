"""How fast does `celeba-dcgan` train here? `python -m training.benchmark` answers, beside a plain loop.

The plain loop is what a tutorial writes: the same two networks and batch in float32, JPEG files read by torchvision's ImageFolder in
two worker processes, three passes through the discriminator, gradients computed that nobody uses. Both take turns, so that
a machine whose speed drifts does not favour either.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
from PIL import Image
from torch import nn

from . import loop, recipes
from .__main__ import make_accelerator
from .data import DataError, Dataset, open_dataset

PICTURES = 4000  # as many are written as JPEG files for the plain loop


def ours(recipe: recipes.Recipe, dataset: Dataset, seconds: float) -> float:
    """Images/s of this package's loop."""
    accelerator = make_accelerator("auto")
    state = loop.build(recipe, dataset, 0, accelerator.device)
    clock = Clock(seconds)
    loop.train(recipe, dataset, state, accelerator, 10**12, 0, [lambda *_: clock()])
    return clock.speed * recipe.batch_size


def plain(recipe: recipes.Recipe, folder: Path, seconds: float) -> float:
    """Images/s of the plain loop over an ImageFolder."""
    from torchvision import datasets, transforms

    prepare = transforms.Compose([transforms.Resize(recipe.image_size), transforms.CenterCrop(recipe.image_size), transforms.ToTensor(),
                                  transforms.Normalize((0.5,) * 3, (0.5,) * 3)])
    loader = torch.utils.data.DataLoader(datasets.ImageFolder(folder, prepare), recipe.batch_size, shuffle=True, num_workers=2,
                                         drop_last=True)
    generator_class, discriminator_class = loop.NETWORKS[recipe.family]
    size = {"image_size": recipe.image_size, "image_channels": recipe.image_channels}
    generator, discriminator = generator_class(**size, **recipe.generator), discriminator_class(**size, **recipe.discriminator)
    generator_optimiser, discriminator_optimiser = (torch.optim.Adam(network.parameters(), 2e-4, (0.5, 0.999))
                                                    for network in (generator, discriminator))
    criterion, clock = nn.BCEWithLogitsLoss(), Clock(seconds)
    ones, zeros = torch.ones(recipe.batch_size), torch.zeros(recipe.batch_size)
    while True:
        for real, _ in loader:
            discriminator.zero_grad()
            criterion(discriminator(real).scores, ones).backward()
            fake = generator(torch.randn(recipe.batch_size, generator.latent_dim))
            criterion(discriminator(fake.detach()).scores, zeros).backward()
            discriminator_optimiser.step()
            generator.zero_grad()
            criterion(discriminator(fake).scores, ones).backward()
            generator_optimiser.step()
            if clock():
                return clock.speed * recipe.batch_size


class Clock:
    """Steps per second, the first two, in which memory is laid out and workers start, not counted."""

    def __init__(self, seconds: float):
        self.seconds, self.steps, self.speed = seconds, -2, 0.0

    def __call__(self) -> bool:
        """Count a step; True when the time is over."""
        self.steps += 1
        if self.steps == 0:
            self.began = time.perf_counter()
        elapsed = time.perf_counter() - self.began if self.steps > 0 else 0
        if elapsed >= self.seconds:
            self.speed = self.steps / elapsed
        return elapsed >= self.seconds


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.benchmark", description=__doc__.partition("\n")[0])
    parser.add_argument("--data-root", type=Path, metavar="DIR", help="where celeba/ is (default: $GAN_STUDIO_DATA, else ./data)")
    parser.add_argument("--seconds", type=float, default=30, help="of each turn (default: 30)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each (default: 3)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the recipe, as in training")
    options = parser.parse_args(arguments)
    try:
        recipe = recipes.change(recipes.find("celeba-dcgan"), options.set)
        dataset = open_dataset("celeba", options.data_root, recipe.image_size)
    except (DataError, recipes.RecipeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    torch.set_flush_denormal(True)
    print(f"{recipe.name}, {recipe.image_size} px, batch {recipe.batch_size}, {torch.get_num_threads()} threads; images/s")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "all").mkdir()
        for k in range(min(PICTURES, len(dataset))):
            Image.fromarray(dataset.images[k].transpose(1, 2, 0)).save(Path(folder) / "all" / f"{k:06d}.jpg", quality=95)
        ratios = []
        for _ in range(options.rounds):
            a, b = ours(recipe, dataset, options.seconds), plain(recipe, Path(folder), options.seconds)
            ratios.append(a / b)
            print(f"this loop {a:7.1f}   plain loop {b:7.1f}   ratio {a / b:.2f}", flush=True)
    print(f"median ratio {statistics.median(ratios):.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
