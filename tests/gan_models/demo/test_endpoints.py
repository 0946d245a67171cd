"""Every endpoint of the page, called with anything: a result or a sentence, never a traceback.

GAN_STUDIO_CASES=1000 python -m pytest tests/gan_models/demo/test_endpoints.py
"""

import logging
import os
from collections import Counter

import gradio as gr
import orjson
import pytest
from demo_server import UNCHANGED, Asking, tiny, tiny_models
from gradio.components.api_component import Api
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CASES = int(os.environ.get("GAN_STUDIO_CASES", 25))  # of each endpoint

# ---- What JSON can hold

words = st.text(st.characters(), max_size=20) | st.sampled_from(
    ["", "\0", "\ud800", "../..", "/etc/passwd", "<b>", "NaN", "1" * 5000, "²"]
)
numbers = (
    st.integers()
    | st.floats()
    | st.sampled_from(
        [10**400, -(10**400), 2**63, 2**63 - 1, 2**31, float("inf"), float("nan"), -0.0, 1e308, True, False]
    )
)
keys = (
    st.sampled_from(
        ["path", "meta", "url", "caption", "index", "value", "__type__", "_type", "name", "data", "visible"]
    )
    | words
)
files = st.fixed_dictionaries(
    {
        "path": words | st.none() | st.sampled_from(["/dev/zero", "app.py", "http://127.0.0.1:1/a.png"]),
        "meta": st.just({"_type": "gradio.FileData"}),
    }
)
updates = st.fixed_dictionaries({"__type__": st.just("update"), "value": words | numbers})
plain = st.none() | words | numbers | files | updates
junk = plain | st.recursive(
    plain, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)
captions = st.sampled_from(["7", "7:3", "7:5", "7:6", "3:999", "x", "1 2", "9" * 19]) | words
clicks = st.fixed_dictionaries(
    {
        "index": st.lists(st.integers(0, 511), min_size=2, max_size=2) | st.integers(0, 8),
        "value": st.fixed_dictionaries({"caption": st.sampled_from(["7", "7:3", "7:5"])}),
    }
)
points = st.lists(st.integers(-50, 600) | numbers, min_size=2, max_size=2)
odd_clicks = st.fixed_dictionaries(
    {"index": points | junk, "value": st.fixed_dictionaries({"caption": captions}) | junk}
)


def mostly(usual: st.SearchStrategy, seldom: st.SearchStrategy, share: int = 5) -> st.SearchStrategy:
    """One of `share` is another. (st.one_of would choose among all the parts of both.)"""
    return st.integers(1, share).flatmap(lambda n: usual if n < share else seldom)


events = mostly(clicks, mostly(odd_clicks, junk, 2), 2)


changes = st.dictionaries(st.sampled_from(["Smiling", "Young", "Bald", "Hat"]), st.floats(-1, 1) | numbers, max_size=3)
asks = st.fixed_dictionaries(
    {
        "key": st.just("drawn-0"),
        "turn": st.integers(0, 9) | numbers,
        "face": st.sampled_from([0, 0, 0, 1, 5, "0", "x"]),
    },
    optional={
        "edits": st.dictionaries(st.sampled_from(["0", "0", "1", "x"]), mostly(changes, junk), max_size=2),
        "file": files,
    },
)


def plausible(component) -> st.SearchStrategy:
    """What a page may send for a component."""
    if isinstance(component, gr.HTML):
        return mostly(asks, st.dictionaries(st.sampled_from(["key", "turn", "face", "edits", "file"]), junk))
    if isinstance(component, (gr.Radio, gr.Dropdown)):
        entries = st.sampled_from([value for _, value in component.choices] or [0])
        if getattr(component, "multiselect", False):
            return st.lists(entries, max_size=2)
        # of another model, too, and what no model has
        return mostly(
            entries,
            st.sampled_from(["Smiling", "category", "0", "1", "9", -1, 0, 3, 9, 10, None, "faces", "digits", "codes"]),
        )
    if isinstance(component, gr.Slider):
        return st.integers(max(0, int(component.minimum)), min(16, int(component.maximum))) | st.floats(
            component.minimum, component.maximum
        )
    if isinstance(component, gr.Number):
        return st.integers(0, 100)
    if isinstance(component, gr.Textbox):
        if component.elem_id == "anchors":
            return st.sampled_from(["1 2", "1, 2, 3:4", "1 7:2*0.5/3"])
        if (component.elem_id or "").startswith("kept-"):  # pictures, as the page keeps them
            return st.sampled_from(
                ["", "1", "7:2", "5:99", "7:2/3", "1*0.5\n2", "3/0_1_0_0.5_1", "\n".join("123456789")]
            )
        return st.sampled_from(LINKS) if component.elem_id == "asked" else st.sampled_from(MODELS)
    if isinstance(component, Api):
        return st.sampled_from(SENT) | st.just(component.value)
    return st.none()


