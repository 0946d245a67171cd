"""The demo in the browser. The only package that imports gradio; `import gan_models` does not load it.

page = build(Models(["mnist-cgan"]), folder)
serve(Models(["mnist-cgan"]), "127.0.0.1", 7860)
"""

import contextlib
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
# One thread per visitor. For networks this small a second thread costs more than it saves, above all on busy cores.
# (torch reads this when it is first imported.)
os.environ.setdefault("OMP_NUM_THREADS", "1")
# By default Gradio computes statistics of the last 10,000 events after each event, for a page that is not shown here.
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(10**9))
os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "1")

import gradio as gr
from starlette.middleware import Middleware

from ..errors import InvalidInput, ModelError
from . import (
    about,
    api,
    attributes,
    compare,
    explore,
    lab,
    link,
    photo,
    reading,
    repair,
    sample,
    shared,
    sketch,
    speaking,
    train,
    translate,
    verify,
    walk,
    words,
)
from .models import Models
from .page import Page, complain
from .theme import CSS, HEAD, THEME, showing_only
from .uploads import MOST_BYTES, UploadRoute, Uploads
from .visits import PictureRoute, Visits

# The tabs in the order of the page, one file each. A file has
#   TITLE                        the label of the tab
#   tab(page, models, shared)    its components and their wiring, called inside of page.tabs[name]
# and, if it works with the generator that is chosen at the top of the page,
#   serves(generator) -> bool    whether it can use that generator
#   ASKS                         the elem_ids of the `shared` controls that it shows
# or, if it chooses models by itself or uses none,
#   there(models) -> bool        whether the page has this tab; about.footer then describes its models
TABS = (
    photo,
    sample,
    walk,
    attributes,
    explore,
    compare,
    repair,
    sketch,
    translate,
    verify,
    lab,
    train,
)
VISITORS = 40  # whose photos are kept in memory at a time, up to 150 MB each; the least recent are dropped first
SWEEP_SECONDS = 60

__all__ = ["TABS", "Models", "build", "serve"]


def name_of(tab) -> str:
    """A tab's name on the page and in its address: the name of its file."""
    return tab.__name__.rpartition(".")[2]


def build(models: Models, folder: str | os.PathLike) -> Page:
    """The page for the offered models, of which the first is shown first. Its files and those of its visitors are in
    `folder`, which must be GRADIO_TEMP_DIR when the page is launched. Raises as opening the first model does."""
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
        selecting = {}
        if common:
            common.chosen = chosen
            for kept in (common.revision, common.picture, common.pins, common.elsewhere):
                kept.render()
        with gr.Tabs(elem_id="tabs") as all_tabs:
            if common:
                common.tabs = all_tabs
            for tab in tabs:
                name = name_of(tab)
                with gr.Tab(tab.TITLE, id=name, elem_id=f"{name}-tab") as page.tabs[name]:
                    tab.tab(page, models, common)
                selecting[name] = page.here(
                    page.tabs[name].select, f"() => (document.body.dataset.tab = {name!r})", [], [chosen]
                )
        if common:
            with gr.Row():
                for control in (*common.wished, common.truncation):
                    control.render()
            common.pinned.render()
            common.reopen.render()
            told = about.footer(models, first, "generator")
            switching(page, models, common, first, all_tabs, selecting, told)
        gr.Markdown(words.ABOUT)
        api.wire(page, models)

        def leave(request: gr.Request) -> None:
            page.visits.leave(request.session_hash)

        page.unload(leave)
    return page


def switching(page: Page, models: Models, common: shared.Shared, first: str, all_tabs, selecting, told) -> None:
    """Wire what happens when a generator, a tab or a picture is chosen. selecting: the event of each tab."""
    line, text = told
    chosen = common.chosen
    of_generators = {page.tabs[name_of(tab)]: tab for tab in TABS if hasattr(tab, "serves")}
    page.serves = lambda tab, generator: getattr(page_tabs[tab], "serves", lambda _: True)(generator)
    page_tabs = {name_of(tab): tab for tab in TABS}

    def useless(name: str) -> str:
        """The tabs that a model does not serve. (They are hidden by CSS, since Gradio hides no tab before it was open.)"""
        return " ".join(name_of(made) for made in of_generators.values() if not made.serves(models[name]))

    page.unserved = useless(first).split()
    unserved = gr.Textbox(useless(first), visible=False)
    hide = "names => { document.body.dataset.unserved = names }"
    page.here(unserved.change, hide, [unserved], [])
    page.here(page.load, hide, [unserved], [])
    turning = [unserved, *common.looks, line, text]

    def turned(name: str) -> dict:
        """The updates for another model: controls and tabs."""
        changes = {component: gr.update(**look(models, name)) for component, look in common.looks.items()}
        changes[unserved] = useless(name)
        return changes | {line: about.describe(models, name), text: about.card(models, name)}

    def switch(visit, name, current, tab, pins, elsewhere):
        """To another model, and nothing left of the model before. If it cannot be opened, the page stays as it is."""
        current = current if current in models.generators() else first
        try:
            changes = turned(name)
        except ModelError as error:
            complain(str(error))
            return {common.source: current, common.current: current}
        serves = {opened: made.serves(models[name]) for opened, made in of_generators.items()}
        if not serves.get(page.tabs.get(tab), True):
            other = next(opened.id for opened, able in serves.items() if able)
            changes |= {all_tabs: gr.Tabs(selected=other), chosen: other}
        changes |= {common.source: name, common.current: name, **dict.fromkeys(common.leftovers)}
        changes |= {common.pins: "", common.elsewhere: shared.put_away(models, current, pins, elsewhere)}
        return changes

    switching = page.on(
        common.source.input,
        switch,
        [common.source, common.current, chosen, common.pins, common.elsewhere],
        [
            common.source,
            common.current,
            all_tabs,
            chosen,
            common.pins,
            common.elsewhere,
            *turning,
            *common.leftovers,
        ],
        spinner=common.source,
    )
    follow(page, common, models, selecting, switching, *link.wire(page, models, common, all_tabs, turned, turning))


