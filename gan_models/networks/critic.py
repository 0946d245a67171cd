"""The networks that judge pictures while an editor learns."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..celeba import ATTRIBUTES
from .base import Discriminator, DiscriminatorOutput, Names, check_config, check_labels
from .dcgan import DCGANDiscriminator
from .layers import LIMITS, capped_pyramid, downwards, initialise, upcast

MEMORY = 20_000  # images, the half-life of the regressions' sums


class Classifier(nn.Module):
    """Two classifiers of the attributes. One sees the pictures at full size, one at half the size, where only complete
    changes are visible."""

    def __init__(self, image_size: int, image_channels: int, width: int, attributes: int):
        super().__init__()
        self.fine = self._network(image_size, image_channels, width, attributes)
        self.coarse = self._network(image_size // 2, image_channels, width + width // 2, attributes)
        initialise(self, normal=True)

    @staticmethod
    def _network(image_size: int, image_channels: int, width: int, attributes: int) -> nn.Sequential:
        size, channels = capped_pyramid(image_size, width)
        return nn.Sequential(
            downwards(image_channels, channels, "batch"),
            nn.AvgPool2d(size // 2),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(channels[-1] * 4, attributes),
        )

    def forward(self, images: Tensor) -> Tensor:
        """(n, C, H, W) -> logits (2, n, K) float32."""
        return upcast(torch.stack([self.fine(images), self.coarse(F.avg_pool2d(images, 2))]))


class Critic(Discriminator):
    """Everything that judges pictures while the editor learns: a discriminator, the classifiers, and the sums of the
    regressions."""

    label_sums: Tensor  # (L + 1, L + 1)
    code_sums: Tensor  # (L + 1, d)
    pixel_sums: Tensor  # (L + 1, C, H, W)
    limits = {key: LIMITS[key] for key in ("image_channels", "width", "latent_dim")} | {"image_size": (16, 256)}

    def __init__(
        self,
        image_size: int = 64,
        image_channels: int = 3,
        width: int = 32,  # channels of the largest map
        latent_dim: int = 256,  # as in the generator
        attributes: Names | None = None,  # as in the generator
        labels: int = 40,  # at most, of the data
    ):
        super().__init__()
        check_config(locals(), self.limits)
        names = check_labels(ATTRIBUTES if attributes is None else attributes, True) or ()
        self.adversary = DCGANDiscriminator(
            image_size, image_channels, width, list(names), multi_label=True, normalisation="spectral"
        )
        self.classifier = Classifier(image_size, image_channels, width, len(names))
        self.register_buffer("label_sums", torch.zeros(labels + 1, labels + 1))
        self.register_buffer("code_sums", torch.zeros(labels + 1, latent_dim))
        self.register_buffer("pixel_sums", torch.zeros(labels + 1, image_channels, image_size, image_size))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        found: DiscriminatorOutput = self.adversary(images, labels)
        return found

    @torch.no_grad()
    def note(self, codes: Tensor, images: Tensor, labels: Tensor) -> None:
        """Add pictures' codes (n, d), the pictures (n, C, H, W) and their labels (n, L) to the regressions."""
        known = F.pad(labels, (0, 1), value=1.0)
        keep = 0.5 ** (len(codes) / MEMORY)
        with torch.autocast(codes.device.type, enabled=False):
            self.label_sums.mul_(keep).add_(known.T @ known)
            self.code_sums.mul_(keep).add_(known.T @ codes)
            self.pixel_sums.mul_(keep).add_((known.T @ images.flatten(1)).view_as(self.pixel_sums))

    @torch.no_grad()
    def effects(self, sums: Tensor, attributes: int) -> Tensor:
        """The effect of each attribute when all other labels are equal, by least squares: on codes (K, d) or on pictures
        (K, C, H, W)."""
        ridge = (
            1e-3 * self.label_sums[-1, -1].clamp_min(1) * torch.eye(len(self.label_sums), device=self.label_sums.device)
        )
        found = 2 * torch.linalg.solve(self.label_sums + ridge, sums.flatten(1))[:attributes]  # labels are -1 and 1
        effects: Tensor = found.unflatten(1, sums.shape[1:])
        return effects
