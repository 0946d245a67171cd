"""The tab that changes the labels of one picture."""

import gradio as gr
import torch

from .. import pictures, studio
from ..celeba import ATTRIBUTES, HAIR_COLOURS
from ..errors import InvalidInput, short
from . import reading, words
from .models import Models
from .page import Page
from .shared import (
    CATEGORY,
    Redrawing,
    Shared,
    attributes_of,
    choose,
    classes_of,
    code_names,
    hidden,
    pretty,
    show_pictures,
    texts,
    the_picture,
)
from .theme import LARGE, PLAIN

TITLE, ASKS = words.ATTRIBUTES, ("pinned",)
SLIDERS = 40  # at most; CelebA has 40 attributes
STEPS, SIDE = 7, 5  # pictures in a series, and on each side of a grid
NONE = ""


def serves(generator) -> bool:
    return generator.labels is not None or studio.has_codes(generator)


def tab(page: Page, models: Models, shared: Shared) -> None:
    first = shared.first
    before_after = gr.Gallery(label=words.PAIR, columns=2, elem_id="pair", **PLAIN)
    with gr.Row():
        keep = gr.Button(words.KEEP, elem_id="keep", size="sm", min_width=120)
        reset = gr.Button(words.RESET, elem_id="reset", size="sm", min_width=120)
    as_class = page.reads(
        gr.Radio(label=words.AS_CLASS, elem_id="as_class", **as_class_look(models, first)),
        reading.choice("class", int),
    )
    with gr.Row(elem_id="sliders"):
        sliders = [
            page.reads(
                gr.Slider(0, 1, 0.5, step=0.05, visible=False, min_width=140, buttons=[], elem_id=f"attribute-{k}"),
                reading.number("value of an attribute", -1, 1),
            )
            for k in range(SLIDERS)
        ]
    note = gr.Markdown(elem_id="hint", **hint_look(models, first))
    with gr.Row():
        attribute, other = (
            page.reads(
                gr.Dropdown(label=label, filterable=False, elem_id=elem_id, min_width=200, **look(models, first)),
                reading.choice("attribute", str),
            )
            for label, elem_id, look in (
                (words.STEPS, "attribute", attribute_look),
                (words.GRID_WITH, "other-attribute", other_look),
            )
        )
    strip = gr.Gallery(label=words.SWEEP, columns=10, elem_id="sweep", **PLAIN)
    series_texts, changed = (
        page.reads(hidden("", name), reading.lines("list of pictures", most))
        for name, most in (("sweep", 1000), ("changed", 1))
    )
    for kept in (series_texts, changed):
        kept.render()
    shown = gr.State()

    def pair(visit, name, one, other):
        """The picture before and after."""
        files = show_pictures(visit, models, name, "pair", [one, other], LARGE)
        return [(file, said) for (file, _), said in zip(files, (words.BEFORE, words.AFTER), strict=True)]

    def series(visit, name, one, attribute, other):
        """One attribute from 0 to 1, or each class; with a second attribute, a grid over both."""
        generator = models[name]
        some, said = series_of(generator, one, checked(generator, attribute), checked(generator, other, True))
        files = show_pictures(visit, models, name, "sweep", some)
        return {
            strip: [(file, text) for (file, _), text in zip(files, said, strict=True)],
            series_texts: texts(some),
        }

    def change(visit, name, picture, as_class, *values):
        """Draw the picture with the labels of the controls."""
        generator = models[name]
        one = the_picture(generator, picture)
        after = changed_picture(generator, one, as_class, values)
        return {before_after: pair(visit, name, one, after), changed: str(after)}

    def sweep(visit, name, picture, attribute, other, as_class, *values):
        generator = models[name]
        one = changed_picture(generator, the_picture(generator, picture), as_class, values)
        return series(visit, name, one, attribute, other)

    def inspect(visit, tab, name, picture, attribute, other, before):
        """Show the open picture unchanged: its labels in the controls, before, after and the series."""
        if tab != "attributes" or before == [name, picture] or not serves(models[name]):
            return None
        generator = models[name]
        one = the_picture(generator, picture)
        names, values, chosen = as_it_is(generator, one)
        least = -1 if studio.has_codes(generator) else 0
        changes = {slider: gr.Slider(visible=False) for slider in sliders[len(names) :]}
        changes |= {
            slider: gr.Slider(label=label, value=round(value, 4), minimum=least, visible=True)
            for slider, label, value in zip(sliders, names, values, strict=False)
        }
        if chosen is not None:
            changes[as_class] = gr.Radio(value=chosen)
        return {
            **changes,
            before_after: pair(visit, name, one, one),
            changed: str(one),
            **series(visit, name, one, attribute, other),
            shown: [name, picture],
        }

    def keep_it(visit, name, changed):
        """Make the changed picture the open one."""
        return {shared.picture: str(the_picture(models[name], changed))}

    def forget_changes(visit):
        return {shown: None}

    def open_step(visit, picked, lines):
        return {shared.picture: choose(lines, picked)}

    inspecting = Redrawing(
        inspect,
        [shared.current, shared.picture, attribute, other, shown],
        [*sliders, as_class, before_after, changed, strip, series_texts, shown],
    )
    shared.drawings["attributes"] = inspecting
    shared.looks |= {attribute: attribute_look, other: other_look, as_class: as_class_look, note: hint_look}
    page.on(
        [*(slider.input for slider in sliders), as_class.input],
        change,
        [shared.current, shared.picture, as_class, *sliders],
        [before_after, changed],
        live=True,
    )
    page.on(
        [*(slider.release for slider in sliders), as_class.input, attribute.input, other.input],
        sweep,
        [shared.current, shared.picture, attribute, other, as_class, *sliders],
        [strip, series_texts],
        live=True,
    )
    shared.opening += [
        page.on(keep.click, keep_it, [shared.current, changed], [shared.picture]),
        page.on(reset.click, forget_changes, [], [shown]),
        page.on(strip.select, open_step, [series_texts], [shared.picture], picks=True),
    ]
    shared.leftovers += [shown]


