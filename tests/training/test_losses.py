"""Each loss against its formula, written out by hand in float64 with log and exp; gradients against finite differences."""

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
    losses.logistic_discriminator: lambda real, fake: -(torch.log(sigmoid(real)).mean() + torch.log(1 - sigmoid(fake)).mean()),
    losses.logistic_generator: lambda real, fake: -torch.log(sigmoid(fake)).mean(),
    losses.minimax_generator: lambda real, fake: torch.log(1 - sigmoid(fake)).mean(),
    losses.relativistic_discriminator: lambda real, fake: torch.log(1 + torch.exp(-(real - fake))).mean(),
    losses.relativistic_generator: lambda real, fake: torch.log(1 + torch.exp(-(fake - real))).mean(),
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


@every_loss
def test_extreme_scores_neither_overflow_nor_lose_their_gradient(loss):
    real, fake = EXTREME.clone().requires_grad_(), -EXTREME.clone()
    fake.requires_grad_()
    value, scalars = loss(real, fake)
    value.backward()
    assert value.isfinite() and all(scalar.isfinite() for scalar in scalars.values())
    gradients = torch.cat([scores.grad for scores in (real, fake) if scores.grad is not None])
    assert gradients.isfinite().all() and gradients.abs().max() == 0.5  # 1/n for the one that is wholly wrong, 0 for the other


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
