"""The address of this project's code."""

import configparser
import importlib.metadata
import re
from pathlib import Path


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


def web_address(remote: str) -> str | None:
    """The web page of a git remote, without user name and token; None if it is not on the web."""
    match = re.fullmatch(r"(?:https?://(?:[^@/]*@)?|ssh://git@|git@)([\w.-]+\.\w+)[:/]([\w./~-]+?)(?:\.git)?/?", remote)
    return f"https://{match[1]}/{match[2]}" if match else None
