"""The tab that walks from one picture to the next."""

import html
import math

import gradio as gr
from PIL import Image
from torch import Tensor

from .. import images, marks, pictures
from ..errors import InvalidInput
from . import reading, words
from .downloads import address, link, name_part
from .models import Models
from .page import Page
from .shared import Redrawing, Shared, fitting, hidden, keyframes, picked_text, show_pictures, texts
from .speaking import say
from .theme import FRAMES, OPENS, STRIP

TITLE, ASKS = words.WALK_TAB, ("pinned", "reopen")
WHOLE = 100  # steps of the slider that goes along the walk
ACROSS = 12  # frames in a row of the sheet that the slider shows the parts of
LARGEST_SHEET = 1536  # pixels that it is wide, about


def serves(generator) -> bool:
    return True


def tab(page: Page, models: Models, shared: Shared) -> None:
    strip = gr.Gallery(label=words.STRIP, columns=STRIP, elem_id="strip", **OPENS)
    with gr.Row():
        with gr.Column(min_width=260):
            place = page.reads(
                gr.Slider(0, WHOLE, 0, step=1, label=words.BETWEEN, elem_id="between", buttons=[]),
                reading.number_from("place on the walk", 0, WHOLE),
            )
            film = gr.HTML(elem_id="film", padding=False)
            take_place = gr.Button(words.OPEN_THIS, elem_id="open-between", size="sm", min_width=120)
        with gr.Column(min_width=260):
            video = gr.Video(
                label=words.WALK_VIDEO,
                show_label=False,
                autoplay=True,
                loop=True,
                interactive=False,
                elem_id="video",
                buttons=[],
                min_width=260,
            )
            with gr.Row(elem_id="walk-taking"):
                files = gr.HTML(elem_id="walk-files", padding=False)
                webp = gr.Button(words.AS_WEBP, elem_id="webp", size="sm", min_width=120)
                film_file = gr.HTML(elem_id="webp-file", padding=False)
        with gr.Column(min_width=260):
            shared.anchors.render()
            loop = page.reads(gr.Checkbox(True, label=words.LOOP, elem_id="loop"), reading.choice("loop", bool))
            start = gr.Button(words.WALK, variant="primary", elem_id="walk")
            use_pins = gr.Button(words.USE_PINS, elem_id="use-pins", size="sm", min_width=120)
    stops = page.reads(hidden("", "strip"), reading.lines("list of pictures", STRIP))
    stops.render()
    shown = gr.State()

    def walk_along(visit, tell, name, anchors, loop):
        """Make a strip, a video, and a sheet of all frames for the slider."""
        generator = models[name]
        path = keyframes(generator, anchors)
        tell(0.05, words.DRAWING)
        frames = pictures.film(
            generator, path, FRAMES, loop=bool(loop), progress=lambda *done: tell(done, words.DRAWING)
        )
        some = pictures.path_through(generator, path, STRIP)
        tell(0.9, words.MAKING_VIDEO)
        mark = mark_of(models, name, path)

        def write(place) -> None:
            images.write_video(frames, place)
            marks.mark_film_file(place, mark)

        file = visit.drawn.file("walk-video", "walk.mp4", write)
        return {
            strip: [
                (file, f"{k / (STRIP - 1):.0%}")
                for k, (file, _) in enumerate(show_pictures(visit, models, name, "walk", some))
            ],
            stops: texts(some),
            video: str(file),
            film: film_of(visit, frames),
            place: 0,
            files: link(file, f"{name_part(name)}-walk.mp4", words.TAKE_VIDEO),
            film_file: "",
            shown: [name, anchors, loop],
        }

    def walk_once(visit, tell, tab, *asked_and_shown):
        """The same, unless it is shown already or another tab is open."""
        *asked, before = asked_and_shown
        return None if tab != "walk" or asked == before else walk_along(visit, tell, *asked)

    def open_stop(visit, picked, lines):
        return {shared.picture: picked_text(lines, picked)}

    def open_between(visit, name, anchors, loop, place):
        """Open the picture at the slider's place."""
        generator = models[name]
        frame = min(round(place / WHOLE * (FRAMES - 1)), FRAMES - 1)
        path = pictures.path_through(generator, keyframes(generator, anchors), FRAMES, bool(loop))
        return {shared.picture: str(path[frame])}

    def walk_through_pins(visit, name, pins):
        some = fitting(models[name], pins)[-6:]
        if len(some) < 2:
            raise InvalidInput(words.TOO_FEW_PINS)
        return {shared.anchors: texts(some).replace("\n", " ")}

    def as_webp(visit, tell, name, anchors, loop):
        """Write the walk as an animated WebP, which plays wherever pictures are shown."""
        generator = models[name]
        path = keyframes(generator, anchors)
        frames = pictures.film(generator, path, FRAMES, bool(loop), lambda *done: tell(done, words.DRAWING))
        mark = mark_of(models, name, path)
        tell(0.9, words.MAKING_VIDEO)

        def write(place) -> None:
            first, *others = [one.convert("RGB") for one in images.to_pil(frames, 256)]
            first.save(place, "WEBP", save_all=True, append_images=others, duration=42, loop=0, quality=85, method=0)
            marks.mark_film_file(place, mark)

        file = visit.drawn.file("walk-webp", "walk.webp", write)
        return {film_file: link(file, f"{name_part(name)}-walk.webp", words.TAKE_WEBP)}

    asked = [shared.current, shared.anchors, loop]
    outputs = [strip, stops, video, film, place, files, film_file, shown]
    shared.drawings.append(Redrawing(walk_once, [*asked, shown], outputs, video))
    walking = page.on(
        [start.click, shared.anchors.submit, loop.input], walk_along, asked, outputs, long=True, spinner=video
    )
    pinned = page.on(use_pins.click, walk_through_pins, [shared.current, shared.pins], [shared.anchors])
    shared.telling += [walking, page.on(pinned.then, walk_along, asked, outputs, long=True, spinner=video)]
    page.here(
        place.input,
        f"""place => {{ const film = document.querySelector('#film .film'); if (!film) return;
        const k = Math.round(place / {WHOLE} * {FRAMES - 1}), rows = {math.ceil(FRAMES / ACROSS)};
        film.style.backgroundPosition =
            `${{k % {ACROSS} / {ACROSS - 1} * 100}}% ${{Math.floor(k / {ACROSS}) / (rows - 1) * 100}}%`; }}""",
        [place],
    )
    for event in (
        page.on(strip.select, open_stop, [stops], [shared.picture], picks=True),
        page.on(take_place.click, open_between, [*asked, place], [shared.picture]),
    ):
        shared.go(page, event.then, "sample")  # it is shown there
    page.on(webp.click, as_webp, asked, [film_file], long=True, spinner=film_file)
    shared.leftovers += [strip, video, film, files, film_file, shown]


