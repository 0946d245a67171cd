"""Anybody's photo: open it safely, find the faces, align one as CelebA's are, put a change back at full size.

    photo = open_photo("holiday.jpg")
    face = find_faces(photo)[0]                     # the largest; needs the packages of the extra `photos`
    before = align(photo, face, 128)                # (3, 128, 128) in [-1, 1], what the networks were trained on
    after = ...                                     # the same picture, edited
    save_photo(put_back(photo, face, before, after), "edited.jpg")

Coordinates are continuous: the pixel in the upper left corner covers the square from (0, 0) to (1, 1). CelebA's frame is the
178 x 218 picture of its aligned edition, in which all eyes lie at the same place; the networks see a square window of it.
"""

import cmath
import io
import importlib.util
import math
import os
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont, ImageOps, UnidentifiedImageError
from torch import Tensor

from .errors import InvalidInput, InvalidPhoto, MissingPackage, NoFace, short
from .hub import write_atomically
from .images import plain

# ---- Opening ---------------------------------------------------------------------------------------------------------

# Pillow keeps 4 bytes a pixel and opening needs two such pictures at once: about 400 MB for 50 megapixels. While the decoders of
# WebP and AVIF work they hold copies of their own, 17 and 12 bytes a pixel in all.
MAX_MEGAPIXELS = 50
MAX_MEGAPIXELS_OF = {"WEBP": 25, "AVIF": 35}
MIN_SIDE = 32
# No others: Pillow also knows formats that start programs (EPS) or that no camera writes.
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
Source = str | os.PathLike | bytes | Image.Image


def open_photo(source: Source) -> Image.Image:
    """A file, its bytes or a Pillow picture -> RGB, 8 bits, upright, the first frame, on white where it is transparent.

    What is too large is refused from its header, before anything is decoded. Of the metadata only the colour profile is kept:
    no place, no date. Raises InvalidPhoto with a sentence for whoever chose the file.
    """
    if isinstance(source, Image.Image):
        return _decode(source, ours=False)
    if not isinstance(source, (str, os.PathLike, bytes)):
        raise InvalidPhoto(f"A photo is a file, bytes or a Pillow image, not {type(source).__name__}.")
    file = io.BytesIO(source) if isinstance(source, bytes) else _open_file(Path(source))
    with file:
        start = file.read(32)
        file.seek(0)
        if not start:
            raise InvalidPhoto("The file is empty; choose another one.")
        has_heif = _register_heif()
        if start[4:8] == b"ftyp" and start[8:12] in HEIF_BRANDS and not has_heif:
            raise InvalidPhoto("This is a HEIC photo, which cannot be read here without the package pillow-heif; "
                               "send it as JPEG, or install pillow-heif.")
        Image.init()  # else Pillow knows only its five commonest formats
        try:
            picture = Image.open(file, formats=[known for known in FORMATS if known in Image.OPEN])
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise InvalidPhoto(f"The picture is too large; at most {MAX_MEGAPIXELS} megapixels are taken, "
                               "so make it smaller first.") from error
        except UnidentifiedImageError as error:
            raise InvalidPhoto("The file is not a picture, or a damaged one; choose a JPEG, PNG, WebP or HEIC file.") from error
        except Exception as error:  # headers of damaged files raise nearly anything
            raise _damaged() from error
        with picture:
            return _decode(picture, ours=True)


