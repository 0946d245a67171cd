"""A discriminator on feature maps or pixels, of which other discriminators have one for each map."""

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

GAIN = 3.0  # factor on a discriminator's last features, which spectral normalisation makes small


class Adversary(nn.Module):
    """A conditional patch discriminator (projection: Miyato and Koyama 2018, arXiv:1802.05637) with spectral
    normalisation (Miyato et al. 2018, arXiv:1802.05957) in all but the last layer. With it in the last layer too, the
    scores of the few patches that an edit changes stayed too small beside the classifiers' loss, and the editor drew
    cyan beards.

    attributes: how many labels it is told, 0 for none. widths: channels of the convolutions that halve a map (the last but
    one is repeated as needed), and of the last one. least: the size of the map of patches. fold: blocks of fold x fold
    pixels become channels, which makes large pictures cheap.
    """

    def __init__(
        self,
        inputs: int,
        size: int,
        attributes: int,
        widths: tuple[int, ...] = (96, 128),
        least: int = 4,
        fold: int = 1,
    ):
        super().__init__()
        layers: list[nn.Module] = []
        *halving, last = widths
        self.fold, inputs, size = fold, inputs * fold**2, size // fold
        while size > least:
            width = halving[min(len(layers) // 2, len(halving) - 1)]
            layers += [spectral_norm(nn.Conv2d(inputs, width, 4, 2, 1)), nn.LeakyReLU(0.2, inplace=True)]
            inputs, size = width, size // 2
        final = spectral_norm(nn.Conv2d(inputs, last, 3, padding=1))
        self.layers = nn.Sequential(*layers, final, nn.LeakyReLU(0.2, inplace=True))
        self.score = nn.Conv2d(last, 1, 1)
        self.project = nn.Linear(attributes, last, bias=False) if attributes else None

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """Maps (n, inputs, size, size) and labels (n, attributes) -> scores (n, places), any numbers."""
        x = GAIN * self.layers(F.pixel_unshuffle(x, self.fold))
        scores: Tensor = self.score(x)[:, 0]
        if self.project is not None:
            fitting = (x * self.project(labels)[:, :, None, None]).sum(1) / x.shape[1] ** 0.5
            scores = scores + fitting
        return scores.flatten(1)
