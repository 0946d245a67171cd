"""A generator of two stages: a smaller one draws the picture, and a second network adds what a picture of twice the size
shows more (Laplacian pyramid: Denton et al. 2015, arXiv:1506.05751)."""

from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import InvalidConfig, InvalidInput, short
from .base import Generator, Names, check_config
from .dcgan import DCGANGenerator
from .layers import LIMITS, doubled

FINEST = 8  # channels of the map of the picture's size
INSIDE = 0.999  # limit of the enlarged picture, whose inverse tanh has to be finite
AT_ONCE = 8  # pictures that get their details at a time: with more the maps do not fit into the cache


class Residual(nn.Module):
    """x + f(x), with two 3x3 convolutions."""

    def __init__(self, width: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, width, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, width, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = self.layers(x)
        return x + added


class Details(nn.Module):
    """What a picture of twice the size shows more than a smaller one, from that and from a map of half its size. It works
    at half the small picture's size, then at its size; at first it adds nothing."""

    def __init__(self, image_channels: int, features: int, width: int):
        super().__init__()
        self.coarse = nn.Sequential(
            nn.Conv2d(4 * image_channels + features, 2 * width, 3, padding=1),
            Residual(2 * width),
            nn.Conv2d(2 * width, 4 * width, 1),
            nn.PixelShuffle(2),
        )
        self.fine = nn.Sequential(
            nn.Conv2d(width + image_channels, width, 3, padding=1),
            Residual(width),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 4 * FINEST, 3, padding=1),
            nn.PixelShuffle(2),
            nn.LeakyReLU(0.2),
            nn.Conv2d(FINEST, image_channels, 3, padding=1),
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, 0.2)
                nn.init.zeros_(layer.bias)
            if isinstance(layer, Residual):
                nn.init.zeros_(layer.layers[-1].weight)
        nn.init.zeros_(self.fine[-1].weight)

    def forward(self, picture: Tensor, features: Tensor) -> Tensor:
        """picture (n, C, H, W) in [-1, 1], features (n, F, H / 2, W / 2) -> details (n, C, 2 H, 2 W), any numbers."""
        x = self.coarse(torch.cat([F.pixel_unshuffle(picture, 2), features], 1))
        details: Tensor = self.fine(torch.cat([x, picture], 1))
        return details


class LaplacianGenerator(Generator):
    """A trained DCGAN generator, which stays as it is, and the details of a picture of twice the size. So a latent gives
    the same picture as the smaller generator, enlarged and sharper. (The game projected can train both, by `whole`.)"""

    family = "laplacian"
    takes_labels = True
    limits = LIMITS | {"image_size": (16, 256), "details_width": (4, 256)}

    def __init__(
        self,
        image_size: int = 128,
        image_channels: int = 3,
        latent_dim: int = 128,  # of the smaller generator
        width: int = 64,  # of the smaller generator
        labels: Names | None = None,
        multi_label: bool = False,
        embedding_dim: int = 64,  # of the smaller generator
        details_width: int = 24,  # channels of the details at the smaller picture's size
    ):
        super().__init__()
        check_config(locals(), self.limits)
        if image_size % 4:
            raise InvalidConfig(f"The configuration says image_size = {short(image_size)}; 4 must divide it.")
        half = image_size // 2
        self.base = DCGANGenerator(half, image_channels, latent_dim, width, labels, multi_label, embedding_dim)
        self.base.requires_grad_(False).eval()
        self.labels, self.multi_label, self.latent_dim = self.base.labels, multi_label, latent_dim
        self.image_shape = (image_channels, image_size, image_size)
        self.details = Details(image_channels, width, details_width)

    @property
    def label_table(self) -> Tensor:  # type: ignore[override]  # the smaller generator's
        return self.base.label_table

    def train(self, mode: bool = True) -> Self:
        """The smaller generator keeps its BatchNorm statistics."""
        super().train(mode)
        self.base.eval()
        return self

    def adopt(self, generator: Generator) -> None:
        """Take a trained generator as the smaller one. Raises InvalidInput if it does not fit."""
        mine, weights = self.base.state_dict(), generator.state_dict()
        if (
            not isinstance(generator, DCGANGenerator)
            or any(name not in weights or weights[name].shape != value.shape for name, value in mine.items())
            or (generator.labels, generator.multi_label) != (self.labels, self.multi_label)
            or generator.image_shape != self.base.image_shape
        ):
            channels, height, width = self.base.image_shape
            raise InvalidInput(
                f"The details cannot be added to this generator: they need a DCGAN of {width} x {height} pixels with "
                f"{self.latent_dim} latents and the labels {', '.join(self.labels or ()) or 'of nothing'}."
            )
        self.base.load_state_dict({name: weights[name] for name in mine})

    def both(self, latents: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The picture (n, C, H, W), and the smaller generator's (n, C, H / 2, W / 2), in [-1, 1]."""
        features = self.base.layers[:-2](self.base.told(latents, labels))
        small = self.base.layers[-2:](features)
        if len(small) <= AT_ONCE:
            return self.detailed(small, features), small
        return torch.cat(list(map(self.detailed, small.split(AT_ONCE), features.split(AT_ONCE)))), small

    def detailed(self, small: Tensor, features: Tensor) -> Tensor:
        """The picture (n, C, H, W) from the smaller generator's, (n, C, H / 2, W / 2), and its last map."""
        large = doubled(small).clamp(-INSIDE, INSIDE)
        return (self.details(small, features) + large.atanh()).tanh()

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.both(latents, labels)[0]
