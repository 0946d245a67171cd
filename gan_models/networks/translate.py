"""The network that translates pictures of one kind into another: dark hair into blond, summer into winter.

It learns without pairs: a translated picture must look like the new kind, and translated back it must be the original
(CycleGAN: Zhu et al. 2017, arXiv:1703.10593). One U-Net (Ronneberger et al. 2015, arXiv:1505.04597), conditional on the
kind, does all directions (StarGAN: Choi et al. 2018, arXiv:1711.09020). It works at half the picture's resolution, on
2 x 2 pixels as channels, and predicts a change that is added to the picture, so that unchanged parts stay sharp.
"""

from __future__ import annotations

from typing import overload

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from .. import marks
from ..errors import InvalidConfig, InvalidInput, short
from ..photos.opening import Source
from ..photos.translated import translate_photo
from .adversary import Adversary
from .base import Discriminator, Names, check_config
from .layers import upcast
from .unet import PictureUNet, initialise_convolutions


class Translator(PictureUNet):
    """Translates pictures between kinds. It cannot draw pictures from latents (latent_dim is 0).

    labels: the kinds, at least two. width: channels of the U-Net's first map. embedding: entries of a kind's embedding.
    """

    family = "translate"
    takes_labels = True
    refusal = "This model translates pictures and draws none of its own: give it a picture to translate."

    def __init__(
        self,
        image_size: int = 64,
        image_channels: int = 3,
        width: int = 32,  # channels of the largest map, a multiple of 8; doubled at each smaller size
        embedding: int = 64,  # entries of the embedding of the kind
        labels: Names | None = None,
        multi_label: bool = False,
    ):
        super().__init__()
        self.check_unet(locals())
        self.set_labels(labels, multi_label)
        if multi_label or not self.labels or len(self.labels) < 2:
            raise InvalidConfig(
                "The configuration's labels must be the names of two kinds or more, and multi_label false."
            )
        pixels = 4 * image_channels
        self.add_unet(locals(), pixels, len(self.labels), on_the_way_down=True)
        self.change = nn.Conv2d(width + pixels, pixels, 3, padding=1)
        initialise_convolutions(self)
        with torch.no_grad():
            # The change starts small, and equal for the four pixels of a place, else it has a grid (Aitken et al. 2017,
            # arXiv:1707.02937).
            self.change.weight.mul_(0.1)
            self.change.weight.copy_(self.change.weight[::4].repeat_interleave(4, 0))

    def trial(self) -> list[Tensor]:
        """The output for a grey picture, with which `load` tests the weights."""
        grey = torch.zeros(1, *self.image_shape, device=self.device)
        return [self.draw(grey, torch.eye(len(self.labels or ()), device=self.device)[:1])]

    def draw(self, pictures: Tensor, kinds: Tensor) -> Tensor:
        """Pictures (n, C, S, S) translated into kinds (n, K), one-hot; differentiable, and not clamped to [-1, 1]."""
        pixels = F.pixel_unshuffle(pictures.to(self.dtype), 2)
        wishes = self.wishes(kinds.to(self.dtype))
        x = self.upward(self.downward(pixels, wishes), wishes)
        return pictures + F.pixel_shuffle(upcast(self.change(torch.cat([x, pixels], 1))), 2)

    @overload
    def translate(self, picture: Tensor, to: str) -> Tensor: ...

    @overload
    def translate(self, picture: Source, to: str) -> Image.Image: ...

    @torch.no_grad()
    def translate(self, picture: Tensor | Source, to: str) -> Tensor | Image.Image:
        """Translate a picture into the kind `to`, one of `labels`. A tensor (n, C, S, S) or (C, S, S) in [-1, 1] gives
        such a tensor; a photo (a file, its bytes, or a Pillow picture) of any size gives a Pillow picture. In a photo
        the faces are aligned and translated; if none is found, the whole photo is. Only the change is upsampled, so the
        photo's own detail stays. Raises InvalidInput."""
        kinds = self.labels or ()
        if to not in kinds:
            raise InvalidInput(f"There is no kind {short(to)}: this model translates into {', '.join(kinds)}.")
        kind = torch.eye(len(kinds), device=self.device)[kinds.index(to)][None]

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
        labels: Names | None = None,
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
