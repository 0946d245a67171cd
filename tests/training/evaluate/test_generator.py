"""Evaluation: the numbers are those of the formulas, of the networks we say, and of nothing that should not matter."""

import hashlib
import json
import os
import pickle
import re
import shutil
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_models import model_folder
from gan_models.networks.base import Generator
from gan_models.networks.dcgan import DCGANGenerator
from gan_models.networks.encoding import EncodingGenerator
from gan_models.networks.infogan import InfoGANGenerator
from gan_models.networks.mlp import MLPGenerator
from training import run_folder
from training.data import open_dataset
from training.data.dataset import Dataset, to_float
from training.errors import EvaluationError
from training.evaluate import cas, sampling
from training.evaluate import generator as evaluation
from training.evaluate.__main__ import main
from training.evaluate.generator import evaluate, fid
from training.judges import networks
from training.judges.networks import JudgeError

DIGITS = list("0123456789")
N = 260  # more than the 128 features of the reader, and little enough to be quick


def write_idx(path: Path, array: np.ndarray) -> None:
    path.write_bytes(b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes())


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A data root with a small MNIST of noise, the classes of unequal size."""
    root = tmp_path_factory.mktemp("root")
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    random = np.random.default_rng(0)
    for part, count in (("train", 600), ("t10k", 300)):
        labels = np.sort(random.choice(10, count, p=np.arange(1, 11) / 55)).astype(np.uint8)
        images = random.integers(0, 100, (count, 28, 28), dtype=np.uint8)
        images[np.arange(count), 2 * labels + 3] = 255
        write_idx(raw / f"{part}-images-idx3-ubyte", images)
        write_idx(raw / f"{part}-labels-idx1-ubyte", labels)
    return root


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """The folder of an untrained conditional generator of digits."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models") / "untrained"
    model_folder.save(DCGANGenerator(28, 1, latent_dim=8, width=4, labels=DIGITS), folder)
    return folder


class Copyist(Generator):
    """Draws real pictures: those with the label asked for, in order; or, if it does not listen, any."""

    family = "copyist"

    def __init__(self, data: Dataset, labels, listens: bool = True):
        super().__init__()
        self.set_labels(list(labels), data.multi_label)
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.latent_dim, self.image_shape, self.data, self.listens = 1, data.images.shape[1:], data, listens
        columns = data.labels[:, [data.label_names.index(name) for name in labels]] if data.multi_label else data.labels
        self.known = {}
        for k, row in enumerate(np.atleast_2d(columns.T).T.tolist()):
            self.known.setdefault(tuple(row), []).append(k)

    def sample_latents(self, n, *, seed=None, truncation=1.0):
        return torch.arange(n, dtype=torch.float32)[:, None]

    def chosen(self, latents: Tensor, labels: Tensor) -> list[int]:
        if not self.listens:
            return [int(k) % len(self.data) for k in latents[:, 0]]
        rows = [self.known[tuple(np.atleast_1d(row).tolist())] for row in labels.numpy()]
        return [row[int(k) % len(row)] for k, row in zip(latents[:, 0], rows)]

    def generate(self, latents, labels=None):
        return to_float(torch.from_numpy(np.array(self.data.images[self.chosen(latents, labels)])))


# ---- The formulas ----------------------------------------------------------------------------------------------------


def by_hand(a: np.ndarray, b: np.ndarray) -> float:
    """Frechet's distance of two Gaussians, in float64: tr (S_a S_b)^(1/2) by the eigenvalues of S_a^(1/2) S_b
    S_a^(1/2)."""
    mean, s, t = a.mean(0) - b.mean(0), np.cov(a.T), np.cov(b.T)
    values, vectors = np.linalg.eigh(s)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    return float(
        mean @ mean + np.trace(s) + np.trace(t) - 2 * np.sqrt(np.linalg.eigvalsh(root @ t @ root).clip(0)).sum()
    )


