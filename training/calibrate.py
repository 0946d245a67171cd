"""How `python -m training.calibrate` tunes the strengths and colours of an editor; commands/calibrate.py says why."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from gan_models import cli, model_folder, portable, saving
from gan_models import images as pictures
from gan_models.cards.page import model_card
from gan_models.celeba import opposite_edit
from gan_models.images import to_uint8
from gan_models.model_folder import read_metrics
from gan_models.networks.compositing import colours, from_head
from gan_models.networks.editor import SHADES, Editor
from gan_models.samples import sample_grid

from .data import open_dataset
from .data.dataset import Dataset, to_float
from .errors import TrainingError
from .judges import networks
from .judges.networks import JudgeError
from .metrics import story

STRENGTHS = tuple(k / 10 for k in range(3, 16))  # beyond 1.5 colours break, which no score here measures
TURNS = 3  # attributes that are changed, one at a time, in each picture
# Cost of a point of FID, in shares of changes seen. With it 73 % of the changes are seen on validation pictures.
PRICE = 0.03
RARE = 0.06  # share of the faces' pixels outside each end of the palette
FACES = 3000  # whose colours are measured
WORTH = 1.0  # weight of preserved attributes relative to changes seen


class CalibrationError(TrainingError):
    """A model that cannot be calibrated; one sentence."""


class JudgedEdits(NamedTuple):
    """m edits of one attribute each, at each of the S strengths, as classified by the judge."""

    features: Tensor  # (S, m, D)
    seen: Tensor  # (S, m) 0 or 1: whether the judge sees the change
    kept: Tensor  # (S, m) 0..1: the share of the other attributes that it sees unchanged
    attribute: Tensor  # (m,) which was changed
    away: Tensor  # (m,) 0 if it was added, 1 if it was removed
    real: Tensor  # (n, D) features of real pictures


def calibrate(
    editor: Editor,
    data: str | os.PathLike,
    data_root: str | os.PathLike | None = None,
    *,
    split: str = "valid",
    batch_size: int = 100,
) -> dict:
    """Set the editor's strengths and palette. Returns the record for metrics.json. Raises JudgeError and DataError as
    `evaluate` does, and CalibrationError for pictures without the editor's attributes."""
    judge = networks.read("celeba")
    unknown = set(editor.attributes) - set(judge.label_names)
    if unknown:
        raise JudgeError(f"No judge knows the attribute {min(unknown)}.")
    editor.cpu()
    channels, size, _ = editor.image_shape
    train = open_dataset(data, data_root, size, channels=channels, attributes=editor.attributes)
    if train.labels is None or tuple(train.label_names) != tuple(editor.attributes):
        raise CalibrationError(
            f"{train.name} does not say which pictures show {', '.join(editor.attributes)}; take --data celeba."
        )
    if channels == 3:
        editor.palette.copy_(palette(to_float(torch.from_numpy(np.array(train.images[:FACES])))))
    tuned = open_dataset(data, data_root, size, channels=channels, split=split, attributes=editor.attributes)
    measured = judge_edits(editor, judge, tuned, train, batch_size)
    chosen = choose_strengths(measured)
    editor.mapping.strengths.copy_(torch.tensor(STRENGTHS)[chosen])
    distance = distance_to(measured.real.double())
    before, after = (
        score(measured, choice, distance) for choice in (torch.full_like(chosen, STRENGTHS.index(1.0)), chosen)
    )
    return {
        "split": split,
        "edits": len(measured.attribute),
        "price": PRICE,
        "worth": WORTH,
        "before": before,
        "after": after,
        "strengths": dict(zip(editor.attributes, np.array(STRENGTHS)[chosen].T.tolist())),
    }


def palette(faces: Tensor) -> Tensor:
    """The least and largest warmth and greenness of faces (n, 3, H, W) at each brightness, without outliers: (2, 2,
    SHADES)."""
    brightness, *others = colours(faces)[..., from_head(faces.shape[-1]) < 1].movedim(1, 0).flatten(1).numpy()
    shade = np.clip(((brightness + 1) / 2 * SHADES).astype(int), 0, SHADES - 1)
    found = np.zeros((2, 2, SHADES))
    for k in range(SHADES):
        mine = shade == k
        if mine.any():  # for a brightness that no face has, only grey is allowed
            found[:, :, k] = [np.quantile(other[mine], [RARE, 1 - RARE]) for other in others]
    return torch.from_numpy(found)


