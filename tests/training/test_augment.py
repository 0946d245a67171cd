"""Differentiable augmentation: what it does to pictures that one can check by hand."""

import pytest
import torch

from training.augment import POLICIES, RANDOMS, augment

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
    torch.testing.assert_close(augment(one, numbers(contrast=1.0), 1.0, ("color",)), one.mean() + (one - one.mean()) * 1.5)
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
        torch.testing.assert_close(augment(PICTURES[k:k + 1], NUMBERS[k:k + 1], 1.0, (policy,)), whole[k:k + 1])
    assert not torch.equal(augment(PICTURES, NUMBERS.flip(0), 1.0, (policy,)), whole)


def test_gradients_are_exact_and_reach_the_picture():
    pictures = PICTURES[:2, :, :8, :8].double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: augment(x, NUMBERS[:2], 1.0), pictures)
    augment(pictures, NUMBERS[:2], 1.0).square().sum().backward()
    assert pictures.grad.norm() > 0.1


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_the_precision_stays(dtype):
    assert augment(PICTURES.to(dtype), NUMBERS, 0.7).dtype == dtype
