"""Measure a network that translates pictures between kinds.

For each kind, real test pictures of all other kinds are translated into it, and compared with real ones of that kind in
the general features of Lite1 (training/judges/general.py):

    translation_kid    KID between translated and real pictures of a kind, the mean over the kinds. "without": that of the
                       pictures before they were translated; "real": that of two halves of the real ones
    translation_cycle  PSNR in decibels of pictures that were translated and back, against the pictures themselves

The table has each kind separately.
"""

import os
import time

import numpy as np
import torch
from torch.nn import functional as F

from gan_models.networks.translate import Translator
from gan_models.rng import Stream, philox

from ..data import open_dataset
from ..data.dataset import to_float
from ..errors import EvaluationError
from ..judges import general
from ..metrics.naming import short_count
from ..metrics.sampling import how_measured, rounded
from ..metrics.statistics import psnr

SAMPLES = 1000  # of each kind
LEAST = 10  # real pictures of a kind
BATCH = 50


@torch.inference_mode()
def evaluate(
    model: Translator,
    data: str | os.PathLike,
    data_root: str | os.PathLike | None = None,
    *,
    samples: int = SAMPLES,
    split: str = "test",
    seed: int = 0,
) -> dict:
    """All metrics of a network on (at most `samples` pictures of each kind of) a split, in the form of
    `evaluate.evaluate`. Raises DataError if the data cannot be read, EvaluationError if it lacks a kind."""
    from ..metrics import features as distances  # needs torch-fidelity

    began = time.monotonic()
    model.cpu()
    channels, size, _ = model.image_shape
    if channels != 3 or size < 32:
        raise EvaluationError("General features are of colour pictures of 32 pixels and more; this model's are others.")
    named = model.labels if str(data).lower() == "celeba" else None
    pictures = open_dataset(data, data_root, size, channels=channels, split=split, attributes=named)
    if pictures.multi_label:
        pictures = pictures.sorted()
    eyes = general.read(general.JUDGES)
    rows: dict[str, dict[str, float]] = {}
    n = 0
    names = pictures.label_names or ()
    if strange := [name for name in names if name not in model.labels]:
        raise EvaluationError(
            f"{pictures.name} has pictures of the kind {strange[0]}; this model knows {', '.join(model.labels)}."
        )
    if missing := [kind for kind in model.labels if kind not in names]:
        raise EvaluationError(f"{pictures.name} has no pictures of the kind {missing[0]}.")
    for kind in model.labels:
        here = pictures.labels == pictures.label_names.index(kind)
        mine, others = (_some(np.flatnonzero(chosen), samples, seed) for chosen in (here, ~here))
        if min(len(mine), len(others)) < LEAST:
            raise EvaluationError(
                f"{pictures.name} ({split}) has fewer than {LEAST} pictures of {kind}, or of the rest."
            )
        n = max(n, len(others))
        real = general.pooled(eyes, to_float(pictures.batch(mine)[0]))
        before, after, decibels = [], [], []
        for first in range(0, len(others), BATCH):
            rows_here = others[first : first + BATCH]
            source = to_float(pictures.batch(rows_here)[0])
            drawn = rounded(model.translate(source, kind))
            own = [model.labels.index(pictures.label_names[label]) for label in pictures.labels[rows_here]]
            back = model.draw(drawn, F.one_hot(torch.tensor(own), len(model.labels)).float()).clamp(-1, 1)
            before.append(general.pooled(eyes, source))
            after.append(general.pooled(eyes, drawn))
            decibels.append(psnr(back, source))
        rows[kind] = {
            "kid": distances.kernel_distance(torch.cat(after), real, seed)[0],
            "kid_without": distances.kernel_distance(torch.cat(before), real, seed)[0],
            "kid_real": distances.kernel_distance(real[::2], real[1::2], seed)[0],
            "cycle": float(torch.cat(decibels).mean()),
        }
    how = f"{short_count(n)}_{split}"
    mean = {name: sum(row[name] for row in rows.values()) / len(rows) for name in next(iter(rows.values()))}
    network = f"EfficientNet-{general.JUDGES.title()}, {size} px"
    record = how_measured(began, pictures, samples=n, seed=seed, split=split, network=network, attributes=rows)
    return {
        f"translation_kid{how}": {"value": mean["kid"], "without": mean["kid_without"], "real": mean["kid_real"]},
        f"translation_cycle{how}": {"value": mean["cycle"]},
        "evaluation": {"translations": record},
    }


def _some(rows: np.ndarray, count: int, seed: int) -> np.ndarray:
    return np.sort(philox(seed, 3, Stream.EVALUATION).permutation(rows)[:count])
