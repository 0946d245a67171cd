import json

import hostile
import pytest
import torch
from safetensors.torch import load_file

import gan_models
from gan_models import model_folder
from gan_models.networks.dcgan import DCGANGenerator
from training import bundle
from training.commands import bundle as command


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    model_folder.save(DCGANGenerator(8, 1, width=4), tmp_path / "run")
    (tmp_path / "run" / "metrics.json").write_text(
        json.dumps({"training": {"recipe": "mnist-dcgan"}, "fid10k_test_reader": 1.0})
    )
    return tmp_path / "run"


def test_half_precision_card_and_no_metrics_of_other_weights(folder, tmp_path):
    target = bundle.bundle(folder, "small-dcgan", tmp_path / "pretrained")
    assert {value.dtype for value in load_file(target / "model.safetensors").values()} == {torch.float16, torch.int64}
    before, after = gan_models.load(folder), gan_models.load(target)
    latents = before.sample_latents(4, seed=0)
    assert torch.allclose(before.generate(latents), after.generate(latents), atol=1e-2)
    assert json.loads((target / "metrics.json").read_text()) == {"training": {"recipe": "mnist-dcgan"}}
    assert "mnist-dcgan" in (target / "README.md").read_text()
    assert bundle.bundle(folder, "small-dcgan", tmp_path / "pretrained") == target, "again takes its place"
    assert [path.name for path in (tmp_path / "pretrained").iterdir()] == ["small-dcgan"]


def test_too_large_or_broken_models_leave_what_was_there(folder, tmp_path, monkeypatch, capsys):
    target = bundle.bundle(folder, "small", tmp_path / "pretrained")
    before = (target / "model.safetensors").read_bytes()
    monkeypatch.setattr(bundle, "MAX_BYTES", 1000)
    with pytest.raises(bundle.BundleError, match="below 1,000"):
        bundle.bundle(folder, "small", tmp_path / "pretrained")
    assert (target / "model.safetensors").read_bytes() == before and len(list((tmp_path / "pretrained").iterdir())) == 1
    assert command.main([str(tmp_path / "nowhere"), "small"]) == 2
    assert command.main([str(folder), "../up"]) == 2
    assert all(line.startswith("error: ") for line in capsys.readouterr().err.splitlines())


@pytest.mark.parametrize("kind", [hostile.pipe, hostile.link_out, hostile.endless], ids=lambda kind: kind.__name__)
def test_a_picture_that_is_no_file_of_the_folder_is_not_bundled(folder, tmp_path, kind):
    kind(folder / "samples.png")
    with hostile.within(20), pytest.raises(bundle.BundleError, match="samples.png"):
        bundle.bundle(folder, "small", tmp_path / "pretrained")
    assert not list((tmp_path / "pretrained").glob("*"))
