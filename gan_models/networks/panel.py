"""Discriminators and classifiers of an editor (networks/retouch.py), on features of a frozen network and on pixels."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .adversary import Adversary
from .base import Names, check_config, check_labels
from .layers import upcast
from .mixing import MAPS, MixingDiscriminator
from .unet import COARSE


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
