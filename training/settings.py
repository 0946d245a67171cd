"""How `--set KEY=VALUE` changes a recipe: parsing, checks, and what fits together."""

import dataclasses
import difflib
import json
import math
from collections.abc import Mapping
from typing import Any

from .augment import POLICIES
from .recipes import OBJECTIVE_SETTINGS, RECIPES, Recipe, RecipeError, Schedule

CHOICES: dict[str, tuple[str, ...]] = {
    "family": ("mlp", "dcgan", "resnet", "infogan", "vaegan", "bigan", "implicit", "tied", "invertible", "editor"),
    "game": ("adversarial", "vaegan", "bigan", "moments", "inversion", "editor"),
    "objective": tuple(OBJECTIVE_SETTINGS),
    "optimiser": ("adam", "rmsprop"),
}


# The options that only some games hear: elsewhere they would be taken in silence, and do nothing.
_EVERY_ADVERSARY = ("adversarial", "vaegan", "bigan", "inversion")
HEARD_BY: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("r1", "r2", "gradient_penalty", "instance_noise", "augment"), _EVERY_ADVERSARY),
    **dict.fromkeys(("auxiliary", "feature_matching", "perceptual", "information", "clustering"), ("adversarial",)),
    **dict.fromkeys(("requested", "keeping", "sparing"), ("editor",)),
    "reconstruction": ("vaegan", "moments", "inversion", "editor"),
    "recovery": ("inversion", "editor"),
    "divergence": ("vaegan", "editor"),
}
_OWN_GAME = {
    "vaegan": "vaegan",
    "bigan": "bigan",
    "implicit": "moments",
    "invertible": "inversion",
    "editor": "editor",
}  # family: the only game that it can play


def find(name: str) -> Recipe:
    """The recipe of a name. Raises RecipeError that names the near ones."""
    if name in RECIPES:
        return RECIPES[name]
    near = difflib.get_close_matches(name, RECIPES, n=3, cutoff=0.4)
    hint = f"Did you mean {' or '.join(near)}?" if near else "`python -m training --list` lists them."
    raise RecipeError(f"There is no recipe {name!r}. {hint}")


def with_objective(recipe: Recipe, objective: str) -> Recipe:
    """The recipe playing another game, with the settings that this game is at its best with."""
    for key, value in OBJECTIVE_SETTINGS[_checked("objective", objective, "str")].items():
        if (
            key == "discriminator.normalisation"
            and value == "spectral"
            and recipe.family in ("infogan", "bigan", "tied")
        ):
            value = "none"  # which theirs cannot have
        if recipe.family in ("dcgan", "infogan", "vaegan", "bigan", "tied", "invertible") or not key.startswith(
            "discriminator."
        ):
            recipe = _replace(recipe, key, value)
    return recipe


def change(recipe: Recipe, settings: list[str]) -> Recipe:
    """The recipe with KEY=VALUE settings applied; those of another objective first, so that explicit ones win."""
    pairs = dict(_parse(setting) for setting in settings)
    if pairs.get("objective", recipe.objective) != recipe.objective:
        recipe = with_objective(recipe, pairs["objective"])
    for key, value in pairs.items():
        recipe = _replace(recipe, key, value)
    return check(recipe)


MOST_PICTURES = 1 << 16  # in a batch


def check(recipe: Recipe) -> Recipe:
    """The recipe itself. Raises RecipeError where its parts do not fit each other."""
    if not 1 <= recipe.batch_size <= MOST_PICTURES:
        raise RecipeError(f"batch_size must be from 1 to {MOST_PICTURES:,}, not {recipe.batch_size:,}.")
    if recipe.auxiliary and not (recipe.conditional and recipe.discriminator.get("auxiliary")):
        raise RecipeError(
            "The loss of the auxiliary classifier needs labels and a classifier: "
            "--set conditional=true and --set discriminator.auxiliary=true, or --set auxiliary=0."
        )
    if (recipe.game == "adversarial") == (recipe.family in _OWN_GAME) or _OWN_GAME.get(
        recipe.family, recipe.game
    ) != recipe.game:
        pairs = ", ".join(f"{family} with {game}" for family, game in _OWN_GAME.items())
        raise RecipeError(
            f"The game {recipe.game} cannot be played by the family {recipe.family}: {pairs}, all others with adversarial."
        )
    for option, games in HEARD_BY.items():
        if max(_ends(getattr(recipe, option))) and not hears(recipe, option):
            raise RecipeError(f"The game {recipe.game} knows no {option} ({', '.join(games)} do): --set {option}=0.")
    if recipe.game == "moments" and recipe.objective != "logistic":
        raise RecipeError("The game moments has no discriminator, so no objective can be set.")
    for term in ("information", "clustering"):
        if getattr(recipe, term) and recipe.family != "infogan":
            raise RecipeError(f"The {term} term needs latent codes: --set family=infogan, or --set {term}=0.")
    if recipe.perceptual and recipe.data != "mnist":
        raise RecipeError(
            "The perceptual term looks through a network that reads MNIST's digits; --set perceptual=0 for other pictures."
        )
    if recipe.conditional and recipe.family not in ("dcgan", "resnet", "invertible"):
        raise RecipeError(
            f"The family {recipe.family} knows no labels: --set conditional=false, or take dcgan, resnet or invertible."
        )
    unknown = set(recipe.augment_policies) - set(POLICIES)
    if unknown:
        raise RecipeError(f"There is no augmentation {min(unknown)!r}; known are {', '.join(POLICIES)}.")
    if max(_ends(recipe.augment)) > 1:
        raise RecipeError("augment is a strength from 0 to 1.")
    if min(_ends(recipe.temperature)) <= 0:
        raise RecipeError("temperature must be above 0.")
    return recipe


