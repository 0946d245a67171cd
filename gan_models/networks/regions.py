"""Where in a face an edit may act. A network that learns from labels alone also repaints teeth for a moustache and eyes
for glasses, since these go together in the data, and it paints them badly. So each direction names the parts of the face
that it leaves alone."""

from functools import cache

import numpy as np
import torch
from torch import Tensor

# Ellipses in CelebA's crop, as shares of its side: centre across and down, half the width, half the height. Eyes and mouth
# lie around their average places (EYES_AND_MOUTH in photos/faces.py).
PARTS = {
    "eye on the left": (0.352, 0.511, 0.075, 0.04),
    "eye on the right": (0.648, 0.511, 0.075, 0.04),
    "lens on the left": (0.352, 0.52, 0.1, 0.06),  # of glasses, inside the rim
    "lens on the right": (0.648, 0.52, 0.1, 0.06),
    "mouth": (0.497, 0.85, 0.16, 0.08),
    "cheek on the left": (0.06, 0.85, 0.2, 0.3),
    "cheek on the right": (0.94, 0.85, 0.2, 0.3),
    "forehead": (0.5, 0.38, 0.22, 0.14),
    "top": (0.5, 0.05, 0.8, 0.3),  # hair and most of the forehead
    "upper face": (0.5, 0.2, 0.8, 0.41),  # down to below the eyes
    "lower face": (0.5, 1.0, 0.8, 0.34),  # from the middle of the nose on
    "inner face": (0.5, 0.74, 0.25, 0.27),  # from the eyes to the chin
}
SOFT = 0.25  # an edit fades around an ellipse, within this share of its radius
_EYES = ("eye on the left", "eye on the right")
_LENSES = ("lens on the left", "lens on the right")
_CHEEKS = ("cheek on the left", "cheek on the right")
_HAIR = (("inner face",), ("inner face",))
_BROWS = ((*_EYES, "lower face"), (*_EYES, "lower face"))
_BEARD = (("upper face", "mouth"), ("upper face", "mouth"))
_SHORT_BEARD = ((*_BEARD[0], *_CHEEKS), (*_BEARD[1], *_CHEEKS))
_LIPS = (("upper face",), ("upper face",))
ANY: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
# Attribute -> the parts that stay if there is to be less of it, and more. The others may change the whole face.
KEPT = {
    "Bald": _HAIR,
    "Bangs": _HAIR,
    "Black_Hair": _HAIR,
    "Blond_Hair": _HAIR,
    "Brown_Hair": _HAIR,
    "Gray_Hair": (("inner face", "forehead"), ("inner face", "forehead")),
    "Bushy_Eyebrows": _BROWS,
    "Arched_Eyebrows": _BROWS,
    "Eyeglasses": (("top", "lower face"), ("top", "lower face", *_LENSES)),
    "Mustache": _SHORT_BEARD,
    "Goatee": _SHORT_BEARD,
    "No_Beard": _BEARD,
    "Mouth_Slightly_Open": _LIPS,
    "Wearing_Lipstick": _LIPS,
}


def regions_of(attributes: tuple[str, ...], size: int) -> Tensor:
    """(2, K, size, size) in 0..1: where less and more of each attribute may act. 1: freely, 0: not at all."""
    return torch.from_numpy(_regions(attributes, size))


@cache  # as NumPy's, since a tensor could belong to torch.inference_mode or to a FakeTensorMode
def _regions(attributes: tuple[str, ...], size: int) -> np.ndarray:
    places = (np.arange(size, dtype=np.float32) + 0.5) / size
    free = {
        name: np.clip((np.hypot((places - x) / wide, (places[:, None] - y) / high) - 1) / SOFT, 0, 1)
        for name, (x, y, wide, high) in PARTS.items()
    }
    found = np.ones((2, len(attributes), size, size), np.float32)
    for more, k in np.ndindex(found.shape[:2]):
        for part in KEPT.get(attributes[k], ANY)[more]:
            found[more, k] = np.minimum(found[more, k], free[part])
    return found


def permitted(regions: Tensor, directions: Tensor) -> Tensor:
    """(n, 1, S, S) in 0..1: where directions (n, K) in -1..1, of which the largest is 1 or -1, may act by regions
    (2, K, S, S). Of several the strongest opens its region fully, a weaker one in proportion."""
    asked = torch.cat([directions.clamp(max=0).neg(), directions.clamp(min=0)], 1)
    return (asked[:, :, None, None] * regions.flatten(0, 1)).amax(1, keepdim=True)
