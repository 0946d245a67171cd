"""The demo: what a person sees in the browser. The only room that imports gradio; `import gan_models` does not load it.

page = build(Models(["mnist-cgan"]), folder)
serve(Models(["mnist-cgan"]), "127.0.0.1", 7860)
"""

import os
import tempfile
import threading
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr  # noqa: E402 - it reads the line before
from starlette.middleware import Middleware  # noqa: E402

from .. import studio  # noqa: E402
from ..errors import ModelError  # noqa: E402
from . import attributes, photo, sample, shared, walk, words  # noqa: E402
from .models import Models  # noqa: E402
from .page import Page, complain  # noqa: E402
from .theme import CSS, THEME  # noqa: E402
from .uploads import MOST_BYTES, UploadRoute, Uploads  # noqa: E402
from .visits import Visits  # noqa: E402

VISITORS = 40  # whose photos are in memory at a time, each up to 150 MB: the longest away are forgotten first
SWEEP_SECONDS = 60

__all__ = ["Models", "build", "serve"]


def build(models: Models, folder: str | os.PathLike) -> Page:
    """The page over the models that are offered; the first is shown first. Its files, and those of its visitors, lie
    in `folder`, which must be GRADIO_TEMP_DIR when it is launched. Raises what opening the first model raises."""
    first = models.generators()[0]
    about = {"value": describe(models, first)}
    with Page(Uploads(Path(folder) / "uploads"), Visits(folder), title=words.NAME, analytics_enabled=False) as page:
        common = shared.make(page, models, first)
        with gr.Row(elem_id="top"):
            gr.Markdown(words.TITLE, elem_id="title")
            common.source.render()
        common.current.render()

        sample.tab(page, models, common)
        walk.tab(page, models, common)
        attributes.tab(page, models, common, first)
        photo.tab(page, models, folder)

        with gr.Row():
            for control in (*common.wished, common.truncation):
                control.render()
        line = gr.Markdown(elem_id="about", **about)
        with gr.Accordion(words.MODEL_CARD, open=False, elem_id="card"):
            text = gr.Markdown(models.about(first).card)
        gr.Markdown(words.ABOUT)

        def switch(visit, name, current):
            """To another model: its controls, and nothing left of the model before. If it cannot be opened, the page
            stays as it is."""
            try:
                changes = {component: gr.update(**look(models, name)) for component, look in common.looks.items()}
                changes |= {line: describe(models, name), text: models.about(name).card}
            except ModelError as error:
                complain(str(error))
                current = current if current in models.generators() else first
                return {common.source: current, common.current: current}
            return {common.source: name, common.current: name, **changes, **dict.fromkeys(common.leftovers)}

        then = page.on(
            common.source.input,
            switch,
            [common.source, common.current],
            [common.source, common.current, *common.looks, line, text, *common.leftovers],
            spinner=common.source,
        )
        for drawing in common.redrawn:
            page.on(page.load, *drawing)
            then = page.on(then.then, *drawing)
        then = common.picking
        for drawing in common.when_picked:
            then = page.on(then.then, *drawing)

        def leave(request: gr.Request) -> None:
            page.visits.leave(request.session_hash)

        page.unload(leave)
    return page


def describe(models: Models, name: str) -> str:
    """A line on a model: its network and its data."""
    generator = models[name]
    _, height, width = generator.image_shape
    kind = "attributes" if generator.multi_label else "classes"
    told = f"told {len(generator.labels)} {kind}" if generator.labels else "told no labels"
    told += f", found {generator.categories} categories by itself" if studio.has_codes(generator) else ""
    network = (
        f"family `{generator.family}`, {width} x {height} pixels, latent of {generator.latent_dim} numbers, {told}"
    )
    return f"**{name}**: {network}. {models.about(name).data}"


def serve(models: Models, host: str, port: int | None = None) -> None:
    """Show the page until the process is told to end. Raises OSError or OverflowError where it cannot listen there,
    and what `build` raises. Nothing of it is left on the disk afterwards."""
    over = threading.Event()
    with tempfile.TemporaryDirectory(prefix="gan-studio-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        page = build(models, folder)

        def sweep() -> None:
            while not over.wait(SWEEP_SECONDS):
                page.sweep()

        threading.Thread(target=sweep, daemon=True).start()
        try:
            page.launch(
                server_name=host,
                server_port=port,
                theme=THEME,
                css=CSS,
                ssr_mode=False,
                footer_links=[],
                max_file_size=MOST_BYTES,
                state_session_capacity=VISITORS,
                app_kwargs={"middleware": [Middleware(UploadRoute, uploads=page.uploads)]},
            )
        finally:
            over.set()
