"""The network that draws a picture from another: what it is told, what it leaves alone, what it refuses."""

import pytest
import torch
from PIL import Image
from torch.nn import functional as F

import gan_models
from gan_models.damages import damaged
from gan_models.errors import InvalidConfig, InvalidInput
from gan_models.networks.consistency import back_projected, blurs_of, deconvolved, find_kernels
from gan_models.networks.restore import Restorer


@pytest.fixture(scope="module")
def model() -> Restorer:
    torch.manual_seed(0)
    made = Restorer(32, 3, width=8).eval().requires_grad_(False)
    with torch.no_grad():
        made.estimate.bias.fill_(1.0)  # it sees every damage everywhere
    return made


def pictures(n: int = 2, height: int = 32, width: int = 32) -> torch.Tensor:
    return torch.rand(n, 3, height, width, generator=torch.Generator().manual_seed(0)) * 2 - 1


def hole(height: int = 32, width: int = 32) -> torch.Tensor:
    mask = torch.zeros(height, width)
    mask[5:20, 8:30] = 1
    return mask


@pytest.mark.parametrize("size", [(32, 32), (70, 45), (20, 24)])
def test_a_fill_changes_no_known_pixel(model, size):
    given, mask = pictures(2, *size), hole(*size)
    filled = model.restore(given, mask)
    assert filled.shape == given.shape and filled.abs().max() <= 1
    assert torch.equal(filled[..., mask == 0], given[..., mask == 0])
    assert not torch.equal(filled[..., mask == 1], given[..., mask == 1])


def test_what_lies_in_the_hole_is_not_seen(model):
    other = torch.where(hole() > 0, pictures().flip(3), pictures())
    assert torch.equal(model.restore(other, hole()), model.restore(pictures(), hole()))


def test_it_goes_by_what_it_is_told_or_by_what_it_sees(model):
    given = pictures()
    told = model.restore(given, damages=["noise"], strength=1.0)
    assert not torch.equal(told, given)
    assert not torch.allclose(told, model.restore(given, damages=["jpeg"], strength=1.0), atol=1e-4)
    assert not torch.allclose(model.restore(given), given, atol=1e-4)
    assert torch.equal(model.restore(given, damages=["noise"], strength=0.0), given)
    assert model.strengths_of(given[:1], ["noise"]).gt(0).sum() == 1


def test_where_it_sees_no_damage_the_picture_comes_back(model):
    torch.manual_seed(0)
    blind = Restorer(32, 3, width=8).eval().requires_grad_(False)
    blind.estimate.bias.fill_(-9.0)
    assert torch.equal(blind.restore(pictures()), pictures())
    assert torch.equal(blind.restore(pictures(1, 50, 90)), pictures(1, 50, 90))


def test_a_little_jpeg_is_left_alone_and_a_little_noise_is_not():
    """Photos were saved as JPEG before, so that a low estimate of it says nothing."""
    made = Restorer(32, 3, width=8, damages=["noise", "jpeg"]).eval().requires_grad_(False)
    made.estimate.weight.zero_()
    for kind, least in (("noise", 0.1), ("jpeg", 0.2)):
        for estimate, untouched in ((least - 0.02, True), (least + 0.02, False)):
            made.estimate.bias.fill_(-9.0)
            made.estimate.bias[made.told.index(kind)] = torch.tensor(estimate * 0.92 + 0.08).logit()
            assert torch.equal(made.restore(pictures()), pictures()) == untouched


def test_a_photo_with_colour_anywhere_is_not_grey():
    """Its white wall alone is: one tile without colour among many."""
    made = Restorer(32, 3, width=8, damages=["noise", "grey"]).eval().requires_grad_(False)
    seen = torch.tensor([[0.5, 0.9], [0.3, 0.9], [0.1, 0.0], [0.1, 0.8]])
    made.estimated = lambda looked: seen[: len(looked.pictures)]
    large, grey = pictures(1, 50, 50), made.told.index("grey")
    assert made.strengths_of(large)[0, grey] == 0
    assert made.strengths_of(large)[0, 1 - grey] == pytest.approx(0.25)
    seen[2, grey] = 0.4
    assert made.strengths_of(large)[0, grey] == 1  # grey has no degrees


def test_pictures_do_not_depend_on_each_other(model):
    both = model.restore(pictures(), damages=["blur"])
    assert torch.allclose(both[:1], model.restore(pictures()[:1], damages=["blur"]), atol=1e-5)
    assert torch.allclose(both[1], model.restore(pictures()[1], damages=["blur"]), atol=1e-5)


def test_tiles_have_no_seams():
    """Of a network that changes every pixel alike, the tiles' borders cannot be seen."""
    flat = Restorer(32, 3, width=8).eval().requires_grad_(False)
    flat.change.weight.zero_()
    flat.change.bias.fill_(0.25)
    given = pictures(1, 100, 77) * 0.5
    changed = flat.restore(given, damages=["noise"], strength=1.0)
    assert torch.allclose(changed, given + 0.25, atol=1e-5)


