"""The demo: `python app.py [--model SOURCE ...]`. Wiring and words; what it computes is in gan_models."""

import argparse
import functools
import hashlib
import html
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
# A thread for each visitor. Networks this small wait longer for a second thread than it saves, most of all on busy cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import gradio as gr
import torch
from starlette.middleware import Middleware

import gan_models
from gan_models import InvalidInput, ModelError, images, inversion, photos, portrait, studio
from gan_models.demo.uploads import MOST_BYTES, Page, Picked, UploadRoute, Uploads, blank
from gan_models.editor import ATTRIBUTES, MOST, Editor
from gan_models.latents import check_count, check_seed

TILE, LARGE = 128, 256  # pixels of a picture in the file; the page scales it
FRAMES, STRIP = 96, 9
EXAMPLES = 6
SLIDERS = 40  # as many attributes as CelebA has
EITHER = -1
EXAMPLE_SEED = 7
CATEGORY = "category"
THEMSELVES = "themselves"
CACHE_SECONDS = 3600
VISITORS = 40  # whose photos are in memory at a time, each up to 150 MB: the longest away are forgotten first

SYSTEM_FONT = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]  # a font from the net would be a request to a stranger
THEME = gr.themes.Soft(primary_hue="indigo", secondary_hue="pink", font=SYSTEM_FONT, font_mono=["ui-monospace", "monospace"]).set(
    background_fill_primary="*neutral_50", block_title_padding="0", block_title_text_weight="600",
    block_title_background_fill="transparent", block_title_background_fill_dark="transparent",
    block_title_text_color="*body_text_color", block_title_text_color_dark="*body_text_color")
CSS = """
.gradio-container { max-width: 1100px !important; margin: 0 auto !important; }
footer { display: none !important; }
#top { align-items: center; }
#title { flex: 2 1 300px; }
#title h1, #title p { margin: 0; }
#title p { opacity: .75; }
#model { flex: 1 1 200px; }

.pictures .grid-wrap { min-height: 0 !important; max-height: none !important; padding: 0; overflow: visible; }
.pictures .grid-container { grid-template-columns: repeat(var(--across), minmax(0, 1fr)) !important; grid-auto-rows: auto; gap: 6px; }
.pictures .thumbnail-lg { width: 100%; height: auto; aspect-ratio: auto; border: 0; overflow: visible; background: none; box-shadow: none; }
.pictures img { width: 100%; height: auto !important; aspect-ratio: 1; }
.pictures:not(#samples, #examples) .thumbnail-lg { pointer-events: none; }
.pictures:not(#samples, #examples) .caption-label { position: static; max-width: none; padding: 2px 0; border: 0; background: none; text-align: center; }
:is(#samples, #examples) .caption-label { opacity: 0; transition: opacity .15s; }
#samples .thumbnail-lg:hover .caption-label, #samples .thumbnail-lg:focus-visible .caption-label { opacity: 1; }
#samples { --across: 8; }
#strip, #retouch-strip, #morph-strip { --across: 9; }
#examples { --across: 6; }
#retouched img { object-fit: contain; }
#pair { --across: 2; width: 100%; max-width: 660px; margin: 0 auto; }
#sweep { --across: 10; }
#sweep:has(.gallery-item:nth-child(7):last-child) { --across: 7; }

#seed-row { align-items: center; }
#video { flex: 0 1 340px; }
#count .head { flex-wrap: nowrap; }
:is(#sliders, #retouch-sliders) .form { display: grid; grid-template-columns: repeat(auto-fill, minmax(140px, 1fr)); min-width: 0 !important;
                 background: var(--block-background-fill); }
:is(#sliders, #retouch-sliders) .form > * { min-width: 0 !important; padding: 6px 12px; align-content: end; }
:is(#sliders, #retouch-sliders) :is(.tab-like-container, .min_value, .max_value) { display: none; }
/* What the first two tabs share is of no use to the third. */
.gradio-container:has(#attributes-tab-button[aria-selected=true]) :is(#class, #present, #absent) { display: none; }
.gradio-container:has(#photo-tab-button[aria-selected=true]) :is(#class, #present, #absent, #truncation) { display: none; }
@media (max-width: 640px) {
  #samples, #sweep, #sweep:has(.gallery-item:nth-child(7):last-child) { --across: 4; }
  #sweep:has(.gallery-item:nth-child(10)) { --across: 5; }
  #strip, #retouch-strip, #morph-strip { --across: 3; }
  #video { flex-basis: 100%; }
  .tab-container button { padding: 0 5px !important; font-size: min(13.5px, 3.5vw); }  /* or the four tabs widen the page */
}
"""
ABOUT = """What neural networks draw here is deleted within two hours.
Models made from CelebA are for non-commercial research only. GAN Studio is open source (MIT)."""
UNCONDITIONAL = "This model was trained without labels, so there is nothing to change here."
FOUND = "Nobody told this model what digits there are: it found the categories and the codes by itself (InfoGAN)."
PHOTO = """Upload a photo with a face, or take one of the drawn faces. Please only photos of people who agree. Nothing is kept: what is made
of a photo is deleted when you take it away, open another or close the page, and the photo leaves this server's memory within an hour."""
LABELS = """What an attribute means is what annotators of CelebA saw, not what anybody is. Only 12 of the 40 are labelled reliably (Wu et al.
2023); Young, Pale Skin and Bushy Eyebrows are judgements, and often disputed."""
UNRELIABLE = f"0 leaves an attribute as it is. {LABELS} Bald and Mustache are rare there, and change little."
ONE_HAIR_COLOUR = "Hair has one colour at a time: raise one and lower the others."