def _open_file(path: Path):
    try:
        return open(path, "rb")
    except FileNotFoundError as error:
        raise InvalidPhoto(f"There is no file {short(str(path))}.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidPhoto(f"The file {short(str(path))} cannot be read: {reason}.") from error


@lru_cache(maxsize=1)
def _register_heif() -> bool:
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener(thumbnails=False)
    return True


def _decode(picture: Image.Image, ours: bool) -> Image.Image:
    """ours: nobody else has this picture, so it may be turned where it is: another copy of a large one is dear."""
    width, height = picture.size
    most = MAX_MEGAPIXELS_OF.get(picture.format, MAX_MEGAPIXELS)
    if width * height > most * 1_000_000:
        kind = f" of a {picture.format} file" if most < MAX_MEGAPIXELS else ""
        raise InvalidPhoto(f"The picture has {width:,} x {height:,} pixels; at most {most} megapixels are taken{kind}, "
                           "so make it smaller first.")
    if min(width, height) < MIN_SIDE:
        raise InvalidPhoto(f"The picture has only {width} x {height} pixels; choose one with at least {MIN_SIDE} on each side.")
    try:
        picture.load()
        coloured = picture.mode in ("RGB", "RGBA", "P", "PA")
        profile = picture.info.get("icc_profile")
        photo = plain(_upright(picture, in_place=ours), "RGB")
    except Exception as error:  # decoders of damaged files raise nearly anything
        raise _damaged() from error
    photo.info = {"icc_profile": profile} if profile and coloured else {}
    return photo


def _upright(picture: Image.Image, in_place: bool) -> Image.Image:
    try:
        return ImageOps.exif_transpose(picture, in_place=in_place) or picture
    except Exception:  # metadata that cannot be read are no reason to refuse the picture
        return picture


def _damaged() -> InvalidPhoto:
    return InvalidPhoto("The picture is truncated or damaged; choose another file, or save it anew.")


def save_photo(photo: Image.Image, path: str | os.PathLike) -> None:
    """Write the photo, whole or not at all: JPEG of high quality, PNG or WebP by the ending of the name."""
    kinds = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}
    kind = kinds.get(Path(path).suffix.lower())
    if kind is None:
        raise InvalidInput(f"A photo is written as {', '.join(kinds)}, not as {short(Path(path).suffix)}.")
    options = {"compress_level": 1} if kind == "PNG" else {"quality": 95}
    if "icc_profile" in photo.info:
        options["icc_profile"] = photo.info["icc_profile"]
    file = io.BytesIO()
    photo.save(file, kind, **options)
    write_atomically(Path(path), file.getvalue())


