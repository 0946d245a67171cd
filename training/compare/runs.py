"""Compare recipes under one protocol: `python -m training.compare mnist-mlp mnist-dcgan --minutes 5 --seeds 3`.

Every recipe trains as often as there are seeds, each run for equal compute time (--minutes) or for equally many real images
(--images), through the same code as `python -m training`; then it is evaluated as by `python -m training.evaluate`; then
docs/results.md is written, with mean and standard deviation over the seeds, uncurated samples and curves beside it.

A row may change its recipe and have a name of its own: `mnist-dcgan rms=mnist-dcgan,optimiser=rmsprop` are two rows.

Compute time is that of the training steps alone: on a CPU the time of this process (all its threads), which other work on the
machine hardly changes; on a GPU the time on the wall. Start-up, decoding, checkpoints, sample grids and FID are not counted.

It may be stopped at any moment, and the same command goes on: what is trained and evaluated is not done again. Several
processes with the same --work share the runs among them. Each run is a folder as `python -m training` leaves it, WORK/ROW/seed-S,
with evaluation.json in it.
"""

import argparse
import contextlib
import dataclasses
import importlib.util
import json
import os
import platform
import re
import shlex
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, NamedTuple

import torch
from accelerate import Accelerator

from gan_models import ModelError
from gan_models.hub import write_atomically

from . import __main__ as command
from . import callbacks, checkpoints, evaluate, loop, recipes
from .data import DataError, Dataset
from .evaluate import EvaluationError
from .judges import JudgeError
from .loop import State
from .recipes import Recipe, RecipeError

SHARES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)  # of the run, after which FID is measured: early ones lie closer
FID_SAMPLES = 2000  # for those; on each side
CHECKPOINT_EVERY = 20_000  # images at most
EVALUATION, DIVERGED = "evaluation.json", "diverged.json"
ENDLESS = 10**12


class CompareError(Exception):
    """A comparison that cannot be made; one sentence."""


class Stopped(Exception):
    """Ctrl-C or SIGTERM; the run's checkpoint is written."""


@dataclass(frozen=True)
class Goal:
    """For how long each run trains: one of the two is given."""

    minutes: float | None = None
    images: int | None = None

    def share(self, images: int, seconds: float) -> float:
        """How much of it is done; at 1 it is reached."""
        return seconds / (60 * self.minutes) if self.minutes else images / self.images

    def __str__(self) -> str:
        return f"{self.minutes:g} minutes" if self.minutes else f"{self.images:,} images"


@dataclass(frozen=True)
class Row:
    """A recipe under a name, with settings of its own."""

    name: str
    recipe: Recipe
    base: str  # the recipe's name
    settings: tuple[str, ...]  # KEY=VALUE


class Outcome(NamedTuple):
    """What is known of one run."""

    row: Row
    seed: int
    folder: Path
    training: dict | None  # what Companion.notes says; None before the goal is reached
    evaluation: dict | None  # {"metrics": as evaluate gives them, "how", "images_seen", "cpu_seconds"}
    trouble: str | None = None  # why something is missing