@torch.inference_mode()
def judge_edits(editor: Editor, judge: networks.Judge, tuned: Dataset, train: Dataset, batch_size: int) -> JudgedEdits:
    columns = [judge.label_names.index(name) for name in editor.attributes]

    def look(some: Tensor) -> tuple[Tensor, Tensor]:
        opinion = networks.classify(judge, to_uint8(some).transpose(0, 3, 1, 2))
        return opinion.features, opinion.logits[:, columns] > 0

    parts: list[tuple[Tensor, ...]] = []
    turns = min(TURNS, len(editor.attributes))
    with tqdm(total=len(tuned) * turns, unit=" edits", desc="Calibrating", disable=None) as bar:
        for chosen in np.array_split(np.arange(len(tuned)), -(-len(tuned) // batch_size)):
            images, labels = (
                to_float(torch.from_numpy(np.array(tuned.images[chosen]))),
                torch.from_numpy(tuned.labels[chosen]) > 0,
            )
            latents, before, rows = editor.encode(images), look(images)[1], torch.arange(len(chosen))
            differences = torch.stack(
                [opposite_edit(labels, k, editor.attributes) for k in range(len(editor.attributes))]
            )
            for turn in range(turns):
                k = (torch.from_numpy(chosen) + turn * len(editor.attributes) // turns) % len(editor.attributes)
                asked = differences[k, rows]
                others = asked == 0
                looks = []
                for strength in STRENGTHS:
                    editor.mapping.strengths.fill_(strength)
                    looks.append(look(editor.decode(latents, asked)))
                seen = torch.stack([after[rows, k] != labels[rows, k] for _, after in looks]).double()
                kept = torch.stack([((after == before) & others).sum(1) / others.sum(1) for _, after in looks]).double()
                parts.append(
                    (
                        torch.stack([features for features, _ in looks]),
                        seen,
                        kept,
                        k[None],
                        labels[rows, k][None].long(),
                    )
                )
                bar.update(len(chosen))
    features, seen, kept, k, away = (torch.cat(some, 1) for some in zip(*parts))
    real = np.random.Generator(np.random.Philox(0)).permutation(len(train))[: features.shape[1]]
    return JudgedEdits(
        features, seen, kept, k[0], away[0], networks.classify(judge, train.images[np.sort(real)]).features
    )


def distance_to(real: Tensor) -> Callable[[Tensor], float]:
    """`frechet_distance` to real features (m, D), as a function of features (n, D). The statistics of the real ones are
    computed once: with the root R of their covariance, tr (S S_real)^(1/2) is the sum of the roots of the eigenvalues
    of R S R."""
    mean, covariance = real.mean(0), real.T.cov()
    values, vectors = torch.linalg.eigh(covariance)
    root = (vectors * values.clamp_min(0).sqrt()) @ vectors.T

    def distance(features: Tensor) -> float:
        spread = features.T.cov()
        both = torch.linalg.eigvalsh(root @ spread @ root).clamp_min(0).sqrt().sum()
        return float((features.mean(0) - mean).square().sum() + covariance.trace() + spread.trace() - 2 * both)

    return distance


def score(measured: JudgedEdits, choice: Tensor, distance: Callable[[Tensor], float]) -> dict[str, float]:
    """The results if attribute k has the strengths number choice[0, k] (adding) and choice[1, k] (removing). A larger
    "score" is better."""
    rows, picked = torch.arange(len(measured.attribute)), choice[measured.away, measured.attribute]
    seen = [float(measured.seen[picked, rows][measured.attribute == k].mean()) for k in measured.attribute.unique()]
    kept, fid = float(measured.kept[picked, rows].mean()), distance(measured.features[picked, rows].double())
    return {
        "seen": float(np.mean(seen)),
        "kept": kept,
        "fid": fid,
        "score": float(np.mean(seen)) + WORTH * kept - PRICE * fid,
    }


def choose_strengths(measured: JudgedEdits) -> Tensor:
    """(2, K) numbers of strengths, by coordinate ascent: one attribute and direction after another takes its best value
    until the score no longer rises."""
    choice = torch.full((2, int(measured.attribute.max()) + 1), STRENGTHS.index(1.0))
    distance = distance_to(measured.real.double())
    best, gained = score(measured, choice, distance)["score"], True
    while gained:
        gained = False
        for way in torch.stack([measured.away, measured.attribute], 1).unique(dim=0).tolist():
            for s in range(len(STRENGTHS)):
                other = choice.clone()
                other[tuple(way)] = s
                if (value := score(measured, other, distance)["score"]) > best + 1e-9:
                    best, choice, gained = value, other, True
    return choice


def write_editor(editor: Editor, folder: Path, found: dict, command: str) -> None:
    """Write the model folder with the new strengths, and drop the metrics of the old ones."""
    training = read_metrics(folder / "metrics.json").get("training", {})
    first = str(training.get("command") or "").partition("\n")[0]
    training |= {"calibration": found, "command": f"{first}\n{command}".strip()}
    config = model_folder.config_of(editor)
    metrics = story.with_story(config, {"training": portable.record(training)})
    card = str(model_card(config, metrics, samples=True))
    picture = pictures.to_png(sample_grid(editor, int(training.get("seed") or 0)))
    saving.write(editor, folder, metrics=metrics, samples=picture, card=card)


if __name__ == "__main__":
    sys.exit(cli.main(["calibrate", *sys.argv[1:]]))
