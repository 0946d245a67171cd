"""The game of pictures from pictures: what is damaged, what is minimised, who learns when."""

import json

import pytest
import torch
from accelerate import Accelerator
from recipe_data import dataset_of
from tiny import small, train, write_data

import gan_models
from gan_models.damages import KINDS, RANDOMS
from gan_models.rng import Stream
from training import loop
from training.games import GAMES
from training.games.restoring import OWN, closer
from training.recipes import RECIPES, RecipeError
from training.settings import change
from training.starting import build_state

RECIPE = change(RECIPES["celeba-restore"], small("celeba-restore"))
LATER = 36_000  # images: the discriminators take part


def made(images: int = 0, recipe=RECIPE):
    dataset = dataset_of(recipe)
    state = build_state(recipe, dataset, 0, torch.device("cpu"))
    state.generator.train(), state.discriminator.train()
    state.images = images
    batch = loop.load_batch(recipe, dataset, state.generator, 0, 8, seed=0)
    return state, batch, GAMES["restoring"](recipe, torch.device("cpu"))


def moved(network: torch.nn.Module) -> set[str]:
    return {
        name.partition(".")[0]
        for name, parameter in network.named_parameters()
        if parameter.grad is not None and parameter.grad.abs().max() > 0
    }


def test_first_the_network_learns_alone():
    recipe = change(RECIPE, ["adversarial_after=50000"])
    state, batch, game = made(LATER, recipe)
    assert "perceptual" in game.generator_loss(state, batch, game.generate(state, batch))[1]
    state, batch, game = made()
    drawn = game.generate(state, batch)
    loss, scalars = game.discriminator_loss(state, batch, drawn)
    loss.backward()
    assert loss == 0 and not scalars and not moved(state.discriminator)
    loss, scalars = game.generator_loss(state, batch, drawn)
    loss.backward()
    assert set(scalars) == {"generator_loss", "reconstruction", "estimate", "kernel"}
    assert {"stem", "down", "middle", "up", "change", "estimate", "wishes"} <= moved(state.generator)


def test_then_the_discriminators_see_both_pictures():
    state, batch, game = made(LATER)
    drawn = game.generate(state, batch)
    loss, scalars = game.discriminator_loss(state, batch, drawn)
    loss.backward()
    assert moved(state.discriminator) == {"pixels", "pairs"} and not moved(state.generator)
    other = drawn._replace(source=drawn.source.flip(0))
    assert game.discriminator_loss(state, batch, other)[0] != loss
    state.discriminator.zero_grad()
    _, scalars = game.generator_loss(state, batch, drawn)
    assert {"adversarial", "patches"} <= set(scalars)


def test_every_other_step_is_a_cheap_one():
    state, batch, game = made(LATER + RECIPE.batch_size)
    assert game.generate(state, batch).maps is None
    assert set(game.generator_loss(state, batch, game.generate(state, batch))[1]) == {
        "generator_loss",
        "reconstruction",
        "estimate",
        "kernel",
    }


def test_the_discriminator_that_waits_does_not_move():
    state, batch, game = made()
    before = {name: value.clone() for name, value in state.discriminator.named_parameters()}
    loop.step(RECIPE, game, state, batch, Accelerator(cpu=True))
    assert all(torch.equal(value, before[name]) for name, value in state.discriminator.named_parameters())


def test_damages_are_those_of_the_recipe_and_as_many():
    _, _, game = made()
    randoms = torch.rand(2000, OWN, generator=torch.Generator().manual_seed(0))
    kinds = RECIPE.generator.get("damages") or tuple(kind for kind in KINDS if kind != "edges")
    strengths = game.strengths(randoms, kinds)
    often = (strengths > 0).float().mean(0)
    assert often[KINDS.index("edges")] == 0 and (often[1:] > 0.08).all()
    count = (strengths > 0).sum(1)
    assert 0.07 < (count == 0).float().mean() < 0.13 and 0.2 < (count > 1).float().mean() < 0.45
    assert set(strengths[:, KINDS.index("grey")].unique().tolist()) == {0.0, 1.0}
    assert len(strengths[:, KINDS.index("shrink")].unique()) == 4  # none, and 2, 3 and 4 times smaller
    assert (game.strengths(randoms, ("noise",))[:, KINDS.index("noise")] > 0).all()


