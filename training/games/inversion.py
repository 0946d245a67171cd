"""The game of an encoder for a finished generator, which does not change (networks: gan_models/networks/invertible.py).

This is in-domain inversion (Zhu et al. 2020, arXiv:2004.00049). The encoder learns from generated pictures, whose
latents and labels are known, and from real ones: the generator draws them again from the encoder's latents, the result
should be like the photo, and a discriminator should take it for one.
"""

from dataclasses import dataclass
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
from ..recipes import Recipe
from ..state import State
from .adversarial import Batch, Game


class Inverted(NamedTuple):
    """What encoder and generator make of a batch."""

    latents: Tensor  # (n, latent_dim) read in pictures that were drawn from the batch's
    logits: Tensor | None  # (n, K) of the labels, in the same
    reconstructed: Tensor  # the real pictures, read and drawn again


class Inverting(Game):
    """As the file's head says."""

    @dataclass(frozen=True)
    class Terms:
        adversarial: float = 1.0  # the generator's loss of the objective
        reconstruction: float = 0.0  # of real pictures
        latent_regression: float = 0.0  # latents and labels of generated pictures

    pairs, penalised, sums, remedies = ("invertible",), True, ("reconstruction",), ("smoother", "noise")

    @classmethod
    def needs_model(cls, recipe: Recipe) -> bool:
        return True

    def prepare(self, state: State, batch: Batch) -> None:
        freeze(state.generator)

    def generate(self, state: State, batch: Batch) -> Inverted:
        generator = state.generator
        with torch.no_grad():
            fake = generator(batch.latents, batch.labels)
        latents, logits = generator.read(torch.cat([batch.real, fake]))
        of_real, of_fake = latents.chunk(2)
        if logits is None:
            return Inverted(of_fake, None, generator(of_real))
        logits_of_real, logits_of_fake = upcast(logits).chunk(2)
        labels = encode_labels(labels_of(generator, logits_of_real), generator.labels, generator.multi_label)
        return Inverted(of_fake, logits_of_fake, generator(of_real, labels))

    def discriminator_loss(self, state: State, batch: Batch, generated: Inverted) -> Loss:
        D, fake = self.discriminator(state, batch), generated.reconstructed.detach()
        loss, scalars = self.tell_apart(D(batch.real).scores, D(fake, fake=True).scores)
        return self.penalise(state, batch, D, fake, loss, scalars)

    def generator_loss(self, state: State, batch: Batch, generated: Inverted) -> Loss:
        terms, D = self.terms, self.discriminator(state, batch)
        on_real = upcast(D(batch.real).scores) if self.objective.paired else None
        on_fake = upcast(D(generated.reconstructed, fake=True).scores)
        adversarial, scalars = self.objective.generator(on_real, on_fake)
        reconstruction = coarse_and_fine(upcast(generated.reconstructed), batch.real).mean()
        regression = F.mse_loss(upcast(generated.latents), batch.latents)
        if generated.logits is not None:
            regression = regression + losses.classification(generated.logits, batch.labels, state.generator.multi_label)
        scalars |= {"generator_loss": adversarial, "reconstruction": reconstruction, "latent_regression": regression}
        loss = terms.reconstruction * reconstruction + terms.latent_regression * regression
        return loss + terms.adversarial * adversarial, scalars


def freeze(generator: Generator) -> None:
    """All but the encoder: no gradients, and BatchNorm's statistics as they are."""
    generator.requires_grad_(False).eval()
    generator.encoder.requires_grad_(True).train()
