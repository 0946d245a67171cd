"""The model card: front matter that the Hub understands, and a page that tells the truth of what is known, and no
more."""

import json

import pytest
import yaml
from huggingface_hub import ModelCard

from gan_models import model_folder
from gan_models.card import ABOUT, DATASETS, PLACEHOLDER, write_card
from gan_models.errors import InvalidConfig
from gan_models.networks.dcgan import DCGANGenerator
from gan_models.networks.editor import Editor
from gan_models.networks.mlp import MLPGenerator
from gan_models.networks.retouch import RetouchEditor

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
    model_folder.save(
        DCGANGenerator(image_size=16, latent_dim=4, width=4, labels=["Smiling", "Male"], multi_label=True), tmp_path
    )
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
    assert "| metric | value | real pictures | details |" in text
    assert "| `fid10k_test_reader` | 12.35 | 1.5 | seed 0, network mnist\\|reader |" in text
    assert (
        "| `label_agreement10k_reader` | 0.991 |" in text
        and "| `images` | 10,000 |" in text
        and "two lines &lt;b>" in text
    )


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
        "| attribute | agreement | real agreement |" in text
        and "| Smiling | 0.91 | 0.9 |" in text
        and "| Male |  |  |" in text
    )
    assert "`evaluation`" not in text


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


def with_metrics(folder, metrics) -> str:
    (folder / "metrics.json").write_text(json.dumps(metrics))
    return card_of(folder).text


def limits(text: str) -> str:
    return text.split("## Limits")[1].split("## Intended use")[0]


def test_an_editors_card_says_what_its_judge_had_to_do_with_it(editor):
    text = with_metrics(editor, EDITOR)
    for words in (
        "judge learned from the training pictures with an even file number",
        "from those with an odd one",
        "labels of both halves, and so did the generator that the training started from",
        "The judge is not independent of how far edits go",
        "on validation pictures the change seen went from 0.733 to 0.751, others kept from 0.931 to 0.937, ",
        "FID from 10.78 to 7.15. Test pictures",
        "Test pictures were not used for it.",
    ):
        assert words in text, words


@pytest.mark.parametrize(
    "calibration", [None, "1", {}, {"split": "valid", "before": {"seen": 1}}, {"split": [], "before": 1}]
)
def test_no_calibration_is_told_where_none_is_recorded(editor, calibration):
    text = with_metrics(editor, {"training": {"dataset": "celeba", "calibration": calibration}})
    assert (
        "even file number" in text
        and "both halves." in text
        and "calibration" not in text
        and "Test pictures" not in text
    )


def test_of_a_calibration_on_test_pictures_no_innocence_is_claimed(editor):
    calibration = EDITOR["training"]["calibration"] | {"split": "test"}
    text = with_metrics(editor, {"training": {"dataset": "celeba", "calibration": calibration}})
    assert "on test pictures the change" in text and "not used" not in text


def test_an_editors_limits_are_those_that_were_measured(editor):
    found = limits(with_metrics(editor, EDITOR))
    assert "In less than 30 % of the edits the judge sees the change of: Bald (2 %)." in found
    assert "In less than 50 % a face recognition network sees the same person as before, of: Male (8 %)." in found
    assert "73 % of the edits by known labels, 68 % where the editor itself" in found
    assert "67 % where the change has faded" in found
    assert "do not leave an ellipse around the head" in found and "Young" not in found


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
    assert "do not leave an ellipse" in found and "In less than" not in found and "is seen in" not in found


def test_columns_have_a_legend_and_only_those_that_are_there(editor, folder):
    text = with_metrics(editor, EDITOR)
    assert "| metric | value | real pictures | details |" in text and "real against real" not in text
    assert "*real pictures*: the same of real pictures, unedited; where a network sees labels, the share that" in text
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
    assert "| `toggle_others_kept1k_judge` | 0.95 | own 0.93 |" in text.replace(" |  | ", " | ")
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


def test_what_the_training_recorded_is_used_and_not_shown_as_a_metric(folder):
    (folder / "metrics.json").write_text(json.dumps({"training": ABOUT_CELEBA | {"unheard": 1}}))
    card = card_of(folder)
    assert (
        card.data.license == "other"
        and "1,000,000" in card.text
        and "## Metrics" not in card.text
        and "unheard" not in card.text
    )
    assert "# Another" in card_of(folder, {"name": "Another"}).text


def test_a_card_from_nothing_but_the_weights(tmp_path):
    model_folder.save(MLPGenerator(image_size=8, latent_dim=3, width=4), tmp_path)
    card = card_of(tmp_path)
    assert (
        "# mlp" in card.text
        and "8 x 8 grey" in card.text
        and "## Training" not in card.text
        and card.data.license is None
    )


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


def test_the_card_of_a_retouching_editor_shows_how_to_edit_and_promises_no_samples(tmp_path):
    RetouchEditor(64, width=8, finest=8, attributes=["Smiling", "Bald"]).save_pretrained(tmp_path)
    card = (tmp_path / "README.md").read_text()
    assert "pipeline_tag: image-to-image" in card and "image-editing" in card
    assert "wished attributes (Smiling, Bald)" in card and "open_portrait(model" in card
    assert "generate(" not in card and "--count" not in card and "standard-normal" not in card and "None" not in card
