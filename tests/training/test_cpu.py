"""What makes a CPU faster computes the same."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gan_models.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from training import cpu, penalties
from training.data import open_dataset
from training.settings import change, find
from training.starting import build_state

pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture(autouse=True)
def without_matrix_instructions(monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)


@pytest.mark.parametrize("transposed", [False, True])
def test_every_gradient_is_that_of_the_convolution(transposed):
    """First and second derivatives, in float64, by finite differences and beside PyTorch's own."""
    random = torch.Generator().manual_seed(0)
    images = torch.randn(2, 3, 4, 4, generator=random, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(
        *((3, 2) if transposed else (2, 3)), 4, 4, generator=random, dtype=torch.float64, requires_grad=True
    )
    strided = lambda images, weight: cpu.Strided.apply(images, weight, transposed)
    plain = lambda images, weight: (F.conv_transpose2d if transposed else F.conv2d)(images, weight, stride=2, padding=1)
    assert torch.equal(strided(images, weight), plain(images, weight))
    assert torch.autograd.gradcheck(strided, (images, weight)) and torch.autograd.gradgradcheck(
        strided, (images, weight)
    )
    ours, theirs = (
        torch.autograd.grad(call(images, weight).square().sum(), (images, weight)) for call in (strided, plain)
    )
    assert all(torch.allclose(a, b) for a, b in zip(ours, theirs))


def test_a_network_keeps_its_weights_scores_and_gradients():
    """Beside the same network as it was, in bfloat16: as near as two orders of adding up are; and its penalty's
    gradients too."""
    torch.manual_seed(0)
    network, other = (DCGANDiscriminator(width=16, normalisation="none") for _ in range(2))
    other.load_state_dict(network.state_dict())
    cpu.faster(network)
    assert [type(layer) for layer in network.layers if isinstance(layer, nn.Conv2d)] == [cpu._Conv2d] * 4
    assert list(network.state_dict()) == list(other.state_dict())
    images, results = torch.rand(8, 3, 64, 64) * 2 - 1, []
    for each in (network, other):
        with torch.autocast("cpu", torch.bfloat16):
            scores = each(images).scores
            loss = F.softplus(-scores.float()).mean() + penalties.zero_centered_gradient_penalty(
                lambda pictures: each(pictures).scores, images
            )
        loss.backward()
        results.append([scores.detach(), *(p.grad for p in each.parameters())])
    for ours, theirs in zip(*results):
        assert ours.dtype == theirs.dtype and (ours - theirs).norm() <= 0.02 * theirs.norm()
    assert torch.equal(network(images).scores, other(images).scores), "without autocast the layers are PyTorch's own"


def test_only_small_maps_in_bfloat16_and_with_gradients_go_the_other_way(monkeypatch):
    calls = []
    apply = cpu.Strided.apply
    monkeypatch.setattr(
        cpu.Strided, "apply", lambda images, *more: calls.append(tuple(images.shape[1:])) or apply(images, *more)
    )
    generator = DCGANGenerator(width=8)
    cpu.faster(generator)
    with torch.autocast("cpu", torch.bfloat16):
        generator(torch.randn(2, 128))
        assert calls == [(64, 4, 4)]
        with torch.no_grad():
            generator(torch.randn(2, 128))
    generator(torch.randn(2, 128))
    assert len(calls) == 1


def test_with_matrix_instructions_all_stays_as_it_is(monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    generator = DCGANGenerator(width=8)
    cpu.faster(generator)
    assert not any(isinstance(layer, cpu._Faster) for layer in generator.modules())


def test_both_players_of_a_run_are_faster_and_what_is_kept_is_not(tiny_root):
    recipe = change(find("celeba-dcgan"), ["batch_size=8"])
    state = build_state(recipe, open_dataset("celeba", tiny_root, 64), 0, torch.device("cpu"))
    count = lambda network: sum(isinstance(layer, cpu._Faster) for layer in network.modules())
    assert (count(state.generator), count(state.discriminator), count(state.ema)) == (4, 4, 0)


def test_the_two_precisions_of_this_cpu_are_timed():
    ticks = itertools.count()
    assert cpu.bf16_speedup(0.0, clock=lambda: next(ticks)) == 1.0  # a clock on which everything takes as long
    speedup = cpu.bf16_speedup(0.0)
    assert 0.01 < speedup < 100
    assert isinstance(cpu.has_bf16(), bool)
