"""The tab that draws pictures of a seed."""

import secrets

import gradio as gr

from .. import images, studio
from ..rng import check_count, check_seed
from . import reading, words
from .models import Models
from .page import Page
from .shared import Redrawing, Shared, wishes
from .theme import PLAIN, TILE

TITLE, ASKS = words.SAMPLE, ("class", "present", "absent", "truncation")
MOST = 64


def serves(generator) -> bool:
    return True


def tab(page: Page, models: Models, shared: Shared) -> None:
    gallery = gr.Gallery(label=words.SAMPLES, columns=8, elem_id="samples", **PLAIN)
    with gr.Row(elem_id="seed-row"):
        seed = page.reads(gr.Number(1, label=words.SEED, elem_id="seed", min_width=100), reading.whole("seed"))
        count = page.reads(
            gr.Slider(1, MOST, 16, step=1, label=words.PICTURES, elem_id="count", min_width=160, buttons=[]),
            reading.whole("number of pictures"),
        )
        roll = gr.Button(words.NEW_SEED, elem_id="new-seed", min_width=120)
        draw = gr.Button(words.DRAW, variant="primary", elem_id="draw", min_width=120)

    def sample(visit, name, seed, count, truncation, wanted, present, absent):
        """Pictures of a seed, each with its name for the other tabs."""
        generator = models[name]
        seed, count = check_seed(seed), check_count(count, most=MOST)
        drawn = studio.sample(generator, seed, count, truncation, wishes(generator, wanted, present, absent))
        files = visit.drawn.pictures("samples", images.to_pil(drawn, TILE))
        return {gallery: [(file, str(studio.Anchor(seed, k))) for k, file in enumerate(files)]}

    def new_seed(visit):
        return {seed: secrets.randbelow(1_000_000)}

    def add_anchor(visit, picked, anchors):
        """A click on a picture adds it to the walk and shows it among the attributes."""
        picture = str(studio.parse_anchors(f"{picked.caption} 0")[0])
        gr.Info(words.picked(picture), duration=3, title=words.PICKED_TITLE)
        some = [*anchors.replace(",", " ").split(), picture][-studio.MAX_ANCHORS :]
        return {shared.anchors: ", ".join(some), shared.picture: picture}

    drawing = Redrawing(sample, [shared.current, seed, count, shared.truncation, *shared.wished], [gallery])
    shared.redrawn.append(drawing)
    page.on([draw.click, seed.submit], *drawing)
    page.on([*(control.input for control in (*shared.wished, shared.truncation, count))], *drawing, live=True)
    page.on(page.on(roll.click, new_seed, [], [seed]).then, *drawing)
    shared.picking = page.on(gallery.select, add_anchor, [shared.anchors], [shared.anchors, shared.picture], picks=True)
