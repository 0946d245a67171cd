"""The tabs Repair, Sketch and Translate: there where a model is, reading what was painted, and answering with pictures."""

import io
import re
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
import torch
from demo_server import ATTRIBUTES, Asking, tiny
from gradio.components.image_editor import EditorDataBlobs
from PIL import Image

from gan_models import model_folder
from gan_models.demo import Models, about, build, repair, sketch, translate, words
from gan_models.demo.painting import MOST_KEPT, thickness
from gan_models.errors import InvalidInput
from gan_models.networks.restore import Restorer
from gan_models.networks.translate import Translator


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    tiny(folder / "faces", image_size=64, image_channels=3, labels=ATTRIBUTES, multi_label=True)
    tiny(folder / "things", image_size=64, image_channels=3)
    torch.manual_seed(0)
    for name, arguments in {
        "restore": {},
        "sketch": {"damages": ["edges"], "residual": False},
        "digits": {"image_channels": 1, "damages": ["fill"]},
        "pairs": {"damages": []},
    }.items():
        model_folder.save(Restorer(**{"image_size": 32, "width": 8} | arguments).eval(), folder / name)
    kinds = Translator(image_size=32, width=8, embedding=8, labels=["summer", "winter"])
    torch.nn.init.normal_(kinds.change.weight, 0, 0.2)  # which a new one does not have
    model_folder.save(kinds.eval(), folder / "kinds")
    return folder


def models(folder, *names) -> Models:
    return Models([str(folder / name) for name in names])


@pytest.fixture(scope="module")
def ask(folder, tmp_path_factory):
    run, patch = tmp_path_factory.mktemp("run"), pytest.MonkeyPatch()
    patch.setenv("GRADIO_TEMP_DIR", str(run))
    yield Asking(build(models(folder, "faces", "restore", "sketch"), run))
    patch.undo()


def test_a_tab_without_its_model_is_not_there(folder):
    some = models(folder, "things", "digits")
    assert not repair.there(some) and not sketch.there(some)
    assert set(repair.able(models(folder, "restore")).values()) == {"restore"}
    assert repair.able(models(folder, "digits")) == {}
    assert repair.able(models(folder, "faces")) == {"fill": "faces"}
    both = models(folder, "restore", "faces")
    assert repair.able(both)["fill"] == "faces" and repair.able(both)["noise"] == "restore"
    assert repair.filler(both) is both["restore"] and repair.filler(models(folder, "faces", "sketch")) is None
    assert models(folder, "faces", "restore", "sketch").generators() == ["faces"]


def paint(ask: Asking, endpoint: str, size: tuple[int, int], box) -> dict:
    """What the page sends of a canvas, after it has sent the layer."""
    canvas = next(block for block in ask.named(endpoint).inputs if isinstance(block, gr.ImageEditor))
    layer = Image.new("RGBA", size)
    layer.paste((255, 0, 255, 255), box)
    file = io.BytesIO()
    layer.save(file, "PNG")
    canvas.blob_storage["a name"] = EditorDataBlobs(background=b"x", layers=[file.getvalue()], composite=b"x")
    assert canvas.blob_storage["a name"].background is None
    return {"id": "a name", "background": None, "layers": [], "composite": None}


def test_what_is_painted_over_is_filled_and_nothing_else(ask):
    said = ask("repair", [None, None, "fill", 0])[1]
    assert said and "no photo yet" in said[0]
    outputs, said = ask("take_drawn", [])
    assert not said
    assert "Nothing is marked" in ask("repair", [None, None, "fill", 0])[1][0]
    outputs, said = ask("repair", [None, paint(ask, "repair", (256, 256), (60, 60, 140, 120)), "fill", 0])
    assert not said
    before, after = (np.asarray(Image.open(part["path"] if isinstance(part, dict) else part)) for part in outputs[0])
    changed = (before != after).any(-1)
    assert changed[60:120, 60:140].mean() > 0.5
    changed[60:120, 60:140] = False
    assert not changed.any()


def test_a_painting_that_came_as_uploads_is_read_once_and_nothing_of_it_stays(ask):
    ask("take_drawn", [])
    sent = {}
    for name in ("layer", "background", "composite"):
        path = ask.page.uploads.new_folder() / f"{name}.png"
        picture = Image.new("RGBA", (256, 256))
        picture.paste((255, 0, 255, 255), (60, 60, 140, 120))
        picture.save(path)
        sent[name] = {"path": str(path), "meta": {"_type": "gradio.FileData"}}
    ask.page.uploads.add([file["path"] for file in sent.values()])
    value = {"layers": [sent["layer"]], "background": sent["background"], "composite": sent["composite"]}
    outputs, said = ask("repair", [None, value, "fill", 0])
    assert not said and len(outputs[0]) == 2
    assert not any(any(open(file["path"], "rb").read()) for file in sent.values())
    assert ask("repair", [None, value, "fill", 0])[1] == [words.NO_UPLOAD]


