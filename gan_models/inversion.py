"""Inversion: find the latent and the labels with which a generator reproduces a given picture, by an encoder and then by
optimisation (Zhu et al. 2016, arXiv:1609.03552; Zhu et al. 2020, arXiv:2004.00049).

    found = invert(model, photos)              # photos (n, C, H, W) in [-1, 1]
    model.generate(found.latents, found.labels)
    whole = fill(model, photos, mask)          # missing parts drawn to match the rest (Yeh et al. 2016)
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from . import latents as _latents
from . import marks, rng
from .errors import InvalidInput
from .networks.base import Generator
from .networks.consistency import membrane
from .networks.invertible import InvertibleGenerator, coarse_and_fine, labels_of
from .networks.restore import Restorer
from .photos.opening import Source
from .photos.repaired import check_hole, fill_face

STEPS = 60
RATE = 0.05  # of Adam; latents have a standard deviation of 1
PRIOR = 0.003  # weight of the latents' mean square, which prefers likely latents among equally good ones
SURE = 0.98  # labels start between 1 - SURE and SURE, since at 0 and 1 their gradient vanishes


class Inversion(NamedTuple):
    """The latents and labels of pictures."""

    latents: Tensor  # (n, latent_dim)
    labels: Tensor | None  # (n, K) in 0..1


@torch.enable_grad()
def invert(
    generator: Generator,
    images: Tensor,
    *,
    mask: Tensor | None = None,
    steps: int = STEPS,
    progress: Callable[[int, int], None] | None = None,
) -> Inversion:
    """Find latents and labels with which the generator reproduces the pictures (n, C, H, W) in [-1, 1] approximately.

    It starts from the output of the generator's encoder (without one: from the most typical latent) and then takes
    `steps` steps (0 to 10,000) of Adam on the error of the picture and of a coarse copy. Pictures do not depend on each
    other. mask: (H, W) or (n, 1, H, W), 1 where a picture is missing; only the rest is compared, and the encoder, which
    would see the hole, is not used. progress(done, steps) is called after each step. Raises InvalidInput.
    """
    images = generator.check_images(images).float()
    visible = None if mask is None else 1 - _checked_mask(mask, images)
    rng.check_count(steps, least=0, most=10_000, what="number of steps")
    with torch.no_grad():
        latents, labels = _start(generator, images, mask is None)
    latents = latents.clone().requires_grad_()
    logits = None if labels is None else labels.clamp(1 - SURE, SURE).logit().requires_grad_()
    optimiser = torch.optim.Adam([x for x in (latents, logits) if x is not None], RATE, betas=(0.9, 0.99))
    for step in range(steps):
        drawn = generator.generate(latents, labels_of(generator, logits))
        # The sum of the pictures' means, so that a picture's steps do not depend on the number of pictures.
        error = coarse_and_fine(drawn, images) if visible is None else _visible_error(drawn, images, visible)
        loss = (error + PRIOR * latents.square().mean(1)).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if progress:
            progress(step + 1, steps)
    found = labels_of(generator, logits)
    return Inversion(latents.detach(), None if found is None else found.detach())


def fill(
    generator: Generator,
    images: Tensor,
    mask: Tensor,
    *,
    steps: int = 3 * STEPS,
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Fill holes in pictures (n, C, H, W) in [-1, 1] with a generator that was not trained for it, from the latents
    whose picture agrees best with the visible part (semantic inpainting: Yeh et al. 2016, arXiv:1607.07539). What it
    draws is shifted in colour so that it joins the rest without a seam.

    mask: (H, W) or (n, 1, H, W), 1 where a picture is missing; every other pixel stays, bit for bit. Other arguments as
    for `invert`. Raises InvalidInput, also for an empty or full mask.
    """
    images = generator.check_images(images).float()
    hole = _checked_mask(mask, images)
    known = torch.where(hole > 0, torch.zeros_like(images), images)
    found = invert(generator, known, mask=hole, steps=steps, progress=progress)
    with torch.no_grad():
        drawn = generator.generate(found.latents, found.labels)
        drawn = (drawn + membrane(known - drawn, hole)).clamp(-1, 1)
    return torch.where(hole > 0, drawn, images)


def fill_photo(
    generator: Generator, source: Source, mask: Source, *, rest: Restorer | None = None, steps: int = 3 * STEPS
) -> Image.Image:
    """Fill holes in the faces of a photo (a file, its bytes or a Pillow picture) with a generator of faces, as `fill`
    does. mask: a picture of the photo's size, white in the holes. rest: a restoration model that fills what lies outside
    faces; without it that stays as it is. Raises InvalidInput."""
    if generator.latent_dim < 1 or generator.image_shape[0] != 3:
        raise InvalidInput("To fill faces in photos, give a generator of colour pictures, such as celeba-cgan.")

    def draw(pictures: Tensor, hole: Tensor) -> Tensor:
        return fill(generator, pictures.to(generator.device), hole, steps=steps).cpu()

    filled, in_faces = fill_face(draw, generator.image_shape[-1], source, mask, rest)
    return marks.marked(filled, marks.of(generator if in_faces or rest is None else rest, kind=marks.EDITED))


@torch.inference_mode()
def morph(generator: Generator, places: Inversion, frames: int) -> Tensor:
    """Pictures on a path through all the places: (frames, C, H, W). Latents follow great circles, labels straight
    lines. Raises InvalidInput for fewer than two places or frames."""
    labels = None if places.labels is None else _latents.blend(places.labels, frames)
    return generator.generate(_latents.walk(places.latents, frames), labels)


def _visible_error(drawn: Tensor, images: Tensor, visible: Tensor) -> Tensor:
    """`coarse_and_fine` (n,) over the visible pixels (n, 1, H, W) alone."""
    return coarse_and_fine(drawn * visible, images * visible) / visible.mean((1, 2, 3)).clamp_min(0.01)


def _checked_mask(mask: Tensor, images: Tensor) -> Tensor:
    """A mask as (n, 1, H, W) of 0 and 1. Raises InvalidInput unless it has the pictures' size, and is neither empty nor
    full."""
    n, size = len(images), tuple(images.shape[-2:])
    mask = torch.as_tensor(mask, device=images.device).float()
    if tuple(mask.shape[-2:]) != size or mask.numel() not in (size[0] * size[1], n * size[0] * size[1]):
        raise InvalidInput(
            f"The mask is {tuple(mask.shape)} and the pictures {tuple(images.shape)}: give a mask of their size."
        )
    hole = (mask.reshape(-1, 1, *size) > 0.5).float().expand(n, -1, -1, -1)
    for one in hole:
        check_hole(bool(one.any()), bool(one.all()))
    return hole


def _start(generator: Generator, images: Tensor, whole: bool = True) -> Inversion:
    """The encoder's output if there is an encoder and the pictures are `whole`; else the most typical latents."""
    if whole and isinstance(generator, InvertibleGenerator):
        return Inversion(generator.encode(images), generator.estimate_labels(images))
    # Near the most typical latent 0, but not at it, where a network without biases has no gradient.
    latents = (
        generator.encode(images)
        if generator.encodes and whole
        else generator.sample_latents(1, seed=0, truncation=0.1).expand(len(images), -1)
    )
    if generator.labels is None:
        return Inversion(latents, None)
    typical = (
        generator.label_table.mean(0)
        if generator.multi_label
        else torch.full((len(generator.labels),), 1 / len(generator.labels))
    )
    return Inversion(latents, typical.to(images).expand(len(images), -1))