def hears(recipe: Recipe, option: str) -> bool:
    """Whether the option means anything to the recipe's game."""
    return recipe.game in HEARD_BY.get(option, CHOICES["game"])


def _ends(value: float | Schedule) -> tuple[float, float]:
    return (value.start, value.end) if isinstance(value, Schedule) else (value, value)


def to_json(recipe: Recipe) -> dict:
    """As plain JSON values; a Schedule becomes {"start", "end", "images"}."""
    return json.loads(json.dumps(dataclasses.asdict(recipe)))


def with_defaults(described: dict) -> dict:
    """What :func:`to_json` wrote, perhaps by an older version, with the defaults of the options that it did not
    know."""
    defaults = {
        field.name: field.default for field in dataclasses.fields(Recipe) if field.default is not dataclasses.MISSING
    }
    return json.loads(json.dumps(defaults)) | described


def _parse(setting: str) -> tuple[str, Any]:
    key, equals, text = setting.partition("=")
    if not equals or not key:
        raise RecipeError(f"--set takes KEY=VALUE, not {setting!r}.")
    try:
        return key, json.loads(text)
    except ValueError:
        return key, {"True": True, "False": False, "None": None}.get(text, text)  # a bare word is a string


def _replace(recipe: Recipe, key: str, value: Any) -> Recipe:
    network, dot, argument = key.partition(".")
    if dot and network in ("generator", "discriminator"):
        return dataclasses.replace(recipe, **{network: getattr(recipe, network) | {argument: value}})
    types = {f.name: getattr(f.type, "__name__", str(f.type)) for f in dataclasses.fields(Recipe)}
    if key not in types or key in ("name", "summary", "source", "generator", "discriminator"):
        settable = [name for name in types if name not in ("name", "summary", "source")]
        near = difflib.get_close_matches(key, settable, n=3, cutoff=0.6) or settable
        raise RecipeError(f"There is no option {key!r} to set; known are {', '.join(near)}.")
    return dataclasses.replace(recipe, **{key: _checked(key, value, types[key])})


def _checked(key: str, value: Any, kind: str) -> Any:
    """The value in the type of the field, or RecipeError. A Schedule is written as JSON: [start, end, images]."""
    if isinstance(value, Schedule):
        return value
    if key == "augment_policies" and value is None:
        raise RecipeError("augment_policies must be names with commas between them; --set augment=0 takes them away.")
    if key in ("attributes", "augment_policies"):
        names = value.split(",") if isinstance(value, str) else value
        if names is None or isinstance(names, (list, tuple)) and names and all(isinstance(name, str) for name in names):
            return names and tuple(names)
        raise RecipeError(
            f"{key} must be names with commas between them{', or null for all' if key == 'attributes' else ''}, not {value!r}."
        )
    if key in CHOICES:
        if value in CHOICES[key]:
            return value
        raise RecipeError(f"There is no {key} {value!r}; known are {', '.join(CHOICES[key])}.")
    if kind in ("bool", "str"):
        if isinstance(value, {"bool": bool, "str": str}[kind]):
            return value
        raise RecipeError(f"{key} must be {'true or false' if kind == 'bool' else 'a word'}, not {value!r}.")
    is_schedule = "Schedule" in kind and isinstance(value, list) and len(value) == 3 and _is_whole(value[2])
    numbers = value[:2] if is_schedule else [value]
    if not all(_is_number(number) and number >= 0 for number in numbers) or kind == "int" and not _is_whole(value):
        what = "a whole number of at least 1" if kind == "int" else "a number of at least 0"
        raise RecipeError(
            f"{key} must be {what}{' or [start, end, images]' if 'Schedule' in kind else ''}, not {value!r}."
        )
    if key in ("beta1", "beta2") and max(numbers) >= 1:
        raise RecipeError(f"{key} must be below 1, not {value!r}.")
    if is_schedule:
        return Schedule(float(value[0]), float(value[1]), int(value[2]))
    return int(value) if kind == "int" else float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    """A whole number of at least 1; 1e6 is one."""
    return _is_number(value) and value == int(value) and value >= 1


def as_words(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """{"r1": 0.5, "generator": {"width": 32}} -> ("r1=0.5", "generator.width=32"): what :func:`change` takes. Raises
    RecipeError for values that no setting has."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        inside = key in ("generator", "discriminator") and isinstance(value, Mapping)
        flat |= {f"{key}.{argument}": one for argument, one in value.items()} if inside else {key: value}
    return tuple(f"{key}={_as_word(key, value)}" for key, value in flat.items())


def _as_word(key: str, value: Any) -> str:
    """As JSON, but that a word needs no quotes."""
    if isinstance(value, Schedule):
        value = [value.start, value.end, value.images]
    try:
        text = json.dumps(value)
    except (TypeError, ValueError) as error:
        raise RecipeError(f"{key} must be a number, a word or a list, not {value!r}.") from error
    return value if isinstance(value, str) and _parse(f"{key}={value}")[1] == value else text
