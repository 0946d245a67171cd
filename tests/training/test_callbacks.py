"""What hangs on the loop: statistics, sample grids, stopping for numbers that are none, stopping when asked."""

import io
import json
import os
import signal

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from tiny import SMALL, accelerator, alone, digits, losses_become_nan, stats, tiny_root, train, weights  # noqa: F401 (fixtures)

from gan_models.dcgan import DCGANGenerator
from training import callbacks, checkpoints, loop
from training.callbacks import Checkpoints, Diverged, Interrupt, Report, Samples, duration, sample_grid
from training.recipes import change, find

pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture
def state():
    return loop.build(change(find("mnist-dcgan"), SMALL), digits(), 0, torch.device("cpu"))


def scalars(**values) -> dict[str, torch.Tensor]:
    return {key: torch.tensor(float(value)) for key, value in values.items()}


# ---- Statistics ------------------------------------------------------------------------------------------------------


def test_a_line_is_the_mean_since_the_last_line(tmp_path, accelerator, state):
    report = Report(tmp_path, accelerator, 48, state, every=16)
    for k in range(1, 6):
        state.images = 8 * k
        report(state, scalars(discriminator_loss=k, **({"r1": 10 * k} if k % 2 else {})))  # a lazy penalty is not always there
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


def test_duration_reads_well():
    assert [duration(s) for s in (5, 65, 3725)] == ["0 min 05 s", "1 min 05 s", "1 h 02 min"]


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
    saving = Checkpoints(tmp_path, accelerator, Report(tmp_path, accelerator, 100, state, 100), lambda *_: None, every=8)
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
    assert f"the last good state is in {tmp_path / 'checkpoint'}; start again with a lower --set learning_rate=2e-05" in sentence
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
    assert checkpoints.find(tmp_path) is None and not (tmp_path / "model").exists()


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

    monkeypatch.setattr(loop, "build", interrupted)
    assert train("mnist-dcgan", "--output", tmp_path) == 130
    assert "--resume goes on" in capsys.readouterr().err.splitlines()[-1]


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
    assert "Stopped at 24 images; the same command with --resume goes on." in capsys.readouterr().out
    assert train(*options, "--resume") == 0
    assert weights(tmp_path / "stopped") == weights(tmp_path / "whole")
