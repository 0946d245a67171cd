"""All metrics, one row each. The evaluation, its help, the page of a comparison and the legend of a card use this table.

To add one, write a function of `Seen` (seen.py), which has everything that a metric may use, and a row in METRICS. Rows
without a function are measured elsewhere, all at once (evaluate/editor.py, edits.py, repairs.py). Every table has the
order of the rows.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gan_models.choices import DAMAGES

from .naming import short_count

if TYPE_CHECKING:
    from .seen import Seen

Found = dict[str, dict[str, Any]]  # name with its protocol: {"value": ..., "real": ..., ...}


# ---- How each is computed --------------------------------------------------------------------------------------------


def fid(seen: Seen) -> Found:
    found, distance = {}, seen.fidelity.frechet_distance
    for split, n in seen.usable.items():
        fake, real, floor = seen.against(split)
        name = f"fid{short_count(n)}_{split}_{seen.viewer.name}"
        found[name] = {"value": distance(fake, real), "real": distance(floor, real)}
    return found


def kid(seen: Seen) -> Found:
    found, distance = {}, seen.fidelity.kernel_distance
    for split, n in seen.usable.items():
        fake, real, floor = seen.against(split)
        value, std = distance(fake, real, seen.seed)
        name = f"kid{short_count(n)}_{split}_{seen.viewer.name}"
        found[name] = {"value": value, "real": distance(floor, real, seen.seed)[0], "std": std}
    return found


def of_spread(name: str) -> Callable[[Seen], Found]:
    def measure(seen: Seen) -> Found:
        (split, n), (values, floors) = next(iter(seen.usable.items())), seen.spread
        return {f"{name}{short_count(n)}_{split}_{seen.viewer.name}": {"value": values[name], "real": floors[name]}}

    return measure


def inception_score(seen: Seen) -> Found:
    real, score = seen.real["test" if seen.test else "train"], seen.fidelity.inception_score
    (value, std), (floor, _) = score(seen.fake.logits, seen.seed), score(real.logits, seen.seed)
    return {f"is{seen.how}": {"value": value, "real": floor, "std": std}}


def of_modes(name: str, place: int) -> Callable[[Seen], Found]:
    def measure(seen: Seen) -> Found:
        values, floors = seen.modes
        return {f"{name}{seen.how}": {"value": values[place], "real": floors[place]}}

    return measure


def label_agreement(seen: Seen) -> Found:
    fake = seen.agreement.answers(seen.viewer, seen.generator, seen.fake.logits, seen.labels)
    value = seen.agreement.label_agreement(fake, seen.labels, seen.answers, seen.generator, seen.details)
    return {f"label_agreement{seen.how}": value}


def toggle_agreement(seen: Seen) -> Found:
    value = seen.agreement.toggle_agreement(
        seen.pairs, seen.answers, seen.truth, seen.generator, seen.viewer, seen.details
    )
    return {f"toggle_agreement{short_count(seen.toggled)}_{seen.viewer.name}": value}


def toggle_others_kept(seen: Seen) -> Found:
    value = seen.agreement.toggle_others_kept(seen.pairs, seen.generator, seen.viewer, seen.details)
    return {f"toggle_others_kept{short_count(seen.toggled)}_{seen.viewer.name}": value}


def code_agreement(seen: Seen) -> Found:
    value = seen.agreement.code_agreement(seen.generator, seen.viewer, seen.latents, seen.fake.logits, seen.details)
    return {f"code_agreement{seen.how}": {"value": value, "real": seen.accuracy}}


def test_error(seen: Seen) -> Found:
    return {f"test_error{short_count(len(seen.test))}_test": {"value": seen.misread, "real": None}}


def of_reconstruction(name: str) -> Callable[[Seen], Found]:
    def measure(seen: Seen) -> Found:
        how, values = seen.reconstructions
        return {f"reconstruction_{name}{how}": {"value": values[name], "real": None}}

    return measure


# ---- The table -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Metric:
    """A row. In metrics.json the name is followed by the protocol: fid10k_test_reader."""

    name: str
    better: str  # lower | higher
    about: str  # the meaning and the paper, for the help, pages and cards
    applies: Callable[[Seen], bool] = lambda seen: True
    compute: Callable[[Seen], Found] | None = None  # None: it is measured elsewhere

    @property
    def arrow(self) -> str:
        return {"lower": "↓", "higher": "↑"}[self.better]


def has_classes(seen: Seen) -> bool:
    return seen.fake.logits is not None and not seen.viewer.multi_label


def is_stacked(seen: Seen) -> bool:
    return bool(seen.viewer.stacked) and seen.train.labels is not None


def is_named(seen: Seen) -> bool:
    return seen.named


def is_toggled(seen: Seen) -> bool:
    return seen.toggled > 0


def reads_codes(seen: Seen) -> bool:
    return hasattr(seen.generator, "codes") and bool(seen.viewer.labels) and not seen.viewer.multi_label


def classifies(seen: Seen) -> bool:
    return seen.generator.classifies and bool(seen.test) and tuple(seen.generator.classes) == seen.test.label_names


def encodes(seen: Seen) -> bool:
    return seen.generator.encodes


_ROWS = (
    Metric(
        "fid",
        "lower",
        "distance of two Gaussians fitted to features of the pictures (Heusel et al. 2017, arXiv:1706.08500)",
        compute=fid,
    ),
    Metric(
        "kid",
        "lower",
        "kernel distance of features, without the assumption of Gaussians (Binkowski et al. 2018, arXiv:1801.01401)",
        compute=kid,
    ),
    Metric(
        "is",
        "higher",
        "Inception Score: high if each picture is classified surely and all classes occur (Salimans et al. 2016, "
        "arXiv:1606.03498)",
        has_classes,
        inception_score,
    ),
    Metric(
        "precision",
        "higher",
        "share of generated pictures near real ones: quality (Kynkäänniemi et al. 2019, arXiv:1904.06991)",
        compute=of_spread("precision"),
    ),
    Metric(
        "recall",
        "higher",
        "share of real pictures near generated ones: variety (the same paper)",
        compute=of_spread("recall"),
    ),
    Metric(
        "density",
        "higher",
        "mean number of real neighbourhoods around a generated picture (Naeem et al. 2020, arXiv:2002.09797)",
        compute=of_spread("density"),
    ),
    Metric(
        "coverage",
        "higher",
        "share of real pictures with a generated one in their neighbourhood (the same paper)",
        compute=of_spread("coverage"),
    ),
    Metric(
        "label_agreement",
        "higher",
        "share of pictures in which the network sees the requested label",
        is_named,
        label_agreement,
    ),
    Metric(
        "toggle_agreement",
        "higher",
        "share of pictures in which the network sees the requested value of an attribute that is switched off and on",
        is_toggled,
        toggle_agreement,
    ),
    Metric(
        "toggle_others_kept",
        "higher",
        "share of the other attributes that look the same in both of those pictures",
        is_toggled,
        toggle_others_kept,
    ),
    Metric(
        "code_agreement",
        "higher",
        "share of pictures with the class that belongs to their code (Chen et al. 2016, arXiv:1606.03657)",
        reads_codes,
        code_agreement,
    ),
    Metric(
        "cas",
        "higher",
        "accuracy on real pictures of a classifier that learned from generated ones alone (Ravuri and Vinyals 2019, "
        "arXiv:1905.10887)",
    ),
    Metric(
        "test_error",
        "lower",
        "share of the test pictures whose class the model, which learned from few labels, names wrong",
        classifies,
        test_error,
    ),
    Metric(
        "reconstruction_psnr",
        "higher",
        "PSNR in decibels of pictures reconstructed from their own latents",
        encodes,
        of_reconstruction("psnr"),
    ),
    Metric("reconstruction_mae", "lower", "mean absolute error of the same, 0..1", encodes, of_reconstruction("mae")),
    Metric(
        "modes",
        "higher",
        "how many of the 1,000 modes were generated (Metz et al. 2017, arXiv:1611.02163)",
        is_stacked,
        of_modes("modes", 0),
    ),
    Metric(
        "kl",
        "lower",
        "KL divergence of the generated modes from those of the data, in nats (the same paper)",
        is_stacked,
        of_modes("kl", 1),
    ),
    Metric(
        "change_seen",
        "higher",
        "share of the edits (each inverts an attribute, at intensity 1) in which the judge sees the change",
    ),
    Metric(
        "change_seen_put_back",
        "higher",
        "the same after the change has faded towards the border of the crop, as in a photo of any size",
    ),
    Metric("change_seen_by_target", "higher", "the same when the editor itself estimates the attributes of the photo"),
    Metric(
        "others_kept",
        "higher",
        "share of the other attributes that the judge sees unchanged; hair colours that had to change do not count",
    ),
    Metric("psnr", "higher", "PSNR in decibels of edited against unedited pictures (equal ones count as 100)"),
    Metric("ssim", "higher", "structural similarity of the same, up to 1 (Wang et al. 2004)"),
    Metric("psnr_outside", "higher", "the same as *psnr*, outside the head's ellipse"),
    Metric("ssim_outside", "higher", "the same as *ssim*, outside the head's ellipse"),
    Metric(
        "identity_kept",
        "higher",
        "share of the edits in which a face recognition network sees the same person as before",
    ),
    Metric(
        "milliseconds",
        "lower",
        "time of one edit of one picture, with encoding; *further*: of another edit of the same picture",
    ),
    Metric(
        "edit_seen",
        "higher",
        "share of the edits after which the judge sees the request, among faces that it classified correctly before",
    ),
    Metric("edit_others_kept", "higher", "share of the other attributes that the judge sees unchanged"),
    Metric(
        "edit_kid_ratio",
        "lower",
        "KID between edited faces and real ones with the requested attribute, divided by that of the unedited faces",
    ),
    Metric("edit_cheeks", "lower", "change of the mean colour of the cheeks, in 0..255"),
    Metric(
        "edit_identity",
        "higher",
        "share of the edits (except of Male) in which a face recognition network sees the same person",
    ),
    *(
        Metric(f"{kind}_{name}", better, f"{about}; the damage is {kind}")
        for kind in (*DAMAGES, "halves")
        for name, better, about in (
            ("psnr", "higher", "PSNR in decibels of repaired against undamaged pictures"),
            ("ssim", "higher", "structural similarity of the same, up to 1 (Wang et al. 2004)"),
            ("distance", "lower", "perceptual distance of the same, in general features"),
            ("kid", "lower", "KID between repaired and other real pictures in general features"),
            ("fid", "lower", "FID between repaired and other real pictures in general features"),
        )
    ),
    Metric(
        "translation_kid",
        "lower",
        "KID in general features between pictures translated into a kind and real ones of that kind",
    ),
    Metric("translation_cycle", "higher", "decibels of pictures translated and back beside the pictures themselves"),
    Metric("untouched_psnr", "higher", "PSNR in decibels of undamaged pictures after a repair without given damages"),
)
METRICS: dict[str, Metric] = {row.name: row for row in _ROWS}


def measure(seen: Seen) -> Found:
    """All metrics of the data that apply."""
    found: Found = {}
    for row in METRICS.values():
        if row.compute and row.applies(seen):
            found |= row.compute(seen)
    return found


def legend() -> str:
    """The table as text, for a command's help."""
    width = max(map(len, METRICS)) + 2
    lines = []
    for row in METRICS.values():
        text = textwrap.wrap(f"{row.about} {row.arrow}", 112 - width)
        lines += [f"    {row.name:<{width}}{text[0]}", *(" " * (4 + width) + line for line in text[1:])]
    return "\n".join(lines)
