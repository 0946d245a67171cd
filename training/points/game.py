"""A GAN on points in the plane, small enough to watch every step. Objectives and penalties are those of the recipes
(`losses.py`, `penalties.py`); only the data and the networks are toys.

    game = Game(Settings(shape="ring", objective="minimax", penalty="none"))
    game.train(2000)
    game.measure()                          # Measured(covered=3, modes=8, good=0.41)
    draw(game).save("frame.png")

It needs only torch, numpy and Pillow, and not the training loop. The ring and the grid of Gaussians, and the counts of
modes and good points, are those of Metz et al. 2016 (arXiv:1611.02163) and Srivastava et al. 2017 (arXiv:1705.07761).
"""

import math
import time
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor, nn
from torch.optim.adam import adam

from .errors import TrainingError
from .losses import OBJECTIVES
from .penalties import clip_weights, wgan_gp, zero_centered_gradient_penalty

# ---- Data


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

# ---- Settings

PENALTIES = ("none", "r1", "r1+r2", "gradient_penalty", "clipping")
BOUNDS = {
    "strength": (0.001, 10),
    "discriminator_steps": (1, 10),
    "discriminator_rate": (1e-5, 0.1),
    "generator_rate": (1e-5, 0.1),
    "momentum": (0, 0.95),
}


@dataclass(frozen=True)
class Settings:
    """The settings, which may also change during the game. Raises TrainingError for values outside BOUNDS.

    penalty: "r1" on real points, "r1+r2" on real and generated ones, the "gradient_penalty" of WGAN-GP between them, or
    "clipping" with `strength` as the bound of the weights. discriminator_steps: updates of the discriminator per update
    of the generator. momentum: Adam's first beta, for both.
    """

    shape: str = "ring"
    objective: str = "relativistic"
    penalty: str = "r1+r2"
    strength: float = 0.1
    discriminator_steps: int = 1
    discriminator_rate: float = 2e-3
    generator_rate: float = 1e-3
    momentum: float = 0.0

    def __post_init__(self):
        for name, known in (("shape", SHAPES), ("objective", OBJECTIVES), ("penalty", PENALTIES)):
            value = getattr(self, name)
            if not isinstance(value, str) or value not in known:
                raise TrainingError(f"{name} must be one of {', '.join(known)}, not {value!r}.")
        for name, (least, most) in BOUNDS.items():
            value = getattr(self, name)
            kind = int if name == "discriminator_steps" else (int, float)
            if isinstance(value, bool) or not isinstance(value, kind) or not least <= value <= most:
                raise TrainingError(
                    f"{name} must be a {'whole ' if kind is int else ''}number from {least:g} to {most:g}, not {value!r}."
                )


# Three failures and their cures; tests/training/test_points.py checks by numbers that they behave as described.
EXAMPLES = {
    "collapse": Settings("ring", "minimax", "none", 0.05, 1, 1e-4, 5e-3, 0.5),
    "collapse_cured": Settings("ring", "relativistic", "r1+r2", 0.1, 1, 5e-3, 5e-3, 0.5),
    "oscillation": Settings("ring", "minimax", "none", 0.1, 1, 1e-3, 5e-3, 0.9),
    "oscillation_cured": Settings("ring", "logistic", "r1", 0.1, 1, 1e-3, 5e-3, 0.0),
    "vanishing": Settings("ring", "minimax", "none", 0.1, 10, 1e-2, 2e-3, 0.0),
    "vanishing_cured": Settings("ring", "logistic", "r1", 0.1, 10, 1e-2, 2e-3, 0.0),
}

# ---- The game

LATENT, WIDTH, BATCH = 2, 64, 128
SHOWN = 400  # generated points that are drawn, always from the same latents, so that one sees them move
MOST_MOMENTS = 400  # in the history; beyond it every second one is dropped


class Measured(NamedTuple):
    """A measurement of generated points. A mode is covered if it has at least a fifth of its share of good points. good:
    the share of good points."""

    covered: int
    modes: int
    good: float


class Moment(NamedTuple):
    """Values to plot; losses are means over the updates since the previous moment."""

    updates: int
    discriminator: float
    generator: float
    covered: int
    good: float


