"""The training loop: one for all recipes, read in one sitting.

Progress is counted in images: real images that the discriminator was shown, by all processes together. Which picture, latent
and mirroring belong to image number i is a function of (seed, i) alone, so a run that was stopped and resumed, or that ran
on another number of processes, sees the same. Instance noise, augmentation and all else that a game draws are so too. Two things depend
on how a batch is shared by processes: BatchNorm, whose statistics are each process's own, and Dropout, whose masks start anew with a
process's first image.

What a step draws and minimises is the business of games.py. The networks are not wrapped in DistributedDataParallel: gradients are
averaged here, after the backward pass. That is exact with gradient penalties, with several passes through one network and with
frozen networks, and costs little at this size.
"""

from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from gan_models.base import Discriminator, Generator, encode_labels
from gan_models.dcgan import DCGANDiscriminator, DCGANGenerator
from gan_models.editor import Editor
from gan_models.encoding import Autoencoder, EncodingGenerator, PairDiscriminator
from gan_models.infogan import InfoGANDiscriminator, InfoGANGenerator
from gan_models.inversion import InvertibleGenerator
from gan_models.latents import Stream, philox, sample
from gan_models.mlp import MLPDiscriminator, MLPGenerator
from gan_models.resnet import ResNetDiscriminator, ResNetGenerator
from gan_models.tied import TiedDiscriminator

from .data import Dataset, to_float
from . import cpu, inversion  # noqa: F401 (inversion's game)
from .editor import Critic
from .games import GAMES, Batch
from .penalties import clip_weights
from .recipes import Recipe, RecipeError, at

NETWORKS = {
    "mlp": (MLPGenerator, MLPDiscriminator),
    "dcgan": (DCGANGenerator, DCGANDiscriminator),
    "resnet": (ResNetGenerator, ResNetDiscriminator),
    "infogan": (InfoGANGenerator, InfoGANDiscriminator),
    "vaegan": (EncodingGenerator, DCGANDiscriminator),
    "bigan": (EncodingGenerator, PairDiscriminator),
    "implicit": (DCGANGenerator, Autoencoder),
    "tied": (DCGANGenerator, TiedDiscriminator),
    "invertible": (InvertibleGenerator, DCGANDiscriminator),
    "editor": (Editor, Critic),
}


@dataclass
class State:
    """All that changes while training, and so all that a checkpoint holds."""

    generator: Generator
    discriminator: Discriminator
    ema: Generator  # the averaged generator: what is sampled and published
    generator_optimiser: torch.optim.Optimizer
    discriminator_optimiser: torch.optim.Optimizer
    images: int = 0


def build(recipe: Recipe, dataset: Dataset, seed: int, device: torch.device) -> State:
    """Networks and optimisers at the start of a run: initialised on the CPU, so equal on every device and process."""
    torch.manual_seed(seed)
    generator_class, discriminator_class = NETWORKS[recipe.family]
    shared = {"image_size": recipe.image_size, "image_channels": recipe.image_channels}
    if recipe.conditional:
        shared |= {"labels": list(dataset.label_names), "multi_label": dataset.multi_label}
    try:
        generator = generator_class(**shared, **recipe.generator)
        if discriminator_class.shares_weights:
            discriminator = discriminator_class(generator, **recipe.discriminator)
        else:
            discriminator = discriminator_class(**shared, **recipe.discriminator)
        ema = generator_class(**shared, **recipe.generator)
    except (TypeError, ValueError) as error:
        raise RecipeError(f"The networks of {recipe.name} cannot be built: {str(error).rstrip('.')}.") from error
    if recipe.conditional and dataset.multi_label:
        rows = [int(philox(seed, k, Stream.LABELS).integers(len(dataset))) for k in range(len(generator.label_table))]
        generator.label_table.copy_(torch.from_numpy(dataset.labels[rows].copy()))
    ema.load_state_dict(generator.state_dict())
    networks = [network.to(device, memory_format=torch.channels_last) for network in (generator, discriminator, ema)]
    for network in networks[:2]:
        cpu.faster(network)
    networks[2].requires_grad_(False).eval()
    players = list(generator.parameters()), list(discriminator.trained().values())
    return State(*networks, *(_optimiser(recipe, parameters) for parameters in players))


