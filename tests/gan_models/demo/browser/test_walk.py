"""Walks: the strip, the video, the stops."""

import io

import numpy as np
import pytest


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


def test_the_video_plays_and_other_stops_make_another_walk(lasting):
    lasting.tab("Walk")
    strip = lasting.wait_for("#strip", 9)
    lasting.page.wait_for_function("document.querySelector('#video video').currentTime > 0.1")
    lasting.page.locator("#anchors").locator("input, textarea").fill("5, 6:3")
    lasting.page.locator("#walk").click()
    assert not set(lasting.wait_for("#strip", 9, other_than=strip)) & set(strip)


def test_bad_stops_of_a_walk_get_a_sentence_each_and_the_walk_stays(lasting):
    lasting.tab("Walk")
    strip = lasting.wait_for("#strip", 9)
    for stops, said in (
        ("1", "2 to 6"),
        ("1 2 3 4 5 6 7", "2 to 6"),
        ("cat, <b>dog", "cat"),
        ("", "2 to 6"),
        ("1, -2", "-2"),
    ):
        lasting.page.locator("#anchors").locator("input, textarea").fill(stops)
        lasting.page.locator("#walk").click()
        assert said in lasting.complaint()
        assert lasting.sources("#strip") == strip
