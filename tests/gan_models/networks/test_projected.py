"""Discriminators on features and pixels, and the generator without a checkerboard."""

import pytest
import torch

from gan_models.errors import InvalidConfig
from gan_models.networks.dcgan import DCGANGenerator
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
    assert judged.scores[3].shape[1] == 16**2
    one = network([x[:1] for x in maps], images[:1])
    for alone, together in zip(one.scores, judged.scores, strict=True):
        torch.testing.assert_close(alone, together[:1])


def test_it_may_leave_out_the_pixels():
    network, maps, images = made(pixels=0)
    assert len(network(maps, images).scores) == 3


def test_labels_change_the_scores_and_are_classified():
    network, maps, images = made(labels=["Smiling", "Male", "Bald"], multi_label=True, auxiliary=True)
    labels = torch.tensor([[1.0, -1.0, -1.0], [-1.0, 1.0, 1.0]])
    first, other = network(maps, images, labels), network(maps, images, -labels)
    assert first.logits.shape == (3, 2, 3) and torch.equal(first.logits, other.logits)
    assert all(not torch.allclose(a, b) for a, b in zip(first.scores, other.scores, strict=True))


def test_the_places_of_pixels_see_a_patch_alone():
    network, maps, images = made(image_size=128)
    images.requires_grad_()
    network(maps, images).scores[3][0, 0].backward()  # the place in the corner
    touched = images.grad[0].abs().sum(0) > 0
    assert touched[:20, :20].any() and not touched[64:].any() and not touched[:, 64:].any()


@pytest.mark.parametrize("seen", [16, 1024, True])
def test_sizes_out_of_range_are_refused(seen):
    with pytest.raises(InvalidConfig, match="seen"):
        ProjectedDiscriminator(seen=seen)


def test_a_smooth_generator_has_no_checkerboard():
    """On a constant map the transposed convolution draws a pattern of two pixels, and the convolutions a constant."""
    patterns = []
    for smooth in (False, True):
        torch.manual_seed(0)
        last = DCGANGenerator(32, 3, latent_dim=4, width=4, smooth=smooth).layers[-5 if smooth else -2 :]
        torch.nn.init.normal_(last[-2].weight)
        if smooth:  # (three equal convolutions of the shuffle: each of its four places draws the same)
            last[0].weight.data = (
                last[0].weight.data.view(8, 4, 4, 3, 3)[:, :1].expand(8, 4, 4, 3, 3).reshape(32, 4, 3, 3)
            )
        drawn = last(torch.ones(1, 4, 16, 16))[..., 6:-6, 6:-6]
        patterns.append(float((drawn[..., 1:] - drawn[..., :-1]).abs().max()))
    assert patterns[0] > 0.05 and patterns[1] < 1e-5


def test_smooth_is_true_or_false():
    assert DCGANGenerator(32, width=4, smooth=True).generate(torch.zeros(1, 128)).shape == (1, 3, 32, 32)
    with pytest.raises(InvalidConfig, match="smooth"):
        DCGANGenerator(32, width=4, smooth="yes")
