"""R3GAN's networks."""

import pytest
import torch
from torch import nn

from gan_models.errors import InvalidConfig
from gan_models.model_folder import save
from gan_models.networks import load
from gan_models.networks.resnet import ResidualBlock, ResNetDiscriminator, ResNetGenerator
from training.penalties import zero_centered_gradient_penalty

SIZES = [(28, 2), (28, 1), (32, 2), (64, 1)]


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def wake(network: nn.Module) -> nn.Module:
    """Away from the start, where every block is the identity."""
    for block in (layer for layer in network.modules() if isinstance(layer, ResidualBlock)):
        nn.init.normal_(block.narrow.weight, 0, 0.1)
    return network


@pytest.mark.parametrize("size, patch", SIZES)
def test_pictures_have_the_size_and_scores_are_one_each(size, patch):
    shared = {"image_size": size, "image_channels": 3, "width": 8, "patch": patch, "group": 4}
    generator, discriminator = ResNetGenerator(**shared), ResNetDiscriminator(**shared)
    images = generator.generate(generator.sample_latents(2, seed=0))
    assert images.shape == (2, 3, size, size) and images.abs().max() <= 1 and images.std() > 0.02
    verdict = discriminator(images)
    assert verdict.scores.shape == (2,) and verdict.logits is None and verdict.scores.isfinite().all()


def test_there_is_no_normalisation_and_a_picture_does_not_depend_on_its_neighbours():
    generator, discriminator = ResNetGenerator(28, 1, width=8), ResNetDiscriminator(28, 1, width=8)
    norms = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)
    assert not any(isinstance(layer, norms) for network in (generator, discriminator) for layer in network.modules())
    latents = generator.sample_latents(4, seed=0)
    whole = generator.train().generate(latents)
    torch.testing.assert_close(generator.generate(latents[2:3]), whole[2:3], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(discriminator(whole[1:2]).scores, discriminator(whole).scores[1:2], rtol=1e-4, atol=1e-5)


def test_a_block_starts_as_the_identity_and_does_not_stay_it():
    block, x = ResidualBlock(16, 2, 8, depth=3), torch.randn(2, 16, 7, 7)
    assert torch.equal(block(x), x)
    block(x).square().sum().backward()
    assert block.narrow.weight.grad.abs().max() > 0
    assert block.mix.groups == 4 and block.mix.in_channels == 32


@pytest.mark.parametrize("depth", [1, 8])
def test_the_variance_neither_dies_nor_explodes(depth):
    discriminator = ResNetDiscriminator(64, 3, width=16, patch=1, blocks=depth)
    wake(discriminator)
    assert 0.05 < discriminator(torch.randn(8, 3, 64, 64)).features.std() < 20


def test_labels_are_told_to_both():
    labels = {"labels": ["a", "b", "c"], "multi_label": False}
    generator = ResNetGenerator(28, 1, width=8, **labels)
    discriminator = ResNetDiscriminator(28, 1, width=8, auxiliary=True, **labels)
    latents = generator.sample_latents(1, seed=0).expand(3, -1)
    images = generator.generate(latents, torch.arange(3))
    assert not torch.allclose(images[0], images[1])
    one = images[:1].expand(3, -1, -1, -1)
    verdict = discriminator(one, torch.eye(3))
    assert len(set(verdict.scores.tolist())) == 3 and verdict.logits.shape == (3, 3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_penalties_reach_every_weight_but_the_bias_of_the_score(dtype):
    discriminator = ResNetDiscriminator(28, 1, width=8).to(dtype)
    wake(discriminator)
    zero_centered_gradient_penalty(lambda x: discriminator(x).scores, torch.randn(2, 1, 28, 28, dtype=dtype)).backward()
    for name, parameter in discriminator.named_parameters():
        assert not name.endswith("weight") or parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("labels", [None, ["a", "b", "c"]])
@pytest.mark.parametrize("group", [1, 4, 64])  # depthwise, grouped, dense
@pytest.mark.parametrize("patch", [1, 2])
def test_every_weight_learns_in_half_precision_and_channels_last(patch, group, labels):
    shared = {"image_size": 16, "image_channels": 3, "width": 8, "patch": patch, "group": group, "labels": labels}
    networks = ResNetGenerator(**shared), ResNetDiscriminator(**shared, auxiliary=True)
    generator, discriminator = (network.to(memory_format=torch.channels_last) for network in map(wake, networks))
    encoded = None if labels is None else torch.eye(3)
    with torch.autocast("cpu", torch.bfloat16):
        verdict = discriminator(generator(torch.randn(3, 64), encoded), encoded)
    loss = verdict.scores.float().square().sum() + (0 if labels is None else verdict.logits.float().square().sum())
    loss.backward()
    for name, parameter in [*generator.named_parameters(), *discriminator.named_parameters()]:
        assert parameter.grad.isfinite().all() and parameter.grad.abs().max() > 0, name


def test_the_projection_adds_the_score_of_the_label():
    """f(x, y) = psi(phi(x)) + <E y, phi(x)> (Miyato and Koyama 2018, equation 3), by hand."""
    discriminator = ResNetDiscriminator(16, 1, width=8, labels=["a", "b", "c"], multi_label=True).double()
    images, labels = (
        torch.randn(2, 1, 16, 16, dtype=torch.float64),
        torch.tensor([[1.0, -1, 1], [1, 1, -1]], dtype=torch.float64),
    )
    scores, phi, _ = discriminator(images, labels)
    psi = phi @ discriminator.score.weight[0] + discriminator.score.bias
    embedded = phi @ discriminator.embedding.weight.T + discriminator.embedding.bias
    torch.testing.assert_close(scores, psi + (embedded * labels).sum(1) / 3**0.5)


def test_at_the_start_the_generator_is_its_basis_resized():
    """With all branches at zero: (basis x weights of the latent), bilinearly doubled, then painted."""
    generator = ResNetGenerator(16, 1, width=8, patch=1).double()
    latents = generator.sample_latents(2, seed=0).double()
    x = generator.basis * (latents @ generator.weigh.weight.T)[:, :, None, None]
    for stage in generator.stages:
        x = stage.to_width(x)
        x = nn.functional.interpolate(x, scale_factor=2, mode="bilinear") if stage.step else x
    torch.testing.assert_close(generator(latents), generator.paint(nn.functional.leaky_relu(x, 0.2)).tanh())


def test_it_is_saved_and_loaded(tmp_path):
    generator = ResNetGenerator(28, 1, width=8).eval()
    save(generator, tmp_path)
    latents = generator.sample_latents(2, seed=0)
    generator.to(memory_format=torch.channels_last)  # as loaded ones are
    assert torch.equal(load(tmp_path).generate(latents), generator.generate(latents))


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"group": 5}, "group = 5"),
        ({"patch": 3}, "patch"),
        ({"image_size": 29}, "29"),
        ({"blocks": 0}, "blocks"),
        ({"expansion": 99}, "expansion"),
        ({"width": 10**9}, "width"),
    ],
)
def test_configurations_that_make_no_sense(arguments, words):
    for network in (ResNetGenerator, ResNetDiscriminator):
        with pytest.raises(InvalidConfig, match=words):
            network(**({"image_size": 28, "width": 8} | arguments))
