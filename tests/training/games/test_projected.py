"""Projected GANs: what each player minimises, what waits, what stays frozen, and that it learns."""

import dataclasses

import numpy as np
import pytest
import torch
from recipe_data import dataset_of
from tiny import small
from torch.nn.functional import interpolate, relu

from gan_models.rng import Stream
from training import augment, loop
from training.data.dataset import Dataset
from training.engine import make_accelerator
from training.games import GAMES
from training.recipes import RECIPES, RecipeError
from training.settings import change
from training.starting import build_state

STAGED = change(RECIPES["celeba-cgan-128"], [*small("celeba-cgan-128"), "image_size=32"])
ALONE = ["networks=projected", "anchor=0", "auxiliary=0.2", "discriminator.auxiliary=true", "discriminator.levels=3"]
RECIPE = change(
    RECIPES["celeba-cgan-128"],
    [*(word for word in small("celeba-cgan-128") if "details" not in word), *ALONE, "image_size=32"],
)


def made(recipe=RECIPE, images: int = 100):
    dataset = dataset_of(recipe)
    state = build_state(recipe, dataset, 0, torch.device("cpu"))
    state.images = images
    game = GAMES["projected"](recipe, torch.device("cpu"))
    batch = loop.load_batch(recipe, dataset, state.generator, 0, 8, seed=0)
    game.prepare(state, batch)
    return state, batch, game


def test_the_losses_are_means_over_the_discriminators():
    state, batch, game = made()
    state.discriminator.eval()  # spectral normalisation changes at each training pass
    generated = game.generate(state, batch)
    loss, scalars = game.discriminator_loss(state, batch, generated)
    on_real = state.discriminator(generated.real_maps, batch.real, batch.labels)
    on_fake = state.discriminator(generated.fake_maps, generated.fake, batch.labels)
    pairs = zip(on_real.scores, on_fake.scores, strict=True)
    hinge = torch.stack([relu(1 - real).mean() + relu(1 + fake).mean() for real, fake in pairs]).mean()
    torch.testing.assert_close(scalars["discriminator_loss"], hinge)
    torch.testing.assert_close(loss, hinge + game.terms.auxiliary * scalars["real_classification"])
    loss.backward()
    assert all(p.grad is None for p in state.generator.parameters())
    assert all(p.grad is not None for p in state.discriminator.parameters())
    loss, scalars = game.generator_loss(state, batch, generated)
    wanted = torch.stack([-x.mean() for x in on_fake.scores]).mean()
    torch.testing.assert_close(scalars["generator_loss"], wanted)
    loss.backward()
    assert all(p.grad is not None for p in state.generator.parameters())
    assert all(p.grad is None for p in game.general.parameters())


def test_a_residual_generator_plays_it_too():
    recipe = change(RECIPES["cifar10-projected"], small("cifar10-projected"))
    state, batch, game = made(recipe)
    assert state.generator.family == "resnet" and batch.real.shape == (8, 3, 32, 32)
    generated = game.generate(state, batch)
    loss, scalars = game.generator_loss(state, batch, generated)
    torch.testing.assert_close(loss, scalars["generator_loss"] + 0.5 * scalars["fake_classification"])
    loss.backward()
    assert all(p.grad is not None for p in state.generator.parameters())


def test_the_normalisation_is_estimated_from_real_pictures_while_the_generator_waits():
    state, batch, game = made(images=0)
    assert not game.generator_moves(state)
    even = state.discriminator.even[0]
    before = even.running_mean.clone()
    game.generate(state, batch)
    views = game.augmented(batch.real, batch.uniform(Stream.AUGMENT, 2, augment.RANDOMS)[:, 0])
    seen = game.general(views, pooled=False).maps[0]
    torch.testing.assert_close(even.running_mean, before + even.momentum * (seen.mean((0, 2, 3)) - before))
    state.images = game.terms.waits
    assert game.generator_moves(state)
    game.prepare(state, batch)
    fixed = even.running_mean.clone()
    game.generate(state, batch)
    assert torch.equal(even.running_mean, fixed)


def test_real_and_generated_pictures_are_augmented_differently_before_the_features():
    state, batch, game = made()
    seen = []
    game.augmented = lambda images, randoms: seen.append(randoms) or images
    found = game.generate(state, batch)
    assert torch.equal(torch.stack(seen, 1), batch.uniform(Stream.AUGMENT, 2, augment.RANDOMS))
    for maps, images in ((found.real_maps, batch.real), (found.fake_maps, found.fake)):
        torch.testing.assert_close(maps, game.mixed(state, images))
    state, batch, game = made(change(RECIPE, ["strength=0"]))
    torch.testing.assert_close(game.augmented(batch.real, torch.rand(8, augment.RANDOMS)), batch.real)


def test_the_picture_is_anchored_to_the_smaller_generators():
    state, batch, game = made(STAGED)
    generated = game.generate(state, batch)
    assert torch.equal(generated.small, state.generator.base(batch.latents, batch.labels))
    loss, scalars = game.generator_loss(state, batch, generated)
    half = interpolate(generated.fake, (16, 16), mode="bicubic", antialias=True)
    torch.testing.assert_close(scalars["anchor"], (half - generated.small).abs().mean())
    torch.testing.assert_close(loss, scalars["generator_loss"] + game.terms.anchor * scalars["anchor"])
    loss.backward()
    assert all(p.grad is None for p in state.generator.base.parameters())
    assert state.generator.details.fine[-1].weight.grad.abs().sum() > 0


def test_the_smaller_generator_may_be_trained_too():
    state, batch, game = made(change(STAGED, ["whole=true"]))
    loss, _ = game.generator_loss(state, batch, game.generate(state, batch))
    loss.backward()
    moved = {name: p.grad.abs().sum() > 0 for name, p in state.generator.base.named_parameters()}
    assert all(moved.values())
    assert not any(module.training for module in state.generator.base.modules())  # its BatchNorm statistics stay


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["whole=true", "networks=projected", "anchor=0"], "has a smaller one"),
        (["objective=relativistic", "r1=0", "r2=0"], "scores real and generated pictures apart"),
        (["auxiliary=1"], "needs labels and classifiers"),
        (["networks=projected"], "needs a generator of two stages"),
        (["augment=0.5"], "knows no augment"),
        (["image_channels=1"], "colour photographs"),
        (["strength=2"], "from 0 to 1"),
    ],
)
def test_recipes_that_cannot_be_played_are_refused(settings, message):
    with pytest.raises(RecipeError, match=message):
        change(RECIPES["celeba-cgan-128"], settings)


def test_it_learns_a_colour():
    """Plain squares, all orange, from features and pixels alone."""
    random, colour = np.random.default_rng(0), np.array([220, 120, 30])
    images = (colour[:, None, None] + random.integers(-20, 20, (64, 3, 32, 32))).astype(np.uint8)
    dataset = Dataset("squares", images, None, None, False, "")
    recipe = dataclasses.replace(RECIPE, conditional=False, attributes=None, flip=False, terms={})
    plain = ["discriminator.auxiliary=false", "strength=0", "waits=160", "generator_rate=1", "beta1=0.5"]
    recipe = change(recipe, ["batch_size=16", "generator.width=8", "learning_rate=5e-3", *plain])
    state = build_state(recipe, dataset, 0, torch.device("cpu"))
    loop.train(recipe, dataset, state, make_accelerator("fp32"), 2_400, 0, [])
    drawn = state.ema.generate(state.ema.sample_latents(16, seed=0)).mean((0, 2, 3))
    assert (drawn - (torch.from_numpy(colour) / 127.5 - 1)).abs().max() < 0.35, drawn
