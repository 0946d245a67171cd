"""Make what a network drew consistent with the damaged picture, as far as the damage determines it.

- **Specks** that are pure black or white: every other pixel is right, and stays (a switching filter: Sun and Neuvo 1994).
- **Blur**: a restored picture, blurred again, must give the blurred one. Of several kernels that one is taken with which it
  does so best, and the remaining difference is added back (iterative back-projection: Irani and Peleg 1991).
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from ..damages import BLUR, blur, motion_blur

PURE = 0.99  # a pixel at least this far from 0 in all channels is black or white
# Share of the change (squared) that must be in pure pixels, so that specks are known not to have spread. Measured
# (celeba-restore, 300 faces): 0.76 to 0.99 as drawn, 0 to 0.5 after JPEG.
UNSPREAD = 0.65
# Kernels that are tried: (strength, direction), as damages.py has them.
KERNELS = {
    "blur": [(k / 20, 0.0) for k in range(1, 21)],
    "motion": [(k / 20, turn / 12) for k in range(2, 12) for turn in range(12)],
}
STEPS = 6  # of back-projection: with many more, the blocks of JPEG are drawn too


def spared(pictures: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
    """`pictures` whose black and white pixels alone are as in `drawn`, where they are drawn without specks, both (n, C, H,
    W) in [-1, 1]; and (n,) bool: whether that removes the specks. It does not in a JPEG, where they have spread."""
    change, pure = drawn - pictures, (pictures.abs().amin(1, keepdim=True) >= PURE).to(drawn)
    squared = change.square()
    share = (squared * pure).sum((1, 2, 3)) / squared.sum((1, 2, 3)).clamp_min(1e-9)
    return pictures + pure * change, share >= UNSPREAD


def sharpened(
    pictures: Tensor, drawn: Tensor, kinds: Mapping[str, Tensor], shown: tuple[Tensor, Tensor] | None = None
) -> Tensor:
    """`drawn`, the sharper version of blurred `pictures`, both (n, C, H, W) in [-1, 1], with what the blur has kept of
    the original. kinds: for "blur" and "motion" (n,) bool, whether a picture may have it; one that may have neither stays
    as drawn. shown: parts (m, C, S, S) of one large picture and of what was drawn, by which its kernel is found; None: each
    picture has its own."""
    blurred, sharp = shown or (pictures, drawn)
    best = pictures.new_full((len(pictures),), math.inf)
    found = pictures.new_zeros(len(pictures), 3)  # whether it is motion, the strength, the direction
    for kind, rows in kinds.items():
        for strength, turn in KERNELS[kind] if rows.any() else ():
            kernel = pictures.new_tensor([float(kind == "motion"), strength, turn])
            wrong = (again(sharp, kernel.expand(len(sharp), -1)) - blurred).square().mean((1, 2, 3))
            wrong = wrong.mean(0, keepdim=True) if shown else wrong
            better = rows.to(wrong.device) & (wrong < best)
            best, found = torch.where(better, wrong, best), torch.where(better[:, None], kernel, found)
    known = best.isfinite().nonzero()[:, 0]
    result, given, kernels = drawn[known], pictures[known], found[known]
    for _ in range(STEPS if len(known) else 0):
        result = (result + again(given - again(result, kernels), kernels)).clamp(
            -1, 1
        )  # kernels are their own transposes
    return drawn.index_copy(0, known, result)


def again(pictures: Tensor, kernels: Tensor) -> Tensor:
    """Pictures (n, C, H, W) blurred by kernels (n, 3): whether it is motion, the strength, the direction."""
    motion, strengths, turns = kernels.unbind(1)
    result = pictures.clone()
    for rows, moved in (((motion == 0).nonzero()[:, 0], False), ((motion > 0).nonzero()[:, 0], True)):
        if len(rows):
            some, much = pictures[rows], strengths[rows]
            result[rows] = motion_blur(some, much, turns[rows]) if moved else blur(some, BLUR * much)
    return result
