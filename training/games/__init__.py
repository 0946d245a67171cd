"""Games, one file a training algorithm: who draws what, and what each player minimises."""

from .adversarial import Adversarial, Game
from .bigan import BiGAN
from .editor import Editing
from .inversion import Inverting
from .moments import Moments
from .vaegan import VAEGAN

GAMES: dict[str, type[Game]] = {
    "adversarial": Adversarial,
    "vaegan": VAEGAN,
    "bigan": BiGAN,
    "moments": Moments,
    "inversion": Inverting,
    "editor": Editing,
}
