"""What keeps a discriminator smooth: gradient penalties and clipped weights.

Penalties are taken in (at least) float32 whatever the precision of the rest: squared gradients of a half-precision
network lose what they measure. `score` is the discriminator as a function of the pictures alone, (n, C, H, W) -> (n,);
keep it out of torch.compile, which loses the graph of second derivatives.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def _gradients(score: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """grad_x D(x) for each picture, flattened (n, C H W), differentiable with respect to the discriminator's
    weights."""
    with torch.autocast(images.device.type, enabled=False):
        images = images.detach().to(torch.promote_types(images.dtype, torch.float32)).requires_grad_()
        (gradient,) = torch.autograd.grad(score(images).sum(), images, create_graph=True)
        return gradient.flatten(1)


def zero_centered_gradient_penalty(score: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """1/2 E ||grad_x D(x)||^2. On real pictures it is R1 (Mescheder et al. 2018, arXiv:1801.04406), on generated ones
    R2."""
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
    """Every weight into [-bound, bound], which bounds the slope of a critic (Arjovsky et al. 2017,
    arXiv:1701.07875)."""
    for parameter in network.parameters():
        parameter.clamp_(-bound, bound)
