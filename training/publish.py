"""Publish a model folder on the Hub, and a Space that shows it: `python -m training.publish runs/mnist-cgan/model
USER/REPO`."""

import argparse
import json
import re
import sys
from pathlib import Path

from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    SpaceCardData,
    get_token,
)
from huggingface_hub.errors import HFValidationError, OfflineModeIsEnabled
from huggingface_hub.repocard import metadata_load
from huggingface_hub.utils import validate_repo_id

import gan_models
from gan_models import portable
from gan_models.card import PLACEHOLDER
from gan_models.errors import ModelError
from gan_models.files import UnfitFile, read_bounded
from gan_models.model_folder import (
    CARD,
    CONFIG,
    MAX_CARD_BYTES,
    MAX_CONFIG_BYTES,
    MAX_METRICS_BYTES,
    MAX_PICTURE_BYTES,
    METRICS,
    PICTURE,
    WEIGHTS,
    load_folder,
    read_metrics,
)

from . import cli
from .errors import TrainingError

# What is published beside the weights, and the bytes that it may have.
CONTENTS = {
    CONFIG: MAX_CONFIG_BYTES,
    CARD: MAX_CARD_BYTES,
    PICTURE: MAX_PICTURE_BYTES,
    METRICS: MAX_METRICS_BYTES,
}


class PublishError(TrainingError):
    """Nothing, or not everything, was published; the message is one sentence that says why."""


def publish(model_folder: str | Path, repo_id: str, *, space: str | None = None, private: bool = False) -> str:
    """Upload a model folder to the Hub in one commit, creating the repository where there is none, and return its URL.

    space: also the name of a Gradio Space to fill with the demo and this model. A folder that `gan_models.load` would
    refuse, or that has no card, is not uploaded. The token is the one of `hf auth login`. Raises PublishError.
    """
    folder = check_folder(model_folder)
    check_name(repo_id)
    api = HfApi()
    demo = None
    if space:
        check_name(space)
        demo = space_files(folder, repo_id)
    if not get_token():
        raise PublishError(
            "You are not logged in to the Hub: run `hf auth login`, or set HF_TOKEN to a token that may write."
        )
    url = upload(api, repo_id, model_files(folder, repo_id), f"Publish {repo_id}", private=private or None)
    if demo:
        upload(api, space, demo, f"Show {repo_id}", private=private or None, repo_type="space", space_sdk="gradio")
    return url


def check_folder(model_folder: str | Path) -> Path:
    folder = Path(model_folder)
    if not folder.is_dir():
        raise PublishError(
            f"There is no folder {folder}; give the model folder of a finished run, such as runs/NAME/model."
        )
    try:
        load_folder(folder)
    except ModelError as error:
        raise PublishError(f"Not published, since it would not load: {error}") from error
    if not (folder / "README.md").is_file():
        raise PublishError(
            f"{folder} has no card (README.md), so nobody would know its data and licence; "
            "write it with gan_models.card.write_card."
        )
    return folder


def check_name(repo_id: str) -> None:
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise PublishError(f"{repo_id!r} is not a valid name on the Hub ({_line(error)})") from error
    if repo_id.count("/") != 1:
        raise PublishError(f"{repo_id!r} lacks its owner: a repository on the Hub is named USER/REPO.")


def model_files(folder: Path, repo_id: str) -> dict[str, Path | bytes]:
    """Path in the repository -> file or content. The card gets the name under which the model can be loaded from now
    on."""
    files = {WEIGHTS: folder / WEIGHTS}  # which loaded, so it is a file of the folder
    for name, most in CONTENTS.items():
        try:
            files[name] = read_bounded(folder / name, most, folder)
        except FileNotFoundError:
            continue
        except UnfitFile as error:
            raise PublishError(f"Not published: {folder / name} {error}; replace it or delete it.") from error
        except OSError as error:
            raise PublishError(f"Not published: {folder / name} cannot be read ({error.strerror}).") from error
    card = files[CARD].decode("utf-8", "replace")
    files[CARD] = portable.page(card).replace(PLACEHOLDER, repo_id).encode()
    if METRICS in files:
        try:
            metrics = read_metrics(folder / METRICS)
        except ModelError as error:
            raise PublishError(f"Not published: {error}") from error
        if (names := portable.record(metrics)) != metrics:
            files[METRICS] = (json.dumps(names, indent=2) + "\n").encode()
    return files


