"""Made-up pictures and files, in the layouts of the real data sets."""

import io

import numpy as np
import pytest
from PIL import Image

from training.data.decoding import DataError


def random_image(seed: int, width: int, height: int | None = None, channels: int = 3) -> np.ndarray:
    shape = (height or width, width, channels)[: 2 if channels == 1 else 3]
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def encode(array: np.ndarray, kind: str = "JPEG", **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind, **({"quality": 95} if kind == "JPEG" else {}), **options)
    return file.getvalue()


def plain(rgb, width: int = 8, height: int | None = None, kind: str = "PNG") -> bytes:
    """A picture of one colour."""
    return encode(np.broadcast_to(np.uint8(rgb), (height or width, width, 3)).copy(), kind)


def write(folder, files: dict[str, bytes]):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def fails(message: str):
    return pytest.raises(DataError, match=message)


def faces(count: int = 6, width: int = 16, height: int | None = None) -> dict[str, bytes]:
    return {f"{k + 1:06}.jpg": encode(random_image(k, width, height)) for k in range(count)}


def decoded(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def colours(dataset) -> list[tuple[int, ...]]:
    """The colour of each picture of one colour."""
    assert (np.asarray(dataset.images).std((2, 3)) == 0).all()
    return [tuple(image[:, 0, 0].tolist()) for image in dataset.images]
