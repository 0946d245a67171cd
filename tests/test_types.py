"""The public API is typed: mypy in its strict mode finds nothing in it, nor in a program that uses it as its docstrings
say. What it looks at stands in pyproject.toml."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
USER = """
import gan_models

model = gan_models.load("user/repo@v1", device="cpu")
images = model.generate(model.sample_latents(4, seed=1), model.sample_labels(4, seed=1))
reveal_type(images)
reveal_type(model.loaded_from)
address: str = model.push_to_hub("user/copy")
model.generate("no latents")
"""


def mypy(*arguments: str) -> subprocess.CompletedProcess[str]:
    cache = Path(os.environ.get("GAN_STUDIO_CACHE") or ROOT / ".mypy_cache") / "mypy"
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(cache), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)


def test_mypy_is_content_and_a_program_is_checked_against_the_api(tmp_path):
    found = mypy()
    assert found.returncode == 0, found.stdout + found.stderr
    (tmp_path / "program.py").write_text(USER)
    found = mypy("--strict", str(tmp_path / "program.py"))
    for words in ("torch._tensor.Tensor", "gan_models.model_folder.Source | None", 'has incompatible type "str"'):
        assert words in found.stdout, found.stdout + found.stderr
    assert found.stdout.count("error:") == 1, found.stdout
    assert (ROOT / "gan_models/py.typed").is_file()
