"""GAN losses, as pure functions of discriminator scores, in pairs for discriminator and generator; then further terms.

Scores are logits, (n,) float, larger for "looks real". Below, f(t) = log(1 + e^-t), which is `softplus(-t)`. Every loss
of a pair returns (loss to minimise, scalars to plot). They use logits, not probabilities, so that they are numerically
stable; the games pass float32.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    relu,
    softplus,
)

Loss = tuple[Tensor, dict[str, Tensor]]


def _accuracy(real: Tensor, fake: Tensor, threshold: float = 0.0) -> dict[str, Tensor]:
    """The discriminator's accuracy on real and on generated pictures."""
    return {"real_accuracy": (real > threshold).float().mean(), "fake_accuracy": (fake < threshold).float().mean()}


def logistic_discriminator(real: Tensor, fake: Tensor) -> Loss:
    """E f(D(x)) + E f(-D(G(z))): binary cross-entropy (Goodfellow et al. 2014, equation 1, negated)."""
    return softplus(-real).mean() + softplus(fake).mean(), _accuracy(real, fake)


def logistic_generator(real: Tensor | None, fake: Tensor) -> Loss:
    """E f(D(G(z))): the non-saturating loss (Goodfellow et al. 2014, section 3)."""
    return softplus(-fake).mean(), {}


def minimax_generator(real: Tensor | None, fake: Tensor) -> Loss:
    """-E f(-D(G(z))) = E log(1 - sigmoid(D(G(z)))): the zero-sum game of equation 1. Its gradient vanishes while the
    discriminator wins, which is why the non-saturating loss exists (Goodfellow et al. 2014)."""
    return -softplus(fake).mean(), {}


def least_squares_discriminator(real: Tensor, fake: Tensor) -> Loss:
    """1/2 E (D(x) - 1)^2 + 1/2 E D(G(z))^2 (Mao et al. 2016, arXiv:1611.04076, equation 9). Scores are not logits here:
    1 is real, 0 generated. Pictures on the right side but far from the boundary still have a gradient."""
    return ((real - 1).square().mean() + fake.square().mean()) / 2, _accuracy(real, fake, threshold=0.5)


def least_squares_generator(real: Tensor | None, fake: Tensor) -> Loss:
    """1/2 E (D(G(z)) - 1)^2."""
    return (fake - 1).square().mean() / 2, {}


def hinge_discriminator(real: Tensor, fake: Tensor) -> Loss:
    """E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))): no gradient for pictures that are right by a margin (Lim and Ye
    2017, arXiv:1705.02894; Miyato et al. 2018, equation 16)."""
    return relu(1 - real).mean() + relu(1 + fake).mean(), _accuracy(real, fake)


def critic_generator(real: Tensor | None, fake: Tensor) -> Loss:
    """-E D(G(z)): the generator's loss of the hinge and of the Wasserstein game."""
    return -fake.mean(), {}


def wasserstein_discriminator(real: Tensor, fake: Tensor) -> Loss:
    """E D(G(z)) - E D(x) (Arjovsky et al. 2017, arXiv:1701.07875). Its negative estimates the Wasserstein distance if D
    is Lipschitz, which weight clipping or a gradient penalty ensures. Scores have no threshold, so there is no
    accuracy."""
    distance = real.mean() - fake.mean()
    return -distance, {"wasserstein_distance": distance}


def relativistic_discriminator(real: Tensor, fake: Tensor) -> Loss:
    """E f(D(x) - D(G(z))): each real picture is paired with a generated one (Jolicoeur-Martineau 2018; Huang et al. 2024,
    equation 2)."""
    return softplus(fake - real).mean(), {"pair_accuracy": (real > fake).float().mean()} | _accuracy(real, fake)


def relativistic_generator(real: Tensor, fake: Tensor) -> Loss:
    """E f(D(G(z)) - D(x)): the same game with the sides exchanged."""
    return softplus(real - fake).mean(), {}


def classification(logits: Tensor, labels: Tensor, multi_label: bool) -> Tensor:
    """Auxiliary classifier (Odena et al. 2016): cross-entropy of classes, or the mean binary cross-entropy of
    attributes.

    logits (n, K); labels encoded for the networks: one-hot rows, or attributes -1..1.
    """
    if multi_label:
        return binary_cross_entropy_with_logits(logits, (labels + 1) / 2)
    return cross_entropy(logits, labels)


def feature_matching(real: Tensor, fake: Tensor) -> Tensor:
    """|| E phi(x) - E phi(G(z)) ||^2 (Salimans et al. 2016, arXiv:1606.03498, section 3.1), with features phi (n, ...)
    of the discriminator, or of a frozen network for a perceptual loss."""
    return (real.flatten(1).mean(0) - fake.flatten(1).mean(0)).square().sum()


