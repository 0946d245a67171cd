"""Measure how well faces are found in photos of any kind: `python -m training.alignment --data-root DIR`.

CelebA's pictures are aligned: in their 178 x 218 frame the eyes are always at the same place. Test photos are made from
them by known rotations (up to 30 degrees), scales (0.3 to 6), shifts, cuts at the border, and by pasting several into
one. Then `gan_models.photos.find_faces` has to find the faces. A face counts as found if both eyes are off by less than
a quarter of the distance between them. The error is the mean distance of the two eyes from their true places, divided by
the distance between the eyes.

The detector's thresholds were chosen on photos of seed 0. With --held-out, photos are made from other originals. (The
average places of eyes and mouth are taken over all originals.)
"""

import io
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from gan_models import cli
from gan_models.celeba import FRAME, WINDOW
from gan_models.photos import faces as photos
from gan_models.photos import geometry
from gan_models.photos.faces import Face
from gan_models.photos.geometry import Similarity

KINDS = ("alone", "at the border", "several")
SCALES, DEGREES = (0.3, 6.0), 30
FOUND = 0.25
TUNED_ON = 300  # photos of seed 0


@dataclass(frozen=True)
class Test:
    """A photo and where its faces are: the frames of the originals in it."""

    kind: str
    photo: Image.Image
    frames: tuple[Similarity, ...]


@dataclass(frozen=True)
class Result:
    """One face: kind of photo, scale, rotation in degrees, and the relative error of its eyes (infinite if the face was
    not found)."""

    kind: str
    scale: float
    degrees: float
    error: float


def make_tests(originals: Sequence[bytes], count: int, seed: int) -> Iterator[Test]:
    """`count` photos, a function of the originals and the seed."""
    for k in range(count):
        kind, scale, chosen, rng = _plan(len(originals), k, seed)
        yield make_test(kind, [_open_rgb(originals[i]) for i in chosen], scale, rng)


def _plan(originals: int, k: int, seed: int) -> tuple[str, float, list[int], np.random.Generator]:
    """The kind, scale and originals of photo k, and the random generator for the rest."""
    rng = np.random.default_rng((seed, k))
    kind = KINDS[k % len(KINDS)]
    scale = math.exp(rng.uniform(*np.log(SCALES)))
    faces = int(rng.integers(2, 5)) if kind == "several" else 1
    return kind, scale, rng.choice(originals, faces, replace=False).tolist(), rng


def held_out(originals: Sequence[bytes]) -> list[bytes]:
    """The originals that were not used to choose the thresholds."""
    used = {i for k in range(TUNED_ON) for i in _plan(len(originals), k, 0)[2]}
    return [data for i, data in enumerate(originals) if i not in used]


