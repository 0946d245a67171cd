"""What every generator offers: latents, labels and pictures, each checked before use."""

import inspect

import numpy as np
import pytest
import torch

from gan_models.errors import InvalidConfig, InvalidInput
from gan_models.networks import PAIRS
from gan_models.networks.base import Discriminator, Generator, check_labels, encode_labels
from gan_models.networks.dcgan import DCGANGenerator
from gan_models.networks.mlp import MLPGenerator

ATTRIBUTES = ["Smiling", "Male", "Eyeglasses"]


@pytest.fixture
def unconditional():
    return MLPGenerator(image_size=8, latent_dim=4, width=8).eval()


@pytest.fixture
def classes():
    return DCGANGenerator(image_size=16, image_channels=1, latent_dim=6, width=4, labels=["zero", "one", "two"]).eval()


@pytest.fixture
def attributes():
    model = DCGANGenerator(image_size=16, latent_dim=6, width=4, labels=ATTRIBUTES, multi_label=True).eval()
    model.label_table = torch.arange(256)[:, None] // torch.tensor([1, 2, 4]) % 2 * 1.0
    return model


def test_what_a_generator_says_of_itself(unconditional, classes, attributes):
    assert isinstance(classes, Generator)
    assert (unconditional.latent_dim, unconditional.image_shape, unconditional.labels) == (4, (1, 8, 8), None)
    assert (classes.image_shape, classes.labels, classes.multi_label) == ((1, 16, 16), ("zero", "one", "two"), False)
    assert (attributes.image_shape, attributes.labels, attributes.multi_label) == ((3, 16, 16), tuple(ATTRIBUTES), True)


def test_latents_are_those_of_the_seed_times_the_truncation(unconditional):
    full = unconditional.sample_latents(5, seed=1)
    assert full.shape == (5, 4) and full.dtype == torch.float32
    assert torch.equal(unconditional.sample_latents(2, seed=1), full[:2])
    assert torch.equal(unconditional.sample_latents(5, seed=1, truncation=0.5), full * 0.5)
    assert not unconditional.sample_latents(2, seed=1, truncation=0).any()


@pytest.mark.parametrize(
    "arguments",
    [
        {"n": 0},
        {"n": 10**9},
        {"n": 1, "seed": -1},
        {"n": 1, "truncation": -0.1},
        {"n": 1, "truncation": 2.1},
        {"n": 1, "truncation": float("nan")},
        {"n": 1, "truncation": "1"},
    ],
)
def test_latents_out_of_range_are_refused(unconditional, arguments):
    with pytest.raises(InvalidInput):
        unconditional.sample_latents(**arguments)


def test_sampled_labels_are_a_function_of_seed_and_index(unconditional, classes, attributes):
    assert unconditional.sample_labels(3, seed=1) is None
    for model in (classes, attributes):
        assert torch.equal(model.sample_labels(3, seed=1), model.sample_labels(50, seed=1)[:3])
        assert not torch.equal(model.sample_labels(50, seed=1), model.sample_labels(50, seed=2))
    drawn = classes.sample_labels(300, seed=0)
    assert drawn.dtype == torch.int64 and drawn.bincount(minlength=3).min() > 60
    rows = attributes.sample_labels(50, seed=0)
    assert rows.shape == (50, 3) and all((row == attributes.label_table).all(1).any() for row in rows)


def test_labels_are_encoded_for_the_networks():
    names = ("a", "b", "c")
    assert encode_labels(torch.tensor([2, 0]), names, False).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert encode_labels(torch.tensor([[1.0, 0.5, 0.0]]), names, True).tolist() == [[1, 0, -1]]
    assert encode_labels(torch.tensor([[0.5, 0.5, 0.0]]), names, False).tolist() == [[0.5, 0.5, 0]]


def test_pictures_depend_on_latents_and_labels_alone(unconditional, classes, attributes):
    for model, labels, other in (
        (classes, torch.tensor([0, 1]), torch.tensor([1, 1])),
        (attributes, torch.tensor([[0.0, 0, 0], [1, 1, 1]]), torch.tensor([[1.0, 0, 0], [1, 1, 1]])),
    ):
        points = model.sample_latents(2, seed=0)
        pictures = model.generate(points, labels)
        assert (
            pictures.shape == (2, *model.image_shape) and pictures.dtype == torch.float32 and pictures.abs().max() <= 1
        )
        changed = model.generate(points, other)
        assert torch.equal(changed[1], pictures[1]) and not torch.equal(changed[0], pictures[0])
        torch.testing.assert_close(model.generate(points[1:], labels[1:]), pictures[1:])
    points = unconditional.sample_latents(2, seed=0)
    assert torch.equal(unconditional.generate(points), unconditional.generate(points))


