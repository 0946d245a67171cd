"""A change of colour goes on beyond the face's window."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from gan_models import photos
from gan_models.networks.retouch import RetouchEditor
from gan_models.photos import layered
from gan_models.photos.crop import face_window, feather
from gan_models.photos.geometry import Similarity, bounds
from gan_models.photos.layered import Layers, coloured
from gan_models.photos.surroundings import (
    GRID,
    PASSES,
    REACH,
    Surroundings,
    clear,
    effect_of,
    evened,
    smoothed,
    spread,
    surroundings,
    told_apart,
    wide_window,
)
from gan_models.portrait import Portrait, _encode

WINDOW_SIDE = 160  # pixels of the photo
LEFT, TOP = 180, 100  # of the window


def face(side: int = WINDOW_SIDE) -> photos.Face:
    """A face whose window is upright, with its corner at (LEFT, TOP)."""
    scale = side / 128
    view = Similarity(scale, complex(LEFT, TOP) - scale * complex(25, 48))
    return photos.Face((LEFT, TOP, LEFT + side, TOP + side), np.zeros((68, 2)), view, 1.0)


def photo_of_hair() -> Image.Image:
    """Dark hair on both sides of the window and 50 pixels below it, on white; a dark board that touches nothing."""
    photo = Image.new("RGB", (520, 400), "white")
    draw = ImageDraw.Draw(photo)
    for left in (LEFT - 20, LEFT + 120):
        draw.rectangle((left, TOP + 20, left + 60, TOP + WINDOW_SIDE + 50), "#302018")
    draw.rectangle((20, 120, 80, 300), "#302018")
    return photo


def reddened(window: np.ndarray) -> Layers:
    """Red is added where the window (S, S, 3) in 0..1 is dark."""
    size = len(window)
    dark = torch.from_numpy(window.mean(2) < 0.6).float()
    layers = Layers(*(torch.zeros(1, channels, size, size) for channels in (2, 12, 3, 1, 3)))
    layers.colour[0, 9] = 0.5 * dark
    return layers


def red(photo: Image.Image, edited: Image.Image, left: int, top: int, right: int, bottom: int) -> np.ndarray:
    change = np.asarray(edited, int)[top:bottom, left:right] - np.asarray(photo, int)[top:bottom, left:right]
    assert not change[..., 1:].any()
    return change[..., 0]


def test_the_view_of_the_surroundings_has_the_window_in_its_middle():
    photo = photo_of_hair()
    assert bounds(wide_window(face(), GRID), (GRID, GRID)) == (LEFT - 80, TOP - 80, LEFT + 240, TOP + 240)
    picture, free = surroundings(photo, face())
    assert free.shape == (GRID, GRID) and (free == 1).all()
    assert picture.shape == (GRID, GRID, 3) and picture.dtype == np.float32
    inner = np.asarray(photo.crop((LEFT, TOP, LEFT + 160, TOP + 160)).reduce(5), float) / 255
    assert np.abs((picture[32:96, 32:96] ** 2).mean() - inner.mean()) < 0.02


def test_long_hair_is_coloured_to_its_ends_and_nothing_else():
    photo, size = photo_of_hair(), 64
    layers = reddened(surroundings(photo, face()).picture[32:96, 32:96])
    around = spread(torch.cat([layers.colour, layers.change], 1), surroundings(photo, face()))
    assert around.shape == (1, 15, GRID, GRID) and not around[0, 0].any()
    alone = layered.put_into(photo, face(), layers)
    edited = layered.put_into(photo, face(), layers, around)
    ends = (LEFT - 10, TOP + WINDOW_SIDE + 10, LEFT + 30, TOP + WINDOW_SIDE + 40)
    assert not red(photo, alone, *ends).any()
    assert (red(photo, edited, *ends) > 48).all()  # of 64
    assert (red(photo, edited, LEFT - 15, TOP + 40, LEFT + 30, TOP + 150) > 56).all()  # no seam at the window's border
    assert not red(photo, edited, 20, 110, 90, 310).any()  # as dark, but not connected
    assert (red(photo, edited, 0, 0, LEFT - 30, 400) == 0).all()  # white stays, also because it is as light as can be
    assert face_window(face(), size).scale == pytest.approx(2.5)


def test_a_change_does_not_leave_the_window_without_a_connection():
    plain = np.zeros((GRID, GRID, 3), np.float32)
    free = np.ones((GRID, GRID), np.float32)
    changes = torch.zeros(1, 15, 64, 64)
    changes[:, 9:12] = 1
    everywhere = spread(changes, Surroundings(plain, free))[0, 9]
    inside = torch.zeros(GRID, GRID)
    inside[32:96, 32:96] = feather(64)
    total = everywhere + inside
    assert total[24:104, 24:104].min() > 0.99 and total.max() < 1.001 and total[0].max() < 0.01
    walled = plain.copy()
    walled[31:97, [31, 96]] = walled[[31, 96], 31:97] = 1
    beyond = spread(changes, Surroundings(walled, free))[0, 9]
    assert beyond[:31].abs().max() < 0.01 and beyond[:, 97:].abs().max() < 0.01
    # Half of a change has half of the effect.
    around = Surroundings(walled, free)
    torch.testing.assert_close(spread(0.5 * changes, around), 0.5 * spread(changes, around))


def test_the_hair_of_another_face_stays():
    photo = photo_of_hair()
    other = replace(face(), frame=Similarity(1, complex(-20, WINDOW_SIDE - 20)) @ face(80).frame)
    box = [round(float(x)) for x in face_window(other, 1)(np.array([[0, 0], [1, 1]])).flatten()]
    assert box[0] < LEFT < box[2] and box[1] < TOP + WINDOW_SIDE < box[3]  # at the end of the hair on the left
    layers = reddened(surroundings(photo, face()).picture[32:96, 32:96])
    changes = torch.cat([layers.colour, layers.change], 1)
    alone, beside = (
        layered.put_into(photo, face(), layers, spread(changes, surroundings(photo, face(), others)))
        for others in ((), (other,))
    )
    middle = ((box[0] + box[2]) // 2 - 5, (box[1] + box[3]) // 2 + 10, (box[0] + box[2]) // 2 + 5, box[3] - 12)
    assert red(photo, alone, *middle).max() > 40 and not red(photo, beside, *middle).any()
    right = (LEFT + 125, TOP + WINDOW_SIDE + 10, LEFT + 170, TOP + WINDOW_SIDE + 40)
    assert (red(photo, beside, *right) > 48).all()


def test_the_filter_averages_by_distance_and_keeps_what_is_constant():
    picture = np.random.default_rng(0).uniform(0, 1, (GRID, GRID, 3)).astype(np.float32)
    np.testing.assert_allclose(smoothed(np.ones((2, GRID, GRID), np.float32), picture, REACH), 1, atol=1e-5)
    point = np.zeros((1, 401, 401), np.float32)
    point[0, 200, 200] = 1
    found = smoothed(point, np.zeros((401, 401, 3), np.float32), REACH)[0]
    line = found.sum(0) / found.sum()
    deviation = np.sqrt((line * (np.arange(401) - 200) ** 2).sum())
    assert line[200 - 50] == pytest.approx(line[200 + 50], rel=0.01)
    assert deviation == pytest.approx(REACH, rel=0.15) and PASSES == 3  # Gastal and Oliveira's choice of passes


def test_a_change_becomes_even_over_one_thing_and_not_over_its_edge():
    window = torch.full((1, 3, 64, 64), 0.8)
    window[..., :32] = -0.6  # hair, and a face beside it
    changes = torch.zeros(1, 15, 64, 64)
    changes[:, 12, 20:40, 4:28] = 1.0  # a patch of the hair, with a halo on the face
    changes[:, 12, 20:40, 32:36] = 0.3
    found = evened(changes, window)
    assert found.shape == changes.shape and found[:, 12].any() and not found[:, :12].any()
    hair, skin = found[0, 12, :, :31], found[0, 12, :, 33:]
    assert hair[20:40].std() < 0.25 * changes[0, 12, 20:40, :31].std() and hair[30].min() > 0.2
    assert skin.max() < 0.2 * 0.3 and skin[:, 16:].max() < 0.01  # the glow is gone
    torch.testing.assert_close(evened(0.3 * changes, window), 0.3 * found)


def test_the_effect_of_a_change_is_that_of_its_affine_map_of_colours_and_paint():
    random = torch.Generator().manual_seed(0)
    picture, changes = (torch.rand(1, n, 8, 8, generator=random) for n in (3, 15))
    changed = coloured(2 * picture - 1, changes[:, :12]) + changes[:, 12:]
    expected = (changed - (2 * picture - 1)).abs().mean(1)[0]
    found = effect_of(changes[0].numpy(), told_apart(picture[0].permute(1, 2, 0).numpy()))
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)
    assert clear(np.array([0.0, 0.1, 0.26, 0.4, 2]), 1.0).tolist() == pytest.approx([0, 0, 0.5, 1, 1])


def test_a_hair_colour_is_even_and_keeps_strands_but_not_where_hair_is_drawn_anew():
    torch.manual_seed(0)
    names = ["Smiling", "Blond_Hair", "Bangs"]
    editor = RetouchEditor(64, width=8, finest=8, attributes=names).requires_grad_(False).eval()
    photo = photo_of_hair()
    portrait = Portrait(editor, photo, (face(),), 0, _encode(editor, photo, face()))
    layers = Layers(*(torch.rand(1, channels, 64, 64) for channels in (2, 12, 3, 1, 3)))
    hair = (slice(None), slice(None), slice(2, 60), slice(2, 12))
    for row, share in (
        ([0.0, 1, 0], 1.0),
        ([1, 1, 0], 1.0),
        ([0, 0.5, 0.25], 0.5),
        ([0, 0.5, 1], 0.0),
        ([1, 0, 0], 0.0),
    ):
        found = portrait._evened(layers, torch.tensor([row]))
        assert torch.equal(found.flow, layers.flow) and torch.equal(found.ground, layers.ground)
        torch.testing.assert_close(found.cover[hair], (1 - share) * layers.cover[hair])
        whole = portrait._evened(layers, torch.tensor([[0.0, 1, 0]]))
        for mine, before, even in zip(found[1:3], layers[1:3], whole[1:3], strict=True):
            torch.testing.assert_close(mine[hair], torch.lerp(before[hair], even[hair], share))
            assert torch.equal(mine[:, :, 45, 32], before[:, :, 45, 32])  # the inner face
    assert whole.colour[hair].std() < 0.6 * layers.colour[hair].std()


def test_a_portrait_spreads_hair_colours_and_no_smile_and_its_parts_change_as_the_whole():
    torch.manual_seed(0)
    editor = RetouchEditor(64, width=8, finest=8, attributes=["Smiling", "Blond_Hair"]).requires_grad_(False).eval()
    editor.smooth.bias[2 + 9] = 0.5  # always redder
    editor.painting[0][-1].bias[3] = -9
    photo = photo_of_hair()
    whole = Portrait(editor, photo, (face(),), 0, _encode(editor, photo, face()))
    whole = replace(whole, encoded=whole.encoded._replace(shown=torch.full_like(whole.encoded.shown, 0.0)))
    below = (LEFT - 10, TOP + WINDOW_SIDE + 10, LEFT + 30, TOP + WINDOW_SIDE + 40)
    smile, blond = (whole.edited({name: 1.0}) for name in editor.attributes)
    assert not red(photo, smile, *below).any() and (red(photo, blond, *below) >= 28).all()  # 0.5 tanh(0.5) of 127.5
    box = (LEFT - 40, TOP + 100, LEFT + 100, TOP + 240)  # most of the window is not in it
    part = whole.part(box, 1.0).edited({"Blond_Hair": 1.0})
    assert np.abs(np.asarray(part, int) - np.asarray(blond.crop(box), int)).max() <= 2
