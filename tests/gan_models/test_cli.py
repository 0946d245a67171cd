"""`python -m gan_models`: pictures that are those of the seed and the labels, and one sentence for whatever is
wrong."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import gan_models
from gan_models import images, layout, model_folder
from gan_models.__main__ import main
from gan_models.networks.dcgan import DCGANGenerator
from gan_models.networks.mlp import MLPGenerator

ROOT = Path(__file__).parents[2]
ATTRIBUTES = ["Smiling", "Male", "Wearing_Hat"]


@pytest.fixture
def plain(tmp_path):
    model_folder.save(MLPGenerator(image_size=8, latent_dim=4, width=8), tmp_path / "plain")
    return str(tmp_path / "plain")


@pytest.fixture
def digits(tmp_path):
    labels = ["three", "two", "0", "Nine"]
    model_folder.save(
        DCGANGenerator(image_size=16, image_channels=1, latent_dim=4, width=4, labels=labels), tmp_path / "digits"
    )
    return str(tmp_path / "digits")


@pytest.fixture
def faces(tmp_path):
    model = DCGANGenerator(image_size=16, latent_dim=4, width=4, labels=ATTRIBUTES, multi_label=True)
    model.label_table = torch.randint(2, (256, 3)).float()
    model_folder.save(model, tmp_path / "faces")
    return str(tmp_path / "faces")


@pytest.fixture
def output(tmp_path):
    return tmp_path / "grid.png"


def pixels(path) -> np.ndarray:
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.array(picture)


def expected(source, n, seed, labels=None, truncation=1.0) -> np.ndarray:
    model = gan_models.load(source)
    return np.array(images.grid(model.generate(model.sample_latents(n, seed=seed, truncation=truncation), labels)))


def test_the_picture_is_that_of_the_seed(plain, output):
    assert main([plain, "--seed", "3", "--output", str(output)]) == 0
    assert pixels(output).shape == (4 * 10 + 2, 4 * 10 + 2) and np.array_equal(pixels(output), expected(plain, 16, 3))
    assert main([plain, "--seed", "3", "--count", "5", "--truncation", "0.5", "--output", str(output)]) == 0
    assert np.array_equal(pixels(output), expected(plain, 5, 3, truncation=0.5))
    assert [path.name for path in output.parent.iterdir() if "tmp" in path.name] == []


def test_a_fresh_seed_is_printed_so_that_the_picture_can_be_had_again(plain, output, capsys):
    main([plain, "--output", str(output)])
    first, seed = pixels(output), capsys.readouterr().out.split("seed ")[1].strip()
    main([plain, "--seed", seed, "--output", str(output)])
    assert np.array_equal(first, pixels(output))


def test_more_pictures_than_a_batch(plain, output):
    assert main([plain, "--seed", "1", "--count", "150", "--output", str(output)]) == 0
    difference = pixels(output).astype(int) - expected(
        plain, 150, 1
    )  # batches may differ in the last bit before rounding
    assert abs(difference).max() <= 1


@pytest.mark.parametrize(
    "words, classes", [(["1"], [1, 1, 1, 1, 1]), (["two", "NINE", "3"], [1, 3, 3, 1, 3]), (["0"], [2] * 5)]
)
def test_classes_by_name_or_number_in_turns(digits, output, words, classes):
    """A name comes before a number: a digit model's class "0" need not be its first."""
    assert main([digits, "--seed", "3", "--count", "5", "--output", str(output), "--labels", *words]) == 0
    assert np.array_equal(pixels(output), expected(digits, 5, 3, torch.tensor(classes)))


def test_without_labels_plausible_ones_are_drawn(digits, faces, output):
    for source in (digits, faces):
        assert main([source, "--seed", "3", "--count", "5", "--output", str(output)]) == 0
        labels = gan_models.load(source).sample_labels(5, seed=3)
        assert np.array_equal(pixels(output), expected(source, 5, 3, labels))


def test_attributes_that_are_not_named_come_from_the_data(faces, output):
    assert (
        main([faces, "--seed", "3", "--count", "5", "--output", str(output), "--labels", "smiling=0.25", "Wearing_Hat"])
        == 0
    )
    labels = gan_models.load(faces).sample_labels(5, seed=3)
    labels[:, 0], labels[:, 2] = 0.25, 1
    assert np.array_equal(pixels(output), expected(faces, 5, 3, labels))


