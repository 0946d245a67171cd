"""The comparison: equal means equal, nothing is done twice or lost, and the page says what the runs' files say."""

import argparse
import fcntl
import functools
import importlib.util
import json
import re
import statistics
import struct
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import Killed, forget_accelerate, losses_become_nan

from training import loop
from training.compare import __main__ as compare
from training.compare import figures, page, runs
from training.compare.protocol import Budget, Goal, Method, Outcome, on_cpu, stopwatch
from training.compare.runs import parse_row
from training.data.dataset import Dataset
from training.errors import EvaluationError
from training.evaluate import generator as evaluate
from training.games.state import State
from training.metrics import measuring
from training.recipes import RECIPES
from training.run import callbacks

pytestmark = pytest.mark.usefixtures("alone")
N = 140  # pictures to evaluate with: more than the 128 features of the reader
ROWS = ["mnist-mlp,generator.width=8,discriminator.width=8", "mnist-cgan,generator.width=4,discriminator.width=4"]
MLP = "mnist-mlp,generator.width=8,discriminator.width=8"


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """300 pictures of noise that call themselves MNIST, in each split."""
    root, random = tmp_path_factory.mktemp("root"), np.random.default_rng(0)
    (root / "MNIST/raw").mkdir(parents=True)
    for part in ("train", "t10k"):
        images, labels = random.integers(0, 256, (300, 28, 28), np.uint8), np.arange(300, dtype=np.uint8) % 10
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            header = b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
            (root / "MNIST/raw" / f"{part}-{kind}-ubyte").write_bytes(header + array.tobytes())
    return root


@pytest.fixture
def run(root, tmp_path):
    """The command, its files below tmp_path. FID is measured twice a run."""

    def run(*arguments, work="work", **method) -> int:
        forget_accelerate()
        places = ["--data-root", root, "--work", tmp_path / work, "--output", tmp_path / "docs/results.md"]
        return compare.main(
            list(map(str, [*arguments, "--samples", N, "--set", "batch_size=8", "--precision", "fp32", *places])),
            Method(shares=(0.5, 1.0), fid_samples=130, **method),
        )

    return run


def refused(run, capsys, *arguments, **options) -> str:
    """The one sentence that the command ends with."""
    capsys.readouterr()
    assert run(*arguments, **options) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: ") and line.endswith((".", "?"))
    return line


def notes(folder: Path) -> dict:
    return json.loads((folder / "model/metrics.json").read_text())["training"]


def cells(text: str, row: str) -> list[list[str]]:
    """The cells of all table lines that begin with this."""
    return [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith(f"| {row}")]