def asked(inputs: list) -> st.SearchStrategy:
    """Mostly what a page may send, with junk here and there; or nothing but junk, or too little or too much of it."""
    each = [plausible(component) for component in inputs]
    good = st.tuples(*each).map(list)
    if not inputs:
        return st.just([]) | st.lists(junk, max_size=2)
    spoiled = st.tuples(good, st.dictionaries(st.integers(0, len(inputs) - 1), junk, min_size=1, max_size=2)).map(
        lambda pair: [pair[1].get(k, value) for k, value in enumerate(pair[0])]
    )
    return mostly(good, mostly(spoiled, st.lists(junk, max_size=len(inputs) + 2), 3), 2)


# ---- The endpoints

LINKS = (
    "model=faces&seed=7&n=4&t=0.5&with=Smiling&without=Male&tab=sample&picture=7:2/0_1_0_0.5_1",
    "model=digits&class=7&walk=1+2&tab=walk&pins=1+2:3&rev=0123456789abcdef",
    "model=codes&class=3&tab=explore",
    "tab=photo",
    "tab=compare&left=digits&right=plain&seed=3",
    "tab=compare&left=digits&right=codes&class=7",
    "model=plain&tab=attributes",
    "seed=x",
    "theme=dark",
)
SENT = (
    "faces",
    "digits",
    "codes",
    "editor",
    "1",
    "7:2/3",
    ["1", "2"],
    {"Smiling": 1},
    {"7": 1},
    0,
    2,
    3.0,
    True,
    "mp4",
)
MODELS = ("faces", "digits", "plain", "editor", "codes")


def tiny_codes(folder):
    """An InfoGAN."""
    import torch

    from gan_models import model_folder
    from gan_models.networks.infogan import InfoGANGenerator

    torch.manual_seed(0)
    model_folder.save(InfoGANGenerator(latent_dim=20, width=4, hidden=16).eval(), folder)
    return folder


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    from gan_models.demo import Models, build

    folder, patch = tmp_path_factory.mktemp("run"), pytest.MonkeyPatch()
    patch.setenv("GRADIO_TEMP_DIR", str(folder))
    models = tmp_path_factory.mktemp("models")
    yield build(Models([str(source) for source in [*tiny_models(models), tiny_codes(models / "codes")]]), folder)
    patch.undo()


@pytest.fixture(scope="module")
def ask(page):
    """The endpoints, asked by a visitor with two photos open."""
    ask = Asking(page)
    for number, wanted in ((1, "another"), (0, "subject")):
        outputs, said = ask("open_example", ["editor", {"face": number}])
        assert not said and outputs[1]["kind"] == "opened"
        if wanted == "another":
            states = [block for block in ask.named("open_other").outputs if isinstance(block, gr.State)]
            subject = next(block for block in ask.named("open_example").outputs if isinstance(block, gr.State))
            ask.state[states[0]._id] = ask.state[subject._id].portrait
    ask.photos = dict(ask.state.state_data)
    return ask


class Kept(logging.Handler):
    """What was logged."""

    def __init__(self):
        super().__init__()
        self.records = []

    def emit(self, record):
        self.records.append(self.format(record))


API = ("models", "sample", "interpolate", "edit_attributes", "edit_photo")
ENDPOINTS = (
    *API,
    "draw_samples",
    "new_seed",
    "open_sample",
    "open_variation",
    "open_pin",
    "vary_it",
    "pin_it",
    "draw_open",
    "add_to_walk",
    "take_all",
    "walk_along",
    "open_stop",
    "open_between",
    "walk_through_pins",
    "as_webp",
    "change",
    "sweep",
    "keep_it",
    "forget_changes",
    "another",
    "open_step",
    "explore",
    "go_along",
    "keep_explored",
    "forget_moves",
    "another_to_explore",
    "open_along",
    "compare",
    "choose_left",
    "choose_right",
    "next_seed",
    "follow_link",
    "reopen",
    "open_damaged",
    "take_drawn",
    "begin_repair",
    "repair",
    "verify",
    "open_photo",
    "open_example",
    "choose_editor",
    "choose_face",
    "retouch",
    "open_other",
    "unframed",
    "morph",
    "forget_other",
    "forget",
    "full_size",
    "prepare",
    "switch",
    "leave",
    "train_points",
    "train_anew",
    "show_example",
    "change_settings",
    "stop_points",
)


def of_the_server(page) -> list:
    """All but what `Page.here` wired, which the browser does alone."""
    return [endpoint for endpoint in page.fns.values() if endpoint.fn]


