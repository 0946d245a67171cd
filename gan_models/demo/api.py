"""The API for programs: five named endpoints ("Use via API" at the bottom of the page), which are also the MCP tools.

Each does what a tab does, within the same limits, and its files belong to the same visit. All other endpoints of the
page are private.
"""

import base64
import binascii
import functools
import inspect
import logging
import threading

import gradio as gr

from .. import images, marks, notices, pictures, portrait
from ..errors import InvalidInput, ModelError, short
from ..networks.editor import MOST
from ..rng import check_count, check_seed
from . import about, reading, words
from .models import Models
from .page import Page, sendable
from .theme import LARGE
from .visits import Gone

log = logging.getLogger(__name__)
AT_ONCE, SECONDS = 2, 60  # calls that run at a time; how long others wait
turns = threading.BoundedSemaphore(AT_ONCE)
MOST_PICTURES = 16  # per answer: a file can hold the latents of so many
MOST_FRAMES = 96
MOST_BASE64 = 1_000_000  # characters


def wire(page: Page, models: Models) -> None:
    """Add the endpoints to the page."""
    generators, editors = models.generators(), models.editors()

    def offer(function) -> None:
        gr.api(answering(page, function), api_name=function.__name__, queue=False)

    def list_models() -> list[dict]:
        """The models that are offered here, and what each accepts.

        Returns:
            For each model: name, kind (generator or editor), width and height in pixels, labels (the conditions of a
            generator, the attributes of an editor), exclusive (whether exactly one label holds at a time), latent_dim,
            revision of its weights, and what is known about its data and licence.
        """
        return [
            model_facts(models, name) for name in [*generators, *(name for name in editors if name not in generators)]
        ]

    list_models.__name__ = "models"
    offer(list_models)
    if generators:
        for function in of_generators(page, models, generators[0]):
            offer(function)
    if editors:
        offer(of_editors(page, models, editors[0]))


