"""Callbacks, called after each step: statistics, measurements, sample grids, curves, checkpoints, stopping.

A callback takes (state, scalars) and returns True to end the run. With an argument `every`, it acts when the number of
images seen is a multiple of that, which must be a multiple of the batch size. A measurement adds to the scalars, so it
has to come before the report.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gan_models import images as pictures
from gan_models.samples import SAMPLES, fixed_batch, sample_grid

from .. import curves, run_folder
from ..data.dataset import Dataset, to_float
from ..errors import TrainingError
from ..games.state import State
from ..judges import networks
from ..metrics.naming import short_count
from . import checkpoints

if TYPE_CHECKING:
    from accelerate import Accelerator

FID_PICTURES = {"inception": 5_000}  # must be more than the network's features (2048)
FID_FEWEST = 2_000  # for other networks: enough to see the trend; results use 10,000


class Diverged(TrainingError):
    """A loss, a gradient or a weight is no longer a number."""

    status = 1


class Report:
    """Writes the means of all scalars, every `every` images, to stats.jsonl and the accelerator's trackers, and every
    few seconds a line to the terminal, unless `shown` is False. On the main process each of `readers` is called with
    the line as a dict."""

    def __init__(
        self, folder: Path, accelerator: Accelerator, total: int, state: State, every: int, shown: bool = True
    ):
        self.shown = shown
        self.path, self.accelerator, self.total, self.every = folder / run_folder.STATS, accelerator, total, every
        self.readers: list[Callable[[dict], object]] = []
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}
        self.first = self.last = state.images
        self.began = self.since = time.monotonic()
        self.printed = self.metrics_seconds = 0.0
        if accelerator.is_main_process:
            run_folder.forget_after(folder, state.images)

    def apart(self, callback: Callable[[State, dict], bool]) -> Callable[[State, dict], bool]:
        """The callback, wrapped so that its time does not count as training time in the reported speed."""

        def timed(state: State, scalars: dict[str, Tensor]) -> bool:
            began = time.monotonic()
            ends = callback(state, scalars)
            taken = time.monotonic() - began
            self.began, self.since, self.metrics_seconds = (
                value + taken for value in (self.began, self.since, self.metrics_seconds)
            )
            return ends

        return timed

    def __call__(self, state: State, scalars: dict[str, Tensor]) -> bool:
        for key, value in scalars.items():
            self.sums[key] = self.sums.get(key, 0) + value.detach().float()
            self.counts[key] = self.counts.get(key, 0) + 1
        if state.images - self.last >= self.every or state.images >= self.total:
            self.flush(state)
        return False

    def flush(self, state: State) -> None:
        """Write the collected scalars. Raises Diverged, on all processes, if one of them is not finite."""
        if not self.sums:
            return
        means = torch.stack([self.sums[key] / self.counts[key] for key in self.sums])
        means = dict(zip(self.sums, self.accelerator.reduce(means, "mean").tolist()))
        self.sums, self.counts = {}, {}
        broken = [key for key, value in means.items() if not abs(value) < float("inf")]
        if broken:
            raise Diverged(
                f"{' and '.join(broken)} stopped being a number between {self.last:,} and {state.images:,} images"
            )
        now = time.monotonic()
        speed = (state.images - self.last) / max(now - self.since, 1e-9)
        self.last, self.since = state.images, now
        if self.accelerator.is_main_process:
            measured = {
                "images_per_second": round(speed, 1),
                **{key: float(f"{value:.5g}") for key, value in means.items()},
            }
            line = {"images": state.images, **measured}
            with open(self.path, "a") as file:
                file.write(json.dumps(line) + "\n")
            self.accelerator.log(measured, step=state.images)
            for reader in self.readers:
                reader(line)
            if self.shown:
                self._print(state, means, now)

    def _print(self, state: State, means: dict[str, float], now: float) -> None:
        terminal = sys.stderr.isatty()
        if now - self.printed < (1 if terminal else 15) and state.images < self.total:
            return
        self.printed = now
        speed = (state.images - self.first) / max(now - self.began, 1e-9)
        names = {"discriminator_loss": "D", "generator_loss": "G"}
        losses = "  ".join(f"{name} {means[key]:.2f}" for key, name in names.items() if key in means)
        line = (
            f"{state.images:>11,} of {self.total:,} images  {speed:,.0f} images/s  "
            f"{duration((self.total - state.images) / speed)} left  {losses}"
        )
        start, end = ("\r\033[K", "" if state.images < self.total else "\n") if terminal else ("", "\n")
        print(start + line, end=end, file=sys.stderr, flush=True)


class Diversity:
    """Adds the scalar "diversity": the mean distance of 64 fixed samples of the averaged generator to their nearest
    neighbours, divided by the same for real pictures. 1 is as diverse as real pictures, 0 the same picture for all
    latents.

    The nearest neighbour is used because a generator with only ten different pictures has a mean distance like that of
    real pictures, but duplicates among any 64 (birthday paradox test: Arora and Zhang 2017, arXiv:1706.08224). Costs a
    forward pass of 64 pictures every `every` images.
    """

    def __init__(self, dataset: Dataset, state: State, seed: int, every: int):
        self.every = every
        self.latents, self.labels = fixed_batch(state.ema, seed, min(SAMPLES, len(dataset)))
        n = len(self.latents)
        batches = (dataset.batch(dataset.order(k * n, n, seed))[0] for k in range(min(8, len(dataset) // max(n, 1))))
        reals = [nearest(to_float(batch)).item() for batch in batches if n > 1]
        self.real = sum(reals) / len(reals) if reals else 0.0

    def __call__(self, state: State, scalars: dict[str, Tensor]) -> bool:
        if self.real and state.images % self.every == 0:
            with torch.no_grad():
                scalars["diversity"] = nearest(state.ema.generate(self.latents, self.labels)) / self.real
        return False


class FIDCallback:
    """Adds the FID of the averaged generator, from a few thousand pictures, with the protocol in its name, such as
    fid2k_train_reader.

    It is measured once at the start, so that a missing package or network is noticed before hours have passed. Raises
    EvaluationError.
    """

    def __init__(self, dataset: Dataset, state: State, accelerator: Accelerator, seed: int, every: int):
        self.dataset, self.accelerator, self.seed, self.every = dataset, accelerator, seed, every
        self.network = networks.JUDGES[dataset.name].network if dataset.name in networks.JUDGES else "inception"
        self.count = min(FID_PICTURES.get(self.network, FID_FEWEST), len(dataset))
        self.name = f"fid{short_count(self.count)}_train_{self.network}"
        self.measure(state)

    def __call__(self, state: State, scalars: dict[str, Tensor]) -> bool:
        if state.images % self.every == 0:
            scalars[self.name] = self.measure(state)
        return False

    def measure(self, state: State) -> Tensor:
        """The FID, on all processes: the main one measures it, the others wait."""
        from ..metrics.measuring import fid  # needs torch-fidelity

        value = 0.0
        if self.accelerator.is_main_process:
            value = fid(state.ema, self.dataset, self.count, seed=self.seed, network=self.network)
        return self.accelerator.reduce(torch.tensor(value, device=self.accelerator.device), "sum")


class Samples:
    """Writes a grid of 64 fixed latents from the averaged generator to samples/IMAGES.png, and to the accelerator's
    trackers. Files are never overwritten."""

    def __init__(self, folder: Path, state: State, seed: int, every: int, accelerator: Accelerator | None = None):
        self.folder, self.every, self.seed, self.accelerator = folder / "samples", every, seed, accelerator
        self.folder.mkdir(exist_ok=True)
        self.write(state)

    def __call__(self, state: State, scalars: dict[str, Tensor]) -> bool:
        if state.images % self.every == 0:
            self.write(state)
        return False

    def write(self, state: State) -> None:
        path = self.folder / f"{state.images:010d}.png"
        if not path.exists():
            picture = sample_grid(state.ema, self.seed)
            pictures.save_png(picture, path)
            show(self.accelerator, picture, state.images)


def show(accelerator: Accelerator | None, picture: Image.Image, step: int) -> None:
    """Log a picture as "samples" to each active tracker."""
    array = np.asarray(picture.convert("RGB"))
    for tracker in getattr(accelerator, "trackers", ()):
        if tracker.name == "tensorboard":
            tracker.log_images({"samples": array[None]}, step=step, dataformats="NHWC")
        elif tracker.name == "wandb":
            tracker.log_images({"samples": [array]}, step=step)
        elif tracker.name == "trackio":
            import trackio  # only needed to log there

            tracker.log({"samples": trackio.Image(array)}, step=step)


class Curves:
    """Draws curves.png from the statistics so far, so rarely that it takes at most a fiftieth of the time. Without
    matplotlib training continues, after one warning."""

    def __init__(self, folder: Path, draw: Callable | None = None, clock: Callable[[], float] = time.monotonic):
        self.folder, self.able, self.draw, self.clock = folder, True, draw or curves.plot_runs, clock
        self.rest_until = 0.0
        self.write()

    def __call__(self, line: dict) -> None:
        """A reader of Report."""
        if self.clock() >= self.rest_until:
            self.write()

    def write(self) -> None:
        began = self.clock()
        if not self.able or not run_folder.read_stats(self.folder):
            return
        try:
            self.draw([curves.read_run(self.folder)], self.folder / "curves.png")
        except curves.CurvesError as error:
            self.able = False
            print(f"{error} Training continues without it.", file=sys.stderr)
        now = self.clock()
        self.rest_until = now + 50 * (now - began)


class Checkpoints:
    """Writes a checkpoint every `every` images. A state that has diverged is never saved: first `report` is flushed,
    which checks losses and gradients, and then the weights are checked. Raises Diverged."""

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
        check_finite([*checkpoints.tensors(state).values(), *state.ema.state_dict().values()], state.images)
        if self.accelerator.is_main_process and self.saved != state.images:
            checkpoints.save_checkpoint(
                state, self.folder, self.accelerator, lambda folder: self.write_model(state, folder)
            )
        self.saved = state.images
        self.accelerator.wait_for_everyone()


class Interrupt:
    """A context in which Ctrl-C and SIGTERM end the run after the current step. A second Ctrl-C ends it at once. Signals
    only reach a program's main thread."""

    def __init__(self, accelerator: Accelerator, ask_every: int = 10):
        self.accelerator, self.ask_every, self.asked, self.stopped = accelerator, ask_every, False, False
        self.steps = 0

    def __enter__(self) -> Interrupt:
        names = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
        self.before = {name: signal.signal(name, self._ask) for name in names}
        return self

    def __exit__(self, *exception) -> None:
        for name, handler in self.before.items():
            signal.signal(name, handler)

    def _ask(self, number, frame) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        if self.accelerator.num_processes == 1:
            self._tell()

    def _tell(self) -> None:
        if self.accelerator.is_main_process:
            print(
                "\nStopping after this step, with a checkpoint. (Press Ctrl-C again to stop at once.)", file=sys.stderr
            )

    def __call__(self, state: State, scalars: dict[str, Tensor]) -> bool:
        self.steps += 1
        if self.accelerator.num_processes == 1:
            self.stopped = self.asked
        elif self.steps % self.ask_every == 0:  # all processes must stop after the same step
            asked = torch.tensor(float(self.asked), device=self.accelerator.device)
            self.stopped = bool(self.accelerator.reduce(asked, "sum") > 0)
            if self.stopped:
                self._tell()
        return self.stopped


def check_finite(tensors: Iterable[Tensor], images: int) -> None:
    """Raise Diverged unless all tensors (weights, moments of the optimisers) are finite."""
    if not all(tensor.isfinite().all() for tensor in tensors):
        raise Diverged(f"the weights stopped being numbers before {images:,} images")


def nearest(images: Tensor) -> Tensor:
    """The mean distance of pictures (n, C, H, W) to their nearest neighbours, Euclidean in the pixels."""
    flat = images.flatten(1).float()
    distances = torch.cdist(flat, flat, compute_mode="donot_use_mm_for_euclid_dist")  # mm loses small distances
    return distances.fill_diagonal_(float("inf")).min(1).values.mean()


def duration(seconds: float) -> str:
    """3725 -> "1 h 02 min"."""
    minutes, seconds = divmod(int(seconds), 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min {seconds:02d} s"