def mark_of(models: Models, name: str, path: list[pictures.Picture]) -> marks.Mark:
    return marks.Mark(name, models.revision(name), pictures.to_drawn(models[name], path))


def film_of(visit, frames: Tensor) -> str:
    """All frames on one sheet. The page shows the frame at the slider's place without another request."""
    factor = max(1, round(LARGEST_SHEET / ACROSS / frames.shape[-1]))
    some = [one.convert("RGB") for one in images.to_pil(frames)]
    some = [images.enlarge(one, factor) for one in some] if factor > 1 and frames.shape[1] == 1 else some
    width, height = some[0].size
    sheet = Image.new("RGB", (width * ACROSS, height * math.ceil(len(some) / ACROSS)))
    for k, one in enumerate(some):
        sheet.paste(one, (k % ACROSS * width, k // ACROSS * height))
    path = visit.drawn.file("film", "film.webp", lambda path: sheet.save(path, "WEBP", quality=88, method=0))
    rows = math.ceil(len(some) / ACROSS)
    return (
        f'<div class="film" role="img" aria-label="{html.escape(say(words.BETWEEN))}" style="background-image: '
        f"url('{address(path)}'); background-size: {ACROSS * 100}% {rows * 100}%; aspect-ratio: {width}/{height}\"></div>"
    )
