"""Checkpoints: going on is as if the run had never stopped, and whenever it stops one good checkpoint is there."""

import errno
import itertools
import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from recipe_data import dataset_of
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tiny import Killed, digits, stats, train, weights

import gan_models
from gan_models import model_folder
from training import callbacks, checkpoints, curves, loop, run_folder
from training.checkpoints import CheckpointError
from training.recipes import RECIPES
from training.settings import change
from training.state import State, build

pytestmark = pytest.mark.usefixtures("alone")


# ---- Going on --------------------------------------------------------------------------------------------------------

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


def kill_at(images: int):
    def killed(self, state, scalars):
        if state.images == images:
            raise Killed
        return False

    return killed


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


# ---- One at a time ---------------------------------------------------------------------------------------------------


RECIPE = change(
    RECIPES["mnist-dcgan"], ["generator.width=2", "generator.latent_dim=2", "discriminator.width=2", "batch_size=4"]
)
DATA = digits()


def trained(accelerator, images: int, recipe=RECIPE) -> State:
    state = build(recipe, DATA, 0, torch.device("cpu"))
    return loop.train(recipe, DATA, state, accelerator, images, 0, [])


def save(state, folder, accelerator):
    checkpoints.save(state, folder, accelerator, lambda model: model_folder.save(state.ema, model))


def restored(folder, accelerator) -> State:
    state = build(RECIPE, DATA, 1, torch.device("cpu"))  # other weights, all of which must be replaced
    assert checkpoints.restore(state, run_folder.find_checkpoint(folder), accelerator) == []
    return state


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
            checkpoints.save(late, tmp_path, accelerator, fail if what == "write_model" else lambda model: None)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]  # and what was half written makes room
    assert equal(restored(tmp_path, accelerator), early)


def test_a_disk_that_was_full_from_the_start_is_not_said_to_keep_anything(tmp_path, accelerator, monkeypatch):
    def full(*arguments, **options):
        raise FULL

    monkeypatch.setattr(checkpoints, "save_file", full)
    with pytest.raises(CheckpointError, match="there is none before it"):
        save(trained(accelerator, 4), tmp_path, accelerator)


def damage(folder: Path, how: str) -> None:
    state, about = folder / "state.safetensors", folder / "state.json"
    if how == "cut weights":
        state.write_bytes(state.read_bytes()[:-100])
    elif how == "no weights":
        state.unlink()
    elif how == "a pickle":
        torch.save({"a": torch.zeros(1)}, state)
    elif how == "not json":
        about.write_text("{")
    elif how == "json of another kind":
        about.write_text("[8]")
    elif how == "no model":
        shutil.rmtree(folder / "model")
    elif how == "cut model":
        (folder / "model/model.safetensors").write_bytes((folder / "model/model.safetensors").read_bytes()[:-4])
    else:
        tensors = load_file(state)
        key = "discriminator_optimiser.exp_avg.score.weight"
        if how == "a tensor too few":
            del tensors["generator.layers.0.weight"]
        elif how == "a tensor too many":
            tensors["teacher.weight"] = torch.zeros(1)
        elif how == "another shape":
            tensors["generator.layers.0.weight"] = torch.zeros(1)
        elif how == "a moment of another shape":
            tensors[key] = torch.zeros(5, 5)
        elif how == "a moment too few":
            del tensors[key]
        save_file(tensors, state)


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


# ---- Beginning with another run --------------------------------------------------------------------------------------

FACES = change(
    RECIPES["celeba-cgan"],
    ["image_size=16", "generator.width=4", "discriminator.width=4", "attributes=Male,Smiling,Young"],
)
MORE = change(FACES, ["attributes=Bald,Young,Male,Pale_Skin"])