def follow(page: Page, common: shared.Shared, models: Models, selecting: dict, switching, linking, reopening) -> None:
    """Wire when the open tab draws again: after which events, from the chosen model and picture."""
    drawings = dict(common.drawings)
    if "compare" in page.tabs:
        drawings["compare"] = page.compare
    showing = common.showing

    def draw(event, names):
        then = event
        for name in names:
            drawing = drawings[name]
            then = page.on(
                then.then, drawing.function, [common.chosen, *drawing.inputs], drawing.outputs, **drawing.options
            )
            if name == "sample":
                then = page.on(then.then, showing.function, [common.chosen, *showing.inputs], showing.outputs)
        return then

    for name in selecting.keys() & drawings.keys():
        link.tell(page, common, draw(selecting[name], [name]))
    # One request for the tab that is open, not one for each that there is.
    starts = {
        name: sum(len(drawings[before].inputs) for before in list(drawings)[:k]) for k, name in enumerate(drawings)
    }
    every = [component for drawing in drawings.values() for component in drawing.inputs]
    results = list(dict.fromkeys(component for drawing in drawings.values() for component in drawing.outputs))

    def draw_open(visit, tell, tab, *values):
        """What the open tab shows of the model and the picture that are chosen."""
        if tab not in drawings:
            return None
        drawing, start = drawings[tab], starts[tab]
        extra = (tell,) if drawing.options.get("long") else ()
        return drawing.function(visit, *extra, tab, *values[start : start + len(drawing.inputs)])

    spinners = [drawing.options["spinner"] for drawing in drawings.values() if "spinner" in drawing.options]
    for event in (switching, linking, reopening):
        then = page.on(event.then, *common.repinning)
        then = page.on(then.then, draw_open, [common.chosen, *every], results, long=True, spinner=spinners)
        then = page.on(then.then, showing.function, [common.chosen, *showing.inputs], showing.outputs)
        link.tell(page, common, then)
    for event in common.opening:
        then = page.on(event.then, showing.function, [common.chosen, *showing.inputs], showing.outputs)
        link.tell(page, common, draw(then, [name for name in ("attributes", "explore") if name in drawings]))
    for event, name in common.going:
        link.tell(page, common, draw(event, [name]))
    for event in common.telling:
        link.tell(page, common, event)


@contextlib.contextmanager
def own_folder():
    """A temporary folder that is gone afterwards, although requests may still write into it while it is being removed."""
    folder = tempfile.mkdtemp(prefix="gan-studio-")
    try:
        yield folder
    finally:
        for _ in range(50):
            shutil.rmtree(folder, ignore_errors=True)
            if not os.path.exists(folder):
                break
            time.sleep(0.1)


def serve(models: Models, host: str, port: int | None = None, mcp: bool = False) -> None:
    """Serve the page until the process is told to end. With `mcp` its named endpoints are also tools of the Model
    Context Protocol. Raises OSError or OverflowError if it cannot listen there, and as `build` does. No file is left
    on the disk afterwards."""
    over = threading.Event()
    with own_folder() as folder:
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
                head=HEAD,
                i18n=gr.I18n(**speaking.for_the_browser(page)),
                css=CSS
                + showing_only({name_of(tab): getattr(tab, "ASKS", None) for tab in TABS if name_of(tab) in page.tabs}),
                ssr_mode=False,
                footer_links=["api"],
                mcp_server=mcp,
                max_file_size=MOST_BYTES,
                state_session_capacity=VISITORS,
                app_kwargs={
                    "middleware": [
                        Middleware(PictureRoute, visits=page.visits),
                        Middleware(UploadRoute, uploads=page.uploads),
                    ]
                },
            )
        finally:
            over.set()
