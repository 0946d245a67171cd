"""The tab that edits a photo. Its editor in the browser (assets/photo.js) starts with a generated face; its sliders
answer at once. Below it one photo can be morphed into another."""

import contextlib
import functools
from pathlib import Path
from typing import NamedTuple

import gradio as gr
import torch

from .. import images, inversion, layout, marks, notices, photos, portrait, studio
from ..errors import InvalidInput, MissingPackage, ModelError, short
from ..networks import load
from ..networks.editor import Editor
from ..samples import FACES
from . import about, reading, words
from .models import Models
from .opened import Edits, Opened, as_url, name_of_edit
from .page import Page
from .shared import Shared, photo_upload
from .theme import FRAMES, PLAIN, STRIP, TILE
from .uploads import MOST_BYTES
from .visits import SECONDS, Visit

TITLE = words.PHOTO_TAB
# Seeds and indices of the generated faces. The first one leaves room for all sliders that are shown first.
# The first one is the first thing that a visitor edits: most sliders go both ways on it, and look good.
EXAMPLES = [studio.Anchor(*anchor) for anchor in ((29, 0), (27, 1), (20, 5), (26, 0), (21, 6), (27, 2))]
FIRST = ("Smiling", "Eyeglasses", "Blond_Hair", "Young")  # shown first, if the editor is good at them
MOST_FACES = photos.MAX_FACES
THEMSELVES = "themselves"
SCRIPT = (Path(__file__).parent / "assets" / "photo.js").read_text("utf-8")


def there(models: Models) -> bool:
    return bool(models.editors())


