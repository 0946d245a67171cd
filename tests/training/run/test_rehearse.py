"""What the command says of a run before it begins, and what it answers to options that are none."""

import json

import pytest
from tiny import tiny, train

import gan_models
from training import __main__ as command

pytestmark = pytest.mark.usefixtures("alone")


def test_a_dry_run_says_what_would_be_and_writes_nothing(tmp_path, capsys):
    assert train("mnist-cgan", "--dry-run", "--images", 8000, "--output", tmp_path / "run") == 0
    said = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert list(tmp_path.iterdir()) == []
    assert "pictures, 28 px, grey, 10 classes" in said["data"]
    model = gan_models.networks.dcgan.DCGANGenerator(28, 1, width=4, labels=list("0123456789"))
    weights = sum(p.numel() for p in model.parameters())
    assert said["generator"] == f"DCGANGenerator, {weights:,} parameters"
    assert "GiB" in said["memory"] and "8,000 images" in said["length"]
    speed, steps = (float(said["speed"].split()[k].replace(",", "")) for k in (0, 3))
    assert speed > 0 and steps >= 3


def test_common_settings_are_options(tmp_path, capsys):
    words = tiny("mnist-dcgan", "--batch-size", 16, "--image-size", "32x24", "--augment", 0.5, "--labels-per-class", 4)
    said = ("image_size=32x24", "batch_size=16", "augment=0.5", "labels_per_class=4")
    assert command.parse(words).settings[:4] == said
    assert train("mnist-dcgan", "--show", "--batch-size", 4, "--set", "learning_rate=0.125") == 0
    out = capsys.readouterr().out
    assert "batch_size = 8\n" in out  # --set, which comes later, wins
    assert "learning_rate = 0.125\n" in out and "Of both players. A number of at least 0" in out


@pytest.mark.parametrize(
    "option, words",
    [
        ("--btach-size", "did you mean --batch-size"),
        ("--learning-rate", "did you mean --set learning_rate=VALUE?"),
        ("--learning-rat", "--set learning_rate=VALUE"),
        ("--zzz", "--help lists them."),
    ],
)
def test_an_unknown_option_names_what_was_meant(capsys, option, words):
    with pytest.raises(SystemExit) as end:
        command.main(["mnist-dcgan", option, "3"])
    err = capsys.readouterr().err.splitlines()[-1]
    assert end.value.code == 2 and f"there is no option {option}; " in err and words in err


def test_oblong_pictures_from_a_folder_to_samples_and_on(tmp_path, monkeypatch):
    from PIL import Image

    monkeypatch.setenv("GAN_STUDIO_CACHE", str(tmp_path / "cache"))
    (tmp_path / "p").mkdir()
    for k in range(9):
        Image.effect_noise((40, 30), 40 + k).save(tmp_path / "p" / f"{k}.png")
    run = ["mnist-dcgan", "--data", tmp_path / "p", "--image-size", "32x24", "--set", "accumulation=2", "--resume"]
    assert train(*run, "--images", 16, "--output", tmp_path / "whole") == 0
    assert train(*run, "--images", 8, "--output", tmp_path / "run") == 0
    assert train(*run, "--images", 16, "--output", tmp_path / "run") == 0  # goes on, in the same weights
    files = ("model/model.safetensors", "checkpoint/state.safetensors")
    assert all((tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes() for name in files)
    model = gan_models.load(tmp_path / "run/model")
    assert model.image_shape == (1, 24, 32) and model.generate(model.sample_latents(2, seed=0)).shape == (2, 1, 24, 32)
    assert json.loads((tmp_path / "run/options.json").read_text())["recipe"]["image_size"] == [24, 32]
    assert "32 x 24 grey pictures" in (tmp_path / "run/model/README.md").read_text()
    assert gan_models.cli.main(["sample", str(tmp_path / "run/model"), "--each", "-o", str(tmp_path / "out")]) == 0
    assert Image.open(next((tmp_path / "out").iterdir())).size == (32, 24)
