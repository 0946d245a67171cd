"""Translates answers into the visitor's language, and the parts of the initial page that Gradio does not translate in the
browser."""

from contextvars import ContextVar
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.i18n import I18nData

from . import words

SAID = ("label", "info", "placeholder")  # texts of any component
READ = ("markdown", "html", "button", "uploadbutton")  # kinds of components whose value is a text that is read
FILLED = "filled"  # attribute of a Markdown: its first text, where something is filled in (Gradio keeps a plain copy)
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
    return {component: _translated_change(component, change) for component, change in changes.items()}


def _translated_change(component, change) -> Any:
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


def for_the_browser(page: gr.Blocks) -> dict[str, dict[str, str]]:
    """What gr.I18n takes: the translations by their English sentences, those included into which something was filled
    in on this page."""
    texts = [getattr(component, key, None) for component in page.blocks.values() for key in (*SAID, FILLED)]
    texts += [choice[0] for component in page.blocks.values() for choice in getattr(component, "choices", None) or ()]
    filled = [text for text in texts if isinstance(text, words.Sentence)]
    return {
        tag: known | {str(text): words.say(text, words.language_of(tag)) for text in filled}
        for tag, known in words.translations().items()
    }


def marked_texts(kind: str, properties: dict, ours: dict[str, str]) -> dict:
    """Properties of a component of that kind as the browser gets them, with the texts that it is to translate, those of
    `ours`, marked as Gradio's I18n marks them; their English is their key. The value of what one chooses or types in
    stays what it is."""
    found = {key: properties.get(key) for key in (*SAID, "value") if key != "value" or kind in READ}

    def told(text):
        return str(I18nData(text)) if isinstance(text, str) and text in ours else text

    choices = [(told(name), value) for name, value in properties.get("choices") or ()]
    return properties | {key: told(said) for key, said in found.items()} | ({"choices": choices} if choices else {})


def named(choices: list) -> list:
    """Choices with their labels in that language."""
    return [
        (say(choice[0]), choice[1]) if isinstance(choice, tuple) and isinstance(choice[0], str) else choice
        for choice in choices
    ]
