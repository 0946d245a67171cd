"""The lab's tab: who may train, what is shown, when it ends; and the tab that trains recipes on one's own machine."""

import base64
import gc
import io
import re
import threading
import time
from pathlib import Path

import gradio as gr
import pytest
from demo_server import Asking, tiny
from PIL import Image

from gan_models.demo import Models, build, lab, words
from gan_models.errors import InvalidInput


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder, patch = tmp_path_factory.mktemp("run"), pytest.MonkeyPatch()
    patch.setenv("GRADIO_TEMP_DIR", str(folder))
    model = tiny(tmp_path_factory.mktemp("models") / "plain", image_size=28, image_channels=1)
    yield build(Models([str(model)]), folder)
    patch.undo()


def of(ask, name):
    """The controls of an endpoint, and what the page sends for them."""
    endpoint = ask.named(name)
    return endpoint, [component.value for component in endpoint.inputs]


def watched(page, session: str, values=None, name: str = "train_anew"):
    """The frames of a visitor, as Gradio asks for them."""
    endpoint = next(fn for fn in page.fns.values() if fn.name == name)
    values = [component.value for component in endpoint.inputs] if values is None else values
    return endpoint.fn(gr.Request(session_hash=session), *values)


def shown(frames) -> list[dict]:
    """All frames to the end, without what only says that nothing changes."""
    return [frame for frame in frames if "__type__" not in frame]


def modes_of(frame: dict) -> str:
    (html,) = frame.values()
    return re.search(r'class="modes">([^<]*)<', html)[1]


def test_a_frame_is_a_picture_in_words_too(page):
    frames = watched(page, "a")
    next(frames), next(frames)
    (html,) = next(frames).values()
    frames.close()
    picture = Image.open(io.BytesIO(base64.b64decode(re.search(r"base64,([^\"]*)", html)[1])))
    assert picture.size == (400, 400) and len(html) < 100_000
    assert re.search(r'alt="The plane after [\d,]+ updates: generated points at \d of 8 modes', html)
    assert html.count("<polyline") == 2 and 'role="img" aria-label="Losses over time' in html
    updates = [int(modes_of(frame).split()[0].replace(",", "")) for frame in [{0: html}]]
    assert updates[0] >= 3


def test_training_goes_on_from_where_it_was_and_starts_anew(page, monkeypatch):
    monkeypatch.setattr(lab, "SECONDS", 0.3)

    def updates(name):
        frames = shown(watched(page, "b", name=name))
        return int(modes_of(frames[-1]).split()[0].replace(",", ""))

    first, second = updates("train_anew"), updates("train_points")
    assert second > first and updates("train_anew") < second


def test_only_so_many_train_at_a_time_and_the_next_is_told(page, monkeypatch):
    said = []
    monkeypatch.setattr(gr, "Warning", lambda sentence, **_: said.append(sentence))
    running = [watched(page, f"visitor {k}") for k in range(lab.MOST)]
    for frames in running:
        next(frames)
    refused = list(watched(page, "one more"))
    assert refused == [gr.skip()] and said == [words.lab_busy(lab.MOST)]
    again = watched(page, "visitor 0")  # the same visitor takes no second place; the start before ends
    next(again)
    assert shown(running[0]) == []
    running[1].close()
    free = watched(page, "one more")
    assert len(next(free)) == 1
    for frames in (*running, again, free):
        frames.close()


def test_it_ends_when_it_is_stopped_and_when_the_visitor_leaves(page):
    ask = Asking(page, "c")
    frames = watched(page, "c")
    next(frames)
    ask("stop_points", [])
    assert shown(frames) == []
    frames = watched(page, "c")
    next(frames)
    page.visits.leave("c")
    assert shown(frames) == []
    gc.collect()


def test_what_is_changed_counts_at_once(page):
    ask = Asking(page, "d")
    endpoint, values = of(ask, "change_settings")
    names = [component.elem_id for component in endpoint.inputs]
    values[names.index("lab-shape")] = "grid"
    (html,), said = ask(endpoint, values)
    assert not said and "of 25 modes" in html
    values[names.index("lab-momentum")] = 3
    outputs, said = ask(endpoint, values)
    assert "value" not in outputs[0] and len(said) == 1