def test_scale_is_how_much_smaller():
    game = GAMES["restoring"](
        change(RECIPES["celeba-upscale"], ["scale=2", "perceptual=0", "adversarial=0"]), torch.device("cpu")
    )
    strengths = game.strengths(torch.rand(20, OWN), ("shrink",))
    assert torch.allclose(strengths[:, KINDS.index("shrink")], torch.tensor(1 / 3))


def test_closer_shows_a_part_larger():
    pictures = torch.rand(4, 3, 32, 32) * 2 - 1
    randoms = torch.tensor([[0.1, 1.0, 0.5, 0.5], [0.9, 1.0, 0.5, 0.5], [0.1, 0.0, 0.0, 1.0], [0.1, 0.5, 0.0, 0.0]])
    seen = closer(pictures, randoms, 0.5)
    assert torch.equal(seen[1], pictures[1]) and not torch.allclose(seen[0], pictures[0], atol=0.1)
    assert torch.allclose(seen[2], pictures[2], atol=1e-4)
    assert seen[0].std() < pictures[0].std()  # a third of it, three times as large


@pytest.mark.parametrize(
    "settings, words",
    [
        (["objective=relativistic", "r1=0", "r2=0"], "real and generated pictures apart"),
        (["scale=9"], "scale must be"),
        (["discriminator.features=false"], "discriminator.features=true"),
        (["image_size=16"], "32 pixels"),
    ],
)
def test_what_cannot_be_played(settings, words):
    with pytest.raises(RecipeError, match=words):
        change(RECIPES["celeba-restore"], settings)


def test_digits_are_repaired_and_the_folder_loads(tmp_path):
    root = write_data(tmp_path, 20, 1, 1)
    options = ["--images", 32, "--set", "adversarial_after=16", "--data-root", root, "--precision", "fp32"]
    assert train("mnist-repair", *options, "--output", tmp_path / "run") == 0
    model = gan_models.load(tmp_path / "run/model")
    digits = torch.rand(2, 1, 28, 28) * 2 - 1
    mask = torch.zeros(28, 28)
    mask[:, :14] = 1
    repaired = model.restore(digits, mask)
    assert torch.equal(repaired[..., 14:], digits[..., 14:]) and not torch.equal(repaired, digits)
    metrics = json.loads((tmp_path / "run/model/metrics.json").read_text())
    assert metrics["training"]["recipe"] == "mnist-repair" and (tmp_path / "run/model/samples.png").exists()


def test_the_kernel_of_a_blur_is_learned_and_shown():
    """Of pictures that are blurred; and the estimate gets no other gradient."""
    recipe = change(RECIPE, ['generator.damages=["motion","blur"]', "several=1", "estimate=0", "reconstruction=0"])
    state, batch, game = made(0, recipe)
    drawn = game.generate(state, batch)
    turn = batch.uniform(Stream.DAMAGE, RANDOMS + OWN)[:, 0]
    motion = drawn.strengths[:, state.generator.told.index("motion")]
    assert torch.allclose(drawn.blurs[:, 1:].norm(dim=1), motion, atol=1e-6) and motion.any()
    angle = torch.atan2(drawn.blurs[:, 2], drawn.blurs[:, 1])[motion > 0] / (2 * torch.pi) % 1
    assert torch.allclose(angle, turn[motion > 0], atol=1e-5)
    loss, scalars = game.generator_loss(state, batch, drawn)
    blur = drawn.strengths[:, state.generator.told.index("blur")]
    wrong = (drawn.estimated_blurs - drawn.blurs).square()
    some = [*wrong[blur > 0, 0], *wrong[motion > 0, 1], *wrong[motion > 0, 2]]
    assert torch.allclose(scalars["kernel"], sum(some) / wrong.numel()) and len(some) < wrong.numel()
    loss.backward()
    assert moved(state.generator) == {"kernels"}
    sharp = drawn.looked.pixels[:, 4 * 4 :]  # after the picture and its mask
    same = (sharp - drawn.looked.pixels[:, : 4 * 3]).abs().amax((1, 2, 3)) == 0
    assert torch.equal(same, ~drawn.strengths.any(1)) and not same.all()
    # The estimate of the damage does not see it: whether there is a deconvolved picture would tell.
    plain = state.generator.look(drawn.looked.pictures, drawn.looked.mask)
    assert torch.allclose(drawn.looked.estimate, plain.estimate, atol=1e-5)
