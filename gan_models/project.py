"""The version of this project, the address of its code, and its licence."""

import configparser
import contextlib
import importlib.metadata
import re
from pathlib import Path

VERSION = "0.1.0"


def repository() -> str | None:
    """The address of the code's repository, from the installed package or the checkout; None if unknown."""
    return _of_package() or _of_checkout(Path(__file__).parents[1])


def _of_package() -> str | None:
    try:
        urls = importlib.metadata.metadata("gan-studio").get_all("Project-URL") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    known = dict(url.split(", ", 1) for url in urls if ", " in url)
    return next((known[key] for key in ("Repository", "Source", "Homepage") if key in known), None)


def _of_checkout(root: Path) -> str | None:
    """The remote `origin` of a checkout, if it is on the web."""
    config = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True)
    try:
        config.read(root / ".git/config")
        return web_address(config.get('remote "origin"', "url"))
    except (OSError, ValueError, configparser.Error):
        return None


def licence() -> Path | None:
    """The file with the licence of the code: of the checkout, or of the package as it is installed; None if it is
    nowhere. (A LICENSE beside an installed package may be anybody's.)"""
    root = Path(__file__).parents[1]
    places = [root / "LICENSE"] if (root / "pyproject.toml").is_file() else []
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        found = importlib.metadata.distribution("gan-studio")
        if Path(str(found.locate_file(""))).resolve() == root.resolve():
            places += [Path(str(file.locate())) for file in found.files or () if file.name == "LICENSE"]
    return next((place for place in places if place.is_file()), None)


def web_address(remote: str) -> str | None:
    """The web page of a git remote, without user name and token; None if it is not on the web."""
    match = re.fullmatch(r"(?:https?://(?:[^@/]*@)?|ssh://git@|git@)([\w.-]+\.\w+)[:/]([\w./~-]+?)(?:\.git)?/?", remote)
    return f"https://{match[1]}/{match[2]}" if match else None