def test_a_run_begins_with_both_networks_of_another_whose_labels_were_others(tmp_path, accelerator):
    state = loop.train(
        FACES, dataset_of(FACES), build(FACES, dataset_of(FACES), 0, torch.device("cpu")), accelerator, 8, 0, []
    )
    save(state, tmp_path, accelerator)
    new = build(MORE, dataset_of(MORE), 1, torch.device("cpu"))
    table = new.generator.label_table.clone()
    checkpoints.begin_with(new, run_folder.find_checkpoint(tmp_path))
    assert new.images == 0 and not new.generator_optimiser.state and torch.equal(new.generator.label_table, table)
    for old, now in (
        (state.generator.embedding.weight.T, new.generator.embedding.weight.T),
        (state.ema.embedding.weight.T, new.ema.embedding.weight.T),
        (state.discriminator.embedding.weight, new.discriminator.embedding.weight),
        (state.discriminator.classifier.weight, new.discriminator.classifier.weight),
        (state.discriminator.classifier.bias, new.discriminator.classifier.bias),
    ):
        assert torch.equal(now[1], old[2]) and torch.equal(now[2], old[0]) and not now[[0, 3]].any()
    others = [name for name in state.discriminator.state_dict() if not name.startswith(("embedding", "classifier"))]
    assert others and all(
        torch.equal(state.discriminator.state_dict()[name], new.discriminator.state_dict()[name]) for name in others
    )
    # Of what the first run knew, the second draws the same, whatever the new labels are.
    latents = state.ema.sample_latents(3, seed=0)
    known = torch.tensor([[1.0, 0, 1], [0, 0, 0], [1, 0, 0]])
    asked = torch.stack([torch.rand(3), known[:, 2], known[:, 0], torch.rand(3)], 1)
    state.ema.embedding.weight[:, 1] = 0  # Smiling, which the second does not know
    assert torch.allclose(state.ema.generate(latents, known), new.ema.generate(latents, asked), atol=1e-5)


def test_an_editor_begins_with_a_smaller_one(tmp_path, accelerator):
    """Finer levels of paint begin with what the coarser ones paint, the discriminator of pixels in part anew."""
    small = change(
        RECIPES["celeba-editor"],
        ["generator.width=8", "generator.finest=8", "discriminator.width=8", "discriminator.pixels=4", "batch_size=2"],
    )
    save(build(small, dataset_of(small), 0, torch.device("cpu")), tmp_path, accelerator)
    large = change(small, ["image_size=128"])
    new = build(large, dataset_of(large, 2), 1, torch.device("cpu"))
    checkpoints.begin_with(new, run_folder.find_checkpoint(tmp_path))
    before = gan_models.load(tmp_path / "checkpoint/model")
    pictures = torch.nn.functional.interpolate(torch.rand(2, 3, 64, 64) * 2 - 1, scale_factor=2)
    changes = torch.ones(1, len(before.attributes))
    painted, now = (
        net.retouch(net.see(images), changes.expand(2, -1)).alpha
        for net, images in ((before, pictures[..., ::2, ::2]), (new.ema, pictures))
    )
    mean = torch.nn.functional.avg_pool2d
    assert now.shape[-1] == 128 and torch.allclose(mean(now, 16), mean(painted, 8), atol=0.01)
    assert not any(parameter.isnan().any() for parameter in new.discriminator.parameters())


def test_a_run_does_not_begin_with_networks_of_another_shape(tmp_path, accelerator):
    save(trained(accelerator, 4), tmp_path, accelerator)
    wider = change(RECIPE, ["generator.width=8"])
    with pytest.raises(CheckpointError, match="has other networks"):
        checkpoints.begin_with(build(wider, DATA, 0, torch.device("cpu")), run_folder.find_checkpoint(tmp_path))
    damage(tmp_path / "checkpoint", "cut weights")
    with pytest.raises(CheckpointError, match="is damaged"):
        checkpoints.begin_with(build(RECIPE, DATA, 0, torch.device("cpu")), run_folder.find_checkpoint(tmp_path))


