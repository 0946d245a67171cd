"""What hangs on the loop: statistics, sample grids, stopping for numbers that are none, stopping when asked."""

import dataclasses
import io
import json
import os
import signal

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from tiny import SMALL, digits, losses_become_nan, stats, train, weights

import gan_models
from gan_models.networks.dcgan import DCGANGenerator
from gan_models.samples import fixed_batch, sample_grid
from training import curves, loop, run, run_folder
from training.run import callbacks
from training.run.callbacks import Checkpoints, Diverged, Diversity, Interrupt, Report, Samples, duration, nearest
from training.settings import change, find
from training.starting import build_state

pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture
def state():
    return build_state(change(find("mnist-dcgan"), SMALL), digits(), 0, torch.device("cpu"))


def scalars(**values) -> dict[str, torch.Tensor]:
    return {key: torch.tensor(float(value)) for key, value in values.items()}


# ---- Statistics ------------------------------------------------------------------------------------------------------


def test_a_line_is_the_mean_since_the_last_line(tmp_path, accelerator, state):
    report = Report(tmp_path, accelerator, 48, state, every=16)
    for k in range(1, 6):
        state.images = 8 * k
        report(
            state, scalars(discriminator_loss=k, **({"r1": 10 * k} if k % 2 else {}))
        )  # a lazy penalty is not always there
    report.flush(state)
    assert [list(line.values()) for line in stats(tmp_path)] == [[16, 1.5, 10], [32, 3.5, 30], [40, 5, 50]]
    assert list(stats(tmp_path)[0]) == ["images", "discriminator_loss", "r1"]
    report.flush(state)  # nothing has gathered
    assert len(stats(tmp_path)) == 3


def test_lines_beyond_the_checkpoint_and_cut_ones_are_forgotten(tmp_path, accelerator, state):
    path = tmp_path / "stats.jsonl"
    path.write_text('{"images": 8}\n{"images": 16}\n5\n{"images": 24}\n{"ima')
    state.images = 16
    Report(tmp_path, accelerator, 100, state, 8)
    assert path.read_text() == '{"images": 8}\n{"images": 16}\n'


def test_progress_is_told_in_a_readable_line(tmp_path, accelerator, state, capsys):
    report = Report(tmp_path, accelerator, 16, state, every=8)
    for images in (8, 16):
        state.images = images
        report(state, scalars(discriminator_loss=1.234, generator_loss=0.5))
    first, last = capsys.readouterr().err.splitlines()
    assert "8 of 16 images" in first and "D 1.23  G 0.50" in first and "left" in first and "16 of 16 images" in last


def test_the_time_of_metrics_is_not_that_of_training(tmp_path, accelerator, state, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: now[0])
    report = Report(tmp_path, accelerator, 100, state, every=8, shown=False)

    def metric(state, scalars):
        now[0] += 50
        return state.images == 16

    measure = report.apart(metric)
    for images, ends in ((8, False), (16, True)):
        now[0] += 4  # of training
        state.images = images
        assert measure(state, {}) is ends
        report(state, scalars(discriminator_loss=1))
    lines = [json.loads(line) for line in (tmp_path / "stats.jsonl").read_text().splitlines()]
    assert [line["images_per_second"] for line in lines] == [2.0, 2.0] and report.metrics_seconds == 100


def test_duration_reads_well():
    assert [duration(s) for s in (5, 65, 3725)] == ["0 min 05 s", "1 min 05 s", "1 h 02 min"]


def test_readers_and_trackers_get_the_lines(tmp_path, accelerator, state, monkeypatch):
    report, read, logged = Report(tmp_path, accelerator, 100, state, every=8), [], []
    report.readers.append(read.append)
    monkeypatch.setattr(accelerator, "log", lambda values, step: logged.append((step, values)))
    for images in (8, 16):
        state.images = images
        report(state, scalars(discriminator_loss=images))
    assert [line | {"images_per_second": 0} for line in read] == [
        {"images": k, "images_per_second": 0, "discriminator_loss": k} for k in (8, 16)
    ]
    assert [(step, values["discriminator_loss"]) for step, values in logged] == [(8, 8), (16, 16)]
    assert "images" not in logged[0][1]


# ---- Diversity -------------------------------------------------------------------------------------------------------


def test_nearest_is_the_mean_distance_to_the_nearest_other():
    points = torch.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 5.0], [0.0, 0.0]])
    assert nearest(points.view(4, 2, 1, 1)).item() == pytest.approx((0 + 1 + 1 + 0) / 4)
    far = torch.rand(2, 3, 64, 64) + 1e-4 * torch.arange(2).view(2, 1, 1, 1)
    far[1] = far[0] + 1e-4  # close together, far from the origin
    assert nearest(100 + far).item() == pytest.approx((far[0] - far[1]).double().norm().item(), rel=0.05)


def drawing(state, images):
    """The state's averaged generator draws these pictures."""
    state.ema.generate = lambda latents, labels: images[: len(latents)]
    return state


