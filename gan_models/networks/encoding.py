"""Generators with an encoder, as in VAE-GAN (Larsen et al. 2016,
arXiv:1512.09300) and BiGAN (Donahue et al. 2017, arXiv:1605.09782), and the autoencoder of moment matching (Li et al.
2015, arXiv:1502.02761)."""

import math

from torch import Tensor, nn

from ..sizes import sides
from .base import Discriminator, DiscriminatorOutput, check_config
from .dcgan import DCGANGenerator
from .layers import LIMITS, check_normalisation, downwards, initialise, pyramid, upwards


class Encoder(nn.Module):
    """Strided convolutions from a picture to the mean and the log-variance of its latent, each (n, latent_dim)."""

    def __init__(self, image_size: int, image_channels: int, latent_dim: int, width: int):
        super().__init__()
        size, channels = pyramid(image_size, width)
        self.layers = downwards(image_channels, channels, "batch")
        self.latent = nn.Conv2d(channels[-1], 2 * latent_dim, size)
        initialise(self, normal=True)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.latent(self.layers(images)).flatten(1).chunk(2, 1)
        return mean, log_variance.clamp(-10, 10)


class EncodingGenerator(DCGANGenerator):
    """A DCGAN generator with an encoder: `encode` gives the latent of a picture."""

    family = "encoding"
    takes_labels = False

    def __init__(
        self,
        image_size: int = 28,
        image_channels: int = 1,
        latent_dim: int = 64,  # entries of the latent
        width: int = 64,  # channels of the largest map; doubled at each smaller size
    ):
        super().__init__(image_size, image_channels, latent_dim, width)
        self.encoder = Encoder(image_size, image_channels, latent_dim, width)

    def encode(self, images: Tensor) -> Tensor:
        latents: Tensor = self.encoder(self.check_images(images).to(self.dtype))[0]
        return latents.float()


class PairDiscriminator(Discriminator):
    """Scores pairs of a picture and a latent: features of both, then two layers."""

    normalisations = ("batch", "none")
    limits = {key: LIMITS[key] for key in ("image_size", "image_channels", "width", "latent_dim")} | {
        "hidden": (1, 4096)
    }

    def __init__(
        self,
        image_size: int = 28,
        image_channels: int = 1,
        width: int = 64,  # channels of the largest map; doubled at each smaller size
        latent_dim: int = 64,  # as in the generator
        hidden: int = 512,  # units of the layers after the features
        normalisation: str = "batch",  # gradient penalties need "none", since BatchNorm mixes pictures
    ):
        super().__init__()
        check_config(locals(), self.limits)
        check_normalisation(normalisation, self.normalisations)
        size, channels = pyramid(image_size, width)
        self.layers = downwards(image_channels, channels, normalisation)
        self.of_image = nn.Linear(channels[-1] * math.prod(sides(size)), hidden)
        self.of_latent = nn.Sequential(nn.Linear(latent_dim, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, hidden))
        self.judge = nn.Sequential(nn.LeakyReLU(0.2), nn.Linear(hidden, hidden), nn.LeakyReLU(0.2))
        self.score = nn.Linear(hidden, 1)
        initialise(self, normal=False)

    def forward(
        self, images: Tensor, labels: Tensor | None = None, latents: Tensor | None = None
    ) -> DiscriminatorOutput:
        features = self.judge(self.of_image(self.layers(images).flatten(1)) + self.of_latent(latents))
        return DiscriminatorOutput(self.score(features).squeeze(1), features)


class Autoencoder(Discriminator):
    """Takes the place of the discriminator in games without one: an encoder to a latent space of real pictures, and a
    decoder."""

    limits = {key: LIMITS[key] for key in ("image_size", "image_channels", "width")} | {"code_dim": (1, 2048)}

    def __init__(
        self,
        image_size: int = 28,
        image_channels: int = 1,
        width: int = 64,  # channels of the largest map; doubled at each smaller size
        code_dim: int = 32,  # entries of a code
    ):
        super().__init__()
        check_config(locals(), self.limits)
        size, channels = pyramid(image_size, width)
        self.down = downwards(image_channels, channels, "batch")
        self.code = nn.Conv2d(channels[-1], code_dim, size)
        self.up = upwards(code_dim, size, channels, image_channels)
        initialise(self, normal=True)

    def encode(self, images: Tensor) -> Tensor:
        """(n, C, H, W) -> (n, code_dim)."""
        codes: Tensor = self.code(self.down(images))
        return codes.flatten(1)

    def decode(self, codes: Tensor) -> Tensor:
        """(n, code_dim) -> (n, C, H, W)."""
        images: Tensor = self.up(codes[:, :, None, None])
        return images

    def reconstruct(self, images: Tensor) -> Tensor:
        return self.decode(self.encode(images))