class Game:
    """A generator and a discriminator of two hidden layers each. The same seed and settings give the same game on the
    same machine."""

    def __init__(self, settings: Settings = Settings(), seed: int = 0):
        self.random = torch.Generator().manual_seed(seed)
        self.generator = _network(LATENT, 2, self.random)
        self.discriminator = _network(2, 1, self.random)
        self.optimisers = Adam(self.discriminator), Adam(self.generator)
        self.shown = torch.randn(SHOWN, LATENT, generator=self.random)
        self.updates = 0  # of the generator
        self.history: list[Moment] = []
        self.settings = settings

    def change(self, settings: Settings) -> None:
        """Continue with other settings."""
        self.settings = settings

    @property
    def shape(self) -> Shape:
        return SHAPES[self.settings.shape]

    def score(self, points: Tensor) -> Tensor:
        """(n, 2) -> (n,)"""
        return self.discriminator(points).squeeze(1)

    def train(self, updates: int, seconds: float = math.inf) -> Moment:
        """Do that many updates of the generator, or as many as fit into `seconds`, at least one. Adds a moment to the
        history."""
        end, losses = time.monotonic() + seconds, []
        while len(losses) < updates and not (losses and time.monotonic() >= end):
            losses.append(self._step())
        self.updates += len(losses)
        means = torch.stack([torch.stack(pair) for pair in losses]).mean(0).tolist()
        measured = self.measure(512)
        moment = Moment(self.updates, *means, measured.covered, measured.good)
        self.history.append(moment)
        if len(self.history) > MOST_MOMENTS:
            del self.history[-2:0:-2]
        return moment

    def _step(self) -> tuple[Tensor, Tensor]:
        """One update of the generator. Returns the losses of both, without the penalty."""
        settings, objective = self.settings, OBJECTIVES[self.settings.objective]
        of_discriminator, of_generator = self.optimisers
        for _ in range(settings.discriminator_steps):
            real, fake = self.shape.draw(BATCH, self.random), self.generate(self._latents()).detach()
            loss, _ = objective.discriminator(*self.score(torch.cat([real, fake])).chunk(2))
            (loss + settings.strength * penalty(settings.penalty, self.score, real, fake, self.random)).backward()
            of_discriminator.step(settings.discriminator_rate, settings.momentum)
            if settings.penalty == "clipping":
                clip_weights(self.discriminator, settings.strength)
        fake = self.score(self.generate(self._latents()))
        with torch.no_grad():
            real = self.score(self.shape.draw(BATCH, self.random)) if objective.paired else None
        generator_loss, _ = objective.generator(real, fake)
        generator_loss.backward()
        of_generator.step(settings.generator_rate, settings.momentum)
        self.discriminator.zero_grad()  # which the generator's loss has filled
        return loss.detach(), generator_loss.detach()

    def _latents(self) -> Tensor:
        return torch.randn(BATCH, LATENT, generator=self.random)

    def generate(self, latents: Tensor) -> Tensor:
        """(n, LATENT) -> (n, 2)"""
        return self.generator(latents)

    @torch.no_grad()
    def measure(self, n: int = 2500) -> Measured:
        """Measure n points from fixed latents."""
        points = self.generate(torch.randn(n, LATENT, generator=torch.Generator().manual_seed(n)))
        centres = self.shape.centres
        distance, nearest = torch.cdist(points, centres).min(1)
        good = distance <= self.shape.reach  # False for points that are not finite
        each = torch.bincount(nearest[good], minlength=len(centres))
        covered = int((each * len(centres) * 5 >= n).sum())
        return Measured(covered, len(centres), good.float().mean().item())

    @torch.no_grad()
    def field(self, size: int = 48, reach: float = 1.4) -> np.ndarray:
        """The discriminator's output on the square -reach..reach, (size, size) in 0..1, with the first row at the top:
        its probability, if scores are logits. Scores without a threshold are centred between real and generated points,
        and those of critics are scaled by their range."""
        line = torch.linspace(-reach, reach, size)
        places = torch.stack([line.repeat(size), -line.repeat_interleave(size)], 1)
        scores = self.score(places)
        if self.settings.objective not in ("logistic", "minimax", "hinge"):
            middle = self.score(self.shape.centres).mean() + self.score(self.generate(self.shown)).mean()
            scores = scores - middle / 2
        if self.settings.objective in ("wasserstein", "least_squares"):
            scores = 4 * scores / scores.abs().max().clamp_min(1e-9)
        return scores.sigmoid().nan_to_num(0.5).view(size, size).numpy()

    def pushes(self, points: Tensor) -> Tensor:
        """The negative gradient of the generator's loss at each point, (n, 2): where it is pushed."""
        points = points.detach().requires_grad_()
        objective = OBJECTIVES[self.settings.objective]
        random = torch.Generator().manual_seed(0)
        real = self.score(self.shape.draw(len(points), random)).detach() if objective.paired else None
        loss, _ = objective.generator(real, self.score(points))
        (gradient,) = torch.autograd.grad(loss * len(points), points)
        return -gradient


