"""Sets up Accelerate: precision, devices, processes, trackers."""

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
from .choices import PRECISIONS
from .errors import RunError

if TYPE_CHECKING:
    from accelerate import Accelerator

WORTH = 1.1  # speed relative to float32 from which bfloat16 is chosen
CHOSEN_PRECISION = "ACCELERATE_MIXED_PRECISION"  # set by `accelerate launch`


class Precision(NamedTuple):
    """The precision of a run, and the reason if it was chosen automatically."""

    name: str  # fp32 | bf16 | fp16
    why: str = ""  # a sentence


def choose_precision(asked: str, recorded: str | None = None) -> Precision:
    """Choose the precision of a run. asked: "auto" or a name. recorded: that of a resumed run, which keeps it.

    Otherwise "auto" is the choice of `accelerate config` or `accelerate launch --mixed_precision`; without one it is
    bf16 on GPUs that support it, and on CPUs where a second of convolutions is faster in it. Raises RunError for fp8,
    and for fp16 on a CPU.
    """
    on_cpu = not torch.accelerator.is_available() or _told_to_use_the_cpu()
    if asked != "auto":
        result = Precision(asked)
    elif recorded:
        result = Precision(
            recorded, "" if recorded == "fp32" else f"Precision {recorded}, as before; --precision changes it."
        )
    elif chosen := chosen_precision():
        name = "fp32" if chosen == "no" else chosen
        result = Precision(name, f"Precision {name}, from Accelerate's configuration; --precision changes it.")
    elif not on_cpu:
        able = torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
        result = Precision("bf16" if able else "fp32")
    elif not cpu.has_bf16():
        result = Precision("fp32")
    else:
        result = _measured_precision()
    if result.name not in PRECISIONS:
        raise RunError(
            f"Accelerate's configuration asks for {result.name}, which is not supported. Use --precision bf16 or "
            "--precision fp32."
        )
    if result.name == "fp16" and on_cpu:
        raise RunError("CPUs do not train in fp16: use --precision bf16 or --precision fp32.")
    return result


def _measured_precision() -> Precision:
    """The precision in which the CPU is faster. The first of several processes measures it for all."""
    accelerate, together = _accelerate(), _processes() > 1
    main = not together or accelerate.PartialState(cpu=True).is_main_process
    measured = torch.tensor(cpu.bf16_speedup() if main else 0.0)
    speedup = (accelerate.utils.broadcast(measured) if together else measured).item()
    name = "bf16" if speedup >= WORTH else "fp32"
    return Precision(
        name, f"Precision {name}: this CPU computes convolutions {speedup:.2f} times as fast in bf16 as in fp32."
    )


def chosen_precision() -> str | None:
    """The choice of `accelerate config` or `accelerate launch --mixed_precision`: "no", "bf16", "fp16", "fp8"; None
    without one. (Without a configuration `accelerate launch` sets "no" itself.)"""
    _accelerate()
    from accelerate.commands.config.config_args import default_config_file

    chosen = os.environ.get(CHOSEN_PRECISION, "").lower()
    return chosen if chosen != "no" or Path(default_config_file).is_file() else None


def make_accelerator(precision: str, trackers: list[str] = (), folder: Path | None = None) -> Accelerator:
    """An Accelerator with a precision of PRECISIONS.

    Raises MissingPackage without Accelerate. Raises RunError if a tracker is not installed, if this process has used
    another precision before, and if processes that were started together did not find each other, since each would
    train its own model into the same folder."""
    accelerate = _accelerate()
    for name in trackers:
        if importlib.util.find_spec(name) is None:
            raise RunError(f"--tracker {name} needs the package {name}: pip install {name}.")
    precision, processes = choose_precision(precision).name, _processes()
    try:
        accelerator = accelerate.Accelerator(
            # torchrun does not say that it runs on CPUs, and without a GPU Accelerate would not join its processes.
            cpu=processes > 1 and not torch.cuda.is_available(),
            mixed_precision="no" if precision == "fp32" else precision,
            log_with=list(dict.fromkeys(trackers)) or None,
            project_config=accelerate.utils.ProjectConfiguration(logging_dir=str(folder / "tensorboard"))
            if trackers
            else None,
        )
    except ValueError as error:  # such as for another precision than before in this process
        raise RunError(f"Accelerate cannot be set up: {str(error).splitlines()[0]}") from error
    if processes > 1 and accelerator.num_processes != processes:
        raise RunError(
            f"{processes} processes were started, but only {accelerator.num_processes} found each other: start them by "
            "`accelerate launch -m training ...`, on CPUs by `accelerate launch --cpu -m training ...`."
        )
    return accelerator


def _accelerate():
    """The package accelerate, from the extra "train". Commands that only list or explain work without it. Raises
    MissingPackage."""
    try:
        import accelerate
        import accelerate.utils
    except ModuleNotFoundError as error:
        raise MissingPackage(missing("accelerate")) from error
    return accelerate


def _processes() -> int:
    """The number of processes that torchrun or accelerate has started."""
    started = os.environ.get("WORLD_SIZE", "")
    return int(started) if started.isdecimal() else 1


def _told_to_use_the_cpu() -> bool:
    return os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true", "yes")


def start_trackers(accelerator: Accelerator, described: dict, images: int, folder: Path) -> None:
    """Start logging; steps are images. Nothing leaves the machine unless the user has logged in to Weights & Biases or
    set WANDB_MODE."""
    mode = os.environ.get(
        "WANDB_MODE", "online" if "WANDB_API_KEY" in os.environ or _in_netrc("api.wandb.ai") else "offline"
    )
    settings = {
        "tensorboard": {"purge_step": images + 1},  # steps after the checkpoint will be logged again
        "trackio": {"name": folder.name, "resume": "allow"},
        "wandb": {"name": folder.name, "dir": str(folder), "mode": mode},
    }
    accelerator.init_trackers("gan-studio", flattened(described), settings)


def flattened(described: dict, prefix: str = "") -> dict:
    """Nested options as {"recipe.generator.width": 64}, with plain values."""
    items = {}
    for key, value in described.items():
        if isinstance(value, dict):
            items |= flattened(value, f"{prefix}{key}.")
        else:
            items[prefix + key] = value if isinstance(value, (bool, int, float, str)) else str(value)
    return items


def _in_netrc(host: str) -> bool:
    try:
        return netrc.netrc().authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False
