"""A trained DCGAN generator with an encoder."""

from torch import Tensor, nn
from torch.nn import functional as F

from .base import Generator, Names, check_config
from .dcgan import DCGANGenerator
from .layers import LIMITS, downwards, initialise, pyramid


class InvertibleGenerator(DCGANGenerator):
    """A DCGAN generator that was trained before, with an encoder that was trained on its pictures and on real ones."""

    family = "invertible"
    limits = LIMITS | {"encoder_width": LIMITS["width"]}

    def __init__(
        self,
        image_size: int = 64,
        image_channels: int = 3,
        latent_dim: int = 128,  # entries of the latent
        width: int = 64,  # channels of the largest map; doubled at each smaller size
        labels: Names | None = None,
        multi_label: bool = False,
        embedding_dim: int = 64,  # entries of the embedding of the labels
        encoder_width: int = 20,  # the width of its encoder
    ):
        super().__init__(image_size, image_channels, latent_dim, width, labels, multi_label, embedding_dim)
        check_config(locals(), self.limits, oblong=True)
        size, channels = pyramid(image_size, encoder_width)
        self.encoder = nn.Sequential(
            downwards(image_channels, channels, "batch"),
            nn.Conv2d(channels[-1], latent_dim + len(self.labels or ()), size),
        )
        initialise(self.encoder, normal=True)

    def read(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """images (n, C, H, W) in [-1, 1] -> latents (n, latent_dim), and logits of the labels (n, K) if it has labels."""
        latents, logits = self.encoder(images).flatten(1).split((self.latent_dim, len(self.labels or ())), 1)
        return latents, logits if self.labels else None

    def encode(self, images: Tensor) -> Tensor:
        return self.read(self.check_images(images).to(self.dtype))[0].float()

    def estimate_labels(self, images: Tensor) -> Tensor | None:
        """images (n, C, H, W) in [-1, 1] -> labels (n, K) in 0..1 for `generate`; None for an unconditional generator."""
        logits = self.read(self.check_images(images).to(self.dtype))[1]
        return labels_of(self, logits if logits is None else logits.float())


def labels_of(generator: Generator, logits: Tensor | None) -> Tensor | None:
    """Logits (n, K) -> labels in 0..1: a sigmoid for attributes, a softmax for classes."""
    return None if logits is None else logits.sigmoid() if generator.multi_label else logits.softmax(1)


def coarse_and_fine(drawn: Tensor, images: Tensor) -> Tensor:
    """(n,) mean absolute error of pictures (n, C, H, W), plus that of the pictures at a quarter of the size."""
    pairs = (drawn, images), (F.avg_pool2d(drawn, 4), F.avg_pool2d(images, 4))
    fine, coarse = ((a - b).abs().flatten(1).mean(1) for a, b in pairs)
    return fine + coarse
