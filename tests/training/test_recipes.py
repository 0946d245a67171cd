"""Recipes, and how `--set` changes them."""

import dataclasses
import json

import pytest
import torch
from recipe_data import dataset_of

from training.games import ALIASES, GAMES, from_json, terms_of, to_json, with_defaults
from training.recipes import OBJECTIVE_SETTINGS, RECIPES, RecipeError, Schedule, at
from training.settings import change, find
from training.starting import build_state

DCGAN, CGAN, FACES = RECIPES["mnist-dcgan"], RECIPES["mnist-cgan"], RECIPES["celeba-cgan"]


def refused(recipe, *settings) -> str:
    with pytest.raises(RecipeError) as caught:
        change(recipe, list(settings))
    message = str(caught.value)
    assert "\n" not in message and message.endswith((".", "?")) and len(message) < 700
    return message


def test_a_schedule_is_half_a_cosine():
    schedule = Schedule(1.0, 0.1, 200_000)
    assert (
        schedule.at(0) == 1.0
        and schedule.at(200_000) == pytest.approx(0.1)
        and schedule.at(10**9) == pytest.approx(0.1)
    )
    assert schedule.at(100_000) == pytest.approx(0.55)
    assert schedule.at(50_000) == pytest.approx(0.1 + 0.9 * (1 + 2**-0.5) / 2)
    assert at(schedule, 100_000) == schedule.at(100_000) and at(0.3, 100_000) == 0.3


def test_the_recipes_are_there():
    assert set(RECIPES) >= {
        "mnist-mlp",
        "mnist-dcgan",
        "mnist-lsgan",
        "mnist-cgan",
        "mnist-acgan",
        "mnist-wgan",
        "mnist-wgan-gp",
        "mnist-sngan",
        "mnist-featmatch",
        "mnist-infogan",
        "mnist-vaegan",
        "mnist-bigan",
        "mnist-implicit",
        "mnist-tied",
        "mnist-r3gan",
        "stackedmnist-dcgan",
        "stackedmnist-r3gan",
        "fashion-r3gan",
        "cifar10-r3gan",
        "celeba-dcgan",
        "celeba-cgan",
    }
    for name, recipe in RECIPES.items():
        assert name == recipe.name == find(name).name and recipe.summary and "arXiv:" in recipe.source
    assert len(FACES.attributes) >= 8 and {"Smiling", "Eyeglasses", "Male", "Blond_Hair"} <= set(FACES.attributes)
    assert RECIPES["celeba-dcgan"].objective == RECIPES["mnist-dcgan"].objective == "logistic"


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_builds_its_networks(name):
    recipe = RECIPES[name]
    state = build_state(recipe, dataset_of(recipe), 0, torch.device("cpu"))
    shape = recipe.image_channels, recipe.image_size, recipe.image_size
    assert state.generator.image_shape == state.ema.image_shape == shape
    assert state.generator.labels == (dataset_of(recipe).label_names if recipe.conditional else None)
    assert state.generator.multi_label == dataset_of(recipe).multi_label * recipe.conditional
    batch_norm = any(isinstance(layer, torch.nn.BatchNorm2d) for layer in state.discriminator.modules())
    assert not (batch_norm and (recipe.r1 or recipe.r2))  # a penalty is defined for each picture alone


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_json_and_every_field_can_be_set_to_its_own_value(name):
    recipe = RECIPES[name]
    plain = to_json(recipe)
    assert json.loads(json.dumps(plain)) == plain and list(plain) == [
        field.name for field in dataclasses.fields(recipe)
    ]
    assert from_json(plain) == recipe
    for key, value in (plain | plain["terms"]).items():
        if key in ("name", "summary", "source", "generator", "discriminator", "terms"):
            continue
        text = json.dumps([value["start"], value["end"], value["images"]] if isinstance(value, dict) else value)
        assert change(recipe, [f"{key}={text}"]) == recipe, key


def test_an_unknown_name_brings_the_near_ones():
    with pytest.raises(RecipeError, match=r"no recipe 'mnist-gan'. Did you mean .*mnist-cgan"):
        find("mnist-gan")
    with pytest.raises(RecipeError, match="--list"):
        find("zzz")


