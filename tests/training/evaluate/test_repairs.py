"""A restoration model is measured damage by damage, beside a classical method; a generator by the holes that it fills."""

import numpy as np
import pytest
import torch

from gan_models.networks.dcgan import DCGANGenerator
from gan_models.networks.restore import Restorer
from gan_models.networks.translate import Translator
from training.data.dataset import Dataset
from training.errors import EvaluationError
from training.evaluate import repairs
from training.judges import general
from training.metrics import features

SIZE = 32


@pytest.fixture(autouse=True)
def made_up(monkeypatch):
    """Twelve smooth pictures; FID of six, though there are more features."""
    coarse = torch.rand(12, 3, 4, 4, generator=torch.Generator().manual_seed(0))

    def opened(data, root, size, *, channels, split):
        large = torch.nn.functional.interpolate(coarse[:, :channels], (size, size), mode="bicubic").clamp(0, 1)
        return Dataset(data, (large * 255).byte().numpy(), None, None, False, "made up")

    monkeypatch.setattr(repairs, "open_dataset", opened)
    monkeypatch.setattr(repairs, "BATCH", 4)  # so that there are two batches, the second of another size
    network = general.read(general.JUDGES)
    monkeypatch.setattr(general, "read", lambda name: network)
    monkeypatch.setattr(general, "POOLED", 5)
    distance = features.frechet_distance
    monkeypatch.setattr(features, "frechet_distance", lambda a, b: distance(a[:, :20], b[:, :20]))  # in 10 ms, not 1 s


def restorer(**arguments) -> Restorer:
    torch.manual_seed(0)
    return Restorer(SIZE, 3, width=8, **arguments).eval().requires_grad_(False)


def test_every_damage_beside_a_classical_method():
    model = restorer(damages=["noise", "blur", "jpeg", "fill"])
    found = repairs.evaluate(model, "celeba", samples=6, strengths=(0.5, 1.0))
    rows = found["evaluation"]["repairs"]["attributes"]
    assert [*rows] == [*(f"{kind} {s}" for kind in ("noise", "blur", "jpeg", "fill") for s in ("0.5", "1")), "halves 1"]
    for row in rows.values():
        for name in ("psnr", "ssim", "distance", "kid", "fid"):
            assert np.isfinite([row[name], row[f"{name}_without"]]).all()
        assert row["fid_real"] == rows["noise 1"]["fid_real"] > 0
    assert rows["noise 1"]["psnr_without"] > rows["noise 1"]["psnr_damaged"] + 2  # non-local means removes noise
    assert rows["jpeg 1"]["psnr_without"] == rows["jpeg 1"]["psnr_damaged"]  # nothing is done
    assert rows["noise 0.5"]["distance_damaged"] < rows["noise 1"]["distance_damaged"]
    mean = (rows["noise 0.5"]["psnr"] + rows["noise 1"]["psnr"]) / 2
    assert found["noise_psnr6_test"]["value"] == pytest.approx(mean)
    assert found["halves_distance6_test"]["damaged"] > 0
    assert found["untouched_psnr6_test"]["value"] <= 100


def test_who_returns_the_picture_itself_has_the_figures_of_the_damage():
    blind = restorer(damages=["jpeg"])
    with torch.no_grad():
        blind.change.weight.zero_(), blind.change.bias.zero_()
    found = repairs.evaluate(blind, "celeba", samples=6)
    for row in found["evaluation"]["repairs"]["attributes"].values():
        assert row["psnr"] == pytest.approx(row["psnr_damaged"], abs=0.3)  # rounded to 8 bits
        assert row["fid"] == pytest.approx(row["fid_without"], rel=0.1)
    assert found["untouched_psnr6_test"]["value"] > 90


def test_a_generator_is_measured_by_the_holes_that_it_fills(monkeypatch):
    torch.manual_seed(0)
    drawing = DCGANGenerator(SIZE, 3, latent_dim=4, width=4).eval().requires_grad_(False)
    monkeypatch.setattr(repairs.inversion.fill, "__kwdefaults__", {"steps": 2, "progress": None})
    found = repairs.evaluate(drawing, "celeba", samples=5, strengths=(1.0,))
    assert [*found["evaluation"]["repairs"]["attributes"]] == ["fill 1", "halves 1"]
    assert found["halves_psnr5_test"]["value"] < 40 and "untouched_psnr5_test" not in found
    alone = repairs.evaluate(drawing, "celeba", samples=5, halves=True)
    assert [*alone["evaluation"]["repairs"]["attributes"]] == ["halves 1"]
    assert alone["halves_psnr5_test"] == found["halves_psnr5_test"] and "fill_psnr5_test" not in alone
    with pytest.raises(EvaluationError, match="fills no holes"):
        repairs.evaluate(restorer(damages=["noise"]), "celeba", samples=5, halves=True)


def test_a_stopped_evaluation_goes_on(tmp_path, monkeypatch):
    model, kept, measured = restorer(damages=["noise", "grey"]), tmp_path / "out.json.partial", []
    row = repairs._row

    def measure(model, whole, kind, *rest):
        if kind == "grey":
            raise KeyboardInterrupt
        measured.append(kind)
        return {"psnr": 20.0, "psnr_without": 10.0}

    monkeypatch.setattr(repairs, "_row", measure)
    with pytest.raises(KeyboardInterrupt):
        repairs.evaluate(model, "celeba", samples=6, kept=kept)
    monkeypatch.setattr(repairs, "_row", row)
    found = repairs.evaluate(model, "celeba", samples=6, kept=kept)["evaluation"]["repairs"]["attributes"]
    assert measured == 3 * ["noise"] and found["noise 1"]["psnr"] == 20 and found["grey 1"]["ssim"] > 0
    other = repairs.evaluate(model, "celeba", samples=5, strengths=(1.0,), kept=kept)  # not of the same pictures
    assert other["evaluation"]["repairs"]["attributes"]["noise 1"]["psnr"] != 20


def test_half_of_the_picture_is_missing():
    whole = torch.zeros(8, 3, SIZE, SIZE)
    found, _ = repairs._damaged(whole, "halves", 1.0, seed=0, first=0)
    assert (found.mask.mean((1, 2, 3)) == 0.5).all()
    edges = torch.stack([found.mask[:, 0, 0].mean(1), found.mask[:, 0, -1].mean(1)], 1)
    assert len(edges.unique(dim=0)) > 1  # not always from the same side


def test_who_cannot_be_judged():
    kinds = Translator(SIZE, 3, width=8, embedding=8, labels=["summer", "winter"])
    with pytest.raises(EvaluationError, match="draws from latents"):
        repairs.evaluate(kinds, "celeba")
    with pytest.raises(EvaluationError, match="no damage is known"):
        repairs.evaluate(restorer(damages=[]), "celeba")
