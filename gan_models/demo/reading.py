"""Readers check the values of a request, one per control. A request can hold anything; a reader returns a value of the
right type and range, or raises InvalidInput with a sentence for the visitor."""

from collections.abc import Callable
from typing import Any

from ..errors import InvalidInput, short
from . import words

MOST_CHARACTERS = 1000  # of a text
MOST_TEXT = 800_000  # of a list of pictures
MOST_CHOICES = 1000

Reader = Callable[[Any], Any]


def whole_from(what: str) -> Reader:
    """A reader of whole numbers. A number field may send 3.0."""

    def read(value) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if not isinstance(value, float) or not value.is_integer():  # neither infinities nor NaN are whole
            raise InvalidInput(
                f"The {what} must be a whole number, not {'empty' if value in (None, '') else short(value)}."
            )
        return int(value)

    return read


def number_from(what: str, least: float, most: float) -> Reader:
    def read(value) -> float:
        # NaN fails too
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
            raise InvalidInput(f"The {what} must be a number from {least:g} to {most:g}, not {short(value)}.")
        return float(value)

    return read


def numeric(text: str) -> int | float:
    """A number of an address. Raises InvalidInput."""
    try:
        return int(text) if text.lstrip("-").isdecimal() and len(text) < 20 else float(text)
    except ValueError as error:
        raise InvalidInput(words.BAD_LINK) from error


def text(what: str) -> Reader:
    """A reader of one line of text; a missing value is the empty text."""

    def read(value) -> str:
        if value is None:
            return ""
        if not isinstance(value, str) or len(value) > MOST_CHARACTERS or not _can_be_sent(value):
            raise InvalidInput(
                f"The {what} must be a text of at most {MOST_CHARACTERS} characters, not {short(value)}."
            )
        return value

    return read


def lines(what: str, most: int) -> Reader:
    """A reader of up to `most` lines, each the text of a picture (gan_models.pictures)."""

    def read(value) -> list[str]:
        if value is None:
            return []
        fits = isinstance(value, str) and len(value) <= MOST_TEXT and _can_be_sent(value)
        if not fits or len(found := value.split()) > most:
            raise InvalidInput(f"The {what} must be a text of at most {most} pictures, not {short(value)}.")
        return found

    return read


def choice(what: str, *kinds: type) -> Reader:
    """A reader of one entry of a list, or None."""

    def read(value):
        fits = value is None or type(value) in kinds
        if (
            not fits
            or isinstance(value, int)
            and abs(value) > MOST_CHOICES
            or isinstance(value, str)
            and not (len(value) <= MOST_CHARACTERS and _can_be_sent(value))
        ):
            raise InvalidInput(f"The {what} must be one of the list, not {short(value)}.")
        return value

    return read


def choices(what: str) -> Reader:
    """A reader of several names from a list."""

    def read(value) -> list[str]:
        value = [] if value is None else value
        fits = isinstance(value, list) and len(value) <= MOST_CHOICES
        if not fits or not all(isinstance(name, str) and _can_be_sent(name) for name in value):
            raise InvalidInput(f"The {what} must be some of the list, not {short(value)}.")
        return value

    return read


def anything(value):
    """A reader for values that are checked elsewhere, such as uploads and the state that this server keeps."""
    return value


def _can_be_sent(value: str) -> bool:
    """Whether a text can be sent back: JSON can hold half a surrogate pair, which cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