def test_init_from_a_run_folder_takes_its_discriminator_too(tmp_path):
    assert train("mnist-dcgan", "--images", 16, "--output", tmp_path / "first") == 0
    still = [
        "--images",
        8,
        "--set",
        "learning_rate=0",
        "--output",
        tmp_path / "second",
        "--init-from",
        tmp_path / "first",
    ]
    assert train("mnist-dcgan", *still) == 0
    first, second = (load_file(tmp_path / name / "checkpoint/state.safetensors") for name in ("first", "second"))
    learned = [
        name
        for name in first
        if name.startswith("discriminator.") and "running" not in name and "num_batches" not in name
    ]
    assert learned and all(torch.equal(first[name], second[name]) for name in learned)
    origin = json.loads((tmp_path / "second/model/metrics.json").read_text())["training"]["origin"]
    assert origin["images_seen"] == 16


# ---- The manifest, and the checkpoint before -------------------------------------------------------------------------


@pytest.fixture
def two_checkpoints(tmp_path, alone):
    """A run of 32 images with a checkpoint every 16; its folder."""
    assert train("mnist-dcgan", "--images", 32, "--checkpoint-every", 16, "--output", tmp_path) == 0
    return tmp_path


def images_at(checkpoint) -> int:
    return json.loads((checkpoint / "state.json").read_text())["images"]


def flip_a_bit(path) -> None:
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(bytes(data))


ODD = ["[]", "[" * 100_000, "null", '"x"', "{", '{"images": "many"}', '{"images": 1e400}', '{"images": true}', "\udc80"]


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("name", ["state.safetensors", "state.json", "model/model.safetensors", "model/config.json"])
def test_one_flipped_bit_stops_a_resume_and_the_checkpoint_before_goes_on(two_checkpoints, capsys, name):
    folder = two_checkpoints
    assert images_at(folder / "checkpoint") == 32 and images_at(folder / "checkpoint.previous") == 16
    whole = weights(folder)
    flip_a_bit(folder / "checkpoint" / name)
    damaged = (folder / "checkpoint" / name).read_bytes()
    more = ["--images", 32, "--checkpoint-every", 16, "--output", folder]
    capsys.readouterr()
    assert train("mnist-dcgan", *more, "--resume") == 2
    sentence = capsys.readouterr().err
    assert name in sentence and "damaged" in sentence and "--resume previous" in sentence
    assert (folder / "checkpoint" / name).read_bytes() == damaged  # nothing was touched
    assert train("mnist-dcgan", *more, "--resume", "previous") == 0
    assert weights(folder) == whole and images_at(folder / "checkpoint.previous") == 16
    assert (folder / "checkpoint.damaged" / name).read_bytes() == damaged


@pytest.mark.usefixtures("alone")
def test_images_that_were_altered_and_a_file_of_another_run_are_noticed(two_checkpoints, tmp_path_factory, capsys):
    folder, other = two_checkpoints, tmp_path_factory.mktemp("other")
    assert train("mnist-dcgan", "--images", 16, "--seed", 7, "--output", other) == 0
    about = folder / "checkpoint/state.json"
    about.write_text(about.read_text().replace('"images": 32', '"images": 24'))
    assert train("mnist-dcgan", "--images", 48, "--output", folder, "--resume") == 2
    shutil.copy(folder / "checkpoint.previous/state.safetensors", other / "checkpoint/state.safetensors")
    assert train("mnist-dcgan", "--images", 48, "--seed", 7, "--output", other, "--resume") == 2
    sentences = capsys.readouterr().err
    assert "state.json" in sentences and "state.safetensors" in sentences


@pytest.mark.usefixtures("alone")
def test_a_manifest_that_is_gone_is_damage_but_earlier_versions_had_none(two_checkpoints, capsys):
    (two_checkpoints / "checkpoint/manifest.json").unlink()
    more = ["--images", 48, "--output", two_checkpoints, "--resume"]
    assert train("mnist-dcgan", *more) == 2 and "manifest.json" in capsys.readouterr().err
    about = two_checkpoints / "checkpoint/state.json"
    about.write_text(about.read_text().replace('"manifest": true,', ""))
    assert train("mnist-dcgan", *more) == 0


