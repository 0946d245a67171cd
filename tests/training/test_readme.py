"""The README and the pages beside it tell the truth: each of their commands is run, on tiny data, and each picture is
there."""

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hub_server import client_environment
from PIL import Image
from tiny import small

import gan_models
from training.evaluate import __main__ as evaluate

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
SHARING = (ROOT / "docs/sharing.md").read_text()
PAGES = [README, *(path.read_text() for path in sorted(ROOT.glob("docs/*.md")))]
COMMANDS = list(
    dict.fromkeys(
        line.partition("  #")[0].strip()
        for page in PAGES
        for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
        for line in block.replace("\\\n", " ").splitlines()
        if line.strip()
    )
)
CODE = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
CODE_OF_SHARING = re.findall(r"```python\n(.*?)```", SHARING, re.DOTALL)

# Run elsewhere, or by nobody here: the start of the command -> where.
ELSEWHERE = {
    "python3 -m venv .venv && .venv/bin/pip install -q -r requirements.txt && .venv/bin/python app.py": "tests/gan_models/demo/browser starts the demo",
    "python3 -m venv .venv && .venv/bin/pip install -q -r requirements.txt && .venv/bin/python -m pytest -n 2 --dist loadfile": "the test command itself",
    "pip install ": "the fixture `installed`",
    "docker build": "tests/container.py, by hand",
    "python -m http.server": "any server of files will do; tests/gan_models/export/test_pages.py has one",
    "python app.py --mcp": "tests/gan_models/demo/test_api.py",
    "accelerate launch ": "several GPUs; two processes in test_killed.py",
    "gan-studio sign ": "tests/gan_models/test_credentials.py makes the certificates",
    "python -m training.benchmark": "test_benchmark.py",
    "python -m training.compare": "test_compare.py",
    "python -m training.calibrate": "games/test_editor.py",
    "python -m training.augment_study": "test_augment_study.py",
    "OMP_NUM_THREADS=1 python -m timeit": "a measurement, made by hand",
    "python tests/app_speed.py": "a measurement, made by hand",
    "python tests/app_load.py": "a measurement, made by hand",
    "python app.py --model USER/REPO": "test_publish.py starts the demo of a Space with a model of the Hub",
}
# What the pages name beside a sentence.
BESIDE = (
    "gan-studio --version",
    "gan-studio sample mnist-cgan --each --per-class 1 --seed 3 --output digits",
    "gan-studio walk mnist-cgan --seeds 3 14 --seconds 0.2 --output walk.webp",
    "gan-studio train mnist-cgan --show",
    "gan-studio train mnist-cgan --dry-run --set batch_size=8",
    "gan-studio demo --help",
)


def runnable():
    return [command for command in COMMANDS if not command.startswith(tuple(ELSEWHERE))]


