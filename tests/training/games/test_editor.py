"""The editor's game: what is asked for, where directions come from, and what each phase moves."""

import dataclasses
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from recipe_data import dataset_of
from tiny import needed, train, weights

import gan_models
from gan_models import layout, model_folder
from gan_models.celeba import ATTRIBUTES, EXCLUSIVE, opposite_edit
from gan_models.networks.compositing import from_colours
from gan_models.networks.critic import Critic
from gan_models.networks.editor import Editor
from gan_models.samples import FACES, edit_grid
from training import calibrate, loop
from training.commands import calibrate as command
from training.evaluate import __main__ as evaluate
from training.evaluate import editor as evaluate_editor
from training.evaluate import edits
from training.games.adversarial import Batch
from training.games.editor import (
    Editing,
    attribute_loss,
    has_training_label,
    where_shown,
)
from training.metrics import statistics
from training.metrics.features import frechet_distance
from training.recipes import EDITOR_ATTRIBUTES, RecipeError
from training.settings import change, find
from training.starting import build_state

SMALL = ["batch_size=8", "generator.width=4", "generator.decoder_width=4", "discriminator.width=4", "edits_after=16"]
# With a decoder of its own, and with the layers of a generator as its decoder.
OWN = dataclasses.replace(
    find("celeba-editor-64"),
    generator={"attributes": list(ATTRIBUTES), "latent_dim": 8},
    discriminator={"latent_dim": 8},
    terms={"reconstruction": 1.0, "adversarial": 0.4, "attribute": 2.0, "preservation": 1.0, "change": 0.25}
    | {"divergence": 2e-5},
)
RECIPE = change(OWN, [*SMALL, "image_size=16"])
BORROWING = change(find("celeba-editor-64"), SMALL + ["generator.latent_dim=14", "discriminator.latent_dim=14"])


def test_the_recipe_reads_all_labels_its_own_first():
    assert EDITOR_ATTRIBUTES[:14] == ATTRIBUTES and len(set(EDITOR_ATTRIBUTES)) == 40
    with pytest.raises(RecipeError, match="editor"):
        change(find("celeba-editor-64"), ["game=adversarial"])
    with pytest.raises(RecipeError, match="editor"):
        change(find("celeba-dcgan"), ["game=editor"])


def test_requests():
    game, n = Editing(RECIPE, torch.device("cpu")), 4000
    random = torch.Generator().manual_seed(0)
    shown = torch.rand(n, 14, generator=random)
    differences, targets = game.requests(torch.rand(n, 6, generator=random), shown)
    assert set(differences.unique().tolist()) == {-1.0, 0.0, 1.0}
    assert (differences != 0).any(1).all()
    torch.testing.assert_close(targets, torch.where(differences == 0, shown, (differences > 0).float()))
    hair = [ATTRIBUTES.index(name) for name in EXCLUSIVE]
    assert ((differences[:, hair] > 0).sum(1) <= 1).all()  # a head has one
    coloured = (differences[:, hair] > 0).any(1)
    assert (targets[coloured][:, hair] > 0.5).sum(1).eq(1).all()
    asked = (differences != 0).float().mean(0)
    assert asked.min() > 0.04
    assert asked[ATTRIBUTES.index("Mustache")] > 1.5 * asked[ATTRIBUTES.index("Bangs")]  # what needs more drawing
    smile = ATTRIBUTES.index("Smiling")
    mine = differences[:, smile] != 0
    toggled = (targets[mine, smile] > 0.5) != (shown[mine, smile] > 0.5)
    assert 0.75 < toggled.float().mean() < 0.95  # mostly the opposite, sometimes more of it


def test_effects_are_those_of_the_regression():
    """Codes and pixels that are linear in correlated labels: the effects tell them apart, as differences of means do
    not, and say where an attribute shows."""
    critic, random = Critic(32, width=4, latent_dim=8), torch.Generator().manual_seed(0)
    effect = torch.randn(40, 8, generator=random)
    labels = torch.randn(3000, 40, generator=random)
    labels[:, 1] += 2 * labels[:, 0]
    labels = labels.sign()
    codes = labels @ effect / 2 + 3 + 0.1 * torch.randn(3000, 8, generator=random)
    images = 0.1 * torch.randn(3000, 3, 32, 32, generator=random)
    images[:, :, 4:8, 4:12] += 0.3 * labels[:, :1, None, None]
    images[:, :, 20:28, 16:24] += 0.3 * labels[:, 1:2, None, None]
    for some, pictures, their in zip(codes.split(100), images.split(100), labels.split(100)):
        critic.note(some, pictures, their)
    torch.testing.assert_close(critic.effects(critic.code_sums, 14), effect[:14], rtol=0, atol=0.05)
    first, second = where_shown(critic.effects(critic.pixel_sums, 14))[:2]
    assert first.shape == (32, 32) and first[4:8, 4:12].min() > 0.5 and first[14:].max() == 0 == first[:, 18:].max()
    assert second[20:28, 16:24].min() > 0.5 and second[:14].max() == 0 == second[:, :10].max()
    of_means = codes[labels[:, 0] > 0].mean(0) - codes[labels[:, 0] < 0].mean(0)
    assert (of_means - effect[0]).abs().max() > 0.2


