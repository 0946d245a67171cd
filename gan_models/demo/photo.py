"""The tab that edits a photo: upload, choose a face, move sliders, take the result away; and one photo becomes
another."""

import functools

import gradio as gr
import torch

from .. import images, inversion, photos, portrait, studio
from ..errors import InvalidInput
from ..networks.editor import Editor
from ..networks.retouch import RetouchEditor
from . import about, reading, words
from .models import Models, most_of
from .page import Page
from .shared import Shared, pretty
from .theme import FRAMES, PLAIN, STRIP, TILE
from .visits import SECONDS, Visit

TITLE = words.PHOTO_TAB
EXAMPLES = 6
EXAMPLE_SEED = 7
THEMSELVES = "themselves"


def there(models: Models) -> bool:
    return bool(models.editors())


def tab(page: Page, models: Models, shared: Shared | None) -> None:
    known = models.editors()
    components(page, models, known, page.visits.folder)
    about.footer(models, known[0], "editor")

    def prepare(visit):
        photos.load_detector()

    page.on(page.tabs["photo"].select, prepare)


def components(page: Page, models: Models, known: list[str], folder) -> None:
    names, most = list(models[known[0]].attributes), most_of(models[known[0]])
    gr.Markdown(words.PHOTO_NOTE, elem_id="photo-note")
    editor = page.reads(
        gr.Dropdown(known, value=known[0], label=words.EDITOR, filterable=False, visible=len(known) > 1),
        reading.choice("editor", str),
    )
    subject, another = gr.State(time_to_live=SECONDS), gr.State(time_to_live=SECONDS)
    with gr.Row():
        with gr.Column(min_width=240, scale=2):
            upload = page.reads(
                gr.Image(
                    label=words.PHOTO,
                    sources=["upload", "webcam"],
                    type="filepath",
                    height=300,
                    elem_id="upload",
                    buttons=[],
                ),
                reading.anything,
            )
            face = page.reads(gr.Radio(label=words.FACE, visible=False, elem_id="face"), reading.choice("face", int))
            examples = gr.Gallery(
                example_faces(models, folder), label=words.DRAWN_FACES, columns=EXAMPLES, elem_id="examples", **PLAIN
            )
        with gr.Column(min_width=280, scale=3):
            both = gr.ImageSlider(label=words.PAIR, height=420, elem_id="retouched", interactive=False, buttons=[])
    with gr.Row(elem_id="retouch-sliders"):
        sliders = [
            page.reads(
                gr.Slider(
                    -most, most, 0, step=0.1, label=pretty(name), min_width=140, buttons=[], elem_id=f"retouch-{name}"
                ),
                reading.number(f"change of {pretty(name)}", -most, most),
            )
            for name in names
        ]
    gr.Markdown(f"{words.UNRELIABLE} {words.HAIR_COUNTS}")
    with gr.Row():
        attribute = page.reads(
            gr.Dropdown(
                [(pretty(name), name) for name in names],
                value=_first(names),
                label=words.from_to(most),
                filterable=False,
                elem_id="retouch-attribute",
                min_width=200,
            ),
            reading.choice("attribute", str),
        )
        take = gr.Button(words.FULL_SIZE, variant="primary", elem_id="full-size", min_width=200)
    strip = gr.Gallery(label=words.strip_from_to(most), columns=STRIP, elem_id="retouch-strip", **PLAIN)
    file = gr.File(label=words.EDITED_PHOTO, interactive=False, elem_id="download", visible=False)
    paths = ways(models, known[0])
    with gr.Accordion(words.MORPH, open=False, elem_id="morph", visible=bool(paths)), gr.Row():
        other = page.reads(
            gr.Image(
                label=words.OTHER_PHOTO,
                sources=["upload", "webcam"],
                type="filepath",
                height=240,
                elem_id="other",
                buttons=[],
            ),
            reading.anything,
        )
        with gr.Column(min_width=280, scale=2):
            way = page.reads(
                gr.Radio(paths, value=paths[0][1] if paths else None, label=words.WAY, elem_id="morph-way"),
                reading.choice("way", str),
            )
            morph_strip = gr.Gallery(label=words.MORPH_STRIP, columns=STRIP, elem_id="morph-strip", **PLAIN)
            morph_video = gr.Video(
                label=words.MORPH_VIDEO,
                show_label=False,
                autoplay=True,
                loop=True,
                interactive=False,
                elem_id="morph-video",
                buttons=["download"],
                height=280,
            )

    # ---- What is shown

    def seen(visit: Visit, subject_: portrait.Portrait, attribute):
        """A photo that was just opened: before and after, the faces to choose from, sliders at zero, a strip, no old
        download or morph."""
        visit.photos.empty()
        numbers = [(str(k + 1), k) for k in range(len(subject_.faces))]
        return {
            subject: subject_,
            upload: framed_photo(visit, subject_),
            face: gr.Radio(choices=numbers, value=subject_.chosen, visible=len(numbers) > 1),
            **{slider: gr.Slider(value=0) for slider in sliders},
            both: compared(visit, subject_, {}),
            strip: strip_of(visit, subject_, attribute, {}),
            file: no_file(),
            morph_strip: None,
            morph_video: None,
        }

    def differences(subject_: portrait.Portrait, values) -> dict[str, float]:
        return {name: value for name, value in zip(subject_.editor.attributes, values, strict=False) if value}

    # ---- Events

    def open_photo(visit, name, attribute, upload):
        if not upload:
            return None
        content = page.uploads.take(upload)  # first of all, so that nothing of it stays whatever else is wrong
        return seen(visit, portrait.open_portrait(models.editor(name), content), attribute)

    def open_example(visit, picked, name, attribute):
        k = studio.parse_anchors(f"{picked.caption} 0")[0].k
        if k >= EXAMPLES:
            raise InvalidInput(words.NO_SUCH_EXAMPLE)
        faces = drawn_faces(models, EXAMPLES)
        if k >= len(faces):
            raise InvalidInput(words.NOT_OFFERED)
        return seen(visit, portrait.drawn_portrait(models.editor(name), faces[k]), attribute)

    def choose_face(visit, subject, attribute, number):
        return seen(visit, has_photo(subject).choose(number), attribute)

    def click_face(visit, picked, subject, attribute):
        """A click on the photo chooses the face there."""
        found = photos.choose(list(has_photo(subject).small().faces), *picked.point)
        if found is None:
            raise InvalidInput(words.NO_FACE_THERE)
        return seen(visit, subject.choose(found), attribute)

    def framed(visit, subject):
        """The photo, reduced and without its metadata, with its faces framed and numbered if there are several; or
        none."""
        return {upload: framed_photo(visit, subject) if isinstance(subject, portrait.Portrait) else None}

    def retouch(visit, subject, *values):
        """Before and after, while a slider moves."""
        return {both: compared(visit, has_photo(subject), differences(subject, values)), file: no_file()}

    def retouch_strip(visit, subject, attribute, *values):
        return {strip: strip_of(visit, has_photo(subject), attribute, differences(subject, values))}

    def full_size(visit, subject, *values):
        """The edited photo as a file, as large as it came."""
        edited = has_photo(subject).edited(differences(subject, values))
        made = visit.photos.file("full-size", "edited.jpg", lambda path: photos.save_photo(edited, path))
        return {file: gr.File(str(made), visible=True)}

    def open_other(visit, tell, name, subject, way, upload):
        """The photo to morph into, its largest face."""
        if not upload:
            return None
        content = page.uploads.take(upload)
        first, second = has_photo(subject), portrait.open_portrait(models.editor(name), content)
        return {another: second, **morphed(visit, tell, first, second, way)}

    def morph(visit, tell, subject, other, way):
        """The other way between the same two photos."""
        if not isinstance(other, portrait.Portrait):
            return None
        return morphed(visit, tell, has_photo(subject), other, way)

    def morphed(visit: Visit, tell, first: portrait.Portrait, second: portrait.Portrait, way):
        """A strip and a video from one face to the other and back."""
        if way == THEMSELVES:
            between = functools.partial(portrait.morph, first, second)
        else:
            generator = models[way]
            if isinstance(generator, (Editor, RetouchEditor)):
                raise InvalidInput(words.NOT_OFFERED)
            faces = torch.cat([first.encoded.photos, second.encoded.photos])
            found = inversion.invert(generator, faces, progress=lambda *done: tell(done, words.FINDING))
            between = functools.partial(inversion.morph, generator, found)
        tell(0.9, words.DRAWING)
        there = between(FRAMES // 2)
        tell(0.95, words.MAKING_VIDEO)
        video = visit.photos.file(
            "morph-video", "morph.mp4", lambda path: images.write_video(torch.cat([there, there.flip(0)]), path)
        )
        return {
            morph_strip: visit.photos.pictures("morph", images.to_pil(between(STRIP), TILE)),
            morph_video: str(video),
        }

    def unframed(visit, another):
        shown = (
            visit.photos.pictures("other", [another.small().photo])[0]
            if isinstance(another, portrait.Portrait)
            else None
        )
        return {other: shown}

    def forget_other(visit):
        return {another: None}

    def forget(visit):
        """The photo was taken away: nothing of it stays, nor of a morph."""
        visit.photos.empty()
        return {
            subject: None,
            face: gr.Radio(visible=False),
            **{slider: gr.Slider(value=0) for slider in sliders},
            both: None,
            strip: None,
            file: no_file(),
            morph_strip: None,
            morph_video: None,
        }

    after_opening = [subject, upload, face, *sliders, both, strip, file, morph_strip, morph_video]
    # What is shown afterwards is never the file that came, which is gone: a refused one leaves the photo before it, or
    # none.
    opening = page.on(upload.upload, open_photo, [editor, attribute, upload], after_opening, spinner=both)
    page.on(opening.then, framed, [subject], [upload])
    page.on(examples.select, open_example, [editor, attribute], after_opening, picks=True, spinner=both)
    page.on(face.input, choose_face, [subject, attribute, face], after_opening, spinner=both)
    page.on(upload.select, click_face, [subject, attribute], after_opening, picks=True, spinner=both)
    page.on([slider.input for slider in sliders], retouch, [subject, *sliders], [both, file], live=True)
    page.on(
        [*(slider.release for slider in sliders), attribute.input],
        retouch_strip,
        [subject, attribute, *sliders],
        [strip],
        live=True,
    )
    opening = page.on(
        other.upload,
        open_other,
        [editor, subject, way, other],
        [another, morph_strip, morph_video],
        long=True,
        spinner=morph_video,
    )
    page.on(opening.then, unframed, [another], [other])
    page.on(way.input, morph, [subject, another, way], [morph_strip, morph_video], long=True, spinner=morph_video)
    page.on(other.clear, forget_other, [], [another])
    page.on(upload.clear, forget, [], [output for output in after_opening if output is not upload])
    page.on(take.click, full_size, [subject, *sliders], [file], spinner=file)


def _first(names: list[str]) -> str:
    return "Blond_Hair" if "Blond_Hair" in names else names[0]


def no_file():
    return gr.File(value=None, visible=False)


def has_photo(subject) -> portrait.Portrait:
    if not isinstance(subject, portrait.Portrait):
        raise InvalidInput(words.NO_PHOTO)
    return subject


def compared(visit: Visit, subject: portrait.Portrait, wished: dict[str, float]):
    small = subject.small()
    return tuple(visit.photos.pictures("compared", [small.photo, small.edited(wished)]))


def framed_photo(visit: Visit, subject: portrait.Portrait):
    small = subject.small()
    numbered = photos.numbered(small.photo, list(small.faces)) if len(small.faces) > 1 else small.photo
    return visit.photos.pictures("photo", [numbered])[0]


def strip_of(visit: Visit, subject: portrait.Portrait, attribute: str, wished: dict[str, float]):
    said = [
        f"{value:+g}" for value in torch.linspace(-most_of(subject.editor), most_of(subject.editor), STRIP).tolist()
    ]
    return list(
        zip(
            visit.photos.pictures("strip", images.to_pil(subject.strip(attribute, wished, STRIP), TILE)),
            said,
            strict=True,
        )
    )


def example_faces(models: Models, folder) -> list[tuple]:
    """Faces that a generator draws, to edit: never a person's photo."""
    faces = drawn_faces(models, EXAMPLES)
    pictures = images.to_pil(faces, TILE) if len(faces) else []
    return [
        (images.save_by_content(picture, folder), str(studio.Anchor(EXAMPLE_SEED, k)))
        for k, picture in enumerate(pictures)
    ]


def drawn_faces(models: Models, count: int):
    """From the first generator that knows attributes, else from the editor itself."""
    usable = models.usable()
    editor = models[models.editors()[0]]
    drawer = next(
        (model for model in usable.values() if model.multi_label and model.image_shape == editor.image_shape), None
    )
    if drawer is None and not isinstance(editor, Editor):  # it draws nothing itself
        return torch.empty(0, *editor.image_shape)
    drawer = drawer or editor
    return studio.sample(drawer, EXAMPLE_SEED, count, 0.8)


def ways(models: Models, editor: str) -> list[tuple[str, str]]:
    """How to walk from one photo to another: (what the page says, what `morphed` takes)."""
    size, usable = models[editor].image_shape, models.usable()
    able = [name for name in models.generators() if name in usable and usable[name].image_shape == size]
    able = [name for name in able if not isinstance(usable[name], Editor)]
    itself = [(words.KEEPING_DETAIL, THEMSELVES)] if isinstance(usable[editor], Editor) else []
    return itself + [(words.through(name), name) for name in able]
