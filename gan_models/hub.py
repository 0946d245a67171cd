"""Model folders: find, check, load, save.

A model folder holds config.json (the network's arguments, `family` and `format`), model.safetensors, README.md (card),
samples.png and metrics.json. The first two are all that loading reads; nothing in the folder is ever executed or unpickled.
"""

import difflib
import json
import os
from pathlib import Path

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch.overrides import TorchFunctionMode

from .base import Generator
from .dcgan import DCGANGenerator
from .editor import Editor
from .encoding import EncodingGenerator
from .errors import HubUnreachable, InvalidConfig, InvalidInput, InvalidWeights, ModelNotFound, short
from .infogan import InfoGANGenerator
from .inversion import InvertibleGenerator
from .mlp import MLPGenerator
from .resnet import ResNetGenerator

FORMAT = "gan-studio/1"
CONFIG, WEIGHTS = "config.json", "model.safetensors"
MAX_CONFIG_BYTES = 1_000_000
MAX_HEADER_BYTES = 1_000_000  # ours have a few kilobytes
PRETRAINED = Path(__file__).parent / "pretrained"
FAMILIES: dict[str, type[Generator]] = {
    cls.family: cls for cls in (MLPGenerator, DCGANGenerator, InfoGANGenerator, EncodingGenerator, InvertibleGenerator, ResNetGenerator, Editor)
}


def bundled() -> list[str]:
    """The names of the models that come with the package, in alphabetical order."""
    return sorted(folder.parent.name for folder in PRETRAINED.glob(f"*/{CONFIG}"))


def load(source: str | os.PathLike, *, revision: str | None = None, device: str | torch.device | None = None) -> Generator:
    """The model of a folder, a bundled name or a Hub repository "user/repo" (tried in this order).

    It is in eval mode, float32, on the CPU unless `device` says otherwise. `revision` is a branch, tag or commit of a Hub
    repository. A repository that was loaded before is found in the Hub cache without a network.

    Raises ModelNotFound, HubUnreachable, InvalidConfig, InvalidWeights or InvalidInput (all ModelError), each with one
    sentence. The configuration is bounds-checked and compared with the header of the weights before any memory is taken.
    """
    device = check_device(device)
    folder, name = _find(source, revision)
    return load_folder(folder, name).to(device)


def check_device(device: str | torch.device | None) -> torch.device:
    """The device, after a number was put there and read back (None: the CPU). Raises InvalidInput where that fails."""
    try:
        found = torch.device("cpu" if device is None else device)
        torch.zeros(1, device=found).item()  # fails on "meta" too, which cannot hold a picture
        return found
    except (RuntimeError, AssertionError, TypeError, ValueError) as error:  # NotImplementedError is a RuntimeError
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InvalidInput(
            f"The device {short(device)} cannot be used here ({reason[:150]}); leave it out for the CPU."
        ) from error


def load_folder(folder: Path, name: str | None = None) -> Generator:
    """The model of a folder; `name` is what messages call it."""
    folder = Path(folder)
    name = name or str(folder)
    model = _build(*_read_config(folder / CONFIG, name), name)
    tensors = _read_weights(folder / WEIGHTS, model.state_dict(), name)
    model.load_state_dict(tensors, strict=True, assign=True)
    return model.requires_grad_(False).eval()


def save(model: Generator, folder: str | os.PathLike, dtype: torch.dtype = torch.float32) -> None:
    """Write config.json and model.safetensors, each to a temporary name first. dtype may be torch.float16 to halve the file."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / CONFIG, (json.dumps(config_of(model), indent=2) + "\n").encode())
    save_weights(model, folder, dtype)


def config_of(model: Generator) -> dict:
    """What config.json says: the format, the family and the constructor's arguments."""
    return {"format": FORMAT, "family": model.family, **model._hub_mixin_config}


def save_weights(model: Generator, folder: str | os.PathLike, dtype: torch.dtype = torch.float32) -> None:
    """Write model.safetensors: float tensors as `dtype`, in a form where equal weights are equal bytes.

    Raises InvalidWeights for weights that `load` would refuse: not finite, or too large for `dtype`.
    """
    tensors = {key: (value.to(dtype) if value.is_floating_point() else value).cpu().contiguous()
               for key, value in model.state_dict().items()}
    _check_finite(tensors, f"The {model.family} generator to be saved as {dtype}")
    write_atomically(Path(folder) / WEIGHTS, to_safetensors(tensors, metadata={"format": "pt"}))


