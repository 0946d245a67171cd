"""Opening and saving a stranger's photo."""

import io
import os
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import InvalidInput, InvalidPhoto, short
from ..files import write_atomically
from ..images import encoded, plain, register_heif, white_of
from . import colour

# Pillow keeps 4 bytes per pixel, and opening needs two such pictures at once: about 400 MB for 50 megapixels. The
# decoders of WebP and AVIF hold copies of their own, 17 and 12 bytes per pixel in all.
MAX_MEGAPIXELS = 50
MAX_MEGAPIXELS_OF = {"WEBP": 25, "AVIF": 35}
MIN_SIDE = 32
# Pillow also knows formats that start programs (EPS) or that no camera writes; those are refused.
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
KINDS_OF_FILES = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}  # as a photo is written
Source = str | os.PathLike[str] | bytes | Image.Image


def open_photo(source: Source, least: int = MIN_SIDE) -> Image.Image:
    """Open a file, its bytes or a Pillow picture -> RGB, 8 bits, upright, the first frame, transparent parts on white.

    A picture that is too large, or has fewer than `least` pixels on a side, is refused by its header, before it is
    decoded. Of the metadata only the colour profile is kept: no place, no date. The numbers stay those of the profile,
    for the edited file; `colour.to_srgb` converts them for the screen. Raises InvalidPhoto with a sentence for whoever
    chose the file.
    """
    if isinstance(source, Image.Image):
        return _decode(source, least, ours=False)
    if not isinstance(source, (str, os.PathLike, bytes)):
        raise InvalidPhoto(f"A photo is a file, bytes or a Pillow image, not {type(source).__name__}.")
    file = io.BytesIO(source) if isinstance(source, bytes) else _open_file(Path(source))
    with file:
        start = file.read(32)
        file.seek(0)
        if not start:
            raise InvalidPhoto("The file is empty; choose another one.")
        has_heif = register_heif()
        if start[4:8] == b"ftyp" and start[8:12] in HEIF_BRANDS and not has_heif:
            raise InvalidPhoto(
                "This is a HEIC photo, which cannot be read here without the package pillow-heif; "
                "send it as JPEG, or install pillow-heif."
            )
        Image.init()  # else Pillow knows only its five most common formats
        try:
            picture = Image.open(file, formats=[known for known in FORMATS if known in Image.OPEN])
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise InvalidPhoto(
                f"The picture is too large; at most {MAX_MEGAPIXELS} megapixels are taken, so make it smaller first."
            ) from error
        except UnidentifiedImageError as error:
            raise InvalidPhoto(
                "The file is not a picture, or a damaged one; choose a JPEG, PNG, WebP or HEIC file."
            ) from error
        except Exception as error:  # headers of damaged files raise nearly anything
            raise _damaged_photo() from error
        with picture:
            return _decode(picture, least, ours=True)


def _open_file(path: Path) -> io.BufferedReader:
    try:
        return open(path, "rb")
    except FileNotFoundError as error:
        raise InvalidPhoto(f"There is no file {short(str(path))}.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidPhoto(f"The file {short(str(path))} cannot be read: {reason}.") from error


def _decode(picture: Image.Image, least: int, ours: bool) -> Image.Image:
    """Decode a picture. ours: nobody else uses it, so it may be changed in place, which saves a copy."""
    width, height = picture.size
    most = MAX_MEGAPIXELS_OF.get(picture.format or "", MAX_MEGAPIXELS)
    if width * height > most * 1_000_000:
        kind = f" of a {picture.format} file" if most < MAX_MEGAPIXELS else ""
        raise InvalidPhoto(
            f"The picture has {width:,} x {height:,} pixels; at most {most} megapixels are taken{kind}, "
            "so make it smaller first."
        )
    if min(width, height) < least:
        raise InvalidPhoto(
            f"The picture has only {width} x {height} pixels; choose one with at least {least} on each side."
        )
    try:
        picture.load()
        coloured = picture.mode in ("RGB", "RGBA", "P", "PA")
        profile = picture.info.get("icc_profile")
        try:
            white = white_of(picture)
        except ValueError as error:
            raise InvalidPhoto(f"{error}; save the picture with 8 or 16 bits a channel.") from error
        photo = plain(_upright(picture, in_place=ours), "RGB", white)
    except InvalidPhoto:
        raise
    except Exception as error:  # decoders of damaged files raise nearly anything
        raise _damaged_photo() from error
    keep = profile and coloured and len(profile) <= colour.MAX_PROFILE
    photo.info = {"icc_profile": profile} if keep else {}
    return photo


def _upright(picture: Image.Image, in_place: bool) -> Image.Image:
    try:
        if not in_place:
            return ImageOps.exif_transpose(picture)
        ImageOps.exif_transpose(picture, in_place=True)
        return picture
    except Exception:  # metadata that cannot be read are no reason to refuse the picture
        return picture


def _damaged_photo() -> InvalidPhoto:
    return InvalidPhoto("The picture is truncated or damaged; choose another file, or save it anew.")


def save_photo(photo: Image.Image, path: str | os.PathLike[str]) -> None:
    """Write the photo atomically: JPEG of high quality, PNG or WebP by the ending of the name; with its mark if a model
    changed it (gan_models.marks)."""
    kind = KINDS_OF_FILES.get(Path(path).suffix.lower())
    if kind is None:
        raise InvalidInput(f"A photo is written as {', '.join(KINDS_OF_FILES)}, not as {short(Path(path).suffix)}.")
    options: dict[str, Any] = {"compress_level": 1} if kind == "PNG" else {"quality": 95}
    if "icc_profile" in photo.info:
        options["icc_profile"] = photo.info["icc_profile"]
    write_atomically(Path(path), encoded(photo, kind, **options))
