"""The figures of a comparison: uncurated samples and curves."""

import io
import statistics
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont

from gan_models.files import write_atomically
from gan_models.images import enlarge, grid, save_png
from gan_models.networks import load
from gan_models.notices import DATASETS, dataset_of
from gan_models.sizes import sides

from ..data.dataset import Dataset, to_float
from .protocol import Outcome, by_row, fid_name

STRIP = 2  # rows of pictures for each recipe


def samples_of(model: Path, count: int) -> torch.Tensor:
    """The pictures of a model folder for the first latents of seed 0: (count, C, H, W) in [-1, 1]."""
    return first_samples(load(model), count)


def draw_samples(
    found: list[Outcome],
    datasets: dict[str, Dataset],
    path: Path,
    samples: Callable[[Path, int], torch.Tensor] = samples_of,
) -> None:
    """A strip of samples for each row, after a strip of real pictures for each data set whose pictures may be shown
    (not CelebA, whose people were not asked)."""
    strips, seen = [], set()
    for row, some in by_row([run for run in found if run.evaluation]):
        dataset, size = datasets[row.name], row.recipe.image_size
        height, width = sides(size)
        columns, factor = max(8, min(16, 640 // width)), 2 if height < 48 and row.recipe.image_channels == 1 else 1
        count = columns * STRIP
        if (dataset.name, size) not in seen and dataset_of(dataset.name) is not DATASETS["celeba"]:
            seen.add((dataset.name, size))
            pictures, _ = dataset.batch(dataset.order(0, count, 0))
            strips.append((f"real pictures: {dataset.name}", enlarge(grid(to_float(pictures), columns), factor)))
        strips.append((row.name, enlarge(grid(samples(some[0].folder / "model", count), columns), factor)))
    caption = 22
    width, height = max(strip.width for _, strip in strips), sum(strip.height + caption for _, strip in strips)
    sheet = Image.new("RGB", (width, height), "white")
    pen, font, top = ImageDraw.Draw(sheet), ImageFont.load_default(size=15), 0
    for name, strip in strips:
        pen.text((4, top + 2), name, fill="black", font=font)
        sheet.paste(strip, (0, top + caption))
        top += strip.height + caption
    save_png(sheet if any(strip.mode == "RGB" for _, strip in strips) else sheet.convert("L"), path)


def first_samples(generator, count: int) -> torch.Tensor:
    """Pictures from the first latents of seed 0; the classes in turn, if there are classes."""
    with torch.inference_mode():
        labels = generator.sample_labels(count, seed=0)
        if labels is not None and not generator.multi_label:
            labels = torch.arange(count) % len(generator.labels)
        return generator.generate(generator.sample_latents(count, seed=0), labels)


def draw_curves(found: list[Outcome], datasets: dict[str, Dataset], reach: float, path: Path) -> None:
    """FID over minutes and over images: mean and range of the seeds, one row of panels per data set."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    runs = [run for run in found if run.training and run.training["fid_points"]]
    names = list(dict.fromkeys(datasets[run.row.name].name for run in runs)) or ["no FID was measured"]
    height = max(4.2, 0.24 * max(len(by_row(runs)), 1) + 1.2)
    figure = Figure(figsize=(11, height * len(names)), dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    for name, axes in zip(names, figure.subplots(len(names), 2, squeeze=False, sharey="row")):
        rows = by_row([run for run in runs if datasets[run.row.name].name == name])
        for k, (row, some) in enumerate(rows):
            style = {"color": f"C{k % 10}", "linestyle": ("-", "--", ":")[k // 10 % 3]}
            _curve(axes[0], some, lambda point: point["compute_seconds"] / 60, row.name, style)
            _curve(axes[1], some, lambda point: point["images"], row.name, style)
        for axis, unit in zip(axes, ("minutes of compute", "real images shown")):
            axis.set(xscale="log", yscale="log", xlabel=unit)
            axis.axhline(reach, color="black", linewidth=0.8, linestyle=":")
            axis.grid(alpha=0.25, which="both")
        axes[0].set(title=name, ylabel=fid_name([run for _, some in rows for run in some]))
        if rows:
            axes[1].legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=9)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    write_atomically(path, file.getvalue())


def _curve(axis, runs: list[Outcome], x: Callable[[dict], float], name: str, style: dict) -> None:
    """One curve over the k-th points of all seeds; it is as long as the shortest of them."""
    points = list(zip(*(run.training["fid_points"] for run in runs)))
    where = [statistics.fmean(map(x, some)) for some in points]
    fids = [[point["fid"] for point in some] for some in points]
    axis.plot(
        where, [statistics.fmean(some) for some in fids], label=name, linewidth=1.5, marker=".", markersize=4, **style
    )
    axis.fill_between(where, list(map(min, fids)), list(map(max, fids)), alpha=0.12, color=style["color"], linewidth=0)
