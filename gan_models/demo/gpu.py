"""ZeroGPU: on such a Space there is a GPU only while a function decorated by `spaces.GPU` runs, in a process of its own.
Elsewhere this module does nothing."""

import os
from collections.abc import Callable
from typing import Any

import torch

from ..networks import Generator, load

HERE = bool(os.environ.get("SPACES_ZERO_GPU"))  # set by the Hub
SECONDS = 30  # limit of one call
COMPUTES = ("generate", "encode", "decode", "edit", "directed", "invert", "estimate_labels", "restore")

_opened: dict[str, Generator] = {}  # in this process, and in those that are forked from it


def lent(model: Generator, source: str) -> Generator:
    """The model, with its work done on the GPU of the Space; elsewhere unchanged."""
    if HERE:
        _opened[source] = model
        for name in COMPUTES:
            if hasattr(type(model), name):
                setattr(model, name, _elsewhere(model, source, name))
    return model


def _elsewhere(model: Generator, source: str, name: str) -> Callable[..., Any]:
    def method(*arguments: Any, **named: Any) -> Any:
        tensors = [value for value in (*arguments, *named.values()) if isinstance(value, torch.Tensor)]
        if any(value.requires_grad for value in tensors):  # gradients do not cross processes
            return getattr(type(model), name)(model, *arguments, **named)
        return _compute(source, name, moved(arguments, "cpu"), moved(named, "cpu"))

    return method


def _work(source: str, name: str, arguments: tuple, named: dict[str, Any]) -> Any:
    """Call a method of the model in the process that has the GPU. Only CPU tensors cross processes: neither the model
    nor a tensor on the GPU does."""
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
    import spaces  # it must see the function while the Space starts

    _compute = spaces.GPU(_work, duration=SECONDS)
else:
    _compute = _work
