"""The games that networks play: who draws what, and what each player minimises.

A game is three functions of one step's `Batch`: `draw` (what the generator makes), `discriminator_loss` and `generator_loss`. The loop
does the rest, the same for all. An encoder is a part of the generator, and so moves with it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gan_models.base import Verdict
from gan_models.latents import Stream, philox

from . import augment, losses, penalties
from .losses import OBJECTIVES, Loss
from .recipes import Recipe, at

if TYPE_CHECKING:
    from .loop import State


@dataclass(frozen=True)
class Batch:
    """One process's share of a step: images number `first`, `first` + 1, ... of the run. Whatever is random about image i is a
    function of (seed, i) alone."""

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


class Drawn(NamedTuple):
    """What the generator made of a batch, with its graph."""

    fake: Tensor  # from the latents
    encoded: Tensor | None = None  # (n, latent_dim) latents of the real pictures
    divergence: Tensor | None = None  # of their distribution from the prior
    reconstructed: Tensor | None = None  # drawn from them
    redrawn: Tensor | None = None  # the same pictures, but without a way back to the encoder


class Adversarial:
    """The plain game: a generator against a discriminator, with labels or without, and with whatever terms the recipe weighs."""

    def __init__(self, recipe: Recipe, device: torch.device):
        self.recipe, self.objective = recipe, OBJECTIVES[recipe.objective]
        self.teacher = _teacher(device) if recipe.perceptual else None

    def draw(self, state: "State", batch: Batch) -> Drawn:
        return Drawn(state.generator(batch.latents, batch.labels))

    def discriminator_loss(self, state: "State", batch: Batch, drawn: Drawn) -> Loss:
        """Real and generated pictures pass separately, so BatchNorm does not mix them."""
        recipe, fake = self.recipe, drawn.fake.detach()
        look = self._look(state, batch)
        on_real, on_fake = look(batch.real, 0), look(fake, 1)
        loss, scalars = self.objective.discriminator(wide(on_real.scores), wide(on_fake.scores))
        scalars |= {"discriminator_loss": loss, "real_score": on_real.scores.mean(), "fake_score": on_fake.scores.mean()}
        if recipe.auxiliary:
            scalars["real_classification"] = losses.classification(wide(on_real.logits), batch.labels, state.generator.multi_label)
            loss = loss + recipe.auxiliary * scalars["real_classification"]
        if recipe.information:
            scalars["information"] = self._information(state, batch, on_fake)
            loss = loss + recipe.information * scalars["information"]
        if recipe.clustering:
            scalars["clustering"] = self._clustering(state, batch, on_real)
            loss = loss + recipe.clustering * scalars["clustering"]
        return self._penalised(state, loss, scalars, {"real": batch.real, "fake": fake}, batch,
                               lambda side: lambda images: look(images, side).scores)

    def generator_loss(self, state: "State", batch: Batch, drawn: Drawn) -> Loss:
        """Through the discriminator just updated, which is frozen meanwhile."""
        recipe, look = self.recipe, self._look(state, batch)
        matched = recipe.feature_matching or self.objective.paired
        on_real = look(batch.real, 0) if matched else None
        on_fake = look(drawn.fake, 1)
        loss, scalars = self.objective.generator(wide(on_real.scores) if on_real else None, wide(on_fake.scores))
        scalars["generator_loss"] = loss
        loss = loss * recipe.adversarial
        if recipe.auxiliary:
            scalars["fake_classification"] = losses.classification(wide(on_fake.logits), batch.labels, state.generator.multi_label)
            loss = loss + recipe.auxiliary * scalars["fake_classification"]
        if recipe.information:
            scalars["information"] = self._information(state, batch, on_fake)
            loss = loss + recipe.information * scalars["information"]
        if recipe.feature_matching:
            scalars["feature_matching"] = losses.feature_matching(everyone(on_real.features), everyone(on_fake.features))
            loss = loss + recipe.feature_matching * scalars["feature_matching"]
        if recipe.perceptual:
            scalars["perceptual"] = losses.feature_matching(everyone(self._seen(batch.real)), everyone(self._seen(drawn.fake)))
            loss = loss + recipe.perceptual * scalars["perceptual"]
        return loss, scalars

    def _look(self, state: "State", batch: Batch, latents: tuple[Tensor, Tensor] | None = None) -> Callable[[Tensor, int], Verdict]:
        """The discriminator as it sees pictures: with instance noise (Soenderby et al. 2017, arXiv:1610.04490) and augmentation.
        The second argument is 0 for real and 1 for generated pictures, which get numbers of their own (and latents, where it judges pairs)."""
        recipe, seen = self.recipe, state.images
        noise, strength = at(recipe.instance_noise, seen), at(recipe.augment, seen)
        noises = batch.normal(Stream.NOISE, 2, *batch.real.shape[1:]) if noise else None
        randoms = batch.uniform(Stream.AUGMENT, 2, augment.RANDOMS) if strength else None

        def look(images: Tensor, side: int) -> Verdict:
            if noise:
                images = images + noise * noises[:, side]
            if strength:
                images = augment.augment(images, randoms[:, side], strength, recipe.augment_policies)
            return state.discriminator(images, batch.labels, *([latents[side]] if latents else []))

        return look

    def _penalised(self, state: "State", loss: Tensor, scalars: dict, pictures: dict[str, Tensor], batch: Batch,
                   score: Callable[[int], Callable[[Tensor], Tensor]]) -> Loss:
        """The loss with its gradient penalties; score(side) is the discriminator as a function of real (0) or generated (1) pictures."""
        recipe, step = self.recipe, state.images // self.recipe.batch_size
        if step % recipe.penalty_every == 0:
            for side, (name, gamma, kind) in enumerate((("r1", recipe.r1, "real"), ("r2", recipe.r2, "fake"))):
                if weight := at(gamma, state.images):
                    scalars[name] = penalties.zero_centred(score(side), pictures[kind])
                    loss = loss + weight * recipe.penalty_every * scalars[name]
            if recipe.gradient_penalty:
                t = batch.uniform(Stream.INTERPOLATION)
                scalars["gradient_penalty"] = penalties.one_centred(score(1), pictures["real"], pictures["fake"], t)
                loss = loss + recipe.gradient_penalty * recipe.penalty_every * scalars["gradient_penalty"]
        return loss, scalars

    def _information(self, state: "State", batch: Batch, on_fake: Verdict) -> Tensor:
        return losses.information(wide(on_fake.logits), *state.generator.codes(batch.latents))

    def _clustering(self, state: "State", batch: Batch, on_real: Verdict) -> Tensor:
        warped = augment.warp(batch.real, batch.uniform(Stream.WARP, augment.WARPS))
        logits = on_real.logits, state.discriminator(warped, batch.labels).logits
        return losses.clustering(*(everyone(some)[:, :state.generator.categories] for some in logits))

    def _seen(self, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, enabled=False):
            return self.teacher(images.float()).features


class VAEGAN(Adversarial):
    """VAE-GAN (Larsen et al. 2016, arXiv:1512.09300): what an encoder makes of a picture must be drawn so that the discriminator's
    features cannot tell the two apart. The adversarial term does not reach the encoder, as in the paper's algorithm 1."""

    def draw(self, state: "State", batch: Batch) -> Drawn:
        mean, log_variance = state.generator.encoder(batch.real)
        noise = batch.normal(Stream.ENCODER, state.generator.latent_dim)
        encoded = mean + (log_variance / 2).exp() * noise
        fake, reconstructed, redrawn = state.generator(torch.cat([batch.latents, encoded, encoded.detach()])).chunk(3)
        return Drawn(fake, encoded, losses.divergence(wide(mean), wide(log_variance)), reconstructed, redrawn)

    def discriminator_loss(self, state: "State", batch: Batch, drawn: Drawn) -> Loss:
        look = self._look(state, batch)
        fake, redrawn = drawn.fake.detach(), drawn.redrawn.detach()
        on_real, on_fake, on_redrawn = (look(images, side) for images, side in ((batch.real, 0), (fake, 1), (redrawn, 1)))
        loss, scalars = self.objective.discriminator(wide(on_real.scores), wide(on_fake.scores))
        loss = (loss + self.objective.discriminator(wide(on_real.scores), wide(on_redrawn.scores))[0]) / 2
        scalars |= {"discriminator_loss": loss, "real_score": on_real.scores.mean(), "fake_score": on_fake.scores.mean()}
        return self._penalised(state, loss, scalars, {"real": batch.real, "fake": fake}, batch,
                               lambda side: lambda images: look(images, side).scores)

    def generator_loss(self, state: "State", batch: Batch, drawn: Drawn) -> Loss:
        recipe, look = self.recipe, self._look(state, batch)
        on_real = look(batch.real, 0)
        on_fake, on_redrawn, on_reconstructed = (look(images, 1) for images in (drawn.fake, drawn.redrawn, drawn.reconstructed))
        loss, scalars = self.objective.generator(wide(on_real.scores), wide(on_fake.scores))
        loss = (loss + self.objective.generator(wide(on_real.scores), wide(on_redrawn.scores))[0]) / 2
        reconstruction = losses.similarity(wide(on_real.features), wide(on_reconstructed.features))
        scalars |= {"generator_loss": loss, "reconstruction": reconstruction, "divergence": drawn.divergence}
        loss = recipe.adversarial * loss + recipe.reconstruction * reconstruction + recipe.divergence * drawn.divergence
        return loss, scalars


