"""How fast the demo is: `python tests/app_speed.py` measures all of it in less than six minutes and prints a table,
what is aimed at beside what was measured (docs/measured.md).

Each row is measured as a visitor meets it, in headless Chromium before `python app.py` on this machine's CPU, but for
the row of many visitors, which are HTTP clients (tests/app_load.py). --rows measures some of them:

- slider: from the event of a slider of "Edit a photo" to the changed picture having been decoded and drawn, for a photo
  with one face of 128 by 128 pixels
- faces: from a click on "Draw", with a new seed each time, to 64 new pictures having been decoded
- walk: from a click on "Walk" to a video of 96 frames that the browser says it can play through
- start: from `python app.py` to the drawn face that the page opens with, less the time in which another process only
  imports gradio and torch (each the median of three)
- lab: frames that the page of "Lab" shows in a second
- visitors: 32 of them, see tests/app_load.py

The numbers depend on what else the machine does, so the last line says what that was. "CPU" is what the process of the
app computed for each, which depends on it least.

With --megapixels, which draws a face into a JPEG of that size, or --photo, it measures the editing of a photo instead,
as JSON, in seconds: - opened_s: from choosing the file to the photo being shown with its sliders - shown_s: from moving
a slider to the edited picture being shown - file_s: from the button to the edited photo, at full size, having been
downloaded; total_s: the three - server_cpu_s: what the process of the app computed meanwhile, where /proc says it
"first" is the first photo after the start, "later" has the medians of --rounds further visits.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import app_load
import numpy as np
from app_server import ROOT, cpu_seconds, free_port, percentile, started
from PIL import Image
from playwright.sync_api import sync_playwright

TIMES = {"slider": 60, "faces": 10, "walk": 6, "start": 3}  # how often a row is measured
LAB_SECONDS = 10
WAIT = 180_000  # milliseconds, at most, for anything
# All are measured in the page, so that the way from the browser to this script does not count.
#
# From a click to so many new pictures.
CLICK = """async count => {
  const pictures = () => [...document.querySelectorAll("#samples img")];
  const old = new Set(pictures().map(picture => picture.src));
  const start = performance.now();
  document.querySelector("#draw").click();
  for (;;) {
    await new Promise(requestAnimationFrame);
    const now = pictures();
    if (now.length === count && now.every(picture => !old.has(picture.src) && picture.complete && picture.naturalWidth)) {
      await Promise.all(now.map(picture => picture.decode()));
      return performance.now() - start;
    }
    if (performance.now() - start > 30000) throw new Error("no new pictures within 30 s");
  }
}"""
# From the slider's event to the changed picture being drawn, `count` times, each time to another value, on the first
# slider that may move.
EDITS = """async count => {
  const canvas = document.querySelector("#studio canvas"), times = [];
  const slider = [...document.querySelectorAll("#studio .change input")].find(slider => !slider.disabled);
  const less = Boolean(slider.closest(".change").querySelector("small.more")?.innerText);
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
# From a click to another video that plays.
WALK = """async () => {
  const video = () => document.querySelector("#video video");
  const before = video()?.currentSrc, start = performance.now();
  document.querySelector("#walk").click();
  for (;;) {
    await new Promise(requestAnimationFrame);
    if (video() && video().currentSrc !== before && video().readyState === 4) return performance.now() - start;
    if (performance.now() - start > 60000) throw new Error("no video within a minute");
  }
}"""
# Pictures of the lab that the page shows in a second.
LAB = """async seconds => {
  document.querySelector("#lab-anew").click();
  let last = null, count = 0, first = null;
  for (const start = performance.now(); ; ) {
    await new Promise(requestAnimationFrame);
    const shown = document.querySelector("#lab-frame img")?.src, now = performance.now();
    if (shown !== last) { last = shown; count++; }
    if (count === 3 && first === null) first = now;  // the first two are those that it begins with
    if (first !== null && now - first > 1000 * seconds) break;
    if (now - start > 60000) throw new Error("no frames within a minute");
  }
  document.querySelector("#lab-stop").click();
  return (count - 3) / seconds;
}"""


class Row(NamedTuple):
    """A line of the table."""

    what: str
    aim: str
    measured: str
    met: bool
    cpu: str = ""


def say(text: str) -> None:
    """How far it is."""
    print(text, file=sys.stderr, flush=True)


def seconds_to_import() -> float:
    """A process that imports what the demo stands on."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import gradio, torch"], check=True, cwd=ROOT)
    return time.perf_counter() - start


def milliseconds(times: list[float]) -> str:
    return f"{statistics.median(times):.0f} ms (least {min(times):.0f}, most {max(times):.0f}, of {len(times)})"


def computing(app: subprocess.Popen, function, *arguments):
    """(what it returns, seconds that the app computed meanwhile)"""
    before = cpu_seconds(app)
    return function(*arguments), cpu_seconds(app) - before


def in_the_browser(browser, rows: list[str], folder: Path) -> Iterator[Row]:
    """The rows for which one server is enough."""
    port = free_port()
    with started(port) as app:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(WAIT)
        open_page(page, port)
        for row in (row for row in ("slider", "faces", "walk", "lab") if row in rows):
            say(f"{row} ...")
            yield {"slider": slider, "faces": faces, "walk": walk, "lab": lab}[row](page, app, folder)
        page.close()


def slider(page, app, folder) -> Row:
    photo = folder / "face.jpg"
    draw_photo(256 * 341 / 1e6, photo)  # the face is half as high as the photo
    page.set_input_files("#upload input[type=file]", photo)
    page.wait_for_selector("#studio canvas[data-photo]:not([data-photo^=drawn])")
    page.evaluate(EDITS, 3)  # the first ones make what later ones use
    times, computed = computing(app, page.evaluate, EDITS, TIMES["slider"])
    middle, late = statistics.median(times), percentile(times)
    measured = f"{middle:.0f} / {late:.0f} ms (least {min(times):.0f}, of {len(times)})"
    cpu = f"{1000 * computed / len(times):.0f} ms"
    what = "slider to changed picture, one face of 128 px, median / 95th percentile"
    return Row(what, "120 / 250 ms", measured, middle <= 120 and late <= 250, cpu)


def faces(page, app, folder) -> Row:
    page.get_by_role("tab", name="Sample").click()
    page.wait_for_selector("#samples img")
    page.fill("#count input[type=number]", "64")
    page.press("#count input[type=number]", "Enter")
    page.wait_for_function("document.querySelectorAll('#samples img').length === 64")
    times, computed = [], 0.0
    for seed in range(1000, 1000 + TIMES["faces"]):
        page.fill("#seed input", str(seed))
        page.wait_for_timeout(300)
        taken, used = computing(app, page.evaluate, CLICK, 64)
        times.append(taken)
        computed += used
    cpu = f"{1000 * computed / len(times):.0f} ms"
    return Row("click to 64 faces", "900 ms", milliseconds(times), statistics.median(times) <= 900, cpu)


def walk(page, app, folder) -> Row:
    page.get_by_role("tab", name="Walk").click()
    page.wait_for_function("document.querySelector('#video video')?.readyState === 4")
    times, computed = [], 0.0
    for k in range(TIMES["walk"]):
        page.locator("#anchors").locator("input, textarea").fill(f"{k + 10} {k + 20} {k + 30}")
        page.wait_for_timeout(500)
        taken, used = computing(app, page.evaluate, WALK)
        times.append(taken / 1000)
        computed += used
    middle, cpu = statistics.median(times), f"{computed / len(times):.2f} s"
    measured = f"{middle:.2f} s (least {min(times):.2f}, most {max(times):.2f}, of {len(times)})"
    return Row("96-frame walk to a playable video", "2 s", measured, middle <= 2, cpu)


def lab(page, app, folder) -> Row:
    page.get_by_role("tab", name="Lab").click()
    page.wait_for_selector("#lab-frame img")
    page.wait_for_timeout(1000)
    frames, computed = computing(app, page.evaluate, LAB, LAB_SECONDS)
    cpu = f"{1000 * computed / (frames * LAB_SECONDS):.0f} ms"  # training included
    return Row("a frame of the lab", "5 a second", f"{frames:.1f} a second", frames >= 5, cpu)


def start(browser) -> Row:
    """A browser that runs already, and has nothing of the page in its cache."""
    imports = statistics.median(seconds_to_import() for _ in range(TIMES["start"]))
    times, computed = [], []
    for _ in range(TIMES["start"]):
        context, port = browser.new_context(viewport={"width": 1280, "height": 900}), free_port()
        page = context.new_page()
        began = time.perf_counter()
        with started(port) as app:
            page.goto(f"http://127.0.0.1:{port}", wait_until="commit")
            page.wait_for_selector("#studio canvas[data-photo]", timeout=WAIT)
            times.append(time.perf_counter() - began - imports)
            computed.append(cpu_seconds(app))
            context.close()
    middle = statistics.median(times)
    measured = f"{middle:.1f} s (least {min(times):.1f}; the imports alone {imports:.1f})"
    cpu = f"{statistics.median(computed):.1f} s, imports included"
    return Row(
        "first picture after `python app.py`, above the time to import gradio and torch",
        "2 s",
        measured,
        middle <= 2,
        cpu,
    )


def visitors() -> Row:
    found = app_load.measure()
    seconds, memory = found["seconds"], found["megabytes"]
    measured = (
        f"{found['errors']} errors in {found['draws']:,} draws; {seconds['median']} / {seconds['95th percentile']} s; "
        f"{memory[str(app_load.WARM)]:.0f} -> {memory[str(app_load.ALL)]:.0f} MB ({memory['more']:+.1%})"
    )
    met = not found["errors"] and seconds["95th percentile"] < 3 and abs(memory["more"]) <= 0.05
    if found["first_error"]:
        say(found["first_error"])
    return Row(
        "32 visitors, each drawing 16 faces of 64 px every 3 s for 2 minutes: errors; median / 95th percentile; memory "
        "after 200 and after 2,000 draws",
        "no error; 95th percentile under 3 s; within 5 %",
        measured,
        met,
        f"{found['server_cpu_ms']} ms",
    )


def table(rows: list[Row]) -> str:
    lines = ["| what | aim | measured | met | CPU of the app for each |", "|---|---|---|---|---|"]
    lines += [
        f"| {row.what} | {row.aim} | {row.measured} | {'met' if row.met else '**missed**'} | {row.cpu} |"
        for row in rows
    ]
    return "\n".join(lines)


def drawn_face(seed: int) -> Image.Image:
    """One of the demo's own."""
    import gan_models
    from gan_models import images

    generator = gan_models.load("celeba-cgan")
    latents = generator.sample_latents(1, seed=seed, truncation=0.8)
    return images.to_pil(generator.generate(latents, generator.sample_labels(1, seed=seed)))[0]


def draw_photo(megapixels: float, path: Path) -> None:
    """A JPEG of 4 to 3 with one of the demo's own drawn faces, enlarged, on noisy clouds as heavy as a camera's
    picture."""
    face = drawn_face(7)
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width, side = round(height * 4 / 3), height // 2
    random = np.random.default_rng(0)
    clouds = random.integers(60, 200, (9, 12, 3), dtype=np.uint8)
    photo = Image.fromarray(clouds).resize((width, height), Image.Resampling.BICUBIC)
    photo.paste(face.resize((side, side), Image.Resampling.BICUBIC), ((width - side) // 2, height // 4))
    noise = random.normal(0, 4, (height, width, 1)).astype(np.float32)
    Image.fromarray((np.asarray(photo) + noise).clip(0, 255).astype(np.uint8)).save(path, quality=92)


def open_page(page, port: int) -> None:
    """The instrument, with the drawn face that it opens with."""
    page.goto(f"http://127.0.0.1:{port}", timeout=WAIT)
    page.wait_for_selector("#studio canvas[data-photo]", timeout=WAIT)
    page.wait_for_timeout(4000)  # the other tabs are drawn too


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


def measure_photo(page, port: int, photo: Path, rounds: int) -> dict:
    with started(port) as app:
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
    known = ["slider", "faces", "walk", "start", "lab", "visitors"]
    parser.add_argument("--rows", nargs="+", choices=known, default=known, help="measure these alone")
    photos = parser.add_mutually_exclusive_group()
    photos.add_argument("--megapixels", type=float, help="draw a photo of that size and edit it, instead")
    photos.add_argument("--photo", type=Path, help="edit this photo, instead")
    parser.add_argument("--rounds", type=int, default=3, help="how often a photo is edited after the first time")
    options = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    began, load = time.perf_counter(), os.getloadavg()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        if options.photo or options.megapixels:
            photo = options.photo or Path(folder) / "photo.jpg"
            if options.megapixels:
                draw_photo(options.megapixels, photo)
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            print(json.dumps(measure_photo(page, free_port(), photo, options.rounds)))
            rows = []
        else:
            rows = list(in_the_browser(browser, options.rows, Path(folder)))
            if "start" in options.rows:
                say("start ...")
                rows.insert(3, start(browser))
        browser.close()
    if not options.photo and not options.megapixels and "visitors" in options.rows:
        say("visitors, for about three minutes ...")
        rows.append(visitors())
    if rows:
        print(table(rows))
    took = time.perf_counter() - began
    print(f"\n{os.cpu_count()} cores, {load[0]:.1f} processes at work before it began, {took:.0f} s in all")


if __name__ == "__main__":
    main()