def test_labels_of_even_file_numbers_teach_nothing():
    batch = Batch(torch.zeros(4, 3, 16, 16), torch.ones(4, 40), torch.zeros(4, 8), 0, 0, torch.tensor([2, 3, 4, 5]))
    assert has_training_label(batch).tolist() == [False, True, False, True]
    logits = torch.tensor([[2.0] * 14, [-1.0] * 14])
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.ones(2, 14)) / 2
    torch.testing.assert_close(attribute_loss(logits, torch.ones(2, 40), 4), expected)


def run(images: int, recipe=RECIPE):
    torch.manual_seed(0)
    data = dataset_of(recipe)
    state, scalars = build_state(recipe, data, 0, torch.device("cpu")), []
    before = {key: value.clone() for key, value in state.generator.state_dict().items()}
    loop.train(
        recipe,
        data,
        state,
        Accelerator(cpu=True, mixed_precision="no"),
        images,
        0,
        [lambda state, values: scalars.append({key: float(value.detach()) for key, value in values.items()})],
    )
    return state, scalars, before


def moved(state, before, part: str) -> bool:
    return any(
        not torch.equal(value, before[key])
        for key, value in state.generator.state_dict().items()
        if key.startswith(part)
    )


def test_first_the_autoencoder_learns(alone):
    state, scalars, before = run(16)
    assert moved(state, before, "encoder") and moved(state, before, "decoder") and not moved(state, before, "mapping")
    assert {"reconstruction", "divergence", "estimate", "real_classification"} <= scalars[-1].keys()
    assert not state.generator.mapping.directions.any()


def test_then_mapping_and_decoder_learn_to_edit(alone):
    state, scalars, before = run(40)
    first, _, _ = run(16)
    assert (
        moved(state, before, "mapping.layers")
        and state.generator.mapping.directions.any()
        and state.ema.mapping.directions.any()
    )
    for key, value in first.generator.state_dict().items():  # what is learned by then stays
        if key.startswith("encoder") or "running" in key:
            torch.testing.assert_close(state.generator.state_dict()[key], value)
    assert any(
        not torch.equal(value, state.generator.state_dict()[key])
        for key, value in first.generator.state_dict().items()
        if key.startswith("decoder")
    )
    assert {
        "fake_classification",
        "preservation",
        "change",
        "seen",
        "kept",
        "discriminator_loss",
        "generator_loss",
    } <= scalars[-1].keys()
    assert all(np.isfinite(value) for values in scalars for value in values.values())


def test_a_finished_decoder_stays_while_the_encoder_learns_to_read_it(alone):
    state, scalars, before = run(8, BORROWING)
    assert moved(state, before, "encoder") and not moved(state, before, "decoder") and not moved(state, before, "code_")
    assert {"reconstruction", "latent_regression", "estimate", "real_classification"} <= scalars[
        -1
    ].keys() and "divergence" not in scalars[-1]

    editor, batch = state.generator, Batch(torch.rand(8, 3, 64, 64) - 0.5, torch.ones(8, 40), torch.randn(8, 14), 0, 0)
    game = Editing(BORROWING, torch.device("cpu"))
    game.prepare(state, batch)
    generated = game.generate(state, batch)
    codes = editor.codes_from(batch.latents)
    assert codes.shape == (8, 14) and set(codes[:, 4:].unique().tolist()) == {-1.0, 1.0}
    fake = editor.decoder(codes)  # what BatchNorm makes of a picture depends on those beside it
    read = editor.encoder(torch.cat([batch.real, fake]))[0]
    torch.testing.assert_close(generated.latent_regression, (read[8:] - codes).square().mean())
    torch.testing.assert_close(generated.reconstructed, editor.decoder(read[:8]))


