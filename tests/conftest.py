"""What all tests share."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # before torch is imported: workers side by side take one thread each
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import urllib.request
from collections import Counter
from pathlib import Path

import pytest
from hub_server import hub  # noqa: F401 (a fixture, which tests name as an argument)

ROOT = Path(__file__).parents[1]
CI = os.environ.get("CI") == "true"
AXE = "4.14.1"
AXE_SHA512 = (
    "1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b73"
    "4f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5"
)


# Tests that share what is slow to make go to one process together, as those of one file do: what they begin with, and
# the name of the place.
TOGETHER = {
    "tests/gan_models/demo/browser/": "tests/gan_models/demo/browser",  # one demo
    "tests/gan_models/test_package.py": "wheel",
    "tests/training/test_readme.py": "wheel",
}
# What takes longest begins first, else one process would have to wait for another at the end.
FIRST = (
    "tests/gan_models/demo/browser",
    "tests/training/test_every_recipe.py",
    "tests/training/test_watch.py",
    "tests/training/run/test_killed.py",
    "tests/gan_models/demo/test_uploads.py",
    "tests/gan_models/demo/test_endpoints.py",
    "tests/gan_models/export/test_pages.py",
    "tests/training/test_benchmark.py",
    "wheel",
    "tests/test_types.py",
)


def together(nodeid: str) -> str:
    """The place of this test: its file, or that of several files."""
    return next((place for start, place in TOGETHER.items() if nodeid.startswith(start)), nodeid.partition("::")[0])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = [together(item.nodeid) for item in items]
    size = Counter(places)
    rank = {place: FIRST.index(place) if place in FIRST else len(FIRST) for place in size}
    order = sorted(range(len(items)), key=lambda k: (rank[places[k]], -size[places[k]], places[k], k))
    items[:] = [items[k] for k in order]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """`--dist loadfile`, in the order above."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Together(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return together(nodeid)

    config.option.loadscopereorder = False
    return Together(config, log)


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
def wheel(tmp_path_factory) -> Path:
    """A wheel of the packages as they stand here."""
    place = tmp_path_factory.mktemp("wheel")
    for name in ("gan_models", "training"):
        shutil.copytree(ROOT / name, place / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, place / "source")
    _pip("wheel", "--wheel-dir", place, place / "source")
    (found,) = place.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def installed(wheel, tmp_path_factory) -> Path:
    """The wheel, installed into a folder of its own without the packages that it needs: those are there."""
    place = tmp_path_factory.mktemp("installed")
    _pip("install", "--target", place, wheel)
    return place


def _pip(command: str, *arguments) -> None:
    words = [sys.executable, "-m", "pip", command, "--quiet", "--no-deps", *map(str, arguments)]
    process = subprocess.run(words, capture_output=True, text=True, timeout=600)
    lacks = ("No module named pip", "No matching distribution")
    if process.returncode and any(sign in process.stderr for sign in lacks):
        skip_or_fail("building a wheel needs pip, and a network for its build requirement setuptools")
    assert process.returncode == 0, process.stderr


@pytest.fixture(scope="session")
def runtime() -> Path:
    """The folder of onnxruntime-web, fetched once."""
    from gan_models import files
    from gan_models.errors import InvalidInput
    from gan_models.export import runtime as runtimes

    pytest.importorskip("onnxruntime")
    try:
        found = runtimes.runtime()
    except InvalidInput as error:
        skip_or_fail(f"a page needs onnxruntime-web: {error}")
    folder = files.cache_folder() / f"{runtimes.PACKAGE}-{runtimes.VERSION}"
    assert set(found) == set(runtimes.FILES)
    return folder


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core, the script that judges how accessible a page is: from npm, once, into the folder of caches."""
    from gan_models.files import cache_folder

    place = cache_folder() / f"axe-core-{AXE}.tgz"
    if not place.is_file():
        try:
            with urllib.request.urlopen(f"https://registry.npmjs.org/axe-core/-/{place.name}", timeout=60) as answer:
                content = answer.read()
        except OSError as error:
            skip_or_fail(f"needs axe-core {AXE} of registry.npmjs.org, which does not answer: {error}")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    content = place.read_bytes()
    if hashlib.sha512(content).hexdigest() != AXE_SHA512:
        place.unlink()
        pytest.fail(f"{place} was not axe-core {AXE}; it is removed, and the next run fetches it anew")
    with tarfile.open(fileobj=io.BytesIO(content)) as package:
        return package.extractfile("package/axe.min.js").read().decode()


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The root of the real data sets (torchvision's layout), named by the variable GAN_STUDIO_DATA."""
    root = os.environ.get("GAN_STUDIO_DATA")
    if not root or not Path(root).is_dir():
        skip_or_fail("needs real data: set GAN_STUDIO_DATA to a data root that holds MNIST/ and celeba/")
    return Path(root)
