"""Checkpoints: everything that a run needs to go on as if it had never stopped, without a pickle.

    DIR/checkpoint/state.safetensors   both networks and the moments of both optimisers
    DIR/checkpoint/state.json          images seen, and the circumstances that a bit-exact continuation depends on
    DIR/checkpoint/model/              the averaged generator as a model folder

Random states are not stored: every random number of a run is a function of (seed, image number).
A checkpoint is written beside the last one and exchanged for it by renaming; whenever the machine stops, one good
checkpoint is there.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from gan_models.errors import ModelError
from gan_models.files import write_atomically
from gan_models.model_folder import load_folder

from .errors import TrainingError
from .run_folder import find_checkpoint
from .state import State

if TYPE_CHECKING:
    from accelerate import Accelerator


class CheckpointError(TrainingError):
    """A checkpoint that cannot be written or read; one sentence."""


def circumstances(accelerator: Accelerator) -> dict:
    """What bit-exact equality depends on besides options and data."""
    return {
        "processes": accelerator.num_processes,
        "threads": torch.get_num_threads(),
        "precision": accelerator.mixed_precision,
        "device": accelerator.device.type,
        "machine": platform.machine(),
        "torch": torch.__version__,
    }


def tensors(state: State) -> dict[str, torch.Tensor]:
    """Every tensor of a run but the averaged generator, by name. The optimisers' by the names of their weights."""
    result = {}
    for name, network, parameters, optimiser in _parts(state):
        result |= {f"{name}.{key}": value for key, value in network.state_dict().items()}
        for key, parameter in parameters.items():
            result |= {f"{name}_optimiser.{what}.{key}": value for what, value in optimiser.state[parameter].items()}
    return result


def save(state: State, folder: Path, accelerator: Accelerator, write_model) -> None:
    """Write DIR/checkpoint. write_model(folder) writes the model folder. Raises CheckpointError; the last one
    survives."""
    new, old, final = folder / "checkpoint.new", folder / "checkpoint.old", folder / "checkpoint"
    try:
        if not final.exists() and (last := find_checkpoint(folder)):
            last.rename(final)  # a kill came between two renames
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
        # state.json is last: a folder that has it is complete.
        about = {"images": state.images, **circumstances(accelerator)}
        write_atomically(new / "state.json", json.dumps(about, indent=2).encode())
        if final.exists():
            shutil.rmtree(old, ignore_errors=True)
            final.rename(old)
        new.rename(final)
        shutil.rmtree(old, ignore_errors=True)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(new, ignore_errors=True)  # frees the room of a full disk
        reason = getattr(error, "strerror", None) or error
        kept = "the one before it is kept" if find_checkpoint(folder) else "there is none before it"
        raise CheckpointError(
            f"The checkpoint at {state.images:,} images could not be written to {folder} ({reason}); {kept}: "
            "make room and go on with --resume."
        ) from error


def restore(state: State, checkpoint: Path, accelerator: Accelerator) -> list[str]:
    """Fill `state`, as built for the same recipe, from a checkpoint. Returns sentences to say aloud, where the
    circumstances differ. Raises CheckpointError where it is damaged or of other networks."""
    try:
        saved = json.loads((checkpoint / "state.json").read_bytes())
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
            if len(kinds - {frozenset()}) > 1:  # a weight that had no gradient yet has none
                raise KeyError(f"moments of {name}_optimiser")
        if found:
            raise KeyError(min(found))
        state.ema.load_state_dict(load_folder(checkpoint / "model").state_dict(), strict=True)
        state.images = int(saved["images"])
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError, ModelError) as error:
        raise CheckpointError(
            f"The checkpoint {checkpoint} cannot be continued: it is damaged or belongs to other networks "
            f"({str(error).splitlines()[0]})."
        ) from error
    now = circumstances(accelerator)
    return [
        f"The run was made with {key} {saved.get(key)}, now it is {value}: the result will be as good, but not equal bit for "
        "bit."
        for key, value in now.items()
        if saved.get(key) != value
    ]


def begin_with(state: State, checkpoint: Path) -> None:
    """Start a new run with both networks of a checkpoint, which may know other labels: those of the same name are taken
    over, new ones begin at zero. Optimisers begin anew. Raises CheckpointError where it is damaged or the networks
    differ in more."""
    try:
        found, model = load_file(checkpoint / "state.safetensors"), load_folder(checkpoint / "model")
        labels = [
            (model.labels or ()).index(name) if name in (model.labels or ()) else None
            for name in state.ema.labels or ()
        ]
        averaged = {f"generator.{key}": value for key, value in model.state_dict().items()}
        for name, network, source in (
            ("generator", state.generator, found),
            ("discriminator", state.discriminator, found),
            ("generator", state.ema, averaged),
        ):
            with torch.no_grad():
                for key, value in network.state_dict().items():
                    if key != "label_table":  # the new run's data
                        value.copy_(_relabelled(source[f"{name}.{key}"], value.shape, labels))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError, ModelError) as error:
        raise CheckpointError(
            f"A run cannot begin with {checkpoint}: it is damaged or its networks are others "
            f"({str(error).splitlines()[0]}). Its generator alone is {checkpoint / 'model'}."
        ) from error


def _relabelled(value: torch.Tensor, shape: torch.Size, labels: list[int | None]) -> torch.Tensor:
    """The tensor in the shape that it has with other labels: labels[k] is where label k was, None where it was not."""
    for axis, (old, new) in enumerate(zip(value.shape, shape)):
        if old != new == len(labels):
            parts = [
                torch.zeros_like(value.select(axis, 0)) if was is None else value.select(axis, was) for was in labels
            ]
            value = torch.stack(parts, axis)
    if value.shape != shape:
        raise ValueError(f"a tensor of {tuple(value.shape)} where {tuple(shape)} fits")
    return value


def _parts(state: State):
    """Each player: its network, the weights that it moves, by name, and its optimiser."""
    return (
        ("generator", state.generator, dict(state.generator.named_parameters()), state.generator_optimiser),
        ("discriminator", state.discriminator, state.discriminator.trained(), state.discriminator_optimiser),
    )


def _like(value: torch.Tensor, parameter: torch.Tensor, optimiser: torch.optim.Optimizer) -> torch.Tensor:
    """A moment as the optimiser keeps it: laid out as its weight; the count of steps on the CPU unless it is fused.
    A copy in any case, which does not keep the checkpoint's file open."""
    if value.ndim == 0:
        return value.to(parameter.device if optimiser.defaults.get("fused") else "cpu", copy=True)
    return torch.empty_like(parameter, dtype=value.dtype).copy_(value)
