"""Translation without pairs: what is sorted into kinds, what each player minimises, and that it learns."""

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image
from recipe_data import dataset_of
from tiny import small, train

import gan_models
from training import loop
from training.data.dataset import Dataset
from training.data.decoding import DataError
from training.engine import make_accelerator
from training.games import GAMES
from training.recipes import RECIPES, RecipeError
from training.settings import change
from training.starting import build_state

RECIPE = change(RECIPES["celeba-cyclegan"], small("celeba-cyclegan"))


def faces(labels) -> Dataset:
    labels = np.array(labels, np.uint8)
    images = np.arange(len(labels), dtype=np.uint8)[:, None, None, None] + np.zeros((1, 3, 8, 8), np.uint8)
    return Dataset("faces", images, labels, ("Dark", "Light"), True, "sum", names=tuple("abcdefgh"[: len(labels)]))


def test_pictures_that_show_exactly_one_attribute_are_sorted():
    found = faces([[1, 0], [1, 1], [0, 0], [0, 1], [1, 0]]).sorted()
    assert found.images[:, 0, 0, 0].tolist() == [0, 3, 4] and found.labels.tolist() == [0, 1, 0]
    assert found.label_names == ("Dark", "Light") and not found.multi_label and found.names == ("a", "d", "e")
    assert found.notes[-1] == "Sorted by Dark, Light: 3 pictures show exactly one of them."
    with pytest.raises(DataError, match="No picture of faces shows Light"):
        faces([[1, 0], [1, 1]]).sorted()
    with pytest.raises(DataError, match="no attributes"):
        found.sorted()


def test_two_data_sets_become_two_classes():
    first, second = faces([[1, 0], [0, 1]]), dataclasses.replace(faces([[1, 1]]), name="others")
    both = first.beside(second)
    assert both.label_names == ("faces", "others") and both.labels.tolist() == [0, 0, 1] and len(both) == 3
    assert both.name == "faces-others" and both.checksum not in (first.checksum, second.checksum)
    with pytest.raises(DataError, match="both|Both"):
        first.beside(first)


def made(recipe=RECIPE):
    dataset = dataset_of(recipe)
    state = build_state(recipe, dataset, 0, torch.device("cpu"))
    return state, loop.load_batch(recipe, dataset, state.generator, 0, 8, seed=0), GAMES["translating"](recipe, "cpu")


def test_every_picture_is_translated_into_another_kind():
    three = dataclasses.replace(RECIPE, attributes=("Black_Hair", "Blond_Hair", "Bald"))
    state, batch, game = made(three)
    found = game.generate(state, batch)
    assert (found.wanted.sum(1) == 1).all() and not (found.wanted * found.kinds).any()
    state, batch, game = made()
    found = game.generate(state, batch)
    assert torch.equal(found.wanted, 1 - found.kinds) and torch.equal(found.kinds, batch.labels)


def test_each_player_minimises_its_own():
    state, batch, game = made()
    drawn = game.generate(state, batch)
    loss, scalars = game.discriminator_loss(state, batch, drawn)
    loss.backward()
    assert all(p.grad is None for p in state.generator.parameters())
    assert {"discriminator_loss", "real_score", "fake_score"} == set(scalars)
    loss, scalars = game.generator_loss(state, batch, drawn)
    parts = [float(scalars[name].detach()) for name in ("generator_loss", "cycle", "identity")]
    weights = [game.terms.adversarial, game.terms.cycle, game.terms.identity]
    assert float(loss.detach()) == pytest.approx(sum(a * b for a, b in zip(parts, weights, strict=True)), 1e-5)
    back = state.generator.draw(drawn.fake, batch.labels)
    assert parts[1] == pytest.approx(float((back - batch.real).abs().mean().detach()), 1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["conditional=false"], "needs kinds"),
        (["objective=relativistic", "r1=0", "r2=0"], "real and generated pictures apart"),
    ],
)
def test_recipes_that_cannot_be_played_are_refused(settings, message):
    with pytest.raises(RecipeError, match=message):
        change(RECIPES["celeba-cyclegan"], settings)


def test_it_learns_to_translate_dark_into_light():
    """Grey squares: dark ones become light and light ones dark, as far as noise."""
    random = np.random.default_rng(0)
    labels = np.arange(64) % 2
    images = np.where(labels, 200, 50)[:, None, None, None] + random.integers(-20, 20, (64, 3, 16, 16))
    dataset = Dataset("squares", images.astype(np.uint8), labels, ("dark", "light"), False, "")
    recipe = change(RECIPE, ["image_size=16", "batch_size=16", "learning_rate=2e-3", "discriminator.patches=4"])
    state = build_state(recipe, dataset, 0, torch.device("cpu"))
    loop.train(recipe, dataset, state, make_accelerator("fp32"), 1600, 0, [])
    translator = state.generator.eval()
    for kind in (0, 1):
        pictures = torch.from_numpy(dataset.images[labels != kind]).float() / 127.5 - 1
        means = translator.translate(pictures.clamp(-1, 1), ("dark", "light")[kind]).mean((1, 2, 3))
        wanted = ((50, 200)[kind] - 0.5) / 127.5 - 1
        assert (means - wanted).abs().max() < 0.3, means


def test_two_folders_are_trained_by_one_command(tmp_path, alone):
    random = np.random.default_rng(0)
    for name in ("summer", "winter"):
        (tmp_path / name).mkdir()
        for k in range(8):
            Image.fromarray(random.integers(0, 256, (64, 64, 3), np.uint8)).save(tmp_path / name / f"{k}.png")
    words = [
        "--data",
        tmp_path / "summer",
        "--data-b",
        tmp_path / "winter",
        "--images",
        16,
        "--output",
        tmp_path / "run",
    ]
    assert train("celeba-cyclegan", *words) == 0
    model = gan_models.load(tmp_path / "run/model")
    assert model.labels == ("summer", "winter")
    assert model.translate(torch.zeros(1, 3, 64, 64), "winter").shape == (1, 3, 64, 64)
    card = (tmp_path / "run/model/README.md").read_text()
    assert "It translates pictures" in card and "summer, winter" in card
    assert train("celeba-cyclegan", *words, "--resume") == 0
