"""Pins, the address of the page, and saved pictures bring back what was there."""

import base64
from pathlib import Path

import numpy as np
from visitor import DESKTOP, Visitor, open_sample, until

import gan_models


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


def test_a_tab_draws_once_whoever_opens_it(visitor, address):
    """A visitor, a link, or a click on a picture that opens there."""
    page, asked = visitor.page, []
    wired = page.request.get(f"{address}/config").json()["dependencies"]
    drawing = {endpoint["id"] for endpoint in wired if endpoint["api_name"] == "draw_open"}
    assert len(drawing) == 1

    def hear(request):
        if "/queue/join" in request.url:
            asked.append(request.post_data_json["fn_index"])

    def draws(where: str, count: int) -> int:
        """How often it was drawn until those pictures are there and nothing more is awaited."""
        until(visitor, lambda: any(one in drawing for one in asked))  # the pictures may have been there before
        visitor.wait_for(where, count)
        page.wait_for_timeout(300)
        page.wait_for_function("!document.documentElement.hasAttribute('data-waiting')")
        found = sum(one in drawing for one in asked)
        asked.clear()
        return found

    page.wait_for_function("!document.documentElement.hasAttribute('data-waiting')")
    page.on("request", hear)
    for tab, where, count in (("Walk", "#strip", 9), ("Attributes", "#pair", 2), ("Sample", "#samples", 16)):
        visitor.tab(tab)
        assert draws(where, count) == 1, tab
    samples = visitor.sources("#samples")
    visitor.tab("Walk")
    draws("#strip", 9)
    page.locator("#strip img").nth(4).click()
    assert draws("#figure", 1) == 1 and visitor.sources("#samples") == samples
    for link, where, count in (
        ("tab=walk&walk=4+5", "#strip", 9),
        ("model=digits&tab=attributes&picture=7:2/3", "#pair", 2),
        ("seed=4", "#samples", 16),
    ):
        page.goto(f"{address}?{link}")
        assert draws(where, count) == 1, link


def test_another_model_drops_the_picture_and_the_walk_that_it_cannot_draw(visitor):
    visitor.choose("digits")
    shown = visitor.sources("#samples")
    visitor.page.locator("#class").get_by_text("7", exact=True).click()
    visitor.wait_for("#samples", 16, other_than=shown)
    open_sample(visitor, 2)
    visitor.page.locator("#walk-from").click()
    visitor.wait_for("#strip", 9)
    visitor.tab("Sample")
    visitor.choose("faces")
    visitor.page.locator("#opened").wait_for(state="hidden")
    visitor.tab("Walk")
    visitor.wait_for("#strip", 9)
    assert visitor.page.locator("#anchors").locator("input, textarea").input_value() == "1 2 3"
    assert visitor.page.locator(".toast-body.warning").count() == 0
