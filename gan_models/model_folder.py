"""The model folder: check, read and write it.

It holds config.json (the network's arguments, `family` and `format`), model.safetensors, README.md (card), samples.png,
metrics.json and perhaps LICENSE. The first two are all that loading needs; nothing in the folder is ever executed or
unpickled.
"""

import inspect
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch import nn
from torch.overrides import TorchFunctionMode

from .errors import InvalidConfig, InvalidWeights, short
from .files import UnfitFile, open_regular, read_json, write_atomically
from .layout import (
    CONFIG,
    FORMAT,
    MAX_CONFIG_BYTES,
    MAX_HEADER_BYTES,
    MAX_METRICS_BYTES,
    WEIGHTS,
    Source,
)

M = TypeVar("M", bound="Model")


class Model(nn.Module):
    """What a model folder holds: a network that knows its family, its constructor's arguments and where it was found."""

    family: str  # in config.json
    label_table: torch.Tensor  # (rows, K) in 0..1 of a model of attributes
    loaded_from: Source | None = None  # where it was loaded from

    @property
    def arguments(self) -> dict[str, Any]:
        """The constructor's arguments, as they can be stored as JSON."""
        raise NotImplementedError

    def trial(self) -> list[torch.Tensor]:
        """Some outputs, with which loading tests the weights."""
        raise NotImplementedError


def read_model(folder: Path, families: Mapping[str, type[M]], name: str | None = None) -> M:
    """The model of a folder. families: `family` of config.json -> class. `name` is its name in messages."""
    folder = Path(folder)
    name = name or str(folder)
    model = build_on_meta(*read_config(folder / CONFIG, families, name), name)
    tensors = _read_weights(folder / WEIGHTS, model.state_dict(), name)
    model.load_state_dict(tensors, strict=True, assign=True)
    model.requires_grad_(False).eval()
    # Convolutions on a CPU are faster so. (torch's types forget the argument.)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    _check_use(model, name)
    model.loaded_from = Source(folder, name)
    return model


def save(model: Model, folder: str | os.PathLike[str], dtype: torch.dtype = torch.float32) -> None:
    """Write config.json and model.safetensors, each atomically. dtype: torch.float16 halves the size."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / CONFIG, (json.dumps(config_of(model), indent=2) + "\n").encode())
    save_weights(model, folder, dtype)


def config_of(model: Model) -> dict[str, Any]:
    """The content of config.json: the format, the family and the constructor's arguments."""
    return {"format": FORMAT, "family": model.family, **model.arguments}


def save_weights(model: Model, folder: str | os.PathLike[str], dtype: torch.dtype = torch.float32) -> None:
    """Write model.safetensors with float tensors as `dtype`. Equal weights give equal bytes.

    Raises InvalidWeights for weights that `load` would refuse: not finite, or too large for `dtype`.
    """
    tensors = {
        key: (value.to(dtype) if value.is_floating_point() else value).cpu().contiguous()
        for key, value in model.state_dict().items()
    }
    _check_finite(tensors, f"The {model.family} generator to be saved as {dtype}")
    write_atomically(Path(folder) / WEIGHTS, to_safetensors(tensors, metadata={"format": "pt"}))


def read_config(path: Path, families: Mapping[str, type[M]], name: str) -> tuple[type[M], dict[str, Any]]:
    """The class and the arguments in a config.json."""
    try:
        config = read_json(path, MAX_CONFIG_BYTES, path.parent)
    except UnfitFile as error:
        raise InvalidConfig(f"The {CONFIG} of {name} {error}; fetch or export the model again.") from error
    except FileNotFoundError as error:
        raise InvalidConfig(f"{name} has no {CONFIG}, so it is not a model folder of GAN Studio.") from error
    except OSError as error:
        raise InvalidConfig(
            f"The {CONFIG} of {name} cannot be read ({error.strerror or error}); check its permissions."
        ) from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        got = config.get("format") if isinstance(config, dict) else None
        raise InvalidConfig(
            f"The {CONFIG} of {name} says format {short(got)} where {FORMAT!r} is expected; "
            "it was made by another program or a newer version."
        )
    family = config.get("family")
    if not isinstance(family, str) or family not in families:
        raise InvalidConfig(
            f"The {CONFIG} of {name} says family {short(family)}; known are {', '.join(sorted(families))}."
        )
    return families[family], {key: value for key, value in config.items() if key not in ("format", "family")}


class Uninitialised(TorchFunctionMode):
    """Skips the initialisation of weights that will be replaced. On the meta device torch's `normal_` would import
    torch's compiler, which takes longer than the rest of `load`."""

    def __torch_function__(
        self, function: Any, types: Any, arguments: Any = (), named: dict[str, Any] | None = None
    ) -> Any:
        named = named or {}
        if getattr(function, "__module__", None) == "torch.nn.init":
            return named["tensor"] if "tensor" in named else arguments[0]
        if function in (
            torch.Tensor.normal_,
            torch.Tensor.uniform_,
        ):  # called by functions of torch.nn.init that skip this mode
            return arguments[0]
        if function in (torch.randn, torch.rand):
            return torch.empty(*arguments, **{name: value for name, value in named.items() if name != "generator"})
        if function is torch.eye:
            return torch.empty(arguments[0], *(arguments[1:2] or arguments[:1]), **named)
        return function(*arguments, **named)


