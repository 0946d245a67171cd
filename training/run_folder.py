"""Reads the files of a run folder.

A file may have been edited, damaged, or written by an older version. So every value is checked, and invalid ones count
as missing.
"""

import json
import math
from pathlib import Path

from gan_models.files import UnfitFile, read_bounded, read_json, write_atomically
from gan_models.layout import CONFIG, bundled

STATS, WATCH = "stats.jsonl", "watch.jsonl"
STATE, MANIFEST, PREVIOUS = "state.json", "manifest.json", "checkpoint.previous"
MAX_JSON = 10_000_000  # bytes of a .json file of a run folder; ours have a few thousand
MAX_LINES = 1_000_000_000  # bytes of a .jsonl file
MOST_IMAGES = 10**12  # of a run
LARGEST = 3.4e38  # float32


def read_object(path: Path) -> dict | None:
    """The object in a .json file of a run; None if it is missing, damaged or not an object."""
    try:
        value = read_json(path, MAX_JSON)
    except (OSError, UnfitFile):
        return None
    return value if isinstance(value, dict) else None


def notes_of(model: Path) -> dict:
    """The training record of a model folder; {} if there is none."""
    notes = (read_object(model / "metrics.json") or {}).get("training")
    return notes if isinstance(notes, dict) else {}


def images_of(model: Path) -> int | None:
    """The number of images after which a model folder was made; None if it is not complete."""
    images = notes_of(model).get("images_seen")
    return images if is_count(images) and (model / "README.md").is_file() else None


def trained_seconds(checkpoint: Path | None) -> float:
    """The duration of the run before the checkpoint."""
    hours = notes_of(checkpoint / "model").get("hours") if checkpoint else None
    return hours * 3600.0 if is_number(hours) and hours >= 0 else 0.0


def precision_of(folder: Path, which: str = "last") -> str | None:
    """The precision of a run: fp32, bf16 or fp16; None if unknown."""
    checkpoint = find_checkpoint(folder, which)
    records = [read_object(path) or {} for path in (checkpoint and checkpoint / STATE, folder / "options.json") if path]
    names = [str(record.get("precision")).replace("no", "fp32") for record in records]
    return next((name for name in names if name in ("fp32", "bf16", "fp16")), None)


def is_count(value) -> bool:
    """Whether a value can be a number of images."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_IMAGES


def is_number(value) -> bool:
    """Whether a value is a finite number that a float can hold."""
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # an int of hundreds of digits
        return False


def find_checkpoint(folder: Path, which: str = "last") -> Path | None:
    """The newest complete checkpoint of a run folder, or None, also if the process was killed between two renames.
    which: "last", or "previous" for the one before it."""
    names = ("checkpoint", "checkpoint.new", PREVIOUS, "checkpoint.old")
    for path in (folder / name for name in (names if which == "last" else names[2:])):
        if (path / STATE).exists() and (path.name != "checkpoint.new" or _complete(path)):
            return path
    return None


def _complete(checkpoint: Path) -> bool:
    """Whether a new checkpoint was written completely: the manifest, if any, is written last."""
    return (checkpoint / MANIFEST).is_file() or "manifest" not in (
        read_object(checkpoint / STATE) or {"manifest": True}
    )


def read_lines(path: Path) -> list[dict]:
    """The lines of a .jsonl file of a run; [] if it is missing. Incomplete and invalid lines are left out."""
    return [value for _, value in _lines(path)]


def read_stats(folder: Path) -> list[dict[str, float]]:
    """The lines of a run's stats.jsonl, with the numbers that float32 can hold."""
    return [
        {
            key: value if key == "images" else float(value)
            for key, value in line.items()
            if is_number(value) and abs(value) < LARGEST
        }
        for line in read_lines(folder / STATS)
    ]


def forget_after(folder: Path, images: int) -> None:
    """Remove the lines beyond `images` from stats.jsonl, since they will be made again."""
    if (folder / STATS).exists():
        kept = "".join(f"{text}\n" for text, value in _lines(folder / STATS) if value["images"] <= images)
        write_atomically(folder / STATS, kept.encode())


def _lines(path: Path) -> list[tuple[str, dict]]:
    """Each line as text and as an object."""
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
    """The model folder of a run folder, or of a recipe with a run in runs/ that is not bundled; else the source itself.
    For a run that was stopped it is that of the checkpoint."""
    for run in (Path(source), Path("runs") / source):
        for part in (run, find_checkpoint(run)):
            if part and (part / "model" / CONFIG).is_file() and source not in bundled():
                return str(part / "model")
    return source
