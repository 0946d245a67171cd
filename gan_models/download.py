"""Download a Hub repository into the Hub's cache: within limits of time and size, and verified by the Hub's checksums.

The Hub's own client ends a connection that is silent for HF_HUB_DOWNLOAD_TIMEOUT seconds, but not one that drips. The
limits here end both.
"""

import functools
import hashlib
import os
import queue
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypeVar

from huggingface_hub import HfApi, constants, get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from . import files
from .errors import HubUnreachable, InvalidConfig, InvalidWeights, ModelError, ModelNotFound, short
from .layout import BESIDE, CONFIG, MAX_CONFIG_BYTES, WEIGHTS

PATIENCE = 30.0  # seconds that a download of any size may take
GRACE = 5.0  # seconds on top of the client's limit, which counts anew with each piece of an answer
SLOWEST = 32_000  # bytes a second on average; a slower download counts as stalled
WAITS = (1.0, 2.0)  # seconds before each new try
LONGEST_WAIT = 10.0  # seconds; if the Hub asks for more (Retry-After), the download fails
MOST_BESIDE = 10_000_000  # bytes of any other file than the weights; ours have less than one million
RETRIED = (408, 429, 500, 502, 503, 504)

Result = TypeVar("Result")


class Stalled(Exception):
    """The Hub did not answer, or the download did not finish, in time."""


class Known(NamedTuple):
    """What the Hub says about a file, if known: its size, and its checksum (sha256, or git's sha1 of a blob)."""

    size: int | None
    checksum: str | None


