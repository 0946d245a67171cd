"""DCGAN: shapes at each size, the paper's initialisation, the variants of normalisation and conditioning."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gan_models.errors import InvalidConfig, InvalidInput
from gan_models.networks.base import encode_labels
from gan_models.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from gan_models.networks.layers import FromPoint, pyramid
from gan_models.networks.resnet import ResNetDiscriminator

CLASSES = ["a", "b", "c"]


@pytest.fixture(autouse=True)
def same_weights_each_time():
    torch.manual_seed(0)


@pytest.mark.parametrize(
    "size, smallest, steps", [(28, 7, 2), (32, 4, 3), (64, 4, 4), (128, 4, 5), (48, 6, 3), (8, 4, 1)]
)
def test_the_pyramid_halves_down_to_4_to_7(size, smallest, steps):
    assert pyramid(size, 8) == (smallest, [8 * 2**k for k in range(steps)])


@pytest.mark.parametrize("size", [30, 36, 63, 65, 100])
def test_a_size_that_does_not_halve_is_refused(size):
    with pytest.raises(InvalidConfig, match="halving"):
        DCGANGenerator(image_size=size, width=4)


@pytest.mark.parametrize("size, channels", [(28, 1), (32, 3), (64, 3)])
@pytest.mark.parametrize("conditioning", [{}, {"labels": CLASSES}, {"labels": CLASSES, "multi_label": True}])
def test_shapes(size, channels, conditioning):
    generator = DCGANGenerator(image_size=size, image_channels=channels, latent_dim=12, width=4, **conditioning)
    labels = generator.sample_labels(3, seed=0)
    pictures = generator.generate(generator.sample_latents(3, seed=0), labels)
    assert pictures.shape == (3, channels, size, size) and pictures.abs().max() <= 1
    encoded = None if labels is None else encode_labels(labels, generator.labels, generator.multi_label)
    verdict = DCGANDiscriminator(image_size=size, image_channels=channels, width=4, auxiliary=True, **conditioning)(
        pictures, encoded
    )
    assert verdict.scores.shape == (3,)
    assert verdict.features.shape[:2] == (3, pyramid(size, 4)[1][-1])
    assert (verdict.logits is None) if labels is None else verdict.logits.shape == (3, 3)


def test_the_default_generator_is_the_papers():
    """Radford et al.: 4x4 x 512 (= 8 x 64) channels, then 256, 128, 64, each twice the size; no bias before
    BatchNorm."""
    layers = [layer for layer in DCGANGenerator().layers if isinstance(layer, nn.ConvTranspose2d)]
    assert [layer.out_channels for layer in layers] == [512, 256, 128, 64, 3]
    assert [layer.bias is None for layer in layers] == [True] * 4 + [False]
    assert isinstance(DCGANGenerator().layers[-1], nn.Tanh)


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [4, (3, 5)])
def test_a_matrix_product_is_a_transposed_convolution_of_a_point(memory, size):
    layer, points = FromPoint(6, 8, size, bias=False).to(memory_format=memory), torch.randn(3, 6, 1, 1)
    maps, wanted = layer(points), F.conv_transpose2d(points, layer.weight)
    torch.testing.assert_close(maps, wanted, rtol=1e-5, atol=1e-5)
    towards = torch.randn_like(wanted)
    (gradient,), (expected,) = (torch.autograd.grad(y, layer.weight, towards) for y in (maps, wanted))
    torch.testing.assert_close(gradient, expected, rtol=1e-5, atol=1e-5)


def test_weights_start_as_in_the_paper():
    for network in (DCGANGenerator(width=32), DCGANDiscriminator(width=32)):
        for layer in network.modules():
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)) and layer.weight.numel() > 1000:
                assert (
                    float(layer.weight.detach().std()) == pytest.approx(0.02, rel=0.1)
                    and abs(float(layer.weight.detach().mean())) < 0.003
                )
            if isinstance(layer, nn.BatchNorm2d) and layer.num_features >= 128:
                assert float(layer.weight.detach().mean()) == pytest.approx(1, abs=0.01)
                assert float(layer.weight.detach().std()) == pytest.approx(0.02, rel=0.5)
                assert not layer.bias.any()


def test_without_normalisation_the_signal_neither_dies_nor_explodes():
    """N(0, 0.02) would shrink the activations from layer to layer where nothing normalises them; He's scale keeps
    them."""
    discriminator = DCGANDiscriminator(width=16, normalisation="none")
    features = discriminator(torch.randn(8, 3, 64, 64)).features
    assert 0.2 < features.square().mean().sqrt() < 5


@pytest.mark.parametrize("normalisation, kinds", [("batch", 3), ("spectral", 0), ("none", 0)])
def test_batch_normalisation_is_on_all_but_the_first_layer(normalisation, kinds):
    layers = list(DCGANDiscriminator(width=4, normalisation=normalisation).layers)
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in layers) == kinds
    assert isinstance(layers[0], nn.Conv2d) and isinstance(layers[1], nn.LeakyReLU)


def test_spectral_normalisation_bounds_every_layer():
    discriminator = DCGANDiscriminator(image_size=32, width=8, labels=CLASSES, auxiliary=True, normalisation="spectral")
    for _ in range(30):  # power iterations, one a training step
        discriminator(torch.randn(1, 3, 32, 32), torch.zeros(1, 3))
    convolutions = [layer for layer in discriminator.modules() if isinstance(layer, nn.Conv2d)]
    assert len(convolutions) == 6
    for layer in convolutions:
        assert float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)) == pytest.approx(1, abs=0.05)


def test_with_no_normalisation_each_picture_is_judged_alone():
    """What a gradient penalty needs: with BatchNorm the score of one picture depends on the others."""
    pictures = torch.randn(4, 3, 32, 32)
    alone = DCGANDiscriminator(image_size=32, width=4, normalisation="none")
    torch.testing.assert_close(alone(pictures).scores[:2], alone(pictures[:2]).scores)
    together = DCGANDiscriminator(image_size=32, width=4, normalisation="batch")
    assert not torch.allclose(together(pictures).scores[:2], together(pictures[:2]).scores, atol=1e-4)


def test_the_projection_adds_the_score_of_the_label():
    """f(x, y) = psi(phi(x)) + <E y, phi(x)> (Miyato and Koyama 2018, eq. 3), by hand."""
    discriminator = DCGANDiscriminator(image_size=16, width=4, labels=CLASSES, normalisation="none")
    pictures = torch.randn(2, 3, 16, 16)
    labels = torch.tensor([[0.0, 1, 0], [0.6, 0, -0.8]])
    verdict = discriminator(pictures, labels)
    phi = verdict.features.flatten(1)
    psi = phi @ discriminator.score.weight.flatten() + discriminator.score.bias
    embedded = labels @ discriminator.embedding.weight.flatten(1)
    torch.testing.assert_close(
        verdict.scores, psi + (embedded * phi).sum(1) + labels @ discriminator.embedding.bias, rtol=1e-4, atol=1e-5
    )


def test_conditioning_can_be_left_to_the_classifier():
    discriminator = DCGANDiscriminator(image_size=16, width=4, labels=CLASSES, projection=False, auxiliary=True)
    assert discriminator.embedding is None and discriminator(torch.randn(2, 3, 16, 16)).logits.shape == (2, 3)


@pytest.mark.parametrize("normalisation", ["batch", "spectral", "none"])
def test_every_parameter_learns(normalisation):
    generator = DCGANGenerator(image_size=16, latent_dim=6, width=4, labels=CLASSES)
    discriminator = DCGANDiscriminator(
        image_size=16, width=4, labels=CLASSES, auxiliary=True, normalisation=normalisation
    )
    labels = torch.arange(12) % 3
    pictures = generator.generate(generator.sample_latents(12, seed=0), labels)
    verdict = discriminator(pictures, encode_labels(labels, generator.labels, False))
    (verdict.scores.sum() + verdict.logits.square().sum()).backward()
    for name, value in [*generator.named_parameters(), *discriminator.named_parameters()]:
        assert value.grad is not None and value.grad.abs().sum() > 0, name


@pytest.mark.parametrize(
    "arguments", [{"width": 257}, {"latent_dim": 0}, {"embedding_dim": 2.0}, {"image_channels": 5}]
)
def test_sizes_out_of_range_are_refused(arguments):
    with pytest.raises(InvalidConfig, match=next(iter(arguments))):
        DCGANGenerator(**arguments)


def test_an_unknown_normalisation_is_refused():
    with pytest.raises(InvalidConfig, match="batch, spectral, none"):
        DCGANDiscriminator(normalisation="instance")


@pytest.mark.parametrize("network", [DCGANDiscriminator, ResNetDiscriminator])
def test_a_discriminator_of_labels_needs_labels(network):
    discriminator = network(image_size=16, width=4, labels=CLASSES)
    with pytest.raises(InvalidInput, match="needs labels"):
        discriminator(torch.zeros(1, 3, 16, 16))
