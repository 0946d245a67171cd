"""The project as a package: what `pip install` puts in place, and what an import brings along."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from conftest import skip_or_fail

import gan_models
import gan_models.hub

ROOT = Path(__file__).parents[2]
DATA = {
    "gan_models/pretrained": gan_models.hub.PRETRAINED,
    "training/judges/weights": ROOT / "training" / "judges" / "weights",
}


def test_the_wheel_holds_both_packages_and_their_weights(tmp_path):
    source, wheels = tmp_path / "source", tmp_path / "wheels"
    for name in ("gan_models", "training"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for folder in DATA:  # so that the test also says something while nothing is bundled
        (source / folder / "toy").mkdir(parents=True)
        (source / folder / "toy" / "model.safetensors").write_bytes(b"x")
    build = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", wheels, source],
        capture_output=True,
        text=True,
        timeout=120,
    )
    if build.returncode != 0 and ("No module named pip" in build.stderr or "No matching distribution" in build.stderr):
        skip_or_fail("building a wheel needs pip, and a network for its build requirement setuptools")
    assert build.returncode == 0, build.stderr
    (wheel,) = wheels.iterdir()
    assert wheel.name.startswith(f"gan_studio-{gan_models.__version__}-py3-none-any")
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        path.relative_to(source).as_posix()
        for name in ("gan_models", "training")
        for path in (source / name).rglob("*")
        if path.is_file()
    }
    assert wanted <= names, sorted(wanted - names)
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"gan_models", "training"}

    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")  # what pip does with a wheel of this kind
    script = "import gan_models; print(gan_models.__file__); [print(gan_models.load(name).family) for name in gan_models.bundled()]"
    outside = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert outside.returncode == 0, outside.stderr
    path, *families = outside.stdout.split()
    assert Path(path).is_relative_to(tmp_path / "installed") and len(families) == len(gan_models.bundled())


def test_bundled_files_are_small_enough_for_a_repository():
    for folder in DATA.values():
        for path in folder.rglob("*"):
            assert not path.is_file() or path.stat().st_size < 10_000_000, path


def test_using_imports_neither_training_nor_gradio_nor_the_network():
    script = """if True:
        import socket, sys
        def refuse(*arguments, **options):
            raise AssertionError("network at import")
        socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
        import gan_models, gan_models.__main__, gan_models.card
        wrong = {"training", "gradio", "accelerate", "torch_fidelity"} & set(sys.modules)
        assert not wrong, wrong
    """
    process = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert process.returncode == 0, process.stderr