# ---- The plane -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Similarity:
    """A turn, a scale and a shift of the plane. With points as complex numbers x + iy: p -> a p + b."""

    a: complex
    b: complex

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) -> (..., 2) float64"""
        moved = self.a * _complex(points) + self.b
        return np.stack([moved.real, moved.imag], -1)

    def __matmul__(self, first: "Similarity") -> "Similarity":
        return Similarity(self.a * first.a, self.a * first.b + self.b)

    def inverse(self) -> "Similarity":
        return Similarity(1 / self.a, -self.b / self.a)

    @property
    def scale(self) -> float:
        return abs(self.a)

    @property
    def degrees(self) -> float:
        """The turn, clockwise as one sees it, because y points down."""
        return math.degrees(cmath.phase(self.a))

    @classmethod
    def fit(cls, points: np.ndarray, to: np.ndarray, weights: np.ndarray) -> "Similarity":
        """The similarity that takes points (n, 2) nearest to others (n, 2), by weighted least squares (Umeyama 1991)."""
        p, q, w = _complex(points), _complex(to), weights / weights.sum()
        centre, target = w @ p, w @ q
        a = (w * (p - centre).conj()) @ (q - target) / (w @ np.abs(p - centre) ** 2)
        return cls(complex(a), complex(target - a * centre))


def _complex(points) -> np.ndarray:
    points = np.asarray(points, np.float64)
    return points[..., 0] + 1j * points[..., 1]


def sample(photo: Image.Image, view: Similarity, size: tuple[int, int]) -> Image.Image:
    """The picture of that (width, height) whose point p shows the photo's point view(p).

    Antialiased where it shrinks; exact (no blur) where it neither turns nor scales; beyond the border the photo is mirrored.
    """
    # Two steps: fast averages of whole pixels, from which a picture 1 to 3 times too large is taken; then Lanczos.
    reduce = max(1, round(view.scale / 2))
    fine = max(1, math.ceil(view.scale / reduce - 0.01))
    left, top, right, bottom = _bounds(view, size, margin=3 * view.scale + 3)
    left, top, right, bottom = left // reduce, top // reduce, -(-right // reduce), -(-bottom // reduce)
    piece = _mirrored(photo, (left, top, right, bottom), reduce)
    to_piece = Similarity(1, -complex(left, top)) @ Similarity(1 / reduce, 0) @ view @ Similarity(1 / fine, 0)
    width, height = size
    a, b = to_piece.a, to_piece.b
    coefficients = (a.real, -a.imag, b.real, a.imag, a.real, b.imag)
    picture = piece.transform((width * fine, height * fine), Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC)
    return picture.resize(size, Image.Resampling.LANCZOS) if fine > 1 else picture


def _bounds(view: Similarity, size: tuple[int, int], margin: float = 0) -> tuple[int, int, int, int]:
    """Whole numbers around what the view shows."""
    corners = view(np.array([[0, 0], [size[0], 0], [0, size[1]], size]))
    low, high = np.floor(corners.min(0) - margin).astype(int), np.ceil(corners.max(0) + margin).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _mirrored(photo: Image.Image, box: tuple[int, int, int, int], reduce: int) -> Image.Image:
    """The photo made smaller by a whole factor, then cropped; mirrored at its borders instead of black beyond them."""
    left, top, right, bottom = box
    width, height = -(-photo.width // reduce), -(-photo.height // reduce)
    inside = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        raise InvalidInput("This face lies outside of the photo.")
    right_end, bottom_end = min(inside[2] * reduce, photo.width), min(inside[3] * reduce, photo.height)
    piece = photo.reduce(reduce, (inside[0] * reduce, inside[1] * reduce, right_end, bottom_end))
    if inside == box:
        return piece
    pixels = np.asarray(piece)
    pad = ((inside[1] - top, bottom - inside[3]), (inside[0] - left, right - inside[2]), (0, 0))[:pixels.ndim]
    return Image.fromarray(np.pad(pixels, pad, mode="symmetric"))


# ---- Faces -----------------------------------------------------------------------------------------------------------

FRAME = (178, 218)
WINDOW = (25, 48, 128)  # left, top and side of what the networks see of the frame
FACE = (45.5, 93.5, 87.0)  # left, top and side of the square that the detector draws there (median over the aligned originals)
# Where the eyes (points 36 to 47 of the 68 of iBUG 300-W) and the mouth (48 to 67) lie in the frame: the average over the 1,200
# pictures of CelebA that are in its original form here, as found by `_landmarks` below. `python -m training.alignment --average`.
EYES_AND_MOUTH = np.array([
    (62.5, 113.3), (67.2, 110.5), (72.9, 110.7), (77.7, 114.7), (72.3, 115.6), (66.7, 115.5), (100.3, 114.7), (105.1, 110.7),
    (110.9, 110.5), (115.7, 113.3), (111.3, 115.5), (105.7, 115.6), (71.8, 153.5), (77.9, 151.0), (84.1, 149.9), (88.6, 150.9),
    (93.3, 149.9), (99.7, 151.0), (106.3, 153.4), (100.1, 160.3), (93.7, 163.3), (88.7, 163.8), (83.7, 163.3), (77.6, 160.3),
    (74.5, 154.0), (84.0, 153.8), (88.6, 154.2), (93.3, 153.8), (103.5, 153.9), (93.5, 157.3), (88.7, 157.8), (84.0, 157.3),
])
# CelebA was aligned by the eyes; the mouth adds a little (3.0 % of the eyes' distance instead of 3.7 %), brows and nose do harm.
WEIGHTS = np.array([1.0] * 12 + [0.1] * 20)


@dataclass(frozen=True)
class Face:
    """A face in a photo.

    box: (left, top, right, bottom) around brows, chin and ears, inside the photo; landmarks: the 68 points of iBUG 300-W,
    (68, 2); frame: takes points of CelebA's frame to points of the photo; score: how sure the detector is, above 0.
    """

    box: tuple[int, int, int, int]
    landmarks: np.ndarray
    frame: Similarity
    score: float

    @property
    def eyes(self) -> np.ndarray:
        """(2, 2): the middle of the eye on the left and of the one on the right, as the alignment has them."""
        return self.frame(eyes_in_frame())


def eyes_in_frame() -> np.ndarray:
    """(2, 2): where the eyes lie in CelebA's frame."""
    return EYES_AND_MOUTH[:12].reshape(2, 6, 2).mean(1)


# Faces are looked for in a copy whose longer side has so many pixels, turned by so many degrees: the detector needs them 80
# pixels wide there, and knows those turned by up to about 15. Then in sideways photos; then smaller ones. A sure face ends it;
# but where the photo has more pixels than the first look saw, smaller faces beside it are still looked for, unless it is a portrait.
LOOKS = ((1280, (0, -24, 24)), (1280, (90, 180, 270)), (2560, (0,)))
CANDIDATE, CERTAIN, SURE = -0.4, 0.0, 0.6  # scores: worth a second look; believed after it; worth no further search
MAX_FACES = 32
PORTRAIT = 1 / 5  # of the photo's longer side: a face so wide is what the photo is of, and nobody waits for more