def test_the_page_says_what_the_runs_say_and_nothing_is_done_twice(run, tmp_path, root, capsys, monkeypatch):
    assert run(*ROWS, "--images", 48, "--seeds", 2, "--reach", 1e6) == 0
    text = (tmp_path / "docs/results.md").read_text()
    results_of = {}
    for name in ("mnist-mlp", "mnist-cgan"):
        folders = [tmp_path / f"work/{name}/seed-{seed}" for seed in (0, 1)]
        metrics = [json.loads((folder / "evaluation.json").read_text())["metrics"] for folder in folders]
        results_of[name] = metrics
        values = [metric[f"fid{N}_test_reader"]["value"] for metric in metrics]
        assert values[0] != values[1]
        quality, cost = cells(text, f"**{name}**")
        mean, deviation = map(float, quality[1].replace(",", "").split(" ± "))
        assert mean == pytest.approx(statistics.fmean(values), rel=0.05)
        assert deviation == pytest.approx(abs(values[0] - values[1]) / 2**0.5, rel=0.06)  # n - 1; two digits
        assert (
            cost[3] == "48 ± 0" and "±" in cost[4] and "±" in cost[6] and float(cost[6].split()[0]) > 0
        )  # 10^6 is soon reached
        generator = evaluate.load(folders[0] / "model")
        assert cost[1] == f"{sum(p.numel() for p in generator.parameters()):,}"
        assert [point["images"] for point in notes(folders[0])["fid_points"]] == [24, 48]
        assert notes(folders[0])["generator_parameters"] == sum(p.numel() for p in generator.parameters())
    head, floor = cells(text, "recipe")[0], cells(text, "*real pictures*")[0]
    assert (
        head[1] == f"fid{N}_test_reader ↓" and f"label_agreement{N}_reader ↑" in head and "train" not in "".join(head)
    )
    assert float(floor[1]) == pytest.approx(results_of["mnist-mlp"][0][f"fid{N}_test_reader"]["real"], rel=1e-3)
    column = head.index(f"label_agreement{N}_reader ↑")
    assert cells(text, "**mnist-mlp**")[0][column] == "–" and cells(text, "**mnist-cgan**")[0][column] != "–"
    assert text.index("**mnist-mlp**") < text.index("**mnist-cgan**")  # in the order given
    assert (
        f"`python -m training.compare {ROWS[0]} {ROWS[1]} --images 48 --seeds 0,1 " in text and f"--samples {N}" in text
    )
    assert (
        str(root) not in text and str(tmp_path) not in text and f"1 thread(s), fp32, torch {torch.__version__}" in text
    )
    for name in ("samples", "curves"):
        assert f"](results-{name}.png)" in text
        with Image.open(tmp_path / f"docs/results-{name}.png") as picture:
            assert picture.width > 400 and len(set(picture.convert("L").tobytes())) > 50

    def fail(*arguments, **options):
        raise AssertionError("done twice")

    with monkeypatch.context() as patch:
        patch.setattr(loop, "train", fail)
        patch.setattr(evaluate, "evaluate", fail)
        assert run(*ROWS, "--images", 48, "--seeds", 2, "--reach", 1e6) == 0
        assert (tmp_path / "docs/results.md").read_text() == text
        with pytest.raises(AssertionError, match="done twice"):
            run(*ROWS, "--images", 48, "--seeds", 2, "--evaluate-again")
    # More is gone on with; less is refused, and so are other options.
    assert run(MLP, "--images", 64, "--seeds", "0,") == 0
    assert [point["images"] for point in notes(tmp_path / "work/mnist-mlp/seed-0")["fid_points"]] == [24, 48, 64]
    assert "gone beyond 32 images; give another --work" in refused(run, capsys, MLP, "--images", 32, "--seeds", "0,")
    sentence = refused(run, capsys, MLP + ",learning_rate=0.1", "--images", 48, "--seeds", 2)
    assert "another learning_rate; give the same options, or another --work" in sentence


def test_interrupted_anywhere_it_goes_on_to_the_same(run, tmp_path, capsys, monkeypatch):
    arguments = (MLP, "--images", 64, "--seeds", 2)
    run = functools.partial(run, checkpoint_every=16)
    assert run(*arguments, work="whole") == 0

    def ask(self, state, scalars):
        self.stopped = state.images == 24  # as Ctrl-C does
        return self.stopped

    def kill(self, state, scalars):
        if state.images == 40:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(callbacks.Interrupt, "__call__", ask)
        assert run(*arguments) == 130
    first, second = (tmp_path / f"work/mnist-mlp/seed-{seed}" for seed in (0, 1))
    assert "the same command continues" in capsys.readouterr().err and notes(first / "checkpoint")["images_seen"] == 24
    with monkeypatch.context() as patch:
        patch.setattr(callbacks.Interrupt, "__call__", kill)
        with pytest.raises(Killed):
            run(*arguments)
    counted = notes(first / "checkpoint")["compute_seconds"]
    assert 0 < counted and [point["images"] for point in notes(first / "checkpoint")["fid_points"]] == [32]
    with monkeypatch.context() as patch:
        patch.setattr(evaluate, "evaluate", lambda *a, **k: (_ for _ in ()).throw(KeyboardInterrupt))
        assert run(*arguments) == 130
    assert not (first / "evaluation.json").exists() and notes(first)["images_seen"] == 64 and not second.exists()
    assert run(*arguments) == 0
    assert notes(first)["compute_seconds"] > counted
    for seed in (0, 1):
        whole, pieces = (tmp_path / f"{work}/mnist-mlp/seed-{seed}" for work in ("whole", "work"))
        assert (whole / "model/model.safetensors").read_bytes() == (pieces / "model/model.safetensors").read_bytes()
        one, other = ([(p["images"], p["fid"]) for p in notes(folder)["fid_points"]] for folder in (whole, pieces))
        assert one == other and len(one) == 2


