"""Pictures as files: what a person opens shows what the tensor held."""

import errno
import os

import numpy as np
import pytest
import torch
from PIL import Image

from gan_models import images


def ramp(n=3, channels=1, height=4, width=4):
    """n different pictures that fill [-1, 1]."""
    return torch.linspace(-1, 1, n * channels * height * width).reshape(n, channels, height, width)


def test_bytes_are_rounded_and_clipped():
    values = torch.tensor([-9.0, -1.0, -1 + 0.4 / 127.5, -1 + 0.6 / 127.5, 0.0, 1.0, 9.0]).reshape(1, 1, 1, 7)
    assert images.to_uint8(values)[0, 0, :, 0].tolist() == [0, 0, 0, 1, 128, 255, 255]


def test_channels_come_last():
    red = torch.tensor([1.0, -1.0, -1.0]).reshape(1, 3, 1, 1).expand(1, 3, 2, 5)
    array = images.to_uint8(red)
    assert array.shape == (1, 2, 5, 3) and (array == [255, 0, 0]).all()


def test_gradients_and_half_precision_are_no_obstacle():
    pictures = torch.zeros(1, 1, 2, 2, dtype=torch.bfloat16, requires_grad=True)
    assert (images.to_uint8(pictures) == 128).all()


def test_pictures_have_their_own_size_unless_asked():
    grey, colour = images.to_pil(ramp()), images.to_pil(ramp(channels=3))
    assert {p.size for p in grey + colour} == {(4, 4)} and {p.mode for p in grey} == {"L"} and {p.mode for p in colour} == {"RGB"}
    assert np.array_equal(np.array(grey[1]), images.to_uint8(ramp())[1, :, :, 0])


@pytest.mark.parametrize(("size", "side"), [(16, 16), (17, 16), (19, 20), (1, 4)])
def test_pictures_are_enlarged_by_whole_factors(size, side):
    assert images.to_pil(ramp(), size)[0].size == (side, side)


def test_digits_become_crisp_squares_and_faces_smooth():
    checks = torch.tensor([[-1.0, 1.0], [1.0, -1.0]]).reshape(1, 1, 2, 2)
    crisp = np.array(images.to_pil(checks, 8)[0])
    assert np.array_equal(crisp, np.kron([[0, 255], [255, 0]], np.ones((4, 4))))
    smooth = np.array(images.to_pil(checks.expand(1, 3, 2, 2), 8)[0])
    assert len(np.unique(smooth)) > 4  # values between black and white at the edges


def test_a_grid_goes_row_by_row_and_its_rest_is_white():
    pictures = ramp(n=5)
    sheet = np.array(images.grid(pictures, padding=2))  # three columns
    assert sheet.shape == (2 * 6 + 2, 3 * 6 + 2)
    expected = images.to_uint8(pictures)[..., 0]
    for k in range(5):
        top, left = 2 + k // 3 * 6, 2 + k % 3 * 6
        assert np.array_equal(sheet[top:top + 4, left:left + 4], expected[k])
    assert (sheet[8:12, 14:18] == 255).all() and (sheet[:2] == 255).all()


def test_a_strip_is_a_grid_of_one_row():
    assert images.grid(ramp(n=3, channels=3, height=4, width=6), columns=3, padding=0).size == (18, 4)


def test_a_png_is_lossless(tmp_path):
    picture = images.grid(ramp(channels=3))
    images.save_png(picture, tmp_path / "grid.png")
    assert os.listdir(tmp_path) == ["grid.png"]
    assert np.array_equal(np.array(Image.open(tmp_path / "grid.png")), np.array(picture))


def test_a_full_disk_costs_nothing(tmp_path, monkeypatch):
    images.save_png(images.grid(ramp()), tmp_path / "grid.png")
    before = (tmp_path / "grid.png").read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        images.save_png(images.grid(-ramp()), tmp_path / "grid.png")
    assert os.listdir(tmp_path) == ["grid.png"] and (tmp_path / "grid.png").read_bytes() == before


def decoded(path):
    """(codec context, frames as (n, H, W, 3) uint8) of a video."""
    av = pytest.importorskip("av")
    with av.open(path) as file:
        stream = file.streams.video[0]
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(stream)])
        return stream.codec_context, stream.average_rate, frames


def turning(n, channels, side):
    """n frames of a smooth pattern that turns once, so that the last leads to the first."""
    angle = torch.arange(n) / n * 2 * torch.pi
    across = torch.linspace(0, torch.pi, side)
    return (angle[:, None, None] + across[:, None] + across).sin()[:, None].expand(n, channels, side, side)


@pytest.mark.parametrize(("channels", "side", "size", "expected"), [(3, 16, 64, 64), (1, 28, 256, 252), (3, 15, 45, 44)])
def test_a_video_shows_the_frames(tmp_path, channels, side, size, expected):
    frames = turning(12, channels, side)
    images.write_video(frames, tmp_path / "walk.mp4", size=size, frames_per_second=12)
    context, rate, shown = decoded(tmp_path / "walk.mp4")
    assert os.listdir(tmp_path) == ["walk.mp4"]
    assert (context.name, context.pix_fmt, rate) == ("h264", "yuv420p", 12)  # what every browser plays
    assert shown.shape == (12, expected, expected, 3)  # sides are even, no frame is lost
    wanted = np.stack([np.array(p.convert("RGB").crop((0, 0, expected, expected))) for p in images.to_pil(frames, size)])
    assert np.abs(shown.astype(int) - wanted).mean() < 4


def test_a_video_that_cannot_be_written_leaves_nothing(tmp_path):
    pytest.importorskip("av")
    with pytest.raises(OSError):
        images.write_video(turning(2, 1, 8), tmp_path / "missing" / "walk.mp4")
    assert os.listdir(tmp_path) == []
