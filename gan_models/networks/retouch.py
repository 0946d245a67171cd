"""The face editor that retouches the photo itself: it moves pixels, changes colours, and paints only where it must.

A U-Net (Ronneberger et al. 2015, arXiv:1505.04597) takes the face and the requested changes. It returns a **flow**
(warping as an edit: Dorta et al. 2020, arXiv:1811.12784), a local **affine change of colour** (Gharbi et al. 2017,
arXiv:1707.02880), and a **painted layer** with alpha (attention masks: Pumarola et al. 2018, arXiv:1807.09251). Flow and
colour are smooth, so on a large photo they are upsampled and applied to the photo's own pixels; only the painted layer is
limited to the network's resolution. Without a request the photo is returned unchanged; the change is proportional to the
request.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..celeba import ATTRIBUTES, HAIR_COLOURS
from ..errors import InvalidConfig, InvalidInput
from ..photos.layered import Layers, coloured
from .base import Generator, Names, check_config, check_labels, checked_targets, is_number
from .compositing import smoothstep
from .layers import check_differences, upcast
from .regions import permitted, regions_of
from .unet import COARSE, GROUPS, Level, enlarged, initialise_convolutions

LIMITS = {"image_size": (32, 512), "width": (8, 128), "embedding": (8, 512), "finest": (8, 128)}
EXCLUSIVE = ("Bald", *HAIR_COLOURS)  # a head has one of them
FLOW = 0.2  # largest displacement of a pixel, in units of half the picture
EAGER = 3.0  # factor on the learning rate of the flow: else mouths are recoloured before anything learns to move
COLOUR = 0.5  # largest change of a weight or constant of the colour map
MOST = 1.0  # the largest change that can be requested
NEARLY = 0.95  # initial paint is clamped to +-NEARLY, since tanh could hardly change it beyond
# Mean differences of paint from the picture, in -1..1, at which it begins to cover the picture's detail, and does.
COVERS = (0.08, 0.3)


Strengths = dict[str, list[float]] | dict[str, tuple[float, float]]  # attribute -> (less, more)


class Seen(NamedTuple):
    """n encoded photos: the output of `encode` and the input of `decode`."""

    photos: Tensor  # (n, 3, S, S) as they were given
    features: tuple[Tensor, ...]  # of the U-Net's way down, the largest map first
    shown: Tensor  # (n, K) 0..1: the probability of each attribute
    gain: float = 1.0  # by which the photos were made lighter than they are


class Retouch(NamedTuple):
    """The changes of n photos at full strength. Maps have the network's size; for larger pictures they are upsampled."""

    # (n, 2, S, S) the offset to the right and down, in halves of the picture, of the pixel that is moved to each place
    flow: Tensor
    # (n, 12, S, S) added to red, green and blue: for each of them the factors of red, green and blue, and a constant
    colour: Tensor
    paint: Tensor  # (n, 3, S, S) in [-1, 1]
    alpha: Tensor  # (n, 1, S, S) 0..1


