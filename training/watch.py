"""Say in plain words what goes wrong in a training, during it and afterwards: `python -m training.watch RUN_FOLDER`.

The watch only reads the lines of stats.jsonl (means over about 25 steps), one after another. So it costs nothing, says
the same during and after the training, and remembers its remarks after a resume.

It detects five problems: mode collapse, a discriminator that has won, vanishing gradients, exploding gradients, and NaN
or infinity, which the loop reports. Each is reported once, and again only after it had passed. The sentence says what is
wrong, since when, and by which numbers, and gives a remedy from the literature as an option of the command.
"""

import json
import statistics
import sys
from collections import deque
from pathlib import Path
from typing import NamedTuple

from gan_models import cli
from gan_models.networks import PAIRS

from .games import GAMES, terms_of
from .recipes import Recipe, at
from .run_folder import WATCH

# Mode collapse. The diversity is the mean distance of 64 fixed samples to their nearest neighbour, 1 for real pictures
# (callbacks.Diversity). Healthy runs on digits and faces are above 0.12 from step 200 on and rise to 0.9; so are narrow
# WGAN-GPs, with a fifth of the generator steps. A conditional DCGAN whose digits of a class all looked alike fell from
# 0.25 to 0.07.
WARM_UP = 200  # steps in which the generator still draws noise
FALLEN = 0.55  # of the best so far; the sampling noise of 64 pictures is about 5 %, and one healthy run fell to 0.59
LOW = 0.5  # relative to real pictures; above it a fall is the end of early noise
NEVER = 0.1  # a diversity that is still below this ...
NEVER_STEPS = 300  # ... after so many steps and does not rise is a collapse
RISING, RISING_BY = 1.1, 0.01  # a diversity rises if the next one is larger by this factor plus this amount

# A discriminator that has won. In healthy runs, relativistic and penalised discriminators are right about 99.9 % of all
# pairs for the first 300 steps. So accuracy alone is not enough: the generator must suffer too.
ACCURACY = 0.99
WON_STEPS = 200
SUFFERS = 0.05  # the generator's gradient relative to its largest, all this time; healthy runs had 0.15
CLIMBED = 2.0  # rise of the generator's loss while the discriminator is right

# Vanishing gradients. Adam is invariant to their scale, but a gradient that is so much weaker than before is only noise.
VANISHED = 1e-3  # relative to its largest
NOTHING = 1e-8  # Adam's epsilon, below which Adam stops too
VANISHED_STEPS = 75

# Exploding gradients. In healthy runs norms stay within a factor of 10 of their median, unless that is almost 0.
EXPLODED = 100.0  # times the median so far
MODEST = 10.0  # smaller norms never count as exploded: a healthy mnist-r3gan went from 0.00003 to 1.3
HUGE = 1e3  # limit without a history; healthy norms were below 110 for losses of scores,
HUGE_SUMS = 1e6  # but 1,100 for losses that are sums over features
HISTORY = 8  # lines for a median, at least


QUIET_STEPS = 300  # without a problem before it is reported again
GRADIENTS = ("generator_gradient", "discriminator_gradient")
UNKNOWN = "this line does not tell"


class Remark(NamedTuple):
    kind: str  # collapse | won | vanishing | exploding | nan
    images: int
    sentence: str


