"""Scaling for float16, tried on the CPU with scaling alone: a scale for each player, and nothing else is changed."""

import pytest
import torch
from recipe_data import dataset_of
from tiny import small

from gan_models import model_folder
from training import loop, run_folder
from training.games import GAMES
from training.games.state import State
from training.recipes import RECIPES
from training.run import checkpoints
from training.settings import change
from training.starting import build_state

CPU = torch.device("cpu")
START = 65536.0  # torch's first scale


def recipe_of(name: str, *settings: str):
    return change(RECIPES[name], [*small(name), *settings])


def trained(recipe, accelerator, images: int, scaled: bool = True) -> State:
    data = dataset_of(recipe)
    return loop.train(recipe, data, build_state(recipe, data, 0, CPU, scaled), accelerator, images, 0, [])


def step(recipe, state: State, accelerator) -> dict[str, torch.Tensor]:
    batch = loop.load_batch(recipe, dataset_of(recipe), state.generator, state.images, recipe.batch_size, 0)
    scalars = loop.step(recipe, GAMES[recipe.game](recipe, CPU), state, batch, accelerator)
    state.images += recipe.batch_size
    return scalars


def copy(network: torch.nn.Module) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


def moved(network: torch.nn.Module, before: list[torch.Tensor]) -> bool:
    return any(not torch.equal(now, then) for now, then in zip(network.parameters(), before, strict=True))


@pytest.mark.parametrize(
    "name, settings",
    [
        ("mnist-dcgan", ["optimiser=rmsprop"]),
        ("mnist-r3gan", []),  # penalties are differentiated twice
        ("mnist-tied", []),  # both players move the same weights
    ],
)
def test_scaled_steps_are_those_of_float32(accelerator, name, settings):
    recipe = recipe_of(name, *settings)
    plain, scaled = (trained(recipe, accelerator, 32, on) for on in (False, True))
    for a, b in ((plain.generator, scaled.generator), (plain.discriminator, scaled.discriminator)):
        torch.testing.assert_close(a.state_dict(), b.state_dict(), rtol=1e-4, atol=1e-5)
    assert scaled.generator_scaler.get_scale() == scaled.discriminator_scaler.get_scale() == START


@pytest.mark.parametrize("player, other", [("generator", "discriminator"), ("discriminator", "generator")])
@pytest.mark.parametrize("optimiser", ["adam", "rmsprop"])
def test_an_overflow_skips_the_step_and_halves_the_scale_of_its_player_alone(accelerator, player, other, optimiser):
    recipe = recipe_of("mnist-dcgan", f"optimiser={optimiser}")
    state = trained(recipe, accelerator, 8)
    before = {name: copy(getattr(state, name)) for name in (player, other)}
    moments = {key: value.clone() for key, value in checkpoints.tensors(state).items() if f"{player}_optimiser" in key}
    getattr(state, player).requires_grad_(True)
    hook = next(getattr(state, player).parameters()).register_hook(lambda gradient: gradient * float("inf"))
    scalars = step(recipe, state, accelerator)
    hook.remove()
    assert not moved(getattr(state, player), before[player]) and moved(getattr(state, other), before[other])
    now = checkpoints.tensors(state)
    assert moments and all(torch.equal(now[key], value) for key, value in moments.items())
    scales = {name: getattr(state, f"{name}_scaler").get_scale() for name in (player, other)}
    assert scales == {player: START / 2, other: START}
    assert scalars[f"{player}_gradient"] == 0 < scalars[f"{other}_gradient"]
    assert all(value.isfinite() for value in scalars.values())
    step(recipe, state, accelerator)  # and the next one is made
    assert moved(getattr(state, player), before[player])


def test_a_run_goes_on_with_its_scales(tmp_path, accelerator):
    recipe = recipe_of("mnist-dcgan")
    state = trained(recipe, accelerator, 8)
    state.generator_scaler.update(1024.0)
    step(recipe, state, accelerator)
    checkpoints.save_checkpoint(state, tmp_path, accelerator, lambda folder: model_folder.save(state.ema, folder))
    again = build_state(recipe, dataset_of(recipe), 1, CPU, scaled=True)
    checkpoints.restore(again, run_folder.find_checkpoint(tmp_path), accelerator)
    assert [s.state_dict() for s in (again.generator_scaler, again.discriminator_scaler)] == [
        s.state_dict() for s in (state.generator_scaler, state.discriminator_scaler)
    ]
    assert again.generator_scaler.get_scale() == 1024
    for some in (state, again):
        step(recipe, some, accelerator)
    one, two = checkpoints.tensors(state), checkpoints.tensors(again)
    assert one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)
    assert {"generator_scaler.scale", "discriminator_scaler.growth_tracker"} <= one.keys()
    # In another precision the scales are of no use, and a run without any begins with torch's.
    plain = build_state(recipe, dataset_of(recipe), 1, CPU)
    checkpoints.restore(plain, run_folder.find_checkpoint(tmp_path), accelerator)
    checkpoints.save_checkpoint(plain, tmp_path, accelerator, lambda folder: model_folder.save(plain.ema, folder))
    fresh = build_state(recipe, dataset_of(recipe), 1, CPU, scaled=True)
    checkpoints.restore(fresh, run_folder.find_checkpoint(tmp_path), accelerator)
    assert fresh.generator_scaler.get_scale() == START
