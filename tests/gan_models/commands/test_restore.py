"""`gan-studio restore` with the bundled models: one repairs, another fills holes."""

import numpy as np
import pytest
from PIL import Image

from gan_models.commands import restore


@pytest.fixture
def photo(tmp_path):
    y, x = np.mgrid[0:90, 0:80]
    picture = Image.fromarray(np.stack([x * 3, y * 2, x + y], -1).astype(np.uint8))
    picture.save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_a_photo_is_enlarged_by_the_bundled_model(photo, tmp_path, capsys):
    assert restore.main([str(photo), "--damage", "shrink", "--scale", "2", "-o", str(tmp_path / "large.png")]) == 0
    assert Image.open(tmp_path / "large.png").size == (160, 180) and "by celeba-restore" in capsys.readouterr().out


def test_without_a_damage_a_whole_photo_stays(photo, tmp_path):
    assert restore.main([str(photo), "-o", str(tmp_path / "same.png")]) == 0
    difference = np.asarray(Image.open(tmp_path / "same.png"), int) - np.asarray(Image.open(photo), int)
    assert np.square(difference).mean() < 20  # 35 dB


def test_a_hole_is_filled_by_the_generator_of_faces(photo, tmp_path, capsys, monkeypatch):
    from gan_models import inversion

    monkeypatch.setattr(inversion, "fill_photo", lambda model, photo, mask: Image.open(photo))
    Image.new("L", (80, 90)).save(tmp_path / "mask.png")
    words = [str(photo), "--mask", str(tmp_path / "mask.png"), "-o", str(tmp_path / "whole.png")]
    assert restore.main(words) == 0 and "by celeba-cgan" in capsys.readouterr().out
    assert restore.main([*words, "--damage", "noise"]) == 2
    assert "can only fill a --mask" in capsys.readouterr().err
