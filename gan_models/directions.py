"""Directions of the latent space along which a generator's pictures change most, found without labels or training.

    found = find(generator)
    images = generator.generate(move(latents, found, [(0, 2.0), (3, -1.0)]), labels)

SeFa's closed form (Shen and Zhou 2021, arXiv:2007.06600): the first layer that takes the latent is affine, y = A z + b,
so a step n changes its output by A n. The steps of length 1 that change it most are the eigenvectors of A^T A. If a
BatchNorm follows, its scale is included, since the rest of the network sees the scaled output.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from .errors import InvalidInput, short
from .networks.base import Generator

AFFINE = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
AT_ONCE = 64  # latents per batch, to limit memory
MOST = 5.0  # largest step along a direction; latents have a length of about sqrt(latent_dim)


class Directions(NamedTuple):
    """vectors: (k, latent_dim), orthonormal, the one that changes most first. strengths: (k,) the share of all change
    that each makes, 0..1."""

    vectors: Tensor
    strengths: Tensor


@torch.inference_mode()
def find_directions(generator: Generator, count: int = 10) -> Directions:
    """The `count` strongest directions, or fewer if the latent has fewer entries. Entries that have a meaning of their
    own, such as InfoGAN's codes, do not enter that layer linearly and are left out. Each direction's largest entry is
    positive, so that the same weights give the same directions. Raises InvalidInput for a generator without such a
    layer."""
    still, steps = _first_layer(generator, torch.zeros(1, generator.latent_dim)), torch.eye(generator.latent_dim)
    ahead = torch.cat([_first_layer(generator, part) - still for part in steps.split(AT_ONCE)])
    behind = torch.cat([still - _first_layer(generator, -2 * part) for part in steps.split(AT_ONCE)]) / 2
    linear = (ahead - behind).norm(dim=1) <= 1e-3 * (ahead.norm(dim=1) + behind.norm(dim=1))
    if not linear.any():
        raise InvalidInput("This model takes no entry of its latent linearly, so it has no such directions.")
    matrix = (ahead * linear[:, None]).double()
    values, vectors = torch.linalg.eigh(matrix @ matrix.T)  # in ascending order
    count = min(count, int(linear.sum()))
    vectors = vectors.T.flip(0)[:count]
    largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    strengths = values.flip(0)[:count].clamp_min(0) / values.clamp_min(0).sum().clamp_min(1e-30)
    return Directions((vectors * largest.sign()).float(), strengths.float())


def move(latents: Tensor, directions: Directions, steps: list[tuple[int, float]]) -> Tensor:
    """Latents (n, latent_dim) moved along directions, each given as (number, step). Raises InvalidInput for a direction
    that does not exist, or a step outside -MOST..MOST."""
    for number, far in steps:
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < len(directions.vectors):
            raise InvalidInput(f"There are {len(directions.vectors)} directions, so {short(number)} is none of them.")
        if isinstance(far, bool) or not isinstance(far, (int, float)) or not abs(far) <= MOST:
            raise InvalidInput(f"A step must be a number from -{MOST:g} to {MOST:g}, not {short(far)}.")
        latents = latents + far * directions.vectors[number].to(latents)
    return latents


class _Seen(Exception):
    """The layer was reached: the rest need not be computed."""


def _first_layer(generator: Generator, latents: Tensor) -> Tensor:
    """(n, outputs): the output of the first affine layer for latents, and of a BatchNorm right after it."""
    seen: list[Tensor] = []

    def look(module: nn.Module, _: object, output: Tensor) -> None:
        if isinstance(module, AFFINE) and not seen and _reads_latents(module, generator):
            seen.append(output)
        elif isinstance(module, NORMS) and seen:
            seen[0] = output
            raise _Seen
        elif seen:
            raise _Seen

    leaves = [module for module in generator.modules() if not list(module.children())]
    hooks = [module.register_forward_hook(look) for module in leaves]
    try:
        labels = generator.sample_labels(1, seed=0)
        many = None if labels is None else labels.expand(len(latents), *labels.shape[1:])
        type(generator).generate(generator, latents, many)  # in this process, even if the demo runs it on another GPU
    except _Seen:
        pass
    finally:
        for hook in hooks:
            hook.remove()
    if not seen:
        raise InvalidInput("This model has no layer from which directions can be found.")
    return seen[0].flatten(1).float().cpu()


def _reads_latents(module: nn.Module, generator: Generator) -> bool:
    """Whether a layer takes latents. In some networks the embedding of the labels comes first."""
    return module is not getattr(generator, "embedding", None)
