"""Was this picture generated? `gan-studio verify PICTURE`: what is written inside it, and what a detector thinks."""

import argparse
import json
from pathlib import Path

from .. import cli
from ..errors import InvalidInput
from .common import Parser

FAILED = 2


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status, as cli.run does."""
    return cli.run(lambda: run(parse(arguments)))


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = Parser("gan-studio verify", description=__doc__)
    parser.add_argument(
        "pictures", nargs="+", type=Path, metavar="PICTURE", help="PNG, JPEG, WebP, MP4, or what else cameras write"
    )
    parser.add_argument("--json", action="store_true", help="for programs: an object a line")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> int:
    from ..verification import verify  # with torch, which --help does not need

    status = 0
    for path in options.pictures:
        try:
            verdict = verify(path)
        except InvalidInput as error:  # the others are told all the same
            cli.tell(f"{path}: {error}" if len(options.pictures) > 1 else str(error))
            status = FAILED
            continue
        if options.json:
            print(json.dumps({"file": str(path), **as_plain(verdict)}))
            continue
        print(f"{path}:" if len(options.pictures) > 1 else "", verdict, sep="\n" if len(options.pictures) > 1 else "")
    return status


def as_plain(verdict) -> dict:
    """What JSON holds of a verdict."""
    mark, opinion = verdict.mark, verdict.opinion
    return {
        "said": verdict.said,
        "source_type": verdict.source_type,
        "model": mark.model if mark else None,
        "revision": mark.revision if mark else None,
        "seeds": [one.seed for one in mark.pictures] if mark else [],
        "edits": mark.edits if mark else None,
        "credentials": verdict.credentials._asdict() if verdict.credentials else None,
        "broken": verdict.broken,
        "score": opinion.score if opinion else None,
        "suspicious": opinion.suspicious if opinion else None,
        "rates": opinion.rates._asdict() if opinion else None,
    }
