"""Toggling one attribute of a face."""

from types import SimpleNamespace

import torch
from tqdm import tqdm

from gan_models.dcgan import DCGANGenerator
from training import agreement

NAMES = ["Black_Hair", "Blond_Hair", "Smiling"]


def test_a_hair_colour_is_toggled_alone_and_the_rest_stays(monkeypatch):
    asked = []
    monkeypatch.setattr(agreement, "drawn", lambda generator, latents, labels, bar: asked.append(labels))
    seen = SimpleNamespace(logits=torch.tensor([[-1.0, 1.0, -1.0]]))
    viewer = SimpleNamespace(labels=NAMES, look=lambda pictures, batch_size: seen)
    generator = DCGANGenerator(8, 3, latent_dim=2, width=2, labels=NAMES, multi_label=True)
    before = torch.tensor([[1.0, 0.0, 1.0]])
    flips = agreement.toggle(generator, viewer, torch.zeros(1, 2), before, 1, tqdm(disable=True))
    assert torch.cat(asked).tolist() == [[0, 0, 1], [1, 0, 1], [1, 0, 1], [0, 1, 1], [1, 0, 0], [1, 0, 1]]
    assert flips.flatten().tolist() == [1, 0, 0, 1, 1, 0]  # what the viewer sees never changes
    assert before.tolist() == [[1, 0, 1]]
