"""Changes recipes by `--set KEY=VALUE`: parsing, and checks that everything fits together.

A key is a field of the recipe, a term of its game, or an argument of a network ("generator.width")."""

import dataclasses
import inspect
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gan_models import sizes
from gan_models.errors import did_you_mean, near
from gan_models.files import UnfitFile, read_json
from gan_models.networks import PAIRS

from .choices import POLICIES
from .games import ALIASES, GAMES, from_json, terms_of, without_defaults
from .losses import OBJECTIVES
from .recipes import OBJECTIVE_SETTINGS, RECIPES, Recipe, RecipeError, Schedule
from .run_folder import MAX_JSON

CHOICES: dict[str, tuple[str, ...]] = {
    "networks": tuple(PAIRS),
    "game": tuple(GAMES),
    "objective": tuple(OBJECTIVES),
    "optimiser": ("adam", "rmsprop"),
}
# Settings that only games with `penalised` support; others would ignore them silently.
OF_PENALISED = ("r1", "r2", "gradient_penalty", "instance_noise", "augment", "augment_target")


def find(name: str) -> Recipe:
    """The recipe of a name. Raises RecipeError with similar names."""
    if name in RECIPES:
        return RECIPES[name]
    hint = did_you_mean(name, RECIPES, "`python -m training --list` lists them.")
    raise RecipeError(f"There is no recipe {name!r}. {hint[0].upper()}{hint[1:]}")


def with_objective(recipe: Recipe, objective: str) -> Recipe:
    """The recipe with another objective and that objective's settings."""
    known = PAIRS[recipe.networks][1].normalisations
    for key, value in OBJECTIVE_SETTINGS[_checked_value("objective", objective, "str")].items():
        if key == "discriminator.normalisation" and not known:
            continue
        if key == "discriminator.normalisation" and value not in known:
            value = "none"  # its discriminator does not support the objective's normalisation
        recipe = _replace(recipe, key, value)
    return recipe


def change(recipe: Recipe, settings: list[str]) -> Recipe:
    """The recipe with KEY=VALUE settings, in any order: first networks and game, which decide what else can be set, then
    the settings of another objective, then all others, so that explicit ones win."""
    parsed = (_parse(setting) for setting in settings)
    pairs = {ALIASES.get(key, key): value for key, value in parsed}
    for key in ("networks", "game"):
        if key in pairs:
            recipe = _replace(recipe, key, pairs.pop(key))
    if pairs.get("objective", recipe.objective) != recipe.objective:
        recipe = with_objective(recipe, pairs["objective"])
    for key, value in pairs.items():
        recipe = _replace(recipe, key, value)
    return check(recipe)


MOST_PICTURES = 1 << 16  # in a batch


