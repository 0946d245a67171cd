"""A card that a program writes and a person edits. What the person wrote is kept.

The program's text stands between two marks, which hold its checksum and that of the front matter. Text outside the marks
belongs to the person. So does text between them that no longer matches its checksum, because somebody edited it.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import yaml

BEGIN = (
    "<!-- GAN Studio wrote from here ({}, {}). Yours is what stands outside these marks, or is edited: it stays. -->"
)
END = "<!-- GAN Studio wrote to here. -->"
_BEGIN = re.compile(re.escape(BEGIN).replace(r"\{\}", "([0-9a-f]{12}|-)") + r"\n")
MAX_FRONT = 20_000  # characters of a front matter; ours have a few hundred
MAX_BRACKETS = 500  # in the front matter: parsing takes quadratic time in their depth
_FRONT = re.compile(r"\A---\s*\n(.*?)^---\s*(?:\n|\Z)", re.DOTALL | re.MULTILINE)


class Parts(NamedTuple):
    """A card in pieces."""

    front: str  # the YAML of the front matter, without its "---" lines; "" if there is none
    before: str  # a person's text
    text: str | None  # the program's text; None: the card has no marks
    after: str
    front_edited: bool
    text_edited: bool

    @property
    def own(self) -> str:
        """What a person wrote around the program's text."""
        return (self.before + "\n\n" + self.after).strip()

    @property
    def edited(self) -> bool:
        """Whether a person wrote any of it."""
        return self.front_edited or self.text_edited or bool(self.own)


def split_card(card: str) -> Parts:
    """The pieces of a card, whoever wrote it."""
    card = card.replace("\r\n", "\n").removeprefix("\ufeff")
    front = match[1] if (match := _FRONT.match(card)) else ""
    body = card[match.end() :] if match else card
    begin = _BEGIN.search(body)
    end = body.find(END, begin.end()) if begin else -1
    if not begin or end < 0:
        return Parts(front, body.strip(), None, "", bool(front), False)
    text = body[begin.end() : end].rstrip("\n")
    return Parts(
        front,
        body[: begin.start()].strip(),
        text,
        body[end + len(END) :].strip(),
        checksum(front) != begin[1],
        checksum(text) != begin[2],
    )


def join(front: str, text: str, before: str = "", after: str = "", sums: tuple[str, str] | None = None) -> str:
    """A card of its pieces. sums: the checksums that the marks carry; None: those of the pieces."""
    first, second = sums or (checksum(front), checksum(text))
    block = f"{BEGIN.format(first, second)}\n{text}\n{END}"
    body = "\n\n".join(piece.strip() for piece in (before, block, after) if piece.strip())
    return (f"---\n{front.rstrip()}\n---\n\n" if front.strip() else "") + body + "\n"


def with_marks(front: str, text: str) -> str:
    """A new card, all of it the program's."""
    return join(front, text.strip())


def merged(new: str, old: str) -> str:
    """The card `new` with everything that a person wrote into `old`: text outside the marks, edited text between them,
    edited lines of the front matter. Without marks all of `old` counts as a person's: its text stays on top."""
    fresh, there = split_card(new), split_card(old)
    if fresh.text is None:  # of a person too, or of version 0.1
        return old if there.edited else new
    front, front_sum = fresh.front, checksum(fresh.front)
    if there.front_edited:
        front, front_sum = _merged_front(fresh.front, there.front), "-"
    text, text_sum = fresh.text, checksum(fresh.text)
    if there.text_edited:
        text, text_sum = there.text or "", "-"
    return join(front, text, there.before, there.after, (front_sum, text_sum))


def is_of_before(card: str) -> bool:
    """Whether this looks like a card of version 0.1, which had no marks."""
    parts = split_card(card)
    return (
        parts.text is None
        and front_matter(card).get("library_name") == "gan-studio"
        and all(f"## {heading}\n" in card for heading in ("Use it", "Data and licence", "Limits", "Intended use"))
        and parts.before.endswith("nor for judging or identifying people.")
    )


def rewritten(card: str, change: Callable[[str], str]) -> str:
    """The card with `change` applied to each of its pieces. This does not count as an edit."""
    parts = split_card(card)
    if parts.text is None:
        return change(card)
    front, text = change(parts.front), change(parts.text)
    sums = ("-" if parts.front_edited else checksum(front), "-" if parts.text_edited else checksum(text))
    return join(front, text, change(parts.before), change(parts.after), sums)


def checksum(text: str) -> str:
    """The checksum of a text. Spaces at the ends of lines do not count, since nobody sees them."""
    seen = "\n".join(line.rstrip() for line in text.strip().splitlines())
    return hashlib.sha256(seen.encode()).hexdigest()[:12]


def front_matter(card: str) -> dict[str, Any]:
    """The front matter of a card as a dict; {} if there is none, or it is not YAML."""
    return _parse_front(split_card(card).front)


def _merged_front(new: str, old: str) -> str:
    """A person's front matter, with the keys that only the program has."""
    theirs = _parse_front(old)
    if not theirs:
        return old if old.strip() else new
    missing = {
        key: value for key, value in _parse_front(new).items() if key not in theirs and not _is_licence(key, theirs)
    }
    return old.rstrip() + ("\n" + yaml.safe_dump(missing, sort_keys=False, allow_unicode=True) if missing else "\n")


def _is_licence(key: str, theirs: dict[str, Any]) -> bool:
    """Whether this key belongs to a licence that a person has replaced by another."""
    return key.startswith("license") and "license" in theirs


def _parse_front(front: str) -> dict[str, Any]:
    if len(front) > MAX_FRONT or front.count("{") + front.count("[") > MAX_BRACKETS:
        return {}
    try:
        value = yaml.safe_load(front)
    except (yaml.YAMLError, RecursionError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
