"""What a study measures, and what it has measured so far. Every result is written at once, so a study may be stopped at
any moment."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gan_models.files import write_atomically

from ..data.dataset import Dataset
from ..errors import TrainingError

REAL, TRANSFORMS, MIXED, BOTH, GENERATED = (
    "real",
    "real, transformed",
    "real + generated",
    "real + generated, transformed",
    "generated",
)
KINDS = (REAL, TRANSFORMS, MIXED, BOTH, GENERATED)
WITHOUT, WITH = (REAL, TRANSFORMS), (MIXED, BOTH)
EXTENDED = ("per_class", "seeds")  # of a plan: they say how much is measured, and may change when it is continued


class StudyError(TrainingError):
    """A study that cannot be made; one sentence."""


@dataclass(frozen=True)
class StudyPlan:
    """The settings of a study. All but the `EXTENDED` ones must be the same when it is continued."""

    recipe: str  # of a class-conditional generator
    settings: dict  # of the recipe
    per_class: tuple[int | None, ...]  # labelled pictures of each class; None: all that are not held out
    seeds: tuple[int, ...]
    shares: tuple[float, ...]  # generated pictures for each real one
    filters: tuple[str, ...]  # of FILTERS
    images: int  # real images that a generator sees, at most
    steps: int  # of a classifier
    validation: int  # held-out training pictures, by which shares and filters are chosen and generators stopped

    def described(self, data: Dataset) -> dict:
        return json.loads(json.dumps(vars(self) | {"data": {"name": data.name, "checksum": data.checksum}}))


def count_name(per_class: int | None) -> str:
    return "all" if per_class is None else str(per_class)


class Results:
    """The results in a study's folder: results.jsonl has a row for each classifier, generators.jsonl one for each
    generator."""

    def __init__(self, plan: StudyPlan, data: Dataset, test: Dataset, folder: Path, say: Callable[[str], None] = print):
        self.plan, self.data, self.test, self.folder, self.say = plan, data, test, folder, say
        folder.mkdir(parents=True, exist_ok=True)
        described, path = plan.described(data), folder / "study.json"
        before = json.loads(path.read_text()) if path.exists() else described
        if differing := [key for key in described if key not in EXTENDED and before.get(key) != described[key]]:
            raise StudyError(
                f"The study in {folder} was begun with another {' and '.join(differing)}; give the same, or another "
                "--work."
            )
        write_atomically(path, json.dumps(described, indent=2).encode())
        self.results, self.generators = _read_rows(folder / "results.jsonl"), _read_rows(folder / "generators.jsonl")

    def known(self, **wanted) -> dict | None:
        """The row of a classifier, or None."""
        return next((row for row in self.results if all(row.get(key) == value for key, value in wanted.items())), None)

    def chosen(self, per_class: int | None, seed: int) -> dict:
        """The best share and filter on held-out pictures."""
        rows = [row for row in self.results if (row["per_class"], row["seed"], row["kind"]) == (per_class, seed, BOTH)]
        return max(rows, key=lambda row: row["validation"])

    def add(self, table: str, row: dict) -> None:
        """Add a row to "results" or "generators"."""
        rows = getattr(self, table)
        rows.append(row)
        text = "".join(json.dumps(one) + "\n" for one in rows)
        write_atomically(self.folder / f"{table}.jsonl", text.encode())


def _read_rows(path: Path) -> list[dict]:
    """The rows of a file, without an incomplete last one."""
    rows = []
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows
