"""Every sentence of the page, by name, in all its languages: one file per language, with the same names.

`words.DRAW`, and functions such as `words.no_such_model(name)`, give English. The initial page is translated in the
browser by Gradio's I18n, whose keys are the English sentences; answers are translated by `say` before they are sent
(speaking.py).
"""

import functools
import re
from types import FunctionType

from . import en, zh
from .en import *  # noqa: F403 - all of them

LANGUAGES = {"en": en, "zh": zh}


class Sentence(str):
    """An English sentence that remembers its name and what was filled in."""

    name: str
    filled: tuple


def _remembering(name: str, function: FunctionType):
    @functools.wraps(function)
    def sentence(*filled) -> Sentence:
        made = Sentence(function(*filled))
        made.name, made.filled = name, filled
        return made

    return sentence


def sentences(language: str = "en") -> dict:
    """All names of a language: texts, dictionaries of texts, and functions that fill one in."""
    return {
        name: value
        for name, value in vars(LANGUAGES[language]).items()
        if not name.startswith("_") and isinstance(value, (str, dict, FunctionType))
    }


globals().update(
    {name: _remembering(name, said) for name, said in sentences().items() if isinstance(said, FunctionType)}
)


def _pairs(language: str):
    """(English, translation) of all texts that have nothing to fill in."""
    theirs = sentences(language)
    for name, english in sentences().items():
        if isinstance(english, str):
            yield english, _unbroken(theirs[name])
        elif isinstance(english, dict):
            yield from ((text, _unbroken(theirs[name][key])) for key, text in english.items())


def _unbroken(text: str) -> str:
    """Without the ends of lines between two Chinese characters, which a browser would show as spaces."""
    return re.sub(r"(?<=[^\x00-\x7f])\n(?=[^\x00-\x7f])", "", text)


_WHOLE = {language: dict(_pairs(language)) for language in LANGUAGES}


def say(sentence: str, language: str) -> str:
    """The sentence in that language. Other texts, such as names of models, stay as they are."""
    if language == "en":
        return str(sentence)
    if isinstance(sentence, Sentence):
        filled = (say(value, language) if isinstance(value, str) else value for value in sentence.filled)
        return getattr(LANGUAGES[language], sentence.name)(*filled)
    if sentence in _WHOLE[language]:
        return _WHOLE[language][sentence]
    for pattern, theirs in getattr(LANGUAGES[language], "OF_THE_LIBRARY", ()):
        if found := re.fullmatch(pattern, sentence, re.DOTALL):
            return theirs(*found.groups())
    return sentence


def translations() -> dict[str, dict[str, str]]:
    """The argument of gr.I18n: for each language the translations by their English sentences."""
    return {"zh-CN": _WHOLE["zh"], "zh": _WHOLE["zh"]}


def language_of(accepted: str | None) -> str:
    """The language for a browser with this Accept-Language: the first of ours that it names."""
    ranked = []
    for place, part in enumerate((accepted or "")[:1000].split(",")):
        tag, _, weight = part.partition(";q=")
        try:
            ranked.append((-float(weight or 1), place, tag.strip().lower()))
        except ValueError:
            continue
    known = (tag.partition("-")[0] for _, _, tag in sorted(ranked))
    return next((language for language in known if language in LANGUAGES), "en")
