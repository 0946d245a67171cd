"""Editing a photo, or a drawn face."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from visitor import Visitor, far, idle, move, open_tab, stage, until

import gan_models


def test_the_page_opens_with_a_drawn_face_that_changes_at_once(visitor):
    visitor.page.goto(visitor.page.url.partition("?")[0])  # without a click on any tab
    page = visitor.page
    page.locator("#studio canvas").wait_for()
    assert page.locator("#retouch-sliders > .change").count() == 4
    until(visitor, lambda: stage(visitor).shape == (512, 512, 3))
    before = stage(visitor)
    assert before.std() > 10 and "does not exist" in page.locator("#studio .drawn").inner_text()
    value = move(visitor, "Male")
    assert abs(value) == 1
    until(visitor, lambda: far(stage(visitor), before) > 10)
    idle(visitor)
    after = stage(visitor)
    shown = page.locator("#retouch-Male output")
    assert shown.inner_text() in ("+1.0", "\u22121.0") and "Masculine" in page.locator("#studio canvas").get_attribute(
        "aria-label"
    )

    # Held by the mouse and by a key, the original is there; nothing hides half of the picture.
    page.locator("#studio canvas").hover()
    page.mouse.down()
    assert far(stage(visitor), before) == 0
    page.mouse.up()
    assert far(stage(visitor), after) == 0
    page.locator("#studio .compare").focus()
    page.keyboard.down("Space")
    assert far(stage(visitor), before) == 0 and page.locator("#studio .badge").is_visible()
    page.keyboard.up("Space")
    assert far(stage(visitor), after) == 0

    # Undo, redo, one and all back to nothing.
    page.locator("#studio .undo").click()
    until(visitor, lambda: far(stage(visitor), before) == 0)
    assert shown.inner_text() == "0" and page.locator("#studio .undo").is_disabled()
    page.locator("#retouch-Male input").press("Control+Shift+Z")
    until(visitor, lambda: far(stage(visitor), after) == 0)
    page.locator("#retouch-Male output").dblclick()
    until(visitor, lambda: far(stage(visitor), before) == 0)
    move(visitor, "Male")
    move(visitor, "Mouth_Slightly_Open")
    until(visitor, lambda: far(stage(visitor), before) > 10)
    page.locator("#studio .reset").click()
    until(visitor, lambda: far(stage(visitor), before) == 0)
    assert {output.inner_text() for output in page.locator("#studio output").all()} == {"0"}


def test_the_edited_face_is_taken_away_at_full_size_with_its_name_and_what_it_is(visitor):
    open_tab(visitor)
    visitor.page.locator("#examples button").nth(1).click()
    idle(visitor)
    value = move(visitor, "Male")
    idle(visitor)
    with visitor.page.expect_download() as download:
        visitor.page.locator("#studio .save").click()
    name = "drawn-face-2-male.jpg" if value > 0 else "drawn-face-2-less-male.jpg"
    assert download.value.suggested_filename == name
    with Image.open(download.value.path()) as picture:
        assert picture.format == "JPEG" and picture.size == (512, 512)
    mark = gan_models.marks.read(download.value.path())
    assert mark.kind == gan_models.marks.EDITED and mark.edits == {"Male": value} and mark.model == "editor"
    assert b"dc:rights" in Path(download.value.path()).read_bytes()


def files_of(temporary: Path) -> list[bytes]:
    return [path.read_bytes() for path in temporary.rglob("*") if path.is_file()]


def test_a_photo_of_two_is_edited_where_one_says_and_nothing_of_the_upload_stays(
    visitor, temporary, data_root, tmp_path
):
    from training.data import open_dataset

    faces = open_dataset("celeba", data_root.parent / "data" / "original", 128).images[[3, 8]].transpose(0, 2, 3, 1)
    photo = Image.new("RGB", (2100, 900), (90, 120, 90))
    for k, face in enumerate(faces):
        photo.paste(Image.fromarray(face).resize((560, 560), Image.Resampling.LANCZOS), (200 + 1140 * k, 170))
    photo.save(tmp_path / "two.jpg", quality=95)
    open_tab(visitor)
    page = visitor.page
    page.set_input_files("#upload input[type=file]", tmp_path / "two.jpg")
    page.wait_for_selector("#studio .faces button")
    uploaded = (tmp_path / "two.jpg").read_bytes()
    assert bytes(len(uploaded)) in files_of(temporary) and not any(
        uploaded[:1000] in content for content in files_of(temporary)
    )
    idle(visitor)
    whole, first, second = (page.locator("#studio .faces button").nth(k) for k in (2, 0, 1))
    assert first.get_attribute("aria-pressed") == "true" and whole.get_attribute("aria-pressed") == "false"
    close = stage(visitor)
    assert 0.7 < close.shape[1] / close.shape[0] < 1.4  # the largest face, looked at alone
    whole.click()
    until(visitor, lambda: stage(visitor).shape[1] > 2 * stage(visitor).shape[0])
    marked = stage(visitor)

    def changed() -> set[str]:
        """The halves of the photo that are not as they came, whatever is marked."""
        page.locator("#studio .compare").focus()
        page.keyboard.down("Space")
        before = stage(visitor)
        page.keyboard.up("Space")
        columns = np.abs(stage(visitor) - before).max(2)
        inside = columns[150:270]  # of both faces' middles, where no mark is
        halves = {"left": inside[:, 170:270], "right": inside[:, 690:790]}
        return {half for half, pixels in halves.items() if (pixels > 10).mean() > 0.02}

    box = page.locator("#studio canvas").bounding_box()
    for k, x in enumerate((0.23, 0.77)):  # the one and the other by a click on it
        whole.click()
        page.locator("#studio canvas").click(position={"x": box["width"] * x, "y": box["height"] / 2})
        idle(visitor)
        until(visitor, lambda: whole.get_attribute("aria-pressed") == "false")
        assert {output.inner_text() for output in page.locator("#studio output").all()} == {"0"}
        before = stage(visitor)
        move(visitor, "Male")
        until(visitor, lambda before=before: far(stage(visitor), before) > 10)
        idle(visitor)
        whole.click()
        until(visitor, lambda: stage(visitor).shape == marked.shape)
        assert changed() == ({"left"} if k == 0 else {"left", "right"})  # the other one kept its edit
    page.locator("#studio .undo").click()
    idle(visitor)
    until(visitor, lambda: changed() == {"left"})
    page.locator("#studio .redo").click()
    idle(visitor)
    with page.expect_download() as download:
        page.locator("#studio .save").click()
    with Image.open(download.value.path()) as taken, Image.open(tmp_path / "two.jpg") as given:
        assert taken.size == given.size and download.value.suggested_filename.startswith("two-")
        difference = np.abs(np.asarray(taken, int) - np.asarray(given, int))
    assert difference[300:600, 300:700].max() > 10 < difference[300:600, 1400:1800].max()
    assert difference[:, 900:1200].max() < 30  # nothing between the two

    page.locator("#morph > button, #morph .label-wrap").first.click()  # and one photo becomes another
    page.set_input_files("#other input[type=file]", tmp_path / "two.jpg")
    visitor.wait_for("#morph-strip", 9)
    assert page.locator("#morph-video video").get_attribute("src").endswith(".mp4")
    shown = visitor.sources("#morph-strip")
    page.locator("#morph-way label", has_text="that faces draws").click()  # the same, through faces of the generator
    assert not set(visitor.wait_for("#morph-strip", 9, other_than=shown)) & set(shown)

    made = [path for path in temporary.glob("gan-studio-*/visit-*/[!.]*") if any(path.read_bytes())]
    assert {path.suffix for path in made} >= {".webp", ".mp4", ".jpg"}
    page.locator("#studio .close").click()
    until(visitor, lambda: not any(any(path.read_bytes()) for path in temporary.glob("gan-studio-*/visit-*/[!.]*")))
    page.wait_for_function("() => !document.querySelector('#morph-strip img')")  # it belonged to the photo that is gone
    until(visitor, lambda: "does not exist" in page.locator("#studio .drawn").inner_text())
    page.wait_for_timeout(1000)  # else the page complains that it was left while an answer was on its way
    page.goto("about:blank")  # the visit is over
    until(visitor, lambda: not [path for path in made if path.exists()], 60)


def test_a_picture_of_the_camera_is_looked_at(visitor):
    """Chromium's made-up camera shows a test card."""
    open_tab(visitor)
    visitor.page.locator("#studio .camera").click()
    visitor.page.wait_for_function("() => document.querySelector('#studio video')?.videoWidth")
    visitor.page.locator("#studio .take").click()
    until(visitor, lambda: "No face was found" in visitor.page.locator("#studio [role=alert]").inner_text())


