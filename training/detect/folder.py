"""The folder of a detector: its weights, what was measured (metrics.json), and its card (README.md)."""

import json
from pathlib import Path

import torch
from safetensors.torch import save

from gan_models.detection import Detector
from gan_models.files import write_atomically

from .pictures import DAMAGES, Shown


def mean(tables: list[dict[str, float]]) -> dict[str, float]:
    return {kind: round(sum(table[kind] for table in tables) / len(tables), 4) for kind in DAMAGES} if tables else {}


def complete(record: dict, without: dict[str, dict], shown: Shown, images: int, seed: int) -> dict:
    """metrics.json: what was measured of everything, and the means that a verdict tells (gan_models.detection.Rates)."""
    unseen = {name: table for name, table in without.items() if name in shown.drawn}
    other_data = {name: table for name, table in without.items() if name in shown.real}
    return {
        "threshold": record["threshold"],
        "found": mean(list(record["models"].values())),
        "unseen": mean(list(unseen.values())),
        "false_alarms": mean(list(record["real"].values())),
        "other_data": mean(list(other_data.values())),
        "tables": {"models": record["models"], "unseen": unseen, "real": record["real"], "other_data": other_data},
        "training": {
            "images": images,
            "seed": seed,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "learned_from": {name: len(one.train) for part in shown for name, one in part.items()},
        },
    }


def write_detector(folder: Path, detector: Detector, record: dict) -> None:
    weights = {
        name: value.half() if value.is_floating_point() else value for name, value in detector.state_dict().items()
    }
    write_atomically(folder / "model.safetensors", save(weights))
    write_atomically(folder / "README.md", detector_card(record).encode())
    write_atomically(folder / "metrics.json", (json.dumps(record, indent=1) + "\n").encode())


def detector_card(record: dict) -> str:
    """README.md of the detector. What it cannot do comes first."""
    tables, training = record["tables"], record["training"]

    def table(rows: dict[str, dict[str, float]], what: str) -> list[str]:
        if not rows:
            return ["Not measured."]
        head = [f"| {what} | {' | '.join(DAMAGES)} |", "|---|" + "---|" * len(DAMAGES)]
        return [
            *head,
            *(f"| {name} | {' | '.join(f'{row[kind]:.1%}' for kind in DAMAGES)} |" for name, row in rows.items()),
        ]

    learned = ", ".join(f"{name} ({count:,})" for name, count in training["learned_from"].items())
    return "\n".join(
        [
            "**It cannot tell whether a picture from the web is generated**: it recognises some pictures of the generators in "
            "the first table, small GANs of this project, and need not recognise any other; it does not recognise edited "
            "photos; and it suspects some real pictures, so never accuse anybody because of it.",
            "",
            "# Detector of generated pictures",
            "",
            f"A small convolutional network. Its input is the middle square of a picture at 64 x 64 pixels. It was trained on "
            f"{training['images']:,} pictures, half of them generated and 70 % damaged (`python -m training.detect`, seed "
            f"{training['seed']}). They were drawn from {learned}. The threshold is a score of {record['threshold']:.4f}; at "
            "most 1 % of the real test pictures of each data set exceed it, damaged pictures included.",
            "",
            "Damages: JPEG of quality 95 to 35; resizing to half to twice the size; cropping of up to 30 % of each side; "
            "Gaussian blur of 0.3 to 1 pixel; all before the picture is resized to 64 x 64.",
            "",
            "## Detected test pictures",
            "",
            *table(tables["models"], "generator"),
            "",
            "## Detected pictures of a generator that it was not trained on",
            "",
            "Each row is another training, without any picture of that generator.",
            "",
            *table(tables["unseen"], "generator"),
            "",
            "## Real pictures that it suspects",
            "",
            *table(tables["real"], "data set"),
            "",
            "## Real pictures that it suspects, of a data set that it was not trained on",
            "",
            "Another training, without any picture of that data set.",
            "",
            *table(tables["other_data"], "data set"),
            "",
        ]
    )
