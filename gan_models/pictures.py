"""Pictures of a generator as short texts that say everything they are drawn from. They are used in links, lists of pins
and galleries.

    7:2            latent 2 of seed 7, with the labels from this seed
    7:2*0.8/5      the same with truncation 0.8, as class 5; for a model of attributes /0_1_0.5: the value of each
    zAACAPw.../5   a latent in full, in base64 (little-endian float32), such as one halfway between two others

A text may come from anybody, so `parse` checks every part.
"""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from . import latents as _latents
from . import marks, rng, studio
from .errors import InvalidInput, short
from .networks.base import Generator

MOST_INDEX = 999
MOST_CHARACTERS = 20_000  # of one text; a latent of 2,048 numbers has 10,923
LARGEST = 1000.0  # absolute value of a number in a latent
AT_ONCE = 12  # frames per batch when progress is shown


class Picture(NamedTuple):
    """A picture, given by a latent of a seed or a latent in full. labels: a value for each label of the model; None: the
    labels from the seed, or a model without labels."""

    seed: int | None = None
    index: int = 0
    truncation: float = 1.0
    latent: tuple[float, ...] | None = None
    labels: tuple[float, ...] | None = None

    def __str__(self) -> str:
        if self.latent is None:
            text = f"{self.seed}:{self.index}" if self.index else str(self.seed)
            text += f"*{_float32_text(self.truncation)}" if self.truncation != 1 else ""
        else:
            text = "z" + base64.urlsafe_b64encode(np.asarray(self.latent, "<f4").tobytes()).decode().rstrip("=")
        if self.labels is None:
            return text
        there = [k for k, value in enumerate(self.labels) if value]
        if sum(self.labels) == 1 and len(there) == 1 and len(self.labels) > 1:
            return f"{text}/{there[0]}"
        return f"{text}/{'_'.join(map(_float32_text, self.labels))}"

    @property
    def name(self) -> str:
        """The name for people, such as 7:2; a latent without a seed has none."""
        return "" if self.seed is None else str(Picture(self.seed, self.index))


def _float32_text(value: float) -> str:
    """The shortest text that gives this float32."""
    return np.format_float_positional(np.float32(value), unique=True, trim="-")


def parse(generator: Generator, text: str) -> Picture:
    """The picture of a text. Raises InvalidInput for an invalid text, or a picture that this generator cannot draw."""
    match = re.fullmatch(
        r"(?:(\d{1,19})(?::(\d{1,3}))?(?:\*(\d(?:\.\d{1,9})?))?|z([\w-]{2,}))(?:/([\d._]+))?", text, re.ASCII
    )
    if len(text) > MOST_CHARACTERS or not match:
        raise InvalidInput(f"{short(text)} is not a picture: write a seed such as 3, or 7:2 for picture 2 of seed 7.")
    seed, index, truncation, latent, labels = match.groups()
    values = None if labels is None else _parse_labels(generator, labels)
    if latent is not None:
        numbers = _parse_latent(generator, latent)
        if generator.labels and values is None:
            raise InvalidInput("For this model, a picture that is given by its latent needs labels too.")
        return Picture(latent=numbers, labels=values)
    truncation = float(truncation or 1)
    if truncation > 2:
        raise InvalidInput(f"The truncation must be a number from 0 to 2, not {truncation:g}.")
    return Picture(rng.check_seed(int(seed)), int(index or 0), truncation, None, values)


def _parse_latent(generator: Generator, text: str) -> tuple[float, ...]:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except binascii.Error as error:
        raise InvalidInput("This latent is incomplete or damaged; copy the whole link.") from error
    if len(data) != 4 * generator.latent_dim:
        raise InvalidInput(
            f"This latent does not fit the model, which takes {generator.latent_dim} numbers; choose the model that it "
            "was made with."
        )
    numbers = np.frombuffer(data, "<f4")
    if not (np.abs(numbers) <= LARGEST).all():  # NaN fails too
        raise InvalidInput("This latent holds numbers that are out of range; copy the whole link.")
    return tuple(numbers.tolist())


def _parse_labels(generator: Generator, text: str) -> tuple[float, ...]:
    names, words = generator.labels or (), text.split("_")
    if len(words) == 1 and len(names) > 1 and words[0].isdecimal() and len(words[0]) < 5 and int(words[0]) < len(names):
        return tuple(float(k == int(words[0])) for k in range(len(names)))
    try:
        values = np.array(list(map(float, words)), np.float32)
    except (ValueError, OverflowError):
        values = np.empty(0)
    if len(values) != len(names) or not len(names) or not ((values >= 0) & (values <= 1)).all():
        raise InvalidInput(f"The labels {short(text)} do not fit the model, which knows {len(names)}.")
    return tuple(values.tolist())


def of_seed(
    generator: Generator, seed: int, count: int, truncation: float = 1.0, wishes: studio.Targets = None
) -> list[Picture]:
    """Pictures 0 to count - 1 of a seed, each with the requested labels. Raises InvalidInput."""
    anchors = [studio.Anchor(seed, k) for k in range(count)]
    if isinstance(wishes, studio.Codes):
        rows = studio.latents_for(generator, anchors, truncation, wishes)
        return [Picture(latent=tuple(row)) for row in rows.tolist()]
    wished = wishes not in (None, {}) and generator.labels is not None
    rows = as_weights(generator, studio.labels_for(generator, anchors, wishes)).tolist() if wished else [None] * count
    return [Picture(seed, k, truncation, None, row and tuple(row)) for k, row in enumerate(rows)]


def as_weights(generator: Generator, labels: Tensor) -> Tensor:
    """Labels as values, (n, K)."""
    return labels if labels.ndim == 2 else torch.nn.functional.one_hot(labels, len(generator.labels)).float()