class Companion:
    """Measures a run: the compute time of its steps, and now and then FID, which is not counted. Ends it when the goal is
    reached. All that it knows goes into each checkpoint, so that a resumed run goes on counting from there."""

    def __init__(self, row: Row, seed: int, goal: Goal, dataset: Dataset):
        self.row, self.seed, self.goal, self.dataset = row, seed, goal, dataset

    def join(self, state: State, checkpoint: Path | None, hooks: list) -> list:
        known = notes_of(checkpoint / "model") if checkpoint else {}
        self.seconds, self.points = known.get("compute_seconds", 0.0), known.get("fid_points", [])
        self.fid_seconds = known.get("fid_seconds", 0.0)
        self.last = max((self.goal.share(point["images"], point["compute_seconds"]) for point in self.points), default=0.0)
        report = next(hook for hook in hooks if isinstance(hook, callbacks.Report))
        if self.goal.minutes:
            report.printed = float("inf")  # how many images are left is not known
        self.facts = {
            "goal": str(self.goal), "machine": machine(report.accelerator),
            "generator_parameters": sum(p.numel() for p in state.generator.parameters()),
            # Weights that both share are the generator's.
            "discriminator_parameters": sum(p.numel() for p in state.discriminator.parameters()),
        }
        saving = next(k for k, hook in enumerate(hooks) if isinstance(hook, callbacks.Checkpoints))
        self.clock = stopwatch(state.ema.device)
        self.began = self.clock()
        return [self.stop, *hooks[:saving], self.measure, *hooks[saving:], self.go]

    def stop(self, state: State, scalars: dict) -> bool:
        """First after a step: what the other callbacks take is not counted."""
        self.seconds += self.clock() - self.began
        return False

    def measure(self, state: State, scalars: dict) -> bool:
        """FID, where one of SHARES has been passed. It stands before the checkpoint, which takes it along."""
        share = self.goal.share(state.images, self.seconds)
        if any(self.last < at <= share for at in SHARES):
            if not all(tensor.isfinite().all() for tensor in state.ema.state_dict().values()):
                raise callbacks.Diverged(f"the weights stopped being numbers before {state.images:,} images")
            self.last, began = share, time.process_time()
            with contextlib.suppress(EvaluationError, JudgeError):  # no network for these pictures, or too few of them: no points
                value = evaluate.fid(state.ema, self.dataset, FID_SAMPLES)
                self.points.append({"images": state.images, "compute_seconds": round(self.seconds, 3), "fid": round(value, 4)})
                print(f"  {share:4.0%}  {state.images:>11,} images  {self.seconds / 60:6.2f} minutes  FID {value:8.3f}",
                      flush=True)
            self.fid_seconds += time.process_time() - began
        return False

    def go(self, state: State, scalars: dict) -> bool:
        """Last before the next step."""
        self.began = self.clock()
        return self.goal.share(state.images, self.seconds) >= 1

    def notes(self, state: State) -> dict:
        """For "training" in metrics.json of the model folder; `command` makes the same weights without a clock."""
        arguments = [self.row.base, *(word for setting in self.row.settings for word in ("--set", setting)),
                     "--images", str(state.images), "--seed", str(self.seed)]
        return self.facts | {"command": f"python -m training {shlex.join(arguments)}", "compute_seconds": round(self.seconds, 3),
                             "fid_points": self.points, "fid_samples": min(FID_SAMPLES, len(self.dataset)),
                             "fid_seconds": round(self.fid_seconds, 1)}


def stopwatch(device: torch.device) -> Callable[[], float]:
    """A clock of compute time, in seconds."""
    if device.type == "cpu":
        return time.process_time

    def wall() -> float:
        torch.accelerator.synchronize(device)
        return time.perf_counter()

    return wall


def machine(accelerator: Accelerator) -> str:
    """Where and how a run computes, in words."""
    device = accelerator.device
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    else:
        found = None
        with contextlib.suppress(OSError):
            found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        name = f"{found[1] if found else platform.processor() or platform.machine()}, {torch.get_num_threads()} thread(s)"
    return f"{name}, {accelerator.mixed_precision.replace('no', 'fp32')}, torch {torch.__version__}"


def notes_of(model: Path) -> dict:
    """What a model folder records of its training; {} where there is nothing to be read."""
    try:
        return json.loads((model / "metrics.json").read_text())["training"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}


# ---- The runs --------------------------------------------------------------------------------------------------------


def parse_row(text: str, everywhere: list[str]) -> Row:
    """[NAME=]RECIPE[,KEY=VALUE...]; a comma inside brackets is part of a value. `everywhere`: settings of all rows."""
    head, *own = re.split(r",(?![^\[]*\])", text)
    name, equals, base = head.partition("=")
    base = base if equals else name
    if not re.fullmatch(r"\w[\w.+-]*", name):
        raise CompareError(f"{name!r} cannot be the name of a row: use letters, digits, dots and hyphens.")
    settings = (*everywhere, *own)
    recipe = recipes.change(recipes.find(base), list(settings))
    return Row(name, dataclasses.replace(recipe, name=name), base, settings)


def run_folder(work: Path, row: Row, seed: int) -> Path:
    return work / row.name / f"seed-{seed}"


def training_options(row: Row, seed: int, goal: Goal, folder: Path, options: argparse.Namespace) -> argparse.Namespace:
    """Those of `python -m training` for this run."""
    reached = notes_of(folder / "checkpoint" / "model")
    images = goal.images or ENDLESS
    if goal.minutes and reached and goal.share(0, reached.get("compute_seconds", 0)) >= 1:
        images = reached["images_seen"]  # only the model is left to be written
    every = min(CHECKPOINT_EVERY, images)
    words = [row.base, "--images", str(images), "--seed", str(seed), "--output", str(folder), "--checkpoint-every", str(every),
             "--precision", options.precision, "--resume"]
    words += [] if options.data_root is None else ["--data-root", str(options.data_root)]
    return command.parse(words + [word for setting in row.settings for word in ("--set", setting)])


