"""What all tests share."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # before torch is imported: workers side by side take one thread each
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import shutil
from pathlib import Path

import pytest
from hub_server import hub  # noqa: F401 (a fixture, which tests name as an argument)

CI = os.environ.get("CI") == "true"


def skip_or_fail(reason: str) -> None:
    """Skip for a stranger who lacks something; in CI, where everything is there, its absence is a failure."""
    if CI:
        pytest.fail(f"CI lacks what it should have: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium():
    """A browser without a window, one for all tests (Playwright runs once in a process): the system's Chromium."""
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        skip_or_fail("needs Playwright: pip install playwright")
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if not path:
        skip_or_fail("needs Chromium on the PATH (Debian: apt-get install chromium)")
    camera = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", *camera])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The root of the real data sets (torchvision's layout), named by the variable GAN_STUDIO_DATA."""
    root = os.environ.get("GAN_STUDIO_DATA")
    if not root or not Path(root).is_dir():
        skip_or_fail("needs real data: set GAN_STUDIO_DATA to a data root that holds MNIST/ and celeba/")
    return Path(root)
