"""Train a detector of generated pictures, and measure how often it errs.

    python -m training.detect --data-root data --output detector
    python -m training.detect mnist-cgan runs/mine/model --data-root data --output detector

It is trained on pictures of the named generators (default: all bundled ones) and on real pictures of the data sets that
these were trained on and of `--others`. Most of the pictures are damaged as happens on the web: saved as JPEG, resized,
cropped, blurred. Then the same is trained again, once without each generator and once without each of `--others`, and
tested on what was left out. That measures the detector against a generator that it has never seen (Wang et al. 2020,
arXiv:1912.11035).

Test pictures are never trained on. One half of the real ones sets the threshold, which at most 1 % of each data set
exceed, damaged pictures included; the other half measures the false alarms.
"""

import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageFilter
from safetensors.torch import load as from_safetensors
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from gan_models import cli, detection
from gan_models.detection import LEAST, Detector, detector_input
from gan_models.files import UnfitFile, read_bounded, read_json, write_atomically
from gan_models.hub import short_name
from gan_models.layout import bundled
from gan_models.networks import load
from gan_models.networks.editor import Editor
from gan_models.rng import Stream, philox

from .data import READERS, open_dataset
from .data.mixing import draw_examples
from .errors import TrainingError
from .run_folder import notes_of

FALSE_ALARMS = 0.01  # of the real test pictures that set the threshold
DRAWN, DRAWN_TEST = 6000, 1000  # pictures of each generator to learn from, and to measure on
REAL_TEST = 1500  # real pictures of each data set that set the threshold, and as many for the false alarms
MOST_REAL = 50_000  # real pictures of a data set to learn from
BATCH, RATE = 32, 2e-3
SAVE_EVERY = 200  # batches
WORK = "unfinished"  # the folder of what --resume goes on from
MOST_STATE = 10_000_000  # bytes


class DetectError(TrainingError):
    """A detector that cannot be trained from what was named; one sentence."""


class Options(NamedTuple):
    """images: to show in each training; output: the folder of the detector."""

    images: int
    seed: int
    output: Path


class Drawn(NamedTuple):
    """What one generator draws: (n, C, H, W) uint8."""

    data: str  # what it learned from
    train: np.ndarray
    test: np.ndarray


class Real(NamedTuple):
    """The real pictures of one data set: (n, C, H, W) uint8."""

    train: np.ndarray
    threshold: np.ndarray  # the half of the test pictures that sets the threshold
    test: np.ndarray  # the other half


class Shown(NamedTuple):
    """What a detector learns from."""

    drawn: dict[str, Drawn]
    real: dict[str, Real]

    def dispensable(self) -> list[str]:
        """What can be left out: each generator where there are others, and each data set that none learned from."""
        learned = {one.data for one in self.drawn.values()}
        return [*(self.drawn if len(self.drawn) > 1 else ()), *(name for name in self.real if name not in learned)]

    def without(self, name: str) -> "Shown":
        return Shown(*({key: value for key, value in part.items() if key != name} for part in self))


# ---- Damages: what happens to a picture on its way


