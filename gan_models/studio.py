"""What people do with a generator: sample, walk, change attributes. Each function is one button of the demo.

A picture is given by an anchor (seed, k): latent k of a seed, with the labels from `sample_labels` unless others are
requested. `wishes`, the requested labels, are a class number for a generator of classes, {attribute: 0..1} for one of
attributes, or `Codes` for an InfoGAN.
"""

import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeGuard

import torch
from torch import Tensor

from . import files, marks, model_folder, rng
from . import latents as _latents
from .cards.families import PLACEHOLDER
from .celeba import one_hair_colour
from .errors import InvalidConfig, InvalidInput, short
from .layout import CARD, MAX_CARD_BYTES, METRICS
from .networks.base import Generator, find
from .networks.infogan import InfoGANGenerator
from .notices import data_line
from .sanitise import safe

MAX_ANCHORS = 6
AT_ONCE = 12  # frames per batch when progress is shown


class Codes(NamedTuple):
    """Codes for an InfoGAN: a category, and values -1..1 of all continuous codes. None keeps those of the latent."""

    category: int | None = None
    continuous: tuple[float, ...] | None = None


Targets = int | dict[str, float] | Codes | None


class Anchor(NamedTuple):
    seed: int
    k: int = 0

    def __str__(self) -> str:
        return f"{self.seed}:{self.k}" if self.k else str(self.seed)


def parse_anchors(text: str) -> list[Anchor]:
    """ "3, 7:2" -> [Anchor(3, 0), Anchor(7, 2)]. Raises InvalidInput for anything else, fewer than 2 or more than 6."""
    anchors = []
    for word in re.findall(r"[^\s,;]+", str(text or "")):
        match = re.fullmatch(r"(\d{1,19})(?::(\d{1,3}))?", word)
        if not match:
            raise InvalidInput(
                f"{word[:40]!r} is not a picture: write seeds such as 3, 14, or 7:2 for picture 2 of seed 7."
            )
        anchors.append(Anchor(rng.check_seed(int(match[1])), int(match[2] or 0)))
    if not 2 <= len(anchors) <= MAX_ANCHORS:
        raise InvalidInput(f"A walk goes through 2 to {MAX_ANCHORS} pictures, not {len(anchors)}.")
    return anchors


def labels_for(generator: Generator, anchors: list[Anchor], wishes: Targets = None) -> Tensor | None:
    """The labels of pictures: (n,) classes, (n, K) attributes 0..1, or None for an unconditional generator.

    A requested hair colour removes the other hair colours, unless they are requested too. Raises InvalidInput for an
    attribute or class that the generator does not know, a value outside 0..1, or wishes of another kind of generator.
    """
    if generator.labels is None:
        return None
    most: dict[int, int] = {}  # seed -> number of labels that are needed
    for anchor in anchors:
        most[anchor.seed] = max(most.get(anchor.seed, 0), anchor.k + 1)
    known = {seed: drawn for seed, n in most.items() if (drawn := generator.sample_labels(n, seed=seed)) is not None}
    rows = torch.stack([known[anchor.seed][anchor.k] for anchor in anchors])
    return rows if wishes is None else wished_labels(generator, rows, wishes)


def wished_labels(generator: Generator, rows: Tensor, wishes: dict[str, float] | int | Codes) -> Tensor:
    """Labels (n,) or (n, K) with the requested ones. Raises as `labels_for` does."""
    names = generator.labels or ()
    if generator.multi_label:
        rows, wishes = rows.clone(), _attribute_targets(wishes)
        for name, value in wishes.items():
            if name not in names:
                raise InvalidInput(f"This model does not know {short(name)}; it knows {', '.join(names)}.")
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
                raise InvalidInput(f"{name} must be a number from 0 to 1, not {short(value)}.")
            rows[:, names.index(name)] = value
        one_hair_colour(rows, names, wishes)
        return rows
    if isinstance(wishes, bool) or not isinstance(wishes, int) or not 0 <= wishes < len(names):
        raise InvalidInput(f"The class must be a number from 0 to {len(names) - 1}, not {short(wishes)}.")
    return torch.full((len(rows),), wishes, device=rows.device)


def _attribute_targets(wishes: Targets) -> dict[str, float]:
    """The wishes for a generator of attributes. Raises InvalidInput if they are of another kind."""
    if not isinstance(wishes, dict):
        raise InvalidInput(f'This model needs names and values, such as {{"Smiling": 1.0}}, not {short(wishes)}.')
    return wishes


