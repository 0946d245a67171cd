"""`gan-studio walk`: films that play, and frames that are those of the walk."""

import numpy as np
import pytest
import torch
from PIL import Image

import gan_models
from gan_models import cli, images, model_folder, studio
from gan_models.networks.dcgan import DCGANGenerator
from gan_models.networks.layers import initialise


@pytest.fixture
def source(tmp_path):
    torch.manual_seed(0)
    model = DCGANGenerator(image_size=16, latent_dim=4, width=4, labels=["a", "b"])
    initialise(model, normal=False)  # a fresh one draws nearly the same grey for every latent
    model_folder.save(model, tmp_path / "model")
    return str(tmp_path / "model")


def walk(source, output, *arguments) -> int:
    return cli.main(["walk", source, "--seconds", "0.5", "--fps", "8", "-o", str(output), *arguments])


def test_frames_are_those_of_the_walk(source, tmp_path):
    assert walk(source, tmp_path / "frames", "--seeds", "3", "7:2", "--once", "--labels", "b", "--size", "16") == 0
    paths = sorted((tmp_path / "frames").iterdir())
    assert [path.name for path in paths] == [f"{k:05d}.png" for k in range(4)]
    model = gan_models.load(source)
    expected = studio.interpolate(model, studio.parse_anchors("3 7:2"), 4, wishes=1, loop=False)
    for path, picture in zip(paths, images.to_pil(expected)):
        assert abs(np.array(Image.open(path)).astype(int) - np.array(picture)).max() <= 1


def test_a_webp_repeats_and_an_mp4_plays(source, tmp_path, capsys):
    av = pytest.importorskip("av")
    assert walk(source, tmp_path / "walk.webp", "--size", "33") == 0
    seeds = capsys.readouterr().out.split("--seeds ")[1].split()  # so that the same film can be had again
    with Image.open(tmp_path / "walk.webp") as film:
        assert (film.n_frames, film.size, film.info["loop"]) == (4, (33, 33), 0)
        film.seek(1)
        film.load()
        assert film.info["duration"] == 125
    before = (tmp_path / "walk.webp").read_bytes()
    assert walk(source, tmp_path / "walk.webp", "--size", "33", "--seeds", *seeds) == 0
    assert (tmp_path / "walk.webp").read_bytes() == before
    assert walk(source, tmp_path / "walk.mp4", "--seeds", "1", "2") == 0
    with av.open(str(tmp_path / "walk.mp4")) as film:
        frames = list(film.decode(video=0))
        assert len(frames) == 4 and (frames[0].width, frames[0].height) == (256, 256)


@pytest.mark.parametrize(
    "output, arguments, words",
    [
        ("w.avi", [], ".mp4 or .webp"),
        ("no/w.mp4", [], "does not exist"),
        ("w.mp4", ["--seeds", "1"], "2 to 6"),
        ("w.mp4", ["--seeds", "x", "y"], "'x' is not a picture"),
        ("w.mp4", ["--labels", "c"], "no label 'c'"),
        ("w.mp4", ["--labels", "a", "b"], "one class"),
        ("w.mp4", ["--seconds", "nan"], "seconds"),
        ("w.mp4", ["--seconds", "600", "--fps", "100"], "number of frames"),
    ],
)
def test_what_cannot_be_is_one_sentence(source, tmp_path, capsys, output, arguments, words):
    assert walk(source, tmp_path / output, *arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ") and words in err and err.count("\n") == 1
    assert not (tmp_path / output).exists()
