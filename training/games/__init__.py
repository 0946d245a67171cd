"""Games, one file per training algorithm: what is generated, and what each player minimises. All of them are functions of
the players (state.py) and of a step's pictures and random numbers (batch.py)."""

import dataclasses
import json
from typing import Any

from ..recipes import Recipe, RecipeError, Schedule
from .adversarial import Adversarial, Game
from .bigan import BiGAN
from .editor import Editing
from .inversion import Inverting
from .moments import Moments
from .projected import Projecting
from .restoring import Restoring
from .retouching import Retouching
from .semisupervised import SemiSupervised
from .translating import Translating
from .vaegan import VAEGAN

GAMES: dict[str, type[Game]] = {
    "adversarial": Adversarial,
    "vaegan": VAEGAN,
    "bigan": BiGAN,
    "moments": Moments,
    "inversion": Inverting,
    "projected": Projecting,
    "editor": Editing,
    "retouching": Retouching,
    "semisupervised": SemiSupervised,
    "restoring": Restoring,
    "translating": Translating,
}


# Old names of settings, which commands and the options.json of older runs may have.
ALIASES = {
    "family": "networks",
    "recovery": "latent_regression",
    "requested": "attribute",
    "keeping": "preservation",
    "sparing": "change",
}


def terms_of(recipe: Recipe) -> Game.Terms:
    """The terms of the recipe's game, with defaults for those that the recipe does not set. Raises RecipeError for a
    term that the game does not have."""
    known = GAMES[recipe.game].Terms
    names = [field.name for field in dataclasses.fields(known)]
    for name in recipe.terms:
        if name not in names:
            raise RecipeError(f"The game {recipe.game} knows no {name}; its terms are {', '.join(names) or 'none'}.")
    return known(**recipe.terms)


def without_defaults(terms: dict[str, Any], game: type[Game]) -> dict[str, Any]:
    """The terms that differ from the game's defaults, so that equal recipes compare equal."""
    defaults = dataclasses.asdict(game.Terms())
    return {name: value for name, value in terms.items() if value != defaults.get(name)}


def to_json(recipe: Recipe) -> dict:
    """As plain JSON values, with all terms of the game; a Schedule becomes {"start", "end", "images"}."""
    terms = dataclasses.asdict(terms_of(recipe))
    return json.loads(json.dumps(dataclasses.asdict(recipe) | {"terms": terms}))


def with_defaults(described: dict) -> dict:
    """The output of :func:`to_json`, perhaps of an older version, brought to today's form: with defaults for options
    that it did not have, and with old fields of the recipe moved to the terms of its game."""
    described = {ALIASES.get(key, key): value for key, value in described.items()}
    fields = {field.name: field.default for field in dataclasses.fields(Recipe)}
    known = dataclasses.asdict(GAMES[described.get("game", fields["game"])].Terms())
    terms = known | {key: described[key] for key in known if key in described} | described.get("terms", {})
    defaults = {key: value for key, value in fields.items() if value is not dataclasses.MISSING}
    kept = {key: value for key, value in described.items() if key in fields}
    return json.loads(json.dumps(defaults)) | kept | {"terms": json.loads(json.dumps(terms))}


def from_json(described: dict) -> Recipe:
    """The recipe of the output of :func:`to_json`, perhaps of an older version. Raises KeyError or TypeError for
    anything else."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict) and value.keys() == {"start", "end", "images"}:
            return Schedule(**value)
        return tuple(value) if isinstance(value, list) else value

    fields = {key: plain(value) for key, value in with_defaults(described).items()}
    terms = {key: plain(value) for key, value in fields["terms"].items()}
    return Recipe(**fields | {"terms": without_defaults(terms, GAMES[fields["game"]])})
