"""Checkpoints: a run goes on to the same bits, whatever happened while one was written."""

import errno
import itertools
import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from saved import RECIPE, damage, restored, save, trained
from tiny import Killed, kill_at, stats, train, weights

from training import run_folder
from training.games.state import State
from training.run import callbacks, checkpoints
from training.run.checkpoints import CheckpointError
from training.settings import change

pytestmark = pytest.mark.usefixtures("alone")
RUNS = [
    ("mnist-mlp", "fp32", ()),
    ("mnist-dcgan", "bf16", ()),
    ("mnist-cgan", "fp32", ()),
    ("celeba-dcgan", "fp32", ()),
    ("celeba-cgan", "bf16", ("penalty_every=2",)),
    ("mnist-dcgan", "fp32", ("optimiser=rmsprop", "discriminator.normalisation=spectral", "discriminator_steps=2")),
]


@pytest.mark.parametrize(
    "recipe, precision, settings", RUNS, ids=lambda run: run if isinstance(run, str) else "+".join(run)
)
def test_a_killed_run_goes_on_to_the_same_bits(tmp_path, capsys, monkeypatch, recipe, precision, settings):
    options = ["--images", 48, "--checkpoint-every", 16, "--seed", 3, "--precision", precision]
    options += [word for setting in settings for word in ("--set", setting)]
    assert train(recipe, *options, "--output", tmp_path / "whole") == 0

    with monkeypatch.context() as patch:
        patch.setattr(callbacks.Interrupt, "__call__", kill_at(40))
        with pytest.raises(Killed):
            train(recipe, *options, "--output", tmp_path / "killed")
    assert json.loads((tmp_path / "killed/checkpoint/state.json").read_text())["images"] == 32
    assert not (tmp_path / "killed/model").exists()
    capsys.readouterr()
    assert train(recipe, *options, "--output", tmp_path / "killed", "--resume") == 0
    out = capsys.readouterr().out
    assert "Continuing from 32 images." in out and "bit for bit" not in out
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")
    assert stats(tmp_path / "killed") == stats(tmp_path / "whole")


def test_more_images_can_be_asked_for_and_are_those_of_the_longer_run(tmp_path):
    assert train("mnist-mlp", "--images", 40, "--output", tmp_path / "whole") == 0
    assert train("mnist-mlp", "--images", 16, "--output", tmp_path / "longer") == 0
    assert train("mnist-mlp", "--images", 40, "--output", tmp_path / "longer", "--resume") == 0
    assert weights(tmp_path / "longer") == weights(tmp_path / "whole")


def test_other_circumstances_are_stated(tmp_path, capsys):
    arguments = ["mnist-dcgan", "--images", 8, "--output", tmp_path / "run", "--resume"]
    train(*arguments, "--precision", "fp32")
    capsys.readouterr()
    train(*arguments[:2], 16, *arguments[3:], "--precision", "bf16")
    assert "The run was made with precision no, now it is bf16" in capsys.readouterr().out


def equal(a: State, b: State) -> bool:
    pairs = [(checkpoints.tensors(a), checkpoints.tensors(b)), (a.ema.state_dict(), b.ema.state_dict())]
    same = all(x.keys() == y.keys() and all(torch.equal(x[key], y[key]) for key in x) for x, y in pairs)
    return same and a.images == b.images


def test_what_is_restored_is_what_was_saved(tmp_path, accelerator):
    state = trained(accelerator, 8)
    save(state, tmp_path, accelerator)
    again = restored(tmp_path, accelerator)
    assert equal(state, again)
    for a, b in zip(state.generator.parameters(), again.generator.parameters()):
        moment = again.generator_optimiser.state[b]["exp_avg"]
        assert a.stride() == b.stride() == moment.stride()  # another layout would add up in another order


def test_the_folder_holds_safetensors_json_and_no_pickle(tmp_path, accelerator):
    save(trained(accelerator, 4), tmp_path, accelerator)
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {
        "checkpoint/state.safetensors",
        "checkpoint/state.json",
        "checkpoint/manifest.json",
        "checkpoint/model/config.json",
        "checkpoint/model/model.safetensors",
    }
    for name in files:
        json.loads((tmp_path / name).read_bytes()) if name.endswith(".json") else load_file(tmp_path / name)
    about = json.loads((tmp_path / "checkpoint/state.json").read_text())
    assert about["images"] == 4 and about["processes"] == 1 and about["threads"] == 1 and about["precision"] == "no"


def test_a_folder_without_a_checkpoint_has_none_to_load(tmp_path):
    assert run_folder.find_checkpoint(tmp_path) is None
    (tmp_path / "checkpoint.new").mkdir()
    assert run_folder.find_checkpoint(tmp_path) is None and run_folder.find_checkpoint(tmp_path / "missing") is None


