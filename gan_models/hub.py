"""From a bundled name, a folder or a Hub repository to a folder on this disk."""

import difflib
import os
from pathlib import Path

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from .errors import HubUnreachable, InvalidInput, ModelNotFound, short
from .model_folder import CONFIG, WEIGHTS, build_on_meta, read_config

PRETRAINED = Path(__file__).parent / "pretrained"


def bundled() -> list[str]:
    """The names of the models that come with the package, in alphabetical order."""
    return sorted(folder.parent.name for folder in PRETRAINED.glob(f"*/{CONFIG}"))


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
    return _download(name, revision, **download), name


def _near(name: str) -> str:
    near = difflib.get_close_matches(name, bundled(), n=3, cutoff=0.4)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"bundled are: {', '.join(bundled()) or 'none'}."


def _download(repo: str, revision: str | None, **download) -> Path:
    """The folder in the Hub cache. The configuration comes first, so that nobody waits for the weights of a foreign
    model."""
    at = f" at revision {revision!r}" if revision else ""
    folder = _snapshot(repo, revision, at, [CONFIG], download)
    build_on_meta(*read_config(folder / CONFIG, repo), repo)
    return _snapshot(repo, folder.name, at, [CONFIG, WEIGHTS], download)


def _snapshot(repo: str, revision: str | None, at: str, files: list[str], download: dict) -> Path:
    try:
        return Path(snapshot_download(repo, revision=revision, allow_patterns=files, **download))
    except HFValidationError as error:
        raise ModelNotFound(
            f"{short(repo)} is neither a folder nor a valid Hub repository name (user/repo)."
        ) from error
    except GatedRepoError as error:
        raise ModelNotFound(
            f"The Hub repository {repo} is gated: accept its terms on its page and run `hf auth login`."
        ) from error
    except RevisionNotFoundError as error:
        raise ModelNotFound(f"The Hub repository {repo} has no revision {short(revision)}.") from error
    except RepositoryNotFoundError as error:
        raise ModelNotFound(
            f"There is no folder {repo} here and no Hub repository {repo}{at}, or it is private: "
            "check the name, or run `hf auth login`."
        ) from error
    except LocalEntryNotFoundError as error:
        raise HubUnreachable(
            f"The Hub cannot be reached and {repo}{at} is not in the local cache: "
            "check the network, or give a folder or a bundled model."
        ) from error
    except Exception as error:  # the Hub's client lets its network library's own exceptions through
        if getattr(getattr(error, "response", None), "status_code", None) in (401, 403):
            raise ModelNotFound(
                f"The Hub refuses access to {repo}{at} with your token: run `hf auth login` again."
            ) from error
        raise HubUnreachable(
            f"Downloading {repo}{at} from the Hub failed ({type(error).__name__}): try again later."
        ) from error
