"""The tab Verify: what it says of a file, of which nothing stays, and of a stranger's words in it."""

import io

import numpy as np
import pytest
from demo_server import Asking, tiny
from PIL import Image

from gan_models import detection, images, marks
from gan_models.demo import Models, build, speaking, verify, words
from gan_models.marks import EDITED, Mark
from gan_models.verification import verify as judged


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    run, patch = tmp_path_factory.mktemp("run"), pytest.MonkeyPatch()
    patch.setenv("GRADIO_TEMP_DIR", str(run))
    folder = tiny(tmp_path_factory.mktemp("models") / "digits")
    yield Asking(build(Models([str(folder)]), run))
    patch.undo()


@pytest.fixture(autouse=True)
def detector(stand_in):
    return stand_in


def picture(side: int = 64) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8))


def sent(ask: Asking, content: bytes, name: str = "a.png") -> dict:
    """As the upload route leaves it."""
    path = ask.page.uploads.new_folder() / name
    path.write_bytes(content)
    ask.page.uploads.add([str(path)])
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}}


def test_a_file_is_told_of_once_and_nothing_of_it_stays(ask):
    upload = sent(ask, marks.encode(picture(100), ".png", Mark("celeba-cgan")))
    (cleared, shown, told), said = ask("verify", [upload])
    assert not said and cleared is None
    assert "celeba-cgan of GAN Studio has drawn it" in told and told.count("<tr>") == 5
    shown = shown["value"] if "value" in shown else shown
    assert Image.open(shown["path"] if isinstance(shown, dict) else shown).size == (100, 100)
    assert not any(open(upload["path"], "rb").read())
    assert ask("verify", [upload])[1] == [words.NO_UPLOAD]
    assert ask("verify", [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}])[1] == [words.NO_UPLOAD]


def test_films_have_no_picture_and_what_is_none_is_one_sentence(ask):
    film = images.film_with(b"\0\0\0\x0cftypisom", marks.to_xmp(Mark("m")))
    (_, shown, told), said = ask("verify", [sent(ask, film, "a.mp4")])
    assert not said and "m of GAN Studio" in told and words.NO_OPINION in told and not shown.get("visible")
    assert "not a picture" in ask("verify", [sent(ask, b"hello")])[1][0]


def test_strangers_words_are_letters(ask):
    mark = Mark("<img src=http://example.org>", kind=EDITED, edits={"<b>": 0.5})
    told = ask("verify", [sent(ask, marks.encode(picture(), ".webp", mark), "a.webp")])[0][2]
    assert "<img" not in told and "&lt;img" in told and "&lt;b&gt; +0.5" in told


def test_it_speaks_chinese():
    spoken = speaking.SPOKEN.set("zh")
    try:
        told = verify.as_html(judged(marks.encode(picture(), ".png", Mark("celeba-cgan"))))
    finally:
        speaking.SPOKEN.reset(spoken)
    assert "文件里记录着它由 GAN Studio 的 celeba-cgan 所画" in told and "缩放过" in told
    assert not any(word in told for word in ("written", "drawn", "real", "undamaged", "JPEG quality"))


def test_without_a_detector_the_metadata_are_told_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(detection, "FOLDER", tmp_path)
    told = verify.as_html(judged(marks.encode(picture(), ".png", Mark("celeba-cgan"))))
    assert "celeba-cgan of GAN Studio has drawn it" in told and words.NO_DETECTOR in told and "<table" not in told


def test_a_file_of_another_kind_of_picture(ask):
    file = io.BytesIO()
    picture().save(file, "BMP")
    assert not ask("verify", [sent(ask, file.getvalue(), "a.bmp")])[1]
