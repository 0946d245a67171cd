"""Measure an editor of the family `editor`: every attribute of every test picture is inverted, and a judge classifies it.

The judge (judges/) learned from another half of the training pictures than the editor's attribute loss, and passed no
gradient to the editor. But it is not independent of the strengths: the calibration (calibrate.py) tunes two strengths
per attribute on its outputs for validation pictures. Test pictures are used only here.

    change_seen    share of pictures in which the judge sees the requested change, at intensity 1 (a difference of 1
                   from the label); mean of the 13 attributes of STGAN. "real": the judge's accuracy on real pictures
    change_seen_by_target
                   the same for `edit(images, {name: 0.0 or 1.0})`, which uses the editor's own estimate instead of
                   the label; for every sixth picture
    others_kept    share of the other attributes that the judge sees unchanged. Hair colours that had to change do not
                   count
    change_seen_put_back
                   as change_seen, after the change has faded towards the border of the crop as in a photo of any size
                   (photos.put_back); for every sixth picture
    psnr, ssim     of `edit(images, {})` against the photo; "drawn": of the autoencoder's reconstruction
    psnr_outside, ssim_outside
                   of single edits at intensity 1 against the photo, outside the ellipse HEAD around the head with its
                   hair (networks/compositing.py; 22 % of the crop; long hair and hats reach into it). For SSIM the head
                   is the photo's in both pictures, borders are mirrored, and windows count if their centre is outside.
                   Mean over all attributes; "worst": of the worst attribute; "put_back": as above. Beyond the crop no
                   pixel of a photo changes.
    fid            of pictures with one attribute changed, the attributes in turn, against real training pictures, in
                   the judge's features; "real": of the unedited test pictures, the floor; "drawn": of the
                   autoencoder's reconstructions
    identity_kept  share of edited pictures in which a face recognition network (dlib's, if it is installed) sees the
                   same person as before: a distance of at most 0.6, as for 91 % of pairs of one person here and 1.4 %
                   of two; for 50 pictures
    milliseconds   for one edit of one picture, with encoding, and for a further one of the same picture
"""

import importlib.util
import os
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from gan_models import celeba
from gan_models.celeba import opposite_edit
from gan_models.errors import MissingPackage
from gan_models.images import to_uint8
from gan_models.networks.compositing import from_head
from gan_models.networks.editor import Editor, Encoded
from gan_models.photos import crop, faces
from gan_models.project import VERSION

from ..data import open_dataset
from ..data.dataset import Dataset, to_float
from ..judges import networks
from ..judges.networks import JudgeError
from ..metrics.naming import short_count
from ..metrics.statistics import psnr, ssim, ssim_map

EVERY = 6  # every sixth picture is also edited by targets, and put back
RECOGNISED = 50  # pictures for the identity
SAME_PERSON = 0.6  # distance of dlib's descriptors


