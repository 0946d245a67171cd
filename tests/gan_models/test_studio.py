"""Sampling, walking and changing: what the demo's buttons call."""

import html

import pytest
import torch

from gan_models import card, latents, model_folder, studio
from gan_models.errors import InvalidInput
from gan_models.networks.dcgan import DCGANGenerator
from gan_models.networks.infogan import InfoGANGenerator
from gan_models.networks.mlp import MLPGenerator
from gan_models.studio import Anchor, Codes

NAMES = ["Blond_Hair", "Male", "Smiling"]


@pytest.fixture(scope="module")
def faces():
    torch.manual_seed(1)
    model = DCGANGenerator(16, 3, 8, 4, NAMES, True, 4).eval().requires_grad_(False)
    model.label_table.copy_(torch.randint(0, 2, model.label_table.shape))
    return model


@pytest.fixture(scope="module")
def digits():
    torch.manual_seed(2)
    return DCGANGenerator(16, 1, 8, 4, [str(k) for k in range(10)], False, 4).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def plain():
    torch.manual_seed(3)
    return MLPGenerator(8, 1, 8, 16).eval().requires_grad_(False)


@pytest.fixture(params=["faces", "digits", "plain"])
def any_model(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("1, 2", [(1, 0), (2, 0)]),
        ("3, 7:2", [(3, 0), (7, 2)]),
        (" 3;7:2  0 ", [(3, 0), (7, 2), (0, 0)]),
        ("1 1", [(1, 0), (1, 0)]),
        ("1,2,3,4,5,6", [(k, 0) for k in range(1, 7)]),
        (",1,,2,", [(1, 0), (2, 0)]),
        (f"0 {2**63 - 1}", [(0, 0), (2**63 - 1, 0)]),
    ],
)
def test_anchors_are_read(text, expected):
    assert studio.parse_anchors(text) == expected


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "2 to 6 pictures, not 0"),
        (None, "not 0"),
        ("  ", "not 0"),
        ("1", "not 1"),
        ("1 2 3 4 5 6 7", "not 7"),
        ("1, cat", "'cat'"),
        ("1 -2", "'-2'"),
        ("1 2.5", "'2.5'"),
        ("1 7:", "'7:'"),
        ("1 7:2000", "7:2000"),
        (f"1 {2**63}", "seed"),
        ("1 " + "9" * 500, "9999"),
    ],
)
def test_an_invalid_walk_is_reported_in_one_sentence(text, said):
    with pytest.raises(InvalidInput) as error:
        studio.parse_anchors(text)
    assert said in str(error.value) and len(str(error.value)) < 200 and "\n" not in str(error.value)


def test_anchors_are_written_as_they_are_read():
    assert [str(Anchor(7)), str(Anchor(7, 2))] == ["7", "7:2"]
    assert studio.parse_anchors("7, 7:2") == [Anchor(7), Anchor(7, 2)]


def test_labels_are_those_of_the_seed_unless_others_are_wished_for(faces, digits, plain):
    anchors = [Anchor(4, 2), Anchor(9)]
    own = torch.stack([faces.sample_labels(3, seed=4)[2], faces.sample_labels(1, seed=9)[0]])
    assert torch.equal(studio.labels_for(faces, anchors), own)
    wished = studio.labels_for(faces, anchors, {"Smiling": 1.0, "Male": 0.25})
    assert (
        torch.equal(wished[:, 0], own[:, 0])
        and wished[:, 1].tolist() == [0.25] * 2
        and wished[:, 2].tolist() == [1.0] * 2
    )
    assert torch.equal(
        studio.labels_for(digits, anchors),
        torch.stack([digits.sample_labels(3, seed=4)[2], digits.sample_labels(1, seed=9)[0]]),
    )
    assert studio.labels_for(digits, anchors, 7).tolist() == [7, 7]
    assert studio.labels_for(plain, anchors) is None


def test_a_wished_hair_colour_takes_the_others_away():
    model = DCGANGenerator(16, 3, 8, 4, ["Black_Hair", "Blond_Hair", "Male"], True, 4)
    model.label_table.fill_(1)
    rows = {
        str(wishes): studio.labels_for(model, [Anchor(1)], wishes)[0].tolist()
        for wishes in (
            None,
            {"Male": 0.0},
            {"Blond_Hair": 1.0},
            {"Blond_Hair": 0.25},
            {"Blond_Hair": 0.0},
            {"Blond_Hair": 1.0, "Black_Hair": 0.5},
        )
    }
    assert list(rows.values()) == [[1, 1, 1], [1, 1, 0], [0, 1, 1], [0.75, 0.25, 1], [1, 0, 1], [0.5, 1, 1]]


