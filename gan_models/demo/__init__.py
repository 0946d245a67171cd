"""The demo: what a person sees in the browser. The only room that imports gradio; `import gan_models` does not load it.

page = build(Models(["mnist-cgan"]), folder)
serve(Models(["mnist-cgan"]), "127.0.0.1", 7860)
"""

import os
import tempfile
import threading
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
# A thread for each visitor. Networks this small wait longer for a second thread than it saves, most of all on busy
# cores. (torch reads this when it is first imported.)
os.environ.setdefault("OMP_NUM_THREADS", "1")

import gradio as gr  # noqa: E402 - it reads what is set before
from starlette.middleware import Middleware  # noqa: E402

from ..errors import InvalidInput, ModelError  # noqa: E402
from . import about, attributes, photo, reading, repair, sample, shared, sketch, walk, words  # noqa: E402
from .models import Models  # noqa: E402
from .page import Page, complain  # noqa: E402
from .theme import CSS, THEME, showing_only  # noqa: E402
from .uploads import MOST_BYTES, UploadRoute, Uploads  # noqa: E402
from .visits import Visits  # noqa: E402

# The tabs in the order of the page, one file each. A file has
#   TITLE                        what stands on the tab
#   tab(page, models, shared)    its components and their wiring, called inside of page.tabs[name]
# and one of
#   serves(generator) -> bool    whether it is of use for a generator, where it works with the one that is chosen at the
#                                top of the page; then also ASKS, the elem_ids of those of the `shared` controls that
#                                stand below it
#   there(models) -> bool        whether this page has it, where it works with models of its own, or with none; then it
#                                tells of them by about.footer
TABS = (
    photo,
    sample,
    walk,
    attributes,
    repair,
    sketch,
)
VISITORS = 40  # whose photos are in memory at a time, each up to 150 MB: the longest away are forgotten first
SWEEP_SECONDS = 60

__all__ = ["TABS", "Models", "build", "serve"]


def name_of(tab) -> str:
    """A tab's name, by which the page and its address know it: that of its file."""
    return tab.__name__.rpartition(".")[2]


def build(models: Models, folder: str | os.PathLike) -> Page:
    """The page over the models that are offered; the first is shown first. Its files, and those of its visitors, lie
    in `folder`, which must be GRADIO_TEMP_DIR when it is launched. Raises what opening the first model raises."""
    first = next(iter(models.generators()), None)
    of_generators = [tab for tab in TABS if hasattr(tab, "serves")]
    tabs = [tab for tab in TABS if (first is not None if tab in of_generators else tab.there(models))]
    if not tabs:
        raise InvalidInput(words.NOTHING_TO_DO)
    with Page(Uploads(Path(folder) / "uploads"), Visits(folder), title=words.NAME, analytics_enabled=False) as page:
        common = shared.make(page, models, first) if first else None
        with gr.Row(elem_id="top"):
            gr.Markdown(words.TITLE, elem_id="title")
            if common:
                common.source.render()
                common.current.render()
        chosen = page.reads(gr.Textbox(name_of(tabs[0]), visible=False), reading.choice("tab", str))
        with gr.Tabs(elem_id="tabs") as all_tabs:
            for tab in tabs:
                name = name_of(tab)
                shown = tab not in of_generators or tab.serves(models[first])
                with gr.Tab(tab.TITLE, id=name, elem_id=f"{name}-tab", visible=shown) as page.tabs[name]:
                    tab.tab(page, models, common)
                page.here(page.tabs[name].select, f"() => (document.body.dataset.tab = {name!r})", [], [chosen])
        if common:
            with gr.Row():
                for control in (*common.wished, common.truncation):
                    control.render()
            told = about.footer(models, first, "generator")
            switching(page, models, common, first, all_tabs, chosen, told)
        gr.Markdown(words.ABOUT)

        def leave(request: gr.Request) -> None:
            page.visits.leave(request.session_hash)

        page.unload(leave)
    return page


def switching(page: Page, models: Models, common: shared.Shared, first: str, all_tabs, chosen, told) -> None:
    """Wire the choice of a generator, for all tabs that work with the chosen one."""
    line, text = told
    of_generators = {page.tabs[name_of(tab)]: tab for tab in TABS if hasattr(tab, "serves")}

    def switch(visit, name, current, tab):
        """To another model: its controls and the tabs that it serves, and nothing left of the model before. If it
        cannot be opened, the page stays as it is."""
        try:
            serves = {opened: made.serves(models[name]) for opened, made in of_generators.items()}
            changes = {opened: gr.Tab(visible=able) for opened, able in serves.items()}
            changes |= {component: gr.update(**look(models, name)) for component, look in common.looks.items()}
            changes |= {line: about.describe(models, name), text: about.card(models, name)}
        except ModelError as error:
            complain(str(error))
            current = current if current in models.generators() else first
            return {common.source: current, common.current: current}
        if not serves.get(page.tabs.get(tab), True):
            changes[all_tabs] = gr.Tabs(selected=next(opened.id for opened, able in serves.items() if able))
        return {common.source: name, common.current: name, **changes, **dict.fromkeys(common.leftovers)}

    then = page.on(
        common.source.input,
        switch,
        [common.source, common.current, chosen],
        [common.source, common.current, all_tabs, *of_generators, *common.looks, line, text, *common.leftovers],
        spinner=common.source,
    )
    for drawing in common.redrawn:
        page.on(page.load, *drawing)
        then = page.on(then.then, *drawing)
    then = common.picking
    for drawing in common.when_picked:
        then = page.on(then.then, *drawing)


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
                css=CSS
                + showing_only({name_of(tab): getattr(tab, "ASKS", None) for tab in TABS if name_of(tab) in page.tabs}),
                ssr_mode=False,
                footer_links=[],
                max_file_size=MOST_BYTES,
                state_session_capacity=VISITORS,
                app_kwargs={"middleware": [Middleware(UploadRoute, uploads=page.uploads)]},
            )
        finally:
            over.set()