def find_faces(photo: Image.Image) -> list[Face]:
    """The faces in a photo of `open_photo`, the largest first. Raises NoFace, or MissingPackage without the extra `photos`.

    Detector: histograms of gradients and a support vector machine; landmarks: an ensemble of regression trees (Kazemi and
    Sullivan 2014), both of dlib. Every candidate is aligned, looked at again as aligned, and believed only if it still is a face.
    """
    faces = []
    for longest, turns in LOOKS:
        sure = [frame for score, frame, _ in faces if score > SURE]
        portrait = any(FACE[2] * frame.scale > PORTRAIT * max(photo.size) for frame in sure)
        if not sure or longest > LOOKS[0][0] < max(photo.size) and not portrait:
            faces = _distinct(faces + _find(photo, min(4, longest / max(photo.size)), turns, sure))
    if faces:
        return sorted((face for _, _, face in faces), key=lambda face: -face.frame.scale)
    raise NoFace("No face was found; choose a photo that shows a whole face from the front, larger and in good light.")


def _find(photo: Image.Image, zoom: float, turns: tuple[int, ...],
          known: list[Similarity]) -> list[tuple[float, Similarity, Face]]:
    """(score, frame, face) of the faces other than those whose frames are known: to examine a large one again takes long."""
    size = [max(1, round(side * zoom)) for side in photo.size]
    small = photo.convert("L").resize(size, Image.Resampling.BICUBIC, reducing_gap=2)
    to_photo = Similarity(max(photo.size) / max(small.size), 0)
    found = [(score, to_photo @ view) for turn in turns for score, view in _candidates(small, turn)]
    new = _distinct([(math.inf, view) for view in known] + found)[len(known):]
    faces = [_examine(photo, score, view) for score, view in new[:MAX_FACES]]
    return [(face.score, face.frame, face) for face in faces if face]


def _candidates(picture: Image.Image, turn: float) -> list[tuple[float, Similarity]]:
    """Score and frame of everything that looks like a face when the picture is turned by that much."""
    turned = picture.rotate(turn, Image.Resampling.BILINEAR, expand=True, fillcolor=128) if turn else picture
    middle, turned_middle = (complex(*p.size) / 2 for p in (picture, turned))
    spin = cmath.rect(1, math.radians(turn))
    back = Similarity(spin, middle - spin * turned_middle)
    return [(score, back @ view) for score, view in _detect(turned, CANDIDATE)]


def _detect(picture: Image.Image, threshold: float) -> list[tuple[float, Similarity]]:
    _, detector, _ = _dlib()
    with _one_at_a_time:
        boxes, scores, _ = detector.run(np.asarray(picture), 0, threshold)
    left, top, side = FACE
    views = []
    for box in boxes:
        scale = box.width() / side
        views.append(Similarity(scale, complex(box.left(), box.top()) - scale * complex(left, top)))
    return list(zip(scores, views))


def _distinct(found: list[tuple]) -> list[tuple]:
    """Of (score, frame, ...) that show the same face the one with the best score."""
    middle = _complex(np.array(FRAME)) / 2
    kept = []
    for item in sorted(found, key=lambda item: -item[0]):
        place, size = item[1].a * middle + item[1].b, item[1].scale * FACE[2]
        if all(abs(place - (view.a * middle + view.b)) > 0.5 * max(size, view.scale * FACE[2]) for _, view, *_ in kept):
            kept.append(item)
    return kept


def _examine(photo: Image.Image, score: float, view: Similarity) -> Face | None:
    """Align by the landmarks, twice (a third time gains nothing), and look again; None if it is no face, or not in the photo."""
    again = []
    for _ in range(2):
        if not _inside(view(eyes_in_frame()), photo):
            return None
        points = view(_landmarks(sample(photo, view, FRAME).convert("L")))
        before, view = view, Similarity.fit(EYES_AND_MOUTH, points[36:], WEIGHTS)
        if not 0.4 < view.scale / before.scale < 2.5:
            return None
        upright = sample(photo, view @ Similarity(0.5, 0), (2 * FRAME[0], 2 * FRAME[1])).convert("L")
        again += [score for score, found in _detect(upright, -1) if _near_frame(Similarity(0.5, 0) @ found)]
    sure = score / 2 + max(again, default=-math.inf)
    if sure < CERTAIN or not _inside(view(eyes_in_frame()), photo):
        return None
    return Face(_face_box(view, photo), points, view, sure)


