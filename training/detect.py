"""Train the detector of generated pictures, and say how often it errs.

    python -m training.detect --data-root data --output detector
    python -m training.detect mnist-cgan runs/mine/model --data-root data --output detector

It learns from pictures that the named generators draw (all bundled ones, if none is named) and from the real ones of
the data sets that these learned from, undamaged and damaged as pictures are on their way through the net: saved as
JPEG, resized, cropped, blurred. Then it is trained again once for each generator, without that one's pictures, and asked
about them: what a detector is worth against a generator that it has never seen (Wang et al. 2020, arXiv:1912.11035).
Nothing that is measured was learned from: real test pictures set the threshold (one half) and give the false alarms (the
other).
"""

import argparse
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageFilter
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

import gan_models
from gan_models.detection import Detector, at_size
from gan_models.files import write_atomically
from gan_models.model_folder import read_metrics
from gan_models.rng import Stream, philox

from . import cli
from .data import READERS, open_dataset
from .errors import TrainingError
from .mixing import draw

FALSE_ALARMS = 0.01  # of the real test pictures that set the threshold
OTHERS = "cifar10"  # real pictures of another kind, where they are at hand
DRAWN = 4000  # pictures of each generator to learn from; half as many to measure on
BATCH = 64
LEAST = 28  # pixels; smaller pictures are not judged
RATE = 2e-3


class DetectError(TrainingError):
    """A detector that cannot be trained from what was named; one sentence."""


class Source(NamedTuple):
    """One generator and the real pictures beside it: (n, C, H, W) uint8."""

    model: str
    data: str
    drawn: np.ndarray
    drawn_test: np.ndarray


class Real(NamedTuple):
    """The real pictures of one data set: (n, C, H, W) uint8."""

    train: np.ndarray
    threshold: np.ndarray  # the half of the test pictures that sets the threshold
    test: np.ndarray  # the other half


# ---- Damages: what happens to a picture on its way


def _jpeg(picture: Image.Image, strength: float) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=round(95 - 60 * strength))
    return Image.open(file).convert("RGB")


def _resized(picture: Image.Image, strength: float) -> Image.Image:
    """To between half and twice its size."""
    factor = 2 ** (2 * strength - 1)
    return picture.resize([max(LEAST, round(side * factor)) for side in picture.size], Image.Resampling.BICUBIC)


def _cropped(picture: Image.Image, strength: float) -> Image.Image:
    """To its middle, up to 30 % less."""
    width, height = (side * (1 - 0.3 * strength) for side in picture.size)
    left, top = (picture.width - width) / 2, (picture.height - height) / 2
    return picture.crop((round(left), round(top), round(left + width), round(top + height)))


def _blurred(picture: Image.Image, strength: float) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(0.3 + 0.7 * strength))


DAMAGES: dict[str, Callable[[Image.Image, float], Image.Image]] = {
    "undamaged": lambda picture, strength: picture,
    "jpeg": _jpeg,
    "resized": _resized,
    "cropped": _cropped,
    "blurred": _blurred,
}


def damaged(image: np.ndarray, kind: str, strength: float) -> Tensor:
    """A picture (C, H, W) uint8 as the detector sees it (3, 64, 64), damaged with a strength of 0..1."""
    picture = Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0)).convert("RGB")
    return at_size(DAMAGES[kind](picture, strength))


# ---- Train


