"""How the commands of this package end."""

import os
import time
from collections.abc import Callable

from gan_models import cli
from gan_models.errors import ModelError

from .errors import LostProcess, TrainingError

GRACE = 5.0  # seconds in which a launcher ends the processes whose main one has failed


def run(function: Callable[[], int | None], stopped: str = "Stopped.") -> int:
    """Do what a command does, and return its exit status: that of the function (None is 0), 2 with a sentence on
    stderr for bad input, files that cannot be read or written, or a package that is missing (1 where training has
    diverged), 130 with the sentence `stopped` after Ctrl-C.

    Whoever closes the command's output (`| head`) ends it in silence.
    """

    def command() -> int | None:
        try:
            return function()
        except LostProcess as error:  # which is told already
            return error.status

    return cli.run(command, (TrainingError, ModelError), stopped, tell)


def tell(sentence: str) -> None:
    """Print an error once, not once a process: the main one speaks at once, and the launcher then ends the others; one
    that is still there after a while has an error of its own."""
    if os.environ.get("RANK", "0") != "0":
        time.sleep(GRACE)
    cli.tell(sentence)
