"""A generator of twice the size begins with the layers of a smaller one, and draws what that draws."""

import pytest
import torch
from tiny import SMALL, forget_accelerate
from torch.nn import functional as F

import gan_models
from gan_models.networks.dcgan import DCGANGenerator
from gan_models.networks.mlp import MLPGenerator
from training.__main__ import main
from training.recipes import CELEBA_ATTRIBUTES
from training.run import growing
from training.run.growing import can_grow, grow, inherited, new_names

LABELS = ["Smiling", "Male"]


def pair(**larger):
    """A generator of 16 px, and one of 32 px that fits it, unless `larger` says otherwise."""
    torch.manual_seed(0)
    small = DCGANGenerator(16, 3, latent_dim=8, width=8, labels=LABELS, multi_label=True)
    torch.nn.init.normal_(small.layers[-2].weight, 0, 0.3)  # pictures that differ
    with torch.no_grad():
        for _ in range(30):  # BatchNorm learns what there is
            small(torch.randn(64, 8), torch.rand(64, 2))
    small.eval()
    return small, DCGANGenerator(
        **{"image_size": 32, "latent_dim": 8, "width": 4, "labels": LABELS, "multi_label": True} | larger
    )


def test_the_layers_of_the_smaller_one_stay_and_the_new_ones_learn_its_pictures():
    small, large = pair()
    before = {name: value.clone() for name, value in large.state_dict().items()}
    error = grow(small, large, steps=200)
    for name in inherited(small, large):
        if "running" not in name and "num_batches" not in name:
            assert torch.equal(large.state_dict()[name], small.state_dict()[name]), name
    learned = [name for name in new_names(small, large) if name.endswith("weight")]
    assert len(learned) == 3 and not any(torch.equal(large.state_dict()[name], before[name]) for name in learned)
    assert all(parameter.requires_grad for parameter in large.parameters()) and large.training
    latents, labels = small.sample_latents(32, seed=5), torch.rand(32, 2)
    wanted = F.interpolate(small.generate(latents, labels), size=(32, 32), mode="bicubic", antialias=True)
    drawn = large.generate(latents, labels).detach()
    assert error < 0.02 and F.mse_loss(drawn, wanted) < 0.5 * F.mse_loss(drawn[1:], wanted[:-1])


@pytest.mark.parametrize(
    "larger",
    [
        {"image_size": 16},
        {"width": 8},
        {"latent_dim": 9},
        {"labels": ["Male", "Smiling"]},
        {"multi_label": False},
        {"labels": None},
    ],
)
def test_others_do_not_fit(larger):
    small, large = pair(**larger)
    assert not can_grow(small, large)
    with pytest.raises(ValueError, match="twice the size"):
        grow(small, large)


def test_other_families_do_not_grow():
    assert not can_grow(MLPGenerator(image_size=16, width=8), pair()[1])


def test_the_recipe_begins_with_the_smaller_model(tmp_path, alone, monkeypatch):
    monkeypatch.setattr(growing, "STEPS", 3)  # the test above tells that the new layers learn
    torch.manual_seed(0)
    DCGANGenerator(64, 3, width=8, labels=list(CELEBA_ATTRIBUTES), multi_label=True).save_pretrained(tmp_path / "small")
    words = [word for setting in SMALL for word in ("--set", setting)]
    forget_accelerate()
    arguments = [
        "celeba-cgan",
        "--set",
        "image_size=128",
        "--init-from",
        str(tmp_path / "small"),
        "--images",
        "8",
        "--set",
        "learning_rate=0",
        *words,
    ]
    assert main([*arguments, "--output", str(tmp_path / "run"), "--precision", "fp32"]) == 0
    small, grown = gan_models.load(tmp_path / "small"), gan_models.load(tmp_path / "run/model")
    assert grown.image_shape == (3, 128, 128)
    torch.testing.assert_close(grown.layers[0].weight, small.layers[0].weight)
