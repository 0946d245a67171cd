"""The tab that repairs a photo at full size: paint over what should be filled, or choose another repair."""

import json

import gradio as gr
import numpy as np
from PIL import Image

from .. import images, inversion, photos
from ..errors import InvalidInput
from ..networks.restore import Restorer
from . import about, reading, words
from .downloads import link
from .models import Models
from .page import Page
from .painting import canvas
from .previews import drawn_face, preview
from .shared import Shared, photo_upload
from .visits import SECONDS, Visit

TITLE = words.REPAIR

# What a visitor can ask for: what the page says, the damages that a model must know, what it is told, and how many
# times larger.
ASKED: dict[str, tuple[str, tuple[str, ...], tuple[str, ...] | None, int]] = {
    "fill": (words.FILL, ("fill",), None, 1),
    "all": (words.ALL_OF_IT, ("noise", "blur"), None, 1),
    "noise": (words.DENOISE, ("noise", "specks"), ("noise", "specks"), 1),
    "blur": (words.SHARPEN, ("blur", "motion"), ("blur", "motion"), 1),
    "jpeg": (words.UNBLOCK, ("jpeg",), ("jpeg",), 1),
    "twice": (words.TWICE, ("shrink",), ("shrink",), 2),
    "four": (words.FOUR_TIMES, ("shrink",), ("shrink",), 4),
    "colour": (words.COLOUR, ("grey",), ("grey",), 1),
}
GRADUAL = ("noise", "blur", "jpeg")  # of these one can say how strong the damage is


def there(models: Models) -> bool:
    return bool(able(models))


def able(models: Models) -> dict[str, str]:
    """The repairs that the offered models can do, and the name of the model for each."""
    found = {}
    for wish, (_, needed, _, _) in ASKED.items():
        name = next((name for name in models.restorers() if set(needed) <= set(models[name].damages)), None)
        if name:
            found[wish] = name
    if drawers := models.drawers():
        # Faces by inversion of a generator, which fills them better: the smallest, since this takes hundreds of steps.
        found = {"fill": min(drawers, key=lambda name: models[name].image_shape[1])} | {
            wish: name for wish, name in found.items() if wish != "fill"
        }
    return found


def filler(models: Models) -> Restorer | None:
    """The restoration model that fills holes outside faces, if there is one."""
    return next((models[name] for name in models.restorers() if "fill" in models[name].damages), None)


def tab(page: Page, models: Models, shared: Shared | None) -> None:
    wishes = able(models)
    gr.Markdown(words.REPAIR_NOTE, elem_id="repair-note")
    subject = gr.State(time_to_live=SECONDS)
    with gr.Row(elem_id="repair-bench"):
        with gr.Column(min_width=280, scale=2):
            painted = canvas(
                page,
                label=words.PAINT_HERE,
                brush=gr.Brush(default_size=28, colors=["#ff00ff"], default_color="#ff00ff", color_mode="fixed"),
                height=580,
                elem_id="repair-canvas",
            )
        with gr.Column(min_width=240, scale=1):
            upload = photo_upload(page, words.PHOTO, "damaged", height=220)
            example = gr.Button(words.TAKE_DRAWN_FACE, elem_id="repair-example", visible=bool(models.drawers()))
            wish = page.reads(
                gr.Radio(
                    [(ASKED[wish][0], wish) for wish in wishes],
                    value=next(iter(wishes)),
                    label=words.WHAT_TO_DO,
                    elem_id="repair-wish",
                    visible=len(wishes) > 1,
                ),
                reading.choice("repair", str),
            )
            strength = page.reads(
                gr.Slider(
                    0,
                    1,
                    0,
                    step=0.05,
                    label=words.STRENGTH,
                    info=words.STRENGTH_INFO,
                    elem_id="repair-strength",
                    visible=next(iter(wishes)) in GRADUAL,
                    buttons=[],
                ),
                reading.number_from("strength", 0, 1),
            )
            go = gr.Button(words.DO_REPAIR, variant="primary", elem_id="repair-go")
    both = gr.ImageSlider(label=words.PAIR, height=440, elem_id="repaired", interactive=False, buttons=[])
    file = gr.HTML(elem_id="repaired-file")
    for name in dict.fromkeys(wishes.values()):
        about.footer(models, name, f"repair-{list(wishes.values()).index(name)}")

    def shown(visit: Visit, photo: Image.Image):
        small = visit.photos.pictures("canvas", [preview(photo)])[0]
        return {
            subject: photo,
            painted: {"background": str(small), "layers": [], "composite": None},
            upload: None,
            both: None,
            file: "",
        }

    def open_damaged(visit, upload):
        """Open an upload, whose file is then removed, and show a smaller copy."""
        if not upload:
            return None
        photo = photos.open_photo(page.uploads.take(upload))
        visit.photos.empty()
        return shown(visit, photo)

    def take_drawn(visit):
        return shown(visit, drawn_face(models))

    def begin_repair(visit, subject):
        """A drawn face to try it on, until there is a photo."""
        return None if isinstance(subject, Image.Image) or not models.drawers() else take_drawn(visit)

    def repair(visit, subject, painted, wish, strength):
        """Repair the photo: before and after, and a file at full size."""
        if not isinstance(subject, Image.Image):
            raise InvalidInput(words.NO_DAMAGED)
        if wish not in wishes:
            raise InvalidInput(words.NOT_OFFERED)
        _, _, damages, scale = ASKED[wish]
        mask = mask_of(painted, subject) if wish == "fill" else None
        model = models[wishes[wish]]
        if isinstance(model, Restorer):
            repaired = model.restore(subject, mask, damages, strength or None if wish in GRADUAL else None, scale)
            if wish == "all" and images.XMP not in repaired.info:
                raise InvalidInput(words.NOTHING_DETECTED)
        else:
            repaired = inversion.fill_photo(model, subject, mask, rest=filler(models))
        before = subject.resize(repaired.size, Image.Resampling.BICUBIC) if scale > 1 else subject
        made = visit.photos.file("repaired", "repaired.png", lambda path: photos.save_photo(repaired, path))
        pair = visit.photos.pictures("repairs", [preview(before, 960), preview(repaired, 960)])
        return {both: tuple(pair), file: link(made, "repaired.png", words.TAKE_WHOLE)}

    page.on(upload.upload, open_damaged, [upload], [subject, painted, upload, both, file], spinner=painted)
    page.on(example.click, take_drawn, [], [subject, painted, upload, both, file], spinner=painted)
    page.on(
        page.tabs["repair"].select, begin_repair, [subject], [subject, painted, upload, both, file], spinner=painted
    )
    page.on(go.click, repair, [subject, painted, wish, strength], [both, file], spinner=painted)
    gradual = json.dumps(GRADUAL)
    page.here(wish.input, f"wish => ({{__type__: 'update', visible: {gradual}.includes(wish)}})", [wish], [strength])


def mask_of(painted: np.ndarray | None, photo: Image.Image) -> Image.Image:
    """The painting on the small copy as a mask of the photo's size. Raises InvalidInput if nothing is painted."""
    if painted is None or not (painted > 0.5).any():
        raise InvalidInput(words.NOTHING_PAINTED)
    mask = Image.fromarray(((painted > 0.5) * 255).astype(np.uint8))
    return mask.resize(photo.size, Image.Resampling.NEAREST)