@pytest.mark.parametrize("example", lab.EXAMPLES)
def test_an_example_sets_the_controls(page, example):
    from training.points import EXAMPLES

    assert set(lab.EXAMPLES) == set(EXAMPLES)
    ask = Asking(page, "e")
    endpoint = ask.named("show_example")
    (says, *values), said = ask(endpoint, [example])
    assert not said and says == lab.EXAMPLES[example][1]
    shown = dict(zip((component.elem_id for component in endpoint.outputs[1:]), values, strict=True))
    wanted = EXAMPLES[example]
    assert shown["lab-objective"] == wanted.objective and shown["lab-momentum"] == wanted.momentum
    for component, value in zip(endpoint.outputs[1:], values, strict=True):  # each is among what the control offers
        if isinstance(component, gr.Dropdown):
            assert value in [choice for _, choice in component.choices]


def test_turns_are_short_and_fair():
    turns = lab.Turns()
    order, began = [], threading.Barrier(2)

    class Visitor:
        gone = threading.Event()

    def work(name):
        visitor = Visitor()
        with turns.running(visitor) as goes_on:
            began.wait()
            for _ in range(4):
                assert goes_on()
                with turns.turn() as seconds:
                    order.append((name, seconds))
                    time.sleep(0.01)
                time.sleep(0.01)

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert {name for name, _ in order[:4]} == {"a", "b"} and {s for _, s in order} <= {lab.SLICE / 2, lab.SLICE}
    assert len(turns) == 0


def test_it_is_there_where_training_is(monkeypatch):
    assert lab.there(None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not lab.there(None)


def test_a_run_is_started_only_by_its_own_words(monkeypatch, tmp_path):
    from gan_models.demo import train

    started = []

    class Child(train.Child):
        def start(self, recipe, folder, arguments):
            started.append((recipe, folder, arguments))
            raise InvalidInput("enough.")

    monkeypatch.setattr(train, "Child", Child)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    models = Models([str(tiny(tmp_path / "plain", image_size=28, image_channels=1))], trains=True)
    ask = Asking(build(models, tmp_path))
    ask("train_run", ["mnist-mlp", "first", 1000, "--set=x", "--push-to-hub=a/b"])
    assert started == [
        ("mnist-mlp", train.RUNS / "first", ["--images", "1000", "--data-root=--set=x", "--data=--push-to-hub=a/b"])
    ]
    for name in ("../x", "", "a/b", "-x", "x" * 61, "."):
        _, said = ask("train_run", ["mnist-mlp", name, 1000, "", ""])
        assert len(started) == 1 and len(said) == 1


def test_a_run_is_watched_stopped_resumed_and_opened(monkeypatch, tmp_path):
    """The real thing: `python -m training` as a child process."""
    from gan_models.demo import train

    monkeypatch.setattr(train, "RUNS", tmp_path / "runs")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setenv("GAN_STUDIO_CACHE", str(tmp_path / "cache"))
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for k in range(64):
        Image.effect_noise((28, 28), 20 + k).save(pictures / f"{k}.png")
    models = Models([str(tiny(tmp_path / "plain", image_size=28, image_channels=1))], trains=True)
    page = build(models, tmp_path)
    ask = Asking(page, "owner")
    values = ["mnist-mlp", "mine", 10_000_000, "", str(pictures)]
    frames, statuses = watched(page, "owner", values, "train_run"), []
    for frame in frames:
        statuses += [html for html in frame.values() if isinstance(html, str) and "is being trained" in html]
        if any(isinstance(html, str) and "<polyline" in html for html in frame.values()):
            break
    assert statuses
    _, said = ask("resume_run", values)
    assert "mine is being trained" in said[0]  # one at a time
    ask("stop_run", [])
    last = shown(frames)[-1]
    assert any("has ended" in html and "--resume" in html for html in last.values() if isinstance(html, str)), last
    assert (tmp_path / "runs" / "mine" / "checkpoint").is_dir()
    pictures_shown, seen = [], 0
    for frame in watched(page, "owner", values, "resume_run"):
        pictures_shown += [
            value for value in frame.values() if isinstance(value, (str, Path)) and Path(str(value)[:200]).is_file()
        ]
        seen += any("images" in str(value) for value in frame.values())
        if pictures_shown and seen > 2:
            ask("stop_run", [])
    assert pictures_shown and Image.open(pictures_shown[-1]).size[0] > 200
    (choices,), said = ask("open_run", ["mine"])
    assert not said and ("mine", "mine") in [tuple(choice) for choice in choices["choices"]]
    assert models["mine"].image_shape == (1, 28, 28)
    assert "mine" in models.generators()
