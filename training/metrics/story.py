"""Writes the legend of a model folder's metrics and the notes for its card.

`gan_models.cards` only lays out the content of metrics.json. It knows nothing of judges, protocols or calibration: these
explanations are written here, as data.
"""

import re
import shlex
from pathlib import Path
from typing import Any

from gan_models.cards.tables import base_name, is_number
from gan_models.layout import METRICS as METRICS_FILE
from gan_models.layout import Source
from gan_models.model_folder import read_metrics
from gan_models.networks import find
from gan_models.notices import DATASETS, dataset_of
from gan_models.saving import origin_of

from .. import run_folder
from . import METRICS

SELDOM = 0.3  # share of edits with a visible change below which the card mentions an attribute
ANOTHER = 0.5  # the same for the share of edits that keep the person

# The details of metrics, and the columns of the table of attributes.
DETAILS = {
    "drawn": "of the editor's reconstruction of each photo, not of the edited photo",
    "worst": "of the worst attribute",
    "both": "share of the pairs, switched off and on, in which both pictures are seen as requested",
    "own": "of the generator's own attributes only",
    "brought": "the same of pictures without the attribute",
    "taken_away": "the same of pictures with it",
    "put_back": "the same after the change has faded towards the border of the crop, as in a photo of any size",
    "by_target": "change seen by `edit(images, {name: 0.0 or 1.0})`, which uses the editor's own estimate of the photo's "
    "attributes",
    "judge_accuracy": "share of unedited pictures in which the judge is right; *balanced*: mean of those with and without it",
    "toggled": "share of pictures seen as requested when only this attribute is switched off and on, at the same latent",
    "toggled_both": "share of the pairs, switched off and on, in which both pictures are seen as requested",
    "toggled_others_kept": "share of all other attributes that look the same in both pictures of a pair (for hair colours "
    "and baldness, the others of these do not count)",
    "toggled_own_kept": "the same over the generator's own attributes only",
}
TOLD = ("training", "evaluation", "legend", "notes", "copy_of", "offered")  # keys of metrics.json that are not metrics
_SPLITS = {"valid": "validation", "train": "training"}
_WAYS = {
    "change_seen": "of the edits by known labels",
    "change_seen_by_target": "when the editor itself estimates the attributes of the photo",
    "change_seen_put_back": "when the change has faded towards the border of the crop, as in a photo of any size",
}


def with_story(config: dict[str, Any], metrics: dict[str, Any]) -> dict[str, Any]:
    """metrics.json with its `legend` and `notes`, for the model of this config.json. Existing entries of the legend are
    kept."""
    metrics = {key: value for key, value in metrics.items() if key not in ("legend", "notes")} | {
        key: metrics[key] for key in ("legend",) if isinstance(metrics.get(key), dict)
    }
    legend = legend_of(metrics) | metrics.pop("legend", {})
    notes = {"metrics": about_metrics(config, metrics), "limits": about_limits(config, metrics)}
    notes = {key: paragraphs for key, paragraphs in notes.items() if paragraphs}
    return metrics | ({"legend": legend} if legend else {}) | ({"notes": notes} if notes else {})


