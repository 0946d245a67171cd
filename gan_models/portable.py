"""Removes paths of the trainer's machine from records, commands and cards before they are published."""

import os
import re
import shlex
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

# Options of a command that only hold places of the trainer, here or on the Hub.
DROPPED = ("--data-root", "--output", "--push-to-hub", "--push-every")
FOLDERS = ("model", "checkpoint")  # folders of a run, whose names do not identify it
_WHOLE = re.compile(r"[/~]|[A-Za-z]:[\\/]|\\\\|\.\.?[\\/]")
# Paths in running text: /home/me/x, ~/x or C:\x, but no web address, no HTML tag and no half of "and/or".
_IN_TEXT = re.compile(
    r"""(?<![\w:/.<~\\])(?:~?(?:/[^\s/"'`|<>()\[\],;:]+){2,}/?|~/[^\s/"'`|<>()\[\],;:]+|[A-Za-z]:\\[^\s"'`|<>,;]+)"""
)


def name(path: str | os.PathLike[str]) -> str:
    """The last meaningful part of a path: "celeba-cgan" of /home/me/runs/celeba-cgan/model. What is not a path, such as
    a bundled name or user/repo, stays."""
    text = str(path)
    return _name(text) if _is_path(text) else text


def command(text: str) -> str:
    """A command, or several lines of them, with names instead of paths, and without the options in DROPPED."""
    return "\n".join(_portable_line(line, DROPPED) for line in text.split("\n"))


def record(value: Any) -> Any:
    """The content of a metrics.json with names instead of paths; a new value."""
    if isinstance(value, dict):
        return {key: _portable_value(key, item) for key, item in value.items()}
    if isinstance(value, list):
        return [record(item) for item in value]
    if isinstance(value, str):
        return _name(value) if _WHOLE.match(value) and "\n" not in value else prose(value)
    return value


def _portable_value(key: str, value: Any) -> Any:
    if isinstance(value, str) and key == "command":
        return command(value)
    return name(value) if isinstance(value, str) and key in ("init_from", "reference") else record(value)


def prose(value: str) -> str:
    """Running text with names instead of absolute paths."""
    return _IN_TEXT.sub(lambda match: _name(match[0]), value)


def portable_card(value: str) -> str:
    """A card with names instead of paths."""
    lines = (
        _portable_line(line) if re.match(r"\s*(python|gan-studio|accelerate|torchrun) ", line) else line
        for line in value.split("\n")
    )
    return prose("\n".join(lines))


def _portable_line(line: str, dropped: tuple[str, ...] = ()) -> str:
    try:
        words = shlex.split(line)
    except ValueError:  # a quotation mark without its other half
        return prose(line)
    kept, skip = [], False
    for word in words:
        option, equals, value = word.partition("=")
        if skip or option in dropped:
            skip = not skip and not equals
        elif equals and _is_path(value):
            kept.append(f"{option}={_name(value)}")
        else:
            kept.append(_name(word) if _is_path(word) else word)
    return line if kept == words else shlex.join(kept)


def _is_path(word: str) -> bool:
    """Whether a word is a path on this disk: not a web address, nor a data set of the Hub, nor user/repo, unless there
    is such a folder."""
    if re.match(r"[a-z]+://|hub:", word) or not re.search(r"[/\\~]", word):
        return False
    return bool(_WHOLE.match(word)) or not re.fullmatch(r"[\w.-]+/[\w.-]+(@[\w./-]+)?", word) or os.path.exists(word)


def _name(path: str) -> str:
    kind = PureWindowsPath if "\\" in path or re.match(r"[A-Za-z]:", path) else PurePosixPath
    parts = [part for part in kind(path).parts if part not in (kind(path).anchor, "~", ".", "..")]
    while len(parts) > 1 and parts[-1] in FOLDERS:
        parts.pop()
    return parts[-1] if parts else "."
