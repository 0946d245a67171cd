"""Model folders: what is saved loads equal; whatever else lies there is refused in one sentence, before memory is
taken."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import hostile
import pytest
import safetensors.torch
import torch
from hub_server import Fault, HubServer, client_environment
from huggingface_hub import ModelCard, constants

import gan_models
from gan_models import download, hub, model_folder, saving, studio
from gan_models.errors import (
    HubUnreachable,
    InvalidConfig,
    InvalidInput,
    InvalidWeights,
    ModelError,
    ModelNotFound,
)
from gan_models.files import write_atomically
from gan_models.networks.dcgan import DCGANGenerator
from gan_models.networks.mlp import MLPGenerator

ROOT = Path(__file__).parents[2]


def small(labels=("a", "b"), multi_label=False):
    return DCGANGenerator(
        image_size=16, image_channels=1, latent_dim=4, width=4, labels=labels, multi_label=multi_label
    )


@pytest.fixture(name="hub_server")
def named_apart_from_our_own_hub(request):
    return request.getfixturevalue("hub")


@pytest.fixture
def folder(tmp_path):
    model_folder.save(small(), tmp_path / "model")
    return tmp_path / "model"


def refusal(error: type[ModelError], source, **arguments) -> str:
    """The message with which loading fails: one sentence of bearable length."""
    with pytest.raises(error) as caught:
        gan_models.load(source, **arguments)
    message = str(caught.value)
    assert type(caught.value) is error and "\n" not in message and 20 < len(message) < 700, message
    return message


def equal(a, b) -> bool:
    a, b = a.state_dict(), b.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) and a[key].dtype == b[key].dtype for key in a)


# What is saved is what loads


@pytest.mark.parametrize(
    "model",
    [MLPGenerator(image_size=8, latent_dim=3, width=8), small(None), small(), small(["Smiling", "Male"], True)],
    ids=["mlp", "plain", "classes", "attributes"],
)
def test_a_saved_model_loads_equal(tmp_path, model):
    model_folder.save(model, tmp_path / "model")
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["config.json", "model.safetensors"]
    loaded = gan_models.load(tmp_path / "model")
    assert type(loaded) is type(model) and equal(loaded, model)
    assert (loaded.labels, loaded.multi_label, loaded.image_shape) == (
        model.labels,
        model.multi_label,
        model.image_shape,
    )
    assert not loaded.training and not any(value.requires_grad for value in loaded.parameters())
    points, labels = loaded.sample_latents(2, seed=1), loaded.sample_labels(2, seed=1)
    assert torch.equal(loaded.generate(points, labels), model.eval().generate(points, labels))


def test_labels_survive_whether_they_came_as_a_tuple_or_a_list(tmp_path):
    for labels in (("a", "b"), ["a", "b"]):
        model_folder.save(small(labels), tmp_path)
        assert gan_models.load(tmp_path).labels == ("a", "b")
        assert json.loads((tmp_path / "config.json").read_text())["labels"] == ["a", "b"]


def test_the_same_weights_are_the_same_bytes(tmp_path):
    model = small()
    model_folder.save(model, tmp_path / "a")
    model_folder.save(gan_models.load(tmp_path / "a"), tmp_path / "b")
    for name in ("config.json", "model.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_may_be_stored_in_half_precision(tmp_path, dtype):
    model = small()
    model_folder.save(model, tmp_path / "full")
    model_folder.save(model, tmp_path / "half", dtype)
    loaded = gan_models.load(tmp_path / "half")
    assert all(value.dtype == torch.float32 for value in loaded.parameters())
    for key, value in model.state_dict().items():
        expected = value.to(dtype).float() if value.is_floating_point() else value
        assert torch.equal(loaded.state_dict()[key], expected)
    assert (tmp_path / "half/model.safetensors").stat().st_size < 0.6 * (
        tmp_path / "full/model.safetensors"
    ).stat().st_size


def test_a_model_does_not_change_with_its_file(folder):
    loaded = gan_models.load(folder)
    before = {key: value.clone() for key, value in loaded.state_dict().items()}
    path = folder / "model.safetensors"
    with open(path, "r+b") as file:  # in place, not by renaming
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 1000)
    assert all(torch.equal(value, before[key]) for key, value in loaded.state_dict().items())


@pytest.mark.parametrize("value, dtype", [(float("nan"), torch.float32), (1e6, torch.float16)])
def test_weights_that_would_not_load_are_not_saved(folder, value, dtype):
    before = (folder / "model.safetensors").read_bytes()
    model = small()
    model.state_dict()["layers.0.weight"][0, 0, 0, 0] = value
    with pytest.raises(InvalidWeights, match="not finite"):
        model_folder.save(model, folder, dtype)
    assert (folder / "model.safetensors").read_bytes() == before


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


# The Hub mixin's own entry points read and write the same format


def test_save_pretrained_writes_a_model_folder(tmp_path):
    model = small()
    model.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["format"] == model_folder.FORMAT and config["family"] == "dcgan"
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


# Where a source is looked for


def test_a_bundled_name_loads_and_an_existing_folder_comes_first(tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "PRETRAINED", tmp_path / "pretrained")
    monkeypatch.chdir(tmp_path)
    assert gan_models.bundled() == []
    model_folder.save(small(["x", "y"]), tmp_path / "pretrained" / "toy-gan")
    model_folder.save(small(), tmp_path / "pretrained" / "other")
    assert gan_models.bundled() == ["other", "toy-gan"]
    assert gan_models.load("toy-gan").labels == ("x", "y")
    model_folder.save(small(["here", "there"]), tmp_path / "toy-gan")
    assert gan_models.load("toy-gan").labels == ("here", "there")
    assert "did you mean toy-gan?" in refusal(ModelNotFound, "toygan")


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


# Bad configurations

CONFIG_VALUES = [
    ("latent_dim", value)
    for value in (10**9, -1, 0, 1.5, 4.0, True, "4", None, [4], {}, float("nan"), float("inf"), 10**400)
]
CONFIG_VALUES += [
    ("image_size", -64),
    ("image_size", 10**9),
    ("image_size", 30),
    ("image_channels", 5),
    ("width", -4),
    ("width", 1e300),
    ("embedding_dim", 10**12),
    ("multi_label", 1),
    ("multi_label", "yes"),
    ("multi_label", None),
    ("labels", "ab"),
    ("labels", ["a"]),
    ("labels", ["a", "a"]),
    ("labels", ["a", 3]),
    ("labels", [[], []]),
    ("labels", {"a": 1}),
    ("labels", ["x" * 101, "b"]),
    ("labels", [str(k) for k in range(100_000)]),
    ("labels", "x" * 900_000),
    ("labels", -1),
    ("unheard", 1),
    ("self", 1),
    ("config", {}),
    ("labels ", None),
    ("x" * 10_000, 1),
    ("width", "w" * 100_000),
    ("family", "biggan"),
    ("family", None),
    ("family", ["dcgan"]),
    ("family", {}),
    ("family", "mlp"),
    ("format", "gan-studio/99"),
    ("format", None),
    ("format", []),
]


@pytest.mark.parametrize(
    "key, value", CONFIG_VALUES, ids=[f"{key[:12]}-{k}" for k, (key, _) in enumerate(CONFIG_VALUES)]
)
def test_a_bad_value_in_the_configuration_is_refused(folder, key, value):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {key: value}))
    refusal(InvalidConfig, folder)


CONFIG_FILES = {
    "empty": b"",
    "a list": b"[]",
    "null": b"null",
    "a number": b"3",
    "half": b'{"format": "gan-',
    "binary": b"\xff\xfe\x00",
    "deep": b"[" * 100_000,
    "deep value": b'{"format": "gan-studio/1", "family": "dcgan", "labels": ' + b"[" * 900 + b"]" * 900 + b"}",
    "huge": b" " * 2_000_000 + b"{}",
    "many digits": b'{"format": ' + b"9" * 10_000 + b"}",
    "another's": b'{"model_type": "bert"}',
    "html": b"<!DOCTYPE html><html>",
}


@pytest.mark.parametrize("content", CONFIG_FILES.values(), ids=CONFIG_FILES)
def test_a_bad_configuration_file_is_refused(folder, content):
    (folder / "config.json").write_bytes(content)
    refusal(InvalidConfig, folder)


def test_a_folder_without_a_configuration_is_refused(folder):
    (folder / "config.json").unlink()
    assert "not a model folder" in refusal(InvalidConfig, folder)
    (folder / "config.json").mkdir()
    refusal(InvalidConfig, folder)


# Bad weights

WEIGHT_FILES = {
    "empty": lambda data: b"",
    "seven bytes": lambda data: data[:7],
    "header only half": lambda data: data[:100],
    "half": lambda data: data[: len(data) // 2],
    "one byte short": lambda data: data[:-1],
    "one byte more": lambda data: data + b"\0",
    "header of 10^18": lambda data: (10**18).to_bytes(8, "little") + data[8:],
    "header of 2^64-1": lambda data: b"\xff" * 8 + data[8:],
    "header of 50 MB": lambda data: (50_000_000).to_bytes(8, "little") + data[8:],
    "no header": lambda data: bytes(8) + data,
    "header of nonsense": lambda data: data[:8] + b"x" * (len(data) - 8),
    "html": lambda data: b"<!DOCTYPE html><html></html>" * 20,
    "a pickle": lambda data: pickle.dumps({"a": list(range(1000))}),
    "lfs pointer": lambda data: b"version https://git-lfs.github.com/spec/v1\n",
    "offsets beyond": lambda data: data.replace(b'"data_offsets":[0,', b'"data_offsets":[9,', 1),
}


@pytest.mark.parametrize("change", WEIGHT_FILES.values(), ids=WEIGHT_FILES)
def test_a_bad_weights_file_is_refused(folder, change):
    path = folder / "model.safetensors"
    changed = change(path.read_bytes())
    assert changed != path.read_bytes()
    path.write_bytes(changed)
    refusal(InvalidWeights, folder)


KEY = "layers.0.weight"
WEIGHT_CHANGES = {
    "missing": lambda tensors: tensors.pop(KEY),
    "extra": lambda tensors: tensors.update(extra=torch.zeros(1)),
    "renamed": lambda tensors: tensors.update({"module." + KEY: tensors.pop(KEY)}),
    "none at all": lambda tensors: tensors.clear(),
    "shape": lambda tensors: tensors.update({KEY: tensors[KEY][:-1].contiguous()}),
    "transposed": lambda tensors: tensors.update({KEY: tensors[KEY].transpose(0, 1).contiguous()}),
    "flat": lambda tensors: tensors.update({KEY: tensors[KEY].flatten()}),
    "double": lambda tensors: tensors.update({KEY: tensors[KEY].double()}),
    "int8": lambda tensors: tensors.update({KEY: tensors[KEY].to(torch.int8)}),
    "float counter": lambda tensors: tensors.update({"layers.1.num_batches_tracked": torch.tensor(0.0)}),
    "nan": lambda tensors: tensors[KEY].view(-1)[3:4].fill_(float("nan")),
    "inf": lambda tensors: tensors[KEY].view(-1)[0:1].fill_(float("inf")),
    "nan in half precision": lambda tensors: tensors.update({KEY: tensors[KEY].half() * float("nan")}),
}


@pytest.mark.parametrize("change", WEIGHT_CHANGES.values(), ids=WEIGHT_CHANGES)
def test_weights_that_do_not_belong_to_the_configuration_are_refused(folder, change):
    path = folder / "model.safetensors"
    tensors = safetensors.torch.load_file(path)
    change(tensors)
    safetensors.torch.save_file(tensors, path)
    refusal(InvalidWeights, folder)


def test_pickled_weights_are_never_read(folder):
    (folder / "model.safetensors").unlink()
    torch.save(small().state_dict(), folder / "pytorch_model.bin")
    assert "pickled weights are never read" in refusal(InvalidWeights, folder)
    (folder / "model.safetensors").mkdir()
    refusal(InvalidWeights, folder)


@pytest.mark.parametrize("name, error", [("config.json", InvalidConfig), ("model.safetensors", InvalidWeights)])
def test_files_that_may_not_be_read_are_refused(folder, name, error, monkeypatch):
    """Simulated where the user may read everything, as in a container."""
    (folder / name).chmod(0)
    if os.access(folder / name, os.R_OK):
        real = os.open

        def denying(path, *arguments, **options):
            if str(path) == str(folder / name):
                raise PermissionError(13, "Permission denied", str(path))
            return real(path, *arguments, **options)

        monkeypatch.setattr(os, "open", denying)
    assert "Permission denied" in refusal(error, folder)


@pytest.mark.skipif(sys.platform == "win32", reason="measures memory by the resource module")
def test_nothing_is_allocated_for_a_network_that_the_weights_do_not_fit(tmp_path):
    """The largest networks within the limits (3 GB and more) beside small weights: refused with a header's memory."""
    model_folder.save(small(), tmp_path)
    script = """if True:
        import json, resource, sys
        from pathlib import Path
        import gan_models
        folder = Path(sys.argv[1])
        gan_models.load(folder)
        peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        before = peak()
        for config in ({"family": "mlp", "image_size": 128, "image_channels": 4, "latent_dim": 2048, "width": 4096, "depth": 8},
                       {"family": "dcgan", "image_size": 256, "image_channels": 4, "latent_dim": 2048, "width": 256,
                        "labels": [str(k) for k in range(1000)], "multi_label": True, "embedding_dim": 1024}):
            (folder / "config.json").write_text(json.dumps({"format": "gan-studio/1", **config}))
            try:
                gan_models.load(folder)
            except gan_models.InvalidWeights:
                print((peak() - before) // 2**20)
    """
    process = subprocess.run(
        [sys.executable, "-c", script, tmp_path], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert process.returncode == 0, process.stderr
    grown = [int(line) for line in process.stdout.split()]
    assert len(grown) == 2 and max(grown) < 100, grown


# The Hub


def files_of(model, tmp_path) -> dict[str, bytes]:
    model_folder.save(model, tmp_path / "files")
    return {path.name: path.read_bytes() for path in (tmp_path / "files").iterdir()}


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


# What comes along, and does not keep a model from loading

BESIDE = {
    "README.md": b"---\nlicense: mit\n---\n# Toy\n\nTo be read.\n" + b"Long enough to take a while. " * 30,
    "metrics.json": b'{"training": {"recipe": "toy", "dataset": "mnist"}}',
    "samples.png": b"a picture",
    "LICENSE": b"MIT",
}


def test_what_comes_along_is_known_to_the_demo_and_to_the_next_training(hub_server, tmp_path):
    commit = hub_server.add("user/toy", files_of(small(), tmp_path) | BESIDE)
    found = gan_models.load("user/toy").loaded_from
    assert (found.repo, found.commit, found.reference) == ("user/toy", commit.oid, f"user/toy@{commit.oid}")
    told = studio.about("user/toy")
    assert "To be read." in told.card and "MNIST" in told.data
    origin = saving.origin_of(found)
    assert origin["recipe"] == "toy" and origin["reference"] == f"user/toy@{commit.oid}"
    assert origin["licence_fields"] == {"license": "mit"}
    hub_server.stop()
    assert "To be read." in studio.about("user/toy").card, "without a network it is there too"


@pytest.mark.parametrize("kind", ["flip", "hang", "drip", "drip headers", "cut", 403, 500, 429])
def test_a_card_that_cannot_be_had_keeps_no_model_from_loading(hub_server, hasty, tmp_path, kind):
    model = small()
    hub_server.add("user/toy", files_of(model, tmp_path) | BESIDE)
    where = "(HEAD|GET) .*README.md" if kind != "flip" else "GET .*README.md"
    hub_server.faults.append(Fault(where, kind))
    with hostile.within(30):
        loaded = gan_models.load("user/toy")
        told = studio.about("user/toy").card
    assert equal(loaded, model)
    assert "README.md" in loaded.loaded_from.missing and not (loaded.loaded_from.folder / "README.md").exists()
    assert "To be read" not in told and "user/toy" in told
    hub_server.faults.clear()
    if kind != "drip":  # that one goes on for a while, and whoever wants the same file waits for it
        assert not gan_models.load("user/toy").loaded_from.missing


def test_large_files_next_to_a_model_are_not_fetched(hub_server, tmp_path):
    hub_server.add("user/toy", files_of(small(), tmp_path) | BESIDE | {"samples.png": bytes(10_000_001)})
    loaded = gan_models.load("user/toy")
    assert list(loaded.loaded_from.missing) == ["samples.png"]
    assert "too large" in loaded.loaded_from.missing["samples.png"]
    assert not [path for _, path in hub_server.log if path.endswith("samples.png")]


def test_a_card_that_was_damaged_in_the_cache_is_not_shown(hub_server, tmp_path):
    hub_server.add("user/toy", files_of(small(), tmp_path) | BESIDE)
    gan_models.load("user/toy")
    flip(blob_of(tmp_path, "README.md"))
    assert "To be read." in studio.about("user/toy").card, "it is fetched anew"
    flip(blob_of(tmp_path, "README.md"))
    hub_server.stop()
    assert "damaged" in studio.about("user/toy").card


# Names of models on the Hub


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


# What the Hub's mixin offers


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


def test_the_weights_of_a_foreign_model_are_not_fetched(hub_server):
    hub_server.add("user/bert", {"config.json": b'{"model_type": "bert"}', "model.safetensors": b"x" * 1000})
    refusal(InvalidConfig, "user/bert")
    assert not [path for method, path in hub_server.log if path.endswith("model.safetensors") or "/cdn/" in path]


def test_what_was_loaded_once_loads_without_a_network(hub_server, tmp_path, monkeypatch):
    model = small()
    hub_server.add("user/toy", files_of(model, tmp_path))
    gan_models.load("user/toy")
    hub_server.failing = 500
    assert equal(gan_models.load("user/toy"), model)
    hub_server.stop()  # nobody listens there any more
    assert equal(gan_models.load("user/toy"), model)
    assert "cannot be reached" in refusal(HubUnreachable, "user/other")
    assert "cannot be reached" in refusal(HubUnreachable, "user/toy", revision="v1")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert equal(gan_models.load("user/toy"), model)
    refusal(HubUnreachable, "user/other")


@pytest.fixture
def hasty(monkeypatch):
    """Limits of a second or two, and no rests."""
    monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 1)
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 1)
    monkeypatch.setattr(download, "PATIENCE", 2.0)
    monkeypatch.setattr(download, "SLOWEST", 1e6)
    monkeypatch.setattr(download, "WAITS", (0.01, 0.02))


