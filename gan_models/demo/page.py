"""The page: Gradio's Blocks with a layer between its events and our functions that checks what a request sent.

    page.reads(component, reader)                     sets how a component's value is read, once, where it is made
    page.on(button.click, function, [a, b], [c])      function(visit, a, b) -> {c: ...}
    page.here(tab.select, "() => ...", [a], [b])      a function of the browser, in JavaScript

A function gets the visit and then the checked values; it returns {component: update}. If it raises a ModelError, the page
shows that sentence and stays as it was.
"""

import contextlib
import html
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import gradio as gr
from gradio.route_utils import API_PREFIX
from gradio.routes import App
from gradio.state_holder import SessionState
from gradio_client.utils import encode_file_path

from ..errors import InvalidInput, ModelError
from . import speaking, words
from .reading import Reader, anything
from .uploads import Uploads
from .visits import Gone, Visits

log_event = logging.getLogger(__name__)
CORES = os.cpu_count() or 1
MAKE_APP = App.create_app  # kept here: two pages that are built at once must not take each other's stand-in for it


class Picked(gr.EventData):
    """What was clicked on. The event may hold anything: missing parts raise InvalidInput."""

    def __init__(self, target, data):
        super().__init__(None, data if isinstance(data, dict) else {})

    @property
    def caption(self) -> str:
        """The caption of a picture in a gallery."""
        value = self._data.get("value")
        caption = value.get("caption") if isinstance(value, dict) else None
        if not isinstance(caption, str):
            raise InvalidInput(words.NOTHING_PICKED)
        return caption

    @property
    def number(self) -> int:
        """The number of a picture in a gallery, from 0."""
        number = self._data.get("index")
        if type(number) is not int or not 0 <= number < 1000:
            raise InvalidInput(words.NOTHING_PICKED)
        return number

    @property
    def point(self) -> tuple[float, float]:
        """The place of the click, in pixels of the picture."""
        point = self._data.get("index")
        if (
            not isinstance(point, list)
            or len(point) != 2
            or not all(type(x) in (int, float) and abs(x) < 1e6 for x in point)
        ):
            raise InvalidInput(words.NO_PLACE)
        return point[0], point[1]