def diversity_of(state, dataset, images) -> float | None:
    state.images = 8
    found = {}
    assert Diversity(dataset, drawing(state, images), 0, every=8)(state, found) is False
    return found["diversity"].item() if found else None


def test_diversity_is_one_for_real_pictures_and_none_for_twins(state):
    data = digits(200)
    real = torch.from_numpy(data.images).float() / 127.5 - 1
    assert diversity_of(state, data, real) == pytest.approx(1, abs=0.02)
    assert diversity_of(state, data, real[:1].repeat(64, 1, 1, 1)) == 0
    ten = real[:10].repeat(7, 1, 1, 1)  # far apart on average, but none is without a twin
    assert diversity_of(state, data, ten) == 0
    assert diversity_of(state, data, torch.cat([real[:32], real[:32]])) == 0
    assert diversity_of(state, data, torch.cat([real[:32], real[:32] * 0.5])) == pytest.approx(0.4, abs=0.15)


def test_diversity_is_looked_at_every_so_often(state):
    hook, found = Diversity(digits(), state, 0, every=16), []
    for state.images in (8, 16, 24, 32):
        scalars = {}
        hook(state, scalars)
        found += [state.images] * ("diversity" in scalars)
    assert found == [16, 32]


@pytest.mark.parametrize("images", [np.zeros((1, 1, 28, 28), np.uint8), np.zeros((30, 1, 28, 28), np.uint8)])
def test_pictures_without_any_diversity_are_no_measure(state, images):
    data = dataclasses.replace(digits(), images=images, labels=np.zeros(len(images), np.int64))
    assert diversity_of(state, data, torch.zeros(64, 1, 28, 28)) is None


def test_a_fixed_batch_is_always_the_same_and_shows_the_classes_equally():
    model = DCGANGenerator(28, 1, 4, 4, labels=list("abc"))
    latents, labels = fixed_batch(model, 5, 8)
    assert labels.tolist() == [0, 1, 2, 0, 1, 2] and torch.equal(latents, model.sample_latents(6, seed=5))
    assert [len(part) for part in fixed_batch(model, 5, 2)] == [0, 0]
    faces = DCGANGenerator(32, 3, 4, 4, labels=["Smiling", "Male"], multi_label=True)
    assert torch.equal(fixed_batch(faces, 5)[1], faces.sample_labels(64, seed=5))


# ---- Numbers that are none -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_one_value_that_is_no_number_is_enough(tmp_path, accelerator, state, value):
    report = Report(tmp_path, accelerator, 100, state, every=100)
    for number in (1, value, 2):
        state.images += 8
        report(state, scalars(discriminator_loss=number, real_score=1))
    with pytest.raises(Diverged, match="discriminator_loss stopped being a number between 0 and 24 images"):
        report.flush(state)
    assert not (tmp_path / "stats.jsonl").exists()  # JSON has no word for it


@pytest.mark.parametrize("where", ["generator", "discriminator", "ema", "optimiser"])
def test_weights_that_are_no_numbers_are_never_saved(tmp_path, accelerator, state, where):
    loop.train(change(find("mnist-dcgan"), SMALL), digits(), state, accelerator, 8, 0, [])
    saving = Checkpoints(
        tmp_path, accelerator, Report(tmp_path, accelerator, 100, state, 100), lambda *_: None, every=8
    )
    saving.save(state)
    if where == "optimiser":
        next(iter(state.generator_optimiser.state.values()))["exp_avg"].fill_(float("inf"))
    else:
        with torch.no_grad():
            next(getattr(state, where).parameters())[0, 0, 0, 0] = float("nan")
    state.images = 16
    with pytest.raises(Diverged, match="before 16 images"):
        saving(state, {})
    assert json.loads((tmp_path / "checkpoint/state.json").read_text())["images"] == 8


