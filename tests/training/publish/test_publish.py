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
from gan_models.card import write_card
from gan_models.cards import edits
from gan_models.cards.families import PLACEHOLDER
from gan_models.networks.dcgan import DCGANGenerator
from gan_models.networks.restore import Restorer
from gan_models.networks.retouch import RetouchEditor
from gan_models.networks.translate import Translator
from gan_models.samples import FACES
from training.commands.publish import main
from training.errors import TrainingError
from training.publish import PublishError, publish
from training.publish import demo_space as demo

ROOT = Path(__file__).parents[3]
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
    here = (folder / "README.md").read_text()
    assert edits.rewritten(card, lambda text: text.replace("user/toy", PLACEHOLDER)) == here
    assert not edits.split_card(card).edited


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
    assert "is a file" in refused(folder / "config.json", "user/toy")
    (tmp_path / "empty").mkdir()
    assert "would not load" in refused(tmp_path / "empty", "user/toy")
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
    assert "no write access to user/toy" in refused(folder, "user/toy")
    monkeypatch.setenv("HF_TOKEN", "hf_write")
    assert "no write access to somebody/toy" in refused(folder, "somebody/toy")
    hub.add("somebody/toy", {"README.md": b""})
    monkeypatch.setenv("HF_TOKEN", "hf_read")
    assert "no write access to somebody/toy" in refused(folder, "somebody/toy")


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


def test_a_bundled_model_and_one_of_the_hub_are_published_too(hub, folder):
    publish("mnist-cgan", "user/digits")
    files = commits(hub, "user/digits")[-1].files
    assert files["model.safetensors"] == (gan_models.layout.PRETRAINED / "mnist-cgan/model.safetensors").read_bytes()
    assert b"copy of" not in files["README.md"]
    publish(folder, "user/toy")
    oid = commits(hub, "user/toy")[-1].oid
    publish("user/toy@main", "user/again")
    files = commits(hub, "user/again")[-1].files
    assert json.loads(files["metrics.json"])["copy_of"] == f"user/toy@{oid}"
    card = files["README.md"].decode()
    assert "base_model: user/toy" in card and f"copy of [user/toy](https://huggingface.co/user/toy/tree/{oid})" in card
    assert 'load("user/again")' in card and "celeba-non-commercial-research" in card
    publish("user/toy", "user/toy")  # no copy of itself
    assert len(commits(hub, "user/toy")) == 1
    assert "no Hub repository user/none" in refused("user/none", "user/toy")


# A card that somebody edited


def card_of(hub, repo_id="user/toy") -> str:
    return commits(hub, repo_id)[-1].files["README.md"].decode()


def edit_there(hub, change, repo_id="user/toy") -> None:
    """As a person does on the Hub's page."""
    repository = hub.repositories["model", repo_id]
    files = repository.commits[-1].files
    repository.commit("edit", files | {"README.md": change(files["README.md"].decode()).encode()})


def remember(folder, summary: str) -> None:
    metrics = {"training": {"recipe": "toy", "summary": summary, "dataset": "celeba"}}
    (folder / "metrics.json").write_text(json.dumps(metrics))


def test_edits_on_the_hub_are_kept_and_the_rest_is_brought_up_to_date(hub, folder):
    publish(folder, "user/toy")
    edit_there(hub, lambda card: card.replace("tags:", "language: en\ntags:") + "\n## Thanks\n\nTo user/repo.\n")
    remember(folder, "faces, now better")
    publish(folder, "user/toy")
    card = card_of(hub)
    assert "Faces, now better." in card and card.endswith("## Thanks\n\nTo user/repo.\n") and "language: en" in card
    edit_there(hub, lambda card: card.replace("Faces, now better.", "My sentence."))
    remember(folder, "faces, better again")
    publish(folder, "user/toy")
    assert "My sentence." in card_of(hub) and "better again" not in card_of(hub)


def test_edits_here_are_published_and_stay(hub, folder):
    text = (folder / "README.md").read_text().replace("Research, teaching and play.", "Art.") + "\nBelow.\n"
    (folder / "README.md").write_text(text)
    publish(folder, "user/toy")
    publish(folder, "user/toy")
    assert "Art." in card_of(hub) and card_of(hub).count("Below.") == 1 and len(commits(hub, "user/toy")) == 1


