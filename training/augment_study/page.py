"""The page of results: a table, the choices, and a figure of accuracy against the number of labelled pictures."""

from __future__ import annotations

import io
import math
import statistics
from pathlib import Path

from gan_models.files import write_atomically

from .results import BOTH, KINDS, WITH, WITHOUT, Results, count_name

# Two-sided 95 % points of Student's t for 1, 2, ... degrees of freedom.
T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)


def interval(values: list[float]) -> tuple[float, float]:
    """The mean, and half of its 95 % interval by Student's t; infinite for one value."""
    if len(values) < 2:
        return values[0], math.inf
    t = T95[len(values) - 2] if len(values) - 2 < len(T95) else 1.96
    return statistics.mean(values), t * statistics.stdev(values) / math.sqrt(len(values))


def tests_of(study: Results, per_class: int | None, kind: str) -> dict[int, float]:
    """Test accuracy by seed. For `BOTH`, of which there are several, the share and filter are those chosen on held-out
    pictures."""
    found = {}
    for seed in study.plan.seeds:
        rows = [r for r in study.results if (r["per_class"], r["seed"], r["kind"]) == (per_class, seed, kind)]
        if rows:
            found[seed] = (study.chosen(per_class, seed) if kind == BOTH else rows[0])["test"]
    return found


def gain(study: Results, per_class: int | None) -> tuple[str, str, float, float] | None:
    """The best kinds by mean with and without generated pictures, and the mean and half interval of their difference,
    paired by seed."""
    means = {kind: tests_of(study, per_class, kind) for kind in (*WITHOUT, *WITH)}
    if not all(means.values()):
        return None
    without, with_ = (max(some, key=lambda kind: statistics.mean(means[kind].values())) for some in (WITHOUT, WITH))
    shared = means[without].keys() & means[with_].keys()
    return without, with_, *interval([means[with_][seed] - means[without][seed] for seed in sorted(shared)])


def results_text(study: Results, command: str, figure: str) -> str:
    """The Markdown of the results."""
    plan, rows = study.plan, []
    for n in plan.per_class:
        cells = [_mean_percent(list(tests_of(study, n, kind).values())) for kind in KINDS]
        found = gain(study, n)
        difference = "" if found is None else _points(*found[2:])
        rows.append((count_name(n), *cells, difference))
    head = ("labelled a class", *KINDS, "best with - best without")
    choices = []
    for n in plan.per_class:
        for seed in plan.seeds:
            if tests_of(study, n, BOTH).get(seed) is None:
                continue
            best = study.chosen(n, seed)
            made = next((g for g in study.generators if (g["per_class"], g["seed"]) == (n, seed)), {})
            choices.append(
                (count_name(n), str(seed), f"{best['share']:g}", best["filter"], f"{made.get('images', 0):,}",
                 f"{made.get('kid', math.nan):.1f}", f"{made.get('gan_test', math.nan):.1%}")
            )  # fmt: skip
    changed = "".join(f", {key}={value}" for key, value in plan.settings.items())
    return "\n\n".join(
        [
            f"*Made by `{command}`; do not edit.*",
            f"Generators: `{plan.recipe}`{changed}, shown at most {plan.images:,} images of the labelled pictures and nothing "
            f"else. Classifiers: a residual network, {plan.steps:,} steps of 64 pictures for every kind of training set. "
            f"{plan.validation:,} training pictures are held out: they choose share and filter and say when a generator "
            f"stops. Accuracy on {len(study.test):,} test pictures, mean ± half of the 95 % interval over "
            f"{len(plan.seeds)} seeds; the last column is paired by seed, in percentage points.",
            _table(head, rows),
            f"![Accuracy against labelled pictures]({figure})",
            "The choices on held-out pictures, and the quality of the generators: KID (times 1,000) between generated "
            "and held-out pictures in general features, and GAN-test, the share of generated pictures that a classifier "
            "of the real ones assigns to the requested class.",
            _table(("labelled a class", "seed", "share", "filter", "images shown", "KID", "GAN-test"), choices),
        ]
    )


def draw_figure(study: Results, path: Path) -> None:
    """A line for each kind, with its interval as a band."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    every = (len(study.data) - study.plan.validation) // len(study.data.label_names)
    numbers = [n or every for n in study.plan.per_class]
    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    for kind, style in zip(KINDS, ("o:", "o-", "s:", "s-", "^--"), strict=True):
        points = []
        for n, count in zip(study.plan.per_class, numbers, strict=True):
            values = list(tests_of(study, n, kind).values())
            if values:
                points.append((count, *interval(values)))
        if points:
            x, y, half = zip(*sorted(points), strict=True)
            axes.plot(x, y, style, label=kind)
            if all(map(math.isfinite, half)):
                low, high = ([a + sign * b for a, b in zip(y, half, strict=True)] for sign in (-1, 1))
                axes.fill_between(x, low, high, alpha=0.15)
    axes.set(xscale="log", xlabel="labelled pictures a class", ylabel="test accuracy", title=study.data.name)
    axes.set_xticks(numbers, [f"{number:,}" for number in numbers])
    axes.set_xticks([], minor=True)
    axes.legend()
    axes.grid(alpha=0.3)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=110, bbox_inches="tight")
    pyplot.close(figure)
    write_atomically(path, drawn.getvalue())


def write_page(study: Results, output: Path, command: str) -> None:
    """Write the page and its figure."""
    output.parent.mkdir(parents=True, exist_ok=True)
    figure = output.with_suffix(".png")
    draw_figure(study, figure)
    write_atomically(output, (f"# Generated pictures for a classifier: {study.data.name}\n\n{results_text(study, command, figure.name)}\n").encode())  # fmt: skip


def _mean_percent(values: list[float]) -> str:
    if not values:
        return ""
    mean, half = interval(values)
    return f"{mean:.1%}" + (f" ± {100 * half:.1f}" if math.isfinite(half) else "")


def _points(mean: float, half: float) -> str:
    return f"{100 * mean:+.1f}" + (f" ± {100 * half:.1f}" if math.isfinite(half) else "")


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
