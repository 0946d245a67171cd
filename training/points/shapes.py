"""What the points are drawn from: Gaussians around the modes of a shape in the plane."""

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Shape(NamedTuple):
    """A distribution of points within about -1..1: a random one of `centres` (k, 2) plus Gaussian noise. A generated
    point is good within three standard deviations of a centre."""

    centres: Tensor
    noise: float

    @property
    def reach(self) -> float:
        return 3 * self.noise

    def draw(self, n: int, random: torch.Generator) -> Tensor:
        """(n, 2)"""
        chosen = self.centres[torch.randint(len(self.centres), (n,), generator=random)]
        return chosen + self.noise * torch.randn(n, 2, generator=random)


def _ring() -> Tensor:
    angle = torch.arange(8) * (math.tau / 8)
    return torch.stack([angle.cos(), angle.sin()], 1)


def _grid() -> Tensor:
    return torch.cartesian_prod(*[torch.linspace(-1, 1, 5)] * 2)


def _spiral() -> Tensor:
    t = torch.linspace(0.04, 1, 48).sqrt()  # so that the centres are evenly spaced along the curve
    return torch.stack([t * (9 * t).cos(), t * (9 * t).sin()], 1)


def _moons() -> Tensor:
    angle = torch.linspace(0, math.pi, 20)
    upper = torch.stack([angle.cos() - 0.5, angle.sin() - 0.25], 1)
    return torch.cat([upper, -upper]) * 0.7


SHAPES = {
    "ring": Shape(_ring(), 0.06),
    "grid": Shape(_grid(), 0.04),
    "spiral": Shape(_spiral(), 0.03),
    "moons": Shape(_moons(), 0.04),
}
