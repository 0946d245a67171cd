"""What lies in a model folder: the names of its files and their limits. Where folders are found: the bundled ones, others."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

FORMAT = "gan-studio/1"
CONFIG, WEIGHTS = "config.json", "model.safetensors"
CARD, METRICS, PICTURE, LICENCE = "README.md", "metrics.json", "samples.png", "LICENSE"
MAX_CONFIG_BYTES = 1_000_000
MAX_METRICS_BYTES = 10_000_000  # ours have ten kilobytes
MAX_CARD_BYTES = 1_000_000  # so have these
MAX_PICTURE_BYTES = 50_000_000
MAX_LICENCE_BYTES = 1_000_000
MAX_HEADER_BYTES = 1_000_000  # ours have a few kilobytes
# The optional files of a model folder, and the limit of their bytes.
BESIDE = {
    CARD: MAX_CARD_BYTES,
    METRICS: MAX_METRICS_BYTES,
    PICTURE: MAX_PICTURE_BYTES,
    LICENCE: MAX_LICENCE_BYTES,
}
PRETRAINED = Path(__file__).parent / "pretrained"


def bundled() -> list[str]:
    """The names of the models that come with the package, in alphabetical order."""
    return sorted(config.parent.name for config in PRETRAINED.glob(f"*/{CONFIG}"))


@dataclass(frozen=True)
class Source:
    """The place where a model was found."""

    folder: Path  # the model folder on this disk
    name: str  # by which it was requested; of the address of a page of the Hub: user/repo[@revision][/subfolder]
    repo: str | None = None  # the Hub repository user/repo
    commit: str | None = None  # of the repository, where known
    subfolder: str = ""  # of the repository
    missing: dict[str, str] = field(default_factory=dict)  # an optional file -> why it could not be downloaded

    @property
    def reference(self) -> str:
        """The name with which the same model can be loaded again."""
        if self.repo is None:
            return self.name
        return self.repo + (f"@{self.commit}" if self.commit else "") + (f"/{self.subfolder}" if self.subfolder else "")

    @property
    def short_name(self) -> str:
        """A name that does not reveal its folder: runs/mnist-cgan/model is "mnist-cgan"; a bundled name or a Hub
        repository stays, without its commit."""
        return without_folders(self.name)


def without_folders(name: str | os.PathLike[str]) -> str:
    """The last part of a folder that is not that of a run's parts; any other name without its commit."""
    if not os.path.isdir(name):
        text = os.fspath(name).rstrip("/") or os.fspath(name)
        return re.sub(r"@[0-9a-f]{40}(?=/|$)", "", text)
    parts = [part for part in Path(name).resolve().parts[1:] if part not in ("model", "checkpoint")]
    return parts[-1] if parts else os.fspath(name)
