"""FID and KID of photographs in general features, from a network that was trained on ImageNet and none of the data's
labels.

All pictures, generated and real, are resized to 128 px. The real ones are those from which no generator learned: the
test split of CIFAR-10 and of folders; for CelebA, whose test split is small here, valid and test together ("heldout",
neither used for tuning), at 128 px even for smaller generators, so that missing detail counts.
"""

import os
import time

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from gan_models.networks.base import Generator
from gan_models.project import VERSION
from gan_models.rng import Stream, philox

from ..data import open_dataset
from ..data.dataset import Dataset, to_float
from ..errors import EvaluationError
from ..judges import general
from ..metrics.naming import short_count
from ..metrics.sampling import generated_pictures, stored

SIZE = 128  # pixels to which pictures are resized
SPLITS = {"celeba": ("heldout", ("valid", "test"))}  # the protocol's name of the real pictures, and their splits
PHOTOGRAPHS = ("celeba", "cifar10")  # always measured; other colour data sets on request


def general_distances(
    generator: Generator,
    data: str | os.PathLike,
    root: str | os.PathLike | None,
    train: Dataset,
    labels: Tensor | None,
    fidelity,
    *,
    samples: int,
    batch_size: int,
    seed: int,
) -> dict:
    """`fid{n}_{split}_general` and `kid...` of as many generated pictures as there are real ones (at most `samples`),
    with a record. "real": the same of training pictures. labels: for the generated pictures, at least as many.
    fidelity: the module `features`, which needs torch-fidelity. Raises EvaluationError if there are too few pictures:
    the covariance of n features has at most rank n - 1."""
    began = time.monotonic()
    network = general.read(general.JUDGES).to(generator.device)
    split, parts = SPLITS.get(train.name, ("test", ("test",)))
    size = SIZE if train.name == "celeba" else generator.image_shape[-1]
    channels = generator.image_shape[0]
    sets = [open_dataset(data, root, size, channels=channels, split=part) for part in parts]
    known = train if size == train.images.shape[-1] else open_dataset(data, root, size, channels=channels)
    n = min(samples, sum(map(len, sets)), len(known))
    if n <= general.POOLED:
        raise EvaluationError(
            f"FID in {general.POOLED} general features needs more than {general.POOLED} pictures on each side, and "
            f"there are {n}: take more --samples or more data."
        )
    with tqdm(total=3 * n, unit=" pictures", desc="General features", disable=None) as bar:
        fake = look(
            network, generated_pictures(generator, generator.sample_latents(n, seed=seed), labels, bar), batch_size
        )
        order = philox(seed, 2, Stream.EVALUATION).permutation(sum(map(len, sets)))[:n]
        real, first = [], 0
        for part in sets:
            chosen = np.sort(order[(order >= first) & (order < first + len(part))]) - first
            first += len(part)
            if len(chosen):
                real.append(look(network, stored(part, chosen, bar), batch_size))
        chosen = philox(seed, 3, Stream.EVALUATION).permutation(len(known))[:n]
        floor = look(network, stored(known, chosen, bar), batch_size)
    seen = torch.cat(real)
    how = f"{short_count(n)}_{split}_general"
    mean, std = fidelity.kernel_distance(fake, seen, seed)
    record = {
        "pictures": {split: {"generated": n, "real": n}},
        "seed": seed,
        "data": {
            "name": train.name,
            "train": known.checksum,
            **dict(zip(parts, (s.checksum for s in sets), strict=True)),
        },
        "network": f"EfficientNet-{general.JUDGES.title()}, {SIZE} px",
        "image_shape": list(generator.image_shape),
        "versions": {"gan_models": VERSION, "torch": torch.__version__},
        "seconds": round(time.monotonic() - began, 1),
    }
    return {
        f"fid{how}": {
            "value": fidelity.frechet_distance(fake, seen),
            "real": fidelity.frechet_distance(floor, seen),
        },
        f"kid{how}": {"value": mean, "real": fidelity.kernel_distance(floor, seen, seed)[0], "std": std},
        "evaluation": {"general": record},
    }


@torch.no_grad()
def look(network: general.General, pictures, batch_size: int) -> Tensor:
    """General features (n, POOLED) float64, on the CPU, of uint8 pictures (from `sampling`), resized to SIZE."""
    device, found = network.stem.weight.device, []
    for part in torch.arange(len(pictures)).split(batch_size):
        images = to_float(torch.stack(pictures.__getitems__(part.tolist())).to(device))
        found.append(network(at_size(images.expand(-1, 3, -1, -1))).pooled.double().cpu())
    return torch.cat(found)


def at_size(images: Tensor) -> Tensor:
    """Pictures (n, 3, H, W) resized to SIZE x SIZE."""
    if images.shape[-1] == SIZE:
        return images
    return F.interpolate(images, (SIZE, SIZE), mode="bilinear", antialias=True, align_corners=False)
