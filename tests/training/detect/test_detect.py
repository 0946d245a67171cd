"""`python -m training.detect`: learns, tells its errors, goes on where it was stopped, and refuses in one sentence."""

import json

import numpy as np
import pytest
import torch
from tiny import tiny_generator

from gan_models import detection
from training.commands.detect import main
from training.detect import fitting, pictures


@pytest.fixture
def made(alone, tmp_path, monkeypatch):
    """Two generators of digits, and so few pictures that it takes seconds."""
    for name, few in (("DRAWN", 40), ("DRAWN_TEST", 12), ("REAL_TEST", 8)):
        monkeypatch.setattr(pictures, name, few)
    for name, few in (("BATCH", 8), ("SAVE_EVERY", 1)):
        monkeypatch.setattr(fitting, name, few)
    for name in ("one", "two"):
        tiny_generator(tmp_path / name, dataset="mnist")
    return tmp_path


def run(made, *arguments, models=("one", "two"), output="out") -> int:
    sources = [str(made / name) for name in models]
    return main([*sources, "--images", "24", "--output", str(made / output), *arguments])


def weights(made, output="out") -> bytes:
    return (made / output / "model.safetensors").read_bytes()


def test_it_writes_a_detector_that_is_read_and_tells_every_rate(made, capsys):
    assert run(made) == 0
    assert sorted(path.name for path in (made / "out").iterdir()) == ["README.md", "metrics.json", "model.safetensors"]
    detector, threshold, rates = detection.read_detector(made / "out")
    assert 0 < threshold < 1 and detector(torch.zeros(2, 3, 64, 64)).shape == (2,)
    record = json.loads((made / "out/metrics.json").read_text())
    assert set(record["tables"]["models"]) == set(record["tables"]["unseen"]) == {"one", "two"}
    assert set(record["tables"]["real"]) == {"mnist", "cifar10"} and set(record["tables"]["other_data"]) == {"cifar10"}
    for table in record["tables"].values():
        for name, row in table.items():
            assert list(row) == list(detection.DAMAGES), name
    assert rates.found == record["found"]
    text = (made / "out/README.md").read_text()
    assert text.startswith("**It cannot tell whether a picture from the web is generated**")
    assert text.count("\n## Real pictures that it suspects") == 2
    assert text.count("\n| one |") == 2 and text.count("\n| cifar10 |") == 2 and text.strip() in capsys.readouterr().out


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(made, monkeypatch, capsys):
    assert run(made) == 0
    expected = weights(made)
    real, left = fitting.batch, [5]

    def stopping(*arguments):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(fitting, "batch", stopping)
    assert run(made, output="other") == 130
    assert "--resume goes on" in capsys.readouterr().err
    assert run(made, output="other") == 2
    assert "--resume goes on, or name another" in capsys.readouterr().err
    monkeypatch.setattr(fitting, "batch", real)
    assert run(made, "--resume", "--seed", "1", output="other") == 2
    assert "give the same to go on" in capsys.readouterr().err
    assert run(made, "--resume", output="other") == 0 and weights(made, "other") == expected
    records = [json.loads((made / name / "metrics.json").read_text()) for name in ("out", "other")]
    assert records[0] == records[1]


def test_what_it_cannot_learn_from_is_one_sentence(made, capsys):
    tiny_generator(made / "strange", dataset="somewhere")
    for arguments, models, words in (
        (["--images", "1"], ["one"], "--images must be"),
        (["--resume"], ["one"], "nothing to go on from"),
        ([], ["strange"], "learned from somewhere"),
        ([], ["none"], "none"),
        (["--others", "nowhere"], ["one"], "no data set and no folder"),
    ):
        assert run(made, *arguments, models=models, output=f"out{len(words)}") == 2
        said = capsys.readouterr().err
        assert words in said and "Traceback" not in said


@pytest.mark.parametrize("kind", pictures.DAMAGES)
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 64, 64)])
def test_each_damage_is_what_its_name_says(kind, shape):
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    as_it_is = pictures.damaged_input(image, "undamaged", 1.0)
    seen = pictures.damaged_input(image, kind, 1.0)
    assert seen.shape == (3, 64, 64) and float(seen.abs().max()) <= 1
    assert torch.equal(seen, as_it_is) == (kind == "undamaged")
    if kind == "blurred":
        assert float(seen.std()) < 0.8 * float(as_it_is.std())


def test_a_batch_depends_on_its_number_alone_and_is_half_drawn():
    random = np.random.default_rng(0)
    pool = random.integers(0, 256, (10, 1, 28, 28), np.uint8)
    shown = pictures.Shown(
        {"a": pictures.GeneratedSet("mnist", 255 - pool // 2, pool)}, {"mnist": pictures.RealSet(pool // 2, pool, pool)}
    )
    images, labels = fitting.batch(shown, 3, 0)
    assert torch.equal(fitting.batch(shown, 3, 0)[0], images) and not torch.equal(fitting.batch(shown, 4, 0)[0], images)
    assert labels.mean() == 0.5 and (images.mean((1, 2, 3)) > 0).float().eq(labels).all()
