"""Advice exists: each option that a message, a docstring or a help text names is one of the command that says it."""

import ast
import functools
import re
from pathlib import Path

import pytest

from gan_models.cli import VERBS

ROOT = Path(__file__).parents[1]
FILES = sorted([ROOT / "app.py", *ROOT.glob("gan_models/**/*.py"), *ROOT.glob("training/**/*.py")])

# Files of training that are no command: the commands that say what they say. Those of a folder stand for all in it.
TRAINING, COMPARE, EVALUATE = "training/__main__.py", "training/compare/__main__.py", "training/evaluate/__main__.py"
SAID_BY = {
    "training/": (TRAINING,),
    "training/compare/": (COMPARE,),
    "training/augment_study/": ("training/augment_study/__main__.py",),
    "training/compare/protocol.py": (TRAINING,),
    "training/evaluate/": (EVALUATE,),
    "training/metrics/": (EVALUATE,),
    "training/data/": (TRAINING, COMPARE, EVALUATE),
    "training/data/folder.py": (TRAINING, COMPARE),
    "training/data/hub.py": (TRAINING, EVALUATE),
    "training/publish/": ("training/commands/publish.py",),
    "training/settings.py": (TRAINING, COMPARE),
}
# Of accelerate launch, git, http.server and pip.
OTHERS = {
    "--mixed_precision",
    "--cpu",
    "--short",
    "--error-unmatch",
    "--always",
    "--dirty",
    "--abbrev",
    "--exclude",
    "--directory",
    "--extra-index-url",
}
STYLES = ("gan_models/demo/theme.py", "gan_models/export/runtime.py")  # variables of CSS, and options of npm


def strings(path: Path) -> list[str]:
    """All text of a file: docstrings, messages, help; what is put into an f-string is left out."""
    found, parts = [], set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            parts |= {id(part) for part in node.values}
            found.append("".join(part.value if isinstance(part, ast.Constant) else "X" for part in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            found.append(node.value)
    return found


@functools.cache
def parsed(path: Path) -> set[str]:
    """The options that the file's parser knows."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    names = [
        word.value
        for call in calls
        if getattr(call.func, "attr", None) == "add_argument"
        for word in call.args
        if isinstance(word, ast.Constant)
    ]
    found = {name for name in names if isinstance(name, str) and name.startswith("--")}
    shared = path.with_name("common.py")  # options that the commands of a folder have in common
    return found | (parsed(shared) if found and shared.is_file() and shared != path else set())


def options_in(text: str) -> list[str]:
    return re.findall(r"(?<![\w-])--[a-z][\w-]*", text)


def module_file(name: str) -> Path:
    """Where the options of `python -m name` are read: its command stands apart where its work needs torch."""
    path = ROOT / name.replace("training.", "training/commands/").replace(".", "/")
    if not path.with_suffix(".py").is_file():
        path = ROOT / name.replace(".", "/")
    return path / "__main__.py" if path.is_dir() else path.with_suffix(".py")


def speakers(path: Path) -> list[Path]:
    """The commands that say what stands in a file."""
    name = path.relative_to(ROOT).as_posix()
    if parsed(path):
        return [path]
    command = path.parent / "commands" / path.name
    if name.startswith("training/") and command.is_file() and parsed(command):
        return [command]
    if name.startswith("training/"):
        place = max((key for key in SAID_BY if name.startswith(key)), key=len)
        return [ROOT / command for command in SAID_BY[place]]
    return [other for other in FILES if parsed(other)]  # the demo starts a training, and cards tell of one


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_options_that_are_named_exist(path):
    if path.relative_to(ROOT).as_posix() in STYLES:
        return
    known = [parsed(command) for command in speakers(path)]
    # Of a file of training each of its commands must know the option; of gan_models one of them.
    common = set.intersection(*known) if path.parts[len(ROOT.parts)] == "training" else set().union(*known)
    for text in strings(path):
        named = [ROOT / "app.py"] if "app.py" in text else []
        modules = [module_file(name) for name in re.findall(r"python -m ((?:training|gan_models)(?:\.\w+)*)", text)]
        assert all(module.is_file() for module in modules), text[:200]
        named += modules
        named += [module_file(VERBS[verb].module) for verb in re.findall(r"gan-studio (\w+)", text) if verb in VERBS]
        allowed = common | {"--help", "--version"} | OTHERS
        allowed |= {option for command in named for option in parsed(command)}
        unknown = set(options_in(text)) - allowed
        assert not unknown, f"{unknown} in {text[:200]!r}"


def test_the_search_finds_what_it_looks_for():
    assert {"--resume", "--set"} <= parsed(ROOT / TRAINING) and "--inception-weights" not in parsed(ROOT / TRAINING)
    assert options_in("take --set KEY=VALUE, or --fid-every; a-b --- --Set") == ["--set", "--fid-every"]
    assert any("--init-from" in text for text in strings(ROOT / "training/run/plan.py"))
