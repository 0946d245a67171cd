"""The demo as its visitors meet it: `python app.py` in a subprocess, in a real browser, on a desktop and a phone."""

import base64
import io
import os
import shutil
import signal
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from demo_server import ATTRIBUTES, UNCHANGED, Asking, running, tiny_models
from PIL import Image

import gan_models

ROOT = Path(__file__).parents[1]
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 375, "height": 740}
PATIENCE = int(os.environ.get("GAN_STUDIO_PATIENCE", 30))  # seconds; more for a machine that others use
CLICKS = int(os.environ.get("GAN_STUDIO_CLICKS", 5))  # of the latency test, which prints its median


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> list[Path]:
    return tiny_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def temporary(tmp_path_factory) -> Path:
    """Where the demo keeps its files."""
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def address(models, temporary, tmp_path_factory):
    """The demo, running over the three models."""
    log = tmp_path_factory.mktemp("log") / "app.log"
    with running(models, temporary, log) as (url, process):
        yield url
        assert "Traceback" not in log.read_text(), log.read_text()
        assert list(temporary.glob("gan-studio-*/uploads"))  # its files are there, and go when the demo ends
        process.terminate()
        process.wait(20)
        assert not list(temporary.glob("gan-studio-*"))


@pytest.fixture(scope="module")
def browser(chromium):
    # One context for all, so that each page finds the scripts of the one before in the cache.
    context = chromium.new_context(permissions=["camera"])
    yield context
    context.close()


class Visitor:
    """A person before the demo. What goes wrong silently (console errors, requests to strangers) is kept in `odd`."""

    def __init__(self, browser, address: str, viewport: dict, whole: bool = True):
        self.page = browser.new_page()
        self.page.set_viewport_size(viewport)
        self.page.set_default_timeout(1000 * PATIENCE)
        self.odd = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.odd.append(str(error)))
        self.page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((address.partition("?")[0], "data:", "blob:"))
                else self.odd.append(f"a request to {request.url}")
            ),
        )
        self.page.goto(address)
        if whole:
            self.tab("Sample")
            self.wait_for("#samples", 16)

    def _hear(self, message) -> None:
        # Gradio's page closes the camera's stream, of which its server knows nothing where it takes single pictures.
        closing = message.location["url"].endswith("/close") and "/gradio_api/stream/" in message.location["url"]
        # It says so too when somebody leaves it while an answer is still coming.
        closing |= message.text.startswith(("AbortError", "Unexpected error Connection errored out"))
        if message.type == "error" and not closing:
            self.odd.append(f"{message.text} {message.location['url']}")

    def sources(self, where: str) -> list[str]:
        """The addresses of the pictures there, loaded or not."""
        return self.page.evaluate("where => [...document.querySelectorAll(where + ' img')].map(img => img.src)", where)

    def wait_for(self, where: str, count: int, other_than: Sequence[str] = ()) -> list[str]:
        """The addresses of `count` pictures there, once they are others than those."""
        found = self.page.wait_for_function(
            """([where, count, old]) => { const all = [...document.querySelectorAll(where + ' img')];
            const shown = all.map(img => img.src);
            return all.length == count && all.every(img => img.complete && img.naturalWidth)
                && JSON.stringify(shown) != old && shown }""",
            arg=[where, count, compact(list(other_than))],
            polling="raf",
        )
        return found.json_value()

    def shows(self, where: str, pictures: np.ndarray) -> bool:
        """Whether exactly these pictures are there now."""
        return np.array_equal(self.pictures(where), pictures)

    def pictures(self, where: str) -> np.ndarray:
        """The pixels of the pictures there."""
        files = [self.page.request.get(source).body() for source in until(self, lambda: self.sources(where))]
        return np.stack([np.array(Image.open(io.BytesIO(file)).convert("RGB"), int) for file in files])

    def tab(self, name: str) -> None:
        """To a tab, on a narrow page through the menu that holds those without room."""
        self.page.locator("[role=tablist] [role=tab]").first.wait_for()
        tab = self.page.locator("[role=tablist]").get_by_role("tab", name=name).filter(visible=True)
        if not tab.count():
            self.page.locator(".overflow-menu > button").click()
            tab = self.page.locator(".overflow-dropdown").get_by_text(name, exact=True)
        tab.first.click()

    def choose(self, model: str) -> None:
        before, drawing = self.sources("#samples"), self.page.locator("#samples").is_visible()
        self.page.locator("#model input").click()
        self.page.get_by_role("option", name=model).click()
        self.page.locator("#about-generator").get_by_text(model, exact=True).wait_for()
        if drawing:
            self.wait_for("#samples", 16, other_than=before)

    def draw(self, seed) -> None:
        self.page.locator("#seed input").fill(str(seed))
        self.page.locator("#draw").click()

    def complaint(self) -> str:
        """What the demo says, after which the message is put away."""
        message = self.page.get_by_test_id("toast-body").first
        message.wait_for()
        text = message.inner_text()
        message.locator(".toast-close").click()
        self.page.get_by_test_id("toast-body").wait_for(state="hidden")
        return text


