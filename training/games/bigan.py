"""BiGAN: the discriminator judges pairs of picture and latent."""

from gan_models.networks.layers import upcast

from ..losses import Loss
from ..state import State
from .adversarial import Adversarial, Batch, Generated


class BiGAN(Adversarial):
    """BiGAN (Donahue et al. 2017, arXiv:1605.09782): the discriminator judges pairs, a real picture with its encoding
    or a latent's picture with the latent; both can only be alike when encoder and generator are each other's
    inverse."""

    def draw(self, state: State, batch: Batch) -> Generated:
        return Generated(state.generator(batch.latents, batch.labels), state.generator.encoder(batch.real)[0])

    def _sides(self, state: State, batch: Batch, drawn: Generated):
        """The discriminator as a function of pictures, for each kind of pair."""
        look = self._look(state, batch, (drawn.encoded, batch.latents))
        return lambda side: lambda images: look(images, side).scores

    def discriminator_loss(self, state: State, batch: Batch, drawn: Generated) -> Loss:
        drawn = Generated(drawn.fake.detach(), drawn.encoded.detach())
        score = self._sides(state, batch, drawn)
        on_real, on_fake = score(0)(batch.real), score(1)(drawn.fake)
        loss, scalars = self.objective.discriminator(upcast(on_real), upcast(on_fake))
        scalars |= {"discriminator_loss": loss, "real_score": on_real.mean(), "fake_score": on_fake.mean()}
        return self._penalised(state, loss, scalars, {"real": batch.real, "fake": drawn.fake}, batch, score)

    def generator_loss(self, state: State, batch: Batch, drawn: Generated) -> Loss:
        score = self._sides(state, batch, drawn)
        on_real, on_fake = upcast(score(0)(batch.real)), upcast(score(1)(drawn.fake))
        loss, scalars = self.objective.generator(on_real, on_fake)
        if not self.objective.paired:  # the encoder's half of the game: its pairs should pass for the generator's
            loss = loss + self.objective.generator(None, -on_real)[0]
        return loss, scalars | {"generator_loss": loss}
