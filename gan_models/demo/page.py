"""The page: Gradio's Blocks, between whose events and our functions stands one layer that makes sure of what was sent.

    page.reads(component, reader)                     how the value of a component is read, once, where it is made
    page.on(button.click, function, [a, b], [c])      function(visit, a, b) -> {c: ...}
    page.here(tab.select, "() => ...", [a], [b])      a function of the browser, in JavaScript

A function gets the visit first and then values that were read; it returns what changes, {component: update}. What it
raises as ModelError is said on the page in one sentence, and what was shown stays.
"""

import contextlib
import html
import logging
from collections.abc import Callable, Iterator, Sequence

import gradio as gr
from gradio.state_holder import SessionState

from ..errors import InvalidInput, ModelError
from . import speaking, words
from .reading import Reader, anything
from .uploads import Uploads
from .visits import Gone, Visits

log = logging.getLogger(__name__)


class Picked(gr.EventData):
    """What was clicked on, which may be anything: its parts raise InvalidInput where they are missing."""

    def __init__(self, target, data):
        super().__init__(None, data if isinstance(data, dict) else {})

    @property
    def caption(self) -> str:
        """Of a picture in a gallery."""
        value = self._data.get("value")
        caption = value.get("caption") if isinstance(value, dict) else None
        if not isinstance(caption, str):
            raise InvalidInput(words.NOTHING_PICKED)
        return caption

    @property
    def number(self) -> int:
        """Which picture of a gallery, from 0."""
        number = self._data.get("index")
        if type(number) is not int or not 0 <= number < 1000:
            raise InvalidInput(words.NOTHING_PICKED)
        return number

    @property
    def point(self) -> tuple[float, float]:
        """In pixels of the picture."""
        point = self._data.get("index")
        if (
            not isinstance(point, list)
            or len(point) != 2
            or not all(type(x) in (int, float) and abs(x) < 1e6 for x in point)
        ):
            raise InvalidInput(words.NO_PLACE)
        return point[0], point[1]


class Page(gr.Blocks):
    """What a request sends reaches our readers as it came, and nothing that it names is opened on the way.

    Gradio itself would open and copy every file that a request names anywhere, and fetch every address.
    """

    def __init__(self, uploads: Uploads, visits: Visits, **options):
        self.uploads, self.visits, self.readers = uploads, visits, {}
        self.tabs: dict[str, gr.Tab] = {}  # by their names, each there before its `tab` is called
        self.unserved: list[str] = []  # tabs that the first model does not serve
        super().__init__(**options)

    def reads(self, component: gr.components.Component, reader: Reader):
        """The component, whose value is read like that from now on."""
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
        streams: bool = False,
        says=None,
        spinner=None,
    ):
        """Wire events. function(visit, *values), or function(visit, picked, *values) with `picks`, or function(visit,
        tell, *values) with `long`, where tell(share or (done, all), words) shows how far it is and ends the job when
        the visitor is gone. With `streams` it yields what changes, again and again; as many visitors as ask for it are
        served at a time, so it has to see to how many may.

        live: of many events in a row only the last counts. quick: past the queue, for answers that take less time than
        to wait in one. says: the component that tells by itself what went wrong, {"said": sentence} (past the queue
        Gradio's own messages are not heard). spinner: the component that shows that there is something to wait for.
        """
        options = {"preprocess": False, "api_visibility": "private"}
        options |= {"show_progress_on": spinner} if spinner is not None else {"show_progress": "hidden"}
        options |= {"trigger_mode": "always_last"} if live else {"trigger_mode": "multiple"} if says else {}
        options |= {"queue": False} if quick else {}
        options |= {"concurrency_limit": None} if streams else {}
        endpoint = self._endpoint(function, list(inputs), bool(outputs), picks, long, says, streams)
        if isinstance(triggers, list):
            return gr.on(triggers, endpoint, list(inputs), list(outputs), **options)
        return triggers(endpoint, list(inputs), list(outputs), **options)

    def here(self, trigger, script: str, inputs: Sequence = (), outputs: Sequence = ()):
        """Wire an event to a JavaScript function of the browser alone: values of the inputs -> of the outputs."""
        options = {"preprocess": False, "api_visibility": "private", "queue": False, "show_progress": "hidden"}
        return trigger(None, list(inputs), list(outputs), js=script, **options)

    def _endpoint(
        self, function: Callable, inputs: list, answers: bool, picks: bool, long: bool, says, streams: bool
    ) -> Callable:
        """What Gradio calls."""

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
                    speaking.listen(request)  # each part is asked for anew, and maybe in another thread
            if wrong:
                complain(*wrong)
            yield gr.skip()  # Gradio wants one, also where there was only something to complain about

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
        """What the browser builds the page from, with our sentences marked as such, so that it translates them."""
        config = super().get_config_file(*arguments, **named)
        for component in config["components"]:
            component["props"] = speaking.marked(component["props"])
        return config

    def sweep(self) -> None:
        """Remove what is older than it may become."""
        self.uploads.sweep()
        self.visits.sweep()
        for component in self.blocks.values():  # Gradio's own lists of files grow with each answer and are of no use
            component.temp_files.clear()

    async def preprocess_data(self, block_fn, inputs, state, explicit_call=False):
        needed = len(block_fn.inputs)
        if len(inputs) < needed or block_fn.fn is None:  # what `here` wired is not for the server
            raise gr.Error(words.TOO_LITTLE, print_exception=False)
        state = state or SessionState(self)
        return [
            state[block._id] if block.stateful else value
            for block, value in zip(block_fn.inputs, inputs[:needed], strict=True)
        ]

    async def process_api(self, *arguments, event_data=None, **named):
        if event_data is not None:  # it may name files too, and Gradio would look for them
            event_data = gr.EventData(None, without_files(event_data._data))
        return await super().process_api(*arguments, event_data=event_data, **named)


