"""Small models, and what is asked of them in the tests of loading."""

import pytest
import torch

import gan_models
from gan_models import model_folder
from gan_models.errors import ModelError
from gan_models.networks.dcgan import DCGANGenerator


def small(labels=("a", "b"), multi_label=False):
    return DCGANGenerator(
        image_size=16, image_channels=1, latent_dim=4, width=4, labels=labels, multi_label=multi_label
    )


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


def files_of(model, tmp_path) -> dict[str, bytes]:
    model_folder.save(model, tmp_path / "files")
    return {path.name: path.read_bytes() for path in (tmp_path / "files").iterdir()}


BESIDE = {
    "README.md": b"---\nlicense: mit\n---\n# Toy\n\nTo be read.\n" + b"Long enough to take a while. " * 30,
    "metrics.json": b'{"training": {"recipe": "toy", "dataset": "mnist"}}',
    "samples.png": b"a picture",
    "LICENSE": b"MIT",
}
