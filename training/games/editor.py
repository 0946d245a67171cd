"""The editor's game (networks: gan_models/networks/editor.py), in two phases.

1. The encoder learns to read faces, and the decoder to draw them: an autoencoder with small absolute errors in the
   picture and in a coarse copy of it, and codes that stay near the standard normal distribution. Where
   `latent_regression` is weighed, the decoder is a finished generator (`--init-from`), and the encoder also learns to
   read its pictures, of which the codes are known. Meanwhile a classifier learns the attributes, and linear regressions
   on all labels, of codes and of pixels, give each attribute a direction and a region.
2. From `edits_after` images on, photos are edited by random requests. The mapping and the decoder learn to make the
   classifier see the request, and nothing else changed. (Of a finished decoder only the first layer learns, so that the
   layers that draw textures stay.) A discriminator sees photos with the attributes that they show, and edited photos
   with those that were requested, and tells the two apart. At first requests weigh more (`temperature`): edits that
   begin large and become smaller look better than edits that only grow.

The classifier learns from CelebA's odd file numbers only. The judge (judges/) is another network and learned from the
even ones. In phase 2 no label is used: what a photo shows is what the classifier sees in it.
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
from ..losses import Loss, all_gather
from ..recipes import Recipe, RecipeError, Schedule, at
from ..state import State
from .adversarial import Batch, Game

# Rare ones are asked for more often, and so are those that need much drawing.
WEIGHTS = {"Mustache": 2.0, "Brown_Hair": 2.0, "Male": 1.5, "No_Beard": 2.0, "Young": 2.0}
SECOND = 0.3  # how often two attributes are asked for at once
FURTHER = 0.15  # how often more of what is there is asked for
NOISE = 0.25  # standard deviation
SHOWN = (0.25, 0.5)  # of the largest effect on a pixel: from where on an attribute begins to show there, and does
NEAR = 1 / 32  # of the side: so far beyond such pixels edits reach


class EditorGenerated(NamedTuple):
    """What the editor makes of a batch."""

    codes: Tensor  # (n, d) of the photos
    reconstructed: Tensor  # (n, C, H, W)
    logits: Tensor | None = None  # phase 1: (n, K) the editor's own estimate of the attributes
    divergence: Tensor | None = None  # phase 1: of the codes from the standard normal distribution
    # phase 1 with a finished decoder: how far codes read in its pictures are from theirs
    latent_regression: Tensor | None = None
    shown: Tensor | None = None  # phase 2: (n, K) 0..1 what the classifier sees in the photos
    differences: Tensor | None = None  # (n, K) what was asked for
    targets: Tensor | None = None  # (n, K) 0..1 what the classifier should see afterwards
    edited: Tensor | None = None  # the photos after it


class Editing(Game):
    """Two phases, as the file's head says."""

    @dataclass(frozen=True)
    class Terms:
        edits_after: int = 1  # images of phase 1
        reconstruction: float = 0.0  # of photos, in both phases
        divergence: float = 0.0  # phase 1 with a decoder of its own: of the codes from the prior
        latent_regression: float = 0.0  # phase 1 with a finished decoder: of the codes of pictures that it draws
        adversarial: float = 1.0  # phase 2, as what follows
        attribute: float = 0.0  # the classifier sees what was asked for
        preservation: float = 0.0  # it sees nothing else changed
        change: float = 0.0  # absolute change of the photo
        # What the classifier's logits of what was asked for are divided by: above 1, sure is not sure enough.
        temperature: float | Schedule = 1.0

    in_parts = False  # the regressions gather sums of whole batches
    pairs, draws, reads_labels, sums = ("editor",), False, True, ("reconstruction",)

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
        """Who learns in which phase; at the beginning of the second, where edits begin."""
        editor, first = state.generator, state.images < self.terms.edits_after
        editor.train(first)  # afterwards BatchNorm's statistics stand
        state.discriminator.classifier.eval()  # it learns in discriminator_loss alone
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
        """Phase 1 with a decoder that learns too: an autoencoder of photos."""
        editor = state.generator
        codes, logits = editor.encoder(batch.real)
        codes = upcast(codes)
        noise = batch.normal(Stream.ENCODER, editor.latent_dim)
        variance = editor.log_variance.expand_as(codes)
        drawn = editor.decoder(codes + (variance / 2).exp() * noise)
        return EditorGenerated(codes, upcast(drawn), logits, divergence=losses.kl_divergence(codes, variance))

    def _read(self, state: State, batch: Batch) -> EditorGenerated:
        """Phase 1 with a decoder that is finished: the encoder learns to read its pictures, of which the codes are
        known, and photos."""
        editor = state.generator
        with torch.no_grad():
            wanted = upcast(editor.codes_from(batch.latents))
            fake = editor.decoder(wanted)
        codes, logits = editor.encoder(torch.cat([batch.real, fake]))
        of_real, of_fake = upcast(codes).chunk(2)
        drawn, regression = upcast(editor.decoder(of_real)), F.mse_loss(of_fake, wanted)
        return EditorGenerated(of_real, drawn, logits.chunk(2)[0], latent_regression=regression)

    def requests(self, randoms: Tensor, shown: Tensor) -> tuple[Tensor, Tensor]:
        """Random wishes for pictures that show attributes as surely as `shown` (n, K) in 0..1, from randoms (n, 6)
        uniform in 0..1: differences (n, K) of -1, 0 and 1, and what should be seen afterwards (n, K) in 0..1."""
        rows = torch.arange(len(shown), device=shown.device)
        there = shown > 0.5
        differences = torch.zeros_like(shown)
        picked = torch.searchsorted(self.cumulative, randoms[:, :2].contiguous()).clamp_max(shown.shape[1] - 1)
        for turn in (1, 0):  # the first wish is heard last
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
        """What has been seen of the codes (n, d) of photos: for the editor's own faces, unless a finished decoder draws
        them, and in phase 1 for the regressions."""
        if not self.terms.latent_regression:
            update_statistics(state.generator, all_gather(codes))
        if state.images < self.terms.edits_after:
            state.discriminator.note(all_gather(codes), all_gather(batch.real), all_gather(batch.labels))

    def generator_loss(self, state: State, batch: Batch, generated: EditorGenerated) -> Loss:
        terms = self.terms
        reconstruction = coarse_and_fine(batch.real, generated.reconstructed)
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
        own = F.binary_cross_entropy(
            generated.targets, generated.targets, reduction="none"
        )  # the least that can be had where nothing was asked
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
        """Pictures as the classifier sees them: shifted a little, in somewhat other colours and with noise, so that
        neither patterns of single pixels nor odd colours please it (a classifier of noisy pictures has to look at what
        people look at: Kaur et al. 2019, arXiv:1910.08640)."""
        images = augment.augment(images, batch.uniform(Stream.AUGMENT, augment.RANDOMS), 0.5, ("color", "translation"))
        return images + batch.normal(Stream.NOISE, *images.shape[1:]) * NOISE

    def init_directions(self, state: State) -> None:
        """Where edits begin: along the regression's directions, three times as far as the mean face with the attribute
        is away, since codes of real pictures lie close together; of a condition of the decoder, half as far again as
        from its -1 to its 1. And what they may change: where the attributes show."""
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
    """Where attributes show, 0..1 (K, H, W), from what they bring to pictures (K, C, H, W): near all pixels that change
    by more than a quarter as much as those that change most."""
    strength = effects.square().mean(1, keepdim=True).sqrt()
    strength = strength / strength.flatten(1).quantile(0.995, dim=1)[:, None, None, None].clamp_min(1e-6)
    low, high = SHOWN
    there = smoothstep((strength - low) / (high - low))
    near = max(round(NEAR * effects.shape[-1]), 1)
    return blurred(F.max_pool2d(there, 2 * near + 1, 1, near))[:, 0]


