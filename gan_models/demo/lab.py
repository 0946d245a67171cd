"""The tab that shows a small GAN learning (training.points). The page has it if `training` is installed."""

import base64
import contextlib
import importlib.util
import io
import math
import threading
import time
import weakref
from collections.abc import Iterator

import gradio as gr

from ..errors import InvalidInput
from . import reading, words
from .models import Models
from .page import Page
from .shared import Shared
from .speaking import say
from .visits import Visit

TITLE = words.LAB_TAB
MOST = 3  # visitors who train at a time; they take turns, so that together they use at most one core
SECONDS = 60  # of training per click
FRAME = 0.12  # seconds from one frame to the next
SLICE = 0.09  # seconds of it spent on training, by all visitors together

RATES = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02]
STRENGTHS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]
SHAPES = {"ring": words.RING, "grid": words.GRID, "spiral": words.SPIRAL, "moons": words.MOONS}
OBJECTIVES = {
    "minimax": words.MINIMAX,
    "logistic": words.LOGISTIC,
    "least_squares": words.LEAST_SQUARES,
    "wasserstein": words.WASSERSTEIN,
    "hinge": words.HINGE,
    "relativistic": words.RELATIVISTIC,
}
PENALTIES = {
    "none": words.NO_PENALTY,
    "r1": words.R1,
    "r1+r2": words.R1_R2,
    "gradient_penalty": words.GRADIENT_PENALTY,
    "clipping": words.CLIPPING,
}
# The name and description of each example. The settings are in training.points.EXAMPLES.
EXAMPLES = {
    "collapse": (words.COLLAPSE, words.COLLAPSE_SAYS),
    "collapse_cured": (words.COLLAPSE_CURED, words.COLLAPSE_CURED_SAYS),
    "oscillation": (words.OSCILLATION, words.OSCILLATION_SAYS),
    "oscillation_cured": (words.OSCILLATION_CURED, words.OSCILLATION_CURED_SAYS),
    "vanishing": (words.VANISHING, words.VANISHING_SAYS),
    "vanishing_cured": (words.VANISHING_CURED, words.VANISHING_CURED_SAYS),
}
# Stop when the visitor opens another tab.
STOPS_WHEN_HIDDEN = """
new IntersectionObserver(seen => {
  if (!seen.at(-1).isIntersecting && !element.offsetParent) document.querySelector('#lab-stop')?.click();
}).observe(element);
"""


def there(models: Models) -> bool:
    with contextlib.suppress(ModuleNotFoundError):
        return importlib.util.find_spec("training.points") is not None
    return False


def recipes() -> dict[str, tuple[str, int]]:
    """The summary of each recipe, and its number of images."""
    from training.recipes import RECIPES

    return {name: (recipe.summary, recipe.images) for name, recipe in RECIPES.items()}


def statistics(folder) -> list[dict]:
    """The statistics of a run so far."""
    from training.run_folder import STATS, read_lines

    return read_lines(folder / STATS)


class Turns:
    """The visitors who are training. They take turns; only the last start of each visitor counts."""

    def __init__(self):
        self._running: dict[Visit, object] = {}
        self._lock, self._turn = threading.Lock(), threading.Lock()

    def __len__(self) -> int:
        return len(self._running)

    @contextlib.contextmanager
    def running(self, visit: Visit):
        """Yields a function that says whether to go on. Raises InvalidInput if too many visitors are training."""
        mine = object()
        with self._lock:
            if visit not in self._running and len(self._running) >= MOST:
                raise InvalidInput(words.lab_busy(MOST))
            self._running[visit] = mine
        try:
            yield lambda: self._running.get(visit) is mine and not visit.gone.is_set()
        finally:
            with self._lock:
                if self._running.get(visit) is mine:
                    del self._running[visit]

    @contextlib.contextmanager
    def turn(self):
        """Waits for this visitor's turn; yields the seconds that it may take."""
        with self._turn:
            yield SLICE / max(1, len(self._running))

    def stop(self, visit: Visit) -> None:
        with self._lock:
            self._running.pop(visit, None)


