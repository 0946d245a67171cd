"""Every recipe's step on a graphics card that is not there: torch's fake tensors know device, type and shape of each
result and hold no numbers, so whatever lies on the wrong device is found without a card."""

import contextlib
from types import SimpleNamespace

import pytest
import torch
from recipe_data import dataset_of
from tiny import small
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from gan_models.damages import Damaged
from training import loop
from training.games import GAMES, editor, restoring
from training.games.adversarial import Batch
from training.recipes import RECIPES
from training.settings import change
from training.starting import build_state

CARD = torch.device("cuda", 0)


def to_card(module: nn.Module, device: torch.device | None = None, **layout) -> nn.Module:
    """nn.Module.to, which cannot move fake tensors: what lies there afterwards has the same shapes."""
    if device is None:  # another layout in memory alone
        return module
    for part in module.modules():
        for table in (part._parameters, part._buffers):
            for name, tensor in table.items():
                if tensor is not None:
                    moved = torch.empty(tensor.shape, dtype=tensor.dtype, device=device)
                    parameter = isinstance(tensor, nn.Parameter)
                    table[name] = nn.Parameter(moved, tensor.requires_grad) if parameter else moved
    return module


@pytest.fixture
def card(monkeypatch):
    """An accelerator of fake tensors. Their backward pass would be that of the real card's threads, and is left out:
    every gradient is zero."""
    monkeypatch.setattr(nn.Module, "to", to_card)
    monkeypatch.setattr(torch.autograd, "grad", lambda outputs, inputs, **_: (torch.zeros_like(inputs),))

    def backward(loss, *_, **__):
        assert loss.device == CARD and loss.requires_grad and loss.shape == ()
        for optimiser in card.optimisers:
            for group in optimiser.param_groups:
                for parameter in group["params"]:
                    parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else None

    monkeypatch.setattr(torch.Tensor, "backward", backward)
    card = SimpleNamespace(device=CARD, num_processes=1, process_index=0, autocast=contextlib.nullcontext)
    with FakeTensorMode(allow_non_fake_inputs=True):
        yield card


def step(recipe, card, images: int = 0) -> dict[str, torch.Tensor]:
    """One step of the loop, with everything that is random."""
    data = dataset_of(recipe)
    state = build_state(recipe, data, 0, CARD)
    card.optimisers = state.generator_optimiser, state.discriminator_optimiser
    game, state.images = GAMES[recipe.game](recipe, CARD), images
    game.dataset = data
    if not game.generator_moves(state):  # it waits until the discriminator has learned
        state.images = recipe.images
    batch = loop.load_batch(recipe, data, state.generator, images, recipe.batch_size, 0)
    return loop.step(recipe, game, state, batch, card)


# What asks for numbers, which fake tensors do not hold, is taken out of these; all else of their steps is run.
ASK_FOR_NUMBERS = {
    "editor": "learns from the labels of odd file numbers (here: of all), and begins to edit where no direction is set",
    "restoring": "damages only those pictures that have a damage (here: none)",
}


@pytest.fixture
def without_numbers(monkeypatch):
    monkeypatch.setattr(editor, "has_training_label", lambda batch: slice(None))
    monkeypatch.setattr(restoring, "damage", lambda pictures, *_: Damaged(pictures, torch.zeros_like(pictures[:, :1])))
    monkeypatch.setattr(editor.Editing, "prepare", lambda game, state, batch: game.init_directions(state))


@pytest.mark.parametrize("name", RECIPES)
def test_a_step_stays_on_its_device(name, request, card):
    recipe = RECIPES[name]
    if recipe.game in ASK_FOR_NUMBERS:
        request.getfixturevalue("without_numbers")
    lively = ["instance_noise=0.1", "augment=0.5"] if GAMES[recipe.game].penalised else []
    scalars = step(change(recipe, [*small(name), *lively]), card)
    assert {"discriminator_gradient"} <= scalars.keys()
    assert "generator_gradient" in scalars or recipe.game == "retouching"  # whose editor waits for its classifiers
    assert {value.device for value in scalars.values()} == {CARD}


@pytest.mark.parametrize("name", [name for name in RECIPES if RECIPES[name].game in ("editor", "retouching")])
def test_an_editor_that_edits_stays_on_its_device(name, without_numbers, card):
    scalars = step(change(RECIPES[name], [*small(name), "edits_after=8"]), card, images=8)
    assert {"preservation", "discriminator_loss", "generator_gradient"} <= scalars.keys()
    assert {value.device for value in scalars.values()} == {CARD}


def test_what_lies_on_another_device_is_found(card, monkeypatch):
    normal = Batch.normal
    monkeypatch.setattr(Batch, "normal", lambda *arguments: normal(*arguments).cpu())
    with pytest.raises(RuntimeError, match="two different devices cuda:0, cpu"):
        step(change(RECIPES["mnist-dcgan"], [*small("mnist-dcgan"), "instance_noise=0.1"]), card)
