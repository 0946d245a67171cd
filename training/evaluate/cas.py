"""Classification accuracy score, CAS (Ravuri and Vinyals 2019, arXiv:1905.10887): the accuracy on real test pictures of a
classifier that was trained on generated pictures alone. There are as many of them as real training pictures, labelled
with their conditions.

The classifier has the architecture and settings of the data set's judge (including its mild distortions), but SEED, and
fewer epochs (`cas_epochs` of the judge's configuration), so that training takes minutes. The score of real training
pictures, by the same procedure, is stored next to the judges:

    OMP_NUM_THREADS=1 python -m training.evaluate.cas mnist --data-root ROOT        (about 5 minutes)
    OMP_NUM_THREADS=1 python -m training.evaluate.cas cifar10 --data-root ROOT      (about 20 minutes)
"""

import argparse
import json
import platform
import sys
import time
from pathlib import Path

import torch

from gan_models.files import write_atomically

from .. import cli
from ..data import open_dataset
from ..data.dataset import Dataset
from ..judges import fit
from ..judges.networks import FOLDER, JUDGES

SEED = 0


def accuracy_score(name: str, learned_from: Dataset, test: Dataset) -> float:
    """The accuracy on test pictures of a classifier that is trained on `learned_from` like the judge `name`."""
    with torch.enable_grad():
        classifier = fit.train_judge(name, learned_from, epochs=JUDGES[name].cas_epochs, seed=SEED)
    return fit.judge_accuracy(classifier, test)["accuracy"]


def settings(name: str) -> dict:
    """Everything besides the pictures on which a score depends."""
    return {"network": JUDGES[name].network, "epochs": JUDGES[name].cas_epochs, "seed": SEED}


def real_score(name: str, train: Dataset, test: Dataset, folder: Path = FOLDER) -> float | None:
    """The stored score of the real training pictures; None if there is none for exactly these pictures and settings."""
    try:
        record = json.loads(file(name, folder).read_bytes())
        same = (record["train_checksum"], record["test_checksum"]) == (train.checksum, test.checksum)
        return float(record["accuracy"]) if same and settings(name).items() <= record.items() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def file(name: str, folder: Path = FOLDER) -> Path:
    return folder / f"{name}-cas.json"


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status, as cli.run does."""
    return cli.run(lambda: command(arguments))


def command(arguments: list[str] | None) -> None:
    names = [name for name, plan in JUDGES.items() if plan.data == name and not plan.multi_label and not plan.stacked]
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluate.cas", description="Record the classification accuracy score of real pictures."
    )
    parser.add_argument("name", choices=names, help="the data set")
    parser.add_argument(
        "--data-root", type=Path, metavar="DIR", help="the folder of data sets (default: $GAN_STUDIO_DATA, else ./data)"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=FOLDER,
        metavar="DIR",
        help="where to write it (default: the package's own folder)",
    )
    options = parser.parse_args(arguments)
    size = JUDGES[options.name].image_shape[1]
    train, test = (open_dataset(options.name, options.data_root, size, split=split) for split in ("train", "test"))
    began = time.monotonic()
    accuracy = accuracy_score(options.name, train, test)
    record = settings(options.name) | {
        "accuracy": accuracy,
        "train_images": len(train),
        "train_checksum": train.checksum,
        "test_checksum": test.checksum,
        "minutes": round((time.monotonic() - began) / 60, 1),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "machine": platform.machine(),
    }
    options.output.mkdir(parents=True, exist_ok=True)
    write_atomically(file(options.name, options.output), (json.dumps(record, indent=1) + "\n").encode())
    print(
        f"{options.name}: a classifier that learned from {len(train):,} real pictures is right on {accuracy:.2%} of the "
        "test pictures."
    )


if __name__ == "__main__":
    sys.exit(main())
