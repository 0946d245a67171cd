"""The model so far on the Hub, every few minutes: by a process of its own, so that training neither waits for the Hub nor
ends with it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from ..games.state import State

# `python -m training.publish`, also where the package is found by this process alone.
PUBLISH = (
    "import sys; sys.path.append(sys.argv.pop(1)); from training.commands.publish import main; sys.exit(main())",
    str(Path(__file__).parents[2]),
)
PATIENCE = 10  # seconds in which a process that is told to end does so
LONGEST = 600  # seconds that an upload may take, also where the next one is due before


class Saving(Protocol):
    """The callback that writes the checkpoints."""

    saved: int | None  # images after which the last one was written


class Pushing:
    """Publishes the model folder of the first checkpoint after each `minutes`. It comes after `saving` in the loop, on
    the main process.

    Where that fails one sentence says why, and the next time it is tried again. What is not done by the next time has
    LONGEST seconds, and is then given up: else uploads that take longer than `minutes` would never come to an end. A
    commit of the Hub is whole or not there, so it may end at any moment.
    """

    def __init__(
        self,
        folder: Path,
        repo_id: str,
        minutes: float,
        saving: Saving,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.model, self.repo_id, self.minutes, self.saving = folder / "checkpoint/model", repo_id, minutes, saving
        self.clock, self.due = clock, clock() + 60 * minutes
        self.process: subprocess.Popen | None = None
        self.place: str | None = None  # of the copy that is being published, since checkpoints are replaced
        self.images, self.since = 0, 0.0  # that it was made after, and when

    def __call__(self, state: State, scalars: dict[str, Tensor]) -> bool:
        if self.process and self.process.poll() is not None:
            self.end()
        if self.saving.saved == state.images and self.clock() >= self.due and not self.working():
            self.begin(state.images)
        return False

    def working(self) -> bool:
        """Whether an upload is on its way, and not for too long."""
        return self.process is not None and self.clock() < self.since + max(60 * self.minutes, LONGEST)

    def begin(self, images: int) -> None:
        """Start to publish the checkpoint of so many images."""
        self.due = self.clock() + 60 * self.minutes
        if self.process:
            self.close()
            minutes = (self.clock() - self.since) / 60
            self.tell(f"The Hub has not taken the model of {self.images:,} images in {minutes:.3g} minutes.")
        self.images, self.since = images, self.clock()
        try:
            self.place = tempfile.mkdtemp(prefix="gan-studio-")
            copy = shutil.copytree(self.model, Path(self.place) / "model")
            with open(Path(self.place) / "said", "wb") as said:
                self.process = subprocess.Popen(
                    [sys.executable, "-c", *PUBLISH, str(copy), self.repo_id],
                    env=os.environ | {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "OMP_NUM_THREADS": "1"},
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                )
            with contextlib.suppress(OSError, AttributeError):  # training comes first; Windows has no such call
                os.setpriority(os.PRIO_PROCESS, self.process.pid, 10)
        except (OSError, shutil.Error) as error:
            self.tell(f"The model of {images:,} images was not published ({error}).")
            self.close()

    def end(self) -> None:
        """Tell what became of it."""
        status = self.process.returncode
        try:
            lines = (Path(self.place) / "said").read_text(errors="replace").split("\n")
        except OSError:
            lines = []
        last = next((line for line in reversed(lines) if line.strip()), "").removeprefix("error: ")
        self.close()
        if status == 0:
            _print(f"Published the model of {self.images:,} images: {last}")
        else:
            self.tell(last or f"Publishing ended with {status}.")

    def tell(self, sentence: str) -> None:
        _print(f"{sentence} Training goes on; it is tried again in {self.minutes:g} minutes.")

    def close(self) -> None:
        """Give up what is not done, and leave nothing behind."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.place:
            shutil.rmtree(self.place, ignore_errors=True)
        self.process = self.place = None


def _print(sentence: str) -> None:
    start = "\r\033[K" if sys.stderr.isatty() else ""  # the line of progress comes again
    print(start + sentence, file=sys.stderr, flush=True)
