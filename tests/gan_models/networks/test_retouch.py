"""The retouching editor: its network, its maps on pictures of any size, and in a photo."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import gan_models
from gan_models import photos
from gan_models.errors import InvalidConfig, InvalidInput
from gan_models.networks.retouch import Retouch, RetouchEditor, applied, layers_of, retouched, warped
from gan_models.photos import crop, layered
from gan_models.photos.crop import face_window
from gan_models.photos.geometry import Similarity
from gan_models.photos.layered import Layers, coloured
from gan_models.portrait import Portrait, _encode, drawn_portrait, room

NAMES = ["Smiling", "Eyeglasses", "Black_Hair", "Blond_Hair"]


def made(size: int = 64, seed: int = 0) -> RetouchEditor:
    """A small editor whose untrained maps do something."""
    torch.manual_seed(seed)
    editor = RetouchEditor(size, width=8, finest=8, attributes=NAMES)
    torch.nn.init.normal_(editor.smooth.weight, 0, 0.05)
    with torch.no_grad():
        editor.smooth.weight[:2] /= 10  # of noise, a small flow changes much
    return editor.requires_grad_(False).eval()


def faces(n: int = 2, size: int = 64) -> torch.Tensor:
    return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("size", [32, 64, 128])
def test_nothing_asked_changes_nothing_and_something_asked_does(size):
    editor, images = made(size), faces(size=size)
    seen = editor.encode(images)
    assert torch.equal(editor.decode(seen, torch.zeros(2, 4)), images)
    assert torch.equal(editor.edit(images, {}), images)
    edited = editor.decode(seen, torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 0]]))
    assert edited.shape == images.shape and not torch.equal(edited[0], images[0]) and torch.equal(edited[1], images[1])
    assert edited.abs().max() <= 1


def test_the_change_grows_smoothly_with_what_is_asked():
    editor, images = made(), faces(1) * 0.5
    seen = editor.encode(images)
    strengths = torch.linspace(0, 1, 21)
    rows = torch.zeros(21, 4)
    rows[:, 1] = strengths
    change = (editor.decode(seen, rows) - images).abs().mean((1, 2, 3))
    steps = change.diff()
    assert (steps > 0).all() and steps.max() < 3 * steps.mean()
    # Maps do not depend on how strongly something is asked, so that nothing jumps.
    half, whole = (editor.directed(seen, rows[k : k + 1]) for k in (10, 20))
    for a, b in zip(half[0], whole[0], strict=True):
        torch.testing.assert_close(a, b)
    assert (half[1].item(), whole[1].item()) == pytest.approx((0.5, 1.0))


def test_flow_points_to_where_a_pixel_comes_from_in_halves_of_the_picture():
    images = faces(1, 8)
    flow = torch.zeros(1, 2, 8, 8)
    flow[:, 0] = 2 * 2 / 8  # from two pixels to the right
    moved = warped(images, flow)
    torch.testing.assert_close(moved[..., :6], images[..., 2:])
    torch.testing.assert_close(warped(images, torch.zeros(1, 2, 8, 8)), images)


def test_colour_is_affine_in_the_three_channels():
    images, colour = faces(1, 4), torch.randn(1, 12, 4, 4, generator=torch.Generator().manual_seed(2))
    wanted = images.clone()
    for out in range(3):
        wanted[:, out] += colour[:, 9 + out] + sum(colour[:, 3 * k + out] * images[:, k] for k in range(3))
    torch.testing.assert_close(coloured(images, colour), wanted)
    torch.testing.assert_close(coloured(images, colour, 0.5), (images + wanted) / 2)


def test_paint_covers_where_alpha_says():
    images = faces(1, 4)
    nothing = Retouch(
        torch.zeros(1, 2, 4, 4), torch.zeros(1, 12, 4, 4), torch.full((1, 3, 4, 4), 0.25), torch.zeros(1, 1, 4, 4)
    )
    nothing.alpha[..., :2] = 1
    edited = retouched(images, nothing, torch.ones(1, 1, 1, 1))
    assert (edited[..., :2] == 0.25).all()
    torch.testing.assert_close(edited[..., 2:], images[..., 2:])


def test_targets_are_differences_from_what_is_shown_and_hair_has_one_colour():
    editor, images = made(), faces()
    seen = editor.encode(images)
    found = editor.differences(seen, {"Blond_Hair": 1.0, "Smiling": 0.5})
    torch.testing.assert_close(
        found, torch.stack([0.5 - seen.shown[:, 0], torch.zeros(2), -seen.shown[:, 2], 1 - seen.shown[:, 3]], 1)
    )
    for targets, words in (
        ({"Hat": 1.0}, "no attribute"),
        ({"Smiling": 2}, "from 0 to 1"),
        ({"Black_Hair": 1, "Blond_Hair": 1}, "A head has one"),
        ("Smiling", "names and values"),
    ):
        with pytest.raises(InvalidInput, match=words):
            editor.edit(images, targets)
    with pytest.raises(InvalidInput, match="from -1 to 1"):
        editor.decode(seen, torch.full((2, 4), 1.5))


def test_it_is_a_model_folder_like_all_others(tmp_path):
    editor = made(128).to(memory_format=torch.channels_last)  # as loaded ones are
    editor.save_pretrained(tmp_path)
    again = gan_models.load(tmp_path)
    assert again.attributes == tuple(NAMES) and again.image_shape == (3, 128, 128)
    edited = [either.edit(faces(1, 128), {"Smiling": 1.0}) for either in (again, editor)]
    assert torch.equal(*edited)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"image_size": 96}, "32, 48, 64"),
        ({"image_channels": 1}, "must be 3"),
        ({"width": 12}, "multiples of 8"),
        ({"regions": "yes"}, "true or false"),
        ({"attributes": ["Smiling", "Smiling"]}, "distinct"),
    ],
)
def test_a_config_that_builds_no_network_is_reported(arguments, words):
    with pytest.raises(InvalidConfig, match=words):
        RetouchEditor(**arguments)


def test_a_finer_level_begins_with_what_the_coarser_one_paints():
    small, large = made(64), made(128)
    large.load_state_dict(large.state_dict() | small.state_dict())
    even = torch.nn.functional.interpolate(faces(1, 4), (64, 64), mode="bicubic").clamp(-1, 1)
    images = torch.nn.functional.interpolate(even, scale_factor=2, mode="nearest")
    one, two = (
        small.directed(small.encode(even), torch.eye(4)[:1])[0],
        large.directed(large.encode(images), torch.eye(4)[:1])[0],
    )
    for a, b in (
        (two.alpha, one.alpha),
        (two.paint, one.paint),
        (two.colour, one.colour),
    ):  # enlarged: equal but for the interpolation
        assert (torch.nn.functional.avg_pool2d(a, 2) - b).abs().mean() < 0.03 * b.std() + 0.01


# ---- in a photo
# --------------------------------------------------------------------------------------------------------


def photo_of(width: int = 300, height: int = 260) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(60, 200, (height, width, 3), np.uint8))


def face_at(degrees: float, scale: float = 1.0, middle: complex = 150 + 130j) -> photos.Face:
    turn = Similarity(scale * np.exp(1j * np.deg2rad(degrees)), 0)
    frame = Similarity(turn.a, middle - turn.a * complex(89, 112))
    return photos.Face((90, 70, 210, 190), np.zeros((68, 2)), frame, 1.0)


def still(size: int = 64) -> Retouch:
    return Retouch(
        torch.zeros(1, 2, size, size),
        torch.zeros(1, 12, size, size),
        torch.zeros(1, 3, size, size),
        torch.zeros(1, 1, size, size),
    )


def full(retouch: Retouch) -> Layers:
    return layers_of(torch.zeros(1, 3, 64, 64), retouch, torch.ones(1, 1, 1, 1))


def test_layers_at_the_networks_size_are_the_retouch_and_on_a_larger_picture_keep_its_detail():
    editor, images = made(), faces(2)
    found, strength = editor.directed(editor.encode(images), torch.eye(4)[:2])
    layers = layers_of(images, found, strength)
    torch.testing.assert_close(applied(images, layers), retouched(images, found, strength))
    detail = (torch.arange(256) % 2 - 0.5)[None, None, None] * 0.2
    large = torch.nn.functional.interpolate(images, (256, 256), mode="bicubic") * 0.5
    slight, strong = (
        Layers(*(torch.zeros_like(maps) for maps in layers))._replace(cover=torch.full((2, 1, 64, 64), cover))
        for cover in (0.0, 1.0)
    )
    torch.testing.assert_close(
        applied(large + detail, slight.enlarged(256)) - applied(large, slight.enlarged(256)),
        detail.expand(2, 3, 256, 256),
    )
    torch.testing.assert_close(applied(large + detail, strong.enlarged(256)), applied(large, strong.enlarged(256)))


@pytest.mark.parametrize("degrees", [0, 30, -45])
def test_a_colour_reaches_the_photos_own_pixels_inside_the_window_and_none_outside(degrees):
    photo, face, retouch = photo_of(), face_at(degrees), still()
    retouch.colour[:, 9] = 0.2  # red
    before, after = (np.asarray(x).astype(int) for x in (photo, layered.put_into(photo, face, full(retouch))))
    change = after - before
    assert (change[120:140, 140:160, 0] >= 24).all() and (change[120:140, 140:160, 0] <= 27).all()  # 0.2 of 127.5
    assert not change[..., 1:].any()
    places = np.stack(np.meshgrid(np.arange(300) + 0.5, np.arange(260) + 0.5), -1)
    inside = face_window(face, 1).inverse()(places)
    outside = ((inside < -0.02) | (inside > 1.02)).any(-1)
    assert outside.any() and not change[outside].any()


def test_a_flow_moves_pixels_as_the_face_lies():
    photo, retouch = photo_of(), still()
    retouch.flow[:, 0] = 2 * 8 / 128  # 8 pixels of the frame along the face's own horizontal
    for degrees, (dy, dx) in ((0, (0, 8)), (90, (8, 0))):
        after = np.asarray(layered.put_into(photo, face_at(degrees), full(retouch))).astype(int)
        before = np.roll(np.asarray(photo).astype(int), (-dy, -dx), (0, 1))
        assert np.abs(after - before)[125:135, 145:155].max() <= 2


def test_no_strength_gives_the_very_photo_and_strips_make_no_seams(monkeypatch):
    photo, face, retouch = photo_of(), face_at(10), still()
    retouch.colour[:, 9:] = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 0.4
    retouch.flow[:] = 0.03
    assert np.array_equal(np.asarray(layered.put_into(photo, face, full(still()))), np.asarray(photo))
    whole = np.asarray(layered.put_into(photo, face, full(retouch))).astype(int)
    monkeypatch.setattr(layered, "STRIP", 1000)
    assert np.abs(np.asarray(layered.put_into(photo, face, full(retouch))).astype(int) - whole).max() <= 1


def test_a_portrait_is_changed_from_minus_one_to_one_and_older_changes_are_clipped():
    editor = made()
    portrait = drawn_portrait(editor, faces(1)[0], 128)
    assert set(portrait.shown) == set(NAMES)
    pixels = {value: np.asarray(portrait.edited({"Eyeglasses": value})).astype(int) for value in (0, 0.5, 1, 2)}
    assert np.array_equal(pixels[0], np.asarray(portrait.photo)) and np.array_equal(pixels[1], pixels[2])
    assert 0 < np.abs(pixels[0.5] - pixels[0]).mean() < np.abs(pixels[1] - pixels[0]).mean()


def test_asking_for_what_is_shown_changes_little_without_a_jump():
    shown = torch.linspace(0, 1, 101)[None]
    more, less = room(shown, torch.ones(1, 101, dtype=torch.bool)), room(shown, torch.zeros(1, 101, dtype=torch.bool))
    assert more[0, 0] == less[0, 100] == 1 and more[0, 100] == less[0, 0] == 0
    assert (more.diff() <= 0).all() and (less.diff() >= 0).all() and more.diff().abs().max() < 0.05


def test_one_hair_colour_is_given_and_takes_away_what_is_shown_of_the_others():
    portrait = drawn_portrait(made(), faces(1)[0], 128)
    seen = portrait.encoded._replace(shown=torch.tensor([[0.5, 0.5, 0.9, 0.1]]))
    portrait = Portrait(portrait.editor, portrait.photo, portrait.faces, 0, seen)
    row = portrait._row({"Blond_Hair": 1.0, "Black_Hair": 0.4})
    assert row[0, 3] == 1 and row[0, 2] == pytest.approx(-0.9, abs=1e-6)
    with pytest.raises(InvalidInput, match="no attribute"):
        portrait.edited({"Hat": 1.0})


def test_a_photo_is_read_at_the_networks_size():
    photo, editor = photo_of(), made()
    assert _encode(editor, photo, face_at(0)).photos.shape == (1, 3, 64, 64)


def test_layers_of_a_lighter_photo_serve_the_dark_one():
    editor, dark, gain = made(), (faces(1) + 1) / 8 - 1, 4.0
    light = (dark + 1) * gain - 1
    layers = layers_of(light, *editor.directed(editor.encode(light), torch.eye(4)[:1]))
    layers = layers._replace(change=layers.change + 0.05, cover=torch.full_like(layers.cover, 0.3))
    lighter = applied(light, layers)
    assert lighter.max() < 1  # where it is clipped to black, so is the dark one
    torch.testing.assert_close(applied(dark, layers.dimmed(gain)), (lighter + 1) / gain - 1)


def test_a_dark_photo_is_seen_lighter_and_stays_dark():
    editor, face = made(), face_at(10)
    dark = Image.fromarray(np.asarray(photo_of()) // 5)
    portrait = Portrait(editor, dark, (face,), 0, _encode(editor, dark, face))
    gain = portrait.encoded.gain
    aligned = crop.align(dark, face, 64)
    assert gain == crop.gain_of(aligned) and 1.5 < gain < 6
    torch.testing.assert_close(portrait.encoded.photos[0], ((aligned + 1) * gain - 1).clamp(max=1))
    same = portrait.strip("Smiling", {})[4]  # in the middle nothing changes
    assert (same - aligned).abs().max() < 0.1 and (same - aligned).abs().mean() < 1e-3  # clipped highlights apart
    portrait = replace(portrait, encoded=portrait.encoded._replace(shown=torch.zeros(1, 4)))
    edited = np.asarray(portrait.edited({"Smiling": 1.0}), int)
    assert 1 < np.abs(edited - np.asarray(dark, int)).max() and edited.mean() < 1.5 * np.asarray(dark).mean()


def test_only_dark_pictures_are_made_lighter_and_by_a_bounded_factor():
    picture = torch.full((3, 64, 64), -0.9)
    picture[:, :10] = 0.2
    assert crop.gain_of(picture) == 1
    assert crop.gain_of((picture + 1) * 0.25 - 1) == pytest.approx(0.5 / 0.15)
    assert crop.gain_of(torch.full((3, 64, 64), -1.0)) == crop.BRIGHTEST


def test_it_edits_in_half_precision_too():
    editor, images = made(), faces(1)
    wanted = editor.edit(images, {"Smiling": 1.0})
    found = editor.bfloat16().edit(images, {"Smiling": 1.0})
    assert found.dtype == torch.float32 and (found - wanted).abs().mean() < 0.02


def test_it_draws_nothing_and_says_so():
    editor = made()
    with pytest.raises(InvalidInput, match="draws none of its own"):
        editor.generate(editor.sample_latents(1, seed=0))


def test_strengths_say_how_much_of_a_full_change_is_made():
    torch.manual_seed(0)
    plain = RetouchEditor(32, width=8, finest=8, attributes=["Bald", "Smiling"]).eval().requires_grad_(False)
    halved = RetouchEditor(
        32, width=8, finest=8, attributes=["Bald", "Smiling"], strengths={"Smiling": [1, 0.5]}
    ).eval()
    halved.load_state_dict(plain.state_dict())
    halved.requires_grad_(False)
    faces = torch.rand(1, 3, 32, 32) * 2 - 1
    both = [model.encode(faces) for model in (plain, halved)]
    edited = lambda k, row: (plain, halved)[k].decode(both[k], torch.tensor([row]))
    assert torch.allclose(edited(1, [0.0, 1.0]), edited(0, [0.0, 0.5]), atol=1e-6)
    assert torch.allclose(edited(1, [0.0, -1.0]), edited(0, [0.0, -1.0]), atol=1e-6)
    assert torch.allclose(edited(1, [1.0, 0.0]), edited(0, [1.0, 0.0]), atol=1e-6)
    for wrong in ([1], {"Smiling": 1}, {"Smiling": [1, 2]}, {"Young": [1, 1]}, {"Smiling": [1]}):
        with pytest.raises(InvalidConfig, match="strengths must be"):
            RetouchEditor(32, width=8, finest=8, attributes=["Bald", "Smiling"], strengths=wrong)
