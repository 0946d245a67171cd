"""Start the demo of a Space where nothing can be imported but what its requirements.txt brings: `python space_alone.py
FOLDER`. The packages are those that are installed here; the others are refused as if they were not.

The real thing, which needs a network and minutes: tests/space_install.sh.
"""

import importlib
import importlib.abc
import importlib.metadata
import re
import sys
import tempfile
import urllib.request
from pathlib import Path


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def closure(names: list[str]) -> set[str]:
    """The distributions that pip would install for these, by their plain names."""
    from packaging.requirements import Requirement

    found, left = set(), [plain(name) for name in names]
    while left:
        name = left.pop()
        if name in found:
            continue
        found.add(name)
        try:
            requires = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for line in requires:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                left.append(plain(requirement.name))
    return found


class Refusing(importlib.abc.MetaPathFinder):
    """Lets through the standard library, the Space's own files, and modules of the allowed distributions."""

    def __init__(self, allowed: set[str]):
        self.allowed = allowed
        self.homes = importlib.metadata.packages_distributions()

    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        homes = {plain(home) for home in self.homes.get(top, ())}
        if top not in sys.stdlib_module_names and homes and not homes & self.allowed:
            raise ModuleNotFoundError(f"No module named {top!r}", name=top)
        return None


def main(folder: Path) -> None:
    lines = (folder / "requirements.txt").read_text().splitlines()
    allowed = closure([re.split("[=<>~ ]", line)[0] for line in lines if not line.startswith("-")])
    sys.meta_path.insert(0, Refusing(allowed))
    for name in ("pytest", "accelerate", "torchvision"):
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            continue
        raise AssertionError(f"{name} should not be there")
    sys.path[0] = str(folder)
    import app
    import gan_models
    from gan_models import demo, studio

    assert Path(gan_models.__file__).is_relative_to(folder) and "training" not in sys.modules
    models = demo.Models(app.MODELS)
    with tempfile.TemporaryDirectory() as place:
        page = demo.build(models, place)
        _, address, _ = page.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False, server_name="127.0.0.1")
        assert b"GAN" in urllib.request.urlopen(address, timeout=60).read()
        page.close()
    name = models.names[0]
    if models.generators()[:1] == [name]:
        print(f"{name} shows {len(studio.sample(models[name], 1, 16))} pictures")
    else:
        print(f"{name} has the tabs {', '.join(page.tabs)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
