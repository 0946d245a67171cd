"""The command line, from options to the files that a run leaves; last in real processes, killed, interrupted and in
twos."""

import importlib.util
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from PIL import Image
from safetensors.torch import load_file
from tiny import SMALL, digits, stats, tiny, train, weights

import gan_models
from training import __main__ as command
from training import callbacks, checkpoints, loop, publish
from training.engine import start_trackers
from training.evaluate import generator as evaluate
from training.recipes import CELEBA_ATTRIBUTES, RECIPES
from training.settings import change
from training.state import build

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("alone")


def files(folder) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def refused(capsys, *arguments) -> str:
    """The one sentence that a run ends with, exit status 2."""
    capsys.readouterr()
    assert train(*arguments) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if not line.startswith(" ")]
    assert line.startswith("error: ") and line.endswith((".", "?")) and "Traceback" not in line
    return line


# ---- What a run leaves -----------------------------------------------------------------------------------------------


def test_what_is_published_is_the_average_not_the_generator(tmp_path):
    assert train("mnist-dcgan", "--images", 40, "--output", tmp_path / "run") == 0
    average = load_file(tmp_path / "run/model/model.safetensors")
    generator = load_file(tmp_path / "run/checkpoint/state.safetensors")
    assert not torch.equal(average["layers.0.weight"], generator["generator.layers.0.weight"])


def test_the_seed_decides_and_counts_are_rounded_up_to_whole_batches(tmp_path):
    for name, seed in (("one", 1), ("again", 1), ("two", 2)):
        assert train("mnist-mlp", "--images", 9, "--seed", seed, "--output", tmp_path / name) == 0
    assert weights(tmp_path / "one") == weights(tmp_path / "again")
    assert all(weights(tmp_path / "one")[name] != other for name, other in weights(tmp_path / "two").items())
    assert json.loads((tmp_path / "one/checkpoint/state.json").read_text())["images"] == 16


def test_labels_of_the_real_faces_are_what_attributes_are_sampled_from(tmp_path, tiny_root):
    assert train("celeba-cgan", "--images", 8, "--output", tmp_path / "run", "--set", "attributes=Smiling,Male") == 0
    model = gan_models.load(tmp_path / "run/model")
    lines = (tiny_root / "celeba/list_attr_celeba.txt").read_text().splitlines()
    columns = [lines[1].split().index(name) for name in ("Smiling", "Male")]
    real = {tuple((np.array(line.split()[1:])[columns] == "1").astype(int)) for line in lines[2:]}
    assert model.labels == ("Smiling", "Male") and {tuple(map(int, row)) for row in model.label_table} == real


def test_real_digits_and_faces(tmp_path, data_root):
    small = data_root / "original"  # a CelebA of few pictures: all of them would take a minute to decode
    roots = {"mnist-cgan": data_root, "celeba-cgan": small if (small / "celeba").is_dir() else data_root}
    for recipe, root in roots.items():
        assert train(recipe, "--data-root", root, "--images", 8, "--output", tmp_path / recipe) == 0
        assert json.loads((tmp_path / recipe / "options.json").read_text())["data"]["images"] > 100
        assert gan_models.load(tmp_path / recipe / "model").labels


# ---- Going on --------------------------------------------------------------------------------------------------------


def test_a_run_is_not_touched_without_resume(tmp_path, capsys):
    run = ["mnist-dcgan", "--images", 8, "--output", tmp_path / "run"]
    assert train(*run) == 0
    before = {name: (tmp_path / "run" / name).read_bytes() for name in files(tmp_path / "run")}
    assert "holds a run already: continue it by --resume" in refused(capsys, *run)
    assert {name: (tmp_path / "run" / name).read_bytes() for name in files(tmp_path / "run")} == before


def test_a_finished_run_is_left_as_it_is(tmp_path, capsys):
    run = ["mnist-dcgan", "--images", 8, "--output", tmp_path / "run", "--resume"]
    (tmp_path / "run").mkdir()
    assert train(*run) == 0  # --resume begins in an empty folder
    before = {name: (tmp_path / "run" / name).read_bytes() for name in files(tmp_path / "run")}
    capsys.readouterr()
    assert train(*run) == 0
    assert f"{tmp_path / 'run'} is finished: 8 images." in capsys.readouterr().out
    assert {name: (tmp_path / "run" / name).read_bytes() for name in files(tmp_path / "run")} == before