def test_other_damage_and_larger(ask):
    ask("take_drawn", [])
    for wish, side in (("twice", 512), ("colour", 256), ("all", 256)):
        outputs, said = ask("repair", [None, None, wish, 0.5])
        assert not said, wish
        told = outputs[1]["value"] if isinstance(outputs[1], dict) else outputs[1]
        path, name = re.search(r'href="gradio_api/file=([^"]+)" download="([^"]+)"', told).groups()
        assert Image.open(path).size == (side, side) and name == "repaired.png"
    assert ask("repair", [None, None, "rust", 0])[1] == ["That model is not offered here; choose one from the list."]


def test_who_finds_no_damage_says_so(ask, monkeypatch):
    ask("take_drawn", [])
    monkeypatch.setattr(Restorer, "strengths_of", lambda self, *rest: torch.zeros(1, len(self.told)))
    assert ask("repair", [None, None, "all", 0])[1] == [words.NOTHING_DETECTED]


def test_lines_become_a_picture_and_no_lines_none(ask):
    outputs, said = ask("sketch", [paint(ask, "sketch", (512, 512), (100, 100, 300, 110))])
    assert not said and outputs[0]["path"]
    assert ask("sketch", [None])[0][0] is None
    (example, *_), said = ask("take_lines", [])
    lines = thickness(Path(example["layers"][0]["path"]).read_bytes())  # the page sends the same file back
    assert not said and set(np.unique(lines)) == {0, 1} and 0.02 < lines.mean() < 0.4


def test_what_comes_in_the_place_of_a_painting(ask):
    canvas = next(block for block in ask.named("sketch").inputs if isinstance(block, gr.ImageEditor))
    assert ask("sketch", [{"layers": [{"path": "/etc/passwd"}]}])[1] == [words.NO_UPLOAD]
    for junk in ({"id": "unknown"}, {"id": ["x"]}, "x", 3):
        assert ask("sketch", [junk])[0][0] is None
    canvas.blob_storage["bad"] = EditorDataBlobs(background=None, layers=[b"no picture"], composite=None)
    assert "cannot be read" in ask("sketch", [{"id": "bad"}])[1][0]
    for k in range(2 * MOST_KEPT):
        canvas.blob_storage[str(k)] = EditorDataBlobs(background=None, layers=[b"x"], composite=None)
    assert len(canvas.blob_storage) == MOST_KEPT
    with pytest.raises(InvalidInput):
        thickness(b"")


def test_a_generator_of_faces_fills_holes_too(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr(repair.inversion.fill_photo, "__kwdefaults__", {"steps": 3, "rest": None})
    ask = Asking(build(models(folder, "faces"), tmp_path))
    ask("take_drawn", [])
    outputs, said = ask("repair", [None, paint(ask, "repair", (256, 256), (90, 110, 140, 160)), "fill", 0])
    assert not said
    before, after = (np.asarray(Image.open(part["path"] if isinstance(part, dict) else part)) for part in outputs[0])
    changed = (before != after).any(-1)
    assert changed[110:160, 90:140].mean() > 0.5
    changed[110:160, 90:140] = False
    assert not changed.any()


def test_a_photo_is_turned_into_each_kind_and_by_what_learned_from_pairs(folder, tmp_path, monkeypatch):
    assert not translate.there(models(folder, "faces", "restore", "sketch"))
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    some = models(folder, "kinds", "pairs", "faces")
    ask = Asking(build(some, tmp_path))
    wishes = dict(translate.wishes_for(some))
    assert list(wishes) == ["pairs", "summer (kinds)", "winter (kinds)"]
    assert "summer, winter" in about.abilities(some["kinds"])
    assert ask("translate", [None, wishes["pairs"]])[1] == [words.NO_DAMAGED]
    pictures = {}
    for words_for, wish in wishes.items():
        outputs, said = ask("translate_drawn", [wish])
        assert not said
        before, after = (Image.open(part["path"] if isinstance(part, dict) else part) for part in outputs[2])
        assert before.size == after.size == (256, 256) and "translated.png" in str(outputs[3])
        pictures[words_for] = after.tobytes()
    assert pictures["summer (kinds)"] != pictures["winter (kinds)"]
    assert ask("translate", [None, "kinds\nautumn"])[1] == [words.NOT_OFFERED]


@pytest.mark.parametrize("name", ["kinds", "pairs"])
def test_a_page_of_such_a_model_alone_opens(folder, name, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    page = build(models(folder, name), tmp_path)
    assert next(iter(page.tabs)) == "translate"