offered: dict[str, str] = {}  # name on the page -> source of the model


def names(sources: list[str]) -> dict[str, str]:
    """A short name for each source: runs/mnist-cgan/model is "mnist-cgan". Sources of the same short name keep their whole one."""
    short = [name_of(source) for source in sources]
    return {source if short.count(name) > 1 else name: source for name, source in zip(short, sources)}


def name_of(source: str) -> str:
    path = Path(source)
    if not path.is_dir():
        return source  # a bundled name or a Hub repository
    parts = [part for part in path.resolve().parts[1:] if part not in ("model", "checkpoint")]
    return parts[-1] if parts else source


@functools.lru_cache(maxsize=None)
def opened(source: str) -> gan_models.Generator:
    """A model, opened when it is first needed."""
    return gan_models.load(source)


def model(name) -> gan_models.Generator:
    """The model of that name. Only what was offered at the start is opened, whatever a page asks for."""
    if not isinstance(name, str) or name not in offered:
        raise InvalidInput("That model is not offered here; choose one of the list.")
    return opened(offered[name])


def whole(value, what: str) -> int:
    """A whole number from a number field. Raises InvalidInput."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not float(value).is_integer():
        raise InvalidInput(f"The {what} must be a whole number, not {'empty' if value in (None, '') else value}.")
    return int(value)


def spoken(function):
    """Bad input becomes one sentence on the screen, and what was shown stays."""
    @functools.wraps(function)
    def wrapper(*arguments):
        try:
            return function(*arguments)
        except ModelError as error:
            gr.Warning(html.escape(str(error)), title="That did not work")
            return gr.skip()
    return wrapper


def files(pictures, size: int, folder: Path | None = None) -> list[Path]:
    """Pictures (n, C, H, W) as files for the page, about `size` pixels high."""
    return [images.save_by_content(picture, folder or os.environ["GRADIO_TEMP_DIR"]) for picture in images.to_pil(pictures, size)]


def wishes(generator, wanted, present, absent) -> studio.Wishes:
    """What the label controls ask for."""
    if wanted in (None, EITHER) and not generator.multi_label:
        return None
    if studio.has_codes(generator):
        return studio.Codes(category=wanted)
    if generator.labels is None:
        return None
    if not generator.multi_label:
        return wanted
    both = sorted(set(present or ()) & set(absent or ()))
    if both:
        raise InvalidInput(f"{pretty(both[0])} cannot be both wanted and unwanted: take it out of one of the two.")
    return dict.fromkeys(present or (), 1.0) | dict.fromkeys(absent or (), 0.0)


@spoken
def sample(name, seed, count, truncation, wanted, present, absent):
    """Pictures of a seed, each with its name for the other tabs."""
    generator = model(name)
    seed, count = check_seed(whole(seed, "seed")), check_count(whole(count, "number of pictures"), most=64)
    pictures = studio.sample(generator, seed, count, truncation, wishes(generator, wanted, present, absent))
    return [(file, str(studio.Anchor(seed, k))) for k, file in enumerate(files(pictures, TILE))]


@spoken
def interpolate(name, anchors, truncation, wanted, present, absent, progress=gr.Progress()):
    """A strip and a looping video of a walk through some pictures, and what was asked for."""
    generator, path = model(name), studio.parse_anchors(anchors)
    wished = wishes(generator, wanted, present, absent)
    progress(0.1, desc="Drawing")
    strip = studio.interpolate(generator, path, STRIP, truncation, wished, loop=False)
    frames = studio.interpolate(generator, path, FRAMES, truncation, wished)
    progress(0.6, desc="Making the video")
    file = Path(os.environ["GRADIO_TEMP_DIR"]) / f"walk-{secrets.token_hex(8)}.mp4"
    images.write_video(frames, file)
    return files(strip, TILE), str(file), [name, anchors, truncation, wanted, present, absent]


def interpolate_once(name, anchors, truncation, wanted, present, absent, shown, progress=gr.Progress()):
    """The same, unless it is what is shown already."""
    asked = [name, anchors, truncation, wanted, present, absent]
    return gr.skip() if asked == shown else interpolate(*asked, progress)


def one_anchor(text) -> studio.Anchor:
    """The picture of the Attributes tab, such as 7 or 7:2."""
    text = str(text or "").strip()
    return studio.parse_anchors(f"{text} {text}")[0] if text else studio.Anchor(whole(None, "seed"))


def wished_change(generator, as_class, values) -> studio.Wishes:
    if studio.has_codes(generator):
        return studio.Codes(as_class, tuple(values[:generator.continuous]))
    if generator.labels is None:
        return None
    return dict(zip(generator.labels, values)) if generator.multi_label else (as_class or 0)


def pair(generator, anchor, wished, truncation):
    before, after = files(studio.change(generator, anchor, wished, truncation), LARGE)
    return [(before, "before"), (after, "after")]


@spoken
def change(name, picture, truncation, as_class, *values):
    """One picture before and after."""
    generator = model(name)
    return pair(generator, one_anchor(picture), wished_change(generator, as_class, values), truncation)


def series(generator, anchor, wished, attribute, truncation):
    if studio.has_codes(generator):
        attribute = None if attribute == CATEGORY else attribute
        strip = studio.sweep(generator, anchor, wished, attribute, truncation=truncation)
        said = code_names(generator) if attribute is None else [f"{value:.1f}" for value in torch.linspace(-1, 1, len(strip)).tolist()]
    elif generator.labels is None:
        return []
    else:
        strip = studio.sweep(generator, anchor, wished, attribute, truncation=truncation)
        said = [f"{k / (len(strip) - 1):.0%}" for k in range(len(strip))] if generator.multi_label else generator.labels
    return list(zip(files(strip, TILE), said))


def code_names(generator) -> list[str]:
    """What an InfoGAN's categories are called: it found them by itself, so they have no names."""
    return [f"code {k}" for k in range(generator.categories)]


