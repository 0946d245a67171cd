"""The games that networks play: who draws what, and what each player minimises.

A game is three functions of one step's `Batch`: `draw` (what the generator makes), `discriminator_loss` and
`generator_loss`. The loop does the rest, the same for all. An encoder is a part of the generator, and so moves with it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gan_models.networks.base import DiscriminatorOutput
from gan_models.networks.layers import upcast
from gan_models.rng import Stream, philox

from .. import augment, losses, penalties
from ..losses import OBJECTIVES, Loss
from ..recipes import Recipe, at
from ..state import State


@dataclass(frozen=True)
class Batch:
    """One process's share of a step: images number `first`, `first` + 1, ... of the run. Whatever is random about image
    i is a function of (seed, i) alone."""

    real: Tensor  # (n, C, H, W) in [-1, 1]
    labels: Tensor | None  # as the networks take them
    latents: Tensor  # (n, latent_dim)
    first: int
    seed: int
    numbers: Tensor | None = None  # (n,) int64 file numbers, where the data has them

    def normal(self, stream: Stream, *shape: int) -> Tensor:
        """(n, *shape) standard normal."""
        return self._random(stream, lambda random: random.standard_normal(shape, np.float32))

    def uniform(self, stream: Stream, *shape: int) -> Tensor:
        """(n, *shape) in 0..1."""
        return self._random(stream, lambda random: random.random(shape, np.float32))

    def _random(self, stream: Stream, draw: Callable[[np.random.Generator], np.ndarray]) -> Tensor:
        rows = [draw(philox(self.seed, self.first + k, stream)) for k in range(len(self.real))]
        return torch.from_numpy(np.stack(rows)).to(self.real)


class Generated(NamedTuple):
    """What the generator made of a batch, with its graph."""

    fake: Tensor  # from the latents
    encoded: Tensor | None = None  # (n, latent_dim) latents of the real pictures
    divergence: Tensor | None = None  # of their distribution from the prior
    reconstructed: Tensor | None = None  # drawn from them
    redrawn: Tensor | None = None  # the same pictures, but without a way back to the encoder


class Adversarial:
    """The plain game: a generator against a discriminator, with labels or without, and with whatever terms the recipe
    weighs."""

    def __init__(self, recipe: Recipe, device: torch.device):
        self.recipe, self.objective = recipe, OBJECTIVES[recipe.objective]
        self.teacher = _teacher(device) if recipe.perceptual else None

    def generator_moves(self, state: State) -> bool:
        """Whether the generator learns yet."""
        return True

    def draw(self, state: State, batch: Batch) -> Generated:
        return Generated(state.generator(batch.latents, batch.labels))

    def discriminator_loss(self, state: State, batch: Batch, drawn: Generated) -> Loss:
        """Real and generated pictures pass separately, so BatchNorm does not mix them."""
        recipe, fake = self.recipe, drawn.fake.detach()
        look = self._look(state, batch)
        on_real, on_fake = look(batch.real, 0), look(fake, 1)
        loss, scalars = self.objective.discriminator(upcast(on_real.scores), upcast(on_fake.scores))
        scalars |= {
            "discriminator_loss": loss,
            "real_score": on_real.scores.mean(),
            "fake_score": on_fake.scores.mean(),
        }
        if recipe.auxiliary:
            scalars["real_classification"] = losses.classification(
                upcast(on_real.logits), batch.labels, state.generator.multi_label
            )
            loss = loss + recipe.auxiliary * scalars["real_classification"]
        if recipe.information:
            scalars["information"] = self._information(state, batch, on_fake)
            loss = loss + recipe.information * scalars["information"]
        if recipe.clustering:
            scalars["clustering"] = self._clustering(state, batch, on_real)
            loss = loss + recipe.clustering * scalars["clustering"]
        return self._penalised(
            state,
            loss,
            scalars,
            {"real": batch.real, "fake": fake},
            batch,
            lambda side: lambda images: look(images, side).scores,
        )

    def generator_loss(self, state: State, batch: Batch, drawn: Generated) -> Loss:
        """Through the discriminator just updated, which is frozen meanwhile."""
        recipe, look = self.recipe, self._look(state, batch)
        matched = recipe.feature_matching or self.objective.paired
        on_real = look(batch.real, 0) if matched else None
        on_fake = look(drawn.fake, 1)
        loss, scalars = self.objective.generator(upcast(on_real.scores) if on_real else None, upcast(on_fake.scores))
        scalars["generator_loss"] = loss
        loss = loss * recipe.adversarial
        if recipe.auxiliary:
            scalars["fake_classification"] = losses.classification(
                upcast(on_fake.logits), batch.labels, state.generator.multi_label
            )
            loss = loss + recipe.auxiliary * scalars["fake_classification"]
        if recipe.information:
            scalars["information"] = self._information(state, batch, on_fake)
            loss = loss + recipe.information * scalars["information"]
        if recipe.feature_matching:
            scalars["feature_matching"] = losses.feature_matching(
                all_gather(on_real.features), all_gather(on_fake.features)
            )
            loss = loss + recipe.feature_matching * scalars["feature_matching"]
        if recipe.perceptual:
            scalars["perceptual"] = losses.feature_matching(
                all_gather(self._seen(batch.real)), all_gather(self._seen(drawn.fake))
            )
            loss = loss + recipe.perceptual * scalars["perceptual"]
        return loss, scalars

    def _look(
        self, state: State, batch: Batch, latents: tuple[Tensor, Tensor] | None = None
    ) -> Callable[[Tensor, int], DiscriminatorOutput]:
        """The discriminator as it sees pictures: with instance noise (Soenderby et al. 2017, arXiv:1610.04490) and
        augmentation. The second argument is 0 for real and 1 for generated pictures, which get numbers of their own
        (and latents, where it judges pairs)."""
        recipe, seen = self.recipe, state.images
        noise, strength = at(recipe.instance_noise, seen), at(recipe.augment, seen)
        noises = batch.normal(Stream.NOISE, 2, *batch.real.shape[1:]) if noise else None
        randoms = batch.uniform(Stream.AUGMENT, 2, augment.RANDOMS) if strength else None

        def look(images: Tensor, side: int) -> DiscriminatorOutput:
            if noise:
                images = images + noise * noises[:, side]
            if strength:
                images = augment.augment(images, randoms[:, side], strength, recipe.augment_policies)
            return state.discriminator(images, batch.labels, *([latents[side]] if latents else []))

        return look

    def _penalised(
        self,
        state: State,
        loss: Tensor,
        scalars: dict,
        pictures: dict[str, Tensor],
        batch: Batch,
        score: Callable[[int], Callable[[Tensor], Tensor]],
    ) -> Loss:
        """The loss with its gradient penalties; score(side) is the discriminator as a function of real (0) or generated
        (1) pictures."""
        recipe, step = self.recipe, state.images // self.recipe.batch_size
        if step % recipe.penalty_every == 0:
            for side, (name, gamma, kind) in enumerate((("r1", recipe.r1, "real"), ("r2", recipe.r2, "fake"))):
                if weight := at(gamma, state.images):
                    scalars[name] = penalties.zero_centered_gradient_penalty(score(side), pictures[kind])
                    loss = loss + weight * recipe.penalty_every * scalars[name]
            if recipe.gradient_penalty:
                t = batch.uniform(Stream.INTERPOLATION)
                scalars["gradient_penalty"] = penalties.wgan_gp(score(1), pictures["real"], pictures["fake"], t)
                loss = loss + recipe.gradient_penalty * recipe.penalty_every * scalars["gradient_penalty"]
        return loss, scalars

    def _information(self, state: State, batch: Batch, on_fake: DiscriminatorOutput) -> Tensor:
        return losses.mutual_information(upcast(on_fake.logits), *state.generator.codes(batch.latents))

    def _clustering(self, state: State, batch: Batch, on_real: DiscriminatorOutput) -> Tensor:
        warped = augment.warp(batch.real, batch.uniform(Stream.WARP, augment.WARPS))
        logits = on_real.logits, state.discriminator(warped, batch.labels).logits
        return losses.clustering(*(all_gather(some)[:, : state.generator.categories] for some in logits))

    def _seen(self, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, enabled=False):
            return self.teacher(images.float()).features


def all_gather(x: Tensor) -> Tensor:
    """The rows of all processes, (processes x n, ...), for losses that look at a whole batch. With gradients averaged
    over the processes afterwards, as the loop does, the result is that of one process with the whole batch."""
    x = upcast(x)
    if not torch.distributed.is_initialized() or torch.distributed.get_world_size() == 1:
        return x
    from torch.distributed.nn.functional import (
        all_gather,  # differentiable, unlike Accelerate's gather
    )

    return torch.cat(all_gather(x.contiguous()))


def _teacher(device: torch.device) -> torch.nn.Module:
    """A network that reads digits and is not trained: never the one that judges the results."""
    from ..judges import fit as judges

    return judges.read("mnist-teacher").to(device).requires_grad_(False).eval()
