"""The settings of a game on points, their bounds, and the examples of the lab."""

from dataclasses import dataclass

from ..errors import TrainingError
from ..losses import OBJECTIVES
from .shapes import SHAPES

PENALTIES = ("none", "r1", "r1+r2", "gradient_penalty", "clipping")
BOUNDS = {
    "strength": (0.001, 10),
    "discriminator_steps": (1, 10),
    "discriminator_rate": (1e-5, 0.1),
    "generator_rate": (1e-5, 0.1),
    "momentum": (0, 0.95),
}


@dataclass(frozen=True)
class Settings:
    """The settings, which may also change during the game. Raises TrainingError for values outside BOUNDS.

    penalty: "r1" on real points, "r1+r2" on real and generated ones, the "gradient_penalty" of WGAN-GP between them, or
    "clipping" with `strength` as the bound of the weights. discriminator_steps: updates of the discriminator per update
    of the generator. momentum: Adam's first beta, for both.
    """

    shape: str = "ring"
    objective: str = "relativistic"
    penalty: str = "r1+r2"
    strength: float = 0.1
    discriminator_steps: int = 1
    discriminator_rate: float = 2e-3
    generator_rate: float = 1e-3
    momentum: float = 0.0

    def __post_init__(self):
        for name, known in (("shape", SHAPES), ("objective", OBJECTIVES), ("penalty", PENALTIES)):
            value = getattr(self, name)
            if not isinstance(value, str) or value not in known:
                raise TrainingError(f"{name} must be one of {', '.join(known)}, not {value!r}.")
        for name, (least, most) in BOUNDS.items():
            value = getattr(self, name)
            kind = int if name == "discriminator_steps" else (int, float)
            if isinstance(value, bool) or not isinstance(value, kind) or not least <= value <= most:
                raise TrainingError(
                    f"{name} must be a {'whole ' if kind is int else ''}number from {least:g} to {most:g}, not {value!r}."
                )


# Three failures and their cures; tests/training/points/test_game.py checks by numbers that they behave as described.
EXAMPLES = {
    "collapse": Settings("ring", "minimax", "none", 0.05, 1, 1e-4, 5e-3, 0.5),
    "collapse_cured": Settings("ring", "relativistic", "r1+r2", 0.1, 1, 5e-3, 5e-3, 0.5),
    "oscillation": Settings("ring", "minimax", "none", 0.1, 1, 1e-3, 5e-3, 0.9),
    "oscillation_cured": Settings("ring", "logistic", "r1", 0.1, 1, 1e-3, 5e-3, 0.0),
    "vanishing": Settings("ring", "minimax", "none", 0.1, 10, 1e-2, 2e-3, 0.0),
    "vanishing_cured": Settings("ring", "logistic", "r1", 0.1, 10, 1e-2, 2e-3, 0.0),
}
