"""Explain all settings of a recipe: `python -m training --show RECIPE`.

Nothing is written down twice. The meaning of a setting is the comment next to it, in its dataclass (the recipe, the
terms of a game) or in the constructor of a network. Its range is that of the check (settings.py, and `limits` of a
network).
"""

import ast
import inspect
import io
import json
import textwrap
import tokenize
from functools import cache

from gan_models.networks import PAIRS
from gan_models.sizes import in_words

from .games import GAMES, terms_of
from .recipes import Recipe, Schedule
from .settings import NOT_SETTABLE, allowed, arguments, kinds

WIDTH = 100  # characters of a line


@cache
def comments(owner: type) -> dict[str, str]:
    """The comments of a dataclass's fields, or of the arguments of a class's constructor, own or inherited: at the end
    of the line, or on the lines above it. Empty without source code."""
    found: dict[str, str] = {}
    for base in reversed(owner.__mro__[:-1]):
        if "__dataclass_fields__" in vars(owner) or "__init__" in vars(base):
            found |= _of_source(base)
    return found


def _of_source(owner: type) -> dict[str, str]:
    try:
        source = textwrap.dedent(inspect.getsource(owner))
    except (OSError, TypeError):
        return {}
    said = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    whole = {number for number, line in enumerate(source.splitlines(), 1) if line.lstrip().startswith("#")}
    found = {}
    for node in ast.parse(source).body[0].body:
        if isinstance(node, ast.AnnAssign):
            named = [(node.target.id, node)]
        elif isinstance(node, ast.FunctionDef) and node.name == "__init__":
            named = [(argument.arg, argument) for argument in node.args.args + node.args.kwonlyargs]
        else:
            continue
        for name, place in named:
            above = place.lineno - 1
            while above in whole:
                above -= 1
            lines = [said[k] for k in range(above + 1, place.lineno)]
            found[name] = said.get(place.end_lineno) or " ".join(lines)
    return {name: text for name, text in found.items() if text}


def explain(recipe: Recipe) -> str:
    """All settings of a recipe, one paragraph each: value, meaning, range."""
    game, pair = GAMES[recipe.game], PAIRS[recipe.networks]
    parts = [f"{recipe.name}: {recipe.summary} ({recipe.source})", "", "Settings, to be changed by --set NAME=VALUE:"]
    told = comments(Recipe)
    for name, kind in kinds(Recipe).items():
        if name not in NOT_SETTABLE:
            parts.append(_line(name, getattr(recipe, name), allowed(name, kind), told.get(name)))
    terms, told = terms_of(recipe), comments(game.Terms)
    if kinds(game.Terms):
        parts += ["", f"Terms of the game {recipe.game}:"]
        parts += [
            _line(name, getattr(terms, name), allowed(name, kind), told.get(name))
            for name, kind in kinds(game.Terms).items()
        ]
    for player, network in zip(("generator", "discriminator"), pair):
        parts += ["", f"Arguments of the {player}, {network.__name__}:"]
        given, told = getattr(recipe, player), comments(network)
        for name, default in arguments(network).items():
            value = given.get(name, default)
            parts.append(_line(f"{player}.{name}", value, _range_of(network, name, default), told.get(name)))
    return "\n".join(parts)


def _range_of(network: type, name: str, default) -> str:
    if name in network.limits:
        return "a whole number from {} to {}".format(*network.limits[name])
    if name == "normalisation":
        return f"one of {', '.join(network.normalisations)}"
    if isinstance(default, bool):
        return "true or false"
    return {float: "a number", int: "a whole number"}.get(type(default), "a list")


def _line(name: str, value, possible: str, meaning: str | None) -> str:
    first = f"  {name} = {_word(name, value)}"
    text = " ".join(f"{part[:1].upper()}{part[1:].rstrip('.')}." for part in (meaning, possible) if part)
    return first + "\n" + textwrap.fill(text, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)


def _word(name: str, value) -> str:
    if name == "image_size":
        return in_words(value)
    if isinstance(value, Schedule):
        return f"[{value.start:g}, {value.end:g}, {value.images}]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, (list, tuple)):
        if len(value) == 1:  # a word alone would be taken for one
            return json.dumps(list(value))
        text = ",".join(map(str, value))
        return text if len(text) <= WIDTH else f"{','.join(map(str, value[:6]))},... ({len(value)})"
    return f"{value:g}" if isinstance(value, float) else str(value)