class Watch:
    """Call it with each line of stats.jsonl. It returns its remarks; with a folder it also prints them and appends them
    to the folder's watch.jsonl.

    history: the lines before a resume, whose remarks were made already.
    """

    def __init__(self, recipe: Recipe, folder: Path | None = None, history: list[dict] = ()):
        self.recipe, self.folder = recipe, None
        terms = terms_of(recipe)
        self.plays = bool(getattr(terms, "adversarial", True))  # whether the generator has an adversarial loss
        self.sums = any(getattr(terms, name) for name in GAMES[recipe.game].sums)
        self.lines: deque[dict] = deque(maxlen=1000)
        self.largest: dict[str, float] = {}
        self.best = 0.0  # diversity
        self.looks: list[tuple[int, float]] = []  # the last two diversities, with their images
        self.since: dict[str, int] = {}  # problem: images at which it began
        self.said: dict[str, int] = {}  # problem: images at which it last held, once it has been reported
        self.exploded = False
        before = [verdict for line in history for verdict in self(line)]
        self.folder = folder
        if folder and (before or (folder / WATCH).exists()):  # lines beyond the checkpoint will be made again
            (folder / WATCH).write_text("".join(_json(verdict) for verdict in before))

    def __call__(self, line: dict) -> list[Remark]:
        self.lines.append(line)
        for key in GRADIENTS:  # an exploded gradient is no reference for others
            self.largest[key] = max(self.largest.get(key, 0.0), min(line.get(key, 0.0), self._limit(key)))
        verdicts = []
        for kind, look in (
            ("exploding", self._exploding),
            ("collapse", self._collapse),
            ("won", self._won),
            ("vanishing", self._vanishing),
        ):
            evidence = look(line)
            if evidence == UNKNOWN:
                continue
            if evidence is None:
                if line["images"] - self.said.get(kind, line["images"]) > QUIET_STEPS * self.recipe.batch_size:
                    del self.said[kind]
                continue
            told, self.said[kind] = kind in self.said, line["images"]
            if not told:
                self.exploded = self.exploded or kind == "exploding"  # later problems are its consequences
                cure = remedy("exploding" if self.exploded else kind, self.recipe)
                verdicts.append(Remark(kind, line["images"], f"{evidence}; {cure}"))
        for verdict in verdicts:
            self._tell(verdict)
        return verdicts

    def diverged(self, what: str) -> str:
        """Report that something became NaN or infinite. Returns the remedy."""
        last = next((line for line in reversed(self.lines) if "discriminator_gradient" in line), None)
        seen = f" (the discriminator's gradient was {_number(last['discriminator_gradient'])} before)" if last else ""
        cure = remedy("nan", self.recipe)
        if self.folder:
            _append(self.folder, Remark("nan", self.lines[-1]["images"] if self.lines else 0, f"{what}{seen}; {cure}"))
        return cure

    def _tell(self, verdict: Remark) -> None:
        if self.folder:
            _append(self.folder, verdict)
            start = "\r\033[K" if sys.stderr.isatty() else ""  # clear the line of progress, which is printed again
            print(f"{start}watch, at {verdict.images:,} images: {verdict.sentence}", file=sys.stderr, flush=True)

    def _begun(self, kind: str, holds: bool) -> int | None:
        """The images at which a problem began that has held since; None if it does not hold."""
        if not holds:
            self.since.pop(kind, None)
            return None
        before = self.lines[-2]["images"] if len(self.lines) > 1 else 0
        return self.since.setdefault(kind, before)

    def _lasting(self, kind: str, holds: bool, steps: int) -> int | None:
        """The same, once it has held for `steps`."""
        since = self._begun(kind, holds)
        lasts = since is not None and self.lines[-1]["images"] - since >= steps * self.recipe.batch_size
        return since if lasts else None

    def _collapse(self, line: dict) -> str | None:
        steps = line["images"] / self.recipe.batch_size
        if "diversity" not in line or steps < WARM_UP:
            return UNKNOWN
        now = line["diversity"]
        self.best = max(self.best, min(now, 1.0))  # noise may be more diverse than real pictures
        self.looks = [*self.looks[-1:], (line["images"], now)]
        (since, before), *later = self.looks
        if not later or now > max(RISING * before, before + RISING_BY):
            return None
        if self.best < NEVER and steps >= NEVER_STEPS:
            return (
                f"mode collapse: fixed samples are nearly the same picture; their diversity is still {now:.2f} of that of real "
                f"pictures after {line['images']:,} images, {self.best:.2f} at best"
            )
        if max(before, now) < min(FALLEN * self.best, LOW) and self.best >= NEVER:
            return (
                f"mode collapse: the diversity of fixed samples has fallen from {self.best:.2f} to {now:.2f} of that of real "
                f"pictures, {_since(since)}"
            )
        return None

    def _won(self, line: dict) -> str | None:
        pair, real, fake = (line.get(f"{kind}_accuracy") for kind in ("pair", "real", "fake"))
        if pair is None and None in (real, fake) or not self.plays:
            return UNKNOWN  # no discriminator, scores without a threshold, or a generator that does not play against it
        right = pair >= ACCURACY if pair is not None else min(real, fake) >= ACCURACY
        since = self._lasting("won", right, WON_STEPS)
        if since is None or "generator_gradient" not in line:
            return None if since is None else UNKNOWN
        stretch = [past for past in self.lines if past["images"] > since and "generator_loss" in past]
        if not stretch:
            return UNKNOWN
        first, last = (
            statistics.fmean(past["generator_loss"] for past in part) for part in (stretch[:2], stretch[-2:])
        )
        recent = [past for past in stretch if past["images"] > line["images"] - WON_STEPS * self.recipe.batch_size]
        gradient = max((past.get("generator_gradient", 0.0) for past in recent), default=0.0)
        largest = self.largest["generator_gradient"]
        if gradient < SUFFERS * largest:
            suffering = f"the generator's gradient is down to {_number(gradient)} from {_number(largest)}"
        elif last > CLIMBED * first > 0:
            suffering = f"the generator's loss has climbed from {first:.1f} to {last:.1f}"
        else:
            return None
        about = (
            f"{pair:.1%} of all pairs"
            if pair is not None
            else f"{real:.1%} of real and {fake:.1%} of generated pictures"
        )
        return f"the discriminator has won: {_since(since)} it has been right about nearly all, now {about}, and {suffering}"

    def _vanishing(self, line: dict) -> str | None:
        who = [key for key in GRADIENTS if key in line and line[key] < max(VANISHED * self.largest[key], NOTHING)]
        since = self._lasting("vanishing", bool(who), VANISHED_STEPS)
        if since is None:
            return None
        whose = " and ".join(
            f"{_whose(key)} has a norm of {_number(line[key])}, once {_number(self.largest[key])}" for key in who
        )
        return f"vanishing gradients: {_since(since)} next to nothing is left of them; {whose}"

    def _limit(self, key: str) -> float:
        """The norm above which a gradient counts as exploded."""
        huge = HUGE_SUMS if self.sums else HUGE
        norms = [past[key] for past in list(self.lines)[-201:-1] if key in past]
        return min(huge, max(EXPLODED * statistics.median(norms), MODEST)) if len(norms) >= HISTORY else huge

    def _exploding(self, line: dict) -> str | None:
        too_large = {key: self._limit(key) for key in GRADIENTS if line.get(key, 0.0) > self._limit(key)}
        since = self._begun("exploding", bool(too_large))
        if since is None:
            return None
        whose = " and ".join(
            f"{_whose(key)} has a norm of {_number(line[key])}, where {_number(limit)} would be too much"
            for key, limit in too_large.items()
        )
        return f"exploding gradients: {_since(since)} {whose}"


