"""The study of generated training pictures: what learns from what, what is chosen by what, and that it goes on."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import SMALL, digits, write_data

from training.augment_study import classifier, gan, page, study
from training.augment_study.__main__ import main
from training.augment_study.results import BOTH, GENERATED, MIXED, REAL, TRANSFORMS, StudyError, StudyPlan
from training.augment_study.study import Study, split_data
from training.run import Trained

DATA = digits(200)
PLAN = StudyPlan("mnist-cgan", {}, (2, None), (0,), (0.5, 1.0), ("none",), 16, 2, 40)


def test_labelled_and_held_out_pictures_are_apart():
    labelled, heldout = split_data(DATA, PLAN, 2, seed=0)
    assert len(heldout) == 40 and np.bincount(labelled.labels).tolist() == [2] * 10 and labelled.name == DATA.name
    copies = replace(DATA, altered="They are copies.")
    assert all(part.altered == copies.altered for part in split_data(copies, PLAN, 2, seed=0))
    rows = lambda data: {image.tobytes() for image in data.images}
    assert not rows(labelled) & rows(heldout)
    other, same = split_data(DATA, PLAN, 2, seed=1)
    assert rows(other) != rows(labelled) and rows(same) == rows(heldout)
    every, _ = split_data(DATA, PLAN, None, seed=0)
    assert len(every) == 160
    with pytest.raises(StudyError, match="fewer than 100"):
        split_data(DATA, PLAN, 100, seed=0)


def test_the_classifier_learns_and_is_a_function_of_its_arguments():
    random = np.random.default_rng(0)
    labels = np.arange(60) % 3
    images = (labels * 80)[:, None, None, None] + random.integers(0, 40, (60, 3, 28, 28))
    images = images.astype(np.uint8)
    found = classifier.fit(images, labels, 3, transforms=True, steps=30, seed=0)
    again = classifier.fit(images, labels, 3, transforms=True, steps=30, seed=0)
    assert classifier.accuracy(found, images, labels) > 0.9
    assert all(torch.equal(a, b) for a, b in zip(found.state_dict().values(), again.state_dict().values(), strict=True))
    changed = classifier.transformed(torch.rand(4, 3, 32, 32), torch.Generator().manual_seed(0))
    assert changed.shape == (4, 3, 32, 32)


def test_the_better_half_of_each_class_in_turn():
    scores, labels = np.array([1.0, 5, 2, 4, 3, 9, 0, 7]), np.arange(8) % 2
    assert study._better_half(scores, labels, 2).tolist() == [4, 5, 2, 7]


class Looks:
    """The pictures' distances, one a look."""

    def __init__(self, monkeypatch, kids):
        self.kids = iter(kids)
        monkeypatch.setattr(gan.Best, "kid", lambda self_, generator: next(self.kids))


def state_at(images: int, value: float):
    layer = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(layer.weight, value)
    return type("State", (), {"images": images, "ema": layer})()


def test_a_generator_ends_where_it_was_best(monkeypatch, tmp_path):
    monkeypatch.setattr(gan, "PATIENCE", 2)
    Looks(monkeypatch, [3.0, 1.0, 2.0, 1.5])
    hook = gan.Best(tmp_path, DATA, 10, 1000, 0)
    assert not hook(state_at(5, 0.5), {}) and not hook(state_at(10, 1.0), {}) and not hook(state_at(20, 2.0), {})
    hook = gan.Best(tmp_path, DATA, 10, 1000, 0)  # the run was stopped, and goes on
    assert not hook(state_at(30, 3.0), {})
    last = state_at(40, 4.0)
    assert hook(last, {}) and last.ema.weight.item() == 2.0
    Looks(monkeypatch, [3.0])
    ended = state_at(1000, 5.0)
    assert gan.Best(tmp_path / "short", DATA, 2000, 1000, 0)(ended, {}) and ended.ema.weight.item() == 5.0


def test_a_study_stops_with_its_generator_and_measures_nothing_with_half_of_it(monkeypatch, tmp_path):
    monkeypatch.setattr(gan, "train", lambda *_, **__: Trained(tmp_path, tmp_path / "checkpoint/model", 16, False))
    with pytest.raises(KeyboardInterrupt):
        gan.train_generator("mnist-cgan", DATA, DATA, tmp_path, 32, 0, {})