@pytest.fixture
def workplace(tmp_path, tiny_root, alone, monkeypatch):
    """What the README takes for granted: data/, path/to/pictures, a finished run, and its folder as the current one."""
    (tmp_path / "data").symlink_to(tiny_root)
    for folder in ("pictures", "inputs", "targets", "summer", "winter"):
        (tmp_path / "path/to" / folder).mkdir(parents=True)
        for k in range(8):
            Image.effect_noise((70, 80), 40 + k).convert("RGB").save(tmp_path / "path/to" / folder / f"{k}.png")
    Image.effect_noise((90, 80), 40).convert("RGB").save(tmp_path / "photo.jpg")
    hole = Image.new("L", (90, 80))
    hole.paste(255, (30, 30, 50, 50))
    hole.save(tmp_path / "hole.png")
    hole.point(lambda ink: 255 - ink).save(tmp_path / "drawing.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def documented() -> list[list[str]]:
    """The words of all commands, such that a run is of 16 pictures and of tiny networks, and in a folder of its own."""
    found, started = [], set()
    for command in [*runnable(), *BESIDE]:
        words = shlex.split(command.replace("USER/REPO", "user/repo").replace("USER/SPACE", "user/space"))
        if words[:3] == ["python", "-m", "training"] and "--list" not in words:
            words += ["--images", "16", "--precision", "fp32", *(f"--set={setting}" for setting in small(words[3]))]
            if "--init-from" in words:  # an editor draws as its generator does
                words = [word for word in words if "decoder_width" not in word]
            if words[3] in started and "--output" not in words:
                words += ["--output", f"runs/another-{len(found)}"]
            started.add(words[3])
        if words[:2] == ["gan-studio", "train"] and "--precision" not in words:
            words += ["--precision", "fp32"]  # as all others of its process, whatever this processor prefers
        if "training.evaluate" not in words:  # which takes real data: test_evaluation
            found.append(words)
    return found


def test_every_command_is_run_somewhere():
    assert len(runnable()) >= 6
    for start in ELSEWHERE:
        assert any(command.startswith(start) for command in COMMANDS), f"{start} is no longer in the README"


def test_a_wheel_runs_all_of_them_in_order_outside_of_the_checkout(workplace, hub, installed, runtime):
    cache = Path(os.environ["GAN_STUDIO_CACHE"])
    cache.mkdir(exist_ok=True)
    if not (cache / runtime.name).exists():
        (cache / runtime.name).symlink_to(runtime)
    process = subprocess.run(
        [
            sys.executable,
            "-P",
            "-W",
            "ignore::RuntimeWarning:runpy",
            Path(__file__).with_name("documented.py"),
            installed,
        ],
        input="".join(f"{json.dumps(words)}\n" for words in documented()),
        cwd=workplace,
        env=os.environ | client_environment(hub.url, workplace / "home") | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert process.returncode == 0, process.stdout[-2000:] + process.stderr[-3000:]
    made = {"grid.png", "faces.png", "faces.onnx", "page", "better.png", "curves.png", "walk.webp"}
    assert made <= {path.name for path in workplace.iterdir()}
    assert len(list(workplace.glob("digits/*/3-*.png"))) == 10
    assert hub.repositories["model", "user/repo"].find("main").files.keys() >= {
        "config.json",
        "model.safetensors",
        "README.md",
    }
    assert (workplace / "runs/mnist-cgan/model/model.safetensors").exists() and (workplace / "runs/mine/model").is_dir()
    for page in ("repair", "lab"):  # with the models that were trained just now
        for code in re.findall(r"```python\n(.*?)```", (ROOT / f"docs/{page}.md").read_text(), re.DOTALL):
            exec(compile(re.sub(r"train\(\d+\)", "train(20)", code), page, "exec"), {})
    program = subprocess.run(
        [sys.executable, installed / "bin/gan-studio", "--version"],
        cwd=workplace,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
    )
    assert program.stdout == f"gan-studio {gan_models.__version__}\n"


@pytest.mark.parametrize(
    "command", [command for command in COMMANDS if command.startswith("python -m training.evaluate")]
)
def test_evaluation(workplace, data_root, command, capsys):
    (workplace / "data").unlink()
    (workplace / "data").symlink_to(data_root)
    assert evaluate.main([*shlex.split(command)[3:], "--samples", "200"]) == 0
    assert "fid" in capsys.readouterr().out


def test_python_code(workplace):
    assert CODE
    for code in CODE:
        scope = {}
        exec(compile(code, "README.md", "exec"), scope)
        assert scope["images"].shape == (16, 3, 128, 128)


def test_python_code_of_the_page_on_sharing():
    assert CODE_OF_SHARING
    for code in CODE_OF_SHARING:
        scope = {}
        exec(compile(code, "sharing.md", "exec"), scope)
        assert scope["images"].shape == (4, 1, 28, 28)


def test_pictures_and_links_are_there():
    for path in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / path).exists(), path


def test_the_site_shows_what_is_there():
    """Its first page and its gallery, which are written when it is built: every picture and every page exists."""
    spec = importlib.util.spec_from_file_location("hooks", ROOT / "docs/hooks.py")
    hooks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hooks)
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    for text in (hooks.index(), hooks.gallery()):
        links = re.findall(r"\]\((?!http)([^)#]+)\)", text)
        assert len(links) > 8
        for link in links:
            place = ROOT if link.startswith("gan_models/pretrained/") else ROOT / "docs"
            assert (place / link).is_file() and (not link.endswith(".md") or link in pages), link
    gallery = hooks.gallery()
    assert all(f"## {name}\n" in gallery for name in gan_models.bundled())
    assert "mnist-lsgan" in gallery.split("## Not shown")[0] and "celeba-fill" in gallery.split("## Not shown")[1]
    page = hooks.on_page_markdown("see [`a.py`](../training/a.py) and [b](b.md)", None, None, None)
    assert page == "see `a.py` and [b](b.md)"


def test_it_can_be_read_in_one_sitting():
    assert len(README.splitlines()) <= 200
