"""Fixtures of the tests of using GANs."""

import json

import pytest
from hub_models import small

from gan_models import model_folder


@pytest.fixture
def stand_in(tmp_path_factory, monkeypatch):
    """The folder of a detector of chance, with rates that nobody measured, in place of the bundled one."""
    import torch
    from safetensors.torch import save_file

    from gan_models import detection

    folder = tmp_path_factory.mktemp("detector")
    torch.manual_seed(0)
    save_file(detection.Detector().state_dict(), folder / "model.safetensors")
    rates = {"found": 0.5, "unseen": 0.4, "false_alarms": 0.01, "other_data": 0.02}
    tables = {name: dict.fromkeys(detection.DAMAGES, rate) for name, rate in rates.items()}
    (folder / "metrics.json").write_text(json.dumps({"threshold": 0.5, **tables}))
    monkeypatch.setattr(detection, "FOLDER", folder)
    return folder


@pytest.fixture(name="hub_server")
def named_apart_from_our_own_hub(request):
    return request.getfixturevalue("hub")


@pytest.fixture
def folder(tmp_path):
    model_folder.save(small(), tmp_path / "model")
    return tmp_path / "model"
