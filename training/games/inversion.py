"""The game of an encoder for a generator that is there already and stays as it is (networks: gan_models/inversion.py).

The encoder learns from both sides: the latents and labels of generated pictures, which are known, and real pictures,
which have to be drawn again so that they are like the photo and a discriminator takes them for one: the in-domain
inversion of Zhu et al. 2020, arXiv:2004.00049.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from gan_models.inversion import coarse_and_fine
from gan_models.networks.base import Generator, encode_labels
from gan_models.networks.invertible import labels_of
from gan_models.networks.layers import upcast

from .. import losses
from ..losses import Loss
from ..state import State
from .adversarial import Adversarial, Batch


class Inverted(NamedTuple):
    """What encoder and generator make of a batch."""

    latents: Tensor  # (n, latent_dim) read in pictures that were drawn from the batch's
    logits: Tensor | None  # (n, K) of the labels, in the same
    reconstructed: Tensor  # the real pictures, read and drawn again


class Inverting(Adversarial):
    """The recipe weighs `reconstruction` (real pictures), `recovery` (latents and labels of generated ones) and
    `adversarial`."""

    def draw(self, state: State, batch: Batch) -> Inverted:
        generator = state.generator
        freeze(generator)
        with torch.no_grad():
            fake = generator(batch.latents, batch.labels)
        latents, logits = generator.read(torch.cat([batch.real, fake]))
        of_real, of_fake = latents.chunk(2)
        if logits is None:
            return Inverted(of_fake, None, generator(of_real))
        seen, asked = upcast(logits).chunk(2)
        labels = encode_labels(labels_of(generator, seen), generator.labels, generator.multi_label)
        return Inverted(of_fake, asked, generator(of_real, labels))

    def discriminator_loss(self, state: State, batch: Batch, drawn: Inverted) -> Loss:
        fake, look = drawn.reconstructed.detach(), self._look(state, batch)
        on_real, on_fake = look(batch.real, 0), look(fake, 1)
        loss, scalars = self.objective.discriminator(upcast(on_real.scores), upcast(on_fake.scores))
        scalars |= {
            "discriminator_loss": loss,
            "real_score": on_real.scores.mean(),
            "fake_score": on_fake.scores.mean(),
        }
        return self._penalised(
            state,
            loss,
            scalars,
            {"real": batch.real, "fake": fake},
            batch,
            lambda side: lambda images: look(images, side).scores,
        )

    def generator_loss(self, state: State, batch: Batch, drawn: Inverted) -> Loss:
        recipe, look = self.recipe, self._look(state, batch)
        on_real = look(batch.real, 0) if self.objective.paired else None
        adversarial, scalars = self.objective.generator(
            upcast(on_real.scores) if on_real else None, upcast(look(drawn.reconstructed, 1).scores)
        )
        reconstruction = coarse_and_fine(upcast(drawn.reconstructed), batch.real).mean()
        recovery = F.mse_loss(upcast(drawn.latents), batch.latents)
        if drawn.logits is not None:
            recovery = recovery + losses.classification(drawn.logits, batch.labels, state.generator.multi_label)
        scalars |= {"generator_loss": adversarial, "reconstruction": reconstruction, "recovery": recovery}
        return (
            recipe.reconstruction * reconstruction + recipe.recovery * recovery + recipe.adversarial * adversarial,
            scalars,
        )


def freeze(generator: Generator) -> None:
    """All but the encoder: no gradients, and BatchNorm's statistics as they are."""
    generator.requires_grad_(False).eval()
    generator.encoder.requires_grad_(True).train()
