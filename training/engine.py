"""Accelerate, as this package uses it: precision, devices, processes, trackers."""

from __future__ import annotations

import importlib.util
import netrc
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch

from gan_models.cli import missing
from gan_models.errors import MissingPackage

from . import cpu
from .errors import RunError

if TYPE_CHECKING:
    from accelerate import Accelerator

PRECISIONS = ("auto", "fp32", "bf16", "fp16")
WORTH = 1.1  # times as fast as float32: less is no reason to compute with fewer digits
CHOSEN_PRECISION = "ACCELERATE_MIXED_PRECISION"  # set by `accelerate launch`


class Precision(NamedTuple):
    """In what a run computes, and why, where that was chosen for it."""

    name: str  # fp32 | bf16 | fp16
    why: str = ""  # a sentence


def choose_precision(asked: str, recorded: str | None = None) -> Precision:
    """asked: "auto", or what it is to be. recorded: of a run that goes on, which keeps its precision.

    Else "auto" is what `accelerate config` or `accelerate launch --mixed_precision` chose, and where nobody chose,
    what the device is fast in: bf16 on GPUs that compute in it, and on CPUs where a second of convolutions says so.
    Raises RunError for fp8, and for fp16 on a CPU.
    """
    on_cpu = not torch.accelerator.is_available() or _told_to_use_the_cpu()
    if asked != "auto":
        result = Precision(asked)
    elif recorded:
        result = Precision(
            recorded, "" if recorded == "fp32" else f"Precision {recorded}, as before; --precision takes another."
        )
    elif chosen := chosen_precision():
        name = "fp32" if chosen == "no" else chosen
        result = Precision(name, f"Precision {name}, as Accelerate was told; --precision takes another.")
    elif not on_cpu:
        able = torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
        result = Precision("bf16" if able else "fp32")
    elif not cpu.has_bf16():
        result = Precision("fp32")
    else:
        result = _measured_precision()
    if result.name not in PRECISIONS:
        raise RunError(
            f"Accelerate's configuration asks for {result.name}, in which this loop does not train. Say --precision bf16 "
            "or --precision fp32."
        )
    if result.name == "fp16" and on_cpu:
        raise RunError("CPUs do not train in fp16: say --precision bf16 or --precision fp32.")
    return result


def _measured_precision() -> Precision:
    """What the CPU is faster in. Several processes must agree: the first one measures, and tells the others."""
    accelerate, together = _accelerate(), _processes() > 1
    main = not together or accelerate.PartialState(cpu=True).is_main_process
    measured = torch.tensor(cpu.bf16_speedup() if main else 0.0)
    speedup = (accelerate.utils.broadcast(measured) if together else measured).item()
    name = "bf16" if speedup >= WORTH else "fp32"
    return Precision(
        name, f"Precision {name}: in bf16 this CPU computes convolutions {speedup:.2f} times as fast as in fp32."
    )


def chosen_precision() -> str | None:
    """What `accelerate config` or `accelerate launch --mixed_precision` chose: "no", "bf16", "fp16", "fp8"; None where
    nobody chose. Without a configuration `accelerate launch` says "no" by itself."""
    _accelerate()
    from accelerate.commands.config.config_args import default_config_file

    chosen = os.environ.get(CHOSEN_PRECISION, "").lower()
    return chosen if chosen != "no" or Path(default_config_file).is_file() else None


def make_accelerator(precision: str, trackers: list[str] = (), folder: Path | None = None) -> Accelerator:
    """Accelerate's engine, in a precision of PRECISIONS.

    Raises MissingPackage where Accelerate is not installed, and RunError where a tracker is not, where this process has
    computed in another precision before, and where processes that were started together did not find each other: each
    would train a model of its own into one folder."""
    accelerate = _accelerate()
    for name in trackers:
        if importlib.util.find_spec(name) is None:
            raise RunError(f"--tracker {name} needs the package {name}: pip install {name}.")
    precision, processes = choose_precision(precision).name, _processes()
    try:
        accelerator = accelerate.Accelerator(
            # torchrun says nothing of CPUs, and without a GPU Accelerate would leave each process alone.
            cpu=processes > 1 and not torch.cuda.is_available(),
            mixed_precision="no" if precision == "fp32" else precision,
            log_with=list(dict.fromkeys(trackers)) or None,
            project_config=accelerate.utils.ProjectConfiguration(logging_dir=str(folder / "tensorboard"))
            if trackers
            else None,
        )
    except ValueError as error:  # such as for another precision than that of this process's runs before
        raise RunError(f"Accelerate cannot be set up: {str(error).splitlines()[0]}") from error
    if processes > 1 and accelerator.num_processes != processes:
        raise RunError(
            f"{processes} processes were started, and {accelerator.num_processes} found each other: start them by "
            "`accelerate launch -m training ...`, on CPUs by `accelerate launch --cpu -m training ...`."
        )
    return accelerator


def _accelerate():
    """The package, which is of the extra "train": without it the commands still list and explain. Raises
    MissingPackage."""
    try:
        import accelerate
        import accelerate.utils
    except ModuleNotFoundError as error:
        raise MissingPackage(missing("accelerate")) from error
    return accelerate


def _processes() -> int:
    """How many torchrun or accelerate has started."""
    started = os.environ.get("WORLD_SIZE", "")
    return int(started) if started.isdecimal() else 1


def _told_to_use_the_cpu() -> bool:
    return os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true", "yes")


def start_trackers(accelerator: Accelerator, described: dict, images: int, folder: Path) -> None:
    """Begin to log; steps are images. Nothing leaves the machine unless its user has logged in to Weights & Biases, or
    told it to by WANDB_MODE."""
    mode = os.environ.get(
        "WANDB_MODE", "online" if "WANDB_API_KEY" in os.environ or _in_netrc("api.wandb.ai") else "offline"
    )
    settings = {
        "tensorboard": {"purge_step": images + 1},  # what came after the checkpoint will be made again
        "trackio": {"name": folder.name, "resume": "allow"},
        "wandb": {"name": folder.name, "dir": str(folder), "mode": mode},
    }
    accelerator.init_trackers("gan-studio", flat(described), settings)


def flat(described: dict, prefix: str = "") -> dict:
    """Nested options as {"recipe.generator.width": 64}, with plain values."""
    items = {}
    for key, value in described.items():
        if isinstance(value, dict):
            items |= flat(value, f"{prefix}{key}.")
        else:
            items[prefix + key] = value if isinstance(value, (bool, int, float, str)) else str(value)
    return items


def _in_netrc(host: str) -> bool:
    try:
        return netrc.netrc().authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False
