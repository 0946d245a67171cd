"""The pictures for a detector: drawn by generators and real, and what happens to pictures on the web."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter
from torch import Tensor

from gan_models import detection
from gan_models.detection import LEAST, detector_input
from gan_models.hub import short_name
from gan_models.layout import bundled
from gan_models.networks import load
from gan_models.networks.editor import Editor

from ..data import READERS, open_dataset
from ..errors import TrainingError
from ..mixing import draw_examples
from ..run_folder import notes_of

DRAWN, DRAWN_TEST = 6000, 1000  # pictures of each generator to learn from, and to measure on
REAL_TEST = 1500  # real pictures of each data set that set the threshold, and as many for the false alarms
MOST_REAL = 50_000  # real pictures of a data set to learn from


class DetectError(TrainingError):
    """A detector that cannot be trained from what was named; one sentence."""


class GeneratedSet(NamedTuple):
    """What one generator draws: (n, C, H, W) uint8."""

    data: str  # what it learned from
    train: np.ndarray
    test: np.ndarray


class RealSet(NamedTuple):
    """The real pictures of one data set: (n, C, H, W) uint8."""

    train: np.ndarray
    threshold: np.ndarray  # the half of the test pictures that sets the threshold
    test: np.ndarray  # the other half


class Shown(NamedTuple):
    """What a detector learns from."""

    drawn: dict[str, GeneratedSet]
    real: dict[str, RealSet]

    def dispensable(self) -> list[str]:
        """What can be left out: each generator where there are others, and each data set that none learned from."""
        learned = {one.data for one in self.drawn.values()}
        return [*(self.drawn if len(self.drawn) > 1 else ()), *(name for name in self.real if name not in learned)]

    def without(self, name: str) -> "Shown":
        return Shown(*({key: value for key, value in part.items() if key != name} for part in self))


# ---- Damages: what happens to a picture on its way


def _jpeg(picture: Image.Image, strength: float) -> Image.Image:
    """Quality 95 down to 35."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=round(95 - 60 * strength))
    return Image.open(file).convert("RGB")


def _resized(picture: Image.Image, strength: float) -> Image.Image:
    """To between half and twice its size."""
    factor = 2 ** (2 * strength - 1)
    size = picture.width, picture.height
    return picture.resize([max(LEAST, round(side * factor)) for side in size], Image.Resampling.BICUBIC)


def _cropped(picture: Image.Image, strength: float) -> Image.Image:
    """To its middle, up to 30 % less of each side."""
    width, height = picture.width * (1 - 0.3 * strength), picture.height * (1 - 0.3 * strength)
    left, top = (picture.width - width) / 2, (picture.height - height) / 2
    return picture.crop((round(left), round(top), round(left + width), round(top + height)))


def _blurred(picture: Image.Image, strength: float) -> Image.Image:
    """By 0.3 to 1 pixel."""
    return picture.filter(ImageFilter.GaussianBlur(0.3 + 0.7 * strength))


DAMAGES: dict[str, Callable[[Image.Image, float], Image.Image]] = dict(
    zip(detection.DAMAGES, (lambda picture, _: picture, _jpeg, _resized, _cropped, _blurred), strict=True)
)


def damaged_input(image: np.ndarray, kind: str, strength: float) -> Tensor:
    """A picture (C, H, W) uint8 as the detector sees it (3, 64, 64), damaged with a strength of 0..1."""
    picture = Image.fromarray(np.ascontiguousarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0)))
    return detector_input(DAMAGES[kind](picture.convert("RGB"), strength))


# ---- Open


def default_models() -> list[str]:
    """The bundled models that draw pictures of their own."""
    return [name for name in bundled() if (model := load(name)).latent_dim and not isinstance(model, Editor)]


def gather(models: list[str], others: list[str], root: Path | None, seed: int) -> Shown:
    """What the generators draw, and what is real. Raises DetectError, DataError, ModelError."""
    drawn, real = {}, {}
    for source in models:
        model, name = load(source), short_name(source)
        if not model.latent_dim:
            raise DetectError(f"{source} draws no pictures of its own; name a generator.")
        if name in drawn:
            raise DetectError(f"Two models have the name {name}; name folders that end differently.")
        data = notes_of(model.loaded_from.folder).get("dataset")
        if data not in READERS:
            raise DetectError(
                f"{source} learned from {data or 'no data set that it tells'}, and the detector needs those pictures; known are {', '.join(READERS)}."
            )
        if data not in real:
            real[data] = _real(data, root, model.image_shape[1:], model.image_shape[0])
        labels = model.sample_labels(DRAWN + DRAWN_TEST, seed=seed + 1)
        images = draw_examples(model, None if labels is None else labels.numpy(), seed + 1, DRAWN + DRAWN_TEST)
        drawn[name] = GeneratedSet(data, images[:DRAWN], images[DRAWN:])
    for other in others:
        if other not in real:
            real[Path(other).name] = _real(other, root, (32, 32) if other in READERS else (64, 64), 3)
    return Shown(drawn, real)


def _real(data: str, root: Path | None, size: tuple[int, int], channels: int) -> RealSet:
    side = size[0] if size[0] == size[1] else size
    train = open_dataset(data, root, side, channels=channels).images
    if data in READERS:
        test = open_dataset(data, root, side, channels=channels, split="test").images
    else:  # a folder without splits: every fifth is kept apart
        apart = np.arange(len(train)) % 5 == 0
        train, test = train[~apart], train[apart]
    if min(len(train), len(test)) < 2:
        raise DetectError(f"{data} has too few pictures to learn from and to measure on.")
    spread = np.linspace(0, len(test) - 1, min(len(test), 2 * REAL_TEST)).astype(int)
    return RealSet(np.array(train[:MOST_REAL]), test[spread[0::2]], test[spread[1::2]])
