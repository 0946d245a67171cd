"""GAN losses: pure functions of discriminator scores, in discriminator/generator pairs.

Scores are logits, (n,) float, positive for "looks real"; f(t) = log(1 + e^-t) below is `softplus(-t)`. Every function returns
(loss to minimise, scalars worth plotting). They work on logits, never on probabilities, so they are exact in any precision
that the scores come in; the loop hands them float32.
"""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, softplus

Loss = tuple[Tensor, dict[str, Tensor]]


def _accuracy(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """How often the discriminator is right about each kind, with the threshold 0."""
    return {"real_accuracy": (real > 0).float().mean(), "fake_accuracy": (fake < 0).float().mean()}


def logistic_discriminator(real: Tensor, fake: Tensor) -> Loss:
    """E f(D(x)) + E f(-D(G(z))): binary cross-entropy (Goodfellow et al. 2014, equation 1, negated)."""
    return softplus(-real).mean() + softplus(fake).mean(), _accuracy(real, fake)


def logistic_generator(real: Tensor | None, fake: Tensor) -> Loss:
    """E f(D(G(z))): the non-saturating loss (Goodfellow et al. 2014, section 3)."""
    return softplus(-fake).mean(), {}


def minimax_generator(real: Tensor | None, fake: Tensor) -> Loss:
    """-E f(-D(G(z))) = E log(1 - sigmoid(D(G(z)))): the zero-sum game of equation 1, which vanishes while the
    discriminator wins: why the non-saturating loss exists (Goodfellow et al. 2014)."""
    return -softplus(fake).mean(), {}


def relativistic_discriminator(real: Tensor, fake: Tensor) -> Loss:
    """E f(D(x) - D(G(z))): each real picture beside a generated one (Jolicoeur-Martineau 2018; Huang et al. 2024, equation 2)."""
    return softplus(fake - real).mean(), {"pair_accuracy": (real > fake).float().mean()} | _accuracy(real, fake)


def relativistic_generator(real: Tensor, fake: Tensor) -> Loss:
    """E f(D(G(z)) - D(x)): the same game with the sides exchanged."""
    return softplus(real - fake).mean(), {}


def classification(logits: Tensor, labels: Tensor, multi_label: bool) -> Tensor:
    """Auxiliary classifier (Odena et al. 2016): cross-entropy of classes, or the mean binary cross-entropy of attributes.

    logits (n, K); labels as the networks take them: one-hot rows, or attributes -1..1.
    """
    if multi_label:
        return binary_cross_entropy_with_logits(logits, (labels + 1) / 2)
    return cross_entropy(logits, labels)


class Objective(NamedTuple):
    discriminator: Callable[[Tensor, Tensor], Loss]
    generator: Callable[[Tensor | None, Tensor], Loss]
    paired: bool = False  # the generator's loss looks at the scores of real pictures too


OBJECTIVES = {
    "logistic": Objective(logistic_discriminator, logistic_generator),
    "minimax": Objective(logistic_discriminator, minimax_generator),
    "relativistic": Objective(relativistic_discriminator, relativistic_generator, paired=True),
}
