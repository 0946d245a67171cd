"""Games, one file a training algorithm: who draws what, and what each player minimises."""

from .adversarial import Adversarial
from .bigan import BiGAN
from .editor import Editing
from .inversion import Inverting
from .moments import Moments
from .retouching import Retouching
from .vaegan import VAEGAN

GAMES: dict[str, type[Adversarial]] = {
    "adversarial": Adversarial,
    "vaegan": VAEGAN,
    "bigan": BiGAN,
    "moments": Moments,
    "inversion": Inverting,
    "editor": Editing,
    "retouching": Retouching,
}