def test_fid_is_the_formula():
    from training.evaluate.features import frechet_distance

    random = np.random.default_rng(1)
    a = random.normal(size=(500, 12)) @ random.normal(size=(12, 12))
    b = random.normal(size=(400, 12)) @ random.normal(size=(12, 12)) + 0.5
    assert frechet_distance(torch.from_numpy(a), torch.from_numpy(b)) == pytest.approx(by_hand(a, b), rel=1e-9)
    assert frechet_distance(torch.from_numpy(a), torch.from_numpy(a)) == pytest.approx(0, abs=1e-9)
    # Shifted by c: |c|^2. Scaled by k: (k - 1)^2 times the variance.
    assert frechet_distance(torch.from_numpy(a), torch.from_numpy(a + 2)) == pytest.approx(4 * 12, rel=1e-9)
    assert frechet_distance(torch.from_numpy(a), torch.from_numpy(a * 3 - 2 * a.mean(0))) == pytest.approx(
        4 * np.cov(a.T).trace(), rel=1e-9
    )


def test_kid_is_the_unbiased_estimate_with_the_cubic_kernel():
    from training.evaluate.features import kernel_distance

    random = np.random.default_rng(2)
    a, b = random.normal(size=(4, 6)), random.normal(size=(4, 6)) + 1

    def kernel(x, y):
        return (x @ y / 6 + 1) ** 3

    def mmd(x, y):  # subsets of two: every pair is written out
        return kernel(x[0], x[1]) + kernel(y[0], y[1]) - sum(kernel(p, q) for p in x for q in y) / 2

    subsets = np.random.RandomState(5)
    expected = [mmd(a[subsets.choice(4, 2, replace=False)], b[subsets.choice(4, 2, replace=False)]) for _ in range(100)]
    mean, std = kernel_distance(torch.from_numpy(a), torch.from_numpy(b), seed=5)
    assert (mean, std) == (pytest.approx(np.mean(expected)), pytest.approx(np.std(expected)))


# ---- The networks ----------------------------------------------------------------------------------------------------


class Plain(torch.utils.data.Dataset):
    def __init__(self, images):
        self.images = torch.from_numpy(np.array(images))

    def __len__(self):
        return len(self.images)

    def __getitem__(self, k):
        return self.images[k]


