"""Attributes, classes, directions, and two models side by side."""

import numpy as np
from demo_server import ATTRIBUTES


def test_directions_and_two_models_side_by_side(visitor):
    visitor.tab("Explore")
    shown = visitor.wait_for("#explored", 2)
    before, after = visitor.pictures("#explored")
    assert np.array_equal(before, after) and len(set(visitor.wait_for("#along-strip", 7))) == 7
    visitor.page.locator("#direction-0 input[type=range]").press("End")
    visitor.wait_for("#explored", 2, other_than=shown)
    changed = visitor.pictures("#explored")
    assert np.array_equal(changed[0], before) and np.abs(changed[1] - before).mean() > 1
    visitor.tab("Compare")
    visitor.wait_for("#compared-left", 16)
    assert not set(visitor.wait_for("#compared-right", 16)) & set(visitor.sources("#compared-left"))


def test_an_attribute_changes_the_picture_after_and_not_before(visitor):
    visitor.tab("Attributes")
    shown = visitor.wait_for("#pair", 2)
    before, after = visitor.pictures("#pair")
    assert np.array_equal(before, after)
    smiling = visitor.page.locator(f"#attribute-{ATTRIBUTES.index('Smiling')} input[type=range]")
    smiling.press("Home" if float(smiling.input_value()) > 0.5 else "End")
    visitor.wait_for("#pair", 2, other_than=shown)
    changed = visitor.pictures("#pair")
    assert np.array_equal(changed[0], before) and np.abs(changed[1] - before).mean() > 1
    assert len(set(visitor.wait_for("#sweep", 7))) == 7


def test_a_digit_can_be_drawn_as_another(visitor):
    visitor.choose("digits")
    visitor.tab("Attributes")
    shown = visitor.wait_for("#pair", 2)
    before, after = visitor.pictures("#pair")
    own = int(visitor.page.locator("#as_class input:checked").evaluate("i => i.closest('label').innerText"))
    visitor.page.locator("#as_class").get_by_text(str((own + 3) % 10), exact=True).click()
    visitor.wait_for("#pair", 2, other_than=shown)
    changed = visitor.pictures("#pair")
    assert np.array_equal(before, after) and np.array_equal(changed[0], before) and (changed[1] != before).any()
    assert len(set(visitor.wait_for("#sweep", 10))) == 10
