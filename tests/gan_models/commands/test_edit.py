"""`gan-studio edit`: a photo at full size, changed where the face is."""

import numpy as np
import pytest
from PIL import Image

import gan_models
from gan_models import cli, marks, photos, portrait
from gan_models.networks import find


@pytest.fixture
def photo(tmp_path, monkeypatch):
    """A face of nobody in a photo of 300 x 200, which is found where it is."""
    path, faces = tmp_path / "photo.png", gan_models.load("celeba-cgan")
    drawn = faces.generate(faces.sample_latents(1, seed=4), faces.sample_labels(1, seed=4))
    face = gan_models.images.to_pil(drawn)[0].resize((160, 160))
    whole = Image.new("RGB", (300, 200), (40, 90, 160))
    whole.paste(face, (60, 20))
    whole.save(path)

    def find(photo):
        found = photos.aligned_face(face)
        moved = portrait.geometry.Similarity(1, 60 + 20j)
        return [portrait.replace(found, box=(60, 20, 220, 180), frame=moved @ found.frame)]

    monkeypatch.setattr(portrait.photos, "find_faces", find)
    return path


def pixels(path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.array(picture.convert("RGB")).astype(int)


def test_the_photo_comes_back_at_full_size_changed_where_the_face_is(photo, tmp_path, capsys):
    out = tmp_path / "out.png"
    assert cli.main(["edit", str(photo), "--set", "smiling=1", "Eyeglasses=-0.5", "--set", "Male", "-o", str(out)]) == 0
    told = capsys.readouterr()
    assert "Smiling=1 Eyeglasses=-0.5 Male=1, face 1 of 1" in told.out
    assert told.err == "note: this editor does these changes badly or not at all: Eyeglasses, Male.\n"
    before, after = pixels(photo), pixels(out)
    changed = abs(after - before).max(-1) > 8
    assert after.shape == (200, 300, 3) and changed[20:180, 60:220].mean() > 0.1 and not changed[:, :30].any()
    assert cli.main(["edit", str(photo), "--set", "Smiling=0", "-o", str(out)]) == 0
    assert np.array_equal(pixels(out), before)  # 0 leaves alone
    assert cli.main(["edit", str(photo), "--list"]) == 0 and "Smiling" in capsys.readouterr().out


def test_what_cannot_be_is_one_sentence(photo, tmp_path, capsys):
    out = str(tmp_path / "out.png")
    for arguments, words in (
        (["--set", "smilin=1", "-o", out], "did you mean Smiling?"),
        (["--set", "Smiling=2", "-o", out], "from -1 to 1"),
        (["--set", "Smiling=nan", "-o", out], "from -1 to 1"),
        (["--set", "Smiling", "-o", str(photo)], "the photo itself"),
        (["--set", "Smiling", "-o", str(tmp_path / "out.bmp")], "must end in .jpg"),
        (["--set", "Smiling", "-o", out, "--model", "mnist-cgan"], "is not an editor"),
        (["--set", "Smiling", "-o", out, "--face", "2"], "from 1 to 1"),
    ):
        assert cli.main(["edit", str(photo), *arguments]) == 2
        err = capsys.readouterr().err
        assert err.startswith("error: ") and words in err and err.count("\n") == 1
    assert cli.main(["edit", str(tmp_path / "none.jpg"), "--set", "Smiling", "-o", out]) == 2
    assert "There is no file" in capsys.readouterr().err and not (tmp_path / "out.png").exists()


def test_what_an_edit_writes_says_so(photo, tmp_path):
    out = tmp_path / "out.jpg"
    assert cli.main(["edit", str(photo), "--set", "Black_Hair=0.5", "-o", str(out)]) == 0
    mark = marks.read(out)
    assert mark.kind == marks.EDITED and mark.edits == {"Black_Hair": 0.5}
    assert (mark.model, mark.revision) == marks.origin(find("celeba-editor"))
    with Image.open(out) as opened:
        assert b"non-commercial" in opened.info["xmp"]
    assert cli.main(["edit", str(photo), "--set", "Black_Hair=0", "-o", str(out)]) == 0
    assert marks.read(out) is None, "nothing was changed"
