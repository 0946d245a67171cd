"""The state with which a run starts: fresh networks and optimisers."""

from __future__ import annotations

import torch
from torch.amp import GradScaler

from gan_models.networks import PAIRS
from gan_models.rng import Stream, philox

from . import cpu
from .data.dataset import Dataset
from .games.state import State
from .recipes import Recipe, RecipeError, at


def build_state(recipe: Recipe, dataset: Dataset, seed: int, device: torch.device, scaled: bool = False) -> State:
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
