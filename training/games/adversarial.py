"""The base class of all games, and the plain game: a generator against a discriminator.

A game has three functions of a step's `Batch`: `generate`, `discriminator_loss` and `generator_loss`, after a `prepare`.
The loop does the rest, in the same way for all games. An encoder is a part of the generator and is trained with it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from gan_models.networks.base import DiscriminatorOutput
from gan_models.networks.layers import upcast
from gan_models.rng import Stream

from .. import augment, losses, penalties
from ..data.dataset import Dataset
from ..judges import networks as judges
from ..losses import OBJECTIVES, Loss
from ..recipes import Recipe, RecipeError, at
from .batch import Batch, all_gather
from .state import State, augment_strength


class Generated(NamedTuple):
    """The generator's output for a batch, with its graph."""

    fake: Tensor  # (n, C, H, W) from the latents


class Game:
    """The interface of a training algorithm for the loop, in the order of its use, and what most games share."""

    @dataclass(frozen=True)
    class Terms:
        """The settings of this game, from `recipe.terms`: mostly weights of terms of its losses; 0 leaves a term out."""

    dataset: Dataset  # the training data, set by the loop
    pairs: tuple[str, ...] = ()  # rows of PAIRS that only this game can use; (): those that no game claims
    scores_apart = False  # whether it scores real and generated pictures apart, so that no objective can pair them
    penalised = False  # whether it supports r1, r2, gradient_penalty, instance_noise and augment
    in_parts = True  # whether a batch can be computed in parts, because its losses are means over pictures
    compares: tuple[str, ...] = ()  # exceptions to in_parts: terms that use all pictures of a batch at once
    needs: dict[str, str] = {}  # term -> the method that it needs of the generator
    draws = True  # whether its model draws pictures, so that diversity and FID can be measured
    reads_labels = sorts = False  # whether it uses the data's labels even for unconditional networks; as classes
    sums: tuple[str, ...] = ()  # terms that are sums over features, whose gradients are large in healthy runs
    remedies: tuple[str, ...] = ()  # what the watch may recommend besides a lower rate: "smoother", "noise", "batch"

    @classmethod
    def features_of(cls, recipe: Recipe) -> str | None:
        """Whose features the losses use: a network that learned from other data, in words for the card; None: nobody's."""
        return None

    @classmethod
    def needs_model(cls, recipe: Recipe) -> bool:
        """Whether a run has to start from a trained generator (--init-from)."""
        return False

    @classmethod
    def check(cls, recipe: Recipe, terms: "Game.Terms") -> None:
        """Raise RecipeError if the recipe does not fit this game."""

    def __init__(self, recipe: Recipe, device: torch.device):
        self.recipe, self.terms, self.objective = recipe, self.Terms(**recipe.terms), OBJECTIVES[recipe.objective]

    def generator_moves(self, state: State) -> bool:
        """Whether the generator learns yet."""
        return True

    def prepare(self, state: State, batch: Batch) -> None:
        """Called before each step, for everything that is not a function of the batch: modes, freezing, buffers."""

    def generate(self, state: State, batch: Batch) -> NamedTuple:
        """The generator's outputs for the batch, with their graph."""
        raise NotImplementedError(f"{type(self).__name__} generates nothing")

    def discriminator_loss(self, state: State, batch: Batch, generated: NamedTuple) -> Loss:
        """The discriminator's loss. Its gradient must not reach the generator."""
        raise NotImplementedError(f"{type(self).__name__} has no loss for the discriminator")

    def generator_loss(self, state: State, batch: Batch, generated: NamedTuple) -> Loss:
        """The generator's loss, through the updated discriminator, which is frozen."""
        raise NotImplementedError(f"{type(self).__name__} has no loss for the generator")

    def discriminator(self, state: State, batch: Batch, latents: tuple[Tensor, Tensor] | None = None) -> Callable:
        """The function D(images) for real and D(images, fake=True) for generated pictures: the discriminator with
        instance noise (Soenderby et al. 2017, arXiv:1610.04490) and augmentation. Real and generated pictures use
        different random numbers. latents: of the real and of the generated pictures, for a discriminator of pairs."""
        recipe = self.recipe
        noise, strength = at(recipe.instance_noise, state.images), augment_strength(recipe, state)
        noises = batch.normal(Stream.NOISE, 2, *batch.real.shape[1:]) if noise else None
        randoms = batch.uniform(Stream.AUGMENT, 2, augment.RANDOMS) if strength else None

        def D(images: Tensor, fake: bool = False) -> DiscriminatorOutput:
            if noise:
                images = images + noise * noises[:, int(fake)]
            if strength:
                images = augment.augment(images, randoms[:, int(fake)], strength, recipe.augment_policies)
            return state.discriminator(images, batch.labels, *([latents[fake]] if latents else []))

        return D

    def tell_apart(self, real: Tensor, *fakes: Tensor) -> Loss:
        """The objective's discriminator loss for scores (n,) of real and of one or more kinds of generated pictures."""
        pairs = [self.objective.discriminator(upcast(real), upcast(fake)) for fake in fakes]
        loss, scalars = sum(loss for loss, _ in pairs) / len(pairs), pairs[0][1]
        sure = {"real_sign": self.objective.sure(real, fakes[0])} if self.recipe.augment_target else {}
        return loss, scalars | sure | dict(discriminator_loss=loss, real_score=real.mean(), fake_score=fakes[0].mean())

    def penalise(self, state: State, batch: Batch, D: Callable, fake: Tensor, loss: Tensor, scalars: dict) -> Loss:
        """The discriminator's loss plus its gradient penalties, on the steps that have them."""
        recipe = self.recipe
        if state.images // recipe.batch_size % recipe.penalty_every:
            return loss, scalars
        on_real, on_fake = lambda x: D(x).scores, lambda x: D(x, fake=True).scores
        for name, gamma, score, images in (("r1", recipe.r1, on_real, batch.real), ("r2", recipe.r2, on_fake, fake)):
            if weight := at(gamma, state.images):
                scalars[name] = penalties.zero_centered_gradient_penalty(score, images)
                loss = loss + weight * recipe.penalty_every * scalars[name]
        if recipe.gradient_penalty:
            t = batch.uniform(Stream.INTERPOLATION)
            scalars["gradient_penalty"] = penalties.wgan_gp(on_fake, batch.real, fake, t)
            loss = loss + recipe.gradient_penalty * recipe.penalty_every * scalars["gradient_penalty"]
        return loss, scalars


