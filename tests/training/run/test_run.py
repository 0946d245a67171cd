"""Training from Python: the same runs, checks and sentences as those of the command line."""

import json
import shlex
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from accelerate.commands.config import config_args
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny import forget_accelerate, stats, weights

import gan_models
import training
from training import __main__ as command
from training import cpu, engine, loop
from training.data.dataset import Dataset
from training.engine import chosen_precision, make_accelerator
from training.recipes import RECIPES, RecipeError, Schedule
from training.run import callbacks
from training.run.options import PRECISIONS, TRACKERS, RunError, RunOptions
from training.settings import as_words, change

ROOT = Path(__file__).parents[3]
SMALL = {"batch_size": 8, "generator": {"width": 4}, "discriminator": {"width": 4}}


@pytest.fixture
def train(alone, tmp_path):
    """training.train with tiny networks, into tmp_path / "run"."""

    def train(recipe="mnist-dcgan", **options) -> training.Trained:
        forget_accelerate()
        return training.train(recipe, **SMALL | {"output": tmp_path / "run", "precision": "fp32"} | options)

    return train


def test_a_run_from_python_is_that_of_the_command_that_it_records(train, tmp_path):
    schedule = Schedule(1e-3, 1e-4, 16)
    run = train(images=24, seed=5, learning_rate=schedule, objective="hinge", generator={"width": 4, "latent_dim": 9})
    assert run == training.Trained(tmp_path / "run", tmp_path / "run/model", 24, True)
    assert gan_models.load(run.model).latent_dim == 9
    options = json.loads((tmp_path / "run/options.json").read_text())
    assert options["recipe"]["learning_rate"] == {"start": 1e-3, "end": 1e-4, "images": 16}
    words = shlex.split(options["command"])
    assert words[:4] == ["python", "-m", "training", "mnist-dcgan"]
    there = words.index("--output") + 1
    assert words[there] == str(tmp_path / "run")
    words[there] = str(tmp_path / "again")
    forget_accelerate()
    assert command.main(words[3:]) == 0
    assert weights(tmp_path / "again") == weights(tmp_path / "run")


def test_a_run_that_was_stopped_says_so_and_goes_on_by_resume(train, tmp_path, monkeypatch):
    def ask(self, state, scalars):
        self.stopped = state.images == 16  # as Ctrl-C does
        return self.stopped

    with monkeypatch.context() as patch:
        patch.setattr(callbacks.Interrupt, "__call__", ask)
        stopped = train(images=32)
    assert stopped == training.Trained(tmp_path / "run", tmp_path / "run/checkpoint/model", 16, False)
    assert gan_models.load(stopped.model).image_shape == (1, 28, 28)
    with pytest.raises(RunError, match="holds a run already"):
        train(images=32)
    with pytest.raises(RunError, match="another seed"):
        train(images=32, resume=True, seed=1)
    assert train(images=32, resume=True).finished
    assert train(images=32, output=tmp_path / "whole").images == 32
    assert weights(tmp_path / "run") == weights(tmp_path / "whole")


def test_pictures_in_memory_are_data(train, tmp_path):
    two = Dataset("rings", np.zeros((9, 1, 28, 28), np.uint8), np.arange(9) % 2, ("thin", "thick"), False, "")
    two = replace(two, altered="They are copies.")
    model = train("mnist-cgan", data=two, images=8).model
    assert (
        gan_models.load(model).labels == ("thin", "thick") and "They are copies." in (model / "README.md").read_text()
    )
    options = json.loads((tmp_path / "run/options.json").read_text())
    assert options["data"]["name"] == "rings" and "--data rings " in options["command"]
    with pytest.raises(RunError, match=r"pictures of rings are \(1, 28, 28\), and celeba-dcgan draws \(3, 64, 64\)"):
        train("celeba-dcgan", data=two, output=tmp_path / "other")


def test_hooks_see_every_step_add_to_the_statistics_and_may_end_the_run(train, tmp_path):
    seen = []

    def watch(state, scalars):
        seen.append(state.images)
        scalars["gap"] = scalars["generator_loss"] * 0 + state.images
        return state.images >= 24

    run = train(images=80, checkpoint_every=8, hooks=[watch])
    assert seen == [8, 16, 24] and (run.images, run.finished) == (24, True)
    assert [line["gap"] for line in stats(tmp_path / "run")] == seen
    assert json.loads((run.model / "metrics.json").read_text())["training"]["images_seen"] == 24
    assert train(images=24, output=tmp_path / "plain", checkpoint_every=8).finished
    assert weights(tmp_path / "plain") == weights(tmp_path / "run")


