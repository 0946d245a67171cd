"""A card that a program writes and a person edits: whatever the person wrote stays."""

import time

import pytest
import yaml

from gan_models.cards import edits

NEW = edits.with_marks("license: mit\ntags:\n- gan\n", "# Toy\n\nFirst words.")
NEWER = edits.with_marks("license: mit\ntags:\n- gan\n- new\nlibrary_name: gan-studio\n", "# Toy\n\nLater words.")


def test_an_untouched_card_is_replaced():
    assert not edits.split_card(NEW).edited
    assert edits.merged(NEWER, NEW) == NEWER
    assert edits.merged(NEW, NEW) == NEW


def test_words_around_the_marks_stay():
    edited = NEW.replace("---\n\n<!--", "---\n\nBefore.\n\n<!--") + "\nAfter.\n\n## Mine\n"
    merged = edits.merged(NEWER, edited)
    assert "Later words." in merged and "First words." not in merged
    assert merged.index("Before.") < merged.index("Later words.") < merged.index("After.") < merged.index("## Mine")
    assert merged.startswith("---\nlicense: mit\n") and "- new" in merged
    assert edits.merged(NEWER, merged) == merged, "again it is the same"


def test_edited_words_between_the_marks_stay_for_good():
    edited = NEW.replace("First words.", "My words.")
    merged = edits.merged(NEWER, edited)
    assert "My words." in merged and "Later words." not in merged and "- new" in merged
    assert edits.merged(NEWER, merged) == merged


def test_edited_front_matter_stays_and_gets_what_it_lacks():
    edited = NEW.replace("license: mit", "license: other\nlicense_name: mine  # after a talk\nlanguage: en")
    merged = edits.merged(NEWER.replace("license: mit", "license: mit\nlicense_link: https://x.org"), edited)
    data = edits.front_matter(merged)
    assert data["license_name"] == "mine" and data["language"] == "en" and data["library_name"] == "gan-studio"
    assert data["tags"] == ["gan"] and "license_link" not in data and "# after a talk" in merged
    assert "Later words." in merged and edits.merged(NEWER, merged) == merged


def test_a_card_without_marks_is_a_persons():
    merged = edits.merged(NEW, "---\nlicense: cc0-1.0\n---\n# My own card\n\nText.\n")
    assert merged.index("# My own card") < merged.index("First words.")
    assert edits.front_matter(merged) == {"license": "cc0-1.0", "tags": ["gan"]}


def test_line_ends_and_spaces_are_no_edit():
    assert not edits.split_card(NEW.replace("\n", "\r\n")).edited
    assert not edits.split_card(NEW.replace("First words.\n", "First words.   \n\n")).edited


def test_what_the_program_changes_everywhere_is_no_edit():
    card = edits.rewritten(NEW, lambda text: text.replace("words", "WORDS"))
    assert "First WORDS." in card and not edits.split_card(card).edited
    edited = edits.rewritten(NEW.replace("First", "My"), lambda text: text.replace("words", "WORDS"))
    assert "My WORDS." in edited and edits.split_card(edited).text_edited


@pytest.mark.parametrize(
    "card",
    [
        "",
        "---",
        "---\n---\n",
        "---\na: [b\n---\nx",
        "---\n- a\n---\n",
        "\ufeffx",
        "---\n" + "a: &a [x, x]\n" + "b: *a\n" * 3 + "---\n",
        "---\n" + "{" * 19_000 + "\n---\n",
        "---\n" + "{" * 490 + "\n---\n",
        "---\na: 1\n" + "x" * 900_000,
        edits.BEGIN.format("-", "-"),
        edits.END + NEW,
        edits.BEGIN.format("-", "-") + "\n" + NEW,
        (edits.BEGIN.format("-", "-") + "\n") * 5000,
        edits.END * 20_000,
    ],
    ids=range(15),
)
def test_any_text_is_merged_at_once_and_kept(card):
    began = time.process_time()
    merged = edits.merged(NEWER, card)
    assert time.process_time() - began < 5
    assert edits.split_card(merged).text is not None
    again = edits.merged(NEWER, merged)
    assert edits.merged(NEWER, again) == again
    front = edits.split_card(merged).front
    if edits.front_matter(card):
        assert yaml.safe_load(front)["library_name"] == "gan-studio"
