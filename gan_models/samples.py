"""samples.png of a model folder: grids of samples, edits or repairs."""

import torch
from torch import Tensor
from torch.nn import functional as F

from . import damages, layout, networks
from . import images as pictures
from .celeba import opposite_edit
from .latents import sample
from .networks.base import Generator
from .networks.editor import Editor
from .networks.restore import Restorer
from .networks.retouch import RetouchEditor
from .networks.translate import Translator

SAMPLES = 64  # fixed latents, for pictures and for measuring diversity


def fixed_batch(generator: Generator, seed: int, count: int = SAMPLES) -> tuple[Tensor, Tensor | None]:
    """At most `count` fixed latents and labels. For a class-conditional generator the classes take turns, and all occur
    equally often."""
    labels = generator.sample_labels(count, seed=seed)
    if labels is not None and (columns := _labels_of_columns(generator)):
        count = count - count % columns
        labels = torch.arange(count, device=generator.device) % columns
    return generator.sample_latents(count, seed=seed) if count else torch.empty(0, generator.latent_dim), labels


def _labels_of_columns(generator: Generator) -> int | None:
    """The number of columns, one per class, for a class-conditional generator."""
    return (
        len(generator.labels)
        if generator.labels and not generator.multi_label and len(generator.labels) <= 20
        else None
    )


def sample_grid(generator: Generator, seed: int, count: int = SAMPLES):
    """A picture of `count` uncurated samples. An editor shows edits of eight faces; a class-conditional generator shows
    one class per column."""
    with torch.inference_mode():
        if isinstance(generator, Restorer):
            return pictures.grid(repair_grid(generator, seed), 8)
        if isinstance(generator, Translator):
            return pictures.grid(translation_grid(generator, seed), len(generator.labels) + 1)
        if isinstance(generator, Editor | RetouchEditor):
            return pictures.grid(edit_grid(generator, seed), len(generator.attributes) + 1)
        return pictures.grid(generator.generate(*fixed_batch(generator, seed, count)), _labels_of_columns(generator))


def repair_grid(restorer: Restorer, seed: int, count: int = 4) -> Tensor:
    """A row for each damage: generated pictures, each damaged and then repaired: (2 * count * kinds, C, S, S)."""
    drawn = example_pictures(restorer, seed, count)
    if not restorer.damages:  # it learned from pairs
        return torch.stack([drawn, restorer.restore(drawn)], 1).flatten(0, 1)
    rows = []
    for kind in restorer.damages:
        found = damages.damaged(drawn, {kind: SHOWN}, seed)
        strengths = torch.tensor([[SHOWN * (name == kind) for name in restorer.told]], device=drawn.device)
        hole = found.mask if kind == "fill" else None
        after = restorer.drawn(found.pictures, hole, strengths.expand(count, -1))
        rows.append(torch.stack([found.pictures, after], 1).flatten(0, 1))
    return torch.cat(rows)


def translation_grid(translator: Translator, seed: int, count: int = 8) -> Tensor:
    """A row for each of `count` faces (or digits) of nobody: as it is, then as each kind: (count * (K + 1), C, S, S)."""
    drawn = example_pictures(translator, seed, count)
    as_kinds = [translator.translate(drawn, kind) for kind in translator.labels]
    return torch.stack([drawn, *as_kinds], 1).flatten(0, 1)


def example_pictures(model: Generator, seed: int, count: int) -> Tensor:
    """Pictures of a model's shape by a bundled generator: digits if they are grey, else faces."""
    return faces_of_nobody(model, seed, count, DIGITS if model.image_shape[0] == 1 else FACES)


SHOWN = 0.7  # strength of the damages that are shown
DIGITS = "mnist-cgan"
FACES = "celeba-cgan-128"  # draws the faces to edit, since pictures of CelebA may not be published


def edit_grid(editor: Editor | RetouchEditor, seed: int, count: int = 8) -> Tensor:
    """Generated faces, one per row, each with every attribute inverted in turn: (count * (K + 1), C, H, W)."""
    latents = editor.encode(faces_of_nobody(editor, seed, count))
    there = latents.shown > 0.5
    edits = [editor.decode(latents, opposite_edit(there, k, editor.attributes)) for k in range(len(editor.attributes))]
    return torch.stack([latents.photos, *edits], 1).flatten(0, 1)


def faces_of_nobody(editor: Generator, seed: int, count: int, bundled: str = FACES) -> Tensor:
    """Generated pictures of the editor's size: by the bundled generator, whose faces are sharper than an editor's own;
    without it by the editor itself; without both, smooth noise."""
    if bundled in layout.bundled():
        generator = networks.load(bundled, device=editor.device)
        faces = generator.generate(
            generator.sample_latents(count, seed=seed, truncation=0.8), generator.sample_labels(count, seed=seed)
        )
        if generator.image_shape == editor.image_shape:
            return faces
        return F.interpolate(faces, editor.image_shape[1:], mode="bicubic", antialias=True).clamp(-1, 1)
    if not editor.latent_dim:
        channels = editor.image_shape[0]
        noise = sample(count, channels * 8 * 8, seed=seed).view(count, channels, 8, 8).to(editor.device)
        return F.interpolate(noise, editor.image_shape[1:], mode="bicubic").tanh()
    return editor.generate(editor.sample_latents(count, seed=seed))
