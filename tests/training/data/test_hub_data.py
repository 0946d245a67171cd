"""Data sets of the Hub: files that `datasets` itself has written, in its cache, read without a network."""

import shutil

import numpy as np
import pytest
from PIL import Image

from gan_models.errors import MissingPackage
from training.data import hub as read_hub
from training.data import open_dataset
from training.data.decoding import DataError

datasets = pytest.importorskip("datasets")
COLOURS = {"cat": (255, 0, 0), "dog": (0, 255, 0)}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache as it is after `load_dataset("user/pets", revision=...)`: splits, two columns of classes, one of words."""
    root = tmp_path_factory.mktemp("hub")
    features = datasets.Features(
        {
            "photo": datasets.Image(),
            "label": datasets.ClassLabel(names=list(COLOURS)),
            "size": datasets.ClassLabel(names=["small", "large"]),
            "word": datasets.Value("string"),
            "number": datasets.Value("int64"),
        }
    )

    def rows(count: int) -> dict:
        pictures = [Image.new("RGB", (12, 10), COLOURS[("cat", "dog")[k % 2]]) for k in range(count)]
        labels = [k % 2 if k != 3 else -1 for k in range(count)]  # one has no label
        words = [("up", "down")[k % 2] for k in range(count)]
        return {"photo": pictures, "label": labels, "size": [0] * count, "word": words, "number": list(range(count))}

    for split, count in (("train", 8), ("validation", 4)):
        table = datasets.Dataset.from_dict(rows(count), features=features)
        table.to_parquet(str(root / f"{split}.parquet"))
    for name, columns in (("pets", None), ("plain", ["photo"]), ("words", ["word"])):
        for split in ("train", "validation"):
            table = datasets.Dataset.from_parquet(str(root / f"{split}.parquet"), cache_dir=str(root / "other"))
            table.select_columns(columns or table.column_names).to_parquet(str(root / f"{name}-{split}.parquet"))
        from datasets.packaged_modules.parquet.parquet import Parquet

        files = {split: [str(root / f"{name}-{split}.parquet")] for split in ("train", "validation")}
        builder = Parquet(cache_dir=str(root / "made"), dataset_name=name, hash="abc", data_files=files)
        builder.download_and_prepare()
        # Where load_dataset keeps what it has fetched of the repository user/NAME.
        shutil.copytree(builder.cache_dir, root / "cache" / f"user___{name}" / "default" / "0.0.0" / "abc")
    return root / "cache"


@pytest.fixture(autouse=True)
def offline(cache, tmp_path, monkeypatch):
    monkeypatch.setenv("GAN_STUDIO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(cache))
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)


def refused(source: str, **options) -> str:
    with pytest.raises(DataError) as error:
        open_dataset(source, None, 8, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_split_pictures_and_classes_are_found():
    data = open_dataset("hub:user/pets", None, 8)
    assert data.name == "user/pets" and data.label_names == ("cat", "dog") and not data.multi_label
    assert data.labels.tolist() == [0, 1, 0, 0, 1, 0, 1] and data.images.shape == (7, 3, 8, 8)
    for image, label in zip(data.images, data.labels):
        assert np.array_equal(image[:, 4, 4], COLOURS[data.label_names[label]])
    assert "user/pets (train): 7 pictures." in data.notes and "Left out for having no label: 1." in data.notes
    assert open_dataset("hub:user/pets", None, 8).checksum == data.checksum
    assert len(open_dataset("hub:user/pets", None, (6, 8), split="valid")) == 3
    assert open_dataset("hub:user/pets", None, 8, channels=1).images.shape == (7, 1, 8, 8)


def test_what_was_asked_for_is_taken():
    data = open_dataset("hub:user/pets,split=validation,image=photo,label=word", None, 8)
    assert data.label_names == ("down", "up") and data.labels.tolist() == [1, 0, 1, 0]
    assert open_dataset("hub:user/plain", None, 8).labels is None


def test_a_data_set_comes_from_a_server_and_its_page_says_commit_and_licence(cache, hub, tmp_path, monkeypatch):
    for name, value in {
        "HF_ENDPOINT": hub.url,
        "HUB_DATASETS_URL": hub.url + "/datasets/{repo_id}/resolve/{revision}/{path}",
        "HF_DATASETS_CACHE": str(tmp_path / "fetched"),
        "HF_HUB_OFFLINE": False,
    }.items():
        monkeypatch.setattr(datasets.config, name, value)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    page = b"---\nlicense: cc-by-4.0\n---\n# Pets\n"
    rows = {
        f"data/{split}.parquet": (cache.parent / f"{split}.parquet").read_bytes() for split in ("train", "validation")
    }
    first = hub.add("user/fresh", {"README.md": page} | rows, kind="dataset")
    hub.add("user/fresh", {"README.md": b"# Pets\n"} | rows, kind="dataset")
    data = open_dataset(f"hub:user/fresh@{first.oid}", None, 8)
    assert data.label_names == ("cat", "dog") and data.labels.tolist() == [0, 1, 0, 0, 1, 0, 1]
    assert len(open_dataset("hub:user/fresh,split=validation", None, 8)) == 3
    asked = read_hub.facts(f"hub:user/fresh@{first.oid},label=size")
    assert asked == {"hub": f"user/fresh@{first.oid}", "page_licence": "cc-by-4.0"}
    assert "page_licence" not in read_hub.facts("hub:user/fresh")
    hub.stop()
    assert read_hub.facts("hub:user/fresh@v1") == {"hub": "user/fresh@v1"}


@pytest.mark.parametrize(
    "source, words",
    [
        ("hub:user", "is named hub:USER/DATASET"),
        ("hub:user/pets,colour=red", "there is no colour"),
        ("hub:user/pets,split=", "is named"),
        ("hub:../etc,split=a", "is named|cannot be read"),
        ("hub:user/pets,split=nowhere", "has no split nowhere, but train, validation; name the one"),
        ("hub:user/pets,image=word", "no column 'word' that holds images; such are photo"),
        ("hub:user/pets,label=colour", "no column 'colour' that holds labels; such are label, size"),
        ("hub:user/words", "has no column of pictures, but word"),
        ("hub:user/unheard-of", "user/unheard-of cannot be read"),
    ],
)
def test_what_cannot_be_is_one_sentence(source, words):
    said = refused(source)
    assert any(part in said for part in words.split("|")), said


def test_a_split_to_evaluate_on_must_be_there():
    said = refused("hub:user/pets,split=validation", split="test")  # which says what to learn from
    assert said == "user/pets has no split test, but train, validation."


def test_without_the_package_the_extra_is_named(monkeypatch):
    import builtins

    real = builtins.__import__

    def without(name, *arguments, **options):
        if name == "datasets":
            raise ModuleNotFoundError("No module named 'datasets'", name="datasets")
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingPackage, match="datasets.*'datasets'"):
        read_hub.read_hub("hub:user/pets", read_hub.Request(None, 8, "train", None, None, (25, 48, 128)))
