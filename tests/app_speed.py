"""How fast the demo is in a browser. Run by hand: `python tests/app_speed.py [--model SOURCE] [--clicks 20]
[--edits 50 | --megapixels 12 | --photo FILE]`.

Starts `python app.py` and headless Chromium on this machine's CPU and prints, as JSON:
- import_s: a Python process that only imports gradio and torch, from start to end (median of 3)
- first_picture_s: from starting `python app.py` to the first sample being drawn by the browser, which runs already
- click_to_16_ms: from a click on "Draw", with a new seed each time, to 16 new pictures being complete in the page: median,
  least and most
- threads and load: of the machine, because the numbers depend on what else it does

With --edits it measures that many movements of a slider of "Edit a photo" instead, on the drawn face that the page
opens with: from the slider's event to the changed picture having been decoded and drawn, in milliseconds, and what the
process of the app computed for each.

With --megapixels, which draws a face into a JPEG of that size, or --photo, it measures the editing of a photo instead,
in seconds: - opened_s: from choosing the file to the photo being shown with its sliders - shown_s: from moving a slider
to the edited picture being shown - file_s: from the button to the edited photo, at full size, having been downloaded;
total_s: the three - server_cpu_s: what the process of the app computed meanwhile, where /proc says it
"first" is the first photo after the start, "later" has the medians of --rounds further visits.

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
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image
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


@contextmanager
def started(port: int, model: list[str]):
    app = subprocess.Popen([sys.executable, "app.py", "--port", str(port), *model], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        wait_for(port, app)
        yield app
    finally:
        app.send_signal(signal.SIGTERM)
        try:
            app.wait(30)
        except subprocess.TimeoutExpired:  # a busy machine; what was measured counts all the same
            app.kill()


def measure(page, port: int, model: list[str], clicks: int) -> tuple[float, list[float]]:
    start = time.perf_counter()
    with started(port, model):
        page.goto(f"http://127.0.0.1:{port}", wait_until="commit")
        page.get_by_role("tab", name="Sample").click(timeout=60_000)
        page.wait_for_function(
            "[...document.querySelectorAll('#samples img')].some(p => p.complete && p.naturalWidth)", timeout=60_000
        )
        first = time.perf_counter() - start
        page.wait_for_timeout(3000)  # the other tabs are drawn too
        times = []
        for k in range(clicks):
            page.fill("#seed input", str(1000 + k))
            page.wait_for_timeout(200)
            times.append(page.evaluate(CLICK))
        return first, times


def draw_photo(megapixels: float, path: Path) -> None:
    """A JPEG of 4 to 3 with one of the demo's own drawn faces, enlarged, on noisy clouds as heavy as a camera's
    picture."""
    import gan_models
    from gan_models import images

    generator = gan_models.load("celeba-cgan")
    face = images.to_pil(
        generator.generate(generator.sample_latents(1, seed=7, truncation=0.8), generator.sample_labels(1, seed=7))
    )[0]
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width, side = round(height * 4 / 3), height // 2
    random = np.random.default_rng(0)
    clouds = random.integers(60, 200, (9, 12, 3), dtype=np.uint8)
    photo = Image.fromarray(clouds).resize((width, height), Image.Resampling.BICUBIC)
    photo.paste(face.resize((side, side), Image.Resampling.BICUBIC), ((width - side) // 2, height // 4))
    noise = random.normal(0, 4, (height, width, 1)).astype(np.float32)
    Image.fromarray((np.asarray(photo) + noise).clip(0, 255).astype(np.uint8)).save(path, quality=92)


# From the slider's event to the changed picture being drawn, `count` times, each time to another value.
EDITS = """async count => {
  const slider = document.querySelector("#retouch-Smiling input"), canvas = document.querySelector("#studio canvas");
  const less = Boolean(document.querySelector("#retouch-Smiling small.more")?.innerText), times = [];
  for (let k = 0; k < count; k++) {
    const before = canvas.dataset.turn, start = performance.now();
    slider.value = (less ? -1 : 1) * (0.3 + 0.05 * (k % 14));
    slider.dispatchEvent(new Event("input"));
    while (canvas.dataset.turn === before) {
      if (performance.now() - start > 30000) throw new Error("no changed picture within 30 s");
      await new Promise(requestAnimationFrame);
    }
    times.push(performance.now() - start);
    await new Promise(resolve => setTimeout(resolve, 100));
  }
  return times;
}"""


def open_page(page, port: int) -> None:
    """The instrument, with the drawn face that it opens with."""
    page.goto(f"http://127.0.0.1:{port}", timeout=180_000)
    page.wait_for_selector("#studio canvas[data-photo]", timeout=180_000)
    page.wait_for_timeout(4000)  # the other tabs are drawn too


def measure_edits(page, port: int, model: list[str], count: int) -> dict:
    with started(port, model) as app:
        open_page(page, port)
        page.evaluate(EDITS, 3)  # the first ones make what later ones use
        computed = cpu_seconds(app)
        times = sorted(page.evaluate(EDITS, count))
        computed = cpu_seconds(app) - computed
    return {
        "edits": count,
        "slider_to_picture_ms": {
            "median": round(statistics.median(times)),
            "95th percentile": round(times[min(len(times) - 1, int(0.95 * len(times)))]),
            "least": round(times[0]),
            "most": round(times[-1]),
        },
        "server_cpu_ms_each": round(1000 * computed / count),
    }


def edit_photo(page, port: int, app: subprocess.Popen, photo: Path) -> dict[str, float]:
    """One visit: choose the file, change the face, take the picture away."""
    open_page(page, port)
    computed, times = cpu_seconds(app), [time.perf_counter()]

    def done() -> None:
        times.append(time.perf_counter())

    page.set_input_files("#upload input[type=file]", photo)
    page.wait_for_selector("#studio canvas[data-photo]:not([data-photo^=drawn])", timeout=180_000)
    done()
    page.evaluate(EDITS, 1)
    done()
    with page.expect_download(timeout=180_000) as download:
        page.locator("#studio .save").click()
    taken_file = download.value.path()
    done()
    with Image.open(photo) as given, Image.open(taken_file) as taken:
        assert given.size == taken.size, "the edited photo is not as large as the one that was uploaded"
    parts = dict(zip(("opened_s", "shown_s", "file_s"), np.diff(times).tolist()))
    return parts | {"total_s": times[-1] - times[0], "server_cpu_s": cpu_seconds(app) - computed}


def cpu_seconds(process: subprocess.Popen) -> float:
    """User's and system's time of a process so far; not a number where there is no /proc."""
    try:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure_photo(page, port: int, model: list[str], photo: Path, rounds: int) -> dict:
    with started(port, model) as app:
        first, *later = [edit_photo(page, port, app, photo) for _ in range(1 + rounds)]
    medians = {key: statistics.median(visit[key] for visit in later) for key in first} if later else {}
    with Image.open(photo) as picture:
        size = list(picture.size)
    return {
        "photo": size,
        "megabytes": round(photo.stat().st_size / 1e6, 1),
        "first": rounded(first),
        "later": rounded(medians),
    }


def rounded(times: dict[str, float]) -> dict[str, float]:
    return {key: round(value, 2) for key, value in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", help="folder, bundled name or Hub repository (default: the first bundled one)")
    parser.add_argument("--clicks", type=int, default=20)
    photos = parser.add_mutually_exclusive_group()
    photos.add_argument("--edits", type=int, help="move a slider of the photo editor that often, instead")
    photos.add_argument("--megapixels", type=float, help="draw a photo of that size and edit it, instead")
    photos.add_argument("--photo", type=Path, help="edit this photo, instead")
    parser.add_argument(
        "--rounds", type=int, default=3, help="how often a photo is edited after the first time (default 3)"
    )
    options = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    model = ["--model", options.model] if options.model else []
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        if options.edits:
            result = measure_edits(page, free_port(), model, options.edits)
        elif options.photo or options.megapixels:
            photo = options.photo or Path(folder) / "photo.jpg"
            if options.megapixels:
                draw_photo(options.megapixels, photo)
            result = measure_photo(page, free_port(), model, photo, options.rounds)
        else:
            imports = statistics.median(seconds_to_import() for _ in range(3))
            first, times = measure(page, free_port(), model, options.clicks)
            result = {
                "import_s": round(imports, 2),
                "first_picture_s": round(first, 2),
                "click_to_16_ms": {
                    "median": round(statistics.median(times)),
                    "least": round(min(times)),
                    "most": round(max(times)),
                },
            }
        browser.close()
    print(
        json.dumps(
            result
            | {
                "cores": os.cpu_count(),
                "threads": os.environ.get("OMP_NUM_THREADS", "default"),
                "load": [round(x, 1) for x in os.getloadavg()],
            }
        )
    )


if __name__ == "__main__":
    main()
