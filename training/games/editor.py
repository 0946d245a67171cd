"""The editor's game (networks: gan_models/networks/editor.py), in two phases.

1. Encoder and decoder learn as an autoencoder of faces, with small absolute errors in the picture and in a coarse copy
   of it, and codes near the standard normal distribution. With the term `latent_regression` the decoder is a trained
   generator (`--init-from`), and the encoder also learns from its pictures, whose codes are known. Meanwhile a classifier
   learns the attributes, and linear regressions of codes and of pixels on all labels give each attribute a direction and
   a region.
2. From `edits_after` images on, photos are edited by random requests. The mapping and the decoder learn to make the
   classifier see the requested change and no other change. (Of a trained decoder only the first layer learns, so that
   the layers for textures stay.) A discriminator has to tell photos with their attributes from edited photos with the
   requested ones. At first requests have more weight (`temperature`): edits that start large and become smaller look
   better than edits that only grow.

The classifier learns from CelebA's odd file numbers only. The judge (judges/) is another network and learned from the
even ones. Phase 2 uses no labels, only the classifier's output for each photo.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from gan_models.celeba import ATTRIBUTES, EXCLUSIVE
from gan_models.networks.compositing import blurred, smoothstep
from gan_models.networks.critic import MEMORY
from gan_models.networks.editor import Editor
from gan_models.networks.layers import upcast
from gan_models.photos import crop
from gan_models.rng import Stream

from .. import augment, losses
from ..losses import Loss
from ..recipes import Recipe, RecipeError, Schedule, at
from .adversarial import Batch, Game
from .batch import all_gather
from .state import State

# How often attributes are requested: more often if they are rare or need large changes.
WEIGHTS = {"Mustache": 2.0, "Brown_Hair": 2.0, "Male": 1.5, "No_Beard": 2.0, "Young": 2.0}
SECOND = 0.3  # how often two attributes are requested at once
FURTHER = 0.15  # how often an attribute is requested that the face already has
NOISE = 0.25  # standard deviation
SHOWN = (0.25, 0.5)  # of the largest effect on a pixel: where the mask of an attribute's region begins, and is 1
NEAR = 1 / 32  # of the side: margin of the regions


class EditorGenerated(NamedTuple):
    """The editor's outputs for a batch."""

    codes: Tensor  # (n, d) of the photos
    reconstructed: Tensor  # (n, C, H, W)
    logits: Tensor | None = None  # phase 1: (n, K) the editor's own estimate of the attributes
    divergence: Tensor | None = None  # phase 1: of the codes from the standard normal distribution
    # phase 1 with a trained decoder: the error of the encoder's codes for its pictures
    latent_regression: Tensor | None = None
    shown: Tensor | None = None  # phase 2: (n, K) 0..1 the classifier's output for the photos
    differences: Tensor | None = None  # (n, K) the requests
    targets: Tensor | None = None  # (n, K) 0..1 the wanted output of the classifier after the edit
    edited: Tensor | None = None  # the edited photos


