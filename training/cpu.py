"""Settings and operations that make training on a CPU faster without changing the result.

Measured with `python -m training.benchmark` on two cores with AVX-512 (`celeba-dcgan`, bfloat16).
"""

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gan_models.memory import keep_memory

SMALL = 8  # pixels: on larger maps oneDNN's own gradient is as fast, or faster


def tune_allocator() -> None:
    """Prepare this process for training on its CPU; harmless on other devices."""
    # The gradients of a winning discriminator underflow, and CPUs are 10 times slower with denormals.
    torch.set_flush_denormal(True)
    keep_memory()


def has_bf16() -> bool:
    """Whether the CPU has instructions for bfloat16 (AMX, AVX512_BF16) that oneDNN uses. Without them bfloat16 is
    emulated and slow; with them it may still be slow, since some CPUs run them at half the speed."""
    if not (torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()):
        return False
    return torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()


def bf16_speedup(seconds: float = 1.0, clock: Callable[[], float] = time.perf_counter) -> float:
    """How many times faster this CPU does a training step's convolutions, forward and backward, in bfloat16 than in
    float32. Both take turns for about `seconds`, and their medians are compared."""
    images = torch.randn(32, 32, 32, 32).contiguous(memory_format=torch.channels_last)
    layers = nn.Sequential(nn.Conv2d(32, 64, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(64, 128, 4, 2, 1))
    layers.to(memory_format=torch.channels_last)
    faster(layers)
    times: dict[bool, list[float]] = {False: [], True: []}
    end = clock() + seconds
    while len(times[True]) < 3 or clock() < end:
        for half in times:
            began = clock()
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                loss = layers(images).float().square().mean()
            loss.backward()
            times[half].append(clock() - began)
    first = len(times[True]) > 3  # in the first turn oneDNN generates its code
    return statistics.median(times[False][first:]) / statistics.median(times[True][first:])


def faster(network: nn.Module) -> None:
    """Let the convolutions that halve or double a map compute the gradients of their weights by `Strided`, when they run
    in bfloat16 on a CPU without matrix instructions (AMX). Weights and their names do not change."""
    if torch.cpu._is_amx_tile_supported():
        return
    for layer in network.modules():
        if type(layer) in FASTER and (layer.kernel_size, layer.stride, layer.padding) == ((4, 4), (2, 2), (1, 1)):
            layer.__class__ = FASTER[type(layer)]


class Strided(torch.autograd.Function):
    """conv2d, or conv_transpose2d, with kernel 4, stride 2 and padding 1. The gradient of the weights is one matrix
    product of the large map's patches and the small map's pixels. On maps of 4 and 8 pixels oneDNN's own, which goes row
    by row, takes 1.5 times as long. Differentiable any number of times."""

    @staticmethod
    def forward(ctx, images: Tensor, weight: Tensor, transposed: bool) -> Tensor:
        ctx.save_for_backward(images, weight)
        ctx.transposed = transposed
        return (F.conv_transpose2d if transposed else F.conv2d)(images, weight, stride=2, padding=1)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        images, weight = ctx.saved_tensors
        large, small = (gradient, images) if ctx.transposed else (images, gradient)
        return (
            Strided.apply(gradient, weight, not ctx.transposed) if ctx.needs_input_grad[0] else None,
            _weights(large, small) if ctx.needs_input_grad[1] else None,
            None,
        )


def _weights(large: Tensor, small: Tensor) -> Tensor:
    """(c, C, 4, 4): the gradient of the weights between maps of (n, C, 2h, 2w) and (n, c, h, w)."""
    padded = F.pad(large, (1, 1, 1, 1)).permute(0, 2, 3, 1)
    patches = padded.unfold(1, 4, 2).unfold(2, 4, 2).permute(0, 1, 2, 4, 5, 3).reshape(-1, 16 * large.shape[1])
    pixels = small.permute(0, 2, 3, 1).reshape(-1, small.shape[1])
    return (pixels.T @ patches).view(-1, 4, 4, large.shape[1]).permute(0, 3, 1, 2)


class _Faster:
    transposed: bool

    def forward(self, images: Tensor) -> Tensor:
        small = max(images.shape[2:]) * (2 if self.transposed else 1) <= SMALL
        if not (small and images.device.type == "cpu" and torch.is_autocast_enabled("cpu") and torch.is_grad_enabled()):
            return super().forward(images)
        kind = torch.get_autocast_dtype("cpu")
        maps = Strided.apply(images.to(kind), self.weight.to(kind), self.transposed)
        return maps if self.bias is None else maps + self.bias.to(kind)[:, None, None]


class _Conv2d(_Faster, nn.Conv2d):
    transposed = False


class _ConvTranspose2d(_Faster, nn.ConvTranspose2d):
    transposed = True


FASTER: dict[type, type] = {nn.Conv2d: _Conv2d, nn.ConvTranspose2d: _ConvTranspose2d}
