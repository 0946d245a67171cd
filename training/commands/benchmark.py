"""How fast does `celeba-dcgan` train here? `python -m training.benchmark` answers, beside a plain loop."""

import argparse
import multiprocessing
import os
import statistics
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from .. import cli


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status, as cli.run does."""
    return cli.run(lambda: command(arguments))


def command(arguments: list[str] | None) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.benchmark", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--data-root", type=Path, metavar="DIR", help="where celeba/ is (default: $GAN_STUDIO_DATA, else ./data)"
    )
    parser.add_argument("--seconds", type=float, default=30, help="length of each turn (default: 30)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each loop (default: 3)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change the recipe, as in training"
    )
    options = parser.parse_args(arguments)
    if not 0 < options.seconds < float("inf") or options.rounds < 1:
        parser.error("--seconds must be more than 0, and --rounds at least 1")
    import torch  # which --help does not need

    from .. import benchmark, cpu, settings
    from ..data import open_dataset
    from ..engine import make_accelerator
    from ..starting import build_state

    root = Path(options.data_root or os.environ.get("GAN_STUDIO_DATA") or "data").expanduser()
    recipe = settings.change(settings.find("celeba-dcgan"), options.set)
    dataset = open_dataset("celeba", root, recipe.image_size)
    cpu.tune_allocator()  # as `python -m training` does
    accelerator = make_accelerator("auto")
    build_state(recipe, dataset, 0, accelerator.device)  # raises now if a setting is wrong
    precision = accelerator.mixed_precision.replace("no", "fp32")
    print(
        f"{recipe.name} ({recipe.objective}), {recipe.image_size} px, batch {recipe.batch_size}, {accelerator.device.type}, "
        f"{torch.get_num_threads()} threads, {precision} beside fp32; images/s, {options.seconds:g} s a turn"
    )
    ratios = []
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(1, mp_context=spawn) as other:
        benchmark.unpack(root, dataset, Path(folder), least=2 * recipe.batch_size)
        for _ in range(options.rounds):
            a = benchmark.ours(recipe, dataset, accelerator, options.seconds)
            b = other.submit(
                benchmark.time_plain_loop,
                recipe,
                Path(folder),
                accelerator.device,
                options.seconds,
                torch.get_num_threads(),
            ).result()
            ratios.append(a / b)
            print(f"this loop {a:7.1f}   plain loop {b:7.1f}   ratio {a / b:.2f}", flush=True)
    print(f"median ratio {statistics.median(ratios):.2f}")