def write_atomically(path: Path, data: bytes) -> None:
    """Write to a temporary name and rename, so that no reader ever sees half a file and a full disk costs nothing."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def from_pretrained(cls, source, revision, cache_dir, force_download, local_files_only, token) -> Generator:
    """`cls.from_pretrained`, the Hub mixin's entry, with the checks of `load`."""
    folder, name = _find(source, revision, cache_dir=cache_dir, force_download=force_download,
                         local_files_only=local_files_only, token=token)
    model = load_folder(folder, name)
    if not isinstance(model, cls):
        raise InvalidConfig(f"{name} is a model of the family {model.family!r}, not a {cls.__name__}; use gan_models.load().")
    return model


def locate(source: str | os.PathLike, revision: str | None = None) -> Path:
    """The model folder of what `load` takes; it raises as that does."""
    return _find(source, revision)[0]


def _find(source, revision=None, **download) -> tuple[Path, str]:
    """(the folder of a source, what to call it), downloaded if need be."""
    if not isinstance(source, (str, os.PathLike)) or not str(source):
        raise ModelNotFound(
            f"A model is named by a folder, a bundled name or a Hub repository user/repo, not by {short(source)}."
        )
    if revision is not None and (not isinstance(revision, str) or not revision):
        raise InvalidInput(f"The revision must be the name of a branch, a tag or a commit, not {short(revision)}.")
    name = os.fspath(source)
    folder = PRETRAINED / name if name in bundled() and not os.path.isdir(name) else Path(name)
    if os.path.isdir(folder):  # os.path, since pathlib raises for names that are too long
        if revision is not None:
            raise InvalidInput(f"A revision ({short(revision)}) goes with a Hub repository; {name} is on this disk.")
        return folder, name
    if os.path.exists(folder):
        raise ModelNotFound(f"{name} is a file; give the model folder that holds {CONFIG} and {WEIGHTS}.")
    if name.count("/") != 1 or name.startswith((".", "/", "~")) or name.endswith("/"):
        raise ModelNotFound(f"There is no folder or bundled model {short(name)}; {_near(name)} "
                            "A Hub repository is named user/repo.")
    return _download(name, revision, **download), name


def _near(name: str) -> str:
    near = difflib.get_close_matches(name, bundled(), n=3, cutoff=0.4)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"bundled are: {', '.join(bundled()) or 'none'}."


def _download(repo: str, revision: str | None, **download) -> Path:
    """The folder in the Hub cache. The configuration comes first, so that nobody waits for the weights of a foreign model."""
    at = f" at revision {revision!r}" if revision else ""
    folder = _snapshot(repo, revision, at, [CONFIG], download)
    _build(*_read_config(folder / CONFIG, repo), repo)
    return _snapshot(repo, folder.name, at, [CONFIG, WEIGHTS], download)


def _snapshot(repo: str, revision: str | None, at: str, files: list[str], download: dict) -> Path:
    try:
        return Path(snapshot_download(repo, revision=revision, allow_patterns=files, **download))
    except HFValidationError as error:
        raise ModelNotFound(f"{short(repo)} is neither a folder nor a valid Hub repository name (user/repo).") from error
    except GatedRepoError as error:
        raise ModelNotFound(
            f"The Hub repository {repo} is gated: accept its terms on its page and run `hf auth login`."
        ) from error
    except RevisionNotFoundError as error:
        raise ModelNotFound(f"The Hub repository {repo} has no revision {short(revision)}.") from error
    except RepositoryNotFoundError as error:
        raise ModelNotFound(f"There is no folder {repo} here and no Hub repository {repo}{at}, or it is private: "
                            "check the name, or run `hf auth login`.") from error
    except LocalEntryNotFoundError as error:
        raise HubUnreachable(f"The Hub cannot be reached and {repo}{at} is not in the local cache: "
                             "check the network, or give a folder or a bundled model.") from error
    except Exception as error:  # the Hub's client lets its network library's own exceptions through
        if getattr(getattr(error, "response", None), "status_code", None) in (401, 403):
            raise ModelNotFound(f"The Hub refuses access to {repo}{at} with your token: run `hf auth login` again.") from error
        raise HubUnreachable(f"Downloading {repo}{at} from the Hub failed ({type(error).__name__}): try again later.") from error


