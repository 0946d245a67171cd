"""Finding the faces in a photo."""

import cmath
import importlib.util
import math
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..celeba import FRAME, WINDOW
from ..errors import MissingPackage, NoFace
from .geometry import Similarity, resample, to_complex

# Left, top and side of the square that the detector finds in the frame (median over the aligned originals).
FACE = (45.5, 93.5, 87.0)
# The places of the eyes (points 36 to 47 of the 68 of iBUG 300-W) and the mouth (48 to 67) in the frame: the average of
# `find_landmarks` over 1,200 pictures of CelebA in their original form, by `python -m training.alignment --average`.
EYES_AND_MOUTH = np.array(
    [
        (62.5, 113.3),
        (67.2, 110.5),
        (72.9, 110.7),
        (77.7, 114.7),
        (72.3, 115.6),
        (66.7, 115.5),
        (100.3, 114.7),
        (105.1, 110.7),
        (110.9, 110.5),
        (115.7, 113.3),
        (111.3, 115.5),
        (105.7, 115.6),
        (71.8, 153.5),
        (77.9, 151.0),
        (84.1, 149.9),
        (88.6, 150.9),
        (93.3, 149.9),
        (99.7, 151.0),
        (106.3, 153.4),
        (100.1, 160.3),
        (93.7, 163.3),
        (88.7, 163.8),
        (83.7, 163.3),
        (77.6, 160.3),
        (74.5, 154.0),
        (84.0, 153.8),
        (88.6, 154.2),
        (93.3, 153.8),
        (103.5, 153.9),
        (93.5, 157.3),
        (88.7, 157.8),
        (84.0, 157.3),
    ]
)
# CelebA was aligned by the eyes. The mouth improves the alignment a little (an error of 3.0 % of the eyes' distance
# instead of 3.7 %), brows and nose make it worse.
WEIGHTS = np.array([1.0] * 12 + [0.1] * 20)


@dataclass(frozen=True)
class Face:
    """A face in a photo.

    box: (left, top, right, bottom) around brows, chin and ears, inside the photo. landmarks: the 68 points of iBUG
    300-W, (68, 2). frame: maps points of CelebA's frame to points of the photo. score: the detector's, above 0.
    """

    box: tuple[int, int, int, int]
    landmarks: np.ndarray
    frame: Similarity
    score: float

    @property
    def eyes(self) -> np.ndarray:
        """(2, 2): the centres of the left and the right eye according to the alignment."""
        return self.frame(eyes_in_frame())

    @property
    def turn(self) -> float:
        """By how many degrees the face is turned to the side, about: 0 from the front, negative to the photo's left. On
        average the tip of a nose is half as far in front of the eyes as these are apart."""
        left, right = self.landmarks[36:42].mean(0), self.landmarks[42:48].mean(0)
        across = right - left
        aside = (self.landmarks[30] - (left + right) / 2) @ across / (across @ across)
        return math.degrees(math.atan(2 * aside))


def eyes_in_frame() -> np.ndarray:
    """(2, 2): the places of the eyes in CelebA's frame."""
    eyes: np.ndarray = EYES_AND_MOUTH[:12].reshape(2, 6, 2).mean(1)
    return eyes


# (pixels of the longer side, degrees): the copies of the photo in which faces are searched. The detector needs faces
# that are 80 pixels wide and turned by at most about 15 degrees. Then sideways photos are tried, then smaller faces. A
# sure face ends the search; but if the photo has more pixels than the first copy, smaller faces are still searched,
# unless it is a portrait.
LOOKS = ((1280, (0, -24, 24)), (1280, (90, 180, 270)), (2560, (0,)))
CANDIDATE, CERTAIN, SURE = -0.4, 0.0, 0.6  # scores: examined again; accepted after that; ends the search
MAX_FACES = 32
PORTRAIT = 1 / 5  # of the photo's longer side: with a face of this width no smaller ones are searched


