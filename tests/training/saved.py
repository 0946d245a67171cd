"""A run in this process, saved and restored."""

import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tiny import digits

from gan_models import model_folder
from training import loop, run_folder
from training.games.state import State
from training.recipes import RECIPES
from training.run import checkpoints
from training.settings import change
from training.starting import build_state

RECIPE = change(
    RECIPES["mnist-dcgan"], ["generator.width=2", "generator.latent_dim=2", "discriminator.width=2", "batch_size=4"]
)
DATA = digits()


def trained(accelerator, images: int, recipe=RECIPE) -> State:
    state = build_state(recipe, DATA, 0, torch.device("cpu"))
    return loop.train(recipe, DATA, state, accelerator, images, 0, [])


def save(state, folder, accelerator):
    checkpoints.save_checkpoint(state, folder, accelerator, lambda model: model_folder.save(state.ema, model))


def restored(folder, accelerator) -> State:
    state = build_state(RECIPE, DATA, 1, torch.device("cpu"))  # other weights, all of which must be replaced
    assert checkpoints.restore(state, run_folder.find_checkpoint(folder), accelerator) == []
    return state


def damage(folder: Path, how: str) -> None:
    state, about = folder / "state.safetensors", folder / "state.json"
    if how == "cut weights":
        state.write_bytes(state.read_bytes()[:-100])
    elif how == "no weights":
        state.unlink()
    elif how == "a pickle":
        torch.save({"a": torch.zeros(1)}, state)
    elif how == "not json":
        about.write_text("{")
    elif how == "json of another kind":
        about.write_text("[8]")
    elif how == "no model":
        shutil.rmtree(folder / "model")
    elif how == "cut model":
        (folder / "model/model.safetensors").write_bytes((folder / "model/model.safetensors").read_bytes()[:-4])
    else:
        tensors = load_file(state)
        key = "discriminator_optimiser.exp_avg.score.weight"
        if how == "a tensor too few":
            del tensors["generator.layers.0.weight"]
        elif how == "a tensor too many":
            tensors["teacher.weight"] = torch.zeros(1)
        elif how == "another shape":
            tensors["generator.layers.0.weight"] = torch.zeros(1)
        elif how == "a moment of another shape":
            tensors[key] = torch.zeros(5, 5)
        elif how == "a moment too few":
            del tensors[key]
        save_file(tensors, state)
