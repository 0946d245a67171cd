"""The GAN of 2014: shapes, the paper's initialisation, maxout by hand."""

import pytest
import torch

from gan_models.errors import InvalidConfig
from gan_models.networks.mlp import Maxout, MLPDiscriminator, MLPGenerator


@pytest.fixture(autouse=True)
def same_weights_each_time():
    torch.manual_seed(0)


@pytest.mark.parametrize("size, channels", [(28, 1), (32, 3)])
def test_shapes(size, channels):
    generator = MLPGenerator(image_size=size, image_channels=channels, latent_dim=10, width=32)
    pictures = generator.generate(generator.sample_latents(3, seed=0))
    assert pictures.shape == (3, channels, size, size) and pictures.abs().max() <= 1
    verdict = MLPDiscriminator(image_size=size, image_channels=channels, width=16)(pictures)
    assert verdict.scores.shape == (3,) and verdict.features.shape == (3, 16) and verdict.logits is None


def test_the_default_is_the_papers_network():
    """Two hidden layers of 1200 rectifiers; two maxout layers of 240 units with five pieces."""
    shapes = {name: tuple(value.shape) for name, value in MLPGenerator().named_parameters() if value.ndim == 2}
    assert list(shapes.values()) == [(1200, 100), (1200, 1200), (784, 1200)]
    shapes = {name: tuple(value.shape) for name, value in MLPDiscriminator().named_parameters() if value.ndim == 2}
    assert list(shapes.values()) == [(1200, 784), (1200, 240), (1, 240)]


def test_weights_start_uniform_and_biases_at_zero():
    for network in (MLPGenerator(width=200), MLPDiscriminator(width=100)):
        for name, value in network.named_parameters():
            if name.endswith("bias"):
                assert not value.any()
            else:
                assert value.abs().max() <= 0.05 and float(value.detach().std()) == pytest.approx(
                    0.05 / 3**0.5, rel=0.15
                )


def test_maxout_by_hand():
    layer = Maxout(3, 2, pieces=4)
    x = torch.randn(5, 3)
    weight, bias = layer.linear.weight.detach(), layer.linear.bias.detach()
    expected = [
        [max(float(weight[4 * unit + piece] @ row + bias[4 * unit + piece]) for piece in range(4)) for unit in range(2)]
        for row in x
    ]
    torch.testing.assert_close(layer(x), torch.tensor(expected))


def test_every_parameter_learns():
    generator, discriminator = MLPGenerator(image_size=8, width=16), MLPDiscriminator(image_size=8, width=8)
    discriminator(generator.generate(generator.sample_latents(64, seed=0))).scores.sum().backward()
    for name, value in [*generator.named_parameters(), *discriminator.named_parameters()]:
        assert value.grad is not None and value.grad.abs().sum() > 0, name


def test_dropout_is_of_the_training_alone():
    discriminator = MLPDiscriminator(image_size=8, width=8)
    pictures = torch.randn(4, 1, 8, 8)
    assert not torch.equal(discriminator(pictures).scores, discriminator(pictures).scores)
    discriminator.eval()
    assert torch.equal(discriminator(pictures).scores, discriminator(pictures).scores)


@pytest.mark.parametrize(
    "arguments", [{"image_size": 3}, {"width": 0}, {"depth": 9}, {"latent_dim": 10**9}, {"image_channels": True}]
)
def test_sizes_out_of_range_are_refused(arguments):
    with pytest.raises(InvalidConfig, match=next(iter(arguments))):
        MLPGenerator(**arguments)
