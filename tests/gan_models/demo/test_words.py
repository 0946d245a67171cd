"""Every sentence of the page in each language, and who is told which."""

import inspect
import re

import gradio as gr
import pytest

from gan_models.demo import speaking, words
from training.data import cifar, digits

OTHERS = sorted(set(words.LANGUAGES) - {"en"})
SAME = {"NAME", "TITLE"}  # a name needs no translation


@pytest.mark.parametrize("language", OTHERS)
def test_no_sentence_is_missing_or_left_over(language):
    english, theirs = words.sentences(), words.sentences(language)
    assert len(english) > 80
    missing, left_over = set(english) - set(theirs), set(theirs) - set(english)
    assert not missing, f"words/{language}.py lacks {sorted(missing)}: add them there"
    assert not left_over, f"words/{language}.py has {sorted(left_over)}, which words/en.py has not: remove them"

    for name, said in english.items():
        assert type(said) is type(theirs[name]), name
        if isinstance(said, dict):
            assert set(said) == set(theirs[name]), f"{name} of words/{language}.py lacks or adds keys"


@pytest.mark.parametrize("language", OTHERS)
def test_sentences_are_translated_and_keep_what_is_filled_in(language):
    english, theirs = words.sentences(), words.sentences(language)
    for name, said in english.items():
        if inspect.isfunction(said):
            parameters = list(inspect.signature(said).parameters.values())
            assert [p.name for p in parameters] == list(inspect.signature(theirs[name]).parameters), name
            if any(p.kind is p.VAR_POSITIONAL for p in parameters):
                continue
            filled = [f"<{p.name}>" if p.annotation in (str, "str") else 7 for p in parameters]
            told = words.say(getattr(words, name)(*filled), language)
            assert told == theirs[name](*filled) and isinstance(told, str)
            for value in filled:
                assert str(value) in told or not isinstance(value, str), (name, told)
            assert told != said(*filled) or name == "attribute", f"{name} is not translated into {language}"
        else:
            pairs = said.items() if isinstance(said, dict) else [(None, said)]
            for key, text in pairs:
                other = theirs[name][key] if key else theirs[name]
                assert other.strip() and (other != text or name in SAME), f"{name} {key or ''} is not translated"
                assert re.findall(r"`[^`]+`", text) == re.findall(r"`[^`]+`", other), name  # code stays
                assert text.count("**") == other.count("**"), name


def test_the_browser_is_given_whole_sentences_by_their_english():
    given = words.translations()["zh-CN"]
    assert given[words.DRAW] == words.say(words.DRAW, "zh") == "绘制"
    assert given[words.LAB_NOTE] == words.say(words.LAB_NOTE, "zh")
    assert gr.I18n(**words.translations()).translations_dict["zh-CN"][words.SEED] == "种子"


@pytest.mark.parametrize("language", OTHERS)
def test_the_same_english_is_said_in_one_way(language):
    """The browser knows a sentence by its English alone."""
    told = {}
    for english, theirs in words._pairs(language):
        assert told.setdefault(english, theirs) == theirs, f"{english!r} is both {told[english]!r} and {theirs!r}"


def test_what_is_filled_in_is_translated_in_the_browser_too():
    with gr.Blocks() as page:
        gr.Slider(label=words.direction(3))
        said = words.of_model("mnist-cgan", "dcgan", 28, 28, words.able_to_draw(128, words.TOLD_NOTHING), "Data.")
        gr.Markdown(said).filled = said
    given = speaking.for_the_browser(page)["zh-CN"]
    assert given["Direction 3"] == "方向 3"
    (told,) = (theirs for english, theirs in given.items() if english.startswith("**mnist-cgan**"))
    assert "128" in told and "训练时没有标签" in told
    marked = speaking.marked_texts("radio", {"label": words.direction(3), "value": words.FILL}, given)
    assert marked["value"] == words.FILL  # what is chosen is sent back as it is
    assert marked["label"] != "Direction 3" and "Direction 3" in marked["label"]


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-US,en;q=0.9,zh-CN;q=0.8", "en"),
        ("fr-FR,fr;q=0.9,zh;q=0.4,en;q=0.5", "en"),
        ("de;q=0.9, ZH-hans", "zh"),
        ("ja", "en"),
        (None, "en"),
        ("", "en"),
        ("zh;q=x,,;q=,\ud800", "en"),
        ("zh," * 100_000, "zh"),
    ],
)
def test_the_language_is_the_first_supported_one_that_a_browser_asks_for(accepted, language):
    assert words.language_of(accepted) == language


