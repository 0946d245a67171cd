"""The game on points: its examples show what the lab says of them, by numbers."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from training.errors import TrainingError
from training.losses import OBJECTIVES
from training.penalties import wgan_gp, zero_centered_gradient_penalty
from training.points import EXAMPLES, PENALTIES, SHAPES, Adam, Game, Settings, draw, penalty
from training.publish.demo_space import lab_files

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", SHAPES)
def test_real_points_are_good_and_cover_all_modes(name):
    """By the measure that generated ones are judged by: a generator that draws real points is perfect."""
    shape, game = SHAPES[name], Game(Settings(shape=name))
    game.generate = lambda latents: shape.draw(len(latents), torch.Generator().manual_seed(0))
    measured = game.measure(5000)
    assert measured.covered == measured.modes == len(shape.centres)
    assert measured.good > 0.98 and shape.centres.abs().max() < 1.3
    game.generate = lambda latents: shape.centres[:1].expand(len(latents), 2)
    assert game.measure() == (1, len(shape.centres), 1.0)
    game.generate = lambda latents: torch.full((len(latents), 2), float("nan"))
    assert game.measure() == (0, len(shape.centres), 0.0)


def test_penalties_are_those_of_the_recipes():
    game, random = Game(), torch.Generator().manual_seed(1)
    real, fake = torch.randn(2, 16, 2, generator=random)
    r1, r2 = (zero_centered_gradient_penalty(game.score, points) for points in (real, fake))
    t = torch.rand(16, generator=torch.Generator().manual_seed(2))
    again = torch.Generator().manual_seed(2)
    expected = {"none": 0.0, "clipping": 0.0, "r1": r1, "r1+r2": r1 + r2, "gradient_penalty": wgan_gp(game.score, real, fake, t)}  # fmt: skip
    assert set(expected) == set(PENALTIES)
    for kind, value in expected.items():
        assert float(penalty(kind, game.score, real, fake, again)) == pytest.approx(float(value), rel=1e-5)


def test_the_optimiser_is_torchs_adam():
    network, again = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    again.load_state_dict(network.state_dict())
    ours, theirs = Adam(network), torch.optim.Adam(again.parameters(), lr=0.01, betas=(0.5, 0.99))
    for k in range(5):
        for module in (network, again):
            module(torch.full((4, 3), k - 2.0)).square().sum().backward()
        ours.step(0.01, 0.5)
        theirs.step()
        theirs.zero_grad()
    torch.testing.assert_close(network.weight, again.weight, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_all_settings_play_and_can_be_changed_on_the_way(objective):
    game = Game(Settings(objective=objective))
    for kind in PENALTIES:
        game.change(Settings(shape="moons", objective=objective, penalty=kind, strength=0.02, discriminator_steps=2))
        before = [parameter.clone() for parameter in game.generator.parameters()]
        moment = game.train(2)
        assert np.isfinite([moment.discriminator, moment.generator]).all()
        assert any(not torch.equal(a, b) for a, b in zip(before, game.generator.parameters(), strict=True))
    assert max(parameter.abs().max() for parameter in game.discriminator.parameters()) <= 0.02  # clipped
    assert game.updates == 2 * len(PENALTIES) == game.history[-1].updates
    before = [parameter.clone() for parameter in game.generator.parameters()]
    game.change(replace(game.settings, generator_rate=1e-5, momentum=0.0))
    game.train(1)
    steps = [(a - b).abs().max().item() for a, b in zip(before, game.generator.parameters(), strict=True)]
    assert 0 < max(steps) < 1.1e-4  # Adam's steps are at most about ten times its rate


def test_a_seed_gives_the_same_game():
    first, again, other = Game(seed=1), Game(seed=1), Game(seed=2)
    for game in (first, again, other):
        torch.rand(3)  # of the process's own generator nothing is taken
        game.train(3)
    latents = first.shown
    assert torch.equal(latents, again.shown) and torch.equal(first.generate(latents), again.generate(latents))
    assert not torch.equal(first.generate(latents), other.generate(latents))


def test_time_is_kept_and_the_history_stays_short(monkeypatch):
    monkeypatch.setattr("training.points.game.MOST_MOMENTS", 40)
    game = Game()
    assert game.train(10**9, seconds=0).updates == 1
    for _ in range(80):
        game.train(1)
    assert 20 <= len(game.history) <= 40
    updates = [moment.updates for moment in game.history]
    assert updates[0] == 1 and updates[-1] == game.updates and updates == sorted(set(updates))


def test_the_picture_shows_the_field_and_the_points():
    game = Game()
    with torch.no_grad():  # a discriminator that finds real what lies on the right, and a generator of one point
        for parameter in [*game.discriminator.parameters(), *game.generator.parameters()]:
            parameter.zero_()
    game.change(Settings(objective="logistic"))
    game.discriminator = torch.nn.Linear(2, 1)
    torch.nn.init.constant_(game.discriminator.weight, 0)
    torch.nn.init.zeros_(game.discriminator.bias)
    with torch.no_grad():
        game.discriminator.weight[0, 0] = 20
    pushes = game.pushes(torch.tensor([[-1.0, 0.0], [1.0, 0.0]]))
    assert pushes[0].tolist() == pytest.approx([20, 0]) and pushes[1].norm() < 1e-6  # E f(D(G(z))): what is real rests
    picture = np.asarray(draw(game, 200), int)
    assert picture.shape == (200, 200, 3)
    assert picture[190, 195].tolist() == pytest.approx([240, 150, 50], abs=3)  # orange
    assert picture[190, 5].tolist() == pytest.approx([70, 110, 190], abs=3)  # blue
    assert picture[100, 100].tolist() == pytest.approx([215, 0, 120], abs=3)  # the generated point, in the middle
    assert picture[100, 100 + round(100 / 1.4)].max() < 60  # a real one, at (1, 0)


# ---- The examples show what the lab says of them


def seen(name: str, updates: int, every: int = 100) -> tuple[list, list[float], list[float]]:
    """Of an example every so many updates: what is measured, how far the middle of all points is from that of the data,
    and how hard the median point is pushed."""
    torch.set_num_threads(1)
    game = Game(EXAMPLES[name])
    measured, away, pushed = [], [], []
    for _ in range(updates // every):
        game.train(every)
        points = game.generate(game.shown).detach()
        measured.append(game.measure())
        away.append(points.mean(0).norm().item())
        pushed.append(game.pushes(points).norm(dim=1).median().item())
    return measured, away, pushed


def test_modes_collapse_and_stay_with_the_cure():
    collapsed, _, _ = seen("collapse", 900)
    cured, _, _ = seen("collapse_cured", 900)
    assert max(measured.covered for measured in collapsed[3:]) <= 4  # of eight
    assert max(measured.covered for measured in cured[3:]) >= 6  # which of them at a time depends on the processor
    good, bad = (np.mean([measured.good for measured in some[3:]]) for some in (cured, collapsed))
    assert good > 2 * bad


def test_points_go_round_and_come_to_rest_with_the_cure():
    lost, swinging, _ = seen("oscillation", 900)
    resting, calm, _ = seen("oscillation_cured", 900)
    assert max(swinging[3:]) > 1 > 2 * max(calm[5:])  # of a ring of radius 1
    assert resting[-1].good > 2 * np.mean([measured.good for measured in lost[3:]])


def test_gradients_vanish_and_stay_with_the_cure():
    lost, _, vanishing = seen("vanishing", 200, every=50)
    _, _, pushed = seen("vanishing_cured", 200, every=50)
    assert np.median(vanishing[1:]) < 0.01 < 0.2 < min(pushed)
    assert lost[-1].covered <= 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"shape": "cube"}, "ring, grid, spiral, moons"),
        ({"objective": ["minimax"]}, "objective must be one of"),
        ({"strength": 1e9}, "0.001 to 10"),
        ({"momentum": float("nan")}, "0 to 0.95"),
        ({"discriminator_steps": 1.5}, "whole number"),
        ({"discriminator_rate": True}, "number from"),
    ],
)
def test_what_is_out_of_bounds_is_reported(wrong, said):
    with pytest.raises(TrainingError, match=said):
        Settings(**wrong)


def test_the_lab_needs_these_files_alone(tmp_path):
    """The image and a Space carry no more of training."""
    needed = [path.relative_to(ROOT).as_posix() for path in lab_files()]
    files = [name for name in needed if not name.startswith("training/points/")]
    assert set(needed) - set(files) == {
        path.relative_to(ROOT).as_posix() for path in (ROOT / "training/points").rglob("*.py")
    }
    copied = [line.split()[1:-1] for line in (ROOT / "Dockerfile").read_text().splitlines() if "COPY training" in line]
    assert copied == [files, ["training/points"]]
    kept = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!training/")]
    assert kept == [f"!{name}" for name in [*files, "training/points"]]
    for name in needed:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text())
    (tmp_path / "gan_models").symlink_to(ROOT / "gan_models")
    code = "import training.points as p, sys; assert p.__file__.startswith(sys.argv[1]); p.Game().train(1)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=tmp_path, check=True, timeout=300)