def test_wishes_do_not_write_into_the_model(faces):
    before = faces.label_table.clone()
    studio.labels_for(faces, [Anchor(1)], {"Smiling": 0.5})
    assert torch.equal(faces.label_table, before)


@pytest.mark.parametrize(
    "wishes", [{"Hat": 1.0}, {None: 1.0}, {"Smiling": 1.5}, {"Smiling": float("nan")}, {"Smiling": None}, {"Male": "1"}]
)
def test_wishes_that_the_faces_do_not_know(faces, wishes):
    with pytest.raises(InvalidInput, match="does not know|number from 0 to 1"):
        studio.labels_for(faces, [Anchor(1)], wishes)


@pytest.mark.parametrize("wishes", [10, -1, "3", 2.0, True])
def test_classes_that_the_digits_do_not_know(digits, wishes):
    with pytest.raises(InvalidInput, match="class must be a number from 0 to 9"):
        studio.labels_for(digits, [Anchor(1)], wishes)


@pytest.mark.parametrize("wishes", [1, Codes(1)])
def test_wishes_of_another_kind_of_generator(faces, digits, plain, found, wishes):
    with pytest.raises(InvalidInput, match="names and values"):
        studio.labels_for(faces, [Anchor(1)], wishes)
    with pytest.raises(InvalidInput, match="names and values"):
        studio.sweep(faces, Anchor(1), wishes, "Smiling")
    with pytest.raises(InvalidInput, match="Name the attribute"):
        studio.sweep(faces, Anchor(1), None, None)
    with pytest.raises(InvalidInput, match="give Codes"):
        studio.sweep(found, Anchor(1), {"Smiling": 1.0}, None)
    for model in (digits, plain):
        with pytest.raises(InvalidInput, match="no codes"):
            studio.sample(model, 1, 2, wishes=Codes(1))


def test_a_sample_is_what_the_generator_draws_of_the_same_latents(any_model):
    model = any_model
    expected = model.generate(model.sample_latents(5, seed=3, truncation=0.7), model.sample_labels(5, seed=3))
    assert torch.equal(studio.sample(model, 3, 5, 0.7), expected)


def test_an_anchor_is_the_picture_of_that_number(any_model):
    pictures = studio.sample(any_model, 3, 6, 0.8)
    torch.testing.assert_close(studio.change(any_model, Anchor(3, 4), None, 0.8)[0], pictures[4])
    strip = studio.interpolate(any_model, [Anchor(3, 1), Anchor(3, 5)], 5, 0.8, loop=False)
    torch.testing.assert_close(strip[[0, -1]], pictures[[1, 5]], rtol=1e-4, atol=1e-5)


def test_a_walk_passes_through_every_anchor_and_closes(any_model):
    anchors = [Anchor(1), Anchor(2, 3), Anchor(5)]
    stops = torch.cat([studio.change(any_model, anchor, None)[:1] for anchor in anchors])
    walk = studio.interpolate(any_model, anchors, 12)
    torch.testing.assert_close(walk[[0, 4, 8]], stops, rtol=1e-4, atol=1e-5)
    # The last frame is one step before the first one, no nearer and no further than any other step.
    points = latents.walk(studio.latents_for(any_model, anchors), 12, loop=True)
    back = latents.slerp(points[8], points[0], 0.75)
    torch.testing.assert_close(points[11], back)
    assert not torch.equal(walk[11], walk[0])


def test_the_labels_walk_too(faces, digits):
    a, b = Anchor(1), Anchor(1, 1)
    for model in (faces, digits):
        still = studio.interpolate(model, [a, a], 4)
        torch.testing.assert_close(still, still[:1].expand_as(still))
    rows = studio.labels_for(digits, [a, b])
    half = torch.nn.functional.one_hot(rows, 10).float().mean(0, keepdim=True)
    middle = digits.generate(latents.slerp(*studio.latents_for(digits, [a, b]), 0.5)[None], half)
    torch.testing.assert_close(studio.interpolate(digits, [a, b], 3, loop=False)[1:2], middle, rtol=1e-4, atol=1e-5)


def test_a_walk_with_wishes_keeps_them(digits):
    strip = studio.interpolate(digits, [Anchor(1), Anchor(2)], 3, wishes=4, loop=False)
    latent = studio.latents_for(digits, [Anchor(1)])
    torch.testing.assert_close(strip[:1], digits.generate(latent, torch.tensor([4])))


