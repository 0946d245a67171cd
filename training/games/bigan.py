"""BiGAN: the discriminator scores pairs of a picture and a latent."""

from typing import NamedTuple

from torch import Tensor

from gan_models.networks.layers import upcast

from ..losses import Loss
from .adversarial import Batch, Game
from .state import State


class Pairs(NamedTuple):
    """The outputs of encoder and generator for a batch."""

    fake: Tensor  # (n, C, H, W) from the latents
    encoded: Tensor  # (n, latent_dim) of the real pictures


class BiGAN(Game):
    """BiGAN (Donahue et al. 2017, arXiv:1605.09782): the discriminator has to tell a real picture with its encoding from
    a generated picture with its latent. Both kinds of pairs can only have the same distribution if encoder and
    generator are inverse to each other."""

    pairs, penalised, remedies = ("bigan",), True, ("smoother", "noise")

    def generate(self, state: State, batch: Batch) -> Pairs:
        fake = state.generator(batch.latents, batch.labels)
        return Pairs(fake, upcast(state.generator.encoder(batch.real)[0]))  # penalties use pairs outside autocast

    def discriminator_loss(self, state: State, batch: Batch, generated: Pairs) -> Loss:
        fake, encoded = generated.fake.detach(), generated.encoded.detach()
        D = self.discriminator(state, batch, (encoded, batch.latents))
        loss, scalars = self.tell_apart(D(batch.real).scores, D(fake, fake=True).scores)
        return self.penalise(state, batch, D, fake, loss, scalars)

    def generator_loss(self, state: State, batch: Batch, generated: Pairs) -> Loss:
        D = self.discriminator(state, batch, (generated.encoded, batch.latents))
        on_real, on_fake = upcast(D(batch.real).scores), upcast(D(generated.fake, fake=True).scores)
        loss, scalars = self.objective.generator(on_real, on_fake)
        if not self.objective.paired:  # the encoder's loss: its pairs should be taken for generated ones
            loss = loss + self.objective.generator(None, -on_real)[0]
        return loss, scalars | {"generator_loss": loss}
