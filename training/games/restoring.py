"""The game of pictures from pictures (network: gan_models/networks/restore.py; damages: gan_models/damages.py).

Each picture is damaged at random, by kinds that the network knows. The network gets the strengths, or for a part of the
pictures uses its own estimate, and has to restore the picture. If it deconvolves, it gets the blur's kernel or estimates it in
the same way. First it minimises the difference of pixels; from
`looks_after` images on also the difference of features of the frozen EfficientNet-Lite0 (judges/general.py; perceptual
losses: Johnson et al. 2016, arXiv:1603.08155). From `adversarial_after` on the discriminators take part, which get the
damaged picture and the restored or real one (pix2pix: Isola et al. 2016, arXiv:1611.07004): one on pixels, and others on
features as in Projected GAN. Lite1, which is used for evaluation, takes no part.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from gan_models.damages import KINDS, RANDOMS, Damaged, damage
from gan_models.networks.restore import Looked
from gan_models.rng import Stream

from ..judges import general
from ..losses import Loss
from ..recipes import Recipe, RecipeError, Schedule, at
from .adversarial import Game
from .batch import Batch
from .state import State

PLAIN = ("reconstruction", "estimate", "kernel")  # terms of every step
OWN = 16  # further uniform numbers per picture, to choose its damages
UNTOLD = 0.4  # how often the network has to use its own estimate
UNTOUCHED = 0.1  # how often a picture that could have several damages has none
THIRD = 0.3  # how often a picture with two damages may have a third
LEAST = 0.1  # strength
CLOSER = 3.0  # largest enlargement of a part of a picture


class Repaired(NamedTuple):
    """The network's outputs for a batch."""

    real: Tensor  # (n, C, S, S) the targets
    source: Tensor  # (n, C + 1, S, S): the damaged picture and its mask
    strengths: Tensor  # (n, K) of the damages that it can be told
    blurs: Tensor  # (n, 3) of the kernels, as KernelReader has them
    estimated_blurs: Tensor  # (n, 3)
    looked: Looked
    drawn: Tensor  # (n, C, S, S)
    # The maps of General for the real and the restored pictures, if needed, and the mixed maps, finest first.
    real_maps: list[Tensor] | None = None
    maps: list[Tensor] | None = None
    real_mixed: list[Tensor] | None = None
    mixed: list[Tensor] | None = None


