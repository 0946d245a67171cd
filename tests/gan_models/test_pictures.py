"""A picture as a text: it says all that is drawn, and may come from anybody."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_models import InvalidInput, images, marks, pictures, studio
from gan_models.networks.dcgan import DCGANGenerator
from gan_models.networks.infogan import InfoGANGenerator
from gan_models.pictures import Picture

FACES = ["Black_Hair", "Blond_Hair", "Smiling"]


def model(**arguments):
    torch.manual_seed(0)
    made = DCGANGenerator(28, 1, 16, 4, **arguments).eval().requires_grad_(False)
    if made.multi_label:
        made.label_table.uniform_()
    return made


@pytest.fixture(scope="module")
def faces():
    return model(labels=FACES, multi_label=True)


@pytest.fixture(scope="module")
def digits():
    return model(labels=list("0123456789"))


@pytest.fixture(scope="module")
def plain():
    return model()


@pytest.fixture(scope="module")
def codes():
    torch.manual_seed(0)
    return InfoGANGenerator(latent_dim=20, width=4, hidden=16).eval().requires_grad_(False)


def same(generator, one: Picture) -> bool:
    """Whether a picture comes back exactly from its text, and from the mark in its file."""
    again = pictures.parse(generator, str(one))
    mark = marks.Mark("m", "abcdef1", pictures.to_drawn(generator, [one]))
    read = marks.from_xmp(marks.to_xmp(mark)).pictures[0]
    reopened = pictures.from_drawn(generator, read)
    drawn = [pictures.draw(generator, [picture]) for picture in (one, again, reopened)]
    return again == one and torch.equal(drawn[0], drawn[1]) and torch.equal(drawn[0], drawn[2])


def test_what_a_seed_gives_is_what_sampling_draws_wishes_included(faces, digits, plain, codes):
    for generator, wishes in (
        (faces, None),
        (faces, {"Smiling": 1.0, "Blond_Hair": 1.0}),
        (digits, None),
        (digits, 7),
        (plain, None),
        (codes, None),
        (codes, studio.Codes(3)),
    ):
        made = pictures.of_seed(generator, 5, 6, 0.7, wishes)
        drawn = studio.sample(generator, 5, 6, 0.7, wishes)
        assert torch.allclose(pictures.draw(generator, made), drawn, atol=1e-6)
        assert len(set(made)) == 6 and all(same(generator, one) for one in made)


def test_texts_are_short_and_plain(faces, digits):
    assert [str(one) for one in pictures.of_seed(digits, 7, 3)] == ["7", "7:1", "7:2"]
    assert str(pictures.of_seed(digits, 7, 3, 0.8, 5)[2]) == "7:2*0.8/5"
    (one,) = pictures.of_seed(faces, 7, 1, 1.0, dict(zip(FACES, (0, 1.0, 0.5), strict=True)))
    assert str(one) == "7/0_1_0.5" and one.name == "7"
    assert pictures.parse(digits, "7:2*0.8/5") == Picture(7, 2, 0.8, None, tuple(float(k == 5) for k in range(10)))


def test_a_variation_is_near_and_keeps_its_labels(faces, digits, plain):
    for generator, wishes in ((faces, {"Smiling": 1.0}), (digits, 5), (plain, None)):
        (one,) = pictures.of_seed(generator, 3, 1, 0.8, wishes)
        some = pictures.vary(generator, one, 11, 8)
        assert len(set(some)) == 8 and all(same(generator, other) for other in some)
        own, others = pictures.latents(generator, [one]), pictures.latents(generator, some)
        far = pictures.latents(generator, pictures.of_seed(generator, 4, 8, 0.8))
        assert ((others - own).norm(dim=1) < (far - own).norm(dim=1)).all()
        if wishes:
            assert torch.equal(pictures.labels(generator, some), pictures.labels(generator, [one] * 8))


def test_a_walk_begins_and_ends_at_its_pictures_and_each_step_is_one(faces, digits, plain):
    for generator in (faces, digits, plain):
        stops = pictures.of_seed(generator, 3, 2, 0.9) + pictures.vary(generator, Picture(8), 1, 1)
        path = pictures.path_through(generator, stops, 9)
        assert all(same(generator, one) for one in path)
        ends = pictures.draw(generator, [path[0], path[4], path[8]])
        assert torch.allclose(ends, pictures.draw(generator, stops), atol=1e-5)
        told = []
        film = pictures.film(generator, stops, 30, loop=True, progress=lambda *done: told.append(done))
        assert film.shape == (30, 1, 28, 28) and told == [(12, 30), (24, 30), (30, 30)]
    with pytest.raises(InvalidInput, match="2 to 6"):
        pictures.path_through(plain, stops[:1], 9)


def test_one_hair_colour_at_a_time(faces):
    one = pictures.Picture(3, labels=(1.0, 0.0, 0.25))
    changed = pictures.with_labels(faces, one, {"Blond_Hair": 1.0})
    assert changed == one._replace(labels=(0.0, 1.0, 0.25))
    assert pictures.with_labels(faces, one, None) is one


def test_a_file_of_another_model_is_refused_in_a_sentence(faces, digits, codes):
    (drawn,) = pictures.to_drawn(digits, [Picture(1)])
    for other in (faces, codes, model()):
        with pytest.raises(InvalidInput, match="made by a model"):
            pictures.from_drawn(other, drawn)
    assert set(drawn.labels.values()) == {1.0} and len(drawn.labels) == 1


def test_a_file_that_says_another_seed_than_its_latent_is_opened_by_the_latent(digits):
    (drawn,) = pictures.to_drawn(digits, [Picture(1, labels=(1.0, *[0.0] * 9))])
    opened = pictures.from_drawn(digits, drawn._replace(seed=2))
    assert opened.seed is None and opened.latent == drawn.latent
    assert pictures.from_drawn(digits, drawn).seed == 1


BAD = [
    "",
    "x",
    "-1",
    "1:1000",
    "1*3",
    "1*",
    "1/10",
    "1/",
    "1/0.5",
    "1/1_1",
    "z",
    "z!",
    "zAAAA",
    "1" * 20,
    "9" * 19,
    "1 2",
]


@pytest.mark.parametrize(
    "text", [*BAD, "zAADAfw", "1" * 30_000, "1/" + "1_" * 9_000, "1/1e5", "1/nan", "1/2_" + "0_" * 8 + "0"]
)
def test_junk_gets_a_sentence(digits, text):
    with pytest.raises(InvalidInput) as raised:
        pictures.parse(digits, text)
    assert len(str(raised.value)) < 300


def test_a_latent_without_labels_is_no_picture_of_a_model_that_takes_labels(digits, plain):
    text = str(Picture(latent=(0.5,) * 16))
    assert pictures.parse(plain, text).latent == (0.5,) * 16
    with pytest.raises(InvalidInput, match="needs labels"):
        pictures.parse(digits, text)
    for broken in (float("nan"), float("inf"), 1e30):
        with pytest.raises(InvalidInput, match="holds numbers"):
            pictures.parse(plain, str(Picture(latent=(broken,) * 16)))


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.from_regex(r"\A(\d{1,20}(:\d{1,4})?(\*[\d.]{1,4})?|z[\w-]{1,90})(/[\d._]{1,30})?\Z") | st.text(max_size=30))
def test_anything_is_a_picture_or_a_sentence(digits, text):
    try:
        one = pictures.parse(digits, text)
    except InvalidInput:
        return
    assert pictures.parse(digits, str(one)) == one
    assert pictures.draw(digits, [one]).isfinite().all() and images.to_uint8(pictures.draw(digits, [one])).size
