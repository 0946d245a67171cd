"""The game of an encoder for a trained generator, which stays unchanged (networks: gan_models/networks/invertible.py).

This is in-domain inversion (Zhu et al. 2020, arXiv:2004.00049). The encoder learns from generated pictures, whose
latents and labels are known, and from real ones: the generator reconstructs them from the encoder's latents. The result
should be similar to the photo, and a discriminator should take it for real.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from gan_models.networks.base import Generator, encode_labels
from gan_models.networks.invertible import coarse_and_fine, labels_of
from gan_models.networks.layers import upcast

from .. import losses
from ..losses import Loss
from ..recipes import Recipe
from .adversarial import Batch, Game
from .state import State


class Inverted(NamedTuple):
    """The outputs of encoder and generator for a batch."""

    latents: Tensor  # (n, latent_dim) the encoder's, for pictures from the batch's latents
    logits: Tensor | None  # (n, K) of the labels, for the same pictures
    reconstructed: Tensor  # the real pictures, encoded and drawn again


class Inverting(Game):
    """In-domain inversion, see the docstring of this file."""

    @dataclass(frozen=True)
    class Terms:
        adversarial: float = 1.0  # the objective's generator loss
        reconstruction: float = 0.0  # of real pictures
        latent_regression: float = 0.0  # of latents and labels of generated pictures

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
    """Freeze everything but the encoder: no gradients, fixed BatchNorm statistics."""
    generator.requires_grad_(False).eval()
    generator.encoder.requires_grad_(True).train()