def test_list_names_the_bundled_models(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(layout, "PRETRAINED", tmp_path)
    assert main(["--list"]) == 0 and "No models" in capsys.readouterr().out
    model_folder.save(MLPGenerator(image_size=8, latent_dim=4, width=8), tmp_path / "toy")
    assert main(["--list"]) == 0 and capsys.readouterr().out == "toy\n"


def refused(capsys, *arguments) -> str:
    """What a command that fails says: nothing on stdout, `error: one sentence` on stderr, exit status 2."""
    assert main([str(argument) for argument in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1 and "Traceback" not in err
    return err


@pytest.mark.parametrize(
    "option, value, words",
    [
        ("--seed", -1, "seed"),
        ("--seed", 2**63, "seed"),
        ("--count", 0, "count"),
        ("--count", 4097, "4096"),
        ("--truncation", 2.5, "truncation"),
        ("--truncation", "nan", "truncation"),
        ("--device", "nonsense", "device"),
        ("--labels", 3, "unconditional"),
        ("--revision", "main", "revision"),
    ],
)
def test_values_out_of_range(plain, output, capsys, option, value, words):
    assert words in refused(capsys, plain, "--output", output, option, value)
    assert not output.exists()


@pytest.mark.parametrize(
    "option, value", [("--seed", "x"), ("--count", "1.5"), ("--truncation", "much"), ("--unheard", "1")]
)
def test_values_that_are_no_numbers(plain, output, capsys, option, value):
    with pytest.raises(SystemExit) as caught:
        main([plain, "--output", str(output), option, value])
    assert caught.value.code == 2 and option in capsys.readouterr().err


def test_a_model_and_an_output_must_be_named(capsys):
    for arguments in ([], ["x"], ["--output", "x.png"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2 and "give a model and --output" in capsys.readouterr().err


def test_outputs_that_cannot_be_written(plain, tmp_path, capsys):
    assert "must end in .png" in refused(capsys, plain, "--output", tmp_path / "grid.jpg")
    assert "does not exist" in refused(capsys, plain, "--output", tmp_path / "missing" / "grid.png")
    (tmp_path / "folder.png").mkdir()
    assert "is a folder" in refused(capsys, plain, "--output", tmp_path / "folder.png")
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    if not os.access(locked, os.W_OK):
        assert "cannot be written" in refused(capsys, plain, "--output", locked / "grid.png")
    if Path("/proc").is_dir():  # where nobody, root included, may make a file
        assert "cannot be written" in refused(capsys, plain, "--output", "/proc/grid.png")


def test_unknown_labels_name_near_ones(digits, faces, output, capsys):
    assert "did you mean three?" in refused(capsys, digits, "--output", output, "--labels", "thre")
    assert "did you mean Smiling?" in refused(capsys, faces, "--output", output, "--labels", "smilin=1")
    assert "it knows Smiling, Male, Wearing_Hat" in refused(capsys, faces, "--output", output, "--labels", "zzz")
    assert "no label" in refused(capsys, digits, "--output", output, "--labels", "4")
    assert "no label" in refused(capsys, digits, "--output", output, "--labels", "1x", "\u0663\u0663")
    for value in ("2", "-0.1", "nan", "x", ""):
        assert "from 0 to 1" in refused(capsys, faces, "--output", output, "--labels", f"Male={value}")


def test_unknown_models_name_near_ones(output, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(layout, "PRETRAINED", tmp_path)
    model_folder.save(MLPGenerator(image_size=8, latent_dim=4, width=8), tmp_path / "mnist-toy")
    assert "did you mean mnist-toy?" in refused(capsys, "mnist-tyo", "--output", output)
    assert "no config.json" in refused(capsys, ROOT / "tests", "--output", output)


def test_as_a_process(digits, output):
    command = [sys.executable, "-m", "gan_models", digits, "--seed", "3", "--output", str(output), "--labels", "0", "1"]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert process.returncode == 0 and process.stderr == "" and "seed 3" in process.stdout
    assert np.array_equal(pixels(output), expected(digits, 16, 3, torch.tensor([2, 1] * 8)))
