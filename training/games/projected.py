"""A generator against discriminators on the features of a frozen network (Projected GAN: Sauer et al. 2021,
arXiv:2111.01007) and on pixels (Kumari et al. 2022, arXiv:2112.09130). Networks: gan_models/networks/projected.py.

The features are those of EfficientNet-Lite0, which learned from ImageNet (judges/general.py). Its maps at four strides
are normalised and mixed from coarse to fine by fixed random convolutions. Real and generated pictures are augmented
differently before (Zhao et al. 2020, arXiv:2006.10738). The features of a batch are computed once, for both players.
The discriminator on pixels sees the pictures as they are: of augmented ones it learned nothing in 25,000 images, and a
pattern of 8 pixels, which the features hardly show, spread over smooth skin.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from gan_models.networks.laplacian import LaplacianGenerator
from gan_models.networks.layers import upcast
from gan_models.networks.projected import Judged
from gan_models.rng import Stream

from .. import augment, losses
from ..judges import general
from ..losses import Loss
from ..recipes import Recipe, RecipeError
from .adversarial import Batch, Game
from .state import State


class Projected(NamedTuple):
    """The generated pictures of a batch, and the features of these and of the real ones."""

    fake: Tensor  # (n, C, H, W) with the graph
    small: Tensor | None  # the smaller generator's pictures, of a generator of two stages
    real_maps: list[Tensor]  # mixed features of the augmented pictures
    fake_maps: list[Tensor]


class Projecting(Game):
    """The generator waits while the normalisation of the features is estimated from real pictures."""

    @dataclass(frozen=True)
    class Terms:
        adversarial: float = 1.0  # the objective's generator loss
        auxiliary: float = 0.0  # the auxiliary classifiers' loss (needs discriminator.auxiliary)
        anchor: float = 0.0  # a generator of two stages: its picture, halved, should be the smaller generator's
        whole: bool = False  # a generator of two stages: train the smaller generator too
        strength: float = 1.0  # of the augmentation before the features, 0..1
        waits: int = 4_000  # images in which the normalisation is estimated

    pairs, scores_apart = ("projected", "projected-resnet", "laplacian"), True
    in_parts = False  # the maps' normalisation is fixed by whole batches

    @classmethod
    def check(cls, recipe: Recipe, terms: Terms) -> None:
        if recipe.image_channels != 3:
            raise RecipeError(
                "The game projected compares features of colour photographs: --set image_channels=3, or another game."
            )
        if not 0 <= terms.strength <= 1:
            raise RecipeError("strength is a number from 0 to 1.")
        if terms.auxiliary and not (recipe.conditional and recipe.discriminator.get("auxiliary")):
            raise RecipeError(
                "The loss of the auxiliary classifiers needs labels and classifiers: "
                "--set conditional=true and --set discriminator.auxiliary=true, or --set auxiliary=0."
            )
        if terms.anchor and recipe.networks != "laplacian":
            raise RecipeError(
                "The anchor needs a generator of two stages: --set networks=laplacian, or --set anchor=0."
            )
        if terms.whole and recipe.networks != "laplacian":
            raise RecipeError(
                "Only a generator of two stages has a smaller one: --set networks=laplacian, or --set whole=false."
            )

    @classmethod
    def needs_model(cls, recipe: Recipe) -> bool:
        return recipe.networks == "laplacian"

    @classmethod
    def features_of(cls, recipe: Recipe) -> str | None:
        return general.ABOUT

    def __init__(self, recipe: Recipe, device: torch.device):
        super().__init__(recipe, device)
        self.general = general.read(general.TRAINS).to(device)

    def generator_moves(self, state: State) -> bool:
        return state.images >= self.terms.waits

    def prepare(self, state: State, batch: Batch) -> None:
        state.discriminator.even.train(not self.generator_moves(state))

    def generate(self, state: State, batch: Batch) -> Projected:
        randoms = batch.uniform(Stream.AUGMENT, 2, augment.RANDOMS)
        staged = isinstance(state.generator, LaplacianGenerator)
        if staged:
            state.generator.base.requires_grad_(self.terms.whole)
        drawn = state.generator.both if staged else lambda *given: (state.generator(*given), None)
        fake, small = drawn(batch.latents, batch.labels)
        with torch.no_grad():
            real_maps = self.mixed(state, self.augmented(batch.real, randoms[:, 0]))
        state.discriminator.even.eval()
        return Projected(fake, small, real_maps, self.mixed(state, self.augmented(fake, randoms[:, 1])))

    def augmented(self, images: Tensor, randoms: Tensor) -> Tensor:
        """Pictures (n, 3, H, W) as the features are computed of them, by uniform randoms (n, augment.RANDOMS) in 0..1."""
        return augment.augment(images, randoms, self.terms.strength, self.recipe.augment_policies)

    def mixed(self, state: State, images: Tensor) -> list[Tensor]:
        """The three mixed maps of pictures (n, 3, H, W) in [-1, 1], at the size that the discriminator asks for."""
        size = state.discriminator.seen
        if images.shape[-1] != size:
            images = F.interpolate(images, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
        return state.discriminator.mixed(general.maps_of(self.general, images))

    def discriminator_loss(self, state: State, batch: Batch, generated: Projected) -> Loss:
        on_real: Judged = state.discriminator(generated.real_maps, batch.real, batch.labels)
        fake_maps = [x.detach() for x in generated.fake_maps]
        on_fake: Judged = state.discriminator(fake_maps, generated.fake.detach(), batch.labels)
        pairs = [self.tell_apart(real, fake) for real, fake in zip(on_real.scores, on_fake.scores, strict=True)]
        loss = torch.stack([one for one, _ in pairs]).mean()
        scalars = {key: torch.stack([told[key] for _, told in pairs]).mean() for key in pairs[0][1]}
        if self.terms.auxiliary:
            scalars["real_classification"] = self._classification(state, batch, on_real)
            loss = loss + self.terms.auxiliary * scalars["real_classification"]
        return loss, scalars

    def generator_loss(self, state: State, batch: Batch, generated: Projected) -> Loss:
        on_fake: Judged = state.discriminator(generated.fake_maps, generated.fake, batch.labels)
        adversarial = torch.stack([self.objective.generator(None, fake)[0] for fake in on_fake.scores]).mean()
        loss, scalars = self.terms.adversarial * adversarial, {"generator_loss": adversarial}
        if self.terms.auxiliary:
            scalars["fake_classification"] = self._classification(state, batch, on_fake)
            loss = loss + self.terms.auxiliary * scalars["fake_classification"]
        if self.terms.anchor:
            # Detached: the details keep to the smaller picture, not the other way round.
            scalars["anchor"] = (halved(upcast(generated.fake)) - generated.small.detach()).abs().mean()
            loss = loss + self.terms.anchor * scalars["anchor"]
        return loss, scalars

    def _classification(self, state: State, batch: Batch, judged: Judged) -> Tensor:
        multi = state.generator.multi_label
        return torch.stack([losses.classification(upcast(x), batch.labels, multi) for x in judged.logits]).mean()


def halved(images: Tensor) -> Tensor:
    """Pictures (n, C, H, W) at half the size, bicubic with antialias."""
    return F.interpolate(images, scale_factor=0.5, mode="bicubic", antialias=True, align_corners=False)