@spoken
def sweep(name, picture, truncation, as_class, attribute, *values):
    """One picture with one attribute from none to full, or as each class."""
    generator = model(name)
    return series(generator, one_anchor(picture), wished_change(generator, as_class, values), attribute, truncation)


@spoken
def inspect(name, picture, truncation, attribute):
    """A picture as it is: its labels in the controls, before, after and the series."""
    generator, anchor = model(name), one_anchor(picture)
    names, values, chosen = as_it_is(generator, anchor)
    wished = wished_change(generator, chosen, values)
    least = -1 if studio.has_codes(generator) else 0
    sliders = [gr.Slider(label=label, value=value, minimum=least, visible=True) for label, value in zip(names, values)]
    return (*sliders, *[gr.Slider(visible=False)] * (SLIDERS - len(sliders)), gr.skip() if chosen is None else gr.Radio(value=chosen),
            pair(generator, anchor, wished, truncation), series(generator, anchor, wished, attribute, truncation))


def as_it_is(generator, anchor) -> tuple[list[str], list[float], int | None]:
    """Of a picture: the names of its sliders, their values, and its class."""
    if studio.has_codes(generator):
        category, continuous = generator.codes(studio.latents_for(generator, [anchor]))
        return [f"Code {k + 1}" for k in range(generator.continuous)], continuous[0].tolist(), int(category[0])
    labels = studio.labels_for(generator, [anchor])
    if labels is None:
        return [], [], None
    return ([pretty(label) for label in generator.labels], labels[0].tolist(), None) if generator.multi_label else ([], [], int(labels[0]))


@spoken
def add_anchor(anchors, event: Picked):
    """A click on a picture of the gallery adds it to the walk and shows it among the attributes."""
    picked = event.caption
    gr.Info(f"Picture {picked} is in the walk and under Attributes now.", duration=3, title="Picked")
    return ", ".join([*str(anchors or "").replace(",", " ").split(), picked][-studio.MAX_ANCHORS:]), picked


def new_seed() -> int:
    return secrets.randbelow(1_000_000)


def pretty(name: str) -> str:
    return name.replace("_", " ")


# ---- Editing a photo -------------------------------------------------------------------------------------------------


def editors() -> list[str]:
    """The names of the editors that are offered."""
    return [name for name in offered if isinstance(opened(offered[name]), Editor)]


