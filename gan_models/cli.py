"""The command `gan-studio VERB`, and `run`, by which every command ends with an exit status or one sentence.

The verbs are the `python -m` commands of both packages under one name. Only the module of the requested command is
imported, so `gan-studio --help` needs no torch.
"""

import contextlib
import difflib
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from .errors import InvalidInput, MissingPackage, ModelError
from .project import VERSION


class Verb(NamedTuple):
    module: str  # whose main(arguments) returns the exit status
    about: str


VERBS = {
    "demo": Verb("gan_models.commands.demo", "show the models in a browser"),
    "sample": Verb("gan_models.commands.sample", "draw samples of a model, on one sheet or as single files"),
    "walk": Verb("gan_models.commands.walk", "make a video that walks from picture to picture"),
    "edit": Verb("gan_models.commands.edit", "change a face in a photo, at full size"),
    "export": Verb("gan_models.commands.export", "write a model as ONNX, or as a page that needs no server"),
    "restore": Verb(
        "gan_models.commands.restore", "repair a photo: fill holes, remove noise and blur, enlarge, colour"
    ),
    "translate": Verb("gan_models.commands.translate", "turn a photo into another kind, by a model of yours"),
    "verify": Verb("gan_models.commands.verify", "was this picture generated? its metadata, and a detector"),
    "sign": Verb("gan_models.commands.sign", "sign the metadata of a picture with your own certificate (C2PA)"),
    "train": Verb("training.__main__", "train a GAN; --list names the recipes"),
    "evaluate": Verb("training.evaluate.__main__", "measure how good a model is"),
    "publish": Verb("training.commands.publish", "put a model on the Hugging Face Hub"),
    "compare": Verb("training.compare.__main__", "train recipes for equal time and write one page of results"),
    "augment-study": Verb(
        "training.augment_study.__main__", "measure whether generated pictures help a classifier that has few real ones"
    ),
    "curves": Verb("training.commands.curves", "plot the curves of runs"),
    "watch": Verb("training.commands.watch", "say what goes wrong in a run"),
    "calibrate": Verb("training.commands.calibrate", "tune how far an editor's edits go"),
    "bundle": Verb("training.commands.bundle", "put a trained model into the package"),
    "judges": Verb("training.judges.__main__", "train the networks that evaluation uses"),
    "benchmark": Verb("training.commands.benchmark", "measure the speed of training"),
    "portraits": Verb("training.commands.portraits", "draw every edit of an editor on portraits"),
    "detect": Verb("training.commands.detect", "train a detector of generated pictures"),
    "alignment": Verb("training.commands.alignment", "measure how well faces are found in photos"),
}

# The packages of each extra of pyproject.toml, by their import names.
EXTRAS = (
    dict.fromkeys(("accelerate", "matplotlib", "skimage", "torch_fidelity"), "train")
    | {"datasets": "datasets"}
    | dict.fromkeys(("av", "cmarkgfm", "gradio", "nh3"), "app")
    | dict.fromkeys(("dlib", "face_recognition_models", "pillow_heif"), "photos")
    | dict.fromkeys(("onnx", "onnxruntime"), "onnx")
    | {"c2pa": "credentials", "mcp": "mcp"}
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
        print(f"gan-studio {VERSION}")
        return 0
    if verb not in VERBS:
        near = difflib.get_close_matches(verb, VERBS, n=1)
        hint = f"did you mean {near[0]}?" if near else "gan-studio --help lists them."
        raise InvalidInput(f"There is no command {verb!r}; {hint}")
    return find_verb(verb).main(rest)


def usage() -> str:
    width = max(map(len, VERBS)) + 2
    lines = [f"  {name:<{width}}{verb.about}" for name, verb in VERBS.items()]
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


def find_verb(verb: str):
    """The module of a verb. Raises MissingPackage if this installation does not have it, and ModuleNotFoundError if it
    needs a package that is missing."""
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
    r"""Run a command and return its exit status.

    The status is what the function returns (None is 0). One of `errors` is printed and gives 2, or the error's own
    `status`; so do files that cannot be read or written, and missing packages of an extra. Ctrl-C prints `stopped` and
    gives 130. If the reader of the output closed it (`| head`), the command ends silently. Characters that the output's
    encoding lacks are written as \xNN.
    """
    if hasattr(sys.stdout, "reconfigure"):  # it may be closed or replaced
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            return function() or 0
        finally:  # also after --help, which raises SystemExit
            if sys.stdout:
                sys.stdout.flush()
    except errors as error:
        tell(_printable(error))
        return getattr(error, "status", 2)
    except BrokenPipeError:
        _discard_output()
        return CLOSED
    except OSError as error:
        reason = error.strerror or _printable(error)
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
    """End this program. One of several processes that failed ends at once: the clean-up of torch.distributed at the
    interpreter's exit throws when another process is gone."""
    distributed = sys.modules.get("torch.distributed")
    if status and distributed and distributed.is_available() and distributed.is_initialized():
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(status)
    sys.exit(status)


def program() -> NoReturn:
    """The entry point of `gan-studio`."""
    leave(main())


def missing(package: str) -> str:
    """A sentence on a package that is missing, with the command that installs it."""
    extra = EXTRAS[package]
    return f"This needs the package {package}, which comes with the extra {extra!r}: {_install(extra)}."


def _install(extra: str) -> str:
    return f"pip install '.[{extra}]' in a checkout of GAN Studio"


def _printable(error: Exception) -> str:
    text = str(error)
    return text if text.isprintable() else " ".join(text.split())


def _discard_output() -> None:
    """Drop unwritten output, which the interpreter would else try to write again at its end, and fail a second time."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


if __name__ == "__main__":
    program()
