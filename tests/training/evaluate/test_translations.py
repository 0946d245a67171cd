"""A network that translates is measured for each kind: against real ones of that kind, and there and back."""

import numpy as np
import pytest
import torch

from gan_models.networks.translate import Translator
from training.data.dataset import Dataset
from training.errors import EvaluationError
from training.evaluate import translations

KINDS = ("dark", "light")


@pytest.fixture(autouse=True)
def made_up(monkeypatch):
    """Twelve dark and twelve light pictures."""
    random = np.random.default_rng(0)

    def opened(data, root, size, *, channels, split, attributes):
        coarse = random.integers(0, 100, (24, channels, 4, 4), np.uint8)
        coarse[12:] += 150
        images = coarse.repeat(size // 4, 2).repeat(size // 4, 3)
        return Dataset(data, images, np.repeat([0, 1], 12), KINDS, False, "made up")

    monkeypatch.setattr(translations, "open_dataset", opened)


def translator(labels=KINDS) -> Translator:
    torch.manual_seed(0)
    return Translator(32, 3, width=8, embedding=8, labels=list(labels)).eval().requires_grad_(False)


def test_who_draws_the_kind_is_nearer_to_it():
    idle, right = translator(), translator()
    for model in (idle, right):
        model.change.weight.zero_()
    # 150 of 255 levels lighter, or darker
    right.draw = lambda pictures, kinds: pictures + 300 / 255 * (2 * kinds[:, 1] - 1)[:, None, None, None]
    left, moved = (translations.evaluate(model, "folder") for model in (idle, right))
    assert left["translation_kid12_test"]["value"] == pytest.approx(left["translation_kid12_test"]["without"])
    assert left["translation_cycle12_test"]["value"] > 60  # nothing changed
    assert moved["translation_kid12_test"]["value"] < 0.2 * moved["translation_kid12_test"]["without"]
    assert set(moved["evaluation"]["translations"]["attributes"]) == set(KINDS)


def test_a_kind_that_the_data_lacks():
    with pytest.raises(EvaluationError, match="no pictures of the kind green"):
        translations.evaluate(translator(("dark", "light", "green")), "folder")
    with pytest.raises(EvaluationError, match="of the kind light; this model knows dark, green"):
        translations.evaluate(translator(("dark", "green")), "folder")
    with pytest.raises(EvaluationError, match="fewer than 10 pictures of dark"):
        translations.evaluate(translator(), "folder", samples=5)
