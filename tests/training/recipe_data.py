"""Made-up pictures for any recipe."""

import numpy as np

from training.data.dataset import Dataset
from training.data.digits import DIGITS
from training.games import GAMES


def dataset_of(recipe, n: int = 20) -> Dataset:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (n, recipe.image_channels, recipe.image_size, recipe.image_size), np.uint8)
    if GAMES[recipe.game].sorts:
        return Dataset("faces", images, np.arange(n) % len(recipe.attributes), recipe.attributes, False, "")
    if recipe.attributes:
        labels = random.integers(0, 2, (n, len(recipe.attributes))).astype(np.uint8)
        return Dataset("faces", images, labels, recipe.attributes, True, "")
    return Dataset("digits", images, np.arange(n) % 10, DIGITS, False, "")
