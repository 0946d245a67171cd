"""The description of a model in a tab: its network, its data and licence, its card."""

import gradio as gr

from .. import studio
from ..networks.editor import Editor
from ..networks.restore import Restorer
from ..networks.retouch import RetouchEditor
from . import words
from .models import Models


def footer(models: Models, name: str, where: str) -> tuple[gr.Markdown, gr.Markdown]:
    """A line about a model and its folded card, at the end of a tab. `where` is a part of their elem_ids. Returns both
    components, so that `describe` and `card` can fill them for another model."""
    line = gr.Markdown(describe(models, name), elem_id=f"about-{where}")
    with gr.Accordion(words.MODEL_CARD, open=False, elem_id=f"card-{where}"):
        text = gr.Markdown(card(models, name))
    return line, text


def describe(models: Models, name: str) -> str:
    """A line about a model: its network, and its data with their licence."""
    model = models[name]
    _, height, width = model.image_shape
    network = f"family `{model.family}`, {width} x {height} pixels, {abilities(model)}"
    return f"**{name}**: {network}. {models.about(name).data}"


def abilities(model) -> str:
    if isinstance(model, (Editor, RetouchEditor)):
        return f"changes {len(model.attributes)} attributes of faces"
    if isinstance(model, Restorer):
        return f"knows {len(model.damages)} kinds of damage" if model.residual else "draws a picture from lines"
    kind = "attributes" if model.multi_label else "classes"
    told = f"told {len(model.labels)} {kind}" if model.labels else "told no labels"
    told += f", found {model.categories} categories by itself" if studio.has_codes(model) else ""
    return f"latent of {model.latent_dim} numbers, {told}"


def card(models: Models, name: str) -> str:
    return models.about(name).card