class BiGAN(Adversarial):
    """BiGAN (Donahue et al. 2017, arXiv:1605.09782): the discriminator judges pairs, a real picture with its encoding or a latent's
    picture with the latent; both can only be alike when encoder and generator are each other's inverse."""

    def draw(self, state: "State", batch: Batch) -> Drawn:
        return Drawn(state.generator(batch.latents, batch.labels), state.generator.encoder(batch.real)[0])

    def _sides(self, state: "State", batch: Batch, drawn: Drawn):
        """The discriminator as a function of pictures, for each kind of pair."""
        look = self._look(state, batch, (drawn.encoded, batch.latents))
        return lambda side: lambda images: look(images, side).scores

    def discriminator_loss(self, state: "State", batch: Batch, drawn: Drawn) -> Loss:
        drawn = Drawn(drawn.fake.detach(), drawn.encoded.detach())
        score = self._sides(state, batch, drawn)
        on_real, on_fake = score(0)(batch.real), score(1)(drawn.fake)
        loss, scalars = self.objective.discriminator(wide(on_real), wide(on_fake))
        scalars |= {"discriminator_loss": loss, "real_score": on_real.mean(), "fake_score": on_fake.mean()}
        return self._penalised(state, loss, scalars, {"real": batch.real, "fake": drawn.fake}, batch, score)

    def generator_loss(self, state: "State", batch: Batch, drawn: Drawn) -> Loss:
        score = self._sides(state, batch, drawn)
        on_real, on_fake = wide(score(0)(batch.real)), wide(score(1)(drawn.fake))
        loss, scalars = self.objective.generator(on_real, on_fake)
        if not self.objective.paired:  # the encoder's half of the game: its pairs should pass for the generator's
            loss = loss + self.objective.generator(None, -on_real)[0]
        return loss, scalars | {"generator_loss": loss}


