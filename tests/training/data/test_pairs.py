"""Pairs of pictures: which belong together, what is left out, and a network that learns from them."""

import json
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import small, train

import gan_models
from training import loop
from training.data import DataError, open_pairs
from training.data.dataset import Dataset
from training.games import GAMES
from training.recipes import RECIPES
from training.settings import change
from training.starting import build_state


def write(folder, name: str, value: int, size: int = 64) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (size, size), (value, value, value)).save(path)


@pytest.fixture
def folders(tmp_path):
    inputs, targets = tmp_path / "inputs", tmp_path / "targets"
    for k in range(6):
        write(inputs, f"a/{k}.png", 10 * k)
        write(targets, f"a/{k}.bmp", 10 * k + 5)
    return inputs, targets


def test_pictures_of_one_name_are_a_pair(folders):
    inputs, targets = folders
    write(inputs, "alone.png", 0)
    write(inputs, "small.png", 0, 8)
    write(targets, "small.png", 0)
    found = open_pairs(inputs, targets, 16)
    assert (found.images[:, 0, 0, 0] - found.sources[:, 0, 0, 0]).tolist() == [5] * 6 and found.name == "inputs-targets"
    assert found.notes[0].endswith("6 pairs.") and "no picture of that name: 1." in found.notes[1]
    assert "smaller than 16 px: 1." in found.notes[2]
    with zipfile.ZipFile(inputs.parent / "inputs.zip", "w") as archive:
        for k in range(6):
            archive.write(inputs / f"a/{k}.png", f"a/{k}.png")
    zipped = open_pairs(inputs.parent / "inputs.zip", targets, 16)
    assert np.array_equal(zipped.sources, found.sources) and zipped.checksum == found.checksum
    write(inputs, "a/0.png", 99)
    assert open_pairs(inputs, targets, 16).checksum != found.checksum


def test_what_is_no_pair_is_refused(folders, tmp_path):
    inputs, targets = folders
    write(tmp_path / "others", "b.png", 0)
    with pytest.raises(DataError, match="must have the same name"):
        open_pairs(inputs, tmp_path / "others", 16)
    with pytest.raises(DataError, match="There is no folder"):
        open_pairs(inputs, tmp_path / "nowhere", 16)
    with pytest.raises(DataError, match="smaller than 512 px"):
        open_pairs(inputs, targets, 512)


def test_both_pictures_of_a_pair_are_mirrored_and_enlarged_alike():
    recipe = change(RECIPES["celeba-restore"], [*small("celeba-restore"), "generator.damages=[]", "closer=1"])
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (8, 3, 64, 64), np.uint8)
    dataset = negatives(images)
    state = build_state(recipe, dataset, 0, torch.device("cpu"))
    batch = loop.load_batch(recipe, dataset, state.generator, 0, 8, seed=0)
    assert torch.allclose(batch.sources, -batch.real, atol=1e-5)
    drawn = GAMES["restoring"](recipe, torch.device("cpu")).generate(state, batch)
    assert torch.allclose(drawn.source[:, :3], -drawn.real, atol=1e-5) and not drawn.source[:, 3].any()
    assert [
        torch.equal(part.sources, some) for part, some in zip(batch.parts(2), batch.sources.split(4), strict=True)
    ] == [True, True]


def negatives(images) -> Dataset:
    """The negatives of pictures, and the pictures."""
    return Dataset("pairs", images, None, None, False, "", sources=255 - images)


def test_a_network_learns_from_pairs_by_one_command(folders, tmp_path, alone, capsys):
    inputs, targets = folders
    words = [*("--pairs", inputs, targets, "--images", 8, "--set", "batch_size=4", "--output", tmp_path / "run")]
    assert train("celeba-restore", *words) == 0
    model = gan_models.load(tmp_path / "run/model")
    assert model.damages == ()
    pictures = torch.zeros(1, 3, 64, 64)
    assert not torch.equal(model.restore(pictures), pictures)
    assert model.restore(Image.new("RGB", (90, 70))).size == (90, 70)
    with pytest.raises(gan_models.InvalidInput, match="leave the mask out|fills no holes"):
        model.restore(pictures, torch.ones(64, 64))
    assert json.loads((tmp_path / "run/options.json").read_text())["data"]["name"] == "inputs-targets"
    assert "as learned from pairs of pictures" in (tmp_path / "run/model/README.md").read_text()
    assert train("celeba-restore", *words, "--resume") == 0
    capsys.readouterr()
    for wrong, message in (
        (["celeba-cgan", "--pairs", inputs, targets], "does not learn from pairs"),
        (["celeba-restore", "--pairs", inputs, targets, "--data", inputs], "leave --data"),
        (["celeba-cyclegan", "--data-b", inputs], "name the first one by --data"),
    ):
        assert train(*wrong, "--output", tmp_path / "wrong") == 2
        assert message in capsys.readouterr().err