def example_faces(count: int = EXAMPLES) -> list[tuple[Path, str]]:
    """Faces that a generator draws, to edit: never a person's photo."""
    return [(file, str(studio.Anchor(EXAMPLE_SEED, k))) for k, file in enumerate(files(drawn_faces(count), TILE))]


def drawn_faces(count: int):
    """From the first generator that knows attributes, else from the editor itself."""
    known = [opened(source) for source in offered.values()]
    size = opened(offered[editors()[0]]).image_shape
    generator = next((model for model in known if model.multi_label and model.image_shape == size), opened(offered[editors()[0]]))
    return studio.sample(generator, EXAMPLE_SEED, count, 0.8)


def no_file():
    return gr.File(value=None, visible=False)


def visit(request: gr.Request) -> Path:
    """Where all that is made of one visitor's photos lies, and nothing else."""
    name = hashlib.sha256(str(request.session_hash).encode()).hexdigest()[:32]
    folder = Path(os.environ["GRADIO_TEMP_DIR"]) / f"visit-{name}"
    folder.mkdir(exist_ok=True)
    return folder


def empty(folder: Path) -> None:
    """Nothing is left of the pictures, though a slow page that still fetches one is answered."""
    for file in list(folder.glob("[!.]*")):  # what begins with a dot is being written, or is blank
        blank(file)


def leave(request: gr.Request) -> None:
    """The page was closed."""
    shutil.rmtree(visit(request), ignore_errors=True)


def seen(subject: portrait.Portrait, attribute: str, folder: Path):
    """A photo that was just opened: before and after, the faces to choose from, sliders at zero, a strip, and no old download or morph."""
    empty(folder)
    numbers = [(str(k + 1), k) for k in range(len(subject.faces))]
    return (subject, face_frames(subject, folder), gr.Radio(choices=numbers, value=subject.chosen, visible=len(numbers) > 1),
            *[gr.Slider(value=0)] * len(subject.editor.attributes), compared(subject, {}, folder),
            strip_of(subject, attribute, {}, folder), no_file(), None, None)


def framed(subject, request: gr.Request):
    """The photo, reduced and without its metadata, with its faces framed and numbered if there are several; or none."""
    return face_frames(subject, visit(request)) if isinstance(subject, portrait.Portrait) else None


def face_frames(subject: portrait.Portrait, folder: Path) -> Path:
    small = subject.small()
    return images.save_by_content(photos.numbered(small.photo, list(small.faces)) if len(small.faces) > 1 else small.photo, folder)


def unframed(subject, request: gr.Request):
    return images.save_by_content(subject.small().photo, visit(request)) if isinstance(subject, portrait.Portrait) else None


def compared(subject: portrait.Portrait, wished, folder: Path):
    small = subject.small()
    return images.save_by_content(small.photo, folder), images.save_by_content(small.edited(wished), folder)


def strip_of(subject: portrait.Portrait, attribute, wished, folder: Path):
    strip = subject.strip(attribute, wished, STRIP)
    said = [f"{value:+g}" for value in torch.linspace(-MOST, MOST, STRIP).tolist()]
    return list(zip(files(strip, TILE, folder), said))


def wanted_differences(subject: portrait.Portrait, values) -> dict[str, float]:
    return {name: value for name, value in zip(subject.editor.attributes, values) if value}


def has_photo(subject) -> portrait.Portrait:
    if not isinstance(subject, portrait.Portrait):
        raise InvalidInput("There is no photo yet: upload one, or take one of the drawn faces.")
    return subject


def sweep_always(kept: Uploads) -> None:
    """Nothing is left of an upload after an hour, whether it was opened or not."""
    while True:
        time.sleep(60)
        kept.sweep()


@functools.lru_cache(maxsize=1)
def uploads_in(folder: str) -> Uploads:
    return Uploads(Path(folder) / "uploads")


def uploads() -> Uploads:
    """The uploads of this run of the server."""
    return uploads_in(os.environ["GRADIO_TEMP_DIR"])


@spoken
def open_photo(name, attribute, upload, request: gr.Request):
    if not upload:
        return gr.skip()
    content = uploads().take(upload)  # first of all, so that nothing of it stays whatever else is wrong
    return seen(portrait.open_portrait(editor_of(name), content), attribute, visit(request))


@spoken
def open_example(name, attribute, event: Picked, request: gr.Request):
    k = studio.parse_anchors(f"{event.caption} 0")[0].k
    if k >= EXAMPLES:
        raise InvalidInput("There is no such drawn face; choose one that is shown.")
    return seen(portrait.drawn_portrait(editor_of(name), drawn_faces(EXAMPLES)[k]), attribute, visit(request))


