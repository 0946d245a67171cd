"""The model card: front matter that the Hub understands, and a page that tells the truth of what is known, and no
more."""

import json
import re

import pytest
import torch
import yaml
from huggingface_hub import ModelCard

from gan_models import model_folder, project
from gan_models.card import write_card
from gan_models.cards.families import PLACEHOLDER
from gan_models.cards.page import ABOUT, model_card
from gan_models.errors import InvalidConfig
from gan_models.networks import FAMILIES
from gan_models.networks.classifying import ClassifyingGenerator
from gan_models.networks.dcgan import DCGANGenerator
from gan_models.networks.editor import Editor
from gan_models.networks.encoding import EncodingGenerator
from gan_models.networks.infogan import InfoGANGenerator
from gan_models.networks.invertible import InvertibleGenerator
from gan_models.networks.laplacian import LaplacianGenerator
from gan_models.networks.mlp import MLPGenerator
from gan_models.networks.resnet import ResNetGenerator
from gan_models.networks.restore import Restorer
from gan_models.networks.retouch import RetouchEditor
from gan_models.networks.translate import Translator
from gan_models.notices import DATASETS, combined, licence_fields

ABOUT_CELEBA = {
    "recipe": "celeba-cgan",
    "summary": "Faces by attributes",
    "dataset": "celeba",
    "images_seen": 1_000_000,
    "hours": 3.5,
    "command": "python -m training celeba-cgan --data-root '/home/me/my data' --seed 3 --output=/tmp/x",
    "commit": "abc1234",
}
LICENCES = {"mit", "other", "apache-2.0", "unknown"}


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
        "| 1,000,000 | 3.5 |",
        "`abc1234`",
        f'gan_models.load("{PLACEHOLDER}")',
        "pip install git+https://example.org/gan.git",
        "## Limits",
        "## Intended use",
        "`older`; their licence, which is not known here, holds too",
    ):
        assert words in card.text, words


def test_the_command_is_without_the_folders_of_one_machine(folder):
    text = card_of(folder, ABOUT_CELEBA).text
    assert "```sh\npython -m training celeba-cgan --seed 3\n```" in text and "/home" not in text


def test_without_samples_none_are_shown(folder):
    assert "samples.png" not in str(card_of(folder, ABOUT_CELEBA))


def test_metrics_are_a_table_by_protocol_next_to_the_floor(folder):
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
    assert "Measured with the network `judge` (samples 10,000, seed 0)" in text and "versions" not in text
    assert (
        "| attribute | agreement | real agreement |" in text
        and "| Smiling | 0.91 | 0.9 |" in text
        and "| Male |  |  |" in text
    )
    assert "`evaluation`" not in text


def with_metrics(folder, metrics) -> str:
    (folder / "metrics.json").write_text(json.dumps(metrics))
    return card_of(folder).text


LEGEND = {
    "fid": {"better": "lower", "about": "a distance (somebody 2017)"},
    "toggled": {"better": "", "about": "switched | off"},
    "own": {"better": "higher", "about": "of its own"},
    "unused": {"better": "lower", "about": "of nothing here"},
}


def test_the_legend_says_what_metrics_and_columns_mean_and_which_way_is_better(folder):
    text = with_metrics(
        folder,
        {
            "fid10k_test_reader": {"value": 12.3, "real": 1.5, "own": 3},
            "fid10k_train_reader": 3.0,
            "evaluation": {"judge": {"attributes": {"Smiling": {"toggled": 0.9}}}},
            "legend": LEGEND,
        },
    )
    assert "| `fid10k_test_reader` ↓ | 12.3 | 1.5 | own 3 |" in text and "↓: lower is better" in text
    assert text.count("- *fid*: a distance (somebody 2017)") == 1 and "- *own*: of its own" in text
    assert "- *toggled*: switched \\| off" in text and "of nothing here" not in text
    assert "*real pictures*: the same for real" in text and "`legend`" not in text


def test_notes_stand_where_they_belong(folder):
    text = with_metrics(folder, {"notes": {"metrics": ["How it was judged."], "limits": ["What it\n# cannot do."]}})
    metrics, limits = text.split("## Metrics")[1].split("## Limits")
    assert "How it was judged." in metrics and "What it # cannot do." in limits
    assert "What it" not in metrics