class Adversarial(Game):
    """The plain game: a generator against a discriminator, with or without labels."""

    @dataclass(frozen=True)
    class Terms:
        adversarial: float = 1.0  # the objective's generator loss
        auxiliary: float = 0.0  # the auxiliary classifier's loss (needs discriminator.auxiliary)
        feature_matching: float = 0.0  # match the means of the discriminator's features
        perceptual: float = 0.0  # match the means of a fixed network's features (digits only)
        information: float = 0.0  # mutual information between pictures and latent codes
        clustering: float = 0.0  # mutual information between the categories of real pictures and of augmented copies

    penalised, sums, remedies = True, ("feature_matching", "perceptual"), ("smoother", "noise")
    compares = ("feature_matching", "perceptual", "clustering")
    needs = {"information": "codes", "clustering": "codes"}

    @classmethod
    def check(cls, recipe: Recipe, terms: Terms) -> None:
        if terms.auxiliary and not (recipe.conditional and recipe.discriminator.get("auxiliary")):
            raise RecipeError(
                "The loss of the auxiliary classifier needs labels and a classifier: "
                "--set conditional=true and --set discriminator.auxiliary=true, or --set auxiliary=0."
            )
        if terms.perceptual and recipe.data != "mnist":
            raise RecipeError("The perceptual term's network reads MNIST's digits alone: --set perceptual=0.")

    def __init__(self, recipe: Recipe, device: torch.device):
        super().__init__(recipe, device)
        self.teacher = None  # a frozen classifier of digits, never the one that evaluates the results
        if self.terms.perceptual:
            self.teacher = judges.read("mnist-teacher").to(device).requires_grad_(False).eval()

    def generate(self, state: State, batch: Batch) -> Generated:
        return Generated(state.generator(batch.latents, batch.labels))

    def discriminator_loss(self, state: State, batch: Batch, generated: Generated) -> Loss:
        """Real and generated pictures are separate batches, so that BatchNorm does not mix them."""
        terms, fake, D = self.terms, generated.fake.detach(), self.discriminator(state, batch)
        on_real, on_fake = D(batch.real), D(fake, fake=True)
        loss, scalars = self.tell_apart(on_real.scores, on_fake.scores)
        if terms.auxiliary:
            scalars["real_classification"] = self._classification(state, batch, on_real)
            loss = loss + terms.auxiliary * scalars["real_classification"]
        if terms.information:
            scalars["information"] = self._information(state, batch, on_fake)
            loss = loss + terms.information * scalars["information"]
        if terms.clustering:
            scalars["clustering"] = self._clustering(state, batch, on_real)
            loss = loss + terms.clustering * scalars["clustering"]
        return self.penalise(state, batch, D, fake, loss, scalars)

    def generator_loss(self, state: State, batch: Batch, generated: Generated) -> Loss:
        terms, D = self.terms, self.discriminator(state, batch)
        on_real = D(batch.real) if terms.feature_matching or self.objective.paired else None
        on_fake = D(generated.fake, fake=True)
        loss, scalars = self.objective.generator(upcast(on_real.scores) if on_real else None, upcast(on_fake.scores))
        scalars["generator_loss"], loss = loss, loss * terms.adversarial
        if terms.auxiliary:
            scalars["fake_classification"] = self._classification(state, batch, on_fake)
            loss = loss + terms.auxiliary * scalars["fake_classification"]
        if terms.information:
            scalars["information"] = self._information(state, batch, on_fake)
            loss = loss + terms.information * scalars["information"]
        if terms.feature_matching:
            real, fake = all_gather(on_real.features), all_gather(on_fake.features)
            scalars["feature_matching"] = losses.feature_matching(real, fake)
            loss = loss + terms.feature_matching * scalars["feature_matching"]
        if terms.perceptual:
            real, fake = (all_gather(self._features(images)) for images in (batch.real, generated.fake))
            scalars["perceptual"] = losses.feature_matching(real, fake)
            loss = loss + terms.perceptual * scalars["perceptual"]
        return loss, scalars

    def _classification(self, state: State, batch: Batch, output: DiscriminatorOutput) -> Tensor:
        return losses.classification(upcast(output.logits), batch.labels, state.generator.multi_label)

    def _information(self, state: State, batch: Batch, on_fake: DiscriminatorOutput) -> Tensor:
        return losses.mutual_information(upcast(on_fake.logits), *state.generator.codes(batch.latents))

    def _clustering(self, state: State, batch: Batch, on_real: DiscriminatorOutput) -> Tensor:
        warped = augment.warp(batch.real, batch.uniform(Stream.WARP, augment.WARPS))
        logits = on_real.logits, state.discriminator(warped, batch.labels).logits
        return losses.clustering(*(all_gather(some)[:, : state.generator.categories] for some in logits))

    def _features(self, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, enabled=False):
            return self.teacher(images.float()).features
