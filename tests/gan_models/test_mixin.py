"""The entry points of the Hub's mixin: save_pretrained, from_pretrained, push_to_hub."""

import json

import pytest
import torch
from hub_models import BESIDE, equal, files_of, small
from huggingface_hub import ModelCard

import gan_models
from gan_models import layout
from gan_models.errors import InvalidConfig, InvalidInput
from gan_models.networks.dcgan import DCGANGenerator
from gan_models.networks.mlp import MLPGenerator


def test_save_pretrained_writes_a_layout(tmp_path):
    model = small()
    model.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["format"] == layout.FORMAT and config["family"] == "dcgan"
    assert "gan_models.load" in (tmp_path / "README.md").read_text()
    assert json.loads((tmp_path / "metrics.json").read_text()) == {}
    assert equal(gan_models.load(tmp_path), model) and equal(DCGANGenerator.from_pretrained(tmp_path), model)


def test_from_pretrained_is_as_strict_as_load(folder):
    with pytest.raises(InvalidConfig, match="not a MLPGenerator"):
        MLPGenerator.from_pretrained(folder)
    (folder / "config.json").write_text("[]")
    with pytest.raises(InvalidConfig):
        DCGANGenerator.from_pretrained(folder)
    with pytest.raises(TypeError):
        DCGANGenerator.from_pretrained(folder, width=8)


def test_push_to_hub_uploads_the_same_format(hub_server):
    model = small()
    model.push_to_hub("user/toy")
    assert set(hub_server.repositories["model", "user/toy"].commits[-1].files) >= {
        "config.json",
        "model.safetensors",
        "README.md",
    }
    assert equal(gan_models.load("user/toy"), model) and equal(DCGANGenerator.from_pretrained("user/toy"), model)


def test_the_options_of_the_mixin(folder):
    loaded = DCGANGenerator.from_pretrained(folder, map_location="cpu", strict=True, dtype=torch.bfloat16)
    assert (
        loaded.dtype == torch.bfloat16 and loaded.generate(loaded.sample_latents(1, seed=0), [0]).dtype == torch.float32
    )
    assert DCGANGenerator.from_pretrained(pretrained_model_name_or_path=folder).dtype == torch.float32
    for options, word in [
        ({"strict": False}, "strict=True only"),
        ({"map_location": "cuda:77"}, "device"),
        ({"dtype": torch.int8}, "dtype"),
        ({"dtype": "float16"}, "dtype"),
    ]:
        with pytest.raises(InvalidInput, match=word):
            DCGANGenerator.from_pretrained(folder, **options)
    with pytest.raises(InvalidInput, match="config"):
        small().save_pretrained(folder, config={"width": 3})


def test_a_model_that_is_pushed_on_keeps_its_story(hub_server, tmp_path):
    commit = hub_server.add("user/toy", files_of(small(), tmp_path) | BESIDE)
    loaded = gan_models.load("user/toy")
    address = loaded.push_to_hub("user/copy")
    assert "/commit/" in address
    files = hub_server.repositories["model", "user/copy"].commits[-1].files
    assert files["samples.png"] == BESIDE["samples.png"] and files["LICENSE"] == b"MIT"
    assert b"To be read." in files["README.md"], "nothing says more of it than its own card"
    metrics = json.loads(files["metrics.json"])
    assert metrics["training"]["recipe"] == "toy" and metrics["copy_of"] == f"user/toy@{commit.oid}"

    with torch.no_grad():
        next(loaded.parameters()).add_(0.5)
    loaded.push_to_hub("user/changed", model_card_kwargs={"summary": "Shifted digits"})
    files = hub_server.repositories["model", "user/changed"].commits[-1].files
    card = ModelCard(files["README.md"].decode())
    assert "samples.png" not in files and "Shifted digits." in card.text
    assert card.data.base_model == "user/toy" and f"tree/{commit.oid}" in card.text
    assert 'load("user/changed")' in card.text and card.data.license == "mit"
    told = json.loads(files["metrics.json"])["training"]  # what was given for the card can be written again
    assert told["origin"]["recipe"] == "toy" and told["summary"] == "Shifted digits"

    gan_models.load("user/copy").push_to_hub("user/copy")  # back where it came from it is no copy of itself
    card = ModelCard(hub_server.repositories["model", "user/copy"].commits[-1].files["README.md"].decode())
    assert card.data.base_model in (None, "user/toy")


@pytest.mark.parametrize("changed", [False, True], ids=["same", "changed"])
def test_no_path_of_this_machine_is_pushed(hub_server, folder, changed):
    (folder / "metrics.json").write_text(json.dumps({"training": {"command": f"train --data {folder}/cats"}}))
    (folder / "README.md").write_text(f"# Mine\n\nFrom {folder}/cats.\n")
    loaded = gan_models.load(folder)
    if changed:
        next(loaded.parameters()).data.add_(0.5)
    loaded.push_to_hub("user/toy")
    files = hub_server.repositories["model", "user/toy"].commits[-1].files
    assert {"README.md", "metrics.json"} <= set(files)
    assert not [name for name, data in files.items() if str(folder.parent).encode() in data]


def test_a_card_that_a_person_edited_on_the_hub_survives_a_push(hub_server):
    small().push_to_hub("user/toy")
    repository = hub_server.repositories["model", "user/toy"]
    card = repository.commits[-1].files["README.md"].decode()
    edited = card.replace("---\n\n<!--", "language: en\n---\n\nMy own words.\n\n<!--") + "\nAnd more of them.\n"
    repository.commit("edit", repository.commits[-1].files | {"README.md": edited.encode()})
    small().push_to_hub("user/toy", model_card_kwargs={"summary": "New words of the program"})
    text = repository.commits[-1].files["README.md"].decode()
    assert "My own words." in text and "And more of them." in text and "language: en" in text
    assert "New words of the program." in text and text.count("## Limits") == 1


def test_a_branch_can_be_pushed_to(hub_server):
    small(["a", "b"]).push_to_hub("user/toy")
    small(["c", "d"]).push_to_hub("user/toy", branch="other")
    assert gan_models.load("user/toy").labels == ("a", "b")
    assert gan_models.load("user/toy@other").labels == ("c", "d")
