"""What model folders tell of how they were measured, and how it comes out on their cards."""

import json
import re

import pytest
from huggingface_hub import ModelCard
from PIL import Image
from tiny import train

from gan_models import layout, model_folder
from gan_models.card import write_card
from gan_models.cards.page import model_card
from gan_models.networks import find
from gan_models.networks.dcgan import DCGANGenerator
from gan_models.networks.editor import Editor
from training.metrics import story
from training.publish import publish

EDITOR = {
    "training": {
        "dataset": "celeba",
        "init_from": "celeba-cgan",
        "calibration": {
            "split": "valid",
            "before": {"seen": 0.7329, "kept": 0.9308, "fid": 10.778, "score": 1.3},
            "after": {"seen": 0.75104, "kept": 0.9369, "fid": 7.1488, "score": 1.4},
        },
    },
    "change_seen3k_test_judge": {"value": 0.726, "real": 0.9354},
    "change_seen_put_back3k_test_judge": {"value": 0.667, "real": 0.9354},
    "change_seen_by_target3k_test_judge": {"value": 0.6763, "real": 0.9354},
    "psnr3k_test": {"value": 100.0, "drawn": 19.9},
    "evaluation": {
        "judge": {
            "samples": 3014,
            "attributes": {
                "Bald": {"change_seen": 0.0249, "brought": 0.017, "identity_kept": 1.0},
                "Male": {"change_seen": 0.995, "brought": 0.996, "identity_kept": 0.08},
                "Young": {"change_seen": 0.3, "brought": 0.4, "identity_kept": 0.5},
            },
        }
    },
}


@pytest.fixture
def editor(tmp_path):
    model_folder.save(Editor(16, width=4, latent_dim=8, hidden=8), tmp_path)
    return tmp_path


@pytest.fixture
def folder(tmp_path):
    model = DCGANGenerator(image_size=16, latent_dim=4, width=4, labels=["Smiling", "Male"], multi_label=True)
    model_folder.save(model, tmp_path)
    return tmp_path


def with_metrics(folder, metrics) -> str:
    config = json.loads((folder / "config.json").read_text())
    (folder / "metrics.json").write_text(json.dumps(story.with_story(config, metrics)))
    write_card(folder)
    return (folder / "README.md").read_text()


def limits(text: str) -> str:
    return text.split("## Limits")[1].split("## Intended use")[0]


def test_an_editors_card_says_what_its_judge_had_to_do_with_it(editor):
    text = with_metrics(editor, EDITOR)
    for words in (
        "judge learned from the training pictures with an even file number",
        "from those with an odd one",
        "labels of both halves, and so did the generator that the training started from",
        "The judge is not independent of the strength of edits",
        "for validation pictures, on which the change seen went from 0.733 to 0.751, others kept from 0.931 to 0.937, ",
        "FID from 10.78 to 7.15. Test pictures",
        "Test pictures were not used for it.",
    ):
        assert words in text, words


@pytest.mark.parametrize(
    "calibration", [None, "1", {}, {"split": "valid", "before": {"seen": 1}}, {"split": [], "before": 1}]
)
def test_no_calibration_is_mentioned_where_none_is_recorded(editor, calibration):
    text = with_metrics(editor, {"training": {"dataset": "celeba", "calibration": calibration}})
    assert (
        "even file number" in text
        and "both halves." in text
        and "calibration" not in text
        and "Test pictures" not in text
    )


def test_a_calibration_on_test_pictures_is_not_called_independent(editor):
    calibration = EDITOR["training"]["calibration"] | {"split": "test"}
    text = with_metrics(editor, {"training": {"dataset": "celeba", "calibration": calibration}})
    assert "for test pictures, on which the change" in text and "not used" not in text


def test_an_editors_limits_are_those_that_were_measured(editor):
    found = limits(with_metrics(editor, EDITOR))
    assert "The judge sees the change in less than 30 % of the edits of: Bald (2 %)." in found
    assert "A face recognition network sees the same person in less than 50 % of the edits of: Male (8 %)." in found
    assert "73 % of the edits by known labels, 68 % when the editor itself" in found
    assert "67 % when the change has faded" in found
    assert "stay inside an ellipse around the head" in found and "Young" not in found


@pytest.mark.parametrize(
    "metrics",
    [
        {},
        {
            "change_seen3k_test_judge": {"value": None},
            "evaluation": {"judge": {"attributes": {"Bald": {"change_seen": None}}}},
        },
        {"change_seen3k_test_judge": "much", "evaluation": {"judge": {"attributes": {"Bald": 1}}}},
        {"evaluation": {"judge": {"attributes": []}}},
        {"evaluation": []},
    ],
)
def test_an_editors_limits_without_measurements_are_the_ellipse_alone(editor, metrics):
    found = limits(with_metrics(editor, metrics))
    assert "stay inside an ellipse" in found and "in less than" not in found and "is seen in" not in found


