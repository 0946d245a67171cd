"""The face editor: a photo is read into a code, the code is moved, and the *change* of what it draws is added to the
photo.

The decoder can draw nothing but faces: it is a finished conditional generator, whose latents and labels an encoder
learned to read (IcGAN: Perarnau et al. 2016, arXiv:1611.06355), or the half of an autoencoder (Kingma and Welling 2013,
arXiv:1312.6114). Attribute differences as in STGAN (Liu et al. 2019, arXiv:1904.09709) say where a code is moved. Since
only the difference of two drawings reaches the photo, and only where the attribute shows, what is not asked to change
keeps all its detail, and no change at all gives back the very photo. Where the difference is large, the photo's own
detail goes: it belonged to what was there, as teeth do to a mouth that closes.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..celeba import ATTRIBUTES, EXCLUSIVE
from ..errors import InvalidConfig, InvalidInput, short
from .base import Generator, check_config, check_labels
from .compositing import blurred, colours, from_colours, from_head, smoothstep
from .dcgan import DCGANGenerator
from .layers import capped_pyramid, downwards, initialise, upcast, upwards

LIMITS = {
    "image_size": (8, 256),
    "image_channels": (1, 4),
    "latent_dim": (1, 2048),
    "width": (1, 256),
    "decoder_width": (1, 256),
    "hidden": (1, 4096),
}
MOST = 2.0  # the largest difference that can be asked for
BEYOND = 1 / 3  # of the way is what is asked for beyond 1: twice as far, few codes stand for faces
SHADES = 16  # of brightness, for each of which the palette knows the colours of faces
FADING = 0.15  # of the ellipse: so wide is its rim, over which a change fades to nothing
REDRAWN = (0.1, 0.4)  # changes of -1..1 pixels from which on the photo's own detail begins to go, and is gone


class Encoded(NamedTuple):
    """What the editor knows of n photos: the latents that `encode` gives and `decode` takes."""

    codes: Tensor  # (n, latent_dim)
    photos: Tensor  # (n, C, H, W) as they were given
    drawn: Tensor  # (n, C, H, W) what the decoder makes of the codes
    shown: Tensor  # (n, K) 0..1: how surely each attribute is there


class Encoder(nn.Module):
    """Strided convolutions from a picture to its code, and an estimate of the attributes that it shows."""

    def __init__(self, channels: list[int], size: int, image_channels: int, latent_dim: int, attributes: int):
        super().__init__()
        self.layers = nn.Sequential(downwards(image_channels, channels, "batch"), nn.Flatten())
        self.code = nn.Linear(channels[-1] * size**2, latent_dim)
        self.estimate = nn.Linear(channels[-1] * size**2, attributes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """images -> codes (n, latent_dim) and logits of the attributes (n, K). The estimate looks on: it does not shape
        the features."""
        features = self.layers(images)
        return self.code(features), self.estimate(features.detach())


class Mapping(nn.Module):
    """Where differences of attributes move a code: (codes (n, d), differences (n, K)) -> shifts (n, d).

    One direction for each attribute, and what two layers add to their sum for this very face. Half the difference is
    half the shift, none is none, and beyond 1 the way gets longer only by BEYOND. `strengths` (2, K) is how far
    differences of 1, and of -1, go (training.calibrate). Attributes whose numbers are `known` to the decoder as
    conditions move nothing but these, which come after the first `free` entries of a code: moving the rest as well
    pleases a classifier more, and draws worse faces.
    """

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
        differences = differences * torch.where(differences > 0, *self.strengths) * (1 + BEYOND * (most - 1)) / most
        strength = differences.abs().amax(1, keepdim=True)
        asked = differences / strength.clamp_min(1e-6)
        known = torch.tensor([k in self.known for k in range(len(self.directions))], device=codes.device)
        free = torch.arange(codes.shape[1], device=codes.device) < self.free
        moved = (~(known[:, None] & free)).to(self.directions)  # which entries of a code each attribute moves
        share = asked.abs() @ moved / asked.abs().sum(1, keepdim=True).clamp_min(1e-6)
        return strength * (asked @ (self.directions * moved) + share * self.layers(torch.cat([codes, asked], 1)))


class Editor(Generator):
    """Reads a face, changes attributes, draws the change: `edit(images, {"Smiling": 1.0})`.

    As a generator it draws faces from standard normal latents, which are given the mean and the covariance that codes
    of photos have (Ghosh et al. 2019, arXiv:1903.12436). conditions: attributes that the last entries of a code stand
    for, -1 or 1, where the decoder is that of a conditional generator (`adopt`).
    """

    family = "editor"
    most_change = MOST
    limits = LIMITS

    def __init__(
        self,
        image_size: int = 64,
        image_channels: int = 3,
        latent_dim: int = 256,  # numbers of a code
        width: int = 32,  # of the encoder: channels of the largest map
        decoder_width: int = 32,  # the same of the decoder
        hidden: int = 512,  # units of the layers that say where attributes move a code
        attributes: list | None = None,  # what can be edited
        conditions: list | None = None,  # attributes that the last numbers of a code stand for
    ):
        super().__init__()
        check_config(locals(), self.limits)
        self.attributes = check_labels(ATTRIBUTES if attributes is None else attributes, True)
        self.conditions = check_labels(conditions, True) or ()
        if latent_dim <= len(self.conditions):
            raise InvalidConfig(
                f"The configuration says latent_dim = {latent_dim}; the {len(self.conditions)} conditions are among them."
            )
        size, channels = capped_pyramid(image_size, width)
        _, widths = capped_pyramid(image_size, decoder_width)
        self.set_labels(None, False)
        self.latent_dim, self.image_shape = latent_dim, (image_channels, image_size, image_size)
        self.encoder = Encoder(channels, size, image_channels, latent_dim, len(self.attributes))
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, widths[-1] * size**2),
            nn.Unflatten(1, (widths[-1], size, size)),
            *upwards(latent_dim, size, widths, image_channels)[1:],
        )
        known = [k for k, name in enumerate(self.attributes) if name in self.conditions]
        self.mapping = Mapping(latent_dim, len(self.attributes), hidden, latent_dim - len(self.conditions), known)
        self.log_variance = nn.Parameter(torch.full((latent_dim,), -2.0))  # of a code, the same for all pictures
        # The least and the largest warmth and greenness (`colours`) at each brightness: (2, 2, SHADES). At first, all
        # colours.
        self.register_buffer("palette", torch.tensor([-2.0, 2.0])[None, :, None].repeat(2, 1, SHADES))
        self.register_buffer(
            "regions", torch.ones(len(self.attributes), image_size, image_size)
        )  # 0..1: where each attribute shows
        self.register_buffer("code_mean", torch.zeros(latent_dim))  # of photos, as training saw them
        self.register_buffer("code_covariance", torch.eye(latent_dim))
        initialise(self, normal=True)
        for layer in self.mapping.layers[:-1:2]:
            nn.init.kaiming_normal_(layer.weight, 0.2)
        nn.init.zeros_(self.mapping.layers[-1].weight)  # begin with the straight directions

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.decoder(self.codes_from(latents))

    def codes_from(self, latents: Tensor, spread: Tensor | None = None) -> Tensor:
        """Standard normal latents (n, latent_dim) as codes that photos could have, conditions being -1 or 1. spread:
        what `spread` gives, where it is known already."""
        spread = self.spread() if spread is None else spread
        codes = self.code_mean + latents @ spread.T.to(latents)
        free = self.latent_dim - len(self.conditions)
        return torch.cat([codes[:, :free], torch.where(codes[:, free:] > 0, 1.0, -1.0).to(codes)], 1)

    def spread(self) -> Tensor:
        """The Cholesky factor (d, d) of the codes' covariance."""
        covariance = upcast(self.code_covariance)  # there is none in half precision
        eye = torch.eye(self.latent_dim, device=covariance.device)
        return torch.linalg.cholesky(covariance + 1e-3 * covariance.diagonal().mean() * eye)

    @torch.no_grad()
    def adopt(self, generator: DCGANGenerator) -> None:
        """Draw as a finished conditional generator does: a code is then its latent, followed by its labels in -1..1
        (`conditions`). Raises InvalidInput where the two do not fit."""
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
        spread = generator.layers[0].weight.flatten(1)  # (latent_dim + embedding_dim, what the first map holds)
        self.decoder[0].weight.copy_(torch.cat([spread[:free], embedding.weight.T @ spread[free:]]).T)
        self.decoder[0].bias.copy_(embedding.bias @ spread[free:])
        for mine, its in zip(self.decoder[2:], generator.layers[1:], strict=True):
            mine.load_state_dict(its.state_dict())
        labels = generator.label_table * 2 - 1
        self.code_mean.zero_()[free:] = labels.mean(0)
        self.code_covariance.copy_(torch.eye(self.latent_dim))[free:, free:] = labels.T.cov()

    def encode(self, images: Tensor) -> Encoded:
        """Faces (n, C, H, W) float in [-1, 1] -> what `decode` takes: encode once, decode for every movement of a
        slider. Raises InvalidInput for other tensors."""
        images = self.check_images(images).float()
        codes, logits = self.encoder(images.to(self.dtype))
        return Encoded(codes.float(), images, self.draw(codes), logits.float().sigmoid())

    def draw(self, codes: Tensor) -> Tensor:
        """What the decoder makes of codes (n, latent_dim): (n, C, H, W) float32 in [-1, 1]."""
        return self.decoder(codes.to(self.dtype)).float()

    def trial(self) -> list[Tensor]:
        made = super().trial()
        if len(made) == 1:
            return made
        return [*made, self.decode(Encoded(*made[1:]), torch.ones(1, len(self.attributes)))]

    def decode(self, latents: Encoded, differences: Tensor) -> Tensor:
        """The photos with the change that differences (n, K) in -2..2 make: (n, C, H, W) in [-1, 1]. 0 leaves an
        attribute, 1 brings it fully in, -1 takes it fully out, and what is asked beyond exaggerates. One encoded photo
        goes with any number of differences. Outside the head (HEAD) and of the regions of what is asked no pixel
        changes. Raises InvalidInput."""
        differences = self._checked_differences(latents, differences)
        return self._decoded(latents, latents.codes.expand(len(differences), -1), differences)

    def changed(self, images: Tensor, differences: Tensor) -> tuple[Tensor, Tensor]:
        """`decode` of what `encode` sees, a row of differences for each picture, and what is shown (n, K), without
        checks: what gan_models.export writes."""
        codes, logits = self.encoder(images.to(self.dtype))
        latents = Encoded(codes.float(), images, self.draw(codes), logits.float().sigmoid())
        return self._decoded(latents, latents.codes, differences), latents.shown

    def _decoded(self, latents: Encoded, codes: Tensor, differences: Tensor) -> Tensor:
        moved = latents.codes + self.mapping(codes.to(self.dtype), differences.to(self.dtype)).float()
        # Not all sizes of a batch round alike: where nothing is asked, the very photo.
        asked = (differences.abs().amax(1) > 0)[:, None, None, None]
        change = self.change(latents.photos, latents.drawn, self.draw(moved))
        edited = (latents.photos + asked * self.reach(differences) * change).clamp(-1, 1)
        return self._plausible(latents.photos, edited) if self.image_shape[0] == 3 else edited

    def edit(self, images: Tensor, targets: dict[str, float], intensity: float = 1.0) -> Tensor:
        """Faces with attributes as asked: targets name -> 0..1 (absent .. there). What is decoded is the target's
        difference from what each picture is estimated to show, times intensity (0..2). {} goes through the whole
        network too, and changes nothing.

        A hair colour asked for takes the others away, and so does baldness. Raises InvalidInput for unknown names and
        values out of range.
        """
        latents = self.encode(images)
        return self.decode(latents, self.differences(latents, targets, intensity))

    def differences(self, latents: Encoded, targets: dict[str, float], intensity: float = 1.0) -> Tensor:
        """What `edit` decodes: (n, K) from targets name -> 0..1. Raises InvalidInput as `edit` does."""
        targets = self._checked_targets(targets, intensity)
        differences = torch.zeros_like(latents.shown)
        for name, value in targets.items():
            k = self.attributes.index(name)
            differences[:, k] = (value - latents.shown[:, k]) * intensity
        return differences

    @staticmethod
    def change(photos: Tensor, drawn: Tensor, redrawn: Tensor) -> Tensor:
        """What to add to photos, of two drawings (n, C, H, W each) of them: their difference, and where it is large,
        nothing of the photo's detail that the first one lacks stays."""
        difference, lacking = redrawn - drawn, photos - drawn
        low, high = REDRAWN
        large = smoothstep((blurred(difference.abs().mean(1, keepdim=True)) - low) / (high - low))
        return difference - large * (lacking - blurred(lacking))

    def reach(self, differences: Tensor) -> Tensor:
        """Where the changes that differences (n, K) ask for reach the photo: (n, 1, H, W) 0..1. Outside the head
        nothing changes, and none outside its own region; what is asked for less than half as much as another reaches
        less into its own."""
        share = (2 * differences.abs() / differences.abs().amax(1, keepdim=True).clamp_min(1e-6)).clamp(max=1)
        regions = (share[:, :, None, None] * self.regions.float()).amax(1, keepdim=True)
        return regions * smoothstep((1 - from_head(self.image_shape[-1], self.device)) / FADING)

    def _plausible(self, photos: Tensor, edited: Tensor) -> Tensor:
        """The edited pictures without colours that faces do not have, such as the blue of hair whose red went too far.
        Colours of the photo stay."""
        had, has = colours(photos), colours(edited)
        shade = ((has[:, 0] + 1) / 2 * SHADES - 0.5).clamp(0, SHADES - 1)
        below = shade.long().clamp(0, SHADES - 2)  # NaN is any number
        palette = self.palette.float()
        low, high = torch.lerp(palette[..., below], palette[..., below + 1], shade - below).unbind(
            1
        )  # (2, n, H, W) each
        low, high = (torch.minimum(low.movedim(0, 1), had[:, 1:]), torch.maximum(high.movedim(0, 1), had[:, 1:]))
        natural = from_colours(torch.cat([has[:, :1], has[:, 1:].clamp(low, high)], 1)).clamp(-1, 1)
        return torch.where(edited == photos, edited, natural)

    def _checked_differences(self, latents: Encoded, differences: Tensor) -> Tensor:
        if not isinstance(latents, Encoded):
            raise InvalidInput("The latents must be what encode() gave.")
        n, k = len(latents.codes), len(self.attributes)
        try:
            differences = torch.as_tensor(differences, dtype=torch.float32, device=self.device)
        except (TypeError, ValueError, RuntimeError) as error:
            raise InvalidInput(
                f"The differences must be numbers ({n}, {k}) from -2 to 2, not {short(differences)}."
            ) from error
        if differences.ndim != 2 or differences.shape[1] != k or n not in (1, len(differences)):
            raise InvalidInput(
                f"The differences must be ({n}, {k}): one row for each picture, one number for each of "
                f"{', '.join(self.attributes)}; not {tuple(differences.shape)}."
            )
        if not (differences.abs() <= MOST).all():
            raise InvalidInput(f"The differences must be numbers from -{MOST:g} to {MOST:g}.")
        return differences

    def _checked_targets(self, targets: dict[str, float], intensity: float) -> dict[str, float]:
        """With what the wishes imply added."""
        if not _is_number(intensity, MOST):
            raise InvalidInput(f"The intensity must be a number from 0 to {MOST:g}, not {short(intensity)}.")
        if not isinstance(targets, dict):
            raise InvalidInput(
                f'The targets must be names and values, such as {{"Smiling": 1.0}}, not {short(targets)}.'
            )
        for name, value in targets.items():
            if name not in self.attributes:
                raise InvalidInput(
                    f"There is no attribute {short(name)} to edit; there are {', '.join(self.attributes)}."
                )
            if not _is_number(value, 1):
                raise InvalidInput(f"The target of {name} must be a number from 0 to 1, not {short(value)}.")
        wished = [name for name in targets if name in EXCLUSIVE and targets[name] > 0.5]
        if len(wished) > 1:
            raise InvalidInput(f"A head has one of {' and '.join(wished)}: ask for one of them.")
        implied = {name: 0.0 for name in self.attributes if wished and name in EXCLUSIVE}
        return implied | targets


def _is_number(value, most: float) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= most
