"""The README tells the truth: each of its commands is run, on tiny data, and each picture is there."""

import importlib
import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
SHARING = (ROOT / "docs/sharing.md").read_text()
PAGES = README + (ROOT / "docs/measured.md").read_text() + SHARING
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", PAGES, re.DOTALL) for line in block.splitlines() if line.strip()
]
CODE = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
CODE_OF_SHARING = re.findall(r"```python\n(.*?)```", SHARING, re.DOTALL)

# Run elsewhere, or by nobody here: the start of the command -> where.
ELSEWHERE = {
    "python3 -m venv .venv && .venv/bin/pip install -q -r requirements.txt && .venv/bin/python app.py": "tests/test_app.py starts the demo",
    "python3 -m venv .venv && .venv/bin/pip install -q -r requirements.txt && .venv/bin/python -m pytest -n 2 --dist loadfile": "the test command itself",
    "pip install .": "tests/gan_models/test_package.py builds and reads the package",
    "gan-studio export ": "tests/gan_models/export",
    "accelerate launch ": "several GPUs; two processes in test_main.py",
    "python -m training.benchmark": "test_benchmark.py",
    "python -m training.compare": "test_compare.py",
    "python -m training.calibrate": "games/test_editor.py",
    "python tests/app_speed.py": "a measurement, made by hand",
    "python app.py --model USER/REPO": "test_publish.py starts the demo of a Space with a model of the Hub",
}
SMALL = {
    "training": [
        "--images",
        "16",
        "--precision",
        "fp32",
        "--set",
        "batch_size=8",
        "--set",
        "generator.width=4",
        "--set",
        "discriminator.width=4",
    ],
    "training.evaluate": ["--samples", "200"],
}


def runnable():
    return [command for command in COMMANDS if not command.startswith(tuple(ELSEWHERE))]


@pytest.fixture
def workplace(tmp_path, tiny_root, alone, monkeypatch):
    """What the README takes for granted: data/, path/to/pictures, a finished run, and its folder as the current one."""
    (tmp_path / "data").symlink_to(tiny_root)
    (tmp_path / "path/to/pictures").mkdir(parents=True)
    for k in range(8):
        Image.effect_noise((70, 80), 40 + k).save(tmp_path / "path/to/pictures" / f"{k}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(command: str) -> int:
    words = shlex.split(command)
    assert words[:2] == ["python", "-m"], f"nobody runs this command of the README: {command}"
    module = words[2]
    found = importlib.import_module(module)
    command = importlib.import_module(f"{module}.__main__") if hasattr(found, "__path__") else found
    return command.main(words[3:] + ([] if "--list" in words else SMALL.get(module, [])))


def test_every_command_is_run_somewhere():
    assert len(runnable()) >= 6
    for start in ELSEWHERE:
        assert any(command.startswith(start) for command in COMMANDS), f"{start} is no longer in the README"


def test_commands_in_order(workplace, hub):
    for command in runnable():
        if "training.evaluate" in command:
            continue
        assert run(command.replace("USER/REPO", "user/repo").replace("USER/SPACE", "user/space")) == 0, command
    assert {"grid.png", "faces.png"} <= {path.name for path in workplace.iterdir()}
    assert hub.repositories["model", "user/repo"].find("main").files.keys() >= {
        "config.json",
        "model.safetensors",
        "README.md",
    }
    assert (workplace / "runs/mnist-cgan/model/model.safetensors").exists() and (workplace / "runs/mine/model").is_dir()


@pytest.mark.parametrize(
    "command", [command for command in COMMANDS if command.startswith("python -m training.evaluate")]
)
def test_evaluation(workplace, data_root, command, capsys):
    (workplace / "data").unlink()
    (workplace / "data").symlink_to(data_root)
    assert run(command) == 0
    assert "fid" in capsys.readouterr().out


def test_python_code(workplace):
    assert CODE
    for code in CODE:
        scope = {}
        exec(compile(code, "README.md", "exec"), scope)
        assert scope["images"].shape == (16, 3, 64, 64)


def test_python_code_of_the_page_on_sharing():
    assert CODE_OF_SHARING
    for code in CODE_OF_SHARING:
        scope = {}
        exec(compile(code, "sharing.md", "exec"), scope)
        assert scope["images"].shape == (4, 1, 28, 28)


def test_pictures_and_links_are_there():
    for path in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / path).exists(), path


def test_it_can_be_read_in_one_sitting():
    assert len(README.splitlines()) <= 200
