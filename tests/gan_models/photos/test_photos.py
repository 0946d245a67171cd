"""Opening anybody's file, finding faces, aligning them and putting a change back."""

import io
import struct
import subprocess
import sys
import time
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from gan_models.errors import (
    InvalidInput,
    InvalidPhoto,
    MissingPackage,
    ModelError,
    NoFace,
)
from gan_models.photos import faces as photos
from gan_models.photos import opening
from gan_models.photos.crop import align, put_back
from gan_models.photos.faces import Face, choose, find_faces, numbered
from gan_models.photos.geometry import Similarity, sample
from gan_models.photos.opening import open_photo, save_photo

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def quarters(width=80, height=48) -> Image.Image:
    """Red and green above, blue and white below."""
    picture = Image.new("RGB", (width, height), RED)
    picture.paste(GREEN, (width // 2, 0, width, height))
    picture.paste(BLUE, (0, height // 2, width // 2, height))
    picture.paste(WHITE, (width // 2, height // 2, width, height))
    return picture


def encode(picture: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def difference(a: Image.Image, b: Image.Image) -> int:
    assert a.size == b.size and a.mode == b.mode == "RGB"
    return int(np.abs(np.asarray(a).astype(int) - np.asarray(b)).max())


def smooth(width: int, height: int, seed: int = 0) -> Image.Image:
    rng = np.random.default_rng(seed)
    cells = Image.fromarray(rng.integers(40, 216, (6, 5, 3), dtype=np.uint8))
    return cells.resize((width, height), Image.Resampling.BICUBIC)


def a_face(scale: float, degrees: float, middle: complex) -> Face:
    """A face whose middle of the frame lies there."""
    a = scale * np.exp(1j * np.radians(degrees))
    frame = Similarity(a, middle - a * complex(89, 112))
    return Face((0, 0, 1, 1), np.zeros((68, 2)), frame, 1.0)


# ---- Opening ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind, options, tolerance",
    [
        ("PNG", {}, 0),
        ("JPEG", {"quality": 95, "subsampling": 0}, 4),
        ("WEBP", {"lossless": True}, 0),
        ("BMP", {}, 0),
        ("TIFF", {}, 0),
        ("GIF", {}, 0),
    ],
)
def test_bytes_files_and_pictures_open_alike(tmp_path, kind, options, tolerance):
    data = encode(quarters(), kind, **options)
    (tmp_path / "photo.bin").write_bytes(data)
    for source in (data, tmp_path / "photo.bin", str(tmp_path / "photo.bin"), Image.open(io.BytesIO(data))):
        assert difference(open_photo(source), quarters()) <= tolerance


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_sideways_photos_are_turned_upright(orientation, kind):
    turns = {
        2: "FLIP_LEFT_RIGHT",
        3: "ROTATE_180",
        4: "FLIP_TOP_BOTTOM",
        5: "TRANSPOSE",
        6: "ROTATE_90",
        7: "TRANSVERSE",
        8: "ROTATE_270",
    }  # what the camera did; Pillow's ROTATE_90 turns to the left
    stored = quarters()
    if orientation in turns:
        stored = stored.transpose(Image.Transpose[turns[orientation]])
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = open_photo(encode(stored, kind, exif=exif))
    assert photo.size == (80, 48)
    assert [
        max(range(4), key=lambda k: -np.abs(np.subtract((RED, GREEN, BLUE, WHITE)[k], photo.getpixel(xy))).sum())
        for xy in ((10, 10), (70, 10), (10, 40), (70, 40))
    ] == [0, 1, 2, 3]


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_unreadable_metadata_do_no_harm():
    data = encode(quarters(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\xff\xff\xff\xff")
    assert open_photo(data).size == (80, 48)


def test_what_is_transparent_is_white():
    picture = quarters().convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 40, 24))
    picture.paste((0, 0, 0, 128), (40, 0, 80, 24))
    photo = open_photo(encode(picture, "PNG"))
    assert photo.mode == "RGB" and photo.getpixel((5, 5)) == WHITE and photo.getpixel((5, 40)) == BLUE
    assert photo.getpixel((60, 5)) == (127, 127, 127)
    palette = quarters().quantize(8)
    photo = open_photo(encode(palette, "PNG", transparency=palette.getpixel((5, 5))))
    assert photo.getpixel((5, 5)) == WHITE and photo.getpixel((5, 40)) == BLUE
    photo = open_photo(encode(Image.new("LA", (40, 40), (0, 0)), "PNG"))
    assert photo.getpixel((5, 5)) == WHITE


def test_sixteen_bits_grey_bilevel_and_printing_colours():
    ramp = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (40, 1))
    for kind in ("PNG", "TIFF"):
        photo = open_photo(encode(Image.fromarray(ramp), kind))
        assert np.array_equal(np.asarray(photo)[..., 1], ramp >> 8)
    assert open_photo(encode(Image.new("L", (40, 40), 77), "JPEG")).getpixel((3, 3)) == (77, 77, 77)
    assert open_photo(encode(Image.new("1", (40, 40), 1), "PNG")).getpixel((3, 3)) == WHITE
    photo = open_photo(encode(Image.new("CMYK", (40, 40), (0, 255, 255, 0)), "JPEG", quality=95))
    assert np.abs(np.subtract(photo.getpixel((3, 3)), RED)).max() < 6


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_is_taken(kind):
    others = [Image.new("RGB", (80, 48), "black")] * 3
    options = {"lossless": True} if kind == "WEBP" else {}
    photo = open_photo(encode(quarters(), kind, save_all=True, append_images=others, **options))
    assert difference(photo, quarters()) == 0


def test_a_phones_pair_of_pictures_is_its_first():
    pair = encode(
        quarters(), "MPO", save_all=True, append_images=[Image.new("RGB", (80, 48))], quality=95, subsampling=0
    )
    photo = open_photo(pair)
    assert difference(photo, quarters()) <= 4


def test_heic_opens_where_the_package_is_there(monkeypatch):
    heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    heif.from_pillow(quarters()).save(file, quality=95, chroma=444)
    assert difference(open_photo(file.getvalue()), quarters()) < 40
    monkeypatch.setattr(opening, "register_heif", lambda: False)
    with pytest.raises(InvalidPhoto, match="pillow-heif"):
        open_photo(file.getvalue())


def test_of_the_metadata_only_the_colour_profile_stays(tmp_path):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0110], exif[0x0112] = "a camera", 6
    photo = open_photo(encode(quarters(), "JPEG", exif=exif, icc_profile=profile, comment=b"at home"))
    assert photo.info == {"icc_profile": profile} and not photo.getexif()
    for name in ("a.jpg", "a.png", "a.webp"):
        save_photo(photo, tmp_path / name)
        with Image.open(tmp_path / name) as saved:
            assert saved.info["icc_profile"] == profile and not saved.getexif() and "comment" not in saved.info
            assert saved.size == photo.size
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a.jpg", "a.png", "a.webp"]
    with pytest.raises(InvalidInput, match=".jpg"):
        save_photo(photo, tmp_path / "a.exe")
    grey = open_photo(encode(Image.new("CMYK", (40, 40)), "JPEG", icc_profile=profile))
    assert grey.info == {}  # a profile for other colours than the photo now has


def png_header(width: int, height: int) -> bytes:
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    lines = zlib.compress(b"\0" * 100_000)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", lines)
    )


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    "width, height", [(50_000, 50_000), (12_000, 12_000), (8_000, 6_300), (2**31 - 1, 1), (1, 2**31 - 1)]
)
def test_bombs_are_refused_from_the_header(width, height):
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(InvalidPhoto, match="too large|megapixels|only"):
        open_photo(png_header(width, height))
    assert time.process_time() - began < 1
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_other_bombs():
    screen, frame = struct.pack("<HH", 65535, 65535), struct.pack("<HHHH", 0, 0, 65535, 65535)
    gif = b"GIF89a" + screen + b"\x80\0\0" + b"\0" * 6 + b"," + frame + b"\0\2"
    with pytest.raises(InvalidPhoto, match="large|megapixels"):
        open_photo(gif)
    with pytest.raises(InvalidPhoto, match="megapixels"):
        open_photo(Image.new("1", (10_000, 6_000)))


def test_of_webp_less_is_taken_because_its_decoder_needs_more():
    data = encode(Image.new("RGB", (5010, 5000)), "WEBP", method=0, quality=0)
    with pytest.raises(InvalidPhoto, match="5,010 x 5,000 pixels; at most 25 megapixels are taken of a WEBP file"):
        open_photo(data)


PEAKS = """
import sys
from gan_models.photos import open_photo

def memory(name):
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith(name))

for path in sys.argv[1:]:
    open("/proc/self/clear_refs", "w").write("5")  # forget the peak so far
    before = memory("VmRSS")
    photo = open_photo(path)
    print((memory("VmHWM") - before) / (3 * photo.width * photo.height))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peaks of memory are read from Linux's /proc")
def test_large_photos_take_little_memory(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.new("RGBA", (4000, 3000), (200, 100, 50, 128))
    picture.resize((40, 40)).save(tmp_path / "warm.png")
    picture.save(tmp_path / "clear.png", compress_level=1)
    picture.convert("RGB").save(tmp_path / "sideways.jpg", exif=exif)
    paths = [tmp_path / name for name in ("warm.png", "sideways.jpg", "clear.png")]
    done = subprocess.run([sys.executable, "-c", PEAKS, *map(str, paths)], capture_output=True, text=True, check=True)
    peaks = [float(line) for line in done.stdout.split()][1:]
    assert len(peaks) == 2 and 1.3 < min(peaks) and max(peaks) < 3.1, peaks  # in sizes of the picture as RGB


def test_a_picture_that_is_handed_in_stays_as_it_is():
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.open(io.BytesIO(encode(quarters(), "JPEG", exif=exif)))
    assert open_photo(picture).size == (48, 80) and picture.size == (80, 48) and picture.getexif()[0x0112] == 6
    upright = quarters()
    assert open_photo(upright) is not upright


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", "empty"),
        (b"Dear sir,\nplease find enclosed no picture at all.\n" * 50, "not a picture"),
        (b"<!DOCTYPE html><html></html>", "not a picture"),
        (b"\xff\xd8\xff", "not a picture|damaged"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n", "not a picture"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
    ],
)
def test_a_file_that_is_no_picture_is_reported(tmp_path, data, message):
    (tmp_path / "photo.jpg").write_bytes(data)
    with pytest.raises(InvalidPhoto, match=message) as error:
        open_photo(tmp_path / "photo.jpg")
    assert str(error.value).endswith(".") and "\n" not in str(error.value)


@pytest.mark.parametrize("size", [(1, 1), (31, 400), (400, 31)])
def test_absurdly_small_pictures_are_refused(size):
    with pytest.raises(InvalidPhoto, match=f"only {size[0]} x {size[1]}"):
        open_photo(encode(Image.new("RGB", size), "PNG"))


def test_names_that_lead_nowhere(tmp_path):
    with pytest.raises(InvalidPhoto, match="no file"):
        open_photo(tmp_path / "none.jpg")
    for name in (tmp_path, "a\0b"):
        with pytest.raises(InvalidPhoto, match="cannot be read"):
            open_photo(name)
    with pytest.raises(InvalidPhoto, match="NoneType"):
        open_photo(None)
    assert issubclass(InvalidPhoto, ModelError) and issubclass(NoFace, InvalidPhoto)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
def test_damaged_files_are_refused_or_opened_but_never_break(kind):
    data = encode(smooth(160, 120), kind)
    for cut in (0.3, 0.6, 0.9):
        try:
            photo = open_photo(data[: int(len(data) * cut)])
            assert photo.size == (160, 120)
        except InvalidPhoto as error:
            assert str(error).endswith(".")
    rng = np.random.default_rng(0)
    for _ in range(40):
        broken = bytearray(data)
        for place in rng.integers(0, len(data), 6):
            broken[place] = rng.integers(256)
        try:
            assert open_photo(bytes(broken)).mode == "RGB"
        except InvalidPhoto as error:
            assert str(error).endswith(".")


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_truncated_file_is_reported(kind):
    data = encode(smooth(300, 200), kind)
    with pytest.raises(InvalidPhoto, match="truncated"):
        open_photo(data[: len(data) // 2])


# ---- The plane -------------------------------------------------------------------------------------------------------


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
    photo = sample(original, face.frame.inverse(), (size, size))
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
    shifted = sample(photo, Similarity(1, -30 - 20j), (60, 60))
    assert (
        shifted.getpixel((0, 0)) == RED and difference(shifted.crop((30, 20, 60, 60)), photo.crop((0, 0, 30, 40))) == 0
    )
    column = np.asarray(sample(smooth(100, 100), Similarity(1, -30), (60, 60)))
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


# ---- Faces -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def originals(data_root):
    from training.data.celeba import celeba_originals

    return [Image.open(io.BytesIO(data)).convert("RGB") for data in celeba_originals(data_root / "original")[:40]]


def place(pictures, frames, size) -> Image.Image:
    """The pictures in a larger one, each in a frame of its own."""
    photo = smooth(*size, seed=9)
    for picture, frame in zip(pictures, frames):
        mask = sample(Image.new("L", picture.size, 255), frame.inverse(), size)
        inside = frame.inverse()(np.stack(np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5), -1))
        mask = ((inside > 0) & (inside < picture.size)).all(-1)
        photo.paste(sample(picture, frame.inverse(), size), (0, 0), Image.fromarray(mask))
    return photo


def test_aligned_originals_are_found_where_they_are(originals):
    errors = []
    for picture in originals[:6]:
        try:
            face = find_faces(picture)[0]
        except NoFace:
            continue
        assert face.landmarks.shape == (68, 2) and face.score > 0
        errors.append(np.hypot(*(face.eyes - photos.eyes_in_frame()).T).mean() / 38)
        left, top, right, bottom = face.box
        assert 0 <= left < 89 < right <= 178 and 0 <= top < 125 < bottom <= 218
    assert len(errors) >= 5 and np.median(errors) < 0.06


@pytest.mark.parametrize("scale, degrees", [(0.35, 10), (1.5, -28), (5.5, 20)])
def test_faces_are_found_turned_and_scaled(originals, scale, degrees):
    size = (round(320 * scale), round(360 * scale))
    frame = a_face(scale, degrees, complex(*size) / 2).frame
    errors = []
    for picture in originals[:3]:
        face = find_faces(place([picture], [frame], size))[0]
        eyes = frame(photos.eyes_in_frame())
        errors.append(np.hypot(*(face.eyes - eyes).T).mean() / np.hypot(*(eyes[1] - eyes[0])))
        assert abs(face.frame.degrees - degrees) < 8 and face.frame.scale == pytest.approx(scale, rel=0.2)
    assert np.median(errors) < 0.08


def test_several_faces_come_largest_first_and_are_chosen_by_a_click_or_a_number(originals):
    scales, middles = (1.2, 2.4, 0.8), (150 + 300j, 600 + 300j, 950 + 300j)
    frames = [a_face(scale, 0, middle).frame for scale, middle in zip(scales, middles)]
    photo = place(originals[:3], frames, (1100, 600))
    faces = find_faces(photo)
    assert [round(face.frame.scale, 1) for face in faces] == pytest.approx([2.4, 1.2, 0.8], rel=0.15)
    assert [choose(faces, *xy) for xy in ((600, 310), (150, 320), (950, 310))] == [0, 1, 2]
    assert choose(faces, 380, 30) is None and choose([], 1, 1) is None
    shown = numbered(photo, faces)
    assert shown.size == photo.size and numbered(photo, faces, longest=550).size == (550, 300)
    drawn = np.abs(np.asarray(shown).astype(int) - np.asarray(photo)).sum(-1) > 0
    for face in faces:
        left, top, right, bottom = face.box
        assert drawn[top:bottom, left].mean() > 0.9 and not drawn[(top + bottom) // 2, (left + right) // 2]


def test_small_faces_next_to_a_large_one_are_found(originals):
    photo = smooth(2000, 1500)
    photo.paste(originals[0].resize((712, 872)), (100, 200))
    small = photo.copy()
    small.paste(originals[1].resize((142, 174)), (1500, 600))  # at 1280 pixels too small for the detector
    assert len(find_faces(photo)) == 1
    large, other = find_faces(small)
    assert large.frame.scale == pytest.approx(4, rel=0.15) and other.frame.scale == pytest.approx(0.8, rel=0.15)
    assert choose([large, other], 1571, 690) == 1
    portrait = smooth(2000, 1500)
    portrait.paste(originals[0].resize((1068, 1308)), (100, 100))
    portrait.paste(originals[1].resize((142, 174)), (1500, 600))
    assert [round(face.frame.scale) for face in find_faces(portrait)] == [6]  # there nobody waits for the small one


def test_photos_that_lie_on_their_side_or_head_are_no_hindrance(originals):
    for degrees, picture in zip((90, 180, 270), originals):
        turned = find_faces(picture.rotate(degrees, expand=True))[0].frame.degrees
        assert abs((turned + degrees + 180) % 360 - 180) < 10


def test_a_picture_without_a_face_is_reported(originals):
    drawing = Image.new("RGB", (400, 300), "white")
    ImageDraw.Draw(drawing).ellipse((100, 50, 300, 250), fill="orange")
    for picture in (
        smooth(640, 480),
        drawing,
        Image.new("RGB", (3000, 32), "grey"),
        originals[0].crop((0, 0, 89, 118)),
    ):  # half a face, at the border
        with pytest.raises(NoFace, match="No face was found; choose"):
            find_faces(picture)


def test_a_missing_package_says_what_to_install(monkeypatch):
    photos.dlib_models.cache_clear()
    try:
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, "dlib", None)
            with pytest.raises(MissingPackage, match="pip install dlib-bin face_recognition_models"):
                find_faces(smooth(100, 100))
        with monkeypatch.context() as patch:
            patch.setattr(photos.importlib.util, "find_spec", lambda name: None)
            with pytest.raises(MissingPackage, match="face_recognition_models"):
                photos.load_detector()
        photos.load_detector()
        assert photos.dlib_models.cache_info().currsize == 1  # the next photo does not wait for it
    finally:
        photos.dlib_models.cache_clear()
