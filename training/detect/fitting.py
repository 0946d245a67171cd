"""Trains one detector, and measures it."""

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load as from_safetensors
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from gan_models.detection import Detector
from gan_models.files import read_bounded, write_atomically
from gan_models.rng import Stream, philox

from .pictures import DAMAGES, DetectError, RealSet, Shown, damaged_input

FALSE_ALARMS = 0.01  # of the real test pictures that set the threshold
BATCH, RATE = 32, 2e-3
SAVE_EVERY = 200  # batches
MOST_STATE = 10_000_000  # bytes


def batch(shown: Shown, step: int, seed: int) -> tuple[Tensor, Tensor]:
    """Pictures (32, 3, 64, 64), every second one drawn, generators and data sets as often as one another, seven in ten
    damaged in some way; and 1 for each drawn one (32,). A function of (seed, step) alone."""
    images, kinds = [], list(DAMAGES)
    for k in range(BATCH):
        random = philox(seed, step * BATCH + k, Stream.AUGMENT)
        pools = list((shown.drawn if k % 2 else shown.real).values())
        pool = pools[random.integers(len(pools))].train
        image = pool[random.integers(len(pool))]
        image = image[:, :, ::-1] if random.random() < 0.5 else image
        kind = kinds[random.integers(len(kinds))] if random.random() < 0.7 else kinds[0]
        images.append(damaged_input(image, kind, random.random()))
    return torch.stack(images), torch.arange(BATCH).remainder(2).float()


def fit_detector(shown: Shown, images: int, seed: int, path: Path, bar: tqdm) -> Detector:
    """A detector that was shown so many pictures; its weights are rounded to half precision, as they are kept. It goes on
    from the file, and ends in the same weights as without a stop, for the same thread count."""
    torch.manual_seed(seed)
    detector = Detector().to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(detector.parameters(), lr=RATE, weight_decay=0.01)
    steps, done = -(-images // BATCH), _go_on(path, detector, optimiser)
    bar.update(done * BATCH)
    for step in range(done, steps):
        optimiser.param_groups[0]["lr"] = RATE * min(1.0, (step + 1) / (0.1 * steps), 1.1 * (1 - step / steps))
        pictures, labels = batch(shown, step, seed)
        logits = detector(pictures.contiguous(memory_format=torch.channels_last))
        loss = F.binary_cross_entropy_with_logits(logits, labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        bar.update(BATCH)
        if step % 20 == 0:
            bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == steps:
            _keep(path, detector, optimiser, step + 1)
    detector.load_state_dict({name: _as_stored(value) for name, value in detector.state_dict().items()})
    return detector.requires_grad_(False).eval().to(memory_format=torch.contiguous_format)


def _as_stored(value: Tensor) -> Tensor:
    return value.half().to(value.dtype) if value.is_floating_point() else value


def _keep(path: Path, detector: Detector, optimiser: torch.optim.Optimizer, steps: int) -> None:
    kept = {f"network.{name}": value.contiguous() for name, value in detector.state_dict().items()}
    for number, state in optimiser.state_dict()["state"].items():
        kept |= {f"optimiser.{number}.{name}": value.contiguous() for name, value in state.items()}
    write_atomically(path, save(kept | {"steps": torch.tensor(steps)}))


def _go_on(path: Path, detector: Detector, optimiser: torch.optim.Optimizer) -> int:
    """How many batches were seen when the file was written, with everything as it was then; 0 where there is none."""
    if not path.exists():
        return 0
    try:
        kept = from_safetensors(read_bounded(path, MOST_STATE))
        prefix = "network."
        detector.load_state_dict(
            {key.removeprefix(prefix): value for key, value in kept.items() if key.startswith(prefix)}
        )
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in kept.items():
            if key.startswith("optimiser."):
                _, number, name = key.split(".")
                state.setdefault(int(number), {})[name] = value
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
        return int(kept["steps"])
    except Exception as error:  # a damaged file raises nearly anything
        raise DetectError(f"{path} is damaged; delete it, and --resume begins that training anew.") from error


@torch.inference_mode()
def scores(detector: Detector, images: np.ndarray, kind: str) -> np.ndarray:
    """The scores 0..1 of pictures (n, C, H, W) uint8, damaged in one way, picture k as strongly as its number says."""
    found = []
    for first in range(0, len(images), 250):
        some = images[first : first + 250]
        pictures = [
            damaged_input(image, kind, philox(1, first + k, Stream.AUGMENT).random()) for k, image in enumerate(some)
        ]
        found.append(detector(torch.stack(pictures)).sigmoid())
    return torch.cat(found).double().numpy()


def threshold(detector: Detector, real: dict[str, RealSet]) -> float:
    """The score that at most 1 % of each data set's real test pictures pass that are kept for it, damaged ones among
    them."""
    found = [np.concatenate([scores(detector, one.threshold, kind) for kind in DAMAGES]) for one in real.values()]
    return float(max(np.quantile(some, 1 - FALSE_ALARMS, method="higher") for some in found))


def shares_above(detector: Detector, images: np.ndarray, limit: float) -> dict[str, float]:
    """The share of pictures above the limit, for each damage."""
    return {kind: round(float((scores(detector, images, kind) > limit).mean()), 4) for kind in DAMAGES}
