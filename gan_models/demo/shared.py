"""What several tabs share: the model, the requested labels, and the picked pictures."""

import contextlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import gradio as gr

from .. import images, marks, pictures, studio
from ..celeba import ATTRIBUTES
from ..errors import InvalidInput
from . import reading, words
from .models import Models
from .page import Page
from .speaking import say
from .theme import OPENS, TILE

EITHER = -1
MOST = 64  # pictures that are drawn at a time


MOST_PINS = 24
WALK = "1 2 3"  # its keyframes at first


class Redrawing(NamedTuple):
    """How a tab draws the chosen model and pictures: function(visit, tell, tab, *inputs) -> outputs, where `tell` is as
    in page.on(long=True). It draws nothing while another tab is open, or if the result is shown already."""

    function: Callable
    inputs: list
    outputs: list
    spinner: gr.components.Component | None = None


@dataclass
class Shared:
    """The shared components, made here and rendered where the page has them. A tab adds what is to be done when another
    model is chosen or another picture is opened.

    Pictures are passed on as texts (gan_models.pictures), so that the server keeps nothing between two clicks.
    """

    first: str  # the generator that is shown first
    source: gr.Dropdown
    # The model to which the other controls belong; `source` is ahead of it while a model is being opened.
    current: gr.Textbox
    revision: gr.Textbox  # of its weights
    wanted: gr.Radio
    present: gr.Dropdown
    absent: gr.Dropdown
    truncation: gr.Slider
    seed: gr.Number
    count: gr.Slider
    anchors: gr.Textbox  # the keyframes of the walk
    picture: gr.Textbox  # the one that is open
    pins: gr.Textbox  # those that the model can draw
    elsewhere: gr.Textbox  # those of models that draw otherwise, each after the kind of them (see `kind_of`)
    pinned: gr.Gallery  # the pictures of `pins`
    due: gr.Textbox  # whenever it changes, the open tab draws what it does not show yet (demo.follow)
    reopen: gr.UploadButton  # takes a picture that was saved here
    looks: dict[gr.components.Component, Callable] = field(
        default_factory=dict
    )  # component -> f(name) -> how it looks for a model
    leftovers: list[gr.components.Component] = field(default_factory=list)  # emptied when another model is chosen
    drawings: list[Redrawing] = field(default_factory=list)  # of all tabs
    opening: list[Any] = field(default_factory=list)  # the events after which another picture is open in the same tab
    telling: list[Any] = field(default_factory=list)  # those after which the address tells something else
    chosen: gr.Textbox | None = None  # the name of the tab that is open
    compared: tuple = ()  # what two models are compared by: left, right, seed, class
    compare: Callable | None = None  # f(parts of an address) -> {component: update} of these; raises InvalidInput

    def go(self, page: Page, trigger, tab: str) -> None:
        """Open the tab on that trigger."""
        page.here(trigger, f"() => [{tab!r}, String(Math.random())]", [], [self.chosen, self.due])

    @property
    def wished(self) -> list:
        """The inputs of `wishes`."""
        return [self.wanted, self.present, self.absent]


def make(page: Page, models: Models, first: str) -> Shared:
    """The controls for the first model, not rendered yet."""

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
        revision=page.reads(gr.Textbox(models.revision(first), visible=False, render=False), reading.text("revision")),
        wanted=page.reads(
            gr.Radio(label=words.DRAW_CLASS, elem_id="class", scale=3, min_width=300, render=False, **look(class_look)),
            reading.choice("class", int),
        ),
        present=page.reads(
            gr.Dropdown(
                multiselect=True,
                elem_id="present",
                min_width=140,
                render=False,
                **look(present_look),
            ),
            reading.choices("wanted attributes"),
        ),
        absent=page.reads(
            gr.Dropdown(
                multiselect=True,
                elem_id="absent",
                min_width=140,
                render=False,
                **look(absent_look),
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
            reading.number_from("truncation", 0, 1.5),
        ),
        seed=page.reads(
            gr.Number(1, label=words.SEED, elem_id="seed", min_width=100, render=False), reading.whole_from("seed")
        ),
        count=page.reads(
            gr.Slider(
                1, MOST, 16, step=1, label=words.PICTURES, elem_id="count", min_width=160, buttons=[], render=False
            ),
            reading.whole_from("number of pictures"),
        ),
        anchors=page.reads(
            gr.Textbox(
                WALK, label=words.ANCHORS, elem_id="anchors", max_lines=1, info=words.ANCHORS_INFO, render=False
            ),
            reading.lines("list of keyframes", 50),
        ),
        picture=page.reads(hidden("", "picture"), reading.lines("open picture", 1)),
        due=hidden("", "due"),
        pins=page.reads(hidden("", "pins"), reading.lines("list of pins", MOST_PINS)),
        elsewhere=page.reads(hidden("", "elsewhere"), reading.lines("list of pins", 2 * MOST_PINS)),
        pinned=gr.Gallery(label=words.PINS, columns=12, elem_id="pinned", visible=False, render=False, **OPENS),
        reopen=page.reads(
            gr.UploadButton(
                words.REOPEN,
                file_types=[".png", ".webp", ".jpg", ".mp4"],
                elem_id="reopen",
                size="sm",
                render=False,
            ),
            reading.anything,
        ),
    )
    shared.looks |= {shared.revision: lambda models, name: {"value": models.revision(name)}}
    shared.looks |= {shared.wanted: class_look, shared.present: present_look, shared.absent: absent_look}
    return shared


def photo_upload(page: Page, label: str, elem_id: str, height: int) -> gr.Image:
    """Takes a visitor's photo, from a file or the camera. Its value is the upload, for `page.uploads.take`."""
    image = gr.Image(
        label=label, sources=["upload", "webcam"], type="filepath", height=height, elem_id=elem_id, buttons=[]
    )
    return page.reads(image, reading.anything)


