"""One run: its options, its folder, resuming, hooks and the export of the model folder."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import netrc
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

import gan_models
from gan_models import files, hub, model_folder, portable
from gan_models import images as pictures
from gan_models.card import model_card
from gan_models.cli import missing
from gan_models.errors import MissingPackage
from gan_models.networks.editor import Editor
from gan_models.rng import check_seed
from gan_models.samples import sample_grid
from gan_models.sizes import sides

from . import callbacks, checkpoints, cpu, growing, loop, run_folder, story
from .data import open_dataset
from .data.dataset import Dataset, to_float
from .errors import TrainingError
from .games import GAMES, to_json, with_defaults
from .publish import PublishError, check_name
from .recipes import Recipe
from .run_folder import STATS, WATCH, images_of, read_lines, trained_seconds
from .settings import as_words, change, find
from .state import State, batch_dependent_layers, build
from .watch import Watch

if TYPE_CHECKING:
    from accelerate import Accelerator

PRECISIONS = ("auto", "fp32", "bf16")
CHOSEN_PRECISION = "ACCELERATE_MIXED_PRECISION"  # set by `accelerate launch`
PREVIOUS_ONE = "previous"  # what --resume takes beside nothing
TRACKERS = ("tensorboard", "trackio", "wandb")
DIVERSITY_STEPS = 100  # between looks at the samples


class RunError(TrainingError):
    """A run that cannot be started, or that could not go on; one sentence."""


@dataclass(frozen=True)
class RunOptions:
    """What a run is told, by `python -m training` or by :func:`train`. Raises RunError for what no run can take."""

    recipe: str  # its name
    output: Path  # the run's folder
    settings: tuple[str, ...] = ()  # KEY=VALUE, which change the recipe
    data: str | Dataset | None = None  # a data set's name, a folder, or pictures in memory; None: the recipe's
    data_root: Path | None = None  # None: $GAN_STUDIO_DATA, else ./data
    images: int | None = None  # real images to show in all; None: the recipe's
    seed: int = 0
    precision: str = "auto"  # one of PRECISIONS
    checkpoint_every: int | None = None  # images; None: a fiftieth of all
    fid_every: int | None = None  # images; None: never
    trackers: tuple[str, ...] = ()  # of TRACKERS
    resume: bool | str = False  # True: from the last checkpoint, if there is one; "previous": from the one before it
    init_from: str | None = None  # a model, or the folder of a run
    push_to_hub: str | None = None  # USER/REPO
    progress: bool = True  # a line on stderr every few seconds
    command: str | None = None  # that was typed, without --resume; None: one that does the same
    title: str | None = None  # of somebody's own pictures, for the card
    licence: str | None = None  # under which those may be used

    def __post_init__(self):
        for name in ("images", "seed", "checkpoint_every", "fid_every"):
            value = getattr(self, name)
            if not (isinstance(value, int) and not isinstance(value, bool) or value is None and name != "seed"):
                raise RunError(f"{_option(name)} must be a whole number, not {value!r}.")
        for name, value, choices in [
            ("precision", self.precision, PRECISIONS),
            *(("tracker", tracker, TRACKERS) for tracker in self.trackers),
        ]:
            if value not in choices:
                raise RunError(f"{_option(name)} must be one of {', '.join(choices)}, not {value!r}.")
        if self.resume not in (True, False, PREVIOUS_ONE):
            raise RunError(f"--resume takes nothing or the word {PREVIOUS_ONE}, not {self.resume!r}.")

    def words(self) -> list[str]:
        """The arguments of `python -m training` that say the same, but for `resume` and `progress`."""
        words = [self.recipe, *(word for setting in self.settings for word in ("--set", setting))]
        named = ("data", "title", "licence", "data_root", "output", "images", "seed", "checkpoint_every", "fid_every")
        for name in (*named, "init_from"):
            if (value := getattr(self, name)) is not None:
                words += [_option(name), value.name if isinstance(value, Dataset) else str(value)]
        words += ["--precision", self.precision, *(word for name in self.trackers for word in ("--tracker", name))]
        return words + (["--push-to-hub", self.push_to_hub] if self.push_to_hub else [])


@dataclass(frozen=True)
class Trained:
    """What a run leaves."""

    folder: Path  # the run's
    model: Path  # the model folder, for gan_models.load; that of the checkpoint, where the run was stopped
    images: int  # real images shown
    finished: bool  # False: it was stopped, by Ctrl-C or SIGTERM, and can be resumed


def train(
    recipe: str,
    *,
    data: str | os.PathLike | Dataset | None = None,
    data_root: str | os.PathLike | None = None,
    images: int | None = None,
    output: str | os.PathLike | None = None,
    resume: bool | str = False,
    seed: int = 0,
    precision: str = "auto",
    init_from: str | os.PathLike | None = None,
    checkpoint_every: int | None = None,
    fid_every: int | None = None,
    trackers: tuple[str, ...] = (),
    push_to_hub: str | None = None,
    title: str | None = None,
    licence: str | None = None,
    progress: bool = True,
    hooks: Iterable[Callable[[State, dict[str, torch.Tensor]], object]] = (),
    **settings: Any,
) -> Trained:
    """Train a recipe as `python -m training` does, with the same checks, and return where its model is:

        run = training.train("mnist-dcgan", images=100_000, output="runs/mine", batch_size=64, generator={"width": 32})
        gan_models.load(run.model)

    Each argument is the command's option of that name (but `data` may also be a data.dataset.Dataset), and each of `settings` a --set: a number, a word, a list
    [start, end, images] or a Schedule; `generator` and `discriminator` take a dict of their networks' arguments. Each of
    `hooks` is called after each step with (state, scalars), on every process; it may add scalars to be reported (0-d
    tensors), and ends the run by returning True: then the model is written, as of a run that was as long. Raises
    TrainingError or ModelError with one sentence: where the input is bad, the run has diverged (callbacks.Diverged),
    the disk is full, or memory ends.

    All runs of one process compute in the same precision, since Accelerate keeps it. Denormal numbers are zero in the
    process from then on, and freed memory is kept (cpu.py).
    """
    options = RunOptions(
        recipe,
        Path(output or Path("runs") / recipe),
        as_words(settings),
        data if data is None or isinstance(data, Dataset) else str(data),
        None if data_root is None else Path(data_root),
        images,
        seed,
        precision,
        checkpoint_every,
        fid_every,
        tuple(trackers),
        resume,
        None if init_from is None else str(init_from),
        push_to_hub,
        progress,
        title=title,
        licence=licence,
    )
    return run(options, hooks=tuple(hooks))


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def run(options: RunOptions, budget=None, hooks: tuple = ()) -> Trained:
    """Train as the options say. A budget (compare.protocol has one) may end the run by its own measure. It is attached
    by `budget.attach(state, checkpoint, accelerator)`; then, after each step, `budget.pause` is the first callback,
    `budget.measure` comes just before the checkpoint, and `budget.resume` just before the next step. `budget.goal`
    names the end, and `budget.record(state)` is added to what each model folder records of its training.

    Raises TrainingError or ModelError. What goes wrong with disk or memory is a RunError.
    """
    try:
        return _run(options, budget, hooks)
    except BrokenPipeError:  # not the disk: whoever read the output has gone
        raise
    except OSError as error:
        last = run_folder.find_checkpoint(options.output)
        kept = (
            f" The last good checkpoint is {last}: mend that, and the same command with --resume goes on."
            if last
            else ""
        )
        raise RunError(
            f"{error.filename or options.output} cannot be written or read ({error.strerror or error}).{kept}"
        ) from error
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, (MemoryError, torch.OutOfMemoryError)) and "allocate memory" not in str(error):
            raise
        if not run_folder.find_checkpoint(options.output):
            # The run has not begun: another may take its place.
            (options.output / "options.json").unlink(missing_ok=True)
        raise RunError(
            "There is not enough memory for this run; give it smaller batches or networks, such as --set batch_size=16."
        ) from error


def _run(options: RunOptions, budget, hooks: tuple) -> Trained:
    recipe = change(find(options.recipe), list(options.settings))
    game = GAMES[recipe.game]
    cpu.tune_allocator()
    try:
        accelerator = make_accelerator(options.precision, options.trackers, options.output)
    except TrainingError:
        raise
    except ModuleNotFoundError as error:
        raise MissingPackage(missing("accelerate")) from error
    except ValueError as error:  # such as for another precision than that of this process's runs before
        raise RunError(f"Accelerate cannot be set up: {str(error).splitlines()[0]}") from error
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
    if fid_every and not game.draws:
        raise RunError(
            f"{recipe.name} edits pictures and draws none of its own, so it has no FID; leave out --fid-every."
        )

    if game.needs_model(recipe) and not options.init_from:
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
        if options.resume == PREVIOUS_ONE:
            accelerator.wait_for_everyone()
            if accelerator.is_main_process:
                checkpoints.go_back(options.output)
            accelerator.wait_for_everyone()
            checkpoint = options.output / "checkpoint"
        if state.images >= total and images_of(options.output / "model") == state.images:
            say(f"{options.output} is finished: {state.images:,} images. Its model is {options.output / 'model'}.")
            publish(options, accelerator)
            return Trained(options.output, options.output / "model", state.images, True)
        say(f"Going on from {state.images:,} images.")
    elif options.init_from:
        initialise_from(state, options.init_from)
    accelerator.wait_for_everyone()

    lines = min(recipe.batch_size * 25, every)
    report = callbacks.Report(options.output, accelerator, total, state, lines, options.progress)
    began, before = time.monotonic(), state.images

    def write_model(state: State, folder: Path) -> None:
        seconds = earlier_seconds + time.monotonic() - began
        notes = budget.record(state) if budget else {}
        export(
            state,
            folder,
            about | {"images_seen": state.images, "hours": round(seconds / 3600, 2)} | notes,
            options.seed,
        )

    earlier_seconds = trained_seconds(checkpoint)
    about = {
        "recipe": recipe.name,
        "summary": recipe.summary if dataset.name == recipe.data else None,  # it is said of the recipe's own data
        "source": recipe.source,
        "dataset": dataset.name,
        "data": {key: described["data"][key] for key in ("title", "licence") if described["data"].get(key)},
        "seed": options.seed,
        "command": described["command"],
        "commit": described["commit"],
        **story.started_from(options.init_from, checkpoint),
    }
    saving = callbacks.Checkpoints(options.output, accelerator, report, write_model, every)
    saving.saved = state.images if checkpoint else None  # it need not be written again
    interrupt = callbacks.Interrupt(accelerator)
    measuring, drawing = [], []
    if game.draws:
        measuring.append(callbacks.Diversity(dataset, state, options.seed, every=DIVERSITY_STEPS * recipe.batch_size))
    if fid_every:
        measuring.append(report.apart(callbacks.FIDCallback(dataset, state, accelerator, options.seed, fid_every)))
    watch = Watch(recipe)
    if accelerator.is_main_process:
        files.write_atomically(options.output / "options.json", (json.dumps(described, indent=2) + "\n").encode())
        if not (options.output / "reals.png").exists():
            count = min(64, len(dataset))
            reals, _ = dataset.batch(dataset.order(0, count, options.seed))
            pictures.save_png(pictures.grid(to_float(reals)), options.output / "reals.png")
        watch = Watch(recipe, options.output, read_lines(options.output / STATS))
        report.readers.append(watch)
        samples, curves = (
            callbacks.Samples(options.output, state, options.seed, every, accelerator),
            callbacks.Curves(options.output),
        )
        report.readers.append(curves)
        drawing.append(samples)
    # In this order: what has diverged is not saved, and what could not be saved is not shown.
    if budget:
        budget.attach(state, checkpoint, accelerator)
        measure = report.apart(budget.measure)
        chain = [budget.pause, *measuring, *hooks, report, measure, saving, *drawing, budget.resume, interrupt]
    else:
        chain = [*measuring, *hooks, report, saving, *drawing, interrupt]
    precision = accelerator.mixed_precision.replace("no", "fp32")
    if options.precision == "auto" and chosen_precision():
        say(f"Precision {precision}, as Accelerate was told; --precision takes another.")
    say(
        f"{recipe.name}: {accelerator.num_processes} process(es) on {accelerator.device.type}, {precision}, "
        f"{budget.goal if budget else f'{total:,} images'}, into {options.output}"
    )
    if accelerator.num_processes > 1 and (layers := batch_dependent_layers(state)):
        say(
            f"{' and '.join(layers)}: each process sees its own share of a batch, so other numbers of processes give other weights."
        )

    if options.trackers:
        start_trackers(accelerator, described, state.images, options.output)
    try:
        with interrupt:
            loop.train(recipe, dataset, state, accelerator, total, options.seed, chain)
            saving.save(state)
    except callbacks.Diverged as error:
        last = run_folder.find_checkpoint(options.output)
        kept = f"the last good state is in {last}" if last else "there was no checkpoint yet"
        raise callbacks.Diverged(f"Training has diverged: {error}; {kept}; {watch.diverged(str(error))}.") from error
    finally:
        if options.trackers:
            accelerator.end_training()
        if accelerator.is_main_process:
            with contextlib.suppress(OSError):  # on a full disk, say: what went wrong before is what to tell
                curves.write()
    if interrupt.stopped and state.images < total:
        say(
            f"Stopped at {state.images:,} images; the same command with --resume goes on. The model so far is "
            f"{options.output / 'checkpoint/model'}."
        )
        return Trained(options.output, options.output / "checkpoint/model", state.images, False)
    if accelerator.is_main_process:
        write_model(state, options.output / "model")
        samples.write(state)
    seconds = max(time.monotonic() - began - report.metrics_seconds, 1e-9)
    metrics = f", and {callbacks.duration(report.metrics_seconds)} for metrics" if report.metrics_seconds >= 1 else ""
    model = options.output / "model"
    say(
        f"Done: {state.images:,} images, {(state.images - before) / seconds:,.0f} images/s{metrics}. The model is {model}; "
        f"`python -m gan_models {shlex.quote(str(model))} --output grid.png` samples it."
    )
    publish(options, accelerator)
    return Trained(options.output, model, state.images, True)


def chosen_precision() -> str | None:
    """What `accelerate config` or `accelerate launch --mixed_precision` chose: "no", "bf16", "fp16", "fp8"; None where
    nobody chose. Without a configuration `accelerate launch` says "no" by itself."""
    from accelerate.commands.config.config_args import default_config_file

    chosen = os.environ.get(CHOSEN_PRECISION, "").lower()
    return chosen if chosen != "no" or Path(default_config_file).is_file() else None


def make_accelerator(precision: str, trackers: list[str] = (), folder: Path | None = None) -> Accelerator:
    """Accelerate's engine. precision "auto" is what `accelerate config` or `accelerate launch --mixed_precision` chose,
    else bf16 where the machine computes in it natively.

    Raises RunError where a tracker is not installed, for fp16 and fp8, and where processes that were started together
    did not find each other: each would train a model of its own into one folder."""
    from accelerate import Accelerator  # of the extra "train", without which the commands still list and explain
    from accelerate.utils import ProjectConfiguration

    for name in trackers:
        if importlib.util.find_spec(name) is None:
            raise RunError(f"--tracker {name} needs the package {name}: pip install {name}.")
    if precision == "auto" and (chosen := chosen_precision()):
        precision = "fp32" if chosen == "no" else chosen
        if precision not in PRECISIONS:
            raise RunError(
                f"Accelerate's configuration asks for {chosen}, in which this loop does not train: it has no scaler of "
                "gradients. Say --precision bf16 or --precision fp32."
            )
    if precision == "auto":
        use_cpu = os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true", "yes")
        if torch.cuda.is_available() and not use_cpu:
            precision = "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
        else:
            native = torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
            precision = "bf16" if native and torch.cpu._is_avx512_bf16_supported() else "fp32"
    started = os.environ.get("WORLD_SIZE", "")
    processes = int(started) if started.isdecimal() else 1
    accelerator = Accelerator(
        # torchrun says nothing of CPUs, and without a GPU Accelerate would leave each process alone.
        cpu=processes > 1 and not torch.cuda.is_available(),
        mixed_precision="no" if precision == "fp32" else precision,
        log_with=list(dict.fromkeys(trackers)) or None,
        project_config=ProjectConfiguration(logging_dir=str(folder / "tensorboard")) if trackers else None,
    )
    if processes > 1 and accelerator.num_processes != processes:
        raise RunError(
            f"{processes} processes were started, and {accelerator.num_processes} found each other: start them by "
            "`accelerate launch -m training ...`, on CPUs by `accelerate launch --cpu -m training ...`."
        )
    return accelerator


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


def prepare_folder(options: RunOptions, accelerator: Accelerator) -> Path | None:
    """Make the output folder; the checkpoint to go on from, or None. Raises RunError rather than touch a run without
    --resume."""
    folder = options.output
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file; give --output a folder.")
    if (folder / "options.json").exists() and not options.resume:
        raise RunError(f"{folder} holds a run already: go on with it by --resume, or give another --output.")
    for path in (folder / name for name in ("options.json", STATS, WATCH)):
        if path.exists() and not path.is_file():
            raise RunError(f"{path} is no regular file, so the run cannot use it; move it away.")
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
    if options.resume != PREVIOUS_ONE:
        return run_folder.find_checkpoint(folder) if options.resume else None
    found = run_folder.find_checkpoint(folder, PREVIOUS_ONE)
    if not found:
        raise RunError(f"{folder} has no checkpoint before the last one; go on by --resume, or give another --output.")
    return found


def open_data(recipe: Recipe, options: RunOptions) -> Dataset:
    """The pictures that the run learns from. Raises DataError, and RunError where they do not fit the recipe."""
    if isinstance(options.data, Dataset):
        dataset, shape = options.data, (recipe.image_channels, *sides(recipe.image_size))
        if dataset.images.shape[1:] != shape:
            raise RunError(
                f"The pictures of {dataset.name} are {dataset.images.shape[1:]}, and {recipe.name} draws {shape}: "
                "give others, or set image_size and image_channels."
            )
    else:
        name = options.data or recipe.data
        dataset = open_dataset(
            name,
            options.data_root,
            recipe.image_size,
            channels=recipe.image_channels,
            attributes=recipe.attributes if name.lower() == "celeba" else None,
        )
    if (recipe.conditional or GAMES[recipe.game].reads_labels) and dataset.labels is None:
        raise RunError(
            f"{recipe.name} is conditional and {dataset.name} has no labels; put the pictures into one sub-folder a "
            "class, or take a recipe without conditioning."
        )
    if len(dataset) < recipe.batch_size and not options.resume:  # what was begun without this check may go on
        raise RunError(
            f"{dataset.name} has {len(dataset):,} pictures, fewer than a batch of {recipe.batch_size:,}; add pictures, "
            f"or --set batch_size={len(dataset)}."
        )
    return dataset.few(recipe.labels_per_class, options.seed) if recipe.labels_per_class else dataset


def describe(recipe: Recipe, dataset: Dataset, options: RunOptions, total: int) -> dict:
    """options.json: what the run is, and all that must be equal for it to be continued."""
    return {
        "recipe": to_json(recipe),
        "data": {"name": dataset.name, "images": len(dataset), "checksum": dataset.checksum}
        | {key: value for key, value in (("title", options.title), ("licence", options.licence)) if value},
        "seed": options.seed,
        "images": total,
        "init_from": options.init_from,
        "command": options.command or f"python -m training {shlex.join(options.words())}",
        "commit": commit(),
        "version": gan_models.__version__,
    }


def compare_options(folder: Path, described: dict) -> None:
    """Raises RunError unless the run in the folder is the one described; only the number of images may change.

    An option that came after the run was started had its default then.
    """
    try:
        before = files.read_json(folder / "options.json", run_folder.MAX_JSON)
        differing = [key for key in ("seed", "init_from") if before[key] != described[key]]
        same = all(before["data"][key] == described["data"][key] for key in ("name", "images", "checksum"))
        differing += [] if same else ["data"]
        old, new = with_defaults(before["recipe"]), described["recipe"]
        differing += [key for key in new if key not in ("images", "summary", "source") and old.get(key) != new[key]]
    except (OSError, files.UnfitFile, ValueError, KeyError, TypeError, AttributeError) as error:
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
    in it; from one of half the size, which grows; or from a run's folder, with its discriminator too."""
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
    if growing.can_grow(model, state.ema):
        growing.grow(model.to(next(state.generator.parameters()).device), state.generator)
        state.ema.load_state_dict(state.generator.state_dict())
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


def export(state: State, folder: Path, training: dict, seed: int) -> None:
    """Write the model folder: what crosses from training to use."""
    config = model_folder.config_of(state.ema)
    metrics = story.tell(config, {"training": portable.record(training)})
    card = str(model_card(config, metrics, samples=True))
    picture = pictures.to_png(sample_grid(state.ema, seed))
    model_folder.write(state.ema, folder, metrics=metrics, samples=picture, card=card)


def publish(options: RunOptions, accelerator: Accelerator) -> None:
    """Publish the finished model, where that was asked for. Raises RunError where it cannot be done."""
    if options.push_to_hub and accelerator.is_main_process:
        from .publish import publish as push

        try:
            print(f"Published: {push(options.output / 'model', options.push_to_hub)}")
        except PublishError as error:
            raise RunError(f"{error} The model itself is safe in {options.output / 'model'}.") from error


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


def _whole(images: int, batch_size: int, option: str) -> int:
    """Rounded up to whole batches."""
    if not 1 <= images <= 10**12:
        raise RunError(f"{option} must be from 1 to 10^12, not {images}.")
    return -(-images // batch_size) * batch_size
