"""Gradient penalties against gradients known by hand; clipped weights."""

import pytest
import torch
from torch import nn
from torch._dynamo.utils import counters

from gan_models.networks.base import Discriminator, DiscriminatorOutput
from gan_models.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from gan_models.networks.mlp import MLPDiscriminator
from training import penalties
from training.games.adversarial import Adversarial, Batch
from training.games.state import State
from training.penalties import clip_weights, wgan_gp
from training.recipes import RECIPES
from training.settings import change


class Quadratic(Discriminator):
    """D(x) = 1/2 x'Ax + b'x, so grad_x D = (A + A')x / 2 + b."""

    def __init__(self, n: int):
        super().__init__()
        self.a, self.b = (
            nn.Parameter(torch.randn(n, n, dtype=torch.float64)),
            nn.Parameter(torch.randn(n, dtype=torch.float64)),
        )

    def forward(self, images, labels=None):
        x = images.flatten(1)
        return DiscriminatorOutput((x @ self.a * x).sum(1) / 2 + x @ self.b, x)


class Watched(DCGANDiscriminator):
    """Remembers in what precision it computed."""

    def forward(self, images, labels=None):
        verdict = super().forward(images, labels)
        self.seen = images.dtype, verdict.features.dtype, verdict.scores.dtype
        return verdict


def zero_centred(discriminator, images, labels):
    """R1 as the games ask for it: the discriminator as a function of the pictures."""
    return penalties.zero_centered_gradient_penalty(lambda x: discriminator(x, labels).scores, images)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def test_it_is_half_the_mean_squared_gradient():
    discriminator, images = Quadratic(12), torch.randn(5, 3, 2, 2, dtype=torch.float64)
    a, b = discriminator.a.detach(), discriminator.b.detach()
    by_hand = sum((((a + a.T) @ x / 2 + b) ** 2).sum() for x in images.flatten(1)) / 5 / 2
    penalty = zero_centred(discriminator, images, None)
    assert penalty.dtype == torch.float64
    torch.testing.assert_close(penalty.detach(), by_hand, rtol=1e-12, atol=0)


def test_its_gradient_with_respect_to_the_weights_is_that_of_the_formula():
    discriminator, images = Quadratic(4), torch.randn(6, 1, 2, 2, dtype=torch.float64)
    zero_centred(discriminator, images, None).backward()
    a, b = (p.detach().clone().requires_grad_() for p in (discriminator.a, discriminator.b))
    (((images.flatten(1) @ (a + a.T) / 2 + b) ** 2).sum(1).mean() / 2).backward()
    assert a.grad.norm() > 0.1 and b.grad.norm() > 0.1
    torch.testing.assert_close(discriminator.a.grad, a.grad)
    torch.testing.assert_close(discriminator.b.grad, b.grad)


def test_it_is_zero_for_a_discriminator_that_does_not_look():
    discriminator = Quadratic(4)
    nn.init.zeros_(discriminator.a), nn.init.zeros_(discriminator.b)
    assert zero_centred(discriminator, torch.randn(2, 1, 2, 2, dtype=torch.float64), None) == 0


def test_it_does_not_depend_on_how_many_pictures_there_are():
    discriminator, images = Quadratic(4), torch.randn(3, 1, 2, 2, dtype=torch.float64)
    once, twice = (zero_centred(discriminator, x, None) for x in (images, torch.cat([images, images])))
    torch.testing.assert_close(once, twice)


def test_it_asks_about_the_labels_that_the_pictures_have():
    discriminator = DCGANDiscriminator(8, 1, 4, labels=["a", "b"], normalisation="none")
    images = torch.randn(2, 1, 8, 8)
    a, b = (zero_centred(discriminator, images, torch.eye(2)[[k, k]]).item() for k in (0, 1))
    assert a != b


def test_pictures_and_their_past_get_no_gradient():
    discriminator, latents = MLPDiscriminator(4, 1, 8, dropout=0.0), torch.randn(2, 1, 4, 4, requires_grad=True)
    zero_centred(discriminator, latents * 2, None).backward()
    assert latents.grad is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_inside_autocast_it_computes_in_float32_and_still_trains_the_weights(dtype):
    discriminator = Watched(8, 1, 4, normalisation="none")
    images = torch.randn(4, 1, 8, 8).to(dtype)  # generated ones come out of autocast in half precision
    plain = zero_centred(discriminator, images.float(), None)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        discriminator(images)
        assert discriminator.seen[1] == torch.bfloat16  # so autocast is on
        penalty = zero_centred(discriminator, images, None)
    assert discriminator.seen == (torch.float32,) * 3 and penalty.dtype == torch.float32
    assert penalty == plain
    penalty.backward()
    weights = [layer.weight.grad for layer in discriminator.modules() if isinstance(layer, nn.Conv2d)]
    assert weights and all(gradient.abs().max() > 1e-4 for gradient in weights)


