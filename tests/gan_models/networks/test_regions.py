"""Where in a face an edit may act."""

import numpy as np
import pytest
import torch

import gan_models
from gan_models.celeba import WINDOW
from gan_models.model_folder import save
from gan_models.networks.regions import KEPT, PARTS, permitted, regions_of
from gan_models.networks.retouch import RetouchEditor
from gan_models.photos.faces import EYES_AND_MOUTH

NAMES = ("Mustache", "Eyeglasses", "Smiling", "Blond_Hair")
LESS, MORE = 0, 1


def at(maps, x: float, y: float):
    """The value of maps (..., S, S) at a place in shares of the face's crop."""
    size = maps.shape[-1]
    return maps[..., int(y * size), int(x * size)]


def test_each_direction_leaves_its_parts_alone():
    regions = regions_of(NAMES, 64)
    assert regions.shape == (2, 4, 64, 64) and regions.min() == 0 and regions.max() == 1
    left, top, side = WINDOW
    eyes, mouth = ((EYES_AND_MOUTH[part] - (left, top)) / side for part in (slice(12), slice(12, None)))
    for x, y in mouth:
        assert at(regions, x, y)[:, 0].sum() == 0  # a moustache leaves the mouth
        assert at(regions, x, y)[:, 2].tolist() == [1, 1]  # which a smile changes
    for x, y in eyes:
        assert at(regions, x, y)[:, 1].tolist() == [1, 0]  # glasses come round the eyes; dark ones go from before them
    assert at(regions, 0.5, 0.72)[:, 0].tolist() == [1, 1]  # below the nose
    assert at(regions, 0.05, 0.3)[:, 3].tolist() == [1, 1] and at(regions, 0.5, 0.7)[:, 3].tolist() == [0, 0]  # hair
    assert {part for pair in KEPT.values() for parts in pair for part in parts} == set(PARTS)
    assert set(KEPT) <= {*gan_models.load("celeba-editor").attributes}
    assert not regions_of(NAMES, 32).is_inference()


def test_several_requests_open_the_regions_of_all_in_proportion():
    regions = torch.zeros(2, 3, 8, 8)
    regions[MORE, 0, :4] = 1
    regions[LESS, 1, 4:] = 1
    regions[MORE, 2, :, :4] = 0.6
    one = permitted(regions, torch.tensor([[1.0, 0, 0], [-1, 0, 0], [0, -1, 0], [1, -0.5, 0], [1, 0.5, 0], [0, 0, 1]]))
    assert one.shape == (6, 1, 8, 8)
    rows = one[:, 0, :, 7]
    assert rows[0].tolist() == [1] * 4 + [0] * 4
    assert rows[1].sum() == 0  # less of the first may act nowhere
    assert rows[2].tolist() == [0] * 4 + [1] * 4
    assert rows[3].tolist() == [1] * 4 + [0.5] * 4
    assert rows[4].tolist() == rows[0].tolist()
    torch.testing.assert_close(one[5, 0, :, 0], torch.full((8,), 0.6))


@pytest.mark.parametrize("size", [64, 128])
def test_an_editor_changes_nothing_outside_its_regions(tmp_path, size):
    torch.manual_seed(0)
    editor = RetouchEditor(size, width=8, finest=8, attributes=NAMES, regions=True).eval()
    with torch.no_grad():
        editor.smooth.weight.normal_(0, 0.05)
    save(editor, tmp_path)
    editor = gan_models.load(tmp_path)  # which is built without values first
    assert editor.regions
    images = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(1)) * 1.6 - 0.8
    change = (editor.edit(images, {"Mustache": 1.0}) - images).abs().amax(1)[0]
    free = np.kron(regions_of(NAMES, 64)[MORE, 0].numpy(), np.ones((size // 64, size // 64)))
    inside = torch.nn.functional.max_pool2d(torch.from_numpy(free)[None], 5, 1, 2)[0] == 0  # away from its border
    assert inside.sum() > 0.02 * size**2
    assert change[inside].max() < 1e-5 < 0.01 < change[torch.from_numpy(free) == 1].mean()
    freely = RetouchEditor(**(editor.arguments | {"regions": False}))
    freely.load_state_dict(editor.state_dict())  # the weights are the same
    assert (freely.eval().edit(images, {"Mustache": 1.0}) - images).abs().amax(1)[0][inside].mean() > 0.01