def test_it_trains_in_any_thread(train):
    """Only a program's main thread may listen to Ctrl-C."""
    runs = []
    thread = threading.Thread(target=lambda: runs.append(train(images=8)))
    thread.start()
    thread.join()
    assert runs and runs[0].finished


def test_progress_is_told_unless_it_is_not_wanted(train, tmp_path, capsys):
    train(images=8)
    assert " of 8 images" in capsys.readouterr().err
    train(images=8, output=tmp_path / "quiet", progress=False)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "options, words",
    [
        ({"recipe": "mnist-cgn"}, "no recipe 'mnist-cgn'. Did you mean mnist-cgan"),
        ({"precision": "fp8"}, "--precision must be one of"),
        ({"trackers": ["paper"]}, "--tracker must be one of"),
        ({"images": 0}, "--images must be from 1"),
        ({"images": 8.5}, "--images must be a whole number, not 8.5"),
        ({"images": True}, "--images must be a whole number"),
        ({"seed": None}, "--seed must be a whole number"),
        ({"seed": -1}, "seed must be a whole number from 0"),
        ({"fid_every": "often"}, "--fid-every must be a whole number"),
        ({"checkpoint_every": 0}, "--checkpoint-every must be from 1"),
        ({"data": "minst"}, "did you mean mnist"),
        ({"bach_size": 3}, "batch_size"),
        ({"r1": -1}, "r1 must be a number of at least 0"),
        ({"r1": np.float32(1)}, "r1 must be a number, a word or a list"),
        ({"r1": float("nan")}, "r1 must be a number of at least 0"),
        ({"generator": 4}, "no option 'generator'"),
        ({"generator": {"colour": "red"}}, "colour"),
        ({"init_from": "mnist-xyz"}, "mnist-xyz"),
        ({"push_to_hub": "mnist"}, "USER/REPO"),
        ({"push_to_hub": "user/toy", "push_every": 0}, "--push-every must be a number of minutes above 0"),
        ({"push_every": 5}, "--push-to-hub USER/REPO"),
    ],
)
def test_bad_input_is_one_sentence(train, tmp_path, options, words):
    with pytest.raises((training.TrainingError, gan_models.ModelError)) as error:
        train(**options)
    assert words in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "run/options.json").exists()


def test_a_second_precision_in_one_process_is_one_sentence(train, tmp_path):
    train(images=8)
    with pytest.raises(RunError, match="Accelerate cannot be set up"):
        training.train("mnist-mlp", precision="bf16", output=tmp_path / "other", images=8, **SMALL)


def test_a_full_disk_and_too_little_memory_are_errors_of_ours(train, monkeypatch):
    for error, words in ((OSError(28, "No space left on device"), "No space left"), (MemoryError(), "enough memory")):

        def fail(*arguments, error=error):
            raise error

        with monkeypatch.context() as patch, pytest.raises(RunError, match=words):
            patch.setattr(loop, "load_batch", fail)
            train(resume=True)
    with monkeypatch.context() as patch, pytest.raises(BrokenPipeError):  # the reader of the output has gone: no disk
        patch.setattr(loop, "load_batch", lambda *a: (_ for _ in ()).throw(BrokenPipeError(32, "Broken pipe")))
        train(resume=True)


NAMES = st.text("abcxyz/.0-_", min_size=1, max_size=8).filter(lambda name: not name.startswith("-"))
NUMBERS = st.integers(1, 10**6)


@given(
    st.builds(
        RunOptions,
        recipe=NAMES,
        output=NAMES.map(Path),
        settings=st.lists(NAMES.map(lambda name: f"{name}=1"), max_size=3).map(tuple),
        data=st.none() | NAMES,
        data_root=st.none() | NAMES.map(Path),
        images=st.none() | NUMBERS,
        seed=NUMBERS,
        precision=st.sampled_from(PRECISIONS),
        checkpoint_every=st.none() | NUMBERS,
        fid_every=st.none() | NUMBERS,
        trackers=st.lists(st.sampled_from(TRACKERS), max_size=2).map(tuple),
        init_from=st.none() | NAMES,
        push_to_hub=NAMES,
        push_every=st.none() | st.floats(0.001, 1e6),
    )
)
def test_the_words_of_options_are_read_back_as_these(options):
    read = command.parse(options.words())
    assert read.command == shlex.join(["python", "-m", "training", *options.words()])
    assert read.words() == options.words()
    assert {**vars(read), "command": None} == vars(options)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@settings(suppress_health_check=[HealthCheck.too_slow])  # on a machine that others use too
