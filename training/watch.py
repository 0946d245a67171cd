"""A watch over the training that speaks plain language: `python -m training.watch RUN_FOLDER` reads a run's statistics again.

It sees the lines of stats.jsonl one after another (means over some 25 steps) and nothing else, so it costs nothing, says the same
live and afterwards, and after a resume knows what it has said. It knows five troubles: mode collapse, a discriminator that has
won, vanishing and exploding gradients, and (told by the loop) numbers that are none. Each is said once and again only
after it had passed, as one sentence: what is wrong, by which numbers, since when, and the remedy of the literature as an
option of ours.
"""

import argparse
import dataclasses
import json
import statistics
import sys
from collections import deque
from pathlib import Path
from typing import NamedTuple

from .curves import WATCH, CurvesError, read
from .recipes import Recipe, Schedule, at

# Mode collapse. The diversity is the mean distance of 64 fixed samples to their nearest neighbour, 1 for real pictures
# (callbacks.Diversity). Healthy runs on digits and faces pass 0.2 within 200 steps of the generator and rise to 0.9; a conditional
# DCGAN whose digits of one kind all look alike peaked at 0.25 and fell to 0.07. Untrained generators are below 0.05.
FALLEN = 0.6  # of the best so far: the sampling noise of 64 pictures is some 5 %
LOW = 0.5  # of real pictures; above it a fall is the end of early noise
NEVER = 0.1  # still this low after ...
NEVER_STEPS = 300  # ... so many steps of the generator, and not rising
RISING = 1.1  # from one look to the next: what rises so is under way

# A discriminator that has won. Relativistic and penalised ones are right about 99.9 % of all pairs for the first 300 steps of healthy
# runs, so accuracy alone proves nothing: the generator must suffer too.
ACCURACY = 0.99
WON_STEPS = 150
SUFFERS = 0.05  # the generator's gradient, of its largest; 0.15 was seen in healthy runs
CLIMBED = 1.5  # the generator's loss, over the time that the discriminator is right

# Vanishing gradients: Adam does not mind their scale, but what is this much weaker than it was carries no direction, only noise.
VANISHED = 1e-3  # of its largest
NOTHING = 1e-8  # Adam's epsilon: below it Adam stops too
VANISHED_STEPS = 75

# Exploding gradients: norms of healthy runs stay within a factor of 10 of their median.
EXPLODED = 100.0  # times the median so far
HUGE = 1e5  # without any history; healthy norms were below 1e3 in all recipes
HISTORY = 8  # lines that a median is made of, at least


class Verdict(NamedTuple):
    kind: str  # collapse | won | vanishing | exploding | nan
    images: int
    sentence: str