def latents_for(generator: Generator, anchors: list[Anchor], truncation: float = 1.0, wishes: Targets = None) -> Tensor:
    """The latents (n, latent_dim) of pictures, with the requested codes."""
    if not isinstance(truncation, (int, float)) or not 0 <= truncation <= 2:
        raise InvalidInput(f"The truncation must be a number from 0 to 2, not {short(truncation)}.")
    rows = [_latents.sample(1, generator.latent_dim, seed=anchor.seed, start=anchor.k) for anchor in anchors]
    latents = (torch.cat(rows) * truncation).to(generator.device)
    return set_codes(generator, latents, wishes) if isinstance(wishes, Codes) else latents


def set_codes(generator: Generator, rows: Tensor, wishes: Codes) -> Tensor:
    """Latents (n, latent_dim) with the requested codes. Raises InvalidInput if they do not fit, or the generator has
    no codes."""
    if not has_codes(generator):
        raise InvalidInput(f"This model (family {generator.family}) has no codes to set.")
    category = None if wishes.category is None else torch.full((len(rows),), wishes.category, device=rows.device)
    continuous = (
        None if wishes.continuous is None else torch.tensor([wishes.continuous] * len(rows), device=rows.device)
    )
    return generator.with_codes(rows, category, continuous)


def has_codes(generator: Generator) -> TypeGuard[InfoGANGenerator]:
    return isinstance(generator, InfoGANGenerator)


@torch.inference_mode()
def sample(generator: Generator, seed: int, count: int, truncation: float = 1.0, wishes: Targets = None) -> Tensor:
    """Pictures 0 to count - 1 of a seed: (count, C, H, W) in [-1, 1]."""
    latents = generator.sample_latents(count, seed=seed, truncation=truncation)
    latents = set_codes(generator, latents, wishes) if isinstance(wishes, Codes) else latents
    return generator.generate(latents, labels_for(generator, [Anchor(seed, k) for k in range(len(latents))], wishes))


