"""A run begins with the networks of another."""

import json

import pytest
import torch
from recipe_data import dataset_of
from safetensors.torch import load_file
from saved import DATA, RECIPE, damage, save, trained
from tiny import small, train

import gan_models
from training import loop, run_folder
from training.recipes import RECIPES
from training.run import checkpoints
from training.run.checkpoints import CheckpointError
from training.settings import change
from training.starting import build_state

pytestmark = pytest.mark.usefixtures("alone")
FACES = change(
    RECIPES["celeba-cgan"],
    ["image_size=16", "generator.width=4", "discriminator.width=4", "attributes=Male,Smiling,Young"],
)
MORE = change(FACES, ["attributes=Bald,Young,Male,Pale_Skin"])


def test_a_run_begins_with_both_networks_of_another_whose_labels_were_others(tmp_path, accelerator):
    state = loop.train(
        FACES, dataset_of(FACES), build_state(FACES, dataset_of(FACES), 0, torch.device("cpu")), accelerator, 8, 0, []
    )
    save(state, tmp_path, accelerator)
    new = build_state(MORE, dataset_of(MORE), 1, torch.device("cpu"))
    table = new.generator.label_table.clone()
    checkpoints.begin_with(new, run_folder.find_checkpoint(tmp_path))
    assert new.images == 0 and not new.generator_optimiser.state and torch.equal(new.generator.label_table, table)
    for old, now in (
        (state.generator.embedding.weight.T, new.generator.embedding.weight.T),
        (state.ema.embedding.weight.T, new.ema.embedding.weight.T),
        (state.discriminator.embedding.weight, new.discriminator.embedding.weight),
        (state.discriminator.classifier.weight, new.discriminator.classifier.weight),
        (state.discriminator.classifier.bias, new.discriminator.classifier.bias),
    ):
        assert torch.equal(now[1], old[2]) and torch.equal(now[2], old[0]) and not now[[0, 3]].any()
    others = [name for name in state.discriminator.state_dict() if not name.startswith(("embedding", "classifier"))]
    assert others and all(
        torch.equal(state.discriminator.state_dict()[name], new.discriminator.state_dict()[name]) for name in others
    )
    # Of what the first run knew, the second draws the same, whatever the new labels are.
    latents = state.ema.sample_latents(3, seed=0)
    known = torch.tensor([[1.0, 0, 1], [0, 0, 0], [1, 0, 0]])
    asked = torch.stack([torch.rand(3), known[:, 2], known[:, 0], torch.rand(3)], 1)
    state.ema.embedding.weight[:, 1] = 0  # Smiling, which the second does not know
    assert torch.allclose(state.ema.generate(latents, known), new.ema.generate(latents, asked), atol=1e-5)


@pytest.mark.parametrize(
    "recipe, first, then",
    [
        ("celeba-cgan", "attributes=Male,Smiling,Young", "attributes=Smiling,Male,Young"),
        ("celeba-restore", 'generator.damages=["blur","noise"]', 'generator.damages=["noise","blur"]'),
    ],
)
def test_what_weights_are_for_does_not_change_places(tmp_path, accelerator, recipe, first, then):
    tiny = ["image_size=16", "generator.width=8", "discriminator.width=8", "batch_size=2"]
    if recipe == "celeba-restore":
        tiny[0] = "image_size=32"
    one, two = (change(RECIPES[recipe], [*tiny, setting]) for setting in (first, then))
    save(build_state(one, dataset_of(one), 0, torch.device("cpu")), tmp_path, accelerator)
    checkpoint = run_folder.find_checkpoint(tmp_path)
    checkpoints.begin_with(build_state(one, dataset_of(one), 1, torch.device("cpu")), checkpoint)
    with pytest.raises(CheckpointError, match="its order of names is .*, here it is "):
        checkpoints.begin_with(build_state(two, dataset_of(two), 1, torch.device("cpu")), checkpoint)


