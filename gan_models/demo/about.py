"""The description of a model in a tab: its network, its data and licence, its card."""

import gradio as gr

from .. import studio
from ..networks.editor import Editor
from ..networks.restore import Restorer
from ..networks.retouch import RetouchEditor
from ..networks.translate import Translator
from . import speaking, words
from .models import Models


def footer(models: Models, name: str, where: str) -> tuple[gr.Markdown, gr.Markdown]:
    """A line on a model and its card, folded, at the end of a tab; `where` is their part of the elements' names. Both
    components are returned, so that another model can be told of: `describe` and `card`."""
    said = about_line(models, name)
    line = gr.Markdown(said, elem_id=f"about-{where}")
    setattr(line, speaking.FILLED, said)
    with gr.Accordion(words.MODEL_CARD, open=False, elem_id=f"card-{where}"):
        text = gr.Markdown(card_html(models, name))
    return line, text


def about_line(models: Models, name: str) -> str:
    """A line about a model: its network, and its data with their licence."""
    model = models[name]
    _, height, width = model.image_shape
    return words.of_model(name, model.family, width, height, abilities(model), models.about(name).data)


def abilities(model) -> str:
    if isinstance(model, (Editor, RetouchEditor)):
        return words.able_to_edit(len(model.attributes))
    if isinstance(model, Translator):
        return words.able_to_translate(", ".join(model.labels))
    if isinstance(model, Restorer) and not model.damages:
        return words.DRAWS_FROM_PICTURES
    if isinstance(model, Restorer):
        return words.able_to_repair(len(model.damages)) if model.residual else words.DRAWS_FROM_LINES
    told = words.TOLD_NOTHING
    if studio.has_codes(model):
        told = words.found_codes(model.categories)
    elif model.labels:
        told = words.told_labels(len(model.labels), words.ATTRIBUTES_OF if model.multi_label else words.CLASSES)
    return words.able_to_draw(model.latent_dim, told)


def card_html(models: Models, name: str) -> str:
    return models.about(name).card
