"""The input of a step: a process's images with their labels, latents and random numbers."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gan_models.networks.layers import upcast
from gan_models.rng import Stream, philox


@dataclass(frozen=True)
class Batch:
    """One process's images of a step, from number `first` on. Random numbers for image i depend only on (seed, i)."""

    real: Tensor  # (n, C, H, W) in [-1, 1]
    labels: Tensor | None  # encoded for the networks
    latents: Tensor  # (n, latent_dim)
    first: int
    seed: int
    numbers: Tensor | None = None  # (n,) int64 file numbers, if the data has them
    sources: Tensor | None = None  # (n, C, H, W) in [-1, 1]: what `real` is to be drawn from, where the data are pairs

    def normal(self, stream: Stream, *shape: int) -> Tensor:
        """(n, *shape) standard normal."""
        return self._random(stream, lambda random: random.standard_normal(shape, np.float32))

    def uniform(self, stream: Stream, *shape: int) -> Tensor:
        """(n, *shape) in 0..1."""
        return self._random(stream, lambda random: random.random(shape, np.float32))

    def _random(self, stream: Stream, draw: Callable[[np.random.Generator], np.ndarray]) -> Tensor:
        rows = [draw(philox(self.seed, self.first + k, stream)) for k in range(len(self.real))]
        return torch.from_numpy(np.stack(rows)).to(self.real)

    def parts(self, count: int) -> "list[Batch]":
        """The same images in `count` parts of equal size, in order; for 1 the batch itself."""
        if count == 1:
            return [self]
        size, found = len(self.real) // count, []
        for start in range(0, len(self.real), size):
            rows = (
                None if rows is None else rows[start : start + size]
                for rows in (self.real, self.labels, self.latents, self.numbers, self.sources)
            )
            real, labels, latents, numbers, sources = rows
            found.append(Batch(real, labels, latents, self.first + start, self.seed, numbers, sources))
        return found


def all_gather(x: Tensor) -> Tensor:
    """The rows of all processes, (processes x n, ...), for losses over a whole batch. Since the loop averages gradients
    over processes, the result is that of one process with the whole batch."""
    x = upcast(x)
    if not torch.distributed.is_initialized() or torch.distributed.get_world_size() == 1:
        return x
    # Differentiable, unlike Accelerate's gather. Imported here, since some builds of torch lack torch.distributed.
    from torch.distributed.nn.functional import all_gather

    return torch.cat(all_gather(x.contiguous()))
