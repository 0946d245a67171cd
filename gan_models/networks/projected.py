"""Discriminators on the features of a frozen network and, together with them, on pixels."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import InvalidConfig
from .adversary import Adversary
from .base import Names, check_config, check_labels
from .layers import upcast
from .mixing import MAPS, MixingDiscriminator

STRIDES = (4, 8, 16)  # of the three mixed maps


class Judged(NamedTuple):
    """The output of a `ProjectedDiscriminator` for n pictures."""

    scores: list[Tensor]  # (n, places) float32 of each discriminator
    logits: Tensor | None  # (levels, n, K) float32: the labels, by the classifier on each judged map


class Patches(nn.Module):
    """A conditional discriminator of patches of pixels (PatchGAN: Isola et al. 2016, arXiv:1611.07004), of 38 x 38 pixels
    for each place."""

    def __init__(self, image_channels: int, width: int, labels: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(image_channels, width, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, 2, 1),
            nn.InstanceNorm2d(2 * width, affine=True),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 4 * width, 4, 2, 1),
            nn.InstanceNorm2d(4 * width, affine=True),
            nn.LeakyReLU(0.2),
            nn.Conv2d(4 * width, 4 * width, 3, padding=1),
            nn.LeakyReLU(0.2),
        )
        self.score = nn.Conv2d(4 * width, 1, 1)
        self.project = nn.Linear(labels, 4 * width, bias=False) if labels else None

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (n, C, H, W) -> scores (n, H / 8 * W / 8)."""
        x = self.layers(images)
        scores: Tensor = self.score(x)[:, 0]
        if self.project is not None:
            scores = scores + (x * self.project(labels)[:, :, None, None]).sum(1) / x.shape[1] ** 0.5
        return scores.flatten(1)


class ProjectedDiscriminator(MixingDiscriminator):
    """Small discriminators, each on a map of a frozen network's features (Projected GAN: Sauer et al. 2021,
    arXiv:2111.01007), and one on patches of pixels (features and pixels together: Kumari et al. 2022, arXiv:2112.09130).

    The labels enter each by a projection (Miyato and Koyama 2018, arXiv:1802.05637). auxiliary: linear classifiers of the
    labels on the maps too. seen: pixels of the pictures that the frozen network sees; others are resized. pixels: channels
    of the discriminator on patches, 0 for none. levels: how many of the three maps are judged, the finest first.
    """

    takes_labels = True
    grows = (
        "adversaries.",
        "classifiers.",
    )  # a run may judge more maps, or classify, than the one from which it starts
    limits = {"image_size": (32, 512), "width": (4, 256), "pixels": (0, 256), "seen": (32, 512), "levels": (1, 3)}

    def __init__(
        self,
        image_size: int = 64,
        image_channels: int = 3,
        width: int = 64,  # channels of the mixed maps
        labels: Names | None = None,
        multi_label: bool = False,
        auxiliary: bool = False,  # also classify the labels
        pixels: int = 24,  # channels of the discriminator on pixels; 0 for none
        seen: int = 64,  # pixels of the pictures from which the features are computed
        levels: int = 3,  # maps that are judged, the finest first: at strides 4, 8 and 16
    ):
        super().__init__()
        check_config(locals(), self.limits)
        if seen % 32:
            raise InvalidConfig(f"The configuration says seen = {seen}; 32 must divide it, as 64 and 128.")
        k = len(check_labels(labels, multi_label) or ())
        self.add_mixing(width, MAPS)
        self.seen = seen
        sizes = [seen // stride for stride in STRIDES[:levels]]
        self.adversaries = nn.ModuleList(Adversary(width, size, k) for size in sizes)
        self.of_pixels = Patches(image_channels, pixels, k) if pixels else None
        self.classifiers = nn.ModuleList(nn.Linear(width * min(size, 8) ** 2, k) for size in sizes if auxiliary and k)

    def forward(self, maps: list[Tensor], images: Tensor, labels: Tensor | None = None) -> Judged:
        """Mixed maps of n pictures, the pictures (n, C, H, W) and their labels as from `encode_labels`."""
        scores = [adversary(x, labels) for adversary, x in zip(self.adversaries, maps, strict=False)]
        if self.of_pixels is not None:
            scores.append(self.of_pixels(images, labels))
        return Judged([upcast(score) for score in scores], self._classified(maps) if len(self.classifiers) else None)

    def _classified(self, maps: list[Tensor]) -> Tensor:
        """Logits (levels, n, K) of mixed maps (n, width, h, w)."""
        small = [x if x.shape[-1] <= 8 else F.adaptive_avg_pool2d(x, 8) for x in maps]
        return torch.stack([upcast(read(x.flatten(1))) for read, x in zip(self.classifiers, small, strict=False)])
