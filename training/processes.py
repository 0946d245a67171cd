"""The processes of one run, started together by torchrun or accelerate: which of them are still there."""

from __future__ import annotations

import contextlib
import os
import platform
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import distributed

from gan_models import cli

from . import run_folder
from .errors import LostProcess

if TYPE_CHECKING:
    from accelerate import Accelerator

PATIENCE = 1.0  # seconds until a process that is ending has ended
SIGNS = ("gloo", "NCCL", "Connection closed by peer", "Connection reset by peer", "Broken pipe")


class Peers:
    """Who takes part in a run: machine and process id of each, told to all while all are there."""

    def __init__(self, accelerator: Accelerator, folder: Path):
        self.number, self.folder, self.ids = accelerator.process_index, folder, []
        if accelerator.num_processes > 1:
            mine = torch.tensor([zlib.crc32(platform.node().encode()), os.getpid()], device=accelerator.device)
            self.ids = accelerator.gather(mine).view(-1, 2).tolist()

    @contextlib.contextmanager
    def noticing(self) -> Iterator[None]:
        """Where work ends since another process has gone, say so at once, before the launcher ends this one too. Raises
        LostProcess."""
        try:
            yield
        except RuntimeError as error:
            if not self.ids or not is_loss(error):
                raise
            lost = LostProcess(self.sentence(gone := self.gone()))
            if all(number in gone for number in range(self.number)):  # one of the survivors speaks for all
                cli.tell(str(lost))
            raise lost from error

    def gone(self) -> list[int]:
        """The numbers of those on this machine that have ended; [] where all are there, or are elsewhere."""
        import psutil  # which Accelerate needs itself

        here, end = self.ids[self.number][0], time.monotonic() + PATIENCE
        while True:
            found = []
            for number, (machine, identity) in enumerate(self.ids):
                try:
                    alive = machine != here or psutil.Process(identity).status() != psutil.STATUS_ZOMBIE
                except psutil.NoSuchProcess:
                    alive = False
                if not alive:
                    found.append(number)
            if found or time.monotonic() > end:
                return found
            time.sleep(0.02)

    def sentence(self, gone: list[int]) -> str:
        names = " and ".join(map(str, gone))
        who = f"Process{'es' * (len(gone) > 1)} {names} {'are' if len(gone) > 1 else 'is'} gone"
        checkpoint = run_folder.find_checkpoint(self.folder)
        way = "there is no checkpoint yet, so begin again"
        if checkpoint:
            images = (run_folder.read_object(checkpoint / run_folder.STATE) or {}).get("images")
            way = f"the last checkpoint is {checkpoint}, at {images:,} images: go on with --resume"
        return f"{who if gone else 'Another process is gone'}, so the run has ended; {way}."


def is_loss(error: RuntimeError) -> bool:
    """Whether a process could not reach another one. The communication libraries have no one error for it."""
    kinds = (distributed.DistError, distributed.DistBackendError, distributed.DistNetworkError)
    return isinstance(error, kinds) or any(sign in str(error) for sign in SIGNS)
