"""The plane: a face is cropped as in training, and its change is put back where it was."""

import time

import numpy as np
import pytest
import torch
from pictures_made import RED, WHITE, a_face, difference, quarters, smooth
from PIL import Image

from gan_models.errors import InvalidInput
from gan_models.photos.crop import align, put_back
from gan_models.photos.faces import Face
from gan_models.photos.geometry import Similarity, resample


def test_similarities_compose_invert_and_are_found_again():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(20, 2)) * 50
    one, two = Similarity(2 * np.exp(0.4j), 3 - 7j), Similarity(0.3 * np.exp(-2j), 11 + 1j)
    assert np.allclose((one @ two)(points), one(two(points)))
    assert np.allclose((one.inverse() @ one)(points), points)
    assert one.scale == pytest.approx(2) and one.degrees == pytest.approx(np.degrees(0.4))
    fitted = Similarity.fit(points, one(points) + rng.normal(size=(20, 2)) * 1e-3, np.ones(20))
    assert abs(fitted.a - one.a) < 1e-3 and abs(fitted.b - one.b) < 1e-2
    spoilt = one(points)
    spoilt[3] += 1000
    weights = np.ones(20)
    weights[3] = 0
    assert np.allclose(Similarity.fit(points, spoilt, weights)(points), one(points))


def test_a_face_that_is_aligned_already_is_cropped_as_the_training_does():
    frame = smooth(178, 218)
    face = Face((0, 0, 1, 1), np.zeros((68, 2)), Similarity(1, 0), 1.0)
    crop = frame.crop((25, 48, 153, 176))
    for size in (128, 64):
        expected = crop if size == 128 else crop.resize((64, 64), Image.Resampling.LANCZOS)
        aligned = align(frame, face, size)
        assert aligned.shape == (3, size, size) and aligned.dtype == torch.float32
        assert torch.equal(aligned, torch.from_numpy(np.asarray(expected).transpose(2, 0, 1) / np.float32(127.5) - 1))


@pytest.mark.parametrize("scale", [0.4, 1, 3.3, 9])
@pytest.mark.parametrize("degrees", [-30, 0, 17])
def test_align_undoes_turn_scale_and_shift(scale, degrees):
    original = smooth(178, 218, seed=3)
    size = int(300 * scale)
    face = a_face(scale, degrees, complex(size, size) / 2)
    photo = resample(original, face.frame.inverse(), (size, size))
    aligned = align(photo, face, 128)
    truth = torch.from_numpy(np.asarray(original.crop((25, 48, 153, 176))).transpose(2, 0, 1) / np.float32(127.5) - 1)
    assert (aligned - truth).abs().mean() < 0.012
    assert (aligned - truth).abs().max() < 0.15


def test_fine_patterns_shrink_to_grey_not_to_moire():
    stripes = np.zeros((1500, 1500, 3), np.uint8)
    stripes[:, ::2] = 255
    aligned = align(Image.fromarray(stripes), a_face(6.3, 11, 750 + 750j), 64)
    assert (aligned - 0).abs().max() < 0.1


def test_beyond_the_border_the_photo_is_mirrored():
    photo = quarters(100, 100)
    shifted = resample(photo, Similarity(1, -30 - 20j), (60, 60))
    assert (
        shifted.getpixel((0, 0)) == RED and difference(shifted.crop((30, 20, 60, 60)), photo.crop((0, 0, 30, 40))) == 0
    )
    column = np.asarray(resample(smooth(100, 100), Similarity(1, -30), (60, 60)))
    assert np.array_equal(column[:, :30], column[:, 30:60][:, ::-1])
    assert align(photo, a_face(3, 20, 20 + 90j), 64).abs().max() <= 1  # most of the window lies outside
    with pytest.raises(InvalidInput, match="outside"):
        align(photo, a_face(0.1, 0, 500 + 500j), 64)


def test_no_change_gives_the_photo_back_bit_for_bit():
    photo = smooth(700, 500)
    photo.info["icc_profile"] = b"profile"
    face = a_face(2.1, -13, 300 + 240j)
    before = align(photo, face, 128)
    result = put_back(photo, face, before, before)
    assert result is not photo and result.tobytes() == photo.tobytes() and result.info["icc_profile"] == b"profile"


