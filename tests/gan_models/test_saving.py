"""The one writer of model folders: whole, or not taken for whole."""

import itertools
import os
from pathlib import Path

import pytest
import torch

import gan_models
from gan_models import model_folder, saving
from gan_models.cards import edits
from gan_models.networks.mlp import MLPGenerator


class Killed(BaseException):
    """Stands for a kill: nothing in the program catches it."""


def card(seed: int) -> str:
    """As the program writes them: between its marks."""
    return edits.join("", f"card {seed}")


def write(folder, seed: int) -> MLPGenerator:
    torch.manual_seed(seed)
    model = MLPGenerator(image_size=8, latent_dim=4, width=8).eval()
    saving.write(model, folder, metrics={"training": {"seed": seed}}, samples=b"png%d" % seed, card=card(seed))
    return model


def test_all_files_are_there_and_load(tmp_path):
    model = write(tmp_path / "model", 1)
    assert {path.name for path in (tmp_path / "model").iterdir()} == {
        "config.json",
        "model.safetensors",
        "samples.png",
        "metrics.json",
        "README.md",
    }
    assert (tmp_path / "model/README.md").read_text() == card(1) and (
        tmp_path / "model/samples.png"
    ).read_bytes() == b"png1"
    loaded = gan_models.load(tmp_path / "model").state_dict()
    assert all(torch.equal(value, loaded[key]) for key, value in model.state_dict().items())
    assert model_folder.read_metrics(tmp_path / "model/metrics.json") == {"training": {"seed": 1}}


def test_a_model_without_a_picture_has_none(tmp_path):
    torch.manual_seed(0)
    saving.write(MLPGenerator(image_size=8, width=8), tmp_path, metrics={}, samples=None, card="card")
    assert not (tmp_path / "samples.png").exists() and (tmp_path / "README.md").exists()


def test_a_kill_between_any_two_steps_leaves_no_folder_that_passes_for_whole(tmp_path, monkeypatch):
    """The card is what says that a folder is whole: where it is, all files are of one writing."""
    for moment in itertools.count():
        folder = tmp_path / str(moment)
        write(folder, 1)
        calls = itertools.count()

        def counted(function, calls=calls, moment=moment):
            def call(*arguments, **options):
                if next(calls) == moment:
                    raise Killed
                return function(*arguments, **options)

            return call

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", counted(os.replace))
            patch.setattr(Path, "unlink", counted(Path.unlink))
            try:
                write(folder, 2)
                break
            except Killed:
                pass
        told = folder / "README.md"
        if told.exists():
            assert told.read_text() == card(1) and (folder / "samples.png").read_bytes() == b"png1"
            assert model_folder.read_metrics(folder / "metrics.json")["training"]["seed"] == 1
    assert moment >= 5
    assert (tmp_path / str(moment) / "README.md").read_text() == card(2)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_no_reader_sees_half_a_file(tmp_path, name):
    write(tmp_path, 1)
    before = (tmp_path / name).stat().st_ino
    write(tmp_path, 2)
    assert (tmp_path / name).stat().st_ino != before  # another file took its place
