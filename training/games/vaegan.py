"""VAE-GAN: an encoder, and similarity learned by the discriminator."""

import torch

from gan_models.networks.layers import upcast
from gan_models.rng import Stream

from .. import losses
from ..losses import Loss
from ..state import State
from .adversarial import Adversarial, Batch, Generated


class VAEGAN(Adversarial):
    """VAE-GAN (Larsen et al. 2016, arXiv:1512.09300): what an encoder makes of a picture must be drawn so that the
    discriminator's features cannot tell the two apart. The adversarial term does not reach the encoder, as in the
    paper's algorithm 1."""

    def draw(self, state: State, batch: Batch) -> Generated:
        mean, log_variance = state.generator.encoder(batch.real)
        noise = batch.normal(Stream.ENCODER, state.generator.latent_dim)
        encoded = mean + (log_variance / 2).exp() * noise
        fake, reconstructed, redrawn = state.generator(torch.cat([batch.latents, encoded, encoded.detach()])).chunk(3)
        return Generated(
            fake, encoded, losses.kl_divergence(upcast(mean), upcast(log_variance)), reconstructed, redrawn
        )

    def discriminator_loss(self, state: State, batch: Batch, drawn: Generated) -> Loss:
        look = self._look(state, batch)
        fake, redrawn = drawn.fake.detach(), drawn.redrawn.detach()
        on_real, on_fake, on_redrawn = (
            look(images, side) for images, side in ((batch.real, 0), (fake, 1), (redrawn, 1))
        )
        loss, scalars = self.objective.discriminator(upcast(on_real.scores), upcast(on_fake.scores))
        loss = (loss + self.objective.discriminator(upcast(on_real.scores), upcast(on_redrawn.scores))[0]) / 2
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

    def generator_loss(self, state: State, batch: Batch, drawn: Generated) -> Loss:
        recipe, look = self.recipe, self._look(state, batch)
        on_real = look(batch.real, 0)
        on_fake, on_redrawn, on_reconstructed = (
            look(images, 1) for images in (drawn.fake, drawn.redrawn, drawn.reconstructed)
        )
        loss, scalars = self.objective.generator(upcast(on_real.scores), upcast(on_fake.scores))
        loss = (loss + self.objective.generator(upcast(on_real.scores), upcast(on_redrawn.scores))[0]) / 2
        reconstruction = losses.feature_reconstruction(upcast(on_real.features), upcast(on_reconstructed.features))
        scalars |= {"generator_loss": loss, "reconstruction": reconstruction, "divergence": drawn.divergence}
        loss = recipe.adversarial * loss + recipe.reconstruction * reconstruction + recipe.divergence * drawn.divergence
        return loss, scalars
