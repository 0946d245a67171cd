"""The runs of a comparison: train each recipe for its share of the time, and evaluate it."""

import argparse
import contextlib
import dataclasses
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

from gan_models.files import write_atomically

from ..data.dataset import Dataset
from ..errors import EvaluationError, TrainingError
from ..evaluate import generator
from ..judges.networks import JudgeError
from ..run import callbacks, run
from ..run.options import RunError, RunOptions
from ..run.plan import compare_options, describe
from ..run_folder import find_checkpoint, images_of, notes_of, read_object
from ..settings import change, find
from . import STOPPED
from .protocol import Budget, Goal, Method, Outcome, Row

EVALUATION, DIVERGED = "evaluation.json", "diverged.json"
ENDLESS = 10**12


class CompareError(TrainingError):
    """A comparison that cannot be made; one sentence."""


class Stopped(TrainingError):
    """Ctrl-C or SIGTERM; the run's checkpoint is written, and the same command continues."""

    status = 130


def parse_row(text: str, everywhere: list[str]) -> Row:
    """The row of [NAME=]RECIPE[,KEY=VALUE...]. A comma inside brackets is part of a value. everywhere: settings of all
    rows."""
    head, *own = re.split(r",(?![^\[]*\])", text)
    name, equals, base = head.partition("=")
    base = base if equals else name
    if not re.fullmatch(r"\w[\w.+-]*", name):
        raise CompareError(f"{name!r} cannot be the name of a row: use letters, digits, dots and hyphens.")
    settings = (*everywhere, *own)
    recipe = change(find(base), list(settings))
    return Row(name, dataclasses.replace(recipe, name=name), base, settings)


def run_folder(work: Path, row: Row, seed: int) -> Path:
    return work / row.name / f"seed-{seed}"


def training_options(
    row: Row, seed: int, goal: Goal, folder: Path, options: argparse.Namespace, method: Method = Method()
) -> RunOptions:
    """The training options of a run."""
    reached = notes_of(folder / "checkpoint" / "model")
    images = goal.images or ENDLESS
    if goal.minutes and reached and goal.share(0, reached.get("compute_seconds", 0)) >= 1:
        images = reached["images_seen"]  # only the model has to be written
    return RunOptions(
        recipe=row.base,
        output=folder,
        settings=row.settings,
        data_root=options.data_root,
        images=images,
        seed=seed,
        precision=options.precision,
        checkpoint_every=min(method.checkpoint_every, images),
        resume=True,
        progress=not goal.minutes,  # with a goal in minutes the number of images is unknown
    )


def train_run(
    row: Row, seed: int, goal: Goal, folder: Path, dataset: Dataset, options: argparse.Namespace, method: Method
) -> None:
    """Train until the goal is reached, unless it is already. Raises Stopped, Diverged, or CompareError if the folder
    holds another run."""
    options = training_options(row, seed, goal, folder, options, method)
    recipe = dataclasses.replace(row.recipe, name=row.base)
    if (folder / "options.json").exists():
        try:
            compare_options(folder, describe(recipe, dataset, options, options.images))
        except RunError as error:
            raise CompareError(str(error).replace("--output", "--work")) from error
    if finished(folder, goal):
        return
    reached = notes_of((find_checkpoint(folder) or folder) / "model")
    if reached and goal.share(reached["images_seen"], reached["compute_seconds"]) > 1 and reached["goal"] != str(goal):
        raise CompareError(
            f"The run in {folder} was trained for {reached['goal']} and has gone beyond {goal}; give another --work."
        )
    if not run(options, Budget(row, seed, goal, dataset, method)).finished:
        raise Stopped(STOPPED)


def finished(folder: Path, goal: Goal) -> dict | None:
    """The training record of a run that has reached this goal and written its model; else None."""
    notes = notes_of(folder / "model")
    done = notes.get("goal") == str(goal) and images_of(folder / "model") == notes["images_seen"]
    return notes if done and goal.share(notes["images_seen"], notes["compute_seconds"]) >= 1 else None


def evaluate_run(row: Row, folder: Path, options: argparse.Namespace) -> None:
    """Write the evaluation of a finished run to evaluation.json, unless it exists. Raises as evaluate does."""
    how, images = evaluation_options(row, options), images_of(folder / "model")
    if known_evaluation(folder, how, images) and not options.evaluate_again:
        return
    began = time.process_time()
    metrics = generator.evaluate(folder / "model", row.recipe.data, options.data_root, **how)
    result = {
        "how": how,
        "images_seen": images,
        "cpu_seconds": round(time.process_time() - began, 1),
        "metrics": metrics,
    }
    write_atomically(folder / EVALUATION, (json.dumps(result, indent=2) + "\n").encode())


def evaluation_options(row: Row, options: argparse.Namespace) -> dict:
    """The options of a row's evaluation. The classification accuracy score needs classes and a network that knows
    them."""
    how = {} if options.samples is None else {"samples": options.samples}
    return how | (
        {"cas": True} if options.cas and row.recipe.conditional and row.recipe.data in ("mnist", "fashionmnist") else {}
    )


def known_evaluation(folder: Path, how: dict, images: int) -> dict | None:
    """The content of evaluation.json, if it was made with these options for this model."""
    known = read_object(folder / EVALUATION) or {}
    return known if (known.get("how"), known.get("images_seen")) == (how, images) else None


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Yields whether this process has the run; False while another process has it."""
    try:
        import fcntl
    except ImportError:  # Windows: processes cannot share the work there
        yield True
        return
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def do_runs(
    rows: list[Row], datasets: dict[str, Dataset], goal: Goal, options: argparse.Namespace, method: Method
) -> dict[Path, str]:
    """Train and evaluate all runs that are not done yet, the first seed of all rows first. Returns {folder: reason} for
    runs that could not be evaluated."""
    runs, unjudged = [(row, seed) for seed in options.seeds for row in rows], {}
    for number, (row, seed) in enumerate(runs, 1):
        folder = run_folder(options.work, row, seed)
        with alone(folder) as mine:
            if not mine:
                print(f"[{number}/{len(runs)}] {row.name}, seed {seed}: another process is working on it.")
                continue
            if (folder / DIVERGED).exists():
                continue
            print(f"[{number}/{len(runs)}] {row.name}, seed {seed}", flush=True)
            try:
                train_run(row, seed, goal, folder, datasets[row.name], options, method)
                evaluate_run(row, folder, options)
            except callbacks.Diverged as error:
                write_atomically(folder / DIVERGED, json.dumps({"sentence": str(error)}).encode())
                print(f"  {error}")
            except (EvaluationError, JudgeError) as error:
                unjudged[folder] = f"not evaluated: {str(error).rstrip('.')}"
                print(f"  {unjudged[folder]}")
    return unjudged


def outcome(row: Row, seed: int, goal: Goal, folder: Path, how: dict, unjudged: dict[Path, str]) -> Outcome:
    """The outcome of a run, from its folder."""
    notes, diverged = finished(folder, goal), read_object(folder / DIVERGED)
    evaluation = known_evaluation(folder, how, notes["images_seen"]) if notes else None
    if notes:
        notes = notes | {"commit": (read_object(folder / "options.json") or {}).get("commit")}
    trouble = (
        diverged["sentence"].partition(";")[0]
        if diverged
        else "not trained to the end"
        if not notes
        else unjudged.get(folder, "not evaluated")
        if not evaluation
        else None
    )
    return Outcome(row, seed, folder, notes, evaluation, trouble)