def _optimiser(recipe: Recipe, parameters: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
    rate = at(recipe.learning_rate, 0)
    if recipe.optimiser == "rmsprop":
        return torch.optim.RMSprop(parameters, rate)
    fused = parameters[0].device.type in ("cpu", "cuda")
    return torch.optim.Adam(parameters, rate, (recipe.beta1, at(recipe.beta2, 0)), fused=fused)


def train(recipe: Recipe, dataset: Dataset, state: State, accelerator: Accelerator, images: int, seed: int, callbacks) -> State:
    """Train until `images` images were shown. Each callback is called after each step with (state, scalars) and may
    return True to stop. recipe.batch_size must be a multiple of the number of processes."""
    game = GAMES[recipe.game](recipe, accelerator.device)
    per_process = recipe.batch_size // accelerator.num_processes
    state.generator.train()
    state.discriminator.train()
    while state.images < images:
        # This process's share of the batch: image numbers first, first + 1, ...
        first = state.images + accelerator.process_index * per_process
        current = batch(recipe, dataset, state.generator, first, per_process, seed)
        torch.manual_seed(int(philox(seed, first, Stream.TORCH).integers(2**63)))  # dropout
        set_schedules(recipe, state)
        step = state.images // recipe.batch_size
        moves = (step + 1) % recipe.discriminator_steps == 0  # the generator does, after this step of the discriminator

        state.discriminator.requires_grad_(True)
        with accelerator.autocast():
            with torch.set_grad_enabled(moves):
                drawn = game.draw(state, current)
            loss, scalars = game.discriminator_loss(state, current, drawn)
        scalars["discriminator_gradient"] = update(state.discriminator_optimiser, loss, accelerator)
        if recipe.clip:
            clip_weights(state.discriminator, recipe.clip)
        if moves:
            state.discriminator.requires_grad_(False)
            with accelerator.autocast():
                if state.discriminator.shares_weights:
                    drawn = game.draw(state, current)  # those that drew it have just moved
                loss, more = game.generator_loss(state, current, drawn)
            scalars |= more | {"generator_gradient": update(state.generator_optimiser, loss, accelerator)}
            average(recipe, state)
        state.images += recipe.batch_size
        if any([callback(state, scalars) for callback in callbacks]):
            break
    return state


def batch(recipe: Recipe, dataset: Dataset, generator: Generator, first: int, count: int, seed: int) -> Batch:
    """Images number first .. first + count - 1 of the run with labels and latents, as the generator's device and precision are."""
    like = next(generator.parameters())
    indices = dataset.order(first, count, seed)
    pictures, labels = dataset.batch(indices)
    if recipe.flip:
        mirrored = torch.tensor([philox(seed, first + k, Stream.FLIPS).random() < 0.5 for k in range(count)])
        pictures = torch.where(mirrored[:, None, None, None], pictures.flip(3), pictures)
    real = to_float(pictures.to(like.device)).to(like.dtype).contiguous(memory_format=torch.channels_last)
    encoded = encode_labels(labels, dataset.label_names, dataset.multi_label).to(like) if recipe.labelled else None
    numbers = torch.tensor([int(dataset.names[k]) for k in indices], device=like.device) if dataset.names else None
    return Batch(real, encoded, sample(count, generator.latent_dim, seed=seed, start=first).to(like), first, seed, numbers)


def set_schedules(recipe: Recipe, state: State) -> None:
    """Whatever changes with the images seen, in the optimisers."""
    for optimiser, factor in ((state.generator_optimiser, recipe.generator_rate), (state.discriminator_optimiser, 1.0)):
        for group in optimiser.param_groups:
            group["lr"] = at(recipe.learning_rate, state.images) * factor
            if "betas" in group:
                group["betas"] = (recipe.beta1, at(recipe.beta2, state.images))


def per_process(state: State) -> list[str]:
    """The kinds of layers whose work depends on how a batch is shared by processes."""
    kinds = {"BatchNorm": (nn.BatchNorm1d, nn.BatchNorm2d), "Dropout": (nn.Dropout,)}
    layers = [*state.generator.modules(), *state.discriminator.modules()]
    return [name for name, kind in kinds.items() if any(isinstance(layer, kind) and getattr(layer, "p", 1) for layer in layers)]


def update(optimiser: torch.optim.Optimizer, loss: Tensor, accelerator: Accelerator) -> Tensor:
    """Backward, average the gradients over the processes, step. Returns the gradient's norm."""
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    gradients = [p.grad for group in optimiser.param_groups for p in group["params"] if p.grad is not None]
    if accelerator.num_processes > 1:
        flat = accelerator.reduce(torch.cat([g.flatten() for g in gradients]), "mean")
        for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients])):
            gradient.copy_(mean.view_as(gradient))
    optimiser.step()
    return torch.stack(torch._foreach_norm(gradients)).norm()


@torch.no_grad()
def average(recipe: Recipe, state: State) -> None:
    """Exponential moving average of the generator: weights and BatchNorm statistics. The half-life grows with the images
    seen up to the recipe's (Karras et al. 2020), so that short runs are not held back by their beginnings."""
    half_life = min(recipe.ema_half_life, recipe.ema_ramp * state.images)
    new = 1 - 0.5 ** (recipe.batch_size * recipe.discriminator_steps / half_life) if half_life else 1.0
    pairs = list(zip(state.ema.state_dict().values(), state.generator.state_dict().values()))
    floats = [(a, b) for a, b in pairs if a.is_floating_point()]
    torch._foreach_lerp_([a for a, _ in floats], [b for _, b in floats], new)
    for mine, theirs in pairs:
        if not mine.is_floating_point():
            mine.copy_(theirs)
