"""Sizes of pictures: one number of pixels if they are square, else (height, width) as in tensors."""

import re

Size = int | tuple[int, int] | list[int]


def sides(size: Size) -> tuple[int, int]:
    """(height, width)."""
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def in_words(size: Size) -> str:
    """64 -> "64", (96, 128) -> "128x96": the width first, as is usual in words."""
    height, width = sides(size)
    return str(height) if height == width else f"{width}x{height}"


def parse(text: str) -> Size | None:
    """ "128x96" -> (96, 128), "64" and "64x64" -> 64; None for anything else."""
    match = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", text.strip().lower())
    if not match:
        return None
    width, height = int(match[1]), int(match[2] or match[1])
    return height if height == width else (height, width)
