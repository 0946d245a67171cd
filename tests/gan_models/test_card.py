"""The model card: front matter that the Hub understands, and a page that tells the truth of what is known, and no more."""

import json

import pytest
import yaml
from huggingface_hub import ModelCard

from gan_models import InvalidConfig, hub
from gan_models.card import ABOUT, DATASETS, PLACEHOLDER, write_card
from gan_models.dcgan import DCGANGenerator
from gan_models.mlp import MLPGenerator

ABOUT_CELEBA = {
    "recipe": "celeba-cgan",
    "summary": "Faces by attributes",
    "dataset": "celeba",
    "images_seen": 1_000_000,
    "hours": 3.5,
    "command": "python -m training celeba-cgan --data-root '/home/me/my data' --seed 3 --output=/tmp/x",
    "commit": "abc1234",
}
LICENCES = {"mit", "other", "apache-2.0"}


@pytest.fixture
def folder(tmp_path):
    hub.save(DCGANGenerator(image_size=16, latent_dim=4, width=4, labels=["Smiling", "Male"], multi_label=True), tmp_path)
    return tmp_path


def card_of(folder, about=None) -> ModelCard:
    write_card(folder, about)
    return ModelCard.load(folder / "README.md")


def test_front_matter_of_weights_from_celeba(folder):
    data = card_of(folder, ABOUT_CELEBA).data.to_dict()
    assert (
        data["license"] == "other"
        and data["license_name"] == "celeba-non-commercial-research"
        and data["license_link"].startswith("http")
    )
    assert data["pipeline_tag"] == "unconditional-image-generation" and data["library_name"] == "gan-studio"
    assert {"gan", "dcgan", "celeba-cgan", "attribute-conditional"} <= set(data["tags"])
    assert data["datasets"] == ["flwrlabs/celeba"] and "model-index" not in data


@pytest.mark.parametrize("name", ["mnist", "MNIST", "FashionMNIST"])
def test_front_matter_of_weights_from_free_data(folder, name):
    data = card_of(folder, {"dataset": name}).data.to_dict()
    assert data["license"] == "mit" and "license_name" not in data and len(data["datasets"]) == 1


@pytest.mark.parametrize("name", [None, "/home/me/cats"])
def test_no_licence_is_claimed_for_data_that_is_not_known(folder, name):
    card = card_of(folder, {"dataset": name})
    assert card.data.license is None and card.data.datasets is None
    assert "/home" not in str(card) and ("cats" in card.text) == (name is not None)


@pytest.mark.parametrize("name", ["CelebA", "celeba", "/data/celeba_crops", "CelebA-HQ"])
def test_whatever_calls_itself_celeba_is_for_research_only(folder, name):
    card = card_of(folder, {"dataset": name})
    assert card.data.license == "other" and "non-commercial research" in card.text


def test_the_page_tells_what_a_person_asks(folder):
    (folder / "samples.png").write_bytes(b"")
    card = card_of(folder, ABOUT_CELEBA | {"repository": "https://example.org/gan.git", "init_from": "/x/older"})
    for words in (
        "# celeba-cgan",
        "Faces by attributes.",
        "Smiling, Male",
        "16 x 16 colour",
        "![Samples](samples.png)",
        "1,000,000",
        "3.5",
        "`abc1234`",
        f'gan_models.load("{PLACEHOLDER}")',
        "pip install git+https://example.org/gan.git",
        "## Limits",
        "## Intended use",
        "`older`, whose licence holds too",
    ):
        assert words in card.text, words


def test_the_command_is_without_the_folders_of_one_machine(folder):
    text = card_of(folder, ABOUT_CELEBA).text
    assert "```sh\npython -m training celeba-cgan --seed 3\n```" in text and "/home" not in text


def test_without_samples_none_are_shown(folder):
    assert "samples.png" not in str(card_of(folder, ABOUT_CELEBA))


def test_metrics_are_a_table_by_protocol_with_the_floor_beside(folder):
    metrics = {
        "fid10k_test_reader": {"value": 12.3456, "real": 1.5, "seed": 0, "network": "mnist|reader"},
        "label_agreement10k_reader": 0.991,
        "images": 10000,
        "note": "two\nlines <b>",
    }
    (folder / "metrics.json").write_text(json.dumps(metrics))
    text = card_of(folder).text
    assert "| metric | value | real against real | details |" in text
    assert "| `fid10k_test_reader` | 12.35 | 1.5 | seed 0, network mnist\\|reader |" in text
    assert "| `label_agreement10k_reader` | 0.991 |" in text and "| `images` | 10,000 |" in text and "two lines &lt;b>" in text


def test_the_record_of_an_evaluation_is_readable(folder):
    record = {
        "samples": 10000,
        "seed": 0,
        "versions": {"torch": "2"},
        "attributes": {"Smiling": {"agreement": 0.91, "real_agreement": 0.9}, "Male": {"agreement": None}},
    }
    metrics = {"toggle_agreement1k_judge": {"value": 0.9, "real": None}, "evaluation": {"judge": record}}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    text = card_of(folder).text
    assert "The network `judge` judged (samples 10,000, seed 0)" in text and "versions" not in text
    assert (
        "| attribute | agreement | real agreement |" in text and "| Smiling | 0.91 | 0.9 |" in text and "| Male |  |  |" in text
    )
    assert "`evaluation`" not in text


def test_what_the_training_recorded_is_used_and_not_shown_as_a_metric(folder):
    (folder / "metrics.json").write_text(json.dumps({"training": ABOUT_CELEBA | {"unheard": 1}}))
    card = card_of(folder)
    assert (
        card.data.license == "other" and "1,000,000" in card.text and "## Metrics" not in card.text and "unheard" not in card.text
    )
    assert "# Another" in card_of(folder, {"name": "Another"}).text


def test_a_card_from_nothing_but_the_weights(tmp_path):
    hub.save(MLPGenerator(image_size=8, latent_dim=3, width=4), tmp_path)
    card = card_of(tmp_path)
    assert "# mlp" in card.text and "8 x 8 grey" in card.text and "## Training" not in card.text and card.data.license is None


def test_every_key_of_about_is_taken_and_no_other(folder):
    write_card(folder, {key: "1" for key in ABOUT} | {"images_seen": 1})
    with pytest.raises(TypeError):
        write_card(folder, {"licens": "mit"})


@pytest.mark.parametrize("content", [b"[]", b"{", b"\xff"])
def test_metrics_that_cannot_be_read_are_refused(folder, content):
    (folder / "metrics.json").write_bytes(content)
    with pytest.raises(InvalidConfig, match="metrics.json"):
        write_card(folder)


def test_hostile_words_break_neither_front_matter_nor_page(folder):
    card = card_of(folder, {"recipe": "a: [b\n---\n", "summary": "x", "dataset": "---\nlicense: mit"})
    front_matter = str(card).split("---\n")[1]
    assert yaml.safe_load(front_matter).get("license") is None and card.data.tags


def test_every_data_set_has_a_licence_the_hub_knows():
    for dataset in DATASETS.values():
        assert dataset.licence["license"] in LICENCES
        assert (dataset.licence["license"] == "other") == ("license_name" in dataset.licence)
        assert dataset.hub_id.count("/") == 1 and dataset.note.endswith(".") and dataset.limits.endswith(".")