def test_columns_have_a_legend_and_only_those_that_are_there(editor, folder):
    text = with_metrics(editor, EDITOR)
    assert "| metric | value | real pictures | details |" in text and "real against real" not in text
    assert "*real pictures*: the same for real, unedited pictures; for classifiers" in text
    for key in ("change seen", "brought", "identity kept", "drawn"):
        assert text.count(f"- *{key}*: ") == 1, key
    assert "*by target*" not in text and "*toggled*" not in text
    toggled = {"toggled": 0.9, "toggled_others_kept": 0.95}
    text = with_metrics(
        folder,
        {
            "toggle_others_kept1k_judge": {"value": 0.95, "real": None, "own": 0.93},
            "evaluation": {"judge": {"attributes": {"Smiling": toggled}}},
        },
    )
    assert "| `toggle_others_kept1k_judge` ↑ | 0.95 | own 0.93 |" in text.replace(" |  | ", " | ")
    assert "| attribute | toggled | toggled others kept |" in text and "| Smiling | 0.9 | 0.95 |" in text
    assert (
        "- *toggled others kept*: " in text
        and "- *own*: " in text
        and "*real pictures*" not in text
        and "ellipse" not in text
    )


def test_other_models_have_no_editors_paragraphs(folder):
    text = with_metrics(folder, {name: value for name, value in EDITOR.items() if name != "evaluation"})
    assert "even file number" not in text and "ellipse" not in text and "calibration" not in text


def test_telling_again_changes_nothing_and_a_legend_that_is_there_keeps_its_words(editor):
    config = json.loads((editor / "config.json").read_text())
    told = story.with_story(config, EDITOR)
    assert story.with_story(config, told) == told and {key: told[key] for key in EDITOR} == EDITOR
    told["legend"]["fid"] = {"better": "lower", "about": "somebody's own words"}
    assert story.with_story(config, told)["legend"]["fid"]["about"] == "somebody's own words"


@pytest.mark.parametrize("name", layout.bundled())
def test_the_bundled_models_have_the_card_that_their_files_make(name):
    """So that a new word of the card, or of the story, comes into them."""
    folder = find(name).folder
    metrics = model_folder.read_metrics(folder / "metrics.json")
    config = json.loads((folder / "config.json").read_text())
    assert metrics["legend"] and story.with_story(config, metrics) == metrics
    told = re.sub(
        r"pip install git.*",
        "pip install .        # in a checkout of GAN Studio",
        str(model_card(config, metrics, samples=True)),
    )
    there = (folder / "README.md").read_text()
    assert re.sub("<!--.*-->", "", told).split("\n\nThe code, and how")[0] in re.sub("<!--.*-->", "", there)


def test_a_run_that_starts_from_the_hub_tells_owner_commit_and_licence(hub, alone, tmp_path):
    assert train("mnist-dcgan", "--images", 8, "--output", tmp_path / "first") == 0
    publish(tmp_path / "first", "user/toy")
    repository = hub.repositories["model", "user/toy"]
    files = repository.commits[-1].files
    licensed = files["README.md"].replace(b"license: mit", b"license: cc-by-nc-4.0")
    commit = repository.commit("edit", files | {"README.md": licensed, "LICENSE": b"not for sale"})
    options = ["--images", 8, "--init-from", "user/toy", "--output", tmp_path / "second"]
    assert train("mnist-dcgan", *options) == 0
    training = json.loads((tmp_path / "second/model/metrics.json").read_text())["training"]
    assert training["init_from"] == training["origin"]["reference"] == f"user/toy@{commit.oid}"
    assert training["origin"]["recipe"] == "mnist-dcgan" and training["origin"]["images_seen"] == 8
    card = ModelCard.load(tmp_path / "second/model/README.md")
    assert card.data.license == "cc-by-nc-4.0" and card.data.base_model == "user/toy"
    assert f"[user/toy](https://huggingface.co/user/toy/tree/{commit.oid}); their licence (cc-by-nc-4.0)" in card.text
    assert len([line for line in card.text.splitlines() if line.startswith("| `mnist-dcgan` |")]) == 2

    hub.stop()  # a run that goes on does not need it
    options[1] = 16
    assert train("mnist-dcgan", *options, "--resume") == 0
    told = json.loads((tmp_path / "second/model/metrics.json").read_text())["training"]
    assert told["origin"] == training["origin"] and told["init_from"] == training["init_from"]


def test_title_and_licence_of_own_pictures_come_to_the_card_and_may_change_later(alone, tmp_path):
    (tmp_path / "shells").mkdir()
    for k in range(8):
        Image.effect_noise((70, 80), 40 + k).save(tmp_path / "shells" / f"{k}.png")
    options = ["--data", tmp_path / "shells", "--images", 8, "--output", tmp_path / "run"]
    assert train("celeba-dcgan", *options, "--title", "Shells of my beach", "--licence", "cc-by-4.0") == 0
    data = json.loads((tmp_path / "run/options.json").read_text())["data"]
    assert (data["title"], data["licence"]) == ("Shells of my beach", "cc-by-4.0")
    card = ModelCard.load(tmp_path / "run/model/README.md")
    assert (
        card.data.license == "cc-by-4.0" and "# Shells of my beach\n" in card.text and "face" not in card.text.lower()
    )
    options[3] = 16
    assert train("celeba-dcgan", *options, "--title", "Snails", "--resume") == 0
    assert "# Snails\n" in (tmp_path / "run/model/README.md").read_text()
