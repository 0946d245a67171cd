"""One run, from its options to its model folder. `_run` has the order of its parts, `Run` the parts."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from gan_models import files, model_folder, portable, saving
from gan_models import images as pictures
from gan_models.cards.families import DRAWLESS
from gan_models.cards.page import model_card
from gan_models.samples import sample_grid

from .. import cpu, loop, run_folder
from ..choices import PREVIOUS_ONE
from ..data import hub as hub_data
from ..data.dataset import Dataset, to_float
from ..engine import choose_precision, make_accelerator, start_trackers
from ..games import GAMES
from ..games.state import State, batch_dependent_layers
from ..metrics import story
from ..publish import PublishError, check_name
from ..run_folder import images_of, notes_of, read_stats, trained_seconds
from ..settings import as_words
from ..starting import build_state
from ..watch import Watch
from . import callbacks, checkpoints
from .init_from import initialise_from
from .options import RunError, RunOptions
from .plan import check_sources, compare_options, describe, open_data, plan_of, prepare_folder, recipe_of
from .processes import Peers
from .pushing import Pushing

if TYPE_CHECKING:
    from accelerate import Accelerator

DIVERSITY_STEPS = 100  # between measurements of the diversity


@dataclass(frozen=True)
class Trained:
    """The result of a run."""

    folder: Path  # the run's
    model: Path  # the model folder, for gan_models.load; that of the checkpoint if the run was stopped
    images: int  # real images seen
    finished: bool  # False: it was stopped by Ctrl-C or SIGTERM, and can be resumed


def train(
    recipe: str,
    *,
    data: str | os.PathLike | Dataset | None = None,
    data_root: str | os.PathLike | None = None,
    images: int | None = None,
    output: str | os.PathLike | None = None,
    resume: bool | str = False,
    seed: int = 0,
    precision: str = "auto",
    init_from: str | os.PathLike | None = None,
    checkpoint_every: int | None = None,
    fid_every: int | None = None,
    trackers: tuple[str, ...] = (),
    push_to_hub: str | None = None,
    push_every: float | None = None,
    title: str | None = None,
    licence: str | None = None,
    data_b: str | os.PathLike | None = None,
    pairs: tuple[str | os.PathLike, str | os.PathLike] | None = None,
    progress: bool = True,
    hooks: Iterable[Callable[[State, dict[str, torch.Tensor]], object]] = (),
    **settings: Any,
) -> Trained:
    """Train a recipe as `python -m training` does, with the same checks, and return the run with its model folder:

        run = training.train("mnist-dcgan", images=100_000, output="runs/mine", batch_size=64, generator={"width": 32})
        gan_models.load(run.model)

    Each argument is the command's option with that name; `data` may also be a data.dataset.Dataset. Each of `settings`
    is a --set: a number, a word, a list [start, end, images] or a Schedule. `generator` and `discriminator` take a dict
    of their networks' arguments.

    Each of `hooks` is called after each step with (state, scalars), on every process. It may add scalars to be reported
    (0-d tensors). Returning True ends the run, and the model is written as for a run of that length.

    Raises TrainingError or ModelError with one sentence: for bad input, if the run has diverged (callbacks.Diverged), if
    another process is gone (LostProcess), if the disk is full, or if there is not enough memory.

    All runs of one process have the same precision, since Accelerate keeps it. From then on denormal numbers are zero in
    this process, and freed memory is kept (cpu.py).
    """
    options = RunOptions(
        recipe,
        Path(output or Path("runs") / recipe),
        as_words(settings),
        data if data is None or isinstance(data, Dataset) else str(data),
        None if data_root is None else Path(data_root),
        images,
        seed,
        precision,
        checkpoint_every,
        fid_every,
        tuple(trackers),
        resume,
        None if init_from is None else str(init_from),
        push_to_hub,
        push_every,
        progress,
        title=title,
        licence=licence,
        data_b=None if data_b is None else str(data_b),
        pairs=None if pairs is None else (str(pairs[0]), str(pairs[1])),
    )
    return run(options, hooks=tuple(hooks))


def run(options: RunOptions, budget=None, hooks: tuple = ()) -> Trained:
    """Train with these options. A budget (see compare.protocol) may end the run by its own measure. First
    `budget.attach(state, checkpoint, accelerator)` is called. After each step `budget.pause` is the first callback,
    `budget.measure` comes just before the checkpoint, and `budget.resume` just before the next step. `budget.goal` names
    the goal, and `budget.record(state)` is added to the training record of each model folder.

    Raises TrainingError or ModelError; RunError for problems with disk or memory.
    """
    try:
        return _run(options, budget, hooks)
    except BrokenPipeError:  # the reader of the output is gone
        raise
    except OSError as error:
        last = run_folder.find_checkpoint(options.output)
        kept = (
            f" The last good checkpoint is {last}: solve the problem and continue by the same command with --resume."
            if last
            else ""
        )
        raise RunError(
            f"{error.filename or options.output} cannot be written or read ({error.strerror or error}).{kept}"
        ) from error
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, (MemoryError, torch.OutOfMemoryError)) and "allocate memory" not in str(error):
            raise
        if not run_folder.find_checkpoint(options.output):
            # The run has not started, so another may use its folder.
            (options.output / "options.json").unlink(missing_ok=True)
        raise RunError(
            "There is not enough memory for this run; give it smaller batches or networks, such as --set batch_size=16."
        ) from error


def _run(options: RunOptions, budget, hooks: tuple) -> Trained:
    run = Run(options, budget, hooks)
    with run.peers.noticing():
        run.open()
        if run.is_finished():
            run.say(f"{options.output} is finished: {run.state.images:,} images. Its model is {run.model}.")
        else:
            run.attach()
            run.announce()
            if not run.train():
                return run.stopped()
            run.write_result()
    publish_result(options, run.accelerator)
    return Trained(options.output, run.model, run.state.images, True)


class Run:
    """A run in progress, on every process. `_run` has the order of its methods."""

    def __init__(self, options: RunOptions, budget=None, hooks: tuple = ()):
        """Check everything that can be checked without data."""
        self.options, self.budget, self.hooks = options, budget, hooks
        self.recipe = recipe_of(options)
        cpu.tune_allocator()
        which = options.resume if options.resume == PREVIOUS_ONE else "last"
        self.precision = choose_precision(
            options.precision, run_folder.precision_of(options.output, which) if options.resume else None
        )
        self.accelerator = make_accelerator(self.precision.name, options.trackers, options.output)
        self.peers = Peers(self.accelerator, options.output)
        self.plan = plan_of(options, self.recipe, self.accelerator)
        check_sources(options, self.recipe)
        if options.push_to_hub:
            check_name(options.push_to_hub)
        self.model = options.output / "model"
        self.interrupt = callbacks.Interrupt(self.accelerator)

    def say(self, *sentences: str) -> None:
        """Print each on its own line, on the main process only."""
        if self.accelerator.is_main_process:
            for sentence in sentences:
                self.accelerator.print(sentence)

    def open(self) -> None:
        """Open the folder and the data, and build the state for the first step."""
        options, accelerator = self.options, self.accelerator
        self.checkpoint = prepare_folder(options, accelerator)
        with accelerator.main_process_first():  # one process decodes; the others read its cache
            self.dataset = open_data(self.recipe, options)
        self.say(*self.dataset.notes)
        self.described = describe(self.recipe, self.dataset, options, self.plan.images) | {
            "precision": self.precision.name
        }
        scaled = self.precision.name == "fp16"
        self.state = build_state(self.recipe, self.dataset, options.seed, accelerator.device, scaled)
        if (options.output / "options.json").exists():
            compare_options(options.output, self.described)
        if self.checkpoint:
            self.say(*checkpoints.restore(self.state, self.checkpoint, accelerator))
            if options.resume == PREVIOUS_ONE:
                self.go_back()
        elif options.init_from:
            initialise_from(self.state, options.init_from)
        self.first = self.state.images

    def go_back(self) -> None:
        """Replace the last checkpoint by the one before it."""
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            checkpoints.go_back(self.options.output)
        self.accelerator.wait_for_everyone()
        self.checkpoint = self.options.output / "checkpoint"

    def is_finished(self) -> bool:
        """Whether an earlier run has done everything."""
        finished = self.checkpoint and self.state.images >= self.plan.images
        return bool(finished) and images_of(self.model) == self.state.images

    def attach(self) -> None:
        """Make the callbacks."""
        options, accelerator, state, plan = self.options, self.accelerator, self.state, self.plan
        if self.checkpoint:
            self.say(f"Continuing from {state.images:,} images.")
        accelerator.wait_for_everyone()
        self.report = callbacks.Report(
            options.output, accelerator, plan.images, state, plan.report_every, options.progress
        )
        self.began, self.earlier_seconds = time.monotonic(), trained_seconds(self.checkpoint)
        self.about = self.notes()
        self.saving = callbacks.Checkpoints(
            options.output, accelerator, self.report, self.write_model, plan.checkpoint_every
        )
        self.saving.saved = state.images if self.checkpoint else None  # this checkpoint need not be written again
        self.measuring, self.drawing, self.pushing = [], [], []
        if GAMES[self.recipe.game].draws:
            every = DIVERSITY_STEPS * self.recipe.batch_size
            self.measuring.append(callbacks.Diversity(self.dataset, state, options.seed, every))
        if plan.fid_every:
            fid = callbacks.FIDCallback(self.dataset, state, accelerator, options.seed, plan.fid_every)
            self.measuring.append(self.report.apart(fid))
        self.watch = Watch(self.recipe)
        if accelerator.is_main_process:
            self.write_beginning()
            self.watch = Watch(self.recipe, options.output, read_stats(options.output))
            self.samples = callbacks.Samples(options.output, state, options.seed, plan.checkpoint_every, accelerator)
            self.curves = callbacks.Curves(options.output)
            self.report.readers += [self.watch, self.curves]
            self.drawing.append(self.samples)
            if options.push_every:
                self.pushing.append(Pushing(options.output, options.push_to_hub, options.push_every, self.saving))
        if self.budget:
            self.budget.attach(state, self.checkpoint, accelerator)

    def write_beginning(self) -> None:
        """Write options.json, and reals.png with training pictures."""
        folder = self.options.output
        files.write_atomically(folder / "options.json", (json.dumps(self.described, indent=2) + "\n").encode())
        if not (folder / "reals.png").exists():
            count = min(64, len(self.dataset))
            reals, _ = self.dataset.batch(self.dataset.order(0, count, self.options.seed))
            pictures.save_png(pictures.grid(to_float(reals)), folder / "reals.png")

    def notes(self) -> dict:
        """The training record of model folders, without what changes from step to step."""
        options, data = self.options, self.described["data"]
        started = story.started_from(options.init_from, self.checkpoint)
        return {
            "recipe": self.recipe.name,
            # The summary only fits the recipe's own data.
            "summary": self.recipe.summary if self.dataset.name == self.recipe.data else None,
            "source": self.recipe.source,
            "dataset": self.dataset.name,
            "data": {key: data[key] for key in ("title", "licence") if data.get(key)}
            | self.hub_data()
            | self.altered(),
            "seed": options.seed,
            "features": GAMES[self.recipe.game].features_of(self.recipe),
            "command": story.pinned(self.described["command"], options.init_from, started["init_from"]),
            "commit": self.described["commit"],
            **started,
        }

    def altered(self) -> dict[str, str]:
        return {"altered": self.dataset.altered} if self.dataset.altered else {}

    def hub_data(self) -> dict[str, str]:
        """Of a data set of the Hub its commit and licence, as they were when the run began."""
        asked = self.options.data
        if not isinstance(asked, str) or not asked.startswith(hub_data.PREFIX):
            return {}
        before = notes_of(self.checkpoint / "model").get("data") if self.checkpoint else None
        if isinstance(before, dict) and before.get("hub"):
            return {key: before[key] for key in ("hub", "page_licence") if key in before}
        return hub_data.facts(asked)

    def write_model(self, state: State, folder: Path) -> None:
        """Write the model folder."""
        seconds = self.earlier_seconds + time.monotonic() - self.began
        about = self.about | {"images_seen": state.images, "hours": round(seconds / 3600, 2)}
        if self.budget:
            about |= self.budget.record(state)
        config = model_folder.config_of(state.ema)
        metrics = story.with_story(config, {"training": portable.record(about)})
        card = str(model_card(config, metrics, samples=True))
        picture = pictures.to_png(sample_grid(state.ema, self.options.seed))
        saving.write(state.ema, folder, metrics=metrics, samples=picture, card=card)

    def chain(self) -> list:
        """The callbacks, in an order in which a diverged state is not saved, and only saved states are shown."""
        budget, measured, last = self.budget, [*self.measuring, *self.hooks, self.report], self.interrupt
        if not budget:
            return [*measured, self.saving, *self.pushing, *self.drawing, last]
        measure = self.report.apart(budget.measure)
        return [budget.pause, *measured, measure, self.saving, *self.pushing, *self.drawing, budget.resume, last]

    def announce(self) -> None:
        """Print what is trained, where, and how."""
        processes, budget = self.accelerator.num_processes, self.budget
        self.say(*filter(None, [self.precision.why]))
        self.say(
            f"{self.recipe.name}: {processes} process(es) on {self.accelerator.device.type}, {self.precision.name}, "
            f"{budget.goal if budget else f'{self.plan.images:,} images'}, into {self.options.output}"
        )
        if processes > 1 and (layers := batch_dependent_layers(self.state)):
            self.say(
                f"{' and '.join(layers)}: each process sees its own share of a batch, so other numbers of processes "
                "give other weights."
            )

    def train(self) -> bool:
        """Train to the end. Returns False if it was stopped before. Raises Diverged."""
        options, accelerator, state = self.options, self.accelerator, self.state
        if options.trackers:
            start_trackers(accelerator, self.described, state.images, options.output)
        try:
            with self.interrupt, self.peers.noticing():
                loop.train(self.recipe, self.dataset, state, accelerator, self.plan.images, options.seed, self.chain())
                self.saving.save(state)
        except callbacks.Diverged as error:
            last = run_folder.find_checkpoint(options.output)
            kept = f"the last good state is in {last}" if last else "there was no checkpoint yet"
            cure = self.watch.diverged(str(error))
            raise callbacks.Diverged(f"Training has diverged: {error}; {kept}; {cure}.") from error
        finally:
            for pushing in self.pushing:
                pushing.close()
            for tracker in accelerator.trackers:  # end_training would also end the process group, even if one is gone
                tracker.finish()
            if accelerator.is_main_process:
                with contextlib.suppress(OSError):  # such as a full disk: the earlier error is the one to report
                    self.curves.write()
        return state.images >= self.plan.images or not self.interrupt.stopped

    def stopped(self) -> Trained:
        """The result of a run that was stopped."""
        model, images = self.options.output / "checkpoint/model", self.state.images
        self.say(
            f"Stopped at {images:,} images; the same command with --resume continues. The model so far is {model}."
        )
        return Trained(self.options.output, model, images, False)

    def write_result(self) -> None:
        """Write the finished model and the last grid of samples."""
        if self.accelerator.is_main_process:
            self.write_model(self.state, self.model)
            self.samples.write(self.state)
        measuring = self.report.metrics_seconds
        speed = (self.state.images - self.first) / max(time.monotonic() - self.report.began, 1e-9)
        apart = f", and {callbacks.duration(measuring)} of metrics" if measuring >= 1 else ""
        self.say(
            f"Done: {self.state.images:,} images, {speed:,.0f} images/s{apart}. The model is {self.model}; "
            + (
                f"`python -m gan_models {shlex.quote(str(self.model))} --output grid.png` samples it."
                if self.state.ema.family not in DRAWLESS
                else f"`gan-studio demo --model {shlex.quote(str(self.options.output))}` shows it."
            )
        )


def publish_result(options: RunOptions, accelerator: Accelerator) -> None:
    """Publish the finished model if requested. Raises RunError if that fails."""
    if options.push_to_hub and accelerator.is_main_process:
        from ..publish import publish as push

        try:
            print(f"Published: {push(options.output / 'model', options.push_to_hub)}")
        except PublishError as error:
            raise RunError(f"{error} The model itself is safe in {options.output / 'model'}.") from error
