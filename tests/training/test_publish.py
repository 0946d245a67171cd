"""Publishing with the real client of the Hub against a server of our own; what was published loads equal."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import hostile
import pytest
import torch
import yaml
from hub_server import HubServer, client_environment
from huggingface_hub import constants

import gan_models
from gan_models import model_folder
from gan_models.card import PLACEHOLDER, write_card
from gan_models.networks.dcgan import DCGANGenerator
from training import publish as publishing
from training.publish import PublishError, main, publish

ROOT = Path(__file__).parents[2]
FILES = {"config.json", "model.safetensors", "README.md", "samples.png", "metrics.json"}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "model"
    model_folder.save(
        DCGANGenerator(image_size=16, latent_dim=4, width=4, labels=["Smiling", "Male"], multi_label=True), folder
    )
    (folder / "samples.png").write_bytes(b"a picture")
    (folder / "metrics.json").write_text(json.dumps({"training": {"recipe": "toy", "dataset": "celeba"}}))
    write_card(folder)
    (folder / "notes.txt").write_text("not part of a model folder")
    return folder


def commits(hub, repo_id, kind="model"):
    """The commits after the one that made the repository."""
    return hub.repositories[kind, repo_id].commits[1:]


def refused(*arguments, **options) -> str:
    with pytest.raises(PublishError) as caught:
        publish(*arguments, **options)
    message = str(caught.value)
    assert "\n" not in message and 20 < len(message) < 600
    return message


def test_what_was_published_loads_equal(hub, folder):
    url = publish(folder, "user/toy")
    assert url == f"{hub.url}/user/toy"
    mine, theirs = gan_models.load(folder).state_dict(), gan_models.load("user/toy").state_dict()
    assert mine.keys() == theirs.keys() and all(torch.equal(mine[key], theirs[key]) for key in mine)


def test_one_commit_holds_the_model_folder_and_nothing_else(hub, folder):
    publish(folder, "user/toy")
    (commit,) = commits(hub, "user/toy")
    assert set(commit.files) == FILES | {".gitattributes"}
    for name in FILES - {"README.md"}:
        assert commit.files[name] == (folder / name).read_bytes()
    assert ("PUT", "/lfs/upload/") in {(method, path[:12]) for method, path in hub.log}  # the weights went by LFS


def test_the_published_card_names_its_repository(hub, folder):
    publish(folder, "user/toy")
    card = commits(hub, "user/toy")[0].files["README.md"].decode()
    assert 'gan_models.load("user/toy")' in card and PLACEHOLDER not in card
    assert card.replace("user/toy", PLACEHOLDER) == (folder / "README.md").read_text()


def test_publishing_again_adds_one_commit_and_the_old_one_stays(hub, folder):
    publish(folder, "user/toy")
    first = commits(hub, "user/toy")[0].oid
    model_folder.save(DCGANGenerator(image_size=16, latent_dim=4, width=4), folder)
    write_card(folder)
    publish(folder, "user/toy")
    assert len(commits(hub, "user/toy")) == 2
    assert gan_models.load("user/toy").labels is None
    assert gan_models.load("user/toy", revision=first).labels == ("Smiling", "Male")


def test_publishing_the_same_again_adds_no_commit(hub, folder):
    publish(folder, "user/toy")
    publish(folder, "user/toy")
    assert len(commits(hub, "user/toy")) == 1


def test_private_repositories(hub, folder, monkeypatch):
    publish(folder, "user/secret", private=True)
    publish(folder, "user/toy")
    assert hub.repositories["model", "user/secret"].private and not hub.repositories["model", "user/toy"].private
    with monkeypatch.context() as anonymous:
        anonymous.delenv("HF_TOKEN")
        with pytest.raises(gan_models.ModelNotFound):
            gan_models.load("user/secret")
    gan_models.load("user/secret")


def test_a_folder_that_does_not_load_is_not_uploaded(hub, folder, tmp_path):
    assert "no folder" in refused(tmp_path / "missing", "user/toy")
    assert "no folder" in refused(folder / "config.json", "user/toy")
    assert "would not load" in refused(tmp_path, "user/toy")
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[:-1])
    assert "truncated" in refused(folder, "user/toy")
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "README.md").unlink()
    assert "no card" in refused(folder, "user/toy")
    assert not hub.repositories and not hub.log


@pytest.mark.parametrize(
    "name", ["toy", "user/", "/toy", "user/a b", "user/a--b", "a/b/c", "", "user/-toy", "user/" + "x" * 200]
)
def test_a_name_that_the_hub_does_not_take_is_refused(hub, folder, name):
    refused(folder, name)
    refused(folder, "user/toy", space=name) if name else None
    assert not hub.repositories


def test_without_a_token(hub, folder, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    assert "not logged in" in refused(folder, "user/toy")
    assert not hub.log


def test_a_token_that_is_wrong_or_may_not_write(hub, folder, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    assert "refuses your token" in refused(folder, "user/toy")
    monkeypatch.setenv("HF_TOKEN", "hf_read")
    assert "may not write to user/toy" in refused(folder, "user/toy")
    monkeypatch.setenv("HF_TOKEN", "hf_write")
    assert "may not write to somebody/toy" in refused(folder, "somebody/toy")
    hub.add("somebody/toy", {"README.md": b""})
    monkeypatch.setenv("HF_TOKEN", "hf_read")
    assert "may not write to somebody/toy" in refused(folder, "somebody/toy")


def test_front_matter_that_the_hub_refuses(hub, folder):
    (folder / "README.md").write_text("---\na: [b\n---\n# x\n")
    assert "README.md" in refused(folder, "user/toy")
    assert commits(hub, "user/toy") == []


def test_no_network_and_a_hub_out_of_order(hub, folder, monkeypatch):
    hub.failing = 418
    assert "HTTP 418" in refused(folder, "user/toy")
    hub.stop()
    assert "cannot be reached" in refused(folder, "user/toy")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE" in refused(folder, "user/toy")


# A Space


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with a demo, and with a bundled model that is not to go into the Space."""
    root = tmp_path / "checkout"
    for name, content in {
        "app.py": "print('demo')\n",
        "requirements.txt": "torch==2.11.0\ngradio==6.31.0\n",
        "LICENSE": "MIT",
        "README.md": "---\ntitle: GAN\nemoji: X\nsdk: gradio\nsdk_version: 6.31.0\napp_file: app.py\nlicense: mit\n---\n# x\n",
        "gan_models/__init__.py": "",
        "gan_models/hub.py": "",
        "gan_models/__pycache__/hub.pyc": "",
        "gan_models/pretrained/other/config.json": "{}",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    monkeypatch.setattr(publishing.gan_models, "__file__", str(root / "gan_models" / "__init__.py"))
    return root


def test_a_space_is_the_demo_with_this_model_bundled(hub, folder, checkout):
    publish(folder, "user/toy", space="user/demo")
    (commit,) = commits(hub, "user/demo", "space")
    bundled = {f"gan_models/pretrained/toy/{name}" for name in FILES}
    assert set(commit.files) == bundled | {
        ".gitattributes",
        "README.md",
        "LICENSE",
        "app.py",
        "requirements.txt",
        "gan_models/__init__.py",
        "gan_models/hub.py",
    }
    assert hub.repositories["space", "user/demo"].options["sdk"] == "gradio"
    assert commit.files["gan_models/pretrained/toy/model.safetensors"] == (folder / "model.safetensors").read_bytes()
    data = yaml.safe_load(commit.files["README.md"].decode().split("---\n")[1])
    assert (
        data["sdk"] == "gradio"
        and data["sdk_version"] == "6.31.0"
        and data["app_file"] == "app.py"
        and data["emoji"] == "X"
    )
    assert data["models"] == ["user/toy"] and data["title"] == "toy"
    assert (
        data["license"] == "other" and data["license_name"] == "celeba-non-commercial-research"
    )  # the weights', not the code's
    assert len(commits(hub, "user/toy")) == 1


def test_a_space_that_is_published_again_forgets_what_is_gone(hub, folder, checkout):
    publish(folder, "user/toy", space="user/demo")
    (checkout / "gan_models" / "hub.py").unlink()
    publish(folder, "user/newer", space="user/demo")
    files = set(commits(hub, "user/demo", "space")[-1].files)
    assert "gan_models/hub.py" not in files and not any("pretrained/toy" in name for name in files)
    assert "gan_models/pretrained/newer/config.json" in files


def test_the_front_matter_of_a_space_without_a_readers_page(hub, folder, checkout):
    (checkout / "README.md").write_text("# GAN Studio\n")
    publish(folder, "user/toy", space="user/demo")
    data = yaml.safe_load(commits(hub, "user/demo", "space")[0].files["README.md"].decode().split("---\n")[1])
    assert data["sdk"] == "gradio" and data["sdk_version"] == "6.31.0" and data["app_file"] == "app.py"


def test_a_space_needs_a_checkout(hub, folder, checkout):
    (checkout / "app.py").unlink()
    assert "app.py" in refused(folder, "user/toy", space="user/demo")
    assert not hub.repositories  # found out before anything was uploaded


@pytest.mark.skipif(not (ROOT / "app.py").is_file(), reason="the demo is not written yet")
def test_the_real_demo_makes_a_space_whose_package_finds_the_model(hub, folder, tmp_path):
    publish(folder, "user/toy", space="user/demo")
    files = commits(hub, "user/demo", "space")[0].files
    for name, content in files.items():
        (tmp_path / "space" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "space" / name).write_bytes(content)
    script = "import gan_models; print(gan_models.bundled(), gan_models.load('toy').labels)"
    process = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path / "space", capture_output=True, text=True, timeout=60
    )
    assert process.stdout == "['toy'] ('Smiling', 'Male')\n", process.stderr
    assert "import training" not in files["app.py"].decode() and "from training" not in files["app.py"].decode()
    data = yaml.safe_load(files["README.md"].decode().split("---\n")[1])
    pinned = re.search(r"^gradio==(\S+)", files["requirements.txt"].decode(), re.MULTILINE)[1]
    assert str(data["sdk_version"]) == pinned  # else the Hub installs two versions in a row