def compact(addresses: list[str]) -> str:
    """As JavaScript's JSON.stringify writes it."""
    return "[" + ",".join(f'"{address}"' for address in addresses) + "]"


@pytest.fixture
def visitor(browser, address):
    person = Visitor(browser, address, DESKTOP)
    yield person
    person.page.close()
    assert person.odd == []


def test_the_same_seed_gives_the_same_pictures(visitor):
    first = visitor.pictures("#samples")
    assert len(np.unique(first.reshape(16, -1), axis=0)) == 16
    shown = visitor.sources("#samples")
    visitor.draw(2)
    shown = visitor.wait_for("#samples", 16, other_than=shown)
    assert (visitor.pictures("#samples") != first).any(axis=(1, 2, 3)).all()
    visitor.draw(1)
    visitor.wait_for("#samples", 16, other_than=shown)
    assert np.array_equal(visitor.pictures("#samples"), first)


def test_a_new_seed_is_one_click_away_and_shown(visitor):
    shown = visitor.sources("#samples")
    visitor.page.locator("#new-seed").click()
    visitor.wait_for("#samples", 16, other_than=shown)
    assert int(visitor.page.locator("#seed input").input_value()) >= 0


def test_fewer_pictures_are_the_first_ones(visitor):
    first, shown = visitor.pictures("#samples"), visitor.sources("#samples")
    visitor.page.locator("#count input[type=number]").fill("4")
    visitor.page.locator("#count input[type=number]").press("Enter")
    visitor.wait_for("#samples", 4, other_than=shown)
    assert np.array_equal(visitor.pictures("#samples"), first[:4])


def test_a_class_and_truncation_change_the_pictures(visitor):
    visitor.choose("digits")
    first, shown = visitor.pictures("#samples"), visitor.sources("#samples")
    visitor.page.locator("#class").get_by_text("7", exact=True).click()
    shown = visitor.wait_for("#samples", 16, other_than=shown)
    assert (visitor.pictures("#samples") != first).any()
    visitor.page.locator("#truncation input[type=range]").press("Home")
    visitor.wait_for("#samples", 16, other_than=shown)
    same = visitor.pictures("#samples")
    assert (same == same[0]).all()  # all latents are 0 and all labels 7


def test_an_unconditional_model_has_no_label_controls_and_no_tab_for_them(visitor):
    visitor.page.locator("#present").wait_for()
    visitor.choose("plain")
    visitor.page.locator("#present").wait_for(state="hidden")
    assert not visitor.page.locator("#class").is_visible()
    visitor.page.get_by_role("tab", name="Attributes").wait_for(state="hidden")
    visitor.choose("digits")
    visitor.tab("Attributes")
    visitor.wait_for("#sweep", 10)
    visitor.page.locator("#model input").click()
    visitor.page.get_by_role("option", name="plain").click()  # which leaves the tab without anything to show
    visitor.page.locator("#samples img").first.wait_for()
    assert visitor.page.get_by_role("tab", name="Sample").get_attribute("aria-selected") == "true"


def test_the_page_tells_of_the_model_that_works_in_a_tab(visitor):
    told = visitor.page.locator("#about-generator")
    told.wait_for()
    assert "faces" in told.inner_text() and visitor.page.locator("#model").is_visible()
    visitor.tab("Edit a photo")
    told.wait_for(state="hidden")
    assert not visitor.page.locator("#model, #truncation, #present, #card-generator").filter(visible=True).count()
    assert "changes 14 attributes of faces" in visitor.page.locator("#about-editor").inner_text()
    visitor.page.locator("#card-editor").filter(visible=True).wait_for()
    visitor.tab("Walk")
    told.wait_for()
    assert visitor.page.locator("#about-editor").is_hidden()


