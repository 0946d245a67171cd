"""Semi-supervised GAN: the discriminator is a classifier with K classes and the class "generated" (Salimans et al. 2016,
arXiv:1606.03498; Odena 2016, arXiv:1606.01583). So the classifier learns from few labels. It is stored with the generator.
"""

import math

import torch
from torch import Tensor, nn

from ..errors import InvalidConfig
from ..sizes import Size, sides
from .base import Discriminator, DiscriminatorOutput, Names, check_config, check_labels
from .dcgan import DCGANGenerator
from .layers import LIMITS, GroupNorm, initialise, pyramid

GROUPS = 8
DROPOUT = 0.3


class ClassifyingGenerator(DCGANGenerator):
    """An unconditional DCGAN generator with a classifier of its training pictures: `classify(images)`."""

    family = "classifying"
    takes_labels = False
    classifies = True
    limits = {key: LIMITS[key] for key in ("image_size", "image_channels", "latent_dim", "width")} | {
        "reader_width": LIMITS["width"]
    }

    def __init__(
        self,
        image_size: Size = 28,
        image_channels: int = 1,
        latent_dim: int = 100,  # entries of the latent
        width: int = 32,  # channels of the largest map; doubled at each smaller size
        classes: Names | None = None,  # the names of the data's classes
        reader_width: int = 32,  # the width of the classifier, a multiple of 8
    ):
        super().__init__(image_size, image_channels, latent_dim, width)
        check_config(locals(), self.limits, oblong=True)
        self.classes = check_labels(classes, False)
        if not self.classes:
            raise InvalidConfig("The configuration's classes must be a list of at least 2 names.")
        if reader_width % GROUPS:
            raise InvalidConfig(f"The configuration's reader_width ({reader_width}) must be a multiple of {GROUPS}.")
        self.reader = Reader(image_size, image_channels, reader_width, len(self.classes))

    def classify(self, images: Tensor) -> Tensor:
        """Pictures (n, C, H, W) in [-1, 1] -> probabilities of `classes`: (n, K) float32, rows that sum to 1. Raises
        InvalidInput for other tensors."""
        logits, _ = self.reader(self.check_images(images).to(self.dtype))
        probabilities: Tensor = logits.float().softmax(1)
        return probabilities

    def trial(self) -> list[Tensor]:
        [drawn] = super().trial()
        return [drawn, self.classify(drawn.clamp(-1, 1))] if drawn.isfinite().all() else [drawn]


class Reader(nn.Module):
    """Convolutions with GroupNorm and LeakyReLU, two at each size: pictures (n, C, H, W) -> logits (n, K) and the last
    features. Unlike BatchNorm, GroupNorm does not mix the real, augmented and generated pictures of a batch."""

    def __init__(self, image_size: Size, image_channels: int, width: int, classes: int):
        super().__init__()
        size, channels = pyramid(image_size, width)
        layers: list[nn.Module] = []
        for a, b in zip([image_channels, *channels], channels, strict=False):
            layers += [nn.Conv2d(a, b, 4, 2, 1), GroupNorm(GROUPS, b), nn.LeakyReLU(0.1)]
            layers += [nn.Conv2d(b, b, 3, 1, 1), GroupNorm(GROUPS, b), nn.LeakyReLU(0.1)]
        self.layers = nn.Sequential(*layers, nn.Dropout(DROPOUT))
        self.classifier = nn.Linear(channels[-1] * math.prod(sides(size)), classes)
        initialise(self, normal=False)
        nn.init.normal_(self.classifier.weight, 0, 0.01)  # at first all classes are about equally likely

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.layers(images)
        return self.classifier(features.flatten(1)), features


class ClassifyingDiscriminator(Discriminator):
    """The classifier as the discriminator. With the logit of "generated" fixed at 0, the odds that a picture is real are
    the sum of exp(logits), and the score is their logarithm (Salimans et al. 2016, section 5)."""

    shares_weights = True

    def __init__(self, generator: ClassifyingGenerator):
        super().__init__()
        self._reader = (generator.reader,)  # in a tuple, so that it is not registered here as well

    def trained(self) -> dict[str, nn.Parameter]:
        return {f"shared.{name}": parameter for name, parameter in self._reader[0].named_parameters()}

    def requires_grad_(self, requires_grad: bool = True) -> "ClassifyingDiscriminator":
        self._reader[0].requires_grad_(requires_grad)
        return self

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        logits, features = self._reader[0](images)
        return DiscriminatorOutput(torch.logsumexp(logits, 1), features, logits)