@pytest.mark.parametrize("before", ["nothing", "checkpoint", "checkpoint.new", "checkpoint.old", "new and old"])
def test_a_kill_at_any_moment_of_saving_leaves_a_good_checkpoint(tmp_path, accelerator, monkeypatch, before):
    """Stop before the 1st, 2nd, ... change of the folder, from every state that an earlier kill can have left."""
    early, late = trained(accelerator, 4), trained(accelerator, 8)
    start = tmp_path / "start"
    if before != "nothing":
        save(early, start, accelerator)
        if before == "new and old":
            shutil.copytree(start / "checkpoint", start / "checkpoint.old")
        if before != "checkpoint":
            (start / "checkpoint").rename(start / ("checkpoint.new" if before == "new and old" else before))
    outcomes = []
    for moment in itertools.count():
        folder = tmp_path / f"run{moment}"
        shutil.copytree(start, folder) if start.exists() else folder.mkdir()
        with monkeypatch.context() as patch:
            stop_before_change(patch, moment)
            try:
                save(late, folder, accelerator)
                break
            except Killed:
                pass
        if before == "nothing" and run_folder.find_checkpoint(folder) is None:
            outcomes.append(0)
            continue
        state = restored(folder, accelerator)
        assert equal(state, early) or equal(state, late)
        outcomes.append(state.images)
        save(late, folder, accelerator)  # and the next one is saved as ever
        assert equal(restored(folder, accelerator), late)
        assert {path.name for path in folder.iterdir()} <= {"checkpoint", "checkpoint.previous"}
    assert moment >= 8 and outcomes == sorted(outcomes) and outcomes[-1] == 8
    assert {path.name for path in folder.iterdir()} == {"checkpoint", *["checkpoint.previous"] * (before != "nothing")}


def stop_before_change(patch, moment: int) -> None:
    """Let the first `moment` calls that change files pass, and stop before the next."""
    calls = itertools.count()

    def counted(function):
        def call(*arguments, **options):
            if next(calls) == moment:
                raise Killed
            return function(*arguments, **options)

        return call

    for owner, name in (
        (shutil, "rmtree"),
        (Path, "mkdir"),
        (Path, "rename"),
        (os, "replace"),
        (os, "fsync"),
        (os, "unlink"),
    ):
        patch.setattr(owner, name, counted(getattr(owner, name)))
    patch.setattr(checkpoints, "save_file", counted(checkpoints.save_file))


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    "what, error",
    [
        ("save_file", SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")),
        ("save_file", FULL),
        ("write_atomically", FULL),
        ("write_model", FULL),
        ("mkdir", FULL),
    ],
    ids=["safetensors", "weights", "json", "model", "folder"],
)
def test_a_full_disk_keeps_the_last_good_checkpoint(tmp_path, accelerator, monkeypatch, what, error):
    early, late = trained(accelerator, 4), trained(accelerator, 8)
    save(early, tmp_path, accelerator)

    def fail(*arguments, **options):
        raise error

    with monkeypatch.context() as patch:
        if what != "write_model":
            patch.setattr(Path if what == "mkdir" else checkpoints, what, fail)
        with pytest.raises(
            CheckpointError, match="8 images could not be .*No space left on device.*; the one before it is kept"
        ):
            checkpoints.save_checkpoint(
                late, tmp_path, accelerator, fail if what == "write_model" else lambda model: None
            )
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]  # and what was half written makes room
    assert equal(restored(tmp_path, accelerator), early)


def test_a_disk_that_was_full_from_the_start_is_not_said_to_keep_anything(tmp_path, accelerator, monkeypatch):
    def full(*arguments, **options):
        raise FULL

    monkeypatch.setattr(checkpoints, "save_file", full)
    with pytest.raises(CheckpointError, match="there is none before it"):
        save(trained(accelerator, 4), tmp_path, accelerator)


@pytest.mark.parametrize(
    "how",
    [
        "cut weights",
        "no weights",
        "a pickle",
        "not json",
        "json of another kind",
        "no model",
        "cut model",
        "a tensor too few",
        "a tensor too many",
        "another shape",
        "a moment of another shape",
        "a moment too few",
    ],
)
def test_a_damaged_or_foreign_checkpoint_is_one_sentence(tmp_path, accelerator, how):
    save(trained(accelerator, 4), tmp_path, accelerator)
    damage(tmp_path / "checkpoint", how)
    with pytest.raises(CheckpointError, match="is damaged") as caught:
        restored(tmp_path, accelerator)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_a_checkpoint_of_other_networks_is_one_sentence(tmp_path, accelerator):
    wider = change(RECIPE, ["discriminator.width=4"])
    save(trained(accelerator, 4, wider), tmp_path, accelerator)
    with pytest.raises(CheckpointError, match="other networks"):
        restored(tmp_path, accelerator)


def test_an_adapted_strength_of_augmentation_goes_on(tmp_path, accelerator):
    state = trained(accelerator, 4)
    state.augment = 0.375
    save(state, tmp_path, accelerator)
    assert restored(tmp_path, accelerator).augment == 0.375
    path = tmp_path / "checkpoint/state.json"
    about = json.loads(path.read_text())
    for text in ("much", 2, None):
        path.write_text(json.dumps(about | {"augment": text, "manifest": False}))
        (tmp_path / "checkpoint/manifest.json").unlink(missing_ok=True)
        with pytest.raises(CheckpointError, match="tells of an augmentation"):
            restored(tmp_path, accelerator)
    del about["augment"], about["manifest"]  # as of an earlier version
    path.write_text(json.dumps(about))
    assert restored(tmp_path, accelerator).augment == 0.0