def _inside(points: np.ndarray, photo: Image.Image) -> bool:
    return bool(((points > 0) & (points < np.array(photo.size))).all())


def _near_frame(view: Similarity) -> bool:
    middle = complex(FACE[0] + FACE[2] / 2, FACE[1] + FACE[2] / 2)
    return 0.55 < view.scale < 1.8 and abs(view.a * middle + view.b - middle) < 0.3 * FACE[2]


def _face_box(view: Similarity, photo: Image.Image) -> tuple[int, int, int, int]:
    centre, half = view(np.array([88.5, 129.0])), 56 * view.scale
    low, high = np.maximum(centre - half, 0), np.minimum(centre + half, photo.size)
    return tuple(int(round(value)) for value in (*low, *high))


def _landmarks(frame: Image.Image) -> np.ndarray:
    """The 68 points (68, 2) of the face in an aligned picture."""
    dlib, _, predictor = _dlib()
    pixels = np.asarray(frame)
    left, top, side = FACE
    total = np.zeros((68, 2))
    for dx, dy, grow in JITTER:  # the average of a few neighbouring answers is steadier than one
        l, t, s = left + dx - grow / 2, top + dy - grow / 2, side + grow
        parts = predictor(pixels, dlib.rectangle(round(l), round(t), round(l + s) - 1, round(t + s) - 1)).parts()
        total += [(point.x + 0.5, point.y + 0.5) for point in parts]
    return total / len(JITTER)


# Around the detector's square: the predictor was trained with such differences.
JITTER = ((0, 0, 0), (-3, 0, 0), (3, 0, 0), (0, -3, 0), (0, 3, 0), (0, 0, 6))
_one_at_a_time = threading.Lock()  # dlib's detector keeps what it computes on


def prepare() -> None:
    """Load what finds faces, which takes a second, before the first photo comes. Raises MissingPackage."""
    _dlib()


@lru_cache(maxsize=1)
def _dlib():
    """dlib, its face detector and its landmark predictor. Raises MissingPackage."""
    try:
        import dlib
    except ImportError as error:
        raise _missing("dlib-bin") from error
    # The package that carries the weights is only found, not imported: it wants setuptools' old pkg_resources.
    models = importlib.util.find_spec("face_recognition_models")
    weights = Path(models.origin if models and models.origin else "").parent / "models" / "shape_predictor_68_face_landmarks.dat"
    if not weights.is_file():
        raise _missing("face_recognition_models")
    return dlib, dlib.get_frontal_face_detector(), dlib.shape_predictor(str(weights))


def _missing(package: str) -> MissingPackage:
    return MissingPackage(f"Finding faces needs the package {package}, which is not installed here: "
                          "pip install dlib-bin face_recognition_models.")


def whole(photo: Image.Image) -> Face:
    """The face of a square picture that is already what the networks see: a generated one."""
    left, top, side = WINDOW
    frame = Similarity(complex(photo.width / side), -photo.width / side * complex(left, top))
    landmarks = np.concatenate([np.tile(frame(np.array([88.5, 129.0])), (36, 1)), frame(EYES_AND_MOUTH)])
    return Face(_face_box(frame, photo), landmarks, frame, math.inf)


