"""The retouching editor's game: what is asked, what is minimised, who learns when; and how edits are judged."""

import json

import pytest
import torch
from recipe_data import dataset_of
from tiny import small, train

import gan_models
from gan_models.celeba import cheeks
from gan_models.networks.panel import Panel
from training import loop
from training.games import GAMES
from training.games.adversarial import Batch
from training.games.retouching import FURTHER, RANDOMS, variation
from training.recipes import RECIPES, RecipeError, at
from training.settings import change
from training.starting import build_state

RECIPE = change(RECIPES["celeba-editor"], small("celeba-editor"))
EDITED = RECIPE.generator["attributes"]
LATER = 64_000  # images: a step with a cycle, in the second phase


def made(images: int = 0):
    dataset = dataset_of(RECIPE)
    state = build_state(RECIPE, dataset, 0, torch.device("cpu"))
    state.generator.train(), state.discriminator.train()
    state.images = images
    return (
        state,
        loop.load_batch(RECIPE, dataset, state.generator, 0, 8, seed=0),
        GAMES["retouching"](RECIPE, torch.device("cpu")),
    )


def drawn_of(game, state, batch):
    game.prepare(state, batch)
    return game.generate(state, batch)


def moved(network: torch.nn.Module) -> set[str]:
    return {
        name
        for name, parameter in network.named_parameters()
        if parameter.grad is not None and parameter.grad.abs().max() > 0
    }


def test_first_the_classifiers_learn_alone():
    state, batch, game = made()
    drawn = drawn_of(game, state, batch)
    game.discriminator_loss(state, batch, drawn)[0].backward()
    assert not game.generator_moves(state)
    assert moved(state.discriminator) == {
        name for name, _ in state.discriminator.named_parameters() if name.startswith("classifiers.")
    }
    assert not torch.equal(state.discriminator.even[0].running_mean, torch.zeros(24))


def test_then_everybody_learns_and_the_scale_of_features_stands():
    state, batch, game = made(LATER)
    before = state.discriminator.even[0].running_mean.clone()
    drawn = drawn_of(game, state, batch)
    game.discriminator_loss(state, batch, drawn)[0].backward()
    assert not moved(state.generator)
    assert {name.split(".")[0] for name in moved(state.discriminator)} == {"classifiers", "adversaries", "of_pixels"}
    state.discriminator.requires_grad_(False)
    loss, scalars = game.generator_loss(state, batch, drawn)
    loss.backward()
    assert moved(state.generator) >= {
        name for name, _ in state.generator.named_parameters() if name.startswith(("smooth", "painting", "estimate"))
    }
    assert torch.equal(state.discriminator.even[0].running_mean, before)
    assert set(scalars) >= {
        "attribute",
        "preservation",
        "smoothness",
        "painting",
        "colouring",
        "change",
        "skin",
        "cycle",
        "seen",
        "kept",
    }


def test_the_loss_is_the_weighted_sum_of_its_terms():
    state, batch, game = made(LATER)
    loss, scalars = game.generator_loss(state, batch, drawn_of(game, state, batch))
    weights = {"generator_loss": game.terms.adversarial, "estimate": 1} | {
        name: at(getattr(game.terms, name), state.images)
        for name in ("attribute", "preservation", "smoothness", "painting", "colouring", "change", "cycle", "skin")
    }
    assert min(weights.values()) > 0 and "cycle" in scalars
    torch.testing.assert_close(loss, sum(weight * scalars[name] for name, weight in weights.items()))


def test_labels_of_even_file_numbers_teach_nothing():
    state, batch, game = made(LATER)
    batch = Batch(batch.real, batch.labels, batch.latents, 0, 0, torch.arange(8))
    other = Batch(
        batch.real,
        torch.where((torch.arange(8) % 2 == 0)[:, None], -batch.labels, batch.labels),
        batch.latents,
        0,
        0,
        torch.arange(8),
    )
    found = [
        game.discriminator_loss(state, each, drawn_of(game, state, each))[1]["real_classification"]
        for each in (batch, other)
    ]
    assert torch.equal(*found)
    assert torch.equal(drawn_of(game, state, batch).there, drawn_of(game, state, other).there)


