"""The detector that is bundled: it keeps to its record, which says first what it cannot do."""

import json

import numpy as np

import gan_models
from gan_models import detection, images, verify


def picture():
    model = gan_models.load("mnist-cgan")
    return images.to_pil(model.generate(model.sample_latents(1, seed=5), model.sample_labels(1, seed=5)))[0]


def record() -> dict:
    return json.loads((detection.FOLDER / "metrics.json").read_text())


def test_the_card_says_first_what_the_detector_cannot_do():
    first = (detection.FOLDER / "README.md").read_text().splitlines()[0]
    assert first.startswith("**It cannot tell") and "accuse" in first
    assert sum(path.stat().st_size for path in detection.FOLDER.iterdir()) < 2_000_000


def test_the_verdict_tells_the_rates_of_the_record():
    verdict, told = verify(picture()), record()
    assert verdict.opinion.rates._asdict() == {name: told[name] for name in detection.Rates._fields}
    for name in ("found", "unseen", "false_alarms", "other_data"):
        assert set(told[name]) == set(detection.DAMAGES) and all(0 <= rate <= 1 for rate in told[name].values())
    sentence = str(verdict)
    assert f"finds {told['found']['undamaged']:.0%}" in sentence and "never saw" in sentence
    assert verdict.opinion.suspicious == (verdict.opinion.score > told["threshold"])


def test_the_detector_finds_as_many_as_its_record_says():
    """Pictures of a seed that it did not learn from: within what 200 of them can differ by chance."""
    model = gan_models.load("celeba-cgan-128")
    drawn = images.to_pil(model.generate(model.sample_latents(200, seed=99), model.sample_labels(200, seed=99)))
    share = np.mean([detection.opinion_on(one).suspicious for one in drawn])
    rate = record()["tables"]["models"]["celeba-cgan-128"]["undamaged"]
    assert abs(share - rate) < 4 * max(rate * (1 - rate), 0.01) ** 0.5 / 200**0.5 + 0.01
