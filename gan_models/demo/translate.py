"""The tab that turns a photo into another kind of picture: by a network that translates between kinds, or by one that
learned from pairs."""

import gradio as gr
from PIL import Image

from .. import photos
from ..errors import InvalidInput
from ..networks.translate import Translator
from . import about, reading, words
from .downloads import link
from .models import Models
from .page import Page
from .previews import drawn_face, preview
from .shared import Shared, photo_upload, pretty
from .visits import SECONDS

TITLE = words.TRANSLATE


def there(models: Models) -> bool:
    return bool(models.translators())


def wishes_for(models: Models) -> list[tuple[str, str]]:
    """What a visitor can ask for: the words, and the kind after its model's name. A network that learned from pairs does
    one thing, which its name says."""
    names, found = models.translators(), []
    for name in names:
        if isinstance(models[name], Translator):
            kinds = [(pretty(kind), f"{name}\n{kind}") for kind in models[name].labels]
            found += kinds if len(names) == 1 else [(f"{words_for} ({name})", wish) for words_for, wish in kinds]
        else:
            found.append((name, f"{name}\n"))
    return found


def tab(page: Page, models: Models, shared: Shared | None) -> None:
    wishes = wishes_for(models)
    gr.Markdown(words.TRANSLATE_NOTE, elem_id="translate-note")
    subject = gr.State(time_to_live=SECONDS)
    with gr.Row():
        with gr.Column(min_width=240, scale=1):
            upload = photo_upload(page, words.PHOTO, "to-translate", height=260)
            example = gr.Button(words.TAKE_DRAWN_FACE, elem_id="translate-example", visible=bool(models.drawers()))
            wish = page.reads(
                gr.Radio(
                    wishes,
                    value=wishes[-1][1],
                    label=words.TURN_INTO,
                    elem_id="translate-wish",
                    visible=len(wishes) > 1,
                ),
                reading.choice("translate", str),
            )
            go = gr.Button(words.DO_TRANSLATE, variant="primary", elem_id="translate-go")
        with gr.Column(min_width=280, scale=2):
            both = gr.ImageSlider(label=words.PAIR, height=440, elem_id="translated", interactive=False, buttons=[])
            file = gr.HTML(elem_id="translated-file")
    for k, name in enumerate(models.translators()):
        about.footer(models, name, f"translate-{k}")

    def translated(visit, photo: Image.Image, wish: str) -> dict:
        """Before and after, and a file at full size."""
        if wish not in [key for _, key in wishes]:
            raise InvalidInput(words.NOT_OFFERED)
        name, _, kind = wish.partition("\n")
        model = models[name]
        made = model.translate(photo, to=kind) if isinstance(model, Translator) else model.restore(photo)
        path = visit.photos.file("translated", "translated.png", lambda path: photos.save_photo(made, path))
        pair = visit.photos.pictures("translations", [preview(photo, 960), preview(made, 960)])
        return {subject: photo, upload: None, both: tuple(pair), file: link(path, "translated.png", words.TAKE_WHOLE)}

    def open_to_translate(visit, upload, wish):
        """Open an upload, whose file is then removed, and translate it."""
        if not upload:
            return None
        photo = photos.open_photo(page.uploads.take(upload))
        visit.photos.empty()
        return translated(visit, photo, wish)

    def translate_drawn(visit, wish):
        return translated(visit, drawn_face(models), wish)

    def translate(visit, subject, wish):
        if not isinstance(subject, Image.Image):
            raise InvalidInput(words.NO_DAMAGED)
        return translated(visit, subject, wish)

    results = [subject, upload, both, file]
    page.on(upload.upload, open_to_translate, [upload, wish], results, spinner=both)
    page.on(example.click, translate_drawn, [wish], results, spinner=both)
    page.on(go.click, translate, [subject, wish], results, spinner=both)