def test_both_directions_of_rare_and_frequent_attributes_are_asked_equally_often():
    _, _, game = made()
    random = torch.Generator().manual_seed(0)
    n, k = 40_000, len(game.known)
    frequency = torch.full((k,), 0.5)
    frequency[EDITED.index("Eyeglasses")], frequency[EDITED.index("Smiling")] = 0.1, 0.5
    there = (torch.rand(n, k, generator=random) < frequency).float()
    there[:, game.male] = 1
    asked = game.requests(torch.rand(n, RANDOMS, generator=random), there, frequency[: len(EDITED)])
    for name in ("Eyeglasses", "Smiling"):
        i = EDITED.index(name)
        brought = ((asked[:, i] > 0) & (there[:, i] == 0)).float().mean()
        taken = ((asked[:, i] < 0) & (there[:, i] == 1)).float().mean()
        assert 0.6 < brought / taken < 1.6, name  # and not 9, as often as the glasses are missing
        assert 0.02 < brought < 0.15
        further = ((asked[:, i] != 0) & ((asked[:, i] > 0) == (there[:, i] == 1))).float().mean()
        assert further < 2 * FURTHER * (brought + taken)
    sizes = asked.abs().amax(1)
    assert ((sizes == 1).float().mean() - 0.75).abs() < 0.02 and sizes.min() >= 0.3 and asked.abs().max() <= 1
    assert ((asked != 0).sum(1) > 1).float().mean() > 0.25


def test_who_gets_a_hair_colour_loses_the_one_that_is_there():
    _, _, game = made()
    there = torch.zeros(500, len(game.known))
    there[:, EDITED.index("Black_Hair")] = 1
    asked = game.requests(
        torch.rand(500, RANDOMS, generator=torch.Generator().manual_seed(1)), there, torch.full((len(EDITED),), 0.5)
    )
    blond, black = asked[:, EDITED.index("Blond_Hair")], asked[:, EDITED.index("Black_Hair")]
    brought = blond > 0
    assert brought.sum() > 10 and torch.equal(black[brought], -blond[brought])
    assert ((asked[:, game.exclusive] > 0).sum(1) <= 1).all()


def test_what_follows_from_a_wish_is_not_held():
    state, batch, game = made(LATER)
    drawn = drawn_of(game, state, batch)
    asked = torch.zeros(8, len(EDITED))
    asked[0, EDITED.index("Mustache")] = 1
    asked[1, EDITED.index("Smiling")] = -0.5
    there = torch.zeros(8, len(game.known))
    there[1, game.known.index("Smiling")] = 1
    targets, wished, kept = game._targets(drawn._replace(differences=asked, there=there))
    free = {name for name, held in zip(game.known, kept[0], strict=True) if not held}
    assert free == {"Mustache", "No_Beard", "Goatee", "5_o_Clock_Shadow"}
    assert {name for name, held in zip(game.known, kept[1], strict=True) if not held} == {"Smiling"}
    assert targets[1, game.known.index("Smiling")] == 0.5 and wished.sum() == 2


def test_the_cheeks_and_the_variation_are_what_they_are_called():
    images = torch.zeros(1, 3, 100, 100)
    images[:, 0, 58:72, 24:38] = 1.0
    assert cheeks(images).tolist() == [[1, 0, 0, 0, 0, 0]]
    maps = torch.arange(4.0).view(1, 1, 2, 2)
    assert variation(maps) == 1 + 2


def test_it_trains_and_goes_on_from_a_checkpoint_bit_for_bit(tmp_path, tiny_root, alone):
    options = ["--data-root", tiny_root, "--precision", "fp32", "--checkpoint-every", 16]
    options += [word for setting in (*small("celeba-editor"), "edits_after=16") for word in ("--set", setting)]
    assert train("celeba-editor", *options, "--images", 48, "--output", tmp_path / "whole") == 0
    assert train("celeba-editor", *options, "--images", 32, "--output", tmp_path / "parts") == 0
    assert train("celeba-editor", *options, "--images", 48, "--output", tmp_path / "parts", "--resume") == 0
    whole, parts = (gan_models.load(tmp_path / name / "model").state_dict() for name in ("whole", "parts"))
    assert all(torch.equal(whole[key], parts[key]) for key in whole)
    lines = [json.loads(line) for line in (tmp_path / "whole/stats.jsonl").read_text().splitlines()]
    assert "attribute" not in lines[0] and "attribute" in lines[-1]
    assert (tmp_path / "whole/model/samples.png").exists()


def test_a_panel_must_know_what_the_editor_edits():
    with pytest.raises(RecipeError, match="must begin with the generator's"):
        change(RECIPE, ['generator.attributes=["Smiling"]'])
    assert Panel(64, attributes=["Smiling"]).classify(
        [torch.zeros(2, 64, 16, 16), torch.zeros(2, 64, 8, 8), torch.zeros(2, 64, 4, 4)]
    ).shape == (3, 2, 1)
