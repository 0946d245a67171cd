"""The command `gan-studio`: every verb starts its command, and nothing that was not asked for is imported."""

import importlib
import os
import re
import resource
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import gan_models
from gan_models import cli

ROOT = Path(__file__).parents[2]

# Runs gan_models.cli where nothing of some packages is installed, and then says what it imported.
WITHOUT = """if True:
    import importlib.abc, sys

    class Nothing(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in {missing!r}:
                raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

    sys.meta_path.insert(0, Nothing())
    from gan_models import cli
    try:
        status = cli.main(sys.argv[1:])
    except SystemExit as end:
        status = end.code or 0
    print("imported", *(name for name in ("torch", "training", "gradio") if name in sys.modules), file=sys.stderr)
    sys.exit(status)
"""


def start(*arguments, missing=()) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of the command in a process of its own, where these packages are missing."""
    script = WITHOUT.format(missing=set(missing))
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        cwd=ROOT / "tests",  # where no package stands
    )
    return process.returncode, process.stdout, process.stderr


def timed(*arguments) -> tuple[int, str, str, float]:
    """As `start`, and the seconds of CPU time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = start(*arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return *answer, (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def test_the_package_installs_the_command():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"gan-studio": "gan_models.cli:program"}
    known = {name: extra for name, extra in cli.EXTRAS.items()}
    for extra, packages in project["optional-dependencies"].items():
        if extra == "docs":  # builds the site, and is imported by no command
            continue
        names = {re.split(r"[>=]", package)[0].replace("-", "_") for package in packages}
        names = {
            {"c2pa_python": "c2pa", "dlib_bin": "dlib", "scikit_image": "skimage"}.get(name, name) for name in names
        } - {"tqdm"}  # which the Hub's client brings
        assert names == {name for name, its in known.items() if its == extra}, extra


@pytest.mark.parametrize(
    "arguments",
    [[], ["--help"], ["--version"], ["trian"], ["train", "--list"], *([verb, "--help"] for verb in cli.VERBS)],
)
def test_what_needs_no_torch_imports_none_and_answers_at_once(arguments):
    status, out, err, took = timed(*arguments)
    if took >= 0.5:  # the first time Python compiles the files
        status, out, err, took = timed(*arguments)
    assert took < 0.5
    assert "torch" not in err.splitlines()[-1] and "gradio" not in err.splitlines()[-1]
    if arguments == ["trian"]:
        assert status == 2 and err.startswith("error: There is no command 'trian'; did you mean train?\n")
    elif arguments == ["--version"]:
        assert (status, out) == (0, f"gan-studio {gan_models.__version__}\n")
    elif len(arguments) == 2:
        assert status == 0 and re.match("usage: (python -m|gan-studio)" if "--help" in arguments else "mnist-mlp ", out)
    else:
        assert status == 0 and all(f"\n  {verb} " in out for verb in cli.VERBS)


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_hands_its_arguments_to_its_command(verb, monkeypatch, capsys):
    module = importlib.import_module(cli.VERBS[verb].module)
    with pytest.raises(SystemExit) as end:
        cli.main([verb, "--help"])
    assert end.value.code == 0 and re.search("usage: (python -m|gan-studio)", capsys.readouterr().out)
    heard = []
    monkeypatch.setattr(module, "main", lambda arguments: heard.append(arguments) or 7)
    assert cli.main([verb, "--this", "that"]) == 7 and heard == [["--this", "that"]]


def test_sampling_does_not_import_training_and_its_list_needs_no_torch():
    status, out, err = start("sample", "--list", missing={"training", *cli.EXTRAS})
    assert status == 0 and out.split() == gan_models.bundled() and err == "imported\n"


@pytest.mark.parametrize("verb", [verb for verb, of in cli.VERBS.items() if of.module.startswith("training")])
def test_without_training_the_extra_is_named(verb):
    status, out, err = start(verb, "--help", missing={"training"})
    assert (status, out) == (2, "")
    assert re.match(
        rf"error: gan-studio {verb} needs training[.\w]*, which is not installed.*pip install '\.\[train\]'", err
    )


@pytest.mark.parametrize(
    "arguments, works",
    [
        *((f"{verb} --help", True) for verb in cli.VERBS),
        ("train --list", True),
        ("train mnist-mlp --output /tmp/never", "accelerate.*'train'"),
        ("compare mnist-mlp", "matplotlib.*'train'"),
        ("demo", "gradio.*'app'"),
    ],
)
def test_without_extras_every_command_works_or_names_the_extra(arguments, works):
    """As after `pip install .`"""
    status, out, err = start(*arguments.split(), missing=cli.EXTRAS)
    assert "Traceback" not in err
    if works is True:
        assert status == 0 and out
    else:
        assert status == 2 and re.match(f"error: .*{works}.*pip install '.*' in a checkout of GAN Studio.\n", err), err
    assert not Path("/tmp/never").exists()
