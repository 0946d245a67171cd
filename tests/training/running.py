"""Runs of the command, and the sentence with which it refuses."""

from tiny import train


def files(folder) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def refused(capsys, *arguments) -> str:
    """The one sentence that a run ends with, exit status 2."""
    capsys.readouterr()
    assert train(*arguments) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if not line.startswith(" ")]
    assert line.startswith("error: ") and line.endswith((".", "?")) and "Traceback" not in line
    return line
