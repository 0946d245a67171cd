"""InfoGAN: latent codes with a meaning that is learned without labels (Chen et al. 2016, arXiv:1606.03657).

Latents are standard normal as in all models, so that seeds, walks and truncation work. The generator computes the codes
from the latent: the category is the index of the largest of the first entries, so all are equally likely; a continuous
code is erf(z / sqrt 2) of a normal entry z, which is uniform in -1..1.
"""

import math

import torch
from torch import Tensor, nn

from ..errors import InvalidConfig, InvalidInput
from ..sizes import sides
from .base import Discriminator, DiscriminatorOutput, Generator, check_config
from .layers import LIMITS, FromPoint, check_normalisation, downwards, initialise, pyramid, upwards

CODE_LIMITS = {key: LIMITS[key] for key in ("image_size", "image_channels", "width")} | {
    "categories": (2, 1000),
    "continuous": (0, 64),
    "hidden": (1, 4096),
}
MOST = 0.999  # largest continuous code that can be set: 1 would be an infinite latent


class InfoGANGenerator(Generator):
    """The paper's generator: a fully connected layer, through which a code affects the whole picture, then transposed
    convolutions. A latent has `categories` entries for the categorical code, then `continuous` codes, then noise."""

    family = "infogan"
    limits = CODE_LIMITS | {"latent_dim": LIMITS["latent_dim"]}

    def __init__(
        self,
        image_size: int = 28,
        image_channels: int = 1,
        latent_dim: int = 74,  # entries of the latent, including the codes
        width: int = 64,  # channels of the largest map; doubled at each smaller size
        categories: int = 10,  # of the categorical code
        continuous: int = 2,  # continuous codes
        hidden: int = 512,  # units of the first layer
    ):
        super().__init__()
        check_config(locals(), self.limits)
        if latent_dim < categories + continuous:
            raise InvalidConfig(
                f"The configuration says latent_dim = {latent_dim}; the codes alone need {categories + continuous}."
            )
        size, channels = pyramid(image_size, width)
        self.set_labels(None, False)
        self.latent_dim, self.image_shape = latent_dim, (image_channels, image_size, image_size)
        self.categories, self.continuous = categories, continuous
        self.read = nn.Sequential(nn.Linear(latent_dim, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU())
        self.layers = upwards(hidden, size, channels, image_channels, first=FromPoint)
        initialise(self, normal=True)

    def codes(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """The codes in latents (n, latent_dim): categories (n,) int64, and continuous ones (n, c) in -1..1."""
        some = latents[:, self.categories : self.categories + self.continuous]
        return latents[:, : self.categories].argmax(1), (some / math.sqrt(2)).erf()

    def with_codes(self, latents: Tensor, categories: Tensor | None = None, continuous: Tensor | None = None) -> Tensor:
        """The same latents with other codes: categories (n,) int, continuous (n, c) in -1..1; None keeps them. Raises
        InvalidInput if they do not fit."""
        latents, n = latents.clone(), len(latents)
        if categories is not None:
            categories = torch.as_tensor(categories, device=latents.device)
            if (
                categories.shape != (n,)
                or categories.is_floating_point()
                or not ((categories >= 0) & (categories < self.categories)).all()
            ):
                raise InvalidInput(f"The categories must be ({n},) whole numbers from 0 to {self.categories - 1}.")
            # Swap the largest entry and the wanted one, so that the latent stays as likely as before.
            rows, largest = torch.arange(n, device=latents.device), latents[:, : self.categories].argmax(1)
            high, low = latents[rows, largest], latents[rows, categories]
            latents[rows, largest], latents[rows, categories] = low, high
        if continuous is not None:
            continuous = torch.as_tensor(continuous, device=latents.device, dtype=latents.dtype)
            if continuous.shape != (n, self.continuous) or not (continuous.abs() <= 1).all():
                raise InvalidInput(f"The continuous codes must be ({n}, {self.continuous}) numbers from -1 to 1.")
            latents[:, self.categories : self.categories + self.continuous] = continuous.clamp(
                -MOST, MOST
            ).erfinv() * math.sqrt(2)
        return latents

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        categories, continuous = self.codes(latents)
        one_hot = nn.functional.one_hot(categories, self.categories).to(latents.dtype)
        x = self.read(torch.cat([one_hot, continuous, latents[:, self.categories + self.continuous :]], 1))
        images: Tensor = self.layers(x[:, :, None, None])
        return images


class InfoGANDiscriminator(Discriminator):
    """The paper's discriminator: strided convolutions, then a fully connected layer with two heads: one for the score,
    one for the codes, logits (n, categories + continuous)."""

    normalisations = ("batch", "none")
    limits = CODE_LIMITS

    def __init__(
        self,
        image_size: int = 28,
        image_channels: int = 1,
        width: int = 64,  # channels of the largest map; doubled at each smaller size
        normalisation: str = "batch",  # gradient penalties need "none", since BatchNorm mixes pictures
        categories: int = 10,  # as in the generator
        continuous: int = 2,  # as in the generator
        hidden: int = 512,  # units of the layer below the heads
    ):
        super().__init__()
        check_config(locals(), self.limits)
        check_normalisation(normalisation, self.normalisations)
        size, channels = pyramid(image_size, width)

        def connected(inputs: int, outputs: int) -> nn.Sequential:
            norm = nn.BatchNorm1d(outputs) if normalisation == "batch" else nn.Identity()
            return nn.Sequential(nn.Linear(inputs, outputs), norm, nn.LeakyReLU(0.1))

        self.layers = downwards(image_channels, channels, normalisation)
        self.hidden = connected(channels[-1] * math.prod(sides(size)), hidden)
        self.score = nn.Linear(hidden, 1)
        self.codes = nn.Sequential(*connected(hidden, 128), nn.Linear(128, categories + continuous))
        initialise(self, normal=normalisation == "batch")

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        features = self.hidden(self.layers(images).flatten(1))
        return DiscriminatorOutput(self.score(features).squeeze(1), features, self.codes(features))
