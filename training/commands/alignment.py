"""Measure how well faces are found in photos of any kind: `python -m training.alignment --data-root DIR`."""

import argparse
import os
import time
from pathlib import Path

from .. import cli


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status, as cli.run does."""
    return cli.run(lambda: command(arguments))


def command(arguments: list[str] | None) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.alignment", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data-root",
        help="holds celeba/ with pictures of 178 x 218 (default: the variable GAN_STUDIO_DATA, else ./data)",
    )
    parser.add_argument("--count", type=int, default=300, help="how many test photos (default 300)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--held-out", action="store_true", help="leave out the originals in the 300 photos of seed 0")
    parser.add_argument("--average", action="store_true", help="only print the average places of eyes and mouth")
    options = parser.parse_args(arguments)
    if options.count < 1 or options.seed < 0:
        parser.error("--count must be at least 1 and --seed at least 0.")
    import numpy as np

    from gan_models import photos
    from gan_models.errors import NoFace

    from ..alignment import (  # with torch, which --help does not need
        average,
        count_correct,
        held_out,
        make_tests,
        report,
    )
    from ..data.celeba import celeba_originals
    from ..data.decoding import DataError

    root = Path(options.data_root or os.environ.get("GAN_STUDIO_DATA") or "data").expanduser()
    originals = celeba_originals(root)
    if options.average:
        print(np.array2string(average(originals).round(1), separator=", ", max_line_width=120))
        return
    originals = held_out(originals) if options.held_out else originals
    if len(originals) < 4:
        raise DataError(f"There are {len(originals)} originals; photos of several faces need 4.")
    results, false, seconds = [], 0, []
    for test in make_tests(originals, options.count, options.seed):
        began = time.perf_counter()
        try:
            faces = photos.find_faces(test.photo)
        except NoFace:
            faces = []
        seconds.append(time.perf_counter() - began)
        judged, wrong = count_correct(test, faces)
        results, false = results + judged, false + wrong
    print(f"{options.count} photos made of {len(originals):,} aligned originals, seed {options.seed}")
    print("\n".join(report(results)))
    print(
        f"faces found where none is: {false}; seconds for a photo: median {np.median(seconds):.2f}, most {max(seconds):.2f}"
    )
