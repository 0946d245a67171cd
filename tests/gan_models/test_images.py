"""Pictures as files."""

import errno
import io
import os

import av
import numpy as np
import pytest
import torch
from PIL import Image

from gan_models import images


def flat(n, channels=3, height=4, width=5):
    """n one-coloured pictures: the k-th has grey value 10 k."""
    return torch.stack([torch.full((channels, height, width), k * 10 / 127.5 - 1) for k in range(n)])


def test_to_uint8_maps_minus_one_to_0_and_one_to_255_and_rounds():
    values = torch.tensor([-1.0, 1.0, 0.0, 1 / 127.5 * 0.4 - 1, 1 / 127.5 * 0.6 - 1, -7.0, 7.0]).reshape(1, 1, 1, 7)
    assert images.to_uint8(values).reshape(-1).tolist() == [0, 255, 128, 0, 1, 0, 255]


def test_to_uint8_moves_the_channels_last_and_takes_half_precision_and_gradients():
    x = torch.rand(2, 3, 4, 5, dtype=torch.bfloat16, requires_grad=True) * 2 - 1
    out = images.to_uint8(x)
    assert out.shape == (2, 4, 5, 3) and out.dtype == np.uint8
    assert out[1, 2, 3, 1] == round((float(x[1, 1, 2, 3].detach()) + 1) * 127.5)


@pytest.mark.parametrize("channels, mode", [(1, "L"), (3, "RGB")])
def test_to_pil_keeps_every_pixel_without_a_size(channels, mode):
    x = torch.rand(2, channels, 6, 5) * 2 - 1
    pictures = images.to_pil(x)
    assert [picture.mode for picture in pictures] == [mode] * 2 and pictures[0].size == (5, 6)
    assert (np.asarray(pictures[1]).reshape(6, 5, channels) == images.to_uint8(x)[1]).all()


@pytest.mark.parametrize("size, factor", [(28, 1), (56, 2), (128, 5), (10, 1)])
def test_to_pil_enlarges_by_a_whole_factor(size, factor):
    assert images.to_pil(torch.zeros(1, 1, 28, 28), size)[0].size == (28 * factor, 28 * factor)


def test_grey_pictures_are_enlarged_to_squares_and_coloured_ones_smoothly():
    checks = torch.tensor([[-1.0, 1.0], [1.0, -1.0]])
    grey = np.asarray(images.to_pil(checks.reshape(1, 1, 2, 2), 8)[0])
    assert (grey == np.kron([[0, 255], [255, 0]], np.ones((4, 4)))).all()
    colour = np.asarray(images.to_pil(checks.expand(1, 3, 2, 2), 8)[0])
    assert colour.shape == (8, 8, 3) and len(np.unique(colour)) > 2


@pytest.mark.parametrize(
    "n, columns, layout", [(5, None, (2, 3)), (4, None, (2, 2)), (1, None, (1, 1)), (6, 6, (1, 6)), (3, 2, (2, 2))]
)
def test_grid_puts_every_pixel_in_its_place(n, columns, layout):
    x = torch.rand(n, 3, 4, 5) * 2 - 1
    rows, across = layout
    expected = np.full((rows * 6 + 2, across * 7 + 2, 3), 255, np.uint8)
    for k, array in enumerate(images.to_uint8(x)):
        top, left = 2 + k // across * 6, 2 + k % across * 7
        expected[top : top + 4, left : left + 5] = array
    assert (np.asarray(images.grid(x, columns)) == expected).all()


