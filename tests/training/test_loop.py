"""The loop: what a step does and does not touch, and of what alone it is a function."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from recipe_data import dataset_of
from tiny import SMALL
from tiny import digits as dataset

from gan_models.rng import Stream
from training import loop
from training.games import GAMES, adversarial
from training.games import state as states
from training.games.state import batch_dependent_layers, set_schedules, update_ema
from training.losses import OBJECTIVES, logistic_discriminator
from training.penalties import zero_centered_gradient_penalty
from training.settings import change, find
from training.starting import build_state


def trained(recipe, accelerator, images, data=None, callbacks=(), seed=0):
    data = data or dataset()
    state = build_state(recipe, data, seed, accelerator.device)
    return loop.train(recipe, data, state, accelerator, images, seed, callbacks)


def tensors(batch):
    return [x for x in (batch.real, batch.labels, batch.latents) if x is not None]


def one_step(recipe, data, accelerator):
    """One step of both from the start. Returns (state, batch, game, what was plotted)."""
    state = build_state(recipe, data, 0, accelerator.device)
    batch, game = (
        loop.load_batch(recipe, data, state.generator, 0, 8, 0),
        GAMES[recipe.game](recipe, accelerator.device),
    )
    return state, batch, game, loop.step(recipe, game, state, batch, accelerator)


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values()))


def test_training_moves_every_weight_and_is_a_function_of_the_seed(accelerator):
    # In the relativistic game only differences of scores count, so their bias is not trained.
    recipe = change(find("mnist-cgan"), [*SMALL, "objective=logistic"])
    fresh = build_state(recipe, dataset(), 0, accelerator.device)
    one, two, other = (trained(recipe, accelerator, 24, seed=seed) for seed in (0, 0, 1))
    for network in ("generator", "discriminator"):
        before, after = getattr(fresh, network), getattr(one, network)
        assert same(after, getattr(two, network)) and not same(after, getattr(other, network))
        for (name, a), b in zip(before.named_parameters(), after.parameters()):
            assert not torch.equal(a, b), f"{network}.{name} has not been trained"
    assert same(one.ema, two.ema) and one.images == 24


def test_an_image_number_decides_its_picture_latent_and_mirroring(accelerator):
    recipe, data = dataclasses.replace(change(find("mnist-cgan"), SMALL), flip=True), dataset()
    generator = build_state(recipe, data, 3, accelerator.device).generator
    batch = loop.load_batch(recipe, data, generator, 16, 8, 3)
    whole = tensors(batch)
    randoms = lambda batch: [batch.normal(Stream.NOISE, 2, 3), batch.uniform(Stream.AUGMENT, 5)]
    for part in range(0, 8, 2):  # as four processes would see it
        few = loop.load_batch(recipe, data, generator, 16 + part, 2, 3)
        for a, b in zip(whole + randoms(batch), tensors(few) + randoms(few)):
            assert torch.equal(a[part : part + 2], b)
    assert whole[0].min() >= -1 and whole[0].max() <= 1 and whole[1].shape == (8, 10)
    plain = loop.load_batch(dataclasses.replace(recipe, flip=False), data, generator, 16, 8, 3).real
    mirrored = [torch.equal(a, b.flip(2)) for a, b in zip(whole[0], plain)]
    assert 0 < sum(mirrored) < 8 and all(m or torch.equal(a, b) for m, a, b in zip(mirrored, whole[0], plain))


def test_labels_reach_both_networks(accelerator):
    recipe = change(find("mnist-cgan"), SMALL)
    state = build_state(recipe, dataset(), 0, accelerator.device)
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
        data = dataclasses.replace(dataset(), labels=(dataset().labels + turn) % 10)
        _, _, _, scalars = one_step(recipe, data, accelerator)
        seen.append((scalars["generator_loss"].item(), scalars["discriminator_loss"].item()))
    (one, two), (other_one, other_two) = seen
    assert one != other_one and two != other_two


@pytest.mark.parametrize(
    "name", ["mnist-cgan", "mnist-vaegan", "mnist-bigan", "mnist-implicit", "mnist-infogan", "mnist-tied"]
)
def test_each_player_moves_its_own_weights_alone(accelerator, name):
    recipe, data = change(find(name), SMALL if name != "mnist-tied" else SMALL[:2]), dataset()
    state = build_state(recipe, data, 0, accelerator.device)
    batch, game = (
        loop.load_batch(recipe, data, state.generator, 0, 8, 0),
        GAMES[recipe.game](recipe, accelerator.device),
    )
    own = list(state.discriminator.trained().values())
    moved = {id(p) for p in own}
    before = {p: p.detach().clone() for p in (*state.generator.parameters(), *own)}
    loop.step(recipe, game, state, batch, accelerator, moves=False)
    assert all(p.grad is None and torch.equal(p, before[p]) for p in state.generator.parameters() if id(p) not in moved)
    assert any(p.grad.abs().max() > 0 for p in own) and all(p.requires_grad for p in own)

    class OwnOnly(type(game)):
        """Notes the discriminator as the generator finds it: updated, and with its gradients."""

        def generator_loss(self, *arguments):
            clone = lambda x: None if x is None else x.detach().clone()
            self.found = [(p, clone(p), clone(p.grad)) for p in state.discriminator.parameters()]
            return super().generator_loss(*arguments)

    game = OwnOnly(recipe, accelerator.device)
    loop.step(recipe, game, state, batch, accelerator)
    for p, value, gradient in game.found:
        assert torch.equal(p, value) and (gradient is None or torch.equal(p.grad, gradient))
    assert any(not torch.equal(p, before[p]) for p in state.generator.parameters() if id(p) not in moved)


def test_lazy_penalties_fall_on_every_kth_step_with_k_times_the_weight(accelerator):
    penalties = ["discriminator.normalisation=none", "r1=2", "r2=[4,1,1000000]", "penalty_every=3"]
    recipe = change(find("mnist-dcgan"), [*SMALL, *penalties])
    data = dataset()
    state = build_state(recipe, data, 0, accelerator.device)
    batch = loop.load_batch(recipe, data, state.generator, 0, 8, 0)
    game = GAMES[recipe.game](recipe, accelerator.device)
    generated = game.generate(state, batch)
    minimised = []
    for k in range(4):
        state.images = 8 * k
        loss, scalars = game.discriminator_loss(state, batch, generated)
        minimised.append(loss.detach())
        assert ("r1" in scalars) == ("r2" in scalars) == (k % 3 == 0)
    score = lambda images: state.discriminator(images).scores
    with torch.no_grad():
        plain = logistic_discriminator(score(batch.real), score(generated.fake))[0]
    r1, r2 = (zero_centered_gradient_penalty(score, x) for x in (batch.real, generated.fake))
    assert torch.allclose(minimised[0], plain + 3 * (2 * r1 + 4 * r2), rtol=1e-5)
    assert torch.allclose(minimised[1], plain, rtol=1e-5)


def test_one_step_is_read_in_two_files():
    lines = [len(Path(module.__file__).read_text().splitlines()) for module in (loop, adversarial)]
    assert sum(lines) <= 350


def test_clipped_weights_are_clipped_after_each_step(accelerator):
    state = trained(change(find("mnist-wgan"), SMALL), accelerator, 24)
    assert max(p.abs().max() for p in state.discriminator.parameters()) <= 0.01 + 1e-9


@pytest.mark.parametrize("name", ["mnist-dcgan", "mnist-vaegan", "mnist-bigan"])
def test_instance_noise_and_augmentation_change_what_the_discriminator_sees_and_nothing_else(accelerator, name):
    seen = {}
    for setting in ("instance_noise=0", "instance_noise=[0.5, 0, 100]", "augment=1"):
        recipe = change(find(name), [*SMALL, setting])
        seen[setting] = one_step(recipe, dataset(), accelerator)[3]["discriminator_loss"].item()
    assert len(set(seen.values())) == 3


@pytest.mark.parametrize("name", ["mnist-dcgan", "mnist-vaegan", "mnist-bigan", "celeba-inversion"])
def test_every_penalty_can_be_taken_in_bfloat16(name):
    penalties = ["r1=1", "r2=1", "gradient_penalty=1", "discriminator.normalisation=none"]
    half = SimpleNamespace(
        device=torch.device("cpu"), num_processes=1, autocast=lambda: torch.autocast("cpu", torch.bfloat16)
    )
    recipe = change(find(name), [*SMALL, *penalties])
    _, _, _, scalars = one_step(recipe, dataset_of(recipe), half)
    assert {"r1", "r2", "gradient_penalty"} <= scalars.keys()
    assert all(value.isfinite() for value in scalars.values())


@pytest.mark.parametrize(
    "name, settings, layers",
    [
        ("mnist-dcgan", [], ["BatchNorm"]),
        ("mnist-mlp", [], ["Dropout"]),
        ("mnist-mlp", ["discriminator.dropout=0"], []),
        ("mnist-r3gan", [], []),
    ],
)
def test_layers_that_depend_on_how_a_batch_is_shared_are_named(name, settings, layers):
    recipe = change(find(name), settings)
    assert batch_dependent_layers(build_state(recipe, dataset(), 0, torch.device("cpu"))) == layers


def test_shared_weights_are_stored_once_and_moved_by_both(accelerator):
    recipe = change(find("mnist-tied"), SMALL[:2])
    state = build_state(recipe, dataset(), 0, accelerator.device)
    shared = [p for name, p in state.discriminator.trained().items() if name.startswith("shared.")]
    generator = {id(p) for p in state.generator.parameters()}
    assert len(shared) == 3 and all(id(p) in generator for p in shared)
    assert not any(id(p) in generator for p in state.discriminator.parameters())
    before = [p.detach().clone() for p in shared]
    game, batch = (
        GAMES[recipe.game](recipe, accelerator.device),
        loop.load_batch(recipe, dataset(), state.generator, 0, 8, 0),
    )
    loop.step(recipe, game, state, batch, accelerator, moves=False)
    assert all(not torch.equal(a, b) for a, b in zip(before, shared))


def test_several_discriminator_steps_for_each_of_the_generator(accelerator):
    calls = []
    recipe = change(find("mnist-dcgan"), [*SMALL, "discriminator_steps=3"])
    trained(recipe, accelerator, 48, callbacks=[lambda state, scalars: calls.append("generator_loss" in scalars)])
    assert calls == [False, False, True] * 2


def test_average_halves_in_its_half_life_which_grows_with_the_images(accelerator):
    recipe = change(find("mnist-dcgan"), [*SMALL, "ema_half_life=64", "ema_ramp=0.5"])
    state = build_state(recipe, dataset(), 0, accelerator.device)
    weight = next(state.generator.parameters())
    shadow = next(state.ema.parameters())
    for images, half_life in ((0, 0), (16, 8), (128, 64), (10_000, 64)):
        state.images = images
        shadow.fill_(1.0)
        with torch.no_grad():
            weight.fill_(0.0)
        update_ema(recipe, state)
        kept = 0.5 ** (8 / half_life) if half_life else 0.0
        assert shadow.unique().item() == pytest.approx(kept, abs=1e-6)


def test_schedules_reach_the_optimisers(accelerator):
    recipe = change(
        find("mnist-dcgan"), [*SMALL, "learning_rate=[1e-3, 1e-4, 100]", "beta2=[0.9, 0.99, 100]", "generator_rate=3"]
    )
    state = build_state(recipe, dataset(), 0, accelerator.device)
    state.images = 100
    set_schedules(recipe, state)
    for optimiser, factor in ((state.generator_optimiser, 3), (state.discriminator_optimiser, 1)):
        group = optimiser.param_groups[0]
        assert group["lr"] == pytest.approx(1e-4 * factor) and group["betas"] == (0.5, pytest.approx(0.99))


def test_a_callback_ends_the_run_and_all_are_called(accelerator):
    calls = []
    state = trained(
        change(find("mnist-mlp"), SMALL),
        accelerator,
        10_000,
        callbacks=[lambda s, _: s.images >= 16, lambda s, _: calls.append(s.images)],
    )
    assert state.images == 16 and calls == [8, 16]


def test_learns_something(accelerator):
    """A generator of all-white pictures is found within 100 steps."""
    data = dataclasses.replace(dataset(), images=np.full((20, 1, 28, 28), 255, np.uint8))
    recipe = change(find("mnist-dcgan"), [*SMALL, "learning_rate=2e-3"])
    state = trained(recipe, accelerator, 800, data)
    with torch.inference_mode():
        assert state.ema.generate(state.ema.sample_latents(16, seed=0)).mean() > 0.5


@pytest.mark.parametrize(
    "name, settings",
    [
        ("mnist-r3gan", ["augment=0.5", "instance_noise=0.1"]),
        ("mnist-cgan", ["objective=hinge", "discriminator.normalisation=none"]),
        ("mnist-wgan-gp", []),
        ("mnist-infogan", ["clustering=0", "discriminator.normalisation=none"]),
        ("mnist-vaegan", ["discriminator.normalisation=none"]),
        ("mnist-bigan", ["discriminator.normalisation=none"]),
    ],
)
def test_the_gradient_of_the_parts_is_that_of_the_batch(accelerator, name, settings):
    """Plain steps are taken, in which weights move by their gradients. What normalises over a batch is in eval mode,
    as it sees the parts (which the README says)."""
    moved = []
    for accumulation in (1, 4):
        recipe = change(find(name), [*SMALL, *settings, f"accumulation={accumulation}", "penalty_every=1"])
        state = build_state(recipe, dataset(), 0, accelerator.device)
        for network in (state.generator, state.discriminator):
            network.eval()
        before = [
            p.detach().clone() for network in (state.generator, state.discriminator) for p in network.parameters()
        ]
        state.generator_optimiser = torch.optim.SGD(state.generator.parameters(), 0.01)
        state.discriminator_optimiser = torch.optim.SGD(state.discriminator.parameters(), 0.01)
        batch = loop.load_batch(recipe, dataset(), state.generator, 0, 8, 0)
        scalars = loop.step(recipe, GAMES[recipe.game](recipe, accelerator.device), state, batch, accelerator)
        after = [p for network in (state.generator, state.discriminator) for p in network.parameters()]
        moved.append((torch.cat([(b - a).flatten() for a, b in zip(before, after)]), scalars))
    (whole, told), (parts, told_of_parts) = moved
    assert whole.abs().max() > 1e-4
    torch.testing.assert_close(parts, whole, rtol=1e-3, atol=1e-5 * whole.abs().max().item())
    assert told.keys() == told_of_parts.keys()
    for key in told:
        torch.testing.assert_close(told_of_parts[key], told[key].detach(), rtol=1e-3, atol=1e-5, msg=key)


def test_a_part_has_the_images_of_its_numbers(accelerator):
    recipe = change(find("mnist-cgan"), SMALL)
    state = build_state(recipe, dataset(), 0, accelerator.device)
    whole = loop.load_batch(recipe, dataset(), state.generator, 16, 8, 3)
    (only,), parts = whole.parts(1), whole.parts(4)
    assert only is whole and [part.first for part in parts] == [16, 18, 20, 22]
    for k, part in enumerate(parts):
        alone = loop.load_batch(recipe, dataset(), state.generator, 16 + 2 * k, 2, 3)
        assert all(torch.equal(a, b) for a, b in zip(tensors(part), tensors(alone)))
        assert torch.equal(part.normal(Stream.NOISE, 3), whole.normal(Stream.NOISE, 3)[2 * k : 2 * k + 2])


@pytest.mark.parametrize("objective", ["logistic", "relativistic"])
def test_adaptive_augmentation_rises_while_the_discriminator_is_sure(accelerator, monkeypatch, objective):
    """Karras et al. 2020: by the mean sign of its scores of real pictures; where only differences of scores mean
    something, by that of their differences from those of generated ones."""
    monkeypatch.setattr(states, "ADAPTED", 80)
    recipe = change(find("mnist-dcgan"), [*SMALL, f"objective={objective}", "augment_target=0.6", "augment=0.25"])
    state = build_state(recipe, dataset(), 0, torch.device("cpu"))
    assert states.augment_strength(recipe, state) == 0.25
    game = GAMES["adversarial"](recipe, accelerator.device)
    for sure, expected in ((True, 0.35), (True, 0.45), (False, 0.35), (False, 0.25), (False, 0.15)):
        real = torch.full((8,), 1.0 if sure else -1.0)
        _, scalars = game.tell_apart(real, torch.zeros(8))
        states.adapt_augment(recipe, state, scalars, accelerator)
        assert state.augment == pytest.approx(expected) and scalars["augment"] == pytest.approx(expected)
    state.augment = 0.95
    for _ in range(2):
        states.adapt_augment(recipe, state, {"real_sign": torch.tensor(0.7)}, accelerator)
    assert state.augment == 1.0
    plain = change(find("mnist-dcgan"), [*SMALL, f"objective={objective}"])
    assert (
        "real_sign" not in GAMES["adversarial"](plain, accelerator.device).tell_apart(torch.ones(8), torch.zeros(8))[1]
    )


def test_the_adapted_strength_is_what_the_discriminator_sees_and_is_reported(accelerator):
    recipe = change(find("mnist-dcgan"), [*SMALL, "augment_target=0.6", "augment=1"])
    seen = []
    state = loop.train(
        recipe, dataset(), build_state(recipe, dataset(), 0, torch.device("cpu")), accelerator, 24, 0,
        [lambda state, scalars: seen.append(float(scalars["augment"]))],
    )  # fmt: skip
    step = 8 / states.ADAPTED
    assert len(seen) == 3 and seen[-1] == pytest.approx(state.augment)
    assert all(abs(abs(b - a) - step) < 1e-6 or a == b == 1.0 for a, b in zip([1.0, *seen], seen, strict=False))
