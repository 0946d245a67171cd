"""Tune the strengths and colours of an editor: `python -m training.calibrate runs/celeba-editor-64/model --data celeba`.

An editor learns to edit until a classifier is sure. For some attributes a weaker edit would be enough, for others a
stronger one is needed, and an edit that is too strong looks less like a photo. So each attribute has two strengths, one
for adding it and one for removing it. They are tuned on the validation pictures: the judge should see as many of the
requested changes as possible and as many other attributes unchanged as possible, at a small distance (FID) between
edited and real pictures.

So the judge that evaluates the editor (evaluate/editor.py) has also tuned two numbers per attribute. Its results before
and after are in metrics.json ("training", "calibration") and in the card. Test pictures are not used.

The colours that faces have at each brightness are measured on training pictures. Edits stay within them.
"""

import argparse
import shlex
from pathlib import Path

from .. import cli


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status, as cli.run does."""
    return cli.run(lambda: command(arguments), stopped="Stopped; nothing was written.")


def command(arguments: list[str] | None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.calibrate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model_folder", type=Path, help="of an editor, such as runs/celeba-editor-64/model")
    parser.add_argument("--data", required=True, metavar="NAME|DIR", help="celeba")
    parser.add_argument(
        "--data-root", type=Path, metavar="DIR", help="where the data sets are (default: $GAN_STUDIO_DATA, else ./data)"
    )
    options = parser.parse_args(arguments)
    from gan_models.networks import load_folder
    from gan_models.networks.editor import Editor

    from ..calibrate import CalibrationError, calibrate, write_editor  # with torch, which --help does not need

    editor = load_folder(options.model_folder)
    if not isinstance(editor, Editor):
        raise CalibrationError(
            f"{options.model_folder} holds a model of the family {editor.family}; only editors have strengths."
        )
    found = calibrate(editor, options.data, options.data_root)
    words = ["python", "-m", "training.calibrate", str(options.model_folder), "--data", options.data]
    write_editor(editor, options.model_folder, found, shlex.join(words))
    for name, (brought, taken) in found["strengths"].items():
        print(f"{name:<24}{brought:.1f} {taken:.1f}")
    for when in ("before", "after"):
        print(f"{when:<8}" + ", ".join(f"{key} {value:.4g}" for key, value in found[when].items()))