@torch.inference_mode()
def interpolate(
    generator: Generator,
    anchors: list[Anchor],
    frames: int,
    truncation: float = 1.0,
    wishes: Targets = None,
    loop: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """A walk through the anchors, latents and labels together: (frames, C, H, W) in [-1, 1]. progress(done, frames) is
    called after every few frames, and may raise to end it."""
    path, labels = path_of(generator, anchors, frames, truncation, wishes, loop)
    if progress is None:
        return generator.generate(path, labels)
    drawn = []
    for start in range(0, len(path), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        drawn.append(generator.generate(path[part], None if labels is None else labels[part]))
        progress(min(start + AT_ONCE, len(path)), len(path))
    return torch.cat(drawn)


def path_of(
    generator: Generator,
    anchors: list[Anchor],
    frames: int,
    truncation: float = 1.0,
    wishes: Targets = None,
    loop: bool = True,
) -> tuple[Tensor, Tensor | None]:
    """The latents (frames, latent_dim) and the labels (frames, K), or None, of a walk through the anchors."""
    path = _latents.walk(latents_for(generator, anchors, truncation, wishes), frames, loop)
    labels = labels_for(generator, anchors, wishes)
    if labels is None:
        return path, None
    if not generator.multi_label:
        labels = torch.nn.functional.one_hot(labels, len(generator.labels or ()))
    return path, _latents.blend(labels.float(), frames, loop)


def drawn_for(
    generator: Generator, anchors: list[Anchor], truncation: float = 1.0, wishes: Targets = None
) -> tuple[marks.Drawn, ...]:
    """What some pictures are drawn from, for the marks of their files."""
    rows, labels = latents_for(generator, anchors, truncation, wishes), labels_for(generator, anchors, wishes)
    own = not isinstance(wishes, Codes)  # with wished codes the latent is not the seed's own
    return tuple(
        one._replace(seed=anchor.seed if own else None, index=anchor.k, truncation=truncation)
        for one, anchor in zip(marks.drawn(generator, rows, labels), anchors, strict=True)
    )


@torch.inference_mode()
def change(generator: Generator, anchor: Anchor, wishes: Targets, truncation: float = 1.0) -> Tensor:
    """One picture without and with the requested labels, from the same latent: (2, C, H, W) in [-1, 1]."""
    own, wished = labels_for(generator, [anchor]), labels_for(generator, [anchor], wishes)
    labels = None if own is None or wished is None else torch.cat([own, wished])
    latents = torch.cat([latents_for(generator, [anchor], truncation, asked) for asked in (None, wishes)])
    return generator.generate(latents, labels)


@torch.inference_mode()
def sweep(
    generator: Generator,
    anchor: Anchor,
    wishes: Targets,
    attribute: str | None,
    steps: int = 7,
    truncation: float = 1.0,
) -> Tensor:
    """One latent drawn several times, (n, C, H, W) in [-1, 1]: with `attribute` from 0 to 1 in `steps` steps and the
    other labels as requested; by a generator of classes once per class; by an InfoGAN with continuous code number
    `attribute` from -1 to 1, or, if that is None, with each category."""
    if has_codes(generator):
        codes = wishes or Codes()
        if not isinstance(codes, Codes):
            raise InvalidInput(f"This model has codes and no labels: give Codes, not {short(wishes)}.")
        return _sweep_codes(generator, anchor, codes, attribute, steps, truncation)
    own = labels_for(generator, [anchor])
    if own is None or not generator.multi_label:
        labels = torch.arange(len(generator.labels or [0]))
        return generator.generate(
            latents_for(generator, [anchor], truncation).expand(len(labels), -1), labels if generator.labels else None
        )
    if attribute is None:
        raise InvalidInput(f"Name the attribute to vary: one of {', '.join(generator.labels or ())}.")
    asked, values = _attribute_targets(wishes or {}), torch.linspace(0, 1, steps).tolist()
    labels = torch.cat([wished_labels(generator, own, asked | {attribute: value}) for value in values])
    return generator.generate(latents_for(generator, [anchor], truncation).expand(steps, -1), labels)


def _sweep_codes(
    generator: InfoGANGenerator, anchor: Anchor, wishes: Codes, code: str | None, steps: int, truncation: float
) -> Tensor:
    if code is None:
        wished = [wishes._replace(category=k) for k in range(generator.categories)]
    else:
        own = generator.codes(latents_for(generator, [anchor], truncation))[1][0].tolist()
        values, k = list(wishes.continuous or own), int(code)
        wished = [
            wishes._replace(continuous=(*values[:k], value, *values[k + 1 :]))
            for value in torch.linspace(-1, 1, steps).tolist()
        ]
    return generator.generate(torch.cat([latents_for(generator, [anchor], truncation, codes) for codes in wished]))


class Offer(NamedTuple):
    """How good an editor is at removing and at adding an attribute, as rated by eye: "good", "fair", "nothing" (no
    visible change) or "broken". The last two are not offered."""

    less: str = "good"
    more: str = "good"

    def allows(self, more: bool) -> bool:
        """Whether this direction is offered."""
        return (self.more if more else self.less) in ("good", "fair")

    @property
    def reliable(self) -> bool:
        """Whether the attribute belongs to the first sliders: it is offered, and neither direction is broken if the
        other is only fair."""
        return any(map(self.allows, (False, True))) and ("good" in self or "broken" not in self)


def offered(source: str, attributes: tuple[str, ...]) -> dict[str, Offer]:
    """The ratings of an editor's attributes from its folder (metrics.json, "offered"). All count as good if there are
    none, or they cannot be read. Raises ModelError if there is no such model."""
    try:
        told = model_folder.read_metrics(find(source).folder / METRICS).get("offered")
    except InvalidConfig:
        told = None
    found = {}
    for name in attributes:
        row = told.get(name) if isinstance(told, dict) else None
        ways = (row.get(way) if isinstance(row, dict) else None for way in Offer._fields)
        found[name] = Offer(*(way if way in ("good", "fair", "nothing", "broken") else "good" for way in ways))
    return found


class About(NamedTuple):
    """A description of a model: a line on data and licence (Markdown), and its card (a block of HTML that loads
    nothing)."""

    data: str
    card: str


def about(source: str) -> About:
    """The description from a model's folder. If its metrics.json or README.md is invalid, a sentence says so in its
    place. Raises ModelError if there is no such model."""
    found = find(source)
    folder = found.folder
    try:
        data = data_line(model_folder.read_metrics(folder / METRICS))
    except InvalidConfig as error:
        data = f"Data: unknown, because {html.escape(str(error))}"
    text = re.sub(r"\A---\n.*?\n---\n", "", card_text(folder), flags=re.DOTALL)
    text = f"{found.missing[CARD]}" if CARD in found.missing else text
    return About(data, safe(text.replace(PLACEHOLDER, source).strip()))


def card_text(folder: Path) -> str:
    """The README.md of a model folder, or a sentence that says why it cannot be shown."""
    try:
        return files.read_bounded(folder / CARD, MAX_CARD_BYTES, folder).decode("utf-8", "replace")
    except FileNotFoundError:
        return "This model has no card."
    except files.UnfitFile as error:
        return f"The card of this model is not shown: its {CARD} {error}."
    except OSError as error:
        return f"The card of this model cannot be read ({error.strerror or error})."
