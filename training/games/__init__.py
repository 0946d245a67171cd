"""Games, one file a training algorithm: who draws what, and what each player minimises."""

from dataclasses import fields

from ..recipes import Recipe, RecipeError
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


def terms_of(recipe: Recipe) -> Game.Terms:
    """The terms of the recipe's game, with defaults where the recipe says nothing. Raises RecipeError where the game
    has no such term."""
    known = GAMES[recipe.game].Terms
    names = [field.name for field in fields(known)]
    for name in recipe.terms:
        if name not in names:
            raise RecipeError(f"The game {recipe.game} knows no {name}; its terms are {', '.join(names) or 'none'}.")
    return known(**recipe.terms)
