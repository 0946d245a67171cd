"""Where a picture lies in a generator's latent space."""

import pytest
import torch

import gan_models
from gan_models import inversion
from gan_models.errors import InvalidConfig, InvalidInput
from gan_models.inversion import fill, invert, morph
from gan_models.networks.dcgan import DCGANGenerator
from gan_models.networks.encoding import EncodingGenerator
from gan_models.networks.invertible import InvertibleGenerator

NAMES = ["Smiling", "Male", "Young"]
SMALL = {"image_size": 16, "image_channels": 3, "latent_dim": 6, "width": 8}


def lively(generator):
    """A generator whose pictures depend on its latent as much as those of a trained one."""
    with torch.no_grad():
        for name, parameter in generator.named_parameters():
            if parameter.ndim > 1 and not name.startswith("encoder"):
                parameter.mul_(6)
    return generator.requires_grad_(False).eval()


@pytest.fixture
def generator():
    torch.manual_seed(0)
    return lively(InvertibleGenerator(**SMALL, labels=NAMES, multi_label=True, encoder_width=4))


@pytest.mark.parametrize("labels, multi_label", [(NAMES, True), (["0", "1"], False), (None, False)])
def test_reads_latents_and_labels_and_survives_a_save(tmp_path, labels, multi_label):
    torch.manual_seed(0)
    generator = InvertibleGenerator(**SMALL, labels=labels, multi_label=multi_label, encoder_width=4).eval()
    generator.save_pretrained(tmp_path)
    again = gan_models.load(tmp_path)
    images = torch.rand(5, 3, 16, 16) * 2 - 1
    latents, found = again.encode(images), again.estimate_labels(images)
    assert again.encodes and latents.shape == (5, 6)
    assert torch.equal(latents, generator.to(memory_format=torch.channels_last).encode(images))
    if labels is None:
        assert found is None
    else:
        assert found.shape == (5, len(labels)) and found.min() >= 0 and found.max() <= 1
        assert multi_label or torch.allclose(found.sum(1), torch.ones(5))
    assert again.generate(latents, found).shape == images.shape


def test_optimisation_finds_what_was_drawn(generator):
    labels = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    images = generator.generate(generator.sample_latents(2, seed=1), labels)
    first = inversion.coarse_and_fine(
        generator.generate(generator.encode(images), generator.estimate_labels(images)), images
    )
    seen = []
    found = invert(generator, images, steps=200, progress=lambda done, steps: seen.append((done, steps)))
    error = inversion.coarse_and_fine(generator.generate(found.latents, found.labels), images)
    assert (error < first / 4).all() and (error < 0.1).all()
    assert seen == [(k, 200) for k in range(1, 201)]
    assert ((found.labels > 0) & (found.labels < 1)).all() and not found.latents.requires_grad
    assert all(parameter.grad is None for parameter in generator.parameters())


def test_no_steps_is_what_the_encoder_says(generator):
    images = generator.generate(generator.sample_latents(2, seed=1), torch.rand(2, 3))
    found = invert(generator, images, steps=0)
    assert torch.equal(found.latents, generator.encode(images))
    assert torch.allclose(found.labels, generator.estimate_labels(images).clamp(0.02, 0.98))


def test_one_picture_does_not_depend_on_the_others(generator):
    images = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    together, alone = invert(generator, images, steps=10), invert(generator, images[1:2], steps=10)
    assert torch.allclose(together.latents[1:2], alone.latents, atol=1e-4)
    assert torch.allclose(together.labels[1:2], alone.labels, atol=1e-4)


