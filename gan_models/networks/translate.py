"""The network that translates pictures of one kind into another: dark hair into blond, summer into winter.

It learns without pairs: a translated picture must look like the new kind, and translated back it must be the original
(CycleGAN: Zhu et al. 2017, arXiv:1703.10593). One U-Net (Ronneberger et al. 2015, arXiv:1505.04597), conditional on the
kind, does all directions (StarGAN: Choi et al. 2018, arXiv:1711.09020). It works at half the picture's resolution, on
2 x 2 pixels as channels, and predicts a change that is added to the picture, so that unchanged parts stay sharp.
"""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from .. import marks
from ..errors import InvalidConfig, InvalidInput, short
from ..photos.opening import Source
from ..photos.translated import translate_photo
from .base import Discriminator, DiscriminatorOutput, Generator, check_config
from .layers import upcast
from .retouch import GROUPS, Adversary, Level

LIMITS = {"image_size": (8, 256), "image_channels": (1, 3), "width": (8, 128), "embedding": (8, 512)}
SMALLEST = 7  # the largest size of the smallest map


class Translator(Generator):
    """Translates pictures between kinds. It cannot draw pictures from latents (latent_dim is 0).

    labels: the kinds, at least two. width: channels of the U-Net's first map. embedding: entries of a kind's embedding.
    """

    family = "translate"
    takes_labels = True
    limits = LIMITS

    def __init__(
        self,
        image_size: int = 64,
        image_channels: int = 3,
        width: int = 32,  # channels of the largest map, a multiple of 8; doubled at each smaller size
        embedding: int = 64,  # entries of the embedding of the kind
        labels: list | None = None,
        multi_label: bool = False,
    ):
        super().__init__()
        check_config(locals(), self.limits)
        if image_channels == 2:
            raise InvalidConfig("The configuration says image_channels = 2; it must be 1 or 3.")
        if image_size % 4:
            raise InvalidConfig(f"The configuration says image_size = {image_size}; it must be a multiple of 4.")
        if width % GROUPS:
            raise InvalidConfig(f"The configuration's width ({width}) must be a multiple of {GROUPS}.")
        self.set_labels(labels, multi_label)
        if multi_label or not self.labels or len(self.labels) < 2:
            raise InvalidConfig(
                "The configuration's labels must be the names of two kinds or more, and multi_label false."
            )
        self.latent_dim, self.image_shape = 0, (image_channels, image_size, image_size)
        size, channels = image_size // 2, [width]
        while size > SMALLEST and size % 2 == 0:
            size //= 2
            channels.append(channels[-1] * 2)
        self.wishes = nn.Sequential(nn.Linear(len(self.labels), embedding), nn.LeakyReLU(0.2))
        pixels = 4 * image_channels
        self.stem = nn.Sequential(nn.Conv2d(pixels, width, 3, padding=1), nn.LeakyReLU(0.2))
        self.down = nn.ModuleList(Level(a, b, 4, 2, embedding) for a, b in zip(channels, channels[1:], strict=False))
        self.middle = Level(channels[-1], channels[-1], embedding=embedding)
        self.up = nn.ModuleList(
            Level(a, b, embedding=embedding, beside=b) for a, b in zip(channels[:0:-1], channels[-2::-1], strict=True)
        )
        self.change = nn.Conv2d(width + pixels, pixels, 3, padding=1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, 0.2)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        with torch.no_grad():  # start with a small change
            self.change.weight.mul_(0.1)

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Raise InvalidInput: this model has no latents."""
        raise InvalidInput("This model translates pictures and draws none of its own: give it a picture to translate.")

    def trial(self) -> list[Tensor]:
        """The output for a grey picture, with which `load` tests the weights."""
        grey = torch.zeros(1, *self.image_shape, device=self.device)
        return [self.draw(grey, torch.eye(len(self.labels), device=self.device)[:1])]

    def draw(self, pictures: Tensor, kinds: Tensor) -> Tensor:
        """Pictures (n, C, S, S) translated into kinds (n, K), one-hot; differentiable, and not clamped to [-1, 1]."""
        pixels = F.pixel_unshuffle(pictures.to(self.dtype), 2)
        wishes = self.wishes(kinds.to(self.dtype))
        features = [self.stem(pixels)]
        for level in self.down:
            features.append(level(features[-1], wishes))
        x = self.middle(features[-1], wishes)
        for level, beside in zip(self.up, features[-2::-1], strict=True):
            x = level(x, wishes, beside)
        return pictures + F.pixel_shuffle(upcast(self.change(torch.cat([x, pixels], 1))), 2)

    @torch.no_grad()
    def translate(self, picture: Tensor | Source, to: str) -> Tensor | Image.Image:
        """Translate a picture into the kind `to`, one of `labels`. A tensor (n, C, S, S) or (C, S, S) in [-1, 1] gives
        such a tensor; a photo (a file, its bytes, or a Pillow picture) of any size gives a Pillow picture. In a photo
        the faces are aligned and translated; if none is found, the whole photo is. Only the change is upsampled, so the
        photo's own detail stays. Raises InvalidInput."""
        if to not in self.labels:
            raise InvalidInput(f"There is no kind {short(to)}: this model translates into {', '.join(self.labels)}.")
        kind = torch.eye(len(self.labels), device=self.device)[self.labels.index(to)][None]

        def translated(pictures: Tensor) -> Tensor:
            return (
                self.draw(pictures.to(self.device, torch.float32), kind.expand(len(pictures), -1)).float().clamp(-1, 1)
            )

        if not isinstance(picture, Tensor):
            whole = translate_photo(translated, self.image_shape, picture)
            return marks.marked(whole, marks.of(self, kind=marks.EDITED, edits={to: 1.0}))
        one = picture.ndim == 3
        result = translated(self.check_images(picture[None] if one else picture))
        return result[0] if one else result


# ---- The discriminator -----------------------------------------------------------------------------------------------


class KindDiscriminator(Discriminator):
    """A conditional patch discriminator (projection: Miyato and Koyama 2018, arXiv:1802.05637) with spectral
    normalisation.

    width: channels of its first map. patches: number of patches in a row.
    """

    takes_labels = True
    limits = {"image_size": (8, 256), "width": (4, 256), "patches": (1, 64)}

    def __init__(
        self,
        image_size: int = 64,
        image_channels: int = 3,
        width: int = 32,  # channels of the largest map
        patches: int = 8,  # in a row; fewer patches are larger
        labels: list | None = None,
        multi_label: bool = False,
    ):
        super().__init__()
        check_config(locals(), self.limits)
        if multi_label or not labels:
            raise InvalidConfig("The discriminator's labels must be kinds, of which a picture has one.")
        self.adversary = Adversary(
            image_channels, image_size, len(labels), (width, 2 * width, 3 * width, 4 * width), patches
        )

    def judge(self, images: Tensor, kinds: Tensor) -> Tensor:
        """Scores (n, places) of pictures (n, C, S, S) as kinds (n, K), one-hot."""
        return upcast(self.adversary(images, kinds))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        """Not used: the game calls `judge`."""
        raise NotImplementedError("This discriminator scores patches: call judge.")
