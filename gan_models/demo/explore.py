"""The tab that moves a picture along directions of the latent space that were found without labels."""

import gradio as gr
import torch

from .. import directions, pictures
from ..errors import InvalidInput
from . import reading, words
from .models import Models
from .page import Page
from .shared import Redrawing, Shared, choose, hidden, show_pictures, texts, the_picture
from .theme import LARGE, PLAIN

TITLE, ASKS = words.EXPLORE, ("pinned",)
COUNT = 8  # directions
FAR = 4.0  # how far a slider goes
STEPS = 7  # pictures along one direction


def serves(generator) -> bool:
    return generator.latent_dim > 1


def tab(page: Page, models: Models, shared: Shared) -> None:
    gr.Markdown(words.EXPLORE_NOTE, elem_id="explore-note")
    with gr.Row():
        with gr.Column(min_width=260):
            result = gr.Gallery(label=words.PAIR, columns=2, elem_id="explored", **PLAIN)
            with gr.Row():
                keep = gr.Button(words.KEEP, elem_id="explore-keep", size="sm", min_width=110)
                reset = gr.Button(words.RESET, elem_id="explore-reset", size="sm", min_width=110)
        with gr.Column(min_width=260, elem_id="directions"):
            sliders = [
                page.reads(
                    gr.Slider(
                        -FAR,
                        FAR,
                        0,
                        step=0.1,
                        label=words.direction(k + 1),
                        buttons=[],
                        elem_id=f"direction-{k}",
                        min_width=140,
                    ),
                    reading.number(words.direction(k + 1), -FAR, FAR),
                )
                for k in range(COUNT)
            ]
    along = page.reads(
        gr.Dropdown(
            [(words.direction(k + 1), k) for k in range(COUNT)],
            value=0,
            label=words.ALONG,
            filterable=False,
            elem_id="along",
        ),
        reading.choice("direction", int),
    )
    strip = gr.Gallery(label=words.ALONG, columns=STEPS, elem_id="along-strip", **PLAIN)
    moved, strip_texts = (
        page.reads(hidden("", name), reading.lines("list of pictures", most))
        for name, most in (("explored", 1), ("along", STEPS))
    )
    for kept in (moved, strip_texts):
        kept.render()
    shown = gr.State()

    def pair(visit, name, one, other):
        files = show_pictures(visit, models, name, "explored", [one, other], LARGE)
        return [(file, said) for (file, _), said in zip(files, (words.BEFORE, words.AFTER), strict=True)]

    def series(visit, name, one, along, values):
        found = models.directions(name)
        if along is None or not 0 <= along < len(found.vectors):
            raise InvalidInput(words.NO_SUCH_DIRECTION)
        steps = torch.linspace(-FAR, FAR, STEPS).tolist()
        some = [
            moved_picture(models, name, one, [far if k == along else value for k, value in enumerate(values)])
            for far in steps
        ]
        files = show_pictures(visit, models, name, "along", some)
        return {
            strip: [
                (file, f"{far:+.1f}" if abs(far) > 1e-6 else "0") for (file, _), far in zip(files, steps, strict=True)
            ],
            strip_texts: texts(some),
        }

    def explore(visit, name, picture, *values):
        """The picture before and after, while a slider moves."""
        one = the_picture(models[name], picture)
        after = moved_picture(models, name, one, values)
        return {result: pair(visit, name, one, after), moved: str(after)}

    def go_along(visit, name, picture, along, *values):
        return series(visit, name, the_picture(models[name], picture), along, values)

    def explore_once(visit, tab, name, picture, along, before):
        """Show the open picture, not moved yet."""
        if tab != "explore" or before == [name, picture] or not serves(models[name]):
            return None
        one = the_picture(models[name], picture)
        there = len(models.directions(name).vectors)
        return {
            **{slider: gr.Slider(value=0, visible=k < there) for k, slider in enumerate(sliders)},
            result: pair(visit, name, one, one),
            moved: str(one),
            **series(visit, name, one, min(along or 0, there - 1), [0.0] * there),
            shown: [name, picture],
        }

    def keep_explored(visit, name, moved):
        """Make the moved picture the open one."""
        return {shared.picture: str(the_picture(models[name], moved))}

    def forget_moves(visit):
        return {shown: None}

    def open_along(visit, picked, lines):
        return {shared.picture: choose(lines, picked)}

    shared.drawings["explore"] = Redrawing(
        explore_once,
        [shared.current, shared.picture, along, shown],
        [*sliders, result, moved, strip, strip_texts, shown],
    )
    moving = [shared.current, shared.picture, *sliders]
    page.on([slider.input for slider in sliders], explore, moving, [result, moved], live=True)
    page.on(
        [*(slider.release for slider in sliders), along.input],
        go_along,
        [shared.current, shared.picture, along, *sliders],
        [strip, strip_texts],
        live=True,
    )
    shared.opening += [
        page.on(keep.click, keep_explored, [shared.current, moved], [shared.picture]),
        page.on(reset.click, forget_moves, [], [shown]),
        page.on(strip.select, open_along, [strip_texts], [shared.picture], picks=True),
    ]
    shared.leftovers += [shown]


def moved_picture(models: Models, name: str, one: pictures.Picture, values) -> pictures.Picture:
    """The picture moved along the directions of its model; the same picture if all values are 0."""
    generator, found = models[name], models.directions(name)
    steps = [(k, value) for k, value in enumerate(values[: len(found.vectors)]) if value]
    if not steps:
        return one
    moved = directions.move(pictures.latents(generator, [one]), found, steps)
    return pictures.with_latent(generator, one, moved[0])
