"""All the trainings for one detector: of everything, and without each generator and data set in turn."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from gan_models.detection import Detector
from gan_models.files import UnfitFile, read_json, write_atomically

from .fitting import fit_detector, shares_above, threshold
from .folder import complete, write_detector
from .pictures import DetectError, Shown, gather

WORK = "unfinished"  # the folder of what --resume goes on from


class Options(NamedTuple):
    """images: to show in each training; output: the folder of the detector."""

    images: int
    seed: int
    output: Path


def run_study(models: list[str], others: list[str], root: Path | None, options: Options) -> str:
    """Train and test, and write the folder of the detector; what is there already of the same run is not done again.
    Returns the text of its card. Raises DetectError, DataError, ModelError."""
    work = options.output / WORK
    shown = gather(models, others, root, options.seed)
    left_out = shown.dispensable()
    with tqdm(total=(1 + len(left_out)) * options.images, unit=" images", unit_scale=True, mininterval=5) as bar:
        detector, record = final(shown, options, work, bar)
        without: dict[str, dict] = {}
        write_detector(
            options.output, detector, complete(record, without, shown, options.images, options.seed)
        )  # of use while the rest is measured
        for name in left_out:
            without[name] = blind(shown, name, options, work, bar)
            write_detector(options.output, detector, complete(record, without, shown, options.images, options.seed))
    shutil.rmtree(work)
    return (options.output / "README.md").read_text()


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


def final(shown: Shown, options: Options, work: Path, bar: tqdm) -> tuple[Detector, dict]:
    """The detector that knows everything, and what it finds."""
    detector = fit_detector(shown, options.images, options.seed, work / "whole.safetensors", bar)

    def measured() -> dict:
        limit = threshold(detector, shown.real)
        return {
            "threshold": limit,
            "models": {name: shares_above(detector, one.test, limit) for name, one in shown.drawn.items()},
            "real": {name: shares_above(detector, one.test, limit) for name, one in shown.real.items()},
        }

    return detector, once(work / "whole.json", measured)


def blind(shown: Shown, name: str, options: Options, work: Path, bar: tqdm) -> dict[str, float]:
    """What a detector says of pictures of a generator, or of a data set, that it was not shown."""
    rest = shown.without(name)
    place = work / f"without-{[*shown.drawn, *shown.real].index(name)}"
    detector = fit_detector(rest, options.images, options.seed, place.with_suffix(".safetensors"), bar)
    one = shown.drawn.get(name) or shown.real[name]
    return once(place.with_suffix(".json"), lambda: shares_above(detector, one.test, threshold(detector, rest.real)))


def once(path: Path, function: Callable[[], dict]) -> dict:
    """What the function returns, which is kept in a file."""
    try:
        return read_json(path, 100_000)
    except (OSError, UnfitFile):
        found = function()
        write_atomically(path, json.dumps(found).encode())
        return found