def latents(generator: Generator, pictures: Sequence[Picture]) -> Tensor:
    """(n, latent_dim)"""
    rows = [
        _latents.sample(1, generator.latent_dim, seed=one.seed, start=one.index)[0] * one.truncation
        if one.latent is None
        else torch.tensor(one.latent)
        for one in pictures
    ]
    return torch.stack(rows).to(generator.device)


def labels(generator: Generator, pictures: Sequence[Picture]) -> Tensor | None:
    """(n, K) values 0..1, None for an unconditional generator."""
    if generator.labels is None:
        return None
    anchors = [studio.Anchor(one.seed or 0, one.index) for one in pictures]
    rows = as_weights(generator, studio.labels_for(generator, anchors)).clone()
    for row, one in zip(rows, pictures, strict=True):
        if one.labels is not None:
            row.copy_(torch.tensor(one.labels))
    return rows


@torch.inference_mode()
def draw(generator: Generator, pictures: Sequence[Picture]) -> Tensor:
    """(n, C, H, W) in [-1, 1]"""
    return generator.generate(latents(generator, pictures), labels(generator, pictures))


def with_labels(generator: Generator, one: Picture, wishes: dict[str, float] | int | None) -> Picture:
    """The picture with some labels changed and the same latent. A requested hair colour fades the others. Raises
    InvalidInput."""
    if wishes in (None, {}) or generator.labels is None:
        return one
    own = labels(generator, [one])
    return one._replace(labels=tuple(as_weights(generator, studio.wished_labels(generator, own, wishes))[0].tolist()))


def with_latent(generator: Generator, one: Picture, latent: Tensor) -> Picture:
    """The picture with another latent (latent_dim,) and the same labels."""
    kept = labels(generator, [one])
    return Picture(latent=tuple(latent.tolist()), labels=None if kept is None else tuple(kept[0].tolist()))


def with_codes(generator: Generator, one: Picture, codes: studio.Codes) -> Picture:
    """The picture of an InfoGAN with other codes. Raises InvalidInput."""
    return with_latent(generator, one, studio.set_codes(generator, latents(generator, [one]), codes)[0])


def vary(generator: Generator, one: Picture, seed: int, count: int, share: float = 0.35) -> list[Picture]:
    """`count` variations of a picture: each moves by `share` towards another latent of `seed`, with the same truncation
    and labels."""
    own = latents(generator, [one])
    others = _latents.sample(count, generator.latent_dim, seed=seed).to(own)
    others = others * own.norm() / generator.latent_dim**0.5
    kept = labels(generator, [one])
    kept = None if kept is None else tuple(kept[0].tolist())
    return [Picture(latent=tuple(row), labels=kept) for row in _latents.slerp(own, others, share).tolist()]


def check_keyframes(pictures: Sequence[Picture]) -> None:
    if not 2 <= len(pictures) <= studio.MAX_ANCHORS:
        raise InvalidInput(f"A walk goes through 2 to {studio.MAX_ANCHORS} pictures, not {len(pictures)}.")


def path_through(generator: Generator, pictures: Sequence[Picture], frames: int, loop: bool = False) -> list[Picture]:
    """A path through pictures, latents and labels together. Raises InvalidInput for fewer than 2 or more than 6."""
    check_keyframes(pictures)
    path = _latents.walk(latents(generator, pictures), frames, loop).tolist()
    rows = labels(generator, pictures)
    rows = [None] * frames if rows is None else _latents.blend(rows, frames, loop).clamp(0, 1).tolist()
    return [Picture(latent=tuple(row), labels=kept and tuple(kept)) for row, kept in zip(path, rows, strict=True)]


@torch.inference_mode()
def film(
    generator: Generator,
    pictures: Sequence[Picture],
    frames: int,
    loop: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Draw the pictures of a walk: (frames, C, H, W) in [-1, 1]. progress(done, frames) is called after every few
    frames, and may raise to end it."""
    path, drawn = path_through(generator, pictures, frames, loop), []
    for start in range(0, frames, AT_ONCE):
        drawn.append(draw(generator, path[start : start + AT_ONCE]))
        if progress:
            progress(min(start + AT_ONCE, frames), frames)
    return torch.cat(drawn)


def to_drawn(generator: Generator, pictures: Sequence[Picture]) -> tuple[marks.Drawn, ...]:
    """What each picture was drawn from, for the marks of their files."""
    rows, values = latents(generator, pictures), labels(generator, pictures)
    if values is not None and not generator.multi_label and bool((values.amax(1) == 1).all()):
        values = values.argmax(1)
    return tuple(
        one._replace(seed=picture.seed, index=picture.index, truncation=picture.truncation)
        for one, picture in zip(marks.drawn(generator, rows, values), pictures, strict=True)
    )


def from_drawn(generator: Generator, one: marks.Drawn) -> Picture:
    """The picture of a file's mark, which `marks.read` has checked. Raises InvalidInput if this generator cannot draw
    it."""
    if len(one.latent) != generator.latent_dim or set(one.labels or {}) - set(generator.labels or ()):
        raise InvalidInput("This picture was made by a model with another latent or other labels.")
    if (one.labels is None) != (generator.labels is None):
        raise InvalidInput("Either this picture or this model has no labels; choose the model that made the picture.")
    values = None if one.labels is None else tuple(one.labels.get(name, 0.0) for name in generator.labels)
    exact = Picture(latent=one.latent, labels=values)
    if one.seed is None or one.index > MOST_INDEX:
        return exact
    short_ = Picture(one.seed, one.index, one.truncation, None, values)
    return short_ if torch.equal(latents(generator, [short_]), latents(generator, [exact])) else exact
