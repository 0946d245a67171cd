"""Codes are read from ordinary latents, and can be set."""

import numpy as np
import pytest
import torch

from gan_models.errors import InvalidConfig, InvalidInput
from gan_models.model_folder import save
from gan_models.networks import load
from gan_models.networks.infogan import InfoGANDiscriminator, InfoGANGenerator


@pytest.fixture(scope="module")
def generator() -> InfoGANGenerator:
    torch.manual_seed(0)
    return InfoGANGenerator(width=4, latent_dim=20).eval()


def test_codes_of_sampled_latents_are_uniform(generator):
    categories, continuous = generator.codes(generator.sample_latents(4000, seed=0))
    assert categories.dtype == torch.int64 and continuous.shape == (4000, 2)
    counts = torch.bincount(categories, minlength=10)
    assert ((counts - 400) ** 2 / 400).sum() < 33  # chi-squared with 9 degrees of freedom: 1 in 10,000
    for column in continuous.T:  # Kolmogorov-Smirnov against the uniform distribution on -1..1
        gap = (column.sort().values - (torch.arange(4000) + 0.5) / 4000 * 2 + 1).abs().max() / 2
        assert gap < 0.04


def test_setting_codes_sets_them_and_leaves_the_rest(generator):
    latents = generator.sample_latents(30, seed=1)
    wanted, values = torch.arange(30) % 10, torch.linspace(-0.9, 0.9, 60).view(30, 2)
    changed = generator.with_codes(latents, wanted, values)
    categories, continuous = generator.codes(changed)
    assert torch.equal(categories, wanted)
    torch.testing.assert_close(continuous, values, rtol=0, atol=1e-5)
    assert torch.equal(changed[:, 12:], latents[:, 12:])
    assert torch.equal(changed[:, :10].sort().values, latents[:, :10].sort().values)  # as likely as before
    assert torch.equal(generator.with_codes(latents), latents)


def test_the_ends_of_a_continuous_code_are_finite(generator):
    latents = generator.with_codes(
        generator.sample_latents(2, seed=0), continuous=torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    )
    assert latents.isfinite().all() and generator.codes(latents)[1].abs().min() > 0.99


@pytest.mark.parametrize(
    "codes",
    [
        {"categories": torch.tensor([10, 0])},
        {"categories": torch.tensor([-1, 0])},
        {"categories": torch.tensor([0.5, 0])},
        {"categories": torch.tensor([1])},
        {"continuous": torch.zeros(2, 3)},
        {"continuous": torch.tensor([[2.0, 0], [0, 0]])},
        {"continuous": torch.full((2, 2), float("nan"))},
    ],
)
def test_codes_that_do_not_fit_are_refused(generator, codes):
    with pytest.raises(
        InvalidInput, match=f"The {'categories' if 'categories' in codes else 'continuous codes'} must be"
    ):
        generator.with_codes(generator.sample_latents(2, seed=0), **codes)


def test_the_picture_is_a_function_of_the_codes_and_the_noise(generator):
    latents = generator.sample_latents(1, seed=2)
    base = generator.generate(latents)
    category = (generator.codes(latents)[0] + 1) % 10
    for changed in (
        generator.with_codes(latents, category),
        generator.with_codes(latents, continuous=torch.tensor([[0.9, 0.9]])),
        torch.cat([latents[:, :12], -latents[:, 12:]], 1),
    ):
        assert not torch.equal(generator.generate(changed), base)
    low = latents.clone()
    low[:, :10] -= 1  # the largest stays the largest: the same category, so the same picture
    torch.testing.assert_close(generator.generate(low), base)


def test_it_is_saved_and_loaded(generator, tmp_path):
    save(generator, tmp_path)
    again = load(tmp_path)
    latents = generator.sample_latents(2, seed=0)
    assert again.continuous == 2
    generator.to(memory_format=torch.channels_last)  # as loaded ones are
    assert torch.equal(again.generate(latents), generator.generate(latents))


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"latent_dim": 4}, "codes alone need 12"),
        ({"categories": 1}, "categories"),
        ({"continuous": -1}, "continuous"),
        ({"latent_dim": "a"}, "latent_dim"),
    ],
)
def test_configurations_that_make_no_sense(arguments, words):
    with pytest.raises(InvalidConfig, match=words):
        InfoGANGenerator(width=4, **arguments)


def test_the_discriminator_reads_as_many_codes():
    verdict = InfoGANDiscriminator(width=4, categories=5, continuous=3)(
        torch.from_numpy(np.zeros((2, 1, 28, 28), np.float32))
    )
    assert verdict.logits.shape == (2, 8) and verdict.scores.shape == (2,)
