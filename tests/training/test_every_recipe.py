"""Every recipe: trains, leaves a whole folder, stops anywhere, goes on to the same bits, loads, draws, is evaluated; on two processes it is
the same as on one."""

import dataclasses
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import two_processes
from accelerate import Accelerator
from PIL import Image
from safetensors.torch import load_file
from tiny import Killed, kill_at, needed, stats, train, weights, write_data

import gan_models
from gan_models.damages import KINDS
from gan_models.networks import PAIRS
from training.data.digits import DIGITS, GARMENTS
from training.evaluate import editor, edits
from training.evaluate import generator as evaluate
from training.games import GAMES
from training.metrics import features
from training.recipes import RECIPES
from training.run import callbacks, checkpoints

ROOT = Path(__file__).parents[2]


SAMPLES = {"stackedmnist": 390, "celeba": 200}  # to judge: more than the network's features; of others 140


@pytest.fixture(scope="module")
def judged_root(tmp_path_factory) -> Path:
    """Made-up data of which there is enough to be judged with."""
    return write_data(tmp_path_factory.mktemp("judged"), 280, 140, 200, 200)


def judged(generator, recipe, root: Path, monkeypatch) -> dict:
    """All metrics of a recipe's model. Photographs are seen by a smaller network in the place of Inception, whose 2,048
    features want as many pictures of 299 pixels; editors by two photos, since each is edited in every attribute, and no
    face is recognised (test_editing.py)."""
    samples, network = (
        2 if recipe.game in ("editor", "retouching", "restoring") else SAMPLES.get(recipe.data, 140),
        None,
    )
    if recipe.data == "cifar10":
        network, reader = "inception", features.open_network("mnist")
        monkeypatch.setattr(
            features, "open_network", lambda *_: dataclasses.replace(reader, name="inception", labels=())
        )
    monkeypatch.setattr(evaluate, "TOGGLED", 20)
    monkeypatch.setattr(editor, "face_recogniser", lambda size: None)
    monkeypatch.setattr(edits, "REALS", 20)
    return evaluate.evaluate(generator, recipe.data, root, samples=samples, network=network)


def belonging(recipe) -> set[str]:
    """The metrics of a recipe's model, without their protocols."""
    edited = {"edit_seen", "edit_others_kept", "edit_kid_ratio", "edit_cheeks"}
    if recipe.game == "retouching":
        return edited
    if recipe.game == "translating":
        return {"translation_kid", "translation_cycle"}
    if recipe.game == "restoring":
        damages = set(recipe.generator.get("damages") or KINDS) - (
            set() if "damages" in recipe.generator else {"edges"}
        )
        damages |= {"halves"} if "fill" in damages else set()
        names = ("psnr", "ssim", "distance", "kid") if recipe.image_channels == 3 else ("psnr", "ssim")
        return {f"{kind}_{name}" for kind in damages for name in names} | (
            {"untouched_psnr"} if damages - {"fill", "halves", "edges"} else set()
        )
    if recipe.game == "editor":
        return edited | {
            "change_seen",
            "change_seen_put_back",
            "change_seen_by_target",
            "others_kept",
            "psnr",
            "ssim",
            "psnr_outside",
            "ssim_outside",
            "milliseconds",
        }
    names = {"fid", "kid", "precision", "recall", "density", "coverage"} | (
        {"is"} if recipe.data != "celeba" else set()
    )
    names |= {"modes", "kl"} if recipe.data == "stackedmnist" else set()
    if recipe.conditional and recipe.data != "cifar10":  # Inception cannot name the classes
        names |= {"label_agreement"} | (
            {"toggle_agreement", "toggle_others_kept"} if recipe.data == "celeba" else set()
        )
    names |= {"test_error"} if recipe.game == "semisupervised" else set()
    names |= {"code_agreement"} if recipe.networks == "infogan" else set()
    return names | (
        {"reconstruction_psnr", "reconstruction_mae"} if recipe.networks in ("vaegan", "bigan", "invertible") else set()
    )


def check_metrics(result: dict, recipe) -> None:
    """Those that belong to the recipe are there, and all are numbers."""
    found = {re.match(r"[a-z_]+?(?=\d|$)", name)[0] for name in result} - {"evaluation"}
    assert found == belonging(recipe)
    for name, metric in result.items():
        if name != "evaluation":
            assert metric["value"] is not None, name
            assert all(math.isfinite(value) for value in metric.values() if value is not None), (name, metric)