def train(row: Row, seed: int, goal: Goal, folder: Path, dataset: Dataset, options: argparse.Namespace) -> None:
    """Train until the goal is reached, unless it is. Raises Stopped, Diverged, or CompareError where the folder holds
    another run."""
    options = training_options(row, seed, goal, folder, options)
    recipe = dataclasses.replace(row.recipe, name=row.base)
    if (folder / "options.json").exists():
        try:
            command.compare_options(folder, command.describe(recipe, dataset, options, options.images))
        except command.RunError as error:
            raise CompareError(str(error).replace("--output", "--work")) from error
    if finished(folder, goal):
        return
    reached = notes_of((checkpoints.find(folder) or folder) / "model")
    if reached and goal.share(reached["images_seen"], reached["compute_seconds"]) > 1 and reached["goal"] != str(goal):
        raise CompareError(f"The run in {folder} was trained for {reached['goal']} and has gone beyond {goal}; "
                           "give another --work.")
    if command.run(options, Companion(row, seed, goal, dataset)) != 0:
        raise Stopped


def finished(folder: Path, goal: Goal) -> dict | None:
    """The notes of a run that has reached this goal and written its model; else None."""
    notes = notes_of(folder / "model")
    done = notes.get("goal") == str(goal) and command.images_of(folder / "model") == notes["images_seen"]
    return notes if done and goal.share(notes["images_seen"], notes["compute_seconds"]) >= 1 else None


def judge(row: Row, folder: Path, options: argparse.Namespace) -> None:
    """Write the evaluation of a finished run to evaluation.json, unless it is there. Raises as evaluate does."""
    how, images = manner(row, options), command.images_of(folder / "model")
    if known_evaluation(folder, how, images) and not options.evaluate_again:
        return
    began = time.process_time()
    metrics = evaluate.evaluate(folder / "model", row.recipe.data, options.data_root, **how)
    result = {"how": how, "images_seen": images, "cpu_seconds": round(time.process_time() - began, 1), "metrics": metrics}
    write_atomically(folder / EVALUATION, (json.dumps(result, indent=2) + "\n").encode())


def manner(row: Row, options: argparse.Namespace) -> dict:
    """How a row is evaluated, beyond what `evaluate` does by itself. The accuracy score needs classes and a network that reads them."""
    how = {} if options.samples is None else {"samples": options.samples}
    return how | ({"cas": True} if options.cas and row.recipe.conditional and row.recipe.data in ("mnist", "fashionmnist") else {})


def known_evaluation(folder: Path, how: dict, images: int) -> dict | None:
    """evaluation.json, if it was made in this manner of this model."""
    known = read_json(folder / EVALUATION) or {}
    return known if (known.get("how"), known.get("images_seen")) == (how, images) else None


def read_json(path: Path) -> dict | None:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Whether the run is ours: False while another process has it."""
    try:
        import fcntl
    except ImportError:  # Windows: nobody may share the work there
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


def do_runs(rows: list[Row], datasets: dict[str, Dataset], goal: Goal, options: argparse.Namespace) -> dict[Path, str]:
    """Train and judge all that is not done yet; the first seed of all rows first. Returns why a run (its folder) could not
    be judged."""
    runs, unjudged = [(row, seed) for seed in options.seeds for row in rows], {}
    for number, (row, seed) in enumerate(runs, 1):
        folder = run_folder(options.work, row, seed)
        with alone(folder) as mine:
            if not mine:
                print(f"[{number}/{len(runs)}] {row.name}, seed {seed}: another process is at it.")
                continue
            if (folder / DIVERGED).exists():
                continue
            print(f"[{number}/{len(runs)}] {row.name}, seed {seed}", flush=True)
            try:
                train(row, seed, goal, folder, datasets[row.name], options)
                judge(row, folder, options)
            except callbacks.Diverged as error:
                write_atomically(folder / DIVERGED, json.dumps({"sentence": str(error)}).encode())
                print(f"  {error}")
            except (EvaluationError, JudgeError) as error:
                unjudged[folder] = f"not evaluated: {str(error).rstrip('.')}"
                print(f"  {unjudged[folder]}")
    return unjudged


def outcome(row: Row, seed: int, goal: Goal, folder: Path, how: dict, unjudged: dict[Path, str]) -> Outcome:
    """What a run's folder says."""
    notes, diverged = finished(folder, goal), read_json(folder / DIVERGED)
    evaluation = known_evaluation(folder, how, notes["images_seen"]) if notes else None
    if notes:
        notes = notes | {"commit": (read_json(folder / "options.json") or {}).get("commit")}
    trouble = (diverged["sentence"].partition(";")[0] if diverged else "not trained to the end" if not notes
               else unjudged.get(folder, "not evaluated") if not evaluation else None)
    return Outcome(row, seed, folder, notes, evaluation, trouble)