def hidden(value: str, elem_id: str) -> gr.Textbox:
    """A hidden text box: the page keeps a value in it between two clicks."""
    return gr.Textbox(value, visible=False, render=False, elem_id=f"kept-{elem_id}")


def the_picture(generator, lines: list[str]) -> pictures.Picture:
    """The open picture; at first latent 0 of seed 1. Raises InvalidInput."""
    return pictures.parse(generator, lines[0] if lines else "1")


def any_picture() -> str:
    """The first picture of a random seed."""
    return str(secrets.randbelow(1_000_000))


def caption(generator, one: pictures.Picture) -> str:
    """The caption of a picture, also its alternative text: its name, and its labels if they were requested."""
    if one.labels is None:
        return one.name or say(words.VARIED)
    there = [say(pretty(name)) for name, value in zip(generator.labels, one.labels, strict=True) if value >= 0.5]
    return " ".join([one.name or say(words.VARIED), *([f"({', '.join(there[:4])})"] if there else [])])


def show_pictures(visit, models: Models, name: str, place: str, some: list[pictures.Picture], size: int = TILE):
    """Draw pictures for a gallery: (file, caption) of each."""
    generator = models[name]
    drawn = images.to_pil(pictures.draw(generator, some), size) if some else []
    packets = [marks.to_xmp(mark) for mark in models.marks(name, some)] if some else []
    files = visit.drawn.pictures(place, drawn, packets)
    return list(zip(files, [caption(generator, one) for one in some], strict=True))


def anew() -> str:
    """A value of `Shared.due` that it did not have yet."""
    return secrets.token_hex(8)


def texts(some: list[pictures.Picture]) -> str:
    """Pictures as the text of a hidden text box."""
    return "\n".join(map(str, some))


def picked_text(lines: list[str], picked) -> str:
    """The text of the picture that was clicked on in a gallery."""
    if picked.number >= len(lines):
        raise InvalidInput(words.NOTHING_PICKED)
    return lines[picked.number]


def fitting(generator, lines: list[str]) -> list[pictures.Picture]:
    """The pictures, of those in the texts, that this model can draw."""
    found = []
    for line in lines:
        with contextlib.suppress(InvalidInput):
            found.append(pictures.parse(generator, line))
    return found


def keyframes(generator, lines: list[str]) -> list[pictures.Picture]:
    """Two to six pictures. Raises InvalidInput."""
    words_ = [word for line in lines for word in re.split("[,;]", line) if word]
    some = [pictures.parse(generator, word) for word in words_]
    pictures.check_keyframes(some)
    return some


def kind_of(generator) -> str:
    """What pins are kept by: those of one kind of model stay while others of that kind are chosen."""
    return "x".join(map(str, generator.image_shape))


def put_away(models: Models, name: str, pins: list[str], elsewhere: list[str]) -> str:
    """What `elsewhere` keeps when the pins of that model are out of sight, since another model is chosen."""
    return " ".join([*elsewhere, *(word for pin in pins for word in (kind_of(models[name]), pin))][-2 * MOST_PINS :])


def brought_back(generator, pins: list[str], elsewhere: list[str]) -> tuple[list[pictures.Picture], str]:
    """The pins that this model can draw, those of its kind included that were put away, and what stays away."""
    pairs, kind = list(zip(elsewhere[::2], elsewhere[1::2], strict=False)), kind_of(generator)
    own = list(dict.fromkeys([pin for known, pin in pairs if known == kind] + pins))[-MOST_PINS:]
    fit = [found for pin in own for found in fitting(generator, [pin])]
    away = [(kind, pin) for pin in own if not fitting(generator, [pin])]
    away = [pair for pair in pairs if pair[0] != kind] + away
    return fit, " ".join(word for pair in away for word in pair)


def classes_of(generator) -> list[tuple[str, int]]:
    """(name, number) of each class, or of each category of an InfoGAN, which have no names."""
    if studio.has_codes(generator):
        return [(name, k) for k, name in enumerate(code_names(generator))]
    return [(pretty(label), k) for k, label in enumerate(generator.labels or ())] if not generator.multi_label else []


def attributes_of(generator) -> list[tuple[str, str]]:
    """(name on the page, name) of what can be changed step by step."""
    return [(pretty(label), label) for label in generator.labels or ()] if generator.multi_label else []


def class_look(models: Models, name: str) -> dict:
    classes = classes_of(models[name])
    return {"choices": [(words.ANY, EITHER), *classes], "value": EITHER, "visible": bool(classes)}


def several_look(models: Models, name: str, of_faces: str, of_others: str) -> dict:
    """of_faces, of_others: what the page says of it where the labels are those of faces, and elsewhere."""
    generator = models[name]
    label = of_faces if set(generator.labels or ()) & set(ATTRIBUTES) else of_others
    return {"label": label, "choices": attributes_of(generator), "value": [], "visible": generator.multi_label}


def present_look(models: Models, name: str) -> dict:
    return several_look(models, name, words.ONLY_FACES_WITH, words.ONLY_WITH)


def absent_look(models: Models, name: str) -> dict:
    return several_look(models, name, words.ONLY_FACES_WITHOUT, words.ONLY_WITHOUT)


def wishes(generator, wanted: int | None, present: list[str], absent: list[str]) -> studio.Targets:
    """The labels that the controls request."""
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
    return [words.category(k) for k in range(generator.categories)]


def pretty(name: str) -> str:
    """A label's name for people: without underscores, in the page's words."""
    return words.attribute(name)