@pytest.mark.parametrize(
    "status, error, words",
    [
        (500, HubUnreachable, "out of order (HTTP 500)"),
        (502, HubUnreachable, "out of order (HTTP 502)"),
        (503, HubUnreachable, "out of order (HTTP 503)"),
        (429, HubUnreachable, "HTTP 429"),
        (403, ModelNotFound, "refuses access"),
        (401, ModelNotFound, "refuses access"),
        (451, ModelNotFound, "HTTP 451"),
    ],
)
@pytest.mark.parametrize("where", ["GET /api/models/user/toy", "(HEAD|GET) /user/toy/resolve", "GET /cdn/"])
def test_each_answer_of_the_hub_gets_its_own_sentence(hub_server, hasty, tmp_path, status, error, words, where):
    hub_server.add("user/toy", files_of(small(), tmp_path))
    hub_server.faults.append(Fault(where, status))
    if (status, where) == (429, "GET /cdn/"):
        words = "in time"  # the Hub's client keeps trying by itself
    with hostile.within(60):
        assert words in refusal(error, "user/toy")


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("where", ["GET /api/models/user/toy", "HEAD /user/toy/resolve", "GET /cdn/"])
def test_what_may_be_retried_is_retried(hub_server, hasty, tmp_path, status, where):
    model = small()
    hub_server.add("user/toy", files_of(model, tmp_path))
    hub_server.faults.append(Fault(where, status, times=2, retry_after=0))
    with hostile.within(60):
        assert equal(gan_models.load("user/toy"), model)