def find_faces(photo: Image.Image) -> list[Face]:
    """The faces in a photo of `open_photo`, the largest first. Raises NoFace, or MissingPackage without the extra
    `photos`.

    Detector: histograms of gradients and a support vector machine; landmarks: an ensemble of regression trees (Kazemi
    and Sullivan 2014), both from dlib. Every candidate is aligned, and accepted only if the detector finds a face in
    the aligned picture too.
    """
    faces: list[tuple[float, Similarity, Face]] = []
    for longest, turns in LOOKS:
        sure = [frame for score, frame, _ in faces if score > SURE]
        portrait = any(FACE[2] * frame.scale > PORTRAIT * max(photo.size) for frame in sure)
        if not sure or longest > LOOKS[0][0] < max(photo.size) and not portrait:
            faces = _distinct(faces + _upright_faces(photo, min(4, longest / max(photo.size)), turns, sure))
    if faces:
        return sorted((face for _, _, face in faces), key=lambda face: -face.frame.scale)
    raise NoFace("No face was found; choose a photo that shows a whole face from the front, larger and in good light.")


def _upright_faces(
    photo: Image.Image, zoom: float, turns: tuple[int, ...], known: list[Similarity]
) -> list[tuple[float, Similarity, Face]]:
    """(score, frame, face) of further faces. Those with `known` frames are skipped, since examining a large face takes
    long."""
    size = [max(1, round(side * zoom)) for side in photo.size]
    small = photo.convert("L").resize(size, Image.Resampling.BICUBIC, reducing_gap=2)
    to_photo = Similarity(max(photo.size) / max(small.size), 0)
    found = [(score, to_photo @ view) for turn in turns for score, view in _candidates(small, turn)]
    new = _distinct([(math.inf, view) for view in known] + found)[len(known) :]
    faces = [_examine(photo, score, view) for score, view in new[:MAX_FACES]]
    return [(face.score, face.frame, face) for face in faces if face]


def _candidates(picture: Image.Image, turn: float) -> list[tuple[float, Similarity]]:
    """Score and frame of everything that looks like a face when the picture is turned by `turn` degrees."""
    turned = picture.rotate(turn, Image.Resampling.BILINEAR, expand=True, fillcolor=128) if turn else picture
    middle, turned_middle = (complex(*p.size) / 2 for p in (picture, turned))
    spin = cmath.rect(1, math.radians(turn))
    back = Similarity(spin, middle - spin * turned_middle)
    return [(score, back @ view) for score, view in _detect(turned, CANDIDATE)]


def _detect(picture: Image.Image, threshold: float) -> list[tuple[float, Similarity]]:
    _, detector, _ = dlib_models()
    with _one_at_a_time:
        boxes, scores, _ = detector.run(np.asarray(picture), 0, threshold)
    left, top, side = FACE
    views = []
    for box in boxes:
        scale = box.width() / side
        views.append(Similarity(scale, complex(box.left(), box.top()) - scale * complex(left, top)))
    return list(zip(scores, views))


Found = TypeVar("Found", bound=tuple[Any, ...])


def _distinct(found: list[Found]) -> list[Found]:
    """The (score, frame, ...) with the best score for each face."""
    middle = to_complex(np.array(FRAME)) / 2
    kept: list[Found] = []
    for item in sorted(found, key=lambda item: -item[0]):
        place, size = item[1].a * middle + item[1].b, item[1].scale * FACE[2]
        if all(abs(place - (view.a * middle + view.b)) > 0.5 * max(size, view.scale * FACE[2]) for _, view, *_ in kept):
            kept.append(item)
    return kept