def test_on_a_phone_the_picture_stays_while_the_sliders_move(browser, address):
    visitor = Visitor(browser, address, {"width": 360, "height": 740})
    open_tab(visitor)
    canvas = visitor.page.locator("#studio canvas")
    assert (
        canvas.bounding_box()["y"] + canvas.bounding_box()["height"] < 560
    )  # and a slider below it on the first screen
    visitor.page.locator("#studio details.more").evaluate("details => details.open = true")
    visitor.page.locator("#studio .change").last.scroll_into_view_if_needed()
    assert 0 <= canvas.bounding_box()["y"] < 30
    assert visitor.page.locator("#studio .change").last.bounding_box()["y"] > canvas.bounding_box()["height"]
    visitor.page.locator("#studio .close").evaluate("button => button.hidden = false")  # as with a photo of one's own
    assert visitor.page.locator("#studio .close").is_visible()
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 360
    visitor.page.close()
    assert visitor.odd == []


def test_a_slider_does_not_go_where_the_face_leaves_no_room(lasting):
    open_tab(lasting)
    rows = lasting.page.locator("#studio .change:has(small:not(:empty))")
    assert rows.count()
    row = rows.first
    before, less = stage(lasting), "not there" in row.inner_text()
    assert less or "there already" in row.inner_text()
    row.locator("input").press("Home" if less else "End")
    idle(lasting)
    assert row.locator("output").inner_text() == "0" and float(row.locator("input").input_value()) == 0
    assert far(stage(lasting), before) == 0


