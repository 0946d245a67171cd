"""Runs in real processes: killed, interrupted and in twos."""

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
from running import files
from safetensors.torch import load_file
from tiny import SMALL, digits, stats, tiny, train, weights

import gan_models
from training.recipes import RECIPES
from training.run import checkpoints
from training.settings import change
from training.starting import build_state

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.usefixtures("alone")


def start(*arguments, launcher=(), environment=None) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, *launcher, "-m", "training", *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def finish(process: subprocess.Popen) -> str:
    """What it printed. A process that hangs is ended, and fails the test."""
    try:
        return process.communicate(timeout=180)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        pytest.fail(f"the run hung:\n{process.communicate()[0]}")


def wait_for(process: subprocess.Popen, path: Path) -> None:
    """Wait until the file is there, or fail with what the process printed."""
    end = time.monotonic() + 120
    while not path.exists():
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            pytest.fail(f"the run ended early or hung:\n{process.communicate()[0]}")
        time.sleep(0.02)


def test_two_processes_print_an_error_once_even_if_only_the_second_has_it(tmp_path):
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    both = start("mnist-cgn", "--output", tmp_path / "run", launcher=torchrun)
    # The first is busy with something else.
    other = start("mnist-cgn", "--output", tmp_path / "run", environment=os.environ | {"RANK": "1", "WORLD_SIZE": "2"})
    for process in (both, other):
        output = finish(process)
        assert process.returncode != 0 and output.count("error: There is no recipe 'mnist-cgn'") == 1, output


@pytest.mark.parametrize(
    "recipe, images, settings",
    [
        ("mnist-dcgan", 960, []),
        # Its schedules end within the run, so that going on in their midst matters.
        (
            "mnist-r3gan",
            640,
            ["r1=[10,1,500]", "r2=[10,1,500]", "beta2=[0.9,0.99,500]", "learning_rate=[2e-3,2e-4,500]"],
        ),
    ],
)
def test_killed_at_a_random_moment_and_resumed_equals_uninterrupted(tmp_path, capsys, recipe, images, settings):
    options = [recipe, "--images", images, "--checkpoint-every", 80, "--precision", "fp32"]
    options += [word for setting in settings for word in ("--set", setting)]
    process = start(*tiny(*options, "--output", tmp_path / "killed"))
    wait_for(process, tmp_path / "killed/checkpoint/state.json")
    time.sleep(moment := random.uniform(0, 0.5))
    process.kill()
    output = finish(process)
    assert process.returncode == -signal.SIGKILL and not (tmp_path / "killed/model").exists(), (
        f"killed too late:\n{output}"
    )
    assert train(*options, "--output", tmp_path / "killed", "--resume") == 0
    said = capsys.readouterr().out
    assert "Continuing from" in said and "bit for bit" not in said
    assert train(*options, "--output", tmp_path / "whole") == 0
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole"), f"killed after {moment} s"
    assert stats(tmp_path / "killed") == stats(tmp_path / "whole")


def test_ctrl_c_checkpoints_and_resume_finishes(tmp_path, capsys):
    options = ["--checkpoint-every", 10**6, "--precision", "fp32", "--output", tmp_path / "run"]
    process = start(*tiny("mnist-dcgan", *options, "--images", 10**6))
    wait_for(process, tmp_path / "run/stats.jsonl")
    process.send_signal(signal.SIGINT)
    output = finish(process)
    assert process.returncode == 130 and "--resume continues" in output and "Traceback" not in output, output
    images = json.loads((tmp_path / "run/checkpoint/state.json").read_text())["images"]
    assert 0 < images < 10**6
    assert train("mnist-dcgan", *options, "--images", images + 16, "--resume") == 0
    assert f"Continuing from {images:,} images." in capsys.readouterr().out
    assert gan_models.load(tmp_path / "run/model").image_shape == (1, 28, 28)


def test_two_processes_train_one_model_as_one_process_would(tmp_path, capsys):
    """The two are not told of CPUs: they have to find each other all the same, else each would train a model of its own,
    and both would write one folder."""
    # Without BatchNorm, whose statistics are each process's own, and without dropout. With both penalties, every second
    # step.
    settings = ["discriminator.dropout=0", "objective=relativistic", "penalty_every=2"]
    options = ["--images", 24, "--precision", "fp32", *(word for setting in settings for word in ("--set", setting))]
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ACCELERATE")}
    process = start(
        *tiny("mnist-mlp", *options, "--output", tmp_path / "two"), launcher=torchrun, environment=environment
    )
    output = finish(process)
    assert (
        process.returncode == 0
        and output.count("mnist-mlp: 2 process(es) on cpu") == 1
        and "other weights" not in output
    ), output
    assert json.loads((tmp_path / "two/checkpoint/state.json").read_text())["processes"] == 2
    assert train("mnist-mlp", *options, "--output", tmp_path / "one") == 0
    assert files(tmp_path / "two") == files(tmp_path / "one")
    one, two = (load_file(tmp_path / name / "checkpoint/state.safetensors") for name in ("one", "two"))
    recipe = change(RECIPES["mnist-mlp"], [*SMALL, *settings])
    untrained = checkpoints.tensors(build_state(recipe, digits(), 0, torch.device("cpu")))
    assert one.keys() == two.keys()
    for key, tensor in one.items():
        torch.testing.assert_close(two[key], tensor, rtol=1e-4, atol=1e-6, msg=lambda message: f"{key}: {message}")
        if key.endswith("weight") and key in untrained:
            assert (tensor - untrained[key]).abs().max() > 1e-4  # far more than they differ by
    a, b = (gan_models.load(tmp_path / name / "model") for name in ("one", "two"))
    torch.testing.assert_close(a.state_dict(), b.state_dict(), rtol=1e-4, atol=1e-6)
    for mine, theirs in zip(stats(tmp_path / "one"), stats(tmp_path / "two"), strict=True):
        assert theirs == pytest.approx(mine, rel=1e-3, abs=1e-4)

    capsys.readouterr()
    assert train("mnist-mlp", *options, "--output", tmp_path / "two", "--resume") == 0
    assert "The run was made with processes 2, now it is 1" in capsys.readouterr().out
