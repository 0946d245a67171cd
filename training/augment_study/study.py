"""The measurements: for each number of labelled pictures and each seed, a generator, and a classifier for each kind of
training set."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gan_models.rng import Stream, philox

from ..data.dataset import Dataset, make_dataset
from . import classifier, gan
from .results import BOTH, GENERATED, MIXED, TRANSFORMS, WITHOUT, Results, StudyError, StudyPlan, count_name

SPARE = 2  # factor by which more pictures are generated than used, so that filters have a choice


def split_data(data: Dataset, plan: StudyPlan, per_class: int | None, seed: int) -> tuple[Dataset, Dataset]:
    """The labelled pictures of a seed, `per_class` of each class, and the held-out ones, which are the same for all
    seeds and numbers. Raises StudyError if there are not enough."""
    order = philox(0, 1, Stream.EXAMPLES).permutation(len(data))
    held, rest = np.sort(order[: plan.validation]), np.sort(order[plan.validation :])
    if per_class is not None:
        labels, chosen = data.labels[rest], []
        for k, name in enumerate(data.label_names):
            own = rest[labels == k]
            if len(own) < per_class:
                raise StudyError(
                    f"{data.name} has {len(own):,} pictures of the class {name} that are not held out, fewer than "
                    f"{per_class:,}."
                )
            chosen.append(own[philox(seed, k, Stream.EXAMPLES).permutation(len(own))[:per_class]])
        rest = np.sort(np.concatenate(chosen))
    parts = (("labelled", rest), ("held-out", held))
    return tuple(
        replace(
            make_dataset(data.name, data.images[rows], data.labels[rows], data.label_names, False, ()),
            altered=data.altered,
        )
        for _, rows in parts
    )


class Study(Results):
    """The results of a study, and what measures those that are missing."""

    def run(self, **options) -> None:
        """Measure what is missing. options: of `training.train`."""
        cells = [(n, seed) for n in self.plan.per_class for seed in self.plan.seeds]
        for number, (per_class, seed) in enumerate(cells, 1):
            self.say(f"{number} of {len(cells)}: {count_name(per_class)} labelled pictures a class, seed {seed}")
            self.cell(per_class, seed, options)

    def cell(self, per_class: int | None, seed: int, options: dict) -> None:
        """One number of labelled pictures and one seed."""
        plan, about = self.plan, {"per_class": per_class, "seed": seed}
        labelled, heldout = split_data(self.data, plan, per_class, seed)
        for kind in WITHOUT:
            if not self.known(**about, kind=kind):
                self.measure(about | {"kind": kind}, labelled.images, labelled.labels, heldout, kind == TRANSFORMS)
        todo = [cell for cell in self.with_generated() if not self.known(**about, **cell)]
        if not todo and self.known(**about, kind=MIXED) and self.known(**about, kind=GENERATED):
            return
        images, labels, order = self.drawn(labelled, heldout, about, options)
        for cell in todo:
            self.mix(about | cell, labelled, heldout, images, labels, order)
        best = self.chosen(per_class, seed)
        for kind in (MIXED, GENERATED):
            cell = {"kind": kind, "share": best["share"], "filter": best["filter"]}
            if not self.known(**about, kind=kind):
                self.mix(about | cell, labelled, heldout, images, labels, order)

    def with_generated(self) -> Iterator[dict]:
        """The choices of share and filter, which are tried with transforms."""
        for share in self.plan.shares:
            for filter_ in self.plan.filters:
                yield {"kind": BOTH, "share": share, "filter": filter_}

    def drawn(self, labelled: Dataset, heldout: Dataset, about: dict, options: dict):
        """The generated pictures and labels, and for each filter the order in which they are used."""
        plan, seed = self.plan, about["seed"]
        run = self.folder / "generators" / f"{count_name(about['per_class'])}-seed-{seed}"
        trained = gan.train_generator(plan.recipe, labelled, heldout, run, plan.images, seed, plan.settings, **options)
        classes = len(labelled.label_names)
        most = max(plan.shares) * len(labelled)
        count = -(-round(SPARE * most) // classes) * classes
        images, labels = gan.pool(trained, count, seed)
        order = {"none": np.arange(count)}
        # A classifier trained on the same real pictures serves as a filter, and measures GAN-test (Shmelkov et al. 2018,
        # arXiv:1807.09536).
        reader = classifier.fit(labelled.images, labelled.labels, classes, transforms=True, steps=plan.steps, seed=seed)
        right = classifier.predictions(reader, images) == labels
        order["classifier"] = np.flatnonzero(right)
        if "discriminator" in plan.filters:
            scores = gan.judged(trained, plan.recipe, plan.settings, labelled, images, labels, seed)
            order["discriminator"] = _better_half(scores, labels, classes)
        if not any(row["per_class"] == about["per_class"] and row["seed"] == seed for row in self.generators):
            looks = json.loads((run / "best/best.json").read_text())
            best = min(looks, key=lambda look: look["kid"])
            row = about | {"gan_test": float(right.mean()), "kid": best["kid"], "images": best["images"]}
            self.add("generators", row)
        return images, labels, order

    def mix(self, about: dict, labelled: Dataset, heldout: Dataset, images, labels, order) -> None:
        """Measure one training set with generated pictures."""
        taken = order[about["filter"]][: round(about["share"] * len(labelled))]
        if not len(taken):
            raise StudyError(
                f"The filter {about['filter']} leaves no generated picture: train longer (--images), or leave it out."
            )
        images, labels = images[taken], labels[taken]
        if about["kind"] != GENERATED:
            images, labels = np.concatenate([labelled.images, images]), np.concatenate([labelled.labels, labels])
        self.measure(about, images, labels, heldout, about["kind"] != MIXED)

    def measure(self, about: dict, images, labels, heldout: Dataset, transforms: bool) -> None:
        """Train a classifier, and write its accuracy on held-out and on test pictures."""
        began, plan = time.monotonic(), self.plan
        classes = len(self.data.label_names)
        found = classifier.fit(images, labels, classes, transforms=transforms, steps=plan.steps, seed=about["seed"])
        row = about | {
            "validation": classifier.accuracy(found, heldout.images, heldout.labels),
            "test": classifier.accuracy(found, self.test.images, self.test.labels),
            "pictures": len(images),
            "seconds": round(time.monotonic() - began, 1),
        }
        self.add("results", row)
        choice = f", share {about['share']:g}, filter {about['filter']}" if "share" in about else ""
        self.say(f"  {about['kind']}{choice}: {row['test']:.2%} of the test pictures, in {row['seconds']:.0f} s")


def _better_half(scores: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """The half of each class's pictures with the higher scores, with the classes in turn."""
    best = [np.flatnonzero(labels == k)[np.argsort(-scores[labels == k], kind="stable")] for k in range(classes)]
    return np.stack([own[: len(own) // 2] for own in best], 1).reshape(-1)