def test_then_its_first_layer_learns_to_edit_from_the_conditions_on(alone):
    first, _, _ = run(16, BORROWING)
    state, scalars, before = run(40, BORROWING)
    assert (
        moved(state, before, "decoder.0.")
        and moved(state, before, "decoder.2.weight")
        and moved(state, before, "mapping.layers")
    )
    assert not any(moved(state, before, f"decoder.{k}.") for k in range(3, 14)) and not moved(
        state, before, "decoder.2.running"
    )
    for key, value in first.generator.state_dict().items():
        if key.startswith("encoder"):
            torch.testing.assert_close(state.generator.state_dict()[key], value)
    assert "seen" in scalars[-1]

    Editing(BORROWING, torch.device("cpu")).init_directions(first)
    directions, conditions = first.generator.mapping.directions, first.generator.conditions
    for k, name in enumerate(ATTRIBUTES):
        if name in conditions:
            assert (
                directions[k].nonzero().flatten().tolist() == [4 + conditions.index(name)] and directions[k].max() == 3
            )
        else:
            assert directions[k].count_nonzero() > 2


def test_the_command_starts_from_a_generator(tmp_path, capsys, alone):
    there = needed("celeba-editor-64", tmp_path / "there")
    assert train("celeba-editor-64", *there, "--images", 8, "--precision", "fp32", "--output", tmp_path / "run") == 0
    generator, editor = gan_models.load(tmp_path / "there"), gan_models.load(tmp_path / "run/model")
    latents, labels = generator.sample_latents(2, seed=0), torch.rand(2, 10)
    drawn = editor.decoder(torch.cat([latents, 2 * labels - 1], 1))
    torch.testing.assert_close(drawn, generator.generate(latents, labels), rtol=1e-4, atol=1e-5)
    capsys.readouterr()
    assert train("celeba-editor-64", "--images", 8, "--output", tmp_path / "none") == 2
    assert "name it, such as --init-from celeba-cgan" in capsys.readouterr().err
    assert train("celeba-editor-64", "--images", 8, "--output", tmp_path / "none", "--init-from", "mnist-cgan") == 2
    assert (
        "mnist-cgan does not fit the recipe. The editor cannot draw as this generator does" in capsys.readouterr().err
    )


def test_the_command_trains_both_phases_and_goes_on_where_it_was(tmp_path, alone):
    options = ["--images", 48, "--checkpoint-every", 8, "--seed", 3, "--precision", "fp32", "--set", "edits_after=24"]
    options += needed("celeba-editor-64", tmp_path / "there")
    assert train("celeba-editor-64", *options, "--output", tmp_path / "whole") == 0
    for images in (16, 32, 48):  # stops in either phase
        options[1] = images
        assert train("celeba-editor-64", *options, "--output", tmp_path / "parts", "--resume") == 0
    assert weights(tmp_path / "parts") == weights(tmp_path / "whole")
    editor = gan_models.load(tmp_path / "whole/model")
    assert isinstance(editor, Editor) and editor.mapping.directions.any()
    assert "image-to-image" in (tmp_path / "whole/model/README.md").read_text()
    lines = [json.loads(line) for line in (tmp_path / "whole/stats.jsonl").read_text().splitlines()]
    assert "seen" in lines[-1] and "latent_regression" in lines[0]


def test_opposite_wishes_take_the_hair_that_was_there_away():
    labels = torch.zeros(2, 14, dtype=torch.bool)
    black, blond = ATTRIBUTES.index("Black_Hair"), ATTRIBUTES.index("Blond_Hair")
    labels[0, black] = True
    differences = opposite_edit(labels, blond, ATTRIBUTES)
    assert differences[:, blond].tolist() == [1, 1] and differences[:, black].tolist() == [-1, 0]
    differences = opposite_edit(labels, black, ATTRIBUTES)
    assert differences[:, black].tolist() == [-1, 1] and differences.count_nonzero() == 2