def _examine(photo: Image.Image, score: float, view: Similarity) -> Face | None:
    """Align a candidate by its landmarks, twice (a third time gains nothing), and run the detector again; None if it is
    not a face, or not in the photo."""
    again = []
    for _ in range(2):
        if not _inside(view(eyes_in_frame()), photo):
            return None
        points = view(find_landmarks(resample(photo, view, FRAME).convert("L")))
        before, view = view, Similarity.fit(EYES_AND_MOUTH, points[36:], WEIGHTS)
        if not 0.4 < view.scale / before.scale < 2.5:
            return None
        upright = resample(photo, view @ Similarity(0.5, 0), (2 * FRAME[0], 2 * FRAME[1])).convert("L")
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
    left, top, right, bottom = (int(round(value)) for value in (*low, *high))
    return left, top, right, bottom


def find_landmarks(frame: Image.Image) -> np.ndarray:
    """The 68 points (68, 2) of the face in an aligned picture."""
    dlib, _, predictor = dlib_models()
    pixels = np.asarray(frame)
    left, top, side = FACE
    total = np.zeros((68, 2))
    for dx, dy, grow in JITTER:  # the average over a few shifted squares is more stable than one result
        x, y, size = left + dx - grow / 2, top + dy - grow / 2, side + grow
        box = dlib.rectangle(round(x), round(y), round(x + size) - 1, round(y + size) - 1)
        parts = predictor(pixels, box).parts()
        total += [(point.x + 0.5, point.y + 0.5) for point in parts]
    return total / len(JITTER)


# Shifts and growth of the detector's square, such as occurred in the predictor's training.
JITTER = ((0, 0, 0), (-3, 0, 0), (3, 0, 0), (0, -3, 0), (0, 3, 0), (0, 0, 6))
_one_at_a_time = threading.Lock()  # dlib's detector is not thread-safe


def load_detector() -> None:
    """Load the face detector, which takes a second, before the first photo comes. Raises MissingPackage."""
    dlib_models()


@lru_cache(maxsize=1)
def dlib_models() -> tuple[Any, Any, Any]:
    """dlib, its face detector and its landmark predictor. Raises MissingPackage."""
    try:
        import dlib
    except ImportError as error:
        raise _missing("dlib-bin") from error
    # The package with the weights is only located, not imported: it needs setuptools' old pkg_resources.
    models = importlib.util.find_spec("face_recognition_models")
    weights = (
        Path(models.origin if models and models.origin else "").parent
        / "models"
        / "shape_predictor_68_face_landmarks.dat"
    )
    if not weights.is_file():
        raise _missing("face_recognition_models")
    return dlib, dlib.get_frontal_face_detector(), dlib.shape_predictor(str(weights))


def _missing(package: str) -> MissingPackage:
    return MissingPackage(
        f"Finding faces needs the package {package}, which is not installed here: "
        "pip install dlib-bin face_recognition_models."
    )


def aligned_face(photo: Image.Image) -> Face:
    """The face of a square picture that is aligned already, such as a generated one."""
    left, top, side = WINDOW
    frame = Similarity(complex(photo.width / side), -photo.width / side * complex(left, top))
    landmarks = np.concatenate([np.tile(frame(np.array([88.5, 129.0])), (36, 1)), frame(EYES_AND_MOUTH)])
    return Face(_face_box(frame, photo), landmarks, frame, math.inf)


def choose(faces: list[Face], x: float, y: float) -> int | None:
    """The number (from 0) of the face nearest to a click at (x, y) of the photo; None if it is far from all faces."""
    if not faces:
        return None
    middles = np.array([[(face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2] for face in faces])
    sizes = np.array([FACE[2] * face.frame.scale for face in faces])
    distances = np.hypot(*(middles - (x, y)).T) / sizes
    return int(distances.argmin()) if distances.min() < 1 else None


def numbered(photo: Image.Image, faces: list[Face], longest: int = 1280) -> Image.Image:
    """The photo, at most `longest` pixels wide or high, with a box and a number from 1 at each face."""
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
        draw.text(
            (left + 2 * line + 2, top + line),
            str(number),
            "white",
            font,
            stroke_width=max(1, line),
            stroke_fill="black",
        )
    return picture
