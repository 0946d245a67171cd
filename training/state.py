"""The state of training: networks, optimisers and the averaged generator."""

from dataclasses import dataclass, field

import torch
from torch import nn
from torch.amp import GradScaler
from torch.optim.swa_utils import get_ema_multi_avg_fn

from gan_models.networks import PAIRS
from gan_models.networks.base import Discriminator, Generator
from gan_models.rng import Stream, philox

from . import cpu
from .data.dataset import Dataset
from .recipes import Recipe, RecipeError, at


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


def build(recipe: Recipe, dataset: Dataset, seed: int, device: torch.device, scaled: bool = False) -> State:
    """Networks and optimisers at the start of a run, initialised on the CPU, so equal on every device and process.
    scaled: scale losses for the backward pass, since gradients in float16 would underflow (Micikevicius et al. 2018,
    arXiv:1710.03740). Accelerate has one scaler for all optimisers, so this package has its own."""
    torch.manual_seed(seed)
    generator_class, discriminator_class = PAIRS[recipe.networks]
    size = recipe.image_size if isinstance(recipe.image_size, int) else list(recipe.image_size)  # as JSON has it
    shared = {"image_size": size, "image_channels": recipe.image_channels}
    if recipe.conditional:
        shared |= {"labels": list(dataset.label_names), "multi_label": dataset.multi_label}
    try:
        classes = {"classes": list(dataset.label_names)} if generator_class.classifies else {}
        generator = generator_class(**shared, **classes, **recipe.generator)
        if discriminator_class.shares_weights:
            discriminator = discriminator_class(generator, **recipe.discriminator)
        else:
            discriminator = discriminator_class(**shared, **recipe.discriminator)
        ema = generator_class(**shared, **classes, **recipe.generator)
    except (TypeError, ValueError) as error:
        raise RecipeError(f"The networks of {recipe.name} cannot be built: {str(error).rstrip('.')}.") from error
    if recipe.conditional and dataset.multi_label:
        rows = [int(philox(seed, k, Stream.LABELS).integers(len(dataset))) for k in range(len(generator.label_table))]
        generator.label_table.copy_(torch.from_numpy(dataset.labels[rows].copy()))
    ema.load_state_dict(generator.state_dict())
    networks = [network.to(device, memory_format=torch.channels_last) for network in (generator, discriminator, ema)]
    for network in networks[:2]:
        cpu.faster(network)
    networks[2].requires_grad_(False).eval()
    players = list(generator.parameters()), list(discriminator.trained().values())
    scalers = (GradScaler(device.type, enabled=scaled) for _ in players)
    optimisers = (_optimiser(recipe, parameters) for parameters in players)
    return State(*networks, *optimisers, 0, at(recipe.augment, 0), *scalers)


def _optimiser(recipe: Recipe, parameters: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
    rate = at(recipe.learning_rate, 0)
    if recipe.optimiser == "rmsprop":
        return torch.optim.RMSprop(parameters, rate)
    fused = parameters[0].device.type in ("cpu", "cuda")
    return torch.optim.Adam(parameters, rate, (recipe.beta1, at(recipe.beta2, 0)), fused=fused)


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
