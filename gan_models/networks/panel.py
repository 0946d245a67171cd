"""Discriminators and classifiers of an editor (networks/retouch.py), on features of a frozen network and on pixels."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from .base import Names, check_config, check_labels
from .layers import upcast
from .mixing import MAPS, MixingDiscriminator
from .unet import COARSE

GAIN = 3.0  # factor on a discriminator's last features, which spectral normalisation makes small


class Adversary(nn.Module):
    """A conditional patch discriminator (projection: Miyato and Koyama 2018, arXiv:1802.05637) with spectral
    normalisation (Miyato et al. 2018, arXiv:1802.05957) in all but the last layer. With it in the last layer too, the
    scores of the few patches that an edit changes stayed too small beside the classifiers' loss, and the editor drew
    cyan beards.

    attributes: how many labels it is told, 0 for none. widths: channels of the convolutions that halve a map (the last but one is repeated as needed), and of the last
    one. least: the size of the map of patches. fold: blocks of fold x fold pixels become channels, which makes large
    pictures cheap.
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
        x = GAIN * self.layers(F.pixel_unshuffle(x, self.fold))
        scores: Tensor = self.score(x)[:, 0]
        if self.project is not None:
            fitting = (x * self.project(labels)[:, :, None, None]).sum(1) / x.shape[1] ** 0.5
            scores = scores + fitting
        return scores.flatten(1)


class Panel(MixingDiscriminator):
    """Discriminators and classifiers for edits, on the maps of a frozen network (training/judges/general.py) at strides
    4, 8, 16 and 32.

    attributes: the edited ones first. width: channels of the mixed maps. maps: channels of the input maps. pixels:
    channels of one more discriminator, on patches of the pictures about the size of a mouth (features and pixels
    together: Kumari et al. 2022, arXiv:2112.09130); 0 for none. Features alone let cyan beards pass.

    It has no forward pass: the game computes the maps once for both players, and calls `classify` and `judge`.
    """

    limits = {"image_size": (32, 512), "width": (8, 256), "pixels": (0, 256)}
    grows = ("of_pixels.",)
    frequency: Tensor

    def __init__(
        self,
        image_size: int = 64,
        image_channels: int = 3,
        width: int = 64,  # channels of the mixed maps
        attributes: Names | None = None,  # all known attributes, those that can be edited first
        maps: tuple[int, ...] = MAPS,  # channels of the input maps
        pixels: int = 0,  # channels of the discriminator on pixels; 0 for none
    ):
        super().__init__()
        check_config(locals(), self.limits)
        self.attributes = check_labels(attributes, True) or ()
        k = len(self.attributes)
        self.add_mixing(width, maps)
        self.register_buffer("frequency", torch.full((k,), 0.5))  # of each attribute
        self.coarse = min(image_size, COARSE)  # what the features are of
        sizes = [max(self.coarse // stride, 1) for stride in (4, 8, 16)]
        self.adversaries = nn.ModuleList(Adversary(width, size, k) for size in sizes)
        self.of_pixels = None
        if pixels:
            widths = (pixels, pixels + pixels // 2, 2 * pixels)
            self.of_pixels = Adversary(
                image_channels, image_size, k, widths, self.coarse // 4, image_size // self.coarse
            )
        self.classifiers = nn.ModuleList(nn.Linear(width * min(size, 8) ** 2, k) for size in sizes)

    @torch.no_grad()
    def note(self, labels: Tensor, counted: Tensor) -> None:
        """Update the frequencies by labels (n, K) in -1..1, in the rows whose `counted` (n,) is 1."""
        total = counted.sum()
        seen = ((labels > 0).to(self.frequency) * counted[:, None]).sum(0) / total.clamp_min(1)
        self.frequency.lerp_(torch.where(total > 0, seen, self.frequency), 0.01)

    def classify(self, maps: list[Tensor]) -> Tensor:
        """Logits (3, n, K) of mixed maps."""
        small = [x if x.shape[-1] <= 8 else F.adaptive_avg_pool2d(x, 8) for x in maps]
        return torch.stack(
            [upcast(classifier(x.flatten(1))) for classifier, x in zip(self.classifiers, small, strict=True)]
        )

    def judge(self, maps: list[Tensor], images: Tensor, labels: Tensor) -> list[Tensor]:
        """Scores (n, places), one tensor per discriminator, of mixed maps and of their pictures (n, C, H, W)."""
        scores = [adversary(x, labels) for adversary, x in zip(self.adversaries, maps, strict=True)]
        if self.of_pixels is not None:
            scores.append(self.of_pixels(images, labels))
        return [upcast(score) for score in scores]
