"""Facts about CelebA: its crop, its attributes, and which of them exclude each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

# The 13 of AttGAN (He et al. 2017, arXiv:1711.10678) and STGAN, and the smile.
ATTRIBUTES = (
    "Bald",
    "Bangs",
    "Black_Hair",
    "Blond_Hair",
    "Brown_Hair",
    "Bushy_Eyebrows",
    "Eyeglasses",
    "Male",
    "Mouth_Slightly_Open",
    "Mustache",
    "No_Beard",
    "Pale_Skin",
    "Young",
    "Smiling",
)
EXCLUSIVE = ("Bald", "Black_Hair", "Blond_Hair", "Brown_Hair")  # a head has at most one of them
HAIR_COLOURS = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair")  # they exclude each other


def one_hair_colour(rows: Tensor, names: tuple[str, ...], wishes: dict[str, float]) -> None:
    """Make room for requested hair colours in labels (n, K) from 0 to 1, in place: the more of them is requested, the
    less remains of the other hair colours, unless those are requested too."""
    wished = max((wishes.get(name, 0) for name in HAIR_COLOURS), default=0)
    for name in HAIR_COLOURS:
        if name in names and name not in wishes:
            rows[:, names.index(name)] *= 1 - wished


FRAME = (178, 218)
WINDOW = (25, 48, 128)  # left, top and side of the part of the frame that the networks see
CELEBA_SIZE = (178, 218)
CELEBA_PAGE = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"


def opposite_edit(labels: Tensor, k: int, attributes: tuple[str, ...]) -> Tensor:
    """Differences (n, K) that turn attribute k into its opposite, for pictures with labels (n, K) bool. Adding a hair
    colour or baldness also removes the hair colour that was there."""
    import torch  # not needed for the names alone

    differences = torch.zeros(labels.shape)
    differences[:, k] = 1 - 2 * labels[:, k].float()
    if attributes[k] in EXCLUSIVE:
        for other in (attributes.index(name) for name in EXCLUSIVE if name in attributes and name != attributes[k]):
            differences[:, other] = -(labels[:, other] & ~labels[:, k]).float()
    return differences


CHEEKS = ((0.58, 0.72), ((0.24, 0.38), (0.62, 0.76)))  # rows, and columns of each, as shares of CelebA's crop


def cheeks(images: Tensor) -> Tensor:
    """The mean colours (n, 6) of both cheeks of faces (n, 3, S, S) in CelebA's crop."""
    import torch

    size = images.shape[-1]
    (top, bottom), sides = CHEEKS
    rows = images[:, :, round(top * size) : round(bottom * size)]
    return torch.cat([rows[..., round(left * size) : round(right * size)].mean((2, 3)) for left, right in sides], 1)
