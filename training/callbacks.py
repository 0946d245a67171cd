"""What hangs on the loop without being it: statistics, sample grids, checkpoints, stopping.

A callback is called after each step with (state, scalars) and returns True to end the run. What happens "every" so many
images happens where the count of images is a multiple of it: give a multiple of the batch size.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor

from gan_models import images as pictures
from gan_models.base import Generator

from . import checkpoints
from .loop import State


class Diverged(Exception):
    """A loss or a gradient is no longer a number."""


class Report:
    """The means of all scalars every `every` images: to stats.jsonl, and as a line on the terminal every few seconds."""

    def __init__(self, folder: Path, accelerator: Accelerator, total: int, state: State, every: int):
        self.path, self.accelerator, self.total, self.every = folder / "stats.jsonl", accelerator, total, every
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}
        self.first = self.last = state.images
        self.began = self.since = time.monotonic()
        self.printed = 0.0
        if accelerator.is_main_process:
            self._forget_after(state.images)

    def _forget_after(self, images: int) -> None:
        """Lines beyond the checkpoint that the run goes on from will be made again."""
        if self.path.exists():
            lines = [line for line in self.path.read_text().splitlines() if _images_of(line) <= images]
            temporary = self.path.with_name(".stats.jsonl.tmp")
            temporary.write_text("".join(line + "\n" for line in lines))
            os.replace(temporary, self.path)

    def __call__(self, state: State, scalars: dict[str, Tensor]) -> bool:
        for key, value in scalars.items():
            self.sums[key] = self.sums.get(key, 0) + value.detach().float()
            self.counts[key] = self.counts.get(key, 0) + 1
        if state.images - self.last >= self.every or state.images >= self.total:
            self.flush(state)
        return False

    def flush(self, state: State) -> None:
        """Write what has gathered. Raises Diverged, on all processes, where something is not finite."""
        if not self.sums:
            return
        means = torch.stack([self.sums[key] / self.counts[key] for key in self.sums])
        means = dict(zip(self.sums, self.accelerator.reduce(means, "mean").tolist()))
        self.sums, self.counts = {}, {}
        broken = [key for key, value in means.items() if not abs(value) < float("inf")]
        if broken:
            raise Diverged(f"{' and '.join(broken)} stopped being a number between {self.last:,} and {state.images:,} images")
        now = time.monotonic()
        speed = (state.images - self.last) / max(now - self.since, 1e-9)
        self.last, self.since = state.images, now
        if self.accelerator.is_main_process:
            with open(self.path, "a") as file:
                file.write(json.dumps({"images": state.images, "images_per_second": round(speed, 1),
                                       **{key: float(f"{value:.5g}") for key, value in means.items()}}) + "\n")
            self._print(state, means, now)

    def _print(self, state: State, means: dict[str, float], now: float) -> None:
        terminal = sys.stderr.isatty()
        if now - self.printed < (1 if terminal else 15) and state.images < self.total:
            return
        self.printed = now
        speed = (state.images - self.first) / max(now - self.began, 1e-9)
        names = {"discriminator_loss": "D", "generator_loss": "G"}
        losses = "  ".join(f"{name} {means[key]:.2f}" for key, name in names.items() if key in means)
        line = (f"{state.images:>11,} of {self.total:,} images  {speed:,.0f} images/s  "
                f"{duration((self.total - state.images) / speed)} left  {losses}")
        start, end = ("\r\033[K", "" if state.images < self.total else "\n") if terminal else ("", "\n")
        print(start + line, end=end, file=sys.stderr, flush=True)


class Samples:
    """A grid of the same 64 latents from the averaged generator, samples/IMAGES.png, never overwritten."""

    def __init__(self, folder: Path, state: State, seed: int, every: int):
        self.folder, self.every, self.seed = folder / "samples", every, seed
        self.folder.mkdir(exist_ok=True)
        self.write(state)

    def __call__(self, state: State, scalars: dict[str, Tensor]) -> bool:
        if state.images % self.every == 0:
            self.write(state)
        return False

    def write(self, state: State) -> None:
        path = self.folder / f"{state.images:010d}.png"
        if not path.exists():
            pictures.save_png(sample_grid(state.ema, self.seed), path)


class Checkpoints:
    """A checkpoint every `every` images. A state that has diverged is never saved: `report` is flushed first, which tells of
    losses and gradients, and the weights are looked at. Raises Diverged."""

    def __init__(self, folder: Path, accelerator: Accelerator, report: Report, write_model, every: int):
        self.folder, self.accelerator, self.report = folder, accelerator, report
        self.write_model, self.every = write_model, every
        self.saved = None

    def __call__(self, state: State, scalars: dict[str, Tensor]) -> bool:
        if state.images % self.every == 0:
            self.save(state)
        return False

    def save(self, state: State) -> None:
        self.report.flush(state)
        tensors = [*checkpoints.tensors(state).values(), *state.ema.state_dict().values()]
        if not all(tensor.isfinite().all() for tensor in tensors):
            raise Diverged(f"the weights stopped being numbers before {state.images:,} images")
        if self.accelerator.is_main_process and self.saved != state.images:
            checkpoints.save(state, self.folder, self.accelerator, lambda folder: self.write_model(state, folder))
        self.saved = state.images
        self.accelerator.wait_for_everyone()


class Interrupt:
    """While it is entered, Ctrl-C and SIGTERM end the run after the step at hand. A second Ctrl-C ends it at once."""

    def __init__(self, accelerator: Accelerator, ask_every: int = 10):
        self.accelerator, self.ask_every, self.asked, self.stopped = accelerator, ask_every, False, False
        self.steps = 0

    def __enter__(self) -> "Interrupt":
        self.before = {name: signal.signal(name, self._ask) for name in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *exception) -> None:
        for name, handler in self.before.items():
            signal.signal(name, handler)

    def _ask(self, number, frame) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        if self.accelerator.is_main_process:
            print("\nStopping after this step; the checkpoint is being written. (Again to stop at once.)", file=sys.stderr)

    def __call__(self, state: State, scalars: dict[str, Tensor]) -> bool:
        self.steps += 1
        if self.accelerator.num_processes == 1:
            self.stopped = self.asked
        elif self.steps % self.ask_every == 0:  # all processes must stop after the same step
            asked = torch.tensor(float(self.asked), device=self.accelerator.device)
            self.stopped = bool(self.accelerator.reduce(asked, "sum") > 0)
        return self.stopped


def sample_grid(generator: Generator, seed: int, count: int = 64):
    """A picture of `count` uncurated samples; a class-conditional generator shows its classes in columns."""
    with torch.inference_mode():
        labels = generator.sample_labels(count, seed=seed)
        columns = None
        if labels is not None and not generator.multi_label and len(generator.labels) <= 20:
            columns = len(generator.labels)
            labels = torch.arange(count - count % columns, device=generator.device) % columns
            count = len(labels)
        return pictures.grid(generator.generate(generator.sample_latents(count, seed=seed), labels), columns)


def duration(seconds: float) -> str:
    """3725 -> "1 h 02 min"."""
    minutes, seconds = divmod(int(seconds), 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min {seconds:02d} s"


def _images_of(line: str) -> float:
    try:
        return json.loads(line)["images"]
    except (ValueError, KeyError, TypeError):
        return float("inf")  # a line that a kill cut short
