"""The model card, README.md of a model folder, written again from the folder alone."""

import os
from pathlib import Path
from typing import Any

from . import files, model_folder, saving
from .cards.page import model_card
from .layout import CARD, METRICS, PICTURE
from .networks.base import load_folder


def write_card(folder: str | os.PathLike[str], about: dict[str, Any] | None = None) -> None:
    """Write README.md of a model folder from its config.json, its metrics.json (if there is one) and `about`.

    about: keys of cards.page.ABOUT, all optional. The others are taken from the record "training" in metrics.json, so
    that the card can be written again from the folder alone, for example after an evaluation. What a person wrote into
    the card is kept (cards/edits.py). An old card without marks is kept as README.before.md. Raises InvalidConfig or
    InvalidWeights for a broken folder, TypeError for an unknown key.
    """
    folder = Path(folder)
    config, metrics = model_folder.config_of(load_folder(folder)), model_folder.read_metrics(folder / METRICS)
    card = str(model_card(config, metrics, about, samples=(folder / PICTURE).is_file()))
    files.write_atomically(folder / CARD, saving.with_edits(folder, card).encode())