class Page(gr.Blocks):
    """A request's values reach our readers unchanged, and nothing that they name is opened.

    Gradio alone would open and copy every file that a request names, and fetch every address.
    """

    def __init__(self, uploads: Uploads, visits: Visits, **options):
        self.uploads, self.visits, self.readers = uploads, visits, {}
        self.tabs: dict[str, gr.Tab] = {}  # by name; each is there before its `tab` is called
        self.unserved: list[str] = []  # tabs that the first model does not serve
        with one_web_app():
            super().__init__(**options)

    def queue(self, *arguments, **options):
        """Gradio's queue, which looks for work 1,000 times a second: this one less often, so that an idle page costs a
        fifth of the CPU time."""
        super().queue(*arguments, **options)
        self._queue.sleep_when_free = 0.005
        return self

    def __exit__(self, *raised):
        with one_web_app():
            super().__exit__(*raised)

    def reads(self, component: gr.components.Component, reader: Reader):
        """Set the reader of a component's value, and return the component."""
        self.readers[component._id] = reader
        return component

    def on(
        self,
        triggers,
        function: Callable,
        inputs: Sequence = (),
        outputs: Sequence = (),
        *,
        picks: bool = False,
        long: bool = False,
        live: bool = False,
        quick: bool = False,
        several: bool = False,
        draws: bool = False,
        streams: bool = False,
        says=None,
        spinner=None,
    ):
        """Wire events to function(visit, *values). With `picks` it is function(visit, picked, *values); with `long`
        function(visit, tell, *values), where tell(share or (done, all), words) shows the progress, and ends the job
        when the visitor is gone. With `streams` the function yields updates; Gradio does not limit how many visitors
        run it at a time, so it must do so itself. With `draws` as many visitors are served at a time
        as there are cores, since drawing uses one thread; other functions serve one visitor at a time.

        live: of several events in a row only the last counts. several: each of them counts, at once. quick: skip the queue, for answers that take less time
        than waiting in it. says: the component that shows errors itself, as {"said": sentence} (without the queue
        Gradio shows no messages). spinner: the component that shows that there is something to wait for.
        """
        options = {"preprocess": False, "api_visibility": "private"}
        options |= {"show_progress_on": spinner} if spinner else {"show_progress": "hidden"}
        options |= {"trigger_mode": "always_last"} if live else {"trigger_mode": "multiple"} if says or several else {}
        options |= {"queue": False} if quick else {}
        options |= {"concurrency_limit": None} if streams else {"concurrency_limit": CORES} if draws else {}
        endpoint = self._endpoint(function, list(inputs), bool(outputs), picks, long, says, streams)
        if isinstance(triggers, list):
            return gr.on(triggers, endpoint, list(inputs), list(outputs), **options)
        return triggers(endpoint, list(inputs), list(outputs), **options)

    def here(self, trigger, script: str, inputs: Sequence = (), outputs: Sequence = ()):
        """Wire an event to a JavaScript function in the browser: values of the inputs -> values of the outputs."""
        options = {"preprocess": False, "api_visibility": "private", "queue": False, "show_progress": "hidden"}
        return trigger(None, list(inputs), list(outputs), js=script, **options)

    def _endpoint(
        self, function: Callable, inputs: list, answers: bool, picks: bool, long: bool, says, streams: bool
    ) -> Callable:
        """The function that Gradio calls."""

        def told(sentence: str) -> dict | None:
            return {says: {"said": sendable(speaking.say(sentence))}} if says else complain(sentence)

        readers = [anything if isinstance(component, gr.State) else self.readers[component._id] for component in inputs]

        def read(values: Sequence) -> list:
            return [reader(value) for reader, value in zip(readers, values, strict=True)]

        def own(changes: dict | None) -> dict | None:
            if names_files(list(changes.values()) if changes else None):
                raise AssertionError(f"{function.__name__} sends back what a request sent as a file")
            return changes

        def answer(request: gr.Request, values: Sequence, *extra) -> dict | list:
            speaking.listen(request)
            visit = self.visits.of(request.session_hash)
            changes, wrong = None, []
            with heard(function.__name__, wrong):
                if long:
                    extra = (telling(visit, *extra),)
                changes = speaking.translated(own(function(visit, *extra, *read(values))))
            if wrong:
                changes = told(*wrong)
            return (changes or gr.skip()) if answers else []

        def answers_one_by_one(request: gr.Request, values: Sequence) -> Iterator[dict | list]:
            speaking.listen(request)
            visit = self.visits.of(request.session_hash)
            wrong = []
            with heard(function.__name__, wrong), contextlib.closing(function(visit, *read(values))) as parts:
                for changes in parts:
                    visit.check()
                    yield speaking.translated(own(changes))
                    speaking.listen(request)  # again for each part, which may run in another thread
            if wrong:
                complain(*wrong)
            yield gr.skip()  # Gradio needs one answer, even if there was only an error

        if picks:

            def endpoint(request: gr.Request, picked: Picked, *values):
                return answer(request, values, picked)
        elif long:

            def endpoint(request: gr.Request, progress=gr.Progress(), *values):  # noqa: B008 - Gradio finds it by its default
                return answer(request, values, progress)
        elif streams:

            def endpoint(request: gr.Request, *values):
                yield from answers_one_by_one(request, values)
        else:

            def endpoint(request: gr.Request, *values):
                return answer(request, values)

        endpoint.__name__ = endpoint.__qualname__ = function.__name__
        return endpoint

    def get_config_file(self, *arguments, **named):
        """The configuration from which the browser builds the page, with our sentences marked for translation."""
        config = super().get_config_file(*arguments, **named)
        ours = speaking.for_the_browser(self)["zh"]
        for component in config["components"]:
            component["props"] = speaking.marked_texts(component["type"], component["props"], ours)
        return config

    def sweep(self) -> None:
        """Remove files and visits that are too old."""
        self.uploads.sweep()
        self.visits.sweep()
        for component in self.blocks.values():  # Gradio's own lists of files grow with each answer and are not needed
            component.temp_files.clear()

    async def preprocess_data(self, block_fn, inputs, state, explicit_call=False):
        needed = len(block_fn.inputs)
        if len(inputs) < needed or block_fn.fn is None:  # `here` wires functions of the browser only
            raise gr.Error(words.TOO_LITTLE, print_exception=False)
        state = state or SessionState(self)
        return [
            state[block._id] if block.stateful else value
            for block, value in zip(block_fn.inputs, inputs[:needed], strict=True)
        ]

    async def postprocess_data(self, block_fn, predictions, state):
        """Sends pictures of galleries as they are. Gradio would check each file on the disk several times, which took a
        fifth of the time of a draw."""
        if not isinstance(predictions, dict):
            return await super().postprocess_data(block_fn, predictions, state)
        galleries = {component: change for component, change in predictions.items() if shows_files(component, change)}
        told = await super().postprocess_data(block_fn, predictions | dict.fromkeys(galleries), state)
        outputs = list(block_fn.outputs)
        for component, shown in galleries.items():
            told[outputs.index(component)] = [{"image": file_data(path), "caption": said} for path, said in shown]
        return told

    async def process_api(self, *arguments, event_data=None, **named):
        if event_data is not None:  # it may name files too, which Gradio would open
            event_data = gr.EventData(None, without_files(event_data._data))
        return await super().process_api(*arguments, event_data=event_data, **named)