def test_a_run_that_diverges_stops_says_so_and_keeps_the_last_good_state(tmp_path, capsys, monkeypatch):
    options = ["mnist-dcgan", "--checkpoint-every", 16, "--output", tmp_path, "--resume"]
    assert train(*options, "--images", 16) == 0
    grids = set((tmp_path / "samples").iterdir())
    capsys.readouterr()
    with monkeypatch.context() as patch:
        losses_become_nan(patch)
        assert train(*options, "--images", 48) == 1
    (sentence,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert "diverged" in sentence and "generator_loss" in sentence
    assert (
        f"the last good state is in {tmp_path / 'checkpoint'}; start again with a lower --set learning_rate=2e-05"
        in sentence
    )
    assert json.loads((tmp_path / "checkpoint/state.json").read_text())["images"] == 16
    assert all(tensor.isfinite().all() for tensor in load_file(tmp_path / "checkpoint/state.safetensors").values())
    assert set((tmp_path / "samples").iterdir()) == grids  # no picture of what has diverged
    assert train(*options, "--images", 48) == 0  # and the run can go on from there
    assert [line["images"] for line in stats(tmp_path)] == [16, 32, 48]


def test_a_run_that_diverges_at_once_does_not_promise_a_checkpoint(tmp_path, capsys):
    options = ["--images", 80, "--checkpoint-every", 80, "--set", "learning_rate=1e30"]
    assert train("mnist-dcgan", *options, "--output", tmp_path) == 1
    (sentence,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert "there was no checkpoint yet; start again with a lower --set learning_rate=1e+29" in sentence
    assert run_folder.find_checkpoint(tmp_path) is None and not (tmp_path / "model").exists()


def test_the_curves_of_a_run_that_diverges_show_its_end(tmp_path, monkeypatch):
    drawn, draw = [], curves.plot_runs
    monkeypatch.setattr(curves, "plot_runs", lambda runs, path: drawn.append(runs[0].remarks) or draw(runs, path))
    options = ["mnist-dcgan", "--checkpoint-every", 16, "--output", tmp_path, "--resume"]
    assert train(*options, "--images", 16) == 0 and drawn[-1] == []
    losses_become_nan(monkeypatch)
    assert train(*options, "--images", 48) == 1
    assert len(drawn[-1]) == 1 and drawn[-1][0] >= 16  # the watch's last words


# ---- Samples ---------------------------------------------------------------------------------------------------------


def test_sample_grids_are_never_overwritten(tmp_path, state):
    samples = Samples(tmp_path, state, seed=0, every=16)
    first = tmp_path / "samples/0000000000.png"
    before = first.read_bytes()
    with torch.no_grad():
        next(state.ema.parameters()).zero_()
    for images in (0, 8, 16):
        state.images = images
        assert samples(state, {}) is False
    Samples(tmp_path, state, seed=0, every=16)  # as on --resume
    assert first.read_bytes() == before != (tmp_path / "samples/0000000016.png").read_bytes()
    assert sorted(path.name for path in (tmp_path / "samples").iterdir()) == ["0000000000.png", "0000000016.png"]


def test_every_grid_shows_the_same_latents(state):
    with Image.open(save(sample_grid(state.ema, 5))) as picture:
        assert picture.size == (8 * 30 + 2, 8 * 30 + 2)
        again = sample_grid(state.ema, 5)
        assert picture.tobytes() == again.tobytes() != sample_grid(state.ema, 6).tobytes()


def save(picture):
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file


def test_a_grid_of_classes_has_a_column_for_each(monkeypatch):
    model = DCGANGenerator(28, 1, 4, 4, labels=list("abc")).eval()
    shown = []
    generate = model.generate
    monkeypatch.setattr(model, "generate", lambda latents, labels: shown.append(labels) or generate(latents, labels))
    assert sample_grid(model, 0, count=8).size == (3 * 30 + 2, 2 * 30 + 2)
    assert shown[0].tolist() == [0, 1, 2, 0, 1, 2]


# ---- Stopping --------------------------------------------------------------------------------------------------------


def test_asked_to_stop_a_run_stops_after_the_step_and_asked_twice_at_once(accelerator, state, capsys):
    for number in (signal.SIGINT, signal.SIGTERM):
        with Interrupt(accelerator) as interrupt:
            assert interrupt(state, {}) is False
            os.kill(os.getpid(), number)
            assert interrupt(state, {}) is True and interrupt.stopped
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), number)
    assert capsys.readouterr().err.count("Stopping after this step") == 2


def test_outside_training_ctrl_c_is_what_it_always_is(accelerator):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Diverged), Interrupt(accelerator):
        assert signal.getsignal(signal.SIGINT) is not before
        raise Diverged
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_while_a_run_starts_is_one_sentence(tmp_path, capsys, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "build_state", interrupted)
    assert train("mnist-dcgan", "--output", tmp_path) == 130
    assert "--resume continues" in capsys.readouterr().err.splitlines()[-1]


def test_a_run_that_is_stopped_goes_on_to_the_same_numbers(tmp_path, monkeypatch, capsys):
    assert train("mnist-dcgan", "--images", 40, "--output", tmp_path / "whole") == 0
    flush = callbacks.Report.__call__

    def asked(self, state, scalars):
        if state.images == 24:
            os.kill(os.getpid(), signal.SIGTERM)
        return flush(self, state, scalars)

    options = ["mnist-dcgan", "--images", 40, "--checkpoint-every", 40, "--output", tmp_path / "stopped"]
    with monkeypatch.context() as patch:
        patch.setattr(callbacks.Report, "__call__", asked)
        assert train(*options) == 130
    told = capsys.readouterr().out
    assert "Stopped at 24 images; the same command with --resume continues." in told
    assert gan_models.load(told.split("The model so far is ")[1].strip().rstrip(".")).family == "dcgan"
    assert train(*options, "--resume") == 0
    assert weights(tmp_path / "stopped") == weights(tmp_path / "whole")