def of_generators(page: Page, models: Models, first: str):
    def sample(
        visit, model: str = first, seed: int = 1, count: int = 4, truncation: float = 1.0, labels: dict | None = None
    ) -> tuple[dict, list[dict]]:
        """Draw pictures from a seed. The same seed always gives the same pictures.

        Args:
            model: name of a generator, as `models` lists them.
            seed: a whole number from 0.
            count: how many pictures, 1 to 16.
            truncation: 0 to 1.5; below 1 the pictures are more typical and less varied.
            labels: what to draw: {"7": 1} for a model of classes, {"Smiling": 1, "Eyeglasses": 0} for a model of
                attributes (values from 0 to 1); leave it out for random labels.

        Returns:
            A sheet of all pictures, and for each picture its name (which the other endpoints take) and its PNG, whose
            metadata say what it was drawn from.
        """
        generator = generator_of(models, model)
        seed, count = (
            check_seed(reading.whole_from("seed")(seed)),
            check_count(reading.whole_from("count")(count), most=MOST_PICTURES),
        )
        truncation = reading.number_from("truncation", 0, 1.5)(truncation)
        some = pictures.of_seed(generator, seed, count, truncation, wishes_of(generator, labels))
        drawn = pictures.draw(generator, some)
        mark = marks.Mark(model, models.revision(model), pictures.to_drawn(generator, some))
        sheet = images.grid(drawn)
        whole = visit.drawn.file("api-sheet", "sheet.png", lambda path: marks.save(sheet, path, mark))
        files = [
            png(visit, models, model, one, picture) for one, picture in zip(some, images.to_pil(drawn), strict=True)
        ]
        return file_of(whole), [{"picture": str(one), "file": file} for one, file in zip(some, files, strict=True)]

    def interpolate(
        visit, pictures: list[str], model: str = first, frames: int = 48, loop: bool = True, video: str = "mp4"
    ) -> dict:
        """Walk from one picture to the next, as a video.

        Args:
            pictures: two to six pictures: seeds such as "3", "7:2" for picture 2 of seed 7, or the names that `sample`
                gives.
            model: name of a generator, as `models` lists them.
            frames: 2 to 96, shown at 24 a second.
            loop: whether the walk returns to the first picture.
            video: "mp4" or "webp".

        Returns:
            The video.
        """
        generator = generator_of(models, model)
        path = [parse_picture(generator, text) for text in reading.choices("pictures")(pictures)]
        check_keyframes(path)
        frames = check_count(reading.whole_from("number of frames")(frames), least=2, most=MOST_FRAMES)
        if not isinstance(loop, bool) or video not in ("mp4", "webp"):
            raise InvalidInput('loop must be true or false, and video "mp4" or "webp".')
        drawn = film(generator, path, frames, loop, lambda *_: visit.check())
        mark = marks.Mark(model, models.revision(model), to_drawn(generator, path))

        def write(place) -> None:
            if video == "mp4":
                images.write_video(drawn, place)
            else:
                one, *others = [picture.convert("RGB") for picture in images.to_pil(drawn, LARGE)]
                one.save(place, "WEBP", save_all=True, append_images=others, duration=42, loop=0, method=0)
            marks.mark_film_file(place, mark)

        return file_of(visit.drawn.file("api-walk", f"walk.{video}", write))

    def edit_attributes(visit, picture: str, labels: dict, model: str = first) -> tuple[dict, str]:
        """Draw a picture again with other labels and the same latent.

        Args:
            picture: a seed such as "3", "7:2" for picture 2 of seed 7, or a name that `sample` gives.
            labels: {"Smiling": 1} for a model of attributes, values from 0 to 1; {"7": 1} for one of classes.
            model: name of a generator, as `models` lists them.

        Returns:
            The picture as a PNG, and its name.
        """
        generator = generator_of(models, model)
        one = with_labels(generator, parse_picture(generator, picture), wishes_of(generator, labels))
        (drawn,) = images.to_pil(draw(generator, [one]))
        return png(visit, models, model, one, drawn), str(one)

    # Inside `interpolate` the argument `pictures` hides the module of that name.
    check_keyframes, film, to_drawn = pictures.check_keyframes, pictures.film, pictures.to_drawn
    draw, with_labels = pictures.draw, pictures.with_labels
    return sample, interpolate, edit_attributes


def of_editors(page: Page, models: Models, first: str):
    def edit_photo(visit, photo: str, changes: dict, model: str = first, face: int = 0) -> dict:
        """Change attributes of a face in a photo, and get the photo back at full size. The photo is not kept: it is
        deleted when the visit ends, within an hour.

        Args:
            photo: the file's bytes in base64 (at most 700 kB of them), or from Python gradio_client.handle_file("a.jpg").
            changes: {"Smiling": 0.7, "Eyeglasses": -1}: from -1 (removed) to 1 (fully there).
            model: name of an editor, as `models` lists them.
            face: which face; 0 is the largest.

        Returns:
            The edited photo as a JPEG.
        """
        content = photo_of(page, photo)  # first, so that the upload is removed even if another argument is wrong
        editor = models.editor(model)
        values = numbers("changes", changes, -MOST, MOST)
        opened = portrait.open_portrait(editor, content)
        if face != 0:
            opened = opened.choose(face)
        edited = opened.edited(values)
        mark = marks.Mark(
            model, models.revision(model), (), marks.EDITED, values, notices.plain_text(models.about(model).data)
        )
        options = {"icc_profile": edited.info["icc_profile"]} if "icc_profile" in edited.info else {}
        return file_of(
            visit.photos.file(
                "api-photo", "edited.jpg", lambda path: marks.save(edited, path, mark, quality=95, **options)
            )
        )

    return edit_photo


