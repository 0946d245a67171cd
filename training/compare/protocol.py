"""The terms of a comparison: rows, goals, budgets of compute time, outcomes."""

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

from ..data.dataset import Dataset
from ..errors import EvaluationError
from ..games.state import State
from ..judges.networks import JudgeError
from ..metrics import measuring
from ..metrics.naming import short_count
from ..recipes import Recipe
from ..run import callbacks
from ..run_folder import notes_of

if TYPE_CHECKING:
    from accelerate import Accelerator

SHARES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)  # of the run, after which FID is measured; denser at the start
FID_SAMPLES = 2000  # real and generated pictures for each of these


@dataclass(frozen=True)
class Goal:
    """The length of each run: one of the two is given."""

    minutes: float | None = None
    images: int | None = None

    def share(self, images: int, seconds: float) -> float:
        """The share that is done; 1 when the goal is reached."""
        return seconds / (60 * self.minutes) if self.minutes else images / self.images

    def __str__(self) -> str:
        return f"{self.minutes:g} minutes" if self.minutes else f"{self.images:,} images"


@dataclass(frozen=True)
class Row:
    """A recipe with a name and settings of its own."""

    name: str
    recipe: Recipe
    base: str  # the recipe's name
    settings: tuple[str, ...]  # KEY=VALUE


class Outcome(NamedTuple):
    """The results of one run."""

    row: Row
    seed: int
    folder: Path
    training: dict | None  # the record of Budget; None before the goal is reached
    evaluation: dict | None  # {"metrics": from evaluate, "how", "images_seen", "cpu_seconds"}
    trouble: str | None = None  # the reason if something is missing


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
    """How runs are measured. Tests use smaller numbers."""

    shares: tuple[float, ...] = SHARES
    fid_samples: int = FID_SAMPLES
    checkpoint_every: int = 20_000  # images at most
    stopwatch: Callable[[torch.device], Callable[[], float]] = stopwatch


class Budget:
    """Measures the compute time of a run's steps, and sometimes FID, which does not count, and ends the run when the
    goal is reached. Its state is stored in each checkpoint, so that a resumed run continues from there."""

    def __init__(self, row: Row, seed: int, goal: Goal, dataset: Dataset, method: Method = Method()):
        self.row, self.seed, self.goal, self.dataset, self.method = row, seed, goal, dataset, method

    def attach(self, state: State, checkpoint: Path | None, accelerator: Accelerator) -> None:
        """Called before the first step of a run that starts, or continues from a checkpoint."""
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
            # Shared weights count as the generator's.
            "discriminator_parameters": sum(p.numel() for p in state.discriminator.parameters()),
        }
        self.clock = self.method.stopwatch(state.ema.device)
        self.began = self.clock()

    def pause(self, state: State, scalars: dict) -> bool:
        """The first callback after a step: stops the clock during the other callbacks."""
        self.seconds += self.clock() - self.began
        return False

    def measure(self, state: State, scalars: dict) -> bool:
        """Measures FID if one of the method's shares was passed. It comes before the checkpoint, which stores it."""
        share = self.goal.share(state.images, self.seconds)
        if any(self.last < at <= share for at in self.method.shares):
            callbacks.check_finite(state.ema.state_dict().values(), state.images)
            self.last, began = share, time.process_time()
            # Without a network for these pictures, or with too few of them, there are no points.
            with contextlib.suppress(EvaluationError, JudgeError):
                value = measuring.fid(state.ema, self.dataset, self.method.fid_samples)
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
        """The last callback before the next step: starts the clock. True when the goal is reached."""
        self.began = self.clock()
        return self.goal.share(state.images, self.seconds) >= 1

    def record(self, state: State) -> dict:
        """The entry "training" for metrics.json. Its `command` makes the same weights by a number of images."""
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
    """The processor, precision and torch version of a run, in words."""
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
    """Whether a run's compute time is CPU time, by its record. Records of older versions have no "device", but name the
    threads of the CPU."""
    return notes["device"] == "cpu" if "device" in notes else "thread(s)" in notes["machine"]


def fid_name(runs: list[Outcome]) -> str:
    """The name of the metric that was measured during training."""
    network = next((name for run in runs if run.evaluation for name in run.evaluation["metrics"]["evaluation"]), "")
    size = next((run.training["fid_samples"] for run in runs if run.training), FID_SAMPLES)
    return f"fid{short_count(size)}_train_{network}"


def by_row(runs: list[Outcome]) -> list[tuple[Row, list[Outcome]]]:
    names = dict.fromkeys(run.row.name for run in runs)
    return [(some[0].row, some) for some in ([run for run in runs if run.row.name == name] for name in names)]
