"""The command `gan-studio VERB`, and how every command ends: with its status, or with one sentence.

The verbs are the `python -m` commands of both packages under one name. A command's module is imported when it is asked
for, and nothing else is: `gan-studio --help` needs no torch.
"""

import contextlib
import difflib
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from . import __version__
from .errors import InvalidInput, MissingPackage, ModelError


class Verb(NamedTuple):
    module: str  # whose main(arguments) returns the exit status
    about: str


VERBS = {
    "demo": Verb("gan_models.demo.__main__", "show the models in a browser"),
    "sample": Verb("gan_models.__main__", "draw samples of a model, on one sheet or a file each"),
    "walk": Verb("gan_models.commands.walk", "walk from picture to picture, as a film"),
    "edit": Verb("gan_models.commands.edit", "change a face in a photo, at full size"),
    "export": Verb("gan_models.export.__main__", "write a model as ONNX, or as a page that needs no server"),
    "restore": Verb(
        "gan_models.commands.restore", "repair a photo: fill holes, take away noise and blur, enlarge, colour"
    ),
    "train": Verb("training.__main__", "train a GAN; --list names the recipes"),
    "evaluate": Verb("training.evaluate.__main__", "measure how good a model is"),
    "publish": Verb("training.publish", "put a model on the Hugging Face Hub"),
    "compare": Verb("training.compare.__main__", "train recipes for equal time and write one page of results"),
    "curves": Verb("training.curves", "draw the curves of runs"),
    "watch": Verb("training.watch", "say what went wrong in a run"),
    "calibrate": Verb("training.calibrate", "tune how far an editor's edits go"),
    "bundle": Verb("training.bundle", "put a trained model into the package"),
    "judges": Verb("training.judges.__main__", "train the networks that judge"),
    "benchmark": Verb("training.benchmark", "measure the speed of training"),
    "portraits": Verb("training.portraits", "look at every edit of an editor on portraits"),
    "alignment": Verb("training.alignment", "measure how well faces are found in photos"),
}

# The packages that come with an extra of pyproject.toml, by the names that they are imported by.
EXTRAS = (
    dict.fromkeys(("accelerate", "matplotlib", "skimage", "torch_fidelity"), "train")
    | {"datasets": "datasets"}
    | dict.fromkeys(("av", "cmarkgfm", "gradio", "nh3"), "app")
    | dict.fromkeys(("dlib", "face_recognition_models", "pillow_heif"), "photos")
    | dict.fromkeys(("onnx", "onnxruntime"), "onnx")
    | {"mcp": "mcp"}
)
CLOSED = 141  # the exit status of a program that SIGPIPE ends, as shells give it


def main(arguments: list[str] | None = None) -> int:
    """The command `gan-studio`. Returns the exit status: that of the verb's command, or as :func:`run` does."""
    return run(lambda: command(sys.argv[1:] if arguments is None else arguments))


def command(arguments: list[str]) -> int:
    verb, *rest = arguments or ["--help"]
    if verb in ("-h", "--help"):
        print(usage())
        return 0
    if verb == "--version":
        print(f"gan-studio {__version__}")
        return 0
    if verb not in VERBS:
        near = difflib.get_close_matches(verb, VERBS, n=1)
        hint = f"did you mean {near[0]}?" if near else "gan-studio --help lists them."
        raise InvalidInput(f"There is no command {verb!r}; {hint}")
    return find(verb).main(rest)


def usage() -> str:
    lines = [f"  {name:<12}{verb.about}" for name, verb in VERBS.items()]
    return "\n".join(
        [
            "usage: gan-studio COMMAND [ARGUMENTS]",
            "       gan-studio COMMAND --help",
            "       gan-studio --version",
            "",
            "Make a GAN, use it, and show it. The commands:",
            "",
            *lines,
        ]
    )


def find(verb: str):
    """The module of a verb. Raises MissingPackage where this installation does not have it, and ModuleNotFoundError
    where a package is missing that it needs."""
    name = VERBS[verb].module
    package = name.removesuffix(".__main__")
    try:
        found = importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        if not package.startswith(error.name or "?"):
            raise
        found = None
    if found:
        return importlib.import_module(name)
    raise MissingPackage(f"gan-studio {verb} needs {package}, which is not installed here: {_install('train')}.")


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


def leave(status: int) -> NoReturn:
    """End this program. Where several processes worked together and this one ends in an error, it ends at once: what
    torch.distributed clears up when the interpreter ends throws where another process has gone."""
    distributed = sys.modules.get("torch.distributed")
    if status and distributed and distributed.is_available() and distributed.is_initialized():
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(status)
    sys.exit(status)


def program() -> NoReturn:
    """`gan-studio` as a program of its own."""
    leave(main())


def missing(package: str) -> str:
    """What to do where a package of an extra is not installed."""
    extra = EXTRAS[package]
    return f"This needs the package {package}, which comes with the extra {extra!r}: {_install(extra)}."


def _install(extra: str) -> str:
    return f"pip install '.[{extra}]' in a checkout of GAN Studio"


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


if __name__ == "__main__":
    program()