def tab(page: Page, models: Models, shared: Shared | None) -> None:
    from training import points
    from training.errors import TrainingError

    games: weakref.WeakKeyDictionary[Visit, points.Game] = weakref.WeakKeyDictionary()
    turns = Turns()
    start = points.EXAMPLES["collapse"]

    gr.Markdown(words.LAB_NOTE)
    with gr.Row():
        with gr.Column(min_width=280, scale=3):
            with gr.Row(elem_id="lab-buttons"):
                train = gr.Button(words.TRAIN, variant="primary", elem_id="lab-train", min_width=90)
                stop = gr.Button(words.STOP, elem_id="lab-stop", min_width=90)
                anew = gr.Button(words.ANEW, elem_id="lab-anew", min_width=90)
            shown = gr.HTML(
                frame(points, points.Game(start)), elem_id="lab-frame", padding=False, js_on_load=STOPS_WHEN_HIDDEN
            )
        with gr.Column(min_width=280, scale=2):
            example = page.reads(
                gr.Radio(
                    [(name, key) for key, (name, _) in EXAMPLES.items()],
                    value="collapse",
                    label=words.LAB_EXAMPLES,
                    elem_id="lab-example",
                ),
                reading.choice("example", str),
            )
            says = gr.Markdown(EXAMPLES["collapse"][1], elem_id="lab-says")

            def one_of(label: str, known: dict[str, str], name: str):
                entries = [(said, key) for key, said in known.items()]
                control = gr.Dropdown(
                    entries, value=getattr(start, name), label=label, filterable=False, elem_id=f"lab-{name}",
                    min_width=140,
                )  # fmt: skip
                return page.reads(control, reading.choice(name, str))

            def number(label: str, known: list[float], name: str):
                entries = [(f"{value:g}", value) for value in known]
                control = gr.Dropdown(
                    entries, value=getattr(start, name), label=label, filterable=False, elem_id=f"lab-{name}",
                    min_width=140,
                )  # fmt: skip
                return page.reads(control, reading.number_from(name, *points.BOUNDS[name]))

            with gr.Row():
                shape = one_of(words.POINTS, SHAPES, "shape")
                objective = one_of(words.OBJECTIVE, OBJECTIVES, "objective")
                penalty = one_of(words.PENALTY, PENALTIES, "penalty")
                strength = number(words.PENALTY_STRENGTH, STRENGTHS, "strength")
                of_discriminator = number(words.DISCRIMINATOR_RATE, RATES, "discriminator_rate")
                of_generator = number(words.GENERATOR_RATE, RATES, "generator_rate")
                steps = page.reads(
                    gr.Slider(
                        *points.BOUNDS["discriminator_steps"], start.discriminator_steps, step=1, buttons=[],
                        label=words.DISCRIMINATOR_STEPS, info=words.DISCRIMINATOR_STEPS_INFO, elem_id="lab-steps",
                        min_width=200,
                    ),
                    reading.whole_from("number of steps"),
                )  # fmt: skip
                momentum = page.reads(
                    gr.Slider(
                        *points.BOUNDS["momentum"], start.momentum, step=0.05, buttons=[], label=words.MOMENTUM,
                        elem_id="lab-momentum", min_width=200,
                    ),
                    reading.number_from("momentum", *points.BOUNDS["momentum"]),
                )  # fmt: skip
    controls = [shape, objective, penalty, strength, steps, of_discriminator, of_generator, momentum]

    def settings_of(values) -> points.Settings:
        names = ("shape", "objective", "penalty", "strength", "discriminator_steps")
        try:
            return points.Settings(**dict(zip((*names, "discriminator_rate", "generator_rate", "momentum"), values)))
        except TrainingError as error:
            raise InvalidInput(str(error)) from error

    def watch(visit: Visit, game: points.Game) -> Iterator[dict]:
        """Train and show frames until it is stopped, the time is over, or the visitor leaves."""
        with turns.running(visit) as goes_on:
            games[visit] = game
            end = time.monotonic() + SECONDS
            while goes_on() and (began := time.monotonic()) < end:
                with turns.turn() as seconds:
                    game.train(1000, seconds)
                    drawn = frame(points, game)
                yield {shown: drawn}
                time.sleep(max(0.0, began + FRAME - time.monotonic()))

    def train_points(visit, *values):
        """Continue from the current state."""
        game = games.get(visit) or points.Game(settings_of(values))
        game.change(settings_of(values))
        return watch(visit, game)

    def train_anew(visit, *values):
        return watch(visit, points.Game(settings_of(values)))

    def show_example(visit, example):
        """Put its settings into the controls."""
        if example not in EXAMPLES:
            raise InvalidInput(words.NOTHING_PICKED)
        chosen = points.EXAMPLES[example]
        values = (chosen.shape, chosen.objective, chosen.penalty, chosen.strength, chosen.discriminator_steps)
        values += (chosen.discriminator_rate, chosen.generator_rate, chosen.momentum)
        return {says: EXAMPLES[example][1]} | dict(zip(controls, values, strict=True))

    def change_settings(visit, *values):
        """Apply the settings, also during training. If nothing is training, draw the frame again."""
        settings = settings_of(values)
        game = games.setdefault(visit, points.Game(settings))
        game.change(settings)
        with turns.turn():
            return {shown: frame(points, game)}

    def stop_points(visit):
        turns.stop(visit)

    page.on(train.click, train_points, controls, [shown], streams=True)
    page.on(anew.click, train_anew, controls, [shown], streams=True)
    then = page.on(example.input, show_example, [example], [says, *controls])
    page.on(then.then, train_anew, controls, [shown], streams=True)
    page.on([control.input for control in controls], change_settings, controls, [shown], live=True)
    page.on(page.tabs["lab"].select, change_settings, controls, [shown])  # the first frame, in the visitor's language
    page.on(stop.click, stop_points)


