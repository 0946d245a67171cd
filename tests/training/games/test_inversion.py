"""The game of an encoder for a finished generator."""

import json
import shutil

import torch
from recipe_data import dataset_of
from tiny import train

import gan_models
from gan_models.networks.dcgan import DCGANGenerator
from training import loop
from training.games import GAMES
from training.recipes import RECIPES
from training.settings import change
from training.starting import build_state

RECIPE = change(
    RECIPES["celeba-inversion"],
    ["generator.width=4", "discriminator.width=4", "generator.encoder_width=4", "batch_size=8"],
)

TERMS = RECIPE.terms


def made(recipe=RECIPE):
    dataset = dataset_of(recipe)
    state = build_state(recipe, dataset, 0, torch.device("cpu"))
    state.generator.train(), state.discriminator.train()
    return (
        state,
        loop.load_batch(recipe, dataset, state.generator, 0, 8, seed=0),
        GAMES["inversion"](recipe, torch.device("cpu")),
    )


def test_only_the_encoder_learns(accelerator):
    state, batch, game = made()
    before = {name: value.clone() for name, value in state.generator.state_dict().items()}
    loop.step(RECIPE, game, state, batch, accelerator)
    moved = {
        name
        for name, parameter in state.generator.named_parameters()
        if parameter.grad is not None and parameter.grad.abs().max() > 0
    }
    assert moved == {name for name, _ in state.generator.named_parameters() if name.startswith("encoder.")}
    changed = {name for name, value in state.generator.state_dict().items() if not torch.equal(value, before[name])}
    assert changed >= moved and all(name.startswith("encoder.") for name in changed)  # BatchNorm's statistics too


def test_the_losses_are_what_they_are_called():
    state, batch, game = made()
    game.prepare(state, batch)
    drawn = game.generate(state, batch)
    loss, scalars = game.generator_loss(state, batch, drawn)
    error = (drawn.reconstructed - batch.real).abs().mean()
    pooled = [x.unfold(2, 4, 4).unfold(3, 4, 4).mean((-1, -2)) for x in (drawn.reconstructed, batch.real)]
    torch.testing.assert_close(scalars["reconstruction"], error + (pooled[0] - pooled[1]).abs().mean())
    chance = drawn.logits.sigmoid()
    wanted = (batch.labels + 1) / 2
    entropy = -(wanted * chance.log() + (1 - wanted) * (1 - chance).log()).mean()
    torch.testing.assert_close(scalars["latent_regression"], (drawn.latents - batch.latents).square().mean() + entropy)
    torch.testing.assert_close(
        loss,
        TERMS["reconstruction"] * scalars["reconstruction"]
        + TERMS["latent_regression"] * scalars["latent_regression"]
        + TERMS["adversarial"] * scalars["generator_loss"],
    )


def test_an_encoder_joins_the_generator_that_is_named(tmp_path, capsys, alone):
    torch.manual_seed(0)
    attributes = RECIPE.attributes
    before = DCGANGenerator(64, 3, width=4, labels=list(attributes), multi_label=True)
    before.save_pretrained(tmp_path / "faces")
    trained = {
        "recipe": "celeba-cgan",
        "summary": "faces",
        "images_seen": 1_000_000,
        "command": "python -m training celeba-cgan",
    }
    (tmp_path / "faces/metrics.json").write_text(json.dumps({"training": trained}))
    options = ["--set", "generator.encoder_width=4", "--images", 8, "--precision", "fp32"]
    assert train("celeba-inversion", *options, "--init-from", tmp_path / "faces", "--output", tmp_path / "run") == 0
    after = gan_models.load(tmp_path / "run/model")
    latents, labels = after.sample_latents(2, seed=0), torch.rand(2, len(attributes))
    drawn = [
        either.generate(latents, labels) for either in (after, before.eval().to(memory_format=torch.channels_last))
    ]
    assert torch.equal(*drawn)
    assert torch.equal(after.label_table, before.label_table)
    assert after.encode(after.generate(latents, labels)).shape == latents.shape

    assert (
        json.loads((tmp_path / "run/model/metrics.json").read_text())["training"]["origin"].items() >= trained.items()
    )
    card = (tmp_path / "run/model/README.md").read_text()
    assert (
        "# celeba-cgan\n\nFaces. " in card
        and "| `celeba-cgan` | faces | 1,000,000 |" in card
        and "invert(model, images)" in card
    )

    shutil.rmtree(tmp_path / "faces")  # a run that goes on does not need it
    options[options.index("--images") + 1] = 16
    assert (
        train("celeba-inversion", *options, "--init-from", tmp_path / "faces", "--output", tmp_path / "run", "--resume")
        == 0
    )
    assert (
        json.loads((tmp_path / "run/model/metrics.json").read_text())["training"]["origin"].items() >= trained.items()
    )

    capsys.readouterr()
    assert train("celeba-inversion", *options, "--output", tmp_path / "none") == 2
    assert "name it, such as --init-from celeba-cgan" in capsys.readouterr().err
    DCGANGenerator(64, 3, width=6, labels=list(attributes), multi_label=True).save_pretrained(tmp_path / "wider")
    assert train("celeba-inversion", *options, "--init-from", tmp_path / "wider", "--output", tmp_path / "none") == 2
    assert "another configuration" in capsys.readouterr().err
