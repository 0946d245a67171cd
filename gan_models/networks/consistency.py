"""Make what a network drew consistent with what a damage has left of a picture.

- **Holes**: what is drawn in a hole is shifted so that it joins its surroundings (Poisson image editing: Perez et al. 2003).
- **Specks** that are pure black or white: no other pixel changes, and they are filled from their neighbours (a switching
  filter: Sun and Neuvo 1994). The network only decides whether they have spread, as in a JPEG.
- **Blur**: a restored picture, blurred again, must give the blurred one. Of several kernels that one is taken with which it
  does so best, and the remaining difference is added back (iterative back-projection: Irani and Peleg 1991). And where the
  kernel is estimated beforehand, the network gets the picture deconvolved by it (Wiener 1949).
"""

import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from ..damages import BLUR, TAPS, blur, gaussian_kernels, motion_blur, motion_kernels

RELAXATIONS, SMALL = 60, 10  # steps of Jacobi's method at each size; for holes of a few pixels
PURE = 0.99  # a pixel at least this far from 0 in all channels is black or white
AROUND, ALONE = 5, 0.5  # a speck is pure, and fewer than this share of the 5 x 5 pixels around it are as pure as it
# Share of the network's change (squared) that must be in the specks, so that they are known not to have spread. Measured
# (celeba-restore, 300 faces): 0.76 to 0.99 as drawn, 0 to 0.5 after JPEG.
UNSPREAD = 0.65
# Kernels that are tried: (strength, direction), as damages.py has them.
KERNELS = {
    "blur": [(k / 20, 0.0) for k in range(1, 21)],
    "motion": [(k / 20, turn / 12) for k in range(2, 12) for turn in range(12)],
}
# What is added to the strength and the direction of a kernel that was read, to find the best one near it.
NEAR = {
    "blur": [(k / 40, 0.0) for k in range(-6, 7)],
    "motion": [(k / 20, turn / 40) for k in range(-3, 4) for turn in range(-2, 3)],
}
NOISE = 0.01  # power of the noise, as a share of the picture's, in Wiener's filter: no frequency is raised over 5 times
LEAST = 0.03  # strength of a kernel
MARGIN = 16  # pixels by which a picture is mirrored at its borders, where a deconvolution rings
STEPS = 6  # of back-projection: with many more, the blocks of JPEG are drawn too


def membrane(values: Tensor, hole: Tensor, steps: int = RELAXATIONS) -> Tensor:
    """Values (n, C, H, W) outside holes (n, 1, H, W), 1 in the hole, continued into them as smoothly as possible: as the
    solution of Laplace's equation, from coarse to fine. Adding that to a picture in the hole is Poisson image editing
    (Perez et al. 2003). steps: of relaxation at each size; small holes need few."""
    known = 1 - hole
    if min(values.shape[-2:]) > 4:
        share = F.avg_pool2d(known, 2, ceil_mode=True)
        coarse = F.avg_pool2d(values * known, 2, ceil_mode=True) / share.clamp_min(0.1)
        inside = membrane(coarse, (share == 0).to(share), steps)
        inside = F.interpolate(inside, values.shape[-2:], mode="bilinear", align_corners=False)
    else:
        inside = (values * known).sum((2, 3), keepdim=True) / known.sum((2, 3), keepdim=True).clamp_min(1)
    result = torch.where(hole > 0, inside, values)
    for _ in range(steps):
        around = F.pad(result, (1, 1, 1, 1), mode="replicate")
        mean = (around[..., 1:-1, 2:] + around[..., 1:-1, :-2] + around[..., 2:, 1:-1] + around[..., :-2, 1:-1]) / 4
        result = torch.where(hole > 0, mean, values)
    return result