def test_a_hub_that_wants_a_long_wait_gets_none(hub_server, hasty, tmp_path):
    hub_server.add("user/toy", files_of(small(), tmp_path))
    hub_server.faults.append(Fault("GET /api", 429, retry_after=3000))
    with hostile.within(10):
        assert "3000 seconds" in refusal(HubUnreachable, "user/toy")
    assert len([path for _, path in hub_server.log if path.startswith("/api")]) == 1
    hub_server.faults[:] = [Fault("HEAD .*/resolve/", 429, retry_after=3000)]
    with hostile.within(10):
        assert "3000 seconds" in refusal(HubUnreachable, "user/toy")


@pytest.mark.parametrize("status, words", [(429, "HTTP 429"), (500, "HTTP 500"), (403, "refuses access")])
def test_the_cached_copy_does_where_the_hub_refuses(hub_server, hasty, tmp_path, status, words):
    model = small()
    hub_server.add("user/toy", files_of(model, tmp_path))
    gan_models.load("user/toy")
    hub_server.failing = status
    assert equal(gan_models.load("user/toy"), model)
    assert words in refusal(HubUnreachable if status != 403 else ModelNotFound, "user/other")


PLACES = ["GET /api/models/user/toy", "HEAD .*config.json", "GET .*config.json", "HEAD .*safetensors", "GET /cdn/"]


