"""Export a model for use without PyTorch: `gan-studio export celeba-cgan -o faces.onnx`, or `--page DIR`."""

import argparse
import os
from pathlib import Path

from .. import cli
from ..choices import PARTS
from ..outputs import check_output
from .common import Parser


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status, as cli.run does."""
    return cli.run(lambda: command(arguments))


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = Parser(
        "gan-studio export",
        description="Write a model as an ONNX file, or as a folder of static files that draws in the browser.",
    )
    parser.add_argument("source", help="a model folder, a bundled name or a Hub repository user/repo")
    parser.add_argument("--revision", help="branch, tag or commit of the Hub repository")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE.onnx", help="the ONNX file to write")
    parser.add_argument(
        "--part",
        choices=PARTS,
        help="what the ONNX file does: draw, edit, encode, ... (default: the main use of the model)",
    )
    parser.add_argument("--page", type=Path, metavar="DIR", help="the folder of the page; created if missing")
    parser.add_argument(
        "--runtime",
        type=Path,
        metavar="DIR",
        help="the folder of an unpacked onnxruntime-web, if npm cannot be reached",
    )
    parser.add_argument(
        "--half", action="store_true", help="round the weights to float16: half the size, nearly the same pictures"
    )
    options = parser.parse_args(arguments)
    if not (options.output or options.page):
        parser.error("give --output FILE.onnx, or --page DIR")
    if options.part and not options.output:
        parser.error("--part needs --output FILE.onnx")
    if options.runtime and not options.page:
        parser.error("--runtime needs --page DIR")
    return options


def command(arguments: list[str] | None) -> None:
    options = parse(arguments)
    from ..export import graphs, pages  # with torch, which --help does not need

    if options.output:
        check_output(options.output, (".onnx",))
    model = pages.open_model(options.source, options.revision)
    if options.output:
        difference = graphs.onnx(
            model.network,
            options.output,
            part=options.part,
            card=model.card,
            name=model.name,
            half=options.half,
        )
        size = os.path.getsize(options.output)
        print(
            f"{options.output}: {_megabytes(size)}, within {difference:.1g} of PyTorch's output (pictures are -1 to 1)"
        )
    if options.page:
        folder = pages.page(
            options.source, options.page, revision=options.revision, runtime_folder=options.runtime, half=options.half
        )
        size = sum(path.stat().st_size for path in folder.iterdir())
        print(
            f"{folder}: a page of {_megabytes(size)}; any static file server can serve it, for example\n"
            f"  python -m http.server --directory {folder}"
        )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size:,} bytes"