def space_files(folder: Path, repo_id: str) -> dict[str, Path | bytes]:
    """The demo, with this model bundled instead of the package's own: a Space that downloads nothing when it starts
    works as long as the Hub runs it."""
    package = Path(gan_models.__file__).parent
    root = package.parent
    for name in ("app.py", "requirements.txt", "README.md"):
        if not (root / name).is_file():
            raise PublishError(
                f"A Space needs the demo's {name}, which is not in {root}: run this in a checkout of GAN Studio."
            )
    files = {name: root / name for name in ("app.py", "requirements.txt", "LICENSE") if (root / name).is_file()}
    for path in sorted(package.rglob("*")):
        inside = path.relative_to(package)
        if path.is_file() and inside.parts[0] != "pretrained" and "__pycache__" not in inside.parts:
            files[f"gan_models/{inside.as_posix()}"] = path
    for name, content in model_files(folder, repo_id).items():
        files[f"gan_models/pretrained/{repo_id.split('/')[1]}/{name}"] = content
    return files | {"README.md": space_card(root, folder, repo_id).encode()}


def space_card(root: Path, folder: Path, repo_id: str) -> str:
    """The Space's front matter is that of the project's README, with this model's name and licence."""
    gradio = re.search(r"^gradio==([\w.]+)", (root / "requirements.txt").read_text(), re.MULTILINE)
    data = {"sdk": "gradio", "app_file": "app.py"} | ({"sdk_version": gradio[1]} if gradio else {})
    data |= metadata_load(root / "README.md") or {}
    model = metadata_load(folder / "README.md") or {}
    data = {key: value for key, value in data.items() if not key.startswith("license") and key != "models"}
    data |= {key: value for key, value in model.items() if key.startswith("license")}
    data |= {"title": repo_id.split("/")[1], "models": [repo_id]}
    return f"""---
{SpaceCardData(**data).to_yaml()}
---

# {repo_id.split("/")[1]}

The demo of GAN Studio with the model [{repo_id}](https://huggingface.co/{repo_id}), whose card tells its data,
licence and limits.
"""


def upload(
    api: HfApi, repo_id: str, files: dict[str, Path | bytes], message: str, repo_type: str = "model", **create
) -> str:
    """Make the repository hold these files by one commit, and return its URL. In a Space, code that is gone is
    deleted."""
    operations = [CommitOperationAdd(name, content) for name, content in files.items()]
    try:
        url = api.create_repo(repo_id, repo_type=repo_type, exist_ok=True, **create)
        if repo_type == "space":
            stale = [
                name
                for name in api.list_repo_files(repo_id, repo_type=repo_type)
                if name.startswith("gan_models/") and name not in files
            ]
            operations += [CommitOperationDelete(name) for name in stale]
        api.create_commit(repo_id, operations, commit_message=message, repo_type=repo_type)
        return str(url)
    except Exception as error:  # whatever the Hub's client and its network library raise
        raise PublishError(_why(error, repo_id)) from error


def _why(error: Exception, repo_id: str) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status == 401:
        return "The Hub refuses your token: run `hf auth login` with a token that may write."
    if status == 403:
        return f"Your token may not write to {repo_id}: check the name, or run `hf auth login` with a token that may."
    if status is not None:
        return f"The Hub refused to publish {repo_id} (HTTP {status}: {_line(error)})"
    if isinstance(error, OfflineModeIsEnabled):
        return "The Hub cannot be reached, since HF_HUB_OFFLINE is set; unset it to publish."
    if "Connect" in type(error).__name__ or "Timeout" in type(error).__name__ or isinstance(error, ConnectionError):
        return f"The Hub cannot be reached, so {repo_id} was not published: check the network and try again."
    return f"Publishing {repo_id} failed ({type(error).__name__}: {_line(error)})"


def _line(error: Exception) -> str:
    """What an exception says, as one line of bearable length."""
    return " ".join(str(error).split())[:300]


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status, as cli.run does."""
    return cli.run(lambda: command(arguments))


def command(arguments: list[str] | None) -> None:
    parser = argparse.ArgumentParser("python -m training.publish", description="Publish a model folder on the Hub.")
    parser.add_argument("model_folder", type=Path, help="such as runs/mnist-cgan/model")
    parser.add_argument("repo_id", metavar="USER/REPO", help="the repository; made where there is none")
    parser.add_argument("--space", metavar="USER/SPACE", help="also make a Gradio Space that shows the model")
    parser.add_argument("--private", action="store_true", help="a new repository is visible to you alone")
    options = parser.parse_args(arguments)
    print(publish(options.model_folder, options.repo_id, space=options.space, private=options.private))
    if options.space:
        print(f"{HfApi().endpoint}/spaces/{options.space}")


if __name__ == "__main__":
    sys.exit(main())
