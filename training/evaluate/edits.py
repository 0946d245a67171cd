"""Measure edits with networks that took no part in training: every attribute is added to faces that lack it, and removed
from faces that have it.

Test pictures of 128 px are edited at full strength; for an editor of smaller pictures they are shrunk, and its change is
upsampled as in a photo. The labels are split: an editor's classifiers learned from training pictures with odd file
numbers, the judge from those with even ones, and nothing is tuned on the judge after training (except by
`training.calibrate` for the family editor, on validation pictures). The general features are Lite1's; training uses
Lite0's.

    edit_seen         share of edits after which the judge, at 64 px, sees the requested attribute, among faces that it
                      classified correctly before; mean of the attributes, each the mean of its two directions.
                      "worst": of the worst attribute; "real": share of faces that the judge classifies correctly
    edit_others_kept  share of the other attributes that the judge sees unchanged (hair colours that had to change do
                      not count)
    edit_kid_ratio    KID in general features between edited faces and real faces with the requested attribute, divided
                      by that of the same faces unedited: below 1 they are nearer, 0 is perfect; artefacts raise it.
                      Median of all directions; "worst": of those with 200 real faces or more
    edit_cheeks       change of the mean colour of the cheeks, in 0..255, mean of all attributes except Pale_Skin;
                      "dark", "light": of the quarter of the faces with the darkest and the lightest cheeks
    edit_identity     share of edits (except of Male) after which a face recognition network (dlib's, if it is
                      installed) sees the same person: a distance of embeddings of at most 0.6
"""

import os
import time

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from gan_models.celeba import cheeks
from gan_models.images import to_uint8
from gan_models.networks.retouch import EXCLUSIVE, RetouchEditor, applied, layers_of

from ..data import open_dataset
from ..data.dataset import to_float
from ..judges import general
from ..judges import networks as judges
from ..judges.networks import JudgeError
from ..metrics.sampling import how_measured, rounded
from . import editor as editor_metrics

SIZE = 128  # pixels of the edited pictures
EDITS = 200  # faces for each direction
REALS = 600  # real faces with the requested attribute
ENOUGH = 200  # real faces, for a direction to count for the worst ratio
RECOGNISED = 16  # faces of each direction for the identity
SAME_PERSON = 0.6
BATCH = 50


@torch.inference_mode()
def evaluate(
    editor,
    data: str | os.PathLike = "celeba",
    data_root: str | os.PathLike | None = None,
    *,
    samples: int = EDITS,
    split: str = "test",
    **ignored,
) -> dict:
    """All metrics of an editor, with at most `samples` faces per direction, in the form of `evaluate.evaluate`. Raises
    JudgeError if no judge knows the attributes, DataError if the data cannot be read."""
    began = time.monotonic()
    editor.cpu()
    judge, eyes = judges.read("celeba"), general.read(general.JUDGES)
    unknown = set(editor.attributes) - set(judge.label_names)
    if unknown:
        raise JudgeError(f"No judge knows the attribute {min(unknown)}.")
    faces = open_dataset(data, data_root, SIZE, channels=3, split=split, attributes=judge.label_names)
    labels = torch.from_numpy(faces.labels) > 0
    recognise = _recogniser()
    samples = min(samples, EDITS)
    random = np.random.Generator(np.random.Philox(0))
    order = torch.from_numpy(random.permutation(len(faces)))
    rows: dict[str, dict[str, dict]] = {}
    shades: list[tuple[Tensor, Tensor]] = []
    features: dict[int, Tensor] = {}

    def see(indices: Tensor) -> Tensor:
        """General features of real faces, computed once per face."""
        new = [int(k) for k in indices if int(k) not in features]
        for some in (new[k : k + BATCH] for k in range(0, len(new), BATCH)):
            found = eyes(to_float(torch.from_numpy(np.array(faces.images[some])))).pooled
            features.update(zip(some, found, strict=True))
        return torch.stack([features[int(k)] for k in indices])

    for name in tqdm(editor.attributes, unit=" attributes", desc="Judging edits", disable=None):
        k = judge.label_names.index(name)
        rows[name] = {}
        for bring in (True, False):
            chosen = order[labels[order, k] != bring][:samples]
            reals = order[labels[order, k] == bring][:REALS]
            if len(chosen) < 2 or len(reals) < 2:
                continue
            rows[name]["brought" if bring else "taken"], shade = _direction(
                editor, judge, eyes, faces, labels, chosen, k, bring, see, reals, recognise
            )
            if name != "Pale_Skin":
                shades.append(shade)
    n = f"{samples}_{split}"
    result = summary(rows, shades, n, judge.network)
    attributes = {
        f"{'+' if way == 'brought' else '-'} {name}": row for name, both in rows.items() for way, row in both.items()
    }
    record = how_measured(began, faces, samples=samples, split=split, attributes=attributes)
    return result | {"evaluation": {"edits": record}}