def made(folder, results) -> Study:
    found = Study(PLAN, DATA, DATA, folder)
    found.results = [{"validation": 0, "pictures": 1, "seconds": 0} | row for row in results]
    return found


def test_share_and_filter_are_chosen_on_held_out_pictures_and_seeds_are_paired(tmp_path):
    rows = []
    for seed, better in ((0, 0.1), (1, 0.2)):
        about = {"per_class": 2, "seed": seed}
        rows += [about | {"kind": REAL, "test": 0.4}, about | {"kind": TRANSFORMS, "test": 0.5 + seed / 10}]
        rows += [
            about | {"kind": BOTH, "share": 1, "filter": "none", "validation": 0.7, "test": 0.5 + seed / 10 + better}
        ]
        rows += [about | {"kind": BOTH, "share": 2, "filter": "none", "validation": 0.6, "test": 0.99}]
        rows += [about | {"kind": MIXED, "share": 1, "filter": "none", "test": 0.1}]
    found = made(tmp_path, rows)
    found.plan = StudyPlan(**vars(PLAN) | {"seeds": (0, 1), "per_class": (2,)})
    assert found.chosen(2, 0)["share"] == 1
    without, with_, mean, half = page.gain(found, 2)
    assert (without, with_) == (TRANSFORMS, BOTH) and mean == pytest.approx(0.15)
    assert half == pytest.approx(12.706 * np.std([0.1, 0.2], ddof=1) / math.sqrt(2))
    text = page.results_text(found, "command", "figure.png")
    assert "+15.0 ± 63.5" in text and "| 2 | 0 | 1 | none |" in text


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"), 300, 10, 10, 10)


def test_one_command_measures_goes_on_and_writes_a_page(tmp_path, root, alone, capsys, monkeypatch):
    work = tmp_path / "work"
    command = [
        "mnist-cgan", "--data-root", str(root), "--per-class", "2,all", "--seeds", "1", "--shares", "0.5,1",
        "--filters", "none,discriminator", "--images", "16", "--steps", "2", "--validation", "40", "--work", str(work),
        "--precision", "fp32",
    ]  # fmt: skip
    for setting in SMALL:
        command += ["--set", setting]
    assert main(command) == 0
    rows = [json.loads(line) for line in (work / "results.jsonl").read_text().splitlines()]
    assert len(rows) == 2 * (2 + 4 + 2) and all(0 <= row["test"] <= 1 for row in rows)
    counts = {(row["per_class"], row["kind"]): row["pictures"] for row in rows if row.get("share", 1) == 1}
    assert counts[2, REAL] == counts[2, TRANSFORMS] == 20 and counts[2, BOTH] == 40 and counts[None, REAL] == 260
    alone_ = next(row for row in rows if row["per_class"] == 2 and row["kind"] == GENERATED)
    assert alone_["pictures"] == 20 * alone_["share"]
    page_ = (work / "results.md").read_text()
    assert "GAN-test" in page_ and "![" in page_ and (work / "results.png").stat().st_size > 5000
    lines = (work / "results.jsonl").read_text().splitlines()
    (work / "results.jsonl").write_text("\n".join([*lines[:3], lines[3][:20]]))  # it was killed here
    assert main(command) == 0
    again = [json.loads(line) for line in (work / "results.jsonl").read_text().splitlines()]
    assert [row | {"seconds": 0} for row in again] == [row | {"seconds": 0} for row in rows]
    monkeypatch.setattr(classifier, "fit", lambda *_, **__: pytest.fail("everything is known"))
    assert main(command) == 0
    assert main([*command, "--per-class", "2"]) == 0  # less of it: the page shows these, and the others are kept
    assert "| all |" in page_ and "| all |" not in (work / "results.md").read_text()
    assert len((work / "results.jsonl").read_text().splitlines()) == len(rows)
    capsys.readouterr()
    assert main([*command, "--steps", "3"]) == 2
    assert "was begun with another steps" in capsys.readouterr().err
    for wrong, message in ((["celeba-cgan", "--data", "celeba"], "no classes"), (["mnist-dcgan"], "without labels")):
        assert main([*wrong, "--data-root", str(root), "--work", str(tmp_path / "wrong")]) == 2
        assert message in capsys.readouterr().err