def mutual_information(logits: Tensor, categories: Tensor, continuous: Tensor) -> Tensor:
    """-log Q(c | G(z)) up to a constant: the negative variational lower bound of the mutual information between codes
    and pictures (Chen et al. 2016, arXiv:1606.03657, equation 5).

    logits (n, K + c): of K categories, then the means of Gaussians of variance 1 for c continuous codes; categories
    (n,) int64; continuous (n, c).
    """
    count = logits.shape[1] - continuous.shape[1]
    return cross_entropy(logits[:, :count], categories) + (logits[:, count:] - continuous).square().sum(1).mean() / 2


def clustering(logits: Tensor, changed: Tensor) -> Tensor:
    """-I(c; c'): the negative mutual information between the categories of pictures and of augmented copies. It is
    minimal if categories are sure, equal in both, and equally frequent (invariant information clustering: Ji et al.
    2019, arXiv:1807.06653, equation 3).

    logits, changed (n, K). The joint distribution is the mean over the n pictures, made symmetric. The minimum is
    -log K.
    """
    joint = logits.softmax(1).T @ changed.softmax(1) / len(logits)
    joint = ((joint + joint.T) / 2).clamp_min(torch.finfo(joint.dtype).tiny)
    return -(joint * (joint.log() - joint.sum(0).log() - joint.sum(1, keepdim=True).log())).sum()


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) of (n, d), summed over the dimensions and averaged over the pictures (Kingma and
    Welling 2013, arXiv:1312.6114, appendix B)."""
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean() / 2


def feature_reconstruction(real: Tensor, reconstructed: Tensor) -> Tensor:
    """1/2 E || phi(x) - phi(x') ||^2 in the discriminator's features (n, ...): the learned similarity (Larsen et al.
    2016, arXiv:1512.09300, equation 7: a Gaussian of variance 1)."""
    return (real - reconstructed).flatten(1).square().sum(1).mean() / 2


def mmd(a: Tensor, b: Tensor, widths: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 4.0)) -> Tensor:
    """Maximum mean discrepancy (Gretton et al. 2012) of two sets of codes (n, d) and (m, d), squared, unbiased:
    E k(a, a') + E k(b, b') - 2 E k(a, b), with k a sum of Gaussian kernels (Li et al. 2015, arXiv:1502.02761).

    The bandwidths are `widths` times the median squared distance within b, so that the loss does not depend on the
    scale of the codes.
    """
    with torch.autocast(a.device.type, enabled=False):
        distances = {key: (x[:, None] - y).square().sum(2) for key, x, y in (("aa", a, a), ("bb", b, b), ("ab", a, b))}
        n = len(b)
        others = distances["bb"].detach().flatten()[1:].view(n - 1, n + 1)[:, :-1]  # all but the diagonal
        scale = others.median().clamp_min(1e-12)

        def kernel(squared: Tensor) -> Tensor:
            return sum((-squared / (2 * width * scale)).exp() for width in widths)

        def within(squared: Tensor) -> Tensor:  # without the diagonal, where the distance is 0
            n = len(squared)
            return (kernel(squared).sum() - n * len(widths)) / (n * (n - 1))

        return within(distances["aa"]) + within(distances["bb"]) - 2 * kernel(distances["ab"]).mean()


class Objective(NamedTuple):
    discriminator: Callable[[Tensor, Tensor], Loss]
    generator: Callable[[Tensor | None, Tensor], Loss]
    paired: bool = False  # whether the generator's loss uses the scores of real pictures
    relative: bool = False  # a score tells nothing by its sign, only beside the scores of generated pictures

    def sure(self, real: Tensor, fake: Tensor) -> Tensor:
        """The mean sign of the scores (n,) of real pictures, or of what they are above those of generated ones: near 1
        where the discriminator knows the real ones by heart (Karras et al. 2020, arXiv:2006.06676)."""
        return (real - fake if self.relative else real).sign().mean()


OBJECTIVES = {
    "logistic": Objective(logistic_discriminator, logistic_generator),
    "minimax": Objective(logistic_discriminator, minimax_generator),
    "least_squares": Objective(least_squares_discriminator, least_squares_generator, relative=True),
    "wasserstein": Objective(wasserstein_discriminator, critic_generator, relative=True),
    "hinge": Objective(hinge_discriminator, critic_generator),
    "relativistic": Objective(relativistic_discriminator, relativistic_generator, paired=True, relative=True),
}