def frames(file: bytes) -> np.ndarray:
    """(n, H, W, 3) of a video."""
    av = pytest.importorskip("av")
    with av.open(io.BytesIO(file)) as video:
        return np.stack([frame.to_ndarray(format="rgb24").astype(int) for frame in video.decode(video=0)])


def test_a_walk_is_a_strip_and_a_video_without_a_seam(visitor):
    visitor.choose("digits")
    visitor.tab("Walk")
    strip = visitor.wait_for("#strip", 9)
    assert len(set(strip)) == 9
    video = visitor.page.locator("#video video")
    video.wait_for()
    visitor.page.wait_for_function("document.querySelector('#video video').readyState >= 2")
    assert 2 < video.evaluate("v => v.duration") < 20
    assert video.evaluate("v => v.loop && v.autoplay")
    shown = frames(visitor.page.request.get(video.evaluate("v => v.currentSrc")).body())
    shown = shown.reshape(-1, 28, 9, 28, 9, 3).mean(axis=(2, 4))  # as drawn, and little of what the video codec blurs
    steps = np.abs(np.diff(shown, axis=0)).mean(axis=(1, 2, 3))
    seam = np.abs(shown[0] - shown[-1]).mean()
    across = np.abs(shown[0] - shown[len(shown) // 2]).mean()
    assert 0 < seam < 2 * steps.max() and seam < across / 4, (seam, steps.max(), across)  # as small as any other step


def test_the_video_plays_and_other_stops_make_another_walk(visitor):
    visitor.tab("Walk")
    strip = visitor.wait_for("#strip", 9)
    visitor.page.wait_for_function("document.querySelector('#video video').currentTime > 0.1")
    visitor.page.locator("#anchors").locator("input, textarea").fill("5, 6:3")
    visitor.page.locator("#walk").click()
    assert not set(visitor.wait_for("#strip", 9, other_than=strip)) & set(strip)


def test_another_model_leaves_nothing_of_the_one_before(visitor):
    visitor.page.locator("#present input").click()
    visitor.page.get_by_role("option", name="Smile").click()
    visitor.tab("Walk")
    visitor.wait_for("#strip", 9)
    strip = visitor.sources("#strip")
    visitor.choose("digits")
    assert not set(visitor.wait_for("#strip", 9, other_than=strip)) & set(strip)
    visitor.tab("Attributes")
    assert not visitor.page.locator("#attribute-0").is_visible()
    assert len(set(visitor.wait_for("#sweep", 10))) == 10
    visitor.choose("faces")
    visitor.tab("Sample")
    assert (
        visitor.page.locator("#present").is_visible()
        and visitor.page.locator("#present").get_by_text("Smile").count() == 0
    )
    assert visitor.page.get_by_test_id("toast-body").count() == 0


def test_with_and_without_must_not_clash(visitor):
    shown = visitor.sources("#samples")
    for control in ("#present", "#absent"):
        visitor.page.locator(f"{control} input").click()
        visitor.page.get_by_role("option", name="Hair: blond", selected=False).click()
        if control == "#present":
            shown = visitor.wait_for("#samples", 16, other_than=shown)
    assert "Hair: blond cannot be both" in visitor.complaint()
    assert visitor.sources("#samples") == shown


def alike(large: np.ndarray, small: np.ndarray) -> bool:
    """Whether two pictures are the same one in two sizes."""
    reduced = Image.fromarray(large.astype(np.uint8)).resize(small.shape[1::-1], Image.Resampling.BICUBIC)
    return np.abs(np.array(reduced, int) - small).mean() < 6


def open_sample(visitor, number: int) -> np.ndarray:
    """Click on a sample; the pixels of what opens."""
    before = visitor.sources("#figure")
    visitor.page.locator("#samples img").nth(number).click()
    visitor.wait_for("#figure", 1, other_than=before)
    return visitor.pictures("#figure")[0]


def test_what_is_clicked_opens_with_the_labels_that_were_wished(visitor):
    visitor.choose("digits")
    shown = visitor.sources("#samples")
    visitor.page.locator("#class").get_by_text("7", exact=True).click()
    visitor.wait_for("#samples", 16, other_than=shown)
    picked = visitor.pictures("#samples")[2]
    assert alike(open_sample(visitor, 2), picked)
    assert visitor.page.locator("#figure img").get_attribute("alt") == "digits: 1:2 (7)"
    visitor.page.locator("#vary").click()
    varied = visitor.wait_for("#varied", 8)
    assert len(set(varied)) == 8
    visitor.page.locator("#change").click()
    visitor.wait_for("#pair", 2)
    assert alike(visitor.pictures("#pair")[0], picked)
    assert visitor.page.locator("#as_class input:checked").evaluate("i => i.closest('label').innerText") == "7"
    visitor.tab("Sample")
    visitor.page.locator("#walk-from").click()
    visitor.page.wait_for_function(
        "document.querySelector('#anchors input, #anchors textarea')?.value.includes('1:2/7')"
    )
    visitor.wait_for("#strip", 9)
    assert alike(visitor.pictures("#strip")[-1], picked)


def test_pins_stay_and_are_walked_through_and_a_place_between_opens(visitor):
    for k, number in enumerate((3, 5)):
        open_sample(visitor, number)
        visitor.page.locator("#pin").click()
        visitor.wait_for("#pinned", k + 1)
    visitor.tab("Walk")
    strip = visitor.wait_for("#strip", 9)
    visitor.page.locator("#use-pins").click()
    visitor.wait_for("#strip", 9, other_than=strip)
    pins, ends = visitor.pictures("#pinned"), visitor.pictures("#strip")
    assert np.array_equal(pins[0], ends[0]) and np.array_equal(pins[1], ends[-1])
    film = visitor.page.locator("#film .film")
    place = film.evaluate("film => getComputedStyle(film).backgroundPosition")
    visitor.page.locator("#between input[type=range]").fill("30")
    assert film.evaluate("film => getComputedStyle(film).backgroundPosition") != place  # at once: nobody was asked
    before = visitor.sources("#figure")
    visitor.page.locator("#open-between").click()
    visitor.wait_for("#figure", 1, other_than=before)


def drop(visitor, file: Path) -> None:
    """On the page, from the folder that it was saved to."""
    held = visitor.page.evaluate_handle(
        """content => { const held = new DataTransfer(), bytes = Uint8Array.from(atob(content), c => c.charCodeAt(0));
            held.items.add(new File([bytes], 'saved.png', {type: 'image/png'})); return held; }""",
        base64.b64encode(file.read_bytes()).decode(),
    )
    visitor.page.dispatch_event("body", "drop", {"dataTransfer": held})


def test_a_link_and_a_saved_file_bring_a_picture_back(visitor, browser, address, tmp_path):
    visitor.choose("digits")
    shown = visitor.sources("#samples")
    visitor.page.locator("#class").get_by_text("3", exact=True).click()
    visitor.wait_for("#samples", 16, other_than=shown)
    open_sample(visitor, 4)
    opened = visitor.sources("#figure")
    visitor.page.locator("#vary").click()
    visitor.wait_for("#varied", 8)
    visitor.page.locator("#varied img").nth(1).click()
    visitor.wait_for("#figure", 1, other_than=opened)
    picture = visitor.pictures("#figure")
    visitor.page.wait_for_function("new URLSearchParams(location.search).get('picture')?.startsWith('z')")
    with visitor.page.expect_download() as download:
        visitor.page.locator("#figure a.take").click()
    assert download.value.suggested_filename == "digits-varied.png"
    download.value.save_as(tmp_path / "saved.png")
    mark = gan_models.marks.read(tmp_path / "saved.png")
    assert mark.model == "digits" and mark.pictures[0].labels == {"3": 1.0} and mark.kind == gan_models.marks.GENERATED
    other = Visitor(browser, visitor.page.url, DESKTOP, whole=False)
    other.wait_for("#figure", 1)
    assert np.array_equal(other.pictures("#figure"), picture)
    assert other.page.locator("#class input:checked").evaluate("i => i.closest('label').innerText") == "3"
    other.page.goto(address)
    other.tab("Walk")
    other.wait_for("#strip", 9)
    drop(other, tmp_path / "saved.png")
    until(other, lambda: other.shows("#figure", picture))
    other.page.close()
    assert other.odd == []


def test_directions_and_two_models_side_by_side(visitor):
    visitor.tab("Explore")
    shown = visitor.wait_for("#explored", 2)
    before, after = visitor.pictures("#explored")
    assert np.array_equal(before, after) and len(set(visitor.wait_for("#along-strip", 7))) == 7
    visitor.page.locator("#direction-0 input[type=range]").press("End")
    visitor.wait_for("#explored", 2, other_than=shown)
    changed = visitor.pictures("#explored")
    assert np.array_equal(changed[0], before) and np.abs(changed[1] - before).mean() > 1
    visitor.tab("Compare")
    visitor.wait_for("#compared-left", 16)
    assert not set(visitor.wait_for("#compared-right", 16)) & set(visitor.sources("#compared-left"))


def test_an_attribute_changes_the_picture_after_and_not_before(visitor):
    visitor.tab("Attributes")
    shown = visitor.wait_for("#pair", 2)
    before, after = visitor.pictures("#pair")
    assert np.array_equal(before, after)
    smiling = visitor.page.locator(f"#attribute-{ATTRIBUTES.index('Smiling')} input[type=range]")
    smiling.press("Home" if float(smiling.input_value()) > 0.5 else "End")
    visitor.wait_for("#pair", 2, other_than=shown)
    changed = visitor.pictures("#pair")
    assert np.array_equal(changed[0], before) and np.abs(changed[1] - before).mean() > 1
    assert len(set(visitor.wait_for("#sweep", 7))) == 7


def test_a_digit_can_be_drawn_as_another(visitor):
    visitor.choose("digits")
    visitor.tab("Attributes")
    shown = visitor.wait_for("#pair", 2)
    before, after = visitor.pictures("#pair")
    own = int(visitor.page.locator("#as_class input:checked").evaluate("i => i.closest('label').innerText"))
    visitor.page.locator("#as_class").get_by_text(str((own + 3) % 10), exact=True).click()
    visitor.wait_for("#pair", 2, other_than=shown)
    changed = visitor.pictures("#pair")
    assert np.array_equal(before, after) and np.array_equal(changed[0], before) and (changed[1] != before).any()
    assert len(set(visitor.wait_for("#sweep", 10))) == 10


# ---- Editing a photo -------------------------------------------------------------------------------------------------


def stage(visitor) -> np.ndarray:
    """The pixels of the picture that is being edited, as they are shown."""
    url = visitor.page.evaluate("document.querySelector('#studio canvas').toDataURL('image/png')")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB"), int)


def far(a: np.ndarray, b: np.ndarray) -> int:
    return np.abs(a - b).max() if a.shape == b.shape else 255


def open_tab(visitor) -> None:
    visitor.tab("Edit a photo")
    visitor.page.wait_for_selector("#examples img")
    idle(visitor)


def idle(visitor) -> None:
    """Until nothing is waited for."""
    visitor.page.wait_for_selector("#studio .stage[aria-busy=false]", timeout=2000 * PATIENCE)


def move(visitor, attribute: str) -> float:
    """A slider as far as it goes where the face leaves room for it, by the keyboard; its value."""
    row = visitor.page.locator(f"#retouch-{attribute}")
    slider = row.locator("input[type=range]")
    slider.press("Home" if "already" in row.inner_text() else "End")
    return float(slider.input_value())


def until(visitor, condition, seconds: float = PATIENCE):
    """What the condition gives, as soon as it gives something: a page that draws anew may be empty for a moment."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        visitor.page.wait_for_timeout(100)
    return found


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


def test_a_slider_does_not_go_where_the_face_leaves_no_room(visitor):
    open_tab(visitor)
    rows = visitor.page.locator("#studio .change:has(small:not(:empty))")
    assert rows.count()
    row = rows.first
    before, less = stage(visitor), "not there" in row.inner_text()
    assert less or "there already" in row.inner_text()
    row.locator("input").press("Home" if less else "End")
    idle(visitor)
    assert row.locator("output").inner_text() == "0" and float(row.locator("input").input_value()) == 0
    assert far(stage(visitor), before) == 0


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


@pytest.mark.parametrize(
    "name, content, words",
    [("notes.jpg", b"this is no picture", "not a picture"), ("grey.png", None, "No face was found")],
)
def test_what_is_no_photo_of_a_face_gets_a_sentence_and_is_not_kept(visitor, temporary, tmp_path, name, content, words):
    if content is None:
        Image.new("RGB", (300, 300), "grey").save(tmp_path / name)
    else:
        (tmp_path / name).write_bytes(content)
    open_tab(visitor)
    before = stage(visitor)
    visitor.page.set_input_files("#upload input[type=file]", tmp_path / name)
    said = visitor.page.locator("#studio [role=alert]")
    until(visitor, lambda: words in said.inner_text())
    idle(visitor)
    assert far(stage(visitor), before) == 0  # what was there stays
    assert not any((tmp_path / name).read_bytes() in content for content in files_of(temporary))


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
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 360
    visitor.page.close()
    assert visitor.odd == []


def test_a_bad_seed_gets_a_sentence_and_the_pictures_stay(visitor):
    shown = visitor.sources("#samples")
    for seed in ("-1", "1.5", "", "1e300"):
        visitor.draw(seed)
        assert "seed must be a whole number" in visitor.complaint()
        assert visitor.sources("#samples") == shown


def test_bad_stops_of_a_walk_get_a_sentence_each_and_the_walk_stays(visitor):
    visitor.tab("Walk")
    strip = visitor.wait_for("#strip", 9)
    for stops, said in (
        ("1", "2 to 6"),
        ("1 2 3 4 5 6 7", "2 to 6"),
        ("cat, <b>dog", "cat"),
        ("", "2 to 6"),
        ("1, -2", "-2"),
    ):
        visitor.page.locator("#anchors").locator("input, textarea").fill(stops)
        visitor.page.locator("#walk").click()
        assert said in visitor.complaint()
        assert visitor.sources("#strip") == strip


def test_a_phone_shows_pictures_first_and_never_scrolls_sideways(browser, address):
    visitor = Visitor(browser, address, PHONE)
    assert visitor.page.locator("#samples img").first.bounding_box()["y"] < PHONE["height"] / 2
    for tab, where, count in (("Sample", "#samples", 16), ("Walk", "#strip", 9), ("Attributes", "#pair", 2)):
        visitor.tab(tab)
        visitor.wait_for(where, count)
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert visitor.page.locator(f"{where} img").first.bounding_box()["width"] >= 60
    open_tab(visitor)
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    visitor.page.close()
    assert visitor.odd == []


# What each tab shows when it is there, and how many pictures of it.
CONTENT = {
    "photo": ("#examples", 6),
    "sample": ("#samples", 16),
    "walk": ("#strip", 9),
    "attributes": ("#pair", 2),
    "explore": ("#along-strip", 7),
    "compare": ("#compared-right", 16),
    "repair": ("#repair-go", 0),
    "lab": ("#lab-frame", 1),
}
# Stops of the keyboard that do nothing, or that have no name of their own.
IDLE = """() => [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')]
  .filter(stop => stop.tabIndex >= 0 && !stop.disabled && stop.checkVisibility({visibilityProperty: true}))
  .filter(stop => getComputedStyle(stop).pointerEvents === 'none'
    || !['A', 'BUTTON', 'INPUT', 'SELECT', 'TEXTAREA', 'SUMMARY'].includes(stop.tagName) && !stop.role
    || /^Thumbnail/.test(stop.ariaLabel)
    || !(stop.ariaLabel || stop.innerText || stop.labels?.length || stop.querySelector('img')?.alt))
  .map(stop => stop.outerHTML.slice(0, 200))"""
NAMELESS = """() => [...document.querySelectorAll('img')].filter(img => img.checkVisibility() && !img.hasAttribute('alt'))
  .map(img => img.outerHTML.slice(0, 200))"""


@pytest.mark.parametrize(
    "language, width, theme", [("en-US", 1280, "light"), ("zh-CN", 360, "dark"), ("en-US", 360, "light")]
)
def test_every_tab_is_accessible_and_none_is_wider_than_the_page(chromium, address, axe, language, width, theme):
    from gan_models.demo import TABS, name_of, words

    titles = {name_of(tab): words.say(tab.TITLE, words.language_of(language)) for tab in TABS}
    context = chromium.new_context(locale=language, permissions=["camera"])
    visitor = Visitor(context, f"{address}?__theme={theme}", {"width": width, "height": 740}, whole=False)
    page, wrong = visitor.page, []
    page.locator("#studio canvas[data-photo]").wait_for()
    page.evaluate(axe)
    for tab, (where, count) in CONTENT.items():
        visitor.tab(titles[tab])
        page.locator(where).wait_for()
        if count:
            visitor.wait_for(where, count)
        page.wait_for_function("!document.documentElement.hasAttribute('data-waiting')")
        found = page.evaluate("async () => (await axe.run({resultTypes: ['violations']})).violations")
        wrong += [
            f"{tab}: {one['help']}: {one['nodes'][0]['html'][:200]}"
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
        wrong += [f"{tab}: does nothing: {stop}" for stop in page.evaluate(IDLE)]
        wrong += [f"{tab}: has no alt text: {picture}" for picture in page.evaluate(NAMELESS)]
        if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
            wrong.append(f"{tab}: {wide} pixels wide, on a page of {width}")
    context.close()
    assert not wrong, "\n".join(wrong)
    assert visitor.odd == []


def test_pictures_open_by_the_keyboard(visitor):
    third = visitor.page.locator("#samples button").nth(2)
    third.focus()
    visitor.page.keyboard.press("Enter")
    visitor.wait_for("#figure", 1)
    assert visitor.page.locator("#figure img").get_attribute("alt").startswith("faces: 1:2")


def test_each_wait_has_a_sign_within_a_tenth_of_a_second(visitor):
    """While no answer comes at all."""
    page = visitor.page
    page.route("**/queue/join*", lambda route: None)
    for where in ("#new-seed", "#all"):
        late = []
        while not late or min(late) > 100 and len(late) < 10:  # the fastest: the machine may do other things too
            page.evaluate("document.documentElement.removeAttribute('data-waiting')")
            late.append(
                page.locator(where).first.evaluate(
                    """button => new Promise(resolve => {
                        const start = performance.now(), root = document.documentElement;
                        const look = () => root.hasAttribute('data-waiting') || performance.now() - start > 5000
                            ? resolve(performance.now() - start) : setTimeout(look, 5);
                        button.click(); look(); })"""
                )
            )
        assert min(late) < 100, (where, late)
    shown = page.evaluate("getComputedStyle(document.documentElement, '::before').height")
    assert shown == "3px"


def test_pins_of_another_kind_of_model_wait_until_that_kind_is_back(visitor):
    open_sample(visitor, 3)
    visitor.page.locator("#pin").click()
    pinned = visitor.wait_for("#pinned", 1)
    visitor.choose("digits")
    visitor.page.locator("#pinned").wait_for(state="hidden")
    assert "pins" not in visitor.page.url.partition("?")[2]
    visitor.choose("faces")
    visitor.wait_for("#pinned", 1)
    assert visitor.pictures("#pinned").shape and len(pinned) == 1


def test_a_link_brings_back_what_was_compared(visitor, browser):
    visitor.tab("Compare")
    left = visitor.wait_for("#compared-left", 16)
    visitor.page.locator("#compare-next").click()
    left = visitor.wait_for("#compared-left", 16, other_than=left)
    visitor.page.wait_for_function("new URLSearchParams(location.search).get('seed') === '2'")
    pixels = visitor.pictures("#compared-left")
    assert "left=" in visitor.page.url and "model=" not in visitor.page.url
    other = Visitor(browser, visitor.page.url, DESKTOP, whole=False)
    other.wait_for("#compared-left", 16)
    assert np.array_equal(other.pictures("#compared-left"), pixels) and len(left) == 16
    assert other.page.locator("#compare-seed input").input_value() == "2"
    other.page.close()
    assert other.odd == []


def test_a_click_shows_16_faces_soon(visitor):
    """A loose bound for a busy machine; GAN_STUDIO_CLICKS=20 and pytest -s give the README's number."""
    seconds = []
    for seed in range(100, 100 + CLICKS):
        shown = visitor.sources("#samples")
        visitor.page.locator("#seed input").fill(str(seed))
        start = time.perf_counter()
        visitor.page.locator("#draw").click()
        visitor.wait_for("#samples", 16, other_than=shown)
        seconds.append(time.perf_counter() - start)
    print(
        f"\nclick to 16 faces: median {statistics.median(seconds) * 1000:.0f} ms of {CLICKS}, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    assert statistics.median(seconds) < 2


@pytest.fixture
def main(monkeypatch, tmp_path):
    """`app.main`, which leaves this process as it was."""
    import app

    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    handler = signal.getsignal(signal.SIGTERM)
    yield app.main
    signal.signal(signal.SIGTERM, handler)


def test_what_is_bundled_is_offered_and_drawn(main, monkeypatch):
    from gan_models.demo.page import Page

    drawn = {}
    generators = [name for name in gan_models.bundled() if "editor" not in name and gan_models.load(name).latent_dim]

    def launch(page, **options):
        ask = Asking(page)
        for name in generators:
            (gallery, *_), said = ask("draw_samples", [name, 1, 2, 1.0, -1, [], []])
            drawn[name] = len(gallery)
            assert not said

    monkeypatch.setattr(Page, "launch", launch)
    assert main([]) == 0
    assert gan_models.bundled() and drawn == dict.fromkeys(generators, 2)


def test_a_page_that_asks_for_what_is_not_offered_gets_a_sentence(main, models, monkeypatch, tmp_path):
    from gan_models.demo import Models, build

    gone = tmp_path / "gone"
    shutil.copytree(models[1], gone)
    offered = Models([str(models[1]), str(gone)])
    ask = Asking(build(offered, tmp_path))
    assert offered.names == ["digits", "gone"]
    shutil.rmtree(gone)
    offered._opened.clear()
    for name, seed, count, wanted, part in (
        ("/etc", 1, 1, -1, "not offered"),
        (["digits"], 1, 1, -1, "one of the list"),
        ("digits", 1, 65, -1, "from 1 to 64"),
        ("digits", 1, "many", -1, "whole number"),
        ("digits", True, 1, -1, "whole number"),
        ("digits", float("inf"), 1, -1, "whole number"),
        ("digits", 1, 1, 10, "class"),
        ("digits", 1, 1, "7", "class"),
    ):
        assert unchanged(ask("draw_samples", [name, seed, count, 1.0, wanted, [], []]), part)
    # A model that cannot be opened: the choice goes back, everything else stays.
    (name, current, *others), said = ask("switch", ["gone", "digits", "sample", "", ""])
    assert name == current == "digits" and untouched(others)
    assert len(said) == 1 and "gone" in said[0]


def unchanged(answer, part: str) -> bool:
    """Whether one sentence with that part was all that an endpoint did."""
    outputs, said = answer
    return untouched(outputs) and len(said) == 1 and part in said[0]


def untouched(outputs: list) -> bool:
    return all(output in UNCHANGED for output in outputs)


def test_models_have_short_names_unless_these_clash(tmp_path):
    from gan_models.demo.models import short_names

    for folder in ("runs/a/model", "runs/b/checkpoint/model", "other/a"):
        (tmp_path / folder).mkdir(parents=True)
    a, b, other = (str(tmp_path / folder) for folder in ("runs/a/model", "runs/b/checkpoint/model", "other/a"))
    assert short_names([a, b, "user/faces", "mnist-cgan"]) == {
        "a": a,
        "b": b,
        "user/faces": "user/faces",
        "mnist-cgan": "mnist-cgan",
    }
    assert short_names([a, other]) == {a: a, other: other}


def test_the_container_gets_what_the_demo_needs_and_nothing_of_training():
    """The Dockerfile cuts requirements.txt at its line "# ONNX"."""
    before, found, after = (ROOT / "requirements.txt").read_text().partition("\n# ONNX")
    assert found and "sed '/^# ONNX/,$d; /^torchvision/d' requirements.txt" in (ROOT / "Dockerfile").read_text()
    assert all(
        f"\n{name}==" in before
        for name in ("torch", "huggingface-hub", "safetensors", "numpy", "pillow", "gradio", "av")
    )
    assert "\naccelerate==" in after and "\npytest==" in after


def test_a_model_that_is_nowhere_ends_with_a_sentence(main, capsys):
    assert main(["--model", "nonsense"]) == 2
    said = capsys.readouterr()
    assert (
        said.out == "" and said.err.startswith("error: ") and "nonsense" in said.err and len(said.err.splitlines()) == 1
    )


def test_a_model_that_cannot_be_loaded_ends_with_a_sentence(main, tmp_path, capsys):
    (tmp_path / "config.json").write_text("{")
    assert main(["--model", str(tmp_path)]) == 2
    said = capsys.readouterr().err.strip()
    assert "not JSON" in said and len(said.splitlines()) == 1


def test_a_taken_port_ends_with_a_sentence(main, models, address, capsys):
    assert main(["--model", str(models[2]), "--port", address.rpartition(":")[2]]) == 2
    assert "--port" in capsys.readouterr().err.strip().splitlines()[-1]


@pytest.mark.parametrize("port", ("99999", "-3"))
def test_an_invalid_port_ends_with_a_sentence(main, models, port, capsys):
    assert main(["--model", str(models[2]), "--port", port]) == 2
    assert "--port" in capsys.readouterr().err.strip().splitlines()[-1]
    assert main(["--model", str(models[2]), "--host", "300.1.1.1"]) == 2
    assert (
        capsys.readouterr().err
        == "error: 300.1.1.1 is no address of this machine; give another --host, such as 127.0.0.1 or 0.0.0.0.\n"
    )
