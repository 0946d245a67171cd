"""One run: its options, its folder, resuming, hooks and the export of the model folder."""

import argparse
import contextlib
import importlib.util
import json
import netrc
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import ProjectConfiguration

import gan_models
from gan_models import files, hub, model_folder
from gan_models import images as pictures
from gan_models.card import write_card
from gan_models.model_folder import read_metrics
from gan_models.networks.editor import Editor
from gan_models.rng import check_seed
from gan_models.samples import sample_grid

from . import callbacks, checkpoints, cpu, loop, run_folder
from .data import open_dataset
from .data.dataset import Dataset, to_float
from .publish import PublishError, check_name
from .recipes import Recipe
from .run_folder import STATS, images_of, read_lines, trained_seconds
from .settings import change, find, to_json, with_defaults
from .state import State, build
from .watch import Watch

TRACKERS = ("tensorboard", "trackio", "wandb")
DIVERSITY_STEPS = 100  # between looks at the samples
GRACE = 5.0  # seconds in which a launcher ends the processes whose main one has failed


class RunError(Exception):
    """A run that cannot be started; one sentence."""


def run(options: argparse.Namespace, companion=None) -> int:
    """Train as the options say. A companion (training/compare.py has one) may stop the run by its own measure:
    `companion.goal` names it, `companion.join(state, checkpoint, hooks)` returns the callbacks with its own among them,
    and `companion.notes(state)` is added to what each model folder records of its training."""
    recipe = change(find(options.recipe), options.set)
    cpu.tune_allocator()
    accelerator = make_accelerator(options.precision, options.tracker, options.output)
    say = accelerator.print if accelerator.is_main_process else (lambda *a, **k: None)
    if recipe.batch_size % accelerator.num_processes:
        raise RunError(
            f"The batch of {recipe.batch_size} cannot be shared by {accelerator.num_processes} processes: "
            "--set batch_size to a multiple."
        )
    check_seed(options.seed)
    total = _whole(recipe.images if options.images is None else options.images, recipe.batch_size, "--images")
    every = max(total // 50, 1) if options.checkpoint_every is None else options.checkpoint_every
    every = _whole(every, recipe.batch_size, "--checkpoint-every")
    fid_every = (
        options.fid_every if options.fid_every is None else _whole(options.fid_every, recipe.batch_size, "--fid-every")
    )
    if fid_every and recipe.game == "editor":
        raise RunError(
            f"{recipe.name} edits pictures and draws none of its own, so it has no FID; leave out --fid-every."
        )

    if (recipe.game == "inversion" or recipe.recovery) and not options.init_from:
        raise RunError(
            f"{recipe.name} trains an encoder for a generator that is there already: name it, such as --init-from celeba-cgan."
        )
    if options.init_from and not options.resume and not run_folder.find_checkpoint(Path(options.init_from)):
        hub.locate(
            options.init_from
        )  # what cannot be found is told before hours of work, as is a name that the Hub would refuse
    if options.push_to_hub:
        check_name(options.push_to_hub)

    checkpoint = prepare_folder(options, accelerator)
    with accelerator.main_process_first():  # one process decodes; the others read its cache
        dataset = open_data(recipe, options)
    for note in dataset.notes:
        say(note)
    described = describe(recipe, dataset, options, total)
    state = build(recipe, dataset, options.seed, accelerator.device)
    if (options.output / "options.json").exists():
        compare_options(options.output, described)
    if checkpoint:
        for note in checkpoints.restore(state, checkpoint, accelerator):
            say(note)
        if state.images >= total and images_of(options.output / "model") == state.images:
            say(f"{options.output} is finished: {state.images:,} images. Its model is {options.output / 'model'}.")
            return publish(options, accelerator)
        say(f"Going on from {state.images:,} images.")
    elif options.init_from:
        initialise_from(state, options.init_from)
    accelerator.wait_for_everyone()

    report = callbacks.Report(options.output, accelerator, total, state, every=min(recipe.batch_size * 25, every))
    began, before = time.monotonic(), state.images

    def write_model(state: State, folder: Path) -> None:
        seconds = earlier_seconds + time.monotonic() - began
        notes = companion.notes(state) if companion else {}
        export(
            state,
            folder,
            about | {"images_seen": state.images, "hours": round(seconds / 3600, 2)} | notes,
            options.seed,
        )

    earlier_seconds = trained_seconds(checkpoint)
    about = {
        "recipe": recipe.name,
        "summary": recipe.summary,
        "source": recipe.source,
        "dataset": dataset.name,
        "seed": options.seed,
        "init_from": options.init_from,
        "command": described["command"],
        "commit": described["commit"],
        "origin": origin(options.init_from, checkpoint),
    }
    saving = callbacks.Checkpoints(options.output, accelerator, report, write_model, every)
    interrupt = callbacks.Interrupt(accelerator)
    hooks = []
    if recipe.game != "editor":  # which draws nothing of its own
        hooks.append(callbacks.Diversity(dataset, state, options.seed, every=DIVERSITY_STEPS * recipe.batch_size))
    if fid_every:
        hooks.append(callbacks.FIDCallback(dataset, state, accelerator, options.seed, fid_every))
    hooks += [report, saving]  # in this order: what has diverged is not saved, and what could not be saved is not shown
    watch = Watch(recipe)
    if accelerator.is_main_process:
        files.write_atomically(options.output / "options.json", (json.dumps(described, indent=2) + "\n").encode())
        if not (options.output / "reals.png").exists():
            count = min(64, len(dataset))
            reals, _ = dataset.batch(dataset.order(0, count, options.seed))
            pictures.save_png(pictures.grid(to_float(reals)), options.output / "reals.png")
        watch = Watch(recipe, options.output, read_lines(options.output / STATS))
        report.readers.append(watch)
        samples, drawing = (
            callbacks.Samples(options.output, state, options.seed, every),
            callbacks.Curves(options.output),
        )
        report.readers.append(drawing)
        hooks.append(samples)
    if companion:
        hooks = companion.join(state, checkpoint, hooks)
    hooks.append(interrupt)
    precision = accelerator.mixed_precision.replace("no", "fp32")
    say(
        f"{recipe.name}: {accelerator.num_processes} process(es) on {accelerator.device.type}, {precision}, "
        f"{companion.goal if companion else f'{total:,} images'}, into {options.output}"
    )
    if accelerator.num_processes > 1 and (layers := loop.batch_dependent_layers(state)):
        say(
            f"{' and '.join(layers)}: each process sees its own share of a batch, so other numbers of processes give other weights."
        )

    if options.tracker:
        start_trackers(accelerator, described, state.images, options.output)
    try:
        with interrupt:
            loop.train(recipe, dataset, state, accelerator, total, options.seed, hooks)
            saving.save(state)
    except callbacks.Diverged as error:
        last = run_folder.find_checkpoint(options.output)
        kept = f"the last good state is in {last}" if last else "there was no checkpoint yet"
        raise callbacks.Diverged(f"Training has diverged: {error}; {kept}; {watch.diverged(str(error))}.") from error
    finally:
        if options.tracker:
            accelerator.end_training()
        if accelerator.is_main_process:
            with contextlib.suppress(OSError):  # on a full disk, say: what went wrong before is what to tell
                drawing.write()
    if interrupt.stopped and state.images < total:
        say(
            f"Stopped at {state.images:,} images; the same command with --resume goes on. The model so far is "
            f"{options.output / 'checkpoint/model'}."
        )
        return 130
    if accelerator.is_main_process:
        write_model(state, options.output / "model")
        samples.write(state)
    seconds = max(time.monotonic() - began, 1e-9)
    model = options.output / "model"
    say(
        f"Done: {state.images:,} images, {(state.images - before) / seconds:,.0f} images/s. The model is {model}; "
        f"`python -m gan_models {shlex.quote(str(model))} --output grid.png` samples it."
    )
    return publish(options, accelerator)


def make_accelerator(precision: str, trackers: list[str] = (), folder: Path | None = None) -> Accelerator:
    """Accelerate's engine, in bf16 where the machine computes in it natively, unless told otherwise. Raises RunError
    where a tracker is not installed."""
    for name in trackers:
        if importlib.util.find_spec(name) is None:
            raise RunError(f"--tracker {name} needs the package {name}: pip install {name}.")
    if precision == "auto":
        use_cpu = os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true", "yes")
        if torch.cuda.is_available() and not use_cpu:
            precision = "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
        else:
            native = torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
            precision = "bf16" if native and torch.cpu._is_avx512_bf16_supported() else "fp32"
    return Accelerator(
        mixed_precision="no" if precision == "fp32" else precision,
        log_with=list(dict.fromkeys(trackers)) or None,
        project_config=ProjectConfiguration(logging_dir=str(folder / "tensorboard")) if trackers else None,
    )


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


def prepare_folder(options: argparse.Namespace, accelerator: Accelerator) -> Path | None:
    """Make the output folder; the checkpoint to go on from, or None. Raises RunError rather than touch a run without
    --resume."""
    folder = options.output
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file; give --output a folder.")
    if (folder / "options.json").exists() and not options.resume:
        raise RunError(f"{folder} holds a run already: go on with it by --resume, or give another --output.")
    accelerator.wait_for_everyone()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise RunError(
            f"The output folder {folder} cannot be written ({error.strerror}); give another --output."
        ) from error
    return run_folder.find_checkpoint(folder) if options.resume else None


def open_data(recipe: Recipe, options: argparse.Namespace) -> Dataset:
    name = options.data or recipe.data
    dataset = open_dataset(
        name,
        options.data_root,
        recipe.image_size,
        channels=recipe.image_channels,
        attributes=recipe.attributes if name.lower() == "celeba" else None,
    )
    if recipe.labelled and dataset.labels is None:
        raise RunError(
            f"{recipe.name} is conditional and {dataset.name} has no labels; put the pictures into one sub-folder a "
            "class, or take a recipe without conditioning."
        )
    if len(dataset) < recipe.batch_size and not options.resume:  # what was begun without this check may go on
        raise RunError(
            f"{dataset.name} has {len(dataset):,} pictures, fewer than a batch of {recipe.batch_size:,}; add pictures, "
            f"or --set batch_size={len(dataset)}."
        )
    return dataset


def describe(recipe: Recipe, dataset: Dataset, options: argparse.Namespace, total: int) -> dict:
    """options.json: what the run is, and all that must be equal for it to be continued."""
    return {
        "recipe": to_json(recipe),
        "data": {"name": dataset.name, "images": len(dataset), "checksum": dataset.checksum},
        "seed": options.seed,
        "images": total,
        "init_from": options.init_from,
        "command": f"python -m training {shlex.join(options.command)}",
        "commit": commit(),
        "version": gan_models.__version__,
    }


def compare_options(folder: Path, described: dict) -> None:
    """Raises RunError unless the run in the folder is the one described; only the number of images may change.

    An option that came after the run was started had its default then.
    """
    try:
        before = json.loads((folder / "options.json").read_text())
        differing = [key for key in ("data", "seed", "init_from") if before[key] != described[key]]
        old, new = with_defaults(before["recipe"]), described["recipe"]
        differing += [key for key in new if key not in ("images", "summary", "source") and old.get(key) != new[key]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(
            f"{folder / 'options.json'} cannot be read, so it is unknown what the run was; give another --output."
        ) from error
    if differing:
        raise RunError(
            f"The run in {folder} was started with another {' and '.join(differing)}; give the same options, "
            "or another --output."
        )


def initialise_from(state: State, source: str) -> None:
    """Start from the generator of a model, whose configuration must be the recipe's, but that an encoder may be missing
    in it; or from a run's folder, with its discriminator too."""
    if checkpoint := run_folder.find_checkpoint(Path(source)):
        checkpoints.begin_with(state, checkpoint)
        return
    model = gan_models.load(source)
    if isinstance(state.ema, Editor) and not isinstance(model, Editor):
        try:
            for network in (state.generator, state.ema):
                network.adopt(model)
        except gan_models.InvalidInput as error:
            raise RunError(f"{source} does not fit the recipe. {error}") from error
        return
    wanted, weights = state.ema._hub_mixin_config, model.state_dict()
    lacking = state.ema.state_dict().keys() - weights.keys()
    if any(wanted.get(key) != value for key, value in model._hub_mixin_config.items()) or any(
        not key.startswith("encoder.") for key in lacking
    ):
        raise RunError(
            f"{source} has another configuration than the recipe, so its weights do not fit; "
            "give the options that it was made with by --set."
        )
    for network in (state.generator, state.ema):
        network.load_state_dict(network.state_dict() | weights, strict=True)


def origin(source: str | None, checkpoint: Path | None) -> dict | None:
    """What the model that a run started from records of its own training. A run that goes on no longer needs that
    model."""
    if checkpoint:
        return read_metrics(checkpoint / "model" / "metrics.json").get("training", {}).get("origin")
    if not source:
        return None
    run = run_folder.find_checkpoint(Path(source))
    return read_metrics((run / "model" if run else hub.locate(source)) / "metrics.json").get("training")


def export(state: State, folder: Path, training: dict, seed: int) -> None:
    """Write the model folder: what crosses from training to use."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").unlink(missing_ok=True)  # it is written last: where it is, the folder is whole
    model_folder.save(state.ema, folder)
    pictures.save_png(sample_grid(state.ema, seed), folder / "samples.png")
    files.write_atomically(folder / "metrics.json", (json.dumps({"training": training}, indent=2) + "\n").encode())
    write_card(folder)


def publish(options: argparse.Namespace, accelerator: Accelerator) -> int:
    if options.push_to_hub and accelerator.is_main_process:
        from .publish import publish as push

        try:
            print(f"Published: {push(options.output / 'model', options.push_to_hub)}")
        except PublishError as error:
            return fail(f"{error} The model itself is safe in {options.output / 'model'}.", 2)
    return 0


def commit() -> str | None:
    """The commit of the code, where it runs from a checkout."""
    try:
        return subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def fail(sentence: str, status: int) -> int:
    """Print the sentence once, not once a process: the main one speaks at once, and the launcher then ends the others;
    one that is still there after a while has an error of its own."""
    if os.environ.get("RANK", "0") != "0":
        time.sleep(GRACE)
    print(f"error: {sentence}", file=sys.stderr)
    return status


def _whole(images: int, batch_size: int, option: str) -> int:
    """Rounded up to whole batches."""
    if not 1 <= images <= 10**12:
        raise RunError(f"{option} must be from 1 to 10^12, not {images}.")
    return -(-images // batch_size) * batch_size
