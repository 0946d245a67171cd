"""Publish a model folder on the Hub, and a Space that shows it: `python -m training.publish runs/mnist-cgan/model
USER/REPO`."""

import json
from pathlib import Path

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, get_token
from huggingface_hub.errors import HFValidationError, OfflineModeIsEnabled, RepositoryNotFoundError
from huggingface_hub.utils import validate_repo_id

from gan_models import portable
from gan_models.cards import edits
from gan_models.cards.families import PLACEHOLDER
from gan_models.cards.page import model_card
from gan_models.errors import ModelError, ModelNotFound
from gan_models.files import UnfitFile, read_bounded
from gan_models.layout import BESIDE, CARD, CONFIG, MAX_CONFIG_BYTES, METRICS, PICTURE, WEIGHTS, Source
from gan_models.model_folder import config_of, read_metrics
from gan_models.networks import find, load_folder
from gan_models.networks.base import Generator
from gan_models.saving import card_on_hub

from ..choices import KEEP
from ..errors import TrainingError
from ..metrics import story
from .demo_space import files as space_files
from .demo_space import requirements, takes_photos
from .static_space import files as static_files

# The files that are published besides the weights, and the limit of their bytes.
CONTENTS = {CONFIG: MAX_CONFIG_BYTES, **BESIDE}


class PublishError(TrainingError):
    """Nothing, or not everything, was published; one sentence that says why."""


def publish(
    model_folder: str | Path,
    repo_id: str,
    *,
    space: str | None = None,
    static_space: str | None = None,
    hardware: str | None = None,
    private: bool = False,
    keep: str | None = None,
) -> str:
    """Upload a model folder to the Hub in one commit, create the repository if necessary, and return its URL.

    model_folder: of a model or a run, or any other source that `gan_models.load` takes: of a model of the Hub a copy is
    published, whose card says so. space: the name of a Gradio Space for the demo with this model. hardware: of that
    Space, such as "zero-a10g" or "t4-small" (None: the free CPU). static_space: the name of a static Space, whose page
    draws in the visitor's browser. What a person wrote into the card, here or on the Hub, is kept
    (gan_models/cards/edits.py); if both were edited, keep says which edits count, those "here" or those on the "hub". A
    folder that `gan_models.load` refuses, or that has no card, is not uploaded. The token is that of `hf auth login`.
    Raises PublishError.
    """
    source, model = find_model(model_folder)
    folder = source.folder
    check_name(repo_id)
    if static_space:
        check_name(static_space)
    if space:
        check_name(space)
        requirements(takes_photos(model), hardware)  # raises now if a package is missing
    if keep not in (None, *KEEP):
        raise PublishError(f"To choose which edits of the card to keep, say {' or '.join(KEEP)}, not {keep!r}.")
    contents = model_files(
        folder, repo_id, config_of(model), source.reference if source.repo not in (None, repo_id) else None
    )
    if not get_token():
        raise PublishError(
            "You are not logged in to the Hub: run `hf auth login`, or set HF_TOKEN to a token with write access."
        )
    api = HfApi()
    contents[CARD] = merge_edits(contents[CARD].decode(), card_there(repo_id), repo_id, keep).encode()
    page = static_files(folder, contents[CARD].decode(), repo_id) if static_space else {}
    url, commit = upload(api, repo_id, contents, f"Publish {repo_id}", private=private or None)
    if space:
        hidden = private or is_private(api, repo_id)
        demo = space_files(model, contents, repo_id, commit, hardware=hardware, private=hidden)
        create = {"space_sdk": "gradio"} | ({"space_hardware": hardware} if hardware else {})
        upload(api, space, demo, f"Show {repo_id}", private=private or None, repo_type="space", **create)
    if static_space:
        create = {"repo_type": "space", "space_sdk": "static"}
        upload(api, static_space, page, f"Show {repo_id}", private=private or None, **create)
    return url


def find_model(source: str | Path) -> tuple[Source, Generator]:
    """Where the model is, and the model."""
    try:
        found = find(source)
        model = load_folder(found.folder, found.name)
    except ModelNotFound as error:
        raise PublishError(str(error)) from error
    except ModelError as error:
        raise PublishError(f"Not published, since it would not load: {error}") from error
    if not (found.folder / CARD).is_file():
        raise PublishError(
            f"{found.folder} has no card (README.md), which tells its data and licence; "
            "write it with gan_models.card.write_card."
        )
    return found, model


def check_name(repo_id: str) -> None:
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise PublishError(f"{repo_id!r} is not a valid name on the Hub ({_message(error)})") from error
    if repo_id.count("/") != 1:
        raise PublishError(f"{repo_id!r} lacks its owner: a repository on the Hub is named USER/REPO.")


