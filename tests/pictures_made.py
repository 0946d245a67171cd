"""Pictures to test photos with."""

import numpy as np
from PIL import Image

from gan_models.photos.faces import Face
from gan_models.photos.geometry import Similarity, resample

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def quarters(width=80, height=48) -> Image.Image:
    """Red and green above, blue and white below."""
    picture = Image.new("RGB", (width, height), RED)
    picture.paste(GREEN, (width // 2, 0, width, height))
    picture.paste(BLUE, (0, height // 2, width // 2, height))
    picture.paste(WHITE, (width // 2, height // 2, width, height))
    return picture


def difference(a: Image.Image, b: Image.Image) -> int:
    assert a.size == b.size and a.mode == b.mode == "RGB"
    return int(np.abs(np.asarray(a).astype(int) - np.asarray(b)).max())


def smooth(width: int, height: int, seed: int = 0) -> Image.Image:
    rng = np.random.default_rng(seed)
    cells = Image.fromarray(rng.integers(40, 216, (6, 5, 3), dtype=np.uint8))
    return cells.resize((width, height), Image.Resampling.BICUBIC)


def a_face(scale: float, degrees: float, middle: complex) -> Face:
    """A face whose middle of the frame lies there."""
    a = scale * np.exp(1j * np.radians(degrees))
    frame = Similarity(a, middle - a * complex(89, 112))
    return Face((0, 0, 1, 1), np.zeros((68, 2)), frame, 1.0)


def place(pictures, frames, size) -> Image.Image:
    """The pictures in a larger one, each in a frame of its own."""
    photo = smooth(*size, seed=9)
    for picture, frame in zip(pictures, frames):
        mask = resample(Image.new("L", picture.size, 255), frame.inverse(), size)
        inside = frame.inverse()(np.stack(np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5), -1))
        mask = ((inside > 0) & (inside < picture.size)).all(-1)
        photo.paste(resample(picture, frame.inverse(), size), (0, 0), Image.fromarray(mask))
    return photo
