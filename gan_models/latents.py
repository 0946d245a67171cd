"""Latent vectors: seeded sampling, spherical interpolation, walks."""

import numpy as np
import torch
from torch import Tensor

from .errors import InvalidInput
from .rng import check_count, check_seed, philox


def sample(n: int, latent_dim: int, *, seed: int | None = None, start: int = 0) -> Tensor:
    """Latents `start` to `start + n - 1` of a seed: (n, latent_dim) float32, standard normal, on the CPU."""
    seed, n = check_seed(seed), check_count(n, least=0)
    out = np.empty((n, latent_dim), np.float32)
    for k in range(n):
        philox(seed, start + k).standard_normal(latent_dim, dtype=np.float32, out=out[k])
    return torch.from_numpy(out)


def slerp(a: Tensor, b: Tensor, t: Tensor | float) -> Tensor:
    """Spherical interpolation from a (t=0) to b (t=1) along the last dimension (Shoemake 1985; White 2016).

    a, b: (..., latent_dim), broadcast against each other. t: a number, or a tensor of shape (...). Linear interpolation
    of Gaussian vectors passes through short vectors that the generator has never seen; this does not. If the two
    directions are parallel, opposite or zero, the arc is undefined and the interpolation is linear.
    """
    t = torch.as_tensor(t, dtype=a.dtype, device=a.device).unsqueeze(-1)
    norms = a.norm(dim=-1, keepdim=True) * b.norm(dim=-1, keepdim=True)
    cosine = (a * b).sum(-1, keepdim=True) / norms.clamp_min(torch.finfo(a.dtype).tiny)
    angle = cosine.clamp(-1, 1).arccos()
    sine = angle.sin()
    straight = (sine < 1e-4) | (norms == 0)
    sine = sine.where(~straight, torch.ones_like(sine))
    arc = ((1 - t) * angle).sin() / sine * a + (t * angle).sin() / sine * b
    return torch.where(straight, torch.lerp(a, b, t), arc)


def walk(anchors: Tensor, frames: int, loop: bool = False) -> Tensor:
    """A path of `frames` evenly spaced points through the anchors: (frames, latent_dim).

    anchors: (m, latent_dim), m >= 2. The path starts at the first anchor. Without `loop` it ends at the last. With
    `loop` it returns to the first and stops one step before it, so that a video repeats seamlessly.
    """
    leg, t = _positions(anchors, frames, loop)
    return slerp(anchors[leg], anchors[(leg + 1) % len(anchors)], t)


def blend(anchors: Tensor, frames: int, loop: bool = False) -> Tensor:
    """The same path in straight lines, for vectors that are not Gaussian, such as labels: (m, K) -> (frames, K)."""
    leg, t = _positions(anchors, frames, loop)
    return torch.lerp(anchors[leg], anchors[(leg + 1) % len(anchors)], t[:, None])


def _positions(anchors: Tensor, frames: int, loop: bool) -> tuple[Tensor, Tensor]:
    """For each frame the anchor before it (frames,) and its position between that and the next, 0..1 (frames,)."""
    if anchors.ndim != 2 or len(anchors) < 2:
        raise InvalidInput(
            f"A walk needs at least two latents in a tensor (m, latent_dim), not {tuple(anchors.shape)}."
        )
    frames = check_count(frames, least=2, most=100_000, what="number of frames")
    legs = len(anchors) if loop else len(anchors) - 1
    position = torch.arange(frames, dtype=torch.float64) * legs / (frames if loop else frames - 1)
    leg = position.floor().long().clamp(max=legs - 1)
    return leg.to(anchors.device), (position - leg).to(anchors)