def test_what_the_browser_does_alone_cannot_be_asked_for(page, ask):
    for endpoint in page.fns.values():
        if not endpoint.fn:
            with pytest.raises(gr.Error) as refused:
                ask(endpoint, ["x"])
            assert not refused.value.print_exception
            break
    else:
        raise AssertionError("there is no such endpoint")


def test_all_endpoints_are_here(page):
    assert {endpoint.name for endpoint in of_the_server(page)} == set(ENDPOINTS)
    kinds = {(endpoint.name, tuple(block._id for block in endpoint.inputs)) for endpoint in of_the_server(page)}
    assert len(kinds) == len(ENDPOINTS)  # endpoints of one name are the same function of the same components


# These may say something beside what they show: another model was taken, or a link was made with other weights.
REMARKS = ("switch", "follow_link", "reopen")


@pytest.mark.parametrize("name", ENDPOINTS)
def test_anything_is_answered_by_a_result_or_a_sentence(page, ask, name):
    endpoint, tally = ask.named(name), Counter()

    @settings(
        max_examples=CASES,
        deadline=None,
        derandomize=CASES < 1000,
        database=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(asked(endpoint.inputs), events, st.booleans())
    def calls(data, event, photo):
        ask.state.state_data = dict(ask.photos) if photo else {}
        kept = Kept()
        logging.getLogger("gan_models").addHandler(kept)
        try:
            outputs, said = ask(endpoint, data, event)
        except gr.Error as error:
            assert (len(data) < len(endpoint.inputs) or name in API) and not error.print_exception
            tally["said"] += 1
            assert not kept.records and 10 < len(error.message) < 3000 and error.message.rstrip()[-1] in ".;?"
            return
        finally:
            logging.getLogger("gan_models").removeHandler(kept)
        said += [output["said"] for output in outputs if isinstance(output, dict) and "said" in output]
        tally["said" if said else "done"] += 1
        assert not kept.records, kept.records[0]
        orjson.dumps(outputs)  # as Gradio sends them
        assert len(outputs) == len(endpoint.outputs) and len(said) <= 1
        assert all(10 < len(sentence.encode()) < 3000 and sentence.rstrip()[-1] in ".;?" for sentence in said), said
        assert (
            all(output in UNCHANGED or isinstance(output, dict) and "said" in output for output in outputs)
            or not said
            or name in REMARKS
        )

    calls()
    print(f"{name}: {dict(tally)}")


def test_the_last_resort_handler_reports_an_error(page, ask, monkeypatch):
    """What nobody thought of becomes a sentence and is logged, and the test above fails."""
    monkeypatch.setattr("gan_models.pictures.of_seed", lambda *_: 1 / 0)
    kept = Kept()
    logging.getLogger("gan_models").addHandler(kept)
    outputs, said = ask("draw_samples", ["faces", 1, 1, 1.0, -1, [], []])
    logging.getLogger("gan_models").removeHandler(kept)
    assert (
        all(output in UNCHANGED for output in outputs)
        and "unexpected" in said[0]
        and "ZeroDivisionError" in kept.records[0]
    )


def test_a_model_with_more_attributes_than_sliders_does_not_shift_what_is_shown(tmp_path, monkeypatch):
    from gan_models.demo import Models, build

    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    names = ["Smiling", *(f"Attribute_{k}" for k in range(44))]
    ask = Asking(
        build(
            Models([str(tiny(tmp_path / "many", image_size=28, image_channels=1, labels=names, multi_label=True))]),
            tmp_path,
        )
    )
    endpoint = ask.named("draw_open")
    # the tab is the first input; the others as the page sends them at first
    values = ["attributes", *(getattr(block, "value", None) for block in endpoint.inputs[1:])]
    outputs, said = ask(endpoint, values)
    assert not said
    shown = dict(zip(endpoint.outputs, outputs, strict=True))
    sliders = [update for block, update in shown.items() if isinstance(block, gr.Slider) and "label" in update]
    assert [slider["label"] for slider in sliders] == [
        "Smile",
        *(f"Attribute {k}" for k in range(39)),
    ]
    galleries = [len(value) for value in shown.values() if isinstance(value, list) and value]
    assert galleries == [2, 7]
    endpoint = ask.named("change")
    values = [slider["value"] for slider in sliders]
    (before_after, _), said = ask(endpoint, ["many", "1", None, *values])
    assert (
        not said and before_after[0]["image"]["path"] == before_after[1]["image"]["path"]
    )  # as it is: those without a slider, too
    values[0] = 1 - values[0]
    (before_after, _), said = ask(endpoint, ["many", "1", None, *values])
    assert not said and before_after[0]["image"]["path"] != before_after[1]["image"]["path"]
    assert any(
        "first 40" in block.value
        for block in ask.page.blocks.values()
        if isinstance(block, gr.Markdown) and block.elem_id == "hint"
    )
