"""Latents: the same for ever, whatever else is asked; interpolation along the sphere; closed walks."""

import math

import numpy as np
import pytest
import torch

from gan_models.errors import InvalidInput
from gan_models.latents import sample, slerp, walk
from gan_models.rng import MAX_COUNT, MAX_SEED, Stream, check_count, check_seed, philox


def test_the_values_of_a_seed_are_pinned():
    """A seed in somebody's notes, or a run to be resumed, must mean the same in every version of this package and of
    numpy."""
    pinned = torch.tensor(
        [[1.84005260, -1.03792942, 0.32165137, -0.08676934], [1.05164933, 0.56058162, -1.00833559, 1.31862891]]
    )
    torch.testing.assert_close(sample(2, 4, seed=3), pinned, rtol=0, atol=1e-6)
    torch.testing.assert_close(
        sample(1, 2, seed=MAX_SEED), torch.tensor([[0.95186639, -1.01478279]]), rtol=0, atol=1e-6
    )
    assert philox(3, 5, Stream.DATA_ORDER).integers(1_000_000) == 721009
    assert {stream.name: int(stream) for stream in Stream}.items() >= {
        "LATENTS": 0,
        "DATA_ORDER": 1,
        "FLIPS": 2,
        "LABELS": 3,
        "TORCH": 4,
        "EVALUATION": 5,
    }.items()


def test_latent_k_depends_on_seed_and_k_alone():
    many = sample(20, 16, seed=7)
    assert torch.equal(sample(3, 16, seed=7), many[:3])
    assert torch.equal(sample(5, 16, seed=7, start=11), many[11:16])
    assert not torch.equal(sample(3, 16, seed=8), many[:3])


def test_latents_are_standard_normal_and_independent():
    points = sample(2000, 32, seed=0)
    assert points.dtype == torch.float32 and points.shape == (2000, 32)
    assert abs(points.mean()) < 0.02 and abs(points.std() - 1) < 0.02
    neighbours = (points[1:] * points[:-1]).mean()
    streams = np.array([philox(0, k, Stream.EVALUATION).standard_normal(dtype=np.float32) for k in range(2000)])
    assert abs(neighbours) < 0.02 and abs((streams * points[:, 0].numpy()).mean()) < 0.1


def test_without_a_seed_every_call_differs():
    assert not torch.equal(sample(1, 8), sample(1, 8))


@pytest.mark.parametrize("seed", [-1, MAX_SEED + 1, 1.0, "3", True, float("nan")])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(InvalidInput, match="seed must be a whole number"):
        check_seed(seed)


@pytest.mark.parametrize("count", [-1, 0, MAX_COUNT + 1, 2.0, None, True])
def test_a_count_out_of_range_is_refused(count):
    with pytest.raises(InvalidInput, match="whole number from 1"):
        check_count(count)


def test_numpy_integers_are_whole_numbers():
    assert torch.equal(sample(np.int64(2), 4, seed=np.int32(5)), sample(2, 4, seed=5))


def test_slerp_starts_at_a_and_ends_at_b():
    a, b = sample(2, 64, seed=1)
    torch.testing.assert_close(slerp(a, b, 0.0), a)
    torch.testing.assert_close(slerp(a, b, 1.0), b)


def test_slerp_keeps_the_norm_where_the_straight_line_does_not():
    a, b = torch.nn.functional.normalize(sample(2, 64, seed=2), dim=1)
    for t in (0.25, 0.5, 0.9):
        assert slerp(a, b, t).norm() == pytest.approx(1, abs=1e-5)
    assert torch.lerp(a, b, 0.5).norm() < 0.9


def test_slerp_against_the_formula_in_the_plane():
    """Between unit vectors at the angles 0 and 1.2, t = 0.3 lies at the angle 0.36."""
    a, b = torch.tensor([1.0, 0.0]), torch.tensor([math.cos(1.2), math.sin(1.2)])
    torch.testing.assert_close(slerp(a, b, 0.3), torch.tensor([math.cos(0.36), math.sin(0.36)]))


def test_slerp_where_the_arc_is_undefined_is_the_straight_line():
    a = sample(1, 16, seed=3)[0]
    torch.testing.assert_close(slerp(a, a, 0.3), a)
    torch.testing.assert_close(slerp(a, 2 * a, 0.5), 1.5 * a)
    torch.testing.assert_close(slerp(a, -a, 0.25), 0.5 * a)
    torch.testing.assert_close(slerp(torch.zeros(16), a, 0.25), 0.25 * a)
    assert slerp(torch.zeros(16), torch.zeros(16), 0.5).isfinite().all()


def test_slerp_broadcasts():
    a, b = sample(1, 8, seed=4), sample(5, 8, seed=5)
    t = torch.linspace(0, 1, 5)
    together = slerp(a, b, t)
    assert together.shape == (5, 8)
    for k in range(5):
        torch.testing.assert_close(together[k], slerp(a[0], b[k], float(t[k])))


def test_slerp_is_differentiable_even_at_its_ends():
    a, b = sample(2, 8, seed=6)
    a.requires_grad_()
    slerp(a, b, torch.tensor([0.0, 0.5, 1.0])).sum().backward()
    assert a.grad.isfinite().all() and a.grad.abs().sum() > 0


def test_an_open_walk_goes_from_the_first_anchor_to_the_last():
    anchors = sample(3, 16, seed=7)
    path = walk(anchors, 9)
    assert path.shape == (9, 16) and path.dtype == torch.float32
    torch.testing.assert_close(path[0], anchors[0])
    torch.testing.assert_close(path[4], anchors[1])
    torch.testing.assert_close(path[8], anchors[2])


def test_a_closed_walk_repeats_seamlessly():
    anchors = sample(3, 16, seed=8)
    path = walk(anchors, 12, loop=True)
    torch.testing.assert_close(path[[0, 4, 8]], anchors)
    torch.testing.assert_close(path[11], slerp(anchors[2], anchors[0], 0.75))  # one step short of where it began
    frames = torch.cat([path, path])  # the video, twice: no step at the seam is longer than the others of its leg
    steps = (frames[1:] - frames[:-1]).norm(dim=1)
    assert steps[11] < 1.5 * steps[10]


@pytest.mark.parametrize(
    "anchors, frames",
    [
        (torch.zeros(1, 8), 4),
        (torch.zeros(8), 4),
        (torch.zeros(2, 8), 1),
        (torch.zeros(2, 8), 100_001),
        (torch.zeros(2, 8), 2.5),
    ],
)
def test_a_walk_that_makes_no_sense_is_refused(anchors, frames):
    with pytest.raises(InvalidInput):
        walk(anchors, frames)
