"""Evaluation of a generator: real digits and faces score as they must, and nothing matters that should not."""

from pathlib import Path

import numpy as np
import pytest
import torch
from copyist import DIGITS, Copyist, N
from torch import Tensor

from gan_models.networks import load_folder
from gan_models.networks.base import Generator
from gan_models.networks.dcgan import DCGANGenerator
from gan_models.networks.encoding import EncodingGenerator
from gan_models.networks.infogan import InfoGANGenerator
from gan_models.networks.mlp import MLPGenerator
from training.data import open_dataset
from training.data.dataset import Dataset, to_float
from training.errors import EvaluationError
from training.evaluate import cas
from training.evaluate import generator as evaluation
from training.evaluate.__main__ import main
from training.evaluate.generator import evaluate
from training.judges import networks
from training.metrics import sampling
from training.metrics.measuring import fid, labels_like


def test_a_generator_that_copies_real_digits_scores_as_they_do(data_root):
    digits = open_dataset("mnist", data_root, 28, split="test")
    generator, n = Copyist(digits, digits.label_names), 600
    result = evaluate(generator, "mnist", data_root, samples=n, seed=4)
    train = open_dataset("mnist", data_root, 28)
    labels = labels_like(generator, train, n, 4)
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
    monkeypatch.setattr(evaluation, "_open_splits", lambda *anything: (train, test))
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


@pytest.mark.skipif(
    not cas.file("mnist").exists(),
    reason="no record of real digits yet: python -m training.evaluate.cas mnist makes it",
)
def test_the_record_of_real_digits_is_of_these_digits(data_root):
    train, test = (open_dataset("mnist", data_root, 28, split=split) for split in ("train", "test"))
    assert 0.99 < cas.real_score("mnist", train, test) < networks.read("mnist").record["accuracy"] + 0.001


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
    from training.metrics.features import open_network

    generator, viewer = load_folder(model), open_network("mnist")
    latents, labels = generator.sample_latents(50, seed=0), torch.arange(50) % 10
    whole = viewer.look(sampling.generated_pictures(generator, latents, labels, Bar()), 20)
    for parts in ([17, 33], [25, 25]):
        shards = [
            viewer.look(sampling.generated_pictures(generator, *part, Bar()), 20)
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
    labels = labels_like(generator, train, 600, seed=1)
    assert labels.bincount().tolist() == np.bincount(train.labels).tolist()
    assert labels.tolist() != train.labels.tolist() and torch.equal(
        labels_like(generator, train, 1300, seed=1)[600:1200], labels
    )


def test_fid_in_training_is_float32_and_leaves_the_generator_as_it_was(model, root):
    dataset = open_dataset("mnist", root, 28)
    generator = load_folder(model)
    before = fid(generator, dataset, N)
    generator.train()
    with torch.autocast("cpu", torch.bfloat16):
        during = fid(generator, dataset, N)
    assert during == pytest.approx(before, rel=1e-6) and generator.training
    assert before > 1
    with pytest.raises(EvaluationError, match="needs more than 128"):
        fid(generator, dataset, 128)


def test_pictures_are_judged_as_a_png_would_hold_them(model, root):
    generator = load_folder(model)
    latents = generator.sample_latents(3, seed=0)

    drawn = sampling.generated_pictures(generator, latents, torch.tensor([1, 2, 3]), Bar())
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
