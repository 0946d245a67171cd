"""The training loop for all recipes.

Progress is counted in real images that the discriminator has seen, in all processes together. Random numbers for image i
are a function of (seed, i) alone, so they are the same after a resume or with another number of processes. Only BatchNorm
and Dropout depend on how processes share a batch. Gradients are averaged here instead of by DistributedDataParallel,
which is exact with gradient penalties, several passes through one network, and frozen networks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.utils import get_total_norm

from gan_models.latents import sample
from gan_models.networks.base import Generator, encode_labels
from gan_models.rng import Stream, philox

from .data.dataset import Dataset, to_float
from .games import GAMES
from .games.adversarial import Game
from .games.batch import Batch
from .games.state import State, adapt_augment, set_schedules, update_ema
from .losses import Loss
from .penalties import clip_weights
from .recipes import Recipe

if TYPE_CHECKING:
    from accelerate import Accelerator


def train(
    recipe: Recipe, dataset: Dataset, state: State, accelerator: Accelerator, images: int, seed: int, callbacks
) -> State:
    """Train until the discriminator has seen `images` images. Each callback is called after each step with (state,
    scalars) and may return True to stop. recipe.batch_size must be a multiple of the number of processes."""
    game = GAMES[recipe.game](recipe, accelerator.device)
    game.dataset = dataset
    share = recipe.batch_size // accelerator.num_processes
    state.generator.train(), state.discriminator.train()
    while state.images < images:
        first = state.images + accelerator.process_index * share  # this process's images are first, first + 1, ...
        batch = load_batch(recipe, dataset, state.generator, first, share, seed)
        torch.manual_seed(int(philox(seed, first, Stream.TORCH).integers(2**63)))  # dropout
        set_schedules(recipe, state)
        moves = (state.images // recipe.batch_size + 1) % recipe.discriminator_steps == 0
        scalars = step(recipe, game, state, batch, accelerator, moves)
        state.images += recipe.batch_size
        if any([callback(state, scalars) for callback in callbacks]):
            break
    return state


def step(
    recipe: Recipe, game: Game, state: State, batch: Batch, accelerator: Accelerator, moves: bool = True
) -> dict[str, Tensor]:
    """One update of the discriminator and, if `moves` and the game allows it, one of the generator and of its average.
    Returns scalars to plot."""
    moves = moves and game.generator_moves(state)
    parts = batch.parts(recipe.accumulation)
    # The graph is kept for the generator's update, except if there are several (memory) or shared weights (they change).
    again, generated = len(parts) > 1 or state.discriminator.shares_weights, []

    def judge(part: Batch) -> Loss:
        game.prepare(state, part)
        with torch.set_grad_enabled(moves and not again):
            generated[:] = [game.generate(state, part)]
        return game.discriminator_loss(state, part, *generated)

    def draw(part: Batch) -> Loss:
        return game.generator_loss(state, part, *([game.generate(state, part)] if again else generated))

    state.discriminator.requires_grad_(True)
    scalars = optimise(state, "discriminator", judge, parts, accelerator)
    adapt_augment(recipe, state, scalars, accelerator)
    if recipe.clip:
        clip_weights(state.discriminator, recipe.clip)
    if moves:
        state.discriminator.requires_grad_(False)
        scalars |= optimise(state, "generator", draw, parts, accelerator)
        update_ema(recipe, state)
    return scalars


def load_batch(recipe: Recipe, dataset: Dataset, generator: Generator, first: int, count: int, seed: int) -> Batch:
    """Images number first .. first + count - 1 of the run with labels and latents, as the generator takes them."""
    like = next(generator.parameters())
    indices = dataset.order(first, count, seed)
    pictures, labels = dataset.batch(indices)
    both = [pictures, *dataset.sources_at(indices)]  # of pairs both
    if recipe.flip:
        mirrored = torch.tensor([philox(seed, first + k, Stream.FLIPS).random() < 0.5 for k in range(count)])
        both = [torch.where(mirrored[:, None, None, None], some.flip(3), some) for some in both]
    real, *sources = (
        to_float(some.to(like.device)).to(like.dtype).contiguous(memory_format=torch.channels_last) for some in both
    )
    told = recipe.conditional or GAMES[recipe.game].reads_labels
    labels = encode_labels(labels, dataset.label_names, dataset.multi_label).to(like) if told else None
    numbers = torch.tensor([int(dataset.names[k]) for k in indices], device=like.device) if dataset.names else None
    latents = sample(count, generator.latent_dim, seed=seed, start=first).to(like)
    return Batch(real, labels, latents, first, seed, numbers, *sources)


def optimise(
    state: State, player: str, loss_of: Callable[[Batch], Loss], parts: list[Batch], accelerator: Accelerator
) -> dict[str, Tensor]:
    """Backward for each part of the batch, average the gradients over parts and processes, update the weights. Returns
    the means of the losses' scalars and the norm of the gradient: 0 if it overflowed in float16, so that the update was
    skipped. A loss without a gradient, such as that of a waiting player, changes nothing."""
    optimiser, scaler = getattr(state, f"{player}_optimiser"), getattr(state, f"{player}_scaler")
    optimiser.zero_grad(set_to_none=True)
    told = []
    for part in parts:
        with accelerator.autocast():
            loss, scalars = loss_of(part)
        scaler.scale(loss / len(parts)).backward()
        told.append(scalars)
    scalars = {key: sum(one[key].detach() for one in told) / len(told) for key in told[0]}
    gradients = [p.grad for group in optimiser.param_groups for p in group["params"] if p.grad is not None]
    if accelerator.num_processes > 1 and gradients:
        flat = accelerator.reduce(torch.cat([g.flatten() for g in gradients]), "mean")
        for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients])):
            gradient.copy_(mean.view_as(gradient))
    if not gradients:
        return scalars | {f"{player}_gradient": loss.detach()}
    scaler.unscale_(optimiser)
    scaler.step(optimiser)
    scaler.update()
    norm = get_total_norm(gradients)
    return scalars | {f"{player}_gradient": norm.nan_to_num(0.0, 0.0, 0.0) if scaler.is_enabled() else norm}