class Repository:
    """One revision of a repository, or of a folder in it, to be downloaded into the cache.

    most_bytes: (config.json, the model's name) -> the most bytes that its weights may have; it raises ModelError for a
    configuration that is not ours. The other arguments are those of the Hub's client.
    """

    def __init__(
        self,
        repo: str,
        revision: str | None = None,
        *,
        most_bytes: Callable[[Path, str], int],
        subfolder: str = "",
        cache_dir: str | Path | None = None,
        force_download: bool = False,
        local_files_only: bool = False,
        token: str | bool | None = None,
    ):
        self.repo, self.revision, self.cache_dir, self.token = repo, revision, cache_dir, token
        self.most_bytes, self.subfolder = most_bytes, subfolder
        self.force, self.local = force_download, local_files_only
        self.at = f" at revision {revision!r}" if revision else ""
        self.commit: str | None = None
        self.known: dict[str, Known] | None = None  # of each file; None: not known
        self.trouble: Exception | None = None  # why the Hub could not be reached
        self.missing: dict[str, str] = {}  # an optional file -> why it could not be downloaded

    def snapshot(self) -> Path:
        """The folder with config.json and model.safetensors, and the optional files as far as they can be downloaded.
        The configuration comes first, so that the weights of a foreign model, or more than the network needs, are never
        downloaded. Raises ModelError."""
        try:
            if not self.local:
                self._ask()
            folder = self._fetched(CONFIG, MAX_CONFIG_BYTES)
            self.commit = folder.parents[self._path(CONFIG).count("/") - 1].name if self.subfolder else folder.name
            most = self.most_bytes(folder / CONFIG, self.repo)
            if self.known is None or self._path(WEIGHTS) in self.known:
                self._fetched(WEIGHTS, most)
            for name, limit in BESIDE.items():
                self._fetch_beside(name, min(limit, MOST_BESIDE))
            return folder
        except ModelError:
            raise
        except Exception as error:  # the Hub's client passes on exceptions of its network library
            raise self._sentence(error) from error

    def _ask(self) -> None:
        """Ask the Hub for the commit and for sizes and checksums. If it does not answer, the cache is used."""
        cached = self._cached(CONFIG) is not None
        limit = constants.HF_HUB_ETAG_TIMEOUT
        try:
            info = _asked(
                lambda: HfApi(token=self.token).model_info(
                    self.repo, revision=self.revision, timeout=limit, files_metadata=True
                ),
                limit + GRACE,
                () if cached and not self.force else WAITS,
            )
        except (HFValidationError, RevisionNotFoundError):
            raise
        except Exception as error:
            self.trouble = error
            return
        self.commit = info.sha
        self.known = {
            file.rfilename: Known(file.size, file.lfs.sha256 if file.lfs else file.blob_id)
            for file in info.siblings or ()
        }

    def _fetched(self, name: str, most: int) -> Path:
        """The folder of a file that was downloaded if needed, and whose checksum is right."""
        if self.known is not None and self._path(name) not in self.known:
            folders = sorted(path.rpartition("/")[0] for path in self.known if path.endswith(f"/{name}"))
            hint = f"; it has models in {', '.join(map(short, folders[:5]))}" if folders else ""
            raise InvalidConfig(
                f"{self.repo} has no {self._path(name)}, so it is not a model folder of GAN Studio{hint}."
            )
        known = self._known(name)
        if known.size is not None and known.size > most:
            raise _unfit(name)(
                f"The {name} of {self.repo} is too large: {known.size:,} bytes, where at most {most:,} are expected."
            )
        path = None if self.force and not self.trouble else self._cached(name)
        if path is None:
            path = self._downloaded(name, most, self.force)
        if not _is_right(path, self._known(name)):
            path = self._downloaded(name, most, damaged=True)
            if not _is_right(path, self._known(name)):
                raise _unfit(name)(
                    f"The {name} of {self.repo} was damaged twice during the download: its checksum is not the Hub's; "
                    "try again later."
                )
        return path.parent

    def _fetch_beside(self, name: str, most: int) -> None:
        """Fetch an optional file. If that fails, `missing` says why; a damaged file is removed."""
        if self.known is None or name in self.missing:
            if (path := self._cached(name)) and not _is_right(path, Known(None, None)):
                self.missing[name] = "the copy in the local cache is damaged"
                path.unlink(missing_ok=True)
            return
        if self._path(name) not in self.known:
            return
        try:
            if self._known(name).size is None:
                raise InvalidConfig(f"the Hub does not say how large the {name} of {self.repo} is.")
            self._fetched(name, most)
        except Exception as error:  # the model itself works without the file
            self.missing[name] = str(error if isinstance(error, ModelError) else self._sentence(error))
            if (path := self._cached(name)) and not _is_right(path, self._known(name)):
                path.unlink(missing_ok=True)
            if isinstance(error, Stalled):  # do not wait for the other files too
                self.missing |= {other: self.missing[name] for other in BESIDE if self._path(other) in self.known}

    def _path(self, name: str) -> str:
        """The path of a model's file in the repository."""
        return f"{self.subfolder}/{name}" if self.subfolder else name

    def _known(self, name: str) -> Known:
        return (self.known or {}).get(self._path(name), Known(None, None))

    def _cached(self, name: str) -> Path | None:
        path = try_to_load_from_cache(self.repo, self._path(name), self.cache_dir, self.commit or self.revision)
        return Path(path) if isinstance(path, str) else None

    def _downloaded(self, name: str, most: int, force: bool = False, damaged: bool = False) -> Path:
        there, size = self._cached(name), self._known(name).size
        if self.local or self.trouble:
            if there is None:
                raise self.trouble or LocalEntryNotFoundError(f"{name} is not in the cache")
            raise _unfit(name)(
                f"The {name} of {self.repo} in the local cache is damaged, and the Hub cannot be reached to fetch it "
                "again; try again with a network connection."
            )
        # By the name of the branch: only then the client records its commit, which is needed when offline.
        revision = self.commit if there is not None or name != CONFIG else self.revision or constants.DEFAULT_REVISION
        limit = constants.HF_HUB_ETAG_TIMEOUT
        file = self._path(name)
        url = hf_hub_url(self.repo, file, revision=revision)
        _asked(lambda: get_hf_file_metadata(url, token=self.token, timeout=limit), limit + GRACE)
        seconds = PATIENCE + (most if size is None else size) / SLOWEST
        if damaged and there:
            there.unlink(missing_ok=True)  # if files are not links, the client would keep the damaged one

        def download(force: bool = force or damaged) -> str:
            return hf_hub_download(
                self.repo, file, revision=revision, cache_dir=self.cache_dir, force_download=force, token=self.token
            )

        try:
            path = Path(_asked(download, seconds))
        except OSError as error:
            if _status(error) or error.errno is not None or isinstance(error, LocalEntryNotFoundError):
                raise
            path = Path(_asked(lambda: download(True), seconds))  # the file was too short
        commit = path.parents[file.count("/")].name
        if commit != self.commit:  # the branch has moved on in between
            self.commit, self.known = commit, None
        return path

    def _sentence(self, error: Exception) -> ModelError:
        repo, at, status = self.repo, self.at, _status(error)
        if isinstance(error, HFValidationError):
            return ModelNotFound(f"{short(repo)} is neither a folder nor a valid Hub repository name (user/repo).")
        if isinstance(error, GatedRepoError):
            return ModelNotFound(
                f"The Hub repository {repo} is gated: accept its terms on its page and run `hf auth login`."
            )
        if isinstance(error, RevisionNotFoundError):
            return ModelNotFound(f"The Hub repository {repo} has no revision {short(self.revision)}.")
        if isinstance(error, RepositoryNotFoundError):
            return ModelNotFound(
                f"There is no folder {repo} here and no Hub repository {repo}{at}, or it is private: "
                "check the name, or run `hf auth login`."
            )
        if status in (401, 403):
            return ModelNotFound(f"The Hub refuses access to {repo}{at} with your token: run `hf auth login` again.")
        if status == 429:
            return HubUnreachable(
                f"The Hub refuses {repo}{at} for now, because of too many requests from here (HTTP 429): "
                f"try again in {_retry_after(error) or 'some'} seconds, or run `hf auth login`."
            )
        if status is not None and status >= 500:
            return HubUnreachable(
                f"The Hub is out of order (HTTP {status}), so {repo}{at} cannot be loaded: try later."
            )
        if status is not None:
            return ModelNotFound(f"The Hub does not give {repo}{at} (HTTP {status}): look at its page.")
        if isinstance(error, Stalled) or "Timeout" in type(error).__name__:
            return HubUnreachable(
                f"The Hub does not answer in time, or too slowly, and {repo}{at} is not in the local cache: "
                "check the network, or try again later."
            )
        if isinstance(error, (LocalEntryNotFoundError, ConnectionError)) or "Connect" in type(error).__name__:
            return HubUnreachable(
                f"The Hub cannot be reached and {repo}{at} is not in the local cache: "
                "check the network, or give a folder or a bundled model."
            )
        why = getattr(error, "strerror", None) or type(error).__name__
        return HubUnreachable(f"Downloading {repo}{at} from the Hub failed ({why}): try again later.")


