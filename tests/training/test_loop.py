"""The loop: what a step does and does not touch, and of what alone it is a function."""

import dataclasses

import numpy as np
import pytest
import torch
from tiny import SMALL, accelerator, alone, tiny_root  # noqa: F401 (fixtures)
from tiny import digits as dataset

from training import loop
from training.losses import OBJECTIVES, logistic_discriminator
from training.penalties import zero_centred
from training.recipes import change, find


def trained(recipe, accelerator, images, data=None, callbacks=(), seed=0):
    data = data or dataset()
    state = loop.build(recipe, data, seed, accelerator.device)
    return loop.train(recipe, data, state, accelerator, images, seed, callbacks)


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values()))


def test_training_moves_every_weight_and_is_a_function_of_the_seed(accelerator):
    # In the relativistic game only differences of scores count, so their bias is not trained.
    recipe = change(find("mnist-cgan"), [*SMALL, "objective=logistic"])
    fresh = loop.build(recipe, dataset(), 0, accelerator.device)
    one, two, other = (trained(recipe, accelerator, 24, seed=seed) for seed in (0, 0, 1))
    for network in ("generator", "discriminator"):
        before, after = getattr(fresh, network), getattr(one, network)
        assert same(after, getattr(two, network)) and not same(after, getattr(other, network))
        for (name, a), b in zip(before.named_parameters(), after.parameters()):
            assert not torch.equal(a, b), f"{network}.{name} has not been trained"
    assert same(one.ema, two.ema) and one.images == 24


def test_an_image_number_decides_its_picture_latent_and_mirroring(accelerator):
    recipe, data = dataclasses.replace(change(find("mnist-cgan"), SMALL), flip=True), dataset()
    whole = loop.batch(recipe, data, 16, 8, 3, accelerator.device)
    for part in range(0, 8, 2):  # as four processes would see it
        for a, b in zip(whole, loop.batch(recipe, data, 16 + part, 2, 3, accelerator.device)):
            assert torch.equal(a[part:part + 2], b)
    assert whole[0].min() >= -1 and whole[0].max() <= 1 and whole[1].shape == (8, 10)
    plain = loop.batch(dataclasses.replace(recipe, flip=False), data, 16, 8, 3, accelerator.device)[0]
    mirrored = [torch.equal(a, b.flip(2)) for a, b in zip(whole[0], plain)]
    assert 0 < sum(mirrored) < 8 and all(m or torch.equal(a, b) for m, a, b in zip(mirrored, whole[0], plain))


def test_labels_reach_both_networks(accelerator):
    recipe = change(find("mnist-cgan"), SMALL)
    state = loop.build(recipe, dataset(), 0, accelerator.device)
    latents, pictures = torch.randn(2, state.generator.latent_dim), torch.randn(2, 1, 28, 28)
    labels = torch.eye(10)
    for network, inputs in ((state.generator, latents), (state.discriminator, pictures)):
        a, b = network(inputs, labels[:2]), network(inputs, labels[2:4])
        a, b = (a, b) if isinstance(a, torch.Tensor) else (a.scores, b.scores)
        assert not torch.allclose(a, b)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_other_labels_are_another_loss_for_both(accelerator, objective):
    recipe = change(find("mnist-cgan"), [*SMALL, f"objective={objective}", "auxiliary=0"])  # so by the projection alone
    seen = []
    for turn in (0, 1):
        state = loop.build(recipe, dataset(), 0, accelerator.device)
        real, labels, latents = loop.batch(recipe, dataset(), 0, 8, 0, accelerator.device)
        labels, fake = labels.roll(turn, 1), state.generator(latents, labels)
        generator = loop.generator_step(recipe, state, real, fake, labels, accelerator)["generator_loss"].item()
        discriminator = loop.discriminator_step(recipe, state, real, fake.detach(), labels, 0, accelerator)
        seen.append((generator, discriminator["discriminator_loss"].item()))
    (one, two), (other_one, other_two) = seen
    assert one != other_one and two != other_two


def test_generator_step_leaves_the_discriminator_alone(accelerator):
    recipe, data = change(find("mnist-cgan"), SMALL), dataset()
    state = loop.build(recipe, data, 0, accelerator.device)
    real, labels, latents = loop.batch(recipe, data, 0, 8, 0, accelerator.device)
    before = {name: p.clone() for name, p in state.discriminator.named_parameters()}
    loop.generator_step(recipe, state, real, state.generator(latents, labels), labels, accelerator)
    for name, parameter in state.discriminator.named_parameters():
        assert parameter.grad is None and torch.equal(parameter, before[name])
    loop.discriminator_step(recipe, state, real, state.generator(latents, labels).detach(), labels, 0, accelerator)
    gradients = [p.grad.clone() for p in state.discriminator.parameters()]
    assert all(p.requires_grad for p in state.discriminator.parameters()) and any(g.abs().max() > 0 for g in gradients)
    loop.generator_step(recipe, state, real, state.generator(latents, labels), labels, accelerator)
    assert all(torch.equal(p.grad, gradient) for p, gradient in zip(state.discriminator.parameters(), gradients))