class RetouchEditor(Generator):
    """Changes attributes of faces: `edit(images, {"Smiling": 1.0})`. It cannot draw pictures from latents (latent_dim is
    0).

    image_size: 32, 48, or 64 times a power of 2. width: channels of the U-Net's first map. finest: channels at the
    painted layer's size. embedding: entries of the embedding of the requested changes.
    """

    family = "retouch"
    attributes: tuple[str, ...]
    most_change: float = MOST
    limits = LIMITS
    grows = ("painting.",)  # by finer levels, which begin with what the coarser ones paint

    def __init__(
        self,
        image_size: int = 64,
        image_channels: int = 3,
        width: int = 24,  # channels of the largest map of the trunk, a multiple of 8
        embedding: int = 64,  # entries of the embedding of the requested changes
        finest: int = 24,  # channels at the picture's own size, a multiple of 8
        attributes: Names | None = None,  # that can be edited
        strengths: Strengths | None = None,  # {attribute: [less, more]}: the share of a full change that is made, 0..1
        regions: bool = False,  # each direction acts only where it has to (regions.py)
    ):
        super().__init__()
        check_config(locals(), self.limits)
        if image_channels != 3:
            raise InvalidConfig(
                f"The configuration says image_channels = {image_channels}; colours are changed, so it must be 3."
            )
        if not isinstance(regions, bool):
            raise InvalidConfig("The configuration's regions must be true or false.")
        coarse = min(image_size, COARSE)
        if image_size % coarse or (image_size // coarse).bit_count() != 1 or coarse % 16:
            raise InvalidConfig(
                f"The configuration says image_size = {image_size}; it must be 32, 48, 64, 128, 256 or 512."
            )
        if width % GROUPS or finest % GROUPS:
            raise InvalidConfig(
                f"The configuration's width ({width}) and finest ({finest}) must be multiples of {GROUPS}."
            )
        self.attributes = check_labels(ATTRIBUTES if attributes is None else attributes, True) or ()
        self.set_labels(None, False)
        self.strengths = _checked_strengths(strengths, self.attributes)
        self.regions = regions
        self.latent_dim, self.image_shape, self.coarse = 0, (3, image_size, image_size), coarse
        k, channels = len(self.attributes), [width * 2**step for step in range(4)]
        self.wishes = nn.Sequential(nn.Linear(k, embedding), nn.LeakyReLU(0.2))
        self.down = nn.ModuleList(Level(a, b, 4, 2) for a, b in zip([3, *channels[:-1]], channels, strict=True))
        self.middle = Level(channels[-1], channels[-1], embedding=embedding)
        self.up = nn.ModuleList(
            Level(a, b, embedding=embedding, beside=b) for a, b in zip(channels[:0:-1], channels[-2::-1], strict=True)
        )
        self.smooth = nn.Conv2d(width, 14, 3, padding=1)
        self.painting = nn.ModuleList()  # for each size from `coarse` on: convolutions of the features, of the picture, of both, and to paint and alpha
        inputs, size = width, coarse
        while size <= image_size:
            both = [] if size == coarse else [nn.Conv2d(finest, finest, 3, padding=1)]
            self.painting.append(
                nn.ModuleList(
                    [
                        nn.Conv2d(inputs, finest, 3, padding=1),
                        nn.Conv2d(3, finest, 3, padding=1, bias=False),
                        *both,
                        nn.Conv2d(finest, 4, 3, padding=1),
                    ]
                )
            )
            inputs, size = finest, size * 2
        self.estimate = nn.Linear(channels[-1] * (coarse // 16) ** 2, k)
        initialise_convolutions(self)
        # Start without a change, and finer levels with the output of the coarser.
        coarsest, *finer = (list(level.children())[-1] for level in self.painting)
        for layer in [self.smooth, *finer]:
            nn.init.zeros_(layer.get_parameter("weight"))
        nn.init.normal_(coarsest.get_parameter("weight"), 0, 0.01)
        with torch.no_grad():
            coarsest.get_parameter("bias")[3] = -0.5

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Raise InvalidInput: this model has no latents."""
        raise InvalidInput("This model edits pictures and draws none of its own: give it a face to edit.")

    def trial(self) -> list[Tensor]:
        """The output for a grey picture, with which `load` tests the weights."""
        seen = self.encode(torch.zeros(1, *self.image_shape, device=self.device))
        return [seen.shown, self.decode(seen, torch.ones(1, len(self.attributes)))]

    def encode(self, images: Tensor) -> Seen:  # type: ignore[override] # more than a latent: what `decode` needs
        """Faces (n, 3, S, S) float in [-1, 1] -> the input of `decode`. Encode once, then decode for every movement of a
        slider. Raises InvalidInput for other tensors."""
        seen = self.see(self.check_images(images).float())
        return seen._replace(shown=seen.shown.float())

    def see(self, images: Tensor) -> Seen:
        """`encode` without its checks; differentiable."""
        x = F.avg_pool2d(images, images.shape[-1] // self.coarse) if images.shape[-1] > self.coarse else images
        x, features = x.to(self.dtype), []
        for level in self.down:
            x = level(x)
            features.append(x)
        return Seen(images, tuple(features), upcast(self.estimate(x.detach().flatten(1))).sigmoid())

    def retouch(self, seen: Seen, directions: Tensor) -> Retouch:
        """The changes of the photos for directions (n, K) in -1..1, of which the largest is 1 or -1; differentiable."""
        wishes = self.wishes(directions.to(self.dtype))
        x = self.middle(seen.features[-1], wishes)
        for level, beside in zip(self.up, seen.features[-2::-1], strict=True):
            x = level(x, wishes, beside)
        size = seen.photos.shape[-1]
        smooth = upcast(self.smooth(x)).contiguous()  # channels first in memory, since they are split next
        flow = enlarged(FLOW * (EAGER * smooth[:, :2]).tanh(), size)
        colour = enlarged(COLOUR * smooth[:, 2:].tanh(), size)
        if self.regions:
            free = permitted(regions_of(self.attributes, self.coarse).to(flow), directions.to(flow))
            free = enlarged(free, size)
            flow, colour = flow * free, colour * free
        ground = coloured(warped(seen.photos, flow), colour)
        maps: list[Tensor] = []  # of paint and alpha, the coarsest first
        for of_features, of_picture, *both, last in (level.children() for level in self.painting):
            x = enlarged(of_features(x), 2 * x.shape[-1])
            small = F.avg_pool2d(ground, size // x.shape[-1]) if x.shape[-1] < size else ground
            x = F.leaky_relu_(x + of_picture(small.to(self.dtype)), 0.2)
            for layer in both:
                x = F.leaky_relu_(layer(x), 0.2)
            added = upcast(last(x))
            maps.append(added + enlarged(maps[-1], x.shape[-1]) if maps else added)
        # Paint is initialised to the picture. If it were grey, alpha would vanish before the editor learned to paint.
        paint, alpha = maps[-1].split((3, 1), 1)
        alpha = (alpha.tanh() + 1) / 2
        if self.regions:
            alpha = alpha * free
        return Retouch(flow, colour, (paint + (NEARLY * ground).clamp(-NEARLY, NEARLY).atanh()).tanh(), alpha)

    def directed(self, seen: Seen, differences: Tensor) -> tuple[Retouch, Tensor]:
        """The changes for differences (n, K) in -1..1, and their strength (n, 1, 1, 1), 0..1."""
        less, more = torch.tensor(self.strengths).to(differences)
        differences = differences * torch.where(differences > 0, more, less)
        strength = differences.abs().amax(1, keepdim=True)
        found = self.retouch(seen, differences / strength.clamp_min(1e-6))
        return found, strength[:, :, None, None]

    def decode(self, latents: Seen, differences: Tensor) -> Tensor:
        """The photos changed by differences (n, K) in -1..1: (n, 3, S, S) in [-1, 1]. 0 keeps an attribute, 1 adds it,
        -1 removes it. One encoded photo can be combined with any number of differences. Raises InvalidInput."""
        differences = self.check_differences(latents, differences)
        n, gain = len(differences), latents.gain

        def rows(part: Tensor) -> Tensor:
            return part.expand(n, *part.shape[1:])

        latents = Seen(rows(latents.photos), tuple(map(rows, latents.features)), rows(latents.shown))
        edited = retouched(latents.photos, *self.directed(latents, differences)).float()
        return edited if gain == 1 else (edited + 1) / gain - 1

    def changed(self, images: Tensor, differences: Tensor) -> tuple[Tensor, Tensor]:
        """`encode` and `decode` in one, without checks, for gan_models.export: a row of differences for each picture ->
        the edited pictures, and `shown` (n, K)."""
        seen = self.see(images)
        return retouched(seen.photos, *self.directed(seen, differences)).float(), seen.shown.float()

    def edit(self, images: Tensor, targets: dict[str, float], intensity: float = 1.0) -> Tensor:
        """Faces with the requested attributes: targets name -> 0..1 (absent .. present). The change is the difference
        between the target and the estimate for each picture, times intensity (0..2). {} changes nothing. Requesting a
        hair colour or baldness removes the other hair colours. Raises InvalidInput for unknown names and values out of
        range."""
        seen = self.encode(images)
        return self.decode(seen, self.differences(seen, targets, intensity))

    def differences(self, latents: Seen, targets: dict[str, float], intensity: float = 1.0) -> Tensor:
        """The differences (n, K) that `edit` decodes, from targets name -> 0..1. Raises InvalidInput as `edit` does."""
        targets = checked_targets(targets, self.attributes, EXCLUSIVE, intensity, 2)
        differences = torch.zeros_like(latents.shown)
        for name, value in targets.items():
            k = self.attributes.index(name)
            differences[:, k] = ((value - latents.shown[:, k]) * intensity).clamp(-MOST, MOST)
        return differences

    def check_differences(self, latents: Seen, differences: Tensor) -> Tensor:
        """Differences as float32 on the editor's device. Raises InvalidInput."""
        if not isinstance(latents, Seen):
            raise InvalidInput("The latents must be what encode() gave.")
        return check_differences(differences, len(latents.photos), self.attributes, MOST, self.device)


def warped(pictures: Tensor, flow: Tensor) -> Tensor:
    """Pictures (n, 3, H, W) with each pixel taken from the place that the flow (n, 2, H, W), in halves of the picture,
    points to."""
    n, _, height, width = flow.shape
    down = (torch.arange(height, device=flow.device, dtype=flow.dtype) * 2 + 1) / height - 1
    across = (torch.arange(width, device=flow.device, dtype=flow.dtype) * 2 + 1) / width - 1
    places = torch.stack([across[None, :].expand(height, -1), down[:, None].expand(-1, width)], 2)
    return F.grid_sample(
        pictures.to(flow.dtype).contiguous(),
        places + flow.permute(0, 2, 3, 1),
        "bilinear",
        "border",
        align_corners=False,
    )


def layers_of(photos: Tensor, retouch: Retouch, strength: Tensor) -> Layers:
    """The layers of a retouch of photos (n, 3, S, S) at the network's size, for pictures of any size. Where the paint
    hardly differs from the picture, the picture's own detail stays."""
    flow, colour = strength * retouch.flow, strength * retouch.colour
    ground = coloured(warped(photos, flow), colour)
    change = retouch.paint - ground
    low, high = COVERS
    odd = F.avg_pool2d(change.abs().mean(1, keepdim=True), 3, 1, 1, count_include_pad=False)
    return Layers(
        flow,
        colour,
        strength * retouch.alpha * change,
        strength * retouch.alpha * smoothstep((odd - low) / (high - low)),
        ground,
    )


def applied(pictures: Tensor, layers: Layers) -> Tensor:
    """Pictures (n, 3, H, W) in [-1, 1] with layers of their size."""
    moved = coloured(warped(pictures, layers.flow), layers.colour)
    return (moved + layers.change - layers.cover * (moved - layers.ground)).clamp(-1, 1)


def retouched(photos: Tensor, retouch: Retouch, strength: Tensor) -> Tensor:
    """Photos (n, 3, H, W) in [-1, 1] retouched with a strength (n, 1, 1, 1) of 0..1; the maps have the photos' size. At
    strength 0 the photos are unchanged."""
    edited = coloured(warped(photos, strength * retouch.flow), retouch.colour, strength)
    edited = torch.lerp(edited, retouch.paint, strength * retouch.alpha).clamp(-1, 1)
    return torch.where(strength > 0, edited, photos)


def _checked_strengths(strengths: object, attributes: tuple[str, ...]) -> list[list[float]]:
    """The share of a full change that is made, (2, K): less and more of each attribute."""
    found = [[1.0] * len(attributes), [1.0] * len(attributes)]
    if strengths is None:
        return found
    for name, pair in strengths.items() if isinstance(strengths, dict) else [("", None)]:
        if name not in attributes or not isinstance(pair, (list, tuple)) or len(pair) != 2:
            break
        if not all(is_number(value, 1) for value in pair):
            break
        for row, value in zip(found, pair, strict=True):
            row[attributes.index(name)] = float(value)
    else:
        return found
    raise InvalidConfig(
        "The configuration's strengths must be null, or two numbers from 0 to 1 for each of some of its attributes."
    )
