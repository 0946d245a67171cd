"""How fast a page without a server draws. Run by hand: `python tests/page_speed.py [SOURCE] [--draws 40]`.

Exports the page of a model (default: celeba-cgan), opens it in headless Chromium on this machine's CPU and prints, as JSON,
the least and the median of so many draws of 16 pictures, in milliseconds: of wall time, as the page tells it, and of CPU
time of the process that draws, where /proc says it. What else the machine does makes a draw slower and never faster, so the
least is what the page takes.
"""

import argparse
import functools
import http.server
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).parents[1]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def busy() -> dict[str, float]:
    """CPU seconds of each process that draws a page, by number."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if b"--type=renderer" in (folder / "cmdline").read_bytes():
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                found[folder.name] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except OSError:  # it has ended, or this is no Linux
            pass
    return found


def measure(address: str, draws: int) -> dict[str, dict[str, float]]:
    from playwright.sync_api import sync_playwright

    wall, cpu = [], []
    with sync_playwright() as driver:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        page = driver.chromium.launch(executable_path=path, args=["--no-sandbox"]).new_page()
        page.set_default_timeout(300_000)
        page.goto(address)
        page.wait_for_selector("body[data-ready]", state="attached")
        for seed in range(draws):
            before = busy()
            page.fill("#seed", str(seed))
            page.evaluate("async () => { while (window.page.busy) await window.page.busy; }")
            cpu += (
                [1000 * max(value - before.get(number, 0) for number, value in after.items())]
                if (after := busy())
                else []
            )
            wall.append(float(re.search(r"in (\d+) ms", page.inner_text("#status"))[1]))
        page.context.browser.close()
    return {
        name: {"least": round(min(some)), "median": round(statistics.median(some))}
        for name, some in (("wall_ms", wall), ("cpu_ms", cpu))
        if some
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", nargs="?", default="celeba-cgan", help="a model (default: celeba-cgan)")
    parser.add_argument("--draws", type=int, default=40, help="of 16 pictures each (default: 40)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        words = ["-m", "gan_models.cli", "export", options.source, "--page", folder]
        subprocess.run([sys.executable, *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = measure(f"http://127.0.0.1:{server.server_port}/", options.draws)
        server.shutdown()
    print(json.dumps(found | {"load": [round(part, 1) for part in os.getloadavg()]}))


if __name__ == "__main__":
    main()
