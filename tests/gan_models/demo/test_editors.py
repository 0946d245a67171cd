"""Which models the page offers for what: those that draw, and those that edit photos."""

import pytest
import torch
from demo_server import ATTRIBUTES, Asking, tiny, tiny_editor

from gan_models.demo import Models, build
from gan_models.demo.models import most_of
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
        return [name for name, tab in page.tabs.items() if tab.visible]

    assert tabs("plain", "editor")[:3] == ["photo", "sample", "walk"] and "attributes" not in tabs("plain")
    assert tabs("faces")[:3] == ["sample", "walk", "attributes"] and "photo" not in tabs("faces")
    assert "photo" in tabs("editor") and not {"sample", "walk", "attributes"} & set(tabs("editor"))


def test_editors_on_one_page_have_the_same_attributes_and_retouching_ones_come_first(folder):
    assert models(folder, "faces", "editor").editors() == ["editor"]
    assert models(folder, "editor", "faces", "retouch", "other").editors() == ["retouch"]
    assert models(folder, "faces").editors() == []
    assert most_of(models(folder, "retouch")["retouch"]) == 1 < most_of(models(folder, "editor")["editor"])


def test_a_drawn_face_is_retouched(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    page = build(models(folder, "faces", "retouch"), tmp_path)
    sliders = [
        block
        for block in page.blocks.values()
        if (block.elem_id or "").startswith("retouch-") and hasattr(block, "minimum")
    ]
    assert [(slider.minimum, slider.maximum) for slider in sliders] == [(-1, 1), (-1, 1)]
    assert {"sample", "open_example", "retouch"} <= {function.name for function in page.fns.values()}
    morph = next(block for block in page.blocks.values() if block.elem_id == "morph-way")
    assert [value for _, value in morph.choices] == ["faces"]  # through a generator alone
    (gallery,), said = Asking(page)("sample", ["faces", 1, 2, 1.0, -1, [], []])
    assert len(gallery) == 2 and not said
