"""How the commands of `training` end: with an exit status or one sentence."""

import os
import time
from collections.abc import Callable

from gan_models import cli
from gan_models.errors import ModelError

from .errors import LostProcess, TrainingError

GRACE = 5.0  # seconds in which a launcher ends the other processes after the main one has failed


def run(function: Callable[[], int | None], stopped: str = "Stopped.") -> int:
    """Run a command and return its exit status: that of the function (None is 0); 2 with a sentence on stderr for bad
    input, files that cannot be read or written, or a missing package (1 if training has diverged); 130 with the
    sentence `stopped` after Ctrl-C.

    If the reader of the output closed it (`| head`), the command ends silently.
    """

    def command() -> int | None:
        try:
            return function()
        except LostProcess as error:  # its message was printed already
            return error.status

    return cli.run(command, (TrainingError, ModelError), stopped, tell)


def tell(sentence: str) -> None:
    """Print an error once, not once per process: the main process prints at once, and the launcher then ends the
    others. A process that still runs after a while has a different error, and prints it."""
    if os.environ.get("RANK", "0") != "0":
        time.sleep(GRACE)
    cli.tell(sentence)
