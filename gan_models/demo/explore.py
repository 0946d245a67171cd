"""The tab that moves a picture along directions of the latent space that were found without labels, and by the codes of
an InfoGAN."""

import gradio as gr
import torch

from .. import directions, pictures, studio
from ..errors import InvalidInput
from . import reading, words
from .models import Models
from .page import Page
from .shared import (
    Redrawing,
    Shared,
    any_picture,
    classes_of,
    code_names,
    hidden,
    picked_text,
    show_pictures,
    texts,
    the_picture,
)
from .theme import LARGE, OPENS, PLAIN

TITLE, ASKS = words.EXPLORE, ("pinned", "reopen")
COUNT = 8  # directions
FAR = 4.0  # how far a slider goes
STEPS = 7  # pictures along one direction
CODES = 8  # sliders for the numbers that an InfoGAN found; of a model with more, the first ones
CATEGORY = "category"


def serves(generator) -> bool:
    return generator.latent_dim > 1


def tab(page: Page, models: Models, shared: Shared) -> None:
    first = shared.first
    note = gr.Markdown(elem_id="explore-note", **note_look(models, first))
    with gr.Row():
        with gr.Column(min_width=260):
            result = gr.Gallery(label=words.PAIR, columns=2, elem_id="explored", **PLAIN)
            with gr.Row():
                keep = gr.Button(words.KEEP, elem_id="explore-keep", size="sm", min_width=110)
                reset = gr.Button(words.RESET, elem_id="explore-reset", size="sm", min_width=110)
                other = gr.Button(words.ANOTHER, elem_id="explore-another", size="sm", min_width=110)
        with gr.Column(min_width=260):
            category = page.reads(
                gr.Radio(label=words.CATEGORY, elem_id="category", **category_look(models, first)),
                reading.choice("category", int),
            )
            with gr.Column(elem_id="directions"):
                codes = [slider(page, words.code(k + 1), 1, f"code-{k}", visible=False) for k in range(CODES)]
                moves = [slider(page, words.direction(k + 1), FAR, f"direction-{k}") for k in range(COUNT)]
    along = page.reads(
        gr.Dropdown(label=words.ALONG, filterable=False, elem_id="along", **along_look(models, first)),
        reading.choice("direction", str),
    )
    strip = gr.Gallery(label=words.ALONG, columns=STEPS, elem_id="along-strip", **OPENS)
    moved, strip_texts = (
        page.reads(hidden("", name), reading.lines("list of pictures", most))
        for name, most in (("explored", 1), ("along", 1000))
    )
    for kept in (moved, strip_texts):
        kept.render()
    shown = gr.State()

    def pair(visit, name, one, other):
        files = show_pictures(visit, models, name, "explored", [one, other], LARGE)
        return [(file, said) for (file, _), said in zip(files, (words.BEFORE, words.AFTER), strict=True)]

    def series(visit, name, one, along, category, values):
        """From one end of a direction or of a code to the other; or every category."""
        wished, said = steps_of(models, name, along, category, values)
        some = [moved_picture(models, name, one, *asked) for asked in wished]
        files = show_pictures(visit, models, name, "along", some)
        return {
            strip: [(file, text) for (file, _), text in zip(files, said, strict=True)],
            strip_texts: texts(some),
        }

    def explore(visit, name, picture, category, *values):
        """Before and after, while a slider moves."""
        one = the_picture(models[name], picture)
        after = moved_picture(models, name, one, category, values)
        return {result: pair(visit, name, one, after), moved: str(after)}

    def go_along(visit, name, picture, along, category, *values):
        return series(visit, name, the_picture(models[name], picture), along, category, values)

    def explore_once(visit, tell, tab, name, picture, along, before):
        """The open picture, where nothing is moved yet."""
        generator = models[name]
        if tab != "explore" or before == [name, picture] or not serves(generator):
            return None
        one = the_picture(generator, picture)
        own, chosen = codes_of(generator, one)
        values = [*own, *[0.0] * (CODES - len(own)), *[0.0] * COUNT]
        there = len(models.directions(name).vectors)
        look = along_look(models, name)
        along = along if along in [known for _, known in look["choices"]] else look["value"]
        changes = {move: gr.Slider(value=0, visible=k < there) for k, move in enumerate(moves)}
        changes |= {
            code: gr.Slider(value=round(value, 4), visible=k < len(own))
            for k, (code, value) in enumerate(zip(codes, values, strict=False))
        }
        return {
            **changes,
            category_box: gr.Radio(value=chosen),
            result: pair(visit, name, one, one),
            moved: str(one),
            **series(visit, name, one, along, chosen, values),
            shown: [name, picture],
        }

    def keep_explored(visit, name, moved):
        """Make the moved picture the open one."""
        return {shared.picture: str(the_picture(models[name], moved))}

    def forget_moves(visit):
        return {shown: None}

    def another_to_explore(visit):
        """A picture of a random seed."""
        return {shared.picture: any_picture()}

    def open_along(visit, picked, lines):
        return {shared.picture: picked_text(lines, picked)}

    category_box, sliders = category, [*codes, *moves]
    shared.looks |= {note: note_look, category: category_look, along: along_look}
    shared.drawings.append(
        Redrawing(
            explore_once,
            [shared.current, shared.picture, along, shown],
            [*sliders, category, result, moved, strip, strip_texts, shown],
        )
    )
    moving = [shared.current, shared.picture, category, *sliders]
    page.on([*(slider.input for slider in sliders), category.input], explore, moving, [result, moved], live=True)
    going = (go_along, [shared.current, shared.picture, along, category, *sliders], [strip, strip_texts])
    page.on([category.input, along.input], *going, live=True)
    keys = [*(f"code-{k}" for k in range(CODES)), *(f"direction-{k}" for k in range(COUNT))]
    for key, moved_one in zip(keys, sliders, strict=True):  # the series shows what was moved last
        page.on(page.here(moved_one.release, f"() => {key!r}", [], [along]).then, *going, live=True)
    shared.opening += [
        page.on(keep.click, keep_explored, [shared.current, moved], [shared.picture]),
        page.on(reset.click, forget_moves, [], [shown]),
        page.on(other.click, another_to_explore, [], [shared.picture]),
        page.on(strip.select, open_along, [strip_texts], [shared.picture], picks=True),
    ]
    shared.leftovers += [shown]


