"""How a command ends: with its status, or with one sentence."""

import os
import sys
from collections.abc import Callable

from .errors import ModelError

# The packages that come with an extra, by the names that they are imported by.
EXTRAS = (
    dict.fromkeys(("accelerate", "matplotlib", "torch_fidelity"), "train")
    | dict.fromkeys(("av", "gradio"), "app")
    | dict.fromkeys(("dlib", "face_recognition_models", "pillow_heif"), "photos")
)
CLOSED = 141  # the exit status of a program that SIGPIPE ends, as shells give it


def tell(sentence: str) -> None:
    print(f"error: {sentence}", file=sys.stderr)


def run(
    function: Callable[[], int | None],
    errors: tuple[type[Exception], ...] = (ModelError,),
    stopped: str = "Stopped.",
    tell: Callable[[str], None] = tell,
) -> int:
    """Do what a command does, and return its exit status.

    That is what the function returns (None is 0); 2, or the error's own `status`, after one of `errors`, whose message
    is told; 2 too where a file cannot be read or written, or a package of an extra is missing; 130 after Ctrl-C, where
    `stopped` is told. Where the output was closed by its reader (`| head`) the command ends in silence. What the
    output's encoding lacks is written as \\xNN.
    """
    if hasattr(sys.stdout, "reconfigure"):  # it may be closed, or something may stand in for it
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            return function() or 0
        finally:  # also of --help, which leaves by SystemExit
            if sys.stdout:
                sys.stdout.flush()
    except errors as error:
        tell(_line(error))
        return getattr(error, "status", 2)
    except BrokenPipeError:
        _discard_output()
        return CLOSED
    except OSError as error:
        reason = error.strerror or _line(error)
        tell(f"{error.filename} cannot be written or read ({reason})." if error.filename else f"{reason}.")
        _discard_output()
        return 2
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        tell(missing(package))
        return 2
    except KeyboardInterrupt:
        tell(stopped)
        return 130


def missing(package: str) -> str:
    """What to do where a package of an extra is not installed."""
    return (
        f"This needs the package {package}, which comes with the extra {EXTRAS[package]!r}: "
        f"pip install '.[{EXTRAS[package]}]' in a checkout of GAN Studio."
    )


def _line(error: Exception) -> str:
    text = str(error)
    return text if text.isprintable() else " ".join(text.split())


def _discard_output() -> None:
    """What could not be written is not tried again when the interpreter ends, which would tell of it a second time."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
