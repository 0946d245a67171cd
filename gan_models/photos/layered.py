"""Apply a retouch (networks/retouch.py) to a photo of any size. Flow and colour are upsampled and applied to the photo's
own pixels, so they keep all its detail. The painted layer is upsampled too, and covers the detail where it differs much.
The change fades to nothing towards the border of the face's window; beyond it no pixel changes, unless the change of
colour is carried on into the surroundings (surroundings.py).
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from .crop import face_window, feather
from .faces import Face
from .geometry import Similarity, bounds
from .surroundings import GRID, WINDOW, wide_window

# Factor on the network's resolution for the grid to which the maps are rotated before they are upsampled.
FINER = 2
VISIBLE = 0.004  # half a step of a pixel's 256, in -1..1
STRIP = 1 << 16  # pixels per strip, few enough to stay in the CPU's cache


class Layers(NamedTuple):
    """The change of n photos as maps, for pictures of any size: upsample them, move and colour the pixels, and paint."""

    flow: Tensor  # (n, 2, S, S)
    colour: Tensor  # (n, 12, S, S)
    change: Tensor  # (n, 3, S, S) the difference that the paint adds to the moved and coloured picture
    cover: Tensor  # (n, 1, S, S) 0..1: how much of the detail finer than the network's pixels the paint covers
    ground: Tensor  # (n, 3, S, S) the moved and coloured picture, at the network's size

    def enlarged(self, size: int) -> "Layers":
        """The layers upsampled for pictures of another size."""
        if size == self.flow.shape[-1]:
            return self
        return Layers(*(F.interpolate(maps, (size, size), mode="bicubic", align_corners=False) for maps in self))

    def dimmed(self, gain: float) -> "Layers":
        """The layers for the photos themselves, if these are those of photos whose light is `gain` times as strong."""
        weights = self.colour.unflatten(1, (4, 3))[:, :3]
        constant = (self.colour[:, 9:] + (gain - 1) * weights.sum(1)) / gain
        colour = torch.cat([self.colour[:, :9], constant], 1)
        return Layers(self.flow, colour, self.change / gain, self.cover, (self.ground + 1) / gain - 1)


def coloured(pictures: Tensor, colour: Tensor, strength: Tensor | float = 1.0) -> Tensor:
    """Pictures (n, 3, H, W) changed by an affine map of colours (n, 12, H, W), the factors of red, green and blue and a constant for each of them."""
    parts: tuple[Tensor, ...] = colour.unflatten(1, (4, 3)).unbind(1)
    *weights, change = parts
    for weight, channel in zip(weights, pictures.split(1, 1), strict=True):
        change = torch.addcmul(change, weight, channel)
    return pictures + strength * change


def put_into(photo: Image.Image, face: Face, layers: Layers, around: Tensor | None = None) -> Image.Image:
    """The photo with one face retouched. The layers' maps (1, ., S, S) belong to the face from `align`. around: what is
    added to colour and change in the surroundings, (1, 15, GRID, GRID)."""
    result = photo.copy()
    size = layers.flow.shape[-1]
    view = face_window(face, size)
    left, top, right, bottom = bounds(view, (size, size))
    if around is not None and (box := _changing(around, face)):
        left, top, right, bottom = (
            *map(min, (left, top), box[:2]),
            *map(max, (right, bottom), box[2:]),
        )
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, photo.width), min(bottom, photo.height)
    if left >= right or top >= bottom:
        return result
    width, height = right - left, bottom - top
    # From pixels of the photo's window to places in the network's picture, in -1..1.
    back = Similarity(2 / size, complex(-1, -1)) @ view.inverse()
    columns, rows = (max(2, min(side, math.ceil(FINER * side / view.scale))) for side in (width, height))
    across = (torch.arange(columns) + 0.5) * width / columns + left
    down = (torch.arange(rows) + 0.5) * height / rows + top
    x = back.a.real * across[None] - back.a.imag * down[:, None] + back.b.real
    y = back.a.imag * across[None] + back.a.real * down[:, None] + back.b.imag
    fading = feather(size)[None, None]
    # The displacement in pixels of the photo: the flow rotated and scaled like the face.
    turn = view.a * size / 2
    flow, colour, change, cover, ground = (maps.float().cpu() for maps in layers)
    moves = torch.stack(
        [turn.real * flow[:, 0] - turn.imag * flow[:, 1], turn.imag * flow[:, 0] + turn.real * flow[:, 1]], 1
    )
    maps = torch.cat([torch.cat([moves, colour, change, cover], 1) * fading, ground], 1)
    places = torch.stack([x, y], 2)[None].float()
    maps = F.grid_sample(maps, places, "bicubic", "border", align_corners=False)
    inside = ((x.abs() <= 1) & (y.abs() <= 1)).float()[None, None]  # a rotated window does not fill its bounding box
    maps[:, :18] *= inside
    if around is not None:
        maps[:, 2:17] += F.grid_sample(around, places * WINDOW / GRID, "bilinear", "border", align_corners=False)
    pixels = torch.from_numpy(np.asarray(photo.crop((left, top, right, bottom))).transpose(2, 0, 1).copy())
    maps = F.interpolate(maps, (rows, width), mode="bilinear", align_corners=False)
    edited = np.empty((height, width, 3), np.uint8)
    source = pixels[None].float() / 127.5 - 1
    step = max(1, STRIP // width)
    for first in range(0, height, step):
        last = min(first + step, height)
        edited[first:last] = _strip(source, _rows(maps, first, last, height), first)
    result.paste(Image.fromarray(edited), (left, top))
    return result


def _changing(around: Tensor, face: Face) -> tuple[int, int, int, int] | None:
    """The pixels (left, top, right, bottom) of the photo in which the surroundings change visibly, None if nowhere."""
    rows, columns = np.nonzero((around[0].abs().amax(0) > VISIBLE).numpy())
    if not len(rows):
        return None
    low, high = complex(columns.min() - 1, rows.min() - 1), complex(columns.max() + 2, rows.max() + 2)
    size = high - low
    return bounds(wide_window(face, GRID) @ Similarity(1, low), (math.ceil(size.real), math.ceil(size.imag)))


def _rows(maps: Tensor, first: int, last: int, height: int) -> Tensor:
    """Rows first .. last - 1 of maps (1, C, h, W) upsampled to `height`, bilinearly."""
    h = maps.shape[2]
    place = ((torch.arange(first, last) + 0.5) * h / height - 0.5).clamp(0, h - 1)
    above = place.long().clamp(max=h - 1)
    below = (above + 1).clamp(max=h - 1)
    return torch.lerp(maps.index_select(2, above), maps.index_select(2, below), (place - above)[:, None])


def _strip(source: Tensor, maps: Tensor, first: int) -> np.ndarray:
    """Some rows of the edited window, (rows, W, 3) uint8, by maps (1, 21, rows, W). source (1, 3, H, W): the window."""
    height, width = source.shape[2:]
    rows = maps.shape[2]
    x = (torch.arange(width) + 0.5 + maps[0, 0]) * 2 / width - 1
    y = (torch.arange(first, first + rows)[:, None] + 0.5 + maps[0, 1]) * 2 / height - 1
    own = source[:, :, first : first + rows]
    moved = F.grid_sample(source, torch.stack([x, y], 2)[None], "bilinear", "reflection", align_corners=False)
    still = maps[:, :2].abs().amax(1, keepdim=True) < 0.05  # pixels that do not move, which resampling would blur
    moved = torch.where(still, own, moved)
    _, colour, change, cover, ground = maps.split((2, 12, 3, 1, 3), 1)
    moved = coloured(moved, colour)
    result = (moved + change - cover.clamp(0, 1) * (moved - ground)).clamp(-1, 1)
    pixels: np.ndarray = ((result[0] + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()
    return pixels
