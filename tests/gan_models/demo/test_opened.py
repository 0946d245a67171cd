"""What the page shows of a photo that is being edited."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from gan_models.demo.opened import Opened, name_of_edit, overlap, safe_name, window_of
from gan_models.errors import InvalidInput
from gan_models.networks.editor import Editor
from gan_models.networks.retouch import RetouchEditor
from gan_models.photos import Face, geometry
from gan_models.portrait import PREVIEW, Portrait, _encode, drawn_portrait


@pytest.fixture(scope="module")
def editor() -> Editor:
    torch.manual_seed(0)
    editor = Editor(width=4, latent_dim=16, hidden=8).eval().requires_grad_(False)
    for weight in editor.decoder.parameters():
        if weight.ndim > 1:
            weight.normal_(0, 0.2)
    editor.mapping.directions.normal_(0, 1)
    return editor


def photo_of(editor, size: tuple[int, int], *places: tuple[int, int, int]) -> Opened:
    """A photo with drawn faces at (left, top, side)."""
    drawn = drawn_portrait(editor, torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1, size=256)
    photo, faces = Image.new("RGB", size, (90, 110, 130)), []
    for left, top, side in places:
        photo.paste(drawn.photo.resize((side, side)), (left, top))
        frame = geometry.Similarity(complex(side / 256), complex(left, top)) @ drawn.face.frame
        faces.append(replace(drawn.face, frame=frame, box=(left, top, left + side, top + side)))
    first = Portrait(editor, photo, tuple(faces), 0, drawn.encoded)
    return Opened(first, "two.jpg")


def pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture, int)


def test_a_face_is_looked_at_alone_where_that_shows_more(editor):
    two = photo_of(editor, (3000, 1200), (300, 300, 500), (2000, 300, 600))
    whole, close = two.view(None), two.view(1)
    assert whole.box == (0, 0, 3000, 1200) and max(whole.portrait.photo.size) == PREVIEW
    left, top, right, bottom = close.box
    assert 1800 < left < 2000 < 2600 < right < 2800 and top < 300 and bottom > 900
    assert min(close.portrait.photo.size) > 500
    assert two.view(1) is close and len(two.places) == 2 and all(0 <= share <= 1 for share in two.place(close.box))
    one = photo_of(editor, (800, 800), (50, 50, 700))
    assert one.view(0).box == one.view(None).box
    with pytest.raises(InvalidInput, match="2 faces"):
        two.view(2)


def test_what_a_slider_shows_is_what_the_file_will_have(editor):
    two = photo_of(editor, (3000, 1200), (300, 300, 500), (2000, 300, 600))
    edits = {0: {"Smiling": 1.0}, 1: {"Male": -1.0, "Young": 1.0}}
    full = pixels(two.full(edits))
    before = pixels(two.portrait.photo)
    assert not np.abs(full - before)[:, 900:1900].any()  # nothing between the two
    for number in (0, 1):
        patch, place = two.edited(number, edits)
        box = [round(share * side) for share, side in zip(place, (3000, 1200, 3000, 1200), strict=True)]
        shown, was = (
            pixels(picture.crop(box).resize(patch.size, Image.Resampling.LANCZOS))
            for picture in (two.full(edits), two.portrait.photo)
        )
        assert np.abs(shown - was).mean() > 2
        assert np.abs(pixels(patch) - shown).mean() < 0.15 * np.abs(shown - was).mean()
    assert two.edited(0, {1: {"Male": 1.0}}) is None  # another face's change, elsewhere
    assert two.edited(0, {}) is None and two.edited(0, {0: {"Smiling": 0.0}}) is None


def test_faces_that_lie_close_share_what_changes_between_them(editor):
    two = photo_of(editor, (1200, 700), (100, 100, 500), (500, 100, 500))
    assert overlap(*(window_of(two.portrait, number) for number in (0, 1)))
    alone, _ = two.edited(0, {0: {"Smiling": 1.0}})
    both, _ = two.edited(0, {0: {"Smiling": 1.0}, 1: {"Male": 1.0}})
    difference = np.abs(pixels(both) - pixels(alone)).max(2)
    assert difference[:, -60:].max() > 2 and not difference[:, : difference.shape[1] // 2].any()


def test_a_face_that_is_turned_too_far_cannot_be_changed(editor):
    two = photo_of(editor, (900, 400), (0, 0, 300), (450, 0, 300))
    face = two.portrait.faces[1]
    landmarks = face.landmarks.copy()
    landmarks[30] += 0.45 * (landmarks[42:48].mean(0) - landmarks[36:42].mean(0))  # the nose, to the right
    portrait = replace(two.portrait, faces=(two.portrait.faces[0], replace(face, landmarks=landmarks)))
    opened = Opened(portrait, "two.jpg")
    assert not opened.face(0).turned and opened.face(1).turned
    assert set(opened.blocked(1).values()) == {(True, True)} != set(opened.blocked(0).values())
    assert opened.blocked(1).keys() == opened.blocked(0).keys()


def test_what_a_face_leaves_no_room_for_is_blocked(editor):
    one = photo_of(editor, (700, 700), (50, 50, 600))
    shown = one.portrait.encoded.shown.clone()
    shown[0, :2] = torch.tensor([0.01, 0.99])
    sure = Opened(replace(one.portrait, encoded=one.portrait.encoded._replace(shown=shown)), "x")
    first, second = editor.attributes[:2]
    assert sure.blocked(0)[first] == (True, False) and sure.blocked(0)[second] == (False, True)


@pytest.mark.parametrize(
    "name, kept",
    [
        ("holiday", "holiday"),
        ("../../etc/passwd", "etc-passwd"),
        ("", "photo"),
        ("\0\n", "photo"),
        ("été à Nice", "été-à-Nice"),
        ("x" * 500, "x" * 60),
        ('<b>"', "b"),
    ],
)
def test_a_strangers_file_name_is_made_plain(name, kept):
    assert safe_name(name) == kept


def test_a_file_is_named_after_the_photo_and_its_edit():
    assert name_of_edit("holiday", {}) == "holiday"
    assert name_of_edit("holiday", {0: {"Smiling": 0.5, "Blond_Hair": -1.0, "Male": 0.0}}) == (
        "holiday-smiling-less-blond-hair"
    )
    many = {0: {f"Attribute_{k}": 1.0 for k in range(9)}}
    assert name_of_edit("a", many) == "a-attribute-0-attribute-1-attribute-2-and-more"


def test_a_hair_colour_is_shown_as_far_as_it_goes():
    torch.manual_seed(0)
    hairy = RetouchEditor(64, width=8, finest=8, attributes=["Smiling", "Blond_Hair"]).requires_grad_(False).eval()
    hairy.smooth.bias[2 + 9] = 0.5  # always redder
    hairy.painting[0][-1].bias[3] = -9
    photo = Image.new("RGB", (1400, 900), (60, 50, 40))
    frame = geometry.Similarity(complex(2), complex(250, 150))
    faces = tuple(
        Face((0, 0, 9, 9), np.zeros((68, 2)), geometry.Similarity(1, shift) @ frame, 1.0) for shift in (0, 750)
    )
    encoded = _encode(hairy, photo, faces[0])
    first = Portrait(hairy, photo, faces, 0, encoded._replace(shown=torch.zeros(1, 2)))
    two = Opened(first, "two.jpg")
    for name, wide in (("Smiling", False), ("Blond_Hair", True)):
        edits = {0: {name: 1.0}}
        assert two.face(0).goes_beyond(edits[0]) == wide
        patch, place = two.edited(0, edits)
        box = [round(share * side) for share, side in zip(place, (1400, 900, 1400, 900), strict=True)]
        assert (box[2] - box[0] > 400) == wide  # the window has 256 pixels
        full, before = two.full(edits), pixels(photo)
        outside = np.abs(pixels(full) - before)
        outside[box[1] : box[3], box[0] : box[2]] = 0
        assert outside.max() <= 1  # all that changes is in the patch
        shown = pixels(full.crop(box).resize(patch.size, Image.Resampling.LANCZOS))
        assert np.abs(pixels(patch) - shown).mean() < 0.5 and np.abs(shown - before[0, 0]).max() > 8
    assert not two.face(0).goes_beyond({})
