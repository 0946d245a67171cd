"""Train the judges, the networks that evaluate generated pictures: a classifier of MNIST's digits, one of FashionMNIST's
garments, one of CIFAR-10's objects and animals, and one of the attributes of CelebA's faces.

A judge's classification of a picture is compared with the requested label (label agreement). Its last hidden layer is
the feature space of FID and KID. The standard Inception network was trained on photographs of things, and is less
suitable for digits and faces.

No GAN is trained against a judge, since its metrics would then be worthless. For that there is the teacher, a smaller
network with another architecture and seed. A recipe may match its features, and it evaluates nothing.

CelebA's judge learns from the training pictures with an even file number. An editor's attribute loss, and its own
estimate of attributes, learn from those with an odd one. The regressions for its directions and regions, and the
generators, use the labels of both halves.

calibrate.py tunes an editor's strengths on the judge's outputs for validation pictures. So validation scores of a
calibrated editor are biased, and test scores are mildly so.

Train them again by

    OMP_NUM_THREADS=1 python -m training.judges mnist --data-root ROOT           (about 15 minutes)
    OMP_NUM_THREADS=1 python -m training.judges mnist-teacher --data-root ROOT   (about 3 minutes)
    OMP_NUM_THREADS=1 python -m training.judges fashionmnist --data-root ROOT    (about 5 minutes)
    OMP_NUM_THREADS=1 python -m training.judges cifar10 --data-root ROOT         (about 55 minutes)
    OMP_NUM_THREADS=1 python -m training.judges celeba --data-root ROOT          (about 20 minutes)

(One thread, because the order of sums, and so the last bits, depend on the number of threads.)
"""

import argparse
import platform
import sys
import time
from pathlib import Path

from .. import cli
from ..choices import JUDGES


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status, as cli.run does."""
    return cli.run(lambda: command(arguments))


def command(arguments: list[str] | None) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.judges", description="Train the judge of a data set.")
    parser.add_argument(
        "name",
        choices=JUDGES,
        help="the judge, named like its data set, or the teacher",
    )
    parser.add_argument(
        "--data-root", type=Path, metavar="DIR", help="the folder of data sets (default: $GAN_STUDIO_DATA, else ./data)"
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="epochs of training (default: the judge's own)")
    parser.add_argument("--seed", type=int, metavar="S", help="seed of the training (default: the judge's own)")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="where to write it (default: the package's own folder)",
    )
    options = parser.parse_args(arguments)
    import torch  # which --help does not need

    from ..data import open_dataset
    from .fit import half, train_judge, write_judge
    from .networks import FOLDER, weight_files
    from .networks import JUDGES as PLANS

    plan, folder = PLANS[options.name], options.output or FOLDER
    data, test = (
        open_dataset(plan.data, options.data_root, plan.image_shape[1], split=split) for split in ("train", "test")
    )
    data = half(data) if plan.half else data
    began = time.monotonic()
    seed = plan.seed if options.seed is None else options.seed
    judge = train_judge(options.name, data, epochs=options.epochs, seed=seed)
    record = {
        "seed": seed,
        "epochs": options.epochs or plan.epochs,
        "minutes": round((time.monotonic() - began) / 60, 1),
        "train_images": len(data),
        "train_checksum": data.checksum,
        "train_rule": "training pictures with an even file number" if plan.half else "all training pictures",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "machine": platform.machine(),
    }
    judge = write_judge(options.name, judge, record, test, folder)
    shown = {key: value for key, value in judge.record.items() if key.endswith("accuracy")}
    print(f"{options.name}: {shown} on {len(test):,} test pictures; weights in {weight_files(options.name, folder)[0]}")


if __name__ == "__main__":
    sys.exit(main())
