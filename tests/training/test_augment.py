"""Differentiable augmentation: what it does to pictures that one can check by hand."""

import pytest
import torch

from training.augment import POLICIES, RANDOMS, WARPS, augment, warp

PICTURES = torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
NUMBERS = torch.rand(6, RANDOMS, generator=torch.Generator().manual_seed(1))


def numbers(**some) -> torch.Tensor:
    """The numbers that change nothing (the middle of each range), but for those given."""
    names = ("brightness", "saturation", "contrast", "right", "down", "x", "y")
    row = torch.full((1, RANDOMS), 0.5)
    for name, value in some.items():
        row[0, names.index(name)] = value
    return row


def test_in_the_middle_of_the_ranges_and_at_no_strength_nothing_changes():
    torch.testing.assert_close(augment(PICTURES, numbers().expand(6, -1), 1.0, ("color", "translation")), PICTURES)
    torch.testing.assert_close(augment(PICTURES, NUMBERS, 0.0), PICTURES)
    assert torch.equal(augment(PICTURES, NUMBERS, 1.0, ()), PICTURES)


def test_brightness_is_added_and_contrast_and_saturation_scale_about_the_mean():
    one = PICTURES[:1]
    torch.testing.assert_close(augment(one, numbers(brightness=1.0), 1.0, ("color",)), one + 0.5)
    torch.testing.assert_close(
        augment(one, numbers(contrast=1.0), 1.0, ("color",)), one.mean() + (one - one.mean()) * 1.5
    )
    grey = one.mean(1, keepdim=True)
    torch.testing.assert_close(augment(one, numbers(saturation=0.0), 1.0, ("color",)), grey.expand(-1, 3, -1, -1))


def test_translation_moves_by_whole_pixels_and_what_comes_in_is_black():
    one = PICTURES[:1]
    moved = augment(one, numbers(right=1.0, down=0.0), 1.0, ("translation",))  # an eighth of 16: 2 to the right, 2 up
    assert torch.equal(moved[..., :-2, 2:], one[..., 2:, :-2])
    assert (moved[..., :, :2] == -1).all() and (moved[..., -2:, :] == -1).all()


def test_cutout_blanks_a_square_of_half_the_width():
    cut = augment(PICTURES[:1], numbers(), 1.0, ("cutout",))
    assert (cut[..., 4:12, 4:12] == 0).all()
    outside = torch.ones(16, 16, dtype=torch.bool)
    outside[4:12, 4:12] = False
    assert torch.equal(cut[..., outside], PICTURES[:1][..., outside])


@pytest.mark.parametrize("policy", POLICIES)
def test_each_picture_gets_its_own_change_alone(policy):
    whole = augment(PICTURES, NUMBERS, 1.0, (policy,))
    for k in range(6):
        torch.testing.assert_close(augment(PICTURES[k : k + 1], NUMBERS[k : k + 1], 1.0, (policy,)), whole[k : k + 1])
    assert not torch.equal(augment(PICTURES, NUMBERS.flip(0), 1.0, (policy,)), whole)


def test_gradients_are_exact_and_reach_the_picture():
    pictures = PICTURES[:2, :, :8, :8].double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: augment(x, NUMBERS[:2], 1.0), pictures)
    augment(pictures, NUMBERS[:2], 1.0).square().sum().backward()
    assert pictures.grad.norm() > 0.1


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_the_precision_stays(dtype):
    assert augment(PICTURES.to(dtype), NUMBERS, 0.7).dtype == dtype


def bent(**some) -> torch.Tensor:
    """The numbers that leave a picture as it is, but for those given."""
    return torch.tensor([[some.get(name, 0.5) for name in ("turn", "scale", "stretch", "slant", "right", "down")]])


def test_in_the_middle_of_the_ranges_a_warp_changes_nothing():
    torch.testing.assert_close(warp(PICTURES, bent().expand(6, -1)), PICTURES, atol=1e-5, rtol=0)


def test_a_warp_shifts_over_black_and_scales_about_the_middle():
    one = PICTURES[:1, :, :, :]
    pixel = 0.5 + 0.5 / 0.14 * 2 / 16  # two units are 16 pixels
    moved = warp(one, bent(right=pixel, down=0.5 - (pixel - 0.5) * 1))
    torch.testing.assert_close(moved[..., 1:, :-1], one[..., :-1, 1:], atol=1e-4, rtol=0)
    assert (moved[..., 0, :] < -0.999).all() and (moved[..., :, -1] < -0.999).all()
    spot = torch.full((1, 1, 40, 40), -1.0)
    spot[..., 17:23, 17:23] = 1.0  # seen from nearer it is larger
    assert warp(spot, bent(scale=0.0)).mean() > spot.mean() * 0.999 > warp(spot, bent(scale=1.0)).mean()
    mass = (warp(spot, bent(turn=1.0)) + 1)[0, 0]
    places = torch.arange(40.0) - 19.5
    assert abs((mass.sum(0) * places).sum()) < 1e-2 and abs((mass.sum(1) * places).sum()) < 1e-2


def test_a_turn_is_by_twenty_degrees():
    line = torch.full((1, 1, 64, 64), -1.0)
    line[..., 31:33, 8:56] = 1.0
    mass = (warp(line, bent(turn=1.0)) + 1)[0, 0]
    y, x = torch.meshgrid(torch.arange(64.0) - 31.5, torch.arange(64.0) - 31.5, indexing="ij")
    slope = (mass * x * y).sum() / (mass * x * x).sum()
    torch.testing.assert_close(torch.atan(slope).abs() * 180 / torch.pi, torch.tensor(20.0), atol=0.5, rtol=0)


def test_each_picture_gets_its_own_warp_alone_and_gradients_are_exact():
    randoms = torch.rand(6, WARPS, generator=torch.Generator().manual_seed(2))
    whole = warp(PICTURES, randoms)
    torch.testing.assert_close(warp(PICTURES[3:4], randoms[3:4]), whole[3:4])
    assert -1.0001 < whole.min() and whole.max() < 1.0001 and not torch.allclose(warp(PICTURES, randoms.flip(0)), whole)
    pictures = PICTURES[:2, :, :8, :8].double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: warp(x, randoms[:2]), pictures)