def test_the_one_centred_penalty_is_its_formula_between_real_and_generated():
    discriminator, (real, fake) = Quadratic(12), torch.randn(2, 5, 3, 2, 2, dtype=torch.float64)
    t = torch.rand(5, dtype=torch.float64)
    a, b = discriminator.a.detach(), discriminator.b.detach()
    between = [w * x + (1 - w) * y for w, x, y in zip(t, real.flatten(1), fake.flatten(1))]
    by_hand = sum(((((a + a.T) @ x / 2 + b) ** 2).sum().sqrt() - 1) ** 2 for x in between) / 5
    penalty = wgan_gp(lambda x: discriminator(x).scores, real, fake, t)
    torch.testing.assert_close(penalty.detach(), by_hand, rtol=1e-12, atol=0)
    penalty.backward()
    assert discriminator.a.grad.norm() > 0.1 and discriminator.b.grad.norm() > 0.1


def test_the_one_centred_penalty_inside_autocast_is_in_float32_and_trains_the_weights():
    discriminator, (real, fake), t = Watched(8, 1, 4, normalisation="none"), torch.randn(2, 4, 1, 8, 8), torch.rand(4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        penalty = wgan_gp(lambda x: discriminator(x).scores, real, fake.bfloat16(), t)
    assert discriminator.seen == (torch.float32,) * 3 and penalty.dtype == torch.float32
    penalty.backward()
    assert all(
        layer.weight.grad.abs().max() > 1e-4 for layer in discriminator.modules() if isinstance(layer, nn.Conv2d)
    )


@pytest.fixture(scope="module")
def generators() -> dict[str, nn.Module]:
    """One tiny generator, compiled and not. "aot_eager" traces forward and backward as any backend does, and needs no C
    compiler."""
    torch.manual_seed(0)
    plain = DCGANGenerator(8, 1, latent_dim=3, width=4)
    compiled, before = torch.compile(plain, backend="aot_eager"), counters["stats"]["unique_graphs"]
    compiled(torch.randn(4, 3))
    assert counters["stats"]["unique_graphs"] == before + 1 and not counters["graph_break"]  # all of it, in one piece
    return {"plain": plain, "compiled": compiled}


def losses_gradients(generator, settings: list[str], dtype) -> tuple[dict, dict]:
    """Of the discriminator's loss of the game with these settings: its scalars, and its gradient with respect to each
    weight."""
    torch.manual_seed(1)
    recipe = change(RECIPES["mnist-dcgan"], ["r1=0", *settings])
    discriminator = DCGANDiscriminator(8, 1, 4, normalisation="none")
    game, state = Adversarial(recipe, torch.device("cpu")), State(generator, discriminator, generator, None, None)
    batch = Batch(torch.rand(4, 1, 8, 8) * 2 - 1, None, torch.randn(4, 3), 0, 0)
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        generated = game.generate(state, batch)
        assert generated.fake.requires_grad  # the graph of the generator is there, as in a step that moves both
        loss, scalars = game.discriminator_loss(state, batch, generated)
    loss.backward()
    assert all(parameter.grad is None for parameter in generator.parameters())
    return scalars, {name: parameter.grad for name, parameter in discriminator.named_parameters()}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("penalty", ["r1", "r2", "gradient_penalty"])
def test_a_games_penalty_trains_the_weights_when_the_generator_is_compiled(generators, penalty, dtype):
    settings = [f"{penalty}=10"]
    expected, wanted = losses_gradients(generators["plain"], settings, dtype)
    scalars, gradients = losses_gradients(generators["compiled"], settings, dtype)
    precision = {torch.float32: 1e-4, torch.bfloat16: 1e-2}[dtype]  # of a generated picture
    torch.testing.assert_close(scalars[penalty], expected[penalty], rtol=precision, atol=0)
    _, without = losses_gradients(generators["compiled"], [], dtype)
    for name, gradient in gradients.items():
        scale = wanted[name].abs().max().item()
        torch.testing.assert_close(
            gradient, wanted[name], rtol=precision, atol=precision * scale, msg=lambda message: f"{name}: {message}"
        )
        if name.endswith("weight"):
            assert (gradient - without[name]).abs().max() > 10 * precision * scale, f"the penalty does not move {name}"


def test_clipped_weights_are_within_the_bound_and_others_untouched():
    layer = nn.Linear(50, 50)
    before = layer.weight.detach().clone()
    clip_weights(layer, 0.05)
    assert layer.weight.abs().max() <= 0.05 and layer.bias.abs().max() <= 0.05
    inside = before.abs() <= 0.05
    assert 0 < inside.sum() < inside.numel() and torch.equal(layer.weight[inside], before[inside])
