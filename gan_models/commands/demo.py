"""The demo as a command: `gan-studio demo`, `python app.py`. Arguments and launch."""

import argparse
import importlib
import importlib.util
import os
import signal
import socket
import sys
from pathlib import Path

from .. import cli
from ..errors import InvalidInput, MissingPackage, ModelNotFound
from ..files import read_json
from ..layout import CONFIG, MAX_CONFIG_BYTES, PRETRAINED, bundled
from ..sizes import sides
from .common import Parser

OWN = ("127.0.0.1", "localhost", "::1")  # addresses that only this machine can reach


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status, as cli.run does."""
    return cli.run(lambda: run(parse(arguments)))


def parse(arguments: list[str] | None) -> argparse.Namespace:
    name = "python app.py" if Path(sys.argv[0]).name == "app.py" else "gan-studio demo"
    parser = Parser(name, description="Show models in a browser.")
    parser.add_argument(
        "--model", action="append", metavar="SOURCE", help="folder, bundled name or Hub repository; may be repeated"
    )
    parser.add_argument("--host", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, help="port (default: the first free one from 7860)")
    parser.add_argument(
        "--mcp",
        action="store_true",
        help="also offer the named endpoints as MCP tools (docs/api.md)",
    )
    parser.add_argument(
        "--train", action="store_true", help="add a tab that trains recipes; only for you, on your own machine"
    )
    return parser.parse_args(arguments)


def largest_first(names: list[str]) -> list[str]:
    """Bundled models, those with the largest pictures first, so that the page opens with them."""

    def height(name: str) -> int:
        config = read_json(PRETRAINED / name / CONFIG, MAX_CONFIG_BYTES)
        return max(sides(config["image_size"]))

    return sorted(names, key=height, reverse=True)


def run(options: argparse.Namespace) -> None:
    sources = options.model or os.environ.get("GAN_STUDIO_MODELS", "").split() or largest_first(bundled())
    if not sources:
        raise ModelNotFound("No model is bundled here: give one by --model.")
    if options.mcp and importlib.util.find_spec("mcp") is None:
        raise MissingPackage(
            "--mcp needs the package mcp: pip install '.[app,mcp]' in a checkout of GAN Studio, or leave it out."
        )
    if options.train and ("SPACE_ID" in os.environ or options.host not in (None, *OWN)):
        raise InvalidInput(
            "--train starts programs on this machine, so the page must not be served to others: leave --host out, and "
            "do not use --train on a Space."
        )
    # The page is found by its name, as commands are: it stands on everything else here.
    demo = importlib.import_module("gan_models.demo")
    models = demo.Models(sources, trains=options.train)
    for name in models.names if options.model else models.names[:1]:
        models[name]
    own = OWN[0] if options.train else None
    host = (
        options.host
        or own
        or os.environ.get("GRADIO_SERVER_NAME")
        or ("0.0.0.0" if "SPACE_ID" in os.environ else "127.0.0.1")
    )
    try:
        socket.getaddrinfo(host, None)  # else Gradio would try a hundred ports of a host that does not exist
    except (OSError, UnicodeError) as error:
        raise InvalidInput(
            f"{host} is no address of this machine; give another --host, such as 127.0.0.1 or 0.0.0.0."
        ) from error
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # an orderly end, which also removes the folder
    try:
        demo.serve(models, host, options.port, options.mcp)
    except (OSError, OverflowError) as error:  # a port beyond 65535 overflows
        raise InvalidInput(
            f"The demo cannot listen on {host}, port {options.port or 7860} ({error}); give another --host or --port."
        ) from error
