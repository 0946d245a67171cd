"""What a source means: a bundled name, a folder, a repository of the Hub at a revision."""

import pytest
import torch
from hub_models import BESIDE, equal, files_of, refusal, small

import gan_models
from gan_models import hub, layout, model_folder
from gan_models.errors import InvalidConfig, InvalidInput, ModelNotFound
from gan_models.networks.dcgan import DCGANGenerator


def test_a_bundled_name_loads_and_an_existing_folder_comes_first(tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "PRETRAINED", tmp_path / "pretrained")
    monkeypatch.chdir(tmp_path)
    assert gan_models.bundled() == []
    model_folder.save(small(["x", "y"]), tmp_path / "pretrained" / "toy-gan")
    model_folder.save(small(), tmp_path / "pretrained" / "other")
    assert gan_models.bundled() == ["other", "toy-gan"]
    assert gan_models.load("toy-gan").labels == ("x", "y")
    model_folder.save(small(["here", "there"]), tmp_path / "toy-gan")
    assert gan_models.load("toy-gan").labels == ("here", "there")
    assert "did you mean toy-gan?" in refusal(ModelNotFound, "toygan")


def test_a_model_that_was_bundled_names_its_successor():
    message = refusal(ModelNotFound, "celeba-editor-64")
    assert "celeba-editor has taken its place" in message and "python -m training celeba-editor-64" in message
    assert all(name not in gan_models.bundled() and now in gan_models.bundled() for name, now in hub.SUCCESSORS.items())


@pytest.mark.parametrize(
    "source",
    [
        "",
        None,
        3,
        b"model",
        "nothing-like-it",
        "./no/such",
        "/no/such/folder",
        "~/x",
        "a/b/../c",
        "a/b//c",
        "user/repo@",
        "https://example.org/user/repo",
        "https://huggingface.co/user",
        "https://huggingface.co/spaces/user/repo",
        "https://huggingface.co/user/repo/discussions",
        "https://huggingface.co/user/repo/tree/main/..",
        "x" * 5000,
        "a\0b",
        "user/",
        "user/bad name",
        "user/..",
        "../x",
    ],
)
def test_an_invalid_source_is_refused(source):
    refusal(ModelNotFound, source)


def test_a_file_is_no_model_folder(folder):
    assert "is a file" in refusal(ModelNotFound, folder / "model.safetensors")


@pytest.mark.parametrize("revision", ["main", "", 3])
def test_a_revision_belongs_to_the_hub(folder, revision):
    refusal(InvalidInput, folder, revision=revision)


@pytest.mark.parametrize("device", ["nonsense", "cuda:99", "meta", "", object(), 99])
def test_a_device_that_cannot_be_used_is_refused(folder, device):
    assert "device" in refusal(InvalidInput, folder, device=device)
    assert gan_models.load(folder, device="cpu").device == torch.device("cpu")


def test_a_revision_can_be_chosen(hub_server, tmp_path):
    first, second = small(["a", "b"]), small(["c", "d"])
    commit = hub_server.add("user/toy", files_of(first, tmp_path))
    hub_server.add("user/toy", files_of(second, tmp_path))
    hub_server.repositories["model", "user/toy"].branches["v1"] = commit.oid
    assert equal(gan_models.load("user/toy"), second)
    assert equal(gan_models.load("user/toy", revision="v1"), first)
    assert equal(gan_models.load("user/toy", revision=commit.oid), first)
    assert "no revision 'v9'" in refusal(ModelNotFound, "user/toy", revision="v9")


def test_only_files_of_a_model_folder_are_fetched_and_only_once(hub_server, tmp_path):
    hub_server.add(
        "user/toy",
        files_of(small(), tmp_path) | BESIDE | {"evil.py": b"raise SystemExit", "pytorch_model.bin": b"x"},
    )
    found = gan_models.load("user/toy").loaded_from
    fetched = {path.rsplit("/", 1)[1] for method, path in hub_server.log if "/resolve/" in path}
    assert fetched == {"config.json", "model.safetensors", *BESIDE} and not found.missing
    assert {path.name: path.read_bytes() for path in found.folder.iterdir() if path.name in BESIDE} == BESIDE
    hub_server.log.clear()
    gan_models.load("user/toy")
    assert not [path for method, path in hub_server.log if "/resolve/" in path or "/cdn/" in path]


