"""Measure a restoration model: every damage that it knows, at several strengths, in comparison with a classical method.

The same test pictures, damaged in the same way (seeded), are repaired by both: by the network, which is told the kind of
damage (and where a hole is) but not its strength, and by a method of scikit-image or SciPy at its best-known setting,
which is told the true strength:

    noise           non-local means (Buades et al. 2005), h = 0.8 sigma
    specks          a median of 3 x 3 pixels
    blur, motion    Richardson-Lucy deconvolution with the true kernel, 10 iterations
    jpeg, grey      nothing: the damaged picture itself
    shrink          nothing: the damaged picture, which is already enlarged by bicubic interpolation
    fill, halves    biharmonic inpainting (Damelin and Hoang 2018)
    edges           nothing: the drawing itself

    KIND_psnr, KIND_ssim  PSNR and structural similarity to the undamaged picture; higher is better
    KIND_distance         perceptual distance in the general features of Lite1 (training uses Lite0's); lower is
                          better
    KIND_kid, KIND_fid    KID and FID in general features between the repaired pictures and as many other real ones (FID
                          only of more than 1,280 pictures, the number of features)
    untouched_psnr        of undamaged pictures, when no damage is given

Each is the mean over the strengths. "without" is the same for the classical method, "damaged" for the damaged picture,
and "real" (of KID and FID) for undamaged pictures. The table has each strength separately.

"halves" are holes of half the picture, from a side. A generator of pictures can be measured too: it fills holes by
`gan_models.inversion.fill`, a second or more per picture.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from gan_models import damages, files, inversion
from gan_models.damages import KINDS, RANDOMS, Damaged
from gan_models.networks.base import Generator
from gan_models.networks.restore import Restorer
from gan_models.rng import Stream, philox

from ..data import open_dataset
from ..data.dataset import to_float
from ..errors import EvaluationError
from ..judges import general
from ..metrics.naming import short_count
from ..metrics.sampling import how_measured, rounded
from ..metrics.statistics import psnr, ssim

STRENGTHS = (1 / 3, 2 / 3, 1.0)
SAMPLES = 1300  # more than there are general features, for FID
FILLED = 100  # by a generator
BATCH = 50
HALVES = 0.9  # the random number for which `damages.holes` takes a part from a side


class Real(NamedTuple):
    """The undamaged pictures, and other real ones, as the network of general features sees them."""

    eyes: general.General
    maps: list[Tensor]  # of the undamaged pictures
    others: Tensor  # (n, POOLED) of the others
    floor: dict[str, float]  # kid_real and fid_real: of the undamaged pictures


@torch.no_grad()
def evaluate(
    model: Restorer | Generator,
    data: str | os.PathLike,
    data_root: str | os.PathLike | None = None,
    *,
    samples: int | None = None,
    split: str = "test",
    seed: int = 0,
    strengths: tuple[float, ...] = STRENGTHS,
    halves: bool = False,
    kept: Path | None = None,
) -> dict:
    """All metrics of a network on (at most `samples` pictures of) a split, in the form of `evaluate.evaluate`. samples:
    None is 1,300 for a restoration model, 100 for a generator. halves: measure holes of half the picture alone, since a
    generator takes a second and more for each. kept: a file of the results so far, with which a stopped
    evaluation goes on. Raises DataError if the data cannot be read."""
    repairs = isinstance(model, Restorer)
    kinds = model.damages if repairs else ("fill",)
    if not kinds:
        raise EvaluationError(
            "This model learned from pairs of pictures: no damage is known by which it could be judged."
        )
    if not repairs and model.latent_dim < 1:
        raise EvaluationError("Only a generator that draws from latents can fill holes; leave --fill out.")
    began = time.monotonic()
    model.cpu()
    channels, size, _ = model.image_shape
    pictures = open_dataset(data, data_root, size, channels=channels, split=split)
    order = philox(seed, 2, Stream.EVALUATION).permutation(len(pictures))
    n = min(samples or (SAMPLES if repairs else FILLED), len(pictures))
    chosen, others = np.sort(order[:n]), np.sort(order[n : 2 * n])
    whole = to_float(pictures.batch(chosen)[0])
    real = None
    if channels == 3 and size >= 32 and len(others) >= 2:
        real = _looked_at(whole, to_float(pictures.batch(others)[0]), seed)
    kinds = (*kinds, "halves") if "fill" in kinds else kinds
    if halves and "fill" not in kinds:
        raise EvaluationError("This model fills no holes; leave --fill out.")
    kinds = ("halves",) if halves else kinds
    plan = [(kind, level) for kind in kinds for level in ((1.0,) if kind in ("grey", "halves") else strengths)]
    same = {"model": _digest(model), "data": pictures.checksum, "split": split, "samples": n, "seed": seed}
    rows = _read(kept, same)
    for kind, level in tqdm(plan, unit=" damages", desc="Judging repairs", disable=None):
        if (name := f"{kind} {level:.2g}") not in rows:
            rows[name] = _row(model, whole, kind, level, seed, real)
            if kept:
                files.write_atomically(kept, json.dumps(same | {"rows": rows}).encode())
    how, result = f"{short_count(n)}_{split}", {}
    for kind in kinds:
        mine = [row for name, row in rows.items() if name.partition(" ")[0] == kind]
        for name in [key for key in mine[0] if "_" not in key]:
            metric = {"value": _mean(mine, name), "without": _mean(mine, f"{name}_without")}
            if f"{name}_damaged" in mine[0]:
                metric["damaged"] = _mean(mine, f"{name}_damaged")
            if f"{name}_real" in mine[0]:
                metric["real"] = mine[0][f"{name}_real"]
            result[f"{kind}_{name}{how}"] = metric
    if repairs and model.residual and model.told and not halves:
        same = torch.cat([model.restore(part) for part in whole.split(BATCH)])
        error = (same - whole).square().mean().clamp_min(1e-12)
        result[f"untouched_psnr{how}"] = {"value": min(float(10 * torch.log10(4 / error)), 100.0)}
    network = f"EfficientNet-{general.JUDGES.title()}, {size} px" if real is not None else None
    record = how_measured(began, pictures, samples=n, seed=seed, split=split, network=network, attributes=rows)
    return result | {"evaluation": {"repairs": record}}


def _digest(model: Generator) -> str:
    """Of the network's weights."""
    digest = hashlib.sha256()
    for name, weights in model.state_dict().items():
        digest.update(name.encode())
        digest.update(weights.cpu().contiguous().numpy())
    return digest.hexdigest()


