"""`python -m training.evaluate`: what it prints, writes and keeps, and its sentences."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from copyist import N

from gan_models import model_folder
from gan_models.networks import load_folder
from gan_models.networks.dcgan import DCGANGenerator
from gan_models.networks.mlp import MLPGenerator
from training import run_folder
from training.data import open_dataset
from training.errors import EvaluationError
from training.evaluate.__main__ import main
from training.evaluate.generator import evaluate
from training.judges import networks


def test_a_run_folder_or_a_recipe_can_name_the_model_they_made(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("mnist-dcgan", "mnist-cgan"):
        shutil.copytree(model, tmp_path / "runs" / name / "model")
    assert (
        run_folder.model_of("runs/mnist-dcgan")
        == run_folder.model_of("mnist-dcgan")
        == str(Path("runs/mnist-dcgan/model"))
    )
    assert run_folder.model_of("mnist-cgan") == "mnist-cgan"  # is bundled
    checkpoint = tmp_path / "runs/stopped/checkpoint"
    shutil.copytree(model, checkpoint / "model")
    (checkpoint / "state.json").write_text("{}")
    assert (
        run_folder.model_of("runs/stopped")
        == run_folder.model_of("stopped")
        == str(Path("runs/stopped/checkpoint/model"))
    )
    for source in (str(model), "user/repo", "mnist-wgan"):
        assert run_folder.model_of(source) == source


def test_the_command_prints_writes_and_keeps_what_was_there(model, root, tmp_path, capsys):
    (model / "metrics.json").write_text(
        json.dumps({"training": {"recipe": "mnist-cgan"}, "evaluation": {"inception": {"samples": 9}}})
    )
    out = tmp_path / "result.json"
    assert (
        main(
            [
                str(model),
                "--data",
                "mnist",
                "--data-root",
                str(root),
                "--samples",
                str(N),
                "--json",
                str(out),
                "--write",
            ]
        )
        == 0
    )
    shown = capsys.readouterr().out
    result, metrics = json.loads(out.read_text()), json.loads((model / "metrics.json").read_text())
    for name in (f"fid{N}_test_reader", f"kid{N}_test_reader", f"fid{N}_train_reader", f"label_agreement{N}_reader"):
        assert name in shown and set(result[name]) >= {"value", "real"} and metrics[name] == result[name]
    assert f"fid{N}_test_reader" in (model / "README.md").read_text()
    record = result["evaluation"]["reader"]
    assert record["samples"] == N and record["seed"] == 0 and record["versions"]["torch"] == torch.__version__
    assert (
        record["network"]["sha256"] == networks.read("mnist").record["sha256"]
        and record["network"]["accuracy"] >= 0.994
    )
    assert record["data"] == {
        "name": "mnist",
        **{split: open_dataset("mnist", root, 28, split=split).checksum for split in ("train", "test")},
    }
    assert metrics["training"] == {"recipe": "mnist-cgan"} and set(metrics["evaluation"]) == {"inception", "reader"}


def test_the_module_runs_and_fails_in_one_sentence(model, root):
    command = [sys.executable, "-m", "training.evaluate", str(model), "--data-root", str(root)]
    done = subprocess.run(
        [*command, "--data", "mnist", "--samples", "150"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0 and "fid150_test_reader" in done.stdout, done.stderr
    failed = subprocess.run([*command, "--data", "minst"], capture_output=True, text=True, timeout=120)
    assert failed.returncode == 2 and failed.stderr.count("\n") == 1 and "did you mean mnist" in failed.stderr


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (
            ["{model}", "--data", "mnist", "--samples", "1"],
            "number of samples must be a whole number from 2 to 1000000",
        ),
        (["{model}", "--data", "mnist", "--samples", "1000001"], "number of samples must be a whole number"),
        (
            ["{model}", "--data", "mnist", "--samples", "128"],
            "needs more than 128 pictures on each side, and there are 128",
        ),
        (["{unconditional}", "--data", "mnist", "--cas"], "needs a class-conditional model"),
        (["{model}", "--data", "mnist", "--seed", "-1"], "The seed must be"),
        (["{model}", "--data", "mnist", "--batch-size", "0"], "The batch size must be"),
        (
            ["{model}", "--data", "mnist", "--network", "judge"],
            "no network 'judge' for mnist; take reader or inception",
        ),
        (["{model}", "--data", "mnist", "--json", "/proc/nowhere/x.json"], "/proc/nowhere/x.json cannot be written"),
        (["{model}", "--data", "{folder}"], "has no labels"),
        (["{unconditional}", "--data", "{folder}"], "no network trained on .*--network inception"),
        (
            ["{unconditional}", "--data", "{folder}", "--network", "reader"],
            "no network 'reader' for .*; take inception",
        ),
        (
            ["{unconditional}", "--data", "mnist", "--network", "inception", "--inception-weights", "/nowhere.pth"],
            "cannot be read",
        ),
        (["{root}", "--data", "mnist"], "has no config.json"),
        (["nothing", "--data", "mnist", "--write"], "nothing is not; use --json"),
        (["{foreign}", "--data", "mnist"], "labels .a, b. are not those of mnist"),
    ],
)
def test_bad_input_is_one_sentence(arguments, sentence, model, root, tmp_path, capsys):
    from PIL import Image

    folder, foreign, unconditional = (tmp_path / name for name in ("folder", "foreign", "unconditional"))
    folder.mkdir()
    Image.new("L", (28, 28)).save(folder / "one.png")
    model_folder.save(DCGANGenerator(28, 1, latent_dim=4, width=4, labels=["a", "b"]), foreign)
    model_folder.save(MLPGenerator(28, 1, latent_dim=4, width=4), unconditional)
    places = {"model": model, "root": root, "folder": folder, "foreign": foreign, "unconditional": unconditional}
    assert main([a.format(**places) for a in arguments] + ["--data-root", str(root)]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ") and re.search(sentence, error), error


def test_pictures_that_are_not_numbers_are_named(model, root):
    generator = load_folder(model)
    generator.layers[-2].bias.fill_(float("nan"))
    with pytest.raises(EvaluationError, match="not finite"):
        evaluate(generator, "mnist", root, samples=N)