def test_discriminator_step_leaves_the_generator_alone(accelerator):
    recipe = change(find("mnist-dcgan"), SMALL)
    state = loop.build(recipe, dataset(), 0, accelerator.device)
    real, _, latents = loop.batch(recipe, dataset(), 0, 8, 0, accelerator.device)
    loop.discriminator_step(recipe, state, real, state.generator(latents).detach(), None, 0, accelerator)
    assert all(p.grad is None for p in state.generator.parameters())


def test_lazy_penalties_fall_on_every_kth_step_with_k_times_the_weight(accelerator, monkeypatch):
    penalties = ["discriminator.normalisation=none", "r1=2", "r2=[4,1,1000000]", "penalty_every=3"]
    recipe = change(find("mnist-dcgan"), [*SMALL, *penalties])
    data = dataset()
    state = loop.build(recipe, data, 0, accelerator.device)
    real, _, latents = loop.batch(recipe, data, 0, 8, 0, accelerator.device)
    fake = state.generator(latents).detach()
    minimised = []
    monkeypatch.setattr(loop, "_update", lambda optimiser, loss, accelerator: minimised.append(loss.detach()) or loss.detach())
    for step in range(4):
        scalars = loop.discriminator_step(recipe, state, real, fake, None, step, accelerator)
        assert ("r1" in scalars) == ("r2" in scalars) == (step % 3 == 0)
    with torch.no_grad():
        plain = logistic_discriminator(state.discriminator(real).scores, state.discriminator(fake).scores)[0]
    r1, r2 = (zero_centred(state.discriminator, x, None) for x in (real, fake))
    assert torch.allclose(minimised[0], plain + 3 * (2 * r1 + 4 * r2), rtol=1e-5)
    assert torch.allclose(minimised[1], plain, rtol=1e-5)


def test_several_discriminator_steps_for_each_of_the_generator(accelerator):
    calls = []
    recipe = change(find("mnist-dcgan"), [*SMALL, "discriminator_steps=3"])
    trained(recipe, accelerator, 48, callbacks=[lambda state, scalars: calls.append("generator_loss" in scalars)])
    assert calls == [False, False, True] * 2


def test_average_halves_in_its_half_life_which_grows_with_the_images(accelerator):
    recipe = change(find("mnist-dcgan"), [*SMALL, "ema_half_life=64", "ema_ramp=0.5"])
    state = loop.build(recipe, dataset(), 0, accelerator.device)
    weight = next(state.generator.parameters())
    shadow = next(state.ema.parameters())
    for images, half_life in ((0, 0), (16, 8), (128, 64), (10_000, 64)):
        state.images = images
        shadow.fill_(1.0)
        with torch.no_grad():
            weight.fill_(0.0)
        loop.average(recipe, state)
        kept = 0.5 ** (8 / half_life) if half_life else 0.0
        assert shadow.unique().item() == pytest.approx(kept, abs=1e-6)


def test_schedules_reach_the_optimisers(accelerator):
    recipe = change(find("mnist-dcgan"), [*SMALL, "learning_rate=[1e-3, 1e-4, 100]", "beta2=[0.9, 0.99, 100]"])
    state = loop.build(recipe, dataset(), 0, accelerator.device)
    state.images = 100
    loop.set_schedules(recipe, state)
    for optimiser in (state.generator_optimiser, state.discriminator_optimiser):
        group = optimiser.param_groups[0]
        assert group["lr"] == pytest.approx(1e-4) and group["betas"] == (0.5, pytest.approx(0.99))


def test_a_callback_ends_the_run_and_all_are_called(accelerator):
    calls = []
    state = trained(change(find("mnist-mlp"), SMALL), accelerator, 10_000,
                    callbacks=[lambda s, _: s.images >= 16, lambda s, _: calls.append(s.images)])
    assert state.images == 16 and calls == [8, 16]


def test_learns_something(accelerator):
    """A generator of all-white pictures is found within 100 steps."""
    data = dataclasses.replace(dataset(), images=np.full((20, 1, 28, 28), 255, np.uint8))
    recipe = change(find("mnist-dcgan"), [*SMALL, "learning_rate=2e-3"])
    state = trained(recipe, accelerator, 800, data)
    with torch.inference_mode():
        assert state.ema.generate(state.ema.sample_latents(16, seed=0)).mean() > 0.5
