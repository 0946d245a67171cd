"""The retouching editor's game (network: gan_models/networks/retouch.py), in the features of a network that was trained on
ImageNet, not on faces.

Most discriminators, and the classifiers, use the frozen EfficientNet-Lite0 (judges/general.py). Its maps at four strides
are normalised and mixed from coarse to fine by fixed random convolutions (Projected GAN: Sauer et al. 2021,
arXiv:2111.01007), after small random changes of colour and position (Zhao et al. 2020, arXiv:2006.10738). Each of the
three finest maps has a small discriminator and a **linear classifier** of the attributes: a linear classifier on fixed
features is hard to fool by invisible patterns. One more discriminator uses the pixels (Kumari et al. 2022,
arXiv:2112.09130), since features at 64 px hardly notice unnatural colours and edges. It sees pictures as they are: from
augmented ones a discriminator of patches learns next to nothing (games/projected.py).

1. The classifiers learn alone for `edits_after` images. Otherwise the editor learns to do nothing.
2. Photos are edited by random requests. Attributes are added and removed equally often, however rare they are. A third
   of the requests change two attributes; a quarter request a partial change, at that part of the strength. All other
   attributes should look to the classifiers as in the photo, whatever its labels say.

Only the labels of CelebA's odd file numbers are used; for other photos the classifiers' output is used. The judge
(judges/) learned from the even ones, in other features. Neither it nor Lite1 (judges/general.py) takes part.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from gan_models.celeba import cheeks
from gan_models.networks.panel import Panel
from gan_models.networks.retouch import EXCLUSIVE, Retouch, Seen, retouched
from gan_models.networks.unet import COARSE
from gan_models.rng import Stream

from .. import augment
from ..judges import general
from ..losses import Loss
from ..recipes import Recipe, RecipeError, Schedule, at
from .adversarial import Batch, Game
from .batch import all_gather
from .state import State

RANDOMS = 8  # uniform numbers per request
SECOND = 1 / 3  # how often two attributes are requested at once
PART = 0.25  # how often a partial change is requested
LEAST = 0.3  # the smallest part
FURTHER = 0.06  # how often an attribute is requested that is there already, so that nothing should change
RAREST = 0.08  # lower limit for the frequency of an attribute, or of its absence, when requests are drawn
AUGMENT = 0.6
CYCLE_EVERY = 8  # steps: it costs as much as the edit
# Attributes that imply each other, so they are not preserved when one of them is requested.
HAIR_OF_FACES = ("Mustache", "No_Beard", "Goatee", "5_o_Clock_Shadow", "Sideburns")
FOLLOWS = {name: HAIR_OF_FACES for name in HAIR_OF_FACES} | {
    "Male": (
        *HAIR_OF_FACES,
        "Wearing_Lipstick",
        "Heavy_Makeup",
        "Arched_Eyebrows",
        "Rosy_Cheeks",
        "Wearing_Earrings",
        "Wearing_Necktie",
    ),
    "Wearing_Lipstick": ("Heavy_Makeup",),
    "Heavy_Makeup": ("Wearing_Lipstick", "Arched_Eyebrows", "Rosy_Cheeks"),
    "Young": ("Gray_Hair", "Receding_Hairline", "Chubby"),
    "Gray_Hair": ("Young",),
    "Bald": ("Receding_Hairline", "Bangs"),
    "Bangs": ("Receding_Hairline",),
}
COLOURS_SMOOTH = 0.25  # weight of the variation of colours relative to that of the flow
PALE = "Pale_Skin"
# Rarely requested for faces that are not male, since there are hardly any examples.
CONTRARY = ("Bald", "Mustache", "No_Beard", "Goatee")
CONTRARY_WEIGHT = 0.3


class Retouched(NamedTuple):
    """The editor's outputs for a batch."""

    real: list[Tensor]  # the panel's mixed maps of the photos
    seen: Seen | None = None  # phase 2: the photos as encoded by the editor
    there: Tensor | None = None  # (n, K) 0 or 1: the attributes of the photos, of all that the panel knows
    differences: Tensor | None = None  # (n, edited) the requests
    retouch: Retouch | None = None
    edited: Tensor | None = None
    fake: list[Tensor] | None = None  # mixed maps of the edited photos


