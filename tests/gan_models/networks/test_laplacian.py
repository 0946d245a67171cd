"""Two stages: the smaller generator stays, and the details are added to its enlarged pictures."""

import pytest
import torch
from torch.nn.functional import interpolate

from gan_models.errors import InvalidConfig, InvalidInput
from gan_models.networks import load
from gan_models.networks.dcgan import DCGANGenerator
from gan_models.networks.invertible import InvertibleGenerator
from gan_models.networks.laplacian import AT_ONCE, LaplacianGenerator
from gan_models.networks.layers import doubled

LABELS = ["Smiling", "Male"]
OF_BOTH = {"latent_dim": 8, "width": 8, "labels": LABELS, "multi_label": True}


def pair(kind=DCGANGenerator):
    """A smaller generator with pictures that differ, and one of two stages that took it."""
    torch.manual_seed(0)
    small = kind(16, 3, **OF_BOTH)
    torch.nn.init.normal_(small.layers[-2].weight, 0, 0.3)
    small.label_table.uniform_()
    large = LaplacianGenerator(32, **OF_BOTH, details_width=4)
    large.adopt(small.eval())
    return small, large.eval()


@pytest.mark.parametrize("kind", [DCGANGenerator, InvertibleGenerator])
def test_at_first_it_draws_the_smaller_pictures_enlarged(kind):
    small, large = pair(kind)
    latents, labels = large.sample_latents(4, seed=3), large.sample_labels(4, seed=3)
    assert torch.equal(labels, small.sample_labels(4, seed=3)) and torch.equal(latents, small.sample_latents(4, seed=3))
    picture, base = large.both(latents, labels * 2 - 1)
    torch.testing.assert_close(base, small.generate(latents, labels))
    wanted = interpolate(base, (32, 32), mode="bicubic").clamp(-0.999, 0.999)
    torch.testing.assert_close(picture, wanted, atol=1e-4, rtol=0)
    assert torch.equal(picture, large.generate(latents, labels))


@pytest.mark.parametrize("shape", [(2, 3, 16, 16), (1, 1, 5, 9), (1, 2, 2, 2)])
def test_pictures_are_enlarged_by_bicubic_interpolation(shape):
    pictures = torch.randn(shape)
    wanted = interpolate(pictures, scale_factor=2, mode="bicubic")
    torch.testing.assert_close(doubled(pictures), wanted, rtol=1e-5, atol=1e-5)


def test_many_pictures_are_those_that_are_drawn_one_by_one():
    _, large = pair()
    torch.nn.init.normal_(large.details.fine[-1].weight, 0, 0.1)
    n = 2 * AT_ONCE + 1
    latents, labels = large.sample_latents(n, seed=3), large.sample_labels(n, seed=3)
    alone = [large.generate(latents[k : k + 1], labels[k : k + 1]) for k in range(n)]
    torch.testing.assert_close(large.generate(latents, labels), torch.cat(alone), rtol=1e-5, atol=1e-5)


def test_only_the_details_are_trained():
    _, large = pair()
    large.train()
    before = {name: value.clone() for name, value in large.base.state_dict().items()}
    large(torch.randn(8, 8), torch.ones(8, 2)).square().mean().backward()
    assert all(torch.equal(before[name], value) for name, value in large.base.state_dict().items())  # BatchNorm too
    assert {name.split(".")[0] for name, p in large.named_parameters() if p.grad is not None} == {"details"}


def test_latents_have_a_gradient():
    _, large = pair()
    latents = torch.randn(2, 8, requires_grad=True)
    large.generate(latents, torch.ones(2, 2)).sum().backward()
    assert latents.grad.abs().sum() > 0


def test_it_is_saved_and_loaded_whole(tmp_path):
    _, large = pair()
    torch.nn.init.normal_(large.details.fine[-1].weight, 0, 0.1)
    large.save_pretrained(tmp_path)
    again, latents = load(tmp_path), large.sample_latents(2, seed=1)
    assert again.family == "laplacian" and torch.equal(again.label_table, large.label_table)
    pictures = [
        model.generate(latents, torch.ones(2, 2)) for model in (again, large.to(memory_format=torch.channels_last))
    ]
    assert torch.equal(*pictures)


@pytest.mark.parametrize(
    "other",
    [{"width": 4}, {"latent_dim": 9}, {"labels": ["Male", "Smiling"]}, {"multi_label": False}, {"image_size": 32}],
)
def test_a_generator_that_does_not_fit_is_refused(other):
    large = LaplacianGenerator(32, **OF_BOTH, details_width=4)
    with pytest.raises(InvalidInput, match="a DCGAN of 16 x 16 pixels with 8 latents and the labels Smiling, Male"):
        large.adopt(DCGANGenerator(**{"image_size": 16} | OF_BOTH | other))


@pytest.mark.parametrize("size", [30, 512, [32, 64]])
def test_sizes_that_cannot_be_halved_are_refused(size):
    with pytest.raises(InvalidConfig, match="image_size"):
        LaplacianGenerator(size)


def test_classes_are_no_attributes_of_the_same_names():
    large = LaplacianGenerator(32, **OF_BOTH | {"multi_label": False}, details_width=4)
    with pytest.raises(InvalidInput, match="a DCGAN of 16 x 16"):
        large.adopt(DCGANGenerator(16, **OF_BOTH))
