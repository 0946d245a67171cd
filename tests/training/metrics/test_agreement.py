"""Toggling one attribute of a face."""

from types import SimpleNamespace

import pytest
import torch
from tqdm import tqdm

from gan_models.networks.dcgan import DCGANGenerator
from training.evaluate import __main__ as evaluate
from training.metrics import agreement

NAMES = ["Black_Hair", "Blond_Hair", "Smiling"]
KNOWN = ["Bald", "Gray_Hair", "Mouth_Slightly_Open", *NAMES]


def toggled(monkeypatch, rule, before: list[list[float]]):
    """What of KNOWN is seen (K, 2, n, L) by a viewer that follows a rule: the labels that were asked for -> logits; and
    what was asked."""
    asked = []
    monkeypatch.setattr(
        agreement, "generated_pictures", lambda generator, latents, labels, bar: asked.append(labels) or labels
    )
    viewer = SimpleNamespace(labels=KNOWN, look=lambda labels, batch_size: SimpleNamespace(logits=rule(labels)))
    generator = DCGANGenerator(8, 3, latent_dim=2, width=2, labels=NAMES, multi_label=True)
    before = torch.tensor(before)
    kept = before.clone()
    seen = agreement.toggle(generator, viewer, torch.zeros(len(before), 2), before, 1, tqdm(disable=True))
    assert torch.equal(before, kept)
    return generator, viewer, seen, torch.cat(asked).tolist()


def test_a_hair_colour_is_toggled_alone_and_the_rest_stays(monkeypatch):
    always = torch.tensor([[-1.0, -1, -1, -1, 1, -1]])
    generator, viewer, seen, asked = toggled(monkeypatch, lambda labels: always, [[1.0, 0.0, 1.0]])
    assert asked == [[0, 0, 1], [1, 0, 1], [1, 0, 1], [0, 1, 1], [1, 0, 0], [1, 0, 1]]
    details = {}
    result = agreement.toggle_agreement(seen, None, None, generator, viewer, details)
    assert result == {"value": 0.5, "real": None, "both": 0.0}  # what the viewer sees never changes
    assert [details["attributes"][name]["toggled_on"] for name in NAMES] == [0, 1, 0]
    assert [details["attributes"][name]["toggled_off"] for name in NAMES] == [1, 0, 1]


def test_others_that_flip_with_a_toggled_attribute_are_counted(monkeypatch):
    """A smile that in one of two faces opens the mouth, and takes the blond away; hair that takes other hair away."""

    def rule(labels):
        black, blond, smile = labels.T > 0.5
        opened = smile & torch.tensor([True, False])
        bald = gray = ~black & ~blond
        return torch.stack([bald, gray, opened, black, blond & ~opened, smile], 1) * 2.0 - 1

    generator, viewer, seen, _ = toggled(monkeypatch, rule, [[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    details = {}
    result = agreement.toggle_others_kept(seen, generator, viewer, details)
    numbers = details["attributes"]
    # Of the five others a smile changes two in one of the faces; of a hair colour's two others, which are no hair, none
    # changes.
    assert numbers["Smiling"] == {"toggled_others_kept": 0.8, "toggled_own_kept": 0.75}
    assert numbers["Black_Hair"] == numbers["Blond_Hair"] == {"toggled_others_kept": 1, "toggled_own_kept": 1}
    assert result == {"value": pytest.approx((0.8 + 1 + 1) / 3), "real": None, "own": pytest.approx((0.75 + 1 + 1) / 3)}


def test_hair_colours_and_baldness_are_no_others_to_one_another():
    counted = agreement.others(("Black_Hair", "Smiling", "Bald"), tuple(KNOWN)).tolist()
    assert counted[0] == counted[2] == [False, False, True, False, False, True]
    assert counted[1] == [True, True, True, True, True, False]


def test_where_there_are_no_others_there_is_no_number():
    generator = DCGANGenerator(8, 3, latent_dim=2, width=2, labels=["Smiling"], multi_label=True)
    seen, details = torch.tensor([[[[False]], [[True]]]]), {}
    result = agreement.toggle_others_kept(seen, generator, SimpleNamespace(labels=["Smiling"]), details)
    assert result == {"value": None, "real": None, "own": None} and details["attributes"] == {"Smiling": {}}
    record = {"attributes": {"Smiling": {"toggled_others_kept": 0.875}}}
    printed = evaluate.metrics_table(
        {"toggle_others_kept1k_judge": result | {"value": 0.875}, "evaluation": {"judge": record}}
    )
    assert printed.count("0.875") == 2 and "others kept" in printed