@pytest.mark.parametrize("scale, degrees", [(0.5, 0), (1, 25), (2.7, -30), (7.7, 8)])
@pytest.mark.parametrize("size", [64, 128])
def test_a_change_lands_where_it_should(scale, degrees, size):
    width = height = int(220 * scale)
    photo = Image.new("RGB", (width, height), (100, 100, 100))
    face = a_face(scale, degrees, complex(width, height) / 2)
    before = torch.zeros(3, size, size)
    after = before.clone()
    y, x = torch.meshgrid(torch.arange(size) + 0.5, torch.arange(size) + 0.5, indexing="ij")
    spot = ((x / size - 0.3) ** 2 + (y / size - 0.6) ** 2).sqrt() < 0.1
    after[0, spot] = 0.4
    change = np.asarray(put_back(photo, face, before, after)).astype(float) - 100
    assert (
        np.abs(change[..., 1:]).max() == 0 and change[..., 0].min() >= -7
    )  # a cubic overshoots a little at a hard edge
    rows, columns = np.mgrid[:height, :width] + 0.5
    found = np.array([(change[..., 0] * columns).sum(), (change[..., 0] * rows).sum()]) / change[..., 0].sum()
    middle = face.frame(np.array([25 + 0.3 * 128, 48 + 0.6 * 128]))
    assert np.hypot(*(found - middle)) < max(0.3, 0.5 * scale)
    assert change[int(middle[1]), int(middle[0]), 0] == pytest.approx(51, abs=1)
    area = np.pi * (0.1 * 128 * scale) ** 2
    assert change[..., 0].sum() / 51 == pytest.approx(area, rel=0.08)


def test_outside_the_window_every_pixel_stays_and_no_edge_shows():
    photo = Image.new("RGB", (600, 600), (90, 120, 150))
    face = a_face(2.5, 30, 300 + 300j)
    before = torch.zeros(3, 128, 128)
    result = np.asarray(put_back(photo, face, before, before + 0.5)).astype(int)
    change = result - (90, 120, 150)
    inside = face.frame.inverse()(np.stack(np.meshgrid(np.arange(600) + 0.5, np.arange(600) + 0.5), -1))
    outside = ((inside < (25, 48)) | (inside > (153, 176))).any(-1)
    assert not change[outside].any()
    assert (change[300, 300] == 64).all()
    assert np.abs(np.diff(change[..., 0], axis=0)).max() <= 4 and np.abs(np.diff(change[..., 0], axis=1)).max() <= 4


def test_the_photos_own_detail_stays():
    rng = np.random.default_rng(0)
    photo = Image.fromarray(rng.integers(80, 170, (900, 900, 3), dtype=np.uint8))
    face = a_face(4, 10, 450 + 450j)
    before = align(photo, face, 64)
    result = put_back(photo, face, before, before + 0.2)
    middle = (slice(400, 500), slice(400, 500))
    change = np.asarray(result).astype(int)[middle] - np.asarray(photo)[middle]
    assert set(np.unique(change)) <= {25, 26}


def test_a_face_at_the_border_and_values_beyond_the_range():
    photo = quarters(200, 200)
    face = a_face(1.5, 10, 190 + 20j)
    result = put_back(photo, face, torch.zeros(3, 64, 64), torch.full((3, 64, 64), 9.0))
    assert result.size == photo.size and result.getpixel((198, 40)) == WHITE and result.getpixel((5, 5)) == RED
    away = put_back(photo, a_face(0.2, 0, 900 + 900j), torch.zeros(3, 64, 64), torch.ones(3, 64, 64))
    assert away.tobytes() == photo.tobytes()
    for shapes in (((3, 64, 64), (3, 32, 32)), ((1, 3, 64, 64),) * 2, ((3, 64, 32),) * 2):
        with pytest.raises(InvalidInput, match="size"):
            put_back(photo, face, *(torch.zeros(shape) for shape in shapes))


def test_twelve_megapixels_take_little_time():
    photo = smooth(4000, 3000)
    face = a_face(14, 12, 2000 + 1500j)
    began = time.process_time()
    before = align(photo, face, 128)
    result = put_back(photo, face, before, before.flip(0))
    assert time.process_time() - began < 3 and result.size == photo.size
    assert difference(result.crop((0, 0, 300, 3000)), photo.crop((0, 0, 300, 3000))) == 0