@contextlib.contextmanager
def one_web_app():
    """Let Gradio make its web app at launch alone. It also makes one when a page begins and when it ends, and throws them
    away; together they took as long as loading all bundled models."""
    App.create_app = staticmethod(lambda *arguments, **named: None)
    try:
        yield
    finally:
        App.create_app = staticmethod(MAKE_APP)


@contextlib.contextmanager
def heard(name: str, wrong: list[str]):
    """Turn errors of the function of that name into a sentence for the visitor. Unexpected ones are logged too."""
    try:
        yield
    except Gone:
        pass  # nobody waits for the answer
    except ModelError as error:
        wrong.append(error.args[0] if error.args and isinstance(error.args[0], str) else str(error))
    except Exception:
        log_event.exception("unexpected, in %s", name)
        wrong.append(words.UNEXPECTED)


def complain(sentence: str) -> None:
    """Show an error on the page."""
    gr.Warning(html.escape(sendable(speaking.say(sentence))), title=speaking.say(words.TROUBLE))


def inform(sentence: str, title: str, seconds: float = 3) -> None:
    """Show a message on the page."""
    gr.Info(html.escape(sendable(speaking.say(sentence))), duration=seconds, title=speaking.say(title))


def sendable(sentence: str) -> str:
    """The sentence without halves of surrogate pairs, which cannot be sent."""
    return sentence.encode("utf-8", "backslashreplace").decode()


def telling(visit, progress: gr.Progress) -> Callable:
    def tell(share: float | tuple[int, int], what: str) -> None:
        visit.check()
        progress(share, desc=speaking.say(what))

    return tell


def shows_files(component, change) -> bool:
    """Whether the value is a gallery's list of (file, caption)."""
    return (
        isinstance(component, gr.Gallery)
        and isinstance(change, list)
        and all(isinstance(item, tuple) and isinstance(item[0], Path) for item in change)
    )


def file_data(path: Path) -> dict:
    """A picture file in the form that Gradio's page expects."""
    return {
        "path": str(path),
        "url": f"{API_PREFIX}/file={encode_file_path(str(path))}",
        "orig_name": path.name,
        "mime_type": "image/webp",
        "size": None,
        "is_stream": False,
        "meta": {"_type": "gradio.FileData"},
    }


def names_files(value) -> bool:
    """Whether Gradio would take a part of the value for a file to copy and show. Our functions name files by path, so
    such a value can only come from a request."""
    if isinstance(value, dict):
        return "path" in value and "meta" in value or any(map(names_files, value.values()))
    return isinstance(value, (list, tuple)) and any(map(names_files, value))


def without_files(data, depth: int = 5):
    """An event's data as plain values. What is nested deeper, or looks like a file of Gradio's, is left out."""
    if isinstance(data, (dict, list)) and not depth:
        return None
    if isinstance(data, dict):
        return {
            key: without_files(value, depth - 1) for key, value in data.items() if key not in ("path", "meta", "url")
        }
    return [without_files(value, depth - 1) for value in data] if isinstance(data, list) else data
