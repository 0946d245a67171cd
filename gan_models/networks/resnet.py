"""R3GAN's networks: residual, without normalisation (Huang et al. 2024, arXiv:2501.05441).

The largest map has half the picture's size (`patch` 2: a 4x4 convolution of stride 2 next to the picture, several times
as fast on a CPU) or the picture's size (`patch` 1, as in the paper). Each stage works at one resolution. Between stages
the maps are resized by a smooth filter, and by a 1x1 convolution if the width changes. A block is x + f(x), where f is
an inverted bottleneck: a 1x1 convolution to more channels, a grouped 3x3 convolution, and a 1x1 convolution back. The
last convolution of a block starts at zero, and the others are scaled down with the number of blocks (fixup: Zhang et al.
2019, arXiv:1901.09321); so the network works without normalisation. The labels are a second input of the generator, and
enter the discriminator by a projection (Miyato and Koyama 2018, arXiv:1802.05637).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import InvalidConfig, short
from ..sizes import Size, sides
from .base import (
    Discriminator,
    DiscriminatorOutput,
    Generator,
    Names,
    check_config,
    check_labels,
)
from .layers import LIMITS as DCGAN_LIMITS
from .layers import given, pyramid

SHARED = {key: DCGAN_LIMITS[key] for key in ("image_size", "image_channels", "width")} | {
    "patch": (1, 2),
    "blocks": (1, 16),
    "expansion": (1, 8),
    "group": (1, 256),
}
LIMITS = SHARED | {key: DCGAN_LIMITS[key] for key in ("latent_dim", "embedding_dim")}
GAIN = math.sqrt(2 / (1 + 0.2**2))  # of a leaky rectifier of slope 0.2


def _scaled_convolution(
    inputs: int, outputs: int, size: int, gain: float, groups: int = 1, bias: bool = True
) -> nn.Conv2d:
    """He initialisation times `gain`."""
    layer = nn.Conv2d(inputs, outputs, size, padding=size // 2, groups=groups, bias=bias)
    nn.init.normal_(layer.weight, 0, gain / math.sqrt(inputs // groups * size**2))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _activate(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2)


class ResidualBlock(nn.Module):
    """x + f(x). depth: the number of blocks in the whole network."""

    def __init__(self, width: int, expansion: int, group: int, depth: int):
        super().__init__()
        inner, gain = width * expansion, GAIN * depth**-0.25
        self.widen = _scaled_convolution(width, inner, 1, gain)
        self.mix = _scaled_convolution(inner, inner, 3, gain, groups=max(inner // group, 1))
        self.narrow = _scaled_convolution(inner, width, 1, 0.0, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = self.narrow(_activate(self.mix(_activate(self.widen(x)))))
        return x + added


class Stage(nn.Module):
    """A change of resolution and width (`step`: 2 up, -2 down, 0 none), then blocks."""

    def __init__(self, inputs: int, width: int, step: int, blocks: int, expansion: int, group: int, depth: int):
        super().__init__()
        self.step = step
        self.to_width = _scaled_convolution(inputs, width, 1, 1.0, bias=False) if inputs != width else nn.Identity()
        self.blocks = nn.Sequential(*(ResidualBlock(width, expansion, group, depth) for _ in range(blocks)))

    def forward(self, x: Tensor) -> Tensor:
        if self.step > 0:  # change the width where the map is smaller, which is cheaper
            x = F.interpolate(self.to_width(x), scale_factor=2, mode="bilinear", align_corners=False)
        elif self.step < 0:
            x = self.to_width(F.avg_pool2d(x, 2))
        else:
            x = self.to_width(x)
        worked: Tensor = self.blocks(x)
        return worked


def widths(image_size: Size, width: int, patch: int) -> tuple[int | tuple[int, int], list[int]]:
    """(size of the smallest map, channels of the stages from the largest map to the smallest): doubled at each stage,
    up to 8 times the first."""
    if any(side % patch for side in sides(image_size)):
        raise InvalidConfig(
            f"The configuration says image_size = {short(image_size)}, which patch = {patch} does not divide."
        )
    size, channels = pyramid([side // patch for side in sides(image_size)], width)
    return size, [*channels, min(channels[-1] * 2, width * 8)]


def check_groups(channels: list[int], expansion: int, group: int) -> None:
    for width in channels:
        if width * expansion > group and width * expansion % group:
            raise InvalidConfig(
                f"The configuration says group = {group}, which does not divide the {width * expansion} "
                "channels of a block."
            )


class ResNetGenerator(Generator):
    """A learned map of the smallest size, weighted by the latent, then stages upwards."""

    family = "resnet"
    takes_labels = True
    limits = LIMITS

    def __init__(
        self,
        image_size: Size = 32,
        image_channels: int = 3,
        latent_dim: int = 64,  # entries of the latent
        width: int = 48,  # channels of the largest map; smaller ones have more, up to 8 times as many
        patch: int = 2,  # 2: the largest map has half the picture's size, several times as fast; 1: the full size
        blocks: int = 1,  # residual blocks of a stage
        expansion: int = 2,  # factor by which a block has more channels inside
        group: int = 16,  # channels per group of the grouped convolution
        labels: Names | None = None,
        multi_label: bool = False,
        embedding_dim: int = 64,  # entries of the embedding of the labels
    ):
        super().__init__()
        check_config(locals(), self.limits, oblong=True)
        size, channels = widths(image_size, width, patch)
        check_groups(channels, expansion, group)
        self.set_labels(labels, multi_label)
        self.latent_dim, self.image_shape = latent_dim, (image_channels, *sides(image_size))
        inputs = latent_dim
        if self.labels:
            self.embedding = nn.Linear(len(self.labels), embedding_dim, bias=False)
            nn.init.normal_(self.embedding.weight, 0, len(self.labels) ** -0.5 if multi_label else 1.0)
            inputs += embedding_dim
        self.basis = nn.Parameter(torch.randn(channels[-1], *sides(size)))
        self.weigh = nn.Linear(inputs, channels[-1], bias=False)
        nn.init.normal_(self.weigh.weight, 0, inputs**-0.5)
        order, depth = channels[::-1], len(channels) * blocks
        self.stages = nn.Sequential(
            *(
                Stage(a, b, 2 if k else 0, blocks, expansion, group, depth)
                for k, (a, b) in enumerate(zip(order[:1] + order, order))
            )
        )
        self.paint = (
            _scaled_convolution(channels[0], image_channels, 1, 1.0)
            if patch == 1
            else nn.ConvTranspose2d(channels[0], image_channels, 4, 2, 1)
        )

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        x = torch.cat([latents, self.embedding(labels)], 1) if self.labels else latents
        painted: Tensor = self.paint(_activate(self.stages(self.basis * self.weigh(x)[:, :, None, None])))
        return painted.tanh()


class ResNetDiscriminator(Discriminator):
    """Stages downwards, one filter for each channel of the smallest map, and a score."""

    takes_labels = True
    limits = SHARED

    def __init__(
        self,
        image_size: Size = 32,
        image_channels: int = 3,
        width: int = 48,  # as in the generator
        patch: int = 2,  # as in the generator
        blocks: int = 1,  # as in the generator
        expansion: int = 2,  # as in the generator
        group: int = 16,  # as in the generator
        labels: Names | None = None,
        multi_label: bool = False,
        auxiliary: bool = False,  # also classify the labels (Odena et al. 2016)
    ):
        super().__init__()
        check_config(locals(), self.limits, oblong=True)
        size, channels = widths(image_size, width, patch)
        check_groups(channels, expansion, group)
        names, depth = check_labels(labels, multi_label), len(channels) * blocks
        self.look = (
            _scaled_convolution(image_channels, channels[0], 1, 1.0)
            if patch == 1
            else nn.Conv2d(image_channels, channels[0], 4, 2, 1)
        )
        self.stages = nn.Sequential(
            *(
                Stage(a, b, -2 if k else 0, blocks, expansion, group, depth)
                for k, (a, b) in enumerate(zip(channels[:1] + channels, channels))
            )
        )
        self.basis = nn.Conv2d(channels[-1], channels[-1], size, groups=channels[-1], bias=False)
        nn.init.normal_(self.basis.weight, 0, 1 / math.sqrt(math.prod(sides(size))))
        self.score = nn.Linear(channels[-1], 1)
        self.embedding = nn.Linear(channels[-1], len(names)) if names else None
        self.classifier = nn.Linear(channels[-1], len(names)) if names and auxiliary else None

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        features = self.basis(self.stages(self.look(images))).flatten(1)
        scores = self.score(features).squeeze(1)
        if self.embedding is not None:
            scores = scores + (self.embedding(features) * F.normalize(given(labels, "labels"))).sum(1)
        return DiscriminatorOutput(scores, features, None if self.classifier is None else self.classifier(features))