@pytest.mark.parametrize(
    "kind, where",
    [
        (kind, where)
        for kind in ("hang", "drip", "drip headers")
        for where in PLACES
        if kind != "drip" or "HEAD" not in where  # whose answer has no content that could drip
    ],
)
def test_a_hub_that_never_comes_to_an_end_holds_nobody(hub_server, hasty, tmp_path, kind, where):
    hub_server.add("user/toy", files_of(small(), tmp_path))
    hub_server.faults.append(Fault(where, kind))
    with hostile.within(30):
        assert "in time" in refusal(HubUnreachable, "user/toy")


@pytest.mark.parametrize("kind", ["hang", "drip", "drip headers"])
def test_the_cached_copy_does_where_the_hub_never_answers(hub_server, hasty, tmp_path, kind):
    model = small()
    hub_server.add("user/toy", files_of(model, tmp_path))
    gan_models.load("user/toy")
    hub_server.faults.append(Fault("/api/", kind))
    with hostile.within(20):
        assert equal(gan_models.load("user/toy"), model)


def test_a_process_ends_though_a_download_still_drips(tmp_path):
    script = """if True:
        import gan_models
        from gan_models import download
        download.PATIENCE, download.SLOWEST = 2, 1e6
        try:
            gan_models.load("user/toy")
        except gan_models.HubUnreachable as error:
            print(error)
    """
    with HubServer() as server:
        server.add("user/toy", files_of(small(), tmp_path))
        server.faults.append(Fault("GET /cdn/", "drip"))
        environment = os.environ | client_environment(server.url, tmp_path / "home")
        process = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
        )
    assert "in time" in process.stdout, process.stderr


