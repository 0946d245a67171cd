"""Input for discriminators on the features of a frozen network: its maps, normalised and mixed from coarse to fine by fixed
random convolutions (Projected GAN: Sauer et al. 2021, arXiv:2111.01007)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .base import Discriminator
from .layers import upcast

MAPS = (24, 40, 112, 320)  # channels of EfficientNet-Lite's maps at strides 4, 8, 16, 32 (training/judges/general.py)


class MixingDiscriminator(Discriminator):
    """A discriminator on four feature maps, at strides 4, 8, 16 and 32."""

    def add_mixing(self, width: int, maps: tuple[int, ...] = MAPS) -> None:
        """Add the buffers for `mixed`. width: channels of the mixed maps. maps: channels of the input maps."""
        self.even = nn.ModuleList(nn.BatchNorm2d(channels, affine=False, momentum=0.02) for channels in maps)
        for number, channels in enumerate(maps):
            self.register_buffer(f"project{number}", torch.randn(width, channels, 1, 1) / channels**0.5)
            self.register_buffer(f"mix{number}", torch.randn(width, width, 3, 3) / (9 * width) ** 0.5)

    def mixed(self, maps: list[Tensor]) -> list[Tensor]:
        """Four maps (n, maps[k], H, W) -> three mixed maps (n, width, H, W), the finest first."""
        found: Tensor | None = None
        result = []
        for number in (3, 2, 1, 0):
            x = F.conv2d(self.even[number](upcast(maps[number])), getattr(self, f"project{number}"))
            if found is not None:
                x = (x + F.interpolate(found, x.shape[2:], mode="bilinear", align_corners=False)) * 0.5**0.5
            found = F.conv2d(x, getattr(self, f"mix{number}"), padding=1)
            result.append(found)
        return result[:0:-1]
