"""What the readers of a request take, and what they refuse with a sentence."""

import math

import pytest

from gan_models.demo import reading
from gan_models.errors import InvalidInput

HALF = "\ud800"  # half a surrogate pair: JSON can hold it, and no answer can be sent with it
READERS = {
    "text": (reading.text("name"), "a name", "a name"),
    "lines": (reading.lines("pins", 2), "one\ntwo", ["one", "two"]),
    "choice": (reading.choice("model", str, int), "mnist", "mnist"),
    "choices": (reading.choices("labels"), ["Smiling"], ["Smiling"]),
}


@pytest.mark.parametrize("name", READERS)
def test_no_text_is_taken_that_cannot_be_sent_back(name):
    reader, good, read = READERS[name]
    assert reader(good) == read and reader(None) in ("", [], None)
    bad = [*good, HALF] if isinstance(good, list) else good + HALF
    with pytest.raises(InvalidInput, match=r"must be .*, not ") as caught:
        reader(bad)
    str(caught.value).encode()


@pytest.mark.parametrize(
    ("reader", "bad"),
    [
        (reading.text("name"), "x" * 1001),
        (reading.text("name"), 1),
        (reading.lines("pins", 2), "1 2 3"),
        (reading.choice("model", str), 1),
        (reading.choice("face", int), 10**9),
        (reading.choice("model", str), "x" * 1001),
        (reading.choices("labels"), "Smiling"),
        (reading.choices("labels"), [1]),
        (reading.number_from("seed", 0, 1), math.nan),
        (reading.number_from("seed", 0, 1), True),
        (reading.whole_from("seed"), 0.5),
        (reading.whole_from("seed"), math.inf),
        (reading.whole_from("seed"), ""),
    ],
)
def test_what_is_no_value_of_a_control_is_refused(reader, bad):
    with pytest.raises(InvalidInput, match=r"must be .*, not "):
        reader(bad)


def test_numbers_are_read_as_numbers():
    assert reading.whole_from("seed")(3.0) == 3 and reading.number_from("weight", 0, 1)(1) == 1.0
