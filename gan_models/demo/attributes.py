"""The tab that changes the labels of one picture."""

import gradio as gr
import torch

from .. import pictures
from ..celeba import ATTRIBUTES, HAIR_COLOURS
from ..errors import InvalidInput, short
from . import reading, words
from .models import Models
from .page import Page
from .shared import (
    Redrawing,
    Shared,
    any_picture,
    attributes_of,
    classes_of,
    hidden,
    picked_text,
    pretty,
    show_pictures,
    texts,
    the_picture,
)
from .speaking import FILLED
from .theme import LARGE, OPENS, PLAIN

TITLE, ASKS = words.ATTRIBUTES, ("pinned", "reopen")
SLIDERS = 40  # as many attributes as CelebA has; of a model with more, the first ones
STEPS, SIDE = 7, 5  # pictures of a series, of each side of a grid
NONE = ""


def serves(generator) -> bool:
    return generator.labels is not None


def tab(page: Page, models: Models, shared: Shared) -> None:
    first = shared.first
    before_after = gr.Gallery(label=words.PAIR, columns=2, elem_id="pair", **PLAIN)
    with gr.Row(elem_id="pair-acts"):
        keep = gr.Button(words.KEEP, elem_id="keep", size="sm", min_width=120)
        reset = gr.Button(words.RESET, elem_id="reset", size="sm", min_width=120)
        other_one = gr.Button(words.ANOTHER, elem_id="another", size="sm", min_width=120)
    as_class = page.reads(
        gr.Radio(label=words.AS_CLASS, elem_id="as_class", **as_class_look(models, first)),
        reading.choice("class", int),
    )
    with gr.Row(elem_id="sliders"):
        sliders = [
            page.reads(
                gr.Slider(0, 1, 0.5, step=0.05, visible=False, min_width=140, buttons=[], elem_id=f"attribute-{k}"),
                reading.number_from("value of an attribute", 0, 1),
            )
            for k in range(SLIDERS)
        ]
    note = gr.Markdown(elem_id="hint", **hint_look(models, first))
    setattr(note, FILLED, hint(models[first]))
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
    strip = gr.Gallery(label=words.SWEEP, columns=10, elem_id="sweep", **OPENS)
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

    def inspect(visit, tell, tab, name, picture, attribute, other, before):
        """Show the open picture unchanged: its labels in the controls, before, after and the series."""
        if tab != "attributes" or before == [name, picture] or not serves(models[name]):
            return None
        generator = models[name]
        one = the_picture(generator, picture)
        names, values, chosen = as_it_is(generator, one)
        changes = {slider: gr.Slider(visible=False) for slider in sliders[len(names) :]}
        changes |= {
            slider: gr.Slider(label=label, value=round(value, 4), visible=True)
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

    def another(visit):
        """A picture of a random seed."""
        return {shared.picture: any_picture()}

    def open_step(visit, picked, lines):
        return {shared.picture: picked_text(lines, picked)}

    inspecting = Redrawing(
        inspect,
        [shared.current, shared.picture, attribute, other, shown],
        [*sliders, as_class, before_after, changed, strip, series_texts, shown],
    )
    shared.drawings.append(inspecting)
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
        page.on(other_one.click, another, [], [shared.picture]),
        page.on(strip.select, open_step, [series_texts], [shared.picture], picks=True),
    ]
    shared.leftovers += [shown]


def changed_picture(generator, one: pictures.Picture, as_class: int | None, values) -> pictures.Picture:
    """The picture with the labels of the controls; the same picture if they are its own."""
    _, own, chosen = as_it_is(generator, one)
    moved = {k: value for k, (value, was) in enumerate(zip(values, own, strict=False)) if abs(value - was) > 1e-3}
    if generator.labels is None:
        return one
    if not generator.multi_label:
        return one if as_class in (None, chosen) else pictures.with_labels(generator, one, as_class)
    return pictures.with_labels(
        generator, one, last_hair_colour({generator.labels[k]: value for k, value in moved.items()}, own, generator)
    )


def last_hair_colour(wished: dict[str, float], own: list[float], generator) -> dict[str, float]:
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
    """The pictures, and what stands below each: one attribute in steps, or each class; a grid over two."""
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
    some = [pictures.with_labels(generator, one, two_values(attribute, across, other, down)) for down, across in grid]
    return some, [words.grid_of(pretty(attribute), across, pretty(other), down) for down, across in grid]


def two_values(attribute: str, value: float, other: str, second: float) -> dict[str, float]:
    """The requested values of two attributes. Two hair colours share the total of 1, since a head has one."""
    total = value + second
    if attribute in HAIR_COLOURS and other in HAIR_COLOURS and total > 1:
        value, second = value / total, second / total
    return {attribute: value, other: second}


def as_it_is(generator, one: pictures.Picture) -> tuple[list[str], list[float], int | None]:
    """Of a picture: the names of its sliders, their values, and its class."""
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
    classes = classes_of(models[name]) if serves(models[name]) else []
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
    if generator.labels is None:
        return ""
    people = bool(set(ATTRIBUTES) & set(generator.labels))
    said = [words.ONE_HAIR_COLOUR] if people and sum(label.endswith("_Hair") for label in generator.labels) > 1 else []
    said += (
        [words.first_ones(SLIDERS, len(generator.labels))]
        if generator.multi_label and len(generator.labels) > SLIDERS
        else []
    )
    return words.joined(*said, *([words.LABELS] if people else []))