@pytest.mark.parametrize("missing", ["model", "model/README.md", "model/metrics.json"])
def test_a_run_killed_while_it_wrote_its_model_writes_it_again(tmp_path, capsys, missing):
    run = ["mnist-dcgan", "--images", 8, "--output", tmp_path / "run", "--resume"]
    assert train(*run) == 0
    whole = files(tmp_path / "run"), weights(tmp_path / "run")
    path = tmp_path / "run" / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert train(*run) == 0
    assert (files(tmp_path / "run"), weights(tmp_path / "run")) == whole


def test_a_longer_run_killed_before_its_model_does_not_pass_off_the_shorter_ones(tmp_path):
    run = ["mnist-dcgan", "--output", tmp_path / "run", "--resume"]
    assert train(*run, "--images", 8) == 0
    shutil.copytree(tmp_path / "run/model", tmp_path / "shorter")
    assert train(*run, "--images", 16) == 0
    whole = weights(tmp_path / "run")
    shutil.rmtree(tmp_path / "run/model")
    (tmp_path / "shorter").rename(tmp_path / "run/model")
    assert train(*run, "--images", 16) == 0
    assert weights(tmp_path / "run") == whole


@pytest.mark.parametrize(
    "options, what",
    [
        (["--seed", 1], "seed"),
        (["--set", "learning_rate=0.1"], "learning_rate"),
        (["--set", "generator.width=8"], "generator"),
        (["--data", "pictures"], "data"),
        (["--init-from", "somewhere", "--seed", 2], "seed and init_from"),
    ],
)
@pytest.mark.parametrize("has_checkpoint", [True, False])
def test_a_run_is_not_continued_with_other_options(tmp_path, capsys, monkeypatch, options, what, has_checkpoint):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures").mkdir()
    Image.effect_noise((32, 32), 50).save(tmp_path / "pictures/a.png")
    assert train("mnist-dcgan", "--images", 8, "--output", "run") == 0
    if not has_checkpoint:
        shutil.rmtree("run/checkpoint")
    assert f"another {what}; give the same options" in refused(
        capsys, "mnist-dcgan", "--output", "run", "--resume", *options
    )


def test_another_recipe_does_not_go_on_with_a_run(tmp_path, capsys):
    assert train("mnist-dcgan", "--images", 8, "--output", tmp_path / "run") == 0
    assert "another name" in refused(capsys, "mnist-mlp", "--output", tmp_path / "run", "--resume")


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"recipe": []}', '{"data": 1, "seed": 0, "init_from": null, "recipe": [1]}']
)
def test_options_that_cannot_be_read(tmp_path, capsys, text):
    (tmp_path / "options.json").write_text(text)
    sentence = refused(capsys, "mnist-dcgan", "--output", tmp_path, "--resume")
    assert "options.json" in sentence and "another --output" in sentence


def test_a_damaged_checkpoint_is_one_sentence(tmp_path, capsys):
    assert train("mnist-dcgan", "--images", 8, "--output", tmp_path / "run") == 0
    (tmp_path / "run/checkpoint/state.safetensors").write_bytes(b"")
    assert "is damaged" in refused(capsys, "mnist-dcgan", "--images", 8, "--output", tmp_path / "run", "--resume")


# ---- Where from and where to -----------------------------------------------------------------------------------------


def tells_paths(folder: Path, model: str) -> list[str]:
    """The files of a model folder that tell where it was made."""
    named = {name: (folder / model / name).read_text() for name in ("config.json", "metrics.json", "README.md")}
    return [name for name, text in named.items() if str(folder) in text]


def test_init_from_starts_with_the_weights_of_a_model(tmp_path, capsys):
    first = tmp_path / "first/model"
    assert train("mnist-dcgan", "--images", 24, "--output", tmp_path / "first") == 0
    still = ["--init-from", first, "--set", "learning_rate=0", "--output", tmp_path / "second"]
    assert train("mnist-dcgan", "--images", 8, *still) == 0
    a, b = (gan_models.load(folder) for folder in (first, tmp_path / "second/model"))
    assert all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters()))
    sentence = refused(capsys, "mnist-cgan", "--init-from", first, "--output", tmp_path / "third")
    assert "another configuration than the recipe" in sentence
    assert "started from the weights of `first`" in (tmp_path / "second/model/README.md").read_text()
    assert not tells_paths(tmp_path, "second/model")


