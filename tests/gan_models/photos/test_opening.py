"""Opening a photo, whatever it is."""

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
from pictures_made import BLUE, GREEN, RED, WHITE, difference, quarters, smooth
from PIL import Image

from gan_models.errors import InvalidInput, InvalidPhoto, ModelError, NoFace
from gan_models.photos import opening
from gan_models.photos.opening import open_photo, save_photo


def encode(picture: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


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
