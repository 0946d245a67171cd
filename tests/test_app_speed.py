"""The measurement of the demo's speed is run by hand; this is what it needs before it starts."""

import subprocess
import sys
from pathlib import Path

from PIL import Image


def test_a_script_beside_the_tests_finds_the_package_and_draws_its_photo(tmp_path):
    draw = "import sys; from pathlib import Path; import app_speed; app_speed.draw_photo(0.1, Path(sys.argv[1]))"
    photo = tmp_path / "photo.jpg"
    subprocess.run([sys.executable, "-c", draw, str(photo)], check=True, cwd=Path(__file__).parent)
    assert Image.open(photo).size == (365, 274)