def test_equal_time_is_equal_and_what_is_not_training_does_not_count(run, tmp_path, monkeypatch):
    """A step takes 1 s with fully connected networks, 3 s with the others; FID, checkpoints and sample grids an hour
    each."""
    now = {"seconds": 0.0}

    def takes(seconds, function):
        def slow(*arguments, **options):
            now["seconds"] += seconds(*arguments) if callable(seconds) else seconds
            return function(*arguments, **options)

        return slow

    monkeypatch.setattr(
        loop, "load_batch", takes(lambda recipe, *_: 1 if recipe.networks == "mlp" else 3, loop.load_batch)
    )
    for place, name in ((measuring, "fid"), (callbacks.Checkpoints, "save"), (callbacks.Samples, "write")):
        monkeypatch.setattr(place, name, takes(3600, getattr(place, name)))
    clock = {"stopwatch": lambda device: lambda: now["seconds"], "checkpoint_every": 16}
    assert run(*ROWS, "--minutes", 0.5, "--seeds", "3,", **clock) == 0
    mlp, cgan = (notes(tmp_path / f"work/{name}/seed-3") for name in ("mnist-mlp", "mnist-cgan"))
    assert mlp["compute_seconds"] == cgan["compute_seconds"] == 30
    assert (mlp["images_seen"], cgan["images_seen"]) == (30 * 8, 10 * 8)
    assert [(p["compute_seconds"], p["images"]) for p in cgan["fid_points"]] == [(15, 40), (30, 80)]
    assert cgan["command"].endswith(
        "--set batch_size=8 --set generator.width=4 --set discriminator.width=4 --images 80 --seed 3"
    )
    row = cells((tmp_path / "docs/results.md").read_text(), "**mnist-cgan**")[1]
    assert row[3:6] == ["80", "2.667", "0.5"]


def test_a_clock_of_the_processor_does_not_count_waiting():
    clock = stopwatch(torch.device("cpu"))
    began = clock()
    time.sleep(0.3)
    waited = clock() - began
    while clock() - began < 0.05:
        pass
    assert waited < 0.1


def test_what_kind_of_time_it_was_is_the_device_s_and_no_word_of_its_name():
    assert on_cpu({"device": "cpu", "machine": "a processor"})
    assert not on_cpu({"device": "cuda", "machine": "Hyperthread(s) 9000, bf16"})
    assert on_cpu({"machine": "a processor, 2 thread(s), fp32"}) and not on_cpu({"machine": "NVIDIA H100, bf16"})


def test_a_diverged_run_is_reported_and_the_others_count(run, tmp_path, capsys, monkeypatch):
    losses_become_nan(monkeypatch)
    other = "lsq=mnist-dcgan,objective=least_squares,generator.width=4,discriminator.width=4"
    assert run(MLP, other, "--images", 16, "--seeds", 1) == 0
    text = (tmp_path / "docs/results.md").read_text()
    assert re.search(r"- mnist-mlp, seed 0: Training has diverged: .* before 8 images$", text, re.MULTILINE)
    assert cells(text, "**mnist-mlp**")[0][1] == "–" and float(cells(text, "**lsq**")[0][1]) > 0
    assert "`lsq` is mnist-dcgan with batch_size=8 objective=least_squares" in text


