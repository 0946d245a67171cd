"""The tab that shows the same seed through two models side by side, or through two checkpoints of one run."""

import gradio as gr

from .. import pictures
from ..errors import InvalidInput
from ..rng import check_seed
from . import about, reading, words
from .models import Models
from .page import Page
from .shared import EITHER, Redrawing, Shared, pretty, show_pictures
from .speaking import FILLED
from .theme import PLAIN

TITLE = words.COMPARE
COUNT = 16  # pictures of each model
FIRST = ("mnist-mlp", "mnist-r3gan")  # shown at first where both are offered: a GAN of 2014 and one of 2024


def there(models: Models) -> bool:
    return bool(pairs(models))


def pairs(models: Models) -> dict[str, list[str]]:
    """For each model the others that it can be compared with: those with pictures of the same size and channels."""
    shapes = {name: model.image_shape for name, model in models.comparable().items()}
    alike = {name: [other for other in shapes if other != name and shapes[other] == shapes[name]] for name in shapes}
    return {name: others for name, others in alike.items() if others}


def tab(page: Page, models: Models, shared: Shared | None) -> None:
    known = pairs(models)
    first, second = FIRST if FIRST[1] in known.get(FIRST[0], ()) else next((a, b[0]) for a, b in known.items())
    told = words.joined(words.COMPARE_NOTE, words.TEN_YEARS) if {*FIRST} <= {*known} else words.COMPARE_NOTE
    setattr(gr.Markdown(told, elem_id="compare-note"), FILLED, told)
    with gr.Row(elem_id="compare-controls"):
        left = page.reads(
            gr.Dropdown(list(known), value=first, label=words.LEFT, filterable=False, elem_id="left", min_width=160),
            reading.choice("model", str),
        )
        right = page.reads(
            gr.Dropdown(
                known[first], value=second, label=words.RIGHT, filterable=False, elem_id="right", min_width=160
            ),
            reading.choice("model", str),
        )
        seed = page.reads(
            gr.Number(1, label=words.SEED, elem_id="compare-seed", min_width=100), reading.whole_from("seed")
        )
        label = page.reads(
            gr.Dropdown(
                label=words.DRAW_CLASS,
                filterable=False,
                elem_id="compare-label",
                min_width=120,
                **label_look(models, first, second),
            ),
            reading.choice("class", str, int),
        )
        again = gr.Button(words.NEXT_SEED, elem_id="compare-next", min_width=120)
    with gr.Row(elem_id="compared"):
        sides = []
        for where in ("left", "right"):
            with gr.Column(min_width=140):
                sides.append(
                    (
                        gr.Gallery(label=words.SAMPLES, columns=4, elem_id=f"compared-{where}", **PLAIN),
                        gr.Markdown(elem_id=f"compared-{where}-about"),
                    )
                )
    shown = gr.State()

    def compare(visit, left, right, seed, label):
        """Draw the same seed, and the same class if both know it, through both models."""
        seed, found = check_seed(seed), models.comparable()
        if left not in found or right not in found:
            raise InvalidInput(words.NOT_OFFERED)
        if found[left].image_shape != found[right].image_shape:
            raise InvalidInput(words.NOT_ALIKE)
        changes = {shown: [left, right, seed, label]}
        for name, (gallery, line) in zip((left, right), sides, strict=True):
            model = models[name]
            wished = None
            if label not in (None, EITHER) and model.labels and not model.multi_label:
                if label not in model.labels:
                    raise InvalidInput(words.NO_SUCH_CLASS)
                wished = model.labels.index(label)
            some = pictures.of_seed(model, seed, COUNT, 1.0, wished)
            changes[gallery] = show_pictures(visit, models, name, line.elem_id, some)
            changes[line] = about.about_line(models, name)
        return changes

    def compare_once(visit, tell, tab, *asked_and_shown):
        """The same, unless it is shown already or another tab is open."""
        *asked, before = asked_and_shown
        return None if tab != "compare" or asked == before else compare(visit, *asked)

    def choose_left(visit, left, right):
        """The models that can be compared with the left one, and the classes that both know."""
        others = pairs(models).get(left)
        if not others:
            raise InvalidInput(words.NOT_OFFERED)
        right = right if right in others else others[0]
        return {
            right_box: gr.Dropdown(others, value=right),
            label: gr.Dropdown(**label_look(models, left, right)),
        }

    def choose_right(visit, left, right):
        found = models.comparable()
        if left not in found or right not in found:
            raise InvalidInput(words.NOT_OFFERED)
        return {label: gr.Dropdown(**label_look(models, left, right))}

    def next_seed(visit, seed):
        return {seed_box: check_seed(seed) + 1 if seed < 2**53 else 0}

    right_box, seed_box, label_box = right, seed, label
    asked = [left, right, seed, label]
    outputs = [*(component for side in sides for component in side), shown]
    drawing = (compare, asked, outputs)
    comparing = [
        page.on(page.on(left.input, choose_left, [left, right], [right, label]).then, *drawing),
        page.on(page.on(right.input, choose_right, [left, right], [label]).then, *drawing),
        page.on(page.on(again.click, next_seed, [seed], [seed]).then, *drawing),
        page.on([seed.submit, label.input], *drawing),
    ]

    def of_address(asked: dict[str, str]) -> dict:
        """What an address says, where it can be shown. Raises InvalidInput."""
        known = pairs(models)
        one = asked.get("left", first)
        if one not in known:
            raise InvalidInput(words.NOT_OFFERED)
        other = asked.get("right", second if one == first else known[one][0])
        if other not in known[one]:
            raise InvalidInput(words.NOT_OFFERED if other not in known else words.NOT_ALIKE)
        look = label_look(models, one, other)
        if "class" in asked:
            if asked["class"] not in [known for _, known in look["choices"]]:
                raise InvalidInput(words.NO_SUCH_CLASS)
            look["value"] = asked["class"]
        number = reading.whole_from("seed")(reading.numeric(asked["seed"])) if "seed" in asked else 1
        return {
            left: one,
            right_box: gr.Dropdown(known[one], value=other),
            seed_box: check_seed(number),
            label_box: gr.Dropdown(**look),
        }

    if shared:
        shared.drawings.append(Redrawing(compare_once, [*asked, shown], outputs))
        shared.telling += comparing
        shared.compared, shared.compare = (left, right, seed, label), of_address


def label_look(models: Models, left: str, right: str) -> dict:
    """The classes that both know."""
    both = [set(models[name].labels or ()) if not models[name].multi_label else set() for name in (left, right)]
    names = [label for label in models[left].labels or () if label in both[0] & both[1]]
    return {
        "choices": [(words.ANY, EITHER), *((pretty(name), name) for name in names)],
        "value": EITHER,
        "visible": bool(names),
    }
