"""The game of pictures from pictures (network: gan_models/networks/restore.py; damages: gan_models/damages.py).

Each picture is damaged at random, in the kinds that the network can be told; the network, told the damages or (for a
part) left to its own estimate, has to give the picture back. First it minimises the difference in pixels; from
`looks_after` images on also that in the features of the frozen EfficientNet-Lite0 (judges/general.py; perceptual losses:
Johnson et al. 2016, arXiv:1603.08155); from `adversarial_after` on the discriminators take part, which see the damaged
picture and the drawn or the real one (pix2pix: Isola et al. 2016, arXiv:1611.07004): of pixels, and of features as in a
Projected GAN. Lite1, which judges, takes no part here.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from gan_models.damages import KINDS, RANDOMS, Damaged, damage
from gan_models.networks.restore import Looked
from gan_models.rng import Stream

from ..batch import Batch
from ..judges import general
from ..losses import OBJECTIVES, Loss
from ..recipes import Recipe, RecipeError, Schedule, at
from ..state import State
from .adversarial import Game

PLAIN = ("reconstruction", "estimate")  # terms of every step
OWN = 16  # further uniform numbers, for what is asked of a picture
UNTOLD = 0.4  # how often the network has to go by its own estimate
UNTOUCHED = 0.1  # how often a picture that could have several damages has none
THIRD = 0.3  # how often one that has two may have a third
LEAST = 0.1  # strength
CLOSER = 3.0  # times larger may a part of a picture be shown


class Repaired(NamedTuple):
    """What the network makes of a batch."""

    real: Tensor  # (n, C, S, S) what it should draw
    source: Tensor  # (n, C + 1, S, S): the damaged picture and its mask
    strengths: Tensor  # (n, K) of the damages that it can be told
    looked: Looked
    drawn: Tensor  # (n, C, S, S)
    # What General sees in the real and in the drawn pictures, where somebody asks, and both mixed, finest first.
    real_maps: list[Tensor] | None = None
    maps: list[Tensor] | None = None
    real_mixed: list[Tensor] | None = None
    mixed: list[Tensor] | None = None


class Restoring(Game):
    """As the file's head says."""

    @dataclass(frozen=True)
    class Terms:
        reconstruction: float | Schedule = 10.0  # absolute difference of pixels
        perceptual: float | Schedule = 0.0  # distance in general features (colour pictures of 32 px and more)
        estimate: float = 0.1  # the network's own estimate of the damages
        looks_every: int = 1  # steps, of which one looks at features, or meets discriminators, with so much more weight
        looks_after: int = 1  # images, before which none does
        adversarial_after: int = 1  # images, from when on the discriminators take part
        adversarial: float | Schedule = 0.0  # those of features
        patches: float | Schedule = 0.0  # that of pixels
        several: float = 0.0  # how often a picture has more than one damage
        closer: float = 0.0  # how often only a part of the picture is shown, enlarged
        scale: float = 0.0  # times smaller are pictures that are to be enlarged, 2 to 4; 0: any of 2, 3 and 4

    pairs, draws = ("restore",), False
    compares = ("adversarial",)  # by the BatchNorm of the maps

    @classmethod
    def check(cls, recipe: Recipe, terms: Terms) -> None:
        if OBJECTIVES[recipe.objective].paired:
            raise RecipeError(
                f"The game restoring scores pictures apart: --set objective=hinge, not {recipe.objective}."
            )
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

    def __init__(self, recipe: Recipe, device: torch.device):
        super().__init__(recipe, device)
        self.general = None
        if self.terms.perceptual or self.terms.adversarial:
            self.general = general.read(general.TRAINS).to(device)

    def judged(self, state: State) -> bool:
        """Whether the discriminators take part in this step."""
        return self.looks(state) and bool(
            (self.terms.adversarial or self.terms.patches) and state.images >= self.terms.adversarial_after
        )

    def looks(self, state: State) -> bool:
        """Whether this step is one that looks at features."""
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
        looked = network.look(found.pictures, found.mask)
        told = torch.where(own[:, 12:13] < UNTOLD, network.estimated(looked).detach(), known)
        source = torch.cat([found.pictures, found.mask], 1)
        drawn = Repaired(real, source, known, looked, network.draw(looked, told))
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
        """(n, len(KINDS)) from randoms (n, at least 8). One kind where there are no `several`; a network of one kind
        never sees a picture without it."""
        n, result = len(randoms), randoms.new_zeros(len(randoms), len(KINDS))
        twice = ("fill",) if "fill" in damages else ()  # which is the hardest
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
            result[:, grey] = (result[:, grey] > 0).to(result)  # no picture is half grey
        if "shrink" in damages:
            shrink = KINDS.index("shrink")
            step = (result[:, shrink] * 3).ceil() / 3  # 2, 3 or 4 times smaller
            result[:, shrink] = (self.terms.scale - 1) / 3 * (step > 0) if self.terms.scale else step
        if len(damages) > 1:
            result = result * (randoms[:, 7:8] >= UNTOUCHED)
        return result

    def _look(self, images: Tensor) -> list[Tensor]:
        """Maps of General, in the precision that the run computes in."""
        kind = images.device.type
        wanted = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else images.dtype
        if self.general.stem.weight.dtype != wanted:
            self.general.to(wanted)
        with torch.autocast(kind, enabled=False):
            return self.general(images.to(wanted).contiguous(memory_format=torch.channels_last), pooled=False).maps

    def discriminator_loss(self, state: State, batch: Batch, generated: Repaired) -> Loss:
        """Before they take part the discriminators stand still."""
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


def closer(images: Tensor, randoms: Tensor, share: float) -> Tensor:
    """Pictures (n, C, S, S), of which a `share` is seen from so near that only a part fills them, up to CLOSER times
    larger; randoms (n, 4)."""
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
