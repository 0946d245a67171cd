"""A static Space: the page, the licence of the model, and nothing that has to be served by a program."""

import pytest
import yaml
from conftest import skip_or_fail

from gan_models import model_folder
from gan_models.card import write_card
from gan_models.errors import InvalidInput
from gan_models.export import runtime as runtimes
from gan_models.networks.dcgan import DCGANGenerator
from training.commands.publish import main

PAGE = {"index.html", "app.js", "style.css", "model.onnx", *runtimes.FILES}


@pytest.fixture
def folder(tmp_path):
    try:
        runtimes.runtime()
    except InvalidInput as error:
        skip_or_fail(f"a page needs onnxruntime-web: {error}")
    folder = tmp_path / "model"
    model_folder.save(DCGANGenerator(image_size=16, latent_dim=4, width=4), folder)
    (folder / "metrics.json").write_text('{"training": {"recipe": "toy", "dataset": "celeba"}}')
    write_card(folder)
    return folder


def test_one_command_publishes_a_page(hub, folder, capsys):
    assert main([str(folder), "user/toy", "--static-space", "user/page"]) == 0
    assert f"{hub.url}/spaces/user/page" in capsys.readouterr().out
    space = hub.repositories["space", "user/page"]
    assert space.options["sdk"] == "static"
    files = space.commits[-1].files
    assert set(files) - {".gitattributes"} == PAGE | {"README.md"}
    data = yaml.safe_load(files["README.md"].decode().split("---")[1])
    assert data["sdk"] == "static" and data["app_file"] == "index.html" and data["models"] == ["user/toy"]
    assert data["license"] == "other" and data["license_name"] == "celeba-non-commercial-research"
    page = files["index.html"].decode()
    assert "<title>toy</title>" in page and "celeba non commercial research" in page and "USER/REPO" not in page


def test_an_invalid_name_is_reported_before_anything_is_sent(hub, folder, capsys):
    assert main([str(folder), "user/toy", "--static-space", "page"]) == 2
    assert "lacks its owner" in capsys.readouterr().err
    assert ("model", "user/toy") not in hub.repositories
