"""Trackers, and FID while training."""

import importlib.util
import io

import numpy as np
import pytest
from accelerate import Accelerator
from PIL import Image
from running import refused
from tiny import stats, train

from training.engine import start_trackers
from training.metrics import measuring

pytestmark = pytest.mark.usefixtures("alone")


def test_tensorboard_gets_every_line_also_after_a_resume(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = ["mnist-mlp", "--checkpoint-every", 8, "--output", tmp_path, "--tracker", "tensorboard", "--resume"]
    assert train(*run, "--images", 16) == 0 and train(*run, "--images", 32) == 0
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard" / "gan-studio")).Reload()
    for key in ("generator_loss", "real_accuracy", "generator_gradient"):
        logged = [(event.step, event.value) for event in events.Scalars(key)]
        assert logged == [(line["images"], pytest.approx(line[key])) for line in stats(tmp_path)] and len(logged) == 4
    shown = events.Images("samples")
    assert [event.step for event in shown] == [8, 16, 24, 32]
    with Image.open(io.BytesIO(shown[-1].encoded_image_string)) as picture:
        with Image.open(tmp_path / "samples/0000000032.png") as sheet:
            assert np.array_equal(np.array(picture.convert("RGB")), np.array(sheet.convert("RGB")))
    (options, *_) = (tmp_path / "tensorboard").rglob("hparams.yml")
    assert "recipe.generator.width: 4" in options.read_text() and "seed: 0" in options.read_text()


def test_without_an_account_nothing_is_tracked_elsewhere(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for key in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setattr(
        "accelerate.Accelerator.init_trackers", lambda self, name, config, settings: asked.append(settings)
    )
    assert train("mnist-mlp", "--images", 8, "--output", tmp_path / "a") == 0 and not asked  # not asked for
    run = Accelerator(cpu=True)
    for key, value, mode in (
        (None, None, "offline"),
        ("WANDB_API_KEY", "x", "online"),
        ("WANDB_MODE", "disabled", "disabled"),
    ):
        if key:
            monkeypatch.setenv(key, value)
        start_trackers(run, {"recipe": {"r1": 0.5}}, 16, tmp_path / "a")
        assert asked[-1]["wandb"]["mode"] == mode and asked[-1]["tensorboard"] == {"purge_step": 17}
    monkeypatch.delenv("WANDB_MODE"), monkeypatch.delenv("WANDB_API_KEY")
    (tmp_path / ".netrc").write_text("machine api.wandb.ai login user password x\n")
    (tmp_path / ".netrc").chmod(0o600)
    start_trackers(run, {}, 0, tmp_path / "a")
    assert asked[-1]["wandb"]["mode"] == "online"


def test_a_tracker_that_is_not_installed_is_named_with_its_remedy(tmp_path, capsys, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "trackio" else find(name, *rest)
    )
    sentence = refused(capsys, "mnist-mlp", "--tracker", "trackio", "--output", tmp_path / "run")
    assert sentence == "error: --tracker trackio needs the package trackio: pip install trackio."
    assert not (tmp_path / "run").exists()


def test_fid_is_measured_while_training(tmp_path, monkeypatch):
    asked = []

    def fid(generator, dataset, n, *, seed, network):
        asked.append((dataset.name, n, seed, network))
        return 100.0 - len(asked)

    monkeypatch.setattr(measuring, "fid", fid)
    run = ["mnist-mlp", "--checkpoint-every", 8, "--seed", 3, "--output", tmp_path, "--fid-every", 12, "--resume"]
    assert train(*run, "--images", 32) == 0
    # 40 pictures, all there are; every 16 images, whole batches; and at the start, in order to know that it can be
    # done.
    assert asked == [("mnist", 40, 3, "reader")] * 3
    assert [line.get("fid40_train_reader") for line in stats(tmp_path)] == [None, 98.0, None, 97.0]


def test_fid_of_real_training(tmp_path, data_root):
    assert train("mnist-mlp", "--images", 8, "--fid-every", 8, "--data-root", data_root, "--output", tmp_path) == 0
    assert stats(tmp_path)[0]["fid2k_train_reader"] > 50  # of an untrained generator


def test_what_fid_needs_is_reported_before_training(tmp_path, capsys):
    assert "FID in the 128 features" in refused(
        capsys, "mnist-mlp", "--fid-every", 8, "--output", tmp_path
    )  # of 40 pictures
    assert not (tmp_path / "stats.jsonl").exists()
    assert "no FID; leave out --fid-every" in refused(
        capsys, "celeba-editor-64", "--fid-every", 8, "--output", tmp_path / "b"
    )
    assert "--fid-every must be from 1" in refused(capsys, "mnist-mlp", "--fid-every", 0, "--output", tmp_path / "c")
