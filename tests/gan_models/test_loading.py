"""Model folders: what is saved loads equal; whatever else lies there is refused in one sentence, before memory is
taken."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch
from hub_models import equal, refusal, small

import gan_models
from gan_models import model_folder
from gan_models.errors import InvalidConfig, InvalidWeights
from gan_models.files import write_atomically
from gan_models.networks.mlp import MLPGenerator

ROOT = Path(__file__).parents[2]


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
    drawn = [either.generate(points, labels) for either in (loaded, model.eval().to(memory_format=torch.channels_last))]
    assert torch.equal(*drawn)


def test_loaded_convolutions_have_the_layout_in_which_a_cpu_is_faster(folder):
    for layer in gan_models.load(folder).modules():
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
            assert layer.weight.is_contiguous(memory_format=torch.channels_last)


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