@given(
    st.dictionaries(st.sampled_from(["width", "latent_dim", "embedding_dim"]), SCALARS | st.lists(SCALARS, max_size=3))
)
def test_an_argument_of_a_network_arrives_as_it_is(arguments):
    recipe = RECIPES["mnist-dcgan"]
    changed = change(recipe, list(as_words({"generator": arguments})))
    assert changed.generator == recipe.generator | arguments


def test_a_schedule_arrives_as_it_is():
    changed = change(RECIPES["mnist-r3gan"], list(as_words({"r1": Schedule(3.0, 0.5, 1000), "r2": [2, 1, 50]})))
    assert changed.r1 == Schedule(3.0, 0.5, 1000) and changed.r2 == Schedule(2.0, 1.0, 50)
    with pytest.raises(RecipeError, match="must be a number, a word or a list"):
        as_words({"r1": {1, 2}})


def test_importing_training_imports_no_torch_and_its_names_are_there():
    script = (
        "import sys, training; assert 'torch' not in sys.modules; "
        "assert issubclass(training.TrainingError, ValueError) and 'torch' not in sys.modules; "
        "assert {'train', 'RunOptions', 'Trained'} <= set(dir(training)); assert callable(training.train)"
    )
    process = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (process.returncode, process.stderr) == (0, "")
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = training.trian


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    "chosen, option, precision", [("no", "auto", "no"), ("bf16", "auto", "bf16"), ("fp16", "bf16", "bf16")]
)
def test_the_precision_that_accelerate_was_told_is_honoured_and_the_option_wins(
    tmp_path, monkeypatch, chosen, option, precision
):
    configured = tmp_path / "config.yaml"
    configured.touch()
    monkeypatch.setattr(config_args, "default_config_file", str(configured))
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", chosen)
    assert make_accelerator(option).mixed_precision == precision


def test_what_a_launch_says_where_nobody_chose_is_no_choice(tmp_path, monkeypatch):
    monkeypatch.setattr(config_args, "default_config_file", str(tmp_path / "none.yaml"))
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "no")
    assert chosen_precision() is None
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    assert chosen_precision() == "bf16"


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    "asked, chosen, sentence",
    [
        ("auto", "fp8", "asks for fp8.*--precision bf16"),
        ("auto", "fp16", "CPUs do not.*--precision bf16"),
        ("fp16", "no", "CPUs do not"),
    ],
)
def test_a_precision_in_which_the_loop_does_not_train_is_one_sentence(monkeypatch, asked, chosen, sentence):
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", chosen)
    with pytest.raises(RunError, match=sentence):
        make_accelerator(asked)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("speedup, precision", [(1.8, "bf16"), (1.02, "fp32"), (0.1, "fp32")])
def test_a_cpu_with_instructions_for_bfloat16_is_measured_and_others_are_not(monkeypatch, speedup, precision):
    monkeypatch.setattr(engine, "chosen_precision", lambda: None)
    monkeypatch.setattr(cpu, "bf16_speedup", lambda: speedup)
    monkeypatch.setattr(cpu, "has_bf16", lambda: True)
    chosen = engine.choose_precision("auto")
    assert chosen.name == precision and f"{speedup:.2f} times as fast" in chosen.why
    monkeypatch.setattr(cpu, "has_bf16", lambda: False)
    monkeypatch.setattr(cpu, "bf16_speedup", lambda: pytest.fail("it was measured"))
    assert engine.choose_precision("auto") == ("fp32", "")


def test_a_run_that_goes_on_keeps_its_precision_unless_another_is_asked_for(train, tmp_path, monkeypatch, capsys):
    train(images=8, precision="bf16")
    assert json.loads((tmp_path / "run/options.json").read_text())["precision"] == "bf16"
    monkeypatch.setattr(cpu, "has_bf16", lambda: False)
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "no")
    capsys.readouterr()
    train(images=16, precision="auto", resume=True)
    out = capsys.readouterr().out
    assert "Precision bf16, as before; --precision changes it." in out and "1 process(es) on cpu, bf16" in out
    train(images=24, precision="fp32", resume=True)
    assert "made with precision bf16, now it is no" in capsys.readouterr().out
    train(images=32, precision="auto", resume=True)
    out = capsys.readouterr().out
    assert "on cpu, fp32" in out and "bit for bit" not in out
