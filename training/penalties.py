"""Keep a discriminator smooth: gradient penalties and weight clipping.

Penalties are computed in at least float32, since squared gradients underflow in half precision. `score` is the
discriminator as a function of the pictures alone, (n, C, H, W) -> (n,); do not compile it by torch.compile, which does
not support second derivatives.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def _gradients(score: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """grad_x D(x) for each picture, flattened to (n, C H W); differentiable by the discriminator's weights."""
    with torch.autocast(images.device.type, enabled=False):
        images = images.detach().to(torch.promote_types(images.dtype, torch.float32)).requires_grad_()
        (gradient,) = torch.autograd.grad(score(images).sum(), images, create_graph=True)
        return gradient.flatten(1)


def zero_centered_gradient_penalty(score: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """1/2 E ||grad_x D(x)||^2: R1 on real pictures (Mescheder et al. 2018, arXiv:1801.04406), R2 on generated ones."""
    return _gradients(score, images).square().sum(1).mean() / 2


def wgan_gp(score: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, t: Tensor) -> Tensor:
    """E (||grad_x D(x)|| - 1)^2 at x = t real + (1 - t) fake (WGAN-GP: Gulrajani et al. 2017, arXiv:1704.00028,
    equation 3).

    t: (n,) uniform in 0..1.
    """
    t = t.view(-1, *[1] * (real.ndim - 1)).to(real)
    return (_gradients(score, t * real + (1 - t) * fake.to(real)).norm(dim=1) - 1).square().mean()


@torch.no_grad()
def clip_weights(network: nn.Module, bound: float) -> None:
    """Clamp every weight to [-bound, bound], which limits the slope of a critic (Arjovsky et al. 2017,
    arXiv:1701.07875)."""
    for parameter in network.parameters():
        parameter.clamp_(-bound, bound)
