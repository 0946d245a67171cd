"""Measure a model: `python -m training.evaluate SOURCE --data mnist` prints all its metrics.

A metric's name has its protocol: fid10k_test_reader compares 10k generated pictures with as many real ones of the test
split, in the features of the network "reader". Next to each distance stands the same for real training pictures
("real"), the floor that no generator can be expected to beat; next to a score stands that of real test pictures. The
generator learned from the train split. The end of --help explains each metric.

An editor is measured by a judge's view of its edits (editor.py, edits.py), a restoration model in comparison with
classical methods (repairs.py). `--network general` uses features of a network that learned none of the data's labels
(photographs.py); celeba and cifar10 are always measured with it too.

If several processes are started, the main one does all the work, so the numbers are those of one process.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from gan_models import files

from .. import cli
from ..choices import DATASETS, NETWORKS
from ..errors import EvaluationError
from ..metrics import legend
from ..run_folder import model_of

METRICS = "metrics.json"


COLUMNS = {
    "agreement": "asked=seen",
    "real_agreement": "real",
    "toggled": "toggled",
    "toggled_both": "both",
    "toggled_others_kept": "others kept",
    "real_balanced_agreement": "real bal.",
    "change_seen": "seen",
    "brought": "brought",
    "taken_away": "taken away",
    "by_target": "by target",
    "others_kept": "others kept",
    "identity_kept": "identity",
    "judge_accuracy": "judge",
    "judge_balanced_accuracy": "judge bal.",
    "seen": "seen",
    "judge": "judge",
    "kid_ratio": "KID ratio",
    "cheeks": "cheeks",
    "same_person": "same person",
    "psnr": "PSNR",
    "psnr_without": "no GAN",
    "psnr_damaged": "damaged",
    "ssim": "SSIM",
    "ssim_without": "no GAN",
    "distance": "distance",
    "distance_without": "no GAN",
    "kid": "KID",
    "kid_without": "no GAN",
    "fid": "FID",
    "fid_without": "no GAN",
}


def metrics_table(result: dict) -> str:
    """The metrics as a table, each with its value for real pictures; then the attributes, if there are any."""
    lines = [f"{'metric':<34}{'value':>10}{'real':>10}"]
    for name, metric in result.items():
        if name != "evaluation":
            lines.append(f"{name:<34}{_table_number(metric['value']):>10}{_table_number(metric.get('real')):>10}")
    for record in result["evaluation"].values():
        attributes = record.get("attributes", {})
        noted = {key for numbers in attributes.values() for key in numbers}
        keys = {key: title for key, title in COLUMNS.items() if key in noted}
        if attributes:
            lines += ["", f"{'attribute':<24}" + "".join(f"{title:>12}" for title in keys.values())]
        for name, numbers in attributes.items():
            lines.append(f"{name:<24}" + "".join(f"{_table_number(numbers.get(key)):>12}" for key in keys))
    return "\n".join(lines)


def _table_number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}" if abs(value) >= 0.001 or value == 0 else f"{value:.1e}"


def _update(path: Path, result: dict) -> None:
    """Add the result to a model folder's metrics.json and write its card again. Results of other networks stay."""
    from gan_models.card import write_card  # with torch, which --help does not need
    from gan_models.layout import CONFIG, MAX_CONFIG_BYTES

    from ..metrics import story

    before = _read_metrics(path)
    evaluation = before.get("evaluation", {}) | result["evaluation"]
    config = files.read_json(path.parent / CONFIG, MAX_CONFIG_BYTES, path.parent)
    _write(path, story.with_story(config, before | result | {"evaluation": evaluation}))
    write_card(path.parent)


def _read_metrics(path: Path) -> dict:
    try:
        metrics = json.loads(path.read_bytes()) if path.exists() else {}
        if isinstance(metrics, dict) and isinstance(metrics.get("evaluation", {}), dict):
            return metrics
    except ValueError:
        pass
    raise EvaluationError(f"{path} is not a {METRICS} of ours; move it away, or leave out --write.")


def _write(path: Path, result: dict) -> None:
    try:
        files.write_atomically(path, (json.dumps(result, indent=2) + "\n").encode())
    except OSError as error:
        raise EvaluationError(f"{path} cannot be written ({error.strerror}).") from error


def _check_outputs(options: argparse.Namespace) -> None:
    """Raise EvaluationError now, not after minutes, if the outputs cannot be written."""
    if options.write:
        from gan_models.layout import CONFIG

        if not (Path(options.source) / CONFIG).is_file():
            raise EvaluationError(
                f"--write adds the metrics to a model folder, which {options.source} is not; use --json FILE."
            )
        _read_metrics(Path(options.source) / METRICS)
    for path in filter(None, (options.json, Path(options.source) / METRICS if options.write else None)):
        if path.is_dir() or not os.access(path.parent, os.W_OK):
            raise EvaluationError(f"{path} cannot be written: name a file in a folder that exists and is writable.")


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status, as cli.run does."""
    return cli.run(lambda: command(arguments), stopped="Stopped; nothing was written.")


def command(arguments: list[str] | None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluate",
        description=__doc__,
        epilog=f"metrics (↑: higher is better, ↓: lower is better):\n{legend()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "source",
        metavar="SOURCE",
        type=model_of,
        help="a model: folder, run folder, recipe (its run in runs/), bundled name or Hub repository user/repo",
    )
    parser.add_argument(
        "--data",
        required=True,
        metavar="NAME|DIR",
        help=f"{', '.join(DATASETS)}, or a folder of images",
    )
    parser.add_argument(
        "--data-root", type=Path, metavar="DIR", help="the folder of data sets (default: $GAN_STUDIO_DATA, else ./data)"
    )
    parser.add_argument(
        "--samples", type=int, metavar="N", help="pictures to generate (default: 10000; stackedmnist: 26000)"
    )
    parser.add_argument(
        "--network",
        choices=NETWORKS,
        help="default: the data set's own",
    )
    parser.add_argument(
        "--inception-weights",
        type=Path,
        metavar="FILE",
        help="the file of the Inception weights (default: torch's cache, else downloaded, 95 MB)",
    )
    parser.add_argument(
        "--batch-size",
        type=int,
        default=100,
        metavar="B",
        help="pictures at a time (default: 100); no effect on results",
    )
    parser.add_argument("--cas", action="store_true", help="also the classification accuracy score (minutes)")
    parser.add_argument(
        "--fill",
        nargs="?",
        const="all",
        choices=("all", "halves"),
        help="instead, how a generator fills holes in pictures (a second and more for each); halves: only holes of half the picture",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="S", help="of latents, labels and real pictures (default: 0)"
    )
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="write all results to this file; repairs can be stopped and go on with the same file",
    )
    parser.add_argument(
        "--write", action="store_true", help="add the results to metrics.json and card of the model folder SOURCE"
    )
    options = parser.parse_args(arguments)
    if int(os.environ.get("RANK", 0)) > 0:  # of a torchrun or accelerate launch
        return
    from .generator import evaluate  # with torch, which --help does not need

    _check_outputs(options)
    kept = Path(f"{options.json}.partial") if options.json else None
    result = evaluate(
        options.source,
        options.data,
        options.data_root,
        samples=options.samples,
        network=options.network,
        inception_weights=options.inception_weights,
        batch_size=options.batch_size,
        seed=options.seed,
        cas=options.cas,
        fill=options.fill,
        kept=kept,
    )
    if options.json:
        _write(options.json, result)
        kept.unlink(missing_ok=True)
    if options.write:
        _update(Path(options.source) / METRICS, result)
    print(metrics_table(result))


if __name__ == "__main__":
    sys.exit(main())
