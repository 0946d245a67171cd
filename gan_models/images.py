"""Pictures as files: grids, strips, videos."""

import hashlib
import io
import os
import secrets
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .files import write_atomically


def to_uint8(images: Tensor) -> np.ndarray:
    """(n, C, H, W) in [-1, 1] -> (n, H, W, C) uint8, rounded, out-of-range values clipped."""
    images = ((images.detach().float() + 1) * 127.5).round().clamp(0, 255)
    return images.permute(0, 2, 3, 1).to("cpu", torch.uint8).numpy()


def to_pil(images: Tensor, size: int | None = None) -> list[Image.Image]:
    """(n, C, H, W) in [-1, 1], C = 1 or 3 -> n pictures, enlarged to a height of about `size` pixels by a whole factor:
    grey ones (digits) to crisp squares, coloured ones smoothly."""
    pictures = [Image.fromarray(array.squeeze(-1) if array.shape[-1] == 1 else array) for array in to_uint8(images)]
    factor = max(1, round((size or 0) / images.shape[2]))
    return [enlarge(picture, factor) for picture in pictures] if factor > 1 else pictures


def enlarge(picture: Image.Image, factor: int) -> Image.Image:
    """The picture at `factor` times its size."""
    how = Image.Resampling.NEAREST if picture.mode == "L" else Image.Resampling.BICUBIC
    return picture.resize((picture.width * factor, picture.height * factor), how)


def grid(images: Tensor, columns: int | None = None, padding: int = 2) -> Image.Image:
    """One picture of all images (n, C, H, W) in [-1, 1], row by row, as square as n allows unless `columns` says
    otherwise."""
    arrays = to_uint8(images)
    n, height, width, channels = arrays.shape
    columns = columns or int(np.ceil(np.sqrt(n)))
    rows = -(-n // columns)
    sheet = np.full(
        (rows * (height + padding) + padding, columns * (width + padding) + padding, channels), 255, np.uint8
    )
    for k, array in enumerate(arrays):
        top, left = (k // columns * (height + padding) + padding, k % columns * (width + padding) + padding)
        sheet[top : top + height, left : left + width] = array
    return Image.fromarray(sheet.squeeze(-1) if channels == 1 else sheet)


BAND = 128  # rows


def plain(picture: Image.Image, mode: str) -> Image.Image:
    """A new picture with 8 bits a channel; what is transparent is seen on white."""
    deep = picture.mode.startswith("I")
    transparent = not deep and (picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info)
    if not deep and not transparent:
        return picture.convert(mode)
    result = Image.new(mode, picture.size, "white")
    for top in range(0, picture.height, BAND):  # what lies between the two is large, and never there as a whole
        band = picture.crop((0, top, picture.width, min(top + BAND, picture.height)))
        if deep:
            band = Image.fromarray((np.asarray(band).clip(0, 65535) >> 8).astype(np.uint8))
        else:
            band = band.convert("RGBA")
        result.paste(band, (0, top), band if transparent else None)
    return result


def save_png(picture: Image.Image, path: str | os.PathLike) -> None:
    """Write a PNG, whole or not at all."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    write_atomically(Path(path), file.getvalue())


def save_by_content(picture: Image.Image, folder: str | os.PathLike) -> Path:
    """Write a lossless WebP, named by what it shows, and return its path: ten times faster to make than a PNG."""
    data = io.BytesIO()
    picture.save(data, "WEBP", lossless=True, method=0, quality=0)
    path = Path(folder) / f"{hashlib.sha256(data.getvalue()).hexdigest()[:32]}.webp"
    temporary = path.with_name(f".{path.stem}-{secrets.token_hex(4)}.tmp")
    temporary.write_bytes(data.getvalue())
    os.replace(temporary, path)
    return path


def write_video(images: Tensor, path: str | os.PathLike, *, size: int = 256, frames_per_second: int = 24) -> None:
    """Frames (n, C, H, W) in [-1, 1] as an H.264 MP4 of about `size` pixels that every browser plays, whole or not at
    all. Needs PyAV."""
    import av

    pictures = [picture.convert("RGB") for picture in to_pil(images, size)]
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", frames_per_second, options={"crf": "18", "preset": "veryfast"})
        # Colours are stored at half resolution, so sides must be even: an odd one loses its last row or column.
        stream.width, stream.height, stream.pix_fmt = pictures[0].width // 2 * 2, pictures[0].height // 2 * 2, "yuv420p"
        for picture in pictures:
            frame = av.VideoFrame.from_image(picture.crop((0, 0, stream.width, stream.height)))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    write_atomically(Path(path), file.getvalue())