@pytest.fixture
def pictures(tmp_path):
    """Two classes of pictures, larger than the recipe's."""
    for k in range(12):
        folder = tmp_path / "pets" / ("cats", "dogs")[k % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((40, 36), 50 + k).save(folder / f"{k}.png")
    return tmp_path / "pets"


def test_a_folder_of_pictures_is_data_and_its_subfolders_are_classes(tmp_path, pictures, capsys):
    assert train("mnist-cgan", "--data", pictures, "--images", 16, "--output", tmp_path / "run") == 0
    assert gan_models.load(tmp_path / "run/model").labels == ("cats", "dogs")
    assert not tells_paths(tmp_path, "run/model")
    small = ["--set", "image_size=32", "--images", 8, "--output", tmp_path / "coloured"]
    assert train("celeba-dcgan", "--data", pictures, *small) == 0
    assert gan_models.load(tmp_path / "coloured/model").image_shape == (3, 32, 32)
    sentence = refused(capsys, "mnist-cgan", "--data", pictures / "cats", "--output", tmp_path / "other")
    assert "conditional and cats has no labels" in sentence


def test_another_data_set_has_its_own_labels(tmp_path):
    assert train("celeba-cgan", "--data", "mnist", "--images", 8, "--output", tmp_path / "digits") == 0
    assert gan_models.load(tmp_path / "digits/model").labels == tuple("0123456789")
    assert train("celeba-cgan", "--data", "CelebA", "--images", 8, "--output", tmp_path / "faces") == 0
    assert gan_models.load(tmp_path / "faces/model").labels == CELEBA_ATTRIBUTES


def test_push_to_hub_publishes_the_finished_model(tmp_path, monkeypatch, capsys):
    pushed = []
    monkeypatch.setattr(publish, "publish", lambda folder, repo: pushed.append((folder, repo)) or "https://hub/me/it")
    run = ["mnist-mlp", "--push-to-hub", "me/it", "--images", 8, "--output", tmp_path / "run", "--resume"]
    assert train(*run) == 0
    assert pushed == [(tmp_path / "run/model", "me/it")] and "Published: https://hub/me/it" in capsys.readouterr().out

    def refuse(folder, repo):
        raise publish.PublishError("The Hub said no.")

    monkeypatch.setattr(publish, "publish", refuse)
    assert "The Hub said no. The model itself is safe" in refused(capsys, *run)


# ---- Trackers and FID ------------------------------------------------------------------------------------------------


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

    monkeypatch.setattr(evaluate, "fid", fid)
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


# ---- Bad input -------------------------------------------------------------------------------------------------------


def test_list_names_every_recipe_first(capsys):
    assert command.main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(RECIPES)


@pytest.mark.parametrize(
    "recipe, options, words",
    [
        ("mnist-cgn", [], "no recipe 'mnist-cgn'. Did you mean mnist-cgan"),
        ("mnist-dcgan", ["--data", "nowhere"], "no folder 'nowhere'"),
        ("mnist-dcgan", ["--data", "minst"], "did you mean mnist"),
        ("mnist-dcgan", ["--data-root", "nowhere", "--data", "celeba"], "CelebA is not in nowhere"),
        ("mnist-dcgan", ["--set", "bach_size=3"], "batch_size"),
        ("mnist-dcgan", ["--set", "objective=wgan"], "known are logistic"),
        ("mnist-dcgan", ["--images", -5], "--images must be from 1"),
        ("mnist-dcgan", ["--images", 0], "--images must be from 1"),
        ("mnist-dcgan", ["--images", 10**13], "--images must be from 1"),
        ("mnist-dcgan", ["--checkpoint-every", 0], "--checkpoint-every must be from 1"),
        ("mnist-dcgan", ["--seed", -1], "seed must be a whole number from 0"),
        ("mnist-dcgan", ["--seed", 2**63], "seed must be a whole number from 0"),
        ("mnist-dcgan", ["--set", "generator.latent_dim=1000000000"], "latent_dim"),
        ("mnist-dcgan", ["--set", "generator.color=red"], "color"),
        ("mnist-dcgan", ["--set", "image_size=33"], "image_size"),
        ("mnist-dcgan", ["--set", "image_channels=2"], "1 channel (grey) or 3"),
        ("mnist-dcgan", ["--set", "networks=mlp", "--set", "conditional=true"], "labels"),
        ("mnist-dcgan", ["--init-from", "mnist-xyz"], "mnist-xyz"),
        ("mnist-dcgan", ["--init-from", "mnist-xyz", "--data", "nowhere"], "mnist-xyz"),  # before any work on the data
        ("mnist-dcgan", ["--push-to-hub", "mnist", "--data", "nowhere"], "USER/REPO"),
        ("mnist-dcgan", ["--set", "batch_size=1000000000"], "batch_size must be from 1 to 65,536"),
        ("celeba-cgan", ["--set", "attributes=Smilling"], "Smiling"),
    ],
)
def test_bad_input_gets_one_sentence(tmp_path, capsys, recipe, options, words):
    assert words in refused(capsys, recipe, *options, "--output", tmp_path / "run")
    assert not (tmp_path / "run/model").exists() and not (tmp_path / "run/options.json").exists()


@pytest.mark.parametrize(
    "arguments",
    [[], ["mnist-dcgan", "--seed", "one"], ["mnist-dcgan", "--precision", "fp8"], ["mnist-dcgan", "--fast"]],
)
def test_bad_usage_is_reported_with_the_usage(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        command.main(arguments)
    assert caught.value.code == 2 and "usage: python -m training" in capsys.readouterr().err


def test_an_output_that_cannot_be_written_is_named(tmp_path, capsys):
    (tmp_path / "file").write_text("x")
    for output in (tmp_path / "file", tmp_path / "file/below", Path("/proc/nowhere")):
        assert str(output) in refused(capsys, "mnist-dcgan", "--output", output)
    assert (tmp_path / "file").read_text() == "x"


def test_a_full_disk_ends_the_run_with_a_sentence_and_it_goes_on_from_the_last_good_checkpoint(
    tmp_path, capsys, monkeypatch
):
    run = ["mnist-dcgan", "--checkpoint-every", 8, "--output", tmp_path / "run", "--resume"]
    assert train(*run, "--images", 8) == 0

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save_file", full)
        sentence = refused(capsys, *run, "--images", 24)
    assert "The checkpoint at 16 images could not be written" in sentence and "the one before it is kept" in sentence
    with monkeypatch.context() as patch:
        patch.setattr(callbacks.pictures, "save_png", full)
        assert "No space left on device" in refused(capsys, *run, "--images", 24)
    with monkeypatch.context() as patch:
        patch.setattr(callbacks.Report, "_print", full)
        sentence = refused(capsys, *run, "--images", 24)
    assert (
        "No space left on device" in sentence
        and f"last good checkpoint is {tmp_path / 'run/checkpoint'}" in sentence
        and "--resume" in sentence
    )
    assert train(*run, "--images", 24) == 0
    assert train("mnist-dcgan", "--images", 24, "--output", tmp_path / "whole") == 0
    assert weights(tmp_path / "run") == weights(tmp_path / "whole")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1000 bytes"),
    ],
)
def test_too_little_memory_is_a_sentence_and_another_run_may_take_the_place(tmp_path, capsys, monkeypatch, error):
    def exhausted(*arguments):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(loop, "load_batch", exhausted)
        assert "not enough memory" in refused(capsys, "mnist-dcgan", "--output", tmp_path / "run")
    assert train("mnist-dcgan", "--images", 8, "--output", tmp_path / "run") == 0

    def broken(*arguments):
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(loop, "load_batch", broken)
    with pytest.raises(RuntimeError, match="mistake"):
        train("mnist-dcgan", "--output", tmp_path / "other")