def test_a_grid_of_digits_is_grey_and_may_have_no_padding():
    sheet = images.grid(flat(4, channels=1), padding=0)
    assert sheet.mode == "L" and sheet.size == (10, 8)
    assert np.asarray(sheet)[[0, 0, 4, 4], [0, 5, 0, 5]].tolist() == [0, 10, 20, 30]


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("kind", ["RGBA", "LA"])
def test_what_is_transparent_is_seen_on_white_in_every_band(mode, kind):
    height = 2 * images.BAND + 7
    pixels = np.random.default_rng(0).integers(0, 256, (height, 9, 4), dtype=np.uint8)
    picture = Image.fromarray(pixels).convert(kind)
    whole = picture.convert("RGBA")
    expected = Image.alpha_composite(Image.new("RGBA", whole.size, "white"), whole).convert(mode)
    shown = images.plain(picture, mode)
    assert shown.mode == mode and np.abs(np.asarray(shown).astype(int) - np.asarray(expected)).max() <= 1


def test_sixteen_bits_become_eight_in_every_band():
    values = np.random.default_rng(0).integers(0, 65536, (images.BAND + 5, 9), dtype=np.uint16)
    for array in (values, values.astype(np.int32)):
        assert (np.asarray(images.plain(Image.fromarray(array), "L")) == values >> 8).all()


def test_save_png_writes_what_it_was_given_and_leaves_nothing_else(tmp_path):
    picture = images.grid(flat(3))
    images.save_png(picture, tmp_path / "sheet.png")
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]
    assert (np.asarray(Image.open(tmp_path / "sheet.png")) == np.asarray(picture)).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_save_by_content_is_lossless_and_names_equal_pictures_equally(tmp_path, channels):
    pictures = images.to_pil(torch.rand(2, channels, 9, 9, generator=torch.Generator().manual_seed(1)) * 2 - 1)
    paths = [images.save_by_content(picture, tmp_path) for picture in [*pictures, pictures[0]]]
    assert paths[0] == paths[2] != paths[1] and {*tmp_path.iterdir()} == {*paths}
    for picture, path in zip(pictures, paths):
        read = Image.open(io.BytesIO(path.read_bytes()))
        assert read.format == "WEBP" and (np.asarray(read.convert("RGB")) == np.asarray(picture.convert("RGB"))).all()


def decode(path):
    with av.open(path) as file:
        stream = file.streams.video[0]
        return (
            stream.codec_context.name,
            stream.average_rate,
            [frame.to_ndarray(format="rgb24") for frame in file.decode(stream)],
        )


@pytest.mark.parametrize(
    "shape, size, expected",
    [
        ((3, 64, 64), 256, (256, 256)),
        ((1, 28, 28), 256, (252, 252)),
        ((3, 27, 33), 27, (26, 32)),
        ((3, 33, 27), 66, (66, 54)),
    ],
)
def test_a_video_holds_its_frames_whatever_their_size(tmp_path, shape, size, expected):
    levels = torch.linspace(-0.8, 0.8, 12)
    images.write_video(levels.reshape(-1, 1, 1, 1).expand(-1, *shape), tmp_path / "walk.mp4", size=size)
    codec, rate, frames = decode(tmp_path / "walk.mp4")
    assert codec == "h264" and rate == 24 and len(frames) == 12 and frames[0].shape == (*expected, 3)
    assert np.abs([frame.mean() - (level + 1) * 127.5 for frame, level in zip(frames, levels.tolist())]).max() < 4
    assert [path.name for path in tmp_path.iterdir()] == ["walk.mp4"]


def test_every_browser_can_play_the_video(tmp_path):
    images.write_video(flat(3, height=64, width=64), tmp_path / "walk.mp4", frames_per_second=12)
    with av.open(tmp_path / "walk.mp4") as file:
        assert file.streams.video[0].codec_context.pix_fmt == "yuv420p" and float(file.duration) / av.time_base == 0.25


def test_a_full_disk_costs_nothing(tmp_path, monkeypatch):
    picture, other = images.grid(torch.zeros(1, 1, 4, 4)), images.grid(torch.ones(1, 1, 4, 4))
    images.save_png(picture, tmp_path / "grid.png")
    before = (tmp_path / "grid.png").read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        images.save_png(other, tmp_path / "grid.png")
    assert os.listdir(tmp_path) == ["grid.png"] and (tmp_path / "grid.png").read_bytes() == before