def test_values_are_parsed_as_what_the_field_is():
    changed = change(
        DCGAN,
        [
            "batch_size=8",
            "learning_rate=1e-3",
            "flip=true",
            "beta1=0",
            "data=pictures/of cats",
            "r1=[2, 0.5, 1000]",
            "optimiser=rmsprop",
            "generator.latent_dim=7",
            "generator.width=4",
            "discriminator.normalisation=spectral",
        ],
    )
    assert (changed.batch_size, changed.learning_rate, changed.flip, changed.data) == (
        8,
        1e-3,
        True,
        "pictures/of cats",
    )
    assert changed.beta1 == 0.0 and isinstance(changed.beta1, float)
    assert changed.r1 == Schedule(2.0, 0.5, 1000) and changed.optimiser == "rmsprop"
    assert changed.generator == {"latent_dim": 7, "width": 4} and changed.discriminator == {"normalisation": "spectral"}
    assert DCGAN.generator == {"latent_dim": 100}  # the recipe itself is as it was
    assert change(DCGAN, ["flip=False"]).flip is False and change(DCGAN, ["images=1e3"]).images == 1000
    assert change(DCGAN, ["learning_rate=1", "learning_rate=2"]).learning_rate == 2  # the last one counts


def test_attributes_are_a_list_of_words_or_all():
    assert change(FACES, ["attributes=Smiling,Male"]).attributes == ("Smiling", "Male")
    assert change(FACES, ['attributes=["Smiling"]']).attributes == ("Smiling",)
    assert change(FACES, ["attributes=null"]).attributes is None


def test_another_objective_takes_its_own_settings():
    changed = change(DCGAN, ["objective=relativistic"])
    assert (
        changed.r1 == changed.r2 == Schedule(1.0, 0.1, 200_000) and changed.penalty_every == 8 and changed.beta1 == 0.0
    )
    assert changed.discriminator["normalisation"] == "none" and changed.generator == DCGAN.generator
    back = change(changed, ["objective=logistic"])
    assert (back.r1, back.r2, back.penalty_every, back.beta1, back.beta2) == (0, 0, 1, 0.5, 0.999)
    assert back.discriminator["normalisation"] == "batch"
    assert change(DCGAN, ["objective=logistic"]) == DCGAN  # its own: nothing changes
    assert change(FACES, ["objective=logistic"]).discriminator == FACES.discriminator | {"normalisation": "batch"}


def test_an_explicit_setting_wins_over_that_of_the_objective_in_any_order():
    settings = ["r1=7", "objective=relativistic", "discriminator.normalisation=spectral", "penalty_every=2"]
    for order in (settings, settings[::-1]):
        changed = change(DCGAN, order)
        assert changed.r1 == 7 and changed.penalty_every == 2 and changed.discriminator["normalisation"] == "spectral"
        assert changed.r2 == Schedule(1.0, 0.1, 200_000)


def test_fully_connected_networks_have_no_normalisation_to_change():
    changed = change(RECIPES["mnist-mlp"], ["objective=relativistic"])
    assert changed.objective == "relativistic" and changed.discriminator == {}
    build_state(changed, dataset_of(changed), 0, torch.device("cpu"))


@pytest.mark.parametrize("objective", OBJECTIVE_SETTINGS)
def test_every_objective_can_be_set_for_every_recipe_that_has_one(objective):
    for recipe in RECIPES.values():
        if recipe.data != "mnist" or recipe.game in ("moments", "restoring"):
            continue
        changed = change(recipe, [f"objective={objective}"])
        build_state(changed, dataset_of(changed), 0, torch.device("cpu"))


def test_every_objective_has_settings():
    from training.losses import OBJECTIVES

    assert set(OBJECTIVE_SETTINGS) == set(OBJECTIVES)


