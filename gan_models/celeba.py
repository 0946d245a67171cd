"""What is known of CelebA: its frame, its attributes, and which of them exclude each other."""

import torch
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
EXCLUSIVE = ("Bald", "Black_Hair", "Blond_Hair", "Brown_Hair")  # a head has one of them
HAIR_COLOURS = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair")  # they exclude each other


def one_hair_colour(rows: Tensor, names: tuple[str, ...], wishes: dict[str, float]) -> None:
    """In labels (n, K) 0..1 a wished hair colour fades the others, in place, unless they are wished for as well: no
    face has two at once."""
    wished = max((wishes.get(name, 0) for name in HAIR_COLOURS), default=0)
    for name in HAIR_COLOURS:
        if name in names and name not in wishes:
            rows[:, names.index(name)] *= 1 - wished


FRAME = (178, 218)
WINDOW = (25, 48, 128)  # left, top and side of what the networks see of the frame
CELEBA_SIZE = (178, 218)
CELEBA_PAGE = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"


def opposite_edit(labels: Tensor, k: int, attributes: tuple[str, ...]) -> Tensor:
    """Differences (n, K) that turn attribute k of pictures labelled (n, K) bool into its opposite. Who gets a hair
    colour, or goes bald, loses the colour that was there."""
    differences = torch.zeros(labels.shape)
    differences[:, k] = 1 - 2 * labels[:, k].float()
    if attributes[k] in EXCLUSIVE:
        for other in (attributes.index(name) for name in EXCLUSIVE if name in attributes and name != attributes[k]):
            differences[:, other] = -(labels[:, other] & ~labels[:, k]).float()
    return differences


CHEEKS = ((0.58, 0.72), ((0.24, 0.38), (0.62, 0.76)))  # rows, and columns of both, in sides of CelebA's crop


def cheeks(images: Tensor) -> Tensor:
    """The mean colours (n, 6) of both cheeks of faces (n, 3, S, S) in CelebA's crop."""
    size = images.shape[-1]
    (top, bottom), sides = CHEEKS
    rows = images[:, :, round(top * size) : round(bottom * size)]
    return torch.cat([rows[..., round(left * size) : round(right * size)].mean((2, 3)) for left, right in sides], 1)
