"""The picture of the curves: what is in it, for one run and for several, and what is said where it cannot be drawn."""

import builtins
import json
import time

import numpy as np
import pytest
from PIL import Image
from tiny import train

from training import curves, run_folder
from training.commands import curves as command
from training.run.callbacks import Curves

draw = curves.plot_runs  # itself: in tests of runs another stands for it


def write(folder, count=40, columns=("discriminator_loss", "generator_loss", "generator_gradient")):
    """A run folder with made-up statistics."""
    folder.mkdir(exist_ok=True)
    rows = [
        {"images": 1600 * k, **{key: 1 + np.sin(k / 5 + j) / 2 for j, key in enumerate(columns)}}
        for k in range(1, count + 1)
    ]
    (folder / "stats.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def picture(path) -> np.ndarray:
    with Image.open(path) as opened:
        assert opened.format == "PNG"
        return np.asarray(opened.convert("RGB")).astype(int)


def near(image: np.ndarray, colour: str) -> int:
    """How many pixels have the colour."""
    wanted = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
    return int((np.abs(image - wanted).max(2) < 12).sum())


def test_each_quantity_is_a_line_of_its_own_colour_and_absent_panels_are_left_out(tmp_path):
    draw([curves.read_run(write(tmp_path / "a"))], tmp_path / "two.png")
    two = picture(tmp_path / "two.png")
    assert (
        near(two, curves.COLOURS[0]) > 300 and near(two, curves.COLOURS[1]) > 300 and near(two, curves.COLOURS[2]) == 0
    )
    columns = "generator_loss", "diversity", "fid2k_train_reader", "r1", "real_accuracy", "discriminator_gradient"
    write(tmp_path / "b", columns=columns)
    draw([curves.read_run(tmp_path / "b")], tmp_path / "six.png")
    assert picture(tmp_path / "six.png").shape[0] > 2 * two.shape[0]
    assert not list(tmp_path.glob(".*"))  # written under another name, and renamed


def test_remarks_of_the_watch_are_upright_lines(tmp_path):
    run = write(tmp_path / "a", columns=("discriminator_loss",))
    draw([curves.read_run(run)], tmp_path / "before.png")
    (run / "watch.jsonl").write_text('{"images": 32000, "verdict": "won", "sentence": "..."}\n')
    draw([curves.read_run(run)], tmp_path / "after.png")
    changed = (picture(tmp_path / "before.png") != picture(tmp_path / "after.png")).any(2)[40:]
    columns = np.flatnonzero(changed.sum(0) > 100)
    assert 0 < len(columns) <= 3 and abs(columns.mean() - 810 * (0.09 + 0.65 / 2)) < 25  # half-way to 64,000 images


def test_several_runs_are_compared_a_colour_each(tmp_path, capsys):
    folders = [str(write(tmp_path / name, count)) for name, count in (("a", 40), ("b", 20), ("c", 1))]
    assert command.main([*folders, "--output", str(tmp_path / "all.png")]) == 0
    image = picture(tmp_path / "all.png")
    assert all(near(image, colour) > 100 for colour in curves.COLOURS[:2]) and near(image, curves.COLOURS[2]) > 10


def test_a_curve_of_many_lines_is_thinned_by_means():
    rows = [{"images": k, "x": float(k % 2)} for k in range(1, 3001)] + [{"images": 3001}]
    images, values = curves.course(rows, "x", points=300)
    assert len(images) == 300 and np.allclose(values, 0.5) and images[0] == 5.5 and images[-1] == 2995.5
    assert [len(part) for part in curves.course(rows, "y")] == [0, 0]


def test_lines_that_a_kill_cut_short_are_left_out(tmp_path):
    path = tmp_path / "stats.jsonl"
    path.write_text('{"images": 8}\n5\n{"images": "x"}\n\n{"images": 16}\n{"ima')
    assert run_folder.read_lines(path) == [{"images": 8}, {"images": 16}]
    path.write_bytes(b"\xff\xfe")
    assert run_folder.read_lines(path) == run_folder.read_lines(tmp_path / "nothing") == []


def test_bad_input_is_one_sentence(tmp_path, capsys):
    assert command.main([str(tmp_path), "--output", str(tmp_path / "x.png")]) == 2
    assert "no statistics" in capsys.readouterr().err
    run = str(write(tmp_path / "a"))
    assert command.main([run, "--output", str(tmp_path / "nowhere/x.png")]) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.usefixtures("alone")
def test_a_run_has_its_picture_and_keeps_it_up_to_date(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(curves, "plot_runs", lambda runs, path: drawn.append(len(runs[0].lines)) or draw(runs, path))
    monkeypatch.setattr(time, "monotonic", iter(range(0, 10**9, 1000)).__next__)  # time enough between two pictures
    run = ["mnist-mlp", "--checkpoint-every", 16, "--output", tmp_path / "run", "--resume"]
    assert train(*run, "--images", 32) == 0
    assert drawn[-1] == 2 and drawn[0] == 1  # at the first line, and at the end
    assert near(picture(tmp_path / "run/curves.png"), curves.COLOURS[0]) > 100
    (tmp_path / "run/curves.png").unlink()
    drawn.clear()
    assert train(*run, "--images", 48) == 0 and drawn[0] == 2 and drawn[-1] == 3  # at once, and at the end


def test_drawing_takes_a_fiftieth_of_the_time_at_most(tmp_path):
    write(tmp_path)
    now, drawn = [0.0], []

    def slowly(runs, path):
        now[0] += 2.0
        drawn.append(now[0])

    reader = Curves(tmp_path, slowly, lambda: now[0])
    for _ in range(250):
        now[0] += 1.0
        reader({"images": 8})
    assert len(drawn) == 3 and drawn[1] - drawn[0] > 100


@pytest.mark.usefixtures("alone")
def test_without_matplotlib_training_goes_on_and_says_so_once(tmp_path, monkeypatch, capsys):
    def lacking(name, *arguments, **options):
        if name.startswith("matplotlib"):
            raise ImportError(f"No module named {name!r}")
        return real(name, *arguments, **options)

    real = builtins.__import__
    monkeypatch.setattr(curves, "plot_runs", draw)
    monkeypatch.setattr(builtins, "__import__", lacking)
    assert train("mnist-mlp", "--images", 32, "--checkpoint-every", 8, "--output", tmp_path) == 0
    assert capsys.readouterr().err.count("in a checkout of GAN Studio. Training continues without it.") == 1
    assert not (tmp_path / "curves.png").exists() and (tmp_path / "model").exists()
