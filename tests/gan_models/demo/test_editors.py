"""Which models the page offers for what: those that draw, and those that edit photos."""

import json
import shutil

import gradio as gr
import pytest
import torch
from demo_server import ATTRIBUTES, Asking, tiny, tiny_editor

from gan_models import studio
from gan_models.demo import Models, build, photo
from gan_models.networks.retouch import RetouchEditor


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A generator of faces, an editor that draws, one that retouches, and another with other attributes."""
    folder = tmp_path_factory.mktemp("models")
    tiny(folder / "faces", image_size=64, image_channels=3, labels=ATTRIBUTES, multi_label=True)
    tiny(folder / "plain", image_size=28, image_channels=1)
    tiny_editor(folder / "editor")
    torch.manual_seed(0)
    RetouchEditor(64, width=8, finest=8, embedding=8, attributes=["Smiling", "Male"]).save_pretrained(
        folder / "retouch"
    )
    RetouchEditor(64, width=8, finest=8, embedding=8, attributes=["Young"]).save_pretrained(folder / "other")
    return folder


def models(folder, *names: str) -> Models:
    return Models([str(folder / name) for name in names])


def test_an_editor_is_no_generator(folder):
    assert models(folder, "retouch", "faces", "editor").generators() == ["faces"]
    assert models(folder, "retouch", "editor").generators() == []


def test_a_page_has_the_tabs_that_its_models_serve(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))

    def tabs(*names: str) -> list[str]:
        page = build(models(folder, *names), tmp_path)
        return [name for name in page.tabs if name not in page.unserved]

    assert tabs("plain", "editor")[:3] == ["photo", "sample", "walk"] and "attributes" not in tabs("plain")
    assert tabs("faces")[:3] == ["sample", "walk", "attributes"] and "photo" not in tabs("faces")
    assert "photo" in tabs("editor") and not {"sample", "walk", "attributes"} & set(tabs("editor"))


def test_all_editors_are_offered_and_retouching_ones_come_first(folder):
    assert models(folder, "editor", "faces", "retouch", "other").editors() == ["retouch", "other", "editor"]
    assert models(folder, "faces").editors() == []


@pytest.fixture
def offering(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))

    def build_with(*names: str) -> Asking:
        return Asking(build(models(folder, *names), tmp_path))

    return build_with


def studio_of(ask: Asking):
    return next(block for block in ask.page.blocks.values() if block.elem_id == "studio")


def test_a_drawn_face_is_retouched(offering):
    ask = offering("faces", "retouch")
    opened = studio_of(ask).value
    assert opened["kind"] == "opened" and opened["drawn"] and opened["src"].startswith("data:image/jpeg;base64,")
    assert [(slider["name"], slider["least"], slider["most"]) for slider in opened["sliders"]] == [
        ("Smiling", -1, 1),
        ("Male", -1, 1),
    ]
    wished = {"key": opened["key"], "turn": 7, "face": 0, "edits": {"0": {"Smiling": 1.0, "Male": -1.0}}}
    (patch,), said = ask("retouch", ["retouch", None, wished])
    assert not said and patch["kind"] == "patch" and patch["turn"] == 7 and patch["src"]
    (patch,), said = ask("retouch", ["retouch", None, wished | {"edits": {}}])
    assert not said and patch["src"] is None  # as it was
    morph = next(block for block in ask.page.blocks.values() if block.elem_id == "morph-way")
    assert [value for _, value in morph.choices] == ["faces"]  # through a generator alone
    (gallery, *_), said = ask("draw_samples", ["faces", 1, 2, 1.0, -1, [], []])
    assert len(gallery) == 2 and not said


def test_without_a_generator_the_bundled_one_draws_the_faces(offering):
    ask = offering("retouch")
    assert studio_of(ask).value["drawn"] and set(ask.page.tabs) & {"sample", "walk"} == set()


def test_the_first_sliders_go_both_ways_as_far_as_there_are_such(monkeypatch):
    """Else the drawn face that is opened first may leave one of them no way at all."""
    one, both = studio.Offer(less="good", more="nothing"), studio.Offer()
    offers = {"Blond_Hair": one, "Bald": one, "Male": both, "Smiling": both, "Young": both, "Bangs": both}
    models = type("", (), {"offered": lambda self, name: offers})()
    groups = {slider["name"]: slider["group"] for slider in photo.sliders(models, "editor")}
    assert [name for name, group in groups.items() if group == "first"] == ["Smiling", "Young", "Male", "Bangs"]
    assert groups["Blond_Hair"] == groups["Bald"] == "more"


def test_what_an_editor_is_bad_at_is_behind_or_not_offered(folder, tmp_path, monkeypatch):
    """metrics.json of its folder says how good it is at what."""
    shutil.copytree(folder / "retouch", tmp_path / "measured")
    offered = {"Smiling": {"more": "fair", "less": "broken"}, "Male": {"more": "good", "less": 7}, "Other": "x"}
    (tmp_path / "measured" / "metrics.json").write_text(json.dumps({"offered": offered}))
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    ask = Asking(build(Models([str(folder / "faces"), str(tmp_path / "measured")]), tmp_path))
    opened = studio_of(ask).value
    told = {slider["name"]: (slider["group"], slider["least"], slider["most"]) for slider in opened["sliders"]}
    assert told == {"Male": ("first", -1, 1), "Smiling": ("unreliable", 0, 1)}
    wished = {"key": opened["key"], "face": 0, "edits": {"0": {"Smiling": -0.5}}}
    (answer,), said = ask("retouch", ["measured", None, wished])
    assert "not offered" in answer["said"]
    (tmp_path / "measured" / "metrics.json").write_text('{"offered": [1]}')
    told = Models([str(tmp_path / "measured")]).offered("measured")
    assert set(told.values()) == {("good", "good")}  # a table that is none is not heard


def test_another_editor_takes_the_same_photo_over(offering):
    ask = offering("faces", "retouch", "editor")
    endpoint = ask.named("choose_editor")
    outputs, said = ask(endpoint, ["editor", None])
    shown = dict(zip((block.elem_id for block in endpoint.outputs), outputs, strict=True))
    assert not said and len(shown["studio"]["sliders"]) == 14 and "editor" in shown["about-editor"]
    assert [value for _, value in shown["morph-way"]["choices"]] == ["themselves", "faces"]


def test_photos_of_an_editor_without_codes_are_morphed_by_one_that_has_them(offering):
    ask = offering("faces", "retouch", "editor")
    morph = next(block for block in ask.page.blocks.values() if block.elem_id == "morph-way")
    assert [value for _, value in morph.choices] == ["themselves", "faces"]
    ask("open_example", ["retouch", {"face": 1}])
    subject, another = (
        next(block for block in ask.named(name).outputs if isinstance(block, gr.State))
        for name in ("open_example", "open_other")
    )
    ask.state[another._id] = ask.state[subject._id].portrait
    ask("open_example", ["retouch", {"face": 2}])
    endpoint = ask.named("morph")
    outputs, said = ask(endpoint, ["retouch", None, None, "themselves"])
    shown = dict(zip((block.elem_id for block in endpoint.outputs), outputs, strict=True))
    assert not said and len(shown["morph-strip"]) == 9 and shown["morph-video"]