class Watch:
    """Call it with each line of stats.jsonl. Verdicts are returned and, with a folder, appended to its watch.jsonl and said aloud.

    history: lines that were seen before a resume; what they called for has been said.
    """

    def __init__(self, recipe: Recipe, folder: Path | None = None, history: list[dict] = ()):
        self.recipe, self.folder = recipe, None
        self.lines: deque[dict] = deque(maxlen=1000)
        self.largest: dict[str, float] = {}
        self.best = 0.0  # diversity
        self.looks: list[float] = []  # the last diversities
        self.since: dict[str, int] = {}  # trouble: images at which it began
        self.said: set[str] = set()
        before = [verdict for line in history for verdict in self(line)]
        self.folder = folder
        if folder and (before or (folder / WATCH).exists()):  # lines beyond the checkpoint will be made again
            (folder / WATCH).write_text("".join(_json(verdict) for verdict in before))

    def __call__(self, line: dict) -> list[Verdict]:
        self.lines.append(line)
        for key in ("generator_gradient", "discriminator_gradient"):
            self.largest[key] = max(self.largest.get(key, 0.0), line.get(key, 0.0))
        verdicts = []
        for kind, look in (("collapse", self._collapse), ("won", self._won), ("vanishing", self._vanishing),
                           ("exploding", self._exploding)):
            evidence = look(line)
            if evidence == UNKNOWN:
                continue
            if evidence is None:
                self.said.discard(kind)
            elif kind not in self.said:
                self.said.add(kind)
                verdicts.append(Verdict(kind, line["images"], f"{evidence}; {remedy(kind, self.recipe)}"))
        for verdict in verdicts:
            self._tell(verdict)
        return verdicts

    def diverged(self, what: str) -> str:
        """Note that something is no number any more. Returns the remedy."""
        last = next((line for line in reversed(self.lines) if "discriminator_gradient" in line), None)
        seen = f" (the discriminator's gradient was {_number(last['discriminator_gradient'])} before)" if last else ""
        cure = remedy("nan", self.recipe)
        if self.folder:
            _append(self.folder, Verdict("nan", self.lines[-1]["images"] if self.lines else 0, f"{what}{seen}; {cure}"))
        return cure

    def _tell(self, verdict: Verdict) -> None:
        if self.folder:
            _append(self.folder, verdict)
            start = "\r\033[K" if sys.stderr.isatty() else ""  # the line of progress comes again
            print(f"{start}watch, at {verdict.images:,} images: {verdict.sentence}", file=sys.stderr, flush=True)

    def _begun(self, kind: str, holds: bool) -> int | None:
        """Images at which a trouble began that holds without a break since; None where it does not hold."""
        if not holds:
            self.since.pop(kind, None)
            return None
        before = self.lines[-2]["images"] if len(self.lines) > 1 else 0
        return self.since.setdefault(kind, before)

    def _lasting(self, kind: str, holds: bool, steps: int) -> int | None:
        """The same, once it holds for so many steps."""
        since = self._begun(kind, holds)
        lasts = since is not None and self.lines[-1]["images"] - since >= steps * self.recipe.batch_size
        return since if lasts else None

    def _collapse(self, line: dict) -> str | None:
        if "diversity" not in line:
            return UNKNOWN
        now = line["diversity"]
        self.best = max(self.best, min(now, 1.0))  # the noise of a beginning can be more diverse than real pictures
        self.looks = [*self.looks[-1:], now]
        rises = len(self.looks) < 2 or now > RISING * self.looks[0]
        steps = line["images"] / (self.recipe.batch_size * self.recipe.discriminator_steps)
        fallen = self._lasting("fallen", now < min(FALLEN * self.best, LOW) and not rises, 1)
        never = self.best < NEVER and steps >= NEVER_STEPS and not rises
        if fallen is not None and self.best >= NEVER:
            return (f"mode collapse: the diversity of fixed samples has fallen from {self.best:.2f} to {now:.2f} of that of real "
                    f"pictures since {fallen:,} images")
        if never:
            return (f"mode collapse: fixed samples are nearly one picture, their diversity is still {now:.2f} of that of real pictures "
                    f"after {line['images']:,} images, {self.best:.2f} at best")
        return None

    def _won(self, line: dict) -> str | None:
        pair, real, fake = (line.get(f"{kind}_accuracy") for kind in ("pair", "real", "fake"))
        if pair is None and real is None or not self.recipe.adversarial:
            return UNKNOWN  # no discriminator, scores without a threshold, or a generator that does not play against it
        right = pair >= ACCURACY if pair is not None else min(real, fake) >= ACCURACY
        since = self._lasting("won", right, WON_STEPS)
        if since is None or "generator_gradient" not in line:
            return None if since is None else UNKNOWN
        stretch = [past for past in self.lines if past["images"] > since and "generator_loss" in past]
        first, last = (statistics.fmean(past["generator_loss"] for past in part) for part in (stretch[:2], stretch[-2:]))
        gradient, largest = line["generator_gradient"], self.largest["generator_gradient"]
        if gradient < SUFFERS * largest:
            suffering = f"the generator's gradient is down to {_number(gradient)} from {_number(largest)}"
        elif last > CLIMBED * first > 0:
            suffering = f"the generator's loss has climbed from {first:.1f} to {last:.1f}"
        else:
            return None
        about = f"{pair:.1%} of all pairs" if pair is not None else f"{real:.1%} of real and {fake:.1%} of generated pictures"
        return f"the discriminator has won: since {since:,} images it has been right about nearly all, now {about}, and {suffering}"

    def _vanishing(self, line: dict) -> str | None:
        who = [key for key in ("generator_gradient", "discriminator_gradient")
               if key in line and line[key] < max(VANISHED * self.largest[key], NOTHING)]
        since = self._lasting("vanishing", bool(who), VANISHED_STEPS)
        if since is None:
            return None
        return f"vanishing gradients: {_gradients(who, line)} since {since:,} images, and was {_number(self.largest[who[0]])} at most"

    def _exploding(self, line: dict) -> str | None:
        limits = {}
        for key in ("generator_gradient", "discriminator_gradient"):
            past = [old[key] for old in list(self.lines)[-201:-1] if key in old]
            median = statistics.median(past) if len(past) >= HISTORY else None
            limits[key] = min(HUGE, EXPLODED * median) if median else HUGE
        who = [key for key, limit in limits.items() if line.get(key, 0.0) > limit]
        if not who:
            return None
        return f"exploding gradients: {_gradients(who, line)}, where {_number(limits[who[0]])} would already be too much"


UNKNOWN = "this line does not tell"


