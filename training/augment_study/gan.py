"""The generator of the study: trained on the labelled pictures alone, with early stopping."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from gan_models.files import write_atomically
from gan_models.networks import load
from gan_models.networks.base import Generator, encode_labels

from .. import run_folder
from ..data.dataset import Dataset, to_float
from ..games.state import State
from ..judges import general
from ..mixing import draw_examples
from ..run import Trained, train
from ..settings import as_words, change, find
from ..starting import build_state

LOOKS = 20  # measurements per run
PATIENCE = 10  # measurements without an improvement, after which the run ends; the KID of few pictures is noisy
EYES = 32  # pixels, the least size for general features
BATCH = 250


class Best:
    """A hook of `training.train` for early stopping: keeps the averaged generator with the least KID to held-out real
    pictures in general features (Lite0), and ends the run after PATIENCE measurements without an improvement. (Unlike
    FID, KID is unbiased for few pictures.) Its state is written, so that a resumed run has it too."""

    def __init__(self, folder: Path, heldout: Dataset, every: int, total: int, seed: int):
        self.folder, self.heldout, self.every, self.total, self.seed = folder, heldout, every, total, seed
        self.eyes, self.real = general.read(general.TRAINS), None
        self.looks: list[dict] = []
        try:
            self.looks = json.loads((folder / "best.json").read_text())
        except (OSError, ValueError):
            pass

    def __call__(self, state: State, scalars: dict) -> bool:
        batch = state.images - (self.looks[-1]["images"] if self.looks else 0)
        self.looks = [look for look in self.looks if look["images"] < state.images]  # of a run that went back
        last = state.images >= self.total
        if batch < self.every and not last:
            return False
        kid = self.kid(state.ema)
        if not self.looks or kid < min(look["kid"] for look in self.looks):
            self.folder.mkdir(parents=True, exist_ok=True)
            weights = {key: value.contiguous() for key, value in state.ema.state_dict().items()}
            save_file(weights, self.folder / "best.new")
            (self.folder / "best.new").rename(self.folder / "best.safetensors")
        self.looks.append({"images": state.images, "kid": round(kid, 6)})
        write_atomically(self.folder / "best.json", json.dumps(self.looks).encode())
        best = min(range(len(self.looks)), key=lambda k: self.looks[k]["kid"])
        if last or len(self.looks) - 1 - best >= PATIENCE:
            state.ema.load_state_dict(load_file(self.folder / "best.safetensors"))
            return True
        return False

    def kid(self, generator: Generator) -> float:
        """1,000 times the KID of as many generated pictures as there are held-out ones."""
        from ..metrics.features import kernel_distance  # needs torch-fidelity

        if self.real is None:
            self.real = self.seen(self.heldout.images)
        was = generator.training
        generator.eval()
        fake = self.seen(draw_examples(generator, self.heldout.labels, self.seed))
        generator.train(was)
        return 1000 * kernel_distance(fake, self.real, self.seed)[0]

    @torch.no_grad()
    def seen(self, images: np.ndarray) -> torch.Tensor:
        parts = []
        for first in range(0, len(images), BATCH):
            part = to_float(torch.from_numpy(images[first : first + BATCH]))
            part = part.expand(-1, 3, -1, -1)
            if part.shape[-1] < EYES:
                part = F.interpolate(part, (EYES, EYES), mode="bilinear", align_corners=False)
            parts.append(self.eyes(part).pooled.double())
        return torch.cat(parts)


def train_generator(
    recipe: str, labelled: Dataset, heldout: Dataset, folder: Path, images: int, seed: int, settings: dict, **options
) -> Trained:
    """Train the recipe on the labelled pictures alone, or continue. Held-out pictures are only used to decide when to
    stop. Raises as `training.train` does, and KeyboardInterrupt where the run was stopped: nothing may be measured with
    half a generator."""
    hook = Best(folder / "best", heldout, max(images // LOOKS, 1), images, seed)
    trained = train(
        recipe, data=labelled, images=images, output=folder, resume=True, seed=seed, hooks=[hook], **options, **settings
    )
    if not trained.finished:
        raise KeyboardInterrupt
    return trained


def pool(trained: Trained, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Generated pictures, with the classes in turn: images (n, C, H, W) uint8 and labels (n,)."""
    generator = load(trained.model)
    labels = np.arange(count, dtype=np.int64) % len(generator.labels)
    return draw_examples(generator, labels, seed), labels


@torch.no_grad()
def judged(trained: Trained, recipe: str, settings: dict, labelled: Dataset, images, labels, seed: int) -> np.ndarray:
    """The scores (n,) of the run's final discriminator for pictures with their labels."""
    recipe = change(find(recipe), list(as_words(settings)))
    state = build_state(recipe, labelled, seed, torch.device("cpu"))
    found = load_file(run_folder.find_checkpoint(trained.folder) / "state.safetensors")
    own = {key: found[f"discriminator.{key}"] for key in state.discriminator.state_dict()}
    state.discriminator.load_state_dict(own)
    state.discriminator.eval()
    told = encode_labels(torch.from_numpy(labels), labelled.label_names, False)
    scores = [
        state.discriminator(to_float(torch.from_numpy(images[k : k + BATCH])), told[k : k + BATCH]).scores
        for k in range(0, len(images), BATCH)
    ]
    return torch.cat(scores).float().numpy()
