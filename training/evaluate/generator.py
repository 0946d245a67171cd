"""Measure a generator against real pictures."""

import os
import time
from dataclasses import replace
from pathlib import Path

import torch
from tqdm import tqdm

from gan_models.networks import load
from gan_models.networks.base import Generator
from gan_models.networks.editor import Editor
from gan_models.networks.restore import Restorer
from gan_models.networks.retouch import RetouchEditor
from gan_models.networks.translate import Translator
from gan_models.project import VERSION
from gan_models.rng import check_count, check_seed

from .. import metrics
from ..data import open_dataset
from ..data.dataset import Dataset
from ..data.decoding import DataError
from ..errors import EvaluationError
from ..judges import general, networks
from ..metrics.measuring import eval_mode, fidelity, labels_like, network_for, usable_splits
from ..metrics.naming import short_count
from ..metrics.sampling import all_of, generated_pictures, stored, subset
from ..metrics.seen import Seen
from . import cas as cas_
from . import editor, edits, photographs, repairs, translations

SAMPLES = 10_000
TOGGLED = 1000  # latents of the toggle agreement


def evaluate(
    source: str | os.PathLike | Generator,
    data: str | os.PathLike,
    data_root: str | os.PathLike | None = None,
    *,
    samples: int | None = None,
    network: str | None = None,
    inception_weights: str | os.PathLike | None = None,
    batch_size: int = 100,
    seed: int = 0,
    cas: bool = False,
    fill: bool | str = False,
    kept: Path | None = None,
) -> dict:
    """All metrics of a generator (or of the model that `gan_models.load` finds by a name) against a data set.

    samples: None is 10,000, or the usual 26,000 for StackedMNIST. network: "reader" (MNIST, StackedMNIST),
    "fashionreader", "objectreader" (CIFAR-10), "judge" (CelebA), "inception", or None for the data set's own. cas: also
    train a classifier, which takes minutes. fill: measure instead how it fills holes, "halves" for holes
    of half the picture alone. kept: see repairs.evaluate.
    Generated pictures are rounded to uint8 as in a PNG, labels follow the training data, and everything is float32. The
    batch size only changes the memory.

    Returns {metric: {"value": ..., "real": ...}, ..., "evaluation": {network: how it was measured, and each
    attribute}}. Raises ModelError, DataError, JudgeError or EvaluationError, each with one sentence.
    """
    began = time.monotonic()
    samples = None if samples is None else check_count(samples, least=2, what="number of samples")
    batch_size, seed = check_count(batch_size, most=10_000, what="batch size"), check_seed(seed)
    generator = source if isinstance(source, Generator) else _load_generator(source)
    if isinstance(generator, Restorer) or fill:
        if network not in (None, "general"):
            raise EvaluationError(f"Repaired pictures are measured with the network general, not with {network}.")
        halves = fill == "halves"
        return repairs.evaluate(generator, data, data_root, samples=samples, seed=seed, halves=halves, kept=kept)
    if isinstance(generator, Translator):
        if network not in (None, "general"):
            raise EvaluationError(f"Translated pictures are seen by the network general, not by {network}.")
        return translations.evaluate(generator, data, data_root, samples=samples or translations.SAMPLES, seed=seed)
    if isinstance(generator, Editor | RetouchEditor):
        if network not in (None, "judge"):
            raise EvaluationError(f"An editor's changes are measured with the network judge, not with {network}.")
        found = edits.evaluate(generator, data, data_root, samples=samples or edits.EDITS)
        if isinstance(generator, Editor):
            more = editor.evaluate(generator, data, data_root, samples=samples or SAMPLES, batch_size=batch_size)
            found = more | found | {"evaluation": more["evaluation"] | found["evaluation"]}
        return found
    train, test = _open_splits(data, data_root, generator)
    plan = networks.judge_of(train.name)
    samples = samples or (plan.samples if plan else SAMPLES)
    labels = labels_like(generator, train, samples, seed)
    looks_general = network is None and train.name in photographs.PHOTOGRAPHS and samples > general.POOLED
    if network == "general":
        return _general(generator, data, data_root, train, labels, samples, batch_size, seed)
    viewer = network_for(network, train.name, generator, inception_weights)
    if cas:
        _check_cas(generator, test, plan)

    # As many real pictures as generated ones, and as many again from the training split for the floor.
    compared = min(samples, SAMPLES) if viewer.stacked else samples
    counts = {"test": min(compared, len(test), len(train)) if test else 0, "train": min(compared, len(train) // 2)}
    usable = usable_splits(counts, viewer)
    named = labels is not None and set(generator.labels) <= set(viewer.labels)
    toggled = min(samples, TOGGLED) if named and generator.multi_label else 0
    known, unknown = subset(train, max(2 * counts["train"], counts["test"]), seed), subset(test, counts["test"], seed)
    reread = len(unknown) if test else counts["train"]
    total = samples + len(known) + len(unknown) + 2 * toggled * len(generator.labels or ()) + generator.encodes * reread
    with eval_mode(generator), tqdm(total=total, unit=" pictures", desc="Evaluating", disable=None) as bar:
        latents = generator.sample_latents(samples, seed=seed)
        fake = viewer.look(generated_pictures(generator, latents, labels, bar), batch_size)
        real = {"train": viewer.look(stored(train, known, bar), batch_size)}
        if test:
            real["test"] = viewer.look(stored(test, unknown, bar), batch_size)
        seen = Seen(
            generator=generator,
            viewer=viewer,
            train=train,
            test=test,
            samples=samples,
            seed=seed,
            batch_size=batch_size,
            latents=latents,
            labels=labels,
            fake=fake,
            real=real,
            # The pictures of the floor are never those of the reference.
            floor={"test": real["train"].features, "train": real["train"].features[counts["train"] :]},
            usable=usable,
            compared=counts["train"],
            known=known,
            unknown=unknown,
            toggled=toggled,
            bar=bar,
            fidelity=fidelity(),
        )
        result, details = metrics.measure(seen), seen.details
    if cas:
        result[f"cas{short_count(len(train))}_test_{plan.network}"] = _cas(generator, train, test, batch_size, seed)
    record = {viewer.name: _record(samples, usable, seed, train, test, viewer, generator, began, details)}
    if looks_general:
        more = _general(generator, data, data_root, train, labels, samples, batch_size, seed)
        record |= more.pop("evaluation")
        result |= more
    return result | {"evaluation": record}


def _general(
    generator: Generator, data, root, train: Dataset, labels, samples: int, batch_size: int, seed: int
) -> dict:
    """FID and KID in general features."""
    if generator.image_shape[0] != 3 or train.name in ("stackedmnist", "mnist", "fashionmnist"):
        raise EvaluationError(f"General features are of photographs in colour; {train.name} has none.")
    with eval_mode(generator):
        return photographs.general_distances(
            generator, data, root, train, labels, fidelity(), samples=samples, batch_size=batch_size, seed=seed
        )


def _load_generator(source) -> Generator:
    model = load(source, device="cuda" if torch.cuda.is_available() else "cpu")
    if not isinstance(model, Generator):
        raise EvaluationError(f"{source} is not a generator, so there is nothing to sample.")
    return model


def _open_splits(data, root, generator: Generator) -> tuple[Dataset, Dataset | None]:
    """The train and test splits in the generator's size and channels. A folder may have no test split."""
    channels, height, width = generator.image_shape
    if height != width:
        raise EvaluationError(f"The model draws {width} x {height} pictures; data sets are read as squares only.")
    train = open_dataset(data, root, height, channels=channels)
    try:
        return train, open_dataset(data, root, height, channels=channels, split="test")
    except DataError:
        if Path(data).is_dir() and not (Path(data) / "test").is_dir():
            return train, None
        raise


def _check_cas(generator: Generator, test: Dataset | None, plan) -> None:
    if not generator.labels or generator.multi_label or not test or not plan or plan.multi_label or plan.stacked:
        raise EvaluationError(
            "The classification accuracy score (--cas) needs a class-conditional model, and a data set with a "
            "reader and a test split (mnist, fashionmnist, cifar10); leave it out."
        )


def _cas(generator: Generator, train: Dataset, test: Dataset, batch_size: int, seed: int) -> dict:
    n = len(train)
    labels = labels_like(generator, train, n, seed)
    with eval_mode(generator), tqdm(total=n, unit=" pictures", desc="Drawing a training set", disable=None) as bar:
        images = all_of(generated_pictures(generator, generator.sample_latents(n, seed=seed), labels, bar), batch_size)
    drawn_set = replace(train, images=images, labels=labels.cpu().numpy())
    return {"value": cas_.accuracy_score(train.name, drawn_set, test), "real": cas_.real_score(train.name, train, test)}


def _record(samples, usable, seed, train, test, viewer, generator, began, details) -> dict:
    """Everything that is needed to reproduce the numbers."""
    counts = {split: {"generated": n, "real": n} for split, n in usable.items()}
    data = {"name": train.name, "train": train.checksum, "test": test.checksum if test else None}
    versions = {
        "gan_models": VERSION,
        "torch": torch.__version__,
        "torch_fidelity": fidelity().__version__,
    }
    return {
        "samples": samples,
        "pictures": counts,
        "seed": seed,
        "data": data,
        "network": viewer.record,
        "image_shape": list(generator.image_shape),
        "versions": versions,
        "device": generator.device.type,
        "seconds": round(time.monotonic() - began, 1),
        **details,
    }
