"""What networks from picture to picture share: levels of a U-Net that are told a request, and a U-Net that works at half
the picture's resolution."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import InvalidConfig, InvalidInput
from .base import Generator, check_config
from .layers import GroupNorm, given

GROUPS = 8
COARSE = 64  # pixels at which an editor's U-Net sees a face; larger sizes add finer levels of paint
SMALLEST = 7  # the largest size of the smallest map


def enlarged(maps: Tensor, size: int) -> Tensor:
    """Maps (n, C, S, S) at `size` x `size`, bilinear; those that have it already as they are."""
    return maps if maps.shape[-1] == size else F.interpolate(maps, (size, size), mode="bilinear", align_corners=False)


class Level(nn.Module):
    """A convolution, GroupNorm, a scale and shift of each channel that depend on the request (FiLM: Perez et al. 2018,
    arXiv:1709.07871), LeakyReLU.

    beside: channels of a skip connection of twice the size. Its convolution and the upsampled convolution of the input
    are added. (Concatenating the two first, as a U-Net does, costs twice as much.)
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, embedding: int = 0, beside: int = 0
    ):
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=1)
        self.beside = nn.Conv2d(beside, outputs, 3, padding=1, bias=False) if beside else None
        self.norm = GroupNorm(GROUPS, outputs)
        self.wishes = nn.Linear(embedding, 2 * outputs) if embedding else None

    def forward(self, x: Tensor, wishes: Tensor | None = None, beside: Tensor | None = None) -> Tensor:
        x = self.convolution(x)
        if self.beside is not None:
            skip = given(beside, "the map of its skip connection")
            x = enlarged(x, skip.shape[-1]) + self.beside(skip)
        x = self.norm(x)
        if self.wishes is not None:
            scale, shift = self.wishes(wishes)[:, :, None, None].chunk(2, 1)
            x = torch.addcmul(shift, x, 1 + scale)
        return F.leaky_relu(x, 0.2)


def initialise_convolutions(network: nn.Module) -> None:
    """He initialisation of all convolutions for LeakyReLU (He et al. 2015, arXiv:1502.01852); biases start at 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, 0.2)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


class PictureUNet(Generator):
    """Base of networks that take a picture of 1 or 3 channels and cannot draw one from latents (latent_dim is 0): a U-Net
    (Ronneberger et al. 2015, arXiv:1505.04597) on 2 x 2 pixels as channels (Shi et al. 2016, arXiv:1609.05158)."""

    limits = {"image_size": (8, 256), "image_channels": (1, 3), "width": (8, 128), "embedding": (8, 512)}
    refusal: str  # the sentence for whoever wants a picture from latents

    def check_unet(self, config: dict[str, Any]) -> None:
        """Raise InvalidConfig unless a U-Net can be built from the numbers of the configuration."""
        check_config(config, self.limits)
        size, channels, width = (config[key] for key in ("image_size", "image_channels", "width"))
        if channels == 2:
            raise InvalidConfig("The configuration says image_channels = 2; it must be 1 or 3.")
        if size % 4:
            raise InvalidConfig(f"The configuration says image_size = {size}; it must be a multiple of 4.")
        if width % GROUPS:
            raise InvalidConfig(f"The configuration's width ({width}) must be a multiple of {GROUPS}.")

    def add_unet(self, config: dict[str, Any], pixels: int, wishes: int, on_the_way_down: bool = False) -> int:
        """Add the layers for a checked configuration. pixels: channels of the input at half resolution. wishes: entries
        of a request, which conditions the way up, and with `on_the_way_down` the way down too. Returns the number of
        channels of all maps together."""
        size, width, embedding = (config[key] for key in ("image_size", "width", "embedding"))
        self.latent_dim, self.image_shape = 0, (config["image_channels"], size, size)
        size, channels = size // 2, [width]
        while size > SMALLEST and size % 2 == 0:
            size //= 2
            channels.append(channels[-1] * 2)
        self.wishes = nn.Sequential(nn.Linear(wishes, embedding), nn.LeakyReLU(0.2))
        self.stem = nn.Sequential(nn.Conv2d(pixels, width, 3, padding=1), nn.LeakyReLU(0.2))
        early = embedding if on_the_way_down else 0
        self.down = nn.ModuleList(Level(a, b, 4, 2, early) for a, b in zip(channels, channels[1:], strict=False))
        self.middle = Level(channels[-1], channels[-1], embedding=embedding)
        self.up = nn.ModuleList(
            Level(a, b, embedding=embedding, beside=b) for a, b in zip(channels[:0:-1], channels[-2::-1], strict=True)
        )
        return sum(channels)

    def downward(self, pixels: Tensor, wishes: Tensor | None = None) -> tuple[Tensor, ...]:
        """Pixels (n, pixels, H / 2, W / 2) -> the maps of the way down, the largest first. wishes: embedded."""
        maps = [self.stem(pixels)]
        for level in self.down:
            maps.append(level(maps[-1], wishes))
        return tuple(maps)

    def upward(self, maps: Sequence[Tensor], wishes: Tensor) -> Tensor:
        """The maps of the way down and embedded wishes -> the largest map of the way up."""
        x: Tensor = self.middle(maps[-1], wishes)
        for level, beside in zip(self.up, maps[-2::-1], strict=True):
            x = level(x, wishes, beside)
        return x

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Raise InvalidInput: this model has no latents."""
        raise InvalidInput(self.refusal)