class Restoring(Game):
    """Pictures from damaged pictures, see the docstring of this file."""

    @dataclass(frozen=True)
    class Terms:
        reconstruction: float | Schedule = 10.0  # absolute difference of pixels
        perceptual: float | Schedule = 0.0  # distance in general features (colour pictures of 32 px and more)
        estimate: float = 0.1  # error of the network's own estimate of the damages
        kernel: float = 1.0  # error of its estimate of the kernel of a blur
        looks_every: int = 1  # features and discriminators are used on every k-th step, with k times the weight
        looks_after: int = 1  # images after which features and discriminators are used
        adversarial_after: int = 1  # images after which the discriminators take part
        adversarial: float | Schedule = 0.0  # the discriminators on features
        patches: float | Schedule = 0.0  # the discriminator on pixels
        several: float = 0.0  # how often a picture has more than one damage
        closer: float = 0.0  # how often the picture is an enlarged part of itself
        scale: float = 0.0  # factor by which pictures to be enlarged are smaller, 2 to 4; 0: any of 2, 3 and 4

    pairs, draws, scores_apart = ("restore",), False, True
    compares = ("adversarial",)  # because of the BatchNorm on the maps

    @classmethod
    def check(cls, recipe: Recipe, terms: Terms) -> None:
        if terms.scale and not 1 < terms.scale <= 4:
            raise RecipeError("scale must be from 2 to 4, or 0 for any of them.")
        needs = [name for name in ("perceptual", "adversarial") if getattr(terms, name)]
        if needs and (recipe.image_channels != 3 or recipe.image_size < 32):
            raise RecipeError(
                f"General features are of colour pictures of 32 pixels and more: --set {needs[0]}=0 for others."
            )
        if terms.adversarial and not recipe.discriminator.get("features", True):
            raise RecipeError(
                "The adversarial term needs discriminators of features: --set discriminator.features=true."
            )

    @classmethod
    def features_of(cls, recipe: Recipe) -> str | None:
        terms = cls.Terms(**recipe.terms)
        return general.ABOUT if terms.perceptual or terms.adversarial else None

    def __init__(self, recipe: Recipe, device: torch.device):
        super().__init__(recipe, device)
        self.general = None
        if self.features_of(recipe):
            self.general = general.read(general.TRAINS).to(device)

    def judged(self, state: State) -> bool:
        """Whether the discriminators take part in this step."""
        return self.looks(state) and bool(
            (self.terms.adversarial or self.terms.patches) and state.images >= self.terms.adversarial_after
        )

    def looks(self, state: State) -> bool:
        """Whether this step uses features."""
        turn = state.images // self.recipe.batch_size % self.terms.looks_every
        return turn == 0 and state.images >= self.terms.looks_after

    def generate(self, state: State, batch: Batch) -> Repaired:
        network = state.generator
        randoms = batch.uniform(Stream.DAMAGE, RANDOMS + OWN)
        own = randoms[:, RANDOMS:]
        real = closer(batch.real, own[:, 8:12], self.terms.closer)
        if batch.sources is not None:
            strengths = real.new_zeros(len(real), len(KINDS))
            found = Damaged(closer(batch.sources, own[:, 8:12], self.terms.closer), torch.zeros_like(real[:, :1]))
        else:
            strengths = self.strengths(own, network.damages)
            fields = batch.normal(Stream.GRAIN, real.shape[1] + 1, *real.shape[2:])
            with torch.no_grad():
                found = damage(real, strengths, randoms[:, :RANDOMS], fields)
        known = strengths[:, [KINDS.index(kind) for kind in network.told]]
        untold = own[:, 12:13] < UNTOLD
        blurs, estimated = known_blurs(strengths, randoms[:, 0]), network.blurs_of(found.pictures)
        sharp = found.pictures
        if network.deconvolves:
            with torch.no_grad():
                sharp = network.unblurred(found.pictures, torch.where(untold, estimated, blurs), known)
        looked = network.look(found.pictures, found.mask, sharp)
        if network.deconvolves:  # the damage is estimated before that
            looked = looked._replace(estimate=network.look(found.pictures, found.mask).estimate)
        told = torch.where(untold, network.estimated(looked).detach(), known)
        source = torch.cat([found.pictures, found.mask], 1)
        drawn = Repaired(real, source, known, blurs, estimated, looked, network.draw(looked, told))
        if self.general is None or not (self.terms.perceptual and self.looks(state) or self.judged(state)):
            return drawn
        with torch.no_grad():
            drawn = drawn._replace(real_maps=self._look(real))
        drawn = drawn._replace(maps=self._look(drawn.drawn))
        if not (self.judged(state) and self.terms.adversarial):
            return drawn
        mixed = state.discriminator.mixed([torch.cat(pair) for pair in zip(drawn.real_maps, drawn.maps, strict=True)])
        both = [x.split(len(real)) for x in mixed]
        return drawn._replace(real_mixed=[x.detach() for x, _ in both], mixed=[x for _, x in both])

    def strengths(self, randoms: Tensor, damages: tuple[str, ...]) -> Tensor:
        """Random strengths (n, len(KINDS)) from randoms (n, at least 8). Without `several` each picture has one kind. A
        network for one kind never gets a picture without it."""
        n, result = len(randoms), randoms.new_zeros(len(randoms), len(KINDS))
        twice = ("fill",) if "fill" in damages else ()  # twice as often, since it is the hardest
        columns = torch.tensor([KINDS.index(kind) for kind in (*damages, *twice)], device=randoms.device)
        rows = torch.arange(n, device=randoms.device)
        strong = LEAST + (1 - LEAST) * randoms[:, 3:6]
        several = self.terms.several
        often = (
            torch.ones(n, dtype=torch.bool, device=randoms.device),
            randoms[:, 6] < several,
            randoms[:, 6] < several * THIRD,
        )
        for turn in (2, 1, 0):
            kind = columns[(randoms[:, turn] * len(columns)).long().clamp_max(len(columns) - 1)]
            result[rows, kind] = torch.where(often[turn], strong[:, turn], result[rows, kind])
        if "grey" in damages:
            grey = KINDS.index("grey")
            result[:, grey] = (result[:, grey] > 0).to(result)  # grey has no degrees
        if "shrink" in damages:
            shrink = KINDS.index("shrink")
            step = (result[:, shrink] * 3).ceil() / 3  # 2, 3 or 4 times smaller
            result[:, shrink] = (self.terms.scale - 1) / 3 * (step > 0) if self.terms.scale else step
        if len(damages) > 1:
            result = result * (randoms[:, 7:8] >= UNTOUCHED)
        return result

    def _look(self, images: Tensor) -> list[Tensor]:
        """The maps of General, in the run's precision."""
        return general.maps_of(self.general, images)

    def discriminator_loss(self, state: State, batch: Batch, generated: Repaired) -> Loss:
        """Zero until the discriminators take part."""
        onlookers, terms = state.discriminator, self.terms
        if not self.judged(state):
            return generated.real.new_zeros((), requires_grad=True), {}
        real, drawn, source = generated.real, generated.drawn.detach(), generated.source
        twice, scores = torch.cat([source, source]), []
        if terms.adversarial:
            pairs = zip(generated.real_mixed, generated.mixed, strict=True)
            scores += onlookers.judge([torch.cat([a, b.detach()]) for a, b in pairs], twice)
        if terms.patches:
            scores.append(onlookers.judge_pixels(torch.cat([real, drawn]), twice))
        loss = sum(self.objective.discriminator(*score.split(len(real)))[0] for score in scores) / len(scores)
        return loss, {
            "discriminator_loss": loss,
            "real_score": sum(score[: len(real)].mean() for score in scores) / len(scores),
            "fake_score": sum(score[len(real) :].mean() for score in scores) / len(scores),
        }

    def generator_loss(self, state: State, batch: Batch, generated: Repaired) -> Loss:
        terms, onlookers = self.terms, state.discriminator
        real, drawn = generated.real, generated.drawn
        scalars = {"reconstruction": (drawn - real).abs().mean()}
        if state.generator.told:
            scalars["estimate"] = F.binary_cross_entropy_with_logits(
                generated.looked.estimate, generated.strengths.to(generated.looked.estimate)
            )
        if state.generator.deconvolves:
            # Of pictures with such a blur alone: only then is the estimate used, and else it would be too small.
            blurred = (generated.blurs[:, :1] != 0, *2 * ((generated.blurs[:, 1:] != 0).any(1, keepdim=True),))
            scalars["kernel"] = ((generated.estimated_blurs - generated.blurs).square() * torch.cat(blurred, 1)).mean()
        judged = self.judged(state)
        if generated.maps is not None and terms.perceptual:
            scalars["perceptual"] = general.apart(generated.maps, generated.real_maps).mean()
        if judged and terms.adversarial:
            scores = onlookers.judge(generated.mixed, generated.source)
            scalars["adversarial"] = sum(self.objective.generator(None, x)[0] for x in scores) / len(scores)
        if judged and terms.patches:
            score = onlookers.judge_pixels(drawn, generated.source)
            scalars["patches"] = self.objective.generator(None, score)[0]
        loss = sum(
            at(getattr(terms, name), state.images) * value * (1 if name in PLAIN else terms.looks_every)
            for name, value in scalars.items()
        )
        return loss, {"generator_loss": loss} | scalars


