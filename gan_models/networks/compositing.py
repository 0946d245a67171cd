"""Laying a change over a photo: colours, blur, the ellipse of the head."""

import torch
from torch import Tensor
from torch.nn import functional as F

# The head with its hair as an ellipse in CelebA's crop: centre x and y, horizontal and vertical half-axis, as shares of
# the crop's side. In the frame of 178 x 218: (89, 121), 58 and 78. Long hair, hats and shoulders extend beyond it.
HEAD = (0.5, 0.57, 0.453, 0.609)
DETAIL = 3 / 64  # of the side of the crop: finer structures count as detail


def from_head(size: int, device: torch.device | str = "cpu") -> Tensor:
    """(size, size): the distance of each pixel of a crop from the centre of HEAD; 1 at the rim of the ellipse."""
    place = (torch.arange(size, device=device) + 0.5) / size
    x, y, across, down = HEAD
    return torch.hypot((place[None, :] - x) / across, (place[:, None] - y) / down)


def colours(images: Tensor) -> Tensor:
    """RGB (n, 3, H, W) as brightness, warmth (red against blue) and greenness (green against both): (n, 3, H, W)."""
    red, green, blue = images.unbind(1)
    return torch.stack([(red + green + blue) / 3, (red - blue) / 2, (2 * green - red - blue) / 4], 1)


def from_colours(colours: Tensor) -> Tensor:
    """The inverse of `colours`."""
    brightness, warmth, greenness = colours.unbind(1)
    others = brightness - greenness * 2 / 3
    return torch.stack([others + warmth, brightness + greenness * 4 / 3, others - warmth], 1)


def blurred(images: Tensor) -> Tensor:
    """Pictures (n, C, H, W) without structures finer than DETAIL: two box filters, one after the other."""
    radius = max(round(DETAIL * int(images.shape[-1])), 1)  # int: during tracing a size is a tensor
    for down, across in 2 * ((radius, 0), (0, radius)):  # separable, which is much faster
        images = F.avg_pool2d(images, (2 * down + 1, 2 * across + 1), 1, (down, across), count_include_pad=False)
    return images


def smoothstep(x: Tensor) -> Tensor:
    """0 below 0, 1 above 1, smooth between."""
    x = x.clamp(0, 1)
    return x * x * (3 - 2 * x)