class Editing(Game):
    """Two phases, see the docstring of this file."""

    @dataclass(frozen=True)
    class Terms:
        edits_after: int = 1  # images of phase 1
        reconstruction: float = 0.0  # of photos, in both phases
        divergence: float = 0.0  # phase 1 with a decoder of its own: KL divergence of the codes from the prior
        latent_regression: float = 0.0  # phase 1 with a trained decoder: error of the codes of its pictures
        adversarial: float = 1.0  # phase 2, like the following terms
        attribute: float = 0.0  # the classifier should see the request
        preservation: float = 0.0  # the classifier should see no other change
        change: float = 0.0  # absolute change of the photo
        # Divisor of the classifier's logits for the requested attributes: above 1 they have to be surer.
        temperature: float | Schedule = 1.0

    in_parts = False  # the regressions collect sums over whole batches
    pairs, draws, reads_labels, sums = ("editor",), False, True, ("reconstruction",)
    scores_apart = True

    @classmethod
    def needs_model(cls, recipe: Recipe) -> bool:
        return bool(recipe.terms.get("latent_regression"))

    @classmethod
    def check(cls, recipe: Recipe, terms: Terms) -> None:
        warmth = terms.temperature
        if min((warmth.start, warmth.end) if isinstance(warmth, Schedule) else (warmth,)) <= 0:
            raise RecipeError("temperature must be above 0.")

    def __init__(self, recipe, device):
        super().__init__(recipe, device)
        self.attributes = tuple(recipe.generator.get("attributes") or ATTRIBUTES)
        self.exclusive = [self.attributes.index(name) for name in EXCLUSIVE if name in self.attributes]
        weights = torch.tensor([WEIGHTS.get(name, 1.0) for name in self.attributes])
        self.cumulative = (weights.cumsum(0) / weights.sum()).to(device)

    def prepare(self, state: State, batch: Batch) -> None:
        """Set what learns in which phase. The second phase starts by setting the directions."""
        editor, first = state.generator, state.images < self.terms.edits_after
        editor.train(first)  # BatchNorm's statistics are fixed afterwards
        state.discriminator.classifier.eval()  # it learns only in discriminator_loss
        if self.terms.latent_regression:
            editor.decoder.requires_grad_(False).eval()
            editor.decoder[:3].requires_grad_(not first)  # from a code to the smallest map
        if not first and not editor.mapping.directions.any():
            self.init_directions(state)

    def generate(self, state: State, batch: Batch) -> EditorGenerated:
        editor = state.generator
        if state.images < self.terms.edits_after:
            return self._read(state, batch) if self.terms.latent_regression else self._reconstruct(state, batch)
        with torch.no_grad():
            codes = upcast(editor.encoder(batch.real)[0])
            shown = state.discriminator.classifier(self._distort(batch, batch.real)).sigmoid().mean(0)
            differences, targets = self.requests(batch.uniform(Stream.EDITS, 6), shown)
        moved = codes + upcast(editor.mapping(codes, differences))
        reconstructed, drawn = upcast(editor.decoder(torch.cat([codes, moved]))).chunk(2)
        reach = editor.reach(differences) * crop.feather(batch.real.shape[-1]).to(batch.real)
        edited = (batch.real + reach * editor.change(batch.real, reconstructed, drawn)).clamp(-1, 1)
        return EditorGenerated(
            codes, reconstructed, shown=shown, differences=differences, targets=targets, edited=edited
        )

    def _reconstruct(self, state: State, batch: Batch) -> EditorGenerated:
        """Phase 1 with a decoder of its own: an autoencoder of photos."""
        editor = state.generator
        codes, logits = editor.encoder(batch.real)
        codes = upcast(codes)
        noise = batch.normal(Stream.ENCODER, editor.latent_dim)
        variance = editor.log_variance.expand_as(codes)
        drawn = editor.decoder(codes + (variance / 2).exp() * noise)
        return EditorGenerated(codes, upcast(drawn), logits, divergence=losses.kl_divergence(codes, variance))

    def _read(self, state: State, batch: Batch) -> EditorGenerated:
        """Phase 1 with a trained decoder: the encoder learns from its pictures, whose codes are known, and from
        photos."""
        editor = state.generator
        with torch.no_grad():
            wanted = upcast(editor.codes_from(batch.latents))
            fake = editor.decoder(wanted)
        codes, logits = editor.encoder(torch.cat([batch.real, fake]))
        of_real, of_fake = upcast(codes).chunk(2)
        drawn, regression = upcast(editor.decoder(of_real)), F.mse_loss(of_fake, wanted)
        return EditorGenerated(of_real, drawn, logits.chunk(2)[0], latent_regression=regression)

    def requests(self, randoms: Tensor, shown: Tensor) -> tuple[Tensor, Tensor]:
        """Random requests for pictures with attributes `shown` (n, K) in 0..1, from randoms (n, 6) uniform in 0..1:
        differences (n, K) of -1, 0 and 1, and the wanted attributes afterwards (n, K) in 0..1."""
        rows = torch.arange(len(shown), device=shown.device)
        there = shown > 0.5
        differences = torch.zeros_like(shown)
        picked = torch.searchsorted(self.cumulative, randoms[:, :2].contiguous()).clamp_max(shown.shape[1] - 1)
        for turn in (1, 0):  # the first request comes last, so that it wins
            k = picked[:, turn]
            bring = there[rows, k] == (randoms[:, 2 + turn] < FURTHER)
            wished = randoms[:, 4] < SECOND if turn else torch.ones_like(bring)
            differences[rows, k] = torch.where(wished, bring.to(shown) * 2 - 1, differences[rows, k])
        group = differences[:, self.exclusive]
        if group.shape[1]:
            main = torch.zeros_like(group)
            asked_first = torch.tensor(self.exclusive, device=shown.device) == picked[:, :1]
            best = torch.where(asked_first, group * 2, group).argmax(1)
            main[rows, best] = 1.0
            alone = main - (1 - main) * there[:, self.exclusive]
            differences[:, self.exclusive] = torch.where((group > 0).any(1, keepdim=True), alone, group)
        targets = torch.where(differences == 0, shown, (differences > 0).to(shown))
        return differences, targets

    def discriminator_loss(self, state: State, batch: Batch, generated: EditorGenerated) -> Loss:
        critic = state.discriminator
        self._take_note(state, batch, generated.codes.detach())
        mine = has_training_label(batch)
        critic.classifier.train()
        logits = critic.classifier(self._distort(batch, batch.real)[mine])
        critic.classifier.eval()
        classification = attribute_loss(logits, batch.labels[mine], len(batch.real))
        if generated.edited is None:
            return classification, {"real_classification": classification}
        on_real, on_fake = (
            critic(batch.real, 2 * generated.shown - 1),
            critic(generated.edited.detach(), 2 * generated.targets - 1),
        )
        loss, scalars = self.tell_apart(on_real.scores, on_fake.scores)
        return loss + classification, scalars | {"real_classification": classification}

    def _take_note(self, state: State, batch: Batch, codes: Tensor) -> None:
        """Update the statistics of the photos' codes (n, d), for drawing faces unless the decoder is a trained
        generator, and in phase 1 the regressions."""
        if not self.terms.latent_regression:
            update_statistics(state.generator, all_gather(codes))
        if state.images < self.terms.edits_after:
            state.discriminator.note(all_gather(codes), all_gather(batch.real), all_gather(batch.labels))

    def generator_loss(self, state: State, batch: Batch, generated: EditorGenerated) -> Loss:
        terms = self.terms
        reconstruction = multiscale_l1(batch.real, generated.reconstructed)
        loss, scalars = terms.reconstruction * reconstruction, {"reconstruction": reconstruction}
        if generated.edited is None:
            mine = has_training_label(batch)
            estimate = attribute_loss(generated.logits[mine], batch.labels[mine], len(batch.real))
            scalars |= {"estimate": estimate}
            for name in ("divergence", "latent_regression"):
                if (part := getattr(generated, name)) is not None:
                    scalars[name] = part
                    loss = loss + getattr(terms, name) * part
            return loss + estimate, scalars
        adversarial, more = self.objective.generator(
            None, upcast(state.discriminator(generated.edited, 2 * generated.targets - 1).scores)
        )
        logits = state.discriminator.classifier(self._distort(batch, generated.edited))
        asked = (generated.differences != 0).to(logits)
        warmth = torch.where(asked > 0, at(terms.temperature, state.images), 1.0)
        wrong = warmth * F.binary_cross_entropy_with_logits(
            logits / warmth, generated.targets.expand_as(logits), reduction="none"
        ).mean(0)
        own = F.binary_cross_entropy(generated.targets, generated.targets, reduction="none")  # minus its minimum
        classification = ((wrong * asked).sum(1) / asked.sum(1)).mean()
        kept = ((wrong - own) * (1 - asked)).sum(1).mean()
        change = (generated.edited - batch.real).abs().mean()
        seen = ((logits > 0) == (generated.targets > 0.5)).to(wrong).mean(0)
        scalars |= more | {
            "generator_loss": adversarial,
            "fake_classification": classification,
            "preservation": kept,
            "change": change,
            "seen": (seen * asked).sum() / asked.sum(),
            "kept": (seen * (1 - asked)).sum() / (1 - asked).sum(),
        }
        loss = loss + terms.adversarial * adversarial + terms.attribute * classification
        return loss + terms.preservation * kept + terms.change * change, scalars

    @staticmethod
    def _distort(batch: Batch, images: Tensor) -> Tensor:
        """The classifier's input: pictures with small shifts, changes of colour and noise, so that patterns of single
        pixels or odd colours cannot fool it (gradients of a classifier of noisy pictures are perceptually meaningful:
        Kaur et al. 2019, arXiv:1910.08640)."""
        images = augment.augment(images, batch.uniform(Stream.AUGMENT, augment.RANDOMS), 0.5, ("color", "translation"))
        return images + batch.normal(Stream.NOISE, *images.shape[1:]) * NOISE

    def init_directions(self, state: State) -> None:
        """Initialise directions and regions of the edits. The directions are those of the regression, three times as
        long as the distance of the mean face with the attribute, since the codes of real pictures are close together;
        for a condition of the decoder 1.5 times the way from -1 to 1. The regions are where the attributes show."""
        critic = state.discriminator
        directions = critic.effects(critic.code_sums, len(self.attributes))
        regions = where_shown(critic.effects(critic.pixel_sums, len(self.attributes)))
        conditions = state.generator.conditions
        for k, name in enumerate(conditions):
            if name in self.attributes:
                directions[self.attributes.index(name)] = F.one_hot(
                    torch.tensor(k - len(conditions) + directions.shape[1]), directions.shape[1]
                )
        directions = directions * 3
        for editor in (state.generator, state.ema):
            with torch.no_grad():
                editor.mapping.directions.copy_(directions)
                editor.regions.copy_(regions)


