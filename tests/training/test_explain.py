"""`--show` tells every setting with its value, its range and its meaning, and near misses name what was meant."""

import dataclasses

import pytest

from gan_models.networks import PAIRS
from training.explain import comments, explain
from training.games import GAMES
from training.recipes import RECIPES, Recipe, RecipeError
from training.settings import NOT_SETTABLE, arguments, change, kinds


def test_every_setting_has_a_meaning():
    for owner in (Recipe, *(game.Terms for game in GAMES.values())):
        assert set(kinds(owner)) <= set(comments(owner)), owner
    for pair in PAIRS.values():
        for network in pair:
            assert set(arguments(network)) <= set(comments(network)), network


@pytest.mark.parametrize("name", RECIPES)
def test_every_setting_is_shown_with_its_value(name):
    recipe = RECIPES[name]
    text = explain(recipe)
    lines = dict(line.strip().split(" = ", 1) for line in text.splitlines() if " = " in line and line[2] != " ")
    fields = [field.name for field in dataclasses.fields(Recipe) if field.name not in NOT_SETTABLE]
    terms = [field.name for field in dataclasses.fields(GAMES[recipe.game].Terms)]
    players = [
        f"{player}.{argument}"
        for player, network in zip(("generator", "discriminator"), PAIRS[recipe.networks])
        for argument in arguments(network)
    ]
    assert list(lines) == fields + terms + players
    settings = [f"{key}={value}" for key, value in lines.items() if "..." not in value and "," not in value]
    changed = change(recipe, settings)  # what is shown can be set, and changes nothing
    assert all(changed.generator[key] == value for key, value in recipe.generator.items())
    same = {"generator": recipe.generator, "discriminator": recipe.discriminator}
    assert dataclasses.replace(changed, **same) == change(recipe, [])
    assert max(map(len, text.splitlines()[3:])) <= 200


def test_the_meaning_is_the_comment_and_the_range_that_of_the_check():
    text = " ".join(explain(change(RECIPES["mnist-cgan"], ["image_size=128x96", "generator.width=32"])).split())
    for words in (
        "image_size = 128x96 In pixels",
        "r1 = [1, 0.1, 200000] Gamma of the gradient penalty on real images. A number of at least 0 or [start, end, images].",
        "generator_rate = 1 Factor on the learning rate",  # whose comment stands above it
        "generator.width = 32 Channels of the largest map; doubled at each smaller size. A whole number from 1 to 256.",
        'discriminator.normalisation = none Gradient penalties need "none", since BatchNorm mixes pictures. One of batch, '
        "spectral, none.",
        "augment = 0 Strength of differentiable augmentation, for small data sets. A number from 0 to 1",
        "auxiliary = 1 The auxiliary classifier's loss",
    ):
        assert words in text, words


@pytest.mark.parametrize(
    "name, setting, words",
    [
        ("mnist-dcgan", "generator.widht=4", "did you mean generator.width?"),
        ("mnist-dcgan", "genrator.width=4", "did you mean generator.width or discriminator.width?"),
        ("mnist-dcgan", "generator.blocks=3", "known are generator.latent_dim, generator.width"),
        ("mnist-dcgan", "generator.labels=[1]", "no argument 'labels'"),
        ("mnist-dcgan", "generator.image_size=32", "no argument 'image_size'"),
        ("mnist-mlp", "discriminator.normalisation=none", "no argument 'normalisation'"),
        ("mnist-tied", "discriminator.width=4", "no argument 'width'"),
        ("mnist-dcgan", "image_size=28x", "128 wide and 96 high"),
        ("mnist-dcgan", "image_size=[1,2,3]", "128 wide and 96 high"),
        ("mnist-dcgan", "image_size=0x3", "128 wide and 96 high"),
        ("mnist-dcgan", "accumulation=3", "The batch of 64 cannot be computed in 3 equal parts"),
        ("mnist-featmatch", "accumulation=2", "adversarial with feature_matching uses all pictures"),
        ("mnist-infogan", "accumulation=2", "with clustering"),
        ("mnist-implicit", "accumulation=2", "moments uses all pictures"),
        ("celeba-editor", "accumulation=2", "retouching uses all pictures"),
    ],
)
def test_one_sentence_for_whatever_is_wrong(name, setting, words):
    with pytest.raises(RecipeError) as caught:
        change(RECIPES[name], [setting])
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_other_networks_keep_the_arguments_that_they_have_too():
    assert change(RECIPES["mnist-cgan"], ["networks=resnet"]).discriminator == {"auxiliary": True}
    kept = change(RECIPES["mnist-dcgan"], ["networks=mlp", "generator.width=8"])
    assert kept.generator == {"latent_dim": 100, "width": 8} and kept.discriminator == {}


@pytest.mark.parametrize("text, size", [("128x96", (96, 128)), ("[96, 128]", (96, 128)), ("32x32", 32), ("1e2", 100)])
def test_sizes_are_width_by_height_in_words_and_as_tensors_in_lists(text, size):
    assert change(RECIPES["mnist-dcgan"], [f"image_size={text}"]).image_size == size
