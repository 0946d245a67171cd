"""Sheets of every edit on every portrait of a folder."""

import numpy as np
import pytest
import torch
from PIL import Image

from gan_models import portrait
from gan_models.networks.dcgan import DCGANGenerator
from gan_models.networks.retouch import RetouchEditor
from gan_models.portrait import drawn_portrait
from training import portraits
from training.commands import portraits as command

NAMES = ["Smiling", "Bald"]


@pytest.fixture
def editor(tmp_path):
    torch.manual_seed(0)
    editor = RetouchEditor(64, width=8, finest=8, attributes=NAMES)
    torch.nn.init.normal_(editor.smooth.weight, 0, 0.05)
    editor.save_pretrained(tmp_path / "editor")
    return tmp_path / "editor"


def test_a_sheet_shows_the_photo_and_both_directions_of_each_attribute(tmp_path, monkeypatch, editor, capsys):
    asked = []

    def opened(model, path):
        asked.append(path.name)
        return drawn_portrait(model, torch.rand(3, 64, 64) * 2 - 1, 96)

    monkeypatch.setattr(portrait, "open_portrait", opened)
    (tmp_path / "photos").mkdir()
    for name in ("b.jpg", "a.png", "notes.txt"):
        (tmp_path / "photos" / name).touch()
    arguments = [
        str(editor),
        "--portraits",
        str(tmp_path / "photos"),
        "--output",
        str(tmp_path / "out"),
        "--tile",
        "64",
    ]
    assert command.main(arguments) == 0
    assert asked == ["a.png", "b.jpg"]
    sheet = np.asarray(Image.open(tmp_path / "out/a.jpg")).astype(int)
    assert sheet.shape == (64, portraits.COLUMNS * 64, 3)  # the photo, + and - of two attributes
    photo, edits = sheet[20:, :64], [sheet[20:, 64 * k : 64 * (k + 1)] for k in range(1, 5)]
    assert max(np.abs(edit - photo).mean() for edit in edits) > 1
    assert sheet[:, 5 * 64 + 16 :].min() > 240  # nothing more


def test_what_cannot_be_looked_at_is_reported_in_a_sentence(tmp_path, editor, capsys):
    output = ["--output", str(tmp_path / "out")]
    assert command.main([str(editor), "--portraits", str(tmp_path / "none"), *output]) == 2
    assert "There are no photos in" in capsys.readouterr().err
    DCGANGenerator(8, 3, latent_dim=4, width=4).save_pretrained(tmp_path / "faces")
    assert command.main([str(tmp_path / "faces"), "--portraits", str(tmp_path), *output]) == 2
    assert "is not an editor" in capsys.readouterr().err
