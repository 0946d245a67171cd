"""Going on with a run: what is left alone, written again, refused."""

import shutil

import pytest
from PIL import Image
from running import files, refused
from tiny import train, weights

pytestmark = pytest.mark.usefixtures("alone")


def test_a_run_is_not_touched_without_resume(tmp_path, capsys):
    run = ["mnist-dcgan", "--images", 8, "--output", tmp_path / "run"]
    assert train(*run) == 0
    before = {name: (tmp_path / "run" / name).read_bytes() for name in files(tmp_path / "run")}
    assert "holds a run already: continue it by --resume" in refused(capsys, *run)
    assert {name: (tmp_path / "run" / name).read_bytes() for name in files(tmp_path / "run")} == before


def test_a_finished_run_is_left_as_it_is(tmp_path, capsys):
    run = ["mnist-dcgan", "--images", 8, "--output", tmp_path / "run", "--resume"]
    (tmp_path / "run").mkdir()
    assert train(*run) == 0  # --resume begins in an empty folder
    before = {name: (tmp_path / "run" / name).read_bytes() for name in files(tmp_path / "run")}
    capsys.readouterr()
    assert train(*run) == 0
    assert f"{tmp_path / 'run'} is finished: 8 images." in capsys.readouterr().out
    assert {name: (tmp_path / "run" / name).read_bytes() for name in files(tmp_path / "run")} == before


@pytest.mark.parametrize("missing", ["model", "model/README.md", "model/metrics.json"])
def test_a_run_killed_while_it_wrote_its_model_writes_it_again(tmp_path, capsys, missing):
    run = ["mnist-dcgan", "--images", 8, "--output", tmp_path / "run", "--resume"]
    assert train(*run) == 0
    whole = files(tmp_path / "run"), weights(tmp_path / "run")
    path = tmp_path / "run" / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert train(*run) == 0
    assert (files(tmp_path / "run"), weights(tmp_path / "run")) == whole


def test_a_longer_run_killed_before_its_model_does_not_pass_off_the_shorter_ones(tmp_path):
    run = ["mnist-dcgan", "--output", tmp_path / "run", "--resume"]
    assert train(*run, "--images", 8) == 0
    shutil.copytree(tmp_path / "run/model", tmp_path / "shorter")
    assert train(*run, "--images", 16) == 0
    whole = weights(tmp_path / "run")
    shutil.rmtree(tmp_path / "run/model")
    (tmp_path / "shorter").rename(tmp_path / "run/model")
    assert train(*run, "--images", 16) == 0
    assert weights(tmp_path / "run") == whole


@pytest.mark.parametrize(
    "options, what",
    [
        (["--seed", 1], "seed"),
        (["--set", "learning_rate=0.1"], "learning_rate"),
        (["--set", "generator.width=8"], "generator"),
        (["--data", "pictures"], "data"),
        (["--init-from", "somewhere", "--seed", 2], "seed and init_from"),
    ],
)
@pytest.mark.parametrize("has_checkpoint", [True, False])
def test_a_run_is_not_continued_with_other_options(tmp_path, capsys, monkeypatch, options, what, has_checkpoint):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures").mkdir()
    Image.effect_noise((32, 32), 50).save(tmp_path / "pictures/a.png")
    assert train("mnist-dcgan", "--images", 8, "--output", "run") == 0
    if not has_checkpoint:
        shutil.rmtree("run/checkpoint")
    assert f"another {what}; give the same options" in refused(
        capsys, "mnist-dcgan", "--output", "run", "--resume", *options
    )


def test_another_recipe_does_not_go_on_with_a_run(tmp_path, capsys):
    assert train("mnist-dcgan", "--images", 8, "--output", tmp_path / "run") == 0
    assert "another name" in refused(capsys, "mnist-mlp", "--output", tmp_path / "run", "--resume")


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"recipe": []}', '{"data": 1, "seed": 0, "init_from": null, "recipe": [1]}']
)
def test_options_that_cannot_be_read(tmp_path, capsys, text):
    (tmp_path / "options.json").write_text(text)
    sentence = refused(capsys, "mnist-dcgan", "--output", tmp_path, "--resume")
    assert "options.json" in sentence and "another --output" in sentence


def test_a_damaged_checkpoint_is_one_sentence(tmp_path, capsys):
    assert train("mnist-dcgan", "--images", 8, "--output", tmp_path / "run") == 0
    (tmp_path / "run/checkpoint/state.safetensors").write_bytes(b"")
    assert "is damaged" in refused(capsys, "mnist-dcgan", "--images", 8, "--output", tmp_path / "run", "--resume")
