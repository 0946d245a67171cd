"""Sample a model from the command line: `python -m gan_models mnist-cgan --seed 3 --labels 7 --output grid.png`."""

import argparse
import difflib
import os
import sys
from pathlib import Path

import torch

from . import cli, hub, images, networks, rng
from .errors import InvalidInput, short
from .networks.base import Generator

MAX_COUNT = 4096  # pictures on one sheet
BATCH = 64  # pictures at once, which bounds the memory


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status, as cli.run does."""
    return cli.run(lambda: command(arguments))


def command(arguments: list[str] | None) -> None:
    options = parse(arguments)
    if options.list:
        print("\n".join(hub.bundled()) or "No models are bundled here.")
    else:
        run(options)


class Parser(argparse.ArgumentParser):
    def error(self, message: str):
        self.exit(2, f"error: {message} (--help tells more)\n")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = Parser("python -m gan_models", description="Sample a model into one picture.", allow_abbrev=False)
    parser.add_argument(
        "source", nargs="?", help="a model folder, a bundled name (see --list) or a Hub repository user/repo"
    )
    parser.add_argument("--list", action="store_true", help="print the names of the bundled models")
    parser.add_argument("--revision", help="branch, tag or commit of the Hub repository")
    parser.add_argument(
        "--seed", type=int, help="0 or more; the same seed gives the same pictures (default: a fresh one, printed)"
    )
    parser.add_argument("--count", type=int, default=16, help=f"how many pictures, 1 to {MAX_COUNT} (default: 16)")
    parser.add_argument(
        "--truncation", type=float, default=1.0, help="0 to 2; below 1: more typical, less varied (default: 1)"
    )
    parser.add_argument(
        "--labels",
        nargs="+",
        metavar="LABEL",
        help="classes, by name or number, taken in turns (3 or 0 1 2); or attributes (Smiling=1 Eyeglasses=0 Male), "
        "the others being drawn as they go together in the data",
    )
    parser.add_argument("--device", help="cpu (default), cuda, cuda:1, mps, ...")
    parser.add_argument("--output", type=Path, help="the PNG file to write")
    options = parser.parse_args(arguments)
    if not options.list and not (options.source and options.output):
        parser.error("give a model and --output FILE.png, or --list")
    return options


def run(options: argparse.Namespace) -> None:
    check_output(options.output)
    rng.check_count(options.count, most=MAX_COUNT, what="count")
    seed = rng.check_seed(options.seed)
    model = networks.load(options.source, revision=options.revision, device=options.device)
    points = model.sample_latents(options.count, seed=seed, truncation=options.truncation)
    labels = choose_labels(model, options.labels, options.count, seed)
    pictures = [
        model.generate(points[k : k + BATCH], None if labels is None else labels[k : k + BATCH]).cpu()
        for k in range(0, options.count, BATCH)
    ]
    try:
        images.save_png(images.grid(torch.cat(pictures)), options.output)
    except OSError as error:
        raise InvalidInput(
            f"{options.output} cannot be written ({error.strerror or error}); give another --output."
        ) from error
    print(f"{options.output}: {options.count} pictures of {options.source}, seed {seed}")


def check_output(path: Path) -> None:
    """Raise InvalidInput, before any work, unless the file can be written."""
    if path.suffix.lower() != ".png":
        raise InvalidInput(f"The output {path} must end in .png.")
    if path.is_dir():
        raise InvalidInput(f"The output {path} is a folder; name a file in it.")
    if not path.parent.is_dir():
        raise InvalidInput(f"The output's folder {path.parent} does not exist; make it first or name another.")
    if not os.access(path.parent, os.W_OK):
        raise InvalidInput(f"The output's folder {path.parent} cannot be written to; name another.")


def choose_labels(model: Generator, words: list[str] | None, n: int, seed: int) -> torch.Tensor | None:
    """Labels for n pictures, from the words of --labels: (n,) classes | (n, K) attributes | None for an unconditional
    model."""
    if words and not model.labels:
        raise InvalidInput("This model is unconditional: leave --labels out.")
    labels = model.sample_labels(n, seed=seed)
    if not words:
        return labels
    if not model.multi_label:
        classes = torch.tensor([find_label(model.labels, word) for word in words])
        return classes.repeat(-(-n // len(words)))[:n].to(model.device)
    labels = labels.clone()
    for word in words:
        name, equals, value = word.partition("=")
        labels[:, find_label(model.labels, name)] = attribute_value(word, value) if equals else 1.0
    return labels


def find_label(names: tuple[str, ...], word: str) -> int:
    """The number of a label given by its name (in any case) or its number. Raises InvalidInput, naming near ones."""
    folded = [name.casefold() for name in names]
    for candidate, among in ((word, names), (word.casefold(), folded)):
        if candidate in among:
            return among.index(candidate)
    if word.isdecimal() and len(word) < 10 and int(word) < len(names):
        return int(word)
    near = difflib.get_close_matches(word.casefold(), folded, n=3, cutoff=0.5)
    hint = (
        f"did you mean {' or '.join(names[folded.index(name)] for name in near)}?"
        if near
        else (f"it knows {', '.join(names[:40])}{' ...' if len(names) > 40 else ''}.")
    )
    raise InvalidInput(f"This model has no label {short(word)}; {hint}")


def attribute_value(word: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise InvalidInput(f"The label {short(word)} must be NAME or NAME=VALUE with a value from 0 to 1.")
    return number


if __name__ == "__main__":
    sys.exit(main())
