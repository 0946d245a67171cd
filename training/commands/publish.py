"""Publish a model folder on the Hub, and a Space that shows it: `python -m training.publish runs/mnist-cgan/model
USER/REPO`."""

import argparse

from .. import cli
from ..choices import KEEP


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status, as cli.run does."""
    return cli.run(lambda: command(arguments))


def command(arguments: list[str] | None) -> None:
    parser = argparse.ArgumentParser("python -m training.publish", description="Publish a model folder on the Hub.")
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="a run such as runs/mnist-cgan, its model folder, a bundled name, or a model of the Hub, which is copied",
    )
    parser.add_argument("repo_id", metavar="USER/REPO", help="the repository; created if missing")
    parser.add_argument("--space", metavar="USER/SPACE", help="also make a Gradio Space that shows the model")
    parser.add_argument(
        "--static-space",
        metavar="USER/SPACE",
        help="also make a static Space: a page that draws in the visitor's browser",
    )
    parser.add_argument(
        "--hardware",
        metavar="NAME",
        help="hardware of the Space, such as zero-a10g or t4-small (default: the free CPU)",
    )
    parser.add_argument("--private", action="store_true", help="make new repositories private")
    parser.add_argument(
        "--keep-card", choices=KEEP, help="which edits of the card to keep if it was edited here and on the Hub"
    )
    options = parser.parse_args(arguments)
    from huggingface_hub import constants

    from ..publish import publish  # with torch, which --help does not need

    print(
        publish(
            options.source,
            options.repo_id,
            space=options.space,
            static_space=options.static_space,
            hardware=options.hardware,
            private=options.private,
            keep=options.keep_card,
        )
    )
    for space in filter(None, (options.space, options.static_space)):
        print(f"{constants.ENDPOINT}/spaces/{space}")