def changed_picture(generator, one: pictures.Picture, as_class: int | None, values) -> pictures.Picture:
    """The picture with the labels of the controls; the same picture if they are its own."""
    _, own, chosen = as_it_is(generator, one)
    moved = {k: value for k, (value, was) in enumerate(zip(values, own, strict=False)) if abs(value - was) > 1e-3}
    if studio.has_codes(generator):
        if not moved and as_class in (None, chosen):
            return one
        codes = tuple(moved.get(k, was) for k, was in enumerate(own)) if moved else None
        return pictures.with_codes(generator, one, studio.Codes(as_class, codes))
    if generator.labels is None:
        return one
    if not generator.multi_label:
        return one if as_class in (None, chosen) else pictures.with_labels(generator, one, as_class)
    return pictures.with_labels(
        generator, one, one_hair_colour({generator.labels[k]: value for k, value in moved.items()}, own, generator)
    )


def one_hair_colour(wished: dict[str, float], own: list[float], generator) -> dict[str, float]:
    """Keep only the hair colour that was raised most; the others fade."""
    raised = {
        name: value - own[generator.labels.index(name)]
        for name, value in wished.items()
        if name in HAIR_COLOURS and value > own[generator.labels.index(name)]
    }
    one = max(raised, key=raised.get, default=None)
    return {name: value for name, value in wished.items() if name not in raised or name == one}


