"""`gan-studio restore` with the bundled models, one of which repairs and another fills holes; `gan-studio translate`."""

import numpy as np
import pytest
import torch
from PIL import Image

from gan_models.commands import restore, translate
from gan_models.networks.restore import Restorer
from gan_models.networks.translate import Translator


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

    asked = []
    monkeypatch.setattr(
        inversion, "fill_photo", lambda model, photo, mask, rest: asked.append(rest) or Image.open(photo)
    )
    mask = Image.new("L", (80, 90))
    mask.paste(255, (20, 20, 40, 40))
    mask.save(tmp_path / "mask.png")
    words = [str(photo), "--mask", str(tmp_path / "mask.png"), "-o", str(tmp_path / "whole.png")]
    assert restore.main(words) == 0 and "by celeba-cgan" in capsys.readouterr().out
    assert restore.main([*words, "--model", "celeba-cgan"]) == 0
    assert "fill" in asked[0].damages and asked[1] is None  # what lies outside faces is filled by the default alone
    assert restore.main([*words, "--model", "celeba-cgan", "--damage", "noise"]) == 2
    assert "can only fill a --mask" in capsys.readouterr().err
    assert restore.main([*words, "--damage", "noise"]) == 0 and "by celeba-restore" in capsys.readouterr().out


def test_a_photo_is_turned_into_another_kind(photo, tmp_path, capsys):
    kinds = Translator(image_size=32, width=8, embedding=8, labels=["summer", "winter"])
    torch.nn.init.normal_(kinds.change.weight, 0, 0.2)  # which a new one does not have
    kinds.save_pretrained(tmp_path / "kinds")
    Restorer(image_size=32, width=8, embedding=8, damages=[]).save_pretrained(tmp_path / "pairs")
    made = {}
    for name, to in (("kinds", "summer"), ("kinds", "Winter"), ("pairs", None)):
        output = tmp_path / f"{name}-{to}.png"
        words = [str(photo), "--model", str(tmp_path / name), *(["--to", to] if to else []), "-o", str(output)]
        assert translate.main(words) == 0 and "80 x 90 pixels, by" in capsys.readouterr().out
        made[name, to] = Image.open(output).tobytes()
    assert len(set(made.values()) | {Image.open(photo).tobytes()}) >= 3
    for name, to, said in (
        ("kinds", None, "--to summer or --to winter"),
        ("kinds", "sumer", "did you mean summer"),
        ("pairs", "summer", "leave --to out"),
        ("mnist-cgan", "3", "does not translate"),
    ):
        model = name if name == "mnist-cgan" else str(tmp_path / name)
        words = [str(photo), "--model", model, *(["--to", to] if to else []), "-o", str(tmp_path / "no.png")]
        assert translate.main(words) == 2 and said in capsys.readouterr().err
    assert restore.main([str(photo), "--model", str(tmp_path / "kinds"), "-o", str(tmp_path / "no.png")]) == 2
    assert "gan-studio translate" in capsys.readouterr().err and not (tmp_path / "no.png").exists()
