"""Photos repaired at full size: what may change, what may not, and what is refused."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

import gan_models
from gan_models import inversion, marks, photos
from gan_models.commands import restore
from gan_models.damages import brightness, damaged
from gan_models.errors import InvalidInput
from gan_models.networks.dcgan import DCGANGenerator
from gan_models.networks.restore import Restorer
from gan_models.photos import repaired
from gan_models.photos.faces import aligned_face
from gan_models.photos.repaired import as_picture, fill_face


@pytest.fixture(scope="module")
def model() -> Restorer:
    torch.manual_seed(0)
    made = Restorer(32, 3, width=8).eval().requires_grad_(False)
    with torch.no_grad():
        made.estimate.bias.fill_(1.0)
    return made


@pytest.fixture(autouse=True)
def without_detector(monkeypatch):
    """No face is found, unless a test says so: these photos show none."""
    monkeypatch.setattr(repaired, "faces_of", lambda photo: [])


def photo(width: int = 120, height: int = 90) -> Image.Image:
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 2 % 256, y * 2 % 256, (x + y) % 256], -1).astype(np.uint8)
    return Image.fromarray(pixels)


def mask(width: int = 120, height: int = 90, box=(30, 20, 70, 50)) -> Image.Image:
    made = Image.new("L", (width, height))
    made.paste(255, box)
    return made


def different(a: Image.Image, b: Image.Image) -> np.ndarray:
    return (np.asarray(a) != np.asarray(b)).any(-1)


@pytest.mark.parametrize("faces", [0, 1])
def test_a_fill_changes_the_hole_alone(model, monkeypatch, faces):
    if faces:
        monkeypatch.setattr(repaired, "faces_of", lambda photo: [aligned_face(photo.resize((90, 90)))])
    filled = model.restore(photo(), mask())
    changed = different(photo(), filled)
    assert changed[20:50, 30:70].mean() > 0.9
    changed[20:50, 30:70] = False
    assert not changed.any()


def test_a_hole_outside_faces_is_filled_by_another_network(model, monkeypatch):
    def white(pictures, hole):
        return torch.ones_like(pictures)

    both = mask(box=(30, 20, 50, 40))
    both.paste(255, (100, 30, 115, 50))
    outside, in_faces = fill_face(white, 32, photo(), both, model)  # no face at all
    assert not in_faces and not different(outside, model.restore(photo(), both)).any()
    monkeypatch.setattr(repaired, "faces_of", lambda photo: [aligned_face(photo.resize((90, 90)))])
    filled, in_faces = fill_face(white, 32, photo(), both, model)
    assert in_faces and (np.asarray(filled)[22:38, 32:48] > 250).all()  # the face's
    changed = different(photo(), filled)
    assert changed[30:50, 100:115].mean() > 0.9 and (np.asarray(filled)[30:50, 100:115] < 250).any()
    changed[30:50, 100:115] = changed[20:40, 30:50] = False
    assert not changed.any()
    alone, _ = fill_face(white, 32, photo(), both)
    assert not different(alone, photo())[30:50, 100:115].any() and different(alone, photo())[22:38, 32:48].all()


def test_a_filled_photo_names_the_model_that_filled_it(model, monkeypatch, tmp_path):
    generator = DCGANGenerator(16, 3, 8, 4).eval()
    for faces, drew in ((0, model), (1, generator)):
        found = [aligned_face(photo.resize((90, 90))) for photo in [photo()] * faces]
        monkeypatch.setattr(repaired, "faces_of", lambda photo, found=found: found)
        filled = inversion.fill_photo(generator, photo(), mask(), rest=model, steps=1)
        photos.save_photo(filled, tmp_path / "filled.png")
        assert marks.read(tmp_path / "filled.png").model == drew.family


def test_a_hole_is_filled_at_the_size_of_the_photo(model):
    with pytest.raises(InvalidInput, match="leave the scale out"):
        model.restore(photo(), mask(), scale=2)


def test_what_is_in_the_hole_does_not_shine_through(model):
    other = photo()
    other.paste((255, 255, 255), (30, 20, 70, 50))
    assert not different(model.restore(photo(), mask()), model.restore(other, mask())).any()


def test_two_holes_far_apart_are_seen_apart():
    hole = np.zeros((400, 600), bool)
    hole[10:20, 10:30] = hole[300:340, 500:590] = True
    parts = repaired.parts_of(hole)
    assert len(parts) == 2
    assert [view.scale for view in repaired.views_of(hole, 64)] == [1.0, pytest.approx(228 / 64, abs=0.2)]


def test_damage_is_repaired_at_full_size_and_larger(model):
    assert model.restore(photo(), damages=["noise"]).size == (120, 90)
    larger = model.restore(photo(), damages=["shrink"], scale=2)
    assert larger.size == (240, 180)
    small = np.asarray(larger.resize((120, 90), Image.Resampling.BOX), float)
    assert np.abs(small - np.asarray(photo(), float)).mean() < 60


def test_colour_leaves_the_brightness(model, monkeypatch):
    grey = photo().convert("L")
    coloured = model.restore(grey.convert("RGB"), damages=["grey"])
    assert different(coloured, grey.convert("RGB")).mean() > 0.5
    inside = np.asarray(grey, float)
    light = np.asarray(coloured.convert("L"), float)
    unclipped = (np.asarray(coloured) > 0).all(-1) & (np.asarray(coloured) < 255).all(-1)
    assert np.abs(light - inside)[unclipped].max() <= 2


def test_new_colours_do_not_come_from_old_ones(model):
    grey = photo().convert("L").convert("RGB")
    assert np.array_equal(model.restore(photo(), damages=["grey"]), model.restore(grey, damages=["grey"]))
    coloured = repaired.as_tensor(photo())
    new = model.restore(coloured, damages=["grey"])
    assert torch.allclose(model.restore(brightness(coloured).expand_as(coloured), damages=["grey"]), new, atol=1e-5)


def test_a_small_face_is_repaired_aligned(model, monkeypatch):
    face = aligned_face(photo().resize((90, 90)))
    plain = model.restore(photo(), damages=["noise"], strength=1.0)
    monkeypatch.setattr(repaired, "faces_of", lambda photo: [face])
    monkeypatch.setattr(repaired, "OWN", 10.0)
    assert different(model.restore(photo(), damages=["noise"], strength=1.0), plain).any()


def test_a_photo_that_seems_whole_comes_back():
    torch.manual_seed(0)
    blind = Restorer(32, 3, width=8).eval().requires_grad_(False)
    blind.estimate.bias.fill_(-9.0)
    assert not different(blind.restore(photo()), photo()).any()


@pytest.mark.parametrize(
    "other, words",
    [
        (mask(60, 90), "60 x 90 pixels and the picture 120 x 90"),
        (mask(box=(0, 0, 0, 0)), "mask is empty"),
        (mask(box=(0, 0, 120, 90)), "covers the whole picture"),
    ],
)
def test_masks_that_are_refused(model, other, words):
    with pytest.raises(InvalidInput, match=words):
        model.restore(photo(), other)


def test_the_command(tmp_path, capsys):
    torch.manual_seed(0)
    Restorer(32, 3, width=8).eval().save_pretrained(tmp_path / "model")
    photo().save(tmp_path / "photo.png"), mask().save(tmp_path / "mask.png")
    words = [tmp_path / "photo.png", "--mask", tmp_path / "mask.png", "-o", tmp_path / "out.png"]
    given = [*map(str, words), "--model", str(tmp_path / "model")]
    assert restore.main(given) == 0
    assert "120 x 90 pixels" in capsys.readouterr().out
    changed = different(photo(), Image.open(tmp_path / "out.png"))
    assert changed[20:50, 30:70].any() and changed.sum() <= 30 * 40
    assert restore.main([*given[:3], "-o", str(tmp_path / "out.txt"), "--model", str(tmp_path / "model")]) == 2
    assert restore.main([*given, "--damage", "rust"]) == 2
    assert restore.main([str(tmp_path / "photo.png"), "-o", str(tmp_path / "o.png"), "--model", "mnist-cgan"]) == 2
    filling = [*map(str, words), "--model", "mnist-cgan"]
    assert restore.main(filling) == 2
    errors = capsys.readouterr().err.splitlines()
    assert (
        len(errors) == 4
        and "must end in" in errors[0]
        and "'rust'" in errors[1]
        and "can only fill" in errors[2]
        and "colour" in errors[3]
    )


def test_what_was_repaired_says_so_and_what_was_left_alone_does_not(model, tmp_path):
    photos.save_photo(model.restore(photo(), mask()), tmp_path / "filled.jpg")
    found = marks.read(tmp_path / "filled.jpg")
    assert found.kind == marks.EDITED and found.model == "restore"
    blind = Restorer(32, 3, width=8).eval().requires_grad_(False)
    blind.estimate.bias.fill_(-9.0)
    photos.save_photo(blind.restore(photo()), tmp_path / "whole.png")
    assert marks.read(tmp_path / "whole.png") is None


def test_a_face_of_few_pixels_can_be_enlarged(model):
    assert model.restore(photo(20, 16), damages=["shrink"], scale=2).size == (40, 32)
    with pytest.raises(InvalidInput, match="at least 16"):
        model.restore(photo(20, 15), damages=["shrink"], scale=2)
    with pytest.raises(InvalidInput, match="at least 32"):
        model.restore(photo(20, 16), damages=["noise"])


def test_the_command_says_when_nothing_is_to_be_repaired(tmp_path, capsys):
    blind = Restorer(32, 3, width=8).eval()
    torch.nn.init.constant_(blind.estimate.bias, -9.0)
    blind.save_pretrained(tmp_path / "model")
    photo().save(tmp_path / "photo.png")
    words = [str(tmp_path / "photo.png"), "-o", str(tmp_path / "out.png"), "--model", str(tmp_path / "model")]
    assert restore.main(words) == 0
    assert "It is the same picture" in capsys.readouterr().out
    assert restore.main([*words, "--damage", "noise"]) == 0
    assert "same picture" not in capsys.readouterr().out


def test_a_drawing_on_grey_paper_is_seen_as_lines():
    """As large as it is, with pale ink: the same face as from black lines on white."""
    torch.manual_seed(0)
    model = Restorer(32, 3, width=8, damages=["edges"], residual=False).eval().requires_grad_(False)
    black, pale = Image.new("RGB", (128, 128), (255, 255, 255)), Image.new("RGB", (128, 128), (190, 185, 180))
    black.paste((0, 0, 0), (20, 60, 100, 70))
    pale.paste((90, 90, 110), (20, 60, 100, 70))
    drawn = np.asarray(model.restore(black), int)
    assert np.abs(drawn - np.asarray(model.restore(pale), int)).max() <= 1
    blank = np.asarray(model.restore(Image.new("RGB", (128, 128), (190, 185, 180))), int)
    assert np.abs(drawn - blank).max() > 1


@pytest.mark.parametrize("width", [8, 12, 16])
def test_ink_of_any_width_becomes_full_lines(width):
    """A line that is thinner than a pixel of the network, or pale, would be grey, which `edges` hardly ever draws."""
    drawing = torch.zeros(1, 1, 512, 512)
    drawing[..., 100 : 100 + width, :] = 0.6
    lines = repaired.ink(drawing, 64)
    assert lines.shape == (1, 1, 64, 64) and lines.min() <= -0.9 and lines.max() == 1
    assert (lines < 0).sum() <= 3 * 64 and (repaired.ink(torch.full((1, 1, 128, 128), 0.4), 64) == 1).all()


def test_a_photo_with_specks_keeps_every_other_pixel():
    model = gan_models.load("celeba-restore")
    drawer = gan_models.load("celeba-cgan")
    face = drawer.generate(drawer.sample_latents(1, seed=4), drawer.sample_labels(1, seed=4))
    whole = F.interpolate(face, (230, 230), mode="bicubic").clamp(-0.9, 0.9)
    speckled = as_picture(damaged(whole, {"specks": 0.5}, seed=2).pictures)
    result, before, clean = (
        np.asarray(picture).astype(int)
        for picture in (model.restore(speckled, damages=["specks"]), speckled, as_picture(whole))
    )
    same = (before == clean).all(-1)
    assert 0.8 < same.mean() < 0.95 and (result[same] == clean[same]).all()
    assert np.abs(result - clean)[~same].mean() < np.abs(before - clean)[~same].mean() / 6
