"""The command line, from options to the files that a run leaves."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from running import refused
from safetensors.torch import load_file
from tiny import train, weights

import gan_models
from training import __main__ as command
from training import loop, publish
from training.recipes import CELEBA_ATTRIBUTES, RECIPES
from training.run import callbacks, checkpoints

pytestmark = pytest.mark.usefixtures("alone")


def test_what_is_published_is_the_average_not_the_generator(tmp_path):
    assert train("mnist-dcgan", "--images", 40, "--output", tmp_path / "run") == 0
    average = load_file(tmp_path / "run/model/model.safetensors")
    generator = load_file(tmp_path / "run/checkpoint/state.safetensors")
    assert not torch.equal(average["layers.0.weight"], generator["generator.layers.0.weight"])


def test_the_seed_decides_and_counts_are_rounded_up_to_whole_batches(tmp_path):
    for name, seed in (("one", 1), ("again", 1), ("two", 2)):
        assert train("mnist-mlp", "--images", 9, "--seed", seed, "--output", tmp_path / name) == 0
    assert weights(tmp_path / "one") == weights(tmp_path / "again")
    assert all(weights(tmp_path / "one")[name] != other for name, other in weights(tmp_path / "two").items())
    assert json.loads((tmp_path / "one/checkpoint/state.json").read_text())["images"] == 16


def test_labels_of_the_real_faces_are_what_attributes_are_sampled_from(tmp_path, tiny_root):
    assert train("celeba-cgan", "--images", 8, "--output", tmp_path / "run", "--set", "attributes=Smiling,Male") == 0
    model = gan_models.load(tmp_path / "run/model")
    lines = (tiny_root / "celeba/list_attr_celeba.txt").read_text().splitlines()
    columns = [lines[1].split().index(name) for name in ("Smiling", "Male")]
    real = {tuple((np.array(line.split()[1:])[columns] == "1").astype(int)) for line in lines[2:]}
    assert model.labels == ("Smiling", "Male") and {tuple(map(int, row)) for row in model.label_table} == real


def test_real_digits_and_faces(tmp_path, data_root):
    small = data_root / "original"  # a CelebA of few pictures: all of them would take a minute to decode
    roots = {"mnist-cgan": data_root, "celeba-cgan": small if (small / "celeba").is_dir() else data_root}
    for recipe, root in roots.items():
        assert train(recipe, "--data-root", root, "--images", 8, "--output", tmp_path / recipe) == 0
        assert json.loads((tmp_path / recipe / "options.json").read_text())["data"]["images"] > 100
        assert gan_models.load(tmp_path / recipe / "model").labels


def tells_paths(folder: Path, model: str) -> list[str]:
    """The files of a model folder that tell where it was made."""
    named = {name: (folder / model / name).read_text() for name in ("config.json", "metrics.json", "README.md")}
    return [name for name, text in named.items() if str(folder) in text]


def test_init_from_starts_with_the_weights_of_a_model(tmp_path, capsys):
    first = tmp_path / "first/model"
    assert train("mnist-dcgan", "--images", 24, "--output", tmp_path / "first") == 0
    still = ["--init-from", first, "--set", "learning_rate=0", "--output", tmp_path / "second"]
    assert train("mnist-dcgan", "--images", 8, *still) == 0
    a, b = (gan_models.load(folder) for folder in (first, tmp_path / "second/model"))
    assert all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters()))
    sentence = refused(capsys, "mnist-cgan", "--init-from", first, "--output", tmp_path / "third")
    assert "another configuration than the recipe" in sentence
    assert "started from the weights of `first`" in (tmp_path / "second/model/README.md").read_text()
    assert not tells_paths(tmp_path, "second/model")


@pytest.fixture
def pictures(tmp_path):
    """Two classes of pictures, larger than the recipe's."""
    for k in range(12):
        folder = tmp_path / "pets" / ("cats", "dogs")[k % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((40, 36), 50 + k).save(folder / f"{k}.png")
    return tmp_path / "pets"


def test_a_folder_of_pictures_is_data_and_its_subfolders_are_classes(tmp_path, pictures, capsys):
    assert train("mnist-cgan", "--data", pictures, "--images", 16, "--output", tmp_path / "run") == 0
    assert gan_models.load(tmp_path / "run/model").labels == ("cats", "dogs")
    assert not tells_paths(tmp_path, "run/model")
    small = ["--set", "image_size=32", "--images", 8, "--output", tmp_path / "coloured"]
    assert train("celeba-dcgan", "--data", pictures, *small) == 0
    assert gan_models.load(tmp_path / "coloured/model").image_shape == (3, 32, 32)
    sentence = refused(capsys, "mnist-cgan", "--data", pictures / "cats", "--output", tmp_path / "other")
    assert "conditional and cats has no labels" in sentence


def test_another_data_set_has_its_own_labels(tmp_path):
    assert train("celeba-cgan", "--data", "mnist", "--images", 8, "--output", tmp_path / "digits") == 0
    assert gan_models.load(tmp_path / "digits/model").labels == tuple("0123456789")
    assert train("celeba-cgan", "--data", "CelebA", "--images", 8, "--output", tmp_path / "faces") == 0
    assert gan_models.load(tmp_path / "faces/model").labels == CELEBA_ATTRIBUTES


def test_push_to_hub_publishes_the_finished_model(tmp_path, monkeypatch, capsys):
    pushed = []
    monkeypatch.setattr(publish, "publish", lambda folder, repo: pushed.append((folder, repo)) or "https://hub/me/it")
    run = ["mnist-mlp", "--push-to-hub", "me/it", "--images", 8, "--output", tmp_path / "run", "--resume"]
    assert train(*run) == 0
    assert pushed == [(tmp_path / "run/model", "me/it")] and "Published: https://hub/me/it" in capsys.readouterr().out

    def refuse(folder, repo):
        raise publish.PublishError("The Hub said no.")

    monkeypatch.setattr(publish, "publish", refuse)
    assert "The Hub said no. The model itself is safe" in refused(capsys, *run)


def test_list_names_every_recipe_first(capsys):
    assert command.main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(RECIPES)


@pytest.mark.parametrize(
    "recipe, options, words",
    [
        ("mnist-cgn", [], "no recipe 'mnist-cgn'. Did you mean mnist-cgan"),
        ("mnist-dcgan", ["--data", "nowhere"], "no folder 'nowhere'"),
        ("mnist-dcgan", ["--data", "minst"], "did you mean mnist"),
        ("mnist-dcgan", ["--data-root", "nowhere", "--data", "celeba"], "CelebA is not in nowhere"),
        ("mnist-dcgan", ["--set", "bach_size=3"], "batch_size"),
        ("mnist-dcgan", ["--set", "objective=wgan"], "known are logistic"),
        ("mnist-dcgan", ["--images", -5], "--images must be from 1"),
        ("mnist-dcgan", ["--images", 0], "--images must be from 1"),
        ("mnist-dcgan", ["--images", 10**13], "--images must be from 1"),
        ("mnist-dcgan", ["--checkpoint-every", 0], "--checkpoint-every must be from 1"),
        ("mnist-dcgan", ["--seed", -1], "seed must be a whole number from 0"),
        ("mnist-dcgan", ["--seed", 2**63], "seed must be a whole number from 0"),
        ("mnist-dcgan", ["--set", "generator.latent_dim=1000000000"], "latent_dim"),
        ("mnist-dcgan", ["--set", "generator.color=red"], "color"),
        ("mnist-dcgan", ["--set", "image_size=33"], "image_size"),
        ("mnist-dcgan", ["--set", "image_channels=2"], "1 channel (grey) or 3"),
        ("mnist-dcgan", ["--set", "networks=mlp", "--set", "conditional=true"], "labels"),
        ("mnist-dcgan", ["--init-from", "mnist-xyz"], "mnist-xyz"),
        ("mnist-dcgan", ["--init-from", "mnist-xyz", "--data", "nowhere"], "mnist-xyz"),  # before any work on the data
        ("mnist-dcgan", ["--push-to-hub", "mnist", "--data", "nowhere"], "USER/REPO"),
        ("mnist-dcgan", ["--set", "batch_size=1000000000"], "batch_size must be from 1 to 65,536"),
        ("celeba-cgan", ["--set", "attributes=Smilling"], "Smiling"),
    ],
)
def test_bad_input_gets_one_sentence(tmp_path, capsys, recipe, options, words):
    assert words in refused(capsys, recipe, *options, "--output", tmp_path / "run")
    assert not (tmp_path / "run/model").exists() and not (tmp_path / "run/options.json").exists()


@pytest.mark.parametrize(
    "arguments",
    [[], ["mnist-dcgan", "--seed", "one"], ["mnist-dcgan", "--precision", "fp8"], ["mnist-dcgan", "--fast"]],
)
def test_bad_usage_is_reported_with_the_usage(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        command.main(arguments)
    assert caught.value.code == 2 and "usage: python -m training" in capsys.readouterr().err


def test_an_output_that_cannot_be_written_is_named(tmp_path, capsys):
    (tmp_path / "file").write_text("x")
    for output in (tmp_path / "file", tmp_path / "file/below", Path("/proc/nowhere")):
        assert str(output) in refused(capsys, "mnist-dcgan", "--output", output)
    assert (tmp_path / "file").read_text() == "x"


def test_a_full_disk_ends_the_run_with_a_sentence_and_it_goes_on_from_the_last_good_checkpoint(
    tmp_path, capsys, monkeypatch
):
    run = ["mnist-dcgan", "--checkpoint-every", 8, "--output", tmp_path / "run", "--resume"]
    assert train(*run, "--images", 8) == 0

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save_file", full)
        sentence = refused(capsys, *run, "--images", 24)
    assert "The checkpoint at 16 images could not be written" in sentence and "the one before it is kept" in sentence
    with monkeypatch.context() as patch:
        patch.setattr(callbacks.pictures, "save_png", full)
        assert "No space left on device" in refused(capsys, *run, "--images", 24)
    with monkeypatch.context() as patch:
        patch.setattr(callbacks.Report, "_print", full)
        sentence = refused(capsys, *run, "--images", 24)
    assert (
        "No space left on device" in sentence
        and f"last good checkpoint is {tmp_path / 'run/checkpoint'}" in sentence
        and "--resume" in sentence
    )
    assert train(*run, "--images", 24) == 0
    assert train("mnist-dcgan", "--images", 24, "--output", tmp_path / "whole") == 0
    assert weights(tmp_path / "run") == weights(tmp_path / "whole")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1000 bytes"),
    ],
)
def test_too_little_memory_is_a_sentence_and_another_run_may_take_the_place(tmp_path, capsys, monkeypatch, error):
    def exhausted(*arguments):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(loop, "load_batch", exhausted)
        assert "not enough memory" in refused(capsys, "mnist-dcgan", "--output", tmp_path / "run")
    assert train("mnist-dcgan", "--images", 8, "--output", tmp_path / "run") == 0

    def broken(*arguments):
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(loop, "load_batch", broken)
    with pytest.raises(RuntimeError, match="mistake"):
        train("mnist-dcgan", "--output", tmp_path / "other")


def test_a_batch_that_the_processes_cannot_share(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("accelerate.Accelerator.num_processes", 3)
    assert "8 cannot be shared by 3" in refused(capsys, "mnist-dcgan", "--output", tmp_path / "run")