def test_a_face_that_is_turned_away_is_shown_and_cannot_be_changed(lasting, data_root, tmp_path):
    from training.data.celeba import celeba_pictures

    pictures = celeba_pictures(data_root / "original" / "celeba")
    name = next(name for name in pictures.names if name.endswith("021684.jpg"))  # turned by some 50 degrees
    (tmp_path / "aside.jpg").write_bytes(pictures.read(name))
    open_tab(lasting)
    page = lasting.page
    assert page.locator("#studio .turned").is_hidden()
    page.set_input_files("#upload input[type=file]", tmp_path / "aside.jpg")
    page.locator("#studio .turned").wait_for()
    assert "turned too far to the side" in page.locator("#studio .turned").inner_text()
    assert page.locator("#retouch-sliders input:not([disabled])").count() == 0
    page.locator("#studio .close").click()
    page.locator("#studio .turned").wait_for(state="hidden")
    assert page.locator("#retouch-sliders input:not([disabled])").count()


@pytest.mark.parametrize(
    "name, content, words",
    [("notes.jpg", b"this is no picture", "not a picture"), ("grey.png", None, "No face was found")],
)
def test_what_is_no_photo_of_a_face_gets_a_sentence_and_is_not_kept(lasting, temporary, tmp_path, name, content, words):
    if content is None:
        Image.new("RGB", (300, 300), "grey").save(tmp_path / name)
    else:
        (tmp_path / name).write_bytes(content)
    open_tab(lasting)
    before = stage(lasting)
    lasting.page.set_input_files("#upload input[type=file]", tmp_path / name)
    said = lasting.page.locator("#studio [role=alert]")
    until(lasting, lambda: words in said.inner_text())
    idle(lasting)
    assert far(stage(lasting), before) == 0  # what was there stays
    assert not any((tmp_path / name).read_bytes() in content for content in files_of(temporary))
