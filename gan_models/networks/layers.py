"""Parts that several networks share: pyramids of convolutions, their limits and their initialisation."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import InvalidConfig, InvalidInput, short
from ..sizes import Size, sides

LIMITS = {
    "image_size": (8, 256),
    "image_channels": (1, 4),
    "latent_dim": (1, 2048),
    "width": (1, 256),
    "embedding_dim": (1, 1024),
}
NORMALISATIONS = ("batch", "spectral", "none")


MOST_OBLONG = 4  # largest ratio of the longer side to the shorter


def pyramid(image_size: Size, width: int) -> tuple[int | tuple[int, int], list[int]]:
    """(size of the smallest feature map, channels from the largest map to the smallest): 64 -> 4, [w, 2w, 4w, 8w].

    Each step halves the size until it is at most 7: 28 -> 14 -> 7, 32 -> 16 -> 8 -> 4, 64 -> ... -> 4. For pictures that
    are not square, (height, width), both sides are halved until the shorter one is at most 7.
    """
    a, b = sides(image_size)
    channels: list[int] = []
    while min(a, b) > 7 and a % 2 == b % 2 == 0:
        a, b = a // 2, b // 2
        channels.append(width * 2 ** len(channels))
    if not 2 <= min(a, b) <= 7:
        raise InvalidConfig(
            f"The configuration says image_size = {short(image_size)}; halving it must lead to 4 to 7, as 28, 32 and "
            "64 do."
        )
    if max(a, b) > MOST_OBLONG * min(a, b):
        raise InvalidConfig(
            f"The configuration says image_size = {short(image_size)}; the longer side may be at most {MOST_OBLONG} "
            "times the shorter one."
        )
    return a if a == b else (a, b), channels


def check_normalisation(normalisation: str, known: tuple[str, ...] = NORMALISATIONS) -> None:
    """Raise InvalidConfig for a normalisation that the network does not have."""
    if normalisation not in known:
        raise InvalidConfig(f"The normalisation must be one of {', '.join(known)}, not {normalisation!r}.")


def initialise(module: nn.Module, normal: bool) -> None:
    """With `normal` the paper's N(0, 0.02) weights and N(1, 0.02) BatchNorm scales. Without normalisation these would
    shrink the activations; then use He initialisation (He et al. 2015)."""
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.normal_(layer.weight, 0, 0.02) if normal else nn.init.kaiming_normal_(layer.weight, 0.2)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1, 0.02)


def downwards(image_channels: int, channels: list[int], normalisation: str) -> nn.Sequential:
    """Strided convolutions from the picture to the smallest feature map, with the given `channels`."""
    layers: list[nn.Module] = []
    for a, b in zip([image_channels] + channels, channels):
        batch = normalisation == "batch" and len(layers) > 0
        layers.append(nn.Conv2d(a, b, 4, stride=2, padding=1, bias=not batch))
        layers += [nn.BatchNorm2d(b)] if batch else []
        layers.append(nn.LeakyReLU(0.2))
    return nn.Sequential(*layers)


class FromPoint(nn.ConvTranspose2d):
    """A transposed convolution without bias of maps of one pixel, (n, inputs, 1, 1) -> (n, outputs, h, w), computed as the
    matrix product that it is: oneDNN takes ten times as long for a kernel of 7 x 7. Where one picture must equal the same
    one of many bit for bit, leave it."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        maps = x.flatten(1) @ self.weight.permute(0, 2, 3, 1).flatten(1)  # no copy of weights in channels_last
        return maps.view(-1, *self.kernel_size, self.out_channels).permute(0, 3, 1, 2)


def upwards(
    inputs: int,
    size: int | tuple[int, int],
    channels: list[int],
    image_channels: int,
    first: type[nn.ConvTranspose2d] = nn.ConvTranspose2d,
) -> nn.Sequential:
    """Transposed convolutions from (n, inputs, 1, 1) over a map of `size` to the picture, with tanh at the end."""
    layers: list[nn.Module] = [first(inputs, channels[-1], size, bias=False)]
    layers += [nn.BatchNorm2d(channels[-1]), nn.ReLU()]
    for a, b in zip(channels[::-1], channels[-2::-1]):
        layers += [nn.ConvTranspose2d(a, b, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
    return nn.Sequential(*layers, nn.ConvTranspose2d(channels[0], image_channels, 4, stride=2, padding=1), nn.Tanh())


def capped_pyramid(image_size: int, width: int) -> tuple[int, list[int]]:
    """(size of the smallest map, channels from the largest map to the smallest): 64 -> 4, [w, 2w, 4w, 8w]; at most 8w."""
    size = image_size
    channels: list[int] = []
    while size > 4 and size % 2 == 0:
        size //= 2
        channels.append(width * min(2 ** len(channels), 8))
    if size != 4:
        raise InvalidConfig(f"The configuration says image_size = {image_size}; it must be 8, 16, 32, 64, 128 or 256.")
    return size, channels


def doubled(x: Tensor) -> Tensor:
    """(n, C, H, W) -> (n, C, 2 H, 2 W): F.interpolate(x, scale_factor=2, mode="bicubic") as two matrix products, which
    take a fifth of the time."""
    down, across = (
        F.interpolate(torch.eye(n, dtype=x.dtype, device=x.device)[None, None], (2 * n, n), mode="bicubic")[0, 0]
        for n in x.shape[-2:]
    )
    return down @ x @ across.T


def upcast(x: Tensor) -> Tensor:
    """The tensor in at least float32, in which losses are computed."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def given(tensor: Tensor | None, what: str) -> Tensor:
    """The tensor. Raises InvalidInput if it is missing; `what` is its name."""
    if tensor is None:
        raise InvalidInput(f"This network needs {what}, and got none.")
    return tensor


def check_differences(
    differences: Tensor, n: int, attributes: tuple[str, ...], most: float, device: torch.device
) -> Tensor:
    """The changes that an editor is asked for, (n, K) from -most to most, as float32 on the device; for a single photo
    any number of rows. Raises InvalidInput."""
    k = len(attributes)
    try:
        differences = torch.as_tensor(differences, dtype=torch.float32, device=device)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidInput(
            f"The differences must be numbers ({n}, {k}) from -{most:g} to {most:g}, not {short(differences)}."
        ) from error
    if differences.ndim != 2 or differences.shape[1] != k or n not in (1, len(differences)):
        raise InvalidInput(
            f"The differences must be ({n}, {k}): one row for each picture, one number for each of "
            f"{', '.join(attributes)}; not {tuple(differences.shape)}."
        )
    if not (differences.abs() <= most).all():
        raise InvalidInput(f"The differences must be numbers from -{most:g} to {most:g}.")
    return differences


class GroupNorm(nn.GroupNorm):
    """PyTorch's GroupNorm (Wu and He 2018, arXiv:1803.08494) without its slow path: maps (n, C, H, W) -> the same shape, on a
    CPU in the usual layout, since groups of few channels in channels_last take up to 15 times as long."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.contiguous() if x.device.type == "cpu" else x)
