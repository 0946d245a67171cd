"""Pictures that are not square, from the network to the folder and back."""

import json

import pytest
import torch

import gan_models
from gan_models import model_folder, sizes
from gan_models.errors import InvalidConfig
from gan_models.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from gan_models.networks.infogan import InfoGANGenerator
from gan_models.networks.resnet import ResNetDiscriminator, ResNetGenerator

PAIRS = [(DCGANGenerator, DCGANDiscriminator), (ResNetGenerator, ResNetDiscriminator)]


@pytest.mark.parametrize("generator, discriminator", PAIRS)
@pytest.mark.parametrize("size", [(24, 32), [96, 24]])
def test_generators_draw_what_discriminators_judge_and_folders_keep(tmp_path, generator, discriminator, size):
    torch.manual_seed(0)
    model = generator(size, 3, latent_dim=4, width=4, labels=["a", "b"]).eval()
    pictures = model.generate(model.sample_latents(3, seed=0), torch.tensor([0, 1, 0]))
    assert model.image_shape == (3, *size) and pictures.shape == (3, 3, *size)
    verdict = discriminator(size, 3, width=4, labels=["a", "b"], auxiliary=True)(pictures, torch.eye(2)[[0, 1, 0]])
    assert verdict.scores.shape == (3,) and verdict.logits.shape == (3, 2)
    pictures.square().mean().backward()
    assert all(p.grad is not None for p in model.parameters())

    model_folder.save(model, tmp_path / "model")
    assert json.loads((tmp_path / "model/config.json").read_text())["image_size"] == list(size)
    loaded = gan_models.load(tmp_path / "model")
    again = loaded.generate(loaded.sample_latents(3, seed=0), torch.tensor([0, 1, 0]))
    torch.testing.assert_close(again, pictures.detach(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("generator, discriminator", PAIRS)
def test_square_ones_are_the_same_either_way(generator, discriminator):
    for network in (generator, discriminator):
        made = []
        for size in (32, [32, 32]):
            torch.manual_seed(0)
            made.append(network(size, 3, width=4).state_dict())
        assert all(torch.equal(a, b) for a, b in zip(made[0].values(), made[1].values(), strict=True))


@pytest.mark.parametrize(
    "size",
    [[32], [32, 32, 32], [32, 0], [32, 300], [32, 33], [True, 32], ["32", 32], [16, 256], [32, 2.0], {"a": 1}, "32"],
)
@pytest.mark.parametrize("network", [network for pair in PAIRS for network in pair])
def test_sizes_that_cannot_be(network, size):
    with pytest.raises(InvalidConfig, match="image_size"):
        network(size)


def test_other_families_stay_square():
    with pytest.raises(InvalidConfig, match="image_size"):
        InfoGANGenerator([24, 32])


def test_sizes_in_words():
    assert sizes.in_words(64) == sizes.in_words([64, 64]) == "64" and sizes.in_words((96, 128)) == "128x96"
    assert sizes.parse("128x96") == (96, 128) and sizes.parse("64X64 ") == sizes.parse("64") == 64
    assert all(sizes.parse(text) is None for text in ("", "x", "12x", "1x2x3", "-3", "1.5", "999999"))