def _jpeg(picture: Image.Image, strength: float) -> Image.Image:
    """Quality 95 down to 35."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=round(95 - 60 * strength))
    return Image.open(file).convert("RGB")


def _resized(picture: Image.Image, strength: float) -> Image.Image:
    """To between half and twice its size."""
    factor = 2 ** (2 * strength - 1)
    size = picture.width, picture.height
    return picture.resize([max(LEAST, round(side * factor)) for side in size], Image.Resampling.BICUBIC)


def _cropped(picture: Image.Image, strength: float) -> Image.Image:
    """To its middle, up to 30 % less of each side."""
    width, height = picture.width * (1 - 0.3 * strength), picture.height * (1 - 0.3 * strength)
    left, top = (picture.width - width) / 2, (picture.height - height) / 2
    return picture.crop((round(left), round(top), round(left + width), round(top + height)))


def _blurred(picture: Image.Image, strength: float) -> Image.Image:
    """By 0.3 to 1 pixel."""
    return picture.filter(ImageFilter.GaussianBlur(0.3 + 0.7 * strength))


DAMAGES: dict[str, Callable[[Image.Image, float], Image.Image]] = dict(
    zip(detection.DAMAGES, (lambda picture, _: picture, _jpeg, _resized, _cropped, _blurred), strict=True)
)


def damaged(image: np.ndarray, kind: str, strength: float) -> Tensor:
    """A picture (C, H, W) uint8 as the detector sees it (3, 64, 64), damaged with a strength of 0..1."""
    picture = Image.fromarray(np.ascontiguousarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0)))
    return detector_input(DAMAGES[kind](picture.convert("RGB"), strength))


# ---- Train


def batch(shown: Shown, step: int, seed: int) -> tuple[Tensor, Tensor]:
    """Pictures (32, 3, 64, 64), every second one drawn, generators and data sets as often as one another, seven in ten
    damaged in some way; and 1 for each drawn one (32,). A function of (seed, step) alone."""
    images, kinds = [], list(DAMAGES)
    for k in range(BATCH):
        random = philox(seed, step * BATCH + k, Stream.AUGMENT)
        pools = list((shown.drawn if k % 2 else shown.real).values())
        pool = pools[random.integers(len(pools))].train
        image = pool[random.integers(len(pool))]
        image = image[:, :, ::-1] if random.random() < 0.5 else image
        kind = kinds[random.integers(len(kinds))] if random.random() < 0.7 else kinds[0]
        images.append(damaged(image, kind, random.random()))
    return torch.stack(images), torch.arange(BATCH).remainder(2).float()


def fit(shown: Shown, images: int, seed: int, path: Path, bar: tqdm) -> Detector:
    """A detector that was shown so many pictures; its weights are rounded to half precision, as they are kept. It goes on
    from the file, and ends in the same weights as without a stop, for the same thread count."""
    torch.manual_seed(seed)
    detector = Detector().to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(detector.parameters(), lr=RATE, weight_decay=0.01)
    steps, done = -(-images // BATCH), _go_on(path, detector, optimiser)
    bar.update(done * BATCH)
    for step in range(done, steps):
        optimiser.param_groups[0]["lr"] = RATE * min(1.0, (step + 1) / (0.1 * steps), 1.1 * (1 - step / steps))
        pictures, labels = batch(shown, step, seed)
        logits = detector(pictures.contiguous(memory_format=torch.channels_last))
        loss = F.binary_cross_entropy_with_logits(logits, labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        bar.update(BATCH)
        if step % 20 == 0:
            bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == steps:
            _keep(path, detector, optimiser, step + 1)
    detector.load_state_dict({name: _rounded(value) for name, value in detector.state_dict().items()})
    return detector.requires_grad_(False).eval().to(memory_format=torch.contiguous_format)


def _rounded(value: Tensor) -> Tensor:
    return value.half().to(value.dtype) if value.is_floating_point() else value


def _keep(path: Path, detector: Detector, optimiser: torch.optim.Optimizer, steps: int) -> None:
    kept = {f"network.{name}": value.contiguous() for name, value in detector.state_dict().items()}
    for number, state in optimiser.state_dict()["state"].items():
        kept |= {f"optimiser.{number}.{name}": value.contiguous() for name, value in state.items()}
    write_atomically(path, save(kept | {"steps": torch.tensor(steps)}))


def _go_on(path: Path, detector: Detector, optimiser: torch.optim.Optimizer) -> int:
    """How many batches were seen when the file was written, with everything as it was then; 0 where there is none."""
    if not path.exists():
        return 0
    try:
        kept = from_safetensors(read_bounded(path, MOST_STATE))
        prefix = "network."
        detector.load_state_dict(
            {key.removeprefix(prefix): value for key, value in kept.items() if key.startswith(prefix)}
        )
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in kept.items():
            if key.startswith("optimiser."):
                _, number, name = key.split(".")
                state.setdefault(int(number), {})[name] = value
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
        return int(kept["steps"])
    except Exception as error:  # a damaged file raises nearly anything
        raise DetectError(f"{path} is damaged; delete it, and --resume begins that training anew.") from error


@torch.inference_mode()
def scores(detector: Detector, images: np.ndarray, kind: str) -> np.ndarray:
    """The scores 0..1 of pictures (n, C, H, W) uint8, damaged in one way, picture k as strongly as its number says."""
    found = []
    for first in range(0, len(images), 250):
        some = images[first : first + 250]
        pictures = [damaged(image, kind, philox(1, first + k, Stream.AUGMENT).random()) for k, image in enumerate(some)]
        found.append(detector(torch.stack(pictures)).sigmoid())
    return torch.cat(found).double().numpy()


def threshold(detector: Detector, real: dict[str, Real]) -> float:
    """The score that at most 1 % of each data set's real test pictures pass that are kept for it, damaged ones among
    them."""
    found = [np.concatenate([scores(detector, one.threshold, kind) for kind in DAMAGES]) for one in real.values()]
    return float(max(np.quantile(some, 1 - FALSE_ALARMS, method="higher") for some in found))


def measure(detector: Detector, images: np.ndarray, limit: float) -> dict[str, float]:
    """The share of pictures above the limit, for each damage."""
    return {kind: round(float((scores(detector, images, kind) > limit).mean()), 4) for kind in DAMAGES}


def mean(tables: list[dict[str, float]]) -> dict[str, float]:
    return {kind: round(sum(table[kind] for table in tables) / len(tables), 4) for kind in DAMAGES} if tables else {}


# ---- A run


def run(models: list[str], others: list[str], root: Path | None, options: Options) -> str:
    """Train and test, and write the folder of the detector; what is there already of the same run is not done again.
    Returns the text of its card. Raises DetectError, DataError, ModelError."""
    work = options.output / WORK
    shown = gather(models, others, root, options.seed)
    left_out = shown.dispensable()
    with tqdm(total=(1 + len(left_out)) * options.images, unit=" images", unit_scale=True, mininterval=5) as bar:
        detector, record = whole(shown, options, work, bar)
        without: dict[str, dict] = {}
        write(options, detector, complete(record, without, shown, options))  # of use while the rest is measured
        for name in left_out:
            without[name] = blind(shown, name, options, work, bar)
            write(options, detector, complete(record, without, shown, options))
    shutil.rmtree(work)
    return (options.output / "README.md").read_text()


def default_models() -> list[str]:
    """The bundled models that draw pictures of their own."""
    return [name for name in bundled() if (model := load(name)).latent_dim and not isinstance(model, Editor)]


def begin(work: Path, resume: bool, asked: dict) -> None:
    """The folder of what is not finished, for these options. Raises DetectError where that is another's."""
    path = work / "options.json"
    if path.exists():
        if not resume:
            raise DetectError(f"{work} holds a training that was stopped: --resume goes on, or name another --output.")
        try:
            before = read_json(path, 100_000)
        except UnfitFile as error:
            raise DetectError(f"{path} {error}; delete {work} and begin anew.") from error
        if before != asked:
            raise DetectError(f"{work} was begun with other models, data, --images or --seed; give the same to go on.")
    elif resume:
        raise DetectError(f"{work} holds nothing to go on from; leave --resume out.")
    work.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(asked).encode())


