"""The manifest of a checkpoint, and the checkpoint before: one flipped bit stops a resume."""

import json
import os
import shutil
from pathlib import Path

import pytest
from saved import restored, save, trained
from tiny import train, weights

from training import curves, run_folder
from training.run.checkpoints import CheckpointError

pytestmark = pytest.mark.usefixtures("alone")


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
    assert [line["images"] for line in curves.read_run(two_checkpoints).lines] == [16, 32, 20, 40]


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