@pytest.mark.usefixtures("alone")
def test_without_a_checkpoint_before_previous_is_refused(tmp_path, capsys):
    assert train("mnist-dcgan", "--images", 16, "--checkpoint-every", 16, "--output", tmp_path) == 0
    assert train("mnist-dcgan", "--images", 16, "--output", tmp_path, "--resume", "previous") == 2
    assert "no checkpoint before" in capsys.readouterr().err


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("name", ["options.json", "checkpoint/state.json", "checkpoint/manifest.json"])
def test_odd_json_in_a_run_folder_is_a_sentence(two_checkpoints, capsys, name, text):
    (two_checkpoints / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    assert train("mnist-dcgan", "--images", 40, "--output", two_checkpoints, "--resume") == 2
    error = capsys.readouterr().err
    assert Path(name).name in error and error.count("\n") == 1


@pytest.mark.usefixtures("alone")
def test_odd_lines_of_the_statistics_are_passed_over(two_checkpoints):
    """When the run goes on, and in its curves; all other lines stay."""
    lines = (two_checkpoints / "stats.jsonl").read_bytes().splitlines()
    odd = [text.encode("utf-8", "surrogateescape") for text in ODD]
    for name in ("stats.jsonl", "watch.jsonl"):
        (two_checkpoints / name).write_bytes(
            b"\n".join([*odd, *lines, b'{"images": 20, "r1": 1' + 400 * b"0" + b"}", *odd])
        )
    assert train("mnist-dcgan", "--images", 40, "--output", two_checkpoints, "--resume") == 0
    kept = [json.loads(line) for line in (two_checkpoints / "stats.jsonl").read_bytes().splitlines()]
    assert [line["images"] for line in kept] == [16, 32, 20, 40] and kept[0] == json.loads(lines[0])
    assert run_folder.read_stats(two_checkpoints)[2] == {"images": 20}
    (two_checkpoints / "watch.jsonl").write_bytes(b"\n".join(odd))
    assert [line["images"] for line in curves.read(two_checkpoints).lines] == [16, 32, 20, 40]


@pytest.mark.parametrize("images", ['"many"', "1e400", "-8", "true", "NaN", "8.5", "1" + 30 * "0"])
def test_a_checkpoint_of_an_earlier_version_with_an_odd_number_of_images_is_one_sentence(tmp_path, accelerator, images):
    save(trained(accelerator, 4), tmp_path, accelerator)
    (tmp_path / "checkpoint/manifest.json").unlink()
    (tmp_path / "checkpoint/state.json").write_text('{"images": ' + images + ', "threads": {"a": []}}')
    with pytest.raises(CheckpointError, match="state.json tells of") as caught:
        restored(tmp_path, accelerator)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("moment", ["after the last was set aside", "before the new one took its place"])
def test_the_checkpoint_before_the_last_is_found_wherever_a_kill_left_it(two_checkpoints, capsys, moment):
    """Saving renames previous -> old, last -> previous, new -> last; the kill comes between two of these."""
    folder, whole = two_checkpoints, weights(two_checkpoints)
    (folder / "checkpoint.previous").rename(folder / "checkpoint.old")
    if moment == "before the new one took its place":
        (folder / "checkpoint").rename(folder / "checkpoint.new")
        shutil.copytree(folder / "checkpoint.old", folder / "checkpoint.previous")
    damaged = folder / ("checkpoint" if moment.startswith("after") else "checkpoint.new")
    flip_a_bit(damaged / "state.safetensors")
    more = ["--images", 32, "--checkpoint-every", 16, "--output", folder]
    assert train("mnist-dcgan", *more, "--resume") == 2 and "--resume previous" in capsys.readouterr().err
    assert train("mnist-dcgan", *more, "--resume", "previous") == 0
    assert weights(folder) == whole and (folder / "checkpoint.damaged").is_dir()
    assert images_at(folder / "checkpoint") == 32


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    "name", ["options.json", "stats.jsonl", "checkpoint/state.json", "checkpoint/model/config.json"]
)
def test_a_pipe_in_a_run_folder_does_not_wait(two_checkpoints, capsys, name):
    (two_checkpoints / name).unlink()
    os.mkfifo(two_checkpoints / name)
    assert train("mnist-dcgan", "--images", 48, "--output", two_checkpoints, "--resume") == 2
    assert Path(name).name in capsys.readouterr().err


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
