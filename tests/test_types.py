"""The public API is typed: mypy in its strict mode finds nothing in it, nor in a program that uses it as its docstrings
say. What it looks at stands in pyproject.toml."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
USER = """
import gan_models
from gan_models.networks import Restorer

model = gan_models.load("user/repo@v1", device="cpu")
images = model.generate(model.sample_latents(4, seed=1), model.sample_labels(4, seed=1))
reveal_type(images)
reveal_type(model.loaded_from)
address: str = model.push_to_hub("user/copy")
model.generate("no latents")
restorer = Restorer(image_size=32)
reveal_type(restorer.restore("photo.jpg", "mask.png"))
reveal_type(restorer.restore(images))
"""


def test_mypy_is_content_and_a_program_is_checked_against_the_api(tmp_path):
    """In one run: the only error is that of the program."""
    (tmp_path / "program.py").write_text(USER)
    public = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["files"]
    cache = Path(os.environ.get("GAN_STUDIO_CACHE") or ROOT / ".mypy_cache") / "mypy"
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(cache), *public, str(tmp_path / "program.py")]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    said = found.stdout + found.stderr
    for words in ("gan_models.layout.Source | None", 'has incompatible type "str"', "PIL.Image.Image"):
        assert words in found.stdout, said
    assert found.stdout.count('Revealed type is "torch._tensor.Tensor"') == 2, said
    (error,) = [line for line in found.stdout.splitlines() if "error:" in line]
    assert "program.py" in error and "checked " + str(len(public) + 1) + " source files" in found.stdout, said
    assert (ROOT / "gan_models/py.typed").is_file()