# ---- A frame


def frame(points, game) -> str:
    """The plane, the number of modes found, and the losses, as HTML."""
    file = io.BytesIO()
    points.draw(game).save(file, "webp", quality=80, method=0)
    picture = base64.b64encode(file.getvalue()).decode()
    measured = game.measure()
    last = game.history[-1] if game.history else None
    lines = [[getattr(moment, name) for moment in game.history] for name in ("discriminator", "generator")]
    overflowed = last is not None and not (math.isfinite(last.discriminator) and math.isfinite(last.generator))
    said = say(words.OVERFLOWED if overflowed else words.modes(game.updates, *measured))
    return (
        f'<img src="data:image/webp;base64,{picture}" width="400" height="400" '
        f'alt="{say(words.frame_alt(game.updates, measured.covered, measured.modes))}">'
        f'<p class="modes">{said}</p>{curves(*lines)}<p class="legend">{say(words.LEGEND)}</p>'
    )


WIDTH, HEIGHT = 400, 90


def curves(*lines: list[float]) -> str:
    """The losses of discriminator and generator over time as an SVG. Outliers are cut off, so that the rest is
    visible."""
    known = sorted(value for line in lines for value in line if math.isfinite(value))
    if len(known) < 4:
        return f'<svg class="losses" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true"></svg>'
    low, high = known[len(known) // 50], known[-1 - len(known) // 50]
    span = max(high - low, 1e-6)

    def path(values) -> str:
        across = WIDTH / max(1, len(values) - 1)
        heights = ((min(max((value - low) / span, 0), 1) if math.isfinite(value) else 1) for value in values)
        return " ".join(f"{k * across:.1f},{(1 - at) * (HEIGHT - 4) + 2:.1f}" for k, at in enumerate(heights))

    said = say(words.losses_alt(lines[0][-1], lines[1][-1]))
    drawn = "".join(
        f'<polyline class="{name}" points="{path(values)}"/>'
        for name, values in zip(("discriminator", "generator"), lines, strict=True)
    )
    return (
        f'<svg class="losses" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{said}">{drawn}</svg><p class="legend">{say(words.LOSSES)}: '
        f'<b class="discriminator">{say(words.OF_DISCRIMINATOR)}</b> {lines[0][-1]:.2f}, '
        f'<b class="generator">{say(words.OF_GENERATOR)}</b> {lines[1][-1]:.2f}</p>'
    )