class Moments(Adversarial):
    """No discriminator: an autoencoder of real pictures gives a latent space, and the generator is moved until the distributions
    of codes of real and generated pictures match (Li et al. 2015, arXiv:1502.02761). The autoencoder also has to redraw what is generated,
    since a code says nothing about what the encoder does not see."""

    def discriminator_loss(self, state: "State", batch: Batch, drawn: Drawn) -> Loss:
        loss = (batch.real - state.discriminator.reconstruct(batch.real)).square().mean()
        return loss, {"reconstruction": loss}

    def generator_loss(self, state: "State", batch: Batch, drawn: Drawn) -> Loss:
        with torch.no_grad():
            real = state.discriminator.encode(batch.real)
        codes = state.discriminator.encode(drawn.fake)
        found = losses.discrepancy(everyone(wide(codes)), everyone(wide(real)))
        redrawn = (drawn.fake - state.discriminator.decode(codes)).square().mean()
        loss = found + self.recipe.reconstruction * redrawn
        return loss, {"discrepancy": found, "generator_loss": loss}


GAMES = {"adversarial": Adversarial, "vaegan": VAEGAN, "bigan": BiGAN, "moments": Moments}


def wide(x: Tensor) -> Tensor:
    """In at least float32, as losses are computed."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def everyone(x: Tensor) -> Tensor:
    """The rows of all processes, (processes x n, ...), for losses that look at a whole batch. With gradients averaged over the processes
    afterwards, as the loop does, the result is that of one process with the whole batch."""
    x = wide(x)
    if not torch.distributed.is_initialized() or torch.distributed.get_world_size() == 1:
        return x
    from torch.distributed.nn.functional import all_gather  # differentiable, unlike Accelerate's gather

    return torch.cat(all_gather(x.contiguous()))


def _teacher(device: torch.device) -> torch.nn.Module:
    """A network that reads digits and is not trained: never the one that judges the results."""
    from . import judges

    return judges.read("mnist-teacher").to(device).requires_grad_(False).eval()