def test_a_run_that_cannot_be_judged_is_reported_and_the_others_count(run, tmp_path, capsys, monkeypatch):
    whole = evaluate.evaluate

    def short_sighted(source, *arguments, cas=False, **options):
        assert cas == ("mnist-cgan" in str(source))
        if "mnist-mlp" in str(source):
            raise EvaluationError("There is no network for this.")
        more = {f"kl{N}_reader": {"value": 0.25, "real": None}, "new": {"value": 3.0, "real": 4.0}}
        return whole(source, *arguments, **options) | more

    monkeypatch.setattr(evaluate, "evaluate", short_sighted)
    assert run(*ROWS, "--images", 8, "--seeds", 1, "--cas") == 0
    text = (tmp_path / "docs/results.md").read_text()
    assert "- mnist-mlp, seed 0: not evaluated: There is no network for this\n" in text
    assert cells(text, "recipe")[0][-2:] == [f"kl{N}_reader ↓", "new"] and cells(text, "**mnist-cgan**")[0][-2:] == [
        "0.25",
        "3",
    ]
    assert cells(text, "*real pictures*")[0][-2:] == ["–", "4"] and set(cells(text, "**mnist-mlp**")[0][1:]) == {"–"}


def test_a_run_that_another_process_has_is_left_to_it(run, tmp_path, capsys):
    folder = tmp_path / "work/mnist-mlp/seed-0"
    folder.mkdir(parents=True)
    with open(folder / ".lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert run(MLP, "--images", 8, "--seeds", 2) == 0
        assert (
            "seed 0: another process is working on it" in capsys.readouterr().out
            and not (folder / "options.json").exists()
        )
    assert "- mnist-mlp, seed 0: not trained to the end" in (tmp_path / "docs/results.md").read_text()
    assert run(MLP, "--images", 8, "--seeds", 2) == 0
    assert "not trained" not in (tmp_path / "docs/results.md").read_text()


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["mnist-mpl"], "no recipe 'mnist-mpl'.*mnist-mlp"),
        (["mnist-mlp", "mnist-mlp,dropout=1"], "no option 'dropout'"),
        (["mnist-mlp", "mnist-mlp"], "Two rows are called mnist-mlp; name one"),
        (["../up=mnist-mlp"], "cannot be the name of a row"),
        (["mnist-mlp,generator.width=-3"], "networks of mnist-mlp cannot be built"),
        (["mnist-mlp", "--write-only"], "no evaluated run"),
    ],
)
def test_bad_input_is_one_sentence_before_anything_is_trained(run, tmp_path, capsys, arguments, sentence):
    line = refused(run, capsys, *arguments)
    assert re.search(sentence, line), line
    assert not (tmp_path / "work").exists() and not (tmp_path / "docs").exists()