def test_a_drawing_becomes_another_picture():
    model = Restorer(32, 3, width=8, residual=False, damages=["edges"]).eval().requires_grad_(False)
    lines = damaged(pictures(), {"edges": 0.2}, seed=0).pictures
    assert not torch.allclose(model.restore(lines), lines, atol=0.1)
    photo = model.restore(Image.new("RGB", (90, 60), "white"))
    assert photo.size == (90, 60)


@pytest.mark.parametrize("arguments", [{"image_size": 28, "image_channels": 1}, {"damages": ["fill"]}, {}])
def test_saved_it_loads_and_does_the_same(tmp_path, arguments):
    model = Restorer(**{"image_size": 32, "width": 8} | arguments).eval().requires_grad_(False)
    model.save_pretrained(tmp_path)
    again = gan_models.load(tmp_path)
    given = torch.rand(2, *model.image_shape) * 2 - 1
    restored = [
        either.restore(given, hole(*given.shape[2:])) for either in (again, model.to(memory_format=torch.channels_last))
    ]
    assert torch.equal(*restored)


@pytest.mark.parametrize(
    "config",
    [
        {"image_size": 30},
        {"image_channels": 2},
        {"width": 12},
        {"residual": 1},
        {"damages": "noise"},
        {"damages": ["rust"]},
    ],
)
def test_what_no_configuration_says(config):
    with pytest.raises(InvalidConfig):
        Restorer(**{"image_size": 32, "width": 8} | config)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (lambda: (pictures(), torch.zeros(32, 32)), "mask is empty"),
        (lambda: (pictures(), "hole.png"), "mask of a tensor must be a tensor"),
        (lambda: (pictures(), torch.ones(32, 32)), "whole picture"),
        (lambda: (pictures(), torch.ones(16, 16)), "same size"),
        (lambda: (pictures()[:, :1],), r"\(n, 3, H, W\)"),
        (lambda: (pictures() * 2,), "from -1 to 1"),
        (lambda: (pictures(), None, ["rust"]), "repairs"),
        (lambda: (pictures(), None, "noise"), "list"),
        (lambda: (pictures(), None, ["noise"], 2.0), "strength"),
        (lambda: (pictures(), None, None, None, 2), "own size"),
        (lambda: (pictures(), None, None, None, 9), "scale"),
    ],
)
def test_bad_input_gets_one_sentence(model, arguments, words):
    with pytest.raises(InvalidInput, match=words):
        model.restore(*arguments())


def test_who_fills_no_holes_says_so():
    model = Restorer(32, 3, width=8, damages=["noise"]).eval()
    with pytest.raises(InvalidInput, match="fills no holes"):
        model.restore(pictures(), hole())
    with pytest.raises(InvalidInput, match="draws none"):
        model.generate(model.sample_latents(1, seed=0))


@pytest.fixture(scope="module")
def bundled() -> Restorer:
    return gan_models.load("celeba-restore")


@pytest.fixture(scope="module")
def faces() -> torch.Tensor:
    drawer = gan_models.load("celeba-cgan")
    latents, labels = drawer.sample_latents(8, seed=4), drawer.sample_labels(8, seed=4)
    return drawer.generate(latents, labels).clamp(-0.95, 0.95)


