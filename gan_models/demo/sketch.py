"""The tab that turns lines into a face while you draw."""

import gradio as gr
import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from .. import damages, images, marks, studio
from ..photos.repaired import ink
from . import about, words
from .models import Models
from .page import Page
from .painting import canvas
from .shared import Shared

TITLE = words.SKETCH
SIDE = 512  # pixels of the canvas
LINE = 12  # pixels wide, about as the network learned them
LINES_SEED, HAND = 7, 4  # of the face, and of how its lines are drawn
LINES = 0.3  # strength of the damage `edges` that turns a generated face into lines


def there(models: Models) -> bool:
    return bool(models.sketchers())


def tab(page: Page, models: Models, shared: Shared | None) -> None:
    name = models.sketchers()[0]
    gr.Markdown(words.SKETCH_NOTE, elem_id="sketch-note")
    with gr.Row():
        drawing = canvas(
            page,
            label=words.DRAW_HERE,
            brush=gr.Brush(default_size=LINE, colors=["#000000"], default_color="#000000", color_mode="fixed"),
            canvas_size=(SIDE, SIDE),
            fixed_canvas=True,
            height=SIDE + 60,
            elem_id="sketch-canvas",
        )
        face = gr.Image(label=words.SKETCHED, interactive=False, height=SIDE, elem_id="sketched", buttons=["download"])
    example = gr.Button(words.TAKE_LINES, elem_id="sketch-example", visible=bool(models.drawers()))
    about.footer(models, name, "sketch")

    def sketch(visit, drawing):
        """Draw a face from the lines so far."""
        if drawing is None or not drawing.any():
            return {face: None}
        model = models[name]
        size = model.image_shape[-1]
        lines = ink(torch.from_numpy(square(drawing))[None, None], size)
        drawn = model.restore(lines.expand(1, 3, -1, -1))
        picture = images.to_pil(drawn)[0].resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        return {face: str(visit.drawn.pictures("sketched", [marks.marked(picture, marks.of(model))])[0])}

    def take_lines(visit):
        """Start from the lines of a generated face."""
        seen = studio.sample(models[models.drawers()[0]], LINES_SEED, 1, 0.8)
        lines = (1 - damages.damaged(seen, {"edges": LINES}, HAND).pictures[:, :1]) / 2
        lines = F.interpolate(lines, (SIDE, SIDE), mode="bicubic", align_corners=False)[0, 0] > 0.5
        alpha = Image.fromarray((255 * lines).to(torch.uint8).numpy())
        layer = Image.merge("RGBA", [Image.new("L", alpha.size, 0)] * 3 + [alpha])
        path = visit.drawn.file("lines", "lines.png", layer.save)  # a PNG, since the page sends the same file back
        return {drawing: {"background": None, "layers": [str(path)], "composite": None}}

    page.on(drawing.change, sketch, [drawing], [face], live=True)
    page.on(example.click, take_lines, [], [drawing])


def square(drawing: np.ndarray) -> np.ndarray:
    """A drawing (h, w) on a square canvas of its longer side."""
    height, width = drawing.shape
    side = max(height, width)
    whole = np.zeros((side, side), np.float32)
    top, left = (side - height) // 2, (side - width) // 2
    whole[top : top + height, left : left + width] = drawing
    return whole
