"""A discriminator that reads by the generator's convolutions."""

import torch
from torch import nn
from torch.nn import functional as F

from gan_models.networks.dcgan import DCGANGenerator
from gan_models.networks.tied import TiedDiscriminator


def networks(size=28):
    torch.manual_seed(0)
    generator = DCGANGenerator(image_size=size, image_channels=1, latent_dim=5, width=4)
    return generator, TiedDiscriminator(generator)


def test_a_transposed_convolution_run_backwards_is_a_convolution():
    """<conv_transpose(z), x> = <z, conv(x)> for the same weight: what makes the two halves one."""
    layer = networks()[0].layers[-2]
    z, x = torch.randn(1, layer.in_channels, 14, 14), torch.randn(1, 1, 28, 28)
    up = F.conv_transpose2d(z, layer.weight, None, 2, 1)
    torch.testing.assert_close((up * x).sum(), (z * F.conv2d(x, layer.weight, None, 2, 1)).sum(), rtol=1e-4, atol=1e-5)


def test_it_has_no_convolutions_of_its_own():
    for size in (28, 32, 64):
        generator, discriminator = networks(size)
        assert not any(isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)) for layer in discriminator.modules())
        own = sum(p.numel() for p in discriminator.parameters())
        assert own < sum(p.numel() for p in generator.parameters()) / 5
        verdict = discriminator(torch.randn(3, 1, size, size))
        assert verdict.scores.shape == (3,) and verdict.features.shape == (3, 5)


def test_frozen_it_leaves_the_shared_weights_alone_but_passes_gradients_to_the_picture():
    generator, discriminator = networks()
    images = torch.randn(2, 1, 28, 28, requires_grad=True)
    discriminator.requires_grad_(False)
    discriminator(images).scores.sum().backward()
    assert images.grad.abs().max() > 0 and all(
        p.grad is None for p in [*generator.parameters(), *discriminator.parameters()]
    )
    discriminator.requires_grad_(True)
    discriminator(images).scores.sum().backward()
    assert all(p.grad is not None for p in discriminator.trained().values())
    assert sum(p.grad is not None for p in generator.parameters()) == 3  # the convolutions
