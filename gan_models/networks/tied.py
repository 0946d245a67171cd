"""A discriminator that uses the generator's convolutions in reverse.

The weight of a transposed convolution from a to b channels is that of a convolution from b to a, so a reversed DCGAN
generator is a DCGAN discriminator. The weights are the generator's parameters: stored once, updated by both players in
turn.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .base import Discriminator, DiscriminatorOutput
from .dcgan import DCGANGenerator
from .layers import check_normalisation


class TiedDiscriminator(Discriminator):
    """Only the normalisation, a scale for each layer and the last layer are its own."""

    shares_weights = True
    normalisations = ("batch", "none")

    def __init__(self, generator: DCGANGenerator, normalisation: str = "batch"):  # as for DCGAN's
        super().__init__()
        check_normalisation(normalisation, self.normalisations)
        turned = [layer for layer in generator.layers if isinstance(layer, nn.ConvTranspose2d)][::-1]
        self._convolutions = tuple(turned)  # in a tuple, so that they are not registered here as well
        self._frozen = False
        batch = normalisation == "batch"
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(layer.in_channels) if batch and k else nn.Identity() for k, layer in enumerate(turned[:-1])
        )
        self.biases = nn.ParameterList(torch.zeros(layer.in_channels) for layer in turned[:-1])
        self.score = nn.Linear(generator.latent_dim, 1)

    def trained(self) -> dict[str, nn.Parameter]:
        shared = {f"shared.{k}": layer.get_parameter("weight") for k, layer in enumerate(self._convolutions)}
        return super().trained() | shared

    def requires_grad_(self, requires_grad: bool = True) -> "TiedDiscriminator":
        """Freeze also the shared weights: otherwise the generator's step would change the discriminator through them."""
        self._frozen = not requires_grad
        return super().requires_grad_(requires_grad)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        weights = [layer.weight.detach() if self._frozen else layer.weight for layer in self._convolutions]
        x = images
        for weight, norm, bias, layer in zip(weights, self.norms, self.biases, self._convolutions):
            x = F.leaky_relu(norm(F.conv2d(x, weight, bias, layer.stride, layer.padding)), 0.2)
        features = F.conv2d(x, weights[-1]).flatten(1)
        return DiscriminatorOutput(self.score(F.leaky_relu(features, 0.2)).squeeze(1), features)
