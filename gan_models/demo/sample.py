"""The tab that draws pictures from a seed, and opens one of them."""

import html
import secrets
import zipfile

import gradio as gr

from .. import images, marks, pictures
from ..errors import InvalidInput
from ..rng import check_count, check_seed
from . import reading, words
from .downloads import address, file_name, link, name_part
from .models import Models
from .page import Page, inform
from .shared import (
    MOST,
    MOST_PINS,
    Redrawing,
    Shared,
    brought_back,
    caption,
    hidden,
    picked_text,
    show_pictures,
    texts,
    the_picture,
    wishes,
)
from .theme import LARGE, OPENS

TITLE, ASKS = words.SAMPLE, ("pinned", "reopen")
FULL = 512  # pixels of a picture that is taken away, about
VARIATIONS = 8


def serves(generator) -> bool:
    return True


def tab(page: Page, models: Models, shared: Shared) -> None:
    gallery = gr.Gallery(label=words.SAMPLES, columns=8, elem_id="samples", **OPENS)
    with gr.Row(elem_id="opened", visible=False) as panel:
        figure = gr.HTML(elem_id="figure", min_width=260)
        with gr.Column(min_width=260, elem_id="acts"):
            with gr.Row():
                vary = gr.Button(words.VARY, elem_id="vary", size="sm", min_width=110)
                pin = gr.Button(words.PIN, elem_id="pin", size="sm", min_width=110)
                walk = gr.Button(words.WALK_FROM, elem_id="walk-from", size="sm", min_width=110)
                change = gr.Button(
                    words.CHANGE, elem_id="change", size="sm", min_width=110, **change_look(models, shared.first)
                )
                explore = gr.Button(words.EXPLORE_IT, elem_id="explore", size="sm", min_width=110)
            varied = gr.Gallery(label=words.VARIATIONS, columns=4, elem_id="varied", visible=False, **OPENS)
    with gr.Row(elem_id="seed-row"):
        shared.seed.render()
        shared.count.render()
        roll = gr.Button(words.NEW_SEED, elem_id="new-seed", min_width=120)
        draw = gr.Button(words.DRAW, variant="primary", elem_id="draw", min_width=120)
    with gr.Row(elem_id="wishes"):
        for control in (*shared.wished, shared.truncation):
            control.render()
    with gr.Row(elem_id="files"):
        everything = gr.Button(words.ALL, elem_id="all", size="sm", min_width=120)
        archive = gr.HTML(elem_id="archive")
    drawn = page.reads(hidden("", "samples"), reading.lines("list of samples", MOST))
    variations = page.reads(hidden("", "variations"), reading.lines("list of variations", VARIATIONS))
    for kept in (drawn, variations):
        kept.render()
    shown, shown_picture, shown_pins = gr.State(), gr.State(), gr.State()

    def draw_samples(visit, name, seed, count, truncation, wanted, present, absent):
        """Draw pictures from a seed. Each keeps its requested labels."""
        generator = models[name]
        seed, count = check_seed(seed), check_count(count, most=MOST)
        some = pictures.of_seed(generator, seed, count, truncation, wishes(generator, wanted, present, absent))
        return {
            gallery: show_pictures(visit, models, name, "samples", some),
            drawn: texts(some),
            shown: [name, seed, count, truncation, wanted, present, absent],
            archive: "",
        }

    def draw_samples_once(visit, tell, tab, *asked_and_shown):
        """The same, unless it is shown already or another tab is open."""
        *asked, before = asked_and_shown
        return None if tab != "sample" or asked == before else draw_samples(visit, *asked)

    def new_seed(visit):
        return {shared.seed: secrets.randbelow(1_000_000)}

    def open_sample(visit, picked, lines):
        """Open the picture that was clicked."""
        return {shared.picture: picked_text(lines, picked)}

    def open_variation(visit, picked, lines):
        return {shared.picture: picked_text(lines, picked)}

    def open_pin(visit, picked, lines):
        return {shared.picture: picked_text(lines, picked)}

    def show(visit, tell, tab, name, picture, before):
        """Show the open picture, large, with its file."""
        if tab != "sample" or before == [name, picture] or not (picture or before):
            return None
        if not picture:
            return {panel: gr.Row(visible=False), shown_picture: None}
        generator = models[name]
        one = the_picture(generator, picture)
        return {
            panel: gr.Row(visible=True),
            figure: figure_of(visit, models, name, one),
            varied: gr.Gallery(visible=False),
            variations: "",
            shown_picture: [name, picture],
        }

    def vary_it(visit, name, picture):
        """Draw eight pictures near the open one, new ones at each click."""
        generator = models[name]
        some = pictures.vary(generator, the_picture(generator, picture), secrets.randbits(31), VARIATIONS)
        shown = show_pictures(visit, models, name, "variations", some)
        return {varied: gr.Gallery(shown, visible=True), variations: texts(some)}

    def pin_it(visit, name, pins, elsewhere, picture):
        """The open picture is kept at hand; once more takes it away."""
        one = str(the_picture(models[name], picture))
        inform(words.UNPINNED if one in pins else words.PINNED, words.PINS)
        pins = [pin for pin in pins if pin != one] if one in pins else [*pins, one][-MOST_PINS:]
        return repin(visit, name, pins, elsewhere)

    def repin(visit, name, pins, elsewhere):
        """The pins that this model can draw; those of other models stay out of sight until these are chosen again."""
        some, away = brought_back(models[name], pins, elsewhere)
        return {
            shared.pins: texts(some),
            shared.elsewhere: away,
            shown_pins: [name, list(map(str, some)), away.split()],
            shared.pinned: gr.Gallery(
                show_pictures(visit, models, name, "pins", some) if some else None, visible=bool(some)
            ),
        }

    def repin_once(visit, tell, tab, name, pins, elsewhere, before):
        """The same, unless they are shown already."""
        if before == [name, pins, elsewhere] or not (pins or elsewhere or before):
            return None
        return repin(visit, name, pins, elsewhere)

    def add_to_walk(visit, name, anchors, picture):
        """Make the open picture the last keyframe; beyond six keyframes the first ones are dropped."""
        one = str(the_picture(models[name], picture))
        inform(words.IN_THE_WALK, words.PICKED_TITLE)
        return {shared.anchors: " ".join([*(a for a in anchors if a != one), one][-6:])}

    def take_all(visit, name, lines):
        """Write a zip of the samples, PNG files with everything they were drawn from."""
        generator = models[name]
        some = [pictures.parse(generator, line) for line in lines]
        if not some:
            raise InvalidInput(words.NOTHING_DRAWN)
        found = zip(images.to_pil(pictures.draw(generator, some), LARGE), models.marks(name, some), strict=True)

        def write(path) -> None:
            with zipfile.ZipFile(path, "w") as file:
                for k, (picture, mark) in enumerate(found):
                    visit.check()
                    file.writestr(f"{file_name(name, some[k], k)}.png", marks.encode(picture, ".png", mark))

        path = visit.drawn.file("archive", f"{name_part(name)}.zip", write)
        return {archive: link(path, f"{name_part(name)}.zip", words.TAKE_ZIP)}

    asked = [shared.current, shared.seed, shared.count, shared.truncation, *shared.wished]
    drawing = (draw_samples, asked, [gallery, drawn, shown, archive])
    pinned = [shared.current, shared.pins, shared.elsewhere]
    pinning = [shared.pins, shared.elsewhere, shared.pinned, shown_pins]
    shared.drawings += [
        Redrawing(repin_once, [*pinned, shown_pins], pinning),
        Redrawing(draw_samples_once, [*asked, shown], [gallery, drawn, shown, archive]),
        Redrawing(
            show,
            [shared.current, shared.picture, shown_picture],
            [panel, figure, varied, variations, shown_picture],
        ),
    ]
    controls = (*shared.wished, shared.truncation, shared.count)
    shared.telling += [
        page.on([draw.click, shared.seed.submit], *drawing, draws=True),
        page.on([*(control.input for control in controls)], *drawing, live=True, draws=True),
        page.on(page.on(roll.click, new_seed, [], [shared.seed]).then, *drawing, draws=True),
    ]
    shared.opening += [
        page.on(gallery.select, open_sample, [drawn], [shared.picture], picks=True),
        page.on(varied.select, open_variation, [variations], [shared.picture], picks=True),
        page.on(shared.pinned.select, open_pin, [shared.pins], [shared.picture], picks=True),
    ]
    page.on(vary.click, vary_it, [shared.current, shared.picture], [varied, variations], spinner=varied)
    page.on(pin.click, pin_it, [shared.current, shared.pins, shared.elsewhere, shared.picture], pinning)
    adding = page.on(walk.click, add_to_walk, [shared.current, shared.anchors, shared.picture], [shared.anchors])
    shared.go(page, adding.then, "walk")
    shared.go(page, change.click, "attributes")
    shared.go(page, explore.click, "explore")
    shared.looks[change] = change_look
    page.on(everything.click, take_all, [shared.current, drawn], [archive], spinner=archive)


def change_look(models: Models, name: str) -> dict:
    """The button that leads to the tab of attributes, where there are any."""
    return {"visible": models[name].labels is not None}


def figure_of(visit, models: Models, name: str, one: pictures.Picture) -> str:
    """A large picture as HTML, with its file (which says what it was drawn from) and a download link."""
    generator = models[name]
    (picture,), (mark,) = images.to_pil(pictures.draw(generator, [one]), FULL), models.marks(name, [one])
    path = visit.drawn.file(
        "opened", f"{file_name(name, one)}.png", lambda path: marks.save(picture, path, mark, compress_level=1)
    )
    said = html.escape(f"{name}: {caption(generator, one)}")
    return (
        f'<figure><img src="{address(path)}" alt="{said}"><figcaption>{said}</figcaption></figure>'
        f"{link(path, file_name(name, one) + '.png', words.TAKE)}"
    )