# ---- The command -----------------------------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status: 0, 2 for bad input, 130 when stopped."""
    options = parse(arguments)
    try:
        compare(options)
    except (CompareError, RecipeError, DataError, ModelError, command.RunError, checkpoints.CheckpointError) as error:
        return command.fail(str(error), 2)
    except (Stopped, KeyboardInterrupt):
        return command.fail("Stopped; the same command goes on from here.", 130)
    except OSError as error:
        return command.fail(f"{error.filename or options.work} cannot be written or read ({error.strerror or error}).", 2)
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.compare", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="+", metavar="RECIPE", help="the rows in this order: [NAME=]RECIPE[,KEY=VALUE...]")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float, metavar="M", help="compute time of each run (default: 5)")
    length.add_argument("--images", type=int, metavar="N", help="or how many real images each run shows")
    parser.add_argument("--seeds", type=_seeds, default=(0, 1, 2), metavar="N|A,B,...", help="how many, or which (default: 3)")
    parser.add_argument("--samples", type=int, metavar="N", help="pictures to evaluate with (default: evaluate's, mostly 10000)")
    parser.add_argument("--cas", action="store_true", help="also the classification accuracy score, given classes (slow)")
    parser.add_argument("--reach", type=float, default=5.0, metavar="FID", help="note the time until FID is this (default: 5)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change all recipes; may be repeated")
    parser.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto", help="auto: bf16 where it is native")
    parser.add_argument("--data-root", type=Path, metavar="DIR", help="of the data (default: $GAN_STUDIO_DATA, else ./data)")
    parser.add_argument("--work", type=Path, default=Path("runs/compare"), metavar="DIR", help="the runs (default: runs/compare)")
    parser.add_argument("--output", type=Path, default=Path("docs/results.md"), metavar="FILE", help="default: docs/results.md")
    parser.add_argument("--evaluate-again", action="store_true", help="do not take over evaluations made before")
    parser.add_argument("--write-only", action="store_true", help="write the results from the runs that are there; train nothing")
    options = parser.parse_args(arguments)
    if options.minutes is None and options.images is None:
        options.minutes = 5.0
    if not 0 < (options.minutes if options.images is None else options.images) < float("inf"):
        parser.error("--minutes must be more than 0, and --images at least 1")
    if options.samples is not None and options.samples < 2:
        parser.error("--samples must be at least 2")
    return options


def _seeds(text: str) -> tuple[int, ...]:
    """3 -> (0, 1, 2); 4,7 -> (4, 7); 5, -> (5,)"""
    seeds = tuple(int(word) for word in text.split(",") if word) if "," in text else tuple(range(int(text)))
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise argparse.ArgumentTypeError("must be a number of seeds, or different seeds with commas between them")
    return seeds


def compare(options: argparse.Namespace) -> None:
    """Run what is missing, then write the results."""
    from . import results

    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise CompareError("A comparison is made by one process: start it without accelerate or torchrun.")
    if importlib.util.find_spec("matplotlib") is None:
        raise CompareError("The figure of the curves needs matplotlib: pip install matplotlib.")
    goal = Goal(options.minutes, options.images)
    rows = [parse_row(text, options.set) for text in options.rows]
    for row in rows:
        if sum(row.name == other.name for other in rows) > 1:
            raise CompareError(f"Two rows are called {row.name}; name one of them: NAME={row.base},KEY=VALUE.")
    datasets = {}
    for row in rows:  # whatever cannot be had or built is told at once, not after hours
        datasets[row.name] = command.open_data(row.recipe, training_options(row, 0, goal, options.work, options))
        loop.build(row.recipe, datasets[row.name], 0, torch.device("cpu"))
    unjudged = {} if options.write_only else do_runs(rows, datasets, goal, options)
    found = [outcome(row, seed, goal, run_folder(options.work, row, seed), manner(row, options), unjudged)
             for row in rows for seed in options.seeds]
    if not any(run.evaluation for run in found):
        raise CompareError(f"There is no evaluated run in {options.work}, so there is nothing to write.")
    results.write(found, datasets, goal, options)


if __name__ == "__main__":
    sys.exit(main())
