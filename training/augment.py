"""Differentiable augmentation (Zhao et al. 2020, arXiv:2006.10738): the discriminator sees real and generated pictures
only after random changes. So it cannot memorise a small data set. The generator still learns to draw unchanged pictures.

Every random number comes from the caller, so that a picture's augmentation is a function of (seed, image number).
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from .choices import POLICIES

RANDOMS = 7  # uniform numbers per picture for `augment`
WARPS = 6  # and for `warp`


def augment(images: Tensor, randoms: Tensor, strength: float = 1.0, policies: tuple[str, ...] = POLICIES) -> Tensor:
    """images (n, C, H, W) in [-1, 1] and randoms (n, 7) uniform in 0..1 -> augmented images; differentiable.

    strength 0..1 scales the changes; at 1 they are the paper's: brightness +-0.5, saturation 0..2,
    contrast 0.5..1.5, shifts of up to an eighth, a square of half the width cut out.
    """
    brightness, saturation, contrast, right, down, x, y = randoms.to(images).view(-1, RANDOMS, 1, 1, 1).unbind(1)
    if "color" in policies:
        images = images + (brightness - 0.5) * strength
        mean = images.mean(1, keepdim=True)
        images = mean + (images - mean) * (1 + (saturation * 2 - 1) * strength)
        mean = images.mean((1, 2, 3), keepdim=True)
        images = mean + (images - mean) * (1 + (contrast - 0.5) * strength)
    if "translation" in policies:
        images = _shift(images, (right * 2 - 1) * strength / 8, (down * 2 - 1) * strength / 8)
    if "cutout" in policies:
        images = images * _outside(images, x, y, strength / 2)
    return images


def warp(images: Tensor, randoms: Tensor) -> Tensor:
    """images (n, C, H, W) in [-1, 1] and randoms (n, 6) uniform in 0..1 -> images after random affine maps: rotated by up
    to 20 degrees, scaled by up to 15 %, stretched by up to 10 %, sheared by up to 0.2 and shifted by up to 7 % of the
    size, on black. For digits this is like another handwriting."""
    turn, scale, stretch, slant, right, down = (randoms.to(images) * 2 - 1).unbind(1)
    turn, scale, stretch = turn * math.pi / 9, 1 + 0.15 * scale, 1 + 0.1 * stretch
    # From places in the result to places in the picture, both in -1..1.
    across = torch.stack([turn.cos() * scale * stretch, 0.2 * slant - turn.sin() * scale, 0.14 * right], 1)
    along = torch.stack([turn.sin() * scale, turn.cos() * scale / stretch, 0.14 * down], 1)
    grid = F.affine_grid(torch.stack([across, along], 1), list(images.shape), align_corners=False)
    return F.grid_sample(images + 1, grid, align_corners=False) - 1  # grid_sample fills with 0, and black is -1


def _shift(images: Tensor, right: Tensor, down: Tensor) -> Tensor:
    """Images shifted by shares of their size, rounded to whole pixels, and filled with black (-1, the background of
    digits; the paper's 0 is grey)."""
    n, _, height, width = images.shape
    rows = torch.arange(height, device=images.device) - (down.flatten() * height).round().long()[:, None]
    columns = torch.arange(width, device=images.device) - (right.flatten() * width).round().long()[:, None]
    inside = ((rows >= 0) & (rows < height))[:, None, :, None] & ((columns >= 0) & (columns < width))[:, None, None, :]
    rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
    moved = images[torch.arange(n, device=images.device)[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    return torch.where(inside, moved.permute(0, 3, 1, 2), -torch.ones((), dtype=images.dtype, device=images.device))


def _outside(images: Tensor, x: Tensor, y: Tensor, side: float) -> Tensor:
    """Masks (n, 1, H, W): 0 in a square of `side` times the size with its centre at (x, y), 1 elsewhere."""
    masks = []
    for length, middle in ((images.shape[2], y), (images.shape[3], x)):
        places = torch.arange(length, device=images.device, dtype=images.dtype) + 0.5
        masks.append((places - middle.flatten()[:, None] * length).abs() < side * length / 2)
    return (~(masks[0][:, None, :, None] & masks[1][:, None, None, :])).to(images.dtype)
