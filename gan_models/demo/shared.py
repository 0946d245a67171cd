"""What several tabs share: the model, the labels that are asked for, and the pictures that were picked."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import gradio as gr

from .. import studio
from ..errors import InvalidInput
from . import reading, words
from .models import Models
from .page import Page

EITHER = -1
CATEGORY = "category"


class Redrawing(NamedTuple):
    """What is drawn when the page is opened and when another model is chosen."""

    function: Callable
    inputs: list
    outputs: list


@dataclass
class Shared:
    """Components are made here and rendered where the page has them. A tab adds what it wants done when another model
    is chosen."""

    first: str  # the generator that is shown first
    source: gr.Dropdown
    current: (
        gr.Textbox
    )  # the model that the other controls belong to; `source` runs ahead of them while a model is being opened
    wanted: gr.Radio
    present: gr.Dropdown
    absent: gr.Dropdown
    truncation: gr.Slider
    anchors: gr.Textbox
    picture: gr.Textbox
    looks: dict[gr.components.Component, Callable] = field(
        default_factory=dict
    )  # component -> f(name) -> how it looks for a model
    leftovers: list[gr.components.Component] = field(default_factory=list)  # emptied when another model is chosen
    redrawn: list[Redrawing] = field(default_factory=list)
    picking: Any = None  # the event of a click on a sample, and
    when_picked: list[Redrawing] = field(default_factory=list)  # what is drawn after it

    @property
    def wished(self) -> list:
        """The inputs of `wishes`."""
        return [self.wanted, self.present, self.absent]


def make(page: Page, models: Models, first: str) -> Shared:
    """The controls, not rendered yet, as they look for the first model."""

    def look(function):
        return function(models, first)

    shared = Shared(
        first=first,
        source=page.reads(
            gr.Dropdown(
                models.generators(),
                value=first,
                label=words.MODEL,
                filterable=False,
                elem_id="model",
                min_width=200,
                render=False,
            ),
            reading.choice("model", str),
        ),
        current=page.reads(gr.Textbox(first, visible=False, render=False), reading.choice("model", str)),
        wanted=page.reads(
            gr.Radio(label=words.DRAW_CLASS, elem_id="class", scale=3, min_width=300, render=False, **look(class_look)),
            reading.choice("class", int),
        ),
        present=page.reads(
            gr.Dropdown(
                multiselect=True,
                label=words.ONLY_WITH,
                elem_id="present",
                min_width=140,
                render=False,
                **look(several_look),
            ),
            reading.choices("wanted attributes"),
        ),
        absent=page.reads(
            gr.Dropdown(
                multiselect=True,
                label=words.ONLY_WITHOUT,
                elem_id="absent",
                min_width=140,
                render=False,
                **look(several_look),
            ),
            reading.choices("unwanted attributes"),
        ),
        truncation=page.reads(
            gr.Slider(
                0,
                1.5,
                1.0,
                step=0.05,
                label=words.TRUNCATION,
                elem_id="truncation",
                buttons=[],
                min_width=200,
                info=words.TRUNCATION_INFO,
                render=False,
            ),
            reading.number("truncation", 0, 1.5),
        ),
        anchors=page.reads(
            gr.Textbox(
                "1, 2, 3", label=words.ANCHORS, elem_id="anchors", max_lines=1, info=words.ANCHORS_INFO, render=False
            ),
            reading.text("list of pictures"),
        ),
        picture=page.reads(
            gr.Textbox(
                "1",
                label=words.PICTURE,
                info=words.PICTURE_INFO,
                elem_id="picture",
                max_lines=1,
                min_width=200,
                render=False,
            ),
            reading.text("picture"),
        ),
    )
    shared.looks |= {shared.wanted: class_look, shared.present: several_look, shared.absent: several_look}
    return shared


def classes_of(generator) -> list[tuple[str, int]]:
    """(name, number) of each class; of the categories that an InfoGAN found by itself, which have no names."""
    if studio.has_codes(generator):
        return [(name, k) for k, name in enumerate(code_names(generator))]
    return [(pretty(label), k) for k, label in enumerate(generator.labels or ())] if not generator.multi_label else []


def attributes_of(generator) -> list[tuple[str, str]]:
    """(name on the page, name) of what can be changed step by step."""
    if studio.has_codes(generator):
        return [(words.CATEGORIES, CATEGORY), *[(f"Code {k + 1}", str(k)) for k in range(generator.continuous)]]
    return [(pretty(label), label) for label in generator.labels or ()] if generator.multi_label else []


def class_look(models: Models, name: str) -> dict:
    classes = classes_of(models[name])
    return {"choices": [(words.ANY, EITHER), *classes], "value": EITHER, "visible": bool(classes)}


def several_look(models: Models, name: str) -> dict:
    generator = models[name]
    return {"choices": attributes_of(generator), "value": [], "visible": generator.multi_label}


def wishes(generator, wanted: int | None, present: list[str], absent: list[str]) -> studio.Targets:
    """What the label controls ask for."""
    if wanted in (None, EITHER) and not generator.multi_label:
        return None
    if studio.has_codes(generator):
        return studio.Codes(category=wanted)
    if generator.labels is None:
        return None
    if not generator.multi_label:
        return wanted
    clash = sorted(set(present) & set(absent))
    if clash:
        raise InvalidInput(words.both(pretty(clash[0])))
    return dict.fromkeys(present, 1.0) | dict.fromkeys(absent, 0.0)


def code_names(generator) -> list[str]:
    return [f"code {k}" for k in range(generator.categories)]


def pretty(name: str) -> str:
    """A name as people say it."""
    return words.attribute(name)
