"""Encoders beside generators, pairs, and the autoencoder."""

import pytest
import torch

from gan_models.errors import InvalidConfig, InvalidInput
from gan_models.model_folder import save
from gan_models.networks import load
from gan_models.networks.dcgan import DCGANGenerator
from gan_models.networks.encoding import (
    Autoencoder,
    EncodingGenerator,
    PairDiscriminator,
)


@pytest.fixture(scope="module")
def generator() -> EncodingGenerator:
    torch.manual_seed(0)
    return EncodingGenerator(width=4, latent_dim=6).eval()


def test_it_encodes_into_its_own_latents(generator):
    latents = generator.encode(generator.generate(generator.sample_latents(3, seed=0)))
    assert latents.shape == (3, 6) and latents.dtype == torch.float32
    assert generator.generate(latents).shape == (3, 1, 28, 28)


def test_encoding_is_differentiable_and_does_not_depend_on_the_batch(generator):
    images = torch.randn(3, 1, 28, 28).tanh().requires_grad_()
    latents = generator.encode(images)
    torch.testing.assert_close(generator.encode(images[1:2]), latents[1:2], rtol=1e-5, atol=1e-6)
    latents.sum().backward()
    assert images.grad.abs().max() > 0


def test_the_encoder_travels_with_the_model(generator, tmp_path):
    save(generator, tmp_path)
    images = torch.randn(2, 1, 28, 28).tanh()
    generator.to(memory_format=torch.channels_last)  # as loaded ones are
    assert torch.equal(load(tmp_path).encode(images), generator.encode(images))


@pytest.mark.parametrize(
    "images",
    [
        torch.zeros(2, 1, 32, 32),
        torch.zeros(1, 28, 28),
        torch.zeros(2, 3, 28, 28),
        "a picture",
        torch.zeros(2, 1, 28, 28, dtype=torch.uint8),
    ],
)
def test_pictures_that_do_not_fit_are_refused(generator, images):
    with pytest.raises(InvalidInput, match=r"pictures must be floating-point numbers \(n, 1, 28, 28\)"):
        generator.encode(images)


def test_a_family_without_an_encoder_says_so():
    with pytest.raises(InvalidInput, match="family dcgan.* has no encoder"):
        DCGANGenerator(image_size=28, image_channels=1, width=4).encode(torch.zeros(1, 1, 28, 28))


def test_a_pair_is_judged_by_both_halves():
    discriminator = PairDiscriminator(width=4, latent_dim=6, hidden=8).eval()
    images, latents = torch.randn(2, 1, 28, 28), torch.randn(2, 6)
    scores = discriminator(images, None, latents).scores
    assert scores.shape == (2,)
    for other in (discriminator(images.flip(0), None, latents), discriminator(images, None, latents.flip(0))):
        assert not torch.allclose(other.scores, scores)
    with pytest.raises(InvalidConfig, match="batch, none"):
        PairDiscriminator(normalisation="spectral")


def test_an_autoencoder_goes_there_and_back():
    network = Autoencoder(width=4, code_dim=5).eval()
    images = torch.rand(3, 1, 28, 28) * 2 - 1
    codes = network.encode(images)
    assert codes.shape == (3, 5) and torch.equal(network.reconstruct(images), network.decode(codes))
    assert network.reconstruct(images).shape == images.shape