def errors(results: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    return (results - wanted).square().mean((1, 2, 3))


@pytest.mark.parametrize("height", [64, 150])  # as one tile, and in several
def test_where_specks_are_black_and_white_no_other_pixel_changes(bundled, faces, height):
    given = F.interpolate(faces[:3], (height, height), mode="bicubic", antialias=True).clamp(-0.95, 0.95)
    found = damaged(given, {"specks": 0.6}, seed=1).pictures
    result, specks = bundled.restore(found, damages=["specks"]), (found != given).any(1, keepdim=True)
    assert torch.equal(torch.where(specks, given, result), given)
    assert (errors(result, given) < errors(found, given) / 20).all()
    for one, alone in zip(found, result, strict=True):
        assert torch.allclose(bundled.restore(one, damages=["specks"]), alone, atol=1e-5)


def test_specks_that_spread_are_repaired_with_their_surroundings(bundled, faces):
    spread = damaged(faces, {"specks": 0.6, "jpeg": 0.2}, seed=1).pictures
    result = bundled.restore(spread, damages=["specks"])
    assert (errors(result, faces) < errors(spread, faces) / 6).all()
    strengths = bundled.strengths_of(spread, ["specks"])
    with torch.no_grad():
        drawn = bundled.draw(bundled.look(spread), strengths).clamp(-1, 1)
    assert torch.allclose(result, drawn, atol=1e-5)  # all of it as the network draws it


def test_of_specks_and_noise_only_what_is_there_is_repaired(bundled, faces):
    """The page asks for both at once."""
    specks, noise, both = (
        damaged(faces, strengths, seed=1).pictures
        for strengths in ({"specks": 0.6}, {"noise": 0.6}, {"specks": 0.6, "noise": 0.6})
    )
    found = bundled.restore(specks, damages=["noise", "specks"])
    untouched = (specks == faces).all(1, keepdim=True).expand_as(faces)
    assert (found == faces)[untouched].float().mean() > 0.9  # of a face or two it thinks that there is noise
    assert (errors(found, faces) < errors(specks, faces) / 10).all()
    for pictures_, least in ((noise, 5), (both, 10)):
        found = bundled.restore(pictures_, damages=["noise", "specks"])
        assert (errors(found, faces) < errors(pictures_, faces) / least).all() and (
            found != pictures_
        ).float().mean() > 0.9


@pytest.mark.parametrize("kind, strength", [("blur", 1 / 3), ("blur", 2 / 3), ("motion", 1 / 3)])
@pytest.mark.parametrize("either", [False, True])  # the page asks for both kinds at once
def test_a_repaired_blur_agrees_with_the_blurred_picture(bundled, faces, kind, strength, either):
    found = damaged(faces, {kind: strength}, seed=1).pictures
    kinds = ["blur", "motion"] if either else [kind]
    with torch.no_grad():
        drawn = bundled.draw(bundled.look(found), bundled.strengths_of(found, kinds)).clamp(-1, 1)
    result = bundled.restore(found, damages=kinds)
    assert errors(result, faces).mean() < 0.95 * errors(drawn, faces).mean()
    assert errors(result, faces).mean() < 0.95 * errors(found, faces).mean()
    alone = bundled.restore(found[2], damages=kinds)
    assert torch.allclose(alone, result[2], atol=1e-4)


@pytest.mark.parametrize("strength", [None, 0.7])
def test_of_blur_and_motion_the_one_is_repaired_that_is_seen_more(bundled, faces, strength):
    for kind, other in (("blur", "motion"), ("motion", "blur")):
        found = damaged(faces, {kind: 1.0}, seed=1).pictures
        strengths = dict(zip(bundled.told, bundled.strengths_of(found, ["blur", "motion"], strength).T, strict=True))
        assert (strengths[kind] > strengths[other]).float().mean() > 0.7
        assert ((strengths["blur"] > 0) ^ (strengths["motion"] > 0)).all()
        assert strength is None or torch.allclose(strengths["blur"] + strengths["motion"], torch.tensor(strength))
    kept = bundled.strengths_of(found, ["blur", "motion", "jpeg"], strength)
    assert (kept[:, bundled.told.index("jpeg")] > 0).all()


# ---- Deconvolution ---------------------------------------------------------------------------------------------------

DAMAGES = ["blur", "motion", "noise"]


@pytest.fixture(scope="module")
def deconvolving() -> Restorer:
    """One that reads every picture as moved by 0.6 at 45 degrees, and blurred by 0.3."""
    torch.manual_seed(0)
    made = Restorer(32, 3, width=8, damages=[*DAMAGES, "fill"], deconvolves=True).eval().requires_grad_(False)
    made.kernels.reads[-1].weight.zero_()
    made.kernels.reads[-1].bias.copy_(torch.tensor([0.3, 0.0, 0.6]))
    return made


def test_only_what_is_told_is_deconvolved(deconvolving):
    given, blurs = pictures(), deconvolving.blurs_of(pictures())
    assert torch.allclose(blurs, torch.tensor([0.3, 0.0, 0.6]).expand(2, -1))
    for kinds, part in (((), [0, 0, 0]), (("noise",), [0, 0, 0]), (("blur",), [1, 0, 0]), (("motion",), [0, 1, 1])):
        told = torch.tensor([[float(kind in kinds) for kind in DAMAGES]]).expand(2, -1)
        expected = deconvolved(given, blurs * torch.tensor(part))
        assert torch.equal(deconvolving.unblurred(given, blurs, told), expected), kinds
    strong = torch.tensor([[4.0, 0.0, 3.0], [-1.0, 0.0, -3.0]])
    most = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, -1.0]])
    told = torch.ones(2, 3)
    assert torch.allclose(deconvolving.unblurred(given, strong, told), deconvolved(given, most), atol=1e-5)


