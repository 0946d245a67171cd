"""What a network drew, made consistent with the damaged picture."""

import pytest
import torch
from torch.nn import functional as F

from gan_models.networks.consistency import again, back_projected, blurs_of, deconvolved, find_kernels, membrane, spared


def pictures(n: int = 3, side: int = 40) -> torch.Tensor:
    """Random pictures with structure of several sizes, in [-0.9, 0.9]."""
    stream = torch.Generator().manual_seed(1)
    parts = [torch.randn(n, 3, size, size, generator=stream) for size in (5, 10, 20, 40)]
    whole = sum(F.interpolate(part, (side, side), mode="bicubic") / 2**k for k, part in enumerate(parts))
    return whole.tanh() * 0.9


def sharpened(blurred: torch.Tensor, drawn: torch.Tensor, kinds, shown=None) -> torch.Tensor:
    return back_projected(blurred, drawn, find_kernels(blurred, drawn, kinds, shown))


def error(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a - b).square().mean((1, 2, 3))


BLUR, MOTION = ("blur", [0.0, 0.3, 0.0]), ("motion", [1.0, 0.4, 0.25])
ALL = torch.ones(3, dtype=torch.bool)


@pytest.mark.parametrize("kind, kernel", [BLUR, MOTION])
@pytest.mark.parametrize("either", [False, True])
def test_what_the_blur_has_kept_comes_back(kind, kernel, either):
    whole = pictures()
    kinds = {name: ALL for name in (("blur", "motion") if either else (kind,))}
    blurred = again(whole, torch.tensor([kernel]).expand(3, -1))
    drawn = 0.6 * whole + 0.4 * blurred + 0.05  # too soft and too light
    better = sharpened(blurred, drawn, kinds)
    assert (error(better, whole) < error(drawn, whole) / 2).all() and better.abs().max() <= 1
    assert torch.allclose(sharpened(blurred, whole, kinds), whole, atol=1e-5)  # the original is consistent


def test_a_picture_that_may_have_no_blur_stays_as_drawn():
    whole = pictures()
    blurred = again(whole, torch.tensor([BLUR[1], MOTION[1], BLUR[1]]))
    drawn = 0.6 * whole + 0.4 * blurred + 0.05
    some = {"blur": torch.tensor([True, False, False]), "motion": torch.tensor([False, True, False])}
    result = sharpened(blurred, drawn, some)
    assert torch.equal(result[2], drawn[2]) and (error(result, whole)[:2] < error(drawn, whole)[:2] / 2).all()


def test_pictures_have_kernels_of_their_own_and_the_parts_of_one_picture_share_theirs():
    whole = pictures()
    blurred = again(whole, torch.tensor([[0.0, 0.2, 0.0], [0.0, 0.5, 0.0], [0.0, 0.8, 0.0]]))
    drawn = 0.7 * whole + 0.3 * blurred
    together = sharpened(blurred, drawn, {"blur": ALL})
    for k in range(3):
        alone = sharpened(blurred[k, None], drawn[k, None], {"blur": ALL[:1]})
        assert torch.allclose(alone, together[k, None], atol=1e-5)
    large = pictures(1, 90)
    soft = again(large, torch.tensor([[0.0, 0.5, 0.0]]))
    parts = [torch.cat([x[..., :40, :40], x[..., 50:, 50:]]) for x in (soft, large)]
    result = sharpened(soft, 0.7 * large + 0.3 * soft, {"blur": ALL[:1]}, tuple(parts))
    assert (error(result, large) < error(soft, large) / 8).all()


def test_specks_are_filled_from_their_neighbours_and_nothing_else_changes():
    whole = pictures()
    where = torch.rand(3, 1, 40, 40, generator=torch.Generator().manual_seed(2)) < 0.1
    colours = torch.rand(3, 1, 40, 40, generator=torch.Generator().manual_seed(3)).round() * 2 - 1
    speckled = torch.where(where, colours, whole)
    result, alone = spared(speckled, (whole + 0.02).clamp(-1, 1))
    elsewhere = ~where.expand_as(whole)
    assert alone.all() and torch.equal(result[elsewhere], whole[elsewhere])
    assert (error(result, whole) < error(speckled, whole) / 30).all()


def test_white_and_black_areas_are_no_specks():
    whole = pictures()
    whole[:, :, :, :12], whole[:, :, 30:, 20:] = 1, -1
    speckled = whole.clone()
    speckled[:, :, 4:36:6, 3:36:6] = -1
    result, alone = spared(speckled, whole)
    assert alone.all() and torch.equal(result[:, :, 32:, 22:], whole[:, :, 32:, 22:])
    assert (result[:, :, :, :9] - 1).abs().max() < 0.01  # specks on white become white


def test_specks_that_are_not_pure_are_not_removed_like_that():
    whole = pictures()
    spread = torch.where(torch.arange(40) % 7 == 0, 0.8, whole)
    assert not spared(spread, whole + 0.02)[1].any() and not spared(whole, whole)[1].any()


