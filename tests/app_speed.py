"""How fast the demo is in a browser. Run by hand: `python tests/app_speed.py [--model SOURCE] [--clicks 20]`.

Starts `python app.py` and headless Chromium on this machine's CPU and prints, as JSON:
- import_s: a Python process that only imports gradio and torch, from start to end (median of 3)
- first_picture_s: from starting `python app.py` to the first sample being drawn by the browser, which runs already
- click_to_16_ms: from a click on "Draw", with a new seed each time, to 16 new pictures being complete in the page: median,
  least and most
- threads and load: of the machine, because the numbers depend on what else it does

The first model is the first bundled one, or the one that --model names.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
# Measured in the page, so that the way from the browser to this script does not count.
CLICK = """async () => {
  const pictures = () => [...document.querySelectorAll("#samples img")];
  const old = new Set(pictures().map(picture => picture.src));
  const start = performance.now();
  document.querySelector("#draw").click();
  for (;;) {
    await new Promise(requestAnimationFrame);
    const now = pictures();
    if (now.length === 16 && now.every(picture => !old.has(picture.src) && picture.complete && picture.naturalWidth)) {
      await Promise.all(now.map(picture => picture.decode()));
      return performance.now() - start;
    }
    if (performance.now() - start > 30000) throw new Error("no 16 new pictures within 30 s");
  }
}"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def seconds_to_import() -> float:
    """A process that imports what the demo stands on."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import gradio, torch"], check=True, cwd=ROOT)
    return time.perf_counter() - start


def wait_for(port: int, app: subprocess.Popen) -> None:
    while app.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"app.py ended with {app.returncode}")


def measure(page, port: int, model: list[str], clicks: int) -> tuple[float, list[float]]:
    start = time.perf_counter()
    app = subprocess.Popen([sys.executable, "app.py", "--port", str(port), *model], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        wait_for(port, app)
        page.goto(f"http://127.0.0.1:{port}", wait_until="commit")
        page.wait_for_function("[...document.querySelectorAll('#samples img')].some(p => p.complete && p.naturalWidth)",
                               timeout=60_000)
        first = time.perf_counter() - start
        page.wait_for_timeout(3000)  # the other tabs are drawn too
        times = []
        for k in range(clicks):
            page.fill("#seed input", str(1000 + k))
            page.wait_for_timeout(200)
            times.append(page.evaluate(CLICK))
        return first, times
    finally:
        app.send_signal(signal.SIGTERM)
        app.wait(30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", help="folder, bundled name or Hub repository (default: the first bundled one)")
    parser.add_argument("--clicks", type=int, default=20)
    options = parser.parse_args()
    imports = statistics.median(seconds_to_import() for _ in range(3))
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        first, times = measure(page, free_port(), ["--model", options.model] if options.model else [], options.clicks)
        browser.close()
    times.sort()
    print(json.dumps({
        "import_s": round(imports, 2), "first_picture_s": round(first, 2),
        "click_to_16_ms": {"median": round(statistics.median(times)), "least": round(times[0]), "most": round(times[-1])},
        "cores": os.cpu_count(), "threads": os.environ.get("OMP_NUM_THREADS", "default"), "load": [round(x, 1) for x in os.getloadavg()],
    }))


if __name__ == "__main__":
    main()
