"""Damages of pictures: holes, noise, blur, JPEG, low resolution, lost colour; and line drawings.

All are differentiable, and depend only on their arguments: random numbers come from the caller, so that the damage of
picture i is a function of (seed, i). Pictures are (n, C, H, W) in [-1, 1] with C = 1 or 3; strengths (n,) in 0..1, where
0 leaves a picture unchanged. `damaged` does it in one call:

    found = damages.damaged(pictures, {"noise": 0.5, "fill": 0.4}, seed=1)
    model.restore(found.pictures, found.mask)
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from .choices import DAMAGES
from .errors import InvalidInput, short
from .rng import Stream, check_seed, philox

KINDS = DAMAGES
RANDOMS = 32  # uniform numbers that a picture takes: one for motion, 26 for holes, and those of HAND for edges
HAND = slice(28, 31)
NOISE = 0.4  # standard deviation at strength 1, in -1..1
SPECKS = 0.25  # share of pixels at strength 1
BLUR = 3.0  # standard deviation at strength 1, in pixels
MOTION = 13  # pixels over which a point is smeared at strength 1
TAPS = 13  # side of the kernels
QUALITY = (80.0, 8.0)  # of JPEG at strengths 0 and 1
SHRINK = 4.0  # factor by which each side has fewer pixels at strength 1
WEIGHTS = (0.299, 0.587, 0.114)  # of red, green and blue in brightness (ITU-R BT.601)
# Annex K of the JPEG standard (ITU-T T.81): the quantisation tables of brightness and colour at quality 50.
LUMINANCE = """16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56 14 17 22 29 51 87 80 62
18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92 49 64 78 87 103 121 120 101 72 92 95 98 112 100 103 99"""
CHROMINANCE = """17 18 24 47 99 99 99 99 18 21 26 66 99 99 99 99 24 26 56 99 99 99 99 99 47 66 99 99 99 99 99 99
99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99"""


class Damaged(NamedTuple):
    """n damaged pictures."""

    pictures: Tensor  # (n, C, H, W) in [-1, 1], 0 where the mask is
    mask: Tensor  # (n, 1, H, W): 1 where the picture is missing, else 0


def damaged(pictures: Tensor, strengths: Mapping[str, float], seed: int | None = None) -> Damaged:
    """Pictures (n, C, H, W) in [-1, 1] with the given damages (names from KINDS), each at its strength in 0..1. Raises
    InvalidInput for other pictures, names or strengths."""
    if not isinstance(pictures, Tensor) or pictures.ndim != 4 or pictures.shape[1] not in (1, 3):
        raise InvalidInput("The pictures must be a tensor (n, C, H, W) with C = 1 or 3.")
    for kind, strength in strengths.items():
        if kind not in KINDS:
            raise InvalidInput(f"There is no damage {short(kind)}; there are {', '.join(KINDS)}.")
        if isinstance(strength, bool) or not isinstance(strength, (int, float)) or not 0 <= strength <= 1:
            raise InvalidInput(f"The strength of {kind} must be a number from 0 to 1, not {short(strength)}.")
    row = torch.tensor([float(strengths.get(kind, 0)) for kind in KINDS], device=pictures.device)
    seed, n, channels = check_seed(seed), len(pictures), pictures.shape[1]
    randoms, fields = torch.empty(n, RANDOMS), torch.empty(n, channels + 1, *pictures.shape[2:])
    for k in range(n):
        randoms[k] = torch.from_numpy(philox(seed, k, Stream.DAMAGE).random(RANDOMS, "float32"))
        fields[k] = torch.from_numpy(philox(seed, k, Stream.GRAIN).standard_normal(fields.shape[1:], "float32"))
    return damage(pictures, row.expand(n, -1), randoms.to(pictures), fields.to(pictures))


def damage(pictures: Tensor, strengths: Tensor, randoms: Tensor, fields: Tensor) -> Damaged:
    """Pictures (n, C, H, W) with damages of strengths (n, len(KINDS)), from randoms (n, RANDOMS) uniform in 0..1 and
    fields (n, C + 1, H, W) standard normal."""
    strength = dict(zip(KINDS, strengths.unbind(1), strict=True))

    def befall(kind: str, function) -> None:
        """Apply one damage to the pictures whose strength of it is above 0."""
        nonlocal pictures
        rows = strength[kind].nonzero()[:, 0]
        if len(rows):
            pictures = pictures.index_copy(0, rows, function(rows, pictures[rows], strength[kind][rows]))

    befall("edges", lambda rows, some, s: edges(some, s, randoms[rows, HAND]))
    befall("motion", lambda rows, some, s: motion_blur(some, s, randoms[rows, 0]))
    befall("blur", lambda _, some, s: blur(some, BLUR * s))
    befall("shrink", lambda _, some, s: shrunk(some, s))
    befall("noise", lambda rows, some, s: (some + NOISE * s[:, None, None, None] * fields[rows, :-1]).clamp(-1, 1))
    befall("specks", lambda rows, some, s: specks(some, s, fields[rows, -1:]))
    befall("jpeg", lambda _, some, s: jpeg(some, QUALITY[0] + (QUALITY[1] - QUALITY[0]) * s))
    befall("grey", lambda _, some, s: torch.lerp(some, brightness(some).expand_as(some), s[:, None, None, None]))
    mask = holes(strength["fill"], randoms[:, 1:], pictures.shape[-2:])
    return Damaged(pictures * (1 - mask), mask)


def brightness(pictures: Tensor) -> Tensor:
    """The brightness (n, 1, H, W) of grey or coloured pictures."""
    if pictures.shape[1] == 1:
        return pictures
    return (pictures * pictures.new_tensor(WEIGHTS)[:, None, None]).sum(1, keepdim=True)


def blur(pictures: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur with standard deviations (n,) in pixels, at most about 3. Borders are mirrored."""
    kernels = gaussian_kernels(sigma.to(pictures))
    return _filtered(_filtered(pictures, kernels[:, None, :]), kernels[:, :, None])


