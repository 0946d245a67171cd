"""What a model folder tells of how it was measured: the legend of its metrics, and notes for its card.

`gan_models.card` lays out what metrics.json says, and knows nothing of judges, protocols or calibration: all of that
is written here, as data.
"""

import re
from pathlib import Path
from typing import Any

from gan_models import hub
from gan_models.card import base_name
from gan_models.model_folder import METRICS as METRICS_FILE
from gan_models.model_folder import Source, read_metrics
from gan_models.notices import DATASETS, dataset_of
from gan_models.saving import origin_of

from .. import run_folder
from .metrics import METRICS

SELDOM = 0.3  # change seen in a smaller share of the edits
ANOTHER = 0.5  # the same person seen in a smaller share

# What stands in the details of a metric and in the columns of the attributes.
DETAILS = {
    "drawn": "of what the editor draws by itself of each photo, not of the edited photo",
    "worst": "of the attribute with the least",
    "both": "share of the pairs, switched off and on, that are both seen as asked for",
    "own": "of those others alone that the generator is asked for",
    "brought": "the same of pictures without the attribute",
    "taken_away": "the same of pictures with it",
    "put_back": "the same after the change has faded towards the border of the crop, as in a photo of any size",
    "by_target": "change seen by `edit(images, {name: 0.0 or 1.0})`, which goes by what the editor itself sees in the photo",
    "judge_accuracy": "share of unedited pictures in which the judge is right; *balanced*: mean of those with and without it",
    "toggled": "share of pictures seen as asked for, when the attribute alone is switched off and on at the same latent",
    "toggled_both": "share of the pairs, switched off and on, that are both seen as asked for",
    "toggled_others_kept": "share of all other attributes that look the same in both pictures of a pair (hair colours and "
    "baldness are no others to one another)",
    "toggled_own_kept": "of those others alone that the generator is asked for",
}
TOLD = ("training", "evaluation", "legend", "notes", "copy_of", "offered")  # keys of metrics.json that are no metrics
_SPLITS = {"valid": "validation", "train": "training"}
_WAYS = {
    "change_seen": "of the edits by known labels",
    "change_seen_by_target": "where the editor itself has to see what is there",
    "change_seen_put_back": "where the change has faded towards the border of the crop, as in a photo of any size",
}


def tell(config: dict[str, Any], metrics: dict[str, Any]) -> dict[str, Any]:
    """metrics.json with its `legend` and `notes`, for the model of this config.json. A legend that is there keeps what
    it says."""
    metrics = {key: value for key, value in metrics.items() if key not in ("legend", "notes")} | {
        key: metrics[key] for key in ("legend",) if isinstance(metrics.get(key), dict)
    }
    legend = legend_of(metrics) | metrics.pop("legend", {})
    notes = {"metrics": about_metrics(config, metrics), "limits": about_limits(config, metrics)}
    notes = {key: paragraphs for key, paragraphs in notes.items() if paragraphs}
    return metrics | ({"legend": legend} if legend else {}) | ({"notes": notes} if notes else {})


def legend_of(metrics: dict[str, Any]) -> dict[str, dict[str, str]]:
    """What the metrics that are there mean, and the words of their details: name -> {"better", "about"}."""
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
    """How far the judge of an editor of CelebA's faces is apart from it (training/judges/ has the rule)."""
    training = _dict(metrics.get("training"))
    dataset = training.get("dataset")
    if (
        config["family"] != "editor"
        or dataset_of(dataset if isinstance(dataset, str) else "") is not DATASETS["celeba"]
    ):
        return []
    started = ", and so did the generator that the training started from" if training.get("init_from") else ""
    text = (
        "The judge learned from the training pictures with an even file number; the classifier of the editor's attribute "
        "loss, and the editor's own estimate of attributes, learned from those with an odd one. The regressions that give edits "
        f"their directions and regions saw the labels of both halves{started}."
    )
    return [" ".join(filter(None, [text, _tuned(training.get("calibration"))]))]


def _tuned(calibration: Any) -> str | None:
    """What the calibration took from the judge, and what came of it."""
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
        f"The judge is not independent of how far edits go: the calibration tuned two strengths of each attribute (brought "
        f"in, taken out) on its verdicts and features, by which on {_SPLITS.get(split, split)} pictures {went}."
    )
    return text if split == "test" else text + " Test pictures were not used for it."


def about_limits(config: dict[str, Any], metrics: dict[str, Any]) -> list[str]:
    """What an editor does badly, as far as it was measured."""
    if config["family"] != "editor":
        return []
    attributes = _dict(_dict(_dict(metrics.get("evaluation")).get("judge")).get("attributes"))

    def below(key: str, least: float) -> str:
        shares = [(name, numbers.get(key)) for name, numbers in attributes.items() if isinstance(numbers, dict)]
        return ", ".join(f"{name} ({_percent(share)})" for name, share in shares if _is_number(share) and share < least)

    def mean(kind: str) -> float | None:
        found = next((value for name, value in metrics.items() if re.match(rf"{kind}\d", name)), None)
        value = found.get("value") if isinstance(found, dict) else found
        return value if _is_number(value) else None

    text = []
    if seldom := below("change_seen", SELDOM):
        text.append(f"In less than {_percent(SELDOM)} of the edits the judge sees the change of: {seldom}.")
    if another := below("identity_kept", ANOTHER):
        text.append(
            f"In less than {_percent(ANOTHER)} a face recognition network sees the same person as before, of: {another}."
        )
    if shares := [f"{_percent(share)} {how}" for kind, how in _WAYS.items() if (share := mean(kind)) is not None]:
        text.append(f"The change is seen in {', '.join(shares)} (means of the attributes, Smiling left out).")
    text.append("Edits do not leave an ellipse around the head: hair beyond it keeps its colour.")
    return [" ".join(text)]


def started_from(source: str | None, checkpoint: Path | None) -> dict[str, Any]:
    """What a run records of the model that it started from: `init_from`, the name under which that very model can be had
    again (owner and commit, where it came from the Hub), and `origin`, its record of its own training and its licence.
    A run that goes on takes both from its checkpoint, and no longer needs that model. Raises ModelError."""
    if checkpoint:
        training = _dict(read_metrics(checkpoint / "model" / METRICS_FILE).get("training"))
        return {key: training.get(key) for key in ("init_from", "origin")}
    if not source:
        return {"init_from": None, "origin": None}
    run = run_folder.find_checkpoint(Path(source))
    found = Source(run / "model", source) if run else hub.find(source)
    return {"init_from": found.reference, "origin": origin_of(found)}


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