@pytest.mark.parametrize("value", [None, 3, [], "x", {"metrics": 3}, {"metrics": [3, None]}, {"fid": 3, "limits": {}}])
@pytest.mark.parametrize("key", ["legend", "notes", "copy_of", "offered"])
def test_invalid_notes_and_legends_leave_the_card_whole(folder, key, value):
    text = with_metrics(folder, {key: value, "fid10k_test_reader": 1.0})
    assert "## Limits" in text and "| `fid10k_test_reader` | 1 |" in text


ENCODER = {
    "recipe": "celeba-inversion",
    "summary": "an encoder for it",
    "dataset": "celeba",
    "images_seen": 64_000,
    "hours": 0.16,
    "init_from": "celeba-cgan",
    "command": "python -m training celeba-inversion --init-from celeba-cgan",
    "origin": {
        "recipe": "celeba-cgan",
        "hours": 4.4,
        "images_seen": 892_672,
        "dataset": "celeba",
        "command": "train it",
    },
}


def test_each_training_that_a_model_stands_on_has_its_own_hours(folder):
    text = card_of(folder, ENCODER).text
    rows = [line for line in text.splitlines() if line.startswith("| `celeba-")]
    assert len(rows) == 2 and "| 892,672 | 4.4 |" in rows[0] and "an encoder for it | 64,000 | 0.16 |" in rows[1]
    assert "train it\npython -m training celeba-inversion --init-from celeba-cgan\n```" in text


def test_the_licence_of_the_weights_that_it_started_from_holds_on(folder):
    origin = {"recipe": "theirs", "licence_fields": {"license": "cc-by-nc-4.0"}}
    about = {"dataset": "mnist", "init_from": "user/repo@" + "0a" * 20, "origin": origin}
    card = card_of(folder, about)
    assert card.data.license == "cc-by-nc-4.0" and card.data.base_model == "user/repo"
    assert f"[user/repo](https://huggingface.co/user/repo/tree/{'0a' * 20})" in card.text
    assert "their licence (cc-by-nc-4.0) holds too" in card.text
    assert card_of(folder, {"dataset": "mnist", "origin": {"dataset": "celeba"}}).data.license == "other"
    # From weights of which no licence is known no free one is made.
    card = card_of(folder, {"dataset": "mnist", "init_from": "user/repo", "origin": {"recipe": "theirs"}})
    assert card.data.license is None and "licence, which is not known here, holds too" in card.text
    card = card_of(folder, {"dataset": "celeba", "init_from": "user/repo", "origin": {"recipe": "theirs"}})
    assert card.data.license_name == "celeba-non-commercial-research"


def test_licences_that_restrict_hold_on_and_two_of_them_are_both_told():
    mit, research, sharing = {"license": "mit"}, DATASETS["celeba"].licence, {"license": "cc-by-sa-4.0"}
    assert combined(mit, {}) == mit and combined({}, mit) == {} and combined(mit, research) == research
    assert combined(research, mit) == research and combined({}, sharing) == sharing
    assert combined(sharing, research)["license_name"] == "several-see-the-card"


OWN = {"recipe": "celeba-cgan", "summary": "faces, conditional on attributes", "dataset": "shells"}


def test_of_own_pictures_the_card_says_what_is_so(folder):
    text = card_of(folder, OWN).text
    assert "aces, conditional" not in text and "such as those of `shells`" in text
    card = card_of(folder, OWN | {"data": {"title": "Shells of my beach", "licence": "CC-BY-4.0"}})
    assert "# Shells of my beach\n" in card.text and "aces, conditional" not in card.text
    assert card.data.license == "cc-by-4.0" and "the licence of the pictures is CC-BY-4.0" in card.text
    card = card_of(folder, OWN | {"data": {"title": "Crops of CelebA", "licence": "mit"}})
    assert card.data.license == "other" and "non-commercial research" in card.text


def test_the_card_of_photographs_without_a_licence_claims_none_and_says_how_they_differ(folder):
    card = card_of(folder, {"dataset": "cifar10", "data": {"altered": "The pictures are JPEG copies."}})
    assert card.data.license == "unknown" and card.data.datasets == ["uoft-cs/cifar10"]
    assert "ten classes. The pictures are JPEG copies. Nobody states a licence" in card.text


