"""Pictures as files: grids, strips, videos."""

import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def to_uint8(images: Tensor) -> np.ndarray:
    """(n, C, H, W) in [-1, 1] -> (n, H, W, C) uint8, rounded, out-of-range values clipped."""
    images = ((images.detach().float() + 1) * 127.5).round().clamp(0, 255)
    return images.permute(0, 2, 3, 1).to("cpu", torch.uint8).numpy()


def to_pil(images: Tensor, scale: int = 1) -> list[Image.Image]:
    """(n, C, H, W) in [-1, 1], C = 1 or 3 -> n pictures, each pixel enlarged to scale x scale."""
    pictures = [Image.fromarray(array.squeeze(-1) if array.shape[-1] == 1 else array) for array in to_uint8(images)]
    if scale == 1:
        return pictures
    return [picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST) for picture in pictures]


def grid(images: Tensor, columns: int | None = None, padding: int = 2) -> Image.Image:
    """One picture of all images (n, C, H, W) in [-1, 1], row by row, as square as n allows unless `columns` says otherwise."""
    arrays = to_uint8(images)
    n, height, width, channels = arrays.shape
    columns = columns or int(np.ceil(np.sqrt(n)))
    rows = -(-n // columns)
    sheet = np.full((rows * (height + padding) + padding, columns * (width + padding) + padding, channels), 255, np.uint8)
    for k, array in enumerate(arrays):
        top, left = (k // columns * (height + padding) + padding, k % columns * (width + padding) + padding)
        sheet[top:top + height, left:left + width] = array
    return Image.fromarray(sheet.squeeze(-1) if channels == 1 else sheet)


def save_png(picture: Image.Image, path: str | os.PathLike) -> None:
    """Write a PNG to a temporary name and rename it."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.tmp")
    picture.save(temporary, "PNG")
    os.replace(temporary, path)
