"""A photo while it is edited."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from gan_models.errors import InvalidInput
from gan_models.networks.editor import Editor
from gan_models.photos import crop, faces, geometry
from gan_models.portrait import PREVIEW, Portrait, _encode, drawn_portrait, morph


@pytest.fixture(scope="module")
def editor() -> Editor:
    torch.manual_seed(0)
    editor = Editor(width=4, latent_dim=16, hidden=8).eval().requires_grad_(False)
    for weight in [
        *editor.decoder.parameters(),
        *editor.encoder.parameters(),
    ]:  # lively: an untrained one draws next to nothing
        if weight.ndim > 1:
            weight.normal_(0, 0.2)
    editor.mapping.directions.normal_(0, 1)
    return editor


@pytest.fixture(scope="module")
def drawn(editor) -> Portrait:
    return drawn_portrait(editor, torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1, size=256)


def roomy(portrait: Portrait) -> Portrait:
    """The same, shown to be half of everything, which leaves room for all changes."""
    return replace(portrait, encoded=portrait.encoded._replace(shown=torch.full_like(portrait.encoded.shown, 0.5)))


def far(a: Image.Image, b: Image.Image) -> np.ndarray:
    return np.abs(np.asarray(a, int) - np.asarray(b, int))


def test_a_drawn_face_is_wholly_the_face(editor, drawn):
    back = crop.align(drawn.photo, drawn.face, 256)
    assert np.abs(((back + 1) * 127.5).permute(1, 2, 0).numpy() - np.asarray(drawn.photo)).max() < 1.5
    box = drawn.face.box
    assert 0 <= box[0] < box[2] <= 256 and drawn.face.landmarks.shape == (68, 2)


def test_no_difference_is_the_very_photo(drawn):
    assert np.array_equal(np.asarray(drawn.edited({})), np.asarray(drawn.photo))
    assert np.array_equal(np.asarray(drawn.edited({"Smiling": 0.0})), np.asarray(drawn.photo))


def test_an_edit_changes_the_face_at_full_size(drawn):
    edited = drawn.edited({"Smiling": 1.0})
    assert edited.size == drawn.photo.size and far(edited, drawn.photo).max() > 10
    assert far(edited, drawn.photo).mean() > far(drawn.edited({"Smiling": 0.4}), drawn.photo).mean()
    assert not far(drawn.edited({"Smiling": 2.0}), edited).any()  # once the largest change, and taken for it still


def test_only_so_much_is_changed_as_there_is_room_for(editor, drawn):
    """What is there already is not brought, and what is not there is not taken away: it would burn a mask on a face."""
    k = editor.attributes.index("Eyeglasses")
    for shown, bare, way in ((0.01, -1.0, 1.0), (0.99, 1.0, -1.0)):
        estimate = drawn.encoded.shown.clone()
        estimate[0, k] = shown
        portrait = replace(drawn, encoded=drawn.encoded._replace(shown=estimate))
        assert not far(portrait.edited({"Eyeglasses": bare}), portrait.photo).any()
        assert far(portrait.edited({"Eyeglasses": way}), portrait.photo).max() > 10
        assert portrait.rooms["Eyeglasses"] == ((0.0, 1.0) if shown < 0.5 else (1.0, 0.0))
    assert all(0 <= room <= 1 for rooms in drawn.rooms.values() for room in rooms)


def test_a_face_is_edited_in_a_photo_whose_other_face_was_and_a_part_shows_the_same(editor, drawn):
    photo = Image.new("RGB", (512, 256))
    for k in (0, 1):
        photo.paste(drawn.photo, (256 * k, 0))
    frames = [geometry.Similarity(1, complex(256 * k, 0)) @ drawn.face.frame for k in (0, 1)]
    both = tuple(replace(drawn.face, frame=frame, box=(0, 0, 9, 9)) for frame in frames)
    first = Portrait(editor, photo, both, 0, drawn.encoded)
    second = first.choose(1)
    once = first.edited({"Smiling": 1.0})
    twice = second.edited({"Male": 1.0}, once)
    assert not far(twice.crop((0, 0, 256, 256)), once.crop((0, 0, 256, 256))).any()
    assert far(twice.crop((256, 0, 512, 256)), photo.crop((256, 0, 512, 256))).max() > 10
    half = second.part((256, 0, 512, 256), 0.5)
    assert half.photo.size == (128, 128) and half.face.box == (-128, 0, -124, 4)
    shown, full = (
        half.edited({"Male": 1.0}),
        twice.crop((256, 0, 512, 256)).resize((128, 128), Image.Resampling.LANCZOS),
    )
    assert far(shown, full).mean() < 0.1 * far(full, half.photo).mean()


def test_a_strip_goes_from_none_to_full_through_the_face_as_it_is(editor, drawn):
    strip = drawn.strip("Smiling", {}, steps=5)
    assert strip.shape == (5, 3, 64, 64)
    torch.testing.assert_close(strip[2], drawn.encoded.photos[0])
    assert not torch.equal(strip[0], strip[4])
    wished = drawn.strip("Smiling", {"Male": 1.0}, steps=5)
    assert not torch.equal(wished[2], drawn.encoded.photos[0])


def test_a_small_copy_shows_the_same_edit(editor, drawn):
    large = Image.new("RGB", (2400, 1600), "grey")
    large.paste(drawn.photo.resize((800, 800)), (900, 300))
    frame = geometry.Similarity(complex(800 / 256), complex(900, 300)) @ drawn.face.frame
    face = faces.Face((900, 300, 1700, 1100), drawn.face.landmarks, frame, 1.0)
    portrait = Portrait(editor, large, (face,), 0, _encode(editor, large, face))
    small = portrait.small()
    assert max(small.photo.size) == PREVIEW and small.small() is small
    full = portrait.edited({"Male": 2.0}).resize(small.photo.size, Image.Resampling.LANCZOS)
    shown = small.edited({"Male": 2.0})
    assert far(full, small.photo).max() > 20 and far(full, shown).mean() < 0.1 * far(full, small.photo).mean()
    outside = np.ones((1600, 2400), bool)
    outside[250:1150, 850:1750] = False
    assert not far(portrait.edited({"Male": 2.0}), large)[outside].any()


def test_a_hair_colour_takes_the_others_away_as_far_as_they_are_there(editor, drawn):
    drawn = roomy(drawn)
    names, shown = list(editor.attributes), drawn.encoded.shown[0]
    row = drawn._row({"Blond_Hair": 0.5, "Smiling": -1.0})[0]
    assert row[names.index("Blond_Hair")] == 0.5 and row[names.index("Smiling")] == -1
    for name in ("Bald", "Black_Hair", "Brown_Hair"):
        assert row[names.index(name)].item() == pytest.approx(-0.5 * shown[names.index(name)].item())
    assert not drawn._row({"Blond_Hair": -1.0})[0, names.index("Black_Hair")]


def test_of_hair_colours_and_baldness_one_is_given(editor, drawn):
    drawn = roomy(drawn)
    black, blond, brown = (editor.attributes.index(f"{name}_Hair") for name in ("Black", "Blond", "Brown"))
    assert torch.equal(drawn._row({"Blond_Hair": 2.0, "Black_Hair": 0.7}), drawn._row({"Blond_Hair": 2.0}))
    for wishes in ({"Blond_Hair": 2.0, "Black_Hair": 2.0}, {"Black_Hair": 2.0, "Blond_Hair": 2.0}):
        assert torch.equal(drawn._row(wishes), drawn._row({"Black_Hair": 2.0}))
    row = drawn._row({"Blond_Hair": 0.5, "Bald": 0.2, "Brown_Hair": -1.5})[0]
    assert (
        row[blond] == 0.5
        and row[brown] == -1
        and row[black] == pytest.approx(-0.5 * drawn.encoded.shown[0, black].item())
    )


def test_the_colour_that_a_strip_shows_goes_before_the_one_asked_for(editor, drawn):
    strip, alone = (drawn.strip("Black_Hair", differences, steps=5) for differences in ({"Blond_Hair": 2.0}, {}))
    blond = editor.decode(drawn.encoded, drawn._row({"Blond_Hair": 2.0}))[0]
    torch.testing.assert_close(strip[3:], alone[3:], rtol=0, atol=1e-3)
    torch.testing.assert_close(strip[2], blond, rtol=0, atol=1e-3)
    assert (alone[2] - blond).abs().max() > 0.05 and (strip[:2] - alone[:2]).abs().max() > 0.05


@pytest.mark.parametrize("attribute", ["Hat", ["Smiling"], {}, None])
def test_a_strip_without_an_attribute_is_reported(drawn, attribute):
    with pytest.raises(InvalidInput, match=r"^There is no attribute .* to edit; there are .*Smiling.*\.$"):
        drawn.strip(attribute, {})


@pytest.mark.parametrize(
    "differences, words",
    [
        ({"Hat": 1.0}, "no attribute 'Hat'"),
        ({"Smiling": 3.0}, "from -1 to 1"),
        ({"Smiling": float("nan")}, "from -1 to 1"),
        ({"Smiling": "much"}, "from -1 to 1"),
    ],
)
def test_wishes_that_cannot_be_met(drawn, differences, words):
    with pytest.raises(InvalidInput, match=words):
        drawn.edited(differences)


def test_another_face_is_encoded_anew(editor, drawn):
    other = faces.Face((0, 0, 99, 99), drawn.face.landmarks, geometry.Similarity(complex(0.5), 0), 1.0)
    two = Portrait(editor, drawn.photo, (drawn.face, other), 0, drawn.encoded).choose(1)
    assert two.chosen == 1 and not torch.equal(two.encoded.photos, drawn.encoded.photos)
    for number in (2, -1, True, "1"):
        with pytest.raises(InvalidInput, match="There are 2 faces"):
            two.choose(number)


def test_the_small_photo_is_made_once_for_all_faces(editor, drawn, monkeypatch):
    photo = drawn.photo.resize((PREVIEW + 60, PREVIEW + 60))
    other = faces.Face((0, 0, 99, 99), drawn.face.landmarks, geometry.Similarity(complex(0.5), 0), 1.0)
    portrait = Portrait(editor, photo, (drawn.face, other), 0, drawn.encoded)
    made = portrait.small()
    before = portrait.choose(1)

    def resize(*args, **options):
        raise AssertionError("made again")

    monkeypatch.setattr(Image.Image, "resize", resize)
    assert portrait.small().photo is made.photo and made.photo.size == (PREVIEW, PREVIEW)
    assert before.small().photo is made.photo and before.small().chosen == 1


def test_a_morph_begins_and_ends_with_the_very_faces(editor, drawn):
    other = drawn_portrait(editor, torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1, size=128)
    frames = morph(drawn, other, 5)
    torch.testing.assert_close(frames[0], drawn.encoded.photos[0], rtol=0, atol=1e-5)
    torch.testing.assert_close(frames[4], other.encoded.photos[0], rtol=0, atol=1e-5)
    halves = torch.lerp(drawn.encoded.photos[0], other.encoded.photos[0], 0.5)
    assert (frames[2] - halves).abs().max() > 0.01  # more than one picture faded into the other
    with pytest.raises(InvalidInput, match="frames"):
        morph(drawn, other, 1)
    with pytest.raises(InvalidInput, match="same editor"):
        morph(drawn, drawn_portrait(Editor(width=4, latent_dim=16, hidden=8).eval(), torch.zeros(3, 64, 64)), 3)