HUB = OWN | {"dataset": "user/pets", "data": {"hub": "user/pets@" + "0a" * 20}}


def test_of_a_data_set_of_the_hub_the_card_names_its_page_commit_and_licence(folder):
    card = card_of(folder, HUB)
    link = f"[user/pets](https://huggingface.co/datasets/user/pets/tree/{'0a' * 20})"
    assert card.data.datasets == ["user/pets"] and f"Trained on {link} of the Hub." in card.text
    assert (
        "trainer's own" not in card.text and card.data.license is None and "depends on the training data" in card.text
    )
    assert "# celeba-cgan on user/pets\n" in card.text and "celeba-cgan" not in card.data.tags
    card = card_of(folder, HUB | {"data": HUB["data"] | {"page_licence": "cc-by-sa-4.0"}})
    assert card.data.license == "cc-by-sa-4.0" and "page of the data set, its licence is cc-by-sa-4.0" in card.text
    card = card_of(folder, HUB | {"data": HUB["data"] | {"page_licence": "mit", "licence": "cc0-1.0", "title": "Pets"}})
    assert card.data.license == "cc0-1.0" and "According to the trainer" in card.text and "*Pets*, [user" in card.text
    card = card_of(folder, HUB | {"dataset": "ylecun/mnist", "data": {"hub": "ylecun/mnist"}})
    assert card.data.license == "mit" and card.data.datasets == ["ylecun/mnist"] and "LeCun" in card.text
    assert card_of(folder, HUB | {"data": {"hub": "x\n[a](b)"}}).data.datasets is None


def test_features_of_a_network_that_learned_elsewhere_are_told(folder):
    text = card_of(folder, ABOUT_CELEBA | {"features": "Lite (Apache-2.0), which learned from ImageNet"}).text
    assert "compared features of Lite (Apache-2.0), which learned from ImageNet; none of its weights" in text


def chain(*stages: dict) -> dict:
    """The record of the last of several trainings, each of which started from the one before."""
    whole = {}
    for stage in stages:
        whole = stage | ({"origin": whole} if whole else {})
    return whole


def test_the_commands_of_several_trainings_find_each_other_when_pasted(folder):
    def stage(recipe, start=None, more=""):
        told = f" --init-from {start}" if start else ""
        return {"recipe": recipe, "init_from": start, "command": f"python -m training {recipe}{told}{more}"}

    def commands(*stages) -> list[str]:
        return card_of(folder, chain(*stages)).text.split("```sh\n")[2].split("\n```")[0].splitlines()

    calibrated = "\npython -m training.calibrate e --data celeba"
    assert commands(stage("a"), stage("a", "a"), stage("a", "b", " --seed 1")) == [
        "python -m training a",
        "python -m training a --init-from runs/a --output runs/b",
        "python -m training a --init-from runs/b --seed 1 --output runs/a-3",
    ]
    assert commands(stage("a"), stage("e", "mine", calibrated)) == [
        "python -m training a --output runs/mine",
        "python -m training e --init-from runs/mine/model",
        "python -m training.calibrate runs/e/model --data celeba",
    ]
    # A bundled model and one of the Hub are named as they are.
    for start in ("mnist-cgan", "user/repo@" + "0a" * 20):
        assert commands(stage("mnist-cgan"), stage("e", start))[1].endswith(f"--init-from {start}")


@pytest.mark.parametrize(
    "words, fields",
    [
        ("MIT", {"license": "mit"}),
        (
            "https://example.org/terms",
            {"license": "other", "license_name": "own", "license_link": "https://example.org/terms"},
        ),
        ("only at home", {"license": "other", "license_name": "only-at-home"}),
        ("©", {"license": "other", "license_name": "own"}),
    ],
)
def test_a_licence_in_somebodys_words(words, fields):
    assert licence_fields(words) == fields


def test_a_card_that_is_written_again_keeps_what_a_person_wrote(folder):
    write_card(folder, {"summary": "First"})
    text = (folder / "README.md").read_text()
    (folder / "README.md").write_text(text + "\n## My notes\n")
    write_card(folder, {"summary": "Second"})
    text = (folder / "README.md").read_text()
    assert "Second." in text and "First." not in text and text.endswith("## My notes\n")


