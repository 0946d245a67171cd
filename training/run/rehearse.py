"""Rehearse a run: `python -m training RECIPE --dry-run` says what it would train, need and take.

A few steps are done in memory. Nothing is written except the cache of decoded pictures.
"""

from __future__ import annotations

import resource
import sys
import time

import torch

from gan_models.sizes import in_words

from .. import loop
from ..engine import make_accelerator
from ..errors import TrainingError
from ..games.state import State
from ..starting import build_state
from .callbacks import duration
from .init_from import initialise_from
from .options import RunOptions
from .plan import open_data, recipe_of

SECONDS, LEAST = 5.0, 3  # duration and least number of the timed steps, after the first one, which allocates memory


class Rehearsal:
    """A callback that measures steps per second and ends the loop after a while."""

    def __init__(self):
        self.steps, self.began, self.seconds = -1, 0.0, 0.0

    def __call__(self, state: State, scalars: dict) -> bool:
        if self.steps < 0:
            _wait(state)
            self.began = time.perf_counter()
        self.steps += 1
        if self.steps < LEAST:
            return False
        _wait(state)
        self.seconds = time.perf_counter() - self.began
        return self.seconds >= SECONDS


def rehearse(options: RunOptions) -> str:
    """What a run with these options would train, need and take, as text. Raises what the run would raise before its
    first step."""
    recipe = recipe_of(options)
    accelerator = make_accelerator(options.precision)
    if recipe.batch_size % accelerator.num_processes:
        raise TrainingError(
            f"The batch of {recipe.batch_size} cannot be shared by {accelerator.num_processes} processes: "
            "--set batch_size to a multiple."
        )
    dataset = open_data(recipe, options)
    state = build_state(recipe, dataset, options.seed, accelerator.device)
    if options.init_from:
        initialise_from(state, options.init_from)
    clock = Rehearsal()
    loop.train(recipe, dataset, state, accelerator, 10**12, options.seed, [clock])
    speed = clock.steps * recipe.batch_size / clock.seconds
    total = options.images or recipe.images
    precision = accelerator.mixed_precision.replace("no", "fp32")
    labels = (
        f"{len(dataset.label_names)} {'attributes' if dataset.multi_label else 'classes'}"
        if dataset.label_names
        else "no labels"
    )
    rows = {
        "recipe": f"{recipe.name}: {recipe.summary}",
        "data": f"{dataset.name}: {len(dataset):,} pictures, {in_words(recipe.image_size)} px, "
        f"{'grey' if recipe.image_channels == 1 else 'colour'}, {labels}",
        "generator": _about(state.generator),
        "discriminator": _about(state.discriminator),
        "device": f"{accelerator.num_processes} process(es) on {accelerator.device.type}, {precision}",
        "memory": f"{_memory(accelerator.device) / 2**30:.2f} GiB at most so far",
        "speed": f"{speed:,.1f} images/s in {clock.steps} steps of {recipe.batch_size}",
        "length": f"{total:,} images ({total / len(dataset):,.1f} times the data), about "
        f"{duration(total / speed)} without checkpoints and measurements",
        "output": f"{options.output}, to which nothing was written",
    }
    return "\n".join([*dataset.notes, *(f"{name:<14} {text}" for name, text in rows.items())])


def _about(network: torch.nn.Module) -> str:
    weights = sum(parameter.numel() for parameter in network.parameters())
    return f"{type(network).__name__}, {weights:,} parameters"


def _memory(device: torch.device) -> int:
    """The peak memory in bytes: of the tensors on a GPU, else of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _wait(state: State) -> None:
    """Wait until the device is done."""
    next(state.generator.parameters()).flatten()[0].item()
