"""Edits are judged as a photo shows them."""

import pytest
import torch

from gan_models.networks.retouch import RetouchEditor
from training.evaluate import edits
from training.recipes import RETOUCHED

EDITED = list(RETOUCHED)


def test_the_kernel_distance_is_zero_on_average_for_one_distribution_and_grows_with_distance():
    random = torch.Generator().manual_seed(0)
    a, b = torch.randn(400, 16, generator=random), torch.randn(400, 16, generator=random)
    assert abs(edits.kid(a, b)) < 0.02
    assert 0.02 < edits.kid(a, b + 0.3) < edits.kid(a, b + 0.6)
    kernel = lambda x, y: (x @ y / 16 + 1) ** 3
    x, y = a[:3].double(), b[:2].double()
    within = [
        sum(kernel(z[i], z[j]) for i in range(len(z)) for j in range(len(z)) if i != j) / (len(z) * (len(z) - 1))
        for z in (x, y)
    ]
    across = sum(kernel(p, q) for p in x for q in y) / 6
    assert edits.kid(x, y) == pytest.approx(float(within[0] + within[1] - 2 * across))


def test_an_edit_is_judged_as_a_photo_sees_it():
    torch.manual_seed(0)
    editor = RetouchEditor(64, width=8, finest=8, attributes=EDITED).requires_grad_(False).eval()
    torch.nn.init.normal_(editor.smooth.weight, 0, 0.05)
    pictures = torch.rand(2, 3, 128, 128) * 2 - 1
    differences = torch.zeros(2, len(EDITED))
    assert torch.equal(edits.edit(editor, pictures, differences), pictures)
    differences[0, 0] = 1
    edited = edits.edit(editor, pictures, differences)
    assert (
        edited.shape == pictures.shape
        and not torch.equal(edited[0], pictures[0])
        and torch.equal(edited[1], pictures[1])
    )


def test_the_summary_takes_means_medians_and_the_worst_of_those_with_enough_faces():
    def row(seen, ratio, real, same):
        return {"seen": seen, "judge": 0.9, "others_kept": 0.95, "kid_ratio": ratio, "real": real, "same_person": same}

    rows = {
        "Smiling": {"brought": row(1.0, 0.5, 300, 1.0), "taken": row(0.5, 0.7, 300, 0.5)},
        "Bald": {"brought": row(0.25, 9.0, 20, 1.0)},
        "Male": {"brought": row(1.0, 0.2, 300, 0.0)},
    }
    shades = [(torch.tensor([0.0, 1.0, 2.0, 3.0]), torch.tensor([8.0, 1.0, 1.0, 2.0]))]
    found = edits.summary(rows, shades, "4_test", "judge")
    assert (
        found["edit_seen4_test_judge"]["value"] == pytest.approx((0.75 + 0.25 + 1) / 3)
        and found["edit_seen4_test_judge"]["worst"] == 0.25
    )
    assert found["edit_kid_ratio4_test_general"] == {"value": pytest.approx(0.6), "worst": 0.7}
    assert found["edit_cheeks4_test"] == {"value": 3.0, "dark": 8.0, "light": 2.0}
    assert found["edit_identity4_test_dlib"]["value"] == pytest.approx(2.5 / 3)