def remedy(kind: str, recipe: Recipe) -> str:
    """What the literature does about a trouble, as options that fit the recipe."""
    slower = f"--set learning_rate={at(recipe.learning_rate, 0) / (10 if kind in ('exploding', 'nan') else 2):.2g}"
    smooth = _smoother(recipe)
    if kind in ("nan", "exploding"):
        return f"start again with a lower {slower}, or with a smoother discriminator: {smooth}"
    if recipe.game == "moments":
        return f"start again with larger batches (--set batch_size={2 * recipe.batch_size}: Li et al. 2015, arXiv:1502.02761) or {slower}"
    if kind == "collapse":
        return f"start again with a discriminator whose slope is penalised: {smooth}; or with {slower}"
    options = [smooth]
    if recipe.objective == "minimax":
        options.insert(0, "with the non-saturating loss, --set objective=logistic (Goodfellow et al. 2014, section 3)")
    if recipe.discriminator_steps > 1 and recipe.objective != "wasserstein":
        options.append("with fewer steps of the discriminator, --set discriminator_steps=1")
    elif not at(recipe.instance_noise, 0):
        options.append("with noise on what it sees, --set instance_noise=0.1 (Soenderby et al. 2017, arXiv:1610.04490)")
    return f"make the discriminator's task harder, starting again {'; or '.join(options)}"


def _smoother(recipe: Recipe) -> str:
    """The option that bounds the discriminator's slope, or bounds it more."""
    r1, r2 = at(recipe.r1, 0), at(recipe.r2, 0)
    normalised = recipe.family in ("dcgan", "infogan", "vaegan", "bigan", "tied")  # by choice
    if r1 or r2:
        return f"with stronger penalties, --set r1={10 * (r1 or r2):g} --set r2={10 * (r2 or r1):g} (Huang et al. 2024, arXiv:2501.05441)"
    if recipe.objective == "wasserstein" and not recipe.gradient_penalty:
        return (f"with a gradient penalty instead of clipping, --set clip=0 --set gradient_penalty=10 {'--set discriminator.normalisation=none ' * normalised}"
                "(Gulrajani et al. 2017, arXiv:1704.00028)")
    if recipe.objective == "wasserstein":
        return f"with a stronger penalty, --set gradient_penalty={2 * recipe.gradient_penalty:g} (Gulrajani et al. 2017, arXiv:1704.00028)"
    if recipe.objective == "hinge":
        return "with both gradient penalties, --set objective=relativistic (Huang et al. 2024, arXiv:2501.05441)"
    if recipe.objective == "relativistic":
        return "with both gradient penalties, --set r1=1 --set r2=1 (Huang et al. 2024, arXiv:2501.05441)"
    spectral = ", or with the hinge loss and spectral normalisation, --set objective=hinge (Miyato et al. 2018, arXiv:1802.05957)"
    return ("with paired scores and both gradient penalties, --set objective=relativistic (Huang et al. 2024, arXiv:2501.05441)"
            f"{spectral * normalised}")


def _gradients(who: list[str], line: dict) -> str:
    return " and ".join(f"the {key.partition('_')[0]}'s is {_number(line[key])}" for key in who)


def _number(value: float) -> str:
    return f"{value:.2g}" if abs(value) < 100 else f"{value:,.0f}"


def _json(verdict: Verdict) -> str:
    return json.dumps({"images": verdict.images, "verdict": verdict.kind, "sentence": verdict.sentence}) + "\n"


def _append(folder: Path, verdict: Verdict) -> None:
    with open(folder / WATCH, "a") as file:
        file.write(_json(verdict))


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status: 0, or 2 for bad input."""
    parser = argparse.ArgumentParser(prog="python -m training.watch", description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path, metavar="RUN_FOLDER", help="a run's folder")
    folder = parser.parse_args(arguments).run
    try:
        run = read(folder)
        watch = Watch(recipe_of(folder))
    except CurvesError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    verdicts = [verdict for line in run.lines for verdict in watch(line)]
    for verdict in verdicts:
        print(f"{verdict.images:>11,} images: {verdict.sentence}")
    if not verdicts:
        print(f"Nothing to remark in {run.lines[-1]['images']:,} images.")
    return 0


def recipe_of(folder: Path) -> Recipe:
    """The recipe that a run was started with. Raises CurvesError where its options.json cannot be read."""
    try:
        stored = json.loads((folder / "options.json").read_bytes())["recipe"]
        known = {key: stored[key] for key in (field.name for field in dataclasses.fields(Recipe)) if key in stored}
        return Recipe(**{key: Schedule(**value) if isinstance(value, dict) and "start" in value else value
                         for key, value in known.items()})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CurvesError(f"The options of the run in {folder} cannot be read: name the folder of a run, which holds "
                          "options.json.") from error


if __name__ == "__main__":
    sys.exit(main())
