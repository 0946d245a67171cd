"""Plot the curves of one or several runs: `python -m training.curves RUN_FOLDER [RUN_FOLDER ...] --output
curves.png`.

The curves come from stats.jsonl. Remarks of the watch, from watch.jsonl, are vertical lines. The x axis is the number of
real images that the discriminator has seen. Needs matplotlib, which is imported only to draw.
"""

import io
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gan_models import cli
from gan_models.cli import missing
from gan_models.files import write_atomically

from .errors import TrainingError
from .run_folder import STATS, WATCH, read_lines, read_stats

POINTS = 300  # of a curve: more cannot be seen on a screen, and noise hides the trend
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22")
DASHES = ("-", "--", ":", "-.")


class CurvesError(TrainingError):
    """A run folder without statistics, a file that cannot be written, or no matplotlib; one sentence."""


class Subplot(NamedTuple):
    title: str
    unit: str
    curves: dict[str, str]  # name in stats.jsonl: name in the legend
    log: bool = False
    level: float | None = None  # a horizontal line at the ideal value


PANELS = (
    Subplot("Losses", "loss", {"discriminator_loss": "discriminator", "generator_loss": "generator"}),
    Subplot(
        "Accuracy of the discriminator",
        "share of pictures",
        {"real_accuracy": "real", "fake_accuracy": "generated", "pair_accuracy": "pairs"},
    ),
    Subplot(
        "Gradients", "norm", {"discriminator_gradient": "discriminator", "generator_gradient": "generator"}, log=True
    ),
    Subplot("Diversity of fixed samples", "real pictures = 1", {"diversity": "nearest other sample"}, level=1.0),
    Subplot(
        "Penalties and other terms",
        "value",
        {
            "r1": "R1",
            "r2": "R2",
            "gradient_penalty": "gradient penalty",
            "real_classification": "classes of real",
            "fake_classification": "classes of generated",
            "information": "information",
            "clustering": "clustering",
            "feature_matching": "feature matching",
            "perceptual": "perceptual",
            "reconstruction": "reconstruction",
            "divergence": "divergence",
            "discrepancy": "discrepancy",
            "wasserstein_distance": "Wasserstein distance",
        },
        log=True,
    ),
)


class RunCurves(NamedTuple):
    name: str
    lines: list[dict]  # of stats.jsonl
    remarks: list[int]  # images at which the watch spoke


def read_run(folder: Path) -> RunCurves:
    """A run folder's statistics. Raises CurvesError if there are none."""
    lines = read_stats(folder)
    if not lines:
        raise CurvesError(f"There are no statistics in {folder}: name the folder of a run, which holds {STATS}.")
    return RunCurves(folder.resolve().name, lines, [line["images"] for line in read_lines(folder / WATCH)])


def plot_runs(runs: list[RunCurves], path: Path) -> None:
    """Write the picture as a PNG, with one panel below another; panels without a curve are left out. One run has a
    colour per curve; several runs have a colour per run. Raises CurvesError without matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import (
            Figure,  # without pyplot: no global state, no display
        )
    except ImportError as error:
        raise CurvesError(missing("matplotlib")) from error
    fids = {
        key: f"{key[3:].replace('_', ', ')}"
        for run in runs
        for line in run.lines
        for key in line
        if key.startswith("fid")
    }
    panels = [
        panel
        for panel in (*PANELS, Subplot("FID", "FID", fids, log=True))
        if any(key in line for run in runs for line in run.lines for key in panel.curves)
    ]
    height = 0.7 + 2.1 * max(len(panels), 1)
    figure = Figure(figsize=(9, height), dpi=90)
    FigureCanvasAgg(figure)
    axes = figure.subplots(max(len(panels), 1), 1, sharex=True, squeeze=False)[:, 0]
    figure.subplots_adjust(left=0.09, right=0.74, top=1 - 0.55 / height, bottom=0.55 / height, hspace=0.28)
    for axis, panel in zip(axes, panels):
        _draw_panel(axis, panel, runs)
    axes[-1].set_xlabel("images shown to the discriminator", fontsize=8)
    axes[-1].xaxis.set_major_formatter(lambda value, _: _thousands(value))
    axes[0].set_xlim(left=0)
    if len(runs) == 1:
        about = " (red vertical lines: remarks of the watch)" if runs[0].remarks else ""
        figure.suptitle(runs[0].name + about, fontsize=10, y=1 - 0.12 / height)
    else:
        colours = [axes[0].plot([], [], color=COLOURS[k % len(COLOURS)], linewidth=3)[0] for k in range(len(runs))]
        figure.legend(
            colours,
            [run.name for run in runs],
            loc="upper left",
            fontsize=8,
            frameon=False,
            bbox_to_anchor=(0.74, 1 - 1.15 / height),
        )
    file = io.BytesIO()
    figure.savefig(file, format="png")
    write_atomically(path, file.getvalue())


def _draw_panel(axis, panel: Subplot, runs: list[RunCurves]) -> None:
    present = [key for key in panel.curves if any(key in line for run in runs for line in run.lines)]
    least, most = float("inf"), 0.0
    for number, run in enumerate(runs):
        for k, key in enumerate(present):
            images, values = course(run.lines, key)
            if not len(images):
                continue
            least, most = min(least, values.min()), max(most, values.max())
            style = (
                {"color": COLOURS[k % len(COLOURS)]}
                if len(runs) == 1
                else {"color": COLOURS[number % len(COLOURS)], "linestyle": DASHES[k % len(DASHES)]}
            )
            axis.plot(
                images,
                values,
                linewidth=1.3,
                marker="." if len(images) < 3 else None,
                label=panel.curves[key] if len(runs) == 1 else None,
                **style,
            )
        if len(runs) == 1:
            for images in run.remarks:
                axis.axvline(images, color="red", linewidth=0.8, alpha=0.6)
    if panel.level is not None:
        axis.axhline(panel.level, color="black", linewidth=0.8, linestyle=":")
    if len(runs) > 1 and len(present) > 1:
        for k, key in enumerate(present):
            axis.plot([], [], color="black", linewidth=1.3, linestyle=DASHES[k % len(DASHES)], label=panel.curves[key])
    if panel.log and most > 10 * least > 0:
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter(lambda value, _: "")
    axis.set_title(panel.title, fontsize=9, loc="left", pad=3)
    axis.set_ylabel(panel.unit, fontsize=8)
    axis.tick_params(labelsize=8)
    axis.grid(alpha=0.25)
    if axis.get_legend_handles_labels()[0]:
        axis.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.005, 1.03), borderaxespad=0)


def course(lines: list[dict], key: str, points: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """The curve of one quantity: (images, values). Neighbours are averaged so that at most `points` are left."""
    pairs = [(line["images"], line[key]) for line in lines if isinstance(line.get(key), (int, float))]
    pairs = np.array(pairs, float).reshape(-1, 2)
    together = max(1, -(-len(pairs) // points))
    means = [pairs[k : k + together].mean(0) for k in range(0, len(pairs), together)]
    images, values = np.array(means).reshape(-1, 2).T
    return images, values


def _thousands(value: float) -> str:
    """1500000 -> "1.5M"."""
    for size, suffix in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{suffix}"
    return f"{value:g}"


if __name__ == "__main__":
    sys.exit(cli.main(["curves", *sys.argv[1:]]))
