"""Implicit generator: moments are matched in an autoencoder's latent space."""

from dataclasses import dataclass

import torch

from gan_models.networks.layers import upcast

from .. import losses
from ..losses import Loss
from ..recipes import Recipe, RecipeError
from .adversarial import Batch, Game, Generated
from .batch import all_gather
from .state import State


class Moments(Game):
    """A game without a discriminator: the generator learns to match the distributions of the codes of real and generated
    pictures in the latent space of an autoencoder of real pictures (Li et al. 2015, arXiv:1502.02761). The autoencoder
    also has to reconstruct generated pictures, since codes hold nothing that the encoder ignores."""

    @dataclass(frozen=True)
    class Terms:
        reconstruction: float = 0.0  # of generated pictures, through the autoencoder

    in_parts = False  # distributions of codes are compared
    pairs, sums, remedies = ("implicit",), ("reconstruction",), ("batch",)

    @classmethod
    def check(cls, recipe: Recipe, terms: Terms) -> None:
        if recipe.objective != "logistic":
            raise RecipeError("The game moments has no discriminator, so no objective can be set.")

    def generate(self, state: State, batch: Batch) -> Generated:
        return Generated(state.generator(batch.latents, batch.labels))

    def discriminator_loss(self, state: State, batch: Batch, generated: Generated) -> Loss:
        loss = (batch.real - state.discriminator.reconstruct(batch.real)).square().mean()
        return loss, {"reconstruction": loss}

    def generator_loss(self, state: State, batch: Batch, generated: Generated) -> Loss:
        with torch.no_grad():
            real = state.discriminator.encode(batch.real)
        codes = state.discriminator.encode(generated.fake)
        found = losses.mmd(all_gather(upcast(codes)), all_gather(upcast(real)))
        redrawn = (generated.fake - state.discriminator.decode(codes)).square().mean()
        loss = found + self.terms.reconstruction * redrawn
        return loss, {"discrepancy": found, "generator_loss": loss}
