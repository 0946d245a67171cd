"""Real and generated pictures in one data set."""

from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch
from torch.utils.data import DataLoader, TensorDataset

import training
from gan_models.errors import InvalidInput
from gan_models.images import to_uint8
from gan_models.networks.dcgan import DCGANGenerator
from training.data.dataset import Dataset
from training.mixing import draw_examples

DIGITS = tiny.digits(20)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return DCGANGenerator(28, 1, latent_dim=6, width=4, labels=list(DIGITS.label_names)).eval()


def test_generated_pictures_come_after_the_real_ones_with_the_labels_that_were_asked_for(model):
    more = training.augmented(model, DIGITS, share=1.5, seed=3)
    assert isinstance(more, Dataset) and len(more) == 50
    assert (more.images[:20] == DIGITS.images).all() and (more.labels[:20] == DIGITS.labels).all()
    assert more.labels[20:].tolist() == [k % 10 for k in range(30)]
    with torch.inference_mode():
        one = model.generate(model.sample_latents(30, seed=3)[27:28], torch.tensor([7]))
    assert np.abs(more.images[47].astype(int) - to_uint8(one).transpose(0, 3, 1, 2)[0]).max() <= 1  # rounding
    few = training.augmented(model, DIGITS, share=0.5, seed=3)
    assert np.abs(few.images[20:].astype(int) - more.images[20:30]).max() <= 1
    assert more.checksum not in (few.checksum, DIGITS.checksum)
    assert training.augmented(model, DIGITS, share=0) is DIGITS
    assert training.augmented(model, replace(DIGITS, altered="They are copies."), share=0.5).altered


def test_any_loop_takes_them(model):
    real = [(torch.zeros(1, 28, 28), k) for k in range(6)]  # as the items of torchvision are
    more = training.augmented(model, real, share=2)
    assert len(more) == 18
    pictures, classes = next(iter(DataLoader(more, batch_size=18)))
    assert pictures.shape == (18, 1, 28, 28) and (pictures[:6] == 0).all()
    assert pictures[6:].min() >= 0 and pictures[6:].max() <= 1 and pictures[6:].std() > 0
    assert classes.tolist() == [*range(6), *range(10), 0, 1]
    changed = training.augmented(model, real, share=1, transform=lambda picture: (picture.mode, picture.size))
    assert changed[6] == (("L", (28, 28)), 0)


def test_attributes_occur_as_in_the_data():
    torch.manual_seed(0)
    names = ("Smiling", "Male")
    model = DCGANGenerator(32, 3, latent_dim=6, width=4, labels=list(names), multi_label=True).eval()
    faces = Dataset(
        "faces", np.zeros((3, 3, 32, 32), np.uint8), np.array([[0, 1], [1, 1], [1, 0]], np.uint8), names, True, ""
    )
    more = training.augmented(model, faces, share=4 / 3)
    assert more.labels[3:].tolist() == [[0, 1], [1, 1], [1, 0], [0, 1]]
    with pytest.raises(InvalidInput, match="needs one of classes"):
        training.augmented(model, TensorDataset(torch.zeros(2, 3, 32, 32), torch.zeros(2)))


@pytest.mark.parametrize("share", [-1, 101, float("nan"), True, "all"])
def test_an_invalid_share_is_refused(model, share):
    with pytest.raises(InvalidInput, match="from 0 to 100"):
        training.augmented(model, DIGITS, share=share)


def test_what_does_not_fit_is_refused(model):
    with pytest.raises(InvalidInput, match="is unconditional"):
        training.augmented(DCGANGenerator(28, 1, latent_dim=6, width=4), DIGITS)
    with pytest.raises(InvalidInput, match="not those of mnist"):
        training.augmented(DCGANGenerator(28, 1, latent_dim=6, width=4, labels=["a", "b"]), DIGITS)
    with pytest.raises(InvalidInput, match="those of mnist are"):
        training.augmented(DCGANGenerator(32, 1, latent_dim=6, width=4, labels=list(DIGITS.label_names)), DIGITS)
    broken = DCGANGenerator(28, 1, latent_dim=6, width=4, labels=list(DIGITS.label_names)).eval()
    with torch.no_grad():
        broken.embedding.weight.fill_(float("nan"))
    with pytest.raises(InvalidInput, match="not finite"):
        draw_examples(broken, np.arange(3), 0)