def test_edits_of_both_sides_are_not_thrown_together(hub, folder):
    publish(folder, "user/toy")
    edit_there(hub, lambda card: card + "\nThere.\n")
    (folder / "README.md").write_text((folder / "README.md").read_text() + "\nHere.\n")
    assert "edited differently here and on user/toy" in refused(folder, "user/toy")
    publish(folder, "user/toy", keep="hub")
    assert "There." in card_of(hub) and "Here." not in card_of(hub)
    publish(folder, "user/toy", keep="here")
    assert "Here." in card_of(hub) and "There." not in card_of(hub)
    assert "not 'both'" in refused(folder, "user/toy", keep="both")


def test_a_card_that_is_all_somebodys_own_is_published_as_it_is(hub, folder):
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# My card\n\ngan_models.load('USER/REPO')\n")
    publish(folder, "user/toy")
    assert card_of(hub) == "---\nlicense: mit\n---\n# My card\n\ngan_models.load('user/toy')\n"


def test_a_repository_that_has_a_page_keeps_it_above_ours(hub, folder):
    hub.add("user/toy", {"README.md": b"---\nlanguage: de\n---\n# Mein Modell\n"})
    publish(folder, "user/toy")
    card = card_of(hub)
    assert card.index("# Mein Modell") < card.index("## Use it") and "language: de" in card and "license_name" in card


def test_an_older_folder_is_published_with_legend_and_notes(hub, folder):
    (folder / "metrics.json").write_text(
        json.dumps({"training": {"recipe": "toy", "dataset": "celeba"}, "fid10k_test_judge": 3.0})
    )
    old = (folder / "README.md").read_text()
    (folder / "README.md").write_text(re.sub("<!--.*-->\n", "", old).rstrip() + "\n")
    publish(folder, "user/toy")
    assert "- *fid*: distance of two Gaussians" in card_of(hub)
    assert json.loads(commits(hub, "user/toy")[0].files["metrics.json"])["legend"]["fid"]["better"] == "lower"


def test_a_run_is_published_by_its_folder(hub, folder, tmp_path):
    (tmp_path / "run").mkdir()
    folder.rename(tmp_path / "run/model")
    publish(tmp_path / "run", "user/toy")
    assert gan_models.load("user/toy").labels == ("Smiling", "Male")


# A Space


def space_of(hub, name="user/demo"):
    files = commits(hub, name, "space")[-1].files
    return files, yaml.safe_load(files["README.md"].decode().split("---\n")[1])


def test_a_space_holds_what_it_needs_and_says_where_the_model_is(hub, folder):
    publish(folder, "user/toy", space="user/demo")
    files, data = space_of(hub)
    (commit,) = commits(hub, "user/toy")
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "gan_models").rglob("*")
        if path.is_file() and not {"pretrained", "__pycache__"} & set(path.parts)
    }
    lab = {path.relative_to(ROOT).as_posix() for path in demo.lab_files()}
    assert set(files) == package | lab | {".gitattributes", "README.md", "LICENSE", "app.py", "requirements.txt"}
    assert hub.repositories["space", "user/demo"].options["sdk"] == "gradio"
    assert f"user/toy@{commit.oid}" in files["app.py"].decode() and "import spaces" not in files["app.py"].decode()
    assert data["preload_from_hub"] == [
        f"user/toy config.json,model.safetensors,README.md,metrics.json,samples.png {commit.oid}"
    ]
    assert (data["sdk"], data["app_file"], data["python_version"]) == ("gradio", "app.py", "3.12")
    assert data["models"] == ["user/toy"] and data["title"] == "toy" and len(data["short_description"]) <= 60
    assert data["thumbnail"].endswith(f"user/toy/resolve/{commit.oid}/samples.png")
    assert data["license"] == "other" and data["license_name"] == "celeba-non-commercial-research"  # the weights'


