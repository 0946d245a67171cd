"""Was this picture generated? First what is written inside it, then the opinion of a small network.

    verdict = gan_models.verify("face.png")
    print(verdict)          # one sentence, with the network's error rates

What is written inside (marks.py) can be taken out by anybody, and put in by anybody. The network knows the generators
that it learned from, and hardly any other: `python -m training.detect` makes it, and its card says what it cannot do.
"""

import json
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

from . import marks
from .errors import InvalidInput, InvalidWeights
from .files import UnfitFile, read_bounded, read_json
from .photos import opening

FOLDER = Path(__file__).parent / "detector"
SIZE = 64  # pixels at which it looks
WIDTHS = (12, 24, 48, 96)
MOST_WEIGHTS, MOST_RECORD = 8_000_000, 1_000_000  # bytes
GENERATED, EDITED = "generated", "edited"


class Detector(nn.Module):
    """Pictures (n, 3, 64, 64) in [-1, 1] -> logits (n,): above 0 for generated ones. What it sees first are differences
    of neighbouring pixels, where traces of generators lie (Fridrich and Kodovsky 2012), and not what is shown."""

    def __init__(self):
        super().__init__()
        layers: list[nn.Module] = []
        for a, b in zip((9, *WIDTHS), WIDTHS, strict=False):
            layers += [nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.1), nn.AvgPool2d(2)]
        self.layers = nn.Sequential(*layers)
        self.score = nn.Linear(2 * WIDTHS[-1], 1)

    def forward(self, images: Tensor) -> Tensor:
        padded = F.pad(images, (0, 1, 0, 1), mode="replicate")
        across, down = padded[..., :-1, 1:] - images, padded[..., 1:, :-1] - images
        maps = self.layers(torch.cat([images, 4 * across, 4 * down], 1))
        return self.score(torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], 1)).flatten()


class Verdict(NamedTuple):
    """mark: what is written inside the picture, None where nothing of ours is. said: "generated" or "edited" by it, else
    None. score: the network's, 0..1; None where the picture is smaller than its 28 px. suspicious: whether the score is
    above the threshold that 1 % of the real test pictures pass. rates: the network's record (training/detect.py)."""

    mark: marks.Mark | None
    said: str | None
    score: float | None
    suspicious: bool
    rates: dict

    def __str__(self) -> str:
        if self.mark:
            what = "was edited" if self.said == EDITED else "was generated"
            told = f"It is written in this picture that it {what} by {self.mark.model}."
        else:
            told = (
                "Nothing is written in this picture of how it was made; that says nothing, for it is easily taken out."
            )
        if self.score is None:
            return f"{told} It is too small for the detector."
        looks = "looks generated" if self.suspicious else "does not look generated"
        found = self.rates["detected"]
        return (
            f"{told} To the detector it {looks} (score {self.score:.2f}). Of real pictures it takes 1 in 100 for generated; "
            f"of those that its own generators drew it finds {found['undamaged']:.0%}, of those saved as JPEG "
            f"{found['jpeg']:.0%}, of a generator that it never saw {self.rates['unseen']['undamaged']:.0%}."
        )


def verify(source: opening.Source) -> Verdict:
    """What is known of a picture (a file's path or bytes, or a PIL image): a mark inside, and the detector's opinion.
    Raises InvalidInput for what is no picture; a mark that is broken counts as none."""
    mark = None
    if not isinstance(source, Image.Image):
        data = source
        if not isinstance(data, bytes):
            try:
                data = read_bounded(Path(source), marks.MOST_FILE)
            except (OSError, UnfitFile) as error:
                raise InvalidInput(f"The picture {source} cannot be read: {error}.") from error
        try:
            mark = marks.read(data)
        except InvalidInput:
            mark = None
    picture = opening.open_photo(source)
    said = None if mark is None else EDITED if mark.kind == marks.EDITED else GENERATED
    detector, record = read()
    if min(picture.size) < record["least_size"]:
        return Verdict(mark, said, None, False, record)
    with torch.inference_mode():
        score = detector(at_size(picture)[None]).sigmoid().item()
    return Verdict(mark, said, score, score > record["threshold"], record)


def at_size(picture: Image.Image) -> Tensor:
    """As the detector sees it: (3, 64, 64) in [-1, 1], the middle square."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    square = picture.convert("RGB").crop((left, top, left + side, top + side))
    square = square.resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.asarray(square).copy()).permute(2, 0, 1).float() / 127.5 - 1


@lru_cache(maxsize=1)
def read(folder: Path = FOLDER) -> tuple[Detector, dict]:
    """The detector and its record: threshold, error rates, what it learned from. Raises InvalidWeights."""
    try:
        record = read_json(folder / "metrics.json", MOST_RECORD)
        weights = load(read_bounded(folder / "model.safetensors", MOST_WEIGHTS))
        detector = Detector()
        detector.load_state_dict(
            {key: value.float() if value.is_floating_point() else value for key, value in weights.items()}
        )
    except (OSError, UnfitFile, ValueError, RuntimeError, SafetensorError, json.JSONDecodeError) as error:
        raise InvalidWeights(f"The detector in {folder} cannot be read ({str(error).splitlines()[0]}).") from error
    return detector.requires_grad_(False).eval(), record