def test_samples_show_edits_of_drawn_faces(monkeypatch):
    """Of the bundled generator's, made smaller; without it of those that the editor draws."""
    editor = Editor(16, width=4, latent_dim=8, hidden=8).eval()
    torch.nn.init.normal_(editor.mapping.directions)
    for layer in editor.decoder:
        if getattr(layer, "weight", None) is not None and layer.weight.ndim > 1:
            torch.nn.init.normal_(layer.weight, 0, 0.5)
    with torch.no_grad():
        rows = edit_grid(editor, 3, 2).unflatten(0, (2, 15))
        generator = gan_models.load(FACES)
        latents = generator.sample_latents(2, seed=3, truncation=0.8)
        faces = generator.generate(latents, generator.sample_labels(2, seed=3))
        monkeypatch.setattr(layout, "bundled", lambda: [])
        own = edit_grid(editor, 3, 2).unflatten(0, (2, 15))
    wanted = torch.nn.functional.interpolate(faces, (16, 16), mode="bicubic", antialias=True).clamp(-1, 1)
    torch.testing.assert_close(rows[:, 0], wanted)
    torch.testing.assert_close(own[:, 0], editor.generate(editor.sample_latents(2, seed=3)).detach())
    assert (rows[:, 1:] - rows[:, :1]).abs().amax((2, 3, 4)).min() > 0.01


@pytest.fixture
def made_up_faces(monkeypatch):
    data = dataset_of(RECIPE, 26)
    data = type(data)(**{**vars(data), "labels": data.labels[:, :14], "label_names": ATTRIBUTES})
    monkeypatch.setattr(evaluate_editor, "open_dataset", lambda *arguments, **named: data)
    monkeypatch.setattr(evaluate_editor, "RECOGNISED", 1)
    larger = dataset_of(change(RECIPE, [f"image_size={edits.SIZE}"]), 26)
    monkeypatch.setattr(
        edits, "open_dataset", lambda *arguments, attributes, **named: replace(larger, label_names=attributes)
    )
    return data


def test_an_editor_that_does_nothing_is_seen_to(made_up_faces, monkeypatch):
    monkeypatch.setattr(evaluate_editor, "face_recogniser", lambda size: None)
    editor = Editor(16, width=4, latent_dim=8, hidden=8).eval().requires_grad_(False)  # its directions are zero
    result = evaluate_editor.evaluate(editor, "celeba", split="valid", batch_size=10)
    assert result["others_kept26_valid_judge"]["value"] == 1 and result["psnr26_valid"]["value"] == 100
    assert result["psnr_outside26_valid"] == {"value": 100, "worst": 100, "put_back": 100}
    assert result["ssim_outside26_valid"]["worst"] == pytest.approx(1)
    assert result["ssim26_valid"]["value"] == pytest.approx(1) and result["psnr26_valid"]["drawn"] < 30
    seen = result["change_seen26_valid_judge"]
    assert seen["value"] == pytest.approx(1 - seen["real"])  # the judge is right where it was, and nothing was done
    assert result["milliseconds"]["value"] > 0
    record = result["evaluation"]["judge"]
    assert record["samples"] == 26 and set(record["attributes"]) == set(ATTRIBUTES)
    assert record["attributes"]["Bald"]["others_kept"] == 1


def test_edits_are_counted(made_up_faces, monkeypatch):
    """A judge that sees the mean of a picture, and an editor that brightens: what is brought is seen, what should go is
    not."""
    monkeypatch.setattr(evaluate_editor, "face_recogniser", lambda size: None)
    editor = Editor(16, width=4, latent_dim=8, hidden=8).eval().requires_grad_(False)
    monkeypatch.setattr(
        editor,
        "decode",
        lambda latents, differences: (
            torch.full_like(latents.photos, 0.9).narrow(0, 0, 1).expand(len(differences), -1, -1, -1)
        ),
    )

    def opinions(judge, images):
        bright = torch.from_numpy(images).float().mean((1, 2, 3))[:, None] - 200
        return evaluate_editor.networks.ClassifierOutput(torch.zeros(len(images), 4), bright.expand(-1, 40))

    monkeypatch.setattr(evaluate_editor.networks, "classify", opinions)
    monkeypatch.setattr(evaluate_editor, "_frechet_distances", lambda *arguments: {"value": 0.0, "real": 0.0})
    result = evaluate_editor.evaluate(editor, "celeba")
    for numbers in result["evaluation"]["judge"]["attributes"].values():
        assert numbers["psnr_outside"] < 20 and numbers["ssim_outside"] < 0.9
        assert numbers["brought"] == 1 and numbers["taken_away"] == 0 and numbers["others_kept"] == 0


