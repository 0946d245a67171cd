"""Use a GAN: `gan_models.load("mnist-cgan")` gives a generator; `generate(sample_latents(16, seed=1))` gives
pictures."""

import importlib
from typing import TYPE_CHECKING, Any

from .layout import bundled
from .project import VERSION

if TYPE_CHECKING:
    from . import latents
    from .errors import HubUnreachable, InvalidConfig, InvalidInput, InvalidWeights, ModelError, ModelNotFound
    from .networks import load
    from .networks.base import Generator
    from .verification import verify

__all__ = [
    "Generator",
    "HubUnreachable",
    "InvalidConfig",
    "InvalidInput",
    "InvalidWeights",
    "ModelError",
    "ModelNotFound",
    "bundled",
    "latents",
    "load",
    "verify",
]
__version__ = VERSION

_HOMES = {"Generator": "networks", "load": "networks", "verify": "verification"} | dict.fromkeys(
    ("HubUnreachable", "InvalidConfig", "InvalidInput", "InvalidWeights", "ModelError", "ModelNotFound"), "errors"
)

_MODULES = (
    "card",
    "credentials",
    "export",
    "hub",
    "images",
    "inversion",
    "latents",
    "layout",
    "marks",
    "networks",
    "photos",
    "portrait",
    "studio",
)


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used (PEP 562), so that torch is imported only where it is needed."""
    if name in _HOMES:
        value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    elif name in _MODULES:
        value = importlib.import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
