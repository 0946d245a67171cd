"""Semi-supervised learning: the discriminator classifies pictures into K classes and "generated" (Salimans et al. 2016,
arXiv:1606.03498). Networks: gan_models/networks/classifying.py.

Most pictures have no label. From these the discriminator learns that real pictures are of one of the classes and
generated ones are not, and that an augmented picture has the class of the picture, if that is sure (FixMatch: Sohn et
al. 2020, arXiv:2001.07685). A generator that matches the means of features draws near the data but not on it, which
helps a classifier most (Dai et al. 2017, arXiv:1705.09783).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gan_models.networks.layers import upcast
from gan_models.rng import Stream, philox

from .. import augment
from ..data.dataset import to_float
from ..losses import Loss
from ..recipes import Recipe, RecipeError
from .adversarial import Adversarial, Batch, Generated
from .state import State


class SemiSupervised(Adversarial):
    """The plain game with a discriminator that also learns classes from a few labelled pictures."""

    @dataclass(frozen=True)
    class Terms(Adversarial.Terms):
        supervised: float = 1.0  # cross-entropy of augmented labelled pictures
        unsupervised: float = 1.0  # the objective's loss of unlabelled and generated pictures
        consistency: float = 0.0  # cross-entropy of augmented pictures with the sure class of the picture itself
        sure: float = 0.95  # probability from which that class is used

    in_parts = False  # all labelled pictures could be in one part
    pairs, reads_labels = ("classifying",), True

    @classmethod
    def check(cls, recipe: Recipe, terms: Terms) -> None:
        super().check(recipe, terms)
        if recipe.conditional:
            raise RecipeError("The game semisupervised draws without labels: --set conditional=false.")

    @cached_property
    def labelled(self) -> np.ndarray:
        """(n,) indices of the pictures with labels."""
        return np.flatnonzero(self.dataset.labels >= 0)

    def examples(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """As many labelled pictures as the batch has, drawn with replacement and augmented, and their classes (n,)."""
        picks = [philox(batch.seed, batch.first + k, Stream.EXAMPLES).integers(2**32) for k in range(len(batch.real))]
        pictures, labels = self.dataset.batch(self.labelled[np.array(picks) % len(self.labelled)])
        pictures = to_float(pictures.to(batch.real.device)).to(batch.real)
        return self.changed(pictures, batch.uniform(Stream.WARP, 2, self.numbers)[:, 0]), labels.to(pictures.device)

    @property
    def numbers(self) -> int:
        return augment.WARPS if self.recipe.image_channels == 1 else augment.RANDOMS + 1

    def changed(self, images: Tensor, randoms: Tensor) -> Tensor:
        """Augmented pictures: digits as if in another handwriting; photographs with shifts, other colours, some
        mirrored."""
        if self.recipe.image_channels == 1:
            return augment.warp(images, randoms)
        mirrored = torch.where(randoms[:, -1, None, None, None] < 0.5, images.flip(3), images)
        return augment.augment(mirrored, randoms[:, :-1], 1.0, ("color", "translation", "cutout"))

    def discriminator_loss(self, state: State, batch: Batch, generated: Generated) -> Loss:
        terms, (pictures, labels) = self.terms, self.examples(batch)
        told = upcast(state.discriminator(pictures).logits)
        supervised = F.cross_entropy(told, labels)
        loss, scalars = terms.supervised * supervised, {"supervised": supervised}
        if terms.unsupervised:
            unsupervised, more = super().discriminator_loss(state, batch, generated)
            loss, scalars = loss + terms.unsupervised * unsupervised, scalars | more
        if terms.consistency:
            with torch.no_grad():
                sure, guessed = upcast(state.discriminator(batch.real).logits).softmax(1).max(1)
            copies = self.changed(batch.real, batch.uniform(Stream.WARP, 2, self.numbers)[:, 1])
            read = upcast(state.discriminator(copies).logits)
            counted = (sure > terms.sure).to(read)
            scalars["consistency"] = (F.cross_entropy(read, guessed, reduction="none") * counted).mean()
            scalars["sure"] = counted.mean()
            loss = loss + terms.consistency * scalars["consistency"]
        return loss, scalars