def slider(page: Page, label: str, far: float, elem_id: str, visible: bool = True) -> gr.Slider:
    made = gr.Slider(
        -far,
        far,
        0,
        step=far / 40,
        label=label,
        buttons=[],
        elem_id=elem_id,
        min_width=140,
        visible=visible,
    )
    return page.reads(made, reading.number_from(label, -far, far))


def codes_of(generator, one: pictures.Picture) -> tuple[list[float], int | None]:
    """Of a picture of an InfoGAN: its codes, as many as have sliders, and its category; of another model nothing."""
    if not studio.has_codes(generator):
        return [], None
    category, continuous = generator.codes(pictures.latents(generator, [one]))
    return continuous[0].tolist()[:CODES], int(category[0])


def moved_picture(models: Models, name: str, one: pictures.Picture, category, values) -> pictures.Picture:
    """The picture with that category, and with the codes and moved along the directions that the sliders say; the very
    picture where they ask for what it shows."""
    generator, found = models[name], models.directions(name)
    own, chosen = codes_of(generator, one)
    codes, far = list(values[: len(own)]), values[CODES : CODES + len(found.vectors)]
    steps = [(k, value) for k, value in enumerate(far) if value]
    changed = any(abs(value - was) > 1e-3 for value, was in zip(codes, own, strict=True))
    if studio.has_codes(generator) and (changed or category not in (None, chosen)):
        every = generator.codes(pictures.latents(generator, [one]))[1][0].tolist()
        asked = studio.Codes(category, (*codes, *every[len(codes) :]) if changed else None)
        one = pictures.with_codes(generator, one, asked)
    if not steps:
        return one
    moved = directions.move(pictures.latents(generator, [one]), found, steps)
    return pictures.with_latent(generator, one, moved[0])


def steps_of(models: Models, name: str, along, category, values) -> tuple[list[tuple], list[str]]:
    """What to ask `moved_picture` for along a direction, a code or the categories, and what stands below each. Raises
    InvalidInput."""
    if along not in [known for _, known in along_look(models, name)["choices"]]:
        raise InvalidInput(words.NO_SUCH_DIRECTION)
    if along == CATEGORY:
        names = code_names(models[name])
        return [(k, values) for k in range(len(names))], names
    kind, _, number = along.partition("-")
    place, most = (int(number), 1.0) if kind == "code" else (CODES + int(number), FAR)
    if kind == "direction" and int(number) >= len(models.directions(name).vectors):
        raise InvalidInput(words.NO_SUCH_DIRECTION)
    steps = torch.linspace(-most, most, STEPS).tolist()
    wished = [(category, [far if k == place else value for k, value in enumerate(values)]) for far in steps]
    return wished, [f"{far:+.1f}" if abs(far) > 1e-6 else "0" for far in steps]


def note_look(models: Models, name: str) -> dict:
    return {"value": words.EXPLORE_CODES if studio.has_codes(models[name]) else words.EXPLORE_NOTE}


def category_look(models: Models, name: str) -> dict:
    generator = models[name]
    found = studio.has_codes(generator)
    return {"choices": classes_of(generator) if found else [], "value": 0 if found else None, "visible": found}


def along_look(models: Models, name: str) -> dict:
    generator, choices = models[name], []
    if studio.has_codes(generator):
        choices = [(words.CATEGORIES, CATEGORY)]
        choices += [(words.code(k + 1), f"code-{k}") for k in range(min(generator.continuous, CODES))]
    choices += [(words.direction(k + 1), f"direction-{k}") for k in range(min(COUNT, generator.latent_dim))]
    return {"choices": choices, "value": choices[0][1] if choices else None}
