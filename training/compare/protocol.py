"""What a comparison is about: rows, goals, budgets of compute time, outcomes."""

from __future__ import annotations

import contextlib
import platform
import re
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch

from .. import callbacks
from ..data.dataset import Dataset
from ..evaluate import generator
from ..evaluate.sampling import EvaluationError, short_count
from ..judges.networks import JudgeError
from ..recipes import Recipe
from ..run_folder import notes_of
from ..state import State

if TYPE_CHECKING:
    from accelerate import Accelerator

SHARES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)  # of the run, after which FID is measured: early ones lie closer
FID_SAMPLES = 2000  # for those; on each side


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
    training: dict | None  # what Budget.record says; None before the goal is reached
    evaluation: dict | None  # {"metrics": as evaluate gives them, "how", "images_seen", "cpu_seconds"}
    trouble: str | None = None  # why something is missing


def stopwatch(device: torch.device) -> Callable[[], float]:
    """A clock of compute time, in seconds."""
    if device.type == "cpu":
        return time.process_time

    def wall() -> float:
        torch.accelerator.synchronize(device)
        return time.perf_counter()

    return wall


@dataclass(frozen=True)
class Method:
    """How runs are measured. A comparison has the default; tests are in a hurry."""

    shares: tuple[float, ...] = SHARES
    fid_samples: int = FID_SAMPLES
    checkpoint_every: int = 20_000  # images at most
    stopwatch: Callable[[torch.device], Callable[[], float]] = stopwatch


class Budget:
    """Measures a run: the compute time of its steps, and now and then FID, which is not counted. Ends it when the goal
    is reached. All that it knows goes into each checkpoint, so that a resumed run goes on counting from there."""

    def __init__(self, row: Row, seed: int, goal: Goal, dataset: Dataset, method: Method = Method()):
        self.row, self.seed, self.goal, self.dataset, self.method = row, seed, goal, dataset, method

    def attach(self, state: State, checkpoint: Path | None, accelerator: Accelerator) -> None:
        """Before the first step of a run that begins, or goes on from a checkpoint."""
        known = notes_of(checkpoint / "model") if checkpoint else {}
        self.seconds, self.points = known.get("compute_seconds", 0.0), known.get("fid_points", [])
        self.fid_seconds = known.get("fid_seconds", 0.0)
        self.last = max(
            (self.goal.share(point["images"], point["compute_seconds"]) for point in self.points), default=0.0
        )
        self.facts = {
            "goal": str(self.goal),
            "machine": machine(accelerator),
            "device": accelerator.device.type,
            "generator_parameters": sum(p.numel() for p in state.generator.parameters()),
            # Weights that both share are the generator's.
            "discriminator_parameters": sum(p.numel() for p in state.discriminator.parameters()),
        }
        self.clock = self.method.stopwatch(state.ema.device)
        self.began = self.clock()

    def pause(self, state: State, scalars: dict) -> bool:
        """The first callback after a step: what the others take is not counted."""
        self.seconds += self.clock() - self.began
        return False

    def measure(self, state: State, scalars: dict) -> bool:
        """FID, where one of the method's shares has been passed. It stands before the checkpoint, which takes it
        along."""
        share = self.goal.share(state.images, self.seconds)
        if any(self.last < at <= share for at in self.method.shares):
            callbacks.check_finite(state.ema.state_dict().values(), state.images)
            self.last, began = share, time.process_time()
            with contextlib.suppress(
                EvaluationError, JudgeError
            ):  # no network for these pictures, or too few of them: no points
                value = generator.fid(state.ema, self.dataset, self.method.fid_samples)
                self.points.append(
                    {"images": state.images, "compute_seconds": round(self.seconds, 3), "fid": round(value, 4)}
                )
                print(
                    f"  {share:4.0%}  {state.images:>11,} images  {self.seconds / 60:6.2f} minutes  FID {value:8.3f}",
                    flush=True,
                )
            self.fid_seconds += time.process_time() - began
        return False

    def resume(self, state: State, scalars: dict) -> bool:
        """The last callback before the next step. True when the goal is reached."""
        self.began = self.clock()
        return self.goal.share(state.images, self.seconds) >= 1

    def record(self, state: State) -> dict:
        """For "training" in metrics.json of the model folder; `command` makes the same weights without a clock."""
        arguments = [
            self.row.base,
            *(word for setting in self.row.settings for word in ("--set", setting)),
            "--images",
            str(state.images),
            "--seed",
            str(self.seed),
        ]
        return self.facts | {
            "command": f"python -m training {shlex.join(arguments)}",
            "compute_seconds": round(self.seconds, 3),
            "fid_points": self.points,
            "fid_samples": min(self.method.fid_samples, len(self.dataset)),
            "fid_seconds": round(self.fid_seconds, 1),
        }


def machine(accelerator: Accelerator) -> str:
    """Where and how a run computes, in words."""
    device = accelerator.device
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    else:
        found = None
        with contextlib.suppress(OSError):
            found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        name = (
            f"{found[1] if found else platform.processor() or platform.machine()}, {torch.get_num_threads()} thread(s)"
        )
    return f"{name}, {accelerator.mixed_precision.replace('no', 'fp32')}, torch {torch.__version__}"


def on_cpu(notes: dict) -> bool:
    """Whether a run's compute time is that of the processor, by its record. Those of older versions have no "device",
    and name the processor's threads."""
    return notes["device"] == "cpu" if "device" in notes else "thread(s)" in notes["machine"]


def fid_name(runs: list[Outcome]) -> str:
    """The metric that was measured in the midst of training."""
    network = next((name for run in runs if run.evaluation for name in run.evaluation["metrics"]["evaluation"]), "")
    size = next((run.training["fid_samples"] for run in runs if run.training), FID_SAMPLES)
    return f"fid{short_count(size)}_train_{network}"


def by_row(runs: list[Outcome]) -> list[tuple[Row, list[Outcome]]]:
    names = dict.fromkeys(run.row.name for run in runs)
    return [(some[0].row, some) for some in ([run for run in runs if run.row.name == name] for name in names)]
