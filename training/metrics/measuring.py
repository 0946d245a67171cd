"""What every measurement of a generator needs: labels like those of the data, a network that looks at the pictures, and
eval mode. And the FID during training, which needs no more."""

from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from gan_models.networks.base import Generator
from gan_models.rng import Stream, check_count, philox

from ..data.dataset import Dataset
from ..errors import EvaluationError
from ..judges import networks
from .sampling import generated_pictures, label_columns, stored, subset


def fid(
    generator: Generator,
    dataset: Dataset,
    n: int = 10_000,
    *,
    seed: int = 0,
    network: str | None = None,
    batch_size: int = 100,
) -> float:
    """FID of n generated pictures against n of the data set (at most all), as in `evaluate`, for use during training."""
    n = check_count(min(n, len(dataset)), least=2, what="number of samples")
    viewer = network_for(network, dataset.name, generator, None)
    usable_splits({"train": n}, viewer, "take more data")
    with eval_mode(generator), tqdm(total=2 * n, desc="FID", unit=" pictures", leave=False, disable=None) as bar:
        latents, labels = generator.sample_latents(n, seed=seed), labels_like(generator, dataset, n, seed)
        fake = viewer.look(generated_pictures(generator, latents, labels, bar), batch_size)
        real = viewer.look(stored(dataset, subset(dataset, n, seed), bar), batch_size)
    return fidelity().frechet_distance(fake.features, real.features)


def fidelity():
    try:
        from . import features
    except ImportError as error:
        raise EvaluationError(f"FID needs torch-fidelity: pip install torch-fidelity ({error}).") from error
    return features


def network_for(name: str | None, data: str, generator: Generator, weights):
    """The network of the evaluation, on the generator's device. Raises EvaluationError if there is no such network for
    the data set."""
    plan = networks.judge_of(data)
    own = plan.network if plan else None
    if name is None and own is None:
        raise EvaluationError(
            f"There is no network trained on {data}, so use --network inception; it needs the standard Inception "
            "weights (--inception-weights FILE, else they are downloaded)."
        )
    if name not in (None, own, "inception"):
        raise EvaluationError(f"There is no network {name!r} for {data}; take {own + ' or ' if own else ''}inception.")
    return fidelity().open_network(
        "inception" if name == "inception" else data, weights, generator.device.type == "cuda"
    )


def usable_splits(counts: dict[str, int], viewer, way: str = "take more --samples or more data") -> dict[str, int]:
    """The splits with enough pictures: the covariance of n features has at most rank n - 1. Raises EvaluationError if
    there is none; `way` is its advice."""
    usable = {split: n for split, n in counts.items() if n > viewer.dimensions}
    if not usable:
        raise EvaluationError(
            f"FID in the {viewer.dimensions} features of the network {viewer.name!r} needs more than "
            f"{viewer.dimensions} pictures on each side, and there are {max(counts.values())}: {way}."
        )
    return usable


def labels_like(generator: Generator, train: Dataset, n: int, seed: int) -> Tensor | None:
    """n labels for generating: those of training pictures, in an order given by the seed. (n,) int64, (n, K) float32,
    or None."""
    if generator.labels is None:
        return None
    if train.labels is None:
        raise EvaluationError(f"The model is conditional on {_list(generator.labels)}, but {train.name} has no labels.")
    fit = (
        set(generator.labels) <= set(train.label_names)
        if generator.multi_label
        else generator.labels == train.label_names
    )
    if not fit or generator.multi_label != train.multi_label:
        raise EvaluationError(
            f"The model's labels ({_list(generator.labels)}) are not those of {train.name} "
            f"({_list(train.label_names)}); name the data set that it was trained on."
        )
    order = philox(seed, 0, Stream.EVALUATION).permutation(len(train))
    return label_columns(train, generator.labels)[order[np.arange(n) % len(train)]]


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= 12 else f"{', '.join(names[:10])} and {len(names) - 10} more"


@contextmanager
def eval_mode(generator: Generator):
    """Eval mode, no gradients, and float32, even inside the autocast of a training run."""
    training, device, precision = generator.training, generator.device.type, torch.get_float32_matmul_precision()
    generator.eval()
    torch.set_float32_matmul_precision("highest")
    try:
        with (
            torch.no_grad(),
            torch.autocast(device, enabled=False),
            torch.backends.cudnn.flags(enabled=True, allow_tf32=False),
        ):
            yield
    finally:
        torch.set_float32_matmul_precision(precision)
        generator.train(training)
