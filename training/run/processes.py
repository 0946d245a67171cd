"""Notices when another process of a run, started by torchrun or accelerate, is gone."""

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

from .. import run_folder
from ..errors import LostProcess

if TYPE_CHECKING:
    from accelerate import Accelerator

PATIENCE = 1.0  # seconds for a process to end
SIGNS = ("gloo", "NCCL", "Connection closed by peer", "Connection reset by peer", "Broken pipe")


class Peers:
    """The processes of a run: machine and process id of each, exchanged at the start."""

    def __init__(self, accelerator: Accelerator, folder: Path):
        self.number, self.folder, self.ids = accelerator.process_index, folder, []
        if accelerator.num_processes > 1:
            mine = torch.tensor([zlib.crc32(platform.node().encode()), os.getpid()], device=accelerator.device)
            self.ids = accelerator.gather(mine).view(-1, 2).tolist()

    @contextlib.contextmanager
    def noticing(self) -> Iterator[None]:
        """A context that turns errors because another process is gone into LostProcess, with a message before the
        launcher ends this process too."""
        try:
            yield
        except RuntimeError as error:
            if not self.ids or not is_loss(error):
                raise
            lost = LostProcess(self.sentence(gone := self.gone()))
            if all(number in gone for number in range(self.number)):  # only the first survivor prints the message
                cli.tell(str(lost))
            raise lost from error

    def gone(self) -> list[int]:
        """The numbers of the processes on this machine that have ended."""
        import psutil  # a dependency of Accelerate

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
        way = "there is no checkpoint yet, so start again"
        if checkpoint:
            images = (run_folder.read_object(checkpoint / run_folder.STATE) or {}).get("images")
            way = f"the last checkpoint is {checkpoint}, at {images:,} images: continue with --resume"
        return f"{who if gone else 'Another process is gone'}, so the run has ended; {way}."


def is_loss(error: RuntimeError) -> bool:
    """Whether an error means that another process could not be reached. The communication libraries have no common
    class for it."""
    kinds = (distributed.DistError, distributed.DistBackendError, distributed.DistNetworkError)
    return isinstance(error, kinds) or any(sign in str(error) for sign in SIGNS)
