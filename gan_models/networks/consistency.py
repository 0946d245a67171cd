"""Make what a network drew consistent with the damaged picture, as far as the damage determines it.

- **Specks** that are pure black or white: every other pixel is right, and stays (a switching filter: Sun and Neuvo 1994).
- **Blur**: a restored picture, blurred again, must give the blurred one. Of several kernels that one is taken with which it
  does so best, and the remaining difference is added back (iterative back-projection: Irani and Peleg 1991).
"""

import torch
from torch import Tensor

from ..damages import BLUR, blur, motion_blur

PURE = 0.99  # a pixel at least this far from 0 in all channels is black or white
# Share of the change (squared) that must be in pure pixels, so that specks are known not to have spread: none below the
# first, all from the second on. Measured (celeba-restore, 300 faces): 0.76 to 0.99 as drawn, 0 to 0.5 after JPEG.
UNSPREAD = (0.5, 0.75)
# Kernels that are tried: (strength, direction), as damages.py has them.
BLURS = [(k / 20, 0.0) for k in range(1, 21)]
MOTIONS = [(k / 20, turn / 12) for k in range(2, 12) for turn in range(12)]
STEPS = 6  # of back-projection: with more, the blocks of JPEG are drawn too


def spared(pictures: Tensor, drawn: Tensor) -> Tensor:
    """`drawn`, without specks, of `pictures`, both (n, C, H, W) in [-1, 1]. If the specks are pure black and white, no
    other pixel changes. In a JPEG they have spread, and everything is as drawn."""
    change, pure = drawn - pictures, (pictures.abs().amin(1, keepdim=True) >= PURE).to(drawn)
    squared = change.square()
    share = (squared * pure).sum((1, 2, 3)) / squared.sum((1, 2, 3)).clamp_min(1e-9)
    sure = ((share - UNSPREAD[0]) / (UNSPREAD[1] - UNSPREAD[0])).clamp(0, 1)[:, None, None, None]
    return torch.where(sure > 0, pictures + (1 - sure + sure * pure) * change, drawn)


def sharpened(pictures: Tensor, drawn: Tensor, kind: str, shown: tuple[Tensor, Tensor] | None = None) -> Tensor:
    """`drawn`, the sharper version of blurred `pictures`, both (n, C, H, W) in [-1, 1], with what the blur has kept of
    the original. kind: "blur" or "motion". shown: parts (m, C, S, S) of one large picture and of what was drawn, by which
    its kernel is found; None: each picture has its own."""
    blurred, sharp = shown or (pictures, drawn)
    kernels = torch.tensor(BLURS if kind == "blur" else MOTIONS, device=pictures.device)
    wrong = torch.stack(
        [(again(sharp, kind, kernel.expand(len(sharp), -1)) - blurred).square().mean((1, 2, 3)) for kernel in kernels]
    )
    if shown:
        wrong = wrong.mean(1, keepdim=True)
    found = kernels[wrong.argmin(0)].expand(len(pictures), -1)
    for _ in range(STEPS):
        left = pictures - again(drawn, kind, found)
        drawn = (drawn + again(left, kind, found)).clamp(-1, 1)  # these kernels are their own transposes
    return drawn


def again(pictures: Tensor, kind: str, kernels: Tensor) -> Tensor:
    """Pictures (n, C, H, W) blurred by kernels (n, 2): strengths and directions."""
    strengths, turns = kernels.unbind(1)
    return blur(pictures, BLUR * strengths) if kind == "blur" else motion_blur(pictures, strengths, turns)