def answering(page: Page, function):
    """The function that Gradio calls: it finds the visit of the request, and turns errors into one sentence."""
    takes_visit = function.__code__.co_varnames[:1] == ("visit",)

    @functools.wraps(function)
    def endpoint(request: gr.Request, *values):
        visit = page.visits.of(getattr(request, "session_hash", None))  # MCP tools have none: a visit for each call
        try:
            if not turns.acquire(timeout=SECONDS):
                raise InvalidInput(words.BUSY)
            try:
                return function(visit, *values) if takes_visit else function(*values)
            finally:
                turns.release()
        except Gone:
            raise gr.Error(words.UNEXPECTED, print_exception=False) from None
        except ModelError as error:
            raise gr.Error(sendable(str(error)), print_exception=False) from None
        except Exception:
            log.exception("unexpected, in %s", function.__name__)
            raise gr.Error(words.UNEXPECTED, print_exception=False) from None

    # Gradio reads the types from the signature: the function's own arguments, and the request, which Gradio passes.
    signature = inspect.signature(function)
    own = [parameter for name, parameter in signature.parameters.items() if name != "visit"]
    asked = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=gr.Request)
    endpoint.__signature__ = signature.replace(parameters=[asked, *own])
    endpoint.__annotations__ = {**function.__annotations__, "request": gr.Request}
    return endpoint


def model_facts(models: Models, name: str) -> dict:
    model = models[name]
    _, height, width = model.image_shape
    edits = name in models.editors()
    return {
        "name": name,
        "kind": "editor" if edits else "generator",
        "width": width,
        "height": height,
        "labels": list(model.attributes if edits else model.labels or ()),
        "exclusive": bool(not edits and model.labels and not model.multi_label),
        "latent_dim": model.latent_dim,
        "revision": models.revision(name),
        "about": about.about_line(models, name),
    }


def generator_of(models: Models, name):
    if name not in models.generators():
        raise InvalidInput(words.NOT_OFFERED)
    return models[name]


def parse_picture(generator, text) -> pictures.Picture:
    if isinstance(text, int) and not isinstance(text, bool):
        text = str(text)
    if not isinstance(text, str):
        raise InvalidInput(f'A picture must be a text such as "7:2", not {short(text)}.')
    return pictures.parse(generator, text)


def wishes_of(generator, labels) -> dict[str, float] | int | None:
    """Raises InvalidInput."""
    wished = numbers("labels", labels or {}, 0, 1)
    if not wished:
        return None
    unknown = next((name for name in wished if name not in (generator.labels or ())), None)
    if unknown is not None:
        known = ", ".join((generator.labels or ())[:40]) or "none"
        raise InvalidInput(f"This model does not know the label {short(unknown)}; it knows {known}.")
    if generator.multi_label:
        return wished
    there = [name for name, value in wished.items() if value]
    if len(there) != 1:
        raise InvalidInput('A model of classes draws one at a time: give one label, such as {"7": 1}.')
    return generator.labels.index(there[0])


def numbers(what: str, values, least: float, most: float) -> dict[str, float]:
    if not isinstance(values, dict) or len(values) > reading.MOST_CHOICES:
        raise InvalidInput(f"The {what} must be names and numbers, not {short(values)}.")
    return {name: reading.number_from(f"value of {short(name)}", least, most)(value) for name, value in values.items()}


def photo_of(page: Page, photo) -> bytes:
    """The bytes of an upload, or of base64. No address is fetched, and no path but an upload's is opened."""
    if isinstance(photo, dict):
        return page.uploads.take(photo)
    if not isinstance(photo, str) or len(photo) > MOST_BASE64:
        raise InvalidInput("The photo must be a file's bytes in base64, or an upload of gradio_client.handle_file.")
    try:
        return base64.b64decode(photo.partition("base64,")[2] or photo, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput("The photo is no base64; send the file's bytes in base64.") from error


def png(visit, models: Models, name: str, one: pictures.Picture, picture) -> dict:
    (mark,) = models.marks(name, [one])
    return file_of(visit.drawn.file(f"api-{one}"[:80], "picture.png", lambda path: marks.save(picture, path, mark)))


def file_of(path) -> dict:
    """A file of this server in the form that Gradio's clients expect."""
    return {"path": str(path), "url": None, "orig_name": path.name, "meta": {"_type": "gradio.FileData"}}