def tab(page: Page, models: Models, shared: Shared | None) -> None:
    known = models.editors()
    drawn = DrawnFaces(models)
    subject, another = gr.State(time_to_live=SECONDS), gr.State(time_to_live=SECONDS)
    stage = page.reads(
        gr.HTML(
            beginning(models, drawn, known[0]),
            html_template='<div class="studio"></div>',
            js_on_load=SCRIPT,
            apply_default_css=False,
            elem_id="studio",
            words={
                language: words.sentences(language)["STUDIO"]
                | {"attributes": words.sentences(language)["ATTRIBUTE_NAMES"]}
                for language in words.LANGUAGES
            },
            most_bytes=MOST_BYTES,
            examples=[as_url(picture) for picture in drawn.tiles(known[0])],
        ),
        asked,
    )
    gr.Markdown(words.PHOTO_FOOT, elem_id="photo-note")
    paths = ways(models, known[0])
    with gr.Accordion(words.MORPH, open=False, elem_id="morph", visible=bool(paths)) as morphing, gr.Row():
        other = photo_upload(page, words.OTHER_PHOTO, "other", height=240)
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
    editor = page.reads(
        gr.Dropdown(
            known, value=known[0], label=words.EDITOR, filterable=False, visible=len(known) > 1, elem_id="editor"
        ),
        reading.choice("editor", str),
    )
    line, card = about.footer(models, known[0], "editor")

    def current(subject_, editor_name: str, ask: "Asked") -> Opened:
        """The photo of a request. Raises InvalidInput if the server no longer has it."""
        opened = subject_ if isinstance(subject_, Opened) else drawn.first(editor_name)
        if opened is None:
            raise InvalidInput(words.NO_PHOTO)
        if opened.key != ask.key:
            raise InvalidInput(words.PHOTO_GONE)
        return opened

    def allowed(name: str, opened: Opened, edits: Edits) -> Edits:
        """The changes, as far as this photo leaves room for them. Raises InvalidInput for one that is not offered."""
        offers, found = models.offered(name), {}
        for number, changes in edits.items():
            blocked, found[number] = opened.blocked(number), {}
            for change, value in changes.items():
                if change not in offers or value and not offers[change].allows(value > 0):
                    raise InvalidInput(words.NO_SUCH_CHANGE)
                found[number][change] = 0.0 if blocked[change][value > 0] else value
        return found

    # ---- Events

    def shown(visit: Visit, name: str, opened: Opened | None, kept: bool = True):
        """Show a photo that was just opened, and remove everything of the one before and of a morph."""
        visit.photos.empty()
        value = photo_facts(models, name, opened) if opened else empty(models, name)
        return {subject: opened if kept else None, stage: value, morph_strip: None, morph_video: None}

    def open_photo(visit, name, ask):
        content = page.uploads.take(ask.file)  # first, so that the upload is removed even if something else is wrong
        found = portrait.open_portrait(models.editor(name), content)
        return shown(visit, name, Opened(found, Path(ask.file["path"]).stem))

    def open_example(visit, name, ask):
        return shown(visit, name, drawn.face(name, ask.face))

    def forget(visit, name):
        """Remove everything of the photo, and show a generated face again."""
        models.editor(name)
        return shown(visit, name, drawn.first(name), kept=False)

    def choose_editor(visit, name, subject_):
        """Open the same photo with another editor."""
        models.editor(name)
        paths = ways(models, name)
        opened = subject_ if isinstance(subject_, Opened) else None
        opened = drawn.first(name) if opened is None or opened.drawn else opened.by(models.editor(name))
        return {
            **shown(visit, name, opened),
            another: None,
            other: None,
            way: gr.Radio(choices=paths, value=paths[0][1] if paths else None),
            morphing: gr.Accordion(visible=bool(paths)),
            line: about.about_line(models, name),
            card: about.card_html(models, name),
        }

    def choose_face(visit, name, subject_, ask):
        opened = current(subject_, name, ask)
        return {stage: {**view(models, name, opened, ask.face), "kind": "view", "key": opened.key}}

    def retouch(visit, name, subject_, ask):
        """Show the window of one face with its changes, while a slider moves."""
        opened = current(subject_, name, ask)
        made = opened.edited(ask.face, allowed(name, opened, ask.edits))
        picture, place = made or (None, None)
        answer = {"kind": "patch", "key": opened.key, "face": ask.face, "turn": ask.turn}
        return {stage: answer | {"src": as_url(picture) if picture else None, "place": place}}

    def full_size(visit, name, subject_, ask):
        """Write the edited photo to a file, at its full size."""
        opened = current(subject_, name, ask)
        edits = allowed(name, opened, ask.edits)
        edited, title = opened.full(edits), f"{name_of_edit(opened.name, edits)}.jpg"
        mark = marks.Mark(*models.origin(name), kind=marks.EDITED, edits=flat(edits), rights=rights(models, name))
        options = {"quality": 95, "icc_profile": edited.info.get("icc_profile")}
        file = visit.photos.file("full-size", title, lambda path: marks.save(edited, path, mark, **options))
        return {stage: {"kind": "file", "key": opened.key, "path": str(file), "name": title, "turn": ask.turn}}

    def open_other(visit, tell, name, subject_, way, upload):
        """Open the photo to morph into; its largest face counts."""
        if not upload:
            return None
        content = page.uploads.take(upload)
        first = subject_ if isinstance(subject_, Opened) else drawn.first(name)
        if first is None:
            raise InvalidInput(words.NO_PHOTO)
        second = portrait.open_portrait(models.editor(name), content)
        return {another: second, **morphed(visit, tell, name, first.portrait, second, way)}

    def morph(visit, tell, name, subject_, other, way):
        """Morph between the same two photos by another method."""
        first = subject_ if isinstance(subject_, Opened) else drawn.first(name)
        if not isinstance(other, portrait.Portrait) or first is None:
            return None
        return morphed(visit, tell, name, first.portrait, other, way)

    def morphed(visit: Visit, tell, name, first: portrait.Portrait, second: portrait.Portrait, way):
        """Make a strip and a video from one face to the other and back."""
        by = morpher(models, name)
        if by and by != name:
            first, second = first.by(models[by]), second.by(models[by])
        if way == THEMSELVES:
            if by is None:
                raise InvalidInput(words.NOT_OFFERED)
            between = functools.partial(portrait.morph, first, second)
        else:
            if way not in models.generators():
                raise InvalidInput(words.NOT_OFFERED)
            generator = models[way]
            faces = torch.cat([first.encoded.photos, second.encoded.photos])
            found = inversion.invert(generator, faces, progress=lambda *done: tell(done, words.FINDING))
            between = functools.partial(inversion.morph, generator, found)
        tell(0.9, words.DRAWING)
        there = between(FRAMES // 2)
        tell(0.95, words.MAKING_VIDEO)
        xmp = marks.to_xmp(marks.of(first.editor if way == THEMSELVES else models[way], kind=marks.EDITED))
        film = torch.cat([there, there.flip(0)])
        video = visit.photos.file("morph-video", "morph.mp4", lambda path: images.write_video(film, path, xmp=xmp))
        strip = images.to_pil(between(STRIP), TILE)
        return {
            morph_strip: visit.photos.pictures("morph", strip, [xmp] * len(strip)),
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
        """Remove everything of the other photo and of a morph into it."""
        visit.photos.empty()
        return {another: None, morph_strip: None, morph_video: None}

    def prepare(visit):
        """Load the face detector before the first photo comes. If it is not installed, opening a photo says so."""
        with contextlib.suppress(MissingPackage):
            photos.load_detector()

    after_opening = [subject, stage, morph_strip, morph_video]
    page.on(stage.open, open_photo, [editor, stage], after_opening, says=stage)
    page.on(stage.example, open_example, [editor, stage], after_opening, quick=True, says=stage)
    page.on(stage.forget, forget, [editor], after_opening, quick=True, says=stage)
    page.on(stage.face, choose_face, [editor, subject, stage], [stage], quick=True, says=stage)
    page.on(stage.change_face, retouch, [editor, subject, stage], [stage], quick=True, says=stage)
    page.on(stage.save, full_size, [editor, subject, stage], [stage], says=stage)
    page.on(editor.input, choose_editor, [editor, subject], [*after_opening, another, other, way, morphing, line, card])
    opening = page.on(
        other.upload,
        open_other,
        [editor, subject, way, other],
        [another, morph_strip, morph_video],
        long=True,
        spinner=morph_video,
    )
    page.on(opening.then, unframed, [another], [other])
    page.on(
        way.input, morph, [editor, subject, another, way], [morph_strip, morph_video], long=True, spinner=morph_video
    )
    page.on(other.clear, forget_other, [], [another, morph_strip, morph_video])
    page.on(page.load, prepare)


# ---- Requests of the editor in the browser, and the answers


class Asked(NamedTuple):
    """key: of the photo. turn: a number that is returned with the answer. face: the number of a face in the photo, or
    of a generated face."""

    key: str | None
    turn: int
    face: int
    edits: Edits
    file: dict | None


def asked(value) -> Asked:
    """A request of the editor in the browser. Raises InvalidInput for what it would never send."""
    if not isinstance(value, dict):
        raise InvalidInput(words.TOO_LITTLE)
    edits = value.get("edits") or {}
    if not isinstance(edits, dict) or len(edits) > MOST_FACES:
        raise InvalidInput(f"The edits must be changes of at most {MOST_FACES} faces, not {short(edits)}.")
    found = {}
    for number, changes in edits.items():
        if not isinstance(changes, dict) or len(changes) > reading.MOST_CHOICES:
            raise InvalidInput(f"The changes of a face must be names and numbers, not {short(changes)}.")
        read = reading.number_from("change", -portrait.MOST, portrait.MOST)
        found[face_number(number)] = {reading.text("name of a change")(name): read(x) for name, x in changes.items()}
    file = value.get("file")
    key = reading.text("photo")(value.get("key")) or None
    turn = reading.whole_from("turn")(value.get("turn", 0))
    if abs(turn) > 2**53:
        raise InvalidInput(words.TOO_LITTLE)
    return Asked(key, turn, face_number(value.get("face", 0)), found, file if isinstance(file, dict) else None)


def face_number(value) -> int:
    """The number of a face, which is a text when it is a key in JSON."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 4:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < MOST_FACES:
        raise InvalidInput(f"A face is a number from 0 to {MOST_FACES - 1}, not {short(value)}.")
    return value


def photo_facts(models: Models, name: str, opened: Opened) -> dict:
    """Everything that the browser needs to know about a photo that was just opened."""
    whole = opened.view(None).portrait.photo
    return {
        "kind": "opened",
        "key": opened.key,
        "drawn": opened.drawn,
        "name": opened.name,
        "src": as_url(whole),
        "width": whole.width,
        "height": whole.height,
        "boxes": opened.places,
        "sliders": sliders(models, name),
        **view(models, name, opened, opened.portrait.chosen),
    }


def view(models: Models, name: str, opened: Opened, number: int) -> dict:
    """The view of one face, and the directions in which its sliders may move."""
    seen, whole = opened.view(number), opened.view(None)
    alone = seen.box != whole.box
    photo = seen.portrait.photo
    picture = {"src": as_url(photo), "width": photo.width, "height": photo.height} if alone else None
    facts = {"turned": opened.face(number).turned, "blocked": opened.blocked(number)}
    return {"face": number, "close": picture, "box": opened.place(seen.box), **facts}


def flat(edits: Edits) -> dict[str, float]:
    """The changes of all faces under one name each, such as "2: Smiling" for the second face."""
    return {
        f"{number + 1}: {change}" if len(edits) > 1 else change: value
        for number, changes in sorted(edits.items())
        for change, value in changes.items()
        if value
    }


def rights(models: Models, name: str) -> str:
    """The rights on an edited photo: the line on the editor's data and their licence, as plain text."""
    return notices.plain_text(models.about(name).data)


def sliders(models: Models, name: str) -> list[dict]:
    """The sliders in the order of the page: the first four, the other reliable ones, the less reliable ones. The first
    ones go both ways, as far as there are such: else a face may leave one of them no way at all."""
    able = {
        change: offer for change, offer in models.offered(name).items() if offer.allows(False) or offer.allows(True)
    }
    good = [change for change, offer in able.items() if offer.reliable]
    rank = {change: place for place, change in enumerate(FIRST)}
    both = {change: able[change].allows(False) and able[change].allows(True) for change in good}
    first = sorted(good, key=lambda change: (not both[change], rank.get(change, len(FIRST))))[: len(FIRST)]
    groups = {"first": first, "more": [change for change in good if change not in first]}
    groups["unreliable"] = [change for change in able if change not in good]
    return [
        {
            "name": change,
            "label": words.attribute(change),
            "group": group,
            "least": -1 if able[change].allows(False) else 0,
            "most": 1 if able[change].allows(True) else 0,
        }
        for group, changes in groups.items()
        for change in changes
    ]


def beginning(models: Models, drawn: "DrawnFaces", name: str) -> dict:
    """What the editor shows before the first request."""
    first = drawn.first(name)
    return photo_facts(models, name, first) if first else empty(models, name)


def empty(models: Models, name: str) -> dict:
    return {"kind": "empty", "sliders": sliders(models, name)}


class DrawnFaces:
    """Generated faces to edit, the same for all visitors."""

    def __init__(self, models: Models):
        self.models = models
        self.faces = drawn_faces(models)
        self._opened: dict[tuple[str, int], Opened] = {}

    def first(self, editor: str) -> Opened | None:
        return self.face(editor, 0) if len(self.faces) else None

    def face(self, editor: str, number: int) -> Opened:
        """One of the faces, opened with an editor. Raises InvalidInput if there is no such face or editor."""
        if not 0 <= number < len(self.faces):
            raise InvalidInput(words.NO_SUCH_EXAMPLE)
        if (editor, number) not in self._opened:
            made = portrait.drawn_portrait(self.models.editor(editor), self.faces[number])
            key = f"drawn-{number}"
            self._opened[editor, number] = Opened(made, f"drawn-face-{number + 1}", drawn=True, key=key)
        return self._opened[editor, number]

    def tiles(self, editor: str) -> list:
        """Small pictures of the faces."""
        return images.to_pil(self.faces, TILE // 2) if len(self.faces) else []


def drawn_faces(models: Models) -> torch.Tensor:
    """Faces drawn by the first offered generator of faces, else by the bundled one, else by an editor that can."""
    usable = models.usable()
    drawer = next((models[name] for name in models.drawers()), None)
    if drawer is None and FACES in layout.bundled():
        try:
            drawer = load(FACES)
        except ModelError:
            pass
    drawer = drawer or next((model for model in usable.values() if isinstance(model, Editor)), None)
    if drawer is None:
        return torch.empty(0, 3, 64, 64)
    with torch.inference_mode():
        return drawer.generate(studio.latents_for(drawer, EXAMPLES, 0.8), studio.labels_for(drawer, EXAMPLES))


def morpher(models: Models, editor: str) -> str | None:
    """The editor whose codes morph a photo that is open with an editor: itself, or the first other one that has codes."""
    usable = models.usable()
    return next((name for name in (editor, *models.editors()) if isinstance(usable.get(name), Editor)), None)


def ways(models: Models, editor: str) -> list[tuple[str, str]]:
    """The methods to morph between photos: (label on the page, argument of `morphed`)."""
    by, usable = morpher(models, editor), models.usable()
    size = models[by or editor].image_shape
    able = [name for name in models.generators() if name in usable and usable[name].image_shape == size]
    itself = [(words.KEEPING_DETAIL, THEMSELVES)] if by else []
    return itself + [(words.through(name), name) for name in able]
