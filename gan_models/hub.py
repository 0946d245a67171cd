"""Find models: from a bundled name, a folder, a run or a Hub repository to a model folder on this disk."""

import contextlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import torch
from huggingface_hub import constants

from . import layout
from .download import Repository
from .errors import InvalidInput, ModelNotFound, did_you_mean, short
from .layout import CONFIG, WEIGHTS, Source, without_folders

# Where a run folder keeps its model: when it is done, and before that in its checkpoints.
IN_A_RUN = ("model", "checkpoint/model", "checkpoint.previous/model", "checkpoint.old/model")
HOSTS = ("huggingface.co", "www.huggingface.co", "hf.co")


class Reference(NamedTuple):
    """The name of a model on the Hub, in parts."""

    repo: str  # user/repo
    revision: str | None  # branch, tag or commit
    subfolder: str  # "" for the repository itself

    def __str__(self) -> str:
        return (
            self.repo
            + (f"@{self.revision}" if self.revision else "")
            + (f"/{self.subfolder}" if self.subfolder else "")
        )


def short_name(source: str | os.PathLike[str]) -> str:
    """A name for a model that does not reveal its folder, as :attr:`Source.short_name`; the address of its page becomes
    its name."""
    name = os.fspath(source)
    if "://" in name:
        with contextlib.suppress(ModelNotFound):
            name = str(parse(name))
    return without_folders(name)


def check_device(device: str | torch.device | None) -> torch.device:
    """The device (None: the CPU), tested by writing and reading a number. Raises InvalidInput if that fails."""
    try:
        found = torch.device("cpu" if device is None else device)
        torch.zeros(1, device=found).item()  # fails on "meta" too, which cannot hold a picture
        return found
    except (RuntimeError, AssertionError, TypeError, ValueError) as error:  # NotImplementedError is a RuntimeError
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InvalidInput(
            f"The device {short(device)} cannot be used here ({reason[:150]}); leave it out for the CPU."
        ) from error


def find_source(
    source: str | os.PathLike[str],
    revision: str | None = None,
    *,
    most_bytes: Callable[[Path, str], int],
    **download: Any,
) -> Source:
    """Find a model, and download it if necessary. `most_bytes`, `download`: as for :class:`download.Repository`.

    source: a folder (of a model or a run), a bundled name, `user/repo[@revision][/subfolder]`, or the address of a page
    of the Hub; tried in this order. Raises ModelNotFound, HubUnreachable, InvalidConfig, InvalidWeights or
    InvalidInput.
    """
    if not isinstance(source, (str, os.PathLike)) or not str(source):
        raise ModelNotFound(
            f"A model is named by a folder, a bundled name or a Hub repository user/repo, not by {short(source)}."
        )
    if revision is not None and (not isinstance(revision, str) or not revision):
        raise InvalidInput(f"The revision must be the name of a branch, a tag or a commit, not {short(revision)}.")
    name = os.fspath(source)
    plain = name.rstrip("/") or name
    folder = layout.PRETRAINED / plain if plain in layout.bundled() and not os.path.isdir(name) else Path(name)
    if os.path.isdir(folder):  # os.path, since pathlib raises for names that are too long
        if revision is not None:
            raise InvalidInput(f"Only a Hub repository has revisions ({short(revision)}); {name} is on this disk.")
        return Source(model_in(folder), plain)
    if os.path.exists(folder):
        raise ModelNotFound(f"{name} is a file; give the model folder that holds {CONFIG} and {WEIGHTS}.")
    reference = parse(name)
    if reference.revision and revision and reference.revision != revision:
        raise InvalidInput(
            f"{short(name)} names the revision {short(reference.revision)}, but the argument is {short(revision)}; "
            "leave one of them out."
        )
    repository = Repository(
        reference.repo,
        reference.revision or revision,
        most_bytes=most_bytes,
        subfolder=reference.subfolder,
        **download,
    )
    folder = repository.snapshot()
    name = str(reference) if "://" in plain else plain
    return Source(folder, name, reference.repo, repository.commit, reference.subfolder, repository.missing)


def model_in(folder: str | os.PathLike[str]) -> Path:
    """The model folder in a run folder. Any other folder is returned unchanged."""
    folder = Path(folder)
    inside = (folder / part for part in IN_A_RUN)
    if (folder / CONFIG).exists():
        return folder
    return next((path for path in inside if (path / CONFIG).is_file()), folder)


def parse(name: str) -> Reference:
    """The parts of `user/repo[@revision][/subfolder]`, `hf://...` or the address of a page of the Hub. Slashes in a
    revision are written %2F (except in refs/pr/1). Raises ModelNotFound for anything else."""
    if re.match(r"https?://", name, re.IGNORECASE):
        return _parse_address(name)
    text = name.removeprefix("hf://").rstrip("/")
    user, _, rest = text.partition("/")
    repo, *inside = rest.split("/")
    repo, at, revision = repo.partition("@")
    if at and revision == "refs" and len(inside) >= 2:
        revision, inside = "/".join(["refs", *inside[:2]]), inside[2:]
    if not repo or name.startswith((".", "/", "~")) or at and not revision:
        raise ModelNotFound(
            f"There is no folder or bundled model {short(name)}; {_suggestion(name)} A Hub repository is named user/repo."
        )
    return Reference(f"{user}/{repo}", unquote(revision) or None, _subfolder(inside, name))


def _parse_address(address: str) -> Reference:
    parts = urlsplit(address)
    if parts.netloc.lower() not in (*HOSTS, urlsplit(constants.ENDPOINT).netloc.lower()):
        raise ModelNotFound(f"{short(address)} is not an address of the Hub; give one, or a folder, or user/repo.")
    words = [unquote(word) for word in parts.path.strip("/").split("/")]
    if words[0] in ("spaces", "datasets"):
        raise ModelNotFound(f"{short(address)} is a {words[0][:-1]}, not a model; give the address of a model's page.")
    if len(words) < 2 or len(words) == 3 or len(words) > 3 and words[2] not in ("tree", "blob", "resolve"):
        raise ModelNotFound(
            f"{short(address)} is not the page of a model; give {constants.ENDPOINT}/user/repo, "
            "or .../user/repo/tree/REVISION/SUBFOLDER."
        )
    user, repo, *rest = words
    inside = rest[2:] if rest[:1] == ["tree"] else rest[2:-1]  # the others name a file
    return Reference(f"{user}/{repo.removesuffix('.git')}", rest[1] if rest else None, _subfolder(inside, address))


def _subfolder(parts: list[str], name: str) -> str:
    """A folder of a repository, from its parts, checked."""
    if any(part in ("", ".", "..") or re.search(r"[\\\0:]", part) for part in parts):
        raise ModelNotFound(f"{short(name)} is not a folder of a Hub repository; write user/repo/subfolder.")
    return "/".join(parts)


# Models that came with older versions, and their successors.
SUCCESSORS = {"celeba-editor-64": "celeba-editor"}


def _suggestion(name: str) -> str:
    if successor := SUCCESSORS.get(name):
        return f"{successor} has taken its place (`python -m training {name}` still trains the old one)."
    return did_you_mean(name, layout.bundled(), f"bundled are: {', '.join(layout.bundled()) or 'none'}.")
