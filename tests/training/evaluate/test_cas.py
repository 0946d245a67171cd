"""The classification accuracy score."""

from dataclasses import replace

import numpy as np
import pytest
from copyist import DIGITS, Copyist, N

from gan_models.networks.mlp import MLPGenerator
from training.data import open_dataset
from training.errors import EvaluationError
from training.evaluate import cas
from training.evaluate.generator import evaluate
from training.judges.networks import JUDGES


def test_cas_is_what_a_classifier_learns_from_generated_pictures(root, tmp_path, monkeypatch):
    def epochs_of(n: int) -> None:
        for name in ("mnist", "mnist-teacher"):
            monkeypatch.setitem(JUDGES, name, replace(JUDGES[name], cas_epochs=n))

    train, test = (open_dataset("mnist", root, 28, split=split) for split in ("train", "test"))
    epochs_of(1)
    metric = evaluate(Copyist(train, DIGITS), "mnist", root, samples=N, cas=True)["cas600_test_reader"]
    assert (
        0 <= metric["value"] <= 1 and metric["real"] is None
    )  # of these pictures there is no record, until one is made
    assert cas.main(["mnist", "--data-root", str(root), "--output", str(tmp_path)]) == 0
    assert (
        0 <= cas.real_score("mnist", train, test, tmp_path) <= 1
        and cas.real_score("mnist", test, test, tmp_path) is None
    )
    # A classifier that learns from the right labels knows more than one that was told any; the smaller network is
    # enough to see it.
    epochs_of(8)
    assert cas.real_score("mnist", train, test, tmp_path) is None  # made with other settings
    mixed = replace(train, labels=np.random.default_rng(0).permutation(train.labels))
    right, wrong = (cas.accuracy_score("mnist-teacher", data, test) for data in (train, mixed))
    assert right > wrong + 0.3 and wrong < 0.4


def test_cas_needs_classes(root):
    with pytest.raises(EvaluationError, match="--cas.*needs a class-conditional model"):
        evaluate(MLPGenerator(28, 1, latent_dim=4, width=4), "mnist", root, samples=N, cas=True)
