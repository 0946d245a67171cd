"""The picture of a game on points."""

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from .game import SHOWN, Game

FAKE_PLACE, REAL_PLACE = (70, 110, 190), (240, 150, 50)  # blue where it sees generated points, orange where real ones
REAL, GENERATED, RIM = (20, 20, 30), (215, 0, 120), (255, 255, 255)
REACH = 1.4  # half the side of the picture, in the plane
ARROWS, ARROW = 60, 30  # number of lines; pixels for a push of 1, and at most


def draw(game: Game, size: int = 400) -> Image.Image:
    """A square picture: the discriminator's field, from blue (generated) over white (undecided) to orange (real); real
    points as small black dots; generated ones as magenta dots, some with a line that shows where, and how strongly, they
    are pushed."""
    large = 2 * size  # reduced afterwards, which smooths the edges
    side = game.field()[..., None] * 2 - 1
    towards = np.where(side > 0, np.float32(REAL_PLACE), np.float32(FAKE_PLACE))
    colours = 255 + (towards - 255) * np.abs(side)
    picture = Image.fromarray(colours.astype(np.uint8)).resize((large, large), Image.Resampling.BILINEAR)
    pen = ImageDraw.Draw(picture)

    def pixels(points: Tensor) -> list[list[float]]:
        points = points.detach().nan_to_num(99).clamp(-99, 99) * torch.tensor([1.0, -1.0])
        return ((points / REACH + 1) * (large / 2)).tolist()

    for x, y in pixels(game.shape.draw(SHOWN, torch.Generator().manual_seed(0))):
        pen.ellipse((x - 4, y - 4, x + 4, y + 4), fill=REAL)
    points = game.generate(game.shown).detach()
    pushes = game.pushes(points[:ARROWS])
    length = pushes.norm(dim=1, keepdim=True).clamp_min(1e-12)
    ends = points[:ARROWS] + pushes / length * length.clamp_max(1) * (ARROW * 2 * REACH / size)
    for start, end in zip(pixels(points[:ARROWS]), pixels(ends), strict=True):
        pen.line((*start, *end), fill=GENERATED, width=4)
    for x, y in pixels(points):
        pen.ellipse((x - 7, y - 7, x + 7, y + 7), fill=GENERATED, outline=RIM, width=2)
    return picture.reduce(2)