@contextlib.contextmanager
def heard(name: str, wrong: list[str]):
    """What goes wrong in the function of that name becomes a sentence for the visitor, and what nobody thought of is
    logged too."""
    try:
        yield
    except Gone:
        pass  # nobody waits for this
    except ModelError as error:
        wrong.append(error.args[0] if error.args and isinstance(error.args[0], str) else str(error))
    except Exception:
        log.exception("unexpected, in %s", name)
        wrong.append(words.UNEXPECTED)


def complain(sentence: str) -> None:
    """Say on the page what is wrong."""
    gr.Warning(html.escape(sendable(speaking.say(sentence))), title=speaking.say(words.TROUBLE))


def inform(sentence: str, title: str, seconds: float = 3) -> None:
    """Say on the page what has happened."""
    gr.Info(html.escape(sendable(speaking.say(sentence))), duration=seconds, title=speaking.say(title))


def sendable(sentence: str) -> str:
    """Without halves of surrogate pairs, which cannot be sent."""
    return sentence.encode("utf-8", "backslashreplace").decode()


def telling(visit, progress: gr.Progress) -> Callable:
    def tell(share: float | tuple[int, int], what: str) -> None:
        visit.check()
        progress(share, desc=speaking.say(what))

    return tell


def names_files(value) -> bool:
    """Whether Gradio would take something in it for a file to copy and to show. Our functions name files by their
    paths alone, so such a thing can only have come with a request."""
    if isinstance(value, dict):
        return "path" in value and "meta" in value or any(map(names_files, value.values()))
    return isinstance(value, (list, tuple)) and any(map(names_files, value))


def without_files(data, depth: int = 5):
    """An event as plain values: what is nested deeper, or looks like a file of Gradio's, is left out."""
    if isinstance(data, (dict, list)) and not depth:
        return None
    if isinstance(data, dict):
        return {
            key: without_files(value, depth - 1) for key, value in data.items() if key not in ("path", "meta", "url")
        }
    return [without_files(value, depth - 1) for value in data] if isinstance(data, list) else data
