"""Translates answers into the visitor's language, and the parts of the initial page that Gradio does not translate in the
browser."""

from contextvars import ContextVar
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.i18n import I18nData

from . import words

SAID = ("label", "info", "placeholder")  # properties of components that are texts
SPOKEN = ContextVar("language", default="en")  # of the request that is being answered


def listen(request) -> None:
    """Set the language of this thread's work to that of the request's browser."""
    headers = getattr(request, "headers", None)
    SPOKEN.set(words.language_of(headers.get("accept-language") if headers else None))


def say(sentence: str) -> str:
    """The sentence in the language of the request."""
    return words.say(sentence, SPOKEN.get())


def translated(changes: dict | None) -> dict | None:
    """The updates of an answer, {component: value or update}, with their texts in that language."""
    if not changes or SPOKEN.get() == "en":
        return changes
    return {component: _told(component, change) for component, change in changes.items()}


def _told(component, change) -> Any:
    if isinstance(change, Block):  # an update, written as gr.Slider(value=1)
        change.constructor_args.update(_properties(component, change.constructor_args))
        return change
    if isinstance(change, dict) and change.get("__type__") == "update":
        return change | _properties(component, change)
    return _value(component, change)


def _properties(component, properties: dict) -> dict:
    said = {key: say(properties[key]) for key in SAID if isinstance(properties.get(key), str)}
    if properties.get("choices"):
        said["choices"] = named(properties["choices"])
    if "value" in properties:
        said["value"] = _value(component, properties["value"])
    return said


def _value(component, value):
    """A value with its texts translated: Markdown, HTML and the captions of galleries, but no chosen or typed values."""
    if isinstance(component, (gr.Markdown, gr.HTML, gr.Button)) and isinstance(value, str):
        return say(value)
    if isinstance(component, gr.Gallery) and isinstance(value, list):
        return [
            (item[0], say(item[1])) if isinstance(item, tuple) and isinstance(item[1], str) else item for item in value
        ]
    return value


def marked(properties: dict) -> dict:
    """Properties of a component for the browser, with the texts to be translated marked as Gradio's I18n marks them.
    The English text is the key."""
    ours = words.for_the_browser()["zh"]
    found = {key: properties.get(key) for key in (*SAID, "value")}
    return properties | {
        key: str(I18nData(said)) for key, said in found.items() if isinstance(said, str) and said in ours
    }


def named(choices: list) -> list:
    """Choices with their labels in that language."""
    return [
        (say(choice[0]), choice[1]) if isinstance(choice, tuple) and isinstance(choice[0], str) else choice
        for choice in choices
    ]


def choices_of(page: gr.Blocks) -> dict:
    """The choices of all components in that language, for those in which they differ."""
    found = {component: component.choices for component in page.blocks.values() if getattr(component, "choices", None)}
    return {component: gr.update(choices=named(known)) for component, known in found.items() if named(known) != known}
