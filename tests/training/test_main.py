"""The command line, from options to the files that a run leaves."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import gan_models
from training import __main__ as command
from training import callbacks
from training.recipes import RECIPES

ROOT = Path(__file__).parents[2]


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def weights(folder):
    return (folder / "model" / "model.safetensors").read_bytes()


def lines(folder):
    return [json.loads(line) for line in (folder / "stats.jsonl").read_text().splitlines()]


def test_list_names_every_recipe_first(capsys):
    assert command.main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(RECIPES)


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_trains_resumes_exactly_and_loads(run, tmp_path, recipe, capsys):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert run(recipe, output=whole) == 0
    assert run(recipe, output=parts, images=32) == 0
    assert run(recipe, "--resume", output=parts) == 0
    assert weights(whole) == weights(parts)
    for name in ("state.safetensors", "model/model.safetensors"):
        assert (whole / "checkpoint" / name).read_bytes() == (parts / "checkpoint" / name).read_bytes()
    for a, b in zip(lines(whole), lines(parts), strict=True):
        del a["images_per_second"], b["images_per_second"]
        assert a == b

    assert {"options.json", "stats.jsonl", "reals.png", "samples/0000000000.png", "samples/0000000032.png", "samples/0000000064.png",
            "checkpoint/state.safetensors", "checkpoint/state.json",
            *(f"{folder}/{name}" for folder in ("model", "checkpoint/model")
              for name in ("config.json", "model.safetensors", "README.md", "samples.png", "metrics.json"))} == files(whole)
    model = gan_models.load(whole / "model")
    assert (model.labels is not None) == RECIPES[recipe].conditional
    pictures = model.generate(model.sample_latents(3, seed=0), model.sample_labels(3, seed=0))
    assert pictures.shape == (3, *model.image_shape) and pictures.isfinite().all()
    options = json.loads((whole / "options.json").read_text())
    assert options["recipe"]["name"] == recipe and options["images"] == 64 and options["recipe"]["batch_size"] == 8
    assert "python -m training" in (whole / "model" / "README.md").read_text()
    if recipe.startswith("celeba"):
        assert "non-commercial" in (whole / "model" / "README.md").read_text()

    saved = (whole / "samples" / "0000000032.png").read_bytes()
    assert run(recipe, "--resume", output=whole) == 0, "a finished run is done"
    assert "is finished" in capsys.readouterr().out
    assert (whole / "samples" / "0000000032.png").read_bytes() == saved


def test_a_run_is_not_touched_without_resume_and_not_continued_with_other_options(run, tmp_path, capsys):
    assert run("mnist-dcgan", images=32) == 0
    before = weights(tmp_path / "run")
    assert run("mnist-dcgan", images=32) == 2
    assert "holds a run already" in capsys.readouterr().err
    for options, what in ((["--seed", "1"], "seed"), (["--set", "learning_rate=0.1"], "learning_rate"), (["--data", "celeba"], "data")):
        assert run("mnist-dcgan", "--resume", *options) == 2
        assert f"another {what}" in capsys.readouterr().err
    assert weights(tmp_path / "run") == before


def test_resume_starts_afresh_on_a_missing_or_empty_folder(run, tmp_path):
    (tmp_path / "run").mkdir()
    assert run("mnist-mlp", "--resume", images=8) == 0
    assert (tmp_path / "run" / "model" / "config.json").exists()


def test_nan_stops_the_run_and_keeps_the_last_good_state(run, tmp_path, capsys, monkeypatch):
    assert run("mnist-dcgan", images=32) == 0
    objective = command.loop.OBJECTIVES["logistic"]
    broken = objective._replace(generator=lambda real, fake: ((fake * float("nan")).mean(), {}))
    monkeypatch.setitem(command.loop.OBJECTIVES, "logistic", broken)
    assert run("mnist-dcgan", "--resume") == 1
    sentence = capsys.readouterr().err.strip().splitlines()[-1]
    assert "diverged" in sentence and "generator_loss" in sentence and "last good state" in sentence
    kept = load_file(tmp_path / "run" / "checkpoint" / "state.safetensors")
    assert all(value.isfinite().all() for value in kept.values())
    assert json.loads((tmp_path / "run" / "checkpoint" / "state.json").read_text())["images"] == 32
    monkeypatch.undo()


def test_init_from_starts_with_the_weights_of_a_model(run, tmp_path, capsys):
    assert run("mnist-dcgan", output=tmp_path / "first") == 0
    assert run("mnist-dcgan", "--init-from", str(tmp_path / "first" / "model"), "--set", "learning_rate=0", output=tmp_path / "second") == 0
    first, second = (gan_models.load(tmp_path / name / "model") for name in ("first", "second"))
    assert torch.equal(first.layers[0].weight, second.layers[0].weight)
    assert run("mnist-cgan", "--init-from", str(tmp_path / "first" / "model"), output=tmp_path / "third") == 2
    assert "another configuration" in capsys.readouterr().err


def test_a_folder_of_pictures_is_data_and_its_subfolders_are_classes(run, tmp_path, capsys):
    for k in range(12):
        folder = tmp_path / "pictures" / ("cats", "dogs")[k % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((40, 40), 50 + k).save(folder / f"{k}.png")
    assert run("mnist-cgan", "--data", str(tmp_path / "pictures"), images=16) == 0
    assert gan_models.load(tmp_path / "run" / "model").labels == ("cats", "dogs")
    for k in range(3):
        (tmp_path / "flat").mkdir(exist_ok=True)
        Image.effect_noise((40, 40), 50).save(tmp_path / "flat" / f"{k}.png")
    assert run("mnist-cgan", "--data", str(tmp_path / "flat"), output=tmp_path / "other") == 2
    assert "no labels" in capsys.readouterr().err


def test_push_to_hub_publishes_the_finished_model(run, tmp_path, monkeypatch, capsys):
    from training import publish

    pushed = []
    monkeypatch.setattr(publish, "publish", lambda folder, repo: pushed.append((folder, repo)) or "https://hub/me/it")
    assert run("mnist-mlp", "--push-to-hub", "me/it", images=8) == 0
    assert pushed == [(tmp_path / "run" / "model", "me/it")] and "https://hub/me/it" in capsys.readouterr().out

    def refuse(folder, repo):
        raise publish.PublishError("The Hub said no.")

    monkeypatch.setattr(publish, "publish", refuse)
    assert run("mnist-mlp", "--push-to-hub", "me/it", "--resume", images=8) == 2
    assert "The Hub said no. The model itself is safe" in capsys.readouterr().err


@pytest.mark.parametrize("recipe, options, sentence", [
    ("mnist-cgn", [], "no recipe 'mnist-cgn'. Did you mean mnist-cgan"),
    ("mnist-dcgan", ["--data", "nowhere"], "nowhere"),
    ("mnist-dcgan", ["--set", "bach_size=3"], "batch_size"),
    ("mnist-dcgan", ["--images", "-5"], "--images"),
    ("mnist-dcgan", ["--checkpoint-every", "-5"], "--checkpoint-every"),
    ("mnist-dcgan", ["--seed", "-1"], "seed"),
    ("mnist-dcgan", ["--set", "generator.latent_dim=1000000000"], "latent_dim"),
    ("mnist-dcgan", ["--set", "generator.color=red"], "color"),
    ("mnist-dcgan", ["--set", "image_size=33"], "image_size"),
    ("mnist-dcgan", ["--init-from", "mnist-xyz"], "mnist-xyz"),
    ("celeba-cgan", ["--set", "attributes=Smilling"], "Smiling"),
])
def test_bad_input_gets_one_sentence(run, tmp_path, capsys, recipe, options, sentence):
    assert run(recipe, *options) == 2
    error = capsys.readouterr().err
    assert sentence in error and "Traceback" not in error
    assert len([line for line in error.splitlines() if line.startswith("error:")]) == 1
    assert not (tmp_path / "run" / "model").exists()


def test_outputs_that_cannot_be_written_are_named(run, tmp_path, capsys):
    (tmp_path / "file").write_text("x")
    for output in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nowhere")):
        assert run("mnist-dcgan", output=output) == 2
        assert str(output) in capsys.readouterr().err


def test_a_batch_that_the_processes_cannot_share(run, monkeypatch, capsys):
    monkeypatch.setattr("accelerate.Accelerator.num_processes", 3)
    assert run("mnist-dcgan") == 2
    assert "8 cannot be shared by 3" in capsys.readouterr().err


def test_statistics_beyond_the_checkpoint_and_cut_lines_are_forgotten(tmp_path, accelerator):
    path = tmp_path / "stats.jsonl"
    path.write_text('{"images": 8}\n{"images": 16}\n{"images": 24}\n{"ima')
    callbacks.Report(tmp_path, accelerator, 100, type("State", (), {"images": 16}), 8)
    assert path.read_text() == '{"images": 8}\n{"images": 16}\n'


def test_duration_reads_well():
    assert [callbacks.duration(s) for s in (5, 65, 3725)] == ["0 min 05 s", "1 min 05 s", "1 h 02 min"]


# Real processes from here on.

def start(tiny_root, output, *options, launcher=(sys.executable,), recipe="mnist-dcgan", **environment):
    small = ["--set", "batch_size=8", "--set", "generator.width=4", "--set", "discriminator.width=4", "--precision", "fp32"]
    return subprocess.Popen(
        [*launcher, "-m", "training", recipe, "--data-root", str(tiny_root), "--output", str(output), *small, *options],
        cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1", "GAN_STUDIO_CACHE": str(output.parent / "cache"), **environment},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for(process, condition):
    """Wait until the condition holds, or fail with what the process printed."""
    end = time.monotonic() + 120
    while not condition():
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            pytest.fail(f"the run ended early or hung:\n{process.communicate()[0]}")
        time.sleep(0.02)


def test_killed_at_any_moment_and_resumed_equals_uninterrupted(tiny_root, tmp_path):
    options = ["--images", "4000", "--checkpoint-every", "400"]
    whole = start(tiny_root, tmp_path / "whole", *options)
    killed = start(tiny_root, tmp_path / "killed", *options)
    wait_for(killed, (tmp_path / "killed" / "checkpoint" / "state.json").exists)
    time.sleep(random.random())
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not (tmp_path / "killed" / "model").exists(), "it was finished before it could be killed: make it longer"
    output, _ = whole.communicate(timeout=120)
    assert whole.returncode == 0, output
    resumed = start(tiny_root, tmp_path / "killed", *options, "--resume")
    output, _ = resumed.communicate(timeout=120)
    assert resumed.returncode == 0 and "Going on from" in output, output
    assert weights(tmp_path / "whole") == weights(tmp_path / "killed")


def test_control_c_checkpoints_and_resume_goes_on(tiny_root, tmp_path):
    options = ["--images", "100000", "--checkpoint-every", "100000"]
    process = start(tiny_root, tmp_path / "run", *options)
    wait_for(process, lambda: (tmp_path / "run" / "stats.jsonl").exists())
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and "--resume goes on" in output and "Traceback" not in output, output
    images = json.loads((tmp_path / "run" / "checkpoint" / "state.json").read_text())["images"]
    assert 0 < images < 100000
    total = str(images + 80)
    process = start(tiny_root, tmp_path / "run", "--images", total, "--checkpoint-every", "100000", "--resume")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and f"Going on from {images:,}" in output, output


def test_two_processes_train_one_valid_model_and_see_what_one_process_sees(tiny_root, tmp_path):
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0", "--rdzv-backend", "c10d",
                "--rdzv-endpoint", "localhost:0")
    # Without BatchNorm, whose statistics are each process's own, and without dropout.
    options = ["--images", "24", "--set", "discriminator.dropout=0", "--set", "discriminator.depth=1"]
    two = start(tiny_root, tmp_path / "two", *options, launcher=torchrun, recipe="mnist-mlp", ACCELERATE_USE_CPU="true")
    output, _ = two.communicate(timeout=180)
    assert two.returncode == 0 and "2 process(es)" in output, output
    assert json.loads((tmp_path / "two" / "checkpoint" / "state.json").read_text())["processes"] == 2
    one = start(tiny_root, tmp_path / "one", *options, recipe="mnist-mlp", ACCELERATE_USE_CPU="true")
    output, _ = one.communicate(timeout=180)
    assert one.returncode == 0, output
    models = [gan_models.load(tmp_path / name / "model") for name in ("one", "two")]
    for a, b in zip(models[0].state_dict().values(), models[1].state_dict().values()):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-6)
    statistics = [lines(tmp_path / name)[-1] for name in ("one", "two")]
    for key in ("discriminator_loss", "generator_loss", "fake_score"):
        assert statistics[0][key] == pytest.approx(statistics[1][key], rel=1e-3)
    assert sum(1 for line in lines(tmp_path / "two")) == len(lines(tmp_path / "one")), "only one process may write"
