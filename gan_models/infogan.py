"""InfoGAN: latent codes whose meaning is found without labels (Chen et al. 2016, arXiv:1606.03657).

Latents are standard normal as everywhere, so that seeds, walks and truncation work as everywhere; the generator itself reads the codes
from them: the category is the place of the largest of the first entries (so all are equally likely), a continuous code is a
normal entry put through erf(z / sqrt 2), which makes it uniform in -1..1.
"""

import math

import torch
from torch import Tensor, nn

from .base import Verdict, check_config
from .dcgan import DCGANDiscriminator, DCGANGenerator
from .errors import InvalidConfig, InvalidInput

CODE_LIMITS = {"categories": (2, 1000), "continuous": (0, 64)}
MOST = 0.999  # of a continuous code that is set: 1 would be an infinite latent


class InfoGANGenerator(DCGANGenerator):
    """A DCGAN generator that reads codes from its latents: `categories` of one categorical code, then `continuous` ones, then noise."""

    family = "infogan"

    def __init__(self, image_size: int = 28, image_channels: int = 1, latent_dim: int = 74, width: int = 64, categories: int = 10,
                 continuous: int = 2):
        check_config(locals(), CODE_LIMITS)
        if isinstance(latent_dim, int) and latent_dim < categories + continuous:
            raise InvalidConfig(f"The configuration says latent_dim = {latent_dim}; the codes alone need {categories + continuous}.")
        super().__init__(image_size, image_channels, latent_dim, width)
        self.categories, self.continuous = categories, continuous

    def codes(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """The codes in latents (n, latent_dim): categories (n,) int64, and continuous ones (n, c) in -1..1."""
        some = latents[:, self.categories:self.categories + self.continuous]
        return latents[:, :self.categories].argmax(1), (some / math.sqrt(2)).erf()

    def with_codes(self, latents: Tensor, categories: Tensor | None = None, continuous: Tensor | None = None) -> Tensor:
        """The same latents with other codes: categories (n,) int, continuous (n, c) in -1..1; None leaves them.
        Raises InvalidInput where they do not fit."""
        latents, n = latents.clone(), len(latents)
        if categories is not None:
            categories = torch.as_tensor(categories, device=latents.device)
            if categories.shape != (n,) or categories.is_floating_point() or not ((categories >= 0) & (categories < self.categories)).all():
                raise InvalidInput(f"The categories must be ({n},) whole numbers from 0 to {self.categories - 1}.")
            # The largest entry and the wanted one change places, so the latent stays as likely as it was.
            rows, largest = torch.arange(n, device=latents.device), latents[:, :self.categories].argmax(1)
            high, low = latents[rows, largest], latents[rows, categories]
            latents[rows, largest], latents[rows, categories] = low, high
        if continuous is not None:
            continuous = torch.as_tensor(continuous, device=latents.device, dtype=latents.dtype)
            if continuous.shape != (n, self.continuous) or not (continuous.abs() <= 1).all():
                raise InvalidInput(f"The continuous codes must be ({n}, {self.continuous}) numbers from -1 to 1.")
            latents[:, self.categories:self.categories + self.continuous] = continuous.clamp(-MOST, MOST).erfinv() * math.sqrt(2)
        return latents

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        categories, continuous = self.codes(latents)
        one_hot = nn.functional.one_hot(categories, self.categories).to(latents.dtype)
        return super().forward(torch.cat([one_hot, continuous, latents[:, self.categories + self.continuous:]], 1))


class InfoGANDiscriminator(DCGANDiscriminator):
    """A DCGAN discriminator that also tells the codes, from the same features: Verdict.logits (n, categories + continuous)."""

    def __init__(self, image_size: int = 28, image_channels: int = 1, width: int = 64, normalisation: str = "batch",
                 categories: int = 10, continuous: int = 2):
        check_config(locals(), CODE_LIMITS)
        super().__init__(image_size, image_channels, width, normalisation=normalisation)
        hidden = self.score.in_channels * self.score.kernel_size[0] ** 2
        self.read = nn.Sequential(nn.Linear(hidden, 128), nn.BatchNorm1d(128), nn.LeakyReLU(0.1), nn.Linear(128, categories + continuous))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Verdict:
        verdict = super().forward(images)
        return verdict._replace(logits=self.read(verdict.features.flatten(1)))
