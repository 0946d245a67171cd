"""Let a change of colour follow the photo: over hair that is longer than the face's window, and the neck, and evenly over
what is one thing within the window.

The change is averaged by an edge-aware filter over what is connected and of a similar colour (domain transform,
recursive: Gastal and Oliveira 2011, doi:10.1145/2010324.1964964).
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from . import colour
from .crop import face_window, feather
from .faces import Face
from .geometry import Similarity, resample

WINDOW, GRID = 64, 128  # cells across the face's window, and across the surroundings, with the window in the middle
REACH = 60.0  # cells that a change goes on in a plain area
EVEN = 0.2  # the same within the window, of its side
EDGE = 0.6  # sum of the differences of red, green and blue that counts as the reach
PASSES = 3
FADING = 0.1  # of another face's window, from its border on, in which a change fades
TYPICAL = 0.95  # quantile of the changes in the window that counts as a full one
GLOW = (0.12, 0.4)  # of a full change: what is removed, and from where on all of it stays
CONNECTED = 0.04  # the share of the window in a cell's average, from which it changes fully


def wide_window(face: Face, size: int) -> Similarity:
    """The map from points of a picture of the surroundings, size x size, to points of the photo."""
    return face_window(face, size // 2) @ Similarity(1, complex(-size / 4, -size / 4))


class Surroundings(NamedTuple):
    """A face and what is around it, aligned."""

    picture: np.ndarray  # (GRID, GRID, 3) float32 in 0..1, as from `told_apart`
    free: np.ndarray  # (GRID, GRID) float32 in 0..1: 0 in the windows of other faces


def surroundings(photo: Image.Image, face: Face, others: Iterable[Face] = ()) -> Surroundings:
    """The surroundings of a face in a photo with other faces, whose hair stays as it is."""
    view = wide_window(face, GRID)
    picture = resample(photo.convert("RGB"), view, (GRID, GRID))
    picture.info = {"icc_profile": photo.info.get("icc_profile")}
    cells = np.stack(np.meshgrid(*2 * [np.arange(GRID) + 0.5]), -1)
    free = np.ones((GRID, GRID), np.float32)
    for other in others:
        places = (face_window(other, 1).inverse() @ view)(cells)
        inside = np.minimum(places, 1 - places).min(-1) / FADING  # of the other's window
        free *= 1 - inside.clip(0, 1)
    return Surroundings(told_apart(np.asarray(colour.to_srgb(picture), np.float32) / 255), free)


def told_apart(picture: np.ndarray) -> np.ndarray:
    """A picture in 0..1 as its edges are found: the square root of sRGB, since dark hair before a dark wall differs little
    from it."""
    root: np.ndarray = np.sqrt(picture, dtype=np.float32)
    return root


def evened(changes: Tensor, window: Tensor) -> Tensor:
    """Changes of colour and paint (1, 15, S, S), as in `layered.Layers`, of the window (1, 3, S, S) in [-1, 1]: even over
    what is one thing in it, and without what is small beside the rest."""
    picture = told_apart((window[0].float().cpu().permute(1, 2, 0).numpy().clip(-1, 1) + 1) / 2)
    found = smoothed(changes[0].float().cpu().numpy(), picture, EVEN * changes.shape[-1])
    effect = effect_of(found, picture)
    found = found * clear(effect, np.quantile(effect, TYPICAL))
    return torch.from_numpy(np.ascontiguousarray(found, np.float32))[None]


def spread(changes: Tensor, around: Surroundings) -> Tensor:
    """Changes of colour and paint of the window (1, 15, S, S) carried on into its surroundings: (1, 15, GRID, GRID). They
    begin where those in the window fade, so that both can be added."""
    fading = feather(WINDOW)
    inner = slice((GRID - WINDOW) // 2, (GRID + WINDOW) // 2)
    known = torch.zeros(1 + changes.shape[1], GRID, GRID)
    known[0, inner, inner] = fading
    known[1:, inner, inner] = F.interpolate(changes.float().cpu(), (WINDOW, WINDOW), mode="area")[0] * fading
    weight, *sums = smoothed(known.numpy(), around.picture, REACH)
    share = (weight / CONNECTED).clip(0, 1)
    amount = share**2 * (3 - 2 * share) * feather(GRID).numpy() * (1 - known[0].numpy()) * around.free
    found = np.stack(sums) / np.maximum(weight, 1e-6)
    effect = effect_of(found, around.picture)
    amount = amount * clear(effect, np.quantile(effect[inner, inner], TYPICAL))
    return torch.from_numpy(np.asarray(found * amount, np.float32))[None]


def effect_of(changes: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """(H, W): how much changes (15, H, W) of colour, as in `layered.Layers`, change a picture as from `told_apart`."""
    channels = 2 * picture.transpose(2, 0, 1) ** 2 - 1
    weights, constant, paint = changes[:9].reshape(3, 3, *changes.shape[1:]), changes[9:12], changes[12:]
    effect: np.ndarray = np.abs((weights * channels[:, None]).sum(0) + constant + paint).mean(0)
    return effect


def clear(effect: np.ndarray, typical: float) -> np.ndarray:
    """0..1: removes small changes beside large ones, such as the glow of a hair colour on a wall."""
    part = ((effect / max(float(typical), 1e-6) - GLOW[0]) / (GLOW[1] - GLOW[0])).clip(0, 1)
    smooth: np.ndarray = part**2 * (3 - 2 * part)
    return smooth


def smoothed(maps: np.ndarray, picture: np.ndarray, reach: float) -> np.ndarray:
    """Maps (C, H, W) averaged over what is connected in a picture (H, W, 3) in 0..1, with a standard deviation of `reach`
    cells where it is plain."""
    across, down = (1 + reach / EDGE * np.abs(np.diff(picture, axis=axis)).sum(2, dtype=np.float32) for axis in (1, 0))
    for k in range(PASSES):
        deviation = reach * math.sqrt(3) * 2 ** (PASSES - k - 1) / math.sqrt(4**PASSES - 1)
        kept = math.exp(-math.sqrt(2) / deviation)
        maps = _recursive(maps, kept**across)
        maps = _recursive(maps.swapaxes(1, 2), kept**down.T).swapaxes(1, 2)
    return maps


def _recursive(maps: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Maps (C, H, W) filtered to the right and back to the left. kept (H, W - 1): how much of a cell its neighbour takes
    over."""
    columns = np.array(maps.transpose(2, 0, 1))  # a copy in which a column is contiguous
    last = len(columns) - 1
    for k in range(last):
        columns[k + 1] += kept[:, k] * (columns[k] - columns[k + 1])
    for k in range(last, 0, -1):
        columns[k - 1] += kept[:, k - 1] * (columns[k] - columns[k - 1])
    return columns.transpose(1, 2, 0)
