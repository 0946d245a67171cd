"""DCGAN: all-convolutional networks (Radford et al. 2015, arXiv:1511.06434), with or without labels.

The generator gets the latent and a learned embedding of the labels (Mirza and Osindero 2014, arXiv:1411.1784). The
discriminator compares the labels with the picture by a projection (Miyato and Koyama 2018, arXiv:1802.05637), and can
also classify them (auxiliary classifier: Odena et al. 2016, arXiv:1610.09585).
"""

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from ..sizes import Size, sides
from .base import (
    Discriminator,
    DiscriminatorOutput,
    Generator,
    Names,
    check_config,
    check_labels,
)
from .layers import LIMITS, check_normalisation, downwards, given, initialise, pyramid, upwards


class DCGANGenerator(Generator):
    """Transposed convolutions with BatchNorm and ReLU, doubling the size at each step; tanh at the end."""

    family = "dcgan"
    takes_labels = True
    limits = LIMITS

    def __init__(
        self,
        image_size: Size = 64,
        image_channels: int = 3,
        latent_dim: int = 128,  # entries of the latent
        width: int = 64,  # channels of the largest map; doubled at each smaller size
        labels: Names | None = None,
        multi_label: bool = False,
        embedding_dim: int = 64,  # entries of the embedding of the labels
    ):
        super().__init__()
        check_config(locals(), DCGANGenerator.limits, oblong=True)
        size, channels = pyramid(image_size, width)
        self.set_labels(labels, multi_label)
        self.latent_dim, self.image_shape = latent_dim, (image_channels, *sides(image_size))
        inputs = latent_dim
        if self.labels:
            self.embedding = nn.Linear(len(self.labels), embedding_dim)
            inputs += embedding_dim
        self.layers = upwards(inputs, size, channels, image_channels)
        initialise(self, normal=True)
        if self.labels:
            # On the scale of the latent: with the usual 0.02 the labels would have little effect.
            nn.init.normal_(self.embedding.weight, 0, len(self.labels) ** -0.5 if multi_label else 1.0)

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        images: Tensor = self.layers(self.told(latents, labels))
        return images

    def told(self, latents: Tensor, labels: Tensor | None) -> Tensor:
        """The input of the layers, (n, latent_dim + embedding_dim, 1, 1): the latent and the embedding of the labels."""
        x = latents
        if self.labels:
            x = nn.functional.pad(x, (0, self.embedding.out_features))
            x = x + nn.functional.pad(self.embedding(labels), (self.latent_dim, 0))
        return x[:, :, None, None]


class DCGANDiscriminator(Discriminator):
    """Strided convolutions with LeakyReLU, halving the size at each step.

    normalisation: "batch" as in the paper (not on the first layer), "spectral" (Miyato et al. 2018, arXiv:1802.05957),
    or "none", for gradient penalties, which need a network that does not mix pictures. auxiliary: also classify the
    labels.
    """

    takes_labels, normalisations = True, ("batch", "spectral", "none")
    limits = {key: LIMITS[key] for key in ("image_size", "image_channels", "width")}

    def __init__(
        self,
        image_size: Size = 64,
        image_channels: int = 3,
        width: int = 64,  # channels of the largest map; doubled at each smaller size
        labels: Names | None = None,
        multi_label: bool = False,
        normalisation: str = "batch",  # gradient penalties need "none", since BatchNorm mixes pictures
        projection: bool = True,  # compare the labels with the features (Miyato and Koyama 2018)
        auxiliary: bool = False,  # also classify the labels (Odena et al. 2016)
    ):
        super().__init__()
        check_config(locals(), self.limits, oblong=True)
        check_normalisation(normalisation, self.normalisations)
        names = check_labels(labels, multi_label)
        size, channels = pyramid(image_size, width)
        self.layers = downwards(image_channels, channels, normalisation)
        self.score = nn.Conv2d(channels[-1], 1, size)
        self.embedding = nn.Conv2d(channels[-1], len(names), size) if names and projection else None
        self.classifier = nn.Conv2d(channels[-1], len(names), size) if names and auxiliary else None
        initialise(self, normal=normalisation != "none")
        if normalisation == "spectral":
            for layer in self.modules():
                if isinstance(layer, nn.Conv2d):
                    spectral_norm(layer)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        features = self.layers(images)
        scores = self.score(features).flatten()
        if self.embedding is not None:
            # The projection <E y, phi(x)>, with E folded into the layer: one score for each label, weighted by the
            # labels. The labels are scaled to unit norm, so that ten attributes have no more weight than one class.
            weights = nn.functional.normalize(given(labels, "labels"))
            scores = scores + (self.embedding(features).flatten(1) * weights).sum(1)
        logits = None if self.classifier is None else self.classifier(features).flatten(1)
        return DiscriminatorOutput(scores, features, logits)
