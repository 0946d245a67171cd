"""Pictures to try a tab on, and smaller copies to show."""

from PIL import Image

from .. import images, studio
from ..errors import InvalidInput
from ..photos import colour
from . import words
from .models import Models

PREVIEW = 640  # pixels of the longer side
FACE_SEED, FACE_SIZE = 11, 256


def preview(photo: Image.Image, side: int = PREVIEW) -> Image.Image:
    """The photo at a size for the page, in sRGB."""
    zoom = side / max(photo.size)
    if zoom < 1:
        photo = photo.resize(tuple(max(1, round(length * zoom)) for length in photo.size), Image.Resampling.LANCZOS)
    return colour.to_srgb(photo)


def drawn_face(models: Models) -> Image.Image:
    """The face of somebody who does not exist. Raises InvalidInput if no model draws faces."""
    if not models.drawers():
        raise InvalidInput(words.NOT_OFFERED)
    face = images.to_pil(studio.sample(models[models.drawers()[0]], FACE_SEED, 1, 0.8))[0].convert("RGB")
    return face.resize((FACE_SIZE, FACE_SIZE), Image.Resampling.BICUBIC)
