"""Every family in half precision and in double: float32 in, float32 out, and much the same pictures."""

import pytest
import torch

from gan_models import inversion, model_folder, studio
from gan_models.errors import InvalidWeights
from gan_models.networks import FAMILIES, load

SETTINGS = {
    "mlp": {"image_size": 8, "width": 16, "latent_dim": 4},
    "dcgan": {"image_size": 16, "latent_dim": 4, "width": 4, "labels": ["Smiling", "Male"], "multi_label": True},
    "infogan": {"image_size": 16, "latent_dim": 12, "width": 4, "categories": 4, "continuous": 2, "hidden": 16},
    "encoding": {"image_size": 16, "latent_dim": 4, "width": 4},
    "invertible": {"image_size": 16, "latent_dim": 4, "width": 4, "labels": ["a", "b"], "encoder_width": 4},
    "laplacian": {"image_size": 16, "latent_dim": 4, "width": 4, "labels": ["a", "b"], "details_width": 4},
    "classifying": {"image_size": 16, "latent_dim": 4, "width": 4, "reader_width": 8, "classes": ["a", "b"]},
    "resnet": {"image_size": 16, "latent_dim": 4, "width": 4, "labels": ["a", "b"], "group": 4},
    "editor": {"image_size": 16, "latent_dim": 8, "width": 4, "decoder_width": 4, "hidden": 8},
    "retouch": {"image_size": 32, "width": 8, "finest": 8, "embedding": 8},
    "restore": {"image_size": 32, "width": 8, "embedding": 8},
    "translate": {"image_size": 32, "width": 8, "embedding": 8, "labels": ["a", "b"]},
}
DRAWING = [
    family for family in FAMILIES if family not in ("retouch", "restore", "translate")
]  # which change pictures and draw none of their own


def build(family: str):
    torch.manual_seed(1)
    return FAMILIES[family](**SETTINGS.get(family, {})).eval().requires_grad_(False)


def test_every_family_is_tried_small():
    assert SETTINGS.keys() == FAMILIES.keys()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
@pytest.mark.parametrize("family", DRAWING)
def test_pictures_are_float32_whatever_the_weights_are(family, dtype):
    model, other = build(family), build(family).to(dtype)
    latents, labels = model.sample_latents(3, seed=1), model.sample_labels(3, seed=1)
    whole, drawn = model.generate(latents, labels), other.generate(latents, labels)
    assert drawn.dtype == torch.float32 and drawn.shape == whole.shape
    torch.testing.assert_close(drawn, whole, rtol=0, atol=0.05)
    own = other.generate(other.sample_latents(3, seed=1).to(dtype), other.sample_labels(3, seed=1))
    torch.testing.assert_close(own, whole, rtol=0, atol=0.05)
    assert studio.sample(other, 1, 2).dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
@pytest.mark.parametrize("family", [family for family in FAMILIES if FAMILIES[family](**SETTINGS[family]).encodes])
def test_what_is_read_is_float32_whatever_the_weights_are(family, dtype):
    model = build(family).to(dtype)
    images = torch.rand(2, *model.image_shape) * 2 - 1
    found = model.encode(images)
    found = found if isinstance(found, tuple) else (found,)
    assert {part.dtype for part in found if isinstance(part, torch.Tensor)} == {torch.float32}
    torch.testing.assert_close(found[0], model.encode(images.half().float())[0] if family == "editor" else found[0])
    labels = model.estimate_labels(images)
    assert labels is None or labels.dtype == torch.float32


@pytest.mark.parametrize("family", ["editor", "retouch"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_an_editor_edits_whatever_its_weights_are(dtype, family):
    model, other = build(family), build(family).to(dtype)
    images = torch.rand(2, *model.image_shape) * 2 - 1
    edited = other.edit(images, {"Smiling": 1.0, "Blond_Hair": 1.0})
    assert edited.dtype == torch.float32
    torch.testing.assert_close(edited, model.edit(images, {"Smiling": 1.0, "Blond_Hair": 1.0}), rtol=0, atol=0.1)
    assert torch.equal(other.edit(images, {}), images)


def test_a_picture_is_found_in_half_precision():
    model = build("invertible").bfloat16()
    images = model.generate(model.sample_latents(1, seed=1), model.sample_labels(1, seed=1))
    found = inversion.invert(model, images, steps=2)
    assert found.latents.dtype == torch.float32 and found.latents.isfinite().all()


# Finite weights that are of no use


def spoil(model, key: str, value) -> None:
    with torch.no_grad():
        model.state_dict()[key].copy_(torch.as_tensor(value))


@pytest.mark.parametrize(
    "family, key, value",
    [
        ("dcgan", "layers.1.running_var", -1.0),
        ("infogan", "read.1.running_var", -1.0),
        ("resnet", "basis", 3e38),
        ("encoding", "encoder.layers.3.running_var", -1.0),
        ("invertible", "encoder.0.3.running_var", -1.0),
        ("editor", "decoder.2.running_var", -1.0),
        ("editor", "encoder.layers.0.3.running_var", -1.0),
        ("editor", "code_covariance", -1.0),
        ("editor", "mapping.layers.0.weight", 3e38),
    ],
)
def test_finite_weights_that_draw_or_read_nothing_are_refused(tmp_path, family, key, value):
    model = build(family)
    spoil(model, key, value)
    if key.startswith("mapping"):
        spoil(model, "mapping.layers.2.weight", 3e38)
        spoil(model, "mapping.layers.4.weight", torch.randn_like(model.mapping.layers[4].weight))
    model_folder.save(model, tmp_path)
    with pytest.raises(InvalidWeights, match="draw") as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


@pytest.mark.parametrize("value", [1.01, -0.01, 2.0])
def test_a_label_table_outside_0_to_1_is_refused(tmp_path, value):
    model = build("dcgan")
    model.label_table[200, 1] = value
    model_folder.save(model, tmp_path)
    with pytest.raises(InvalidWeights, match="outside 0 to 1"):
        load(tmp_path)


@pytest.mark.parametrize("family", FAMILIES)
def test_fresh_weights_of_every_family_are_of_use(tmp_path, family):
    model_folder.save(build(family), tmp_path)
    assert load(tmp_path).family == family


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_what_is_translated_is_float32_whatever_the_weights_are(dtype):
    whole, model = build("translate"), build("translate").to(dtype)
    images = torch.rand(2, *model.image_shape) * 2 - 1
    made = model.translate(images, "b")
    assert made.dtype == torch.float32
    torch.testing.assert_close(made, whole.translate(images, "b"), rtol=0, atol=0.05)