def build_on_meta(cls: type[M], arguments: dict[str, Any], name: str) -> M:
    """A network on the meta device: shapes without memory."""
    family, known = cls.family, sorted(set(inspect.signature(cls.__init__).parameters) - {"self"})
    unknown = sorted(set(arguments) - set(known))
    if unknown:
        raise InvalidConfig(
            f"The {CONFIG} of {name} has unknown keys ({', '.join(map(short, unknown[:5]))}); "
            f"{family} takes {', '.join(known)}."
        )
    try:
        with Uninitialised(), torch.device("meta"):
            return cls(**arguments)
    except InvalidConfig as error:
        raise InvalidConfig(f"{name}: {error}") from error
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise InvalidConfig(
            f"The {CONFIG} of {name} does not describe a {family} network ({short(str(error))})."
        ) from error


def _read_weights(path: Path, expected: dict[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    """The tensors, float ones as float32. Their names, shapes and types are checked first."""
    try:
        with open_regular(path, most_bytes(expected), path.parent) as file:
            if int.from_bytes(file.read(8), "little") > MAX_HEADER_BYTES:
                raise InvalidWeights(
                    f"The {WEIGHTS} of {name} is not a safetensors file of ours; fetch the model again."
                )
        with safe_open(path, "pt") as file:
            _check_header(file, expected, name)
            # Copies, since safetensors returns views of the mapped file, which somebody may overwrite.
            tensors = {key: file.get_tensor(key).to(value.dtype, copy=True) for key, value in expected.items()}
    except FileNotFoundError as error:
        raise InvalidWeights(
            f"{name} has no {WEIGHTS} (pickled weights are never read); fetch or export the model again."
        ) from error
    except UnfitFile as error:
        raise InvalidWeights(f"The {WEIGHTS} of {name} {error}; fetch or export the model again.") from error
    except SafetensorError as error:
        raise InvalidWeights(
            f"The {WEIGHTS} of {name} is truncated or not a safetensors file; fetch the model again."
        ) from error
    except OSError as error:
        raise InvalidWeights(
            f"The {WEIGHTS} of {name} cannot be read ({error.strerror or error}); check its permissions."
        ) from error
    _check_finite(tensors, f"The {WEIGHTS} of {name}")
    return tensors


def most_bytes(expected: dict[str, torch.Tensor]) -> int:
    """The most bytes that a file of these tensors may have: as float64 (which is refused later) and with any header."""
    return MAX_HEADER_BYTES + sum(8 * value.numel() for value in expected.values()) + 8


def _check_header(file: Any, expected: dict[str, torch.Tensor], name: str) -> None:
    """Raise InvalidWeights unless names, shapes and types in an open safetensors file are the expected ones."""
    keys = set(file.keys())
    for what, odd in (("lacks", set(expected) - keys), ("has unknown", keys - set(expected))):
        if odd:
            raise InvalidWeights(
                f"The {WEIGHTS} of {name} {what} tensors ({len(odd)}, {short(min(odd))} among them); "
                f"it does not belong to its {CONFIG}."
            )
    for key, tensor in expected.items():
        found = file.get_slice(key)
        shape, kind = tuple(found.get_shape()), found.get_dtype()
        kinds = ("F32", "F16", "BF16") if tensor.is_floating_point() else ("I64",)
        if shape != tuple(tensor.shape) or kind not in kinds:
            raise InvalidWeights(
                f"The tensor {key!r} of {name} is {kind} {shape} where {kinds[0]} "
                f"{tuple(tensor.shape)} is expected; it does not belong to its {CONFIG}."
            )


def _check_finite(tensors: dict[str, torch.Tensor], what: str) -> None:
    # The least and the largest number are NaN where one number is. This takes a tenth of the time of checking each.
    broken = [
        key
        for key, value in tensors.items()
        if value.is_floating_point() and value.numel() and not all(end.isfinite() for end in value.aminmax())
    ]
    if broken:
        raise InvalidWeights(f"{what} holds numbers that are not finite (in {broken[0]!r}); the model is unusable.")


def _check_use(model: Model, name: str) -> None:
    """Raise InvalidWeights for finite weights that are useless: attributes outside 0 to 1, or pictures that are not
    finite. This draws one picture."""
    table = getattr(model, "label_table", None)
    if table is not None and not ((table >= 0) & (table <= 1)).all():
        raise InvalidWeights(
            f"The {WEIGHTS} of {name} holds attributes outside 0 to 1 (in 'label_table'); the model is unusable."
        )
    try:
        with torch.no_grad():
            useful = all(made.isfinite().all() for made in model.trial())
    except RuntimeError as error:  # such as a matrix that is not a covariance
        raise InvalidWeights(
            f"The weights of {name} draw nothing ({(str(error).splitlines() or [''])[0][:150]}); the model is unusable."
        ) from error
    if not useful:
        raise InvalidWeights(f"The weights of {name} draw pictures that are not finite; the model is unusable.")


def holds_weights_of(folder: Path, model: Model) -> bool:
    """Whether a folder's weights are the model's, up to the precision of the model."""
    mine = model.state_dict()
    try:
        with safe_open(folder / WEIGHTS, "pt") as file:
            return set(file.keys()) == mine.keys() and all(
                torch.equal(file.get_tensor(key).to(value.dtype), value.cpu()) for key, value in mine.items()
            )
    except (OSError, SafetensorError, RuntimeError):
        return False


def read_metrics(path: Path) -> dict[str, Any]:
    """The content of a metrics.json, {} if there is none. Raises InvalidConfig."""
    try:
        metrics = read_json(path, MAX_METRICS_BYTES, path.parent)
    except FileNotFoundError:
        return {}
    except UnfitFile as error:
        raise InvalidConfig(f"{path} {error}; repair it or delete it.") from error
    except OSError as error:
        raise InvalidConfig(f"{path} cannot be read ({error.strerror or error}); repair it or delete it.") from error
    if not isinstance(metrics, dict):
        raise InvalidConfig(f"{path} must hold an object of names and values; repair it or delete it.")
    return metrics
