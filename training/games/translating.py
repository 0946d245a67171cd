"""The game of translating pictures between kinds, without pairs (network: gan_models/networks/translate.py).

Each real picture is translated into a random other kind. The discriminator has to tell real pictures of that kind from
translated ones. Translated back, a picture should be the original (the cycle), and translated into its own kind it should
not change (CycleGAN: Zhu et al. 2017, arXiv:1703.10593).
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from gan_models.rng import Stream

from ..losses import Loss
from ..recipes import Recipe, RecipeError
from .adversarial import Game
from .batch import Batch
from .state import State


class Translated(NamedTuple):
    """The network's outputs for a batch."""

    kinds: Tensor  # (n, K) of the real pictures, one-hot
    wanted: Tensor  # (n, K) the kinds into which they were translated
    fake: Tensor  # (n, C, S, S)


class Translating(Game):
    """Translation without pairs, see the docstring of this file."""

    @dataclass(frozen=True)
    class Terms:
        adversarial: float = 1.0  # the objective's generator loss
        cycle: float = 10.0  # absolute difference between a picture and its translation there and back
        identity: float = 2.0  # absolute difference between a picture and its translation into its own kind

    pairs, draws, sorts, scores_apart = ("translate",), False, True, True

    @classmethod
    def check(cls, recipe: Recipe, terms: Terms) -> None:
        if not recipe.conditional:
            raise RecipeError("The game translating needs kinds to translate between: --set conditional=true.")

    def generate(self, state: State, batch: Batch) -> Translated:
        kinds, count = batch.labels, batch.labels.shape[1]
        step = 1 + (batch.uniform(Stream.TARGETS)[:, None] * (count - 1)).long().clamp_max(count - 2)
        wanted = torch.zeros_like(kinds).scatter_(1, (kinds.argmax(1, keepdim=True) + step) % count, 1.0)
        return Translated(kinds, wanted, state.generator.draw(batch.real, wanted))

    def discriminator_loss(self, state: State, batch: Batch, generated: Translated) -> Loss:
        judge, drawn = state.discriminator.judge, generated.fake.detach()
        real, fake = judge(batch.real, generated.kinds), judge(drawn, generated.wanted)
        loss, _ = self.objective.discriminator(real, fake)
        return loss, {"discriminator_loss": loss, "real_score": real.mean(), "fake_score": fake.mean()}

    def generator_loss(self, state: State, batch: Batch, generated: Translated) -> Loss:
        terms, draw = self.terms, state.generator.draw
        loss, _ = self.objective.generator(None, state.discriminator.judge(generated.fake, generated.wanted))
        scalars = {"generator_loss": loss}
        loss = terms.adversarial * loss
        for name, pictures in (("cycle", generated.fake), ("identity", batch.real)):
            if weight := getattr(terms, name):
                scalars[name] = (draw(pictures, generated.kinds) - batch.real).abs().mean()
                loss = loss + weight * scalars[name]
        return loss, scalars
