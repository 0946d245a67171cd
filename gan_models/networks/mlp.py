"""The first GAN: fully connected networks (Goodfellow et al. 2014, arXiv:1406.2661)."""

from torch import Tensor, nn

from ..errors import InvalidConfig, short
from .base import Discriminator, DiscriminatorOutput, Generator, check_config

LIMITS = {
    "image_size": (4, 128),
    "image_channels": (1, 4),
    "latent_dim": (1, 2048),
    "width": (1, 4096),
    "depth": (1, 8),
}


def _uniform(module: nn.Module, bound: float) -> None:
    """The paper's initialisation (its published configuration: `irange`): weights U(-bound, bound), biases zero."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.uniform_(layer.weight, -bound, bound)
            nn.init.zeros_(layer.bias)


class MLPGenerator(Generator):
    """Rectifier layers, then tanh (the paper's sigmoid on the scale -1..1). Takes standard-normal latents."""

    family = "mlp"
    limits = LIMITS

    def __init__(
        self,
        image_size: int = 28,
        image_channels: int = 1,
        latent_dim: int = 100,  # entries of the latent
        width: int = 1200,  # units of a layer
        depth: int = 2,  # hidden layers
    ):
        super().__init__()
        check_config(locals(), self.limits)
        self.set_labels(None, False)
        self.latent_dim, self.image_shape = latent_dim, (image_channels, image_size, image_size)
        widths = [latent_dim] + [width] * depth
        hidden = [layer for a, b in zip(widths, widths[1:]) for layer in (nn.Linear(a, b), nn.ReLU())]
        self.layers = nn.Sequential(*hidden, nn.Linear(width, image_channels * image_size**2), nn.Tanh())
        _uniform(self, 0.05)

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        images: Tensor = self.layers(latents).unflatten(1, self.image_shape)
        return images


class Maxout(nn.Module):
    """The largest of `pieces` linear functions, for each unit (Goodfellow et al. 2013, arXiv:1302.4389)."""

    def __init__(self, inputs: int, units: int, pieces: int = 5):
        super().__init__()
        self.linear, self.units = nn.Linear(inputs, units * pieces), units

    def forward(self, x: Tensor) -> Tensor:
        pieces: Tensor = self.linear(x).unflatten(1, (self.units, -1))
        return pieces.amax(-1)


class MLPDiscriminator(Discriminator):
    """Maxout layers with dropout, as in the paper."""

    limits = {key: LIMITS[key] for key in ("image_size", "image_channels", "width", "depth")}

    def __init__(
        self,
        image_size: int = 28,
        image_channels: int = 1,
        width: int = 240,  # units of a layer
        depth: int = 2,  # hidden layers
        dropout: float = 0.5,  # the share of units that are dropped in a step: from 0 to less than 1
    ):
        super().__init__()
        check_config(locals(), self.limits)
        if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout < 1:
            raise InvalidConfig(
                f"The configuration says dropout = {short(dropout)}; it must be a number from 0 to less than 1."
            )
        widths = [image_channels * image_size**2] + [width] * depth
        self.hidden = nn.Sequential(
            *[layer for a, b in zip(widths, widths[1:]) for layer in (Maxout(a, b), nn.Dropout(dropout))]
        )
        self.score = nn.Linear(width, 1)
        _uniform(self, 0.05)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        features = self.hidden(images.flatten(1))
        return DiscriminatorOutput(self.score(features).squeeze(1), features)
