"""What lies in a run folder, and how to read it."""

import json
from pathlib import Path

from gan_models import hub
from gan_models.files import UnfitFile, read_bounded, read_json
from gan_models.model_folder import CONFIG

STATS, WATCH = "stats.jsonl", "watch.jsonl"
STATE, MANIFEST, PREVIOUS = "state.json", "manifest.json", "checkpoint.previous"
MAX_JSON = 10_000_000  # bytes of a .json file of a run folder; ours have a few thousand
MAX_LINES = 1_000_000_000  # bytes of a .jsonl file


def read_object(path: Path) -> dict | None:
    """What a .json file of a run holds; None where it is missing, damaged, or no object."""
    try:
        value = read_json(path, MAX_JSON)
    except (OSError, UnfitFile):
        return None
    return value if isinstance(value, dict) else None


def notes_of(model: Path) -> dict:
    """What a model folder records of its training; {} where there is nothing to be read."""
    notes = (read_object(model / "metrics.json") or {}).get("training")
    return notes if isinstance(notes, dict) else {}


def images_of(model: Path) -> int | None:
    """After how many images a model folder was made; None where it is not whole."""
    images = notes_of(model).get("images_seen")
    return images if isinstance(images, int) and (model / "README.md").is_file() else None


def trained_seconds(checkpoint: Path | None) -> float:
    """How long the run took before the checkpoint."""
    hours = notes_of(checkpoint / "model").get("hours") if checkpoint else None
    return hours * 3600.0 if isinstance(hours, (int, float)) else 0.0


def find_checkpoint(folder: Path, which: str = "last") -> Path | None:
    """The newest complete checkpoint of a run folder, or None. Between two renames it has another name. which:
    "last", or "previous" for the one before it."""
    names = ("checkpoint", "checkpoint.new", PREVIOUS, "checkpoint.old")
    for path in (folder / name for name in (names if which == "last" else names[2:])):
        if (path / STATE).exists() and (path.name != "checkpoint.new" or _complete(path)):
            return path
    return None


def _complete(checkpoint: Path) -> bool:
    """Whether all of a new checkpoint was written: the manifest is last, where there is one."""
    return (checkpoint / MANIFEST).is_file() or "manifest" not in (
        read_object(checkpoint / STATE) or {"manifest": True}
    )


def read_lines(path: Path) -> list[dict]:
    """The whole lines of a .jsonl file of a run; [] where it is missing. A line that a kill cut short is left out, as
    is one that is none of ours."""
    try:
        text = read_bounded(path, MAX_LINES).decode()
    except (OSError, UnfitFile, UnicodeDecodeError):
        return []
    lines = []
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and isinstance(value.get("images"), int):
            lines.append(value)
    return lines


def model_of(source: str) -> str:
    """The model folder of a run folder, or of a recipe that was trained into runs/ and is not bundled; else the source
    itself. Of a run that was stopped it is its checkpoint's."""
    for run in (Path(source), Path("runs") / source):
        for part in (run, find_checkpoint(run)):
            if part and (part / "model" / CONFIG).is_file() and source not in hub.bundled():
                return str(part / "model")
    return source