def _direction(
    editor, judge, eyes, faces, labels: Tensor, chosen: Tensor, k: int, bring: bool, see, reals: Tensor, recognise
) -> tuple[dict, tuple]:
    """The results of adding, or removing, one attribute on the chosen faces."""
    names = editor.attributes
    columns = [judge.label_names.index(name) for name in names]
    differences = opposite(labels[chosen][:, columns], columns.index(k), names, bring)
    seen, kept, right, shifts, shades, found, distances = [], [], [], [], [], [], []
    for start in range(0, len(chosen), BATCH):
        part = slice(start, start + BATCH)
        pictures = to_float(torch.from_numpy(np.array(faces.images[chosen[part].numpy()])))
        edited = rounded(edit(editor, pictures, differences[part]))
        before, after = (
            judges.classify(judge, to_uint8(F.avg_pool2d(x, 2)).transpose(0, 3, 1, 2)).logits > 0
            for x in (pictures, edited)
        )
        right.append(before[:, k] != bring)
        seen.append((after[:, k] == bring)[right[-1]])
        others = differences[part] == 0
        kept.append(((after == before)[:, columns] & others).sum(1) / others.sum(1))
        was, now = cheeks(pictures), cheeks(edited)
        shifts.append((now - was).abs().mean(1) * 127.5)
        shades.append(was.mean(1))
        found.append(eyes(edited).pooled)
        if recognise and start == 0:
            distances = [
                recognise(a, b)
                for a, b in zip(to_uint8(pictures[:RECOGNISED]), to_uint8(edited[:RECOGNISED]), strict=True)
            ]
    real = see(reals)
    unedited = kid(see(chosen), real)
    shift, shade = torch.cat(shifts), torch.cat(shades)
    row = {
        "seen": float(torch.cat(seen).float().mean()) if len(torch.cat(seen)) else 0.0,
        "judge": float(torch.cat(right).float().mean()),
        "others_kept": float(torch.cat(kept).mean()),
        "kid": kid(torch.cat(found), real),
        "kid_unedited": unedited,
        "cheeks": float(shift.mean()),
        "faces": len(chosen),
        "real": len(reals),
    }
    row["kid_ratio"] = row["kid"] / max(unedited, 1e-6)
    if distances:
        row |= {
            "same_person": float(np.mean(np.array(distances) <= SAME_PERSON)),
            "distance": float(np.mean(distances)),
        }
    return {key: value if isinstance(value, int) else round(value, 4) for key, value in row.items()}, (shade, shift)


def summary(rows: dict, shades: list[tuple[Tensor, Tensor]], n: str, network: str) -> dict:
    """The metrics, summarised over the directions."""
    directions = {(name, way): row for name, both in rows.items() for way, row in both.items()}
    seen = {name: float(np.mean([row["seen"] for row in both.values()])) for name, both in rows.items() if both}
    ratios = [row["kid_ratio"] for row in directions.values()]
    enough = [row["kid_ratio"] for row in directions.values() if row["real"] >= ENOUGH]
    result = {
        f"edit_seen{n}_{network}": {
            "value": float(np.mean(list(seen.values()))),
            "worst": min(seen.values()),
            "real": float(np.mean([row["judge"] for row in directions.values()])),
        },
        f"edit_others_kept{n}_{network}": {
            "value": float(np.mean([row["others_kept"] for row in directions.values()]))
        },
        f"edit_kid_ratio{n}_general": {"value": float(np.median(ratios)), "worst": max(enough, default=None)},
    }
    if shades:
        shade, shift = (torch.cat(parts) for parts in zip(*shades, strict=True))
        dark, light = (shade <= shade.quantile(0.25)), (shade >= shade.quantile(0.75))
        result[f"edit_cheeks{n}"] = {
            "value": float(shift.mean()),
            "dark": float(shift[dark].mean()),
            "light": float(shift[light].mean()),
        }
    persons = [row["same_person"] for (name, _), row in directions.items() if "same_person" in row and name != "Male"]
    if persons:
        result[f"edit_identity{n}_dlib"] = {"value": float(np.mean(persons))}
    return result


def edit(editor, pictures: Tensor, differences: Tensor) -> Tensor:
    """Pictures (n, 3, S, S) edited by an editor of any size; its change is upsampled as in a photo."""
    size, own = pictures.shape[-1], editor.image_shape[-1]
    small = (
        pictures
        if own == size
        else F.interpolate(pictures, (own, own), mode="bilinear", antialias=True, align_corners=False).clamp(-1, 1)
    )
    if isinstance(editor, RetouchEditor):
        retouch, strength = editor.directed(editor.encode(small), differences)
        return torch.where(
            strength > 0, applied(pictures, layers_of(small, retouch, strength).enlarged(size)), pictures
        )
    change = editor.decode(editor.encode(small), differences) - small
    return (
        pictures + (change if own == size else F.interpolate(change, (size, size), mode="bicubic", align_corners=False))
    ).clamp(-1, 1)


def opposite(labels: Tensor, k: int, names: tuple[str, ...], bring: bool) -> Tensor:
    """Differences (n, K) that add attribute k to faces with labels (n, K) bool, or remove it. Adding a hair colour or
    baldness also removes the hair colour that was there."""
    differences = torch.zeros(labels.shape)
    differences[:, k] = 1.0 if bring else -1.0
    if bring and names[k] in EXCLUSIVE:
        for other in (i for i, name in enumerate(names) if name in EXCLUSIVE and i != k):
            differences[:, other] = -labels[:, other].float()
    return differences


def kid(a: Tensor, b: Tensor) -> float:
    """KID (Binkowski et al. 2018, arXiv:1801.01401) of features (n, D) and (m, D): the unbiased squared maximum mean
    discrepancy with the kernel (x y / D + 1)^3, of all pairs."""
    a, b = a.double(), b.double()

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return (x @ y.T / x.shape[1] + 1) ** 3

    def within(x: Tensor) -> Tensor:
        values = kernel(x, x)
        return (values.sum() - values.trace()) / (len(x) * (len(x) - 1))

    return float(within(a) + within(b) - 2 * kernel(a, b).mean())


def _recogniser():
    """A function of two pictures (H, W, 3) uint8 of a face: the distance of dlib's descriptors. None without dlib."""
    found = editor_metrics.face_recogniser(SIZE)
    if not found:
        return None
    find, describe = found

    def distance(before: np.ndarray, after: np.ndarray) -> float:
        place = find(before)
        return float(np.linalg.norm(describe(before, place) - describe(after, place)))

    return distance
