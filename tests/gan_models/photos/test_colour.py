"""Photos in other spaces than sRGB: what is shown is sRGB, what goes back is what came. And pictures of 32 bits."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from gan_models import portrait
from gan_models.errors import InvalidPhoto
from gan_models.photos import colour
from gan_models.photos.crop import align, put_back
from gan_models.photos.faces import Face
from gan_models.photos.geometry import Similarity
from gan_models.photos.opening import open_photo, save_photo

# Red, green and blue as XYZ under D50.
P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))


def profile(primaries, gamma: float, space: bytes = b"RGB ") -> bytes:
    """An ICC profile of three colours and a power (ICC.1:2001-04)."""

    def xyz(values):
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(65536 * value) for value in values))

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(256 * gamma)) + b"\0\0"
    tags = {b"wtpt": xyz((0.9642, 1, 0.8249))}
    tags |= {name + b"XYZ": xyz(values) for name, values in zip((b"r", b"g", b"b"), primaries)}
    tags |= {name + b"TRC": curve for name in (b"r", b"g", b"b")}
    table, data, start = b"", b"", 132 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">2I", start + len(data), len(content))
        data += content
    header = bytearray(128)
    header[8:12], header[12:24] = b"\2\x20\0\0", b"mntr" + space + b"XYZ "
    header[36:40], header[68:80] = b"acsp", struct.pack(">3i", 63190, 65536, 54061)
    header[:4] = struct.pack(">I", start + len(data))
    return bytes(header) + struct.pack(">I", len(tags)) + table + data


def linear(primaries, gamma, rgb) -> np.ndarray:
    return (np.asarray(rgb, float) / 255) ** gamma @ np.array(primaries)


SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))


def expected(primaries, gamma, rgb) -> np.ndarray:
    """By the formulas of IEC 61966-2-1, without ImageCms."""
    light = (linear(primaries, gamma, rgb) @ np.linalg.inv(np.array(SRGB))).clip(0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def smooth(width: int, height: int) -> Image.Image:
    cells = Image.fromarray(np.random.default_rng(0).integers(20, 236, (6, 5, 3), dtype=np.uint8))
    return cells.resize((width, height), Image.Resampling.BICUBIC)


def encode(picture: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def face(size: int) -> Face:
    """One whose window, 128 of CelebA's pixels wide, is the middle of the photo."""
    scale = size / 256
    return Face(
        (0, 0, 1, 1), np.zeros((68, 2)), Similarity(scale, complex(size / 2, size / 2) - scale * complex(89, 112)), 1.0
    )


@pytest.mark.parametrize("primaries, gamma", [(P3, 2.2), (ADOBE, 563 / 256)])
def test_networks_and_preview_see_srgb(primaries, gamma):
    for size in (200, 1200):  # smaller and larger than the preview
        raw = smooth(size, size)
        photo = open_photo(encode(raw, icc_profile=profile(primaries, gamma)))
        seen = np.asarray(portrait.Portrait(None, photo, (face(size),), 0, None).small().photo, float)
        if size == 200:
            assert np.abs(seen - expected(primaries, gamma, raw)).max() < 3
            assert np.abs(seen - np.asarray(raw)).mean() > 2
        aligned = (align(photo, face(size), 64).permute(1, 2, 0).numpy() + 1) * 127.5
        unmanaged = (align(raw, face(size), 64).permute(1, 2, 0).numpy() + 1) * 127.5
        assert np.abs(aligned - expected(primaries, gamma, unmanaged)).max() < 4


