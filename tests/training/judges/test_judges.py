"""The judges: what they can, on real pictures, and that nothing but their own files is taken for them."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from training.data import open_dataset
from training.data.dataset import Dataset, to_float
from training.judges import __main__ as judges
from training.judges import fit, networks
from training.judges.networks import JudgeError

DIGITS = tuple("0123456789")


@pytest.fixture(scope="module")
def digits(data_root) -> Dataset:
    return open_dataset("mnist", data_root, 28, split="test")


@pytest.fixture(scope="module")
def faces(data_root) -> Dataset:
    return open_dataset("celeba", data_root, 64, split="test")


def stripes(n: int = 640) -> Dataset:
    """Pictures of a bright bar whose place is the class: easy, but not before something is learned."""
    labels = np.arange(n) % 10
    images = np.random.default_rng(0).integers(0, 60, (n, 1, 28, 28), dtype=np.uint8)
    for k, label in enumerate(labels):
        row, left = 3 + 5 * (label // 2), 14 * (label % 2)
        images[k, 0, row : row + 2, left : left + 14] = 220
    return Dataset("mnist", images, labels, DIGITS, False, "stripes")


def test_reader_reads_digits(digits):
    judge = networks.read("mnist")
    accuracy = fit.judge_accuracy(judge, digits)["accuracy"]
    assert accuracy >= 0.994
    assert accuracy == pytest.approx(judge.record["accuracy"], abs=2e-4)
    assert (judge.network, judge.label_names, judge.record["test_checksum"]) == ("reader", DIGITS, digits.checksum)


def test_reader_crops_the_margin_of_32_pixels(digits, data_root):
    judge = networks.read("mnist")
    large = open_dataset("mnist", data_root, 32, split="test")
    torch.testing.assert_close(
        networks.classify(judge, large.images[:50]).logits, networks.classify(judge, digits.images[:50]).logits
    )


def test_teacher_reads_digits_too_and_is_another_network(digits):
    teacher, reader, images = networks.read("mnist-teacher"), networks.read("mnist"), digits.images[:2000]
    accuracy = (
        networks.right(networks.classify(teacher, images).logits, torch.from_numpy(digits.labels[:2000]))
        .double()
        .mean()
        .item()
    )
    assert (
        accuracy >= 0.985 and teacher.record["accuracy"] >= 0.99 and teacher.record["test_checksum"] == digits.checksum
    )
    assert teacher.network == "teacher" and teacher.record["seed"] != reader.record["seed"]
    assert [p.shape for p in teacher.parameters()] != [p.shape for p in reader.parameters()]
    assert (
        networks.judge_of("mnist").network == "reader" and networks.judge_of("mnist-teacher") is None
    )  # it judges nothing


def test_fashion_reader_is_as_good_as_three_minutes_make_it():
    """Its data set is not among those of the tests, so the record has to do."""
    reader = networks.read("fashionmnist")
    assert reader.record["accuracy"] >= 0.90 and reader.network == "fashionreader"
    assert reader.label_names[0] == "T-shirt/top" and reader.record["test_images"] == 10_000


def test_object_reader_names_photographs_as_well_as_its_record_says(data_root):
    judge, photographs = networks.read("cifar10"), open_dataset("cifar10", data_root, 32, split="test")
    answers = networks.right(
        networks.classify(judge, photographs.images[::5]).logits, torch.from_numpy(photographs.labels[::5])
    )
    assert answers.double().mean().item() == pytest.approx(judge.record["accuracy"], abs=0.02)
    assert judge.record["accuracy"] >= 0.84 and judge.record["test_checksum"] == photographs.checksum
    assert (judge.network, judge.label_names) == ("objectreader", photographs.label_names)


def test_stack_reads_each_channel(digits):
    stack, reader, images = networks.read("stackedmnist"), networks.read("mnist"), digits.images[:60]
    opinion, single = networks.classify(stack, images.reshape(20, 3, 28, 28)), networks.classify(reader, images)
    torch.testing.assert_close(opinion.features, single.features.reshape(20, 384))
    seen = single.logits.argmax(1).reshape(20, 3)
    assert [stack.label_names[k] for k in opinion.logits.argmax(1)] == ["".join(map(str, row)) for row in seen.tolist()]
    torch.testing.assert_close(opinion.logits.exp().sum(1), torch.ones(20))
    probabilities = single.logits.softmax(1).reshape(20, 3, 10)
    torch.testing.assert_close(
        opinion.logits.exp()[:, 472], probabilities[:, 0, 4] * probabilities[:, 1, 7] * probabilities[:, 2, 2]
    )


def test_judge_names_attributes_as_well_as_its_record_says(faces):
    judge, n = networks.read("celeba"), 1000
    labels = torch.from_numpy(faces.labels[:n])
    answers = networks.right(networks.classify(judge, faces.images[:n]).logits, labels).double().mean(0)
    recorded = judge.record["attributes"]
    assert answers.mean().item() == pytest.approx(judge.record["accuracy"], abs=0.01)
    assert [
        name
        for name in faces.label_names
        if abs(answers[faces.label_names.index(name)] - recorded[name]["accuracy"]) > 0.08
    ] == []
    assert judge.record["accuracy"] >= 0.885
    assert (
        recorded["Smiling"]["accuracy"] > 0.90
        and recorded["Eyeglasses"]["accuracy"] > 0.975
        and recorded["Male"]["accuracy"] > 0.96
    )
    assert (judge.network, judge.record["test_checksum"]) == ("judge", faces.checksum)


@pytest.mark.parametrize(
    "name, megabytes", [("mnist", 1.5), ("mnist-teacher", 0.5), ("fashionmnist", 1.5), ("cifar10", 3), ("celeba", 4)]
)
def test_bundled_weights_are_small_half_precision_and_as_recorded(name, megabytes):
    weights, description = networks.weight_files(name)
    assert weights.stat().st_size < megabytes * 1e6
    assert {tensor.dtype for tensor in load_file(weights).values()} == {torch.float16, torch.int64}
    judge = networks.read(name)
    assert {p.dtype for p in judge.parameters()} == {torch.float32} and not judge.training
    assert judge.record["sha256"] and json.loads(description.read_text())["seed"] == judge.record["seed"]


def test_opinions_do_not_depend_on_the_batch():
    judge, images = networks.read("mnist"), stripes(40).images
    torch.testing.assert_close(
        networks.classify(judge, images, 7).features,
        networks.classify(judge, images, 40).features,
        rtol=1e-4,
        atol=1e-5,
    )


def test_training_learns_and_is_repeatable(tmp_path):
    data = stripes()
    judge, again = (fit.train_judge("mnist", data, epochs=4, seed=3) for _ in range(2))
    for key, value in judge.state_dict().items():
        assert torch.equal(value, again.state_dict()[key]), key
    stored = fit.write_judge("mnist", judge, {"seed": 3}, data, tmp_path)
    assert stored.record["accuracy"] > 0.9 and stored.record["test_images"] == len(data)
    torch.testing.assert_close(
        networks.classify(stored, data.images).logits,
        networks.classify(judge, data.images).logits,
        rtol=0.02,
        atol=0.02,
    )


def test_half_is_told_by_file_names_and_leaves_the_other_half():
    names = ("000003", "000004", "000007", "000010", "000012")
    data = Dataset(
        "celeba",
        np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1),
        np.eye(5, dtype=np.uint8),
        tuple("abcde"),
        True,
        "",
        (),
        names,
    )
    even, odd = fit.half(data), fit.half(data, rest=1)
    assert (even.names, odd.names) == (("000004", "000010", "000012"), ("000003", "000007"))
    assert even.images.ravel().tolist() == [1, 3, 4] and odd.labels.argmax(1).tolist() == [0, 2]


def test_distortion_is_seeded_mild_and_keeps_black_black():
    plan = networks.JUDGES["mnist"]
    images = to_float(torch.from_numpy(stripes(64).images))
    one, same, other = (fit.distort(images, torch.Generator().manual_seed(seed), plan) for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert one.shape == images.shape and one.min() >= -1.001 and one.max() <= 1.001
    black = torch.full((8, 1, 28, 28), -1.0)
    assert torch.equal(fit.distort(black, torch.Generator().manual_seed(0), plan), black)


def test_faces_are_mirrored_in_half_of_the_distortions():
    ramp = torch.linspace(-1, 1, 64).expand(200, 3, 64, 64)
    slopes = (
        fit.distort(ramp, torch.Generator().manual_seed(0), networks.JUDGES["celeba"]).mean((1, 2)).diff(dim=1).sum(1)
    )
    assert 70 < (slopes < -1).sum() < 130 and 70 < (slopes > 1).sum() < 130


def test_balance_is_the_mean_of_both_shares():
    labels = torch.tensor([[1, 1], [0, 1], [0, 1], [0, 1]])
    answers = torch.tensor([[0.0, 1], [1, 1], [1, 0], [0, 1]])
    first, second = networks.balance(answers, labels).tolist()
    assert (
        first == pytest.approx((0 / 1 + 2 / 3) / 2) and second != second
    )  # no picture is without the second attribute


def test_other_shapes_are_brought_to_the_judges_own():
    judge = networks.read("celeba")
    assert judge(torch.zeros(2, 1, 100, 100)).logits.shape == (2, 40)
    assert judge(torch.zeros(2, 3, 64, 64)).features.shape == (2, judge.features)


def test_files_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(JudgeError, match="no judge for 'cats'"):
        networks.read("cats")
    with pytest.raises(JudgeError, match="missing or damaged"):
        networks.read("mnist", tmp_path)
    weights, description = networks.weight_files("mnist", tmp_path)
    for kept, copy in zip(networks.weight_files("mnist"), (weights, description)):
        copy.write_bytes(kept.read_bytes())
    networks.read("mnist", tmp_path)

    changed = load_file(weights)
    changed["classify.bias"] = changed["classify.bias"][:9].clone()
    save_file(changed, weights)
    with pytest.raises(JudgeError, match="not the file that mnist.json describes"):
        networks.read("mnist", tmp_path)
    record = json.loads(description.read_text()) | {"sha256": fit.hashlib.sha256(weights.read_bytes()).hexdigest()}
    description.write_text(json.dumps(record))
    with pytest.raises(JudgeError, match="does not fit the network"):
        networks.read("mnist", tmp_path)
    description.write_text("[]")
    with pytest.raises(JudgeError, match="missing or damaged"):
        networks.read("mnist", tmp_path)


def test_command_says_what_is_missing(tmp_path, capsys):
    assert judges.main(["celeba", "--data-root", str(tmp_path), "--output", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: CelebA is not in") and error.count("\n") == 1


def test_importing_is_light():
    """Neither torch-fidelity nor gradio is imported, so that training does not pay for evaluation."""
    code = "import sys, training.evaluate; print([m for m in ('torch_fidelity', 'gradio') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
