"""Random numbers by Philox (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), a counter-based
generator.

Item k of seed s is a function of (s, k) alone. So it does not depend on the number of items, their order, the device,
the number of processes, or interruptions of a training run.
"""

import secrets
from enum import IntEnum

import numpy as np

from .errors import InvalidInput

MAX_SEED = 2**63 - 1
MAX_COUNT = 1_000_000


class Stream(IntEnum):
    """Independent sequences of one seed. The numbers are part of the file format of a run: never reorder them."""

    LATENTS = 0
    DATA_ORDER = 1
    FLIPS = 2
    LABELS = 3
    TORCH = 4
    EVALUATION = 5
    AUGMENT = 6
    NOISE = 7
    ENCODER = 8
    INTERPOLATION = 9
    EDITS = 10
    STACKED = 11
    WARP = 12
    EXAMPLES = 13
    DAMAGE = 14
    GRAIN = 15
    TARGETS = 16
    REPEATS = 17


def philox(seed: int, index: int, stream: Stream = Stream.LATENTS) -> np.random.Generator:
    """The random generator of item `index` of `seed` in `stream`."""
    return np.random.Generator(np.random.Philox(key=[seed, int(stream)], counter=[0, index, 0, 0]))


def check_seed(seed: int | None) -> int:
    """`seed` itself, or a random one from the operating system for None. Raises InvalidInput outside 0..2^63-1."""
    if seed is None:
        return secrets.randbits(32)
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed <= MAX_SEED:
        raise InvalidInput(f"The seed must be a whole number from 0 to {MAX_SEED}, not {seed!r}.")
    return int(seed)


def check_count(n: int, least: int = 1, most: int = MAX_COUNT, what: str = "number of images") -> int:
    """`n` itself. Raises InvalidInput unless it is a whole number from `least` to `most`."""
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or not least <= n <= most:
        raise InvalidInput(f"The {what} must be a whole number from {least} to {most}, not {n!r}.")
    return int(n)
