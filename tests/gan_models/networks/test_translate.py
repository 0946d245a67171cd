"""The network that translates a picture into another kind: tensors, photos, and what it refuses."""

import numpy as np
import pytest
import torch
from PIL import Image

from gan_models.errors import InvalidConfig, InvalidInput
from gan_models.networks.translate import Translator
from gan_models.photos import translated
from gan_models.photos.faces import aligned_face


@pytest.fixture(scope="module")
def model() -> Translator:
    torch.manual_seed(0)
    return Translator(32, 3, width=8, labels=["summer", "winter"]).eval().requires_grad_(False)


def photo(width: int = 120, height: int = 90) -> Image.Image:
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.stack([x * 2 % 256, y * 2 % 256, (x + y) % 256], -1).astype(np.uint8))


def test_a_tensor_comes_back_as_one(model):
    pictures = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    made = model.translate(pictures, "winter")
    assert made.shape == pictures.shape and made.abs().max() <= 1 and not torch.equal(made, pictures)
    assert torch.allclose(model.translate(pictures[0], "winter"), made[0], atol=1e-6)
    assert not torch.allclose(model.translate(pictures, "summer"), made, atol=1e-3)


@pytest.mark.parametrize("faces", [0, 1])
def test_a_photo_keeps_its_size_and_what_no_face_holds(model, monkeypatch, faces):
    found = [aligned_face(photo().crop((0, 0, 60, 60)))] if faces else []
    monkeypatch.setattr(translated, "faces_of", lambda photo: found)
    made = model.translate(photo(), "winter")
    changed = (np.asarray(made) != np.asarray(photo())).any(-1)
    assert made.size == (120, 90) and changed.any()
    if faces:
        assert not changed[:, 100:].any()


def test_a_new_network_draws_no_grid(model):
    pictures = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    change = model.draw(pictures, torch.eye(2)) - pictures
    fours = torch.nn.functional.pixel_unshuffle(change, 2).unflatten(1, (3, 4))
    torch.testing.assert_close(fours, fours[:, :, :1].expand_as(fours), rtol=1e-4, atol=1e-5)
    assert change.std() > 0.001


def test_what_it_refuses(model):
    with pytest.raises(InvalidInput, match="no kind 'spring': this model translates into summer, winter"):
        model.translate(torch.zeros(1, 3, 32, 32), "spring")
    with pytest.raises(InvalidInput, match=r"\(n, 3, 32, 32\)"):
        model.translate(torch.zeros(1, 3, 16, 16), "winter")
    with pytest.raises(InvalidInput, match="draws none of its own"):
        model(torch.zeros(1, 0))
    with pytest.raises(InvalidConfig, match="two kinds or more"):
        Translator()
    with pytest.raises(InvalidConfig, match="at least 2"):
        Translator(labels=["one"])
    with pytest.raises(InvalidConfig, match="multiple of 8"):
        Translator(width=12, labels=["a", "b"])
