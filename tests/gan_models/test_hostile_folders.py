"""Model folders that others made: whatever lies where a file is expected, one sentence says so, at once, and nothing
else of the disk is read."""

import json
import os
import sys

import hostile
import pytest

import gan_models
from gan_models import card, files, model_folder, studio
from gan_models.cards.page import ABOUT
from gan_models.errors import InvalidConfig, InvalidWeights, ModelError
from gan_models.networks.dcgan import DCGANGenerator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes and devices in folders")


@pytest.fixture
def folder(tmp_path):
    model = DCGANGenerator(16, 1, 4, 4, labels=["Smiling", "Male"], multi_label=True)
    model_folder.save(model, tmp_path / "model")
    (tmp_path / "model/metrics.json").write_text('{"training": {"dataset": "celeba"}}')
    card.write_card(tmp_path / "model")
    return tmp_path / "model"


def sentence(error: type[ModelError], action) -> str:
    with hostile.within(10), pytest.raises(error) as caught:
        action()
    message = str(caught.value)
    assert type(caught.value) is error and "\n" not in message and 20 < len(message) < 700, message
    return message


def replace(folder, name, kind):
    (folder / name).unlink()
    kind(folder / name)


@pytest.mark.parametrize("kind", hostile.KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("name, error", [("config.json", InvalidConfig), ("model.safetensors", InvalidWeights)])
def test_what_is_no_file_of_the_folder_is_refused(folder, name, error, kind):
    replace(folder, name, kind)
    message = sentence(error, lambda: gan_models.load(folder))
    assert name in message and "secret" not in message and str(folder) in message


@pytest.mark.parametrize("kind", hostile.KINDS, ids=lambda kind: kind.__name__)
def test_the_demo_reports_a_record_that_is_no_file(folder, kind):
    replace(folder, "metrics.json", kind)
    sentence(InvalidConfig, lambda: model_folder.read_metrics(folder / "metrics.json"))
    with hostile.within(10):
        told = studio.about(str(folder))
    assert "unknown" in told.data and "metrics.json" in told.data and "secret" not in told.data
    assert "Limits" in told.card


@pytest.mark.parametrize("kind", hostile.KINDS, ids=lambda kind: kind.__name__)
def test_the_demo_reports_a_card_that_is_no_file(folder, kind):
    replace(folder, "README.md", kind)
    with hostile.within(10):
        told = studio.about(str(folder))
    assert "CelebA" in told.data and "secret" not in told.card and len(told.card) < 300
    assert "not shown" in told.card or "cannot be read" in told.card


JSON = {
    "a list": b"[]",
    "a word": b'"training"',
    "half": b'{"training":',
    "binary": b"\xff\xfe\x00\xd8",
    "deep": b'{"a":' * 100_000,
    "deep and whole": b'{"training": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "less deep": b'{"training": ' + b"[" * 500 + b"]" * 500 + b"}",
    "many digits": b'{"training": ' + b"9" * 10_000 + b"}",
    "surrogates": b'{"training": {"dataset": "\\ud800"}}',
    "surrogate key": b'{"\\udfff": 1}',
}


@pytest.mark.parametrize("content", JSON.values(), ids=JSON)
def test_a_record_that_is_no_json_object_is_reported(folder, content):
    (folder / "metrics.json").write_bytes(content)
    sentence(InvalidConfig, lambda: model_folder.read_metrics(folder / "metrics.json"))
    sentence(InvalidConfig, lambda: card.write_card(folder))
    assert "unknown" in studio.about(str(folder)).data
    assert gan_models.load(folder).labels == ("Smiling", "Male")


@pytest.mark.parametrize("value", [None, 3, [], ["celeba"], {}, {"a": 1}, "", 10**300, True, 1e308, "x" * 1000])
@pytest.mark.parametrize("key", ["training", *ABOUT])
def test_values_of_the_wrong_kind_leave_the_card_whole(folder, key, value):
    record = {"training": value} if key == "training" else {"training": {"dataset": "celeba", key: value}}
    (folder / "metrics.json").write_text(json.dumps(record | {"evaluation": value, "fid": value}))
    card.write_card(folder)
    told = studio.about(str(folder))
    assert told.data.startswith("Data: ") and "Limits" in told.card


def test_an_oversized_configuration_says_so(folder):
    (folder / "config.json").write_bytes(b" " * 2_000_000 + b"{}")
    assert "too large" in sentence(InvalidConfig, lambda: gan_models.load(folder))


@pytest.mark.parametrize("name", ["\ud800", "a\udfffb"])
def test_labels_that_are_no_text_are_refused(folder, name):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"labels": ["Smiling", name]}))
    sentence(InvalidConfig, lambda: gan_models.load(folder))
    sentence(InvalidConfig, lambda: DCGANGenerator(16, 1, 4, 4, labels=["Smiling", name]))


def test_links_within_the_folder_and_to_the_folder_are_followed(folder):
    os.rename(folder / "config.json", folder / "other.json")
    (folder / "config.json").symlink_to("other.json")
    (folder.parent / "linked").symlink_to(folder)
    assert gan_models.load(folder.parent / "linked").labels == ("Smiling", "Male")


def test_only_the_blobs_of_the_same_cache_count_as_inside(tmp_path):
    def snapshot(repository):
        folder = tmp_path / repository / "snapshots/0123"
        folder.mkdir(parents=True)
        (tmp_path / repository / "blobs").mkdir()
        (tmp_path / repository / "blobs/abc").write_bytes(b"{}")
        return folder

    mine = snapshot("models--user--mine")
    snapshot("models--user--other")
    (mine / "a").symlink_to("../../blobs/abc")
    (mine / "b").symlink_to("../../../models--user--other/blobs/abc")
    assert files.read_json(mine / "a", 10, mine) == {}
    with pytest.raises(files.UnfitFile, match="out of its folder"):
        files.read_json(mine / "b", 10, mine)


def test_a_file_that_grows_while_it_is_read_is_cut_off(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"x" * 100)
    monkeypatch.setattr(files, "_check_kind", lambda *_: None)
    with pytest.raises(files.UnfitFile, match="too large"):
        files.read_bounded(tmp_path / "file", 99)
    assert files.read_bounded(tmp_path / "file", 100) == b"x" * 100


def test_weights_of_any_size_with_a_small_network_cost_no_memory(folder):
    with open(folder / "model.safetensors", "r+b") as file:
        file.truncate(50_000_000_000)
    assert "too large" in sentence(InvalidWeights, lambda: gan_models.load(folder))
