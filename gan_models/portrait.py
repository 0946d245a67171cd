"""A photo while somebody edits it. It is opened once, its faces are found once, and the chosen face is encoded once; so
every edit is fast.

portrait = open_portrait(editor, "holiday.jpg")
photos.save_photo(portrait.edited({"Smiling": 1.0}), "smiling.jpg")
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from . import images, marks
from .celeba import HAIR_COLOURS
from .errors import InvalidInput, short
from .networks.compositing import smoothstep
from .networks.editor import Editor, Encoded
from .networks.regions import regions_of
from .networks.retouch import EXCLUSIVE as ONE_OF
from .networks.retouch import RetouchEditor, Seen, layers_of
from .photos import colour, crop, geometry, layered, opening, surroundings
from .photos import faces as photos
from .rng import check_count

PREVIEW = 960  # pixels of the longer side of the preview while sliders move
MOST = 1.0  # the largest change: an attribute fully added or fully removed
DRAWN_HAIR = ("Bald", "Bangs", "Male", "Young")  # changes that draw hair anew
BEYOND = (*HAIR_COLOURS, "Pale_Skin")  # changes of colour that go on beyond the face's window
TURNED = 38.0  # degrees to the side from which edits go wrong: brows on the wall, a mouth beside the mouth
TAKEN = 2.0  # larger numbers up to this count as MOST: older versions allowed them


@dataclass(frozen=True)
class Portrait:
    """faces: all that were found, the largest first; chosen: the one that is edited; encoded: what the editor knows of
    it."""

    editor: Editor | RetouchEditor
    photo: Image.Image
    faces: tuple[photos.Face, ...]
    chosen: int
    encoded: Encoded | Seen

    @property
    def face(self) -> photos.Face:
        return self.faces[self.chosen]

    @property
    def turned(self) -> bool:
        """Whether the chosen face is turned too far to the side: edits of it look broken."""
        return abs(self.face.turn) >= TURNED

    def choose(self, number: int) -> "Portrait":
        """The same photo with another face to edit, counted from 0. Raises InvalidInput if there is no such face."""
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < len(self.faces):
            raise InvalidInput(
                f"There are {len(self.faces)} faces in the photo, so face {short(number)} cannot be chosen."
            )
        other = replace(self, chosen=number, encoded=_encode(self.editor, self.photo, self.faces[number]))
        vars(other)["_shrunken"] = self._shrunken
        return other

    def by(self, editor: Editor | RetouchEditor) -> "Portrait":
        """The same photo and face for another editor."""
        return replace(self, editor=editor, encoded=_encode(editor, self.photo, self.face))

    @property
    def shown(self) -> dict[str, float]:
        """The probability of each attribute of the chosen face, 0..1."""
        return dict(zip(self.editor.attributes, self.encoded.shown[0].tolist(), strict=True))

    @property
    def rooms(self) -> dict[str, tuple[float, float]]:
        """How much of each attribute can be removed from or added to the chosen face, {name: (less, more)} 0..1."""
        shown = self.encoded.shown[0]
        less, more = (room(shown, torch.full_like(shown, more, dtype=torch.bool)).tolist() for more in (False, True))
        return dict(zip(self.editor.attributes, zip(less, more, strict=True), strict=True))

    @torch.inference_mode()
    def edited(self, differences: dict[str, float], photo: Image.Image | None = None) -> Image.Image:
        """The photo at full size, with changes {name: -1..1} of the chosen face. 0 keeps an attribute; a change is
        limited by `rooms`. Numbers from -2 to 2 are accepted and count as -1 or 1 beyond that. photo: the same photo
        with other faces edited already. The result has a mark (gan_models.marks), which `photos.save_photo` writes into
        its file. Raises InvalidInput."""
        photo, row = photo or self.photo, self._row(differences)
        if not row.any():
            return photo.copy()
        if isinstance(self.editor, RetouchEditor):
            seen = cast(Seen, self.encoded)
            layers = self._evened(layers_of(seen.photos, *self.editor.directed(seen, row)), row)
            if seen.gain != 1:
                layers = layers.dimmed(seen.gain)
            edited = layered.put_into(photo, self.face, layers, self._around(layers, row))
        else:
            after = self.editor.decode(cast(Encoded, self.encoded), row)
            edited = crop.put_back(photo, self.face, self.encoded.photos[0], after[0])
        asked = {name: float(value) for name, value in differences.items() if value}
        return marks.marked(edited, marks.of(self.editor, kind=marks.EDITED, edits=asked))

    def _evened(self, layers: layered.Layers, row: Tensor) -> layered.Layers:
        """The layers with a hair colour that is even over the hair, and keeps its strands; less so if the hair is
        also drawn anew."""
        share = self._share(row, HAIR_COLOURS) * (1 - self._share(row, DRAWN_HAIR))
        if not share:
            return layers
        names = [name for name in self.editor.attributes if name in HAIR_COLOURS]
        size = layers.colour.shape[-1]
        hair = share * regions_of(tuple(names), size).amax((0, 1))
        changes = torch.cat([layers.colour, layers.change], 1)
        changes = torch.lerp(changes, surroundings.evened(changes, self.encoded.photos).to(changes), hair.to(changes))
        return layers._replace(colour=changes[:, :12], change=changes[:, 12:], cover=layers.cover * (1 - hair))

    def _share(self, row: Tensor, names: Sequence[str]) -> float:
        """0..1: how strongly some of these attributes are requested, relative to the strongest request."""
        asked: dict[str, float] = dict(zip(self.editor.attributes, row[0].abs().tolist(), strict=True))
        return max(asked.get(name, 0.0) for name in names) / max(asked.values())

    def goes_beyond(self, differences: dict[str, float]) -> bool:
        """Whether changes of the chosen face go on beyond its window, into `surroundings.wide_window`."""
        row = self._row(differences)
        return isinstance(self.editor, RetouchEditor) and bool(row.any()) and self._share(row, BEYOND) > 0

    def showing(self, other: "Portrait") -> "Portrait":
        """The same picture with the chosen face of another portrait of the photo, as that portrait knows it."""
        return self._informed(replace(self, chosen=other.chosen, encoded=other.encoded), other)

    @staticmethod
    def _informed(portrait: "Portrait", source: "Portrait") -> "Portrait":
        """A portrait that takes the face's surroundings from another, once needed, so that a part changes as the whole."""
        vars(portrait)["_source"] = source
        return portrait

    def _around(self, layers: layered.Layers, row: Tensor) -> Tensor | None:
        """What changes beyond the face's window, (1, 15, GRID, GRID): the colour of long hair and of the neck; None if
        no such change is requested."""
        share = self._share(row, BEYOND)
        if not share:
            return None
        return surroundings.spread(share * torch.cat([layers.colour, layers.change], 1), self._surroundings)

    @cached_property
    def _surroundings(self) -> surroundings.Surroundings:
        """What is around the face in the whole photo."""
        if source := vars(self).get("_source"):
            found: surroundings.Surroundings = source._surroundings
            return found
        others = (face for k, face in enumerate(self.faces) if k != self.chosen)
        return surroundings.surroundings(self.photo, self.face, others)

    @torch.inference_mode()
    def strip(self, attribute: str, differences: dict[str, float], steps: int = 9) -> Tensor:
        """The aligned face (steps, C, H, W) with one attribute from its minimum to its maximum, and the other changes as
        given. Raises InvalidInput."""
        self._check_name(attribute)
        values = torch.linspace(-MOST, MOST, steps).tolist()
        rows = torch.cat([self._row(differences | {attribute: value}, attribute) for value in values])
        decode = cast(Callable[[Encoded | Seen, Tensor], Tensor], self.editor.decode)  # which takes what it encoded
        return decode(self.encoded, rows)

    def small(self) -> "Portrait":
        """A copy of at most PREVIEW pixels per side, in sRGB, for previews while a slider moves."""
        if max(self.photo.size) <= PREVIEW and self._shrunken is self.photo:
            return self
        return self._showing(self._shrunken, geometry.Similarity(complex(min(1, PREVIEW / max(self.photo.size))), 0))

    def part(self, box: tuple[int, int, int, int], zoom: float) -> "Portrait":
        """A copy cropped to the pixels (left, top, right, bottom) of the photo and scaled by zoom <= 1, in sRGB. Its
        faces change as those of the whole photo."""
        return self._showing(_smaller(self.photo, box, zoom), geometry.Similarity(zoom, -zoom * complex(*box[:2])))

    def _showing(self, photo: Image.Image, view: geometry.Similarity) -> "Portrait":
        """A copy with another picture of the photo, in which the photo's point p is at view(p)."""
        faces = tuple(
            replace(
                face,
                box=tuple(np.rint(view(np.reshape(face.box, (2, 2)))).astype(int).flatten().tolist()),
                landmarks=view(face.landmarks),
                frame=view @ face.frame,
            )
            for face in self.faces
        )
        return self._informed(replace(self, photo=photo, faces=faces), self)

    @cached_property
    def _shrunken(self) -> Image.Image:
        """The photo at most PREVIEW pixels per side, in sRGB, made once for all faces and edits."""
        return _smaller(self.photo, (0, 0, *self.photo.size), min(1, PREVIEW / max(self.photo.size)))

    def _check_name(self, name: str) -> None:
        if name not in self.editor.attributes:
            raise InvalidInput(
                f"There is no attribute {short(name)} to edit; there are {', '.join(self.editor.attributes)}."
            )

    def _row(self, differences: dict[str, float], first: str | None = None) -> Tensor:
        """The differences (1, K) for the editor, limited by `rooms`. Of hair colours and baldness only one is used:
        `first` if it is requested, else the largest; the face's other hair colours are removed."""
        row = torch.zeros(1, len(self.editor.attributes))
        for name, value in differences.items():
            self._check_name(name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= TAKEN:
                raise InvalidInput(f"{name} must be a number from -{MOST:g} to {MOST:g}, not {short(value)}.")
            row[0, self.editor.attributes.index(name)] = max(-MOST, min(value, MOST))
        shown = self.encoded.shown
        group = [k for k, name in enumerate(self.editor.attributes) if name in ONE_OF]
        wished = [k for k in group if row[0, k] > 0]
        if wished:
            index = self.editor.attributes.index(first) if first else None
            one = index if index in wished else max(wished, key=lambda k: float(row[0, k]))
            for k in group:
                if k != one and row[0, k] >= 0:
                    row[0, k] = -row[0, one] * shown[0, k]
        return row * room(shown, row > 0)


def _smaller(photo: Image.Image, box: tuple[int, int, int, int], zoom: float) -> Image.Image:
    """The pixels (left, top, right, bottom) of the photo, scaled by `zoom` <= 1, in sRGB."""
    if zoom < 1:
        width, height = (max(1, round((box[k + 2] - box[k]) * zoom)) for k in (0, 1))
        return colour.to_srgb(photo.resize((width, height), Image.Resampling.LANCZOS, box, reducing_gap=3))
    return colour.to_srgb(photo if box == (0, 0, *photo.size) else photo.crop(box))


def room(shown: Tensor, more: Tensor) -> Tensor:
    """0..1: how much of a change is possible for attributes that are `shown` (0..1), when more or less of them is
    requested."""
    return smoothstep((torch.where(more, 1 - shown, shown) - 0.05) / 0.4)


@torch.inference_mode()
def morph(first: Portrait, second: Portrait, frames: int) -> Tensor:
    """From one aligned face to another: (frames, C, H, W) in [-1, 1]. The codes move in a straight line. The photos' own
    detail, which the codes do not hold, is blended, so that the first and last frame are the photos. Raises
    InvalidInput for portraits of two editors."""
    if first.editor is not second.editor:
        raise InvalidInput("Both photos must have been opened for the same editor.")
    if not isinstance(first.editor, Editor):
        raise InvalidInput("This editor cannot morph between two faces; use one of the family editor.")
    frames = check_count(frames, least=2, most=1000, what="number of frames")
    t = torch.linspace(0, 1, frames)[:, None]
    a, b = cast(Encoded, first.encoded), cast(Encoded, second.encoded)
    drawn = first.editor.draw(torch.lerp(a.codes, b.codes, t))
    t = t[:, :, None, None]
    return (drawn + torch.lerp(a.photos - drawn[:1], b.photos - drawn[-1:], t)).clamp(-1, 1)


def open_portrait(editor: Editor | RetouchEditor, source: opening.Source) -> Portrait:
    """Open a photo and choose its largest face. Raises InvalidPhoto, NoFace, or MissingPackage."""
    photo = opening.open_photo(source)
    faces = tuple(photos.find_faces(photo))
    return Portrait(editor, photo, faces, 0, _encode(editor, photo, faces[0]))


def drawn_portrait(editor: Editor | RetouchEditor, picture: Tensor, size: int = 512) -> Portrait:
    """A portrait of a generated picture (C, H, W) in [-1, 1], which is an aligned face."""
    photo = images.to_pil(picture[None])[0].convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
    face = photos.aligned_face(photo)
    return Portrait(editor, photo, (face,), 0, _encode(editor, photo, face))


@torch.inference_mode()
def _encode(editor: Editor | RetouchEditor, photo: Image.Image, face: photos.Face) -> Encoded | Seen:
    """What the editor knows of a face. The retouching editor sees dark photos lighter than they are."""
    picture = crop.align(photo, face, editor.image_shape[-1])[None]
    if isinstance(editor, RetouchEditor) and (gain := crop.gain_of(picture[0])) > 1:
        return editor.encode(((picture + 1) * gain - 1).clamp(max=1))._replace(gain=gain)
    return editor.encode(picture)
