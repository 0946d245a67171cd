"""How commands end: one sentence, one status, whoever reads the output."""

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gan_models.errors import ModelError, ModelNotFound
from training import cli
from training.errors import TrainingError

ROOT = Path(__file__).parents[2]
ERRORS = {
    "training.bundle": ("BundleError", 2),
    "training.calibrate": ("CalibrationError", 2),
    "training.run.callbacks": ("Diverged", 1),
    "training.run.checkpoints": ("CheckpointError", 2),
    "training.curves": ("CurvesError", 2),
    "training.data.cifar": ("Refused", 2),
    "training.data.decoding": ("DataError", 2),
    "training.metrics.sampling": ("EvaluationError", 2),
    "training.judges.networks": ("JudgeError", 2),
    "training.publish": ("PublishError", 2),
    "training.recipes": ("RecipeError", 2),
    "training.errors": ("RunError", 2),
}


def raising(error: BaseException):
    def function():
        raise error

    return function


def python(script: str, *arguments, **options) -> subprocess.CompletedProcess:
    """The script in a process of its own, as a command is."""
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, **options
    )


def test_every_error_of_the_package_has_one_base():
    for path in sorted((ROOT / "training").rglob("*.py")):
        module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for name, value in vars(module).items():
            if isinstance(value, type) and issubclass(value, Exception) and value.__module__ == module.__name__:
                assert issubclass(value, TrainingError), f"{module.__name__}.{name}"


@pytest.mark.parametrize("module, name, status", [(module, *rest) for module, rest in ERRORS.items()])
def test_an_error_is_reported_once_with_its_status(capsys, module, name, status):
    error = getattr(importlib.import_module(module), name)
    assert cli.run(raising(error("What is wrong; what to do."))) == status
    assert capsys.readouterr().err == "error: What is wrong; what to do.\n"


@pytest.mark.parametrize(
    "error, status, sentence",
    [
        (ModelNotFound("No such model."), 2, "No such model."),
        (ModelError("First line\n  second line."), 2, "First line second line."),
        (TrainingError("the file a  b.png is none."), 2, "the file a  b.png is none."),
        (OSError(13, "Permission denied", "x.png"), 2, "x.png cannot be written or read (Permission denied)."),
        (OSError(28, "No space left on device"), 2, "No space left on device."),
        (KeyboardInterrupt(), 130, "Stopped; nothing was written."),
    ],
)  # fmt: skip
def test_what_else_ends_a_command(capsys, error, status, sentence):
    assert cli.run(raising(error), stopped="Stopped; nothing was written.") == status
    assert capsys.readouterr() == ("", f"error: {sentence}\n")


def test_a_command_has_the_status_it_returns_and_our_own_mistakes_show():
    assert [cli.run(lambda status=status: status) for status in (None, 0, 3)] == [0, 0, 3]
    with pytest.raises(ZeroDivisionError):
        cli.run(lambda: 1 / 0)
    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        cli.run(lambda: importlib.import_module("nowhere"))


@pytest.mark.parametrize("arguments", [["--list"], ["--help"]])
def test_a_closed_output_ends_in_silence(arguments):
    """As of `python -m training --list | head -0`: the reader has gone before the first line."""
    for buffered in ("", "1"):
        reading, writing = os.pipe()
        os.close(reading)
        process = subprocess.run(
            [sys.executable, "-m", "training", *arguments],
            cwd=ROOT,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            env=os.environ | {"PYTHONUNBUFFERED": buffered},
        )
        os.close(writing)
        assert process.stderr == "" and process.returncode in (141, 0)  # argparse forgets a help that cannot be shown


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_the_output_is_one_sentence():
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "training", "--list"]
        process = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
    assert (process.returncode, process.stderr) == (2, "error: No space left on device.\n")


def test_names_that_the_terminal_cannot_show_are_shown_in_ascii():
    script = "from training import cli; import sys; sys.exit(cli.run(lambda: print('Jos\\u00e9 \\udcff')))"
    process = python(script, env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert (process.returncode, process.stdout, process.stderr) == (0, "Jos\\xe9 \\udcff\n", "")


def test_every_command_ends_by_cli_run():
    commands = [path for path in (ROOT / "training/commands").glob("*.py") if path.name != "__init__.py"]
    commands += [
        path
        for path in (ROOT / "training").rglob("*.py")
        if any(
            isinstance(node, ast.If) and "__main__" in ast.unparse(node.test)
            for node in ast.parse(path.read_text()).body
        )
        and not (path.parent / "commands" / path.name).is_file()
        and not (path.parents[1] / "commands" / f"{path.parent.name}.py").is_file()
    ]
    assert len(commands) >= 12
    for path in commands:
        assert "return cli.run(" in path.read_text(), path
