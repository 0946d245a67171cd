"""The benchmark: both loops really train, in turns, on the same pictures."""

import re

import pytest
import torch
from tiny import SMALL

from gan_models.networks import PAIRS
from training import benchmark
from training.commands import benchmark as command
from training.data import open_dataset
from training.settings import change, find

SETTINGS = [word for setting in SMALL for word in ("--set", setting)]
pytestmark = pytest.mark.usefixtures("alone")


def test_both_loops_are_timed_in_turns(capsys):
    assert command.main(["--seconds", "0.2", "--rounds", "3", *SETTINGS]) == 0
    first, *rounds, last = capsys.readouterr().out.splitlines()
    assert first.startswith("celeba-dcgan (logistic), 64 px, batch 8, cpu, 1 threads")
    rounds = [
        re.fullmatch(r"this loop +([\d.]+)   plain loop +([\d.]+)   ratio ([\d.]+)", line).groups() for line in rounds
    ]
    ratios = [float(ratio) for _, _, ratio in rounds]
    assert len(rounds) == 3 and last == f"median ratio {sorted(ratios)[1]:.2f}"
    for ours, plain, ratio in rounds:
        assert float(ours) > 0 and float(ours) / float(plain) == pytest.approx(
            float(ratio), rel=0.1, abs=0.02
        )  # rounded


def test_the_plain_loop_trains_both_networks_on_the_files_as_they_are(tmp_path, tiny_root, monkeypatch):
    recipe = change(find("celeba-dcgan"), SMALL)
    dataset = open_dataset("celeba", tiny_root, 64)
    benchmark.unpack(tiny_root, dataset, tmp_path / "unpacked", least=30)
    unpacked = sorted((tmp_path / "unpacked/faces").iterdir())
    assert len(unpacked) == 30 and len({path.read_bytes() for path in unpacked}) == len(dataset) == 24
    assert all(path.read_bytes().startswith(b"\xff\xd8") for path in unpacked)

    networks, before = [], []
    for k, original in enumerate(PAIRS["dcgan"]):

        def build(*arguments, original=original, **options):
            networks.append(original(*arguments, **options))
            before.append([p.detach().clone() for p in networks[-1].parameters()])
            return networks[-1]

        monkeypatch.setitem(PAIRS, "dcgan", PAIRS["dcgan"][:k] + (build,) + PAIRS["dcgan"][k + 1 :])
    assert benchmark.time_plain_loop(recipe, tmp_path / "unpacked", torch.device("cpu"), 0.01, 1) > 0
    assert len(networks) == 2
    for network, weights in zip(networks, before):
        assert all(
            p.dtype == torch.float32 and not torch.equal(p, was) for p, was in zip(network.parameters(), weights)
        )


def test_the_clock_does_not_count_the_first_steps():
    times = iter([0.0, 10.0, 10.5, 11.0, 12.0])  # the first two steps are slow; then come three in two seconds
    clock = benchmark.Clock(2, ignored=2, now=lambda: next(times))
    assert [clock() for _ in range(5)] == [False] * 4 + [True] and clock.speed == 1.5


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--data-root", "nowhere"], "CelebA is not in nowhere"),
        (["--set", "bach_size=3"], "batch_size"),
        (["--set", "generator.color=red"], "color"),
    ],
)
def test_bad_input_gets_one_sentence(capsys, arguments, words):
    assert command.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and words in error and error.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--seconds", "0"], ["--seconds", "nan"], ["--rounds", "0"]])
def test_invalid_times(capsys, arguments):
    with pytest.raises(SystemExit):
        command.main(arguments)
    assert "--seconds must be more than 0" in capsys.readouterr().err
