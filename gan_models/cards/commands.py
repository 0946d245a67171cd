"""The commands of a card, such that somebody who pastes them gets each training from the one before.

Records keep the names of runs, not where they were. Here each run gets a place: runs/NAME.
"""

import re
import shlex
from collections.abc import Sequence
from typing import Any

from .. import layout, portable
from .tables import is_text


def reproducing(stages: Sequence[dict[str, Any]]) -> list[str]:
    """The commands of a chain of trainings, the first one first; each may have several lines."""
    found: list[str] = []
    places: list[str] = []  # of the runs so far, in runs/
    before: dict[str, Any] = {}
    for stage, following in zip(stages, [*stages[1:], {}], strict=True):
        if is_text(stage.get("command")):
            recipe = str(stage.get("recipe"))
            place = str(following["init_from"]) if _continues(stage, following) else recipe
            place = f"{place}-{len(places) + 1}" if place in places else place
            first, *others = portable.command(stage["command"]).split("\n")
            if _continues(before, stage):
                whole = before.get("recipe") == stage.get("recipe")  # then its discriminator fits too
                first = _with(first, "--init-from", f"runs/{places[-1]}" if whole else f"runs/{places[-1]}/model")
            if place != recipe:
                first += f" --output {shlex.quote(f'runs/{place}')}"
            found.append("\n".join([first, *(_calibrating(line, place) for line in others)]))
            places.append(place)
        before = stage
    return found


def _continues(before: dict[str, Any], stage: dict[str, Any]) -> bool:
    """Whether a stage started from the run of the stage before it, and not from a bundled model or one of the Hub."""
    name = stage.get("init_from")
    if not is_text(before.get("command")) or not isinstance(name, str) or not re.fullmatch(r"[\w.-]+", name):
        return False
    return before.get("recipe") == stage.get("recipe") or name not in layout.bundled()


def _with(command: str, option: str, value: str) -> str:
    """A command with another value of an option that it has."""
    changed = f"{option} {shlex.quote(value)}"
    return re.sub(rf"(?<=\s){option}(?:\s+|=)(?:'[^']*'|\S+)", lambda _: changed, command, count=1)


def _calibrating(line: str, place: str) -> str:
    """A line of a command; one that calibrates the run's model names the model's folder."""
    return re.sub(r"^(python -m training\.calibrate )\S+", lambda match: f"{match[1]}runs/{place}/model", line)
