"""Similarity transforms of the plane, and resampling a picture by them."""

import cmath
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..errors import InvalidInput


@dataclass(frozen=True)
class Similarity:
    """A rotation, a scaling and a translation. With points as complex numbers x + iy: p -> a p + b."""

    a: complex
    b: complex

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) -> (..., 2) float64"""
        moved = self.a * to_complex(points) + self.b
        return np.stack([moved.real, moved.imag], -1)

    def __matmul__(self, first: "Similarity") -> "Similarity":
        return Similarity(self.a * first.a, self.a * first.b + self.b)

    def inverse(self) -> "Similarity":
        return Similarity(1 / self.a, -self.b / self.a)

    @property
    def scale(self) -> float:
        return abs(self.a)

    @property
    def degrees(self) -> float:
        """The rotation, clockwise in the picture, because y points down."""
        return math.degrees(cmath.phase(self.a))

    @classmethod
    def fit(cls, points: np.ndarray, to: np.ndarray, weights: np.ndarray) -> "Similarity":
        """The similarity that maps points (n, 2) as near as possible to others (n, 2), by weighted least squares
        (Umeyama 1991)."""
        p, q, w = to_complex(points), to_complex(to), weights / weights.sum()
        centre, target = w @ p, w @ q
        a = (w * (p - centre).conj()) @ (q - target) / (w @ np.abs(p - centre) ** 2)
        return cls(complex(a), complex(target - a * centre))


def to_complex(points: npt.ArrayLike) -> np.ndarray:
    pairs = np.asarray(points, np.float64)
    numbers: np.ndarray = pairs[..., 0] + 1j * pairs[..., 1]
    return numbers


def resample(photo: Image.Image, view: Similarity, size: tuple[int, int]) -> Image.Image:
    """A picture of size (width, height) whose point p shows the photo's point view(p).

    Antialiased if it shrinks; exact (no blur) if it neither rotates nor scales; beyond its border the photo is
    mirrored.
    """
    # Two steps: fast averages of whole pixels to a picture that is 1 to 3 times too large; then Lanczos.
    reduce = max(1, round(view.scale / 2))
    fine = max(1, math.ceil(view.scale / reduce - 0.01))
    left, top, right, bottom = bounds(view, size, margin=3 * view.scale + 3)
    left, top, right, bottom = left // reduce, top // reduce, -(-right // reduce), -(-bottom // reduce)
    piece = _mirrored(photo, (left, top, right, bottom), reduce)
    to_piece = Similarity(1, -complex(left, top)) @ Similarity(1 / reduce, 0) @ view @ Similarity(1 / fine, 0)
    width, height = size
    a, b = to_piece.a, to_piece.b
    coefficients = (a.real, -a.imag, b.real, a.imag, a.real, b.imag)
    picture = piece.transform(
        (width * fine, height * fine), Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC
    )
    return picture.resize(size, Image.Resampling.LANCZOS) if fine > 1 else picture


def bounds(view: Similarity, size: tuple[int, int], margin: float = 0) -> tuple[int, int, int, int]:
    """The part of the photo that the view shows, in whole pixels."""
    corners = view(np.array([[0, 0], [size[0], 0], [0, size[1]], size]))
    low, high = np.floor(corners.min(0) - margin).astype(int), np.ceil(corners.max(0) + margin).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _mirrored(photo: Image.Image, box: tuple[int, int, int, int], reduce: int) -> Image.Image:
    """The photo reduced by a whole factor, then cropped; mirrored beyond its borders."""
    left, top, right, bottom = box
    width, height = -(-photo.width // reduce), -(-photo.height // reduce)
    inside = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        raise InvalidInput("This face is outside the photo.")
    right_end, bottom_end = min(inside[2] * reduce, photo.width), min(inside[3] * reduce, photo.height)
    piece = photo.reduce(reduce, (inside[0] * reduce, inside[1] * reduce, right_end, bottom_end))
    if inside == box:
        return piece
    pixels = np.asarray(piece)
    pad = ((inside[1] - top, bottom - inside[3]), (inside[0] - left, right - inside[2]), (0, 0))[: pixels.ndim]
    return Image.fromarray(np.pad(pixels, pad, mode="symmetric"))
