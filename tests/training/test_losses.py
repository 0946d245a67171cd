"""Each loss against its formula, written out by hand in float64 with log and exp; gradients against finite
differences."""

import math

import pytest
import torch

from training import losses
from training.losses import OBJECTIVES, classification

REAL = torch.tensor([2.0, -1.0, 0.5, 3.0], dtype=torch.float64)
FAKE = torch.tensor([-0.3, 1.2, -2.5, 0.7], dtype=torch.float64)
EXTREME = torch.tensor([1e4, -1e4])


def sigmoid(t):
    return 1 / (1 + torch.exp(-t))


FORMULAS = {
    losses.logistic_discriminator: lambda real, fake: (
        -(torch.log(sigmoid(real)).mean() + torch.log(1 - sigmoid(fake)).mean())
    ),
    losses.logistic_generator: lambda real, fake: -torch.log(sigmoid(fake)).mean(),
    losses.minimax_generator: lambda real, fake: torch.log(1 - sigmoid(fake)).mean(),
    losses.least_squares_discriminator: lambda real, fake: 0.5 * ((real - 1) ** 2).mean() + 0.5 * (fake**2).mean(),
    losses.least_squares_generator: lambda real, fake: 0.5 * ((fake - 1) ** 2).mean(),
    losses.relativistic_discriminator: lambda real, fake: torch.log(1 + torch.exp(-(real - fake))).mean(),
    losses.relativistic_generator: lambda real, fake: torch.log(1 + torch.exp(-(fake - real))).mean(),
}
PIECEWISE = {  # linear in pieces, so their slopes do not shrink with the scores
    losses.hinge_discriminator: lambda real, fake: (
        torch.where(real < 1, 1 - real, 0).mean() + torch.where(fake > -1, 1 + fake, 0).mean()
    ),
    losses.wasserstein_discriminator: lambda real, fake: (fake.sum() - real.sum()) / 4,
    losses.critic_generator: lambda real, fake: -fake.sum() / 4,
}
every_loss = pytest.mark.parametrize("loss", FORMULAS, ids=lambda loss: loss.__name__)


@every_loss
def test_a_loss_is_its_formula(loss):
    value, _ = loss(REAL, FAKE)
    assert value.dtype == torch.float64
    torch.testing.assert_close(value, FORMULAS[loss](REAL, FAKE), rtol=1e-12, atol=0)


@every_loss
def test_its_gradients_are_those_of_the_formula(loss):
    gradients = []
    for function in (lambda *scores: loss(*scores)[0], FORMULAS[loss]):
        real, fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
        function(real, fake).backward()
        gradients.append([scores.grad for scores in (real, fake) if scores.grad is not None])
    mine, theirs = gradients
    assert len(mine) == len(theirs) > 0 and all(gradient.abs().min() > 1e-3 for gradient in mine)
    for a, b in zip(mine, theirs):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=0)
    assert torch.autograd.gradcheck(lambda real, fake: loss(real, fake)[0], (real, fake))


@pytest.mark.parametrize("loss", PIECEWISE, ids=lambda loss: loss.__name__)
def test_a_piecewise_linear_loss_is_its_formula_and_so_are_its_gradients(loss):
    results = []
    for function in (lambda *scores: loss(*scores)[0], PIECEWISE[loss]):
        real, fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
        value = function(real, fake)
        results.append([value, *torch.autograd.grad(value, (real, fake), allow_unused=True, materialize_grads=True)])
    for mine, theirs in zip(*results):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=0)
    assert results[0][2].abs().max() > 0.1


@pytest.mark.parametrize(
    "loss", [f for f in FORMULAS if "least_squares" not in f.__name__], ids=lambda loss: loss.__name__
)
def test_extreme_scores_neither_overflow_nor_lose_their_gradient(loss):
    real, fake = EXTREME.clone().requires_grad_(), -EXTREME.clone()
    fake.requires_grad_()
    value, scalars = loss(real, fake)
    value.backward()
    assert value.isfinite() and all(scalar.isfinite() for scalar in scalars.values())
    gradients = torch.cat([scores.grad for scores in (real, fake) if scores.grad is not None])
    assert (
        gradients.isfinite().all() and gradients.abs().max() == 0.5
    )  # 1/n for the one that is wholly wrong, 0 for the other


def test_extreme_scores_have_the_value_of_the_asymptote():
    value, _ = losses.logistic_discriminator(torch.tensor([-1e4]), torch.tensor([1e4]))
    assert value == 2e4
    value, _ = losses.relativistic_generator(torch.tensor([3e4]), torch.tensor([-1e4]))
    assert value == 4e4
    value, _ = losses.minimax_generator(None, torch.tensor([3e38]))
    assert value == -torch.tensor(3e38)