def test_an_editor_begins_with_a_smaller_one(tmp_path, accelerator):
    """Finer levels of paint begin with what the coarser ones paint, the discriminator of pixels in part anew."""
    small_editor = change(
        RECIPES["celeba-editor"],
        ["generator.width=8", "generator.finest=8", "discriminator.width=8", "discriminator.pixels=4", "batch_size=2"],
    )
    save(build_state(small_editor, dataset_of(small_editor), 0, torch.device("cpu")), tmp_path, accelerator)
    large = change(small_editor, ["image_size=128"])
    new = build_state(large, dataset_of(large, 2), 1, torch.device("cpu"))
    checkpoints.begin_with(new, run_folder.find_checkpoint(tmp_path))
    before = gan_models.load(tmp_path / "checkpoint/model")
    pictures = torch.nn.functional.interpolate(torch.rand(2, 3, 64, 64) * 2 - 1, scale_factor=2)
    changes = torch.ones(1, len(before.attributes))
    painted, now = (
        net.retouch(net.see(images), changes.expand(2, -1)).alpha
        for net, images in ((before, pictures[..., ::2, ::2]), (new.ema, pictures))
    )
    mean = torch.nn.functional.avg_pool2d
    assert now.shape[-1] == 128 and torch.allclose(mean(now, 16), mean(painted, 8), atol=0.01)
    assert not any(parameter.isnan().any() for parameter in new.discriminator.parameters())


def test_discriminators_of_features_may_get_more_maps_and_classifiers(tmp_path, accelerator):
    few = change(RECIPES["celeba-cgan-128"], [*small("celeba-cgan-128"), "image_size=32"])
    before = build_state(few, dataset_of(few), 0, torch.device("cpu"))
    save(before, tmp_path, accelerator)
    more = change(few, ["discriminator.levels=3", "discriminator.auxiliary=true", "auxiliary=0.3"])
    after = build_state(more, dataset_of(few), 1, torch.device("cpu"))
    fresh = {
        name: value.clone()
        for name, value in after.discriminator.state_dict().items()
        if name.startswith(("adversaries.2.", "classifiers."))
    }
    checkpoints.begin_with(after, run_folder.find_checkpoint(tmp_path))
    expected = before.discriminator.state_dict() | fresh
    assert len(fresh) > 8 and after.discriminator.state_dict().keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in after.discriminator.state_dict().items())


def test_a_run_does_not_begin_with_networks_of_another_shape(tmp_path, accelerator):
    save(trained(accelerator, 4), tmp_path, accelerator)
    wider = change(RECIPE, ["generator.width=8"])
    with pytest.raises(CheckpointError, match="has other networks"):
        checkpoints.begin_with(build_state(wider, DATA, 0, torch.device("cpu")), run_folder.find_checkpoint(tmp_path))
    damage(tmp_path / "checkpoint", "cut weights")
    with pytest.raises(CheckpointError, match="is damaged"):
        checkpoints.begin_with(build_state(RECIPE, DATA, 0, torch.device("cpu")), run_folder.find_checkpoint(tmp_path))


def test_init_from_a_run_folder_takes_its_discriminator_too(tmp_path):
    assert train("mnist-dcgan", "--images", 16, "--output", tmp_path / "first") == 0
    still = [
        "--images",
        8,
        "--set",
        "learning_rate=0",
        "--output",
        tmp_path / "second",
        "--init-from",
        tmp_path / "first",
    ]
    assert train("mnist-dcgan", *still) == 0
    first, second = (load_file(tmp_path / name / "checkpoint/state.safetensors") for name in ("first", "second"))
    learned = [
        name
        for name in first
        if name.startswith("discriminator.") and "running" not in name and "num_batches" not in name
    ]
    assert learned and all(torch.equal(first[name], second[name]) for name in learned)
    origin = json.loads((tmp_path / "second/model/metrics.json").read_text())["training"]["origin"]
    assert origin["images_seen"] == 16


def test_a_restorer_that_deconvolves_and_fills_begins_as_one_that_does_neither(tmp_path, capsys):
    kinds = 'generator.damages=["motion","noise"]'
    given = ["--images", 8, "--set", kinds, "--set", "generator.deconvolves=false"]
    assert train("celeba-restore", *given, "--output", tmp_path / "first") == 0
    more = ["--images", 8, "--set", 'generator.damages=["motion","noise","fill"]', "--set", "learning_rate=0"]
    begun = ["--init-from", tmp_path / "first/model", "--output"]
    assert train("celeba-restore", *more, *begun, tmp_path / "second") == 0
    first, second = (gan_models.load(tmp_path / name / "model") for name in ("first", "second"))
    pictures = torch.rand(2, *first.image_shape) * 2 - 1
    told = torch.full((2, 2), 0.5)
    assert second.deconvolves and second.damages == ("motion", "noise", "fill")
    with torch.no_grad():
        assert torch.allclose(
            first.draw(first.look(pictures), told), second.draw(second.look(pictures), told), atol=1e-4
        )
    other = ["--images", 8, "--set", 'generator.damages=["noise","motion"]']
    assert train("celeba-restore", *other, *begun, tmp_path / "third") == 2
    assert "takes a restorer of noise, motion" in capsys.readouterr().err