def known_blurs(strengths: Tensor, turn: Tensor) -> Tensor:
    """(n, 3): the kernels of pictures with damages of strengths (n, len(KINDS)) and directions of motion `turn` (n,), as
    the network's KernelReader has them."""
    blur, motion = strengths[:, KINDS.index("blur")], strengths[:, KINDS.index("motion")]
    angle = 2 * math.pi * turn
    return torch.stack([blur, motion * angle.cos(), motion * angle.sin()], 1)


def closer(images: Tensor, randoms: Tensor, share: float) -> Tensor:
    """Pictures (n, C, S, S), a `share` of which is replaced by enlarged parts of themselves, up to CLOSER times larger;
    randoms (n, 4)."""
    if not share:
        return images
    often, zoom, x, y = randoms.unbind(1)
    side = torch.where(often < share, 1 / (1 + (CLOSER - 1) * zoom), torch.ones_like(zoom))
    rows = torch.zeros(len(images), 2, 3, device=images.device, dtype=images.dtype)
    rows[:, 0, 0] = rows[:, 1, 1] = side
    rows[:, 0, 2], rows[:, 1, 2] = (2 * x - 1) * (1 - side), (2 * y - 1) * (1 - side)
    grid = F.affine_grid(rows, list(images.shape), align_corners=False)
    seen = F.grid_sample(images, grid, "bicubic", "reflection", align_corners=False).clamp(-1, 1)
    return torch.where((side < 1)[:, None, None, None], seen, images)
