"""The options of a run, opening its data, and the record of both in its folder: options.json."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from gan_models import files
from gan_models.project import VERSION
from gan_models.sizes import sides

from . import run_folder
from .choices import PRECISIONS, PREVIOUS_ONE, TRACKERS
from .data import open_dataset, open_pairs
from .data.dataset import Dataset
from .errors import RunError
from .games import GAMES, to_json, with_defaults
from .recipes import RECIPES, Recipe
from .settings import change, find


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


def recipe_of(options: RunOptions) -> Recipe:
    """The recipe with the settings; from pairs a network learns what to do, and so knows no kinds of damage. Raises
    RecipeError and RunError."""
    settings = list(options.settings)
    if options.pairs:
        if find(options.recipe).game != "restoring":
            able = ", ".join(name for name, recipe in RECIPES.items() if recipe.game == "restoring")
            raise RunError(f"{options.recipe} does not learn from pairs; these do: {able}.")
        settings.append("generator.damages=[]")
    return change(find(options.recipe), settings)


def open_data(recipe: Recipe, options: RunOptions) -> Dataset:
    """The pictures that the run learns from. Raises DataError, and RunError where they do not fit the recipe."""
    if isinstance(options.data, Dataset):
        dataset, shape = options.data, (recipe.image_channels, *sides(recipe.image_size))
        if dataset.images.shape[1:] != shape:
            raise RunError(
                f"The pictures of {dataset.name} are {dataset.images.shape[1:]}, and {recipe.name} draws {shape}: "
                "give others, or set image_size and image_channels."
            )
    elif options.pairs:
        dataset = open_pairs(*options.pairs, recipe.image_size, channels=recipe.image_channels)
    else:
        dataset, *others = (
            open_dataset(
                name,
                options.data_root,
                recipe.image_size,
                channels=recipe.image_channels,
                attributes=recipe.attributes if name.lower() == "celeba" else None,
            )
            for name in (options.data or recipe.data, options.data_b)
            if name
        )
        for other in others:
            dataset = dataset.beside(other)
    if GAMES[recipe.game].sorts and dataset.multi_label:
        dataset = dataset.sorted()
    if (recipe.conditional or GAMES[recipe.game].reads_labels) and dataset.labels is None:
        raise RunError(
            f"{recipe.name} is conditional and {dataset.name} has no labels; put the pictures into one sub-folder per "
            "class, or take an unconditional recipe."
        )
    if len(dataset) < recipe.batch_size and not options.resume:  # older runs without this check may continue
        raise RunError(
            f"{dataset.name} has {len(dataset):,} pictures, fewer than a batch of {recipe.batch_size:,}; add pictures, "
            f"or --set batch_size={len(dataset)}."
        )
    return dataset.few(recipe.labels_per_class, options.seed) if recipe.labels_per_class else dataset


def describe(recipe: Recipe, dataset: Dataset, options: RunOptions, total: int) -> dict:
    """The content of options.json: everything that must be equal when the run is continued."""
    return {
        "recipe": to_json(recipe),
        "data": {"name": dataset.name, "images": len(dataset), "checksum": dataset.checksum}
        | {key: value for key, value in (("title", options.title), ("licence", options.licence)) if value},
        "seed": options.seed,
        "images": total,
        "init_from": options.init_from,
        "command": options.command or f"python -m training {shlex.join(options.words())}",
        "commit": commit(),
        "version": VERSION,
    }


def compare_options(folder: Path, described: dict) -> None:
    """Raise RunError unless the run in the folder has the described options; only the number of images may change.

    Options that are newer than the run count as having had their defaults.
    """
    try:
        before = files.read_json(folder / "options.json", run_folder.MAX_JSON)
        differing = [key for key in ("seed", "init_from") if before[key] != described[key]]
        same = all(before["data"][key] == described["data"][key] for key in ("name", "images", "checksum"))
        differing += [] if same else ["data"]
        old, new = with_defaults(before["recipe"]), described["recipe"]
        differing += [key for key in new if key not in ("images", "summary", "source") and old.get(key) != new[key]]
    except (OSError, files.UnfitFile, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(
            f"{folder / 'options.json'} cannot be read, so the options of the run are unknown; give another --output."
        ) from error
    if differing:
        raise RunError(
            f"The run in {folder} was started with another {' and '.join(differing)}; give the same options, "
            "or another --output."
        )


def commit() -> str | None:
    """The commit of the code if it runs from a checkout, with "-dirty" behind it if files were changed since. An
    installed package may be in a folder of another repository, whose commit says nothing of this code."""

    def git(*words: str) -> str:
        options = {"cwd": Path(__file__).parent, "capture_output": True, "text": True, "timeout": 10, "check": True}
        return subprocess.run(["git", *words], **options).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", Path(__file__).name)
        return git("describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
    except (OSError, subprocess.SubprocessError):
        return None