# What came damaged


def blob_of(hub_home, name: str) -> Path:
    (link,) = Path(hub_home).glob(f"hub/models--user--toy/snapshots/*/{name}")
    return link.resolve()


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1  # of the last weight, or of the last brace
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_file_that_comes_damaged_at_the_right_size_is_fetched_anew(hub_server, tmp_path, name):
    model = small()
    hub_server.add("user/toy", files_of(model, tmp_path))
    hub_server.faults.append(Fault("GET .*config.json" if name == "config.json" else "GET /cdn/", "flip", times=1))
    assert equal(gan_models.load("user/toy"), model)


@pytest.mark.parametrize(
    "name, error", [("config.json", InvalidConfig), ("model.safetensors", InvalidWeights)], ids=["config", "weights"]
)
def test_a_file_that_is_damaged_every_time_is_reported(hub_server, tmp_path, name, error):
    hub_server.add("user/toy", files_of(small(), tmp_path))
    hub_server.faults.append(Fault("GET .*config.json" if name == "config.json" else "GET /cdn/", "flip"))
    assert "damaged twice" in refusal(error, "user/toy")
    hub_server.faults.clear()
    gan_models.load("user/toy")  # it does not stay in the cache for good


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("links", [True, False], ids=["links", "copies"])
def test_a_file_of_the_cache_that_was_damaged_later_is_fetched_anew(hub_server, tmp_path, name, links):
    model = small()
    hub_server.add("user/toy", files_of(model, tmp_path))
    gan_models.load("user/toy")
    blob = blob_of(tmp_path, name)
    flip(blob)
    if not links:  # as on Windows
        (link,) = tmp_path.glob(f"hub/models--user--toy/snapshots/*/{name}")
        link.unlink()
        blob.rename(link)
    assert equal(gan_models.load("user/toy"), model)


