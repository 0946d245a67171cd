"""`python -m gan_models --each`: files of their own, without a frame, that torchvision reads back."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import ImageFolder

import gan_models
from gan_models import images, model_folder
from gan_models.__main__ import main
from gan_models.commands.sampling import folder_names
from gan_models.networks.dcgan import DCGANGenerator
from gan_models.networks.mlp import MLPGenerator


@pytest.fixture
def source(tmp_path):
    model = DCGANGenerator(image_size=16, image_channels=3, latent_dim=4, width=4, labels=["a/b", "..", "A_B"])
    model_folder.save(model, tmp_path / "model")
    return str(tmp_path / "model")


def drawn(source, numbers, labels) -> list[np.ndarray]:
    """Pictures with these numbers of seed 3."""
    model = gan_models.load(source)
    latents = model.sample_latents(max(numbers) + 1, seed=3)[numbers]
    return [np.array(picture) for picture in images.to_pil(model.generate(latents, torch.tensor(labels)))]


def same(path, expected: np.ndarray) -> bool:
    """Batches may differ in the last bit before rounding."""
    with Image.open(path) as picture:
        found = np.array(picture)
    return found.shape == expected.shape and abs(found.astype(int) - expected).max() <= 1


def test_each_picture_is_a_file_that_tells_seed_and_number(source, tmp_path, capsys):
    out = tmp_path / "out"
    assert main([source, "--seed", "3", "--count", "70", "--each", "--labels", "1", "2", "--output", str(out)]) == 0
    assert "70 pictures" in capsys.readouterr().out
    assert sorted(path.name for path in out.iterdir()) == [f"3-{k:05d}.png" for k in range(70)]
    first, last = drawn(source, [0, 69], [1, 2])
    assert first.shape == (16, 16, 3) and same(out / "3-00000.png", first) and same(out / "3-00069.png", last)


def test_one_picture_has_no_frame_and_may_be_a_file(source, tmp_path):
    for output, path in (("folder", "folder/3-00000.png"), ("one.png", "one.png")):
        arguments = ["--seed", "3", "--count", "1", "--each", "--labels", "0", "-o", str(tmp_path / output)]
        assert main([source, *arguments]) == 0
        assert same(tmp_path / path, drawn(source, [0], [0])[0])


def test_a_folder_a_class_is_what_torchvision_reads(source, tmp_path):
    assert main([source, "--seed", "3", "--each", "--per-class", "5", "-o", str(tmp_path / "out")]) == 0
    data = ImageFolder(tmp_path / "out")
    names = folder_names(("a/b", "..", "A_B"))
    assert sorted(names) == data.classes and len(set(map(str.casefold, names))) == 3
    assert len(data) == 15 and all(picture.size == (16, 16) for picture, _ in data)
    numbers, expected = list(range(15)), drawn(source, list(range(15)), [0] * 5 + [1] * 5 + [2] * 5)
    assert all(same(tmp_path / "out" / names[k // 5] / f"3-{k:05d}.png", expected[k]) for k in numbers)
    assert len({picture.tobytes() for picture in expected}) == 15  # each has a latent of its own
    assert main([source, "--each", "--per-class", "1", "--labels", "A_B", "-o", str(tmp_path / "some")]) == 0
    assert [path.name for path in (tmp_path / "some").iterdir()] == [names[2]]


@pytest.mark.parametrize(
    "names", [("..", ".", "", " "), ("CON/x", "con_x"), ("\u00e9t\u00e9", "T-shirt/top"), ("x" * 300, "y")]
)
def test_classes_of_strangers_stay_in_the_folder(names, tmp_path):
    found = folder_names(names)
    assert len({name.casefold() for name in found}) == len(names)
    for name in found:
        (tmp_path / name).mkdir()
        assert (tmp_path / name).parent == tmp_path and (tmp_path / name).resolve().parent == tmp_path.resolve()


def test_the_size_is_that_of_a_picture(source, tmp_path):
    assert main([source, "--seed", "3", "--count", "1", "--each", "--size", "50", "-o", str(tmp_path / "one.png")]) == 0
    assert Image.open(tmp_path / "one.png").size == (50, 50)
    assert main([source, "--seed", "3", "--count", "1", "--size", "50", "-o", str(tmp_path / "alone.png")]) == 0
    assert Image.open(tmp_path / "alone.png").size == (50, 50)  # a sheet of one has no frame
    assert main([source, "--seed", "3", "--count", "4", "--size", "32", "-o", str(tmp_path / "sheet.png")]) == 0
    assert Image.open(tmp_path / "sheet.png").size == (2 * 34 + 2, 2 * 34 + 2)
    grey = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
    assert np.array_equal(np.array(images.sized(grey, 16)), np.kron(np.array(grey), np.ones((2, 2), np.uint8)))


def test_what_cannot_be_is_one_sentence(source, tmp_path, capsys):
    model_folder.save(MLPGenerator(image_size=8, latent_dim=4, width=8), tmp_path / "plain")
    faces = DCGANGenerator(image_size=16, latent_dim=4, width=4, labels=["Smiling"], multi_label=True)
    model_folder.save(faces, tmp_path / "faces")
    (tmp_path / "file").write_text("x")
    out = ["-o", str(tmp_path / "out")]
    for arguments, words in (
        ([str(tmp_path / "plain"), "--each", "--per-class", "2", *out], "no labels"),
        ([str(tmp_path / "faces"), "--each", "--per-class", "2", *out], "attributes"),
        ([source, "--each", "--per-class", "0", *out], "from 1"),
        ([source, "--each", "--per-class", "900000", *out], "1000000"),
        ([source, "--each", "-o", str(tmp_path / "x.png")], "must be a folder"),
        ([source, "--each", "-o", str(tmp_path / "file")], "is a file"),
        ([source, "--each", "-o", str(tmp_path / "a" / "b")], "does not exist"),
        ([source, "--size", "0", "-o", str(tmp_path / "x.png")], "size"),
    ):
        assert main(arguments) == 2
        err = capsys.readouterr().err
        assert err.startswith("error: ") and words in err and err.count("\n") == 1
    for arguments, words in (
        (["--per-class", "2"], "--each"),
        (["--each", "--per-class", "2", "--count", "3"], "either"),
    ):
        with pytest.raises(SystemExit):
            main([source, *arguments, *out])
        assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