# The command


def test_the_command_says_the_address_or_one_sentence(hub, folder, checkout, capsys):
    assert main([str(folder), "user/toy", "--space", "user/demo", "--private"]) == 0
    assert capsys.readouterr().out == f"{hub.url}/user/toy\n{hub.url}/spaces/user/demo\n"
    assert hub.repositories["model", "user/toy"].private and hub.repositories["space", "user/demo"].private
    assert main([str(folder / "missing"), "user/toy"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: There is no folder") and err.count("\n") == 1


def test_as_a_process_with_the_settings_of_a_user(folder, tmp_path):
    with HubServer() as server:
        environment = os.environ | client_environment(server.url, tmp_path / "home")
        command = [sys.executable, "-m", "training.publish", str(folder), "user/toy"]
        process = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
        assert process.returncode == 0 and process.stdout == f"{server.url}/user/toy\n", process.stderr
        assert len(commits(server, "user/toy")) == 1


def test_paths_of_the_trainer_are_not_published(hub, folder):
    training = {
        "recipe": "toy",
        "dataset": "celeba",
        "init_from": "/home/me/runs/first/model",
        "command": "python -m training toy --data '/home/me/my cats' --init-from /home/me/runs/first/model --seed 3",
        "origin": {"recipe": "first", "command": "python -m training first --data /home/me/cats"},
    }
    (folder / "metrics.json").write_text(json.dumps({"training": training, "evaluation": {"a": "/home/me/w.pth"}}))
    write_card(folder)
    assert "/home" not in (folder / "README.md").read_text()  # nor in a card that is written from such a record
    text = (
        folder / "README.md"
    ).read_text() + "\n```sh\npython -m training toy --data /home/me/cats\n```\nSee /home/me/x.\n"
    (folder / "README.md").write_text(text)
    publish(folder, "user/toy", space="user/show")
    for files in (commits(hub, "user/toy")[0].files, commits(hub, "user/show", "space")[-1].files):
        published = {
            name: data.decode() for name, data in files.items() if name.endswith(("README.md", "metrics.json"))
        }
        assert len(published) >= 2 and not [name for name, text in published.items() if "/home" in text]
    told = json.loads(commits(hub, "user/toy")[0].files["metrics.json"])["training"]
    assert told["init_from"] == "first" and told["command"].endswith("--data 'my cats' --init-from first --seed 3")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes in folders")
@pytest.mark.parametrize(
    "kind", [kind for kind in hostile.KINDS if kind is not hostile.folder], ids=lambda k: k.__name__
)
@pytest.mark.parametrize("name", sorted(FILES))
def test_nothing_but_files_of_the_folder_is_published(hub, folder, name, kind):
    (folder / name).unlink()
    kind(folder / name)
    with hostile.within(20):
        assert "secret of" not in refused(folder, "user/toy")
    assert not hub.repositories