def _read(kept: Path | None, same: dict) -> dict[str, dict[str, float]]:
    """The results so far, if they are of the same model, data and settings."""
    try:
        found = json.loads(kept.read_bytes()) if kept else {}
        return found["rows"] if all(found[key] == value for key, value in same.items()) else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _mean(rows: list[dict[str, float]], name: str) -> float:
    return sum(row[name] for row in rows) / len(rows)


def _looked_at(whole: Tensor, others: Tensor, seed: int) -> Real:
    """Undamaged pictures and others, looked at once for all damages."""
    eyes = general.read(general.JUDGES)
    looks = [eyes(part) for part in whole.split(BATCH)]
    clean = torch.cat([look.pooled.double() for look in looks])
    real = Real(
        eyes, [torch.cat(maps) for maps in zip(*(look.maps for look in looks))], general.pooled(eyes, others), {}
    )
    return real._replace(floor={f"{name}_real": value for name, value in _distances(clean, real, seed).items()})


def _distances(seen: Tensor, real: Real, seed: int) -> dict[str, float]:
    """KID, and FID if there are enough pictures, of features (n, POOLED)."""
    from ..metrics import features  # needs torch-fidelity

    found = {"kid": features.kernel_distance(seen, real.others, seed)[0]}
    if min(len(seen), len(real.others)) > general.POOLED:
        found["fid"] = features.frechet_distance(seen, real.others)
    return found


def _row(
    model: Restorer | Generator, whole: Tensor, kind: str, level: float, seed: int, real: Real | None
) -> dict[str, float]:
    """The results for one damage at one strength."""
    measured: dict[str, list[Tensor]] = {}
    features: dict[str, list[Tensor]] = {}
    for first in range(0, len(whole), BATCH):
        some = whole[first : first + BATCH]
        found, kernels = _damaged(some, kind, level, seed, first)
        by_hand = without_gan(kind, found, level, kernels)
        results = {"": _repaired(model, kind, found), "_without": by_hand}
        if by_hand is not found.pictures:
            results["_damaged"] = found.pictures
        for suffix, pictures in results.items():
            pictures = rounded(pictures)
            values = {"psnr": psnr(pictures, some), "ssim": ssim(pictures, some)}
            if real is not None:
                look = real.eyes(pictures, pooled=suffix != "_damaged")
                values["distance"] = general.apart(look.maps, [maps[first : first + BATCH] for maps in real.maps])
                if look.pooled is not None:
                    features.setdefault(suffix, []).append(look.pooled.double())
            for name, value in values.items():
                measured.setdefault(name + suffix, []).append(value)
    row = {name: float(torch.cat(values).mean()) for name, values in measured.items()}
    for suffix, parts in features.items():
        row |= {name + suffix: value for name, value in _distances(torch.cat(parts), real, seed).items()}
    for name in [name for name in row if name.endswith("_without")]:  # where nothing is done, the damaged picture
        if not name.startswith(("kid", "fid")):
            row.setdefault(name.replace("_without", "_damaged"), row[name])
    return row | (real.floor if real is not None else {})