@pytest.mark.parametrize(
    "name, wanted",
    [
        ("user/repo", ("user/repo", None, "")),
        ("user/repo/", ("user/repo", None, "")),
        ("user/repo@v1", ("user/repo", "v1", "")),
        ("user/repo@feature%2Fx/a", ("user/repo", "feature/x", "a")),
        ("user/repo@refs/pr/3/a/b", ("user/repo", "refs/pr/3", "a/b")),
        ("user/repo/a/b/", ("user/repo", None, "a/b")),
        ("hf://user/repo@v1/a", ("user/repo", "v1", "a")),
        ("https://huggingface.co/user/repo", ("user/repo", None, "")),
        ("https://hf.co/user/repo/", ("user/repo", None, "")),
        ("https://huggingface.co/user/repo/tree/main/a/b", ("user/repo", "main", "a/b")),
        ("https://huggingface.co/user/repo/tree/refs%2Fpr%2F3", ("user/repo", "refs/pr/3", "")),
        ("https://huggingface.co/user/repo/blob/v1/a/config.json?x=1#y", ("user/repo", "v1", "a")),
        ("https://huggingface.co/user/repo/resolve/v1/config.json", ("user/repo", "v1", "")),
    ],
)
def test_what_a_name_means(name, wanted):
    assert hub.parse(name) == wanted


@pytest.mark.parametrize(
    "source, name",
    [
        ("mnist-cgan/", "mnist-cgan"),
        ("user/repo/", "user/repo"),
        ("user/repo@v1/sub", "user/repo@v1/sub"),
        (f"user/repo@{'0a' * 20}/sub/", "user/repo/sub"),
        ("hf://user/repo", "user/repo"),
        ("https://huggingface.co/user/repo/tree/v1/sub/", "user/repo@v1/sub"),
        ("https://example.org/x", "https://example.org/x"),
    ],
)
def test_the_name_on_a_page_is_that_of_the_model(source, name):
    assert hub.short_name(source) == name


def test_a_model_in_a_folder_of_a_repository_at_a_revision(hub_server, tmp_path):
    first, second = small(["a", "b"]), small(["c", "d"])
    files = {f"sub/deep/{name}": data for name, data in (files_of(first, tmp_path) | BESIDE).items()}
    commit = hub_server.add("user/toy", files)
    hub_server.add("user/toy", {f"sub/deep/{name}": data for name, data in files_of(second, tmp_path).items()})
    assert equal(gan_models.load("user/toy/sub/deep"), second)
    loaded = gan_models.load(f"user/toy@{commit.oid}/sub/deep/")
    assert equal(loaded, first) and loaded.loaded_from.reference == f"user/toy@{commit.oid}/sub/deep"
    assert (loaded.loaded_from.folder / "README.md").read_bytes() == BESIDE["README.md"]
    assert equal(gan_models.load(f"{hub_server.url}/user/toy/tree/main/sub/deep"), second)
    assert equal(DCGANGenerator.from_pretrained("user/toy/sub/deep", revision=commit.oid), first)
    assert "it has models in sub/deep" in refusal(InvalidConfig, "user/toy").replace("'", "")
    assert "leave one of them out" in refusal(InvalidInput, "user/toy@main/sub/deep", revision="v1")
    hub_server.stop()
    assert equal(gan_models.load(f"user/toy@{commit.oid}/sub/deep"), first)


def test_a_run_is_taken_for_its_model(tmp_path):
    model_folder.save(small(["a", "b"]), tmp_path / "run/checkpoint/model")
    assert gan_models.load(tmp_path / "run").labels == ("a", "b")
    model_folder.save(small(["c", "d"]), tmp_path / "run/model")
    assert gan_models.load(f"{tmp_path}/run/").labels == ("c", "d")