def fit(sources: list[Source], reals: dict[str, Real], images: int, seed: int, bar: tqdm) -> Detector:
    """A detector that was shown `images` pictures, half of them real: those of each data set as often as the drawn ones
    beside it. Deterministic for a seed and thread count."""
    torch.manual_seed(seed)
    detector = Detector().to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(detector.parameters(), lr=RATE, weight_decay=0.01)
    steps, kinds = -(-images // BATCH), list(DAMAGES)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, steps, pct_start=0.1)
    names = sorted({source.data for source in sources}) or sorted(reals)
    for step in range(steps):
        batch, labels = [], []
        for k in range(BATCH):
            random = philox(seed, step * BATCH + k, Stream.AUGMENT)
            drawn = k % 2 == 1
            if drawn:
                pool = sources[random.integers(len(sources))].drawn
            else:
                pool = reals[names[random.integers(len(names))]].train
            image = pool[random.integers(len(pool))]
            if random.random() < 0.5:
                image = image[:, :, ::-1]
            kind = kinds[random.integers(len(kinds))] if random.random() < 0.7 else "undamaged"
            batch.append(damaged(image, kind, random.random()))
            labels.append(float(drawn))
        logits = detector(torch.stack(batch).contiguous(memory_format=torch.channels_last))
        loss = F.binary_cross_entropy_with_logits(logits, torch.tensor(labels))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        bar.update(BATCH)
        bar.set_postfix(loss=f"{loss.item():.3f}")
    return detector.eval().to(memory_format=torch.contiguous_format)


@torch.inference_mode()
def scores(detector: Detector, images: np.ndarray, kind: str) -> np.ndarray:
    """The scores 0..1 of pictures (n, C, H, W) uint8, damaged in one way, picture k as strongly as its number says."""
    found = []
    for first in range(0, len(images), 256):
        some = images[first : first + 256]
        batch = [damaged(image, kind, philox(1, first + k, Stream.AUGMENT).random()) for k, image in enumerate(some)]
        found.append(detector(torch.stack(batch)).sigmoid())
    return torch.cat(found).numpy()


def threshold(detector: Detector, reals: dict[str, Real]) -> float:
    """The score that 1 % of the real test pictures pass that are kept for it, damaged ones among them."""
    return float(
        np.quantile(
            np.concatenate([scores(detector, real.threshold, kind) for real in reals.values() for kind in DAMAGES]),
            1 - FALSE_ALARMS,
        )
    )


def measure(detector: Detector, images: np.ndarray, limit: float) -> dict[str, float]:
    """The share of pictures above the limit, for each damage."""
    return {kind: round(float((scores(detector, images, kind) > limit).mean()), 4) for kind in DAMAGES}


def mean(tables: list[dict[str, float]]) -> dict[str, float]:
    return {kind: round(sum(table[kind] for table in tables) / len(tables), 4) for kind in DAMAGES}


# ---- The command


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status, as cli.run does."""
    return cli.run(lambda: command(arguments))


def command(arguments: list[str] | None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.detect",
        description="Train the detector of generated pictures, and say how often it errs.",
    )
    parser.add_argument("models", nargs="*", help="folders, bundled names or Hub ids (all bundled generators)")
    parser.add_argument("--data-root", type=Path, metavar="DIR", help="where the data sets are (see training --help)")
    parser.add_argument("--images", type=int, default=60_000, help="pictures to show in each training (60000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="the folder of the detector")
    options = parser.parse_args(arguments)
    if not BATCH <= options.images <= 10**9:
        raise DetectError(f"--images must be from {BATCH} to 10^9, not {options.images}.")
    sources, reals, other = gather(options.models, options.data_root, options.seed)
    trainings = 1 + (len(sources) if len(sources) > 1 else 0)
    with tqdm(total=trainings * options.images, unit=" images", file=sys.stderr) as bar:
        detector = fit(sources, reals, options.images, options.seed, bar)
        limit = threshold(detector, reals)
        found = {source.model: measure(detector, source.drawn_test, limit) for source in sources}
        alarms = {name: measure(detector, real.test, limit) for name, real in reals.items()}
        if other is not None:
            alarms[f"{OTHERS} (never seen)"] = measure(detector, other, limit)
        unseen = {}
        for source in sources if len(sources) > 1 else ():
            blind = fit([one for one in sources if one is not source], reals, options.images, options.seed, bar)
            unseen[source.model] = measure(blind, source.drawn_test, threshold(blind, reals))
    nothing = dict.fromkeys(DAMAGES, 0.0)
    record = {
        "threshold": limit,
        "least_size": LEAST,
        "detected": mean(list(found.values())),
        "models": found,
        "false_alarms": alarms,
        "unseen": (mean(list(unseen.values())) if unseen else nothing) | {"models": unseen},
        "training": {
            "images": options.images,
            "seed": options.seed,
            "data": sorted(reals),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        },
    }
    options.output.mkdir(parents=True, exist_ok=True)
    weights = {
        key: value.half() if value.is_floating_point() else value for key, value in detector.state_dict().items()
    }
    write_atomically(options.output / "model.safetensors", save(weights))
    write_atomically(options.output / "README.md", card(record).encode())
    write_atomically(options.output / "metrics.json", (json.dumps(record, indent=1) + "\n").encode())
    print(card(record))


def gather(names: list[str], root: Path | None, seed: int) -> tuple[list[Source], dict[str, Real], np.ndarray | None]:
    """What is drawn, what is real, and real pictures of another kind (None where there are none). Raises DetectError,
    DataError, ModelError."""
    chosen = names or [name for name in gan_models.bundled() if gan_models.load(name).latent_dim]
    sources, reals = [], {}
    for name in chosen:
        model, folder = gan_models.load(name), gan_models.hub.find(name)[0]
        data = read_metrics(folder / "metrics.json").get("training", {}).get("dataset")
        if not model.latent_dim:
            raise DetectError(f"{name} draws no pictures of its own; name a generator.")
        if data not in READERS:
            raise DetectError(f"The data set that {name} learned from ({data}) is not one of {', '.join(READERS)}.")
        channels, size = model.image_shape[:2]
        if data not in reals:
            train = open_dataset(data, root, size, channels=channels)
            test = open_dataset(data, root, size, channels=channels, split="test").images
            reals[data] = Real(train.images, test[0::2][:DRAWN], test[1::2][:DRAWN])
        labels = model.sample_labels(DRAWN + DRAWN // 2, seed=seed + 1)
        images = draw(model, None if labels is None else labels.numpy(), seed + 1, DRAWN + DRAWN // 2)
        sources.append(
            Source(name if name in gan_models.bundled() else Path(name).name, data, images[:DRAWN], images[DRAWN:])
        )
    try:
        other = open_dataset(OTHERS, root, 32, split="test").images[:DRAWN] if OTHERS not in reals else None
    except TrainingError:
        other = None
    return sources, reals, other


def card(record: dict) -> str:
    """README.md of the detector. What it cannot do comes first."""
    kinds = list(DAMAGES)
    rows = [
        f"| {name} | " + " | ".join(f"{table[kind]:.1%}" for kind in kinds) + " |"
        for name, table in record["models"].items()
    ]
    unseen = [
        f"| {name} | " + " | ".join(f"{table[kind]:.1%}" for kind in kinds) + " |"
        for name, table in record["unseen"]["models"].items()
    ]
    alarms = [
        f"| {name} | " + " | ".join(f"{table[kind]:.1%}" for kind in kinds) + " |"
        for name, table in record["false_alarms"].items()
    ]
    head, line = f"| | {' | '.join(kinds)} |", "|---|" + "---|" * len(kinds)
    return "\n".join(
        [
            "# Detector of generated pictures",
            "",
            "**It cannot tell whether a picture from the net is generated.** It knows the generators of the first table, "
            "small GANs of this project, and finds others by luck; a picture that it does not suspect may be generated all "
            "the same, and one real picture in a hundred is suspected, more of kinds that it never saw.",
            "",
            f"A small convolutional network that looks at 64 x 64 pixels, trained on {record['training']['images']:,} pictures "
            f"(`python -m training.detect`, seed {record['training']['seed']}). A picture is suspected above a score of "
            f"{record['threshold']:.3f}.",
            "",
            "## Found, at 1 % false alarms",
            "",
            *(head.replace("| |", "| pictures of |"), line, *rows),
            "",
            "## Found of a generator that it never saw",
            "",
            "Trained again without the pictures of that generator.",
            "",
            *(head.replace("| |", "| pictures of |"), line, *unseen),
            "",
            "## Real pictures that are suspected",
            "",
            *(head.replace("| |", "| real pictures of |"), line, *alarms),
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
