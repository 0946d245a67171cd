"""The options of a run, from the command line or from Python."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..choices import PRECISIONS, PREVIOUS_ONE, TRACKERS
from ..data.dataset import Dataset
from ..errors import RunError


@dataclass(frozen=True)
class RunOptions:
    """The options of a run, from `python -m training` or :func:`train`. Raises RunError for invalid ones."""

    recipe: str  # its name
    output: Path  # the run's folder
    settings: tuple[str, ...] = ()  # KEY=VALUE, which change the recipe
    data: str | Dataset | None = None  # a data set's name, a folder, or pictures in memory; None: the recipe's
    data_root: Path | None = None  # None: $GAN_STUDIO_DATA, else ./data
    images: int | None = None  # real images to train on in all; None: the recipe's
    seed: int = 0
    precision: str = "auto"  # one of PRECISIONS
    checkpoint_every: int | None = None  # images; None: a fiftieth of all
    fid_every: int | None = None  # images; None: never
    trackers: tuple[str, ...] = ()  # of TRACKERS
    resume: bool | str = False  # True: from the last checkpoint, if there is one; "previous": from the one before it
    init_from: str | None = None  # a model, or the folder of a run
    push_to_hub: str | None = None  # USER/REPO
    push_every: float | None = None  # minutes; None: only when done
    progress: bool = True  # a line on stderr every few seconds
    command: str | None = None  # as typed, without --resume; None: one that does the same
    title: str | None = None  # of own pictures, for the card
    licence: str | None = None  # of own pictures
    data_b: str | None = None  # a second folder: with the first one's, its pictures are two classes
    pairs: tuple[str, str] | None = None  # two folders: of pictures to draw from, and to draw

    def __post_init__(self):
        for name in ("images", "seed", "checkpoint_every", "fid_every"):
            value = getattr(self, name)
            if not (isinstance(value, int) and not isinstance(value, bool) or value is None and name != "seed"):
                raise RunError(f"{_option(name)} must be a whole number, not {value!r}.")
        for name, value, choices in [
            ("precision", self.precision, PRECISIONS),
            *(("tracker", tracker, TRACKERS) for tracker in self.trackers),
        ]:
            if value not in choices:
                raise RunError(f"{_option(name)} must be one of {', '.join(choices)}, not {value!r}.")
        if self.pairs and (self.data or self.data_b):
            raise RunError("--pairs names all the pictures: leave --data and --data-b out.")
        if self.data_b and not self.data:
            raise RunError("--data-b is a second folder: name the first one by --data.")
        minutes = self.push_every
        if minutes is not None and (
            isinstance(minutes, bool) or not isinstance(minutes, (int, float)) or not minutes > 0
        ):
            raise RunError(f"--push-every must be a number of minutes above 0, not {minutes!r}.")
        if minutes and not self.push_to_hub:
            raise RunError("--push-every says how often to publish; say where by --push-to-hub USER/REPO.")
        if self.resume not in (True, False, PREVIOUS_ONE):
            raise RunError(f"--resume takes no value or the word {PREVIOUS_ONE}, not {self.resume!r}.")

    def words(self) -> list[str]:
        """The same options as arguments of `python -m training`, except `resume` and `progress`."""
        words = [self.recipe, *(word for setting in self.settings for word in ("--set", setting))]
        named = (
            "data",
            "data_b",
            "title",
            "licence",
            "data_root",
            "output",
            "images",
            "seed",
            "checkpoint_every",
            "fid_every",
        )
        for name in (*named, "init_from", "push_to_hub", "push_every"):
            if (value := getattr(self, name)) is not None:
                words += [_option(name), value.name if isinstance(value, Dataset) else str(value)]
        words += ["--pairs", *self.pairs] if self.pairs else []
        words += ["--precision", self.precision, *(word for name in self.trackers for word in ("--tracker", name))]
        return words


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
