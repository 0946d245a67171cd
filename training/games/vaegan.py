"""VAE-GAN: a variational autoencoder whose similarity is learned by the discriminator."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from gan_models.networks.layers import upcast
from gan_models.rng import Stream

from .. import losses
from ..losses import Loss
from .adversarial import Batch, Game
from .state import State


class Autoencoded(NamedTuple):
    """The outputs of encoder and generator for a batch."""

    fake: Tensor  # (n, C, H, W) from the latents
    divergence: Tensor  # of the encoder's distribution from the prior
    reconstructed: Tensor  # (n, C, H, W) from the encodings of the real pictures
    redrawn: Tensor  # the same pictures without a gradient to the encoder


class VAEGAN(Game):
    """VAE-GAN (Larsen et al. 2016, arXiv:1512.09300): a picture and its reconstruction should have similar features in
    the discriminator. The adversarial term passes no gradient to the encoder, as in the paper's algorithm 1."""

    @dataclass(frozen=True)
    class Terms:
        adversarial: float = 1.0  # the objective's generator loss
        reconstruction: float = 0.0  # in the discriminator's features
        divergence: float = 0.0  # KL divergence of the encoder's distribution from the prior

    pairs, penalised, sums, remedies = ("vaegan",), True, ("reconstruction",), ("smoother", "noise")

    def generate(self, state: State, batch: Batch) -> Autoencoded:
        mean, log_variance = state.generator.encoder(batch.real)
        noise = batch.normal(Stream.ENCODER, state.generator.latent_dim)
        encoded = mean + (log_variance / 2).exp() * noise
        fake, reconstructed, redrawn = state.generator(torch.cat([batch.latents, encoded, encoded.detach()])).chunk(3)
        return Autoencoded(fake, losses.kl_divergence(upcast(mean), upcast(log_variance)), reconstructed, redrawn)

    def discriminator_loss(self, state: State, batch: Batch, generated: Autoencoded) -> Loss:
        D, fake, redrawn = self.discriminator(state, batch), generated.fake.detach(), generated.redrawn.detach()
        on_real, on_fake, on_redrawn = D(batch.real), D(fake, fake=True), D(redrawn, fake=True)
        loss, scalars = self.tell_apart(on_real.scores, on_fake.scores, on_redrawn.scores)
        return self.penalise(state, batch, D, fake, loss, scalars)

    def generator_loss(self, state: State, batch: Batch, generated: Autoencoded) -> Loss:
        terms, D = self.terms, self.discriminator(state, batch)
        on_real = D(batch.real)
        on_fake, on_redrawn, on_reconstructed = (
            D(images, fake=True) for images in (generated.fake, generated.redrawn, generated.reconstructed)
        )
        loss, scalars = self.objective.generator(upcast(on_real.scores), upcast(on_fake.scores))
        loss = (loss + self.objective.generator(upcast(on_real.scores), upcast(on_redrawn.scores))[0]) / 2
        reconstruction = losses.feature_reconstruction(upcast(on_real.features), upcast(on_reconstructed.features))
        scalars |= {"generator_loss": loss, "reconstruction": reconstruction, "divergence": generated.divergence}
        loss = terms.adversarial * loss + terms.reconstruction * reconstruction
        return loss + terms.divergence * generated.divergence, scalars