@pytest.mark.parametrize(
    "build",
    [
        lambda: DCGANGenerator(**SMALL),
        lambda: EncodingGenerator(**SMALL),
        lambda: DCGANGenerator(**SMALL, labels=["0", "1", "2"]),
        lambda: DCGANGenerator(**SMALL, labels=NAMES, multi_label=True),
    ],
)
def test_any_generator_can_be_inverted(build):
    torch.manual_seed(0)
    generator = lively(build())
    images = generator.generate(generator.sample_latents(2, seed=1), generator.sample_labels(2, seed=1))
    start, found = invert(generator, images, steps=0), invert(generator, images, steps=100)
    errors = [inversion.coarse_and_fine(generator.generate(*place), images) for place in (start, found)]
    assert (errors[1] < errors[0] / 1.5).all()


def test_a_morph_begins_and_ends_where_it_should(generator):
    images = generator.generate(generator.sample_latents(2, seed=1), torch.rand(2, 3))
    places = invert(generator, images, steps=3)
    way = morph(generator, places, 5)
    ends = generator.generate(*places)
    assert way.shape == (5, 3, 16, 16)
    assert torch.allclose(way[0], ends[0], atol=1e-4) and torch.allclose(way[-1], ends[1], atol=1e-4)
    assert (way[2] - way[0]).abs().mean() > 1e-3


@pytest.mark.parametrize(
    "images, words",
    [
        ("cat", "(n, 3, 16, 16), not str"),
        (torch.zeros(3, 16, 16), "not (3, 16, 16)"),
        (torch.zeros(1, 3, 16, 16, dtype=torch.uint8), "floating"),
        (torch.full((1, 3, 16, 16), 255.0), "from -1 to 1"),
        (torch.full((1, 3, 16, 16), float("nan")), "from -1 to 1"),
    ],
)
def test_other_pictures_get_a_sentence(generator, images, words):
    for act in (generator.encode, generator.estimate_labels, lambda images: invert(generator, images)):
        with pytest.raises(InvalidInput) as caught:
            act(images)
        assert words in str(caught.value)


@pytest.mark.parametrize("steps", [-1, 1.5, 10**9, True])
def test_a_bad_number_of_steps_gets_a_sentence(generator, steps):
    with pytest.raises(InvalidInput, match="number of steps"):
        invert(generator, torch.zeros(1, 3, 16, 16), steps=steps)


@pytest.mark.parametrize("width", [0, 10**9, "4", None])
def test_absurd_encoders_are_refused(width):
    with pytest.raises(InvalidConfig, match="encoder_width"):
        InvertibleGenerator(**SMALL, encoder_width=width)


@pytest.mark.parametrize("labels", [NAMES, None])
def test_a_hole_is_filled_by_what_goes_with_the_rest(labels):
    torch.manual_seed(0)
    generator = lively(DCGANGenerator(**SMALL, labels=labels, multi_label=bool(labels)))
    wanted = generator.generate(generator.sample_latents(4, seed=1), generator.sample_labels(4, seed=1))
    mask = torch.zeros(16, 16)
    mask[:, 10:] = 1
    filled = fill(generator, wanted * (1 - mask) + mask, mask, steps=150)
    assert torch.equal(filled[..., :10], wanted[..., :10])
    error, nothing = ((x - wanted)[..., 10:].abs().mean() for x in (filled, wanted.mean(0, keepdim=True)))
    assert error < nothing / 1.5


def test_what_is_in_a_hole_and_an_encoder_that_would_read_it_are_not_asked(generator):
    pictures, mask = torch.rand(2, 3, 16, 16) * 2 - 1, torch.zeros(16, 16)
    mask[4:8] = 1
    filled = fill(generator, pictures, mask, steps=3)
    assert torch.equal(fill(generator, torch.where(mask > 0, -pictures, pictures), mask, steps=3), filled)


@pytest.mark.parametrize(
    "mask, words", [(torch.zeros(16, 16), "empty"), (torch.ones(16, 16), "whole"), (torch.ones(8, 16), "of their size")]
)
def test_masks_that_are_refused(generator, mask, words):
    with pytest.raises(InvalidInput, match=words):
        fill(generator, torch.zeros(1, 3, 16, 16), mask)