def test_a_discriminator_that_cannot_tell_costs_what_theory_says():
    zero = torch.zeros(3, dtype=torch.float64)
    assert losses.logistic_discriminator(zero, zero)[0].item() == pytest.approx(2 * math.log(2))
    assert losses.minimax_generator(None, zero)[0].item() == pytest.approx(-math.log(2))
    assert losses.relativistic_discriminator(zero, zero)[0].item() == pytest.approx(math.log(2))


def test_the_minimax_gradient_vanishes_where_the_non_saturating_one_does_not():
    gradients = []
    for loss in (losses.minimax_generator, losses.logistic_generator):
        fake = torch.tensor([-20.0], dtype=torch.float64, requires_grad=True)
        loss(None, fake)[0].backward()
        gradients.append(abs(fake.grad.item()))
    assert gradients[0] == pytest.approx(math.exp(-20), rel=1e-6) and gradients[1] == pytest.approx(1, rel=1e-6)


def test_relativistic_scores_are_those_of_pairs():
    swapped = FAKE[[1, 0, 3, 2]]
    assert losses.relativistic_discriminator(REAL, FAKE)[0] != losses.relativistic_discriminator(REAL, swapped)[0]
    assert losses.logistic_discriminator(REAL, FAKE)[0] == losses.logistic_discriminator(REAL, swapped)[0]
    shifted = losses.relativistic_discriminator(REAL + 5, FAKE + 5)[0]  # only differences count
    torch.testing.assert_close(shifted, losses.relativistic_discriminator(REAL, FAKE)[0])


def test_the_scalars_count_who_is_right():
    _, scalars = losses.relativistic_discriminator(REAL, FAKE)
    assert scalars["real_accuracy"] == 0.75 and scalars["fake_accuracy"] == 0.5 and scalars["pair_accuracy"] == 0.75


def test_classification_of_classes_is_cross_entropy():
    logits = torch.tensor([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]], dtype=torch.float64, requires_grad=True)
    one_hot = torch.tensor([[0, 0, 1], [1, 0, 0]], dtype=torch.float64)
    chosen = [(logits[0].tolist(), 2), (logits[1].tolist(), 0)]
    by_hand = -sum(math.log(math.exp(row[k]) / sum(map(math.exp, row))) for row, k in chosen) / 2
    value = classification(logits, one_hot, multi_label=False)
    assert value.item() == pytest.approx(by_hand, rel=1e-12)
    value.backward()
    torch.testing.assert_close(logits.grad, (logits.exp() / logits.exp().sum(1, keepdim=True) - one_hot).detach() / 2)


def test_classification_of_attributes_is_the_mean_binary_cross_entropy():
    logits = torch.tensor([[1.0, -2.0], [0.3, 3.0]], dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64)  # as networks take them: -1 is absent
    present = [1, 0, 0, 1]
    by_hand = -sum(math.log(p if there else 1 - p) for p, there in zip(sigmoid(logits).flatten().tolist(), present)) / 4
    value = classification(logits, labels, multi_label=True)
    assert value.item() == pytest.approx(by_hand, rel=1e-12)
    value.backward()
    torch.testing.assert_close(logits.grad, (sigmoid(logits) - (labels + 1) / 2).detach() / 4)


def test_classification_of_extreme_logits_is_finite():
    assert classification(EXTREME[None], torch.tensor([[0.0, 1.0]]), multi_label=False) == 2e4
    assert classification(EXTREME[None], torch.tensor([[-1.0, 1.0]]), multi_label=True) == 1e4


def test_only_a_paired_generator_looks_at_real_scores():
    for name, objective in OBJECTIVES.items():
        real = REAL.clone().requires_grad_()
        value, _ = objective.generator(real, FAKE.clone().requires_grad_())
        (gradient,) = torch.autograd.grad(value, real, allow_unused=True)
        assert (gradient is not None) == objective.paired == (name == "relativistic")


def test_least_squares_counts_who_is_right_about_a_half():
    _, scalars = losses.least_squares_discriminator(
        torch.tensor([0.6, 0.4, 2.0, 0.51]), torch.tensor([0.6, 0.4, -2.0, 0.0])
    )
    assert scalars["real_accuracy"] == 0.75 and scalars["fake_accuracy"] == 0.75


def test_the_wasserstein_game_tells_the_distance():
    loss, scalars = losses.wasserstein_discriminator(REAL, FAKE)
    assert scalars["wasserstein_distance"] == REAL.mean() - FAKE.mean() == -loss


def random(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape)))


def test_feature_matching_is_the_squared_distance_of_the_means():
    real, fake = random(5, 2, 3), random(7, 2, 3).requires_grad_()
    by_hand = sum((real[:, i, j].mean() - fake[:, i, j].mean()) ** 2 for i in range(2) for j in range(3))
    value = losses.feature_matching(real, fake)
    torch.testing.assert_close(value, by_hand, rtol=1e-12, atol=0)
    value.backward()
    assert fake.grad.norm() > 0.1 and losses.feature_matching(real, real.flip(0)) < 1e-20  # the order is of no account