def _repaired(model: Restorer | Generator, kind: str, found: Damaged) -> Tensor:
    hole = found.mask if kind in ("fill", "halves") else None
    if isinstance(model, Restorer):
        return model.restore(found.pictures, hole, None if hole is not None else [kind])
    rows = found.mask.flatten(1).any(1)  # a thin stroke may miss all pixels
    result = found.pictures.clone()
    result[rows] = inversion.fill(model, found.pictures[rows], found.mask[rows])
    return result


def _damaged(pictures: Tensor, kind: str, level: float, seed: int, first: int) -> tuple[Damaged, Tensor | None]:
    """Pictures with one damage, numbered from `first` on, and for blur the kernels (n, k, k)."""
    n, channels = len(pictures), pictures.shape[1]
    randoms, fields = torch.empty(n, RANDOMS), torch.empty(n, channels + 1, *pictures.shape[2:])
    for k in range(n):
        randoms[k] = torch.from_numpy(philox(seed, first + k, Stream.DAMAGE).random(RANDOMS, "float32"))
        fields[k] = torch.from_numpy(philox(seed, first + k, Stream.GRAIN).standard_normal(fields.shape[1:], "float32"))
    if kind == "halves":
        kind, randoms[:, 1] = "fill", HALVES
    strengths = torch.zeros(n, len(KINDS))
    strengths[:, KINDS.index(kind)] = level
    kernels = None
    if kind in ("blur", "motion"):
        point = torch.zeros(n, 1, 2 * damages.TAPS + 1, 2 * damages.TAPS + 1)
        point[..., damages.TAPS, damages.TAPS] = 1
        spread = (
            damages.blur(point, torch.full((n,), damages.BLUR * level))
            if kind == "blur"
            else damages.motion_blur(point, torch.full((n,), level), randoms[:, 0])
        )
        half = damages.TAPS // 2
        kernels = spread[:, 0, half + 1 : -half - 1, half + 1 : -half - 1]
    return damages.damage(pictures, strengths, randoms, fields), kernels


# ---- Classical methods -----------------------------------------------------------------------------------------------


def without_gan(kind: str, found: Damaged, level: float, kernels: Tensor | None = None) -> Tensor:
    """Damaged pictures (n, C, H, W) in [-1, 1] repaired by the classical method, see the docstring of this file."""
    from scipy import ndimage
    from skimage import restoration  # from the extra "train"; a missing one gives a message that says so

    def denoised(picture: np.ndarray, k: int) -> np.ndarray:
        sigma = damages.NOISE / 2 * level
        return restoration.denoise_nl_means(
            picture, patch_size=5, patch_distance=6, h=0.8 * sigma, sigma=sigma, fast_mode=True, channel_axis=-1
        )

    def despecked(picture: np.ndarray, k: int) -> np.ndarray:
        return ndimage.median_filter(picture, (3, 3, 1), mode="mirror")

    def sharpened(picture: np.ndarray, k: int) -> np.ndarray:
        kernel, half = kernels[k].numpy(), kernels.shape[-1] // 2
        padded = np.pad(picture, ((half, half), (half, half), (0, 0)), mode="reflect")
        planes = [restoration.richardson_lucy(padded[..., c], kernel, 10) for c in range(picture.shape[2])]
        return np.stack(planes, -1)[half:-half, half:-half]

    def filled(picture: np.ndarray, k: int) -> np.ndarray:
        hole = found.mask[k, 0].numpy() > 0
        return restoration.inpaint_biharmonic(picture, hole, channel_axis=-1) if hole.any() else picture

    methods: dict[str, Callable] = {
        "noise": denoised,
        "specks": despecked,
        "blur": sharpened,
        "motion": sharpened,
        "fill": filled,
        "halves": filled,
    }
    if kind not in methods:
        return found.pictures
    pictures = ((found.pictures + 1) / 2).permute(0, 2, 3, 1).double().numpy()
    made = [methods[kind](picture, k).reshape(picture.shape) for k, picture in enumerate(pictures)]
    return (torch.from_numpy(np.stack(made)).float().permute(0, 3, 1, 2) * 2 - 1).clamp(-1, 1)
