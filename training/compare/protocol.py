"""What a comparison is about: rows, goals, budgets of compute time, outcomes."""

import contextlib
import platform
import re
import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, NamedTuple

import torch
from accelerate import Accelerator

from .. import callbacks
from ..data.dataset import Dataset
from ..evaluate import generator
from ..evaluate.sampling import EvaluationError, short_count
from ..judges.networks import JudgeError
from ..recipes import Recipe
from ..run_folder import notes_of
from ..state import State

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
    training: dict | None  # what Companion.notes says; None before the goal is reached
    evaluation: dict | None  # {"metrics": as evaluate gives them, "how", "images_seen", "cpu_seconds"}
    trouble: str | None = None  # why something is missing


class Budget:
    """Measures a run: the compute time of its steps, and now and then FID, which is not counted. Ends it when the goal
    is reached. All that it knows goes into each checkpoint, so that a resumed run goes on counting from there."""

    def __init__(self, row: Row, seed: int, goal: Goal, dataset: Dataset):
        self.row, self.seed, self.goal, self.dataset = row, seed, goal, dataset

    def join(self, state: State, checkpoint: Path | None, hooks: list) -> list:
        known = notes_of(checkpoint / "model") if checkpoint else {}
        self.seconds, self.points = known.get("compute_seconds", 0.0), known.get("fid_points", [])
        self.fid_seconds = known.get("fid_seconds", 0.0)
        self.last = max(
            (self.goal.share(point["images"], point["compute_seconds"]) for point in self.points), default=0.0
        )
        report = next(hook for hook in hooks if isinstance(hook, callbacks.Report))
        if self.goal.minutes:
            report.printed = float("inf")  # how many images are left is not known
        self.facts = {
            "goal": str(self.goal),
            "machine": machine(report.accelerator),
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
            with contextlib.suppress(
                EvaluationError, JudgeError
            ):  # no network for these pictures, or too few of them: no points
                value = generator.fid(state.ema, self.dataset, FID_SAMPLES)
                self.points.append(
                    {"images": state.images, "compute_seconds": round(self.seconds, 3), "fid": round(value, 4)}
                )
                print(
                    f"  {share:4.0%}  {state.images:>11,} images  {self.seconds / 60:6.2f} minutes  FID {value:8.3f}",
                    flush=True,
                )
            self.fid_seconds += time.process_time() - began
        return False

    def go(self, state: State, scalars: dict) -> bool:
        """Last before the next step."""
        self.began = self.clock()
        return self.goal.share(state.images, self.seconds) >= 1

    def notes(self, state: State) -> dict:
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
            "fid_samples": min(FID_SAMPLES, len(self.dataset)),
            "fid_seconds": round(self.fid_seconds, 1),
        }


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
        name = (
            f"{found[1] if found else platform.processor() or platform.machine()}, {torch.get_num_threads()} thread(s)"
        )
    return f"{name}, {accelerator.mixed_precision.replace('no', 'fp32')}, torch {torch.__version__}"


def fid_name(runs: list[Outcome]) -> str:
    """The metric that was measured in the midst of training."""
    network = next((name for run in runs if run.evaluation for name in run.evaluation["metrics"]["evaluation"]), "")
    size = next((run.training["fid_samples"] for run in runs if run.training), FID_SAMPLES)
    return f"fid{short_count(size)}_train_{network}"


def by_row(runs: list[Outcome]) -> list[tuple[Row, list[Outcome]]]:
    names = dict.fromkeys(run.row.name for run in runs)
    return [(some[0].row, some) for some in ([run for run in runs if run.row.name == name] for name in names)]