def test_information_is_the_negative_log_likelihood_of_the_codes():
    logits, categories, continuous = random(4, 5).requires_grad_(), torch.tensor([0, 2, 1, 2]), random(4, 2)
    probabilities = logits[:, :3].exp() / logits[:, :3].exp().sum(1, keepdim=True)
    log_normal = -((continuous - logits[:, 3:]) ** 2 / 2 + math.log(2 * math.pi) / 2).sum(1)
    by_hand = -(torch.stack([probabilities[k, c] for k, c in enumerate(categories)]).log() + log_normal).mean()
    value = losses.mutual_information(logits, categories, continuous)
    torch.testing.assert_close(value + math.log(2 * math.pi), by_hand, rtol=1e-12, atol=0)
    value.backward()
    assert logits.grad.abs().min() > 1e-3


def test_clustering_is_the_negative_mutual_information_written_out():
    logits, changed = random(6, 3).requires_grad_(), random(7, 3)[:6].clone().requires_grad_()
    p, q = (some.detach().exp() / some.detach().exp().sum(1, keepdim=True) for some in (logits, changed))
    joint = [
        [sum(p[n, i] * q[n, j] + p[n, j] * q[n, i] for n in range(6)).item() / 12 for j in range(3)] for i in range(3)
    ]
    by_hand = -sum(
        joint[i][j] * math.log(joint[i][j] / (sum(joint[i]) * sum(row[j] for row in joint)))
        for i in range(3)
        for j in range(3)
    )
    value = losses.clustering(logits, changed)
    torch.testing.assert_close(value.item(), by_hand, rtol=1e-12, atol=0)
    value.backward()
    assert logits.grad.norm() > 1e-3 and changed.grad.norm() > 1e-3


def test_clustering_wants_sure_equal_and_equally_frequent_categories():
    sure = torch.eye(4, dtype=torch.float64).repeat(3, 1) * 1000
    torch.testing.assert_close(losses.clustering(sure, sure).item(), -math.log(4), rtol=1e-9, atol=0)
    one_for_all, unsure, unlike = sure[:1].expand(12, -1), sure * 0, sure[[n // 3 for n in range(12)]]
    assert all(abs(losses.clustering(some, some).item()) < 1e-9 for some in (one_for_all, unsure))
    assert losses.clustering(sure, unlike) > losses.clustering(sure, sure) + 0.5


def test_divergence_is_that_of_two_gaussians():
    mean, log_variance = random(6, 3).requires_grad_(), random(6, 4)[:, :3].clone().requires_grad_()
    ours = torch.distributions.Normal(mean, (log_variance / 2).exp())
    by_hand = torch.distributions.kl_divergence(ours, torch.distributions.Normal(0.0, 1.0)).sum(1).mean()
    value = losses.kl_divergence(mean, log_variance)
    torch.testing.assert_close(value, by_hand, rtol=1e-12, atol=0)
    value.backward()
    assert mean.grad.norm() > 0.1 and log_variance.grad.norm() > 0.1
    assert losses.kl_divergence(torch.zeros(2, 3), torch.zeros(2, 3)) == 0


def test_similarity_is_half_the_squared_distance_of_each_picture():
    a, b = random(3, 2, 2), random(4, 2, 2)[:3].clone().requires_grad_()
    torch.testing.assert_close(losses.feature_reconstruction(a, b), ((a - b) ** 2).sum() / 3 / 2, rtol=1e-12, atol=0)


def test_discrepancy_is_the_unbiased_estimate_written_out():
    a, b = random(5, 3), random(6, 3).requires_grad_()
    widths = (0.5, 2.0)
    distances = sorted(((x - y) ** 2).sum().item() for i, x in enumerate(b) for j, y in enumerate(b) if i != j)
    scale = distances[(len(distances) - 1) // 2]  # torch's median: the lower of the two in the middle

    def kernel(x, y):
        return sum(torch.exp(-((x - y) ** 2).sum() / (2 * width * scale)) for width in widths)

    by_hand = (
        sum(kernel(x, y) for i, x in enumerate(a) for j, y in enumerate(a) if i != j) / 20
        + sum(kernel(x, y) for i, x in enumerate(b) for j, y in enumerate(b) if i != j) / 30
        - 2 * sum(kernel(x, y) for x in a for y in b) / 30
    )
    value = losses.mmd(a, b, widths)
    torch.testing.assert_close(value, by_hand, rtol=1e-10, atol=0)
    value.backward()
    assert b.grad.abs().min() > 1e-6


def test_discrepancy_tells_distributions_apart_and_not_their_scale():
    same, other = losses.mmd(random(200, 4), random(201, 4)), losses.mmd(random(200, 4), random(201, 4) + 1)
    assert abs(same) < 0.05 < 0.3 < other
    torch.testing.assert_close(
        losses.mmd(random(50, 4) * 100, random(60, 4) * 100), losses.mmd(random(50, 4), random(60, 4))
    )
