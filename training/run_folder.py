"""What lies in a run folder, and how to read it."""

import json
from pathlib import Path

from gan_models import hub
from gan_models.model_folder import CONFIG


def images_of(folder: Path) -> int | None:
    """After how many images a model folder was made; None where it is not whole."""
    try:
        metrics = json.loads((folder / "metrics.json").read_text())
        return metrics["training"]["images_seen"] if (folder / "README.md").exists() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def trained_seconds(checkpoint: Path | None) -> float:
    """How long the run took before the checkpoint."""
    try:
        return (
            json.loads((checkpoint / "model" / "metrics.json").read_text())["training"]["hours"] * 3600
            if checkpoint
            else 0.0
        )
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0


def find_checkpoint(folder: Path) -> Path | None:
    """The newest complete checkpoint of a run folder, or None. Between two renames it has another name."""
    for name in ("checkpoint", "checkpoint.new", "checkpoint.old"):
        if (folder / name / "state.json").is_file():
            return folder / name
    return None


STATS, WATCH = "stats.jsonl", "watch.jsonl"


def read_lines(path: Path) -> list[dict]:
    """The whole lines of a .jsonl file of a run; [] where it is missing. A line that a kill cut short is left out."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError):
        return []
    lines = []
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict) and isinstance(value.get("images"), int):
            lines.append(value)
    return lines


def notes_of(model: Path) -> dict:
    """What a model folder records of its training; {} where there is nothing to be read."""
    try:
        return json.loads((model / "metrics.json").read_text())["training"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def read_json(path: Path) -> dict | None:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def model_of(source: str) -> str:
    """The model folder of a run folder, or of a recipe that was trained into runs/ and is not bundled; else the source
    itself. Of a run that was stopped it is its checkpoint's."""
    for run in (Path(source), Path("runs") / source):
        for part in (run, find_checkpoint(run)):
            if part and (part / "model" / CONFIG).is_file() and source not in hub.bundled():
                return str(part / "model")
    return source