def test_a_batch_that_the_processes_cannot_share(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("accelerate.Accelerator.num_processes", 3)
    assert "8 cannot be shared by 3" in refused(capsys, "mnist-dcgan", "--output", tmp_path / "run")


# ---- Real processes --------------------------------------------------------------------------------------------------


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
    second = tmp_path / "second.py"
    second.write_text(
        "import os, sys, time\n"
        "from training.__main__ import main\n"
        "if os.environ['RANK'] == '0':\n"
        "    time.sleep(60)\n"  # busy with something else
        f"sys.exit(main(['mnist-cgn', '--output', {str(tmp_path / 'run')!r}]))\n"
    )
    other = subprocess.Popen(
        [sys.executable, *torchrun, str(second)],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    for process in (both, other):
        output = finish(process)
        assert process.returncode != 0 and output.count("error: There is no recipe 'mnist-cgn'") == 1, output


@pytest.mark.parametrize(
    "recipe, images, settings",
    [
        ("mnist-dcgan", 1920, []),
        # Its schedules end within the run, so that going on in their midst matters.
        (
            "mnist-r3gan",
            960,
            ["r1=[10,1,800]", "r2=[10,1,800]", "beta2=[0.9,0.99,800]", "learning_rate=[2e-3,2e-4,800]"],
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
    untrained = checkpoints.tensors(build(recipe, digits(), 0, torch.device("cpu")))
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
