"""The project as a package: what `pip install` puts in place, and what an import brings along."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import gan_models
import gan_models.hub

ROOT = Path(__file__).parents[2]
DATA = {
    "gan_models/pretrained": gan_models.layout.PRETRAINED,
    "training/judges/weights": ROOT / "training" / "judges" / "weights",
}


def test_the_wheel_holds_both_packages_and_their_weights(wheel, installed, tmp_path):
    assert wheel.name.startswith(f"gan_studio-{gan_models.__version__}-py3-none-any")
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        path.relative_to(ROOT).as_posix()
        for name in ("gan_models", "training")
        for path in (ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted <= names, sorted(wanted - names)
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"gan_models", "training"}

    script = "import gan_models; print(gan_models.__file__); [print(gan_models.load(name).family) for name in gan_models.bundled()]"
    script += "; from gan_models import project; assert project.licence().read_text().startswith('MIT')"
    outside = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert outside.returncode == 0, outside.stderr
    path, *families = outside.stdout.split()
    assert Path(path).is_relative_to(installed) and len(families) == len(gan_models.bundled())


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
        from gan_models.model_folder import build_on_meta
        from gan_models.networks import FAMILIES
        wrong = {"training", "gradio", "accelerate", "torch_fidelity"} & set(sys.modules)
        assert not wrong, wrong
        for name in gan_models.bundled():
            gan_models.load(name)
        needed = {"classifying": {"classes": ["a", "b"]}, "translate": {"labels": ["a", "b"]}}
        for family, cls in FAMILIES.items():
            build_on_meta(cls, needed.get(family, {}), family)
        slow = {"torch._dynamo", "sympy"} & set(sys.modules)  # torch's compiler, which takes seconds
        assert not slow, slow
    """
    process = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert process.returncode == 0, process.stderr