def choose(faces: list[Face], x: float, y: float) -> int | None:
    """The number (from 0) of the face that a click at (x, y) of the photo means: the nearest, or None far from all of them."""
    if not faces:
        return None
    middles = np.array([[(face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2] for face in faces])
    sizes = np.array([FACE[2] * face.frame.scale for face in faces])
    distances = np.hypot(*(middles - (x, y)).T) / sizes
    return int(distances.argmin()) if distances.min() < 1 else None


def numbered(photo: Image.Image, faces: list[Face], longest: int = 1280) -> Image.Image:
    """The photo, at most `longest` pixels wide or high, with a frame and a number from 1 at each face."""
    zoom = min(1, longest / max(photo.size))
    size = [max(1, round(side * zoom)) for side in photo.size]
    picture = photo.resize(size, Image.Resampling.BICUBIC, reducing_gap=2) if zoom < 1 else photo.copy()
    draw = ImageDraw.Draw(picture)
    for number, face in enumerate(faces, 1):
        left, top, right, bottom = (side * zoom for side in face.box)
        line = max(1, round((right - left) / 40))
        draw.rectangle((left, top, right, bottom), outline="black", width=line + 2)
        draw.rectangle((left + 1, top + 1, right - 1, bottom - 1), outline="white", width=line)
        font = ImageFont.load_default(max(12, (right - left) / 4))
        draw.text((left + 2 * line + 2, top + line), str(number), "white", font, stroke_width=max(1, line), stroke_fill="black")
    return picture


# ---- Aligning, and back ----------------------------------------------------------------------------------------------

FEATHER = 0.14  # of the window's side: so wide is the border over which a change fades to nothing


def _window(face: Face, size: int) -> Similarity:
    """From points of the network's picture, size x size, to points of the photo."""
    left, top, side = WINDOW
    return face.frame @ Similarity(side / size, complex(left, top))


def align(photo: Image.Image, face: Face, size: int) -> Tensor:
    """The face as the networks know faces: (3, size, size) float32 in [-1, 1]."""
    picture = sample(photo.convert("RGB"), _window(face, size), (size, size))
    return torch.from_numpy(np.asarray(picture).transpose(2, 0, 1).copy()).float() / 127.5 - 1


def put_back(photo: Image.Image, face: Face, before: Tensor, after: Tensor) -> Image.Image:
    """The photo with the change from `before` to `after`, (3, size, size) in [-1, 1], added where the face is.

    The photo's own detail stays, for only the difference is enlarged; it fades to nothing towards the border of the window,
    beyond which every pixel stays as it is. So does the whole photo where nothing changed.
    """
    if before.shape != after.shape or before.ndim != 3 or before.shape[0] != 3 or before.shape[1] != before.shape[2]:
        raise InvalidInput(f"The picture before and after must both be (3, size, size), not {tuple(before.shape)} and "
                           f"{tuple(after.shape)}.")
    change = (after.detach().float() - before.detach().float()).cpu() * 127.5
    size = change.shape[-1]
    change = (change * feather(size)).numpy()
    view = _window(face, size)
    left, top, right, bottom = _bounds(view, (size, size))
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, photo.width), min(bottom, photo.height)
    result = photo.copy()
    if left >= right or top >= bottom or not np.abs(change).max() >= 0.5:
        return result
    # Turned at twice the network's resolution, then enlarged along rows and columns: as smooth as one step, ten times as fast.
    # Pillow's `resize` has a gentler cubic than its `transform`, which would draw light seams around dark changes.
    width, height = right - left, bottom - top
    columns, rows = (max(1, math.ceil(2 * side / view.scale)) for side in (width, height))
    back = view.inverse()
    across, down = 4 * back.a * width / columns, 4 * back.a * 1j * height / rows
    start = 4 * (back.a * complex(left, top) + back.b)
    coefficients = (across.real, down.real, start.real, across.imag, down.imag, start.imag)
    pixels = np.array(photo.crop((left, top, right, bottom)))
    for channel, plane in enumerate(change):
        plane = Image.fromarray(plane).resize((4 * size, 4 * size), Image.Resampling.BICUBIC)
        turned = plane.transform((columns, rows), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR)
        enlarged = np.asarray(turned.resize((width, height), Image.Resampling.BICUBIC))
        pixels[..., channel] = (pixels[..., channel] + np.rint(enlarged).astype(np.int16)).clip(0, 255)
    result.paste(Image.fromarray(pixels), (left, top))
    return result


def feather(size: int) -> Tensor:
    """(size, size): 1 in the middle, falling smoothly to 0 at the border."""
    place = (torch.arange(size) + 0.5) / size
    ramp = (torch.minimum(place, 1 - place) / FEATHER).clamp(0, 1)
    ramp = ramp * ramp * (3 - 2 * ramp)
    return ramp[:, None] * ramp[None, :]
