"""A GAN on points in the plane, small enough to watch every step. Objectives and penalties are those of the recipes
(`training/losses.py`, `training/penalties.py`); only the data and the networks are toys.

    game = Game(Settings(shape="ring", objective="minimax", penalty="none"))
    game.train(2000)
    game.measure()                          # Measured(covered=3, modes=8, good=0.41)
    draw(game).save("frame.png")

It needs only torch, numpy and Pillow, and not the training loop. The ring and the grid of Gaussians, and the counts of
modes and good points, are those of Metz et al. 2016 (arXiv:1611.02163) and Srivastava et al. 2017 (arXiv:1705.07761).
"""

from .game import Adam, Game, Measured, Moment, penalty
from .picture import draw
from .settings import BOUNDS, EXAMPLES, PENALTIES, Settings
from .shapes import SHAPES, Shape

__all__ = [
    "Adam",
    "BOUNDS",
    "EXAMPLES",
    "Game",
    "Measured",
    "Moment",
    "PENALTIES",
    "SHAPES",
    "Settings",
    "Shape",
    "draw",
    "penalty",
]
