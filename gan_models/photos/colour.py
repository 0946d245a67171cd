"""Colour profiles: from Display P3, AdobeRGB and others to sRGB and back.

A photo keeps its own numbers and its profile, so that an edited file differs only by the edit. What is shown, and what
the networks see, is converted to sRGB when a small picture is made from the large one.
"""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

MAX_PROFILE = 2**22  # bytes; the largest tables of real profiles have half of that
BAND = 256  # rows at a time, to limit the memory for intermediate results
NEAR = 2  # of 255: a profile that changes no colour by more than this counts as sRGB


def to_srgb(picture: Image.Image) -> Image.Image:
    """An RGB picture with a profile (in `info`) -> in sRGB and without a profile. A picture without a usable profile is
    returned unchanged."""
    transforms = _transforms(picture.info.get("icc_profile"))
    if transforms is None:
        return picture
    result = Image.new("RGB", picture.size)
    for box in _bands(picture):
        result.paste(_applied(transforms[0], picture.crop(box).convert("RGB")), box[:2])
    return result


def from_srgb(before: Image.Image, after: Image.Image) -> Image.Image:
    """`before`, in the space of its own profile, with the change from it to `after`, which is in sRGB.

    Only the difference is converted back: a pixel that did not change stays, even if sRGB does not have its colour.
    """
    transforms = _transforms(before.info.get("icc_profile"))
    if transforms is None:
        return after
    there, back = transforms
    result = before.copy()
    for box in _bands(before):
        own = before.crop(box)
        old, new = (
            np.asarray(_applied(back, picture), np.int16) for picture in (_applied(there, own), after.crop(box))
        )
        changed = (np.asarray(own) + (new - old)).clip(0, 255).astype(np.uint8)
        result.paste(Image.fromarray(changed), box[:2])
    return result


def _applied(transform: ImageCms.ImageCmsTransform, picture: Image.Image) -> Image.Image:
    result = ImageCms.applyTransform(picture, transform)
    if result is None:  # it is only for work in place
        raise ValueError("Pillow gave no picture")
    return result


def _bands(picture: Image.Image) -> list[tuple[int, int, int, int]]:
    return [(0, top, picture.width, min(top + BAND, picture.height)) for top in range(0, picture.height, BAND)]


@lru_cache(maxsize=8)
def _transforms(profile: bytes | None) -> tuple[ImageCms.ImageCmsTransform, ImageCms.ImageCmsTransform] | None:
    """The transforms to sRGB and back; None if there is no profile, it cannot be used, or it is sRGB."""
    if not isinstance(profile, bytes) or not 128 < len(profile) <= MAX_PROFILE:
        return None
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if own.profile.xcolor_space.strip() != "RGB":
            return None
        srgb = ImageCms.createProfile("sRGB")
        how = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
        there = ImageCms.buildTransform(own, srgb, "RGB", "RGB", *how)
        back = ImageCms.buildTransform(srgb, own, "RGB", "RGB", *how)
        ramp = Image.frombytes(
            "RGB", (64, 64), bytes(17 * value for k in range(4096) for value in (k >> 8, k >> 4 & 15, k & 15))
        )
        moved = _applied(there, ramp)
    except Exception:  # a stranger's profile may hold anything; without it the photo counts as one that has none
        return None
    far = max(abs(a - b) for a, b in zip(ramp.tobytes(), moved.tobytes()))
    return (there, back) if far > NEAR else None
