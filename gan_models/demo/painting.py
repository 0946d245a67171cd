"""Reads safely what a visitor paints on a canvas (gr.ImageEditor).

The browser sends the layers as PNG files. If a function listens to each stroke (`change`), Gradio keeps them in memory
under a name that the page chose, until they are used: here only the layers, and only the last few. If a button uses the
canvas, they are uploads like any other.
"""

import io
import threading

import gradio as gr
import numpy as np
from PIL import Image

from ..errors import InvalidInput
from . import words
from .page import Page

MOST_KEPT = 40  # paintings that were not used yet
MOST_LAYERS = 4
MOST_BYTES = 4 * 1024**2  # of a layer
MOST_SIDE = 2048  # pixels


class Kept(dict):
    """The paintings that were not used yet, by name; beyond MOST_KEPT the oldest are dropped."""

    def __init__(self):
        super().__init__()
        self._lock = threading.Lock()

    def __setitem__(self, name, painting) -> None:
        painting.background = painting.composite = None
        painting.layers = [
            layer for layer in painting.layers[:MOST_LAYERS] if layer is None or len(layer) <= MOST_BYTES
        ]
        with self._lock:
            self.pop(name, None)
            super().__setitem__(name, painting)
            while len(self) > MOST_KEPT:
                self.pop(next(iter(self)), None)


def canvas(page: Page, **options) -> gr.ImageEditor:
    """A canvas to paint on. Its value is read as (height, width) float in 0..1, the opacity of the paint at each pixel;
    None if nothing was sent."""
    component = gr.ImageEditor(
        sources=(), transforms=(), layers=False, eraser=gr.Eraser(default_size=24), buttons=[], **options
    )
    component.blob_storage = Kept()

    def layers_of(value) -> list[bytes]:
        if not isinstance(value, dict):
            return []
        name = value.get("id")
        painting = component.blob_storage.pop(name, None) if isinstance(name, str) else None
        if painting:
            return [layer for layer in painting.layers if layer is not None]
        for other in ("background", "composite"):  # these uploads must be removed too
            if value.get(other):
                page.uploads.take(value[other])
        layers = value.get("layers")
        return [page.uploads.take(layer) for layer in layers[:MOST_LAYERS]] if isinstance(layers, list) else []

    def read(value) -> np.ndarray | None:
        thick = None
        for layer in layers_of(value):
            one = thickness(layer)
            if thick is not None and one.shape != thick.shape:
                raise InvalidInput(words.BAD_PAINTING)
            thick = one if thick is None else np.maximum(thick, one)
        return thick

    return page.reads(component, read)


def thickness(layer: bytes) -> np.ndarray:
    """The opacity of a layer (the bytes of a PNG): (height, width) float in 0..1. Raises InvalidInput for other bytes."""
    try:
        with Image.open(io.BytesIO(layer), formats=["PNG"]) as picture:
            if max(picture.size) > MOST_SIDE:
                raise InvalidInput(words.BAD_PAINTING)
            return np.asarray(picture.convert("RGBA").getchannel("A"), np.float32) / 255
    except InvalidInput:
        raise
    except Exception as error:  # damaged files raise nearly anything
        raise InvalidInput(words.BAD_PAINTING) from error
