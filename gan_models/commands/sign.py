"""Sign what is written inside a picture or film of this project, as Content Credentials (C2PA), by one's own
certificate: `gan-studio sign face.png --certificates chain.pem --key key.pem`."""

import argparse
from pathlib import Path

from .. import cli
from ..outputs import check_output
from .common import Parser


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status, as cli.run does."""
    return cli.run(lambda: run(parse(arguments)))


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = Parser("gan-studio sign", description=__doc__)
    parser.add_argument("file", type=Path, metavar="FILE", help="PNG, JPEG, WebP or MP4 that GAN Studio wrote")
    parser.add_argument(
        "--certificates", type=Path, required=True, metavar="PEM", help="yours first, then those above it"
    )
    parser.add_argument("--key", type=Path, required=True, metavar="PEM", help="the private key of the first of them")
    parser.add_argument("--algorithm", default="es256", help="of the key (default: es256)")
    parser.add_argument("--output", "-o", type=Path, help="the file to write (default: FILE itself)")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> None:
    from .. import credentials  # with torch, which --help does not need

    output = options.output or options.file
    if options.output:
        check_output(output, (options.file.suffix.lower(),))
    credentials.sign(options.file, options.certificates, options.key, output, algorithm=options.algorithm)
    found = credentials.read(output.read_bytes())
    print(f"{output}: signed by {found.signer if found else 'you'}")
