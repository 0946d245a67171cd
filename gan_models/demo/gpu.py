"""ZeroGPU: on a Space of that kind a GPU is there only while a function of `spaces.GPU` runs, in a process of its own.
Everywhere else this is nothing."""

import os
from collections.abc import Callable
from typing import Any

import torch

from ..networks import Generator, load

HERE = bool(os.environ.get("SPACES_ZERO_GPU"))  # set by the Hub
SECONDS = 30  # that one call may take
COMPUTES = ("generate", "encode", "decode", "edit", "directed", "invert", "estimate_labels", "restore")

_opened: dict[str, Generator] = {}  # in this process, and in those that are forked from it


def lent(model: Generator, source: str) -> Generator:
    """The model, whose work is done on the GPU that the Space lends; elsewhere as it is."""
    if HERE:
        _opened[source] = model
        for name in COMPUTES:
            if hasattr(type(model), name):
                setattr(model, name, _elsewhere(model, source, name))
    return model


def _elsewhere(model: Generator, source: str, name: str) -> Callable[..., Any]:
    def method(*arguments: Any, **named: Any) -> Any:
        tensors = [value for value in (*arguments, *named.values()) if isinstance(value, torch.Tensor)]
        if any(value.requires_grad for value in tensors):  # a gradient does not go from one process to another
            return getattr(type(model), name)(model, *arguments, **named)
        return _compute(source, name, moved(arguments, "cpu"), moved(named, "cpu"))

    return method


def _work(source: str, name: str, arguments: tuple, named: dict[str, Any]) -> Any:
    """What a method of the model returns. It runs in a process that has the GPU, and goes back without it: neither
    the model nor a tensor of the GPU goes from one process to the other."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if source not in _opened:  # opened after this process was forked
        _opened[source] = load(source)
    model = _opened[source].to(device)
    for method in COMPUTES:  # its methods call one another
        model.__dict__.pop(method, None)
    with torch.inference_mode():
        return moved(getattr(model, name)(*moved(arguments, device), **moved(named, device)), "cpu")


def moved(value: Any, device: str) -> Any:
    """The value with its tensors on a device, through tuples, lists and dicts."""
    if isinstance(value, torch.Tensor):
        return value.detach().to(device)
    if isinstance(value, dict):
        return {key: moved(item, device) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(moved(item, device) for item in value))
    if isinstance(value, (list, tuple)):
        return type(value)(moved(item, device) for item in value)
    return value


if HERE:
    import spaces  # which must see the function while the Space starts

    _compute = spaces.GPU(_work, duration=SECONDS)
else:
    _compute = _work
