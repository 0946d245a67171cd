"""A tiny data set and tiny networks, in memory."""

import numpy as np

from training.data import Dataset

SMALL = ["batch_size=8", "generator.width=4", "discriminator.width=4"]


def dataset(n=20, seed=0):
    rng = np.random.default_rng(seed)
    return Dataset(name="mnist", images=rng.integers(0, 256, (n, 1, 28, 28)).astype(np.uint8), labels=np.arange(n) % 10,
                   label_names=tuple("0123456789"), multi_label=False, checksum="0", notes=())