class Retouching(Game):
    """Two phases, see the docstring of this file."""

    @dataclass(frozen=True)
    class Terms:
        edits_after: int = 1  # images of phase 1
        adversarial: float = 1.0  # the objective's generator loss
        attribute: float | Schedule = 0.0  # the classifiers should see the request
        preservation: float | Schedule = 0.0  # the classifiers should see no other change
        change: float | Schedule = 0.0  # absolute change of the photo
        smoothness: float | Schedule = 0.0  # total variation of flow and colours
        painting: float | Schedule = 0.0  # mean alpha of the painted layer
        colouring: float | Schedule = 0.0  # mean change of colour
        cycle: float | Schedule = 0.0  # edited back, the photo should be the same; on every eighth step
        skin: float | Schedule = 0.0  # the cheeks should keep their colour

    in_parts, scores_apart = False, True  # photos of a batch are compared with each other
    pairs, draws, reads_labels, sums = ("retouch",), False, True, ("preservation",)

    @classmethod
    def check(cls, recipe: Recipe, terms: Terms) -> None:
        edited, known = (tuple(network.get("attributes") or ()) for network in (recipe.generator, recipe.discriminator))
        if not edited or known[: len(edited)] != edited:
            raise RecipeError("The discriminator's attributes must begin with the generator's, which are edited.")
        if tuple(recipe.attributes or ()) != known:
            raise RecipeError("The recipe's attributes must be the discriminator's.")

    @classmethod
    def features_of(cls, recipe: Recipe) -> str | None:
        return general.ABOUT

    def __init__(self, recipe: Recipe, device: torch.device):
        super().__init__(recipe, device)
        self.general = general.read(general.TRAINS).to(device)
        self.edited, self.known = tuple(recipe.generator["attributes"]), tuple(recipe.discriminator["attributes"])
        self.exclusive = torch.tensor([k for k, name in enumerate(self.edited) if name in EXCLUSIVE], device=device)
        # held[j, i]: whether attribute i should stay when j is requested.
        self.held = torch.tensor(
            [
                [float(name != asked and name not in FOLLOWS.get(asked, ())) for name in self.known]
                for asked in self.edited
            ],
            device=device,
        )
        self.contrary = torch.tensor([name in CONTRARY for name in self.edited], device=device)
        self.male = self.known.index("Male") if "Male" in self.known else None
        self.pale = self.edited.index(PALE) if PALE in self.edited else None

    def generator_moves(self, state: State) -> bool:
        return state.images >= self.terms.edits_after

    def prepare(self, state: State, batch: Batch) -> None:
        """The normalisation of the features and the frequencies of the attributes are fixed from the first edit on."""
        first, panel = not self.generator_moves(state), state.discriminator
        panel.even.train(first)
        if first:
            panel.note(all_gather(batch.labels), all_gather(self._mine(batch).to(batch.labels)))

    def generate(self, state: State, batch: Batch) -> Retouched:
        editor, panel = state.generator, state.discriminator
        randoms = batch.uniform(Stream.AUGMENT, augment.RANDOMS)  # the same for photo and edit
        with torch.no_grad():
            real = panel.mixed(self._look(batch.real, randoms))
        if not self.generator_moves(state):
            return Retouched(real)
        there = self._there(panel, real, batch)
        differences = self.requests(batch.uniform(Stream.EDITS, RANDOMS), there, panel.frequency[: len(self.edited)])
        seen = editor.see(batch.real)
        retouch, strength = editor.directed(seen, differences)
        edited = retouched(batch.real, retouch, strength)
        fake = panel.mixed(self._look(edited, randoms))
        return Retouched(real, seen, there, differences, retouch, edited, fake)

    def _look(self, images: Tensor, randoms: Tensor) -> list[Tensor]:
        """The maps of augmented pictures by General, in the run's precision."""
        images = augment.augment(images, randoms, AUGMENT, ("color", "translation"))
        if images.shape[-1] > COARSE:
            images = F.avg_pool2d(images, images.shape[-1] // COARSE)
        return general.maps_of(self.general, images)

    def _there(self, panel: Panel, real: list[Tensor], batch: Batch) -> Tensor:
        """(n, K) 0 or 1: the labels if they may be used, else the classifiers' output."""
        with torch.no_grad():
            guessed = panel.classify(real).mean(0) > 0
        return torch.where(self._mine(batch)[:, None], batch.labels > 0, guessed).to(batch.real)

    @staticmethod
    def _mine(batch: Batch) -> Tensor:
        """(n,) bool: the pictures whose labels may be learned: odd file numbers, if there are numbers."""
        if batch.numbers is None:
            return torch.ones(len(batch.real), dtype=torch.bool, device=batch.real.device)
        return batch.numbers % 2 == 1

    def requests(self, randoms: Tensor, there: Tensor, frequency: Tensor) -> Tensor:
        """Random requests (n, edited) in -1..1 for pictures with the attributes `there` (n, K), from randoms (n,
        RANDOMS) uniform in 0..1. Adding and removing an attribute is requested equally often, whatever its frequency
        (down to RAREST)."""
        edits = len(self.edited)
        rows = torch.arange(len(there), device=there.device)
        shown = there[:, :edits] > 0.5
        rate = torch.where(shown, frequency, 1 - frequency).clamp_min(RAREST)
        weights = 1 / rate
        if self.male is not None:
            odd = (there[:, self.male, None] < 0.5) & self.contrary & (shown == self._is_beard_absent())
            weights = torch.where(odd, weights * CONTRARY_WEIGHT, weights)
        cumulative = (weights / weights.sum(1, keepdim=True)).cumsum(1)
        picked = torch.searchsorted(cumulative, randoms[:, :2].contiguous()).clamp_max(edits - 1)
        differences = torch.zeros_like(shown, dtype=there.dtype)
        part = LEAST + (1 - LEAST) * randoms[:, 6]
        for turn in (1, 0):  # the first request comes last, so that it wins
            k = picked[:, turn]
            bring = shown[rows, k] == (randoms[:, 2 + turn] < FURTHER)
            size = part if turn else torch.ones_like(part)
            wished = randoms[:, 4] < SECOND if turn else torch.ones_like(bring)
            differences[rows, k] = torch.where(wished, (bring.to(there) * 2 - 1) * size, differences[rows, k])
        if len(self.exclusive):
            group = differences[:, self.exclusive]
            first = self.exclusive == picked[:, :1]
            best = torch.where(first, group * 10, group).argmax(1, keepdim=True)
            main = torch.zeros_like(group).scatter_(1, best, 1.0)
            most = group.gather(1, best)
            alone = main * most - (1 - main) * shown[:, self.exclusive].to(there) * most
            differences[:, self.exclusive] = torch.where(most > 0, alone, group)
        differences = differences / differences.abs().amax(1, keepdim=True).clamp_min(1e-6)
        strength = torch.where(randoms[:, 5] < PART, LEAST + (1 - LEAST) * randoms[:, 7], torch.ones_like(part))
        return differences * strength[:, None]

    def _is_beard_absent(self) -> Tensor:
        """(edited,) bool: the attributes of CONTRARY whose removal, not addition, gives a beard: No_Beard."""
        return torch.tensor([name == "No_Beard" for name in self.edited], device=self.held.device)

    def _targets(self, drawn: Retouched) -> tuple[Tensor, Tensor, Tensor]:
        """(n, K) each: the wanted output of the classifiers in 0..1, which attributes were requested, and which should
        stay (both 0 or 1)."""
        padded = F.pad(drawn.differences, (0, drawn.there.shape[1] - drawn.differences.shape[1]))
        targets = (drawn.there + padded).clamp(0, 1)
        asked = (targets != drawn.there).to(targets)
        wished = (drawn.differences != 0).to(targets)
        kept = 1 - (wished @ (1 - self.held).to(wished)).clamp(max=1)
        return targets, asked, kept * (1 - asked)

    def discriminator_loss(self, state: State, batch: Batch, drawn: Retouched) -> Loss:
        panel, mine = state.discriminator, self._mine(batch).to(batch.real)
        logits = panel.classify(drawn.real)
        wanted = (batch.labels > 0).to(logits).expand_as(logits)
        wrong = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none").mean((0, 2))
        # As if exactly half of the labels may be used, so that processes with different shares average correctly.
        classification = (wrong * mine).mean() * (1 if batch.numbers is None else 2)
        scalars = {"real_classification": classification}
        if drawn.edited is None:
            return classification, scalars
        targets, _, _ = self._targets(drawn)
        both = [torch.cat([real, fake.detach()]) for real, fake in zip(drawn.real, drawn.fake, strict=True)]
        pictures = torch.cat([batch.real, drawn.edited.detach()])
        scores = panel.judge(both, pictures, torch.cat([drawn.there, targets]) * 2 - 1)
        loss = sum(self.objective.discriminator(*x.split(len(targets)))[0] for x in scores) / len(scores)
        scalars |= {
            "discriminator_loss": loss,
            "real_score": sum(x[: len(targets)].mean() for x in scores) / len(scores),
            "fake_score": sum(x[len(targets) :].mean() for x in scores) / len(scores),
        }
        return loss + classification, scalars

    def generator_loss(self, state: State, batch: Batch, drawn: Retouched) -> Loss:
        terms, panel, editor = self.terms, state.discriminator, state.generator
        targets, asked, kept = self._targets(drawn)
        scores = panel.judge(drawn.fake, drawn.edited, targets * 2 - 1)
        adversarial = sum(self.objective.generator(None, x)[0] for x in scores) / len(scores)
        logits = panel.classify(drawn.fake)
        with torch.no_grad():
            before = panel.classify(drawn.real).sigmoid()
        wrong = F.binary_cross_entropy_with_logits(logits, targets.expand_as(logits), reduction="none")
        requested = ((wrong * asked).sum(2) / asked.sum(1).clamp_min(1)).mean()
        moved = F.binary_cross_entropy_with_logits(logits, before, reduction="none") - F.binary_cross_entropy(
            before, before, reduction="none"
        )
        keeping = (moved * kept).sum(2).mean()
        retouch, real, edited = drawn.retouch, batch.real, drawn.edited
        scalars = {
            "generator_loss": adversarial,
            "attribute": requested,
            "preservation": keeping,
            "smoothness": variation(retouch.flow) + COLOURS_SMOOTH * variation(retouch.colour),
            "painting": retouch.alpha.mean(),
            "colouring": retouch.colour.abs().mean(),
            "change": (edited - real).abs().mean(),
            "skin": self._skin(real, edited, drawn.differences),
        }
        if terms.cycle and state.images // self.recipe.batch_size % CYCLE_EVERY == 0:
            back = editor.see(edited)
            again = retouched(edited, *editor.directed(back, -drawn.differences))
            scalars["cycle"] = (again - real).abs().mean()
        loss = terms.adversarial * adversarial + sum(
            at(getattr(terms, name), state.images) * scalars[name] for name in TERMS if name in scalars
        )
        # The editor's own estimate is corrected for each attribute's frequency: 0.5 is undecided for a moustache too.
        prior = panel.frequency[: len(self.edited)].logit(1e-4)
        guess = F.binary_cross_entropy_with_logits(
            drawn.seen.shown.logit(1e-6) + prior, drawn.there[:, : len(self.edited)]
        )
        with torch.no_grad():
            right = ((logits > 0) == (targets > 0.5)).to(targets).mean(0)
            scalars |= {
                "estimate": guess,
                "seen": mean_of(right, asked),
                "kept": mean_of(((logits > 0) == (before > 0.5)).to(targets).mean(0), kept),
            }
        return loss + guess, scalars

    def _skin(self, real: Tensor, edited: Tensor, differences: Tensor) -> Tensor:
        """The change of the cheeks' mean colour, in -1..1, for requests without pale skin."""
        shift = (cheeks(edited) - cheeks(real)).abs().mean(1)
        if self.pale is not None:
            shift = shift * (differences[:, self.pale] == 0)
        return shift.mean()


def mean_of(values: Tensor, chosen: Tensor) -> Tensor:
    """The mean over pictures of the means of their chosen values, both (n, K); 1 if none is chosen."""
    return ((values * chosen).sum(1) / chosen.sum(1).clamp_min(1) + (chosen.sum(1) == 0)).mean()


TERMS = ("attribute", "preservation", "change", "smoothness", "painting", "colouring", "cycle", "skin")


def variation(maps: Tensor) -> Tensor:
    """Total variation: the mean absolute difference of neighbours."""
    return (maps[..., 1:] - maps[..., :-1]).abs().mean() + (maps[..., 1:, :] - maps[..., :-1, :]).abs().mean()
