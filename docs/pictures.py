"""The pictures of the page in README.md and docs/: taken of the real page with the bundled models, in Chromium.

    python docs/pictures.py [NAME ...]

Every face in them is drawn by a network; nobody's photo is opened.
"""

import io
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "pictures"
SIZE = {"width": 1160, "height": 800}


def edit(page: Page) -> None:
    """A drawn face, made older."""
    page.locator("#retouch-Young input").press("Home")
    wait(page)


def walk(page: Page) -> None:
    page.locator("[role=tab][data-tab-id=walk]").first.click()
    page.wait_for_function("document.querySelector('#video video')?.readyState >= 2")
    wait(page)
    page.locator("#between input[type=range]").fill("40")
    wait(page)


def lab(page: Page) -> None:
    """The cure of collapse, when it has found all modes, or after five minutes on a busy machine."""
    page.locator("[role=tab][data-tab-id=lab]").first.click()
    page.locator("#lab-example label").nth(1).click()
    before = ""
    for _ in range(60):
        page.wait_for_timeout(5000)
        told = page.locator("#lab-frame .modes").inner_text()
        if told == before:  # a click trains for a minute
            page.locator("#lab-train").click()
        if ": 8 of 8 modes" in told and int(told.split(", ")[-1].partition("%")[0]) >= 70:
            break
        before = told
    page.locator("#lab-stop").click()


def sketch(page: Page) -> None:
    """The lines of a face, and the face that the network draws of them."""
    page.locator("[role=tab][data-tab-id=sketch]").first.click()
    page.locator("#sketch-example").click()
    page.locator("#sketched img").wait_for()
    wait(page)
    page.evaluate("scrollTo(0, 0)")


PICTURES = {"edit": edit, "walk": walk, "lab": lab, "sketch": sketch}


def wait(page: Page) -> None:
    """Until nothing is owed to the page any more."""
    page.wait_for_timeout(300)
    page.wait_for_function("!document.documentElement.hasAttribute('data-waiting')")


def take(address: str, folder: Path, names=tuple(PICTURES)) -> None:
    """Write NAME.webp of each picture into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, locale="en-US", color_scheme="light")
        page.set_default_timeout(120_000)
        for name in names:
            page.goto(address)
            page.locator("#studio canvas[data-photo]").wait_for()
            wait(page)
            PICTURES[name](page)
            page.evaluate("document.activeElement.blur(); document.documentElement.removeAttribute('data-waiting')")
            picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            picture.save(folder / f"{name}.webp", quality=82, method=6)
        browser.close()


def main() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    server = subprocess.Popen([sys.executable, "app.py", "--port", str(port)], cwd=ROOT, env=os.environ)
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(address, timeout=5).close()
                break
            except OSError:
                time.sleep(1)
        take(address, FOLDER, sys.argv[1:] or tuple(PICTURES))
    finally:
        server.terminate()
        server.wait(30)


if __name__ == "__main__":
    main()
