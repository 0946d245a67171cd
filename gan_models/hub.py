"""From a bundled name, a folder or a Hub repository to a folder on this disk."""

import os
from pathlib import Path

import torch

from .download import Repository
from .errors import InvalidInput, ModelNotFound, did_you_mean, short
from .model_folder import CONFIG, WEIGHTS

PRETRAINED = Path(__file__).parent / "pretrained"


def bundled() -> list[str]:
    """The names of the models that come with the package, in alphabetical order."""
    return sorted(folder.parent.name for folder in PRETRAINED.glob(f"*/{CONFIG}"))


def short_name(source: str | os.PathLike) -> str:
    """What to call a model where its folder is nobody's business: runs/mnist-cgan/model is "mnist-cgan"; a bundled name
    or a Hub repository is itself."""
    if not os.path.isdir(source):
        return os.fspath(source)
    parts = [part for part in Path(source).resolve().parts[1:] if part not in ("model", "checkpoint")]
    return parts[-1] if parts else os.fspath(source)


def check_device(device: str | torch.device | None) -> torch.device:
    """The device, after a number was put there and read back (None: the CPU). Raises InvalidInput where that fails."""
    try:
        found = torch.device("cpu" if device is None else device)
        torch.zeros(1, device=found).item()  # fails on "meta" too, which cannot hold a picture
        return found
    except (RuntimeError, AssertionError, TypeError, ValueError) as error:  # NotImplementedError is a RuntimeError
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InvalidInput(
            f"The device {short(device)} cannot be used here ({reason[:150]}); leave it out for the CPU."
        ) from error


def locate(source: str | os.PathLike, revision: str | None = None) -> Path:
    """The model folder of what `load` takes; it raises as that does."""
    return find(source, revision)[0]


def find(source, revision=None, **download) -> tuple[Path, str]:
    """(the folder of a source, what to call it), downloaded if need be."""
    if not isinstance(source, (str, os.PathLike)) or not str(source):
        raise ModelNotFound(
            f"A model is named by a folder, a bundled name or a Hub repository user/repo, not by {short(source)}."
        )
    if revision is not None and (not isinstance(revision, str) or not revision):
        raise InvalidInput(f"The revision must be the name of a branch, a tag or a commit, not {short(revision)}.")
    name = os.fspath(source)
    folder = PRETRAINED / name if name in bundled() and not os.path.isdir(name) else Path(name)
    if os.path.isdir(folder):  # os.path, since pathlib raises for names that are too long
        if revision is not None:
            raise InvalidInput(f"A revision ({short(revision)}) goes with a Hub repository; {name} is on this disk.")
        return folder, name
    if os.path.exists(folder):
        raise ModelNotFound(f"{name} is a file; give the model folder that holds {CONFIG} and {WEIGHTS}.")
    if name.count("/") != 1 or name.startswith((".", "/", "~")) or name.endswith("/"):
        raise ModelNotFound(
            f"There is no folder or bundled model {short(name)}; {_near(name)} A Hub repository is named user/repo."
        )
    return Repository(name, revision, **download).snapshot(), name


def _near(name: str) -> str:
    return did_you_mean(name, bundled(), f"bundled are: {', '.join(bundled()) or 'none'}.")
