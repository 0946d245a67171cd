"""Whether a classifier sees the requested condition in generated pictures: labels, toggled attributes, latent codes."""

import torch
from torch import Tensor
from tqdm import tqdm

from gan_models import celeba
from gan_models.celeba import EXCLUSIVE
from gan_models.networks.base import Generator

from ..judges import networks
from . import statistics
from .sampling import generated_pictures


def answers(viewer, generator: Generator, logits: Tensor, labels: Tensor) -> Tensor:
    """Where the classifier agrees with the labels: (n,) or, for attributes, (n, K), as float64 0 or 1."""
    columns = [viewer.labels.index(name) for name in generator.labels]
    return networks.right(logits[:, columns], labels.cpu()).double()


def label_agreement(seen: Tensor, labels: Tensor, real: Tensor | None, generator: Generator, details: dict) -> dict:
    """The metric, from `answers` for generated and for real test pictures; adds each attribute to `details`."""
    if generator.multi_label:
        _note(details, generator, agreement=seen.mean(0), balanced_agreement=networks.balance(seen, labels))
        if real is not None:
            _note(details, generator, real_agreement=real.mean(0))
    return {"value": seen.mean().item(), "real": None if real is None else real.mean().item()}


def toggle(generator: Generator, viewer, latents: Tensor, labels: Tensor, batch_size: int, bar: tqdm) -> Tensor:
    """(K, 2, n, L) bool: which of its L attributes the classifier sees when each of the generator's K attributes is set
    to 0 and to 1. The other attributes stay, but a hair colour set to 1 removes the other hair colours, as in the
    demo."""
    seen = []
    for k in range(len(generator.labels)):
        for value in (0.0, 1.0):
            asked = labels.clone()
            asked[:, k] = value
            celeba.one_hair_colour(asked, generator.labels, {generator.labels[k]: value})
            seen.append(viewer.look(generated_pictures(generator, latents, asked, bar), batch_size).logits > 0)
    return torch.stack(seen).unflatten(0, (-1, 2))


def toggle_agreement(
    seen: Tensor, real: Tensor | None, truth: Tensor | None, generator: Generator, viewer, details: dict
) -> dict:
    """The metric, from `toggle` and from `answers` for real test pictures; adds each attribute to `details`."""
    own = torch.stack([seen[k, ..., viewer.labels.index(name)] for k, name in enumerate(generator.labels)])
    flips = torch.stack([~own[:, 0], own[:, 1]], 1).double()  # (K, 2, n): seen as requested
    _note(
        details,
        generator,
        toggled=flips.mean((1, 2)),
        toggled_off=flips[:, 0].mean(1),
        toggled_on=flips[:, 1].mean(1),
        toggled_both=flips.prod(1).mean(1),
    )
    balanced = None
    if real is not None:
        _note(details, generator, real_balanced_agreement=networks.balance(real, truth))
        balanced = networks.balance(real, truth).nanmean().item()
    return {"value": flips.mean().item(), "real": balanced, "both": flips.prod(1).mean().item()}


def toggle_others_kept(seen: Tensor, generator: Generator, viewer, details: dict) -> dict:
    """From `toggle`: the share of the other attributes that look the same in both pictures of a pair, averaged over the
    K toggled attributes; "own": over the generator's own attributes only. Adds each attribute to `details`."""
    same = (seen[:, 0] == seen[:, 1]).double().mean(1)  # (K, L)
    counted = others(generator.labels, viewer.labels)
    own = counted & torch.tensor([name in generator.labels for name in viewer.labels])
    kept, kept_own = ((same * some).sum(1) / some.sum(1) for some in (counted, own))
    _note(details, generator, toggled_others_kept=kept, toggled_own_kept=kept_own)
    return {"value": _mean_of_defined(kept), "real": None, "own": _mean_of_defined(kept_own)}


def others(toggled: tuple[str, ...], names: tuple[str, ...]) -> Tensor:
    """(K, L) bool: which of the L attributes should not change when one of the K is toggled: not the attribute itself,
    and for hair colours and baldness none of the others, since they exclude each other."""
    alike = {*celeba.HAIR_COLOURS, *EXCLUSIVE}
    return torch.tensor([[name != one and not {one, name} <= alike for name in names] for one in toggled])


def _mean_of_defined(values: Tensor) -> float | None:
    """The mean of the defined values; None if there are none."""
    return None if values.isnan().all() else values.nanmean().item()


def _note(details: dict, generator: Generator, **columns: Tensor) -> None:
    """Add numbers of each attribute to `details`; undefined ones (no picture has the attribute) are left out."""
    attributes = details.setdefault("attributes", {name: {} for name in generator.labels})
    for key, column in columns.items():
        for name, value in zip(generator.labels, column.tolist()):
            if value == value:
                attributes[name][key] = round(value, 4)


def code_agreement(generator: Generator, viewer, latents: Tensor, logits: Tensor, details: dict) -> float:
    """How well InfoGAN's categorical code predicts the class that the classifier sees; adds the assignment of codes to
    classes to `details`."""
    codes = generator.codes(latents)[0].cpu().numpy()
    value, meaning = statistics.code_agreement(
        codes, logits.argmax(1).numpy(), generator.categories, len(viewer.labels)
    )
    details["codes"] = [viewer.labels[k] if k >= 0 else None for k in meaning]
    return value
