"""The demo: `python app.py [--model SOURCE ...]`, the same as `gan-studio demo`. Its arguments are in
gan_models/commands/demo.py, the page in gan_models.demo."""

import sys

from gan_models import cli


def main(arguments: list[str] | None = None) -> int:
    """Show the models in a browser until the process is told to end. Returns the exit status, as cli.run does."""
    return cli.main(["demo", *(sys.argv[1:] if arguments is None else arguments)])


if __name__ == "__main__":
    sys.exit(main())
