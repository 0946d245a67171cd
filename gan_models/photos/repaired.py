"""Repair photos of any size by a network (networks/restore.py) for small pictures.

Noise, blur, JPEG artefacts and missing pixels are repaired at full resolution, in overlapping tiles; all tiles get the
same strengths, so there are no seams. Small faces are then aligned, repaired, and put back. Colour is predicted on a
small copy. For a large hole the network gets a window with enough of the surroundings, and its output is upsampled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ..errors import InvalidInput, MissingPackage, NoFace
from . import colour, crop
from .faces import Face, aligned_face, find_faces
from .geometry import Similarity, bounds, resample
from .opening import MIN_SIDE, Source, open_photo

Draw = Callable[[Tensor, Tensor], Tensor]
MOST = 25_000_000  # pixels of the result
BATCH = 32  # tiles at a time
OWN = 2.0  # pixels of the photo per pixel of the network: faces up to this scale are repaired aligned
PART = 0.4  # the largest share of the window's side that a hole may fill
PALE = 0.2  # the least contrast, in 0..1, of a drawing's lines
FEW = 0.5 / 255  # values of a mask below this are no hole


class Restores(Protocol):
    """What is asked of the network, a :class:`gan_models.networks.restore.Restorer`, whose methods these are."""

    image_shape: tuple[int, int, int]
    residual: bool
    damages: tuple[str, ...]
    told: tuple[str, ...]

    def restore(
        self,
        picture: Tensor,
        mask: Tensor | None = None,
        damages: Sequence[str] | None = None,
        strength: float | None = None,
        scale: int = 1,
    ) -> Tensor: ...

    def strengths_of(
        self, pictures: Tensor, damages: Sequence[str] | None = None, strength: float | None = None
    ) -> Tensor: ...

    def without_specks(
        self, pictures: Tensor, damages: Sequence[str] | None = None, strength: float | None = None
    ) -> tuple[Tensor, Tensor]: ...

    def strengths_left(
        self, pictures: Tensor, alone: Tensor, damages: Sequence[str] | None, strength: float | None
    ) -> Tensor: ...

    def drawn(self, pictures: Tensor, mask: Tensor | None, strengths: Tensor) -> Tensor: ...


def by_tiles(function: Callable[..., Tensor], size: int, pictures: Tensor, mask: Tensor, *beside: Tensor) -> Tensor:
    """Apply `function` to pictures (n, C, H, W), masks (n, 1, H, W) and further maps of any size, in tiles of `size` that
    overlap by a quarter and are blended. Smaller pictures are padded by their last pixels."""
    height, width = pictures.shape[2:]
    if min(height, width) < size:
        more = (0, max(size - width, 0), 0, max(size - height, 0))
        pictures, *beside = (F.pad(maps, more, mode="replicate") for maps in (pictures, *beside))  # type: ignore[assignment]
        mask = F.pad(mask, more)
    if pictures.shape[2:] == (size, size):
        return function(pictures, mask, *beside)[..., :height, :width]
    overlap = size // 4
    ramp = ((torch.arange(size, device=pictures.device) + 0.5) / overlap).clamp(max=1)
    weight = ramp * ramp.flip(0)
    weight = weight[:, None] * weight[None]
    places = [(top, left) for top in _starts(pictures.shape[2], size, overlap) for left in _starts(pictures.shape[3], size, overlap)]  # fmt: skip
    total, sums = torch.zeros_like(pictures), torch.zeros_like(pictures[:1, :1])
    for first in range(0, len(places), BATCH):
        some = places[first : first + BATCH]
        tiles = [
            torch.cat([maps[..., top : top + size, left : left + size] for top, left in some])
            for maps in (pictures, mask, *beside)
        ]
        for (top, left), tile in zip(some, function(*tiles).split(len(pictures)), strict=True):
            total[..., top : top + size, left : left + size] += weight * tile
            sums[..., top : top + size, left : left + size] += weight
    return (total / sums)[..., :height, :width]


def _starts(length: int, size: int, overlap: int) -> list[int]:
    count = max(1, math.ceil((length - overlap) / (size - overlap)))
    return [round(k * (length - size) / max(count - 1, 1)) for k in range(count)]


def restore_photo(
    model: Restores,
    source: Source,
    mask: Source | np.ndarray | Tensor | None = None,
    damages: Sequence[str] | None = None,
    strength: float | None = None,
    scale: int = 1,
) -> Image.Image:
    """The repaired photo, `scale` times as large. The arguments are those of `Restorer.restore`; a mask is a picture of
    the photo's size, white where the photo is missing. Raises InvalidInput."""
    photo = open_photo(source, MIN_SIDE // scale)
    if photo.width * photo.height * scale**2 > MOST:
        raise InvalidInput(
            f"The picture would have {photo.width * scale:,} x {photo.height * scale:,} pixels; at most "
            f"{MOST // 1_000_000} megapixels can be repaired, so make it smaller first."
        )
    if mask is not None and not damages and scale > 1:
        raise InvalidInput(
            "A hole is filled at the photo's own size: leave the scale out, and enlarge the filled photo."
        )
    hole = None if mask is None else open_mask(mask, photo.size)
    if model.image_shape[0] == 1 or not model.residual or not model.damages:
        return _drawn_whole(model, photo, hole, damages, strength)
    result = photo
    faces = faces_of(colour.to_srgb(photo))
    if hole is not None:
        result = _filled(model, result, hole, faces)
    if damages is None and hole is None or damages:
        result = _repair(model, result, faces, damages, strength, scale)
    return result


def fill_face(
    draw: Draw, size: int, source: Source, mask: Source, rest: Restores | None = None
) -> tuple[Image.Image, bool]:
    """Fill a hole in the faces of a photo by `draw`, a function of pictures (1, 3, size, size) and masks that works for
    faces only. Parts of the hole outside faces are filled by `rest`; without it they stay, and if no face is found, the
    whole photo counts as one. Returns the photo, and whether any part of the hole was in a face. Raises InvalidInput."""
    photo = open_photo(source)
    hole = open_mask(mask, photo.size)
    own = colour.to_srgb(photo)
    pixels, left = np.array(own), hole.copy()
    for face in faces_of(own) or ([] if rest else [aligned_face(own)]):
        pixels, left = _fill_part(draw, size, pixels, left, crop.face_window(face, size), margin=0.01)
    in_faces = bool((left != hole).any())
    if rest and left.any():
        pixels, left = np.asarray(_filled(rest, Image.fromarray(pixels), left, [])), np.zeros_like(left)
    if (left == hole).all():
        raise InvalidInput("The mask is outside the face, and this model can only fill faces: mark a part of the face.")
    filled = np.where((hole & ~left)[..., None], pixels, np.asarray(own))
    return colour.from_srgb(photo, Image.fromarray(filled)), in_faces


def open_mask(source: Source | np.ndarray | Tensor, size: tuple[int, int]) -> np.ndarray:
    """A mask as (height, width) bool. Raises InvalidInput unless it has that size and is neither empty nor full."""
    if isinstance(source, Tensor):
        source = source.detach().cpu().squeeze().numpy()
    if isinstance(source, np.ndarray):
        pixels = source
    else:
        picture = source if isinstance(source, Image.Image) else open_photo(source)
        pixels = np.asarray(picture.convert("L")) / 255
    if pixels.shape != (size[1], size[0]):
        shape = " x ".join(map(str, pixels.shape[::-1]))
        raise InvalidInput(
            f"The mask has {shape} pixels and the picture {size[0]} x {size[1]}: give one of the same size."
        )
    hole = pixels > 0.5
    check_hole(bool(hole.any()), bool(hole.all()))
    return hole


def check_hole(some: bool, everything: bool) -> None:
    """Raise InvalidInput for an empty or full mask."""
    if not some:
        raise InvalidInput("The mask is empty: mark (in white) what should be filled.")
    if everything:
        raise InvalidInput("The mask covers the whole picture: mark less.")


def faces_of(photo: Image.Image) -> list[Face]:
    """The faces in a photo; none if none is found or the detector is not installed."""
    try:
        return list(find_faces(photo))
    except (NoFace, MissingPackage):
        return []


def as_tensor(picture: Image.Image) -> Tensor:
    return torch.from_numpy(np.asarray(picture.convert("RGB")).transpose(2, 0, 1).copy())[None].float() / 127.5 - 1


def as_picture(images: Tensor) -> Image.Image:
    pixels = ((images[0].clamp(-1, 1) + 1) * 127.5).round().to("cpu", torch.uint8)
    return Image.fromarray(pixels.permute(1, 2, 0).numpy())


def _drawn_whole(
    model: Restores,
    photo: Image.Image,
    hole: np.ndarray | None,
    damages: Sequence[str] | None,
    strength: float | None,
) -> Image.Image:
    """Repair by a network for grey pictures, or one that draws a new picture: the whole photo at the network's size."""
    size = model.image_shape[-1]
    side = max(photo.size)
    square = Image.new("RGB", (side, side), photo.getpixel((0, 0)))
    corner = ((side - photo.width) // 2, (side - photo.height) // 2)
    square.paste(photo, corner)
    if model.damages == ("edges",) and side > size:
        small = ink(darkness(square), size).expand(-1, 3, -1, -1)
    else:
        small = as_tensor(square.resize((size, size), Image.Resampling.LANCZOS))
    missing = None
    if hole is not None:
        whole = np.zeros((side, side), np.float32)
        whole[corner[1] : corner[1] + photo.height, corner[0] : corner[0] + photo.width] = hole
        missing = F.adaptive_max_pool2d(torch.from_numpy(whole)[None, None], size)
    small = small if model.image_shape[0] == 3 else small.mean(1, keepdim=True)
    drawn = model.restore(small, missing, damages, strength).expand(-1, 3, -1, -1)
    enlarged = as_picture(drawn).resize((side, side), Image.Resampling.BICUBIC)
    return enlarged.crop((*corner, corner[0] + photo.width, corner[1] + photo.height))


def darkness(drawing: Image.Image) -> Tensor:
    """How dark a drawing is, (1, 1, H, W), from 0, its paper, to 1, its darkest lines; 0 everywhere if there are none."""
    grey = np.asarray(drawing.convert("L"), np.float32) / 255
    paper, darkest = np.median(grey), np.quantile(grey, 0.002)
    contrast = max(float(paper - darkest), PALE)
    return torch.from_numpy(((paper - grey) / contrast).clip(0, 1))[None, None]


def ink(drawing: Tensor, size: int) -> Tensor:
    """The lines of a drawing (n, 1, H, W), 0 for paper to 1 for ink and larger than `size`, as `damages.edges` would draw them:
    (n, 1, size, size) in [-1, 1]. Pale lines become dark, and thin ones do not fade when they are made smaller."""
    small = F.interpolate((drawing > 0.5).float(), (size, size), mode="bilinear", antialias=True, align_corners=False)
    return 1 - 2 * (2 * small).clamp(0, 1)


# ---- Holes -----------------------------------------------------------------------------------------------------------


def _filled(model: Restores, photo: Image.Image, hole: np.ndarray, faces: list[Face]) -> Image.Image:
    """The photo with its hole filled: in faces aligned, elsewhere part by part. No other pixel changes."""
    own = colour.to_srgb(photo)
    pixels, left = np.array(own), hole.copy()
    size = model.image_shape[-1]
    for view in [crop.face_window(face, size) for face in faces]:
        pixels, left = _fill_part(model.restore, size, pixels, left, view, margin=0.04)
    for view in views_of(left, size):
        pixels, left = _fill_part(model.restore, size, pixels, left, view)
    pixels = np.where(hole[..., None], pixels, np.asarray(own))
    return colour.from_srgb(photo, Image.fromarray(pixels))


def _fill_part(
    draw: Draw, size: int, pixels: np.ndarray, left: np.ndarray, view: Similarity, margin: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Fill what is `left` of a hole inside one view. Returns the pixels, and what is left then. A margin at the border
    of the view, a share of its side, is left to other views, which show more of its surroundings."""
    place = _place(view, size, pixels.shape[:2])
    if place is None:
        return pixels, left
    (x0, y0, x1, y1), grid = place
    inside = (grid.abs().amax(-1)[0] < 1 - 2 * margin).numpy() & left[y0:y1, x0:x1]
    if not inside.any():
        return pixels, left
    # The old content of the hole must not influence its surroundings when the picture is resampled: it is replaced by
    # grey, and each resampled pixel is corrected by the share of it that is known.
    known = Image.fromarray(np.where(left[..., None], 127, pixels).astype(np.uint8))
    share = Image.fromarray(np.where(left, 255, 0).astype(np.uint8))
    small = as_tensor(resample(known, view, (size, size)))
    missing = torch.from_numpy(np.array(resample(share, view, (size, size)), np.float32))[None, None] / 255
    small = (small / (1 - missing).clamp_min(0.1)).clamp(-1, 1)
    mask = (missing > 0.02).float()
    if mask.all():
        return pixels, left
    drawn = draw(small, mask)
    enlarged = F.grid_sample(drawn.cpu(), grid, "bicubic", "border", align_corners=False)
    filling = ((enlarged[0].clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()
    pixels, left = pixels.copy(), left.copy()
    pixels[y0:y1, x0:x1][inside] = filling[inside]
    left[y0:y1, x0:x1][inside] = False
    return pixels, left


def _place(view: Similarity, size: int, shape: tuple[int, int]) -> tuple[tuple[int, int, int, int], Tensor] | None:
    """The part (left, top, right, bottom) of the photo that the view shows, and the places of its pixels in the
    network's picture (1, h, w, 2) in -1..1."""
    x0, y0, x1, y1 = bounds(view, (size, size))
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, shape[1]), min(y1, shape[0])
    if x0 >= x1 or y0 >= y1:
        return None
    y, x = np.mgrid[y0:y1, x0:x1] + 0.5
    places = view.inverse()(np.stack([x, y], -1)) * 2 / size - 1
    return (x0, y0, x1, y1), torch.from_numpy(places.astype(np.float32))[None]


def views_of(hole: np.ndarray, size: int) -> list[Similarity]:
    """A square around each part of a hole, large enough that the part fills at most PART of its side."""
    views = []
    for x0, y0, x1, y1 in parts_of(hole):
        side = max(size, math.ceil(max(x1 - x0, y1 - y0) / PART))
        middle = complex((x0 + x1) / 2, (y0 + y1) / 2)
        views.append(Similarity(complex(side / size), middle - complex(side / 2, side / 2)))
    return views


def parts_of(hole: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Boxes (left, top, right, bottom) around the connected parts of a hole, found in a copy of at most 128 pixels."""
    step = max(1, math.ceil(max(hole.shape) / 128))
    height, width = (-(-side // step) for side in hole.shape)
    padded = np.zeros((height * step, width * step), bool)
    padded[: hole.shape[0], : hole.shape[1]] = hole
    left = np.asarray(padded.reshape(height, step, width, step).any((1, 3)))
    boxes = []
    while left.any():
        start = tuple(int(k) for k in np.argwhere(left)[0])
        queue, part = [start], [start]
        left[start] = False
        while queue:
            y, x = queue.pop()
            near = [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
            for other in near:
                if 0 <= other[0] < height and 0 <= other[1] < width and left[other]:
                    left[other] = False
                    queue.append(other)
                    part.append(other)
        (y0, x0), (y1, x1) = np.min(part, 0), np.max(part, 0) + 1
        boxes.append((int(x0) * step, int(y0) * step, int(x1) * step, int(y1) * step))
    return boxes


# ---- Other damages ---------------------------------------------------------------------------------------------------


def _repair(
    model: Restores,
    photo: Image.Image,
    faces: list[Face],
    damages: Sequence[str] | None,
    strength: float | None,
    scale: int,
) -> Image.Image:
    """The photo without the damages, `scale` times as large."""
    size, own = model.image_shape[-1], colour.to_srgb(photo)
    if damages and "grey" in damages:  # whoever wants new colours may have a photo with old ones
        own = own.convert("L").convert("RGB")
    if scale > 1:
        own = own.resize((own.width * scale, own.height * scale), Image.Resampling.BICUBIC)
        faces = [_larger(face, scale) for face in faces]
        photo = own  # in sRGB, without a profile
    picture, alone = model.without_specks(as_tensor(own), damages, strength)
    if alone.any():
        own = as_picture(picture)
    strengths = model.strengths_left(picture, alone, damages, strength).clone()
    if scale > 1 and "shrink" in model.told and (damages is None or "shrink" in damages):
        strengths[:, model.told.index("shrink")] = min((scale - 1) / 3, 1.0)
    result, colours = own, "grey" in model.told and float(strengths[0, model.told.index("grey")]) > 0
    here = strengths.clone()
    if colours:
        here[:, model.told.index("grey")] = 0
    if here.any():
        result = as_picture(model.drawn(picture, None, here))
    if colours:
        result = _coloured(model, result, faces)
    for face in faces:
        view = crop.face_window(face, size)
        if colours or here.any() and view.scale <= OWN:
            before, small = crop.align(result, face, size), crop.align(own, face, size)
            after = model.drawn(small[None], None, strengths)[0]
            if view.scale > OWN:  # large faces were repaired at full resolution
                after = before + _colour_of(after[None])[0] - _colour_of(before[None])[0]
            result = crop.put_back(result, face, before, after)
    return colour.from_srgb(photo, result)


def _coloured(model: Restores, photo: Image.Image, faces: list[Face]) -> Image.Image:
    """A grey photo with colours that are predicted on a small copy, in which faces have the network's size."""
    size = model.image_shape[-1]
    zoom = 1 / crop.face_window(faces[0], size).scale if faces else size / min(photo.size)
    width, height = (max(size, round(side * min(zoom, 1))) for side in photo.size)
    small = photo.resize((width, height), Image.Resampling.LANCZOS)
    told = torch.tensor([[float(kind == "grey") for kind in model.told]])
    picture = as_tensor(small)
    drawn = model.drawn(picture, None, told)
    colours = F.interpolate(_colour_of(drawn), photo.size[::-1], mode="bicubic", align_corners=False)
    return as_picture(as_tensor(photo.convert("L")) + colours)


def _colour_of(pictures: Tensor) -> Tensor:
    """The colour of pictures (n, 3, H, W): their difference from their brightness."""
    weights = pictures.new_tensor((0.299, 0.587, 0.114))[:, None, None]
    return pictures - (pictures * weights).sum(1, keepdim=True)


def _larger(face: Face, scale: int) -> Face:
    left, top, right, bottom = face.box
    return Face(
        (left * scale, top * scale, right * scale, bottom * scale),
        face.landmarks * scale,
        Similarity(complex(scale), 0) @ face.frame,
        face.score,
    )
