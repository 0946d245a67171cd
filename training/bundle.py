"""Put a trained model into the package: `python -m training.bundle runs/mnist-cgan/model mnist-cgan`.

The weights are stored in half precision, which halves the file; `gan_models.load` gives float32. Evaluate the model
afterwards by `python -m training.evaluate gan_models/pretrained/NAME --data DATA --write`, so that the card has the
metrics of the rounded weights.
"""

import os
import re
import shutil
import sys
from pathlib import Path

import torch

from gan_models import cli, files, layout, model_folder, portable, saving
from gan_models.cards.page import model_card
from gan_models.model_folder import read_metrics
from gan_models.networks import load_folder

from .errors import TrainingError
from .metrics import story

MAX_BYTES = 10_000_000  # limit of the Hub without LFS


class BundleError(TrainingError):
    """A model that cannot be bundled; one sentence."""


def bundle(source: Path, name: str, pretrained: Path = layout.PRETRAINED) -> Path:
    """Copy a model folder to `pretrained`/NAME, with weights in half precision, and return the new folder. Metrics are
    not copied, since they belong to the unrounded weights. Raises ModelError for a folder that does not load, and
    BundleError for a file of 10 MB or more."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,49}", name):
        raise BundleError(f"The name of a bundled model has lower-case letters, digits and hyphens, not {name!r}.")
    model = load_folder(source)
    metrics = {key: value for key, value in read_metrics(source / "metrics.json").items() if key == "training"}
    target, temporary = pretrained / name, pretrained / f".{name}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        picture = read_samples(source)
        record = portable.record(story.with_story(model_folder.config_of(model), metrics))
        card = str(model_card(model_folder.config_of(model), record, samples=picture is not None))
        saving.write(model, temporary, metrics=record, samples=picture, card=card, dtype=torch.float16)
        size = (temporary / layout.WEIGHTS).stat().st_size
        if size >= MAX_BYTES:
            raise BundleError(
                f"The weights of {source} take {size:,} bytes in half precision; a bundled file must stay below {MAX_BYTES:,}."
            )
        if target.exists():
            shutil.rmtree(target)
        os.replace(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def read_samples(source: Path) -> bytes | None:
    """The samples.png of a model folder, or None. Raises BundleError if it is not a regular file of the folder."""
    path = source / layout.PICTURE
    try:
        return files.read_bounded(path, layout.MAX_PICTURE_BYTES, source)
    except FileNotFoundError:
        return None
    except files.UnfitFile as error:
        raise BundleError(f"{path} {error}; replace it or delete it.") from error


if __name__ == "__main__":
    sys.exit(cli.main(["bundle", *sys.argv[1:]]))
