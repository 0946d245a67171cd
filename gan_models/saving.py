"""Saving and pushing a model as a whole model folder, with its card, metrics, samples and licence."""

import json
import os
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import HfApi

from . import files, portable
from .cards import edits
from .cards.families import PLACEHOLDER
from .cards.page import model_card
from .cards.tables import as_dict
from .errors import InvalidConfig, ModelError
from .layout import CARD, LICENCE, MAX_CARD_BYTES, MAX_LICENCE_BYTES, MAX_PICTURE_BYTES, METRICS, PICTURE, Source
from .model_folder import Model, config_of, holds_weights_of, read_metrics, save
from .notices import KEYS, dataset_of


def write(
    model: Model,
    folder: str | os.PathLike[str],
    *,
    metrics: dict[str, Any],
    samples: bytes | None,
    card: str,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write a whole model folder. Training, bundling and saving all use this function.

    metrics: the content of metrics.json. samples: the bytes of samples.png, or None. card: the text of README.md, which
    keeps what a person wrote into the existing one. The old card is removed first and the new one written last, so a
    folder with a card is complete. Raises InvalidWeights as `model_folder.save_weights` does.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    card = with_edits(folder, card)
    (folder / CARD).unlink(missing_ok=True)
    save(model, folder, dtype)
    if samples is not None:
        files.write_atomically(folder / PICTURE, samples)
    files.write_atomically(folder / METRICS, (json.dumps(metrics, indent=2) + "\n").encode())
    files.write_atomically(folder / CARD, card.encode())


def with_edits(folder: Path, card: str) -> str:
    """The new card of a folder, with what a person wrote into the existing one. A card of version 0.1 is replaced, and
    kept as README.before.md."""
    try:
        data = files.read_bounded(folder / CARD, MAX_CARD_BYTES, folder)
    except (OSError, files.UnfitFile):
        return card
    old = data.decode("utf-8", "replace")
    if not edits.is_of_before(old):
        return edits.merged(card, old)
    files.write_atomically(folder / "README.before.md", data)
    return card


def save_whole(model: Model, folder: Path, about: dict[str, Any] | None = None, name: str | None = None) -> None:
    """Write a whole model folder. If the model has the weights that it was loaded with, its metrics, samples, licence
    and card are copied; if they have changed, the card says where the model came from and under which licence.

    about: keys of cards.page.ABOUT. name: the repository to which it will be pushed. What a person wrote into the folder's
    card is kept. Raises InvalidWeights for weights that are not finite, OSError if the folder cannot be written.
    """
    source = model.loaded_from
    same = source is not None and holds_weights_of(source.folder, model)
    metrics = _metrics_to_save(source, same, name)
    if about:  # recorded, so that the card can be written again from the folder
        training = metrics.get("training")
        metrics = metrics | {"training": (training if isinstance(training, dict) else {}) | about}
    metrics = portable.record(metrics)  # no paths of this machine
    picture = _read_beside(source, PICTURE, MAX_PICTURE_BYTES) if same else None
    card = _carried(source) if same and not about else None
    if card is None:
        card = str(model_card(config_of(model), metrics, about, samples=picture is not None))
        if same and (old := _read_beside(source, CARD, MAX_CARD_BYTES)):
            old_card = old.decode("utf-8", "replace")
            card = edits.merged(card, old_card) if edits.split_card(old_card).text is not None else card
    card = edits.rewritten(card, lambda text: portable.portable_card(text).replace(PLACEHOLDER, name or PLACEHOLDER))
    folder.mkdir(parents=True, exist_ok=True)
    licence = _read_beside(source, LICENCE, MAX_LICENCE_BYTES)
    if picture is None:
        (folder / PICTURE).unlink(missing_ok=True)  # an old one belongs to other weights
    write(model, folder, metrics=metrics, samples=picture, card=card)
    if licence is not None:
        files.write_atomically(folder / LICENCE, licence)


def _metrics_to_save(source: Source | None, same: bool, name: str | None = None) -> dict[str, Any]:
    """The metrics.json of a model: as it was loaded, or, if the weights have changed, only where it came from. name: the
    repository to which it will be pushed; back where it came from it is no copy."""
    if source is None:
        return {}
    metrics = metrics_of(source)
    if same:
        return metrics | ({"copy_of": source.reference} if source.repo not in (None, name) else {})
    return {"training": {"init_from": source.reference, "origin": origin_of(source)}}


def metrics_of(source: Source) -> dict[str, Any]:
    """The content of a folder's metrics.json; {} if it cannot be read."""
    try:
        return read_metrics(source.folder / METRICS)
    except ModelError:
        return {}


def origin_of(source: Source) -> dict[str, Any]:
    """The record of the model from which a training started: its own training record, the name with which it can be
    loaded again (with owner and revision if it is on the Hub), and its licence."""
    training = metrics_of(source).get("training")
    record = dict(training) if isinstance(training, dict) else {}
    licence = licence_of(source.folder)
    return record | {"reference": source.reference} | ({"licence_fields": licence} if licence else {})


def licence_of(folder: Path) -> dict[str, str]:
    """The Hub's fields for the licence of a model folder: those of its card, else those of its data; {} if unknown."""
    try:
        text = files.read_bounded(folder / CARD, MAX_CARD_BYTES, folder).decode("utf-8", "replace")
        fields = edits.front_matter(text)
    except (OSError, files.UnfitFile):
        fields = {}
    found = {key: str(fields[key])[:300] for key in KEYS if isinstance(fields.get(key), str)}
    if "license" in found:
        return found
    try:
        dataset = as_dict(read_metrics(folder / METRICS).get("training")).get("dataset")
    except InvalidConfig:
        return {}
    return dataset_of(dataset if isinstance(dataset, str) else None).licence


def _carried(source: Source | None) -> str | None:
    """The card of an unchanged model whose metrics.json has no legend, so that no new card can be written."""
    data = _read_beside(source, CARD, MAX_CARD_BYTES)
    if source is None or data is None or metrics_of(source).get("legend"):
        return None
    return data.decode("utf-8", "replace")


def _read_beside(source: Source | None, name: str, most: int) -> bytes | None:
    if source is None:
        return None
    try:
        return files.read_bounded(source.folder / name, most, source.folder)
    except (OSError, files.UnfitFile):
        return None


def card_on_hub(repo_id: str, revision: str | None = None, token: str | bool | None = None) -> str | None:
    """The card of a repository; None if there is none, or it is too long to be a card."""
    api = HfApi(token=token)
    files = api.model_info(repo_id, revision=revision, files_metadata=True).siblings or ()
    size = next((file.size for file in files if file.rfilename == CARD), None)
    if size is None or size > MAX_CARD_BYTES:
        return None
    return Path(api.hf_hub_download(repo_id, CARD, revision=revision)).read_bytes().decode("utf-8", "replace")
