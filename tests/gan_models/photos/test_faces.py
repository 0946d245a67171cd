"""Faces are found where they are."""

import io
import sys

import numpy as np
import pytest
from pictures_made import a_face, place, smooth
from PIL import Image, ImageDraw, ImageOps

from gan_models.errors import MissingPackage, NoFace
from gan_models.photos import faces as photos
from gan_models.photos import geometry
from gan_models.photos.faces import choose, find_faces, numbered


@pytest.fixture(scope="module")
def originals(data_root):
    from training.data.celeba import celeba_originals

    return [Image.open(io.BytesIO(data)).convert("RGB") for data in celeba_originals(data_root / "original")[:40]]


def test_aligned_originals_are_found_where_they_are(originals):
    errors = []
    for picture in originals[:6]:
        try:
            face = find_faces(picture)[0]
        except NoFace:
            continue
        assert face.landmarks.shape == (68, 2) and face.score > 0
        errors.append(np.hypot(*(face.eyes - photos.eyes_in_frame()).T).mean() / 38)
        left, top, right, bottom = face.box
        assert 0 <= left < 89 < right <= 178 and 0 <= top < 125 < bottom <= 218
    assert len(errors) >= 5 and np.median(errors) < 0.06


@pytest.mark.parametrize("scale, degrees", [(0.35, 10), (1.5, -28), (5.5, 20)])
def test_faces_are_found_turned_and_scaled(originals, scale, degrees):
    size = (round(320 * scale), round(360 * scale))
    frame = a_face(scale, degrees, complex(*size) / 2).frame
    errors = []
    for picture in originals[:3]:
        face = find_faces(place([picture], [frame], size))[0]
        eyes = frame(photos.eyes_in_frame())
        errors.append(np.hypot(*(face.eyes - eyes).T).mean() / np.hypot(*(eyes[1] - eyes[0])))
        assert abs(face.frame.degrees - degrees) < 8 and face.frame.scale == pytest.approx(scale, rel=0.2)
    assert np.median(errors) < 0.08


def test_several_faces_come_largest_first_and_are_chosen_by_a_click_or_a_number(originals):
    scales, middles = (1.2, 2.4, 0.8), (150 + 300j, 600 + 300j, 950 + 300j)
    frames = [a_face(scale, 0, middle).frame for scale, middle in zip(scales, middles)]
    photo = place(originals[:3], frames, (1100, 600))
    faces = find_faces(photo)
    assert [round(face.frame.scale, 1) for face in faces] == pytest.approx([2.4, 1.2, 0.8], rel=0.15)
    assert [choose(faces, *xy) for xy in ((600, 310), (150, 320), (950, 310))] == [0, 1, 2]
    assert choose(faces, 380, 30) is None and choose([], 1, 1) is None
    shown = numbered(photo, faces)
    assert shown.size == photo.size and numbered(photo, faces, longest=550).size == (550, 300)
    drawn = np.abs(np.asarray(shown).astype(int) - np.asarray(photo)).sum(-1) > 0
    for face in faces:
        left, top, right, bottom = face.box
        assert drawn[top:bottom, left].mean() > 0.9 and not drawn[(top + bottom) // 2, (left + right) // 2]


def test_small_faces_next_to_a_large_one_are_found(originals):
    photo = smooth(2000, 1500)
    photo.paste(originals[0].resize((712, 872)), (100, 200))
    small = photo.copy()
    small.paste(originals[1].resize((142, 174)), (1500, 600))  # at 1280 pixels too small for the detector
    assert len(find_faces(photo)) == 1
    large, other = find_faces(small)
    assert large.frame.scale == pytest.approx(4, rel=0.15) and other.frame.scale == pytest.approx(0.8, rel=0.15)
    assert choose([large, other], 1571, 690) == 1
    portrait = smooth(2000, 1500)
    portrait.paste(originals[0].resize((1068, 1308)), (100, 100))
    portrait.paste(originals[1].resize((142, 174)), (1500, 600))
    assert [round(face.frame.scale) for face in find_faces(portrait)] == [6]  # there nobody waits for the small one


def test_photos_that_lie_on_their_side_or_head_are_no_hindrance(originals):
    for degrees, picture in zip((90, 180, 270), originals):
        turned = find_faces(picture.rotate(degrees, expand=True))[0].frame.degrees
        assert abs((turned + degrees + 180) % 360 - 180) < 10


def test_a_picture_without_a_face_is_reported(originals):
    drawing = Image.new("RGB", (400, 300), "white")
    ImageDraw.Draw(drawing).ellipse((100, 50, 300, 250), fill="orange")
    for picture in (
        smooth(640, 480),
        drawing,
        Image.new("RGB", (3000, 32), "grey"),
        originals[0].crop((0, 0, 89, 118)),
    ):  # half a face, at the border
        with pytest.raises(NoFace, match="No face was found; choose"):
            find_faces(picture)


def test_a_missing_package_says_what_to_install(monkeypatch):
    photos.dlib_models.cache_clear()
    try:
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, "dlib", None)
            with pytest.raises(MissingPackage, match="pip install dlib-bin face_recognition_models"):
                find_faces(smooth(100, 100))
        with monkeypatch.context() as patch:
            patch.setattr(photos.importlib.util, "find_spec", lambda name: None)
            with pytest.raises(MissingPackage, match="face_recognition_models"):
                photos.load_detector()
        photos.load_detector()
        assert photos.dlib_models.cache_info().currsize == 1  # the next photo does not wait for it
    finally:
        photos.dlib_models.cache_clear()


@pytest.mark.parametrize("degrees", [-50, -20, 0, 35, 60])
@pytest.mark.parametrize("tilt", [0, 30, 180])
def test_the_turn_of_a_head_is_read_from_its_landmarks(degrees, tilt):
    heads = np.zeros((68, 3))  # x to the right, y down, z towards the camera; the nose is half the eyes' distance ahead
    heads[36:42], heads[42:48], heads[30] = (-1, 0, 0), (1, 0, 0), (0, 0.6, 1)
    heads += (5, 7, 0)
    a, b = np.radians([degrees, tilt])
    spun = heads @ np.array([[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]])
    flat = spun[:, :2] @ np.array([[np.cos(b), np.sin(b)], [-np.sin(b), np.cos(b)]])
    face = photos.Face((0, 0, 1, 1), flat, geometry.Similarity(1 + 0j, 0j), 1.0)
    assert face.turn == pytest.approx(degrees, abs=1e-6)


def test_a_mirrored_photo_is_turned_to_the_other_side(originals):
    checked = 0
    for picture in originals[:12]:
        try:
            turn, other = find_faces(picture)[0].turn, find_faces(ImageOps.mirror(picture))[0].turn
        except NoFace:
            continue
        assert turn == pytest.approx(-other, abs=8)
        checked += 1
    assert checked >= 8