def editor_of(name) -> Editor:
    found = model(name)
    if not isinstance(found, Editor):
        raise InvalidInput("That model cannot edit photos; choose one of the list.")
    return found


@spoken
def choose_face(subject, attribute, number, request: gr.Request):
    return seen(has_photo(subject).choose(number), attribute, visit(request))


@spoken
def click_face(subject, attribute, event: Picked, request: gr.Request):
    """A click on the photo chooses the face there."""
    subject = has_photo(subject)
    found = photos.choose(list(subject.small().faces), *event.point)
    if found is None:
        raise InvalidInput("There is no face there; click on one that is framed.")
    return seen(subject.choose(found), attribute, visit(request))


@spoken
def retouch(request: gr.Request, subject, *values):
    """Before and after, while a slider moves."""
    subject = has_photo(subject)
    return compared(subject, wanted_differences(subject, values), visit(request)), no_file()


@spoken
def retouch_strip(request: gr.Request, subject, attribute, *values):
    subject = has_photo(subject)
    return strip_of(subject, attribute, wanted_differences(subject, values), visit(request))


@spoken
def full_size(request: gr.Request, subject, *values):
    """The edited photo as a file, as large as it came."""
    subject = has_photo(subject)
    file = visit(request) / f"edited-{secrets.token_hex(8)}.jpg"
    photos.save_photo(subject.edited(wanted_differences(subject, values)), file)
    return gr.File(str(file), visible=True)


@spoken
def open_other(name, subject, way, upload, request: gr.Request, progress=gr.Progress()):
    """The photo to morph into, its largest face."""
    if not upload:
        return gr.skip()
    content = uploads().take(upload)  # first of all, so that nothing of it stays whatever else is wrong
    first, second = has_photo(subject), portrait.open_portrait(editor_of(name), content)
    return second, *morphed(first, second, way, visit(request), progress)


@spoken
def morph(subject, other, way, request: gr.Request, progress=gr.Progress()):
    """The other way between the same two photos."""
    return morphed(has_photo(subject), other, way, visit(request), progress) if isinstance(other, portrait.Portrait) else gr.skip()