def _unfit(name: str) -> type[ModelError]:
    return InvalidConfig if name == CONFIG else InvalidWeights


def _asked(work: Callable[[], Result], seconds: float, waits: tuple[float, ...] | None = None) -> Result:
    """The result of work(), which is tried again after errors that may pass. Raises Stalled after `seconds`, and what
    work() raises."""
    waits = WAITS if waits is None else waits
    for wait in waits:
        try:
            return _patiently(work, seconds)
        except Exception as error:
            wait = max(wait, _retry_after(error) or 0)
            if _status(error) not in RETRIED or wait > LONGEST_WAIT:
                raise
        time.sleep(wait)
    return _patiently(work, seconds)


def _patiently(work: Callable[[], Result], seconds: float) -> Result:
    """The result of work(). Raises Stalled after `seconds`. A thread that waits for the network cannot be ended, so it
    is left behind: it ends with its connection or with the process."""
    done: queue.SimpleQueue[Callable[[], Result]] = queue.SimpleQueue()

    def run() -> None:
        try:
            result = work()
            done.put(lambda: result)
        except BaseException as error:
            done.put(functools.partial(_raise, error))

    threading.Thread(target=run, name="gan-studio-download", daemon=True).start()
    try:
        outcome = done.get(timeout=seconds)
    except queue.Empty:
        raise Stalled(f"nothing within {seconds:.0f} seconds") from None
    return outcome()


def _raise(error: BaseException) -> NoReturn:
    raise error


def _answer(error: BaseException | None) -> Any:
    """The Hub's response that an exception, or one of its causes, holds."""
    for _ in range(5):
        if error is None:
            return None
        if (response := getattr(error, "response", None)) is not None:
            return response
        error = error.__cause__ or error.__context__
    return None


def _status(error: BaseException) -> int | None:
    return getattr(_answer(error), "status_code", None)


def _retry_after(error: BaseException) -> int | None:
    """Seconds that the Hub asks to wait."""
    text = getattr(_answer(error), "headers", {}).get("Retry-After", "")
    return int(text) if re.fullmatch(r"\d{1,6}", text) else None


def _is_right(path: Path, known: Known) -> bool:
    """Whether a file of the cache has the Hub's checksum, as it is now or as it was when the file was fetched (from the
    name of the blob that it links to). A file without a known checksum counts as right."""
    checksum = known.checksum or (os.path.basename(os.readlink(path)) if os.path.islink(path) else "")
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", checksum):
        return True
    try:
        with files.open_regular(path, None, path.parent) as file:
            if len(checksum) == 64:
                digest = hashlib.file_digest(file, "sha256")  # type: ignore[arg-type] # the class of the file has the methods
                return digest.hexdigest() == checksum
            blob = hashlib.sha1(b"blob %d\0" % os.fstat(file.fileno()).st_size, usedforsecurity=False)
            while part := file.read(2**20):
                blob.update(part)
            return blob.hexdigest() == checksum
    except (OSError, files.UnfitFile):
        return False
