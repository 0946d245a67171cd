"""The tab that walks from one picture to the next."""

import gradio as gr

from .. import images, studio
from . import words
from .models import Models
from .page import Page
from .shared import Shared, wishes
from .theme import FRAMES, PLAIN, STRIP, TILE

TITLE, ASKS = words.WALK_TAB, ("class", "present", "absent", "truncation")


def serves(generator) -> bool:
    return True


def tab(page: Page, models: Models, shared: Shared) -> None:
    opened = page.tabs["walk"]
    strip = gr.Gallery(label=words.STRIP, columns=STRIP, elem_id="strip", **PLAIN)
    with gr.Row():
        video = gr.Video(
            label=words.WALK_VIDEO,
            show_label=False,
            autoplay=True,
            loop=True,
            interactive=False,
            elem_id="video",
            buttons=["download"],
            height=320,
            min_width=280,
        )
        with gr.Column(min_width=280):
            shared.anchors.render()
            start = gr.Button(words.WALK, variant="primary", elem_id="walk")
    shown = gr.State()

    def interpolate(visit, tell, name, anchors, truncation, wanted, present, absent):
        """A strip and a looping video of a walk through some pictures, and what was asked for."""
        asked = [name, anchors, truncation, wanted, present, absent]
        generator, path = models[name], studio.parse_anchors(anchors)
        wished = wishes(generator, wanted, present, absent)
        tell(0.1, words.DRAWING)
        pictures = studio.interpolate(generator, path, STRIP, truncation, wished, loop=False)
        frames = studio.interpolate(
            generator, path, FRAMES, truncation, wished, progress=lambda *done: tell(done, words.DRAWING)
        )
        tell(0.9, words.MAKING_VIDEO)
        file = visit.drawn.file("walk-video", "walk.mp4", lambda path: images.write_video(frames, path))
        return {strip: visit.drawn.pictures("walk", images.to_pil(pictures, TILE)), video: str(file), shown: asked}

    def interpolate_once(visit, tell, *asked_and_shown):
        """The same, unless it is what is shown already."""
        *asked, before = asked_and_shown
        return None if asked == before else interpolate(visit, tell, *asked)

    asked = [shared.current, shared.anchors, shared.truncation, *shared.wished]
    page.on([start.click, shared.anchors.submit], interpolate, asked, [strip, video, shown], long=True, spinner=video)
    page.on(opened.select, interpolate_once, [*asked, shown], [strip, video, shown], long=True, spinner=video)
    shared.leftovers += [strip, video, shown]
