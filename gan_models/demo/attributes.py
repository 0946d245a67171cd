"""The tab that changes what one picture shows."""

import gradio as gr
import torch

from .. import images, studio
from ..celeba import ATTRIBUTES
from ..errors import InvalidInput, short
from . import reading, words
from .models import Models
from .page import Page
from .shared import CATEGORY, Redrawing, Shared, attributes_of, classes_of, code_names, pretty
from .theme import LARGE, PLAIN, TILE

TITLE, ASKS = words.ATTRIBUTES, ("truncation",)
SLIDERS = 40  # as many attributes as CelebA has; of a model with more, the first ones


def serves(generator) -> bool:
    return generator.labels is not None or studio.has_codes(generator)


def tab(page: Page, models: Models, shared: Shared) -> None:
    first = shared.first
    before_after = gr.Gallery(label=words.PAIR, columns=2, elem_id="pair", **PLAIN)
    as_class = page.reads(
        gr.Radio(label=words.AS_CLASS, elem_id="as_class", **as_class_look(models, first)),
        reading.choice("class", int),
    )
    with gr.Row(elem_id="sliders"):
        sliders = [
            page.reads(
                gr.Slider(0, 1, 0.5, step=0.05, visible=False, min_width=140, buttons=[], elem_id=f"attribute-{k}"),
                reading.number("value of an attribute", -1, 1),
            )
            for k in range(SLIDERS)
        ]
    note = gr.Markdown(elem_id="hint", **hint_look(models, first))
    with gr.Row():
        shared.picture.render()
        attribute = page.reads(
            gr.Dropdown(
                label=words.STEPS,
                filterable=False,
                elem_id="attribute",
                min_width=200,
                **attribute_look(models, first),
            ),
            reading.choice("attribute", str),
        )
    strip = gr.Gallery(label=words.SWEEP, columns=10, elem_id="sweep", **PLAIN)

    def pair(visit, generator, anchor, wished, truncation):
        files = visit.drawn.pictures("pair", images.to_pil(studio.change(generator, anchor, wished, truncation), LARGE))
        return list(zip(files, (words.BEFORE, words.AFTER), strict=True))

    def series(visit, generator, anchor, wished, attribute, truncation):
        """One picture with one attribute from none to full, or as each class."""
        if generator.labels is None and not studio.has_codes(generator):
            return []
        attribute = checked(generator, attribute)
        drawn = studio.sweep(
            generator, anchor, wished, None if attribute == CATEGORY else attribute, truncation=truncation
        )
        return list(
            zip(
                visit.drawn.pictures("sweep", images.to_pil(drawn, TILE)),
                said_of(generator, attribute, len(drawn)),
                strict=True,
            )
        )

    def change(visit, name, picture, truncation, as_class, *values):
        """One picture before and after."""
        generator = models[name]
        return {
            before_after: pair(
                visit, generator, one_anchor(picture), wished_change(generator, as_class, values), truncation
            )
        }

    def sweep(visit, name, picture, truncation, as_class, attribute, *values):
        generator = models[name]
        wished = wished_change(generator, as_class, values)
        return {strip: series(visit, generator, one_anchor(picture), wished, attribute, truncation)}

    def inspect(visit, name, picture, truncation, attribute):
        """A picture as it is: its labels in the controls, before, after and the series."""
        generator, anchor = models[name], one_anchor(picture)
        names, values, chosen = as_it_is(generator, anchor)
        wished = wished_change(generator, chosen, values)
        least = -1 if studio.has_codes(generator) else 0
        changes = {slider: gr.Slider(visible=False) for slider in sliders[len(names) :]}
        changes |= {
            slider: gr.Slider(label=label, value=value, minimum=least, visible=True)
            for slider, label, value in zip(sliders, names, values, strict=False)
        }
        if chosen is not None:
            changes[as_class] = gr.Radio(value=chosen)
        return changes | {
            before_after: pair(visit, generator, anchor, wished, truncation),
            strip: series(visit, generator, anchor, wished, attribute, truncation),
        }

    inspecting = Redrawing(
        inspect,
        [shared.current, shared.picture, shared.truncation, attribute],
        [*sliders, as_class, before_after, strip],
    )
    shared.redrawn.append(inspecting)
    shared.when_picked.append(inspecting)
    shared.looks |= {attribute: attribute_look, as_class: as_class_look, note: hint_look}
    page.on([shared.picture.submit, shared.picture.blur], *inspecting)
    page.on(
        [*(slider.input for slider in sliders), as_class.input, shared.truncation.input],
        change,
        [shared.current, shared.picture, shared.truncation, as_class, *sliders],
        [before_after],
        live=True,
    )
    page.on(
        [*(slider.release for slider in sliders), attribute.input, shared.truncation.release],
        sweep,
        [shared.current, shared.picture, shared.truncation, as_class, attribute, *sliders],
        [strip],
        live=True,
    )


