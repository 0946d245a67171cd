"""Metrics that torch-fidelity lacks, or computes at several times the cost, as pure functions of features, classes and
pictures.

Features are (n, D) float64 on any device. Distances are computed BLOCK rows at a time, so that 10,000 against 10,000
pictures need 80 MB instead of 800. The results do not depend on it.
"""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

BEST_PSNR = 100.0  # dB, of pictures that are equal


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """Peak signal-to-noise ratio (n,) in dB of pictures (n, C, H, W), or of some of their pixels (n, C, m), in [-1, 1];
    100 for equal ones."""
    error = (a - b).square().flatten(1).mean(1)
    return (10 * torch.log10(4 / error.clamp_min(1e-12))).clamp_max(BEST_PSNR)


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity (n,) of pictures (n, C, H, W) in [-1, 1] (Wang et al. 2004): Gaussian window of 11 pixels,
    sigma 1.5."""
    return ssim_map(a, b).flatten(1).mean(1)


def ssim_map(a: Tensor, b: Tensor) -> Tensor:
    """The same for each window inside the picture, (n, C, H - 10, W - 10)."""
    a, b, channels = (a + 1) / 2, (b + 1) / 2, a.shape[1]
    line = torch.exp(-(torch.arange(11.0) - 5).square() / (2 * 1.5**2))
    window = (line[:, None] * line / line.sum() ** 2).expand(channels, 1, 11, 11)

    def blur(x: Tensor) -> Tensor:
        return F.conv2d(x, window, groups=channels)

    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b, cov = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2, blur(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    return (2 * mean_a * mean_b + c1) * (2 * cov + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))


BLOCK = 1000
MANIFOLD, BALL = 3, 5  # neighbours: precision and recall, density and coverage, each as in its paper


def radii(features: Tensor) -> Tensor:
    """The distances of each picture to its MANIFOLD-th and its BALL-th nearest neighbour: (n, 2)."""
    parts = [torch.cdist(block, features).topk(BALL + 1, largest=False).values for block in features.split(BLOCK)]
    return torch.cat(parts)[:, [MANIFOLD, BALL]]  # number 0 is the picture itself


def prdc(fake: Tensor, real: Tensor, fake_radii: Tensor, real_radii: Tensor) -> dict[str, float]:
    """Precision, recall, density and coverage. The radii come from `radii`, for more than BALL pictures each.

    precision   share of generated pictures inside the ball of some real one, whose radius is the distance to its 3rd
                neighbour
    recall      the same with generated and real exchanged (Kynkaanniemi et al. 2019, arXiv:1904.06991; equal to
                torch-fidelity's, in one pass)
    density     number of real balls (5th neighbour) around a generated picture, divided by 5; may exceed 1
    coverage    share of real balls (5th neighbour) with a generated picture inside (Naeem et al. 2020,
                arXiv:2002.09797)
    """
    precise = inside = 0
    recalled = torch.zeros(len(real), dtype=torch.bool, device=real.device)
    nearest = torch.full((len(real),), math.inf, dtype=real.dtype, device=real.device)
    for block, own in zip(fake.split(BLOCK), fake_radii.split(BLOCK)):
        distances = torch.cdist(block, real)
        precise += (distances <= real_radii[:, 0]).any(1).sum().item()
        inside += (distances <= real_radii[:, 1]).sum().item()
        recalled |= (distances <= own[:, :1]).any(0)
        nearest = torch.minimum(nearest, distances.amin(0))
    return {
        "precision": precise / len(fake),
        "recall": recalled.double().mean().item(),
        "density": inside / (BALL * len(fake)),
        "coverage": (nearest <= real_radii[:, 1]).double().mean().item(),
    }


def count_modes(classes: np.ndarray, expected: np.ndarray) -> tuple[int, float]:
    """The number of classes that occur, and KL(found || expected) of their frequencies in nats (Metz et al. 2017,
    arXiv:1611.02163; Lin et al. 2018, arXiv:1712.04086). classes: (n,) int; expected: (K,) probabilities, all above
    0."""
    found = np.bincount(classes, minlength=len(expected)) / len(classes)
    some = found > 0
    return int(some.sum()), float((found[some] * np.log(found[some] / expected[some])).sum())


def joint_frequencies(classes: np.ndarray, digits: int, places: int) -> np.ndarray:
    """The probabilities (digits**places,) of all tuples if their parts are independent, each place with its own
    frequencies in `classes`. Tuple a, b, c is class (a * digits + b) * digits + c."""
    probabilities = np.ones(1)
    for place in reversed(range(places)):
        part = np.bincount(classes // digits**place % digits, minlength=digits) / len(classes)
        probabilities = np.outer(probabilities, part).ravel()
    return probabilities


def code_agreement(codes: np.ndarray, seen: np.ndarray, codes_known: int, classes: int) -> tuple[float, list[int]]:
    """The share of pictures whose class belongs to their code, and the class of each code (-1: none).

    codes, seen (n,) int: the code of each picture, and the class seen in it. Every second picture is used to assign
    codes to classes, one to one; the others are counted.
    """
    table = np.zeros((codes_known, classes))
    np.add.at(table, (codes[::2], seen[::2]), 1)
    meaning = assignment(table)
    return float((meaning[codes[1::2]] == seen[1::2]).mean()), meaning.tolist()


def assignment(weights: np.ndarray) -> np.ndarray:
    """A different column for each row (-1 if there are too few) with the largest sum of weights: the Hungarian method
    (Kuhn 1955) with shortest augmenting paths, as in scipy.optimize.linear_sum_assignment."""
    rows, columns = weights.shape
    n = max(rows, columns)
    cost = np.zeros((n + 1, n + 1))  # paths start at row and column 0
    cost[1 : rows + 1, 1 : columns + 1] = -weights
    row_price, column_price, owner = np.zeros(n + 1), np.zeros(n + 1), np.zeros(n + 1, int)
    for row in range(1, n + 1):
        owner[0], column = row, 0
        slack, before, reached = np.full(n + 1, np.inf), np.zeros(n + 1, int), np.zeros(n + 1, bool)
        while owner[column]:
            reached[column] = True
            reduced = cost[owner[column]] - row_price[owner[column]] - column_price
            better = ~reached & (reduced < slack)
            slack[better], before[better] = reduced[better], column
            column = int(np.where(reached, np.inf, slack).argmin())
            step = slack[column]
            row_price[owner[reached]] += step
            column_price[reached] -= step
            slack[~reached] -= step
        while column:
            owner[column], column = owner[before[column]], before[column]
    chosen = np.empty(n + 1, int)
    chosen[owner] = np.arange(n + 1)
    chosen = chosen[1 : rows + 1] - 1
    return np.where(chosen < columns, chosen, -1)


def psnr_and_mae(squares: float, absolutes: float, count: int) -> dict[str, float]:
    """PSNR in dB and mean absolute error as a share of the range, from the sums of squared and absolute differences of
    `count` values 0..255. PSNR is over all values together, at most 58.9, the limit of rounding."""
    return {"psnr": 10 * math.log10(255**2 / max(squares / count, 1 / 12)), "mae": absolutes / count / 255}