@pytest.mark.parametrize(
    "name, shape",
    [("mnist", (1, 28, 28)), ("stackedmnist", (3, 28, 28)), ("fashionmnist", (1, 28, 28)), ("celeba", (3, 64, 64))],
)
def test_the_registered_network_is_ours(name, shape):
    from training.evaluate.features import open_network

    images = np.random.default_rng(0).integers(0, 256, (20, *shape), dtype=np.uint8)
    viewer = open_network(name)
    seen, direct = viewer.look(Plain(images), 7), networks.classify(networks.read(name), images)
    torch.testing.assert_close(seen.features, direct.features.double(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(seen.logits, direct.logits, rtol=1e-4, atol=1e-5)
    assert (
        seen.features.shape == (20, viewer.dimensions)
        and viewer.record["sha256"] == networks.read(name).record["sha256"]
    )


def test_our_path_is_torch_fidelitys_own(root):
    import torch_fidelity

    from training.evaluate.features import frechet_distance, open_network

    train, test = (Plain(open_dataset("mnist", root, 28, split=split).images[:300]) for split in ("train", "test"))
    whole = torch_fidelity.calculate_metrics(
        input1=train,
        input2=test,
        fid=True,
        feature_extractor="gan-studio-mnist",
        cuda=False,
        cache=False,
        save_cpu_ram=True,
        verbose=False,
    )
    viewer = open_network("mnist")
    ours = frechet_distance(viewer.look(train, 50).features, viewer.look(test, 50).features)
    assert ours > 1e-4 and ours == pytest.approx(whole["frechet_inception_distance"], rel=1e-4)


@pytest.fixture(scope="module")
def inception(tmp_path_factory):
    """torch-fidelity's Inception with random weights, and a file of them."""
    from torch_fidelity import feature_extractor_inceptionv3 as module

    class Untrained(module.FeatureExtractorInceptionV3):
        def load_state_dict(self, *arguments, **options):
            return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "load_state_dict_from_url", lambda *a, **k: {})
        torch.manual_seed(0)
        network = Untrained("inception", ["2048", "logits_unbiased"])
    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    torch.save(network.state_dict(), path)
    return network, path


def test_inception_is_read_only_if_it_is_the_published_file(inception, monkeypatch):
    from training.evaluate import features as fidelity

    network, path = inception
    with pytest.raises(JudgeError, match="checksum differs"):
        fidelity.open_network("inception", path)
    monkeypatch.setattr(fidelity, "INCEPTION_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    viewer = fidelity.open_network("inception", path)
    images = np.random.default_rng(0).integers(0, 256, (2, 1, 28, 28), dtype=np.uint8)
    seen = viewer.look(Plain(images), 2)
    expected = network(torch.from_numpy(images).expand(-1, 3, -1, -1))
    assert seen.features.shape == (2, viewer.dimensions) and viewer.labels == ()
    torch.testing.assert_close(seen.features, expected[0].double(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(seen.logits, expected[1].double(), rtol=1e-4, atol=1e-5)
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ


class Evil:
    def __reduce__(self):
        return os.mkdir, (os.environ["EVIL_FOLDER"],)


def test_a_pickle_is_never_executed_even_with_the_right_checksum(tmp_path, monkeypatch):
    from training.evaluate import features as fidelity

    monkeypatch.setenv("EVIL_FOLDER", str(tmp_path / "evil"))
    path = tmp_path / "weights.pth"
    path.write_bytes(pickle.dumps(Evil()))
    monkeypatch.setattr(fidelity, "INCEPTION_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(JudgeError, match="not what torch-fidelity expects"):
        fidelity.open_network("inception", path)
    assert not (tmp_path / "evil").exists()


def test_a_failed_download_is_one_sentence(tmp_path, monkeypatch):
    from training.evaluate import features as fidelity

    def offline(*arguments, **options):
        raise OSError("Name or service not known")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(JudgeError, match="could not be downloaded.*put the file at"):
        fidelity.open_network("inception")


def test_inception_score_is_the_formula():
    from training.evaluate.features import inception_score

    logits = torch.randn(70, 6, generator=torch.Generator().manual_seed(0)) * 3
    order, p = np.random.RandomState(4).permutation(70), logits.double().softmax(1).numpy()
    scores = [np.exp((part * np.log(part / part.mean(0))).sum(1).mean()) for part in np.split(p[order], 10)]
    assert inception_score(logits, seed=4) == (pytest.approx(np.mean(scores)), pytest.approx(np.std(scores)))
    sure = torch.eye(5).repeat(100, 1) * 50
    assert inception_score(sure)[0] == pytest.approx(5, rel=0.05) and inception_score(sure[:1].repeat(100, 1))[
        0
    ] == pytest.approx(1)


# ---- Real digits and faces -------------------------------------------------------------------------------------------


def test_a_generator_that_copies_real_digits_scores_as_they_do(data_root):
    digits = open_dataset("mnist", data_root, 28, split="test")
    generator, n = Copyist(digits, digits.label_names), 600
    result = evaluate(generator, "mnist", data_root, samples=n, seed=4)
    train = open_dataset("mnist", data_root, 28)
    labels = evaluation._labels(generator, train, n, 4)
    pictures = digits.images[generator.chosen(generator.sample_latents(n), labels)]
    expected = networks.right(networks.classify(networks.read("mnist"), pictures).logits, labels).double().mean().item()
    agreement = result["label_agreement600_reader"]
    assert agreement["value"] == pytest.approx(expected, abs=1e-9) and expected > 0.985
    assert agreement["real"] > 0.985
    distance = result["fid600_train_reader"]
    assert 0 < distance["real"] and distance["value"] < 3 * distance["real"]
    assert abs(result["kid600_train_reader"]["value"]) < 3 * result["kid600_train_reader"]["std"]
    for name in (
        "precision600_test_reader",
        "recall600_test_reader",
        "density600_test_reader",
        "coverage600_test_reader",
        "is600_reader",
    ):
        assert result[name]["value"] == pytest.approx(result[name]["real"], rel=0.12) and result[name]["real"] > 0.7, (
            name
        )
    assert 6 < result["is600_reader"]["value"] < 10

    deaf = evaluate(Copyist(digits, digits.label_names, listens=False), "mnist", data_root, samples=n, seed=4)
    assert deaf["label_agreement600_reader"]["value"] == pytest.approx(0.1, abs=0.05)


def test_toggling_is_seen_where_it_happens_and_only_there(data_root):
    faces = open_dataset("celeba", data_root, 64, split="test")
    attributes, judge = ("Smiling", "Eyeglasses"), networks.read("celeba").record["attributes"]
    result = evaluate(Copyist(faces, attributes), "celeba", data_root, samples=N, batch_size=20)
    toggle = result[f"toggle_agreement{N}_judge"]
    details = result["evaluation"]["judge"]["attributes"]
    assert tuple(details) == attributes
    for name in attributes:
        assert details[name]["toggled"] == pytest.approx(judge[name]["balanced_accuracy"], abs=0.06), name
        assert details[name]["toggled"] == pytest.approx(
            (details[name]["toggled_on"] + details[name]["toggled_off"]) / 2, abs=1e-4
        )
    assert toggle["value"] > 0.85 and toggle["both"] > 0.7 and result[f"label_agreement{N}_judge"]["value"] > 0.88

    others = result[f"toggle_others_kept{N}_judge"]
    assert 0.5 < others["own"] < 1 and 0.5 < others["value"] < 0.95  # another picture is another person
    assert 0.5 < details["Smiling"]["toggled_others_kept"] < 0.95

    deaf = evaluate(Copyist(faces, attributes, listens=False), "celeba", data_root, samples=N)
    toggle, others = deaf[f"toggle_agreement{N}_judge"], deaf[f"toggle_others_kept{N}_judge"]
    assert (
        toggle["value"] == pytest.approx(0.5, abs=1e-9) and toggle["both"] == 0
    )  # both pictures of a pair are the same
    assert others == {"value": 1, "real": None, "own": 1}


class Bar:
    def update(self, n):
        pass


class Known(Generator):
    """Draws the pictures of a list in turn; its latents are their numbers."""

    family = "known"

    def __init__(self, images: np.ndarray):
        super().__init__()
        self.set_labels(None, False)
        self.weight, self.images = torch.nn.Parameter(torch.zeros(1)), images
        self.latent_dim, self.image_shape = 1, images.shape[1:]

    def sample_latents(self, n, *, seed=None, truncation=1.0):
        return torch.arange(n, dtype=torch.float32)[:, None]

    def generate(self, latents, labels=None):
        return to_float(torch.from_numpy(np.array(self.images[latents[:, 0].long().numpy() % len(self.images)])))


def stacked(data_root: Path, split: str, n: int) -> Dataset:
    """n pictures of three digits each, drawn with seed 0."""
    digits = open_dataset("mnist", data_root, 28, split=split)
    chosen = np.random.default_rng(0).integers(0, len(digits), (n, 3))
    labels = digits.labels[chosen] @ [100, 10, 1]
    return Dataset(
        "stackedmnist", digits.images[chosen][:, :, 0], labels, tuple(f"{k:03d}" for k in range(1000)), False, split
    )


def test_modes_of_stacked_digits(data_root, monkeypatch):
    train, test, n = stacked(data_root, "train", 3000), stacked(data_root, "test", 500), 450
    monkeypatch.setattr(evaluation, "_open", lambda *anything: (train, test))
    result = evaluate(Known(test.images), "stackedmnist", data_root, samples=n)
    distinct = len(set(test.labels[:n].tolist()))
    assert result["modes450_reader"]["value"] == pytest.approx(distinct, abs=6) and 300 < distinct < 450
    assert result["modes450_reader"]["real"] == pytest.approx(distinct, abs=40)
    assert result["kl450_reader"]["value"] == pytest.approx(result["kl450_reader"]["real"], abs=0.1)
    assert result["fid450_test_reader"]["value"] < result["fid450_test_reader"]["real"]  # it copies the reference
    assert result["is450_reader"]["real"] > 20  # more than ten classes are told apart
    # Drawn by heart: one picture only.
    collapsed = evaluate(Known(test.images[:1]), "stackedmnist", data_root, samples=n)
    shares = [
        np.bincount(train.labels // place % 10, minlength=10)[test.labels[0] // place % 10] / len(train)
        for place in (100, 10, 1)
    ]
    assert collapsed["modes450_reader"]["value"] == 1
    assert collapsed["kl450_reader"]["value"] == pytest.approx(-np.log(np.prod(shares)))
    assert collapsed["coverage450_test_reader"]["value"] < 0.1


def test_a_code_that_stands_for_digits_is_found_out(data_root):
    digits = open_dataset("mnist", data_root, 28, split="test")
    meaning, n = np.random.default_rng(1).permutation(10), 400

    class Coded(Known):
        categories = 10

        def codes(self, latents):
            return torch.from_numpy(meaning.argsort()[digits.labels[latents[:, 0].long().numpy()]]), None

    result = evaluate(Coded(digits.images), "mnist", data_root, samples=n)
    assert result["code_agreement400_reader"]["value"] > 0.98 and result["code_agreement400_reader"]["real"] > 0.98
    assert result["evaluation"]["reader"]["codes"] == [str(k) for k in meaning]


def test_reconstruction_is_of_unseen_pictures_and_exact(root):
    class Encoder(Known):
        def __init__(self, loss: int):
            super().__init__(open_dataset("mnist", root, 28).images)
            self.loss, self.seen = loss, []

        def encode(self, images):
            self.seen.append(images)
            return images.flatten(1)

        def generate(self, latents, labels=None):
            if latents.shape[1] == 1:
                return super().generate(latents)
            return latents.unflatten(1, self.image_shape) + 2 * self.loss / 255

    faithful, lossy = Encoder(0), Encoder(10)
    lossy.images = faithful.images
    result = evaluate(faithful, "mnist", root, samples=N)
    assert result[f"reconstruction_psnr{N}_test"] == {"value": pytest.approx(58.92, abs=0.01), "real": None}
    test = open_dataset("mnist", root, 28, split="test").images
    assert {image.tobytes() for image in to_png(torch.cat(faithful.seen))} <= {image.tobytes() for image in test}
    result = evaluate(lossy, "mnist", root, samples=N)
    lost = np.minimum(255 - test, 10).astype(float)
    assert result[f"reconstruction_mae{N}_test"]["value"] == pytest.approx(lost.mean() / 255, rel=0.01)
    assert result[f"reconstruction_psnr{N}_test"]["value"] == pytest.approx(
        10 * np.log10(255**2 / (lost**2).mean()), rel=0.01
    )


def to_png(images: Tensor) -> np.ndarray:
    return ((images + 1) * 127.5).round().to(torch.uint8).numpy()


# ---- The classification accuracy score -------------------------------------------------------------------------------


def test_cas_is_what_a_classifier_learns_from_generated_pictures(root, tmp_path, monkeypatch):
    train, test = (open_dataset("mnist", root, 28, split=split) for split in ("train", "test"))
    monkeypatch.setattr(cas, "EPOCHS", 1)
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
    monkeypatch.setattr(cas, "EPOCHS", 8)
    assert cas.real_score("mnist", train, test, tmp_path) is None  # made with other settings
    mixed = replace(train, labels=np.random.default_rng(0).permutation(train.labels))
    right, wrong = (cas.score("mnist-teacher", data, test) for data in (train, mixed))
    assert right > wrong + 0.3 and wrong < 0.4


def test_cas_needs_classes(root):
    with pytest.raises(EvaluationError, match="--cas.*needs a class-conditional model"):
        evaluate(MLPGenerator(28, 1, latent_dim=4, width=4), "mnist", root, samples=N, cas=True)


@pytest.mark.skipif(
    not cas.file("mnist").exists(),
    reason="no record of real digits yet: python -m training.evaluate.cas mnist makes it",
)
def test_the_record_of_real_digits_is_of_these_digits(data_root):
    train, test = (open_dataset("mnist", data_root, 28, split=split) for split in ("train", "test"))
    assert 0.99 < cas.real_score("mnist", train, test) < networks.read("mnist").record["accuracy"] + 0.001


# ---- What must not matter, and what must -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["conditional", "infogan", "encoding"])
def test_results_do_not_depend_on_the_batch_size(kind, model, root):
    torch.manual_seed(0)
    sizes = {"latent_dim": 16, "width": 4}
    source = {
        "conditional": model,
        "infogan": InfoGANGenerator(28, 1, **sizes),
        "encoding": EncodingGenerator(28, 1, **sizes),
    }[kind]
    small, large = (evaluate(source, "mnist", root, samples=N, batch_size=size) for size in (7, 300))
    assert [key for key in small] == [key for key in large]
    for key in small.keys() - {"evaluation"}:
        for part, value in small[key].items():
            other = large[key][part]
            assert value is other is None or value == pytest.approx(other, rel=1e-3, abs=1e-6), (key, part)
    assert {
        "conditional": f"label_agreement{N}_reader",
        "infogan": f"code_agreement{N}_reader",
        "encoding": f"reconstruction_psnr{N}_test",
    }[kind] in small


def test_two_shards_see_what_one_process_sees(model):
    from training.evaluate.features import open_network

    generator, viewer = model_folder.load_folder(model), open_network("mnist")
    latents, labels = generator.sample_latents(50, seed=0), torch.arange(50) % 10
    whole = viewer.look(sampling.drawn(generator, latents, labels, Bar()), 20)
    for parts in ([17, 33], [25, 25]):
        shards = [
            viewer.look(sampling.drawn(generator, *part, Bar()), 20)
            for part in zip(latents.split(parts), labels.split(parts))
        ]
        torch.testing.assert_close(
            torch.cat([shard.features for shard in shards]), whole.features, rtol=1e-5, atol=1e-6
        )
        torch.testing.assert_close(torch.cat([shard.logits for shard in shards]), whole.logits, rtol=1e-5, atol=1e-5)


def test_of_several_processes_the_main_one_does_it_all(model, root, tmp_path, monkeypatch, capsys):
    arguments = [str(model), "--data", "mnist", "--data-root", str(root), "--samples", "150", "--json"]
    results = {}
    for rank in ("", "0", "1"):
        with monkeypatch.context() as patch:
            patch.setenv("RANK", rank) if rank else patch.delenv("RANK", raising=False)
            assert main([*arguments, str(tmp_path / f"{rank}.json")]) == 0
        results[rank] = capsys.readouterr().out
    assert results[""] == results["0"] and "fid150" in results[""]
    assert results["1"] == "" and not (tmp_path / "1.json").exists()


def test_the_seed_decides_everything(model, root):
    one, same, other = (
        evaluate(model, "mnist", root, samples=N, seed=seed)[f"fid{N}_test_reader"] for seed in (1, 1, 2)
    )
    assert one == same and one["value"] != other["value"] and one["real"] != other["real"]


def test_labels_follow_the_training_data(root):
    generator = DCGANGenerator(28, 1, latent_dim=8, width=4, labels=DIGITS)
    train = open_dataset("mnist", root, 28)
    labels = evaluation._labels(generator, train, 600, seed=1)
    assert labels.bincount().tolist() == np.bincount(train.labels).tolist()
    assert labels.tolist() != train.labels.tolist() and torch.equal(
        evaluation._labels(generator, train, 1300, seed=1)[600:1200], labels
    )


def test_fid_in_training_is_float32_and_leaves_the_generator_as_it_was(model, root):
    dataset = open_dataset("mnist", root, 28)
    generator = model_folder.load_folder(model)
    before = fid(generator, dataset, N)
    generator.train()
    with torch.autocast("cpu", torch.bfloat16):
        during = fid(generator, dataset, N)
    assert during == pytest.approx(before, rel=1e-6) and generator.training
    assert before > 1
    with pytest.raises(EvaluationError, match="needs more than 128"):
        fid(generator, dataset, 128)


def test_pictures_are_judged_as_a_png_would_hold_them(model, root):
    generator = model_folder.load_folder(model)
    latents = generator.sample_latents(3, seed=0)

    drawn = sampling.drawn(generator, latents, torch.tensor([1, 2, 3]), Bar())
    expected = ((generator.generate(latents, torch.tensor([1, 2, 3])) + 1) * 127.5).round().clamp(0, 255)
    assert drawn[1].dtype == torch.uint8 and torch.equal(torch.stack(drawn.__getitems__([0, 1, 2])).float(), expected)


def test_an_unconditional_model_has_no_label_agreement(root):
    torch.manual_seed(0)
    result = evaluate(MLPGenerator(28, 1, latent_dim=4, width=8), "mnist", root, samples=1000)
    # 600 training pictures allow 300 against 300 others.
    assert sorted(result) == [
        "coverage300_test_reader",
        "density300_test_reader",
        "evaluation",
        "fid300_test_reader",
        "fid300_train_reader",
        "is1k_reader",
        "kid300_test_reader",
        "kid300_train_reader",
        "precision300_test_reader",
        "recall300_test_reader",
    ]
    assert result["evaluation"]["reader"]["pictures"]["train"] == {"generated": 300, "real": 300}


def test_a_folder_needs_no_test_split_and_may_have_any_name(tmp_path):
    """Called like a data set, it is seen by that data set's network; what the network cannot name is not asked of
    it."""
    from PIL import Image

    folder, random = tmp_path / "mnist", np.random.default_rng(0)
    for label in ("cat", "dog"):
        (folder / label).mkdir(parents=True)
        for k in range(140):
            Image.fromarray(random.integers(0, 256, (28, 28), dtype=np.uint8)).save(folder / label / f"{k}.png")
    generator = DCGANGenerator(28, 1, latent_dim=8, width=4, labels=["cat", "dog"])
    assert sorted(evaluate(generator, folder, samples=N)) == [
        "coverage140_train_reader",
        "density140_train_reader",
        "evaluation",
        "fid140_train_reader",
        f"is{N}_reader",
        "kid140_train_reader",
        "precision140_train_reader",
        "recall140_train_reader",
    ]


# ---- The command -----------------------------------------------------------------------------------------------------


def test_a_run_folder_or_a_recipe_can_name_the_model_they_made(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("mnist-dcgan", "mnist-cgan"):
        shutil.copytree(model, tmp_path / "runs" / name / "model")
    assert (
        run_folder.model_of("runs/mnist-dcgan")
        == run_folder.model_of("mnist-dcgan")
        == str(Path("runs/mnist-dcgan/model"))
    )
    assert run_folder.model_of("mnist-cgan") == "mnist-cgan"  # is bundled
    checkpoint = tmp_path / "runs/stopped/checkpoint"
    shutil.copytree(model, checkpoint / "model")
    (checkpoint / "state.json").write_text("{}")
    assert (
        run_folder.model_of("runs/stopped")
        == run_folder.model_of("stopped")
        == str(Path("runs/stopped/checkpoint/model"))
    )
    for source in (str(model), "user/repo", "mnist-wgan"):
        assert run_folder.model_of(source) == source


def test_the_command_prints_writes_and_keeps_what_was_there(model, root, tmp_path, capsys):
    (model / "metrics.json").write_text(
        json.dumps({"training": {"recipe": "mnist-cgan"}, "evaluation": {"inception": {"samples": 9}}})
    )
    out = tmp_path / "result.json"
    assert (
        main(
            [
                str(model),
                "--data",
                "mnist",
                "--data-root",
                str(root),
                "--samples",
                str(N),
                "--json",
                str(out),
                "--write",
            ]
        )
        == 0
    )
    shown = capsys.readouterr().out
    result, metrics = json.loads(out.read_text()), json.loads((model / "metrics.json").read_text())
    for name in (f"fid{N}_test_reader", f"kid{N}_test_reader", f"fid{N}_train_reader", f"label_agreement{N}_reader"):
        assert name in shown and set(result[name]) >= {"value", "real"} and metrics[name] == result[name]
    assert f"fid{N}_test_reader" in (model / "README.md").read_text()
    record = result["evaluation"]["reader"]
    assert record["samples"] == N and record["seed"] == 0 and record["versions"]["torch"] == torch.__version__
    assert (
        record["network"]["sha256"] == networks.read("mnist").record["sha256"]
        and record["network"]["accuracy"] >= 0.994
    )
    assert record["data"] == {
        "name": "mnist",
        **{split: open_dataset("mnist", root, 28, split=split).checksum for split in ("train", "test")},
    }
    assert metrics["training"] == {"recipe": "mnist-cgan"} and set(metrics["evaluation"]) == {"inception", "reader"}


def test_the_module_runs_and_fails_in_one_sentence(model, root):
    command = [sys.executable, "-m", "training.evaluate", str(model), "--data-root", str(root)]
    done = subprocess.run(
        [*command, "--data", "mnist", "--samples", "150"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0 and "fid150_test_reader" in done.stdout, done.stderr
    failed = subprocess.run([*command, "--data", "minst"], capture_output=True, text=True, timeout=120)
    assert failed.returncode == 2 and failed.stderr.count("\n") == 1 and "did you mean mnist" in failed.stderr


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (
            ["{model}", "--data", "mnist", "--samples", "1"],
            "number of samples must be a whole number from 2 to 1000000",
        ),
        (["{model}", "--data", "mnist", "--samples", "1000001"], "number of samples must be a whole number"),
        (
            ["{model}", "--data", "mnist", "--samples", "128"],
            "needs more than 128 pictures on each side, and there are 128",
        ),
        (["{unconditional}", "--data", "mnist", "--cas"], "needs a class-conditional model"),
        (["{model}", "--data", "mnist", "--seed", "-1"], "The seed must be"),
        (["{model}", "--data", "mnist", "--batch-size", "0"], "The batch size must be"),
        (
            ["{model}", "--data", "mnist", "--network", "judge"],
            "no network 'judge' for mnist; take reader or inception",
        ),
        (["{model}", "--data", "mnist", "--json", "/proc/nowhere/x.json"], "/proc/nowhere/x.json cannot be written"),
        (["{model}", "--data", "{folder}"], "has no labels"),
        (["{unconditional}", "--data", "{folder}"], "no network trained on .*--network inception"),
        (
            ["{unconditional}", "--data", "{folder}", "--network", "reader"],
            "no network 'reader' for .*; take inception",
        ),
        (
            ["{unconditional}", "--data", "mnist", "--network", "inception", "--inception-weights", "/nowhere.pth"],
            "cannot be read",
        ),
        (["{root}", "--data", "mnist"], "has no config.json"),
        (["nothing", "--data", "mnist", "--write"], "nothing is not; use --json"),
        (["{foreign}", "--data", "mnist"], "labels .a, b. are not those of mnist"),
    ],
)
def test_bad_input_is_one_sentence(arguments, sentence, model, root, tmp_path, capsys):
    from PIL import Image

    folder, foreign, unconditional = (tmp_path / name for name in ("folder", "foreign", "unconditional"))
    folder.mkdir()
    Image.new("L", (28, 28)).save(folder / "one.png")
    model_folder.save(DCGANGenerator(28, 1, latent_dim=4, width=4, labels=["a", "b"]), foreign)
    model_folder.save(MLPGenerator(28, 1, latent_dim=4, width=4), unconditional)
    places = {"model": model, "root": root, "folder": folder, "foreign": foreign, "unconditional": unconditional}
    assert main([a.format(**places) for a in arguments] + ["--data-root", str(root)]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ") and re.search(sentence, error), error


def test_pictures_that_are_not_numbers_are_named(model, root):
    generator = model_folder.load_folder(model)
    generator.layers[-2].bias.fill_(float("nan"))
    with pytest.raises(EvaluationError, match="not finite"):
        evaluate(generator, "mnist", root, samples=N)
