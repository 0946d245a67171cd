"""A walk from picture to picture as a video: `gan-studio walk mnist-cgan --seeds 3 14 7 -o walk.mp4`."""

import argparse
from pathlib import Path

from .. import cli, rng
from ..errors import InvalidInput
from ..outputs import check_output
from .common import Parser, assignments, find_label, make_folder

FILMS = (".mp4", ".webp")
MAX_SECONDS, MAX_FPS, MAX_FRAMES, MAX_SIZE = 600, 120, 3600, 2048  # all frames are held in memory
FRESH = 4  # seeds, if none are given


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status, as cli.run does."""
    return cli.run(lambda: run(parse(arguments)))


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = Parser("gan-studio walk", description="A walk between pictures of a model, as a video or as frames.")
    parser.add_argument("source", help="a model folder, a bundled name or a Hub repository user/repo")
    parser.add_argument(
        "--seeds",
        nargs="+",
        metavar="SEED",
        help=f"2 to 6 pictures on the way: 3 is picture 0 of seed 3, and 7:2 picture 2 of seed 7 (default: {FRESH} "
        "random ones, printed)",
    )
    parser.add_argument("--seconds", type=float, default=8.0, help=f"up to {MAX_SECONDS} (default: 8)")
    parser.add_argument("--fps", type=int, default=24, help=f"frames a second, 1 to {MAX_FPS} (default: 24)")
    parser.add_argument("--once", action="store_true", help="end at the last picture instead of returning to the first")
    parser.add_argument("--labels", nargs="+", metavar="LABEL", help="of all pictures: one class, or attributes")
    parser.add_argument("--truncation", type=float, default=1.0, help="0 to 2 (default: 1)")
    parser.add_argument("--size", type=int, default=256, metavar="PIXELS", help="the height (default: 256)")
    parser.add_argument("--revision", help="branch, tag or commit of the Hub repository")
    parser.add_argument("--device", help="cpu (default), cuda, cuda:1, mps, ...")
    parser.add_argument(
        "--output", "-o", type=Path, required=True, help="FILE.mp4, FILE.webp, or a folder for the frames as PNG"
    )
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> None:
    from .. import images, marks, studio  # with torch, which --help does not need
    from ..networks import load

    size = rng.check_count(options.size, least=2, most=MAX_SIZE, what="size")
    fps = rng.check_count(options.fps, most=MAX_FPS, what="number of frames a second")
    if not 0 < options.seconds <= MAX_SECONDS:
        raise InvalidInput(f"The walk takes up to {MAX_SECONDS} seconds, not {options.seconds:g}.")
    count = rng.check_count(round(options.seconds * fps), least=2, most=MAX_FRAMES, what="number of frames")
    is_film = options.output.suffix.lower() in FILMS
    if is_film:
        check_output(options.output, FILMS)
    elif options.output.suffix and not options.output.is_dir():
        raise InvalidInput(f"A walk is written as {' or '.join(FILMS)}, or as frames into a folder.")
    words = options.seeds or [str(rng.check_seed(None) % 10_000) for _ in range(FRESH)]
    anchors = studio.parse_anchors(" ".join(words))
    model = load(options.source, revision=options.revision, device=options.device)
    if not model.latent_dim:
        raise InvalidInput(f"{options.source} draws no pictures of its own, so there is nothing to walk between.")
    asked = options.truncation, parse_wishes(model, options.labels)
    frames = studio.interpolate(model, anchors, count, *asked, not options.once, lambda *_: None)
    pictures = [images.sized(picture, size) for picture in images.to_pil(frames.cpu())]
    if is_film:
        mark = marks.of(model, studio.drawn_for(model, anchors, *asked))
        images.write_frames(pictures, options.output, fps, marks.to_xmp(mark))
    else:
        make_folder(options.output)
        path = marks.drawn(model, *studio.path_of(model, anchors, count, *asked, not options.once))
        for k, (picture, one) in enumerate(zip(pictures, path, strict=True)):
            marked = marks.marked(picture, marks.of(model, (one,)))
            images.save_png(marked, options.output / f"{k:05d}.png")
    path = " ".join(map(str, anchors))
    print(f"{options.output}: {count} frames of {options.source}, --seeds {path}")


def parse_wishes(model, words: list[str] | None) -> int | dict[str, float] | None:
    """The class or attributes of --labels, for all pictures. Raises InvalidInput for labels that the model lacks."""
    if not words:
        return None
    if not model.labels:
        raise InvalidInput("This model is unconditional: leave --labels out.")
    if model.multi_label:
        return assignments(model.labels, words, 0)
    if len(words) > 1:
        raise InvalidInput("A walk keeps to one class: give --labels one.")
    return find_label(model.labels, words[0])
