"""Pictures as files: grids, strips, videos."""

import hashlib
import io
import os
import secrets
import struct
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, PngImagePlugin
from torch import Tensor

from .errors import InvalidInput
from .files import write_atomically

XMP = "gan-studio-xmp"  # key of a picture's `info`: the packet that goes into its file (gan_models.marks.marked)
MOST_IN_JPEG = 65_000  # bytes of a packet, the limit of a JPEG segment
XMP_OF_MP4 = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")  # of the box that holds XMP (XMP part 3, 1.2.6)


def to_uint8(images: Tensor) -> np.ndarray:
    """(n, C, H, W) in [-1, 1] -> (n, H, W, C) uint8, rounded, out-of-range values clipped."""
    images = ((images.detach().float() + 1) * 127.5).round().clamp(0, 255)
    return images.permute(0, 2, 3, 1).to("cpu", torch.uint8).numpy()


def to_pil(images: Tensor, size: int | None = None) -> list[Image.Image]:
    """(n, C, H, W) in [-1, 1], C = 1 or 3 -> n pictures, enlarged by a whole factor to a height of about `size` pixels:
    grey ones (digits) to sharp squares, coloured ones smoothly."""
    pictures = [Image.fromarray(array.squeeze(-1) if array.shape[-1] == 1 else array) for array in to_uint8(images)]
    factor = max(1, round((size or 0) / images.shape[2]))
    return [enlarge(picture, factor) for picture in pictures] if factor > 1 else pictures


def enlarge(picture: Image.Image, factor: int) -> Image.Image:
    """The picture at `factor` times its size."""
    how = Image.Resampling.NEAREST if picture.mode == "L" else Image.Resampling.BICUBIC
    return picture.resize((picture.width * factor, picture.height * factor), how)


def sized(picture: Image.Image, height: int | None) -> Image.Image:
    """The picture resized to that height in pixels, in proportion (None: unchanged). Grey ones (digits) are enlarged by
    a whole factor to sharp squares."""
    if height in (None, picture.height):
        return picture
    factor, rest = divmod(height, picture.height)
    if not rest and picture.mode == "L":
        return enlarge(picture, factor)
    width = max(1, round(picture.width * height / picture.height))
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def grid(images: Tensor, columns: int | None = None, padding: int = 2) -> Image.Image:
    """One picture of all images (n, C, H, W) in [-1, 1], row by row; without `columns` as square as n allows."""
    return sheet(to_pil(images), columns, padding)


