"""Networks from picture to picture: repair, enlarge or colour a picture, or draw a face from lines.

A U-Net (Ronneberger et al. 2015, arXiv:1505.04597) works at half the picture's resolution, on 2 x 2 pixels as channels
(Shi et al. 2016, arXiv:1609.05158), and predicts a change that is added to the known pixels. Its other inputs are the
mask of missing pixels, the strength of each kind of damage (FiLM: Perez et al. 2018, arXiv:1709.07871), and of a blurred
picture what Wiener's filter makes of it. Without given strengths it uses its own estimate, and the blur's kernel it always
estimates. With all strengths 0 the picture is returned unchanged. The discriminators get both pictures (Isola et al. 2016,
arXiv:1611.07004).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, overload

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from .. import marks
from ..damages import KINDS, brightness
from ..errors import InvalidConfig, InvalidInput, short
from ..photos.opening import MIN_SIDE, Source, open_photo
from ..photos.repaired import by_tiles, check_hole, restore_photo
from . import consistency
from .base import Generator, Names, check_config
from .layers import upcast
from .mixing import MixingDiscriminator
from .unet import GROUPS, Level, PictureUNet, initialise_convolutions

SURE = 0.08  # estimated strengths below this count as 0
BATCH = 64  # tiles per batch
LEAST = 0.4  # the least strength of a damage that is given by name, unless it is read from a blur's kernel
# Estimates below these are ignored if no damage is given, so that whole pictures stay unchanged. Photos were saved as JPEG
# before, so that a low estimate of it says nothing.
DOUBT, DOUBTS = 0.1, {"jpeg": 0.2, "grey": 0.3}
LITTLE = 0.1  # estimated motion below which its kernel can be found
MOST_LOOKS = 6  # tiles in each direction from which the damages of a large picture are estimated


class Looked(NamedTuple):
    """n damaged pictures and their features."""

    pictures: Tensor  # (n, C, S, S), 0 where pixels are missing
    mask: Tensor  # (n, 1, S, S)
    pixels: Tensor  # (n, P, S / 2, S / 2) all that the U-Net sees
    features: tuple[Tensor, ...]  # of its way down, the largest map first
    estimate: Tensor  # (n, K) logits of the strengths


class KernelReader(nn.Module):
    """Estimates how blurred pictures (n, C, S, S) are: (n, 3), the strength of the blur in 0..1; and cosine and sine of
    twice the angle of the motion, times its strength (an angle and its opposite are the same motion). It sees fine detail
    alone, at equal contrast, and says nothing of value about a picture without blur."""

    def __init__(self, channels: int, width: int = 16):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 5, 2, 2),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 3, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 4 * width, 3, 1, 1),
            nn.LeakyReLU(0.2),
        )
        self.reads = nn.Sequential(nn.Linear(8 * width, 64), nn.LeakyReLU(0.2), nn.Linear(64, 3))

    def forward(self, pictures: Tensor) -> Tensor:
        detail = detail_of(pictures)
        contrast = detail.square().mean((1, 2, 3), keepdim=True).sqrt() + 0.01
        dtype = next(self.parameters()).dtype
        maps = upcast(self.layers((detail / contrast).to(dtype)))
        known = torch.cat([maps.mean((2, 3)), (maps.square().mean((2, 3)) + 1e-6).sqrt()], 1)
        return upcast(self.reads(known.to(dtype)))


def detail_of(pictures: Tensor) -> Tensor:
    """Pictures (n, C, H, W) without what a mean of 5 x 5 pixels leaves of them."""
    return pictures - F.avg_pool2d(F.pad(pictures, (2, 2, 2, 2), mode="replicate"), 5, 1)


class Restorer(PictureUNet):
    """Restores damaged pictures. It cannot draw pictures from latents (latent_dim is 0).

    damages: the kinds that it repairs, names from damages.KINDS, with or without holes (`fill`). residual: whether it
    adds a change to the picture; else it draws a new one, as from lines. width: channels of the U-Net's first map.
    embedding: entries of the embedding of the strengths. deconvolves: whether the U-Net also gets what Wiener's filter
    makes of a blurred picture; without effect unless it repairs blur or motion.
    """

    family = "restore"
    refusal = "This model repairs pictures and draws none of its own: give it a picture to restore."

    def __init__(
        self,
        image_size: int = 64,
        image_channels: int = 3,
        width: int = 24,  # channels of the largest map, a multiple of 8; doubled at each smaller size
        embedding: int = 64,  # entries of the embedding of the strengths of damages
        residual: bool = True,  # add a change to the picture, instead of drawing a new one
        # That it repairs, from KINDS in gan_models/damages.py; null: all but edges; []: it learns the task from pairs.
        damages: Names | None = None,
        deconvolves: bool = False,  # estimate the kernel of a blur, and show the network the deconvolved picture too
    ):
        super().__init__()
        self.check_unet(locals())
        for name, value in (("residual", residual), ("deconvolves", deconvolves)):
            if not isinstance(value, bool):
                raise InvalidConfig(f"The configuration's {name} must be true or false.")
        self.damages = _checked_damages(damages)
        self.set_labels(None, False)
        self.residual = residual
        self.deconvolves = deconvolves = deconvolves and not consistency.KERNELS.keys().isdisjoint(self.damages)
        self.told = tuple(kind for kind in self.damages if kind != "fill")  # holes are given by the mask
        pixels = 4 * (image_channels * (1 + deconvolves) + 1)
        channels = self.add_unet(locals(), pixels, len(self.told) + 1)
        # Both get the pixels as an input again: from features alone, denoising is learned ten times as slowly.
        self.last = Level(width + pixels, width + GROUPS, embedding=embedding)
        self.change = nn.Conv2d(2 * width + GROUPS + pixels, 4 * image_channels, 3, padding=1)
        self.estimate = nn.Linear(channels, len(self.told)) if self.told else None
        self.kernels = KernelReader(image_channels) if deconvolves else None
        initialise_convolutions(self)
        with torch.no_grad():
            # The change starts small, and equal for the four pixels of a place (Aitken et al. 2017, arXiv:1707.02937).
            self.change.weight.mul_(0.1)
            self.change.weight.copy_(self.change.weight[::4].repeat_interleave(4, 0))

    def trial(self) -> list[Tensor]:
        """The output for a grey picture with a hole, with which `load` tests the weights."""
        grey = torch.zeros(1, *self.image_shape, device=self.device)
        looked = self.look(grey)
        return [
            looked.estimate,
            self.blurs_of(grey),
            self.draw(looked, torch.ones(1, len(self.told), device=self.device)),
        ]

    def adopt(self, model: Generator) -> None:
        """Take the weights of a restorer that does not deconvolve, and may fill no holes. Until it is trained on, this one
        restores as that one does. Raises InvalidInput if it does not fit."""
        if (
            not isinstance(model, Restorer)
            or model.kernels is not None
            or (model.told, model.residual, model.image_shape) != (self.told, self.residual, self.image_shape)
            or any(a.shape[:1] != b.shape[:1] for a, b in _same(model.state_dict(), self.state_dict()))
        ):
            raise InvalidInput(
                f"Its weights do not fit: that takes a restorer of {', '.join(self.told)} with the same image_size, width, "
                "embedding and residual."
            )
        with torch.no_grad():
            for before, now in _same(model.state_dict(), self.state_dict()):
                now.zero_()  # the weights of what is seen in addition, which are the last
                now[:, : before.shape[1]].copy_(before) if now.ndim > 1 else now.copy_(before)

    def look(self, pictures: Tensor, mask: Tensor | None = None, sharp: Tensor | None = None) -> Looked:
        """The features of pictures (n, C, S, S) with masks (n, 1, S, S), 1 where they are missing; differentiable. sharp:
        the same pictures deconvolved, as `unblurred` gives them; None: as they are."""
        mask = torch.zeros_like(pictures[:, :1]) if mask is None else mask.to(pictures)
        pictures = pictures * (1 - mask)
        beside = [] if self.kernels is None else [pictures if sharp is None else sharp * (1 - mask)]
        pixels = F.pixel_unshuffle(torch.cat([pictures, mask, *beside], 1).to(self.dtype), 2)
        features = self.downward(pixels)
        if self.estimate is None:
            return Looked(pictures, mask, pixels, features, pictures.new_zeros(len(pictures), 0))
        known = torch.cat([feature.mean((2, 3)) for feature in features], 1)
        return Looked(pictures, mask, pixels, features, upcast(self.estimate(known)))

    def blurs_of(self, pictures: Tensor) -> Tensor:
        """(n, 3): how pictures (n, C, S, S) are blurred, as :class:`KernelReader` estimates it; differentiable. All 0 if
        the network does not deconvolve."""
        return pictures.new_zeros(len(pictures), 3) if self.kernels is None else self.kernels(pictures)

    def unblurred(self, pictures: Tensor, blurs: Tensor, strengths: Tensor) -> Tensor:
        """Pictures (n, C, H, W) deconvolved as far as blurs (n, 3) and the strengths (n, len(told)) of the damages that
        they have say so: only of what is told, and never by more than the strongest kernel."""
        told = [
            strengths[:, self.told.index(kind)] > 0 if kind in self.told else strengths.new_zeros(len(strengths)) > 0
            for kind in ("blur", "motion", "motion")
        ]
        blurs = blurs * torch.stack(told, 1).to(blurs)
        blur, motion = blurs[:, :1].clamp(0, 1), blurs[:, 1:]
        motion = motion / motion.norm(dim=1, keepdim=True).clamp_min(1)
        return consistency.deconvolved(pictures, torch.cat([blur, motion], 1))

    def draw(self, looked: Looked, strengths: Tensor) -> Tensor:
        """The restored pictures (n, C, S, S) for strengths (n, len(told)) in 0..1; differentiable, and not clamped to
        [-1, 1]. If all strengths are 0, known pixels do not change."""
        missing = looked.mask.mean((1, 2, 3))[:, None]
        wishes = self.wishes(torch.cat([strengths.to(missing), missing], 1).to(self.dtype))
        x = self.upward(looked.features, wishes)
        last = self.last(torch.cat([x, looked.pixels], 1), wishes)
        change = F.pixel_shuffle(upcast(self.change(torch.cat([x, last, looked.pixels], 1))), 2)
        if not self.residual:
            return change
        if not self.damages:
            gate: Tensor | float = 1.0
        elif self.told:
            gate = (strengths.amax(1) / SURE).clamp(0, 1)[:, None, None, None].to(change)
        else:
            gate = 0.0
        return looked.pictures + change * (looked.mask + gate * (1 - looked.mask))

    @overload
    def restore(
        self,
        picture: Tensor,
        mask: Tensor | npt.NDArray[Any] | None = None,
        damages: Sequence[str] | None = None,
        strength: float | None = None,
        scale: int = 1,
    ) -> Tensor: ...

    @overload
    def restore(
        self,
        picture: Source,
        mask: Tensor | npt.NDArray[Any] | Source | None = None,
        damages: Sequence[str] | None = None,
        strength: float | None = None,
        scale: int = 1,
    ) -> Image.Image: ...

    def restore(
        self,
        picture: Tensor | Source,
        mask: Tensor | npt.NDArray[Any] | Source | None = None,
        damages: Sequence[str] | None = None,
        strength: float | None = None,
        scale: int = 1,
    ) -> Tensor | Image.Image:
        """Restore pictures of any size: a tensor (n, C, H, W) or (C, H, W) in [-1, 1] gives such a tensor, a photo (a
        file, its bytes, or a Pillow picture) gives a Pillow picture.

        mask: 1 (white) where the picture is missing: (n, 1, H, W) or (H, W) for a tensor, a picture for a photo. With a
        mask and no damages only the hole is filled; every other pixel stays, bit for bit. damages: some of `told`, such
        as ("noise", "jpeg"). Without mask and damages the network repairs what it detects, and returns a picture without
        visible damage unchanged. strength: of the given damages, 0..1; None: estimated. scale (photos): factor of
        enlargement, 1 to 4. Raises InvalidInput.
        """
        self._check_request(damages, strength, scale)
        if not isinstance(picture, Tensor):
            photo = open_photo(picture, MIN_SIDE // scale)
            with torch.inference_mode():
                whole = restore_photo(self, photo, mask, damages, strength, scale)
            if whole.size == photo.size and np.array_equal(np.asarray(whole), np.asarray(photo)):
                return whole  # nothing of it is a model's
            return marks.marked(whole, marks.of(self, kind=marks.EDITED if self.residual else marks.GENERATED))
        if scale != 1:
            raise InvalidInput("A tensor is restored at its own size: enlarge it first, or give a photo.")
        one = picture.ndim == 3
        pictures = self._checked_pictures(picture[None] if one else picture)
        if damages and "grey" in damages:
            pictures = brightness(pictures).expand_as(pictures)
        hole = None if mask is None else self._checked_mask(mask, pictures)
        named = () if hole is not None and damages is None else damages
        alike = pictures.shape[2:] == self.image_shape[1:]  # else one picture at a time, in tiles
        parts = [pictures] if alike else pictures.split(1)
        holes: Sequence[Tensor | None] = [None] * len(parts) if hole is None else [hole] if alike else hole.split(1)
        result = torch.cat(
            [self._one(part, missing, named, strength) for part, missing in zip(parts, holes, strict=True)]
        )
        if not damages and hole is not None and self.residual:
            result = torch.where(hole > 0, result, pictures)
        return result[0] if one else result

    def _one(
        self, pictures: Tensor, mask: Tensor | None, damages: Sequence[str] | None, strength: float | None
    ) -> Tensor:
        """Restore pictures of the network's size, or one picture of any size."""
        if mask is not None or not self.residual or not self.damages:
            return self.drawn(pictures, mask, self.strengths_of(pictures, damages, strength))
        pictures, alone = self.without_specks(pictures, damages, strength)
        strengths = self.strengths_left(pictures, alone, damages, strength)
        drawn = self.drawn(pictures, None, strengths)
        return torch.where(strengths.any(1)[:, None, None, None], drawn, pictures)  # blending tiles rounds

    def strengths_of(
        self, pictures: Tensor, damages: Sequence[str] | None = None, strength: float | None = None
    ) -> Tensor:
        """(n, len(told)): the strengths of the given damages, 0 for all others. damages None: the estimates for pictures
        (n, C, S, S), or their mean (of grey the least) over the tiles of one picture (1, C, H, W). Of blur and motion,
        if both are given, only the one that is seen more."""
        named = torch.tensor([float(kind in (damages or ())) for kind in self.told], device=self.device)
        if not self.told or damages is not None and not named.any():
            return named.expand(len(pictures), -1)
        either = [k for k, kind in enumerate(self.told) if kind in consistency.KERNELS and damages and kind in damages]
        if damages is not None and strength is not None and len(either) < 2:
            return (strength * named).expand(len(pictures), -1)
        with torch.no_grad():
            tiles = self._tiles(pictures.to(self.device))
            seen = torch.cat([self.estimated(self.look(some)) for some in tiles.split(BATCH)])
        grey = torch.tensor([kind == "grey" for kind in self.told], device=self.device)
        if len(tiles) != len(pictures):
            # A photo with colour in any tile is not grey, whatever its white wall looks like.
            seen = torch.where(grey, seen.amin(0, keepdim=True), seen.mean(0, keepdim=True))
        if damages is None:
            doubt = torch.tensor([DOUBTS.get(kind, DOUBT) for kind in self.told], device=self.device)
            return torch.maximum(seen, grey.float()) * (seen >= doubt)  # grey has no degrees
        asked = torch.maximum(seen, torch.where(grey, 1.0, LEAST)) if strength is None else seen.new_full((), strength)
        with torch.no_grad():
            blurs = None if strength is not None else self._blurs(pictures, named.expand(len(pictures), -1))
        if blurs is not None:  # the kernel is the better estimate
            read = {"blur": blurs[:, 0], "motion": blurs[:, 1:].norm(dim=1)}
            columns = [
                read[kind].to(seen).clamp(SURE, 1) if kind in read else asked[:, k] for k, kind in enumerate(self.told)
            ]
            asked = torch.stack(columns, 1)
        if len(either) == 2:  # weak motion is much like blur, and two repairs at once are too much
            blur, motion = sorted(either, key=lambda k: self.told[k])
            less = torch.where(seen[:, blur] < seen[:, motion], blur, motion)
            named = named.expand(len(seen), -1).scatter(1, less[:, None], 0.0)
        return asked * named

    def _tiles(self, pictures: Tensor) -> Tensor:
        """Tiles of the network's size from one picture of any size; pictures of the network's size unchanged."""
        size = self.image_shape[-1]
        if pictures.shape[2:] == (size, size):
            return pictures
        tops, lefts = (
            torch.linspace(0, max(side - size, 0), min(MOST_LOOKS, -(-side // size))).long().tolist()
            for side in pictures.shape[2:]
        )
        tiles = [pictures[..., top : top + size, left : left + size] for top in tops for left in lefts]
        return torch.cat(
            [F.pad(tile, (0, size - tile.shape[3], 0, size - tile.shape[2]), mode="replicate") for tile in tiles]
        )

    def drawn(self, pictures: Tensor, mask: Tensor | None, strengths: Tensor) -> Tensor:
        """Restored pictures (n, C, H, W) float32 in [-1, 1] for strengths (1 or n, K): of the network's size, or one picture
        of any size, in tiles."""
        holes, mask = mask is not None, torch.zeros_like(pictures[:, :1]) if mask is None else mask

        def draw(tiles: Tensor, holes: Tensor, sharp: Tensor) -> Tensor:
            looked = self.look(tiles.to(self.device), holes.to(self.device), sharp.to(self.device))
            rows = strengths.to(self.device)
            rows = rows if len(rows) == len(tiles) else rows[:1].expand(len(tiles), -1)
            return self.draw(looked, rows).float().clamp(-1, 1).to(tiles)

        with torch.no_grad():
            pictures, mask, size = pictures.float() * (1 - mask), mask.float(), self.image_shape[-1]
            told = strengths.to(pictures).expand(len(pictures), -1)
            blurs = self._blurs(pictures, told)
            sharp = pictures if blurs is None else self.unblurred(pictures, blurs, told)
            result = by_tiles(draw, size, pictures, mask, sharp)
            if holes:
                return result
            kernels = self._kernels(pictures, result, told, blurs)
            if (
                blurs is not None and (moved := kernels[:, 0] > 0).any()
            ):  # with a better kernel it draws better, and so on
                blurs = torch.where(moved[:, None], consistency.blurs_of(kernels), blurs)
                result = by_tiles(draw, size, pictures, mask, self.unblurred(pictures, blurs, told))
                kernels = self._kernels(pictures, result, told, blurs)
            return consistency.back_projected(pictures, result, kernels)

    def _blurs(self, pictures: Tensor, told: Tensor) -> Tensor | None:
        """(n, 3): how pictures (n, C, H, W) are blurred (:class:`KernelReader`), if the network deconvolves and is told (n, K)
        that some are; of the tiles of one picture those with much detail count most."""
        blurred = [told[:, self.told.index(kind)].any() for kind in consistency.KERNELS if kind in self.told]
        if self.kernels is None or not any(blurred):
            return None
        tiles = self._tiles(pictures.to(self.device))
        blurs = torch.cat([self.blurs_of(some) for some in tiles.split(BATCH)])
        if len(tiles) != len(pictures):
            detail = detail_of(tiles).square().mean((1, 2, 3))
            blurs = ((detail / detail.sum().clamp_min(1e-9))[:, None] * blurs).sum(0, keepdim=True)
        return blurs.to(pictures)

    def without_specks(
        self, pictures: Tensor, damages: Sequence[str] | None = None, strength: float | None = None
    ) -> tuple[Tensor, Tensor]:
        """Pictures (n, C, H, W) without specks, where these are to be repaired and are still pure black or white; and
        (n,) bool, which pictures that are. No other pixel of them changes (consistency.py)."""
        none = torch.zeros(len(pictures), dtype=torch.bool, device=pictures.device)
        if "specks" not in self.told or damages is not None and "specks" not in damages:
            return pictures, none
        strengths = self.strengths_of(pictures, damages and ("specks",), strength)
        strengths = strengths * torch.tensor([kind == "specks" for kind in self.told], device=strengths.device)
        if not strengths.any():
            return pictures, none
        cleared, alone = consistency.spared(pictures, self.drawn(pictures, None, strengths))
        alone = alone & (strengths > 0).any(1).to(alone.device)
        return torch.where(alone[:, None, None, None], cleared, pictures), alone

    def strengths_left(
        self, pictures: Tensor, alone: Tensor, damages: Sequence[str] | None, strength: float | None
    ) -> Tensor:
        """As `strengths_of`, of pictures from `without_specks`: where only specks were changed (`alone`, (n,) bool), of
        the other damages those that are seen."""
        strengths = self.strengths_of(pictures, damages, strength)
        if not alone.any():
            return strengths
        kept = torch.tensor([kind != "specks" for kind in self.told], device=strengths.device)
        left = strengths * kept * (self.strengths_of(pictures) > 0)
        return torch.where(alone.to(left.device)[:, None], left, strengths)

    def _kernels(self, pictures: Tensor, drawn: Tensor, told: Tensor, blurs: Tensor | None) -> Tensor:
        """The kernels (n, 3) of pictures (n, C, H, W) that are only blurred, as far as strengths (n, K) say, near the blurs
        (n, 3) that were read. Strength 0: unknown, or there is other damage too."""
        told = told > 0
        blurring = torch.tensor(
            [kind in consistency.KERNELS for kind in self.told], dtype=torch.bool, device=told.device
        )
        only = ~(told & ~blurring).any(1)
        kinds = {kind: told[:, k] & only for k, kind in enumerate(self.told) if kind in consistency.KERNELS}
        if not any(rows.any() for rows in kinds.values()):
            return pictures.new_zeros(len(pictures), 3)
        if blurs is None and "motion" in kinds and kinds["motion"].any():
            kinds["motion"] = kinds["motion"] & self._little(pictures, "motion")
        parts = None if pictures.shape[2:] == self.image_shape[1:] else (self._tiles(pictures), self._tiles(drawn))
        return consistency.find_kernels(pictures, drawn, kinds, parts, blurs)

    def _little(self, pictures: Tensor, kind: str) -> Tensor:
        """(n,) bool: whether the network sees little of a damage. Of much motion the kernel is not found."""
        tiles = self._tiles(pictures.to(self.device))
        seen = torch.cat([self.estimated(self.look(some)) for some in tiles.split(BATCH)])[:, self.told.index(kind)]
        seen = seen if len(tiles) == len(pictures) else seen.mean(0, keepdim=True)
        return (seen < LITTLE).to(pictures.device)

    def _check_request(self, damages: Sequence[str] | None, strength: float | None, scale: int) -> None:
        if damages is not None:
            known = {*self.told, *(kind for kind in self.damages if kind == "fill")}
            unknown = [damages] if isinstance(damages, str) else [kind for kind in damages if kind not in known]
            if unknown:
                raise InvalidInput(
                    f"This model repairs {', '.join(self.damages)}: give a list of some of them, not {short(unknown[0])}."
                )
        if strength is not None and (isinstance(strength, bool) or not 0 <= strength <= 1):
            raise InvalidInput(f"The strength must be a number from 0 to 1, not {short(strength)}.")
        if isinstance(scale, bool) or scale not in (1, 2, 3, 4):
            raise InvalidInput(f"The scale must be 1, 2, 3 or 4, not {short(scale)}.")

    def _checked_pictures(self, pictures: Tensor) -> Tensor:
        channels = self.image_shape[0]
        if (
            pictures.ndim != 4
            or pictures.shape[1] != channels
            or not pictures.is_floating_point()
            or 0 in pictures.shape
        ):
            raise InvalidInput(
                f"The pictures must be floating-point numbers (n, {channels}, H, W), not {tuple(pictures.shape)}."
            )
        if not (pictures.abs() <= 1.001).all():
            raise InvalidInput("The pictures must hold numbers from -1 to 1.")
        return pictures.to(self.device, torch.float32)

    def _checked_mask(self, wanted: object, pictures: Tensor) -> Tensor:
        if "fill" not in self.damages:
            raise InvalidInput(f"This model fills no holes (it repairs {', '.join(self.damages)}): leave the mask out.")
        size = tuple(pictures.shape[-2:])
        try:
            mask = torch.as_tensor(wanted, device=pictures.device)
        except (TypeError, ValueError, RuntimeError) as error:
            raise InvalidInput(
                f"The mask of a tensor must be a tensor (n, 1, H, W) or (H, W), not {short(wanted)}."
            ) from error
        if tuple(mask.shape[-2:]) != size or mask.numel() not in (size[0] * size[1], len(pictures) * size[0] * size[1]):
            raise InvalidInput(
                f"The mask is {tuple(mask.shape)} and the pictures {tuple(pictures.shape)}: give one of the same size."
            )
        mask = (mask.float().reshape(-1, 1, *size) > 0.5).float().expand(len(pictures), -1, -1, -1)
        for one in mask:
            check_hole(bool(one.any()), bool(one.all()))
        return mask

    def estimated(self, looked: Looked) -> Tensor:
        """(n, len(told)) in 0..1: the estimated strengths; small ones count as 0."""
        return (looked.estimate.sigmoid() - SURE).clamp_min(0) / (1 - SURE)


def _same(weights: dict[str, Tensor], others: dict[str, Tensor]) -> list[tuple[Tensor, Tensor]]:
    """The tensors of both that have the same name."""
    return [(weights[name], others[name]) for name in weights if name in others]


def _checked_damages(damages: object) -> tuple[str, ...]:
    if damages is None:
        return tuple(kind for kind in KINDS if kind != "edges")
    if (
        not isinstance(damages, (list, tuple))
        or any(kind not in KINDS for kind in damages)
        or len(set(damages)) != len(damages)
    ):
        raise InvalidConfig(f"The configuration's damages must be a list of some of {', '.join(KINDS)}.")
    return tuple(damages)


# ---- Discriminators --------------------------------------------------------------------------------------------------


class Pair(nn.Module):
    """Scores (n, places) for patches of a map together with the same patches of the damaged picture."""

    def __init__(self, inputs: int, source: int, stride: int, width: int = 64):
        super().__init__()
        self.stride = 2 * stride
        self.own = spectral_norm(nn.Conv2d(inputs, width, 4, 2, 1))
        self.source = spectral_norm(nn.Conv2d(source * self.stride**2, width, 1, bias=False))
        self.rest = nn.Sequential(
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(width, width, 3, padding=1)),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 1, 1),
        )

    def forward(self, x: Tensor, source: Tensor) -> Tensor:
        scores: Tensor = self.rest(self.own(x) + self.source(F.pixel_unshuffle(source, self.stride)))
        return scores.flatten(1)


class Onlookers(MixingDiscriminator):
    """Patch discriminators, which also get the damaged picture: one on pixels, and with `features` one on each of two
    maps of a frozen network.

    width: channels of the mixed maps. pixels: channels of the first map of the pixel discriminator. It has no forward
    pass: the game calls `judge` and `judge_pixels`.
    """

    limits = {"image_size": (8, 256), "width": (4, 256), "pixels": (4, 256)}

    def __init__(
        self,
        image_size: int = 64,
        image_channels: int = 3,
        width: int = 48,  # channels of the mixed maps
        pixels: int = 16,  # channels of the first map of the pixel discriminator
        features: bool = True,  # whether there are discriminators on features, for colour pictures of 32 px and more
    ):
        super().__init__()
        check_config(locals(), self.limits)
        self.looks = features
        self.pixels = nn.Sequential(
            spectral_norm(nn.Conv2d(2 * image_channels + 1, pixels, 4, 2, 1)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(pixels, 2 * pixels, 4, 2, 1)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(2 * pixels, 2 * pixels, 4, 2, 1)),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * pixels, 1, 1),
        )
        if features:
            self.add_mixing(width)
            self.pairs = nn.ModuleList(Pair(width, image_channels + 1, stride) for stride in (4, 8))

    def judge(self, maps: list[Tensor], source: Tensor) -> list[Tensor]:
        """Scores (n, places) of mixed maps, given a source (n, C + 1, S, S): the damaged picture and its mask."""
        return [upcast(pair(x, source)) for pair, x in zip(self.pairs, maps, strict=False)]

    def judge_pixels(self, images: Tensor, source: Tensor) -> Tensor:
        """Scores (n, places) of pictures (n, C, S, S), given a source."""
        return upcast(self.pixels(torch.cat([images, source], 1))).flatten(1)