def test_the_command_that_judges(made_up_faces, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(evaluate_editor, "face_recogniser", lambda size: None)
    model_folder.save(Editor(16, width=4, latent_dim=8, hidden=8), tmp_path)
    assert evaluate.main([str(tmp_path), "--data", "celeba", "--write"]) == 0
    printed = capsys.readouterr().out
    assert "change_seen26_test_judge" in printed and "others kept" in printed and "Eyeglasses" in printed
    assert "edit_seen200_test_judge" in printed and "+ Eyeglasses" in printed
    assert json.loads((tmp_path / "metrics.json").read_text())["others_kept26_test_judge"]["value"] == 1
    card = (tmp_path / "README.md").read_text()
    assert "| Eyeglasses |" in card and "others_kept26_test_judge" in card
    assert evaluate.main([str(tmp_path), "--data", "celeba", "--network", "inception"]) == 2
    assert "network judge" in capsys.readouterr().err


def test_the_person_stays_where_nothing_changes(made_up_faces):
    pytest.importorskip("dlib")
    editor = Editor(16, width=4, latent_dim=8, hidden=8).eval().requires_grad_(False)
    shares, distances = evaluate_editor._identity(editor, evaluate_editor.face_recogniser(16), made_up_faces, 1)
    assert shares.tolist() == [1.0] * 14 and distances.max() < 0.05


def test_psnr_and_ssim():
    random = torch.Generator().manual_seed(0)
    a = torch.rand(2, 3, 32, 32, generator=random) * 2 - 1
    torch.testing.assert_close(statistics.psnr(a, a), torch.full((2,), 100.0))
    torch.testing.assert_close(statistics.psnr(a, a + 0.2), torch.full((2,), 20.0))
    torch.testing.assert_close(statistics.ssim(a, a), torch.ones(2))
    noisy = statistics.ssim(a, a + 0.3 * torch.randn(a.shape, generator=random))
    assert (noisy < statistics.ssim(a, a + 0.1)).all() and (noisy > 0).all()


def test_only_what_changes_outside_the_head_counts_there():
    """Of 64 x 64 pixels 902 are outside (counted here by the ellipse's equation in CelebA's frame of 178 x 218)."""
    random = torch.Generator().manual_seed(0)
    photo = torch.rand(2, 3, 64, 64, generator=random) - 0.5
    outside = torch.tensor(
        [
            [((25 + 2 * x + 1 - 89) / 58) ** 2 + ((48 + 2 * y + 1 - 121) / 78) ** 2 > 1 for x in range(64)]
            for y in range(64)
        ]
    )
    assert outside.sum() == 902
    psnr, ssim = evaluate_editor.outside_head(photo, torch.where(outside, photo, -photo))
    assert psnr.tolist() == [100, 100]
    torch.testing.assert_close(ssim, torch.ones(2))
    psnr, ssim = evaluate_editor.outside_head(
        photo, photo + 0.2
    )  # an error of 0.2 of the 2 between black and white: 20 dB
    torch.testing.assert_close(psnr, torch.full((2,), 20.0))
    edited = photo.clone()
    edited[1, 0, 0, 0] += 0.5  # one number of 2706, in a corner
    psnr, ssim = evaluate_editor.outside_head(photo, edited)
    assert psnr[0] == 100 and float(psnr[1]) == pytest.approx(10 * np.log10(4 / (0.25 / 2706)), abs=1e-3)
    assert ssim[1] < ssim[0]


# ---- Strengths -------------------------------------------------------------------------------------------------------


def test_each_attribute_gets_the_strength_that_is_worth_its_price():
    """Two attributes, of which the first is seen from 0.7 on and drives pictures away, the second only at 1.2 and costs
    nothing, but for its way out: that is never seen, and costs."""
    random, m, strengths = torch.Generator().manual_seed(0), 400, torch.tensor(calibrate.STRENGTHS)
    attribute, away = torch.arange(m) % 2, torch.arange(m) // 2 % 2
    lost = (attribute == 1) & (away == 1)
    features = torch.randn(m, 3, generator=random).double().expand(len(strengths), -1, -1).clone()
    features[:, (attribute == 0) | lost, 0] += 4 * strengths[:, None].double()
    seen = torch.where(attribute == 0, strengths[:, None] >= 0.7, (strengths[:, None] >= 1.2) & ~lost).double()
    real = torch.randn(m, 3, generator=random).double()
    measured = calibrate.JudgedEdits(features, seen, torch.ones_like(seen), attribute, away, real)
    brought, taken = strengths[calibrate.choose_strengths(measured)].tolist()
    assert brought == pytest.approx([0.7, 1.2]) and taken == pytest.approx([0.7, 0.3])
    found = calibrate.score(measured, calibrate.choose_strengths(measured), calibrate.distance_to(real))
    assert found["seen"] == 0.75 and found["kept"] == 1
    assert found["score"] == pytest.approx(1.75 - calibrate.PRICE * found["fid"])
    worse = measured._replace(kept=1 - 5 * (strengths[:, None] - 0.3).clamp_min(0).double() * (attribute == 1))
    assert strengths[calibrate.choose_strengths(worse)][0].tolist() == pytest.approx(
        [0.7, 0.3]
    )  # others change, which is not worth it


def test_the_distance_of_a_calibration_is_torch_fidelitys():
    random = torch.Generator().manual_seed(0)
    mixed = torch.randn(8, 8, generator=random).double()
    real, other = (
        torch.randn(300, 8, generator=random).double() @ mixed,
        torch.randn(200, 8, generator=random).double() + 1,
    )
    assert calibrate.distance_to(real)(other) == pytest.approx(frechet_distance(other, real), rel=1e-6)
    few = calibrate.distance_to(real[:5])(other)  # a singular covariance
    assert few == pytest.approx(frechet_distance(other, real[:5]), rel=1e-3)


def test_the_palette_is_of_the_colours_inside_heads():
    grey = torch.rand(40, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 1.6 - 0.8
    faces = from_colours(torch.cat([grey, torch.full_like(grey, 0.1), 0.2 * torch.rand_like(grey) - 0.1], 1))
    faces[..., 0, 0] = torch.tensor([0.0, 1.0, 0.0])  # a green corner is not of the head
    found = calibrate.palette(faces)
    there = slice(2, 14)
    torch.testing.assert_close(found[0, :, there], torch.full((2, 12), 0.1, dtype=torch.float64), rtol=0, atol=1e-5)
    torch.testing.assert_close(
        found[1, 0, there], torch.full((12,), -0.1 + 0.2 * calibrate.RARE, dtype=torch.float64), rtol=0, atol=0.005
    )
    torch.testing.assert_close(
        found[1, 1, there], torch.full((12,), 0.1 - 0.2 * calibrate.RARE, dtype=torch.float64), rtol=0, atol=0.005
    )
    assert not found[:, :, [0, 15]].any()


def test_the_command_that_calibrates(made_up_faces, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(calibrate, "open_dataset", lambda *arguments, **named: made_up_faces)
    monkeypatch.setattr(calibrate, "STRENGTHS", (0.5, 1.0))
    torch.manual_seed(0)
    editor = Editor(16, width=4, latent_dim=8, hidden=8)
    torch.nn.init.normal_(editor.mapping.directions)
    folder = tmp_path / "model"
    model_folder.save(editor, folder)
    (folder / "metrics.json").write_text(
        json.dumps({"training": {"command": "python -m training celeba-editor-64", "seed": 3}, "fid": 1.0})
    )
    for _ in range(2):  # again, it begins anew
        assert command.main([str(folder), "--data", "celeba"]) == 0
    printed = capsys.readouterr().out
    after, metrics = gan_models.load(folder), json.loads((folder / "metrics.json").read_text())
    found = metrics["training"]["calibration"]
    assert (
        "fid" not in metrics
        and found["edits"] == 26 * calibrate.TURNS
        and found["after"]["score"] >= found["before"]["score"]
    )
    assert after.palette.abs().max() < 2
    assert after.mapping.strengths.T.tolist() == list(found["strengths"].values()) and set(found["strengths"]) == set(
        ATTRIBUTES
    )
    assert any(0.5 in both for both in found["strengths"].values())  # a judge of made-up pictures sees none of it
    assert metrics["training"]["command"].splitlines() == [
        "python -m training celeba-editor-64",
        f"python -m training.calibrate {folder.parent.name} --data celeba",
    ]
    assert (
        "Eyeglasses" in printed
        and "before" in printed
        and (folder / "samples.png").is_file()
        and (folder / "README.md").is_file()
    )

    before = (folder / "model.safetensors").read_bytes()
    monkeypatch.setattr(calibrate, "open_dataset", lambda *arguments, **named: dataset_of(find("mnist-dcgan")))
    assert command.main([str(folder), "--data", "mnist"]) == 2
    assert "take --data celeba" in capsys.readouterr().err and (folder / "model.safetensors").read_bytes() == before
    model_folder.save(gan_models.load("mnist-cgan"), tmp_path / "digits")
    for source, words in ((tmp_path / "digits", "only editors have strengths"), (tmp_path / "none", "none")):
        assert command.main([str(source), "--data", "celeba"]) == 2
        said = capsys.readouterr().err
        assert words in said and said.count("\n") == 1
