"""Translate photos of any size by a network (networks/translate.py) for small pictures."""

from collections.abc import Callable

from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ..errors import InvalidInput
from . import colour, crop
from .opening import Source, open_photo
from .repaired import MOST, as_picture, as_tensor, faces_of


def translate_photo(translated: Callable[[Tensor], Tensor], shape: tuple[int, int, int], source: Source) -> Image.Image:
    """The photo with its faces translated by `translated`, a function of pictures (n, C, S, S); the whole photo if no
    face is found. shape: (C, S, S). Raises InvalidInput."""
    photo = open_photo(source)
    if photo.width * photo.height > MOST:
        raise InvalidInput(
            f"The picture has {photo.width:,} x {photo.height:,} pixels; at most {MOST // 1_000_000} megapixels are "
            "worked on, so make it smaller first."
        )
    channels, size, own = shape[0], shape[-1], colour.to_srgb(photo)
    faces = faces_of(own) if channels == 3 else []
    if faces:
        result = photo
        for face in faces:
            before = crop.align(result, face, size)
            result = crop.put_back(result, face, before, translated(before[None])[0])
        return result
    whole = as_tensor(own)
    whole = whole if channels == 3 else whole.mean(1, keepdim=True)
    small = F.interpolate(whole, (size, size), mode="bicubic", antialias=True, align_corners=False).clamp(-1, 1)
    change = translated(small).cpu() - small
    change = F.interpolate(change, whole.shape[2:], mode="bicubic", align_corners=False)
    return colour.from_srgb(photo, as_picture((whole + change).expand(-1, 3, -1, -1)))
