"""Runs documented commands one after another in this process, as a shell would each: `python documented.py PACKAGES`, with a
JSON list of words on each line of stdin. It ends at the first that fails, and where a module of ours comes from elsewhere
than the folder PACKAGES."""

import json
import runpy
import sys
from pathlib import Path


def start(words: list[str]) -> int:
    if words[0] == "gan-studio":
        module = "gan_models.cli"
    else:
        assert words[:2] == ["python", "-m"], words
        words = words[1:]
        module = words[1]
    sys.argv = words if words[0] == "gan-studio" else words[1:]
    from training import curves

    whole = curves.plot_runs
    if module == "training":  # the picture of so short a run takes longer than the run
        curves.plot_runs = lambda runs, path: path.write_bytes(b"PNG")
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code or 0
    finally:
        curves.plot_runs = whole
    return 0


def main(packages: Path) -> None:
    for line in sys.stdin:
        words = json.loads(line)
        print("$", *words, flush=True)
        if status := start(list(words)):
            sys.exit(f"{' '.join(words)} ended with {status}")
    ours = [
        Path(module.__file__)
        for name, module in sys.modules.items()
        if name.partition(".")[0] in ("gan_models", "training") and getattr(module, "__file__", None)
    ]
    assert ours and all(path.is_relative_to(packages) for path in ours), "a module of the checkout was imported"
    print(f"{len(ours)} modules")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
