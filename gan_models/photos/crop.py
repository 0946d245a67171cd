"""From a photo to the crop that the networks see, and back."""

import math

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..celeba import WINDOW
from ..errors import InvalidInput
from . import colour
from .faces import Face
from .geometry import Similarity, bounds, resample

FEATHER = 0.14  # of the window's side: the width of the border over which a change fades to nothing

LIGHT = 0.5  # of 1: how light a twentieth of the window's pixels should be at least
BRIGHTEST = 6.0


def face_window(face: Face, size: int) -> Similarity:
    """The map from points of the network's picture, size x size, to points of the photo."""
    left, top, side = WINDOW
    return face.frame @ Similarity(side / size, complex(left, top))


def align(photo: Image.Image, face: Face, size: int) -> Tensor:
    """The face aligned as in CelebA: (3, size, size) float32 in [-1, 1], in sRGB."""
    picture = resample(photo.convert("RGB"), face_window(face, size), (size, size))
    picture.info = {"icc_profile": photo.info.get("icc_profile")}
    picture = colour.to_srgb(picture)
    return torch.from_numpy(np.asarray(picture).transpose(2, 0, 1).copy()).float() / 127.5 - 1


def gain_of(picture: Tensor) -> float:
    """How much lighter an aligned face (3, S, S) in [-1, 1] should be for a network that learned from well-lit photos: 1
    if its lightest places are light, at most BRIGHTEST."""
    light = (float(picture.mean(0).quantile(0.95)) + 1) / 2
    return min(max(LIGHT / max(light, 1e-3), 1.0), BRIGHTEST)


def put_back(photo: Image.Image, face: Face, before: Tensor, after: Tensor) -> Image.Image:
    """The photo with the change from `before` to `after`, (3, size, size) in [-1, 1], added where the face is.

    Only the difference is upsampled, so the photo's own detail stays. The change fades to nothing towards the border of
    the window; beyond it, and where nothing changed, every pixel stays as it is. A photo with a colour profile stays in
    the space of that profile; the change is in sRGB.
    """
    if before.shape != after.shape or before.ndim != 3 or before.shape[0] != 3 or before.shape[1] != before.shape[2]:
        raise InvalidInput(
            f"The picture before and after must both be (3, size, size), not {tuple(before.shape)} and "
            f"{tuple(after.shape)}."
        )
    difference = (after.detach().float() - before.detach().float()).cpu() * 127.5
    size = difference.shape[-1]
    change = (difference * feather(size)).numpy()
    view = face_window(face, size)
    left, top, right, bottom = bounds(view, (size, size))
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, photo.width), min(bottom, photo.height)
    result = photo.copy()
    if left >= right or top >= bottom or not np.abs(change).max() >= 0.5:
        return result
    # Rotated at twice the network's resolution, then upsampled along rows and columns: as smooth as one step and ten
    # times as fast. Pillow's `resize` has a softer cubic kernel than `transform`, which would leave light seams around
    # dark changes.
    width, height = right - left, bottom - top
    columns, rows = (max(1, math.ceil(2 * side / view.scale)) for side in (width, height))
    back = view.inverse()
    across, down = 4 * back.a * width / columns, 4 * back.a * 1j * height / rows
    start = 4 * (back.a * complex(left, top) + back.b)
    coefficients = (across.real, down.real, start.real, across.imag, down.imag, start.imag)
    piece = photo.crop((left, top, right, bottom))
    pixels = np.array(colour.to_srgb(piece))
    for channel, plane in enumerate(change):
        plane = Image.fromarray(plane).resize((4 * size, 4 * size), Image.Resampling.BICUBIC)
        turned = plane.transform((columns, rows), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR)
        enlarged = np.asarray(turned.resize((width, height), Image.Resampling.BICUBIC))
        pixels[..., channel] = (pixels[..., channel] + np.rint(enlarged).astype(np.int16)).clip(0, 255)
    result.paste(colour.from_srgb(piece, Image.fromarray(pixels)), (left, top))
    return result


def feather(size: int) -> Tensor:
    """(size, size): 1 in the middle, falling smoothly to 0 at the border."""
    place = (torch.arange(size) + 0.5) / size
    ramp = (torch.minimum(place, 1 - place) / FEATHER).clamp(0, 1)
    ramp = ramp * ramp * (3 - 2 * ramp)
    return ramp[:, None] * ramp[None, :]
