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
from ..memory import keep_memory
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
# In bytes, for keep_memory: the maps of a draw are kept for the next one, large photos are given back.
KEPT = 32 << 20, 64 << 20

__all__ = ["TABS", "Models", "build", "serve"]


def tab_name(tab) -> str:
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
            gr.Markdown(words.TITLE if models.editors() else words.TITLE_DRAWING, elem_id="title")
            if common:
                common.source.render()
                common.current.render()
        chosen = page.reads(gr.Textbox(tab_name(tabs[0]), visible=False), reading.choice("tab", str))
        if common:
            common.chosen = chosen
            for kept in (common.revision, common.picture, common.pins, common.elsewhere):
                kept.render()
            common.due.render()
        with gr.Tabs(elem_id="tabs") as all_tabs:
            for tab in tabs:
                name = tab_name(tab)
                with gr.Tab(tab.TITLE, id=name, elem_id=f"{name}-tab") as page.tabs[name]:
                    tab.tab(page, models, common)
        if common:
            common.pinned.render()
            common.reopen.render()
            told = about.footer(models, first, "generator")
            switching(page, models, common, first, told)
            follow(page, common, all_tabs)
        else:
            for name, opened in page.tabs.items():
                page.here(opened.select, f"() => {{ document.body.dataset.tab = {name!r} }}")
        gr.Markdown(words.ABOUT, elem_id="about")
        api.wire(page, models)

        def leave(request: gr.Request) -> None:
            page.visits.leave(request.session_hash)

        page.unload(leave)
    return page


def switching(page: Page, models: Models, common: shared.Shared, first: str, told) -> None:
    """Wire what happens when a generator is chosen, by the visitor, a link or a file."""
    line, text = told
    chosen = common.chosen
    of_generators = {page.tabs[tab_name(tab)]: tab for tab in TABS if hasattr(tab, "serves")}
    page.serves = lambda tab, generator: getattr(page_tabs[tab], "serves", lambda _: True)(generator)
    page_tabs = {tab_name(tab): tab for tab in TABS}

    def useless(name: str) -> str:
        """The tabs that a model does not serve. (They are hidden by CSS, since Gradio hides no tab before it was open.)"""
        return " ".join(tab_name(made) for made in of_generators.values() if not made.serves(models[name]))

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
        return changes | {line: about.about_line(models, name), text: about.card_html(models, name)}

    def switch(visit, name, current, tab, pins, elsewhere, picture, anchors):
        """To another model, and nothing left that it cannot draw. If it cannot be opened, the page stays as it is."""
        current = current if current in models.generators() else first
        if name == current:  # Gradio's list may say the same choice twice
            return None
        try:
            changes = turned(name)
        except ModelError as error:
            complain(str(error))
            return {common.source: current, common.current: current}
        serves = {opened: made.serves(models[name]) for opened, made in of_generators.items()}
        if not serves.get(page.tabs.get(tab), True):
            changes[chosen] = next(opened.id for opened, able in serves.items() if able)
        changes |= {common.source: name, common.current: name, **dict.fromkeys(common.leftovers)}
        changes |= {common.pins: "", common.elsewhere: shared.put_away(models, current, pins, elsewhere)}
        alike = shared.kind_of(models[name]) == shared.kind_of(models[current])
        if not alike or not shared.fitting(models[name], picture):
            changes[common.picture] = ""
        if not alike or len(shared.fitting(models[name], anchors)) < len(anchors):
            changes[common.anchors] = shared.WALK
        return changes | {common.due: shared.anew()}

    kept = [common.source, common.current, chosen, common.pins, common.elsewhere, common.picture, common.anchors]
    page.on(common.source.input, switch, kept, [*kept, common.due, *turning, *common.leftovers], spinner=common.source)
    link.wire_address(page, models, common, turned, turning)


def follow(page: Page, common: shared.Shared, all_tabs: gr.Tabs) -> None:
    """Wire when the open tab draws: once after each change of `common.due`, whoever caused it, and only what it does not
    show yet."""
    first, anew = next(iter(page.tabs)), "String(Math.random())"
    for name, tab in page.tabs.items():
        # Gradio sends `select` also for a tab that was opened by us, which is told of already.
        script = f"""due => {{ const again = (document.body.dataset.tab ?? {first!r}) === {name!r};
            document.body.dataset.tab = {name!r}; return [{name!r}, again ? due : {anew}] }}"""
        page.here(tab.select, script, [common.due], [common.chosen, common.due])
    for event in common.opening:
        page.here(event.then, f"() => {anew}", [], [common.due])
    turn = "tab => { document.body.dataset.tab = tab; return {__type__: 'update', selected: tab} }"
    turning = page.here(common.due.change, turn, [common.chosen], [all_tabs])

    def draw_open(visit, tell, tab, *values):
        """What the open tab shows of the model and the picture that are chosen."""
        changes, values = {}, iter(values)
        for drawing in common.drawings:
            own = [next(values) for _ in drawing.inputs]
            changes |= drawing.function(visit, tell, tab, *own) or {}
        return changes

    inputs = [component for drawing in common.drawings for component in drawing.inputs]
    outputs = dict.fromkeys(component for drawing in common.drawings for component in drawing.outputs)
    spinners = [drawing.spinner for drawing in common.drawings if drawing.spinner]
    drawn = page.on(
        turning.then,
        draw_open,
        [common.chosen, *inputs],
        [*outputs],
        long=True,
        draws=True,
        several=True,
        spinner=spinners,
    )
    for event in (drawn, *common.telling):
        link.update_address(page, common, event)


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
    keep_memory(*KEPT)
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
                + showing_only(
                    {tab_name(tab): getattr(tab, "ASKS", None) for tab in TABS if tab_name(tab) in page.tabs}
                ),
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
