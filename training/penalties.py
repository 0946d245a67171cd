"""Gradient penalties. They are taken in (at least) float32 whatever the precision of the rest: squared gradients of a half-precision
network lose what they measure."""

import torch
from torch import Tensor

from gan_models.base import Discriminator


def zero_centred(discriminator: Discriminator, images: Tensor, labels: Tensor | None) -> Tensor:
    """1/2 E ||grad_x D(x)||^2, differentiable with respect to the discriminator's weights.

    On real pictures it is R1 (Mescheder et al. 2018, arXiv:1801.04406), on generated ones R2. images: (n, C, H, W).
    """
    with torch.autocast(images.device.type, enabled=False):
        images = images.detach().to(torch.promote_types(images.dtype, torch.float32)).requires_grad_()
        scores = discriminator(images, labels).scores
        (gradient,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
        return gradient.square().flatten(1).sum(1).mean() / 2
