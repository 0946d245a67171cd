"""The training loop: one for all recipes, read in one sitting.

Progress is counted in images: real images that the discriminator was shown, by all processes together. All that is
random about image number i is a function of (seed, i) alone, so a run that was resumed, or that ran on another number
of processes, sees the same. BatchNorm and Dropout alone depend on how processes share a batch.

What a step draws and minimises is the business of games/. Gradients are averaged here, not by DistributedDataParallel:
that is exact with gradient penalties, several passes through one network and frozen networks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.amp import GradScaler
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer

from gan_models.latents import sample
from gan_models.networks.base import Generator, encode_labels
from gan_models.rng import Stream, philox

from .data.dataset import Dataset, to_float
from .games import GAMES
from .games.adversarial import Batch, Game
from .penalties import clip_weights
from .recipes import Recipe
from .state import State, set_schedules, update_ema

if TYPE_CHECKING:
    from accelerate import Accelerator


def train(
    recipe: Recipe, dataset: Dataset, state: State, accelerator: Accelerator, images: int, seed: int, callbacks
) -> State:
    """Train until `images` images were shown. Each callback is called after each step with (state, scalars) and may
    return True to stop. recipe.batch_size must be a multiple of the number of processes."""
    game = GAMES[recipe.game](recipe, accelerator.device)
    share = recipe.batch_size // accelerator.num_processes
    state.generator.train()
    state.discriminator.train()
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
    """One update of the discriminator and, where `moves` and the game lets it, one of the generator and of its average.
    Returns what is worth plotting."""
    moves = moves and game.generator_moves(state)
    state.discriminator.requires_grad_(True)
    with accelerator.autocast():
        game.prepare(state, batch)
        with torch.set_grad_enabled(moves):
            generated = game.generate(state, batch)
        loss, scalars = game.discriminator_loss(state, batch, generated)
    gradient = optimise(state.discriminator_optimiser, state.discriminator_scaler, loss, accelerator)
    scalars["discriminator_gradient"] = gradient
    if recipe.clip:
        clip_weights(state.discriminator, recipe.clip)
    if moves:
        state.discriminator.requires_grad_(False)
        with accelerator.autocast():
            if state.discriminator.shares_weights:
                generated = game.generate(state, batch)  # those that drew it have just moved
            loss, more = game.generator_loss(state, batch, generated)
        gradient = optimise(state.generator_optimiser, state.generator_scaler, loss, accelerator)
        scalars |= more | {"generator_gradient": gradient}
        update_ema(recipe, state)
    return scalars


def load_batch(recipe: Recipe, dataset: Dataset, generator: Generator, first: int, count: int, seed: int) -> Batch:
    """Images number first .. first + count - 1 of the run with labels and latents, as the generator's device and
    precision are."""
    like = next(generator.parameters())
    indices = dataset.order(first, count, seed)
    pictures, labels = dataset.batch(indices)
    if recipe.flip:
        mirrored = torch.tensor([philox(seed, first + k, Stream.FLIPS).random() < 0.5 for k in range(count)])
        pictures = torch.where(mirrored[:, None, None, None], pictures.flip(3), pictures)
    real = to_float(pictures.to(like.device)).to(like.dtype).contiguous(memory_format=torch.channels_last)
    wanted = recipe.conditional or GAMES[recipe.game].reads_labels
    encoded = encode_labels(labels, dataset.label_names, dataset.multi_label).to(like) if wanted else None
    numbers = torch.tensor([int(dataset.names[k]) for k in indices], device=like.device) if dataset.names else None
    latents = sample(count, generator.latent_dim, seed=seed, start=first).to(like)
    return Batch(real, encoded, latents, first, seed, numbers)


def optimise(optimiser: Optimizer, scaler: GradScaler, loss: Tensor, accelerator: Accelerator) -> Tensor:
    """Backward, average the gradients over the processes, step. Returns the gradient's norm; 0 where it overflowed in
    float16, so that the step was left out."""
    optimiser.zero_grad(set_to_none=True)
    scaler.scale(loss).backward()
    gradients = [p.grad for group in optimiser.param_groups for p in group["params"] if p.grad is not None]
    if accelerator.num_processes > 1:
        flat = accelerator.reduce(torch.cat([g.flatten() for g in gradients]), "mean")
        for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients])):
            gradient.copy_(mean.view_as(gradient))
    scaler.unscale_(optimiser)
    scaler.step(optimiser)
    scaler.update()
    norm = get_total_norm(gradients)
    return norm.nan_to_num(0.0, 0.0, 0.0) if scaler.is_enabled() else norm