@pytest.mark.parametrize("kind, passes", [("motion", 2), ("blur", 1), ("noise", 0)])
def test_the_network_sees_the_deconvolved_picture(deconvolving, kind, passes):
    """Of motion it draws a second time, with the better kernel that is found with its first picture."""
    given, told = pictures(), torch.tensor([[0.6 * (name == kind) for name in DAMAGES]]).expand(2, -1)
    drawn, blurs = None, deconvolving.blurs_of(given)
    kinds = {name: torch.full((2,), name == kind) for name in ("blur", "motion")}
    for _ in range(max(passes, 1)):
        looked = deconvolving.look(given, None, deconvolving.unblurred(given, blurs, told))
        drawn = deconvolving.draw(looked, told).clamp(-1, 1)
        found = find_kernels(given, drawn, kinds, near=blurs)
        blurs = blurs_of(found) if passes == 2 else blurs
    expected = back_projected(given, drawn, found)
    assert torch.allclose(deconvolving.drawn(given, None, told), expected, atol=1e-5)
    plain = deconvolving.draw(deconvolving.look(given), told).clamp(-1, 1)
    assert torch.allclose(plain, drawn, atol=1e-5) == (passes == 0)


@pytest.mark.parametrize("size", [(32, 32), (40, 70), (20, 24)])
def test_what_lies_in_a_hole_is_not_deconvolved_either(deconvolving, size):
    mask = torch.zeros(size)
    mask[4:14, 6:20] = 1
    given = pictures(1, *size)
    other = torch.where(mask > 0, given.flip(3), given)
    assert torch.equal(*(deconvolving.restore(one, mask, ["motion"], 0.6) for one in (given, other)))
    assert not torch.equal(deconvolving.restore(given, mask, ["motion"], 0.6), given)


def test_a_kernel_says_how_strong_a_blur_is(deconvolving):
    told = deconvolving.strengths_of(pictures(), ["blur"])
    assert torch.allclose(told, torch.tensor([0.3, 0.0, 0.0]).expand(2, -1))
    assert torch.allclose(deconvolving.strengths_of(pictures(), ["motion", "noise"])[:, 1], torch.tensor(0.6))
    assert deconvolving.strengths_of(pictures(), ["motion"], 0.2)[0].tolist() == pytest.approx([0, 0.2, 0])
    assert not Restorer(32, 3, width=8, deconvolves=True).strengths_of(pictures(), ["motion"]).requires_grad


def test_a_flat_part_of_a_photo_says_little_of_its_blur(deconvolving, monkeypatch):
    """A wall looks the same in every blur; the kernel of a photo is that of the tiles that have detail."""
    photo = torch.cat([pictures(1, 32, 32), torch.zeros(1, 3, 32, 320)], 3)
    asked = []
    monkeypatch.setattr(deconvolving, "blurs_of", lambda tiles: tiles.std((1, 2, 3))[:, None].gt(0.1) * torch.ones(3))
    monkeypatch.setattr(deconvolving, "unblurred", lambda all, blurs, _: asked.append(blurs) or all)
    deconvolving.drawn(photo, None, torch.tensor([[0.5, 0.5, 0.0]]))
    assert torch.allclose(asked[0], torch.ones(1, 3), atol=1e-3)


def test_a_network_that_deconvolves_begins_as_one_that_does_not():
    torch.manual_seed(0)
    old = Restorer(32, 3, width=8, damages=DAMAGES).eval()
    new = Restorer(32, 3, width=8, damages=["fill", *DAMAGES], deconvolves=True).eval()
    new.adopt(old)
    told = torch.tensor([[0.5, 0.5, 0.1]]).expand(2, -1)
    with torch.no_grad():
        seen = new.look(pictures(), None, pictures(2).flip(3))
        assert torch.allclose(new.draw(seen, told), old.draw(old.look(pictures()), told), atol=1e-5)
        assert torch.allclose(seen.estimate, old.look(pictures()).estimate, atol=1e-5)
    for other in (
        Restorer(32, 3, width=16, damages=DAMAGES),
        Restorer(32, 3, width=8, damages=DAMAGES[::-1]),
        Restorer(32, 3, width=8, damages=DAMAGES, residual=False),
        Restorer(16, 3, width=8, damages=DAMAGES),
        new,
    ):
        with pytest.raises(InvalidInput, match="a restorer of blur, motion, noise"):
            new.adopt(other)


def test_who_knows_no_blur_does_not_deconvolve():
    for damages in (["noise"], ["fill"], []):
        assert not Restorer(32, 3, width=8, damages=damages, deconvolves=True).deconvolves
    with pytest.raises(InvalidConfig, match="deconvolves must be true or false"):
        Restorer(32, 3, width=8, deconvolves="yes")


def test_a_broken_reader_of_kernels_is_noticed():
    broken = Restorer(32, 3, width=8, damages=DAMAGES, deconvolves=True).eval()
    assert all(part.isfinite().all() for part in broken.trial())
    torch.nn.init.constant_(broken.kernels.reads[-1].bias, float("inf"))
    assert not all(part.isfinite().all() for part in broken.trial())