@torch.no_grad()
def update_statistics(editor: Editor, codes: Tensor) -> None:
    """Codes (n, d) of photos, for the statistics that the editor's own faces are drawn by."""
    new = 1 - 0.5 ** (len(codes) / MEMORY)
    editor.code_mean.lerp_(codes.mean(0), new)
    away = codes - editor.code_mean
    with torch.autocast(codes.device.type, enabled=False):
        editor.code_covariance.lerp_(away.T @ away / len(codes), new)


def has_training_label(batch: Batch) -> Tensor:
    """(n,) bool: the pictures whose labels may be learned. Odd file numbers, where there are numbers (see
    judges.half)."""
    return torch.ones(len(batch.real), dtype=torch.bool) if batch.numbers is None else batch.numbers % 2 == 1


def attribute_loss(logits: Tensor, labels: Tensor, count: int) -> Tensor:
    """Cross-entropy of the attributes (..., m, K) of some of `count` pictures, as their share of a batch's mean;
    opinions add up."""
    wanted = ((labels[:, : logits.shape[-1]] + 1) / 2).expand_as(logits)
    return F.binary_cross_entropy_with_logits(upcast(logits), wanted, reduction="none").mean(-1).sum() / count


def coarse_and_fine(real: Tensor, drawn: Tensor) -> Tensor:
    """Mean absolute error, plus that of the pictures at a quarter of their size."""
    return (real - drawn).abs().mean() + (F.avg_pool2d(real, 4) - F.avg_pool2d(drawn, 4)).abs().mean()
