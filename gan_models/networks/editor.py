"""The face editor: it encodes a photo, moves the code, decodes both codes, and adds the *difference* to the photo.

The decoder can only draw faces: it is a trained conditional generator, whose latents and labels the encoder predicts
(IcGAN: Perarnau et al. 2016, arXiv:1611.06355), or half of an autoencoder (Kingma and Welling 2013, arXiv:1312.6114).
Differences of attributes, as in STGAN (Liu et al. 2019, arXiv:1904.09709), determine how the code moves. Only the
difference of two drawings is added, and only in the region of the attribute. So the rest of the photo keeps all its
detail, and without a request the photo is unchanged. Where the difference is large, the photo's own detail is removed,
since it belonged to what was there, such as teeth in a mouth that is closed.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..celeba import ATTRIBUTES, EXCLUSIVE
from ..errors import InvalidConfig, InvalidInput
from .base import Generator, Names, check_config, check_labels, checked_targets
from .compositing import blurred, colours, from_colours, from_head, smoothstep
from .dcgan import DCGANGenerator
from .layers import capped_pyramid, check_differences, downwards, initialise, upcast, upwards

LIMITS = {
    "image_size": (8, 256),
    "image_channels": (1, 4),
    "latent_dim": (1, 2048),
    "width": (1, 256),
    "decoder_width": (1, 256),
    "hidden": (1, 4096),
}
MOST = 2.0  # the largest difference that can be requested
BEYOND = 1 / 3  # factor of a difference beyond 1: at twice the distance few codes are faces
SHADES = 16  # levels of brightness; the palette has the colours of faces for each
FADING = 0.15  # width of the ellipse's rim, as a share of it, over which a change fades to nothing
REDRAWN = (0.1, 0.4)  # changes of pixels, in -1..1, from which the photo's own detail begins to fade, and is gone


class Encoded(NamedTuple):
    """n encoded photos: the output of `encode` and the input of `decode`."""

    codes: Tensor  # (n, latent_dim)
    photos: Tensor  # (n, C, H, W) as they were given
    drawn: Tensor  # (n, C, H, W) the decoded codes
    shown: Tensor  # (n, K) 0..1: the probability of each attribute


class EditorEncoder(nn.Module):
    """Strided convolutions from a picture to its code and an estimate of its attributes."""

    def __init__(self, channels: list[int], size: int, image_channels: int, latent_dim: int, attributes: int):
        super().__init__()
        self.layers = nn.Sequential(downwards(image_channels, channels, "batch"), nn.Flatten())
        self.code = nn.Linear(channels[-1] * size**2, latent_dim)
        self.estimate = nn.Linear(channels[-1] * size**2, attributes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """images -> codes (n, latent_dim) and logits of the attributes (n, K). The estimate passes no gradient to the
        features."""
        features = self.layers(images)
        return self.code(features), self.estimate(features.detach())


class Mapping(nn.Module):
    """How differences of attributes move a code: (codes (n, d), differences (n, K)) -> shifts (n, d).

    Each attribute has a direction; two layers add a correction that depends on the face. Half the difference is half
    the shift; beyond 1 the shift grows only by the factor BEYOND. `strengths` (2, K) scales differences of 1 and of -1
    (training.calibrate). Attributes that are conditions of the decoder (`known`) move only these conditions, which
    follow the first `free` entries of a code: moving the rest as well satisfies a classifier more, but draws worse
    faces.
    """

    strengths: Tensor

    def __init__(self, latent_dim: int, attributes: int, hidden: int, free: int = 0, known: list[int] | None = None):
        super().__init__()
        self.free, self.known = free, known or []
        self.directions = nn.Parameter(torch.zeros(attributes, latent_dim))
        self.register_buffer("strengths", torch.ones(2, attributes))
        self.layers = nn.Sequential(
            nn.Linear(latent_dim + attributes, hidden),
            nn.LeakyReLU(0.2),
            nn.Linear(hidden, hidden),
            nn.LeakyReLU(0.2),
            nn.Linear(hidden, latent_dim),
        )

    def forward(self, codes: Tensor, differences: Tensor) -> Tensor:
        most = differences.abs().amax(1, keepdim=True).clamp_min(1)
        more, less = self.strengths.unbind(0)
        differences = differences * torch.where(differences > 0, more, less) * (1 + BEYOND * (most - 1)) / most
        strength = differences.abs().amax(1, keepdim=True)
        asked = differences / strength.clamp_min(1e-6)
        known = torch.tensor([k in self.known for k in range(len(self.directions))], device=codes.device)
        free = torch.arange(codes.shape[1], device=codes.device) < self.free
        moved = (~(known[:, None] & free)).to(self.directions)  # the entries of a code that each attribute moves
        share = asked.abs() @ moved / asked.abs().sum(1, keepdim=True).clamp_min(1e-6)
        correction: Tensor = self.layers(torch.cat([codes, asked], 1))
        return strength * (asked @ (self.directions * moved) + share * correction)


class Editor(Generator):
    """Changes attributes of faces: `edit(images, {"Smiling": 1.0})`.

    As a generator it draws faces from standard normal latents, which are transformed to the mean and covariance of the
    codes of photos (Ghosh et al. 2019, arXiv:1903.12436). conditions: the attributes, -1 or 1, that are the last
    entries of a code if the decoder is a conditional generator (`adopt`).
    """

    family = "editor"
    attributes: tuple[str, ...]
    most_change: float = MOST
    limits = LIMITS
    regions: Tensor
    palette: Tensor
    code_mean: Tensor
    code_covariance: Tensor

    def __init__(
        self,
        image_size: int = 64,
        image_channels: int = 3,
        latent_dim: int = 256,  # entries of a code
        width: int = 32,  # of the encoder: channels of the largest map
        decoder_width: int = 32,  # the same of the decoder
        hidden: int = 512,  # units of the layers that correct the directions
        attributes: Names | None = None,  # that can be edited
        conditions: Names | None = None,  # attributes that are the last entries of a code
    ):
        super().__init__()
        check_config(locals(), self.limits)
        self.attributes = check_labels(ATTRIBUTES if attributes is None else attributes, True) or ()
        self.conditions = check_labels(conditions, True) or ()
        if latent_dim <= len(self.conditions):
            raise InvalidConfig(
                f"The configuration says latent_dim = {latent_dim}; it must be more than the {len(self.conditions)} conditions."
            )
        size, channels = capped_pyramid(image_size, width)
        _, widths = capped_pyramid(image_size, decoder_width)
        self.set_labels(None, False)
        self.latent_dim, self.image_shape = latent_dim, (image_channels, image_size, image_size)
        self.encoder = EditorEncoder(channels, size, image_channels, latent_dim, len(self.attributes))
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, widths[-1] * size**2),
            nn.Unflatten(1, (widths[-1], size, size)),
            *list(upwards(latent_dim, size, widths, image_channels))[1:],
        )
        known = [k for k, name in enumerate(self.attributes) if name in self.conditions]
        self.mapping = Mapping(latent_dim, len(self.attributes), hidden, latent_dim - len(self.conditions), known)
        self.log_variance = nn.Parameter(torch.full((latent_dim,), -2.0))  # of a code, the same for all pictures
        # The least and largest warmth and greenness (`colours`) at each brightness (2, 2, SHADES); at first all colours.
        # (`repeat` on the meta device would import torch's compiler.)
        self.register_buffer("palette", torch.tensor([[[-2.0] * SHADES, [2.0] * SHADES]] * 2))
        # 0..1: where each attribute shows
        self.register_buffer("regions", torch.ones(len(self.attributes), image_size, image_size))
        self.register_buffer("code_mean", torch.zeros(latent_dim))  # of photos, as training saw them
        self.register_buffer("code_covariance", torch.eye(latent_dim))
        initialise(self, normal=True)
        *others, last = (layer for layer in self.mapping.layers if isinstance(layer, nn.Linear))
        for layer in others:
            nn.init.kaiming_normal_(layer.weight, 0.2)
        nn.init.zeros_(last.weight)  # start from the directions alone

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        images: Tensor = self.decoder(self.codes_from(latents))
        return images

    def codes_from(self, latents: Tensor, spread: Tensor | None = None) -> Tensor:
        """Standard normal latents (n, latent_dim) -> codes with the distribution of photos' codes; conditions become -1
        or 1. spread: the result of `spread`, if it is known already."""
        spread = self.spread() if spread is None else spread
        codes = self.code_mean + latents @ spread.T.to(latents)
        free = self.latent_dim - len(self.conditions)
        return torch.cat([codes[:, :free], torch.where(codes[:, free:] > 0, 1.0, -1.0).to(codes)], 1)

    def spread(self) -> Tensor:
        """The Cholesky factor (d, d) of the codes' covariance."""
        covariance = upcast(self.code_covariance)  # the factorisation needs float32
        eye = torch.eye(self.latent_dim, device=covariance.device)
        factor: Tensor = torch.linalg.cholesky(covariance + 1e-3 * covariance.diagonal().mean() * eye)
        return factor

    @torch.no_grad()
    def adopt(self, generator: DCGANGenerator) -> None:
        """Use a trained conditional generator as the decoder: a code is then its latent, followed by its labels in
        -1..1 (`conditions`). Raises InvalidInput if the two do not fit."""
        if (
            not isinstance(generator, DCGANGenerator)
            or not generator.multi_label
            or generator.labels != self.conditions
            or generator.latent_dim + len(self.conditions) != self.latent_dim
            or generator.image_shape != self.image_shape
            or generator.layers[1].num_features != self.decoder[2].num_features
        ):
            raise InvalidInput(
                f"The editor cannot draw as this generator does: it needs one of {self.latent_dim - len(self.conditions)} latents, "
                f"{self.image_shape[1]} px, and the labels {', '.join(self.conditions) or 'of no attribute'}."
            )
        free, embedding = generator.latent_dim, generator.embedding
        spread = generator.layers.get_parameter("0.weight").flatten(
            1
        )  # (latent_dim + embedding_dim, what the first map holds)
        self.decoder.get_parameter("0.weight").copy_(torch.cat([spread[:free], embedding.weight.T @ spread[free:]]).T)
        self.decoder.get_parameter("0.bias").copy_(embedding.bias @ spread[free:])
        for mine, its in zip(list(self.decoder)[2:], list(generator.layers)[1:], strict=True):
            mine.load_state_dict(its.state_dict())
        labels = generator.label_table * 2 - 1
        self.code_mean.zero_()[free:] = labels.mean(0)
        self.code_covariance.copy_(torch.eye(self.latent_dim))[free:, free:] = labels.T.cov()

    def encode(self, images: Tensor) -> Encoded:  # type: ignore[override] # more than a latent: what `decode` needs
        """Faces (n, C, H, W) float in [-1, 1] -> the input of `decode`. Encode once, then decode for every movement of a
        slider. Raises InvalidInput for other tensors."""
        images = self.check_images(images).float()
        codes, logits = self.encoder(images.to(self.dtype))
        return Encoded(codes.float(), images, self.draw(codes), logits.float().sigmoid())

    def draw(self, codes: Tensor) -> Tensor:
        """Decode codes (n, latent_dim): (n, C, H, W) float32 in [-1, 1]."""
        images: Tensor = self.decoder(codes.to(self.dtype))
        return images.float()

    def trial(self) -> list[Tensor]:
        made = super().trial()
        if len(made) == 1:
            return made
        return [*made, self.decode(Encoded(*made[1:]), torch.ones(1, len(self.attributes)))]

    def decode(self, latents: Encoded, differences: Tensor) -> Tensor:
        """The photos changed by differences (n, K) in -2..2: (n, C, H, W) in [-1, 1]. 0 keeps an attribute, 1 adds it
        fully, -1 removes it fully, and values beyond exaggerate. One encoded photo can be combined with any number of
        differences. No pixel changes outside the head (HEAD) and the regions of the changed attributes. Raises
        InvalidInput."""
        differences = self._checked_differences(latents, differences)
        return self._decoded(latents, latents.codes.expand(len(differences), -1), differences)

    def changed(self, images: Tensor, differences: Tensor) -> tuple[Tensor, Tensor]:
        """`encode` and `decode` in one, without checks, for gan_models.export: a row of differences for each picture ->
        the edited pictures, and `shown` (n, K)."""
        codes, logits = self.encoder(images.to(self.dtype))
        latents = Encoded(codes.float(), images, self.draw(codes), logits.float().sigmoid())
        return self._decoded(latents, latents.codes, differences), latents.shown

    def _decoded(self, latents: Encoded, codes: Tensor, differences: Tensor) -> Tensor:
        moved = latents.codes + self.mapping(codes.to(self.dtype), differences.to(self.dtype)).float()
        # Rounding depends on the size of the batch, so pictures without a request are copied.
        asked = (differences.abs().amax(1) > 0)[:, None, None, None]
        change = self.change(latents.photos, latents.drawn, self.draw(moved))
        edited = (latents.photos + asked * self.reach(differences) * change).clamp(-1, 1)
        return self._plausible(latents.photos, edited) if self.image_shape[0] == 3 else edited

    def edit(self, images: Tensor, targets: dict[str, float], intensity: float = 1.0) -> Tensor:
        """Faces with the requested attributes: targets name -> 0..1 (absent .. present). The code moves by the
        difference between the target and the estimate for each picture, times intensity (0..2). {} changes nothing.

        Requesting a hair colour or baldness removes the other hair colours. Raises InvalidInput for unknown names and
        values out of range.
        """
        latents = self.encode(images)
        return self.decode(latents, self.differences(latents, targets, intensity))

    def differences(self, latents: Encoded, targets: dict[str, float], intensity: float = 1.0) -> Tensor:
        """The differences (n, K) that `edit` decodes, from targets name -> 0..1. Raises InvalidInput as `edit` does."""
        targets = self._checked_targets(targets, intensity)
        differences = torch.zeros_like(latents.shown)
        for name, value in targets.items():
            k = self.attributes.index(name)
            differences[:, k] = (value - latents.shown[:, k]) * intensity
        return differences

    @staticmethod
    def change(photos: Tensor, drawn: Tensor, redrawn: Tensor) -> Tensor:
        """The change to add to photos, from two drawings of them (n, C, H, W each): the difference of the drawings, and,
        where it is large, minus the photo's detail that the first drawing lacks."""
        difference, lacking = redrawn - drawn, photos - drawn
        low, high = REDRAWN
        large = smoothstep((blurred(difference.abs().mean(1, keepdim=True)) - low) / (high - low))
        return difference - large * (lacking - blurred(lacking))

    def reach(self, differences: Tensor) -> Tensor:
        """The mask (n, 1, H, W) 0..1 of the changes by differences (n, K). It is 0 outside the head and outside the
        regions of the changed attributes. An attribute that is changed less than half as much as another has less
        weight in its region."""
        share = (2 * differences.abs() / differences.abs().amax(1, keepdim=True).clamp_min(1e-6)).clamp(max=1)
        regions = (share[:, :, None, None] * self.regions.float()).amax(1, keepdim=True)
        return regions * smoothstep((1 - from_head(self.image_shape[-1], self.device)) / FADING)

    def _plausible(self, photos: Tensor, edited: Tensor) -> Tensor:
        """The edited pictures without colours that faces do not have, such as blue hair after too much red was removed.
        Colours of the photo stay."""
        had, has = colours(photos), colours(edited)
        shade = ((has[:, 0] + 1) / 2 * SHADES - 0.5).clamp(0, SHADES - 1)
        below = shade.long().clamp(0, SHADES - 2)  # NaN is any number
        palette = self.palette.float()
        bounds = torch.lerp(palette[..., below], palette[..., below + 1], shade - below)
        low, high = bounds.unbind(1)  # (2, n, H, W) each
        low, high = (torch.minimum(low.movedim(0, 1), had[:, 1:]), torch.maximum(high.movedim(0, 1), had[:, 1:]))
        natural = from_colours(torch.cat([has[:, :1], has[:, 1:].clamp(low, high)], 1)).clamp(-1, 1)
        return torch.where(edited == photos, edited, natural)

    def _checked_differences(self, latents: Encoded, differences: Tensor) -> Tensor:
        if not isinstance(latents, Encoded):
            raise InvalidInput("The latents must be what encode() gave.")
        return check_differences(differences, len(latents.codes), self.attributes, MOST, self.device)

    def _checked_targets(self, targets: dict[str, float], intensity: float) -> dict[str, float]:
        """The targets, with those that they imply."""
        return checked_targets(targets, self.attributes, EXCLUSIVE, intensity, MOST)
