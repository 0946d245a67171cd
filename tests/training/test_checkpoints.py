import errno
import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import SMALL, dataset

from gan_models import hub
from training import checkpoints, loop
from training.recipes import change, find


@pytest.fixture
def state(accelerator):
    recipe = change(find("mnist-cgan"), SMALL)
    state = loop.build(recipe, dataset(), 0, accelerator.device)
    return loop.train(recipe, dataset(), state, accelerator, 16, 0, [])


def fresh(accelerator, settings=SMALL):
    return loop.build(change(find("mnist-cgan"), settings), dataset(), 7, accelerator.device)


def save(state, folder, accelerator):
    checkpoints.save(state, folder, accelerator, lambda path: hub.save(state.ema, path))


def test_restores_every_tensor(state, accelerator, tmp_path):
    save(state, tmp_path, accelerator)
    restored = fresh(accelerator)
    assert checkpoints.restore(restored, checkpoints.find(tmp_path), accelerator) == []
    ours, theirs = checkpoints.tensors(state), checkpoints.tensors(restored)
    assert ours.keys() == theirs.keys() and len(ours) > 60
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert all(torch.equal(a, b) for a, b in zip(state.ema.state_dict().values(), restored.ema.state_dict().values()))
    assert restored.images == 16
    assert {key.split(".")[1] for key in ours if "optimiser" in key} == {"step", "exp_avg", "exp_avg_sq"}


def test_holds_no_pickle(state, accelerator, tmp_path):
    save(state, tmp_path, accelerator)
    files = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"state.safetensors", "state.json", "config.json", "model.safetensors"}


@pytest.mark.parametrize("folders", [("checkpoint", "checkpoint.old"), ("checkpoint.old", "checkpoint.new"), ("checkpoint.old",)])
def test_wherever_the_exchange_is_cut_a_good_one_is_found(state, accelerator, tmp_path, folders):
    save(state, tmp_path, accelerator)
    (tmp_path / "checkpoint").rename(tmp_path / folders[0])
    for other in folders[1:]:
        (tmp_path / other).mkdir()  # begun or half removed: without its state.json
    restored = fresh(accelerator)
    checkpoints.restore(restored, checkpoints.find(tmp_path), accelerator)
    assert restored.images == 16
    save(state, tmp_path, accelerator)  # and the next one clears up
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint"]


def test_without_a_complete_one_there_is_none(tmp_path):
    (tmp_path / "checkpoint.new").mkdir()
    assert checkpoints.find(tmp_path) is None
    assert checkpoints.find(tmp_path / "missing") is None


def test_a_full_disk_keeps_the_last_good_one(state, accelerator, tmp_path, monkeypatch):
    save(state, tmp_path, accelerator)
    before = (tmp_path / "checkpoint" / "state.safetensors").read_bytes()

    def full(tensors, path, **options):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoints, "save_file", full)
    state.images = 24
    with pytest.raises(checkpoints.CheckpointError, match="24 images could not be written.*No space left.*make room") as error:
        save(state, tmp_path, accelerator)
    assert "\n" not in str(error.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint"]
    assert (tmp_path / "checkpoint" / "state.safetensors").read_bytes() == before
    monkeypatch.undo()
    restored = fresh(accelerator)
    checkpoints.restore(restored, checkpoints.find(tmp_path), accelerator)
    assert restored.images == 16


def damage(folder, how):
    if how == "truncated":
        path = folder / "state.safetensors"
        path.write_bytes(path.read_bytes()[:1000])
    elif how == "json":
        (folder / "state.json").write_text("{")
    elif how == "missing tensor":
        tensors = load_file(folder / "state.safetensors")
        tensors.pop("generator.layers.0.weight")
        save_file(tensors, folder / "state.safetensors")
    elif how == "extra tensor":
        save_file(load_file(folder / "state.safetensors") | {"odd": torch.zeros(1)}, folder / "state.safetensors")
    elif how == "no model":
        (folder / "model" / "model.safetensors").unlink()


@pytest.mark.parametrize("how", ("truncated", "json", "missing tensor", "extra tensor", "no model"))
def test_a_damaged_one_is_named(state, accelerator, tmp_path, how):
    save(state, tmp_path, accelerator)
    damage(tmp_path / "checkpoint", how)
    with pytest.raises(checkpoints.CheckpointError, match="cannot be continued: it is damaged") as error:
        checkpoints.restore(fresh(accelerator), checkpoints.find(tmp_path), accelerator)
    assert "\n" not in str(error.value)


def test_other_networks_are_refused(state, accelerator, tmp_path):
    save(state, tmp_path, accelerator)
    with pytest.raises(checkpoints.CheckpointError, match="other networks"):
        checkpoints.restore(fresh(accelerator, ["batch_size=8", "generator.width=6", "discriminator.width=4"]), tmp_path / "checkpoint", accelerator)


def test_other_circumstances_are_said_aloud(state, accelerator, tmp_path):
    save(state, tmp_path, accelerator)
    path = tmp_path / "checkpoint" / "state.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"processes": 8}))
    (note,) = checkpoints.restore(fresh(accelerator), tmp_path / "checkpoint", accelerator)
    assert "processes 8, now it is 1" in note