def check(recipe: Recipe) -> Recipe:
    """The recipe itself. Raises RecipeError if its parts do not fit together."""
    if not 1 <= recipe.batch_size <= MOST_PICTURES:
        raise RecipeError(f"batch_size must be from 1 to {MOST_PICTURES:,}, not {recipe.batch_size:,}.")
    game, owners = GAMES[recipe.game], {pair: name for name, other in GAMES.items() for pair in other.pairs}
    if owners.get(recipe.networks, recipe.game) != recipe.game or (game.pairs and recipe.networks not in game.pairs):
        pairs = ", ".join(f"{networks} with {name}" for networks, name in owners.items())
        raise RecipeError(
            f"The game {recipe.game} cannot be played by the networks {recipe.networks}: {pairs}, "
            "all others with adversarial."
        )
    for option in OF_PENALISED:
        if max(_ends(getattr(recipe, option))) and not game.penalised:
            able = ", ".join(name for name, other in GAMES.items() if other.penalised)
            raise RecipeError(f"The game {recipe.game} knows no {option} ({able} do): --set {option}=0.")
    if game.scores_apart and OBJECTIVES[recipe.objective].paired:
        raise RecipeError(
            f"The game {recipe.game} scores real and generated pictures apart: --set objective=hinge, "
            f"not {recipe.objective}."
        )
    game.check(recipe, terms_of(recipe))
    for term, method in game.needs.items():
        if getattr(terms_of(recipe), term, 0) and not hasattr(PAIRS[recipe.networks][0], method):
            able = " or ".join(networks for networks, (generator, _) in PAIRS.items() if hasattr(generator, method))
            raise RecipeError(
                f"The {term} term needs {method}, which the generator does not have: --set networks={able}, or --set {term}=0."
            )
    if recipe.conditional and not _takes_labels(recipe.networks):
        able = ", ".join(networks for networks in PAIRS if _takes_labels(networks))
        raise RecipeError(
            f"The networks {recipe.networks} take no labels: --set conditional=false, or use networks that do: {able}."
        )
    unknown = set(recipe.augment_policies) - set(POLICIES)
    if unknown:
        raise RecipeError(f"There is no augmentation {min(unknown)!r}; known are {', '.join(POLICIES)}.")
    if max(_ends(recipe.augment)) > 1:
        raise RecipeError("augment is a strength from 0 to 1.")
    if recipe.repeat_threshold > 1:
        raise RecipeError("repeat_threshold is a share of the pictures, from 0 to 1.")
    if recipe.batch_size % recipe.accumulation:
        raise RecipeError(
            f"The batch of {recipe.batch_size:,} cannot be computed in {recipe.accumulation:,} equal parts: "
            "--set accumulation to a number that divides it."
        )
    compared = [name for name in game.compares if getattr(terms_of(recipe), name)]
    if recipe.accumulation > 1 and (compared or not game.in_parts):
        raise RecipeError(
            f"The game {recipe.game} {f'with {compared[0]} ' if compared else ''}uses all pictures of a batch at once, "
            "so its parts cannot be computed separately: --set accumulation=1."
        )
    return recipe


def from_options(described: dict) -> Recipe:
    """The recipe in an options.json. Each value is checked, since the file may have been edited. Raises RecipeError,
    KeyError, TypeError or AttributeError for an invalid one."""
    recipe = from_json(described)
    for declared, values in ((Recipe, vars(recipe)), (GAMES[recipe.game].Terms, recipe.terms)):
        for key, kind in kinds(declared).items():
            if key in values and key not in NOT_SETTABLE:
                value = values[key]
                _checked_value(
                    key, [value.start, value.end, value.images] if isinstance(value, Schedule) else value, kind
                )
    return recipe