def morphed(first: portrait.Portrait, second: portrait.Portrait, way, folder: Path, progress: gr.Progress):
    """A strip and a video from one face to the other and back."""
    if way == THEMSELVES:
        between = functools.partial(portrait.morph, first, second)
    else:
        generator = model(way)
        faces = torch.cat([first.encoded.photos, second.encoded.photos])
        found = inversion.invert(generator, faces, progress=lambda *done: progress(done, desc="Finding both faces in the latent space"))
        between = functools.partial(inversion.morph, generator, found)
    progress(0.9, desc="Drawing")
    there = between(FRAMES // 2)
    file = folder / f"morph-{secrets.token_hex(8)}.mp4"
    images.write_video(torch.cat([there, there.flip(0)]), file)
    return files(between(STRIP), TILE, folder), str(file)


def ways() -> list[tuple[str, str]]:
    """How to walk from one photo to another: (what the page says, what `morphed` takes)."""
    size = opened(offered[editors()[0]]).image_shape
    able = [name for name, source in offered.items() if not isinstance(opened(source), Editor) and opened(source).image_shape == size]
    return [("keeping the photos' detail", THEMSELVES)] + [(f"through faces that {name} draws", name) for name in able]


def forget(request: gr.Request):
    """The photo was taken away: nothing of it stays, nor of a morph."""
    empty(visit(request))
    return None, gr.Radio(visible=False), *[gr.Slider(value=0)] * sliders_of(editors()[0]), None, None, no_file(), None, None


def sliders_of(name: str) -> int:
    return len(opened(offered[name]).attributes)


@functools.lru_cache(maxsize=None)
def about(name: str) -> studio.About:
    """What the model's folder says of it."""
    return studio.about(offered[name])


def describe(name: str) -> str:
    generator = model(name)
    channels, height, width = generator.image_shape
    kind = "attributes" if generator.multi_label else "classes"
    told = f"told {len(generator.labels)} {kind}" if generator.labels else "told no labels"
    told += f", found {generator.categories} categories by itself" if studio.has_codes(generator) else ""
    network = f"family `{generator.family}`, {width} x {height} pixels, latent of {generator.latent_dim} numbers, {told}"
    return f"**{name}**: {network}. {about(name).data}"


def hint(generator) -> str:
    if studio.has_codes(generator):
        return FOUND
    if generator.labels is None:
        return UNCONDITIONAL
    one_colour = ONE_HAIR_COLOUR if sum(label.endswith("_Hair") for label in generator.labels) > 1 else ""
    return f"{one_colour} {LABELS}".strip() if set(ATTRIBUTES) & set(generator.labels) else ""


def controls(name: str) -> dict[str, dict]:
    """How the controls look that depend on the model, by elem_id."""
    generator = model(name)
    attributes = [(pretty(label), label) for label in generator.labels or ()] if generator.multi_label else []
    classes = [(pretty(label), k) for k, label in enumerate(generator.labels or ())] if not generator.multi_label else []
    if studio.has_codes(generator):
        classes = [(name, k) for k, name in enumerate(code_names(generator))]
        attributes = [("the categories", CATEGORY), *[(f"Code {k + 1}", str(k)) for k in range(generator.continuous)]]
    first = "Smiling" if "Smiling" in (generator.labels or ()) else attributes[0][1] if attributes else None
    return {
        "class": {"choices": [("any", EITHER), *classes], "value": EITHER, "visible": bool(classes)},
        "present": {"choices": attributes, "value": [], "visible": generator.multi_label},
        "absent": {"choices": attributes, "value": [], "visible": generator.multi_label},
        "attribute": {"choices": attributes, "value": first, "visible": bool(attributes)},
        "as_class": {"choices": classes, "value": 0 if classes else None, "visible": bool(classes)},
        "hint": {"value": hint(generator), "visible": bool(hint(generator))},
        "about": {"value": describe(name)},
        "card": {"value": about(name).card},
    }


def switch(name, current):
    """To another model: its controls, and nothing left of the model before. If it cannot be opened, the page stays as it is."""
    try:
        settings = controls(name)
    except ModelError as error:
        gr.Warning(html.escape(str(error)), title="That did not work")
        return current, current, *[gr.skip()] * 11
    return name, name, *[gr.update(**setting) for setting in settings.values()], None, None, None


def build() -> gr.Blocks:
    """The interface over the offered models; the first is shown first."""
    first = next(iter(offered))
    look = controls(first)
    plain = {"interactive": False, "allow_preview": False, "show_label": False, "container": False, "buttons": [],
             "object_fit": "contain", "elem_classes": "pictures", "height": "auto"}
    with Page(title="GAN Studio", analytics_enabled=False, delete_cache=(CACHE_SECONDS, CACHE_SECONDS)) as demo:
        with gr.Row(elem_id="top"):
            gr.Markdown("# GAN Studio\nPictures that no camera took: draw them, walk between them, change them.", elem_id="title")
            source = gr.Dropdown(list(offered), value=first, label="Model", filterable=False, elem_id="model", min_width=200)
        # The model that the other controls belong to. `source` runs ahead of them while a model is being opened.
        current = gr.Textbox(first, visible=False)

        with gr.Tab("Sample"):
            gallery = gr.Gallery(label="Samples", columns=8, elem_id="samples", **plain)
            with gr.Row(elem_id="seed-row"):
                seed = gr.Number(1, label="Seed", elem_id="seed", min_width=100)
                count = gr.Slider(1, 64, 16, step=1, label="Pictures", elem_id="count", min_width=160, buttons=[])
                roll = gr.Button("New seed", elem_id="new-seed", min_width=120)
                draw = gr.Button("Draw", variant="primary", elem_id="draw", min_width=120)
        with gr.Tab("Interpolate") as interpolate_tab:
            strip = gr.Gallery(label="From one to the next", columns=STRIP, elem_id="strip", **plain)
            with gr.Row():
                video = gr.Video(label="A walk that closes on itself", show_label=False, autoplay=True, loop=True, interactive=False,
                                 elem_id="video", buttons=["download"], height=320, min_width=280)
                with gr.Column(min_width=280):
                    anchors = gr.Textbox("1, 2, 3", label="Pictures to walk between", elem_id="anchors", max_lines=1,
                                         info="Two to six seeds, or 7:2 for picture 2 of seed 7. A click on a sample adds it.")
                    start = gr.Button("Walk", variant="primary", elem_id="walk")
        with gr.Tab("Attributes", elem_id="attributes-tab", id="attributes"):
            before_after = gr.Gallery(label="Before and after", columns=2, elem_id="pair", **plain)
            as_class = gr.Radio(label="Draw it as", elem_id="as_class", **look["as_class"])
            with gr.Row(elem_id="sliders"):
                sliders = [gr.Slider(0, 1, 0.5, step=0.05, visible=False, min_width=140, buttons=[], elem_id=f"attribute-{k}")
                           for k in range(SLIDERS)]
            note = gr.Markdown(elem_id="hint", **look["hint"])
            with gr.Row():
                picture = gr.Textbox("1", label="Picture", info="A seed, or 7:2 for picture 2 of seed 7. A click on a sample picks it.",
                                     elem_id="picture", max_lines=1, min_width=200)
                attribute = gr.Dropdown(label="In steps from none to full", filterable=False, elem_id="attribute", min_width=200,
                                        **look["attribute"])
            series_strip = gr.Gallery(label="The same latent, label by label", columns=10, elem_id="sweep", **plain)

        if editors():
            with gr.Tab("Edit a photo", elem_id="photo-tab", id="photo") as tab:
                photo_tab(plain)
            tab.select(spoken(photos.prepare), None, None, show_progress="hidden", api_visibility="private")

        with gr.Row():
            wanted = gr.Radio(label="Draw", elem_id="class", scale=3, min_width=300, **look["class"])
            present = gr.Dropdown(multiselect=True, label="Only with", elem_id="present", min_width=140, **look["present"])
            absent = gr.Dropdown(multiselect=True, label="Only without", elem_id="absent", min_width=140, **look["absent"])
            truncation = gr.Slider(0, 1.5, 1.0, step=0.05, label="Truncation", elem_id="truncation", buttons=[], min_width=200,
                                   info="Below 1: more typical and less varied")
        line = gr.Markdown(elem_id="about", **look["about"])
        with gr.Accordion("Model card", open=False, elem_id="card"):
            text = gr.Markdown(**look["card"])
        gr.Markdown(ABOUT)

        drawn = [current, seed, count, truncation, wanted, present, absent]
        shown, walked = gr.State(), [current, anchors, truncation, wanted, present, absent]
        changed = [current, picture, truncation, as_class, *sliders]
        swept = [current, picture, truncation, as_class, attribute, *sliders]
        inspected, inspection = [current, picture, truncation, attribute], [*sliders, as_class, before_after, series_strip]

        # Gradio's own checks are off: while a model is being opened the page may send what belongs to the one before.
        # Every function checks what it is given, and its sentences are better.
        raw = {"preprocess": False, "api_visibility": "private"}
        quick = {"show_progress": "hidden", **raw}
        live = {"trigger_mode": "always_last", **quick}

        demo.load(sample, drawn, gallery, **quick)
        demo.unload(leave)
        demo.load(inspect, inspected, inspection, **quick)
        opening = source.input(switch, [source, current], [source, current, wanted, present, absent, attribute, as_class, note, line,
                                                           text, strip, video, shown], show_progress_on=source, **raw)
        opening.then(sample, drawn, gallery, **quick).then(inspect, inspected, inspection, **quick)
        gr.on([draw.click, seed.submit], sample, drawn, gallery, **quick)
        gr.on([wanted.input, present.input, absent.input, truncation.input, count.input], sample, drawn, gallery, **live)
        roll.click(new_seed, None, seed, **quick).then(sample, drawn, gallery, **quick)
        gallery.select(add_anchor, anchors, [anchors, picture], **quick).then(inspect, inspected, inspection, **quick)

        walk = {"outputs": [strip, video, shown], "show_progress_on": video, **raw}
        gr.on([start.click, anchors.submit], interpolate, walked, **walk)
        interpolate_tab.select(interpolate_once, [*walked, shown], **walk)

        gr.on([picture.submit, picture.blur], inspect, inspected, inspection, **quick)
        gr.on([slider.input for slider in sliders] + [as_class.input, truncation.input], change, changed, before_after, **live)
        gr.on([slider.release for slider in sliders] + [attribute.input, truncation.release], sweep, swept, series_strip, **live)
    return demo


def photo_tab(plain: dict) -> None:
    """Upload, choose a face, move sliders, take the result away."""
    known = editors()
    names = list(opened(offered[known[0]]).attributes)
    gr.Markdown(PHOTO, elem_id="photo-note")
    editor = gr.Dropdown(known, value=known[0], label="Editor", filterable=False, visible=len(known) > 1)
    subject, another = gr.State(time_to_live=CACHE_SECONDS), gr.State(time_to_live=CACHE_SECONDS)
    with gr.Row():
        with gr.Column(min_width=240, scale=2):
            upload = gr.Image(label="Photo", sources=["upload", "webcam"], type="filepath", height=300, elem_id="upload", buttons=[])
            face = gr.Radio(label="Face (or click on it)", visible=False, elem_id="face")
            examples = gr.Gallery(example_faces(), label="Drawn faces", columns=EXAMPLES, elem_id="examples", **plain)
        with gr.Column(min_width=280, scale=3):
            slider_view = gr.ImageSlider(label="Before and after", height=420, elem_id="retouched", interactive=False, buttons=[])
    with gr.Row(elem_id="retouch-sliders"):
        sliders = [gr.Slider(-MOST, MOST, 0, step=0.1, label=pretty(name), min_width=140, buttons=[], elem_id=f"retouch-{name}")
                   for name in names]
    gr.Markdown(f"{UNRELIABLE} Of hair colours that are raised, the highest counts.")
    with gr.Row():
        attribute = gr.Dropdown([(pretty(name), name) for name in names], value="Blond_Hair" if "Blond_Hair" in names else names[0],
                                label="From -2 to +2", filterable=False, elem_id="retouch-attribute", min_width=200)
        take = gr.Button("Make the full-size picture", variant="primary", elem_id="full-size", min_width=200)
    strip = gr.Gallery(label="One attribute from -2 to +2", columns=STRIP, elem_id="retouch-strip", **plain)
    file = gr.File(label="Edited photo, at full size", interactive=False, elem_id="download", visible=False)
    with gr.Accordion("Morph into another photo", open=False, elem_id="morph"), gr.Row():
        other = gr.Image(label="The other photo", sources=["upload", "webcam"], type="filepath", height=240, elem_id="other", buttons=[])
        with gr.Column(min_width=280, scale=2):
            way = gr.Radio(ways(), value=THEMSELVES, label="The way there", elem_id="morph-way")
            morph_strip = gr.Gallery(label="From one face to the other", columns=STRIP, elem_id="morph-strip", **plain)
            morph_video = gr.Video(label="There and back", show_label=False, autoplay=True, loop=True, interactive=False,
                                   elem_id="morph-video", buttons=["download"], height=280)

    raw = {"preprocess": False, "api_visibility": "private"}
    quick = {"show_progress": "hidden", **raw}
    live = {"trigger_mode": "always_last", **quick}
    opened_outputs = [subject, upload, face, *sliders, slider_view, strip, file, morph_strip, morph_video]
    # What is shown afterwards is never the file that came, which is gone: a refused one leaves the photo before it, or none.
    upload.upload(open_photo, [editor, attribute, upload], opened_outputs, show_progress_on=slider_view, **raw).then(
        framed, subject, upload, **quick)
    examples.select(open_example, [editor, attribute], opened_outputs, show_progress_on=slider_view, **raw)
    face.input(choose_face, [subject, attribute, face], opened_outputs, **raw)
    upload.select(click_face, [subject, attribute], opened_outputs, **raw)
    gr.on([slider.input for slider in sliders], retouch, [subject, *sliders], [slider_view, file], **live)
    gr.on([slider.release for slider in sliders] + [attribute.input], retouch_strip, [subject, attribute, *sliders], strip, **live)
    drawn = {"show_progress_on": morph_video, **raw}
    other.upload(open_other, [editor, subject, way, other], [another, morph_strip, morph_video], **drawn).then(unframed, another, other, **quick)
    way.input(morph, [subject, another, way], [morph_strip, morph_video], **drawn)
    other.clear(lambda: None, None, another, **raw)
    upload.clear(forget, None, [output for output in opened_outputs if output is not upload], **raw)
    take.click(full_size, [subject, *sliders], file, **raw)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", action="append", metavar="SOURCE", help="folder, bundled name or Hub repository; may be repeated")
    parser.add_argument("--host", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, help="port (default: the first free one from 7860)")
    options = parser.parse_args(arguments)
    sources = options.model or os.environ.get("GAN_STUDIO_MODELS", "").split() or gan_models.bundled()
    try:
        if not sources:
            raise gan_models.ModelNotFound("No model is bundled here: give one by --model.")
        offered.update(names(list(dict.fromkeys(sources))))
        for source in options.model or sources[:1]:
            opened(source)
    except ModelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    host = options.host or os.environ.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if "SPACE_ID" in os.environ else "127.0.0.1")
    try:
        socket.getaddrinfo(host, None)  # else Gradio would try a hundred ports of a host that is none
    except (OSError, UnicodeError):
        print(f"error: {host} is no address of this machine; give another --host, such as 127.0.0.1 or 0.0.0.0.", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # an orderly end, so that the folder goes too
    with tempfile.TemporaryDirectory(prefix="gan-studio-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        threading.Thread(target=sweep_always, args=[uploads()], daemon=True).start()
        try:
            build().launch(server_name=host, server_port=options.port, theme=THEME, css=CSS, ssr_mode=False, footer_links=[],
                           max_file_size=MOST_BYTES, state_session_capacity=VISITORS,
                           app_kwargs={"middleware": [Middleware(UploadRoute, uploads=uploads())]})
        except (OSError, OverflowError) as error:  # a port beyond 65535 overflows
            print(f"error: the demo cannot listen on {host}, port {options.port or 7860} ({error}); give another --host or --port.",
                  file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