def whole(shown: Shown, options: Options, work: Path, bar: tqdm) -> tuple[Detector, dict]:
    """The detector that knows everything, and what it finds."""
    detector = fit(shown, options.images, options.seed, work / "whole.safetensors", bar)

    def measured() -> dict:
        limit = threshold(detector, shown.real)
        return {
            "threshold": limit,
            "models": {name: measure(detector, one.test, limit) for name, one in shown.drawn.items()},
            "real": {name: measure(detector, one.test, limit) for name, one in shown.real.items()},
        }

    return detector, once(work / "whole.json", measured)


def blind(shown: Shown, name: str, options: Options, work: Path, bar: tqdm) -> dict[str, float]:
    """What a detector says of pictures of a generator, or of a data set, that it was not shown."""
    rest = shown.without(name)
    place = work / f"without-{[*shown.drawn, *shown.real].index(name)}"
    detector = fit(rest, options.images, options.seed, place.with_suffix(".safetensors"), bar)
    one = shown.drawn.get(name) or shown.real[name]
    return once(place.with_suffix(".json"), lambda: measure(detector, one.test, threshold(detector, rest.real)))


def once(path: Path, function: Callable[[], dict]) -> dict:
    """What the function returns, which is kept in a file."""
    try:
        return read_json(path, 100_000)
    except (OSError, UnfitFile):
        found = function()
        write_atomically(path, json.dumps(found).encode())
        return found


def gather(models: list[str], others: list[str], root: Path | None, seed: int) -> Shown:
    """What the generators draw, and what is real. Raises DetectError, DataError, ModelError."""
    drawn, real = {}, {}
    for source in models:
        model, name = load(source), short_name(source)
        if not model.latent_dim:
            raise DetectError(f"{source} draws no pictures of its own; name a generator.")
        if name in drawn:
            raise DetectError(f"Two models have the name {name}; name folders that end differently.")
        data = notes_of(model.loaded_from.folder).get("dataset")
        if data not in READERS:
            raise DetectError(
                f"{source} learned from {data or 'no data set that it tells'}, and the detector needs those pictures; known are {', '.join(READERS)}."
            )
        if data not in real:
            real[data] = _real(data, root, model.image_shape[1:], model.image_shape[0])
        labels = model.sample_labels(DRAWN + DRAWN_TEST, seed=seed + 1)
        images = draw_examples(model, None if labels is None else labels.numpy(), seed + 1, DRAWN + DRAWN_TEST)
        drawn[name] = Drawn(data, images[:DRAWN], images[DRAWN:])
    for other in others:
        if other not in real:
            real[Path(other).name] = _real(other, root, (32, 32) if other in READERS else (64, 64), 3)
    return Shown(drawn, real)