def recipe_of_run(folder: Path) -> Recipe:
    """The recipe of a run. Raises RecipeError if its options.json cannot be read."""
    try:
        return from_options(read_json(folder / "options.json", MAX_JSON)["recipe"])
    except (OSError, UnfitFile, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecipeError(
            f"The options of the run in {folder} cannot be read: name a run folder with an options.json."
        ) from error


def _takes_labels(networks: str) -> bool:
    return all(network.takes_labels for network in PAIRS[networks])


def _ends(value: float | Schedule) -> tuple[float, float]:
    return (value.start, value.end) if isinstance(value, Schedule) else (value, value)


def _parse(setting: str) -> tuple[str, Any]:
    key, equals, text = setting.partition("=")
    if not equals or not key:
        raise RecipeError(f"--set takes KEY=VALUE, not {setting!r}.")
    try:
        return key, json.loads(text)
    except ValueError:
        return key, {"True": True, "False": False, "None": None}.get(text, text)  # a bare word is a string


def _replace(recipe: Recipe, key: str, value: Any) -> Recipe:
    player, dot, argument = key.partition(".")
    if dot and player in PLAYERS:
        known = arguments(PAIRS[recipe.networks][PLAYERS.index(player)])
        if argument not in known:
            raise RecipeError(
                f"The {player} of the networks {recipe.networks} has no argument {argument!r}; "
                f"{_similar(argument, known, f'{player}.')}"
            )
        return dataclasses.replace(recipe, **{player: getattr(recipe, player) | {argument: value}})
    game = GAMES[recipe.game]
    fields = {name: kind for name, kind in kinds(Recipe).items() if name not in NOT_SETTABLE}
    terms = kinds(game.Terms)
    if key in terms:
        changed = recipe.terms | {key: _checked_value(key, value, terms[key])}
        return dataclasses.replace(recipe, terms=without_defaults(changed, game))
    if key in fields:
        recipe = dataclasses.replace(recipe, **{key: _checked_value(key, value, fields[key])})
        if key == "networks":  # keep the arguments that the new ones have too
            for name, network in zip(PLAYERS, PAIRS[value]):
                kept = {word: given for word, given in getattr(recipe, name).items() if word in arguments(network)}
                recipe = dataclasses.replace(recipe, **{name: kept})
        if key == "game":  # keep the terms that the new one has too
            shared = {name: weight for name, weight in recipe.terms.items() if name in kinds(GAMES[value].Terms)}
            recipe = dataclasses.replace(recipe, terms=shared)
        return recipe
    own = f"its terms are {', '.join(terms)}" if terms else "it has no terms"
    if able := [name for name, other in GAMES.items() if key in kinds(other.Terms)]:
        if _is_number(value) and not value:
            return recipe  # a term of 0 is not used anyway
        raise RecipeError(f"The game {recipe.game} knows no {key} ({', '.join(able)} do); {own}.")
    if dot:
        known = {
            f"{name}.{word}" for name, network in zip(PLAYERS, PAIRS[recipe.networks]) for word in arguments(network)
        }
        same = {name for name in known if name.endswith(f".{argument}")}  # only the player is misspelt
        raise RecipeError(f"There is no option {key!r} to set; {_similar(key, same or known)}")
    words = {name: name for name in (*fields, *terms)}
    words |= {old: new for old, new in ALIASES.items() if new in words}
    known = ", ".join(dict.fromkeys(words[name] for name in near(key, words, 0.6)) or fields)
    raise RecipeError(f"There is no option {key!r} to set; known are {known}. The game is {recipe.game}; {own}.")


NOT_SETTABLE = ("name", "summary", "source", "generator", "discriminator", "terms")
PLAYERS = ("generator", "discriminator")
# Arguments of networks that are given by the recipe and the data.
SHARED = ("self", "generator", "image_size", "image_channels", "multi_label")


def kinds(declared: type) -> dict[str, str]:
    """The fields of a dataclass, with their types as text."""
    return {f.name: getattr(f.type, "__name__", str(f.type)) for f in dataclasses.fields(declared)}


def arguments(network: type) -> dict[str, Any]:
    """The arguments of a network that --set generator.KEY=VALUE or discriminator.KEY can change, with defaults."""
    parameters = inspect.signature(network.__init__).parameters
    given = (*SHARED, "labels") if network.takes_labels else SHARED
    return {name: parameter.default for name, parameter in parameters.items() if name not in given}


def _similar(word: str, known: Iterable[str], start: str = "") -> str:
    if found := near(word, known, 0.6):
        return f"did you mean {' or '.join(start + name for name in found)}?"
    return f"known are {', '.join(start + name for name in known) or 'none'}."


def allowed(key: str, kind: str) -> str:
    """The allowed values of a recipe's field or a game's term, as the words after "must be"."""
    if key in CHOICES:
        return f"one of {', '.join(CHOICES[key])}"
    if key in SPECIAL:
        return SPECIAL[key]
    if kind in ("bool", "str"):
        return {"bool": "true or false", "str": "a word"}[kind]
    if kind == "int":
        return f"a whole number of at least {0 if key in FROM_0 else 1}"
    bounds = f"a number {'from 0 to 1' if key in TO_1 else 'of at least 0'}{' and below 1' if key in BELOW_1 else ''}"
    return f"{bounds}{' or [start, end, images]' if 'Schedule' in kind else ''}"


TO_1 = ("augment", "repeat_threshold")
BELOW_1 = ("beta1", "beta2", "augment_target")
FROM_0 = ("labels_per_class",)
SPECIAL = {
    "attributes": "names with commas between them, or null for all",
    "augment_policies": f"names with commas between them, of {', '.join(POLICIES)}",
    "image_size": "a whole number of pixels, or two, such as 128x96: 128 wide and 96 high",
    "batch_size": f"a whole number of at least 1, and at most {MOST_PICTURES:,}",
}


def _checked_value(key: str, value: Any, kind: str) -> Any:
    """The value converted to the type of the field. A Schedule is written as JSON: [start, end, images]. Raises
    RecipeError."""
    if isinstance(value, Schedule):
        return value
    if key == "augment_policies" and value is None:
        raise RecipeError("augment_policies must be names with commas between them; --set augment=0 takes them away.")
    if key in ("attributes", "augment_policies"):
        names = value.split(",") if isinstance(value, str) else value
        if names is None or isinstance(names, (list, tuple)) and names and all(isinstance(name, str) for name in names):
            return names and tuple(names)
        raise RecipeError(f"{key} must be {allowed(key, kind)}, not {value!r}.")
    if key == "image_size":
        return _image_size(value)
    if key in CHOICES:
        if value in CHOICES[key]:
            return value
        raise RecipeError(f"There is no {key} {value!r}; known are {', '.join(CHOICES[key])}.")
    if kind in ("bool", "str"):
        if isinstance(value, {"bool": bool, "str": str}[kind]):
            return value
        raise RecipeError(f"{key} must be {allowed(key, kind)}, not {value!r}.")
    is_schedule = "Schedule" in kind and isinstance(value, list) and len(value) == 3 and _is_whole(value[2])
    numbers = value[:2] if is_schedule else [value]
    least = 0 if key in FROM_0 else 1
    if not all(_is_number(number) and number >= 0 for number in numbers) or (
        kind == "int" and not _is_whole(value, least)
    ):
        raise RecipeError(f"{key} must be {allowed(key, kind)}, not {value!r}.")
    if key in BELOW_1 and max(numbers) >= 1:
        raise RecipeError(f"{key} must be below 1, not {value!r}.")
    if is_schedule:
        return Schedule(float(value[0]), float(value[1]), int(value[2]))
    return int(value) if kind == "int" else float(value)


def _image_size(value: Any) -> sizes.Size:
    found = sizes.parse(value) if isinstance(value, str) else value
    two = found if isinstance(found, (list, tuple)) and len(found) == 2 else (found,)
    if not all(_is_whole(side) for side in two):
        raise RecipeError(f"image_size must be {SPECIAL['image_size']}; not {value!r}.")
    height, width = int(two[0]), int(two[-1])
    return height if height == width else (height, width)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any, least: int = 1) -> bool:
    """Whether a value is a whole number of at least `least`; 1e6 is one."""
    return _is_number(value) and value == int(value) and value >= least


def as_words(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """{"r1": 0.5, "generator": {"width": 32}} -> ("r1=0.5", "generator.width=32"), the form of :func:`change`. Raises
    RecipeError for values that no setting can have."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        inside = key in ("generator", "discriminator") and isinstance(value, Mapping)
        flat |= {f"{key}.{argument}": one for argument, one in value.items()} if inside else {key: value}
    return tuple(f"{key}={_as_word(key, value)}" for key, value in flat.items())


def _as_word(key: str, value: Any) -> str:
    """A setting as JSON, without quotes around a word."""
    if isinstance(value, Schedule):
        value = [value.start, value.end, value.images]
    try:
        text = json.dumps(value)
    except (TypeError, ValueError) as error:
        raise RecipeError(f"{key} must be a number, a word or a list, not {value!r}.") from error
    return value if isinstance(value, str) and _parse(f"{key}={value}")[1] == value else text