def evaluate(
    editor: Editor,
    data: str | os.PathLike,
    data_root: str | os.PathLike | None = None,
    *,
    samples: int = 10_000,
    split: str = "test",
    batch_size: int = 100,
) -> dict:
    """All metrics of an editor on (at most `samples` pictures of) a split, in the form of `evaluate.evaluate`.

    The editor is moved to the CPU. Raises JudgeError if no judge knows the attributes, DataError if the data cannot be
    read.
    """
    began = time.monotonic()
    editor.cpu()
    channels, size, _ = editor.image_shape
    judge = networks.read("celeba")
    unknown = set(editor.attributes) - set(judge.label_names)
    if unknown:
        raise JudgeError(f"No judge knows the attribute {min(unknown)}.")
    pictures = open_dataset(data, data_root, size, channels=channels, split=split, attributes=editor.attributes)
    train = open_dataset(data, data_root, size, channels=channels, attributes=editor.attributes)
    n = min(samples, len(pictures))
    with torch.inference_mode(), tqdm(total=n, unit=" pictures", desc="Evaluating", disable=None) as bar:
        measured = [
            _measure(editor, judge, pictures, chosen, bar)
            for chosen in np.array_split(np.arange(n), -(-n // batch_size))
        ]
    seen, put_back, by_target, kept, before, truth, quality, outside = (
        torch.cat(parts) for parts in list(zip(*measured))[:8]
    )
    features = [torch.cat(parts) for parts in list(zip(*measured))[8:]]
    protocol = f"{short_count(n)}_{split}_{judge.network}"
    right = (before == truth).double()
    details = _by_attribute(editor, seen, put_back, by_target, kept, right, truth, outside)
    counted = [k for k, name in enumerate(editor.attributes) if name != "Smiling"]  # the set of AttGAN and STGAN
    result = {
        f"change_seen{protocol}": {"value": _mean_or_nan(seen[:, counted]), "real": _mean_or_nan(right[:, counted])},
        f"change_seen_put_back{protocol}": {
            "value": _mean_or_nan(put_back[:, counted]),
            "real": _mean_or_nan(right[:, counted]),
        },
        f"change_seen_by_target{protocol}": {
            "value": _mean_or_nan(by_target[:, counted]),
            "real": _mean_or_nan(right[:, counted]),
        },
        f"others_kept{protocol}": {"value": float(kept.nanmean())},
        f"psnr{short_count(n)}_{split}": {"value": _mean_or_nan(quality[:, 0]), "drawn": _mean_or_nan(quality[:, 2])},
        f"ssim{short_count(n)}_{split}": {"value": _mean_or_nan(quality[:, 1]), "drawn": _mean_or_nan(quality[:, 3])},
    }
    for name, (plain, faded) in {"psnr": (0, 2), "ssim": (1, 3)}.items():
        value = outside[..., plain]
        result[f"{name}_outside{short_count(n)}_{split}"] = {
            "value": _mean_or_nan(value),
            "worst": float(value.mean(0).min()),
            "put_back": _mean_or_nan(outside[..., faded]),
        }
    if len(features[0]) > judge.features:
        result[f"fid{protocol}"] = _frechet_distances(judge, train, features)
    if recognise := face_recogniser(size):
        kept_identity, distances = _identity(editor, recognise, pictures, min(n, RECOGNISED))
        result[f"identity_kept{len(distances)}_{split}_dlib"] = {
            "value": _mean_or_nan(distances <= SAME_PERSON),
            "distance": _mean_or_nan(distances),
        }
        for name, value in zip(editor.attributes, kept_identity.tolist()):
            details[name]["identity_kept"] = round(value, 4)
    result["milliseconds"] = _speed(editor, to_float(torch.from_numpy(np.array(pictures.images[:1]))))
    record = {
        "samples": n,
        "split": split,
        "data": {"name": pictures.name, "checksum": pictures.checksum, "train": train.checksum},
        "network": judge.record.get("sha256"),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "gan_models": VERSION,
        "seconds": round(time.monotonic() - began, 1),
        "attributes": details,
    }
    return result | {"evaluation": {judge.network: record}}


def _measure(
    editor: Editor, judge: networks.Judge, pictures: Dataset, chosen: np.ndarray, bar: tqdm
) -> tuple[Tensor, ...]:
    """The results for some pictures: seen, put back, by target and kept (n, K), the judge's answers before, the labels
    (n, K), four quality measures of the pictures (n, 4), the same outside the head for each edit (n, K, 4), and features
    of photos, reconstructions and edited pictures (n, D)."""
    stored = torch.from_numpy(np.array(pictures.images[chosen]))
    images = to_float(stored)
    labels = torch.from_numpy(pictures.labels[chosen]) > 0
    columns = [judge.label_names.index(name) for name in editor.attributes]
    latents = editor.encode(images)

    def look(some: Tensor) -> tuple[Tensor, Tensor]:
        opinion = networks.classify(judge, to_uint8(some).transpose(0, 3, 1, 2))  # rounded as for a PNG
        return opinion.features, opinion.logits[:, columns] > 0

    features, before = look(images)
    seen, put_back, by_target, kept = (torch.full(labels.shape, float("nan"), dtype=torch.float64) for _ in range(4))
    outside = torch.zeros(*labels.shape, 4, dtype=torch.float64)
    some = torch.from_numpy(chosen) % EVERY == 0
    fading = crop.feather(images.shape[-1])
    edited_features = torch.zeros_like(features)
    turn = torch.from_numpy(chosen) % len(editor.attributes)  # the attribute whose edit of a picture enters the FID
    for k in range(len(editor.attributes)):
        differences = opposite_edit(labels, k, editor.attributes)
        edited = editor.decode(latents, differences)
        faded = images + fading * (edited - images)
        its_features, after = look(edited)
        edited_features[turn == k] = its_features[turn == k]
        seen[:, k] = (after[:, k] != labels[:, k]).double()
        if some.any():
            put_back[some, k] = (look(faded[some])[1][:, k] != labels[some, k]).double()
        outside[:, k] = torch.stack([*outside_head(images, edited), *outside_head(images, faded)], 1)
        others = differences == 0
        kept[:, k] = ((after == before) & others).sum(1).double() / others.sum(1)
        for value in (False, True):
            mine = (labels[:, k] != value) & some
            if mine.any():
                by_wish = editor.decode(_take(latents, mine), wished(editor, latents, k, float(value))[mine])
                by_target[mine, k] = (look(by_wish)[1][:, k] == value).double()
    same = editor.edit(images, {})
    quality = torch.stack(
        [psnr(images, same), ssim(images, same), psnr(images, latents.drawn), ssim(images, latents.drawn)], 1
    )
    bar.update(len(chosen))
    return (
        seen,
        put_back,
        by_target,
        kept,
        before,
        labels,
        quality.double(),
        outside,
        features,
        look(latents.drawn)[0],
        edited_features,
    )


def wished(editor: Editor, latents: Encoded, k: int, value: float) -> Tensor:
    """The differences (n, K) that `edit` decodes for {attribute k: value}."""
    return editor.differences(latents, {editor.attributes[k]: value})


def _take(latents: Encoded, chosen: Tensor) -> Encoded:
    return Encoded(*(part[chosen] for part in latents))


def _by_attribute(
    editor: Editor,
    seen: Tensor,
    put_back: Tensor,
    by_target: Tensor,
    kept: Tensor,
    right: Tensor,
    truth: Tensor,
    outside: Tensor,
) -> dict:
    """For each attribute the results of its edits, and the judge's accuracy."""
    gone = torch.where(truth, seen, torch.nan)
    come = torch.where(truth, torch.nan, seen)
    columns = {
        "change_seen": seen,
        "brought": come,
        "taken_away": gone,
        "put_back": put_back,
        "by_target": by_target,
        "others_kept": kept,
        "judge_accuracy": right,
        "psnr_outside": outside[..., 0],
        "ssim_outside": outside[..., 1],
    }
    details = {
        name: {
            key: round(value, 4) for key, column in columns.items() if (value := float(column[:, k].nanmean())) == value
        }
        for k, name in enumerate(editor.attributes)
    }
    for name, value in zip(editor.attributes, networks.balance(right, truth.double()).tolist()):
        if value == value:
            details[name]["judge_balanced_accuracy"] = round(value, 4)
    return details


def _frechet_distances(judge: networks.Judge, train: Dataset, features: list[Tensor]) -> dict:
    from ..metrics.features import frechet_distance

    real_ones, drawn, edited = features
    n = min(len(real_ones), len(train))
    chosen = np.random.Generator(np.random.Philox(0)).permutation(len(train))[:n]
    real = networks.classify(judge, train.images[np.sort(chosen)]).features
    value, floor, redrawn = (frechet_distance(some[:n], real) for some in (edited, real_ones, drawn))
    return {"value": value, "real": floor, "drawn": redrawn}


def face_recogniser(size: int):
    """(dlib's landmark predictor, dlib's face descriptor), or None if dlib is not installed."""
    try:
        dlib, _, predictor = faces.dlib_models()
    except MissingPackage:
        return None
    weights = (
        Path(importlib.util.find_spec("face_recognition_models").origin).parent
        / "models/dlib_face_recognition_resnet_model_v1.dat"
    )
    network, scale = dlib.face_recognition_model_v1(str(weights)), 256 / celeba.WINDOW[2]
    left, top, side = (
        scale * value for value in (faces.FACE[0] - celeba.WINDOW[0], faces.FACE[1] - celeba.WINDOW[1], faces.FACE[2])
    )
    box = dlib.rectangle(round(left), round(top), round(left + side), round(top + side))

    def enlarged(picture: np.ndarray) -> np.ndarray:
        return np.asarray(Image.fromarray(picture).resize((256, 256), Image.Resampling.BICUBIC))

    def describe(picture: np.ndarray, place) -> np.ndarray:
        return np.array(
            network.compute_face_descriptor(dlib.get_face_chip(enlarged(picture), place, size=150, padding=0.25))
        )

    return lambda picture: predictor(enlarged(picture), box), describe


def _identity(editor: Editor, recogniser, pictures: Dataset, n: int) -> tuple[Tensor, Tensor]:
    """The share of each attribute's edits (K,) that keep the person, and the distances (n, K) before and after."""
    find, describe = recogniser
    images = to_float(torch.from_numpy(np.array(pictures.images[:n])))
    labels = torch.from_numpy(pictures.labels[:n]) > 0
    with torch.inference_mode():
        latents = editor.encode(images)
        edits = [
            to_uint8(editor.decode(latents, opposite_edit(labels, k, editor.attributes)))
            for k in range(len(editor.attributes))
        ]
    distances = torch.zeros(n, len(edits), dtype=torch.float64)
    for i, photo in enumerate(to_uint8(images)):
        place = find(photo)
        before = describe(photo, place)
        for k, edited in enumerate(edits):
            distances[i, k] = float(np.linalg.norm(describe(edited[i], place) - before))
    return (distances <= SAME_PERSON).double().mean(0), distances


def _speed(editor: Editor, image: Tensor, repeats: int = 15) -> dict:
    differences = torch.zeros(1, len(editor.attributes))
    differences[0, -1] = 1
    with torch.inference_mode():
        latents = editor.encode(image)
        first = [_seconds(lambda: editor.edit(image, {editor.attributes[-1]: 1.0})) for _ in range(repeats)]
        further = [_seconds(lambda: editor.decode(latents, differences)) for _ in range(repeats)]
    return {"value": round(1000 * float(np.median(first)), 1), "further": round(1000 * float(np.median(further)), 1)}


def _seconds(action) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def outside_head(images: Tensor, edited: Tensor) -> tuple[Tensor, Tensor]:
    """PSNR and SSIM (n,) of crops (n, C, H, W) in [-1, 1] outside the head."""
    outside = from_head(images.shape[-1]) > 1
    mirrored = [F.pad(some, (5, 5, 5, 5), mode="reflect") for some in (images, torch.where(outside, edited, images))]
    return psnr(images[..., outside], edited[..., outside]), ssim_map(*mirrored)[..., outside].flatten(1).mean(1)


def _mean_or_nan(values: Tensor) -> float:
    return float(values.double().nanmean())
