"""The errors of opening and using a model, one class each, so that a caller can tell them apart.

Every message is one sentence that says what is wrong and what to do about it.
"""

import difflib
import reprlib
from collections.abc import Iterable

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = 80


def short(value: object) -> str:
    """repr(value), cut to fit into a sentence: files may hold values of absurd length and depth."""
    return _repr.repr(value)


def near(word: str, known: Iterable[str], cutoff: float = 0.4) -> list[str]:
    """The words of `known` that are similar to `word`, the nearest first; case does not count."""
    folded = {name.casefold(): name for name in known}
    return [folded[name] for name in difflib.get_close_matches(word.casefold(), folded, n=3, cutoff=cutoff)]


def did_you_mean(word: str, known: Iterable[str], otherwise: str, cutoff: float = 0.4) -> str:
    """The end of a sentence about an unknown name: "did you mean a or b?", or `otherwise` if no name is similar."""
    names = near(word, known, cutoff)
    return f"did you mean {' or '.join(names)}?" if names else otherwise


class ModelError(Exception):
    """Any failure to find, read or use a model folder."""


class ModelNotFound(ModelError):
    """No folder, bundled model or Hub repository of that name (or no such revision, or a private repository)."""


class HubUnreachable(ModelError):
    """The Hub did not answer, or refused for now, and the model is not in the local cache."""


class InvalidConfig(ModelError, ValueError):
    """config.json is missing, unreadable, of an unknown format or family, or holds unknown or absurd values."""


class InvalidWeights(ModelError, ValueError):
    """model.safetensors is missing, truncated, foreign, or does not fit the network that config.json describes."""


class InvalidInput(ModelError, ValueError):
    """Seeds, counts, latents or labels that a model does not accept."""


class InvalidPhoto(InvalidInput):
    """A file that is not a picture, is damaged, too large or too small, or has no usable face."""


class NoFace(InvalidPhoto):
    """A picture in which no face is found."""


class MissingPackage(ModelError, ImportError):
    """Something needs an optional package that is not installed."""