def one_anchor(text: str) -> studio.Anchor:
    """The picture that a field names, such as 7 or 7:2."""
    text = text.strip()
    if not text:
        reading.whole("seed")("")
    return studio.parse_anchors(f"{text} {text}")[0]


def wished_change(generator, as_class: int | None, values) -> studio.Targets:
    if studio.has_codes(generator):
        return studio.Codes(as_class, tuple(values[: generator.continuous]))
    if generator.labels is None:
        return None
    # Of a model with more attributes than there are sliders the last ones stay as they are.
    return dict(zip(generator.labels, values, strict=False)) if generator.multi_label else (as_class or 0)


def as_it_is(generator, anchor: studio.Anchor) -> tuple[list[str], list[float], int | None]:
    """Of a picture: the names of its sliders, their values, and its class."""
    if studio.has_codes(generator):
        category, continuous = generator.codes(studio.latents_for(generator, [anchor]))
        return (
            [f"Code {k + 1}" for k in range(generator.continuous)][:SLIDERS],
            continuous[0].tolist(),
            int(category[0]),
        )
    labels = studio.labels_for(generator, [anchor])
    if labels is None:
        return [], [], None
    if not generator.multi_label:
        return [], [], int(labels[0])
    return [pretty(label) for label in generator.labels][:SLIDERS], labels[0].tolist()[:SLIDERS], None


def checked(generator, attribute: str | None) -> str | None:
    """An attribute that the model has; None for a model of classes, which has none. Raises InvalidInput."""
    known = [name for _, name in attributes_of(generator)]
    if known and attribute not in known:
        raise InvalidInput(f"This model does not know the attribute {short(attribute)}; choose one of the list.")
    return attribute if known else None


def said_of(generator, attribute: str | None, n: int) -> list[str]:
    """What stands below each picture of a series."""
    if studio.has_codes(generator):
        return (
            code_names(generator)
            if attribute == CATEGORY
            else [f"{value:.1f}" for value in torch.linspace(-1, 1, n).tolist()]
        )
    return [f"{k / (n - 1):.0%}" for k in range(n)] if generator.multi_label else list(generator.labels)


def as_class_look(models: Models, name: str) -> dict:
    classes = classes_of(models[name])
    return {"choices": classes, "value": 0 if classes else None, "visible": bool(classes)}


def attribute_look(models: Models, name: str) -> dict:
    generator = models[name]
    attributes = attributes_of(generator)
    first = "Smiling" if "Smiling" in (generator.labels or ()) else attributes[0][1] if attributes else None
    return {"choices": attributes, "value": first, "visible": bool(attributes)}


def hint_look(models: Models, name: str) -> dict:
    said = hint(models[name])
    return {"value": said, "visible": bool(said)}


def hint(generator) -> str:
    if studio.has_codes(generator):
        return words.FOUND
    if generator.labels is None:
        return words.UNCONDITIONAL
    people = bool(set(ATTRIBUTES) & set(generator.labels))
    said = [words.ONE_HAIR_COLOUR] if people and sum(label.endswith("_Hair") for label in generator.labels) > 1 else []
    said += (
        [words.first_ones(SLIDERS, len(generator.labels))]
        if generator.multi_label and len(generator.labels) > SLIDERS
        else []
    )
    return " ".join([*said, words.LABELS] if people else said)