def sheet(pictures: list[Image.Image], columns: int | None = None, padding: int = 2) -> Image.Image:
    """One picture of all pictures, which have the same size and mode, laid out as by `grid`."""
    n, (width, height) = len(pictures), pictures[0].size
    columns = columns or int(np.ceil(np.sqrt(n)))
    rows = -(-n // columns)
    whole = (columns * (width + padding) + padding, rows * (height + padding) + padding)
    result = Image.new(pictures[0].mode, whole, "white")
    for k, picture in enumerate(pictures):
        result.paste(picture, (k % columns * (width + padding) + padding, k // columns * (height + padding) + padding))
    return result


BAND = 128  # rows


def white_of(picture: Image.Image) -> int | None:
    """The number that is white in a picture of 32 bits per pixel (mode I or F): the least of the usual white levels that
    is not exceeded. None for a picture with fewer bits.

    Raises ValueError if that would be a guess: for negative or infinite numbers, or if all are near black.
    """
    if picture.mode not in ("I", "F"):
        return None
    if picture.mode == "I" and picture.format != "TIFF":
        return 65535  # Pillow's scale for 16 bits
    unsigned = picture.mode == "I" and _tag(picture, 339, 1) == 1 and _tag(picture, 258, 32) == 32
    least, most = 0, 0
    for top in range(0, picture.height, BAND):
        band = np.asarray(picture.crop((0, top, picture.width, min(top + BAND, picture.height))))
        band = band.view(np.uint32) if unsigned else band
        least, most = min(least, band.min()), max(most, band.max())
        if not np.isfinite(band).all():
            raise ValueError("Some of its numbers are not finite")
    whites = (1, 255, 65535) if picture.mode == "F" else (255, 65535, 2**32 - 1 if unsigned else 2**31 - 1)
    white = next((white for white in whites if most <= white), None)
    if least < 0 or white is None or (most and white > 1 and most < white / 16):
        raise ValueError(f"It holds numbers from {least:g} to {most:g}, of which it is unknown what is white")
    return white


def _tag(picture: Image.Image, number: int, default: int) -> int:
    value = picture.tag_v2.get(number, default)  # type: ignore[attr-defined] # of TIFFs alone
    return int(value[0] if isinstance(value, tuple) else value)


def plain(picture: Image.Image, mode: str, white: int | None = None) -> Image.Image:
    """A new picture with 8 bits per channel; transparent parts are shown on white. white: as given by `white_of`."""
    deep = picture.mode.startswith("I") or picture.mode == "F" and white is not None
    transparent = not deep and (picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info)
    if not deep and not transparent:
        return picture.convert(mode)
    result = Image.new(mode, picture.size, "white")
    for top in range(0, picture.height, BAND):  # band by band, since the intermediate array is large
        band = picture.crop((0, top, picture.width, min(top + BAND, picture.height)))
        if deep:
            band = Image.fromarray(_eight_bits(np.asarray(band), white or 65535))
        else:
            band = band.convert("RGBA")
        result.paste(band, (0, top), band if transparent else None)
    return result


def _eight_bits(values: np.ndarray, white: int) -> np.ndarray:
    if values.dtype.kind == "f":
        return np.rint(values.astype(np.float64) * (255 / white)).clip(0, 255).astype(np.uint8)
    if white == 2**32 - 1:
        values = values.view(np.uint32)
    return (values.clip(0, white) >> (white.bit_length() - 8)).astype(np.uint8)


@lru_cache(maxsize=1)
def register_heif() -> bool:
    """Let Pillow read HEIC photos. Returns whether it can: whether the package pillow-heif is installed."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener(thumbnails=False)
    return True


def encoded(picture: Image.Image, kind: str, xmp: bytes | None = None, **options: Any) -> bytes:
    """The bytes of a PNG, JPEG or WEBP file. xmp: a packet for its metadata (default: the picture's mark, if
    `marks.marked` gave it one). options: as for Pillow. Raises InvalidInput if the packet is too long for a JPEG."""
    packet, file = xmp_of(picture) if xmp is None else xmp, io.BytesIO()
    if packet and kind == "PNG":
        chunks = PngImagePlugin.PngInfo()
        chunks.add_itxt("XML:com.adobe.xmp", packet.decode())
        options = {"pnginfo": chunks, **options}
    elif packet:
        if kind == "JPEG" and len(packet) > MOST_IN_JPEG:
            raise InvalidInput("The metadata of this picture are too long for a JPEG; write it as .png or .webp.")
        options = {"xmp": packet, **options}
    picture.save(file, kind, **options)
    return file.getvalue()


def xmp_of(picture: Image.Image) -> bytes:
    """The packet that `marks.marked` gave a picture, or b"". The metadata of other files are not copied: they may tell
    where a photo was taken."""
    packet = picture.info.get(XMP, b"")
    return packet if isinstance(packet, bytes) else b""


def film_with(film: bytes, packet: bytes) -> bytes:
    """An MP4 or an animated WebP with an XMP packet at the end, which players ignore. Raises InvalidInput for another
    file."""
    if film[4:8] == b"ftyp":
        return film + struct.pack(">I4s16s", 24 + len(packet), b"uuid", XMP_OF_MP4) + packet
    if film[:4] + film[8:16] != b"RIFFWEBPVP8X":
        raise InvalidInput("Only an MP4 or an animated WebP can be marked as a video.")
    chunk = struct.pack("<4sI", b"XMP ", len(packet)) + packet + b"\0" * (len(packet) % 2)
    flags = bytes([film[20] | 4])  # the bit that says that there is XMP
    return b"RIFF" + struct.pack("<I", len(film) - 8 + len(chunk)) + film[8:20] + flags + film[21:] + chunk


def to_png(picture: Image.Image) -> bytes:
    """The bytes of a PNG file, with the picture's mark if it has one (gan_models.marks)."""
    return encoded(picture, "PNG")


def save_png(picture: Image.Image, path: str | os.PathLike[str]) -> None:
    """Write a PNG atomically, with the picture's mark if it has one (gan_models.marks)."""
    write_atomically(Path(path), to_png(picture))


def save_by_content(picture: Image.Image, folder: str | os.PathLike[str], xmp: bytes = b"") -> Path:
    """Write a lossless WebP, named by a hash of its content, and return its path. It is ten times faster to write than a
    PNG. xmp: a packet for its metadata (default: the picture's mark, see gan_models.marks)."""
    data = encoded(picture, "WEBP", xmp or xmp_of(picture), lossless=True, method=0, quality=0)
    path = Path(folder) / f"{hashlib.sha256(data).hexdigest()[:32]}.webp"
    temporary = path.with_name(f".{path.stem}-{secrets.token_hex(4)}.tmp")
    temporary.write_bytes(data)
    os.replace(temporary, path)
    return path


def write_video(
    images: Tensor, path: str | os.PathLike[str], *, size: int = 256, frames_per_second: int = 24, xmp: bytes = b""
) -> None:
    """Write frames (n, C, H, W) in [-1, 1] as an H.264 MP4 of about `size` pixels that every browser plays, atomically.
    xmp: a packet for its metadata, such as `marks.to_xmp(marks.of(model))`. Needs PyAV."""
    write_frames(to_pil(images, size), path, frames_per_second, xmp)


def write_frames(
    pictures: list[Image.Image], path: str | os.PathLike[str], frames_per_second: int = 24, xmp: bytes = b""
) -> None:
    """Write pictures of one size as a video, atomically: an animated WebP that repeats if the name ends in .webp, else
    an H.264 MP4, which needs PyAV. xmp: a packet for its metadata (default: the mark of the first picture)."""
    file, path, xmp = io.BytesIO(), Path(path), xmp or xmp_of(pictures[0])
    pictures = [picture.convert("RGB") for picture in pictures]
    if path.suffix.lower() == ".webp":
        times = {"duration": round(1000 / frames_per_second), "loop": 0}
        pictures[0].save(file, "WEBP", save_all=True, append_images=pictures[1:], quality=90, xmp=xmp, **times)
        film = file.getvalue()
    else:
        _write_mp4(pictures, file, frames_per_second)
        film = film_with(file.getvalue(), xmp) if xmp else file.getvalue()
    write_atomically(path, film)


def _write_mp4(pictures: list[Image.Image], file: io.BytesIO, frames_per_second: int) -> None:
    import av

    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", frames_per_second, options={"crf": "18", "preset": "veryfast"})
        # Colours are stored at half resolution, so sides must be even: an odd one loses its last row or column.
        stream.width, stream.height, stream.pix_fmt = pictures[0].width // 2 * 2, pictures[0].height // 2 * 2, "yuv420p"
        for picture in pictures:
            frame = av.VideoFrame.from_image(picture.crop((0, 0, stream.width, stream.height)))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