@pytest.mark.parametrize(
    "name, error", [("config.json", InvalidConfig), ("model.safetensors", InvalidWeights)], ids=["config", "weights"]
)
def test_a_damaged_file_is_reported_without_a_network_and_a_whole_one_loads(hub_server, tmp_path, name, error):
    model = small()
    hub_server.add("user/toy", files_of(model, tmp_path))
    gan_models.load("user/toy")
    hub_server.stop()
    assert equal(gan_models.load("user/toy"), model)
    assert equal(DCGANGenerator.from_pretrained("user/toy", local_files_only=True), model)
    flip(blob_of(tmp_path, name))
    assert "cache is damaged" in refusal(error, "user/toy")


def test_a_cached_file_without_a_checksum_is_kept(hub_server, tmp_path):
    model = small()
    hub_server.add("user/toy", files_of(model, tmp_path))
    gan_models.load("user/toy")
    for link in list(tmp_path.glob("hub/models--user--toy/snapshots/*/*")):
        blob = link.resolve()
        link.unlink()
        blob.rename(link)
    hub_server.stop()
    assert equal(gan_models.load("user/toy"), model)


def test_a_download_that_breaks_off_is_taken_up(hub_server, hasty, tmp_path):
    model = small()
    hub_server.add("user/toy", files_of(model, tmp_path))
    hub_server.faults.append(Fault("GET /cdn/", "cut", times=1))
    with hostile.within(60):
        assert equal(gan_models.load("user/toy"), model)


