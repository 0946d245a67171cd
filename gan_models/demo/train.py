"""The tab that trains a recipe on your own machine (`python app.py --train`, never on a public server). It starts
`python -m training` as a child process and reads its run folder. One run at a time."""

import atexit
import html
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
from PIL import Image

from ..errors import InvalidInput, short
from . import lab, reading, speaking, words
from .models import Models
from .page import Page, inform
from .shared import Shared

TITLE = words.TRAIN_TAB
RUNS = Path("runs")
EVERY = 0.5  # seconds between two looks into the run folder
FRESH = "mnist-mlp"  # the recipe that is chosen first: the quickest


def there(models: Models) -> bool:
    return models.trains and lab.there(models)


class Child:
    """The run that this server started, if any."""

    def __init__(self):
        self.folder: Path | None = None
        self._process: subprocess.Popen | None = None
        self._said = tempfile.TemporaryFile()
        self._lock = threading.Lock()
        atexit.register(self.end)

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, recipe: str, folder: Path, arguments: list[str]) -> None:
        """Start a run. Raises InvalidInput if one is running."""
        with self._lock:
            if self.alive:
                raise InvalidInput(words.still_training(self.folder.name))
            self._said = tempfile.TemporaryFile()
            command = [sys.executable, "-m", "training", recipe, "--output", str(folder), *arguments]
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=self._said, stderr=subprocess.STDOUT, start_new_session=True
            )
            self.folder = folder

    def stop(self) -> None:
        """Stop after the current step, with a checkpoint."""
        if self.alive:
            self._process.send_signal(signal.SIGINT)

    def end(self) -> None:
        """End the run together with the server."""
        self.stop()
        if self._process is not None:
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def last_line(self) -> str:
        """The last line that it printed."""
        size = self._said.seek(0, 2)
        self._said.seek(max(0, size - 4000))
        lines = re.split(r"[\r\n]+", self._said.read().decode("utf-8", "replace"))
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def tab(page: Page, models: Models, shared: Shared | None) -> None:
    recipes, child = lab.recipes(), Child()
    gr.Markdown(words.TRAIN_NOTE)
    with gr.Row():
        with gr.Column(min_width=280, scale=2):
            recipe = page.reads(
                gr.Dropdown(
                    [(f"{name}: {summary}", name) for name, (summary, _) in recipes.items()],
                    value=FRESH,
                    label=words.RECIPE,
                    filterable=False,
                    elem_id="train-recipe",
                ),
                reading.choice("recipe", str),
            )
            name = page.reads(
                gr.Textbox(FRESH, label=words.RUN_NAME, info=words.RUN_NAME_INFO, elem_id="train-name", max_lines=1),
                reading.text("name of the run"),
            )
            count = page.reads(
                gr.Number(recipes[FRESH][1], label=words.IMAGES, info=words.IMAGES_INFO, elem_id="train-images"),
                reading.whole_from("number of images"),
            )
            root = page.reads(
                gr.Textbox(label=words.DATA_ROOT, info=words.DATA_ROOT_INFO, elem_id="train-root", max_lines=1),
                reading.text("folder"),
            )
            data = page.reads(
                gr.Textbox(label=words.OWN_PICTURES, info=words.OWN_PICTURES_INFO, elem_id="train-data", max_lines=1),
                reading.text("folder"),
            )
            with gr.Row():
                start = gr.Button(words.TRAIN_START, variant="primary", elem_id="train-start", min_width=90)
                stop = gr.Button(words.STOP, elem_id="train-stop", min_width=90)
                resume = gr.Button(words.TRAIN_RESUME, elem_id="train-resume", min_width=90)
            opened = gr.Button(words.TRAIN_OPEN, elem_id="train-open", min_width=90)
        with gr.Column(min_width=280, scale=3):
            status = gr.HTML(words.NOTHING_TRAINED, elem_id="train-status", padding=False)
            drawn = gr.Image(
                label=words.RUN_SAMPLES, interactive=False, elem_id="train-samples", buttons=[], height=420
            )
            curves = gr.HTML(elem_id="train-curves", elem_classes="lab-curves", padding=False)
    asked, shown = [recipe, name, count, root, data], [status, drawn, curves]

    def folder_of(name: str) -> Path:
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,59}", name, re.ASCII):
            raise InvalidInput(words.no_run_name(short(name)))
        return RUNS / name

    def choose_recipe(visit, recipe):
        if recipe not in recipes:
            raise InvalidInput(words.NOTHING_PICKED)
        return {name: recipe, count: recipes[recipe][1]}

    def begin(visit, recipe, name, count, root, data, resumed: bool) -> Iterator[dict]:
        if recipe not in recipes:
            raise InvalidInput(words.NOTHING_PICKED)
        if not 1 <= count <= 10**10:
            raise InvalidInput(words.NO_IMAGES)
        arguments = ["--images", str(count), *(["--resume"] if resumed else [])]
        # --option=value in one word, so that nothing that is typed here can become another option.
        arguments += [f"--data-root={root}"] * bool(root.strip()) + [f"--data={data}"] * bool(data.strip())
        child.start(recipe, folder_of(name), arguments)
        return follow(visit)

    def train_run(visit, *values):
        return begin(visit, *values, resumed=False)

    def resume_run(visit, *values):
        return begin(visit, *values, resumed=True)

    def follow(visit) -> Iterator[dict]:
        """Show the run folder while the run trains and the page is open, and then how it ended."""
        newest, folder = None, child.folder
        while folder is not None:
            alive = child.alive
            changes = {status: run_status(child, alive), curves: losses_of(folder)}
            pictures = sorted(folder.glob("samples/*.png"))
            if pictures and pictures[-1] != newest:
                newest = pictures[-1]
                changes[drawn] = visit.drawn.pictures("run", [Image.open(newest).convert("RGB")])[0]
            yield changes
            if not alive or folder != child.folder:
                return
            time.sleep(EVERY)
            visit.check()

    def stop_run(visit):
        child.stop()

    def open_run(visit, name):
        """Offer the run's model on this page."""
        found = models.offer(folder_of(name))
        inform(words.opened(found), words.TRAIN_TAB)
        return {shared.source: gr.Dropdown(choices=models.generators())} if shared else {}

    page.on(recipe.input, choose_recipe, [recipe], [name, count])
    page.on(start.click, train_run, asked, shown, streams=True)
    page.on(resume.click, resume_run, asked, shown, streams=True)
    page.on(page.tabs["train"].select, follow, [], shown, streams=True)
    page.on(stop.click, stop_run)
    page.on(opened.click, open_run, [name], [shared.source] if shared else [])


def run_status(child: Child, alive: bool) -> str:
    """A sentence on how far the run is, or how it ended."""
    line = html.escape(child.last_line())
    what = words.training_now(child.folder.name) if alive else words.training_over(child.folder.name)
    what = speaking.say(what)
    return f"<p><b>{html.escape(what)}</b></p><p><code>{line}</code></p>"


def losses_of(folder: Path) -> str:
    lines = lab.statistics(folder)
    found = [(line.get("discriminator_loss"), line.get("generator_loss")) for line in lines]
    found = [pair for pair in found if all(isinstance(value, (int, float)) for value in pair)]
    found = found[:: max(1, len(found) // 400)]
    return lab.curves([pair[0] for pair in found], [pair[1] for pair in found])
