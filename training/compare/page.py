"""The page of results: tables of mean and standard deviation over the seeds, uncurated samples, curves.

The docstring of __main__.py says how the runs are made and measured.
"""

import datetime
import math
import shlex
import statistics
from pathlib import Path

from gan_models.cards.tables import base_name
from gan_models.files import write_atomically
from gan_models.project import VERSION

from ..data.dataset import Dataset
from ..metrics import METRICS
from .figures import draw_curves, draw_samples
from .protocol import Goal, Outcome, by_row, fid_name, on_cpu

MISSING = "–"


def write_page(found: list[Outcome], datasets: dict[str, Dataset], goal: Goal, options) -> None:
    """Write options.output and the two figures."""
    stem = options.output.with_suffix("")
    samples, curves = Path(f"{stem}-samples.png"), Path(f"{stem}-curves.png")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    draw_samples(found, datasets, samples)
    draw_curves(found, datasets, options.reach, curves)
    text = results_text(found, datasets, goal, options, samples.name, curves.name)
    write_atomically(options.output, text.encode())
    print(f"Written: {options.output}, {samples} and {curves}.")


def results_text(
    found: list[Outcome], datasets: dict[str, Dataset], goal: Goal, options, samples: str, curves: str
) -> str:
    """The Markdown of the results."""
    shown = [run for run in found if run.evaluation]
    names = list(dict.fromkeys(datasets[run.row.name].name for run in found))
    parts = [
        "# Results: every recipe under one protocol",
        f"*Made by `{exact_command(options)}` on {datetime.datetime.now(datetime.UTC):%Y-%m-%d}; do not edit.*",
        protocol(shown, goal, options),
    ]
    for name in names:
        runs = [run for run in found if datasets[run.row.name].name == name]
        parts += [f"## {name}", quality(runs), cost(runs, options.reach)]
    parts += [
        "## Samples",
        "Uncurated: the first latents of seed 0, from the run with the first seed; the classes in turn, if the recipe "
        "is conditional.",
        f"![Samples of each row]({samples})",
        "## Curves",
        f"FID during training: mean and range of the seeds. Dotted: the FID of {options.reach:g}, whose time is in the "
        "table.",
        f"![Curves]({curves})",
        "## How to read this",
        reading(shown),
        "## How it was made",
        origin_notes(found, shown),
    ]
    return "\n\n".join(parts) + "\n"


def protocol(shown: list[Outcome], goal: Goal, options) -> str:
    if goal.images:
        equal = f"for equally many real images ({goal.images:,})"
    else:
        kind = (
            "CPU time of the training process" if all(on_cpu(run.training) for run in shown) else "wall time on the GPU"
        )
        equal = f"for equal compute time: {goal.minutes:g} minutes ({kind}, without start-up, decoding, checkpoints, evaluation)"
    seeds = len(options.seeds)
    return (
        f"Each recipe was trained {equal}, with {'one seed' if seeds == 1 else f'{seeds} seeds'} and the settings in "
        f"`training/recipes.py`{_changes(shown)}. The averaged generators were evaluated by one program and one network for "
        "each data set; the names of the metrics say on how many pictures. A number is the mean over the seeds ± their "
        "standard deviation (n - 1). *Real pictures* were evaluated in the same way: no generator can be expected to do "
        "better."
    )


def _changes(shown: list[Outcome]) -> str:
    rows = [row for row, _ in by_row(shown) if row.settings]
    changed = [f"`{row.name}` is {row.base} with {' '.join(row.settings)}" for row in rows]
    return f", except that {'; '.join(changed)}" if changed else ""


def quality(runs: list[Outcome]) -> str:
    """The metrics of one data set, one row per recipe. A metric against training pictures is left out if there is the
    same against test pictures."""
    metrics = [run.evaluation["metrics"] for run in runs if run.evaluation]
    names = list(dict.fromkeys(key for metric in metrics for key in metric if "value" in metric[key]))
    names = [name for name in names if "_train_" not in name or name.replace("_train_", "_test_") not in names]
    names.sort(key=lambda name: _place_and_arrow(name)[0])
    real = [mean_std([metric[name].get("real") for metric in metrics if name in metric][:1]) for name in names]
    lines = [["recipe", *(f"{name} {_place_and_arrow(name)[1]}".strip() for name in names)], ["*real pictures*", *real]]
    for row, some in by_row(runs):
        results = [run.evaluation["metrics"] for run in some if run.evaluation]
        values = [mean_std([result.get(name, {}).get("value") for result in results]) for name in names]
        lines.append([f"**{row.name}**", *values])
    notes = [
        f"- {row.name}, seed {run.seed}: {run.trouble}" for row, some in by_row(runs) for run in some if run.trouble
    ]
    return aligned_table(lines) + ("\n\nNot in the means:\n\n" + "\n".join(notes) if notes else "")