def remedy(kind: str, recipe: Recipe) -> str:
    """What the literature does about a problem, as options that fit the recipe."""
    rate, known = at(recipe.learning_rate, 0), GAMES[recipe.game].remedies
    lower = f"start again with a lower --set learning_rate={rate / 10:.2g}"
    if kind in ("exploding", "nan"):
        smoother = f", or with {_smoother(recipe)}" if "smoother" in known else ""
        return f"{lower} (Bengio 2012, arXiv:1206.5533, section 3.1.1){smoother}"
    if not known:
        return f"{lower} (Radford et al. 2015, arXiv:1511.06434)"
    slower = f"--set learning_rate={rate / 2:.2g} (Radford et al. 2015, arXiv:1511.06434)"
    if "batch" in known:
        larger = f"larger batches, --set batch_size={2 * recipe.batch_size} (Li et al. 2015, arXiv:1502.02761)"
        return f"start again with {larger}, or with {slower}"
    if kind == "collapse":
        return f"start again with {_smoother(recipe)}, or with {slower}"
    if recipe.objective == "minimax":
        return "start again with the non-saturating loss, --set objective=logistic (Goodfellow et al. 2014, section 3)"
    noise = 2 * at(recipe.instance_noise, 0) or 0.1
    return (
        f"make its task harder: start again with {_smoother(recipe)}, or with noise on its input, "
        f"--set instance_noise={noise:g} (Soenderby et al. 2017, arXiv:1610.04490)"
    )


def _smoother(recipe: Recipe) -> str:
    """A setting that limits the discriminator's slope, or limits it more."""
    r1, r2 = at(recipe.r1, 0), at(recipe.r2, 0)
    if r1 or r2:
        stronger = f"--set r1={10 * (r1 or r2):g} --set r2={10 * (r2 or r1):g}"
        return f"stronger penalties, {stronger} (Huang et al. 2024, arXiv:2501.05441)"
    if recipe.objective == "relativistic":
        return "both gradient penalties, --set r1=1 --set r2=1 (Huang et al. 2024, arXiv:2501.05441)"
    if recipe.objective == "wasserstein" and recipe.gradient_penalty:
        stronger = f"--set gradient_penalty={2 * recipe.gradient_penalty:g}"
        return f"a stronger penalty, {stronger} (Gulrajani et al. 2017, arXiv:1704.00028)"
    if recipe.objective == "wasserstein":
        without = "--set discriminator.normalisation=none " if PAIRS[recipe.networks][1].normalisations else ""
        return (
            "a gradient penalty instead of clipped weights, --set clip=0 --set gradient_penalty=10 "
            f"{without}(Gulrajani et al. 2017, arXiv:1704.00028)"
        )
    return (
        "paired scores and both gradient penalties, --set objective=relativistic (Huang et al. 2024, arXiv:2501.05441)"
    )


def _whose(key: str) -> str:
    return f"the {key.partition('_')[0]}'s"


def _since(images: int) -> str:
    return f"since {images:,} images" if images else "from the start"


def _number(value: float) -> str:
    return f"{value:.2g}" if abs(value) < 100 else f"{value:,.0f}"


def _json(verdict: Remark) -> str:
    return json.dumps({"images": verdict.images, "verdict": verdict.kind, "sentence": verdict.sentence}) + "\n"


def _append(folder: Path, verdict: Remark) -> None:
    with open(folder / WATCH, "a") as file:
        file.write(_json(verdict))


if __name__ == "__main__":
    sys.exit(cli.main(["watch", *sys.argv[1:]]))
