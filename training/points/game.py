"""The game on points: two small networks, one step, what is measured."""

import math
import time
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.adam import adam

from ..losses import OBJECTIVES
from ..penalties import clip_weights, wgan_gp, zero_centered_gradient_penalty
from .settings import Settings
from .shapes import SHAPES, Shape

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
