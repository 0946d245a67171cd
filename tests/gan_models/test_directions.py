"""Directions found without labels: those of SeFa's closed form, whatever the family."""

import pytest
import torch

from gan_models import InvalidInput, directions
from gan_models.networks.dcgan import DCGANGenerator
from gan_models.networks.editor import Editor
from gan_models.networks.encoding import EncodingGenerator
from gan_models.networks.infogan import InfoGANGenerator
from gan_models.networks.mlp import MLPGenerator
from gan_models.networks.resnet import ResNetGenerator


def ready(model):
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 2)
            module.running_var.uniform_(0.5, 2)
    return model.eval().requires_grad_(False)


def strongest(matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The right singular vectors of a matrix (outputs, latent_dim), and their shares of its squared norm."""
    _, values, vectors = torch.linalg.svd(matrix.double(), full_matrices=False)
    return vectors, values**2 / (values**2).sum()


def test_a_dcgans_are_the_singular_vectors_of_its_first_layer_and_its_norm():
    torch.manual_seed(0)
    model = ready(DCGANGenerator(28, 1, 16, 8, labels=list("abc")))
    layer, norm = model.layers[0], model.layers[1]
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    matrix = (layer.weight[:16] * scale[:, None, None]).flatten(1).T
    vectors, shares = strongest(matrix)
    found = directions.find_directions(model, 5)
    assert found.vectors.shape == (5, 16)
    assert torch.allclose((found.vectors.double() @ vectors[:5].T).abs(), torch.eye(5).double(), atol=1e-3)
    assert torch.allclose(found.strengths.double(), shares[:5], rtol=1e-3)
    assert torch.allclose(found.vectors @ found.vectors.T, torch.eye(5), atol=1e-5)
    assert (found.vectors.gather(1, found.vectors.abs().argmax(1, keepdim=True)) > 0).all()


def test_the_first_direction_changes_the_first_layer_more_than_others_do():
    torch.manual_seed(0)
    model = ready(MLPGenerator(width=32, latent_dim=20))
    found, layer = directions.find_directions(model), model.layers[0]
    random = torch.nn.functional.normalize(torch.randn(200, 20))
    assert len(found.vectors) == 10
    assert (random @ layer.weight.T).norm(dim=1).max() < (found.vectors[0] @ layer.weight.T).norm()
    assert (found.strengths.diff() <= 0).all() and found.strengths.sum() <= 1


def test_infogans_codes_are_left_alone():
    torch.manual_seed(0)
    model = ready(InfoGANGenerator(latent_dim=20, width=4, hidden=16, categories=10, continuous=2))
    found = directions.find_directions(model, 100)
    assert found.vectors.shape == (8, 20)  # those of the noise
    assert (found.vectors[:, :12].abs() < 1e-6).all()
    latents = model.sample_latents(3, seed=1)
    moved = directions.move(latents, found, [(0, 3.0), (7, -2.0)])
    for before, after in zip(model.codes(latents), model.codes(moved), strict=True):
        assert torch.equal(before, after)
    assert (model.generate(moved) != model.generate(latents)).any()


@pytest.mark.parametrize(
    "model",
    [
        ResNetGenerator(28, 1, 12, 8, labels=["a", "b"], multi_label=True),
        ResNetGenerator(28, 1, 12, 8),
        EncodingGenerator(28, 1, 12, 8),
        DCGANGenerator(28, 1, 3, 8),
        Editor(width=4, latent_dim=12, hidden=8),
    ],
    ids=lambda model: model.family,
)
def test_every_family_has_some_and_the_same_each_time(model):
    model = ready(model)
    found = directions.find_directions(model, 4)
    assert found.vectors.shape == (min(4, model.latent_dim), model.latent_dim)
    assert torch.equal(found.vectors, directions.find_directions(model, 4).vectors)
    assert torch.allclose(found.vectors.norm(dim=1), torch.ones(len(found.vectors)), atol=1e-5)
    assert not any(module._forward_hooks for module in model.modules())


def test_what_cannot_be_moved_gets_a_sentence():
    torch.manual_seed(0)
    found = directions.find_directions(ready(MLPGenerator(width=8, latent_dim=6)), 3)
    latents = torch.zeros(1, 6)
    assert torch.equal(directions.move(latents, found, []), latents)
    for steps in ([(3, 1.0)], [(-1, 1.0)], [(True, 1.0)], [(0, 6.0)], [(0, float("nan"))], [(0, "1")]):
        with pytest.raises(InvalidInput):
            directions.move(latents, found, steps)
