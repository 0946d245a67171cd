"""The metrics of our own: by hand, by a second implementation, and by torch-fidelity's."""

import itertools
import math

import numpy as np
import pytest
import torch

from training.metrics import statistics


def spread(fake: torch.Tensor, real: torch.Tensor) -> dict[str, float]:
    return statistics.prdc(fake, real, statistics.radii(fake), statistics.radii(real))


def clouds(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Generated and real features that overlap in part."""
    random = np.random.default_rng(seed)
    real = random.normal(size=(230, 4)) * [3, 1, 1, 1]
    fake = random.normal(size=(170, 4)) * [1, 1, 1, 0.4] + [1.5, 0.3, 0, 0]
    return torch.from_numpy(fake), torch.from_numpy(real)


def test_spread_by_hand():
    """On a line: real pictures at 0 .. 9, generated ones at 0.1, 0.2 .. 0.6 and at 100."""
    real = torch.arange(10, dtype=torch.float64)[:, None]
    fake = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 100])[:, None].double()
    assert statistics.radii(real).tolist()[:6] == [[3, 5], [2, 4], [2, 3], [2, 3], [2, 3], [2, 3]]
    result = spread(fake, real)
    assert result["precision"] == pytest.approx(6 / 7)
    # Balls to the 3rd neighbour: of 0.1 .. 0.6 at most 0.3 wide, so they reach 0 (from 0.1, 0.2) and not 1 (0.6 + 0.3);
    # that of 100 is 99.6 wide and holds 1 .. 9.
    assert result["recall"] == pytest.approx(1)
    # Each of the six lies in the 5-balls of 0 (5 wide), 1 (4), 2 (3), 3 (3): 3 - 0.1 is within 3. Not of 4 (3 wide: 1
    # .. 7).
    assert result["density"] == pytest.approx(6 * 4 / (5 * 7))
    assert result["coverage"] == pytest.approx(4 / 10)


def test_precision_and_recall_are_torch_fidelitys():
    from torch_fidelity.metric_prc import prc_features_to_metric

    fake, real = clouds()
    theirs = prc_features_to_metric(
        fake, real, prc_neighborhood=statistics.MANIFOLD, prc_batch_size=1000, save_cpu_ram=True, verbose=False
    )
    ours = spread(fake, real)
    assert 0.3 < ours["precision"] < 1 and 0.1 < ours["recall"] < 0.9
    assert (ours["precision"], ours["recall"]) == pytest.approx(
        (theirs["precision"], theirs["recall"]), abs=1e-6
    )  # theirs in float32


def plainly(fake: np.ndarray, real: np.ndarray, k: int = 5) -> tuple[float, float]:
    """Density and coverage as the paper's sums, pair by pair."""
    density, covered = 0, 0
    for x in real:
        radius = sorted(math.dist(x, y) for y in real)[k]
        inside = sum(math.dist(x, y) <= radius for y in fake)
        density, covered = density + inside, covered + (inside > 0)
    return density / (k * len(fake)), covered / len(real)


def test_density_and_coverage_are_the_papers_sums():
    fake, real = clouds()
    ours, (density, coverage) = spread(fake, real), plainly(fake.numpy(), real.numpy())
    assert (ours["density"], ours["coverage"]) == pytest.approx((density, coverage), abs=1e-12)
    assert 0.2 < coverage < 0.9 and density != pytest.approx(1, abs=0.05)


def test_blocks_change_nothing(monkeypatch):
    fake, real = clouds(1)
    whole = spread(fake, real)
    monkeypatch.setattr(statistics, "BLOCK", 37)
    assert spread(fake, real) == whole


def test_what_the_measures_notice():
    """Dropped modes lower recall and coverage, bad pictures precision and density; the same distribution scores as
    itself."""
    random = np.random.default_rng(3)
    real, good = (
        torch.from_numpy(random.normal(size=(400, 3)) + 10 * random.integers(0, 4, (400, 1))) for _ in range(2)
    )
    same, dropped, noisy = (
        spread(good, real),
        spread(good[good.mean(1) < 15], real),
        spread(good + 5 * torch.randn_like(good), real),
    )
    assert (
        same["precision"] > 0.9
        and same["recall"] > 0.9
        and same["density"] == pytest.approx(1, abs=0.1)
        and same["coverage"] > 0.9
    )
    assert dropped["precision"] > 0.9 and dropped["recall"] < 0.6 and dropped["coverage"] < 0.6
    assert noisy["precision"] < 0.3 and noisy["density"] < 0.3


def test_modes_by_hand():
    expected = np.full(4, 0.25)
    assert statistics.count_modes(np.array([0, 1, 2, 3] * 5), expected) == (4, pytest.approx(0))
    found, divergence = statistics.count_modes(np.array([0, 0, 0, 2]), expected)
    assert found == 2 and divergence == pytest.approx(0.75 * math.log(3) + 0.25 * math.log(1))
    assert statistics.count_modes(np.zeros(9, int), expected) == (1, pytest.approx(math.log(4)))
    skewed = np.array([0.7, 0.1, 0.1, 0.1])
    assert statistics.count_modes(np.zeros(9, int), skewed)[1] == pytest.approx(math.log(1 / 0.7))


def test_independent_places_multiply():
    hundreds, tens, ones = np.array([0, 1, 1, 0]), np.array([2, 2, 2, 1]), np.array([0, 1, 2, 0])
    probabilities = statistics.joint_frequencies((hundreds * 3 + tens) * 3 + ones, digits=3, places=3)
    assert probabilities.shape == (27,) and probabilities.sum() == pytest.approx(1)
    assert probabilities[(1 * 3 + 2) * 3 + 0] == pytest.approx(2 / 4 * 3 / 4 * 2 / 4)
    assert probabilities[(0 * 3 + 1) * 3 + 2] == pytest.approx(2 / 4 * 1 / 4 * 1 / 4)


@pytest.mark.parametrize("shape", [(1, 1), (5, 5), (4, 6), (6, 4)])
def test_assignment_is_the_best_of_all(shape):
    random, (rows, columns) = np.random.default_rng(sum(shape)), shape
    for _ in range(10):
        weights = random.integers(0, 12, shape).astype(float)  # small whole numbers: with ties
        chosen = statistics.assignment(weights)
        used = [column for column in chosen if column >= 0]
        assert len(set(used)) == len(used) == min(shape)
        if rows <= columns:
            best = max(
                sum(weights[r, c] for r, c in enumerate(columns_))
                for columns_ in itertools.permutations(range(columns), rows)
            )
        else:
            best = max(
                sum(weights[r, c] for c, r in enumerate(rows_))
                for rows_ in itertools.permutations(range(rows), columns)
            )
        assert sum(weights[r, c] for r, c in enumerate(chosen) if c >= 0) == best


def test_code_agreement_is_measured_on_other_pictures_than_matched():
    random = np.random.default_rng(0)
    codes, secret = random.integers(0, 10, 4000), random.permutation(10)
    seen = np.where(random.random(4000) < 0.8, secret[codes], random.integers(0, 10, 4000))
    value, meaning = statistics.code_agreement(codes, seen, 10, 10)
    assert meaning == secret.tolist() and value == pytest.approx(0.82, abs=0.03)
    # Without any connection, the best matching of the first half tells nothing about the second.
    chance = np.mean(
        [
            statistics.code_agreement(random.integers(0, 10, 60), random.integers(0, 10, 60), 10, 10)[0]
            for _ in range(60)
        ]
    )
    assert chance == pytest.approx(0.1, abs=0.03)
    # Two codes cannot both stand for one class.
    assert statistics.code_agreement(np.arange(100) // 2 % 2, np.full(100, 7), 2, 10)[0] == pytest.approx(0.5)


def test_likeness_by_hand():
    assert statistics.psnr_and_mae(100.0 * 50, 10.0 * 50, 50) == {
        "psnr": pytest.approx(20 * math.log10(25.5)),
        "mae": pytest.approx(10 / 255),
    }
    assert statistics.psnr_and_mae(0, 0, 50)["psnr"] == pytest.approx(
        58.92, abs=0.01
    )  # not infinite, which JSON could not hold