def test_classes_may_be_given_as_weights(classes):
    points = classes.sample_latents(2, seed=0)
    hard = classes.generate(points, torch.tensor([2, 0]))
    torch.testing.assert_close(classes.generate(points, torch.tensor([[0.0, 0, 1], [1, 0, 0]])), hard)
    torch.testing.assert_close(classes.generate(points, [2, 0]), hard)
    torch.testing.assert_close(classes.generate(points, np.array([2, 0])), hard)


def test_generating_is_differentiable_in_latents_and_labels(attributes):
    points = attributes.sample_latents(2, seed=0).requires_grad_()
    labels = torch.full((2, 3), 0.5, requires_grad=True)
    attributes.generate(points, labels).square().sum().backward()
    assert points.grad.abs().sum() > 0 and labels.grad.abs().sum() > 0


@pytest.mark.parametrize(
    "latents",
    [torch.zeros(2, 5), torch.zeros(6), torch.zeros(1, 2, 6), torch.zeros(2, 6, dtype=torch.long), [[0.0] * 6], None],
)
def test_other_latents_are_refused(classes, latents):
    with pytest.raises(InvalidInput, match="latents must be"):
        classes.generate(latents, torch.tensor([0, 1]))


@pytest.mark.parametrize(
    "labels",
    [
        None,
        torch.tensor([0, 3]),
        torch.tensor([-1, 0]),
        torch.tensor([0]),
        torch.tensor([0.0, 1.0]),
        torch.tensor([[2.0, 0, 0]] * 2),
        torch.full((2, 3), float("nan")),
        torch.zeros(2, 4),
        torch.tensor(1),
        ["zero", "one"],
        "zero",
        object(),
    ],
)
def test_other_labels_are_refused(classes, labels):
    with pytest.raises(InvalidInput, match="labels"):
        classes.generate(torch.zeros(2, 6), labels)


@pytest.mark.parametrize(
    "labels", [None, torch.tensor([0, 1]), torch.tensor([[1.5, 0, 0]] * 2), torch.tensor([[-0.1, 0, 0]] * 2)]
)
def test_other_attributes_are_refused(attributes, labels):
    with pytest.raises(InvalidInput, match="values from 0 to 1"):
        attributes.generate(torch.zeros(2, 6), labels)


def test_an_unconditional_model_takes_no_labels(unconditional):
    with pytest.raises(InvalidInput, match="unconditional"):
        unconditional.generate(torch.zeros(2, 4), torch.tensor([0, 1]))


def test_label_names_become_a_tuple():
    assert check_labels(["a", "b"], False) == check_labels(("a", "b"), False) == ("a", "b")
    assert check_labels(["a"], True) == ("a",)
    assert check_labels(None, False) is None


@pytest.mark.parametrize(
    "labels, multi_label",
    [
        (["a"], False),
        ([], True),
        (["a", "a"], False),
        (["a", ""], False),
        (["a", 1], False),
        (["a", "b" * 101], False),
        ("ab", False),
        ({"a": 1, "b": 2}, False),
        (3, False),
        ([[], []], False),
        ([{}, {}], False),
        (["a"] * 10**6, False),
        (["a", "b"], 1),
        (["a", "b"], None),
    ],
)
def test_other_label_names_are_refused(labels, multi_label):
    with pytest.raises(InvalidConfig) as caught:
        check_labels(labels, multi_label)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("network", dict.fromkeys(network for pair in PAIRS.values() for network in pair))
def test_what_a_network_can_do_is_what_its_arguments_say(network):
    arguments = inspect.signature(network).parameters
    assert network.takes_labels == ("multi_label" in arguments)
    if issubclass(network, Discriminator):
        default = [arguments["normalisation"].default] if "normalisation" in arguments else []
        assert list(network.normalisations[:1]) == default