class Request:
    def __init__(self, accepted):
        self.headers = {"accept-language": accepted}


def test_answers_are_told_in_the_language_of_the_request_and_choices_stay_what_they_are():
    markdown, radio, gallery, box = gr.Markdown(), gr.Radio(["a"]), gr.Gallery(), gr.Textbox()
    changes = {
        markdown: words.lab_busy(3),
        radio: gr.Radio(label=words.SEED, choices=[(words.DRAW, words.DRAW), ("x", 1)], value=words.DRAW),
        gallery: [("file.webp", words.BEFORE), ("other.webp", "7:2")],
        box: words.DRAW,
    }
    speaking.listen(Request("en"))
    assert speaking.translated(changes) == changes and speaking.say(words.DRAW) == words.DRAW
    speaking.listen(Request("zh-CN"))
    try:
        told = speaking.translated(changes)
        assert "3 位访客" in told[markdown]
        update = told[radio].constructor_args
        assert update["label"] == "种子" and update["value"] == words.DRAW
        assert update["choices"] == [("绘制", words.DRAW), ("x", 1)]
        assert told[gallery] == [("file.webp", "修改前"), ("other.webp", "7:2")] and told[box] == words.DRAW
        assert speaking.translated({markdown: gr.update(value=words.EXPLORE_CODES)})[markdown]["value"].startswith(
            "这个模型训练时没有标签"
        )
        assert speaking.say(words.joined(words.DRAW, words.SEED)) == "绘制种子"
        assert speaking.say("celeba-cgan") == "celeba-cgan"
    finally:
        speaking.listen(None)


def test_what_the_library_complains_of_is_translated_too(tmp_path):
    from demo_server import tiny
    from PIL import Image

    from gan_models import load, marks, photos, pictures, studio
    from gan_models.demo import reading
    from gan_models.errors import InvalidInput
    from gan_models.rng import check_count, check_seed

    Image.new("RGB", (8, 8)).save(tmp_path / "small.png")
    digits = load(str(tiny(tmp_path / "digits", image_size=28, image_channels=1, labels=list("0123456789"))))
    wrong = [
        lambda: reading.whole_from("seed")("x"),
        lambda: reading.number_from("truncation", 0, 1.5)(2),
        lambda: reading.text("picture")(7),
        lambda: reading.choice("model", str)(["x"]),
        lambda: reading.choices("wanted attributes")(7),
        lambda: check_seed(-1),
        lambda: check_count(65, most=64),
        lambda: reading.whole_from("number of pictures")(None),
        lambda: reading.lines("list of keyframes", 2)("1 2 3"),
        lambda: pictures.parse(digits, "x"),
        lambda: pictures.parse(digits, "7/1_2"),
        lambda: pictures.parse(digits, "zAAAA"),
        lambda: pictures.check_keyframes([pictures.parse(digits, "1")]),
        lambda: marks.read(b"no picture at all"),
        lambda: studio.parse_anchors("1 x"),
        lambda: studio.parse_anchors("1"),
        lambda: photos.open_photo(b""),
        lambda: photos.open_photo(b"no picture at all"),
        lambda: photos.open_photo(tmp_path / "small.png"),
    ]
    for ask in wrong:
        with pytest.raises(InvalidInput) as error:
            ask()
        told = words.say(str(error.value), "zh")
        assert any("\u4e00" <= letter <= "\u9fff" for letter in told) and told.endswith("。"), error.value
        assert words.say(str(error.value), "en") == str(error.value)


def test_every_class_of_the_data_sets_with_words_for_classes_has_one():
    assert set(words.CLASS_NAMES) == {*cifar.CLASSES, *digits.GARMENTS}
    assert words.say(words.attribute("ship"), "zh") == "船"