def test_a_change_leaves_the_first_picture_as_it_was(faces):
    own = studio.sample(faces, 6, 1)[0]
    for value in (0.0, 0.5, 1.0):
        before, after = studio.change(faces, Anchor(6), {"Smiling": value})
        torch.testing.assert_close(before, own)
        labels = studio.labels_for(faces, [Anchor(6)], {"Smiling": value})
        torch.testing.assert_close(after, faces.generate(studio.latents_for(faces, [Anchor(6)]), labels)[0])
    smiles = bool(studio.labels_for(faces, [Anchor(6)])[0, 2])
    before, after = studio.change(faces, Anchor(6), {"Smiling": 0.0 if smiles else 1.0})
    assert not torch.allclose(before, after)


def test_a_sweep_of_an_attribute_goes_from_none_to_full(faces):
    strip = studio.sweep(faces, Anchor(6), {"Male": 1.0}, "Smiling", steps=3)
    for picture, value in zip(strip, (0.0, 0.5, 1.0), strict=True):
        torch.testing.assert_close(picture, studio.change(faces, Anchor(6), {"Male": 1.0, "Smiling": value})[1])
    with pytest.raises(InvalidInput, match="does not know"):
        studio.sweep(faces, Anchor(6), None, "Hat")


def test_a_sweep_of_classes_draws_each(digits):
    strip = studio.sweep(digits, Anchor(6), None, None)
    for k, picture in enumerate(strip):
        torch.testing.assert_close(picture, studio.change(digits, Anchor(6), k)[1])
    assert len(strip) == 10


def test_a_sweep_without_labels_is_the_picture(plain):
    torch.testing.assert_close(studio.sweep(plain, Anchor(6), None, None), studio.sample(plain, 6, 1))


def test_a_card_is_told_without_its_front_matter_and_pictures(faces, tmp_path):
    model_folder.save(faces, tmp_path)
    card.write_card(tmp_path, {"dataset": "celeba"})
    (tmp_path / "metrics.json").write_text('{"training": {"dataset": "celeba"}}')
    text = (tmp_path / "README.md").read_text() + "\n![spy](https://example.com/pixel.png)\n"
    (tmp_path / "README.md").write_text(text)
    told = studio.about(str(tmp_path))
    assert "CelebA" in told.data and "non-commercial research" in told.data
    assert "Limits" in told.card and f'gan_models.load("{tmp_path}")' in html.unescape(told.card)
    assert "license:" not in told.card and "example.com" not in told.card


def test_a_model_without_a_card_says_so(plain, tmp_path):
    model_folder.save(plain, tmp_path)
    told = studio.about(str(tmp_path))
    assert "not recorded" in told.data and "no card" in told.card


# ---- Codes that were found without labels ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found():
    torch.manual_seed(4)
    return InfoGANGenerator(16, 1, 12, 4, categories=4, continuous=2).eval().requires_grad_(False)


def test_wished_codes_are_drawn(found):
    latents_of = lambda wishes: studio.latents_for(found, [Anchor(3), Anchor(5, 1)], 1.0, wishes)
    categories, continuous = found.codes(latents_of(Codes(2, (0.5, -0.25))))
    assert categories.tolist() == [2, 2]
    torch.testing.assert_close(continuous, torch.tensor([[0.5, -0.25]] * 2), rtol=0, atol=1e-5)
    assert torch.equal(latents_of(Codes()), latents_of(None))
    torch.testing.assert_close(
        studio.sample(found, 3, 2, wishes=Codes(1))[0], studio.change(found, Anchor(3), Codes(1))[1]
    )
    one, among_two = studio.sample(found, 3, 1)[0], studio.change(found, Anchor(3), Codes(1))[0]
    torch.testing.assert_close(among_two, one, rtol=0, atol=1e-5)  # its first layer is a matrix product
    with pytest.raises(InvalidInput, match="categories"):
        studio.sample(found, 3, 2, wishes=Codes(4))


def test_a_walk_with_a_code_keeps_it(found):
    path = latents.walk(studio.latents_for(found, [Anchor(1), Anchor(2)], 1.0, Codes(3)), 7)
    assert found.codes(path)[0].tolist() == [3] * 7
    assert studio.interpolate(found, [Anchor(1), Anchor(2)], 7, wishes=Codes(3)).shape == (7, 1, 16, 16)


def test_codes_are_swept(found):
    strip = studio.sweep(found, Anchor(6), Codes(None, (0.1, 0.2)), None)
    assert len(strip) == 4
    for k, picture in enumerate(strip):
        torch.testing.assert_close(picture, studio.change(found, Anchor(6), Codes(k, (0.1, 0.2)))[1])
    strip = studio.sweep(found, Anchor(6), Codes(2, (0.1, 0.2)), "1", steps=3)
    for value, picture in zip((-1.0, 0.0, 1.0), strip):
        torch.testing.assert_close(picture, studio.change(found, Anchor(6), Codes(2, (0.1, value)))[1])
    assert len(studio.sweep(found, Anchor(6), None, "0", steps=5)) == 5