def test_the_requirements_of_a_space(hub, folder):
    publish(folder, "user/toy", space="user/demo")
    files, data = space_of(hub)
    lines = files["requirements.txt"].decode().splitlines()
    assert lines[0] == "--extra-index-url https://download.pytorch.org/whl/cpu"
    pins = dict(line.split("==") for line in lines[1:])
    assert pins["gradio"] == str(data["sdk_version"])  # else the Hub installs two versions in a row
    ours = dict(re.findall(r"^([\w-]+)==([\w.]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    assert pins == {name: ours[name] for name in pins} and len(pins) == 9
    assert not {"pytest", "playwright", "accelerate", "torchvision", "dlib-bin"} & set(pins)
    editor = demo.requirements(photos=True, hardware="zero-a10g").splitlines()
    assert "dlib-bin==20.0.1.post1" in editor and "spaces" in editor and not editor[0].startswith("--")


@pytest.mark.parametrize(
    "model, faces",
    [
        (RetouchEditor(64, width=8, finest=8, attributes=["Bald"]), True),
        (Restorer(image_size=32, width=8, embedding=8), False),
        (Translator(image_size=32, width=8, embedding=8, labels=["a", "b"]), False),
    ],
    ids=["editor", "restorer", "translator"],
)
def test_the_space_of_a_model_that_takes_photos_finds_faces_in_them(hub, tmp_path, model, faces):
    model.save_pretrained(tmp_path / "own", model_card_kwargs={"dataset": "mine", "data": {"licence": "mit"}})
    publish(tmp_path / "own", "user/own", space="user/demo")
    files, data = space_of(hub)
    assert "dlib-bin" in files["requirements.txt"].decode() and "that you give it" in data["short_description"]
    assert len(data["short_description"]) <= 60
    assert (f"gan_models/pretrained/{FACES}/model.safetensors" in files) is faces
    # Its licence is that of all weights that are in it.
    assert data["license"] == "mit" if not faces else data["license_name"] == "celeba-non-commercial-research"


def test_a_space_with_hardware(hub, folder):
    publish(folder, "user/toy", space="user/demo", hardware="zero-a10g")
    files, data = space_of(hub)
    assert data["suggested_hardware"] == "zero-a10g" and "\nimport spaces" in files["app.py"].decode()
    assert hub.repositories["space", "user/demo"].options["hardware"] == "zero-a10g"


def test_a_private_model_lies_in_its_private_space(hub, folder):
    publish(folder, "user/toy", space="user/demo", private=True)
    files, data = space_of(hub)
    assert {name for name in files if "pretrained" in name} == {f"gan_models/pretrained/toy/{name}" for name in FILES}
    assert "preload_from_hub" not in data and "thumbnail" not in data and '"toy"' in files["app.py"].decode()


def test_a_space_that_is_published_again_forgets_what_is_gone(hub, folder):
    publish(folder, "user/toy", space="user/demo")
    repository = hub.repositories["space", "user/demo"]
    repository.commit("older", repository.commits[-1].files | {"gan_models/gone.py": b"", "mine.py": b""})
    publish(folder, "user/newer", space="user/demo")
    files, data = space_of(hub)
    assert "gan_models/gone.py" not in files and "mine.py" in files and data["models"] == ["user/newer"]


def test_a_missing_package_is_reported_before_anything_is_uploaded(hub, folder, monkeypatch):
    monkeypatch.setattr(demo, "NEEDED", (*demo.NEEDED, "no-such-package"))
    with pytest.raises(TrainingError, match="no-such-package is not installed here"):
        publish(folder, "user/toy", space="user/demo")
    assert not hub.repositories


def test_the_demo_of_a_space_runs_on_its_requirements_alone(hub, folder, tmp_path):
    """The files as the Hub has them, a process that may import nothing else, the model from the Hub's cache, a page."""
    publish(folder, "user/toy", space="user/demo")
    gan_models.load("user/toy")  # what preload_from_hub does
    files, _ = space_of(hub)
    for name, content in files.items():
        (tmp_path / "space" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "space" / name).write_bytes(content)
    environment = os.environ | client_environment(hub.url, tmp_path) | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": ""}
    command = [sys.executable, str(ROOT / "tests/space_alone.py"), str(tmp_path / "space")]
    process = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert process.returncode == 0, process.stderr[-3000:]
    assert process.stdout.splitlines()[-1] == "user/toy shows 16 pictures", process.stdout


def test_the_repository_itself_is_a_valid_space():
    data = yaml.safe_load((ROOT / "README.md").read_text().split("---\n")[1])
    ours = dict(re.findall(r"^([\w-]+)==([\w.]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    assert str(data["sdk_version"]) == ours["gradio"] and data["python_version"] == demo.PYTHON
    assert (ROOT / data["app_file"]).is_file() and len(data["short_description"]) <= 60


# The command


def test_the_command_says_the_address_or_one_sentence(hub, folder, capsys):
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
        assert published and not [name for name, text in published.items() if "/home" in text]
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
