"""`python app.py`: its arguments, what it offers, and what it says where it cannot start."""

import shutil
import signal
import socket
from pathlib import Path

import pytest
from demo_server import UNCHANGED, Asking, tiny_models

import gan_models

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> list[Path]:
    return tiny_models(tmp_path_factory.mktemp("models"))


@pytest.fixture
def main(monkeypatch, tmp_path):
    """`app.main`, which leaves this process as it was."""
    import app

    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    handler = signal.getsignal(signal.SIGTERM)
    yield app.main
    signal.signal(signal.SIGTERM, handler)


def test_what_is_bundled_is_offered_and_drawn(main, monkeypatch):
    from gan_models.demo.page import Page

    drawn = {}
    generators = [name for name in gan_models.bundled() if "editor" not in name and gan_models.load(name).latent_dim]

    def launch(page, **options):
        ask = Asking(page)
        for name in generators:
            (gallery, *_), said = ask("draw_samples", [name, 1, 2, 1.0, -1, [], []])
            drawn[name] = len(gallery)
            assert not said

    monkeypatch.setattr(Page, "launch", launch)
    assert main([]) == 0
    assert gan_models.bundled() and drawn == dict.fromkeys(generators, 2)


def test_a_page_that_asks_for_what_is_not_offered_gets_a_sentence(main, models, monkeypatch, tmp_path):
    from gan_models.demo import Models, build

    gone = tmp_path / "gone"
    shutil.copytree(models[1], gone)
    offered = Models([str(models[1]), str(gone)])
    ask = Asking(build(offered, tmp_path))
    assert offered.names == ["digits", "gone"]
    shutil.rmtree(gone)
    offered._opened.clear()
    for name, seed, count, wanted, part in (
        ("/etc", 1, 1, -1, "not offered"),
        (["digits"], 1, 1, -1, "one of the list"),
        ("digits", 1, 65, -1, "from 1 to 64"),
        ("digits", 1, "many", -1, "whole number"),
        ("digits", True, 1, -1, "whole number"),
        ("digits", float("inf"), 1, -1, "whole number"),
        ("digits", 1, 1, 10, "class"),
        ("digits", 1, 1, "7", "class"),
    ):
        assert unchanged(ask("draw_samples", [name, seed, count, 1.0, wanted, [], []]), part)
    # A model that cannot be opened: the choice goes back, everything else stays.
    (name, current, *others), said = ask("switch", ["gone", "digits", "sample", "", "", "", "1 2 3"])
    assert name == current == "digits" and untouched(others)
    assert len(said) == 1 and "gone" in said[0]


def unchanged(answer, part: str) -> bool:
    """Whether one sentence with that part was all that an endpoint did."""
    outputs, said = answer
    return untouched(outputs) and len(said) == 1 and part in said[0]


def untouched(outputs: list) -> bool:
    return all(output in UNCHANGED for output in outputs)


def test_models_have_short_names_unless_these_clash(tmp_path):
    from gan_models.demo.models import short_names

    for folder in ("runs/a/model", "runs/b/checkpoint/model", "other/a"):
        (tmp_path / folder).mkdir(parents=True)
    a, b, other = (str(tmp_path / folder) for folder in ("runs/a/model", "runs/b/checkpoint/model", "other/a"))
    assert short_names([a, b, "user/faces", "mnist-cgan"]) == {
        "a": a,
        "b": b,
        "user/faces": "user/faces",
        "mnist-cgan": "mnist-cgan",
    }
    assert short_names([a, other]) == {a: a, other: other}


def test_the_container_gets_what_the_demo_needs_and_nothing_of_training():
    """The Dockerfile cuts requirements.txt at its line "# ONNX"."""
    before, found, after = (ROOT / "requirements.txt").read_text().partition("\n# ONNX")
    assert found and "sed '/^# ONNX/,$d; /^torchvision/d' requirements.txt" in (ROOT / "Dockerfile").read_text()
    assert all(
        f"\n{name}==" in before
        for name in ("torch", "huggingface-hub", "safetensors", "numpy", "pillow", "gradio", "av")
    )
    assert "\naccelerate==" in after and "\npytest==" in after


def test_a_model_that_is_nowhere_ends_with_a_sentence(main, capsys):
    assert main(["--model", "nonsense"]) == 2
    said = capsys.readouterr()
    assert (
        said.out == "" and said.err.startswith("error: ") and "nonsense" in said.err and len(said.err.splitlines()) == 1
    )


def test_a_model_that_cannot_be_loaded_ends_with_a_sentence(main, tmp_path, capsys):
    (tmp_path / "config.json").write_text("{")
    assert main(["--model", str(tmp_path)]) == 2
    said = capsys.readouterr().err.strip()
    assert "not JSON" in said and len(said.splitlines()) == 1


def test_a_taken_port_ends_with_a_sentence(main, models, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["--model", str(models[2]), "--port", str(taken.getsockname()[1])]) == 2
    assert "--port" in capsys.readouterr().err.strip().splitlines()[-1]


@pytest.mark.parametrize("port", ("99999", "-3"))
def test_an_invalid_port_ends_with_a_sentence(main, models, port, capsys):
    assert main(["--model", str(models[2]), "--port", port]) == 2
    assert "--port" in capsys.readouterr().err.strip().splitlines()[-1]
    assert main(["--model", str(models[2]), "--host", "300.1.1.1"]) == 2
    assert (
        capsys.readouterr().err
        == "error: 300.1.1.1 is no address of this machine; give another --host, such as 127.0.0.1 or 0.0.0.0.\n"
    )
