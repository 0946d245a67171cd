"""The state of training: networks, optimisers and the averaged generator."""

from dataclasses import dataclass, field

import torch
from torch import nn
from torch.amp import GradScaler
from torch.optim.swa_utils import get_ema_multi_avg_fn

from gan_models.networks.base import Discriminator, Generator

from ..recipes import Recipe, at


@dataclass
class State:
    """Everything that changes during training, and is stored in a checkpoint."""

    generator: Generator
    discriminator: Discriminator
    ema: Generator  # the averaged generator, which is sampled and published
    generator_optimiser: torch.optim.Optimizer
    discriminator_optimiser: torch.optim.Optimizer
    images: int = 0
    augment: float = 0.0  # strength, where the recipe adapts it
    # One for each player: where a gradient of the one overflows, the other's step and scale are not touched.
    generator_scaler: GradScaler = field(default_factory=lambda: GradScaler("cpu", enabled=False))
    discriminator_scaler: GradScaler = field(default_factory=lambda: GradScaler("cpu", enabled=False))


def batch_dependent_layers(state: State) -> list[str]:
    """The types of layers whose result depends on how processes share a batch."""
    kinds = {"BatchNorm": (nn.BatchNorm1d, nn.BatchNorm2d), "Dropout": (nn.Dropout,)}
    layers = [*state.generator.modules(), *state.discriminator.modules()]
    return [
        name
        for name, kind in kinds.items()
        if any(isinstance(layer, kind) and getattr(layer, "p", 1) for layer in layers)
    ]


ADAPTED = 100_000  # images, in which an adaptive strength goes from 0 to 1 at most (Karras et al. 2020: 500,000)


def augment_strength(recipe: Recipe, state: State) -> float:
    """How strongly the discriminator's pictures are augmented, 0..1."""
    return state.augment if recipe.augment_target else at(recipe.augment, state.images)


def adapt_augment(recipe: Recipe, state: State, scalars: dict[str, torch.Tensor], accelerator) -> None:
    """Raise the strength where the discriminator is too sure of real pictures ("real_sign"), else lower it; on all
    processes alike."""
    if recipe.augment_target and "real_sign" in scalars:
        sure = float(accelerator.reduce(scalars["real_sign"], "mean")) > recipe.augment_target
        step = recipe.batch_size / ADAPTED
        state.augment = min(max(state.augment + (step if sure else -step), 0.0), 1.0)
        scalars["augment"] = torch.tensor(state.augment)


def set_schedules(recipe: Recipe, state: State) -> None:
    """Set the scheduled values of the optimisers for the images seen."""
    for optimiser, factor in ((state.generator_optimiser, recipe.generator_rate), (state.discriminator_optimiser, 1.0)):
        for group in optimiser.param_groups:
            group["lr"] = at(recipe.learning_rate, state.images) * factor
            if "betas" in group:
                group["betas"] = (recipe.beta1, at(recipe.beta2, state.images))


@torch.no_grad()
def update_ema(recipe: Recipe, state: State) -> None:
    """Update the exponential moving average of the generator: weights and BatchNorm statistics. The half-life grows with
    the images seen up to the recipe's (Karras et al. 2020), so that in short runs the early weights are soon
    forgotten."""
    half_life = min(recipe.ema_half_life, recipe.ema_ramp * state.images)
    kept = 0.5 ** (recipe.batch_size * recipe.discriminator_steps / half_life) if half_life else 0.0
    pairs = list(zip(state.ema.state_dict().values(), state.generator.state_dict().values()))
    floats = [(a, b) for a, b in pairs if a.is_floating_point()]
    get_ema_multi_avg_fn(kept)([a for a, _ in floats], [b for _, b in floats], None)
    for mine, theirs in pairs:
        if not mine.is_floating_point():
            mine.copy_(theirs)
