"""Few labels: which pictures keep one, and what the discriminator learns of the others."""

import dataclasses

import numpy as np
import pytest
import tiny
import torch
from torch.nn import functional as F

import gan_models
from gan_models.errors import InvalidConfig, InvalidInput
from gan_models.networks.classifying import ClassifyingGenerator
from training.data.decoding import DataError
from training.games import GAMES
from training.games.adversarial import Batch
from training.recipes import RECIPES, RecipeError
from training.settings import change
from training.starting import build_state

DATA = tiny.digits(40)
RECIPE = dataclasses.replace(
    RECIPES["mnist-sgan"], generator={"width": 4, "reader_width": 8}, batch_size=8, labels_per_class=2
)


def test_of_each_class_so_many_labels_are_kept_by_the_seed():
    few = DATA.few(2, seed=3)
    kept = few.labels[few.labels >= 0]
    assert sorted(kept) == sorted([*range(10)] * 2)
    assert (few.labels[few.labels >= 0] == DATA.labels[few.labels >= 0]).all() and few.images is DATA.images
    assert (DATA.few(2, seed=3).labels == few.labels).all() and (DATA.few(2, seed=4).labels != few.labels).any()
    assert len({few.checksum, DATA.checksum, DATA.few(2, seed=4).checksum}) == 3
    with pytest.raises(DataError, match="has 4 pictures of the class 0"):
        DATA.few(5, seed=0)
    with pytest.raises(DataError, match="no classes"):
        dataclasses.replace(DATA, labels=None).few(1, seed=0)


@pytest.fixture
def started():
    """The game, its state and a batch of eight."""
    few = DATA.few(2, seed=0)
    game, state = GAMES["semisupervised"](RECIPE, torch.device("cpu")), build_state(RECIPE, few, 0, torch.device("cpu"))
    game.dataset = few
    real = torch.from_numpy(few.images[:8]).float() / 127.5 - 1
    return game, state, Batch(real, None, torch.randn(8, 100), 0, 0)


def test_examples_are_labelled_pictures_and_a_function_of_the_image_number(started):
    game, _, batch = started
    pictures, labels = game.examples(batch)
    assert pictures.shape == (8, 1, 28, 28) and labels.min() >= 0
    later = game.examples(dataclasses.replace(batch, first=4))
    torch.testing.assert_close(later[0][:4], pictures[4:])
    assert (later[1][:4] == labels[4:]).all()


def test_the_score_is_the_odds_of_any_class_and_the_losses_are_those_of_the_paper(started):
    game, state, batch = started
    state.discriminator.eval()
    state.generator.eval()
    told = state.discriminator(batch.real)
    # Salimans et al. 2016: D(x) = Z / (Z + 1) with Z the sum of exp(logits).
    z = told.logits.exp().sum(1)
    torch.testing.assert_close(told.scores.sigmoid(), z / (z + 1))
    generated = game.generate(state, batch)
    loss, scalars = game.discriminator_loss(state, batch, generated)
    pictures, labels = game.examples(batch)
    supervised = F.cross_entropy(state.discriminator(pictures).logits, labels)
    fake = state.discriminator(generated.fake).logits.exp().sum(1)
    unsupervised = -(z / (z + 1)).log().mean() - (1 / (fake + 1)).log().mean()
    torch.testing.assert_close(scalars["supervised"], supervised)
    torch.testing.assert_close(loss, supervised + unsupervised + scalars["consistency"])
    assert scalars["sure"] == 0 and scalars["consistency"] == 0  # nothing is sure yet


def test_what_is_sure_is_asked_of_changed_copies(started):
    game, state, batch = started
    reader = state.generator.reader.eval()
    with torch.no_grad():
        reader.classifier.bias[3] = 10.0
    _, scalars = game.discriminator_loss(state, batch, game.generate(state, batch))
    assert scalars["sure"] == 1 and 0 < scalars["consistency"] < 0.05


def test_each_player_moves_its_own_weights_alone(started):
    game, state, batch = started
    state.discriminator.requires_grad_(True)
    game.discriminator_loss(state, batch, game.generate(state, batch))[0].backward()
    assert all(p.grad is not None for p in state.generator.reader.parameters())
    assert all(p.grad is None for p in state.generator.layers.parameters())
    state.generator.zero_grad()
    state.discriminator.requires_grad_(False)
    game.generator_loss(state, batch, game.generate(state, batch))[0].backward()
    assert all(p.grad is None for p in state.generator.reader.parameters())
    assert all(p.grad.abs().sum() > 0 for p in state.generator.layers.parameters())


def test_a_run_leaves_a_model_that_classifies_and_resumes_exactly(tmp_path):
    (tmp_path / "data").mkdir()
    data = tiny.write_data(tmp_path / "data", digits=40, photographs=1, faces=1)
    settings = ["--set", "generator.width=4", "--set", "generator.reader_width=8", "--set", "labels_per_class=1"]
    common = ["mnist-sgan", *settings, "--set", "batch_size=8", "--data-root", data, "--precision", "fp32"]
    for folder, images in (("whole", 32), ("parts", 16), ("parts", 32)):
        tiny.forget_accelerate()
        assert (
            tiny.main([*map(str, common), "--images", str(images), "--output", str(tmp_path / folder), "--resume"]) == 0
        )
    assert tiny.weights(tmp_path / "whole") == tiny.weights(tmp_path / "parts")
    model = gan_models.load(tmp_path / "whole/model")
    assert isinstance(model, ClassifyingGenerator) and model.classes == tuple("0123456789")
    images = model.generate(model.sample_latents(3, seed=0))
    shares = model.classify(images)
    assert shares.shape == (3, 10)
    torch.testing.assert_close(shares.sum(1), torch.ones(3))
    with pytest.raises(InvalidInput, match="must be floating-point numbers"):
        model.classify(images[0])


def test_what_cannot_be_played_is_refused():
    with pytest.raises(RecipeError, match="draws without labels"):
        change(RECIPES["mnist-sgan"], ["conditional=true"])
    with pytest.raises(InvalidConfig, match="at least 2 names"):
        ClassifyingGenerator()
    with pytest.raises(InvalidConfig, match="multiple of 8"):
        ClassifyingGenerator(classes=["a", "b"], reader_width=12)
    with pytest.raises(InvalidInput, match="no classifier"):
        gan_models.load("mnist-cgan").classify(torch.zeros(1, 1, 28, 28))
    assert np.array(RECIPES["mnist-sgan"].labels_per_class) == 10
