"""onnxruntime-web, which runs ONNX files in a browser: fetched once from npm, verified by its checksums."""

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from ..errors import InvalidInput
from ..files import UnfitFile, cache_folder, read_bounded, write_atomically

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
# The files that a page needs, and the sha256 of each. They compute on the CPU (WebAssembly); the version for GPUs is
# twice as large and no faster for networks of this size.
FILES = {
    "ort.wasm.min.mjs": "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b",
    "ort-wasm-simd-threaded.mjs": "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b",
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
MOST = 20_000_000  # bytes of one of them
SECONDS = 300


def runtime(folder: Path | None = None) -> dict[str, bytes]:
    """The files by name: from the folder of an unpacked package (`--runtime`), else from the cache, else from npm.

    Raises InvalidInput if they are missing, cannot be fetched, or have other checksums.
    """
    if folder is not None:
        return _read_files(folder / "dist" if (folder / "dist").is_dir() else folder)
    cache = cache_folder() / f"{PACKAGE}-{VERSION}"
    try:
        return _read_files(cache)
    except InvalidInput:
        files = _fetch()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            write_atomically(cache / name, data)
    except OSError:  # it is fetched again next time
        pass
    return files


def _read_files(folder: Path) -> dict[str, bytes]:
    files = {}
    for name in FILES:
        try:
            files[name] = _verified(name, read_bounded(folder / name, MOST))
        except FileNotFoundError as error:
            raise InvalidInput(
                f"{folder} has no {name}; give --runtime the folder of an unpacked {PACKAGE} {VERSION}."
            ) from error
        except (OSError, UnfitFile) as error:
            raise InvalidInput(f"{folder / name} cannot be read ({error}).") from error
    return files


def _fetch() -> dict[str, bytes]:
    """Fetch the files by npm, which has its own settings for registries and proxies."""
    instead = f"or give --runtime DIR, the folder of an unpacked {PACKAGE} {VERSION}"
    npm = shutil.which("npm")
    if npm is None:
        raise InvalidInput(
            f"A page needs {PACKAGE}, which is fetched by npm, and there is no npm: install it, {instead}."
        )
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--ignore-scripts", "--silent", "--pack-destination", folder]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=SECONDS, cwd=folder)
            with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
                return {name: _verified(name, _member(archive, f"package/dist/{name}")) for name in FILES}
        except subprocess.CalledProcessError as error:
            reason = (error.stderr.strip().splitlines() or [f"status {error.returncode}"])[-1]
            raise InvalidInput(f"npm cannot fetch {PACKAGE} ({reason[:150]}): try again later, {instead}.") from error
        except (subprocess.TimeoutExpired, StopIteration, tarfile.TarError, OSError) as error:
            raise InvalidInput(
                f"npm did not fetch {PACKAGE} ({type(error).__name__}): try again later, {instead}."
            ) from error


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    try:
        file = archive.extractfile(name)
    except KeyError:
        file = None
    return b"" if file is None else file.read(MOST)


def _verified(name: str, data: bytes) -> bytes:
    if hashlib.sha256(data).hexdigest() != FILES[name]:
        raise InvalidInput(f"{name} is not that of {PACKAGE} {VERSION}: its checksum is another; fetch it again.")
    return data
