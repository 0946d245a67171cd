"""Three steps of every recipe, in float64, on however many processes this is started on; the main one writes the
weights.

python two_processes.py FOLDER          torchrun --nproc-per-node 2 two_processes.py FOLDER
"""

import sys
from pathlib import Path
from unittest import mock

import torch
from accelerate import Accelerator
from recipe_data import dataset_of
from safetensors.torch import save_file
from tiny import small
from torch import nn

from training import loop
from training.games import GAMES
from training.games.state import State
from training.judges import networks as judges
from training.recipes import RECIPES, Recipe
from training.run import checkpoints
from training.settings import change
from training.starting import build_state

LIVELY = {"instance_noise": 0.1, "augment": 0.5}  # whatever is random
SIDE = 32  # pixels, at most: what processes share does not depend on it


def recipe_of(name: str) -> Recipe:
    """With tiny networks and pictures, and everything that is random."""
    recipe = RECIPES[name]
    settings = [f"{option}={value}" for option, value in LIVELY.items() if GAMES[recipe.game].penalised]
    settings += [f"image_size={SIDE}"] if recipe.image_size > SIDE else []
    return change(recipe, [*small(name), *settings, "discriminator_steps=1", "penalty_every=2"])


def without_norms(module: nn.Module) -> nn.Module:
    """BatchNorm's statistics and Dropout's masks are each process's own, by design; all else must be equal."""
    for name, child in module.named_children():
        if isinstance(child, (nn.BatchNorm1d, nn.BatchNorm2d, nn.Dropout)):
            setattr(module, name, nn.Identity())
        without_norms(child)
    return module


def state_of(recipe, dataset) -> State:
    state = build_state(recipe, dataset, 0, torch.device("cpu"))
    for network in (state.generator, state.discriminator, state.ema):
        without_norms(network).double()
    with torch.no_grad():  # networks made for BatchNorm draw next to nothing without it
        for parameter in [*state.generator.parameters(), *state.discriminator.parameters()]:
            parameter.mul_(3 if parameter.ndim > 1 else 1)
    return state


def exact_teacher(name: str, read=judges.read) -> nn.Module:
    """The fixed network of feature matching in float64. What it is shown was rounded to float32 before, alike on any
    number of processes."""
    teacher = read(name).double()
    teacher.register_forward_pre_hook(lambda module, inputs: tuple(images.double() for images in inputs))
    return teacher


@mock.patch.object(judges, "read", exact_teacher)
def train(accelerator: Accelerator, folder: Path) -> None:
    torch.set_num_threads(1)
    for name in RECIPES:
        recipe = recipe_of(name)
        dataset = dataset_of(recipe)
        scalars = []
        state = loop.train(
            recipe,
            dataset,
            state_of(recipe, dataset),
            accelerator,
            3 * recipe.batch_size,
            0,
            [lambda state, values: scalars.append(values)],
        )
        means = {
            f"scalar.{k}.{key}": accelerator.reduce(value.detach().double(), "mean")
            for k, step in enumerate(scalars)
            for key, value in step.items()
        }
        if accelerator.is_main_process:
            weights = {key: value.contiguous() for key, value in checkpoints.tensors(state).items()}
            save_file(
                weights | {f"ema.{key}": value.contiguous() for key, value in state.ema.state_dict().items()} | means,
                folder / f"{name}.safetensors",
            )
        accelerator.wait_for_everyone()


if __name__ == "__main__":
    train(Accelerator(cpu=True, mixed_precision="no"), Path(sys.argv[1]))
