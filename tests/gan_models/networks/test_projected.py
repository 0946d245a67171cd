"""Discriminators on features and pixels."""

import pytest
import torch

from gan_models.errors import InvalidConfig
from gan_models.networks.mixing import MAPS
from gan_models.networks.projected import ProjectedDiscriminator


def made(n: int = 2, **arguments):
    """A discriminator, maps of n pictures as it takes them, and the pictures."""
    torch.manual_seed(0)
    given = {"image_size": 64, "width": 8, "pixels": 4} | arguments
    network = ProjectedDiscriminator(**given).eval()
    size = network.seen
    maps = [torch.randn(n, channels, size // stride, size // stride) for channels, stride in zip(MAPS, (4, 8, 16, 32))]
    return network, network.mixed(maps), torch.randn(n, 3, given["image_size"], given["image_size"])


@pytest.mark.parametrize(("size", "seen"), [(64, 64), (128, 64), (128, 128), (32, 64)])
def test_each_discriminator_scores_every_place(size, seen):
    network, maps, images = made(image_size=size, seen=seen)
    judged = network(maps, images)
    assert judged.logits is None
    assert [x.shape[0] for x in judged.scores] == [2] * 4
    assert [x.shape[1] for x in judged.scores[:3]] == [16] * 2 + [min(seen // 16, 4) ** 2]
    assert judged.scores[3].shape[1] == (size // 8) ** 2
    one = network([x[:1] for x in maps], images[:1])
    for alone, together in zip(one.scores, judged.scores, strict=True):
        torch.testing.assert_close(alone, together[:1])


def test_it_may_leave_out_the_pixels_and_coarse_maps():
    network, maps, images = made(pixels=0)
    assert len(network(maps, images).scores) == 3
    network, maps, images = made(pixels=0, levels=1, labels=["a", "b"], auxiliary=True)
    judged = network(maps, images, torch.eye(2))
    assert len(judged.scores) == 1 and judged.logits.shape == (1, 2, 2)


def test_labels_change_the_scores_and_are_classified():
    network, maps, images = made(labels=["Smiling", "Male", "Bald"], multi_label=True, auxiliary=True)
    labels = torch.tensor([[1.0, -1.0, -1.0], [-1.0, 1.0, 1.0]])
    first, other = network(maps, images, labels), network(maps, images, -labels)
    assert first.logits.shape == (3, 2, 3) and torch.equal(first.logits, other.logits)
    assert all(not torch.allclose(a, b) for a, b in zip(first.scores, other.scores, strict=True))


def test_the_places_of_pixels_see_a_patch_alone():
    network, maps, images = made(image_size=128)
    for layer in network.modules():
        if isinstance(layer, torch.nn.InstanceNorm2d):
            layer.forward = lambda x: x  # whose means are those of the whole picture
    images.requires_grad_()
    network(maps, images).scores[3][0, 0].backward()  # the place in the corner
    touched = images.grad[0].abs().sum(0) > 0
    assert touched[:20, :20].any() and not touched[38:].any() and not touched[:, 38:].any()


@pytest.mark.parametrize("seen", [16, 1024, True])
def test_sizes_out_of_range_are_refused(seen):
    with pytest.raises(InvalidConfig, match="seen"):
        ProjectedDiscriminator(seen=seen)