def test_several_processes_or_no_matplotlib_are_one_sentence(run, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("WORLD_SIZE", "2")
        assert "made by one process" in refused(run, capsys, MLP)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "package matplotlib, which comes with the extra 'train'" in refused(run, capsys, MLP)


@pytest.mark.parametrize(
    "options",
    ["--minutes 0", "--images 0", "--seeds 0", "--seeds 1,1", "--seeds x", "--samples 1", "--minutes 1 --images 5"],
)
def test_bad_options_show_the_usage(options, capsys):
    with pytest.raises(SystemExit, match="2"):
        compare.main(["mnist-mlp", *options.split()])
    assert "usage:" in capsys.readouterr().err


def test_a_row_is_a_recipe_with_a_name_and_settings():
    row = parse_row("mine=mnist-dcgan,r1=[1,0.1,2e5],objective=hinge", ["batch_size=32"])
    assert (row.name, row.base, row.recipe.name) == ("mine", "mnist-dcgan", "mine")
    assert row.recipe.r1.end == 0.1 and row.recipe.objective == "hinge" and row.recipe.batch_size == 32
    assert parse_row("mnist-mlp", []).recipe == RECIPES["mnist-mlp"]
    assert compare._seeds("3") == (0, 1, 2) and compare._seeds("4,2") == (4, 2) and compare._seeds("5,") == (5,)
    assert Goal(minutes=2).share(10**6, 60) == 0.5 and Goal(images=100).share(25, 1e6) == 0.25


def test_numbers_are_written_as_a_person_would():
    assert page.mean_std([1.0, 2.0, 3.0]) == "2.0 ± 1.0"  # n - 1
    assert page.mean_std([0.99612, 0.99634]) == "0.99623 ± 0.00016"
    assert page.mean_std([1200.0, 1000.0]) == "1,100 ± 141" and page.mean_std([1e-5]) == "1e-05"
    assert page.mean_std([None, 7.25]) == "7.25" and page.mean_std([]) == "–" and page.mean_std([64, 64]) == "64 ± 0"


def test_the_time_to_a_fid_is_that_of_the_first_point_below_it():
    one, two = (
        {"fid_points": [{"compute_seconds": 60.0 * k, "fid": fid} for k, fid in enumerate(fids, 1)]}
        for fids in ((9, 5, 7, 4), (9, 8, 7, 4))
    )
    assert page.time_to(5, [one]) == "2" and page.time_to(5, [one, two]) == "3.0 ± 1.4"
    assert page.time_to(4.5, [one, two]) == "4 ± 0" and page.time_to(3, [one]) == "not reached"
    nothing = {"fid_points": []}
    assert page.time_to(5, [one, two, nothing]) == "3.0 ± 1.4 (2 of 3 seeds)" and page.time_to(5, [nothing]) == "–"


def test_a_weight_that_is_not_a_number_ends_the_run_before_it_is_judged():
    budget = Budget(parse_row("mnist-mlp", []), 0, Goal(images=8), None)
    budget.seconds, budget.last = 1.0, 0.0
    generator = torch.nn.Linear(1, 1)
    generator.weight.data.fill_(float("nan"))
    with pytest.raises(callbacks.Diverged, match="stopped being numbers before 8 images"):
        budget.measure(State(None, None, generator, None, None, images=8), {})


@pytest.mark.parametrize(
    "recipe, scored",
    [
        ("mnist-cgan", True),
        ("fashion-r3gan", True),
        ("mnist-dcgan", False),
        ("cifar10-r3gan", False),
        ("celeba-cgan", False),
    ],
)
def test_the_accuracy_score_is_of_classes_that_a_network_reads(recipe, scored):
    row = parse_row(recipe, [])
    assert runs.evaluation_options(row, argparse.Namespace(samples=50, cas=True)) == {"samples": 50} | (
        {"cas": True} if scored else {}
    )
    assert runs.evaluation_options(row, argparse.Namespace(samples=None, cas=False)) == {}


@pytest.mark.parametrize("name, shown", [("mnist", 1), ("celeba", 0), ("CelebA (test)", 0)])
def test_real_pictures_are_shown_but_for_those_of_celeba(tmp_path, name, shown):
    """Nobody whose photo is in CelebA has agreed to stand in a page of results."""
    looked = []

    class Watched(Dataset):
        def batch(self, indices):
            looked.append(name)
            return super().batch(indices)

    dataset = Watched(name, np.zeros((40, 3, 64, 64), np.uint8), None, None, False, "")
    row = parse_row("celeba-dcgan", [])
    found = [Outcome(row, 0, tmp_path, None, {"metrics": {}})]

    def blank(model: Path, count: int) -> torch.Tensor:
        return torch.zeros(count, 3, 64, 64)

    figures.draw_samples(found, {row.name: dataset}, tmp_path / "samples.png", blank)
    assert len(looked) == shown and (tmp_path / "samples.png").is_file()
