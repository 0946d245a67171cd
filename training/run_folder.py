"""What lies in a run folder, and how to read it.

Somebody may have edited a file, a disk may have damaged it, or an older version have written it: whatever is read here
is checked for its type, and what is odd counts as missing.
"""

import json
import math
from pathlib import Path

from gan_models import hub
from gan_models.files import UnfitFile, read_bounded, read_json, write_atomically
from gan_models.model_folder import CONFIG

STATS, WATCH = "stats.jsonl", "watch.jsonl"
STATE, MANIFEST, PREVIOUS = "state.json", "manifest.json", "checkpoint.previous"
MAX_JSON = 10_000_000  # bytes of a .json file of a run folder; ours have a few thousand
MAX_LINES = 1_000_000_000  # bytes of a .jsonl file
MOST_IMAGES = 10**12  # that a run can show
LARGEST = 3.4e38  # float32


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
    return images if is_count(images) and (model / "README.md").is_file() else None


def trained_seconds(checkpoint: Path | None) -> float:
    """How long the run took before the checkpoint."""
    hours = notes_of(checkpoint / "model").get("hours") if checkpoint else None
    return hours * 3600.0 if is_number(hours) and hours >= 0 else 0.0


def precision_of(folder: Path, which: str = "last") -> str | None:
    """In what a run computed: fp32, bf16 or fp16; None where that is not known."""
    checkpoint = find_checkpoint(folder, which)
    records = [read_object(path) or {} for path in (checkpoint and checkpoint / STATE, folder / "options.json") if path]
    names = [str(record.get("precision")).replace("no", "fp32") for record in records]
    return next((name for name in names if name in ("fp32", "bf16", "fp16")), None)


def is_count(value) -> bool:
    """Whether it can be a number of images."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_IMAGES


def is_number(value) -> bool:
    """Whether it is a finite number that a float can hold."""
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # an int of hundreds of digits
        return False


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
    return [value for _, value in _lines(path)]


def read_stats(folder: Path) -> list[dict[str, float]]:
    """The lines of a run's stats.jsonl, with those of their numbers that float32 holds."""
    return [
        {
            key: value if key == "images" else float(value)
            for key, value in line.items()
            if is_number(value) and abs(value) < LARGEST
        }
        for line in read_lines(folder / STATS)
    ]


def forget_after(folder: Path, images: int) -> None:
    """Take the lines beyond so many images out of stats.jsonl: they will be made again."""
    if (folder / STATS).exists():
        kept = "".join(f"{text}\n" for text, value in _lines(folder / STATS) if value["images"] <= images)
        write_atomically(folder / STATS, kept.encode())


def _lines(path: Path) -> list[tuple[str, dict]]:
    """Each line as it stands there, and what it says."""
    try:
        text = read_bounded(path, MAX_LINES).decode(errors="replace")
    except (OSError, UnfitFile):
        return []
    lines = []
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and is_count(value.get("images")):
            lines.append((line, value))
    return lines


def model_of(source: str) -> str:
    """The model folder of a run folder, or of a recipe that was trained into runs/ and is not bundled; else the source
    itself. Of a run that was stopped it is its checkpoint's."""
    for run in (Path(source), Path("runs") / source):
        for part in (run, find_checkpoint(run)):
            if part and (part / "model" / CONFIG).is_file() and source not in hub.bundled():
                return str(part / "model")
    return source