def where_shown(effects: Tensor) -> Tensor:
    """The regions of attributes, 0..1 (K, H, W), from their effects on pictures (K, C, H, W): near all pixels that change
    by more than a quarter of the largest change."""
    strength = effects.square().mean(1, keepdim=True).sqrt()
    strength = strength / strength.flatten(1).quantile(0.995, dim=1)[:, None, None, None].clamp_min(1e-6)
    low, high = SHOWN
    there = smoothstep((strength - low) / (high - low))
    near = max(round(NEAR * effects.shape[-1]), 1)
    return blurred(F.max_pool2d(there, 2 * near + 1, 1, near))[:, 0]


@torch.no_grad()
def update_statistics(editor: Editor, codes: Tensor) -> None:
    """Update the statistics from which the editor draws its own faces, by codes (n, d) of photos."""
    new = 1 - 0.5 ** (len(codes) / MEMORY)
    editor.code_mean.lerp_(codes.mean(0), new)
    away = codes - editor.code_mean
    with torch.autocast(codes.device.type, enabled=False):
        editor.code_covariance.lerp_(away.T @ away / len(codes), new)


def has_training_label(batch: Batch) -> Tensor:
    """(n,) bool: the pictures whose labels may be learned: odd file numbers, if there are numbers (see
    judges.half)."""
    return torch.ones(len(batch.real), dtype=torch.bool) if batch.numbers is None else batch.numbers % 2 == 1


def attribute_loss(logits: Tensor, labels: Tensor, count: int) -> Tensor:
    """Cross-entropy of the attributes (..., m, K) of m of `count` pictures, as their share of the batch's mean, summed
    over the classifiers."""
    wanted = ((labels[:, : logits.shape[-1]] + 1) / 2).expand_as(logits)
    return F.binary_cross_entropy_with_logits(upcast(logits), wanted, reduction="none").mean(-1).sum() / count


def multiscale_l1(real: Tensor, drawn: Tensor) -> Tensor:
    """Mean absolute error, plus that of the pictures at a quarter of the size."""
    return (real - drawn).abs().mean() + (F.avg_pool2d(real, 4) - F.avg_pool2d(drawn, 4)).abs().mean()