def _real(data: str, root: Path | None, size: tuple[int, int], channels: int) -> Real:
    side = size[0] if size[0] == size[1] else size
    train = open_dataset(data, root, side, channels=channels).images
    if data in READERS:
        test = open_dataset(data, root, side, channels=channels, split="test").images
    else:  # a folder without splits: every fifth is kept apart
        apart = np.arange(len(train)) % 5 == 0
        train, test = train[~apart], train[apart]
    if min(len(train), len(test)) < 2:
        raise DetectError(f"{data} has too few pictures to learn from and to measure on.")
    spread = np.linspace(0, len(test) - 1, min(len(test), 2 * REAL_TEST)).astype(int)
    return Real(np.array(train[:MOST_REAL]), test[spread[0::2]], test[spread[1::2]])


# ---- What is written


def complete(record: dict, without: dict[str, dict], shown: Shown, options: Options) -> dict:
    """metrics.json: what was measured of everything, and the means that a verdict tells (gan_models.detection.Rates)."""
    unseen = {name: table for name, table in without.items() if name in shown.drawn}
    other_data = {name: table for name, table in without.items() if name in shown.real}
    return {
        "threshold": record["threshold"],
        "found": mean(list(record["models"].values())),
        "unseen": mean(list(unseen.values())),
        "false_alarms": mean(list(record["real"].values())),
        "other_data": mean(list(other_data.values())),
        "tables": {"models": record["models"], "unseen": unseen, "real": record["real"], "other_data": other_data},
        "training": {
            "images": options.images,
            "seed": options.seed,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "learned_from": {name: len(one.train) for part in shown for name, one in part.items()},
        },
    }


def write(options: Options, detector: Detector, record: dict) -> None:
    weights = {
        name: value.half() if value.is_floating_point() else value for name, value in detector.state_dict().items()
    }
    write_atomically(options.output / "model.safetensors", save(weights))
    write_atomically(options.output / "README.md", card(record).encode())
    write_atomically(options.output / "metrics.json", (json.dumps(record, indent=1) + "\n").encode())


def card(record: dict) -> str:
    """README.md of the detector. What it cannot do comes first."""
    tables, training = record["tables"], record["training"]

    def table(rows: dict[str, dict[str, float]], what: str) -> list[str]:
        if not rows:
            return ["Not measured."]
        head = [f"| {what} | {' | '.join(DAMAGES)} |", "|---|" + "---|" * len(DAMAGES)]
        return [
            *head,
            *(f"| {name} | {' | '.join(f'{row[kind]:.1%}' for kind in DAMAGES)} |" for name, row in rows.items()),
        ]

    learned = ", ".join(f"{name} ({count:,})" for name, count in training["learned_from"].items())
    return "\n".join(
        [
            "**It cannot tell whether a picture from the web is generated**: it recognises some pictures of the generators in "
            "the first table, small GANs of this project, and need not recognise any other; it does not recognise edited "
            "photos; and it suspects some real pictures, so never accuse anybody because of it.",
            "",
            "# Detector of generated pictures",
            "",
            f"A small convolutional network. Its input is the middle square of a picture at 64 x 64 pixels. It was trained on "
            f"{training['images']:,} pictures, half of them generated and 70 % damaged (`python -m training.detect`, seed "
            f"{training['seed']}). They were drawn from {learned}. The threshold is a score of {record['threshold']:.4f}; at "
            "most 1 % of the real test pictures of each data set exceed it, damaged pictures included.",
            "",
            "Damages: JPEG of quality 95 to 35; resizing to half to twice the size; cropping of up to 30 % of each side; "
            "Gaussian blur of 0.3 to 1 pixel; all before the picture is resized to 64 x 64.",
            "",
            "## Detected test pictures",
            "",
            *table(tables["models"], "generator"),
            "",
            "## Detected pictures of a generator that it was not trained on",
            "",
            "Each row is another training, without any picture of that generator.",
            "",
            *table(tables["unseen"], "generator"),
            "",
            "## Real pictures that it suspects",
            "",
            *table(tables["real"], "data set"),
            "",
            "## Real pictures that it suspects, of a data set that it was not trained on",
            "",
            "Another training, without any picture of that data set.",
            "",
            *table(tables["other_data"], "data set"),
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(cli.main(["detect", *sys.argv[1:]]))