def check_what_is_left(folder: Path, name: str, images: int, every: int) -> None:
    """The files of a run, what they say, and a model that loads, with the labels of its data."""
    model_folder = {"config.json", "model.safetensors", "README.md", "samples.png", "metrics.json"}
    kept = ("checkpoint", "checkpoint.previous")
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == {
        "options.json",
        "stats.jsonl",
        "curves.png",
        "reals.png",
        *(f"samples/{k:010d}.png" for k in range(0, images + 1, every)),
        *(f"{part}/{file}" for part in kept for file in ("state.safetensors", "state.json", "manifest.json")),
        *(f"{part}/{file}" for part in ("model", *(f"{c}/model" for c in kept)) for file in model_folder),
    }
    options = json.loads((folder / "options.json").read_text())
    assert options["recipe"]["name"] == name and options["recipe"]["batch_size"] == 8 and options["images"] == images
    assert options["command"].startswith(f"python -m training {name} --set batch_size=8 ") and options["commit"]
    assert [line["images"] for line in stats(folder)] == list(range(every, images + 1, every))
    with Image.open(folder / "reals.png") as picture:
        assert len(set(picture.convert("L").tobytes())) > 20
    assert (folder / "model/samples.png").read_bytes() == (folder / f"samples/{images:010d}.png").read_bytes()

    model, recipe = gan_models.load(folder / "model"), RECIPES[name]
    for key, value in gan_models.load(folder / "checkpoint/model").state_dict().items():
        assert torch.equal(value, model.state_dict()[key])
    expected = {"mnist": DIGITS, "fashionmnist": GARMENTS, "celeba": recipe.attributes}.get(recipe.data, model.labels)
    assert model.labels == (expected if recipe.conditional else None)
    card = (folder / "model/README.md").read_text()
    assert f"python -m training {name}" in card and ("non-commercial" in card) == name.startswith("celeba")
    assert json.loads((folder / "model/metrics.json").read_text())["training"]["images_seen"] == images


@pytest.mark.parametrize("name", RECIPES)
def test_trains_goes_on_to_the_same_bits_loads_and_is_evaluated(
    tmp_path, capsys, monkeypatch, alone, judged_root, name
):
    options = [
        "--images",
        48,
        "--checkpoint-every",
        16,
        "--seed",
        3,
        "--precision",
        "fp32",
        "--set",
        "discriminator_steps=2",
    ]
    for option, schedule in (("augment", "[0,1,40]"), ("instance_noise", "[0.2,0,40]")):
        options += ["--set", f"{option}={schedule}"] if GAMES[RECIPES[name].game].penalised else []
    options += needed(name, tmp_path / "there")
    assert train(name, *options, "--output", tmp_path / "whole") == 0
    assert "Done: 48 images" in capsys.readouterr().out
    check_what_is_left(tmp_path / "whole", name, 48, every=16)
    with monkeypatch.context() as patch:
        patch.setattr(callbacks.Interrupt, "__call__", kill_at(40))
        with pytest.raises(Killed):
            train(name, *options, "--output", tmp_path / "killed")
    assert json.loads((tmp_path / "killed/checkpoint/state.json").read_text())["images"] == 32
    assert train(name, *options, "--output", tmp_path / "killed", "--resume") == 0
    assert "Continuing from 32 images." in capsys.readouterr().out
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")
    assert stats(tmp_path / "killed") == stats(tmp_path / "whole")

    generator, recipe = gan_models.load(tmp_path / "whole/model"), RECIPES[name]
    if recipe.game == "restoring":
        images = generator.restore(torch.rand(3, *generator.image_shape) * 2 - 1, damages=generator.told)
    elif recipe.game == "translating":
        images = generator.translate(torch.rand(3, *generator.image_shape) * 2 - 1, generator.labels[1])
    elif recipe.game == "retouching":
        faces = torch.rand(3, *generator.image_shape) * 2 - 1
        images = generator.edit(faces, {"Smiling": 1.0})
    else:
        images = generator.generate(generator.sample_latents(3, seed=0), generator.sample_labels(3, seed=0))
    assert images.shape == (3, recipe.image_channels, recipe.image_size, recipe.image_size)
    assert images.abs().max() <= 1 and images.isfinite().all() and not torch.equal(images[0], images[1])
    check_metrics(judged(generator, recipe, judged_root, monkeypatch), recipe)


def test_two_processes_are_one_in_float64(tmp_path, alone):
    """One spawned pair for all recipes. Weights, moments, averages and scalars, after three steps."""
    for count in ("one", "two"):
        (tmp_path / count).mkdir()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)])}
    pair = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node",
            "2",
            two_processes.__file__,
            str(tmp_path / "two"),
        ],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    two_processes.train(Accelerator(cpu=True, mixed_precision="no"), tmp_path / "one")
    try:
        output = pair.communicate(timeout=300)[0]
    finally:
        pair.kill()
    assert pair.returncode == 0, output
    for name, recipe in RECIPES.items():
        one, two = (load_file(tmp_path / count / f"{name}.safetensors") for count in ("one", "two"))
        assert one.keys() == two.keys()
        tried = two_processes.recipe_of(name)
        before = checkpoints.tensors(two_processes.state_of(tried, two_processes.dataset_of(tried)))
        for key, value in one.items():
            torch.testing.assert_close(
                two[key], value, rtol=1e-7, atol=1e-9, msg=lambda message: f"{name}, {key}: {message}"
            )
        moved = [
            key for key in before if key in one and one[key].ndim > 1 and (one[key] - before[key]).abs().max() > 1e-5
        ]
        assert {key.partition(".")[0] for key in moved} >= {"generator", "discriminator"} - (
            {"discriminator"} if PAIRS[recipe.networks][1].shares_weights else set()
        )
