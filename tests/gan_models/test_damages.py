"""Damages: seeded, differentiable, and what their names say."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from gan_models import damages
from gan_models.damages import KINDS, damaged
from gan_models.errors import InvalidInput
from gan_models.images import to_uint8


def scene(n: int = 2, size: int = 64, channels: int = 3) -> torch.Tensor:
    """Smooth colours with sharp discs: pictures that every damage is seen in."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, size), torch.linspace(-1, 1, size), indexing="ij")
    pictures = []
    for k in range(n):
        base = torch.stack([x * 0.6, y * 0.5, (x * y + 0.2 * k).clamp(-1, 1) * 0.5])
        disc = ((x - 0.2 * k) ** 2 + (y + 0.1) ** 2 < 0.2).float()
        pictures.append((base * (1 - disc) + disc * torch.tensor([-0.9, -0.6, -0.8])[:, None, None])[:channels])
    return torch.stack(pictures)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_s_damage_is_a_function_of_seed_and_number(kind, channels):
    pictures = scene(4, 28, channels)
    whole, part = damaged(pictures, {kind: 0.6}, seed=5), damaged(pictures[:2], {kind: 0.6}, seed=5)
    assert torch.allclose(whole.pictures[:2], part.pictures, atol=1e-6) and torch.equal(whole.mask[:2], part.mask)
    assert whole.pictures.abs().max() <= 1 and whole.pictures.shape == pictures.shape
    untouched = channels == 1 and kind == "grey"
    assert torch.equal(whole.pictures, pictures) == untouched
    if kind in ("noise", "specks", "motion", "fill"):
        assert not torch.equal(whole.pictures, damaged(pictures, {kind: 0.6}, seed=6).pictures)


def test_strength_0_leaves_everything_as_it_is():
    found = damaged(scene(), dict.fromkeys(KINDS, 0.0), seed=1)
    assert torch.equal(found.pictures, scene()) and not found.mask.any()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "specks"])
def test_gradients_pass(kind):
    pictures = (scene() * 0.9).requires_grad_()
    (damaged(pictures, {kind: 0.4}, seed=1).pictures * scene().flip(3)).sum().backward()
    assert pictures.grad.isfinite().all() and pictures.grad.abs().max() > 0


def test_noise_and_specks_have_their_strength():
    grey = torch.zeros(4, 3, 64, 64)
    noise = damaged(grey, {"noise": 0.5}, seed=2).pictures
    assert noise.std().item() == pytest.approx(damages.NOISE / 2, rel=0.02)
    specks = damaged(grey, {"specks": 0.4}, seed=2).pictures
    assert set(specks.unique().tolist()) == {-1.0, 0.0, 1.0}
    assert (specks != 0).float().mean().item() == pytest.approx(0.4 * damages.SPECKS, abs=0.01)
    assert (specks[:, :1] == specks).all()  # a pixel is white or black in all colours


def test_blur_spreads_a_point_by_its_standard_deviation():
    point = torch.zeros(2, 1, 33, 33)
    point[:, :, 16, 16] = 1
    spread = damages.blur(point, torch.tensor([1.0, 2.0]))
    places = (torch.arange(33.0) - 16).square()
    assert spread.sum((1, 2, 3)) == pytest.approx([1.0, 1.0], rel=1e-5)
    assert (spread.sum(2)[:, 0] @ places).tolist() == pytest.approx([1.0, 4.0], rel=0.03)


def test_motion_smears_along_one_direction():
    point = torch.zeros(1, 1, 33, 33)
    point[:, :, 16, 16] = 1
    smeared = damages.motion_blur(point, torch.tensor([1.0]), torch.tensor([0.0]))
    assert (smeared[0, 0, 16] > 0.01).sum() == damages.MOTION and smeared[0, 0, [15, 17]].abs().max() < 1e-6
    assert smeared.sum().item() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("quality", [15, 60])
def test_jpeg_is_what_pillow_s_is(quality):
    pictures = (scene(1) + 0.05 * torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))).clamp(-1, 1)
    file = io.BytesIO()
    Image.fromarray(to_uint8(pictures)[0]).save(file, "JPEG", quality=quality, subsampling=2)
    theirs = torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1)[None].float() / 127.5 - 1
    ours = damages.jpeg(pictures, torch.tensor([float(quality)]))
    lost = (theirs - pictures).square().mean()
    assert (ours - theirs).square().mean() < lost / 3
    assert (ours - pictures).square().mean().item() == pytest.approx(lost.item(), rel=0.15)


def test_shrunk_pictures_have_no_more_than_a_quarter_of_the_pixels():
    pictures = torch.rand(2, 3, 32, 32) * 2 - 1
    once = damages.shrunk(pictures, torch.tensor([1.0, 1.0]))
    assert once.std() < pictures.std() / 2.5
    assert torch.allclose(once.mean(), pictures.mean(), atol=0.03)


def test_holes_are_boxes_strokes_and_halves():
    randoms = torch.rand(60, 31, generator=torch.Generator().manual_seed(1))
    mask = damages.holes(torch.ones(60), randoms, (64, 64))
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    shares = mask.mean((1, 2, 3))
    assert shares.min() > 0.005 and shares.max() < 0.7
    halves = mask[randoms[:, 0] >= 0.75]
    assert len(halves) > 5 and torch.allclose(halves.mean((1, 2, 3)), torch.tensor(0.5))
    small = damages.holes(torch.full((60,), 0.1), randoms, (64, 64))
    assert small.mean() < mask.mean() and (small <= mask).all()


def test_a_drawing_is_dark_lines_on_white_where_edges_are():
    drawn = damaged(scene(), {"edges": 0.3}, seed=0).pictures
    assert (drawn > 0.99).float().mean() > 0.7 and drawn.min() < 0
    assert (damaged(torch.zeros(1, 3, 32, 32), {"edges": 0.3}).pictures == 1).all()


def test_lines_are_drawn_by_another_hand_for_each_seed():
    """Hard or soft, thin or bold: at the same places, but the grey levels say nothing."""
    drawn = torch.cat([damaged(scene(), {"edges": 0.3}, seed=seed).pictures for seed in range(8)])
    ink = (1 - drawn).mean((1, 2, 3))
    assert ink.max() > 1.5 * ink.min()
    lines = (drawn.amin(0) < 0).float()
    assert ((drawn < 0.5).float() * (1 - lines)).mean() < 0.1


def test_what_is_refused():
    for strengths, words in (
        ({"rust": 1.0}, "no damage 'rust'"),
        ({"noise": 2.0}, "from 0 to 1"),
        ({"noise": "a"}, "0 to 1"),
    ):
        with pytest.raises(InvalidInput, match=words):
            damaged(scene(), strengths)
    with pytest.raises(InvalidInput, match="tensor"):
        damaged(scene()[0], {"noise": 0.5})


@pytest.mark.parametrize("kind", ["blur", "motion", "edges"])
def test_pictures_of_double_precision_are_damaged_too(kind):
    pictures = torch.rand(2, 3, 20, 20) * 2 - 1
    found = damaged(pictures.double(), {kind: 0.5}, seed=1).pictures
    assert found.dtype == torch.float64 and torch.allclose(
        found.float(), damaged(pictures, {kind: 0.5}, seed=1).pictures, atol=1e-4
    )