def series_of(
    generator, one: pictures.Picture, attribute: str | None, other: str | None
) -> tuple[list[pictures.Picture], list[str]]:
    """Pictures and their captions: one attribute in steps, each class or code, or a grid over two attributes."""
    if studio.has_codes(generator):
        if attribute == CATEGORY:
            wished = [studio.Codes(k) for k in range(generator.categories)]
            return [pictures.with_codes(generator, one, codes) for codes in wished], code_names(generator)
        own, values = as_it_is(generator, one)[1], torch.linspace(-1, 1, STEPS).tolist()
        wished = [
            studio.Codes(None, tuple(value if k == int(attribute) else was for k, was in enumerate(own)))
            for value in values
        ]
        return [pictures.with_codes(generator, one, codes) for codes in wished], [f"{value:.1f}" for value in values]
    if generator.labels is None:
        return [], []
    if not generator.multi_label:
        names = list(generator.labels)
        return [pictures.with_labels(generator, one, k) for k in range(len(names))], names
    if not other or other == attribute:
        values = torch.linspace(0, 1, STEPS).tolist()
        some = [pictures.with_labels(generator, one, {attribute: value}) for value in values]
        return some, [f"{value:.0%}" for value in values]
    values = torch.linspace(0, 1, SIDE).tolist()
    grid = [(down, across) for down in values for across in values]
    some = [pictures.with_labels(generator, one, both(attribute, across, other, down)) for down, across in grid]
    return some, [words.grid_of(pretty(attribute), across, pretty(other), down) for down, across in grid]


def both(attribute: str, value: float, other: str, second: float) -> dict[str, float]:
    """The requested values of two attributes. Two hair colours share the total of 1, since a head has one."""
    total = value + second
    if attribute in HAIR_COLOURS and other in HAIR_COLOURS and total > 1:
        value, second = value / total, second / total
    return {attribute: value, other: second}


def as_it_is(generator, one: pictures.Picture) -> tuple[list[str], list[float], int | None]:
    """The names of a picture's sliders, their values, and its class."""
    if studio.has_codes(generator):
        category, continuous = generator.codes(pictures.latents(generator, [one]))
        return (
            [f"Code {k + 1}" for k in range(generator.continuous)][:SLIDERS],
            continuous[0].tolist(),
            int(category[0]),
        )
    values = pictures.labels(generator, [one])
    if values is None:
        return [], [], None
    if not generator.multi_label:
        return [], [], int(values[0].argmax())
    return [pretty(label) for label in generator.labels][:SLIDERS], values[0].tolist()[:SLIDERS], None


def checked(generator, attribute: str | None, optional: bool = False) -> str | None:
    """An attribute that the model has; None for a model of classes, which has none. Raises InvalidInput."""
    known = [name for _, name in attributes_of(generator)]
    if optional and (not attribute or not generator.multi_label):
        return None
    if known and attribute not in known:
        raise InvalidInput(f"This model does not know the attribute {short(attribute)}; choose one of the list.")
    return attribute if known else None


def as_class_look(models: Models, name: str) -> dict:
    classes = classes_of(models[name])
    return {"choices": classes, "value": 0 if classes else None, "visible": bool(classes)}


def attribute_look(models: Models, name: str) -> dict:
    generator = models[name]
    attributes = attributes_of(generator)
    first = "Smiling" if "Smiling" in (generator.labels or ()) else attributes[0][1] if attributes else None
    return {"choices": attributes, "value": first, "visible": bool(attributes)}


def other_look(models: Models, name: str) -> dict:
    generator = models[name]
    choices = [(words.NO_GRID, NONE), *attributes_of(generator)] if generator.multi_label else [(words.NO_GRID, NONE)]
    return {"choices": choices, "value": NONE, "visible": len(choices) > 2}


def hint_look(models: Models, name: str) -> dict:
    said = hint(models[name])
    return {"value": said, "visible": bool(said)}


def hint(generator) -> str:
    if studio.has_codes(generator):
        return words.FOUND
    if generator.labels is None:
        return words.UNCONDITIONAL
    people = bool(set(ATTRIBUTES) & set(generator.labels))
    said = [words.ONE_HAIR_COLOUR] if people and sum(label.endswith("_Hair") for label in generator.labels) > 1 else []
    said += (
        [words.first_ones(SLIDERS, len(generator.labels))]
        if generator.multi_label and len(generator.labels) > SLIDERS
        else []
    )
    return words.joined(*said, *([words.LABELS] if people else []))