def spared(pictures: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
    """`pictures` (n, C, H, W) in [-1, 1] whose specks alone are filled; and (n,) bool: whether that removes them. `drawn`:
    the same as the network draws them without specks. If it changes other pixels too, the specks have spread."""
    specks = torch.zeros_like(pictures[:, :1])
    for sign in (1, -1):
        pure = ((sign * pictures).amin(1, keepdim=True) >= PURE).to(pictures)
        near = F.avg_pool2d(F.pad(pure, (AROUND // 2,) * 4, mode="replicate"), AROUND, 1)
        specks = specks + pure * (near < ALONE)
    squared = (drawn - pictures).square()
    share = (squared * specks).sum((1, 2, 3)) / squared.sum((1, 2, 3)).clamp_min(1e-9)
    return torch.where(specks > 0, membrane(pictures, specks, SMALL), pictures), share >= UNSPREAD


def find_kernels(
    pictures: Tensor,
    drawn: Tensor,
    kinds: Mapping[str, Tensor],
    shown: tuple[Tensor, Tensor] | None = None,
    near: Tensor | None = None,
) -> Tensor:
    """The kernels (n, 3) (whether it is motion, the strength, the direction) by which `drawn`, the sharper version of
    blurred `pictures`, both (n, C, H, W) in [-1, 1], gives them best. kinds: for "blur" and "motion" (n,) bool, whether a
    picture may have it; one that may have neither has strength 0. shown: parts (m, C, S, S) of one large picture and of
    what was drawn, by which its kernel is found; None: each picture has its own. near: blurs (n, 3) as `deconvolved` takes
    them, near which the kernels are; None: they may be any."""
    blurred, sharp = shown or (pictures, drawn)
    best = pictures.new_full((len(pictures),), math.inf)
    found = pictures.new_zeros(len(pictures), 3)
    for kind, rows in kinds.items():
        for kernel in _kernels(kind, pictures, near) if rows.any() else ():
            wrong = (again(sharp, kernel.expand(len(sharp), -1)) - blurred).square().mean((1, 2, 3))
            wrong = wrong.mean(0, keepdim=True) if shown else wrong
            better = rows.to(wrong.device) & (wrong < best)
            best, found = torch.where(better, wrong, best), torch.where(better[:, None], kernel, found)
    return found


def back_projected(pictures: Tensor, drawn: Tensor, kernels: Tensor) -> Tensor:
    """`drawn`, the sharper version of `pictures` that are blurred by kernels (n, 3), with what the blur has kept of the
    original. Where the strength is 0, as drawn."""
    known = kernels[:, 1].nonzero()[:, 0]
    result, given, kernels = drawn[known], pictures[known], kernels[known]
    for _ in range(STEPS if len(known) else 0):
        left = again(given - again(result, kernels), kernels)  # kernels are their own transposes
        result = (result + left).clamp(-1, 1)
    return drawn.index_copy(0, known, result)


def blurs_of(kernels: Tensor) -> Tensor:
    """Kernels (n, 3) as `deconvolved` takes them."""
    motion, strength, turn = kernels.unbind(1)
    angle = 2 * math.pi * turn
    return strength[:, None] * torch.stack([1 - motion, motion * angle.cos(), motion * angle.sin()], 1)


def _kernels(kind: str, pictures: Tensor, near: Tensor | None) -> Iterator[Tensor]:
    """The kernels (1 or n, 3) to try for pictures (n, C, H, W): any, or those near blurs (n, 3)."""
    motion = float(kind == "motion")
    if near is None:
        yield from (pictures.new_tensor([[motion, strength, turn]]) for strength, turn in KERNELS[kind])
        return
    strengths = near[:, 1:].norm(dim=1) if motion else near[:, 0]
    turns = torch.atan2(near[:, 2], near[:, 1]) / (2 * math.pi) if motion else torch.zeros_like(strengths)
    for more, turned in NEAR[kind]:
        yield torch.stack([torch.full_like(turns, motion), (strengths + more).clamp(LEAST, 1), (turns + turned) % 1], 1)


def again(pictures: Tensor, kernels: Tensor) -> Tensor:
    """Pictures (n, C, H, W) blurred by kernels (n, 3): whether it is motion, the strength, the direction."""
    motion, strengths, turns = kernels.unbind(1)
    result = pictures.clone()
    for rows, moved in (((motion == 0).nonzero()[:, 0], False), ((motion > 0).nonzero()[:, 0], True)):
        if len(rows):
            some, much = pictures[rows], strengths[rows]
            result[rows] = motion_blur(some, much, turns[rows]) if moved else blur(some, BLUR * much)
    return result


def deconvolved(pictures: Tensor, blurs: Tensor) -> Tensor:
    """Pictures (n, C, H, W), deconvolved by Wiener's filter (1949), in [-1, 1]. blurs (n, 3): the strength of the blur in
    0..1; and cosine and sine of twice the angle of the motion, times its strength. Where all three are 0, the picture
    itself; so are pictures of less than 7 pixels a side."""
    height, width = pictures.shape[2:]
    if min(height, width) <= TAPS // 2:
        return pictures
    down, right = min(MARGIN, height - 1), min(MARGIN, width - 1)
    padded = F.pad(pictures.float(), (right, right, down, down), mode="reflect")
    blurring, cosine, sine = blurs.float().unbind(1)
    kernels = motion_kernels((cosine.square() + sine.square()).sqrt(), torch.atan2(sine, cosine) / (2 * math.pi))
    column = gaussian_kernels(BLUR * blurring)
    deconvolve = _by_matrices if torch.onnx.is_in_onnx_export() else _by_fourier
    result = deconvolve(padded, _at_origin(kernels, padded), _at_origin(column[:, :, None] * column[:, None], padded))
    result = result[..., down : down + height, right : right + width].clamp(-1, 1)
    return torch.where((blurs.abs().sum(1) > 0)[:, None, None, None], result.to(pictures), pictures)


def _at_origin(kernels: Tensor, padded: Tensor) -> Tensor:
    """Kernels (n, TAPS, TAPS) as maps of the size of `padded`, with their middle at the origin."""
    height, width = padded.shape[-2:]
    return F.pad(kernels, (0, width - TAPS, 0, height - TAPS)).roll((-(TAPS // 2), -(TAPS // 2)), (1, 2))


def _by_fourier(pictures: Tensor, *kernels: Tensor) -> Tensor:
    """Wiener's filter for pictures (n, C, H, W) that were convolved with both kernels (n, H, W)."""
    first, second = (torch.fft.rfft2(kernel) for kernel in kernels)
    filters = first * second
    filters = (1 + NOISE) * filters.conj() / (filters.abs().square() + NOISE)  # which keeps the mean
    result: Tensor = torch.fft.irfft2(torch.fft.rfft2(pictures) * filters[:, None], s=pictures.shape[-2:])
    return result


def _by_matrices(pictures: Tensor, *kernels: Tensor) -> Tensor:
    """The same without complex numbers, which ONNX lacks: the Fourier transforms are matrix products."""
    height, width = pictures.shape[-2:]
    (rows, rows_sine), (columns, columns_sine) = (
        (angles.cos(), angles.sin())
        for side in (height, width)
        for angles in [2 * math.pi / side * torch.outer(torch.arange(side), torch.arange(side)).to(pictures)]
    )

    def transformed(maps: Tensor) -> tuple[Tensor, Tensor]:
        cosine, sine = rows @ maps, rows_sine @ maps
        return cosine @ columns - sine @ columns_sine, -(cosine @ columns_sine + sine @ columns)

    (a, b), (c, d), (real, imaginary) = (transformed(maps) for maps in (*kernels, pictures))
    across, along = (a * c - b * d)[:, None], (a * d + b * c)[:, None]  # of both kernels
    power = (across.square() + along.square() + NOISE) / (1 + NOISE)
    real, imaginary = (real * across + imaginary * along) / power, (imaginary * across - real * along) / power
    back, back_sine = rows @ real - rows_sine @ imaginary, rows_sine @ real + rows @ imaginary
    return (back @ columns - back_sine @ columns_sine) / (height * width)