@pytest.mark.parametrize(
    "setting, words",
    [
        ("batch_size", "KEY=VALUE"),
        ("=3", "KEY=VALUE"),
        ("batchsize=8", "known are batch_size"),
        ("lr=1", "learning_rate"),
        ("name=x", "no option 'name'"),
        ("generator={}", "no option 'generator'"),
        ("teacher.width=4", "no option 'teacher.width'"),
        ("batch_size=0", "whole number of at least 1"),
        ("batch_size=-4", "whole number of at least 1"),
        ("batch_size=2.5", "whole number of at least 1"),
        ("batch_size=true", "whole number of at least 1"),
        ("batch_size=many", "'many'"),
        ("batch_size=1e999", "whole number of at least 1"),
        ("batch_size=[8,16,100]", "whole number of at least 1"),
        ("learning_rate=-1", "number of at least 0 or [start, end, images]"),
        ("learning_rate=NaN", "number of at least 0"),
        ("learning_rate=[1,2]", "[start, end, images]"),
        ("learning_rate=[1,2,0]", "[start, end, images]"),
        ("learning_rate=[1,-2,100]", "[start, end, images]"),
        ("learning_rate=[1,2,0.5]", "[start, end, images]"),
        ("flip=1", "flip must be true or false"),
        ("data=3", "data must be a word"),
        ("optimiser=sgd", "known are adam, rmsprop"),
        ("objective=wgan", "known are logistic, minimax, least_squares, wasserstein, hinge, relativistic"),
        ("objective=[1]", "no objective [1]"),
        ("objective=3", "no objective 3"),
        ("networks=transformer", "known are mlp, dcgan, resnet"),
        ("family=transformer", "known are mlp, dcgan, resnet"),
        ("beta1=1", "beta1 must be below 1"),
        ("beta1=-1", "beta1 must be a number of at least 0 and below 1"),
        ("beta2=[0.9,1.0,100]", "beta2 must be below 1"),
        ("attributes=3", "attributes must be"),
        ("attributes=[1,2]", "attributes must be"),
        ("attributes=[]", "attributes must be"),
        ("auxiliary=1", "discriminator.auxiliary=true"),
        ("game=chess", "known are adversarial, vaegan, bigan, moments"),
        ("game=vaegan", "cannot be played by the networks dcgan"),
        ("family=implicit", "implicit with moments"),
        ("information=1", "networks=infogan"),
        ("clustering=1", "clustering=0"),
        ("augment=1.5", "strength from 0 to 1"),
        ("augment=[0, 2, 100]", "strength from 0 to 1"),
        ("augment_policies=colour", "known are color, translation, cutout"),
        ("augment_policies=null", "augment=0"),
        ("clip=-1", "number of at least 0"),
        (
            "feature_machting=1",
            "known are feature_matching. The game is adversarial; its terms are adversarial, ",
        ),
        ("terms={}", "no option 'terms'"),
    ],
)
def test_one_sentence_for_whatever_is_wrong(setting, words):
    assert words in refused(DCGAN, setting)


def test_an_auxiliary_loss_needs_labels_and_a_classifier():
    assert "conditional" in refused(DCGAN, "auxiliary=1", "discriminator.auxiliary=true")
    assert "discriminator.auxiliary=true" in refused(CGAN, "discriminator.auxiliary=false")
    assert change(CGAN, ["discriminator.auxiliary=false", "auxiliary=0"]).terms == {}
    with_classifier = change(DCGAN, ["auxiliary=1", "discriminator.auxiliary=true", "conditional=true"])
    assert with_classifier.terms == {"auxiliary": 1}


@pytest.mark.parametrize(
    "name, settings, words",
    [
        ("mnist-mlp", ["conditional=true"], "mlp take no labels"),
        ("mnist-vaegan", ["conditional=true"], "vaegan take no labels"),
        ("mnist-vaegan", ["game=adversarial"], "cannot be played"),
        ("celeba-dcgan", ["perceptual=1"], "MNIST's digits"),
        ("mnist-implicit", ["instance_noise=0.1"], "moments knows no instance_noise"),
        ("mnist-implicit", ["objective=hinge"], "no objective"),
        ("mnist-bigan", ["feature_matching=1"], "bigan knows no feature_matching"),
        ("mnist-dcgan", ["reconstruction=1"], "vaegan, moments, inversion, editor, restoring do"),
        ("celeba-editor-64", ["augment=[0,1,100]"], "editor knows no augment"),
        ("celeba-editor-64", ["temperature=[5,0,100]"], "above 0"),
        *(
            (
                name,
                ["objective=relativistic", "r1=0", "r2=0"],
                "real and generated pictures apart: --set objective=hinge",
            )
            for name in ("celeba-cgan-128", "celeba-editor", "celeba-editor-64", "mnist-repair", "celeba-cyclegan")
        ),
        ("celeba-editor-64", ["reqested=1"], "known are attribute"),
        ("mnist-vaegan", ["divergense=1"], "its terms are adversarial, reconstruction, divergence"),
        ("mnist-bigan", ["feature_matching=1"], "it has no terms"),
    ],
)
def test_parts_that_do_not_fit_each_other(name, settings, words):
    assert words in refused(RECIPES[name], *settings)