def _open_rgb(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def make_test(kind: str, pictures: Sequence[Image.Image], scale: float, rng: np.random.Generator) -> Test:
    """A photo of the pictures, rotated and scaled, side by side; several differ in scale by up to a factor of 2."""
    placed, right, bottom = [], 0.0, 0.0
    for _ in pictures:
        own = max(scale * 2 ** -rng.uniform(), SCALES[0]) if len(pictures) > 1 else scale
        turn = Similarity(own * np.exp(1j * math.radians(rng.uniform(-DEGREES, DEGREES))), 0)
        low, high = _extent(turn, (0, 0, *FRAME))
        if kind == "at the border":  # up to a fifth of the networks' window is cut off, on one side and above or below
            low, high = _extent(turn, (WINDOW[0], WINDOW[1], WINDOW[0] + WINDOW[2], WINDOW[1] + WINDOW[2]))
            low, high = low + (high - low) * rng.uniform(0, 0.2, 2), high - (high - low) * rng.uniform(0, 0.1, 2)
            margin = after = np.zeros(2)
        else:
            margin, after = (high - low) * rng.uniform(0, 0.4, 2), (high - low) * rng.uniform(0, 0.4, 2)
        place = np.array([right, 0]) + margin - low
        placed.append(Similarity(turn.a, complex(*place)))
        right, bottom = right + (margin + high - low + after)[0], max(bottom, (margin + high - low + after)[1])
    photo = _background((math.ceil(right), math.ceil(bottom)), rng)
    for picture, frame in zip(pictures, placed):
        _paste(photo, picture, frame)
    return Test(kind, photo, tuple(placed))


def _extent(view: Similarity, box: tuple[float, float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    left, top, right, bottom = box
    corners = view(np.array([[left, top], [right, top], [left, bottom], [right, bottom]], float))
    return corners.min(0), corners.max(0)


def _background(size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """Blurred colour noise."""
    clouds = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    return clouds.resize(size, Image.Resampling.BICUBIC)


def _paste(photo: Image.Image, picture: Image.Image, frame: Similarity) -> None:
    """Draw the picture into the photo, its point p at frame(p)."""
    low, high = _extent(frame, (0, 0, *FRAME))
    left, top = np.floor(low).astype(int)
    size = tuple((np.ceil(high) - (left, top)).astype(int).tolist())
    shifted = Similarity(frame.a, frame.b - complex(left, top))
    corners = shifted(np.array([[0, 0], [FRAME[0], 0], FRAME, [0, FRAME[1]]], float))
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).polygon([tuple(corner) for corner in corners.tolist()], fill=255)
    photo.paste(geometry.resample(picture, shifted.inverse(), size), (int(left), int(top)), mask)


def count_correct(test: Test, faces: Sequence[Face]) -> tuple[list[Result], int]:
    """The result for each face of the photo, and the number of false detections."""
    truth = [frame(photos.eyes_in_frame()) for frame in test.frames]
    distances = [float(np.hypot(*(eyes[1] - eyes[0]))) for eyes in truth]
    errors = np.array(
        [
            [np.hypot(*(face.eyes - eyes).T).mean() / distance for face in faces]
            for eyes, distance in zip(truth, distances)
        ]
    ).reshape(len(truth), len(faces))
    best = errors.min(1, initial=np.inf)
    results = [
        Result(test.kind, frame.scale, frame.degrees, float(error) if error < FOUND else math.inf)
        for frame, error in zip(test.frames, best)
    ]
    return results, int((errors.min(0) >= FOUND).sum()) if len(faces) else 0


def average(originals: Sequence[bytes]) -> np.ndarray:
    """The mean landmarks (32, 2) of eyes and mouth in the frame, over the originals. The source of
    gan_models.photos.EYES_AND_MOUTH."""
    return np.mean([photos.find_landmarks(_open_rgb(data).convert("L"))[36:] for data in originals], axis=0)


def report(results: Sequence[Result]) -> list[str]:
    """A table of the share of faces found and their errors: overall, and by kind, scale and rotation."""
    groups = {"all": lambda r: True}
    groups |= {kind: lambda r, kind=kind: r.kind == kind for kind in KINDS}
    for low, high in ((0.3, 0.6), (0.6, 1.2), (1.2, 2.5), (2.5, 6.01)):
        groups[f"scale {low:g} to {high:.2g}"] = lambda r, low=low, high=high: low <= r.scale < high
    for low, high in ((0, 10), (10, 20), (20, 30)):
        groups[f"turned {low} to {high} degrees"] = lambda r, low=low, high=high: low <= abs(r.degrees) < high
    lines = [f"{'':26}{'faces':>7}{'found':>9}{'median error':>14}{'90 % below':>12}"]
    for name, belongs in groups.items():
        errors = np.array([r.error for r in results if belongs(r)])
        if len(errors):
            found = errors[np.isfinite(errors)]
            middle, most = (f"{100 * np.quantile(found, q):.1f} %" if len(found) else "" for q in (0.5, 0.9))
            lines.append(f"{name:26}{len(errors):7}{100 * len(found) / len(errors):7.1f} %{middle:>14}{most:>12}")
    return lines


if __name__ == "__main__":
    sys.exit(cli.main(["alignment", *sys.argv[1:]]))