def gaussian_kernels(sigma: Tensor) -> Tensor:
    """(n, TAPS): one row or column of Gaussian kernels with standard deviations (n,) in pixels; each sums to 1."""
    places = torch.arange(TAPS, device=sigma.device, dtype=sigma.dtype) - TAPS // 2
    kernels = (-(places**2) / (2 * sigma.clamp_min(1e-3)[:, None] ** 2)).exp()
    return kernels / kernels.sum(1, keepdim=True)


def motion_blur(pictures: Tensor, strength: Tensor, turn: Tensor) -> Tensor:
    """Each point smeared over a straight line of up to MOTION pixels, in the direction `turn` (n,) (0..1 is half a
    turn)."""
    return _filtered(pictures, motion_kernels(strength.to(pictures), turn.to(pictures)))


def motion_kernels(strength: Tensor, turn: Tensor) -> Tensor:
    """(n, TAPS, TAPS): the kernels of `motion_blur`; each sums to 1."""
    places = torch.arange(TAPS, device=strength.device, dtype=strength.dtype) - TAPS // 2
    y, x = torch.meshgrid(places, places, indexing="ij")
    angle, half = math.pi * turn[:, None, None], (MOTION - 1) / 2 * strength[:, None, None]
    along = x * angle.cos() + y * angle.sin()
    across = y * angle.cos() - x * angle.sin()
    kernels = (1 - across.abs()).clamp_min(0) * (1 + half - along.abs()).clamp(0, 1)
    return kernels / kernels.sum((1, 2), keepdim=True)