def test_weights_that_are_too_large_are_not_fetched(hub_server, tmp_path):
    files = files_of(small(), tmp_path)
    hub_server.add("user/toy", files | {"model.safetensors": files["model.safetensors"] + bytes(2_000_000)})
    assert "too large" in refusal(InvalidWeights, "user/toy")
    hub_server.add("user/config", files | {"config.json": files["config.json"] + b" " * 1_000_000})
    assert "too large" in refusal(InvalidConfig, "user/config")
    assert not [path for _, path in hub_server.log if "/cdn/" in path or path.startswith("/user/config")]


def test_a_branch_that_moves_meanwhile_gives_one_commit(hub_server, tmp_path, monkeypatch):
    first, second = small(["a", "b"]), small(["c", "d"])
    hub_server.add("user/toy", files_of(first, tmp_path))
    real = download.Repository._ask

    def ask_and_move(self):
        real(self)
        hub_server.add("user/toy", files_of(second, tmp_path))

    monkeypatch.setattr(download.Repository, "_ask", ask_and_move)
    assert equal(gan_models.load("user/toy"), second)


@pytest.mark.parametrize("token", ["hf_write", None])
def test_a_missing_repository_is_refused(hub_server, token, monkeypatch):
    if token is None:
        monkeypatch.delenv("HF_TOKEN")
    assert "no Hub repository user/none" in refusal(ModelNotFound, "user/none")


def test_a_private_repository_needs_a_token(hub_server, tmp_path, monkeypatch):
    hub_server.add("user/secret", files_of(small(), tmp_path), private=True)
    monkeypatch.delenv("HF_TOKEN")
    assert "private" in refusal(ModelNotFound, "user/secret")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    assert "refuses" in refusal(ModelNotFound, "user/secret")
    monkeypatch.setenv("HF_TOKEN", "hf_read")
    gan_models.load("user/secret")


def test_bad_files_on_the_hub_are_refused(hub_server, tmp_path):
    files = files_of(small(), tmp_path)
    hub_server.add("user/truncated", files | {"model.safetensors": files["model.safetensors"][:-100]})
    assert "truncated" in refusal(InvalidWeights, "user/truncated")
    torch.save(small().state_dict(), tmp_path / "pytorch_model.bin")
    hub_server.add(
        "user/pickle",
        {"config.json": files["config.json"], "pytorch_model.bin": (tmp_path / "pytorch_model.bin").read_bytes()},
    )
    assert "pickled weights are never read" in refusal(InvalidWeights, "user/pickle")
    hub_server.add("user/empty", {".gitattributes": b""})
    assert "no config.json" in refusal(InvalidConfig, "user/empty")


def test_the_environment_is_honoured_by_a_process_of_its_own(tmp_path):
    """HF_ENDPOINT, HF_HOME, HF_HUB_OFFLINE as a user sets them."""
    script = "import sys, gan_models; print(gan_models.load('user/toy').labels)"
    with HubServer() as server:
        server.add("user/toy", files_of(small(), tmp_path))
        environment = os.environ | client_environment(server.url, tmp_path / "home")
        online = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
        )
    offline = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert online.stdout == offline.stdout == "('a', 'b')\n", online.stderr + offline.stderr