def penalty(kind: str, score, real: Tensor, fake: Tensor, random: torch.Generator) -> Tensor | float:
    """The penalty of the discriminator's loss, without its weight."""
    if kind == "r1":
        return zero_centered_gradient_penalty(score, real)
    if kind == "r1+r2":  # the mean over both halves is half of their sum
        return 2 * zero_centered_gradient_penalty(score, torch.cat([real, fake]))
    if kind == "gradient_penalty":
        return wgan_gp(score, real, fake, torch.rand(len(real), generator=random))
    return 0.0


class Adam:
    """Adam by torch's function. torch's class would load the compiler, which takes more than a second."""

    def __init__(self, network: nn.Module):
        self.weights = list(network.parameters())
        self.means = [torch.zeros_like(weight) for weight in self.weights]
        self.squares = [torch.zeros_like(weight) for weight in self.weights]
        self.updates = [torch.zeros(()) for _ in self.weights]

    @torch.no_grad()
    def step(self, rate: float, momentum: float) -> None:
        """One update by the gradients, which are then cleared."""
        gradients = [weight.grad for weight in self.weights]
        adam(
            self.weights, gradients, self.means, self.squares, [], self.updates, amsgrad=False, beta1=momentum,
            beta2=0.99, lr=rate, weight_decay=0.0, eps=1e-8, maximize=False, fused=True,
        )  # fmt: skip
        for weight in self.weights:
            weight.grad = None


class _Scale(nn.Module):
    """Scales the input to numbers around 1."""

    def __init__(self, factor: float):
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


def _network(inputs: int, outputs: int, random: torch.Generator) -> nn.Sequential:
    """A network whose initial weights depend on `random` alone."""
    sizes = [inputs, WIDTH, WIDTH, outputs]
    layers: list[nn.Module] = [_Scale(3.0)] if inputs == 2 else []
    for before, after in zip(sizes, sizes[1:], strict=False):
        with torch.random.fork_rng(devices=()):  # its own initial weights are replaced, and must take no random numbers
            layer = nn.Linear(before, after)
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=random)
        nn.init.uniform_(layer.bias, -0.5, 0.5, generator=random)  # else all kinks would go through the origin
        layers += [layer, nn.LeakyReLU(0.2)]
    layers.pop()
    return nn.Sequential(*layers, *([_Scale(0.5)] if outputs == 2 else []))


# ---- A picture of it

FAKE_PLACE, REAL_PLACE = (70, 110, 190), (240, 150, 50)  # blue where it sees generated points, orange where real ones
REAL, GENERATED, RIM = (20, 20, 30), (215, 0, 120), (255, 255, 255)
REACH = 1.4  # half the side of the picture, in the plane
ARROWS, ARROW = 60, 30  # number of lines; pixels for a push of 1, and at most


def draw(game: Game, size: int = 400) -> Image.Image:
    """A square picture: the discriminator's field, from blue (generated) over white (undecided) to orange (real); real
    points as small black dots; generated ones as magenta dots, some with a line that shows where, and how strongly, they
    are pushed."""
    large = 2 * size  # reduced afterwards, which smooths the edges
    side = game.field()[..., None] * 2 - 1
    towards = np.where(side > 0, np.float32(REAL_PLACE), np.float32(FAKE_PLACE))
    colours = 255 + (towards - 255) * np.abs(side)
    picture = Image.fromarray(colours.astype(np.uint8)).resize((large, large), Image.Resampling.BILINEAR)
    pen = ImageDraw.Draw(picture)

    def pixels(points: Tensor) -> list[list[float]]:
        points = points.detach().nan_to_num(99).clamp(-99, 99) * torch.tensor([1.0, -1.0])
        return ((points / REACH + 1) * (large / 2)).tolist()

    for x, y in pixels(game.shape.draw(SHOWN, torch.Generator().manual_seed(0))):
        pen.ellipse((x - 4, y - 4, x + 4, y + 4), fill=REAL)
    points = game.generate(game.shown).detach()
    pushes = game.pushes(points[:ARROWS])
    length = pushes.norm(dim=1, keepdim=True).clamp_min(1e-12)
    ends = points[:ARROWS] + pushes / length * length.clamp_max(1) * (ARROW * 2 * REACH / size)
    for start, end in zip(pixels(points[:ARROWS]), pixels(ends), strict=True):
        pen.line((*start, *end), fill=GENERATED, width=4)
    for x, y in pixels(points):
        pen.ellipse((x - 7, y - 7, x + 7, y + 7), fill=GENERATED, outline=RIM, width=2)
    return picture.reduce(2)