def legend_of(metrics: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The meaning of the given metrics and of their details: name -> {"better", "about"}."""
    legend, words = {}, []
    for name, record in metrics.items():
        if name in TOLD:
            continue
        if base_name(name) in METRICS:
            row = METRICS[base_name(name)]
            legend[row.name] = {"better": row.better, "about": row.about}
        words += list(record) if isinstance(record, dict) else []
    for record in _dict(metrics.get("evaluation")).values():
        for numbers in _dict(_dict(record).get("attributes")).values():
            words += list(_dict(numbers))
    for word in dict.fromkeys(words):
        if word in DETAILS:
            legend.setdefault(word, {"better": "", "about": DETAILS[word]})
        elif word in METRICS:
            legend.setdefault(word, {"better": METRICS[word].better, "about": METRICS[word].about})
    return legend


def about_metrics(config: dict[str, Any], metrics: dict[str, Any]) -> list[str]:
    """How independent the judge is of an editor of CelebA's faces (the rule is in training/judges/)."""
    training = _dict(metrics.get("training"))
    dataset = training.get("dataset")
    if (
        config["family"] != "editor"
        or dataset_of(dataset if isinstance(dataset, str) else "") is not DATASETS["celeba"]
    ):
        return []
    started = ", and so did the generator that the training started from" if training.get("init_from") else ""
    text = (
        "The judge learned from the training pictures with an even file number. The classifier of the editor's attribute "
        "loss, and the editor's own estimate of attributes, learned from those with an odd one. The regressions for the "
        f"directions and regions of edits used the labels of both halves{started}."
    )
    return [" ".join(filter(None, [text, _tuned(training.get("calibration"))]))]


def _tuned(calibration: Any) -> str | None:
    """How the calibration used the judge, and its effect."""
    try:
        before, after = (
            {key: float(calibration[when][key]) for key in ("seen", "kept", "fid")} for when in ("before", "after")
        )
        split = str(calibration["split"])
    except (KeyError, TypeError, ValueError):
        return None
    went = ", ".join(
        f"{what} from {before[key]:.{digits}f} to {after[key]:.{digits}f}"
        for key, what, digits in (("seen", "the change seen went", 3), ("kept", "others kept", 3), ("fid", "FID", 2))
    )
    text = (
        f"The judge is not independent of the strength of edits: the calibration tuned two strengths per attribute (adding, "
        f"removing) on its outputs for {_SPLITS.get(split, split)} pictures, on which {went}."
    )
    return text if split == "test" else text + " Test pictures were not used for it."


def about_limits(config: dict[str, Any], metrics: dict[str, Any]) -> list[str]:
    """The measured weaknesses of an editor."""
    if config["family"] != "editor":
        return []
    attributes = _dict(_dict(_dict(metrics.get("evaluation")).get("judge")).get("attributes"))

    def below(key: str, least: float) -> str:
        shares = [(name, numbers.get(key)) for name, numbers in attributes.items() if isinstance(numbers, dict)]
        return ", ".join(f"{name} ({_percent(share)})" for name, share in shares if is_number(share) and share < least)

    def mean(kind: str) -> float | None:
        found = next((value for name, value in metrics.items() if re.match(rf"{kind}\d", name)), None)
        value = found.get("value") if isinstance(found, dict) else found
        return value if is_number(value) else None

    text = []
    if seldom := below("change_seen", SELDOM):
        text.append(f"The judge sees the change in less than {_percent(SELDOM)} of the edits of: {seldom}.")
    if another := below("identity_kept", ANOTHER):
        text.append(
            f"A face recognition network sees the same person in less than {_percent(ANOTHER)} of the edits of: {another}."
        )
    if shares := [f"{_percent(share)} {how}" for kind, how in _WAYS.items() if (share := mean(kind)) is not None]:
        text.append(f"The change is seen in {', '.join(shares)} (means of the attributes except Smiling).")
    text.append("Edits stay inside an ellipse around the head: hair beyond it keeps its colour.")
    return [" ".join(text)]


def started_from(source: str | None, checkpoint: Path | None) -> dict[str, Any]:
    """The record of the model from which a run started: `init_from`, the name with which the same model can be loaded
    again (with owner and commit if it is on the Hub), and `origin`, its own training record and licence. A resumed run
    takes both from its checkpoint, and no longer needs that model. Raises ModelError."""
    if checkpoint:
        training = _dict(read_metrics(checkpoint / "model" / METRICS_FILE).get("training"))
        return {key: training.get(key) for key in ("init_from", "origin")}
    if not source:
        return {"init_from": None, "origin": None}
    run = run_folder.find_checkpoint(Path(source))
    found = Source(run / "model", source) if run else find(source)
    return {"init_from": found.reference, "origin": origin_of(found)}


def pinned(command: str, asked: str | None, found: str | None) -> str:
    """A command that starts from the model as it was found: a repository of the Hub with its commit."""
    if not asked or not found or asked == found or "/" not in found:
        return command
    words = shlex.split(command)
    return shlex.join(found if word == asked else word.replace(f"={asked}", f"={found}") for word in words)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