@pytest.mark.parametrize(
    "name, settings, words",
    [
        ("mnist-dcgan", ["generator.latent_dim=0"], "latent_dim"),
        ("mnist-dcgan", ["generator.width=wide"], "width"),
        ("mnist-dcgan", ["image_size=29"], "image_size"),
        ("mnist-dcgan", ["discriminator.normalisation=layer"], "spectral"),
        ("mnist-mlp", ["discriminator.dropout=2"], "dropout"),
        ("mnist-tied", ["discriminator.normalisation=spectral"], "batch, none"),
        ("mnist-infogan", ["generator.latent_dim=4"], "codes"),
    ],
)
def test_networks_that_cannot_be_built_say_why(name, settings, words):
    recipe = change(RECIPES[name], settings)
    with pytest.raises(RecipeError, match=rf"networks of {name} cannot be built: .*{words}"):
        build_state(recipe, dataset_of(recipe), 0, torch.device("cpu"))


def test_a_term_is_set_like_a_field_also_by_its_old_name():
    editor = RECIPES["celeba-editor-64"]
    for old, new in (("recovery", "latent_regression"), ("requested", "attribute"), ("keeping", "preservation")):
        assert change(editor, [f"{old}=7"]) == change(editor, [f"{new}=7"])
        assert change(editor, [f"{old}=7"]).terms == editor.terms | {new: 7}
    assert change(editor, ["sparing=7"]).terms["change"] == 7
    assert change(DCGAN, ["family=mlp"]).networks == "mlp"
    assert change(DCGAN, ["reconstruction=0"]) == DCGAN  # no term of its game, and so left out already


def test_other_networks_and_an_objective_can_be_set_together():
    for settings in (["networks=mlp", "objective=relativistic"], ["objective=relativistic", "networks=mlp"]):
        changed = change(RECIPES["mnist-lsgan"], settings)
        assert changed.discriminator == {}  # fully connected networks have no normalisation
        build_state(changed, dataset_of(changed), 0, torch.device("cpu"))


def test_another_game_keeps_the_terms_that_it_has_too_in_any_order():
    settings = ["divergence=3", "networks=vaegan", "game=vaegan"]
    for order in (settings, settings[::-1]):
        assert change(RECIPES["mnist-featmatch"], order).terms == {"adversarial": 0, "divergence": 3}


@pytest.mark.parametrize("name", GAMES)
def test_terms_are_the_games_own(name):
    recipe = dataclasses.replace(DCGAN, game=name, terms={"nothing": 1.0})
    with pytest.raises(RecipeError, match=f"The game {name} knows no nothing; its terms are"):
        terms_of(recipe)
    fields = {field.name for field in dataclasses.fields(DCGAN)}
    assert not fields & {field.name for field in dataclasses.fields(GAMES[name].Terms)}  # --set would not know which


OLDER = {  # what was a field of every recipe, with its default
    "adversarial": 1.0,
    "auxiliary": 0.0,
    "feature_matching": 0.0,
    "perceptual": 0.0,
    "information": 0.0,
    "clustering": 0.0,
    "reconstruction": 0.0,
    "recovery": 0.0,
    "divergence": 0.0,
    "requested": 0.0,
    "keeping": 0.0,
    "sparing": 0.0,
    "temperature": 1.0,
    "edits_after": 1,
}


@pytest.mark.parametrize("name", RECIPES)
def test_the_options_of_an_older_run_are_read_as_they_would_be_written_now(name):
    now = to_json(RECIPES[name])
    back = {new: old for old, new in ALIASES.items()}
    flat = {back.get(key, key): value for key, value in now["terms"].items()}
    older = {back.get(key, key): value for key, value in now.items() if key not in ("terms", "ema_ramp")} | OLDER | flat
    assert with_defaults(older) == now and from_json(older) == RECIPES[name]
