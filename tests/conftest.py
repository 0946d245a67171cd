"""What all tests share."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
from hub_server import hub  # noqa: F401 (a fixture, which tests name as an argument)

CI = os.environ.get("CI") == "true"


def skip_or_fail(reason: str) -> None:
    """Skip for a stranger who lacks something; in CI, where everything is there, its absence is a failure."""
    if CI:
        pytest.fail(f"CI lacks what it should have: {reason}")
    pytest.skip(reason)


@contextmanager
def chromium_or_skip():
    """A browser without a window: the system's Chromium, driven by Playwright."""
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        skip_or_fail("needs Playwright: pip install playwright")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        skip_or_fail("needs Chromium on the PATH (Debian: apt-get install chromium)")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The root of the real data sets (torchvision's layout), named by the variable GAN_STUDIO_DATA."""
    root = os.environ.get("GAN_STUDIO_DATA")
    if not root or not Path(root).is_dir():
        skip_or_fail("needs real data: set GAN_STUDIO_DATA to a data root that holds MNIST/ and celeba/")
    return Path(root)
