"""The state with which a run starts: fresh networks and optimisers, or the weights of a model or of another run."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.amp import GradScaler

from gan_models.errors import InvalidInput
from gan_models.model_folder import config_of
from gan_models.networks import PAIRS, load
from gan_models.networks.editor import Editor
from gan_models.networks.laplacian import LaplacianGenerator
from gan_models.rng import Stream, philox

from . import checkpoints, cpu, growing, run_folder
from .data.dataset import Dataset
from .errors import RunError
from .games.state import State
from .recipes import Recipe, RecipeError, at

ADOPTING = (Editor, LaplacianGenerator)  # which take another generator as a part of their own


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


def initialise_from(state: State, source: str) -> None:
    """Start from the generator of a model with the recipe's configuration (it may lack an encoder), from a generator of
    half the size, which grows, or from a run folder, with its discriminator too."""
    if checkpoint := run_folder.find_checkpoint(Path(source)):
        checkpoints.begin_with(state, checkpoint)
        return
    model = load(source)
    if isinstance(state.ema, ADOPTING) and not isinstance(model, ADOPTING):
        try:
            for network in (state.generator, state.ema):
                network.adopt(model)
        except InvalidInput as error:
            raise RunError(f"{source} does not fit the recipe. {error}") from error
        return
    if growing.can_grow(model, state.ema):
        growing.grow(model.to(next(state.generator.parameters()).device), state.generator)
        state.ema.load_state_dict(state.generator.state_dict())
        return
    wanted, weights = config_of(state.ema), model.state_dict()
    lacking = state.ema.state_dict().keys() - weights.keys()
    given = {key: value for key, value in config_of(model).items() if key != "family"}  # which may lack an encoder
    if any(wanted.get(key) != value for key, value in given.items()) or any(
        not key.startswith("encoder.") for key in lacking
    ):
        raise RunError(
            f"{source} has another configuration than the recipe, so its weights do not fit; "
            "give the options with which it was made by --set."
        )
    for network in (state.generator, state.ema):
        network.load_state_dict(network.state_dict() | weights, strict=True)
