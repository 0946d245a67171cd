"""The detector of generated pictures: a small network and its error rates.

`python -m training.detect` trains it and writes its card, whose first line says what it cannot do: it recognises the
generators that it was trained on, and need not recognise any other. :func:`gan_models.verify` uses it.
"""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn import functional as F

from .errors import InvalidWeights
from .files import UnfitFile, read_bounded, read_json

FOLDER = Path(__file__).parent / "detector"
SIZE = 64  # pixels of its input
LEAST = 28  # pixels of the shorter side of a picture
WIDTHS = (24, 48, 96, 128)
DAMAGES = ("undamaged", "jpeg", "resized", "cropped", "blurred")
MOST_WEIGHTS, MOST_RECORD = 2_000_000, 1_000_000  # bytes


class Detector(nn.Module):
    """Pictures (n, 3, 64, 64) in [-1, 1] -> logits (n,); the higher, the more likely generated. Beside the pixels it gets
    the differences of neighbouring pixels, where generators leave traces (Fridrich and Kodovsky 2012)."""

    def __init__(self):
        super().__init__()
        layers: list[nn.Module] = []
        for a, b in zip((9, *WIDTHS), WIDTHS, strict=False):
            layers += [nn.Conv2d(a, b, 3, 2, 1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.1)]
        self.layers = nn.Sequential(*layers)
        self.score = nn.Linear(2 * WIDTHS[-1], 1)

    def forward(self, images: Tensor) -> Tensor:
        padded = F.pad(images, (0, 1, 0, 1), mode="replicate")
        across, down = padded[..., :-1, 1:] - images, padded[..., 1:, :-1] - images
        maps = self.layers(torch.cat([images, 4 * across, 4 * down], 1))
        return self.score(torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], 1)).flatten()


class Rates(NamedTuple):
    """The share 0..1 of test pictures that the detector takes for generated, for each damage ("undamaged", "jpeg",
    "resized", "cropped", "blurred")."""

    found: dict[str, float]  # pictures of the generators that it was trained on
    unseen: dict[str, float]  # pictures of a generator that it was not trained on; {} if not measured
    false_alarms: dict[str, float]  # real pictures of the data sets that it was trained on
    other_data: dict[str, float]  # real pictures of a data set that it was not trained on; {} if not measured


class Opinion(NamedTuple):
    """score: of the network, 0..1; it is no probability. suspicious: whether the score is above the threshold, which at
    most 1 % of the real pictures of each training data set exceed."""

    score: float
    suspicious: bool
    rates: Rates


def is_bundled() -> bool:
    """Whether there is a detector beside this file."""
    return (FOLDER / "metrics.json").is_file()


@torch.inference_mode()
def opinion_on(picture: Image.Image) -> Opinion | None:
    """The opinion of the bundled detector; None for a picture with less than 28 pixels on a side, and where no detector is
    bundled. Raises InvalidWeights if its files are damaged."""
    if not is_bundled() or min(picture.size) < LEAST:
        return None
    detector, threshold, rates = read_detector(FOLDER)
    score = detector(detector_input(picture)[None]).sigmoid().item()
    return Opinion(score, score > threshold, rates)


def detector_input(picture: Image.Image) -> Tensor:
    """The input of the detector: the middle square of the picture, (3, 64, 64) in [-1, 1]."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    square = picture.convert("RGB").resize(
        (SIZE, SIZE), Image.Resampling.BICUBIC, (left, top, left + side, top + side), reducing_gap=3
    )
    return torch.from_numpy(np.asarray(square).copy()).permute(2, 0, 1).float() / 127.5 - 1


@lru_cache(maxsize=2)
def read_detector(folder: Path) -> tuple[Detector, float, Rates]:
    """The detector of a folder, its threshold and its rates. Raises InvalidWeights."""
    try:
        record = read_json(folder / "metrics.json", MOST_RECORD)
        weights = load(read_bounded(folder / "model.safetensors", MOST_WEIGHTS))
        detector = Detector()
        detector.load_state_dict({name: value.to(detector.state_dict()[name]) for name, value in weights.items()})
        rates = Rates(*({name: float(share) for name, share in record[field].items()} for field in Rates._fields))
        threshold = float(record["threshold"])
    except (
        OSError,
        UnfitFile,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RuntimeError,
        SafetensorError,
    ) as error:
        raise InvalidWeights(
            f"The detector in {folder} cannot be read ({str(error).splitlines()[0]}); make it anew by "
            "`python -m training.detect`."
        ) from error
    return detector.requires_grad_(False).eval(), threshold, rates