@pytest.mark.parametrize("size", [(16, 16), (37, 50)])
def test_a_membrane_continues_what_is_around_the_hole(size):
    height, width = size
    y, x = torch.meshgrid(torch.arange(height) / height, torch.arange(width) / width, indexing="ij")
    plane = torch.stack([x, y, 0.3 * x - y])[None]
    hole = torch.zeros(1, 1, height, width)
    hole[..., height // 4 : height // 2, width // 3 : 2 * width // 3] = 1
    found = membrane(torch.where(hole > 0, 9.0, plane), hole)
    assert torch.equal(torch.where(hole > 0, plane, found), plane)
    assert (found - plane).abs().max() < 0.02  # a plane solves Laplace's equation
    side = (x > 0.5).float()[None, None]  # up to the border of the picture
    assert torch.allclose(
        membrane(torch.where(side > 0, 9.0, torch.full_like(plane, 0.7)), side), torch.full_like(plane, 0.7)
    )


def test_membranes_of_different_holes_do_not_mix():
    values = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    holes = torch.zeros(2, 1, 16, 16)
    holes[0, :, :8], holes[1, :, 4:9, 5:] = 1, 1
    both = membrane(values, holes)
    for k in range(2):
        assert torch.allclose(membrane(values[k, None], holes[k, None])[0], both[k], atol=1e-6)
        assert both[k].abs().max() <= values[k].abs().max()


@pytest.mark.parametrize(
    "blurs, kernel",
    [
        ([0.4, 0.0, 0.0], [0.0, 0.4, 0.0]),
        ([0.0, 0.0, 0.5], [1.0, 0.5, 0.25]),  # twice 45 degrees is a quarter of a turn
        ([0.0, -0.5, 0.0], [1.0, 0.5, 0.5]),
        ([0.0, 0.5, 0.0], [1.0, 0.5, 0.0]),
    ],
)
@pytest.mark.parametrize("height, width", [(80, 80), (80, 61)])
def test_a_deconvolved_picture_is_nearer_to_the_original(blurs, kernel, height, width):
    whole = pictures(side=80)[..., :height, :width]
    blurred = again(whole, torch.tensor([kernel]).expand(3, -1))
    sharp = deconvolved(blurred, torch.tensor([blurs]).expand(3, -1))
    assert sharp.shape == whole.shape and sharp.abs().max() <= 1
    inside = (..., slice(16, height - 16), slice(16, width - 16))  # at the borders it rings
    assert (error(sharp[inside], whole[inside]) < 0.4 * error(blurred[inside], whole[inside])).all()


@pytest.mark.parametrize("height, width, changes", [(8, 30, True), (7, 7, True), (6, 30, False), (2, 2, False)])
def test_small_pictures_keep_their_mean(height, width, changes):
    whole, flat = pictures()[..., :height, :width], torch.full((3, 3, height, width), 0.7)
    assert torch.allclose(deconvolved(flat, torch.ones(3, 3) / 2), flat, atol=1e-5)
    assert torch.equal(deconvolved(whole, torch.ones(3, 3) / 2), whole) != changes


def test_matrices_deconvolve_as_the_fourier_transform_does(monkeypatch):
    blurs = torch.tensor([[0.4, 0.0, 0.0], [0.1, 0.5, 0.3], [0.0, 0.0, -0.8]])
    expected = deconvolved(pictures()[..., :31], blurs)
    monkeypatch.setattr(torch.onnx, "is_in_onnx_export", lambda: True)
    assert torch.allclose(deconvolved(pictures()[..., :31], blurs), expected, atol=1e-4)


def test_without_blur_a_picture_is_not_deconvolved():
    whole = pictures()
    assert torch.equal(deconvolved(whole, torch.zeros(3, 3)), whole)
    one = deconvolved(whole, torch.tensor([[0.3, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.1, 0.1]]))
    assert torch.equal(one[1], whole[1]) and not torch.equal(one[0], whole[0]) and not torch.equal(one[2], whole[2])
    assert torch.allclose(
        deconvolved(torch.full((1, 1, 20, 20), 0.5), torch.tensor([[1.0, 0.0, 1.0]])), torch.tensor(0.5)
    )


@pytest.mark.parametrize("kind, kernel", [("blur", [0.0, 0.35, 0.0]), ("motion", [1.0, 0.7, 0.97])])
def test_a_kernel_is_found_near_the_one_that_was_read(kind, kernel):
    whole, kernel = pictures(), torch.tensor([kernel]).expand(3, -1)
    read = blurs_of(kernel + torch.tensor([0.0, 0.1, 0.025 * (kind == "motion")]))
    found = find_kernels(again(whole, kernel), whole, {kind: torch.tensor([True, True, False])}, near=read)
    assert torch.allclose(found[:2], kernel[:2], atol=1e-4) and not found[2].any()
    far = find_kernels(again(whole, kernel), whole, {kind: ALL}, near=blurs_of(kernel * torch.tensor([1, 0.3, 1])))
    assert (far[:, 1] < kernel[:, 1] - 0.05).all()  # only near it


def test_blurs_and_kernels_are_the_same():
    kernels = torch.tensor([[0.0, 0.4, 0.0], [1.0, 0.5, 0.125], [1.0, 0.5, 0.5]])
    expected = torch.tensor([[0.4, 0, 0], [0, 0.5 * 0.5**0.5, 0.5 * 0.5**0.5], [0, -0.5, 0]])
    assert torch.allclose(blurs_of(kernels), expected, atol=1e-6)
