"""Make a GAN: data, recipes, losses, the loop, metrics, publishing.

`training.train("mnist-cgan", images=100_000)` trains from Python as `python -m training` does, and returns the run with
its model folder. Public names are loaded when they are first used (PEP 562), so `import training` needs no torch.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .errors import TrainingError
    from .mixing import augmented
    from .run import Trained, train
    from .run.options import RunOptions

__all__ = ["RunOptions", "Trained", "TrainingError", "augmented", "train"]

_HOMES = {"TrainingError": "errors", "augmented": "mixing", "RunOptions": "run.options"} | dict.fromkeys(
    ("Trained", "train"), "run"
)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