def cost(runs: list[Outcome], reach: float) -> str:
    """The sizes, images and times of the recipes of one data set. Speed is that of training alone."""
    lines = [
        [
            "recipe",
            "weights of generator",
            "of discriminator",
            "images seen",
            "images/s",
            "minutes of compute",
            "minutes of metrics",
            f"minutes to {fid_name(runs)} ≤ {reach:g}",
        ]
    ]
    for row, some in by_row(runs):
        notes = [run.training for run in some if run.training]
        if notes:
            lines.append(
                [
                    f"**{row.name}**",
                    f"{notes[0]['generator_parameters']:,}",
                    f"{notes[0]['discriminator_parameters']:,}",
                    mean_std([n["images_seen"] for n in notes]),
                    mean_std([n["images_seen"] / n["compute_seconds"] for n in notes]),
                    mean_std([n["compute_seconds"] / 60 for n in notes]),
                    mean_std([seconds / 60 for seconds in map(_measuring, some) if seconds]),
                    time_to(reach, notes),
                ]
            )
    return aligned_table(lines)


def _measuring(run: Outcome) -> float:
    """The CPU seconds of the metrics of a run, on the way and at its end; 0 where they are not known."""
    training, evaluation = run.training or {}, run.evaluation or {}
    return training.get("fid_seconds", 0.0) + evaluation.get("cpu_seconds", 0.0)


def time_to(reach: float, notes: list[dict]) -> str:
    """Minutes until FID was first measured at `reach` or below."""
    if not any(n["fid_points"] for n in notes):
        return MISSING
    times = [next((p["compute_seconds"] / 60 for p in n["fid_points"] if p["fid"] <= reach), None) for n in notes]
    reached = [minutes for minutes in times if minutes is not None]
    if not reached:
        return "not reached"
    return mean_std(reached) + ("" if len(reached) == len(times) else f" ({len(reached)} of {len(times)} seeds)")


def reading(shown: list[Outcome]) -> str:
    kinds = {base_name(name) for run in shown for name in run.evaluation["metrics"]}
    lines = [f"- `{row.name}` {row.arrow}: {row.about}." for row in METRICS.values() if row.name in kinds]
    return "\n".join(
        [
            "A metric's name has its protocol: the number of pictures, the real pictures they are compared with, and the "
            "network. `↓`: smaller is better.",
            "",
            *lines,
            "",
            "What not to conclude:",
            "",
            "- that one recipe is better than another if the difference is not well beyond the deviations, which come from few "
            "seeds;",
            "- that a recipe is bad, or its paper wrong: the networks are small, the time is short, and the settings were chosen "
            "for short runs, without a search for each recipe. With more time the order may change, and on a GPU large networks "
            "cost less;",
            "- anything from a comparison with FIDs elsewhere: these features come from a small network trained on the same kind "
            "of pictures, and have another scale than Inception's;",
            "- more than their order from the minutes to a FID: it was measured a few times in each run, on fewer pictures.",
        ]
    )


def origin_notes(found: list[Outcome], shown: list[Outcome]) -> str:
    trained = [run.training for run in found if run.training]
    hours = sum(n["compute_seconds"] for n in trained) / 3600
    judged = (sum(n["fid_seconds"] for n in trained) + sum(run.evaluation["cpu_seconds"] for run in shown)) / 3600
    machines, commits = (sorted({str(n[key]) for n in trained}) for key in ("machine", "commit"))
    networks = {
        f"{name} ({record['network']['sha256'][:12]})"
        for run in shown
        for name, record in run.evaluation["metrics"]["evaluation"].items()
        if "sha256" in record.get("network", {})
    }
    return "\n".join(
        [
            f"- machine: {'; '.join(machines)}",
            f"- code: gan_models {VERSION}, trained at commit {', '.join(commits)}",
            f"- networks of the evaluation, with their checksums: {', '.join(sorted(networks))}",
            f"- cost: {hours:.2f} hours of training in {len(trained)} runs, {judged:.2f} CPU hours of evaluation, "
            f"together {hours + judged:.2f}",
            "- the same command continues from existing runs; when all are done it only writes this page",
        ]
    )


def exact_command(options) -> str:
    """The command without the folders of data and runs, which differ on every machine."""
    length = ["--images", str(options.images)] if options.images else ["--minutes", f"{options.minutes:g}"]
    seeds = ",".join(map(str, options.seeds)) + ("," if len(options.seeds) == 1 else "")
    words = [
        *options.rows,
        *length,
        "--seeds",
        seeds,
        "--reach",
        f"{options.reach:g}",
        "--precision",
        options.precision,
    ]
    words += (["--samples", str(options.samples)] if options.samples else []) + (["--cas"] if options.cas else [])
    return (
        f"python -m training.compare {shlex.join(words + [w for setting in options.set for w in ('--set', setting)])}"
    )


def mean_std(values: list[float | None]) -> str:
    """ "1.24 ± 0.05": the sample standard deviation with two digits; without it for a single value."""
    values = [value for value in values if value is not None]
    if not values:
        return MISSING
    mean, deviation = statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0
    if not deviation:
        return _rounded(mean) + (" ± 0" if len(values) > 1 else "")
    places = min(max(1 - math.floor(math.log10(deviation)), 0), 6)
    return f"{mean:,.{places}f} ± {deviation:,.{places}f}"


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def aligned_table(lines: list[list[str]]) -> str:
    """A Markdown table with right-aligned numbers."""
    rule = ["---", *["---:"] * (len(lines[0]) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], rule, *lines[1:]))


def _place_and_arrow(name: str) -> tuple[int, str]:
    """The place of a metric in METRICS, and its arrow."""
    rows = list(METRICS.values())
    return next(((k, row.arrow) for k, row in enumerate(rows) if row.name == base_name(name)), (len(rows), ""))
