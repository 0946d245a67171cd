"""Start from a generator of half the size: its layers stay, and one more doubles the picture.

A generator that was trained at 64 px can draw faces already. At 128 px its layers up to the last map are kept, and only
the layers that draw the picture are new (progressive growing: Karras et al. 2018, arXiv:1710.10196; a second stage:
Denton et al. 2015, arXiv:1506.05751). Before the game starts, the new layers learn to reproduce the smaller generator's
pictures, enlarged. So the discriminator, which starts from scratch, sees faces from the start.
"""

import torch
from torch.nn import functional as F

from gan_models.networks.base import encode_labels
from gan_models.networks.dcgan import DCGANGenerator

STEPS, BATCH, RATE = 250, 16, 2e-3
FIRST_SEED = 1000  # of the latents, one seed a step


def can_grow(small, large) -> bool:
    """Whether `large` is a DCGAN generator with twice the size and half the width of `small`, and otherwise equal."""
    if not isinstance(small, DCGANGenerator) or not isinstance(large, DCGANGenerator):
        return False
    channels, height, width = small.image_shape
    same = small.latent_dim == large.latent_dim and small.labels == large.labels
    fits = large.image_shape == (channels, 2 * height, 2 * width) and small.multi_label == large.multi_label
    return same and fits and len(inherited(small, large)) == len(large.state_dict()) - len(new_names(small, large))


def inherited(small: DCGANGenerator, large: DCGANGenerator) -> list[str]:
    """The names of the tensors that `large` takes from `small`: equal names and shapes before the new layers."""
    mine, theirs, new = large.state_dict(), small.state_dict(), new_names(small, large)
    return [name for name in mine if name not in new and name in theirs and theirs[name].shape == mine[name].shape]


def new_names(small: DCGANGenerator, large: DCGANGenerator) -> set[str]:
    """The names of the tensors that `large` has to learn: from the layer on that drew the smaller picture."""
    first = max(k for k, layer in enumerate(small.layers) if hasattr(layer, "weight"))
    return {f"layers.{k}.{name}" for k, layer in enumerate(large.layers) if k >= first for name in layer.state_dict()}


def grow(small: DCGANGenerator, large: DCGANGenerator, steps: int | None = None) -> float:
    """Give `large` the layers of `small`, and let its new ones learn to draw the smaller one's pictures, enlarged.

    steps: None is STEPS. Both are on one device. Latents and labels are functions of the step alone. Returns the last mean square error, of
    pictures in [-1, 1]. Raises ValueError where `can_grow` is False.
    """
    if not can_grow(small, large):
        raise ValueError(
            "The larger generator must have twice the size, half the width, and the same latents and labels."
        )
    weights = small.state_dict()
    large.load_state_dict(large.state_dict() | {name: weights[name] for name in inherited(small, large)})
    training = large.training
    large.train().requires_grad_(False)
    new = new_names(small, large)
    learned = [parameter.requires_grad_(True) for name, parameter in large.named_parameters() if name in new]
    optimiser, error = torch.optim.Adam(learned, RATE), float("nan")
    for step in range(STEPS if steps is None else steps):
        seed = FIRST_SEED + step
        latents, labels = small.sample_latents(BATCH, seed=seed), small.sample_labels(BATCH, seed=seed)
        with torch.no_grad():
            wanted = F.interpolate(
                small.generate(latents, labels), size=large.image_shape[1:], mode="bicubic", antialias=True
            )
        told = None if labels is None else encode_labels(labels, large.labels, large.multi_label)
        loss = F.mse_loss(large(latents, told), wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        error = loss.item()
    large.requires_grad_(True).train(training)
    return error