def test_a_card_from_before_marks_is_replaced_and_a_copy_kept(folder):
    text = card_of(folder, {"summary": "First"}).text
    old = "---\nlibrary_name: gan-studio\n---\n" + "\n".join(
        line for line in text.splitlines() if not line.startswith("<!--")
    )
    (folder / "README.md").write_text(old)
    write_card(folder, {"summary": "Second"})
    assert "Second." in (folder / "README.md").read_text() and "First." not in (folder / "README.md").read_text()
    assert (folder / "README.before.md").read_text() == old


def test_the_code_is_where_the_package_says(folder, monkeypatch):
    monkeypatch.setattr("gan_models.project.repository", lambda: "https://example.org/me/gan")
    text = card_of(folder).text
    assert "pip install git+https://example.org/me/gan\n" in text and "such a model: https://example.org/me/gan" in text


@pytest.mark.parametrize(
    "remote, page",
    [
        ("https://user:secret@github.com/me/gan.git", "https://github.com/me/gan"),
        ("git@github.com:me/gan.git", "https://github.com/me/gan"),
        ("ssh://git@host.org/a/b", "https://host.org/a/b"),
        ("/work/main", None),
        ("file:///x", None),
    ],
)
def test_the_page_of_a_remote_has_no_secret(remote, page):
    assert project.web_address(remote) == page


MODELS = [
    DCGANGenerator(16, 1, 4, 4, labels=["a", "b"]),
    DCGANGenerator(16, 3, 4, 4, labels=["Smiling"], multi_label=True),
    MLPGenerator(image_size=8, latent_dim=3, width=4),
    InfoGANGenerator(width=4),
    EncodingGenerator(16, 1, 4, 4),
    InvertibleGenerator(16, 3, 4, width=4),
    LaplacianGenerator(16, 3, 4, 4, labels=["Smiling"], multi_label=True, details_width=4),
    ClassifyingGenerator(16, 1, 4, 4, classes=["a", "b"], reader_width=8),
    ResNetGenerator(16, 1, 4, 8),
    Editor(16, width=4, latent_dim=8, hidden=8),
    RetouchEditor(64, width=8, finest=8, attributes=["Bald"]),
    Restorer(image_size=32, width=8, embedding=8),
    Restorer(image_size=32, width=8, embedding=8, damages=[]),
    Translator(image_size=32, width=8, embedding=8, labels=["a", "b"]),
]


def test_every_family_has_its_card_tried():
    assert {model.family for model in MODELS} == set(FAMILIES)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: f"{model.family}-{model.multi_label}")
def test_the_code_of_a_card_runs_as_pasted(model, tmp_path):
    """All but the block for a photo, which needs a photo of a face: tests/gan_models/test_portrait.py opens those."""
    model.save_pretrained(tmp_path)
    text = (tmp_path / "README.md").read_text().replace(PLACEHOLDER, str(tmp_path))
    blocks = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "photo.jpg" not in block]
    assert len(blocks) == 1
    scope = {}
    exec(compile(blocks[0], "README.md", "exec"), scope)
    made = [scope[name] for name in ("images", "changed", "again", "repaired", "translated") if name in scope]
    assert made and all(pictures.shape[1:] == model.image_shape for pictures in made)
    if "classes" in scope:
        assert torch.allclose(scope["classes"].sum(1), torch.ones(16)) and "the probabilities of a, b" in text


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
    write_card(folder, {key: "1" for key in ABOUT} | {"images_seen": 1, "data": {}, "origin": {}})
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
    assert "to change attributes (Smiling, Bald)" in card and "open_portrait(gan_models.load(" in card
    assert "generate(" not in card and "--count" not in card and "standard-normal" not in card and "None" not in card


def test_the_marks_that_somebody_gave_by_eye_are_a_table():
    config = {"family": "retouch", "image_size": 64, "attributes": ["Young"]}
    offered = {"Young": {"more": "nothing", "less": "fair"}, "Other": 7}
    card = str(model_card(config, {"offered": offered}))
    assert "## By eye" in card and "| Young | nothing | fair |" in card and "Other" not in card
    assert "`offered`" not in card and "## By eye" not in str(model_card(config, {}))