def _filtered(pictures: Tensor, kernels: Tensor) -> Tensor:
    """Pictures (n, C, H, W), each with its own kernel (n, h, w), borders mirrored."""
    n, channels, height, width = pictures.shape
    down, right = (min(side // 2, least - 1) for side, least in zip(kernels.shape[1:], (height, width), strict=True))
    padded = F.pad(pictures, (right, right, down, down), mode="reflect")
    weights = kernels[:, None].expand(-1, channels, -1, -1).flatten(0, 1)[:, None]
    if padded.shape[2] < height + weights.shape[2] - 1 or padded.shape[3] < width + weights.shape[3] - 1:
        lacking = height + weights.shape[2] - 1 - padded.shape[2], width + weights.shape[3] - 1 - padded.shape[3]
        padded = F.pad(padded, (lacking[1] // 2, lacking[1] // 2, lacking[0] // 2, lacking[0] // 2), mode="replicate")
    return F.conv2d(padded.flatten(0, 1)[None], weights, groups=n * channels).view(n, channels, height, width)


def shrunk(pictures: Tensor, strength: Tensor) -> Tensor:
    """Pictures downsampled (antialiased) by a factor of up to SHRINK per side, then upsampled again by bicubic
    interpolation. (Strength 1/3 is a factor of 2, strength 1 a factor of 4.)"""
    height, width = pictures.shape[2:]
    factors = (1 + (SHRINK - 1) * strength).tolist()
    small = [F.interpolate(one[None], (max(1, round(height / by)), max(1, round(width / by))), mode="bicubic", antialias=True)
             for one, by in zip(pictures, factors, strict=True)]  # fmt: skip
    return torch.cat([F.interpolate(one, (height, width), mode="bicubic") for one in small]).clamp(-1, 1)


def specks(pictures: Tensor, strength: Tensor, field: Tensor) -> Tensor:
    """Salt-and-pepper noise: a share of up to SPECKS of the pixels is white or black. field (n, 1, H, W), standard
    normal, decides which."""
    least = 2**0.5 * torch.erfinv(1 - SPECKS * strength)[:, None, None, None]
    return torch.where(field.abs() > least, field.sign().expand_as(pictures), pictures)


def jpeg(pictures: Tensor, quality: Tensor) -> Tensor:
    """Pictures saved as JPEG at qualities (n,) from 1 to 100: colour at half the resolution, discrete cosine transform
    of blocks of 8 pixels, quantised (ITU-T T.81). The gradient ignores the rounding (straight-through estimator: Bengio
    et al. 2013, arXiv:1308.3432)."""
    n, channels, height, width = pictures.shape
    scale = torch.where(quality < 50, 5000 / quality.clamp_min(1), 200 - 2 * quality) / 100
    padded = F.pad(pictures, (0, -width % 16, 0, -height % 16), mode="replicate") * 127.5
    if channels == 1:
        return (_blocks(padded, LUMINANCE, scale) / 127.5)[..., :height, :width].clamp(-1, 1)
    y = brightness(padded)
    blue, red = (padded[:, 2:] - y) * 0.564, (padded[:, :1] - y) * 0.713
    y = _blocks(y, LUMINANCE, scale)
    colours = _blocks(F.avg_pool2d(torch.cat([blue, red], 1), 2), CHROMINANCE, scale)
    blue, red = F.interpolate(colours, scale_factor=2, mode="bilinear", align_corners=False).split(1, 1)
    b, r = y + blue / 0.564, y + red / 0.713
    g = (y - WEIGHTS[0] * r - WEIGHTS[2] * b) / WEIGHTS[1]
    return (torch.cat([r, g, b], 1) / 127.5)[..., :height, :width].clamp(-1, 1)


def _blocks(planes: Tensor, table: str, scale: Tensor) -> Tensor:
    """Planes (n, c, H, W) in -128..127 with their cosine coefficients rounded to multiples of a table's numbers."""
    n, c, height, width = planes.shape
    k = torch.arange(8, device=planes.device, dtype=planes.dtype)
    cosines = ((2 * k[None] + 1) * k[:, None] * math.pi / 16).cos() * torch.where(k > 0, 0.5, 8**-0.5)[:, None]
    steps = planes.new_tensor([float(word) for word in table.split()]).view(8, 8)
    steps = (steps * scale[:, None, None]).round().clamp(1, 255)[:, None, None, None]
    blocks = planes.view(n, c, height // 8, 8, width // 8, 8).transpose(3, 4)
    found = cosines @ blocks @ cosines.T / steps
    found = (found + (found.round() - found).detach()) * steps
    return (cosines.T @ found @ cosines).transpose(3, 4).reshape(n, c, height, width)


def edges(pictures: Tensor, strength: Tensor, hand: Tensor) -> Tensor:
    """A line drawing of pictures (n, C, H, W) in [-1, 1]: dark lines on white where a pixel is darker than its
    surroundings, by a difference of two Gaussians (Marr and Hildreth 1980; soft threshold: Winnemoeller et al. 2012).
    The higher the strength (n,) in 0..1, the fewer lines. hand (n, 3) in 0..1: how hard, how blurred and how bold the lines are; else a network would read shades from
    their grey levels, which no drawing by hand has. All channels are equal."""
    hard, blurred, bold = hand.unbind(1)
    grey = brightness(pictures)
    fine, around = (blur(grey, torch.full_like(strength, sigma)) for sigma in (0.6, 1.6))
    contrast = around - fine
    least = (0.02 + 0.08 * strength)[:, None, None, None]
    lines = ((4 * 12**hard)[:, None, None, None] * (contrast - least).clamp_min(0)).tanh()
    lines = (blur(lines, 0.8 * blurred) * (1 + bold)[:, None, None, None]).clamp(0, 1)
    return (1 - 2 * lines).expand_as(pictures)


def holes(strength: Tensor, randoms: Tensor, size: tuple[int, int]) -> Tensor:
    """Masks (n, 1, H, W), 1 where the picture is missing, from randoms (n, at least 26): one or two boxes, a thick brush
    stroke, or a part that begins at one side (half of the picture at strength 1). Strength 0 has no hole."""
    height, width = size
    like = {"device": randoms.device, "dtype": randoms.dtype}
    y = ((torch.arange(height, **like) + 0.5) / height)[None, :, None]
    x = ((torch.arange(width, **like) + 0.5) / width)[None, None, :]
    which, second, turn, *numbers = randoms[:, :, None, None].unbind(1)
    s = strength[:, None, None].to(randoms)
    box = _box(x, y, numbers[:4], s) | (_box(x, y, numbers[4:8], s) & (second < 0.4))
    stroke = torch.zeros_like(box)
    points = [((0.05 + 0.9 * a), (0.05 + 0.9 * b)) for a, b in zip(numbers[8:20:2], numbers[9:20:2], strict=True)]
    for (x1, y1), (x2, y2) in zip(points, points[1:], strict=False):
        dx, dy = x2 - x1, y2 - y1
        t = (((x - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy + 1e-6)).clamp(0, 1)
        stroke = stroke | ((x - x1 - t * dx) ** 2 + (y - y1 - t * dy) ** 2 < (0.015 + 0.05 * s * numbers[20]) ** 2)
    place = torch.where(turn < 0.5, torch.where(turn < 0.25, x, 1 - x), torch.where(turn < 0.75, y, 1 - y))
    side = (place < 0.2 + 0.3 * s).expand_as(box)
    mask = torch.where(which < 0.45, box, torch.where(which < 0.75, stroke, side)) & (s > 0)
    return mask[:, None].to(randoms)


def _box(x: Tensor, y: Tensor, numbers: list[Tensor], strength: Tensor) -> Tensor:
    middle_x, middle_y, wide, high = numbers
    wide, high = ((0.15 + 0.4 * strength * side) / 2 for side in (wide, high))
    return ((x - middle_x).abs() < wide) & ((y - middle_y).abs() < high)