def _read_config(path: Path, name: str) -> tuple[str, dict]:
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise InvalidConfig(f"The {CONFIG} of {name} is larger than {MAX_CONFIG_BYTES} bytes; it is not one of ours.")
        config = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise InvalidConfig(f"{name} has no {CONFIG}, so it is not a model folder of GAN Studio.") from error
    except OSError as error:
        raise InvalidConfig(
            f"The {CONFIG} of {name} cannot be read ({error.strerror or error}); check its permissions."
        ) from error
    except (ValueError, RecursionError) as error:
        raise InvalidConfig(f"The {CONFIG} of {name} is not JSON; fetch or export the model again.") from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        got = config.get("format") if isinstance(config, dict) else None
        raise InvalidConfig(f"The {CONFIG} of {name} says format {short(got)} where {FORMAT!r} is expected; "
                            "it was made by another program or a newer version.")
    family = config.get("family")
    if not isinstance(family, str) or family not in FAMILIES:
        raise InvalidConfig(f"The {CONFIG} of {name} says family {short(family)}; known are {', '.join(sorted(FAMILIES))}.")
    return family, {key: value for key, value in config.items() if key not in ("format", "family")}


class Uninitialised(TorchFunctionMode):
    """Leaves weights alone that are about to be replaced. On the meta device torch's `normal_` would first import its
    compiler, which takes longer than everything else that `load` does."""

    def __torch_function__(self, function, types, arguments=(), named=None):
        named = named or {}
        if getattr(function, "__module__", None) == "torch.nn.init":
            return named["tensor"] if "tensor" in named else arguments[0]
        return function(*arguments, **named)


def _build(family: str, arguments: dict, name: str) -> Generator:
    """The network on the meta device: shapes without memory."""
    cls = FAMILIES[family]
    known = sorted(set(cls._hub_mixin_init_parameters) - {"self"})
    unknown = sorted(set(arguments) - set(known))
    if unknown:
        raise InvalidConfig(f"The {CONFIG} of {name} has unknown keys ({', '.join(map(short, unknown[:5]))}); "
                            f"{family} takes {', '.join(known)}.")
    try:
        with Uninitialised(), torch.device("meta"):
            return cls(**arguments)
    except InvalidConfig as error:
        raise InvalidConfig(f"{name}: {error}") from error
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise InvalidConfig(f"The {CONFIG} of {name} does not describe a {family} network ({short(str(error))}).") from error


def _read_weights(path: Path, expected: dict[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    """The tensors, float ones as float32, after their names, shapes and kinds were found to be the expected ones."""
    if not path.is_file():
        raise InvalidWeights(f"{name} has no {WEIGHTS} (pickled weights are never read); fetch or export the model again.")
    try:
        with open(path, "rb") as file:
            if int.from_bytes(file.read(8), "little") > MAX_HEADER_BYTES:
                raise InvalidWeights(f"The {WEIGHTS} of {name} is not a safetensors file of ours; fetch the model again.")
        with safe_open(path, "pt") as file:
            _check_header(file, expected, name)
            # Copies: what safetensors returns is a view of the mapped file, which somebody may overwrite.
            tensors = {key: file.get_tensor(key).to(value.dtype, copy=True) for key, value in expected.items()}
    except SafetensorError as error:
        raise InvalidWeights(f"The {WEIGHTS} of {name} is truncated or not a safetensors file; fetch the model again.") from error
    except OSError as error:
        raise InvalidWeights(
            f"The {WEIGHTS} of {name} cannot be read ({error.strerror or error}); check its permissions."
        ) from error
    _check_finite(tensors, f"The {WEIGHTS} of {name}")
    return tensors


def _check_header(file, expected: dict[str, torch.Tensor], name: str) -> None:
    """Raise InvalidWeights unless names, shapes and kinds of an open safetensors file are the expected ones."""
    keys = set(file.keys())
    for what, odd in (("lacks", set(expected) - keys), ("has unknown", keys - set(expected))):
        if odd:
            raise InvalidWeights(f"The {WEIGHTS} of {name} {what} tensors ({len(odd)}, {short(min(odd))} among them); "
                                 f"it does not belong to its {CONFIG}.")
    for key, tensor in expected.items():
        found = file.get_slice(key)
        shape, kind = tuple(found.get_shape()), found.get_dtype()
        kinds = ("F32", "F16", "BF16") if tensor.is_floating_point() else ("I64",)
        if shape != tuple(tensor.shape) or kind not in kinds:
            raise InvalidWeights(f"The tensor {key!r} of {name} is {kind} {shape} where {kinds[0]} "
                                 f"{tuple(tensor.shape)} is expected; it does not belong to its {CONFIG}.")


def _check_finite(tensors: dict[str, torch.Tensor], what: str) -> None:
    broken = [key for key, value in tensors.items() if value.is_floating_point() and not value.isfinite().all()]
    if broken:
        raise InvalidWeights(f"{what} holds numbers that are not finite (in {broken[0]!r}); the model is unusable.")