def model_files(folder: Path, repo_id: str, config: dict, copy_of: str | None = None) -> dict[str, Path | bytes]:
    """Path in the repository -> file or content. The card is written again from the folder, keeps what a person wrote
    into it, and gets the name with which the model can be loaded. copy_of: the model of the Hub that is copied."""
    files: dict[str, Path | bytes] = {WEIGHTS: folder / WEIGHTS}  # it was loaded, so it is a file of the folder
    for name, most in CONTENTS.items():
        try:
            files[name] = read_bounded(folder / name, most, folder)
        except FileNotFoundError:
            continue
        except UnfitFile as error:
            raise PublishError(f"Not published: {folder / name} {error}; replace it or delete it.") from error
        except OSError as error:
            raise PublishError(f"Not published: {folder / name} cannot be read ({error.strerror}).") from error
    metrics = {}
    if METRICS in files:
        try:
            metrics = read_metrics(folder / METRICS)
        except ModelError as error:
            raise PublishError(f"Not published: {error}") from error
        told = portable.record(story.with_story(config, metrics)) | ({"copy_of": copy_of} if copy_of else {})
        if told != metrics:
            files[METRICS] = (json.dumps(told, indent=2) + "\n").encode()
        metrics = told
    card = files[CARD].decode("utf-8", "replace")
    if edits.is_of_before(card) or edits.split_card(card).text is not None:
        new = str(model_card(config, metrics, samples=PICTURE in files))
        card = new if edits.is_of_before(card) else edits.merged(new, card)
    files[CARD] = edits.rewritten(
        card, lambda text: portable.portable_card(text).replace(PLACEHOLDER, repo_id)
    ).encode()
    return files


def card_there(repo_id: str) -> str | None:
    """The repository's card, or None. Raises PublishError if the Hub does not answer."""
    try:
        return card_on_hub(repo_id)
    except RepositoryNotFoundError:
        return None
    except Exception as error:  # the Hub's client and its network library raise nearly anything
        raise PublishError(_why(error, repo_id)) from error


def merge_edits(mine: str, theirs: str | None, repo_id: str, keep: str | None = None) -> str:
    """The card to publish: `mine`, with what a person wrote into the card on the Hub. Raises PublishError if both were
    edited differently, unless `keep` says which edits count."""
    if theirs is None or edits.is_of_before(theirs) or keep == "here":
        return mine
    here, there = edits.split_card(mine), edits.split_card(theirs)
    if not there.edited:
        return mine
    alike = here.own == there.own and (here.text == there.text or not here.text_edited)
    if here.edited and not alike and keep is None:
        raise PublishError(
            f"The card was edited differently here and on {repo_id}: merge the edits into the README.md here and publish "
            "with --keep-card here, or keep those of the Hub with --keep-card hub."
        )
    return edits.merged(mine, theirs)


def is_private(api: HfApi, repo_id: str) -> bool:
    try:
        return bool(api.model_info(repo_id).private)
    except Exception as error:
        raise PublishError(_why(error, repo_id)) from error


def upload(
    api: HfApi, repo_id: str, files: dict[str, Path | bytes], message: str, repo_type: str = "model", **create
) -> tuple[str, str]:
    """Upload these files in one commit, and return the repository's URL and the commit. In a Space, old code files are
    deleted."""
    operations = [CommitOperationAdd(name, content) for name, content in files.items()]
    try:
        url = api.create_repo(repo_id, repo_type=repo_type, exist_ok=True, **create)
        if repo_type == "space":
            stale = [
                name
                for name in api.list_repo_files(repo_id, repo_type=repo_type)
                if name.startswith(("gan_models/", "training/")) and name not in files
            ]
            operations += [CommitOperationDelete(name) for name in stale]
        commit = api.create_commit(repo_id, operations, commit_message=message, repo_type=repo_type)
        return str(url), commit.oid
    except Exception as error:  # the Hub's client and its network library raise nearly anything
        raise PublishError(_why(error, repo_id)) from error


def _why(error: Exception, repo_id: str) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status == 401:
        return "The Hub refuses your token: run `hf auth login` with a token that has write access."
    if status == 403:
        return (
            f"Your token has no write access to {repo_id}: check the name, or run `hf auth login` with another token."
        )
    if status is not None:
        return f"The Hub refused to publish {repo_id} (HTTP {status}: {_message(error)})"
    if isinstance(error, OfflineModeIsEnabled):
        return "The Hub cannot be reached, since HF_HUB_OFFLINE is set; unset it to publish."
    if "Connect" in type(error).__name__ or "Timeout" in type(error).__name__ or isinstance(error, ConnectionError):
        return f"The Hub cannot be reached, so {repo_id} was not published: check the network and try again."
    return f"Publishing {repo_id} failed ({type(error).__name__}: {_message(error)})"


def _message(error: Exception) -> str:
    """An exception's message as one short line."""
    return " ".join(str(error).split())[:300]
