"""Every GAN as a few lines of data: which networks, on which pictures, playing which game.

To read how two GANs differ, compare their entries. A number may be a Schedule. `--set KEY=VALUE` changes any field,
`--set generator.KEY=VALUE` an argument of a network. Choosing another objective also takes that objective's own
settings (OBJECTIVE_SETTINGS), since none of them is at its best with those of another.
"""

import dataclasses
import difflib
import json
import math
from dataclasses import dataclass, field
from typing import Any


class RecipeError(ValueError):
    """An unknown recipe, option or value; the message says which are known."""


@dataclass(frozen=True)
class Schedule:
    """A value that goes from `start` to `end` over the first `images` images along half a cosine, then stays."""

    start: float
    end: float
    images: int

    def at(self, seen: int) -> float:
        done = min(seen / self.images, 1.0)
        return self.end + (self.start - self.end) * (1 + math.cos(math.pi * done)) / 2


def at(value: "float | Schedule", seen: int) -> float:
    """The value after `seen` images."""
    return value.at(seen) if isinstance(value, Schedule) else value


@dataclass(frozen=True)
class Recipe:
    name: str
    summary: str
    source: str  # the paper
    family: str  # networks: mlp | dcgan
    data: str  # mnist | fashionmnist | celeba | a folder of images
    image_size: int  # pixels
    image_channels: int  # 1 | 3
    images: int  # how many real images the discriminator is shown in all
    conditional: bool = False  # the networks are told the labels
    attributes: tuple[str, ...] | None = None  # of a data set with attributes: those to be told
    generator: dict[str, Any] = field(default_factory=dict)  # arguments beyond size and labels
    discriminator: dict[str, Any] = field(default_factory=dict)
    objective: str = "logistic"  # logistic | minimax | relativistic
    auxiliary: float = 0.0  # weight of the auxiliary classifier's loss (needs discriminator.auxiliary)
    r1: float | Schedule = 0.0  # gamma of the gradient penalty on real images
    r2: float | Schedule = 0.0  # gamma of the gradient penalty on generated images
    penalty_every: int = 1  # steps; k > 1 is lazy regularisation, with k times the weight (Karras et al. 2020)
    discriminator_steps: int = 1  # for each generator step
    optimiser: str = "adam"  # adam | rmsprop
    learning_rate: float | Schedule = 2e-4
    beta1: float = 0.5
    beta2: float | Schedule = 0.999
    batch_size: int = 64  # of all processes together
    flip: bool = False  # mirror half of the real images
    ema_half_life: int = 20_000  # images, of the averaged generator that is sampled and published
    ema_ramp: float = 0.05  # but at most this share of the images seen (Karras et al. 2020): early averages forget soon


# What each game is at its best with. The penalties need a discriminator that judges each picture alone, without BatchNorm.
LOGISTIC = {"objective": "logistic", "r1": 0.0, "r2": 0.0, "penalty_every": 1, "beta1": 0.5, "beta2": 0.999}
RELATIVISTIC = {"objective": "relativistic", "r1": Schedule(1.0, 0.1, 200_000), "r2": Schedule(1.0, 0.1, 200_000),
                "penalty_every": 8, "beta1": 0.0, "beta2": Schedule(0.9, 0.99, 200_000)}
OBJECTIVE_SETTINGS: dict[str, dict[str, Any]] = {
    "logistic": LOGISTIC | {"discriminator.normalisation": "batch"},
    "minimax": LOGISTIC | {"objective": "minimax", "discriminator.normalisation": "batch"},
    "relativistic": RELATIVISTIC | {"discriminator.normalisation": "none"},
}

CHOICES: dict[str, tuple[str, ...]] = {
    "family": ("mlp", "dcgan"), "objective": tuple(OBJECTIVE_SETTINGS), "optimiser": ("adam", "rmsprop"),
}

CELEBA_ATTRIBUTES = ("Bangs", "Black_Hair", "Blond_Hair", "Brown_Hair", "Eyeglasses", "Male", "Mouth_Slightly_Open",
                     "No_Beard", "Smiling", "Young")
_MNIST = {"data": "mnist", "image_size": 28, "image_channels": 1, "images": 400_000}
_CELEBA = {"data": "celeba", "image_size": 64, "image_channels": 3, "images": 1_000_000, "flip": True, "ema_half_life": 50_000}

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (
    Recipe(
        "mnist-mlp", "digits from fully connected networks: the first GAN", "Goodfellow et al. 2014, arXiv:1406.2661",
        "mlp", **_MNIST,
    ),
    Recipe(
        "mnist-dcgan", "digits from convolutional networks", "Radford et al. 2015, arXiv:1511.06434",
        "dcgan", **_MNIST, generator={"latent_dim": 100},
    ),
    Recipe(
        "mnist-cgan", "the digit that you ask for",
        "Mirza and Osindero 2014, arXiv:1411.1784; Odena et al. 2016, arXiv:1610.09585",
        "dcgan", **_MNIST, conditional=True, discriminator={"auxiliary": True, "normalisation": "none"}, auxiliary=1.0, **RELATIVISTIC,
    ),
    Recipe(
        "celeba-dcgan", "faces from convolutional networks", "Radford et al. 2015, arXiv:1511.06434",
        "dcgan", **_CELEBA, generator={"latent_dim": 100},
    ),
    Recipe(
        "celeba-cgan", "faces with the attributes that you ask for",
        "Mirza and Osindero 2014, arXiv:1411.1784; Odena et al. 2016, arXiv:1610.09585",
        "dcgan", **_CELEBA, conditional=True, attributes=CELEBA_ATTRIBUTES,
        discriminator={"width": 48, "auxiliary": True, "normalisation": "none"}, auxiliary=1.0, **RELATIVISTIC,
    ),
)}


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
        if recipe.family != "mlp" or not key.startswith("discriminator."):
            recipe = _replace(recipe, key, value)
    return recipe


def change(recipe: Recipe, settings: list[str]) -> Recipe:
    """The recipe with KEY=VALUE settings applied; those of another objective first, so that explicit ones win."""
    pairs = dict(_parse(setting) for setting in settings)
    if pairs.get("objective", recipe.objective) != recipe.objective:
        recipe = with_objective(recipe, pairs["objective"])
    for key, value in pairs.items():
        recipe = _replace(recipe, key, value)
    if recipe.auxiliary and not (recipe.conditional and recipe.discriminator.get("auxiliary")):
        raise RecipeError("The loss of the auxiliary classifier needs labels and a classifier: "
                          "--set conditional=true and --set discriminator.auxiliary=true, or --set auxiliary=0.")
    return recipe


def to_json(recipe: Recipe) -> dict:
    """As plain JSON values; a Schedule becomes {"start", "end", "images"}."""
    return json.loads(json.dumps(dataclasses.asdict(recipe)))


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
    if key == "attributes":
        names = value.split(",") if isinstance(value, str) else value
        if names is None or isinstance(names, (list, tuple)) and names and all(isinstance(name, str) for name in names):
            return names and tuple(names)
        raise RecipeError(f"attributes must be names with commas between them, or null for all, not {value!r}.")
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
        raise RecipeError(f"{key} must be {what}{' or [start, end, images]' if 'Schedule' in kind else ''}, not {value!r}.")
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
