"""Checkpoints: everything that a run needs to continue as if it had never stopped, without pickles.

    DIR/checkpoint/state.safetensors   both networks, the moments of both optimisers, the scales of fp16
    DIR/checkpoint/state.json          images seen, and the circumstances on which bit-exact equality depends
    DIR/checkpoint/model/              the averaged generator as a model folder
    DIR/checkpoint/manifest.json       length and sha256 of each of these files, written last
    DIR/checkpoint.previous/           the checkpoint before it

Random states are not stored: every random number of a run is a function of (seed, image number). A new checkpoint is
written next to the last one and replaces it by renaming, so one good checkpoint exists whenever the machine stops. A
checkpoint is compared with its manifest before it is used, since a flipped bit would otherwise go unnoticed.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from gan_models.errors import ModelError, short
from gan_models.files import UnfitFile, open_regular, read_json, write_atomically
from gan_models.networks import load_folder
from gan_models.networks.base import Generator

from ..errors import TrainingError
from ..games.state import State
from ..run_folder import MANIFEST, MAX_JSON, PREVIOUS, STATE, find_checkpoint, is_count

if TYPE_CHECKING:
    from accelerate import Accelerator


class CheckpointError(TrainingError):
    """A checkpoint that cannot be written or read; one sentence."""


def circumstances(accelerator: Accelerator) -> dict:
    """The facts besides options and data on which bit-exact equality depends."""
    return {
        "processes": accelerator.num_processes,
        "threads": torch.get_num_threads(),
        "precision": accelerator.mixed_precision,
        "device": accelerator.device.type,
        "machine": platform.machine(),
        "torch": torch.__version__,
    }


def tensors(state: State) -> dict[str, torch.Tensor]:
    """Every tensor of a run except the averaged generator, by name; those of optimisers by the names of their weights."""
    result = {}
    for name, network, parameters, optimiser in _parts(state):
        result |= {f"{name}.{key}": value for key, value in network.state_dict().items()}
        for key, parameter in parameters.items():
            result |= {f"{name}_optimiser.{what}.{key}": value for what, value in optimiser.state[parameter].items()}
    for name, scaler in _scalers(state).items():
        if scaler.is_enabled():
            saved = scaler.state_dict()
            result |= {f"{name}.scale": torch.tensor(saved["scale"], dtype=torch.float64)}
            result |= {f"{name}.growth_tracker": torch.tensor(saved["_growth_tracker"])}
    return result


def save_checkpoint(state: State, folder: Path, accelerator: Accelerator, write_model) -> None:
    """Write DIR/checkpoint; the last one becomes DIR/checkpoint.previous. write_model(folder) writes the model folder.
    Raises CheckpointError, and then leaves the last checkpoint unchanged."""
    new, old, final = folder / "checkpoint.new", folder / "checkpoint.old", folder / "checkpoint"
    previous = folder / PREVIOUS
    try:
        if not final.exists() and (last := find_checkpoint(folder)):
            last.rename(final)  # the process was killed between two renames
        shutil.rmtree(new, ignore_errors=True)
        (new / "model").mkdir(parents=True)
        save_file(
            {key: value.cpu().contiguous() for key, value in tensors(state).items()},
            new / "state.safetensors",
            metadata={"format": "pt"},
        )
        write_model(new / "model")
        for path in new.rglob("*"):
            if path.is_file():
                with open(path, "rb") as file:
                    os.fsync(file.fileno())
        about = {"images": state.images, "augment": state.augment, "manifest": True, **circumstances(accelerator)}
        write_atomically(new / STATE, json.dumps(about, indent=2).encode())
        # The manifest is last: a folder that has it is complete.
        write_atomically(new / MANIFEST, json.dumps(manifest_of(new), indent=2).encode())
        if final.exists():
            shutil.rmtree(old, ignore_errors=True)
            if previous.exists():
                previous.rename(old)
            final.rename(previous)
        new.rename(final)
        shutil.rmtree(old, ignore_errors=True)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(new, ignore_errors=True)  # frees space on a full disk
        reason = getattr(error, "strerror", None) or error
        kept = "the one before it is kept" if find_checkpoint(folder) else "there is none before it"
        raise CheckpointError(
            f"The checkpoint at {state.images:,} images could not be written to {folder} ({reason}); {kept}: "
            "free some space and continue with --resume."
        ) from error


def manifest_of(checkpoint: Path) -> dict[str, dict]:
    """All files of a checkpoint except the manifest: {"model/config.json": {"bytes": n, "sha256": hex}}."""
    paths = sorted(path for path in checkpoint.rglob("*") if path.is_file() and path != checkpoint / MANIFEST)
    return {
        path.relative_to(checkpoint).as_posix(): {"bytes": path.stat().st_size, "sha256": _digest(path)}
        for path in paths
    }


def check_manifest(checkpoint: Path) -> None:
    """Compare a checkpoint with its manifest. A checkpoint of an earlier version without a manifest is accepted.

    Raises CheckpointError with the name of the first file that is missing or was changed.
    """
    try:
        about = read_json(checkpoint / STATE, MAX_JSON)
    except (OSError, UnfitFile) as error:
        raise _damaged_checkpoint(checkpoint, STATE, error) from error
    if not isinstance(about, dict):
        raise _damaged_checkpoint(checkpoint, STATE, "it is not an object of JSON")
    try:
        manifest = read_json(checkpoint / MANIFEST, MAX_JSON)
    except FileNotFoundError as error:
        if about.get("manifest"):
            raise _damaged_checkpoint(checkpoint, MANIFEST, "it is missing") from error
        return
    except (OSError, UnfitFile) as error:
        raise _damaged_checkpoint(checkpoint, MANIFEST, error) from error
    if not isinstance(manifest, dict) or not all(isinstance(entry, dict) for entry in manifest.values()):
        raise _damaged_checkpoint(checkpoint, MANIFEST, "it is no list of files")
    for name in (STATE, "state.safetensors", "model/config.json", "model/model.safetensors"):
        if name not in manifest:
            raise _damaged_checkpoint(checkpoint, MANIFEST, f"it does not name {name}")
    for name, entry in manifest.items():
        try:
            digest = _digest(checkpoint / name)
        except (OSError, UnfitFile) as error:
            raise _damaged_checkpoint(checkpoint, name, error) from error
        if digest != entry.get("sha256"):
            raise _damaged_checkpoint(checkpoint, name, "its content is not what was written")


def _digest(path: Path) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _damaged_checkpoint(checkpoint: Path, name: str, reason) -> CheckpointError:
    reason = getattr(reason, "strerror", None) or reason
    before = find_checkpoint(checkpoint.parent, "previous")
    way = "--resume previous continues from the checkpoint before it"
    if before in (None, checkpoint):
        way = "there is no checkpoint before it, so start again with another --output"
    return CheckpointError(f"The file {name} of {checkpoint} is damaged ({reason}); {way}.")


def go_back(folder: Path) -> None:
    """Replace the damaged last checkpoint by the one before it; the damaged one becomes DIR/checkpoint.damaged."""
    final, damaged = folder / "checkpoint", folder / "checkpoint.damaged"
    before = find_checkpoint(folder, "previous")
    if not final.exists() and (folder / "checkpoint.new").exists():  # the process was killed between two renames
        (folder / "checkpoint.new").rename(final)
    if final.exists():
        shutil.rmtree(damaged, ignore_errors=True)
        final.rename(damaged)
    before.rename(final)


def restore(state: State, checkpoint: Path, accelerator: Accelerator) -> list[str]:
    """Fill `state`, built for the same recipe, from a checkpoint. Returns warnings about different circumstances. Raises
    CheckpointError if it is damaged or belongs to other networks."""
    check_manifest(checkpoint)
    try:
        saved = read_json(checkpoint / STATE, MAX_JSON)
        found = load_file(checkpoint / "state.safetensors")
        for name, network, parameters, optimiser in _parts(state):
            own = {key: found.pop(f"{name}.{key}") for key in network.state_dict()}
            network.load_state_dict(own, strict=True)
            kinds = set()
            for key, parameter in parameters.items():
                prefix, suffix = f"{name}_optimiser.", f".{key}"
                names = [n for n in found if n.startswith(prefix) and n.removeprefix(prefix).partition(".")[2] == key]
                moments = {n[len(prefix) : -len(suffix)]: found.pop(n) for n in names}
                optimiser.state[parameter] = {
                    what: _like(value, parameter, optimiser) for what, value in moments.items()
                }
                kinds.add(frozenset(moments))
            if len(kinds - {frozenset()}) > 1:  # weights that had no gradient yet have no moments
                raise KeyError(f"moments of {name}_optimiser")
        for name, scaler in _scalers(state).items():
            scale, tracker = (found.pop(f"{name}.{what}", None) for what in ("scale", "growth_tracker"))
            if scaler.is_enabled() and None not in (scale, tracker):  # a run in another precision has no scale
                scaler.load_state_dict(scaler.state_dict() | {"scale": scale.item(), "_growth_tracker": tracker.item()})
        if found:
            raise KeyError(min(found))
        state.ema.load_state_dict(load_folder(checkpoint / "model").state_dict(), strict=True)
        if not is_count(saved["images"]):
            raise ValueError(f"{STATE} tells of {short(saved['images'])} images")
        augment = saved.get("augment", 0.0)  # those of before have none
        if not isinstance(augment, (int, float)) or not 0 <= augment <= 1:
            raise ValueError(f"{STATE} tells of an augmentation of {short(augment)}")
        state.images, state.augment = saved["images"], float(augment)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError, ModelError, UnfitFile) as error:
        raise CheckpointError(
            f"The checkpoint {checkpoint} cannot be continued: it is damaged or belongs to other networks "
            f"({str(error).splitlines()[0]})."
        ) from error
    now = circumstances(accelerator)
    return [
        f"The run was made with {key} {saved[key] if isinstance(saved.get(key), str) else short(saved.get(key))}, now it "
        f"is {value}: the result will be as good, but not bit for bit the same."
        for key, value in now.items()
        if saved.get(key) != value
    ]


NAMES = ("labels", "classes", "attributes", "told")  # of what parts of a network's weights are for, in their order


def begin_with(state: State, checkpoint: Path) -> None:
    """Start a new run from both networks of a checkpoint. Their labels may differ: those with the same name are kept,
    new ones start at zero. The additional layers of a network of a larger size or with more parts (`grows`) are new, and
    so are the optimisers. Raises CheckpointError if the checkpoint is damaged or the networks differ in anything else, such
    as the order of labels, attributes or damages."""
    check_manifest(checkpoint)
    try:
        found, model = load_file(checkpoint / "state.safetensors"), load_folder(checkpoint / "model")
        labels = [
            (model.labels or ()).index(name) if name in (model.labels or ()) else None
            for name in state.ema.labels or ()
        ]
        for kind in NAMES:
            before, now = (_names(network, kind) for network in (model, state.ema))
            # With equal numbers of names no tensor tells which of its axes they are, so they cannot be put in order.
            if len(before) == len(now) and any(name in before and name != was for name, was in zip(now, before)):
                raise ValueError(f"its order of names is {', '.join(before)}, here it is {', '.join(now)}")
        averaged = {f"generator.{key}": value for key, value in model.state_dict().items()}
        for name, network, source in (
            ("generator", state.generator, found),
            ("discriminator", state.discriminator, found),
            ("generator", state.ema, averaged),
        ):
            with torch.no_grad():
                for key, value in network.state_dict().items():
                    before = source.get(f"{name}.{key}")
                    if key.startswith(network.grows) and (before is None or before.shape != value.shape):
                        continue
                    if key != "label_table":  # the new run's data
                        value.copy_(_relabelled(source[f"{name}.{key}"], value.shape, labels))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError, ModelError) as error:
        raise CheckpointError(
            f"A run cannot start from {checkpoint}: it is damaged or has other networks "
            f"({str(error).splitlines()[0]}). Its generator alone is {checkpoint / 'model'}."
        ) from error


def _names(network: Generator, kind: str) -> tuple[str, ...]:
    found = getattr(network, kind, None)
    return tuple(found) if isinstance(found, (list, tuple)) else ()


def _relabelled(value: torch.Tensor, shape: torch.Size, labels: list[int | None]) -> torch.Tensor:
    """The tensor reshaped for other labels: labels[k] is the old index of label k, or None."""
    for axis, (old, new) in enumerate(zip(value.shape, shape)):
        if old != new == len(labels):
            parts = [
                torch.zeros_like(value.select(axis, 0)) if was is None else value.select(axis, was) for was in labels
            ]
            value = torch.stack(parts, axis)
    if value.shape != shape:
        raise ValueError(f"a tensor of {tuple(value.shape)} where {tuple(shape)} fits")
    return value


def _scalers(state: State) -> dict[str, torch.amp.GradScaler]:
    return {"generator_scaler": state.generator_scaler, "discriminator_scaler": state.discriminator_scaler}


def _parts(state: State):
    """Each player: its network, the weights that it updates, by name, and its optimiser."""
    return (
        ("generator", state.generator, dict(state.generator.named_parameters()), state.generator_optimiser),
        ("discriminator", state.discriminator, state.discriminator.trained(), state.discriminator_optimiser),
    )


def _like(value: torch.Tensor, parameter: torch.Tensor, optimiser: torch.optim.Optimizer) -> torch.Tensor:
    """A moment in the form that the optimiser keeps: with the memory format of its weight; the count of steps on the CPU
    unless the optimiser is fused. Always a copy, which does not keep the checkpoint's file open."""
    if value.ndim == 0:
        return value.to(parameter.device if optimiser.defaults.get("fused") else "cpu", copy=True)
    return torch.empty_like(parameter, dtype=value.dtype).copy_(value)