def test_the_file_that_goes_back_is_in_its_own_space_and_unchanged_where_nothing_was_edited(tmp_path):
    raw, own = smooth(400, 400), profile(P3, 2.2)
    raw.paste((0, 255, 0), (0, 0, 400, 60))  # a green that sRGB does not have
    raw.paste((0, 255, 0), (100, 100, 160, 160))
    photo, where = open_photo(encode(raw, icc_profile=own)), face(400)
    before = align(photo, where, 64)
    assert np.array_equal(np.asarray(put_back(photo, where, before, before)), np.asarray(raw))
    brighter = before.clone()
    brighter[:, 16:48, 16:48] += 0.2
    edited = put_back(photo, where, before, brighter)
    save_photo(edited, tmp_path / "edited.png")
    with Image.open(tmp_path / "edited.png") as saved:
        assert saved.info["icc_profile"] == own
        pixels = np.asarray(saved)
    outside = np.ones((400, 400), bool)
    outside[98:302, 98:302] = False
    assert np.array_equal(pixels[outside], np.asarray(raw)[outside])
    # Seen through its profile, the change is the one that was asked for in sRGB.
    change = (align(edited, where, 64) - before)[:, 24:40, 24:40]
    inside = (align(edited, where, 64)[:, 24:40, 24:40] < 0.98) & (before[:, 24:40, 24:40].abs() < 0.75)
    assert (change[inside] - 0.2).abs().mean() < 0.01 and (change[inside] - 0.2).abs().max() < 0.08


def test_profiles_that_cannot_be_used_are_as_good_as_none():
    raw = smooth(100, 100)
    good = profile(P3, 2.2)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    random = np.random.default_rng(0)
    flipped = []
    for _ in range(60):
        content = bytearray(good)
        content[random.integers(len(content))] ^= int(random.integers(1, 256))
        flipped.append(bytes(content))
    grey, cmyk = profile(P3, 2.2, b"GRAY"), profile(P3, 2.2, b"CMYK")
    for k, bad in enumerate([b"profile", good[:200], b"\0" * 500, grey, cmyk, srgb, *flipped]):
        photo = open_photo(encode(raw, icc_profile=bad))
        before = align(photo, face(100), 32)
        assert put_back(photo, face(100), before, -before).size == (100, 100)
        if k < 6:
            assert colour.to_srgb(photo) is photo and np.array_equal(np.asarray(photo), np.asarray(raw))
    huge = Image.open(io.BytesIO(encode(raw)))
    huge.info["icc_profile"] = good + bytes(colour.MAX_PROFILE)
    assert open_photo(huge).info == {}


# ---- 32 bits ---------------------------------------------------------------------------------------------------------

RAMP = np.tile(np.linspace(0, 1, 64), (40, 1))


@pytest.mark.parametrize(
    "array",
    [
        (RAMP * 255).astype(np.int32),
        (RAMP * 65535).astype(np.int32),
        (RAMP * (2**31 - 1)).astype(np.int32),
        RAMP.astype(np.float32),
        (RAMP * 255).astype(np.float32),
        (RAMP * 65535).astype(np.float32),
    ],
)
def test_whole_numbers_and_floats_of_32_bits_are_scaled(array):
    shown = np.asarray(open_photo(encode(Image.fromarray(array), "TIFF")))[..., 0]
    assert np.abs(shown - 255 * RAMP).max() <= 1.01


def test_all_32_bits_without_a_sign():
    data = encode(Image.fromarray((RAMP * (2**32 - 1)).astype(np.uint32).view(np.int32)), "TIFF")
    signed = struct.pack("<HHIHH", 339, 3, 1, 2, 0)
    assert signed in data
    shown = np.asarray(open_photo(data.replace(signed, struct.pack("<HHIHH", 339, 3, 1, 1, 0))))[..., 0]
    assert np.abs(shown - 255 * RAMP).max() <= 1.01


@pytest.mark.parametrize(
    "array",
    [
        (RAMP * 1000).astype(np.int32),
        (RAMP * 255).astype(np.int32) - 100,
        (RAMP * 3).astype(np.float32),
        np.where(RAMP > 0.5, np.nan, RAMP).astype(np.float32),
        np.where(RAMP > 0.5, np.inf, RAMP).astype(np.float32),
        (RAMP * 1e9).astype(np.float32),
    ],
)
def test_numbers_whose_white_is_unknown_are_refused_in_a_sentence(array):
    with pytest.raises(InvalidPhoto, match="numbers .*; save the picture with 8 or 16 bits a channel"):
        open_photo(encode(Image.fromarray(array), "TIFF"))
