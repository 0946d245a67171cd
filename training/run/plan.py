"""What is settled before a run begins: its recipe and data, its length, what it starts from, its folder, and the record of
all that there, options.json."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gan_models import files
from gan_models.networks import find as find_model_folder
from gan_models.project import VERSION
from gan_models.rng import check_seed
from gan_models.sizes import sides

from .. import run_folder
from ..choices import PREVIOUS_ONE
from ..data import open_dataset, open_pairs
from ..data.dataset import Dataset
from ..errors import RunError
from ..games import GAMES, to_json, with_defaults
from ..recipes import RECIPES, Recipe
from ..run_folder import STATS, WATCH
from ..settings import change, find
from .options import RunOptions

if TYPE_CHECKING:
    from accelerate import Accelerator

CHECKPOINTS = 50  # per run, unless --checkpoint-every says otherwise
REPORT_STEPS = 25  # between lines of stats.jsonl


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
    if recipe.labels_per_class:
        dataset = dataset.few(recipe.labels_per_class, options.seed)
    return dataset.repeated(recipe.repeat_threshold, options.seed) if recipe.repeat_threshold else dataset


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


@dataclass(frozen=True)
class Plan:
    """The schedule of a run in real images, each a multiple of the batch size."""

    images: int  # of the whole run
    checkpoint_every: int
    fid_every: int | None  # None: FID is not measured
    report_every: int


def plan_of(options: RunOptions, recipe: Recipe, accelerator: Accelerator) -> Plan:
    """The length of the run and the intervals in it. Raises RunError for impossible ones."""
    size = recipe.batch_size
    if size % accelerator.num_processes:
        raise RunError(
            f"The batch of {size} cannot be shared by {accelerator.num_processes} processes: "
            "--set batch_size to a multiple."
        )
    check_seed(options.seed)
    images = _whole_batches(recipe.images if options.images is None else options.images, size, "--images")
    every = max(images // CHECKPOINTS, 1) if options.checkpoint_every is None else options.checkpoint_every
    every = _whole_batches(every, size, "--checkpoint-every")
    fid_every = None if options.fid_every is None else _whole_batches(options.fid_every, size, "--fid-every")
    if fid_every and not GAMES[recipe.game].draws:
        raise RunError(
            f"{recipe.name} edits pictures and draws none of its own, so it has no FID; leave out --fid-every."
        )
    return Plan(images, every, fid_every, min(size * REPORT_STEPS, every))


def check_sources(options: RunOptions, recipe: Recipe) -> None:
    """Check before hours of work that everything can be found. Raises RunError or ModelError."""
    if GAMES[recipe.game].needs_model(recipe) and not options.init_from:
        raise RunError(
            f"{recipe.name} needs a trained generator to start from: name it, such as --init-from celeba-cgan."
        )
    if options.init_from and not options.resume and not run_folder.find_checkpoint(Path(options.init_from)):
        find_model_folder(options.init_from)


def prepare_folder(options: RunOptions, accelerator: Accelerator) -> Path | None:
    """Make the output folder. Returns the checkpoint to continue from, or None. Raises RunError if there is a run and no
    --resume."""
    folder = options.output
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file; give --output a folder.")
    if (folder / "options.json").exists() and not options.resume:
        raise RunError(f"{folder} holds a run already: continue it by --resume, or give another --output.")
    for path in (folder / name for name in ("options.json", STATS, WATCH)):
        if path.exists() and not path.is_file():
            raise RunError(f"{path} is not a regular file, so the run cannot use it; move it away.")
    accelerator.wait_for_everyone()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise RunError(
            f"The output folder {folder} cannot be written ({error.strerror}); give another --output."
        ) from error
    if options.resume != PREVIOUS_ONE:
        return run_folder.find_checkpoint(folder) if options.resume else None
    found = run_folder.find_checkpoint(folder, PREVIOUS_ONE)
    if not found:
        raise RunError(
            f"{folder} has no checkpoint before the last one; continue by --resume, or give another --output."
        )
    return found


def _whole_batches(images: int, batch_size: int, option: str) -> int:
    """A number of images, rounded up to whole batches."""
    if not 1 <= images <= 10**12:
        raise RunError(f"{option} must be from 1 to 10^12, not {images}.")
    return -(-images // batch_size) * batch_size
