"""The editor: nothing asked is nothing changed, one face goes with many wishes, and foolish wishes get a sentence."""

import json

import pytest
import torch

import gan_models
from gan_models import model_folder
from gan_models.celeba import ATTRIBUTES, EXCLUSIVE
from gan_models.errors import InvalidConfig, InvalidInput
from gan_models.networks.compositing import colours, from_colours
from gan_models.networks.dcgan import DCGANGenerator
from gan_models.networks.editor import Editor

SMALL = {"image_size": 16, "width": 4, "latent_dim": 8, "hidden": 12}


@pytest.fixture(scope="module")
def editor() -> Editor:
    torch.manual_seed(0)
    model = Editor(**SMALL).eval().requires_grad_(False)
    for layer in (
        model.mapping.directions,
        model.mapping.layers[-1].weight,
        *(p for p in model.decoder.parameters() if p.ndim > 1),
    ):
        torch.nn.init.normal_(layer, 0, 0.5)
    return model


@pytest.fixture(scope="module")
def faces() -> torch.Tensor:
    return torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 1.6 - 0.8


def one(name: str, value: float = 1.0) -> torch.Tensor:
    differences = torch.zeros(1, len(ATTRIBUTES))
    differences[0, ATTRIBUTES.index(name)] = value
    return differences


def test_knows_the_attributes_of_stgan_and_the_smile(editor):
    assert editor.attributes == ATTRIBUTES and len(set(ATTRIBUTES)) == 14
    assert editor.image_shape == (3, 16, 16)


def test_no_wish_changes_nothing_though_it_goes_through_the_network(editor, faces, monkeypatch):
    calls = []
    monkeypatch.setattr(
        editor.decoder, "forward", lambda codes, forward=editor.decoder.forward: calls.append(1) or forward(codes)
    )
    torch.testing.assert_close(editor.edit(faces, {}), faces, rtol=0, atol=1e-5)
    assert len(calls) == 2


def test_an_edit_is_the_photo_plus_the_difference_of_two_drawings(editor, faces):
    latents, head = editor.encode(faces), edited_share(16)
    little = one("Smiling", 0.001).expand(3, -1)
    moved = editor.decoder(latents.codes + editor.mapping(latents.codes, little))
    torch.testing.assert_close(
        editor.decode(latents, little), (faces + head * (moved - latents.drawn)).clamp(-1, 1), rtol=0, atol=1e-6
    )
    differences = one("Smiling").expand(3, -1)
    moved = editor.decoder(latents.codes + editor.mapping(latents.codes, differences))
    edited = editor.decode(latents, differences)
    torch.testing.assert_close(edited, (faces + head * editor.change(faces, latents.drawn, moved)).clamp(-1, 1))
    assert (edited - faces).abs().amax((1, 2, 3)).min() > 0.01
    assert edited.abs().max() <= 1


def edited_share(size: int) -> torch.Tensor:
    """Worked out anew: 1 inside 0.85 of the ellipse, 0 outside it."""
    share = torch.zeros(size, size)
    for row in range(size):
        for column in range(size):
            x, y = (column + 0.5) / size, (row + 0.5) / size
            t = (1 - (((x - 0.5) / 0.453) ** 2 + ((y - 0.57) / 0.609) ** 2) ** 0.5) / 0.15
            share[row, column] = 0 if t < 0 else 1 if t > 1 else 3 * t**2 - 2 * t**3
    return share


def test_nothing_changes_outside_the_head(editor, faces):
    latents, head = editor.encode(faces), edited_share(16)
    assert head[0, 0] == head[15, 15] == 0 and head[8, 8] == 1
    for name in ATTRIBUTES:
        for value in (1.0, -2.0):
            change = (editor.decode(latents, one(name, value).expand(3, -1)) - faces).abs()
            assert change[..., head == 0].max() == 0 and change[..., head > 0.5].max() > 0.01, name


def test_each_attribute_changes_its_own_region(editor, faces):
    bangs, male = (editor.attributes.index(name) for name in ("Bangs", "Male"))
    latents = editor.encode(faces)
    try:
        editor.regions[bangs, 8:], editor.regions[male, :8] = 0, 0
        change = (editor.decode(latents, one("Bangs").expand(3, -1)) - faces).abs()
        assert change[:, :, 8:].max() == 0 and change[:, :, :8].max() > 0.01
        change = (editor.decode(latents, (one("Bangs") - one("Male")).expand(3, -1)) - faces).abs()
        assert min(change[:, :, 8:].max(), change[:, :, :8].max()) > 0.01
        whole, part = editor.reach(one("Bangs") - one("Male")), editor.reach(one("Bangs", 2.0) + one("Male", 0.4))
        torch.testing.assert_close(whole[0, 0], edited_share(16))
        torch.testing.assert_close(part[0, 0], edited_share(16) * torch.where(torch.arange(16) < 8, 1.0, 0.4)[:, None])
        assert not editor.reach(torch.zeros(1, 14)).any()
    finally:
        editor.regions.fill_(1)


def test_half_the_difference_is_half_the_way_and_twice_only_a_third_further(editor, faces):
    codes = editor.encode(faces).codes
    once = editor.mapping(codes, one("Bangs").expand(3, -1) - 0.5 * one("Male"))
    torch.testing.assert_close(editor.mapping(codes, 0.5 * one("Bangs").expand(3, -1) - 0.25 * one("Male")), once / 2)
    torch.testing.assert_close(editor.mapping(codes, 2 * one("Bangs").expand(3, -1) - one("Male")), once * 4 / 3)
    assert not editor.mapping(codes, torch.zeros(3, 14)).any()
    assert not torch.allclose(
        editor.mapping(codes, -one("Bangs").expand(3, -1)), -editor.mapping(codes, one("Bangs").expand(3, -1))
    )
    as_far = editor.mapping(codes, 0.4 * one("Bangs").expand(3, -1))
    there = editor.mapping(codes, -one("Bangs").expand(3, -1))
    editor.mapping.strengths[0, editor.attributes.index("Bangs")] = 0.4
    torch.testing.assert_close(editor.mapping(codes, one("Bangs").expand(3, -1)), as_far)
    torch.testing.assert_close(
        editor.mapping(codes, -one("Bangs").expand(3, -1)), there
    )  # the way out has a strength of its own
    editor.mapping.strengths.fill_(1)


def test_detail_goes_only_where_the_change_is_large():
    """A photo of stripes that the decoder did not draw: they stay where little changes, and make room where much
    does."""
    stripes = 0.3 * (torch.arange(64) % 2 * 2 - 1).float().expand(1, 3, 64, 64)
    drawn, redrawn = torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 64, 64)
    redrawn[..., :32] = 0.6
    after = stripes + Editor.change(stripes, drawn, redrawn)
    torch.testing.assert_close(after[..., 8:, 44:], stripes[..., 8:, 44:], rtol=0, atol=1e-6)
    assert (after[..., 8:-8, 8:24] - 0.6).abs().max() < 0.3 / 10
    torch.testing.assert_close(
        Editor.change(stripes, stripes, stripes + redrawn), redrawn, rtol=0, atol=1e-6
    )  # what it drew may change wholly
    torch.testing.assert_close(Editor.change(stripes, drawn, redrawn * 0.1), redrawn * 0.1)


def test_a_face_is_encoded_once_for_a_strip_of_wishes(editor, faces):
    latents = editor.encode(faces[:1])
    strip = editor.decode(latents, torch.cat([one("Young", value) for value in (-2.0, -1.0, 0.0, 1.0, 2.0)]))
    assert strip.shape == (5, 3, 16, 16)
    torch.testing.assert_close(strip[2:3], faces[:1], rtol=0, atol=1e-5)
    torch.testing.assert_close(strip[3:4], editor.decode(latents, one("Young", 1.0)), rtol=1e-4, atol=1e-5)
    # Batches of other sizes round apart, by more than that this far out: the same wish, five times.
    torch.testing.assert_close(
        strip[4:], editor.decode(latents, one("Young", 2.0).expand(5, -1))[:1], rtol=1e-4, atol=1e-5
    )


def test_targets_are_differences_from_what_a_picture_shows(editor, faces):
    latents = editor.encode(faces)
    k = ATTRIBUTES.index("Eyeglasses")
    assert ((latents.shown > 0) & (latents.shown < 1)).all()
    differences = editor.differences(latents, {"Eyeglasses": 1.0}, 1.5)
    torch.testing.assert_close(differences[:, k], 1.5 * (1 - latents.shown[:, k]))
    assert differences.count_nonzero() == 3
    torch.testing.assert_close(editor.edit(faces, {"Eyeglasses": 1.0}, 1.5), editor.decode(latents, differences))


def test_a_hair_colour_takes_the_others_away(editor, faces):
    latents = editor.encode(faces)
    differences = editor.differences(latents, {"Blond_Hair": 1.0})
    for name in EXCLUSIVE:
        column = differences[:, ATTRIBUTES.index(name)]
        assert (column > 0).all() if name == "Blond_Hair" else (column < 0).all()
    assert editor.differences(latents, {"Blond_Hair": 0.0}).count_nonzero() == 3  # taking one away brings no other


@pytest.mark.parametrize(
    "targets, intensity, sentence",
    [
        ({"Beard": 1.0}, 1.0, "no attribute 'Beard'"),
        ({"Smiling": 1.5}, 1.0, "Smiling must be a number from 0 to 1"),
        ({"Smiling": float("nan")}, 1.0, "Smiling must be"),
        ({"Smiling": True}, 1.0, "Smiling must be"),
        ({"Smiling": 1.0}, 2.5, "intensity must be a number from 0 to 2"),
        ({"Smiling": 1.0}, -1.0, "intensity"),
        ({"Black_Hair": 1.0, "Blond_Hair": 1.0}, 1.0, "A head has one of Black_Hair and Blond_Hair"),
        (["Smiling"], 1.0, "names and values"),
    ],
)
def test_foolish_wishes_get_a_sentence(editor, faces, targets, intensity, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        editor.edit(faces, targets, intensity)


def test_foolish_differences_get_a_sentence(editor, faces):
    latents = editor.encode(faces)
    for differences in (
        torch.full((3, 14), 2.1),
        torch.full((3, 14), float("nan")),
        torch.zeros(3, 13),
        torch.zeros(2, 14),
        "smile",
    ):
        with pytest.raises(InvalidInput, match="differences must be"):
            editor.decode(latents, differences)
    with pytest.raises(InvalidInput, match="encode"):
        editor.decode(latents.codes, torch.zeros(3, 14))


@pytest.mark.parametrize(
    "images",
    [
        torch.zeros(1, 3, 32, 32),
        torch.zeros(3, 16, 16),
        torch.zeros(1, 3, 16, 16, dtype=torch.uint8),
        torch.full((1, 3, 16, 16), 3.0),
        torch.full((1, 3, 16, 16), float("nan")),
        "face.jpg",
    ],
)
def test_foolish_pictures_get_a_sentence(editor, images):
    with pytest.raises(InvalidInput, match="pictures must"):
        editor.encode(images)


def test_it_draws_faces_of_its_own_with_the_codes_of_photos(editor):
    latents = editor.sample_latents(2000, seed=0)
    editor.code_mean.fill_(0.5)
    editor.code_covariance.copy_(torch.eye(8) * 4 + 1)
    codes = []
    handle = editor.decoder.register_forward_pre_hook(lambda module, arguments: codes.append(arguments[0]))
    try:
        images = editor.generate(latents)
    finally:
        handle.remove()
        editor.code_mean.zero_(), editor.code_covariance.copy_(torch.eye(8))
    assert images.shape == (2000, 3, 16, 16)
    torch.testing.assert_close(codes[0].mean(0), torch.full((8,), 0.5), rtol=0, atol=0.2)
    torch.testing.assert_close(codes[0].T.cov(), torch.eye(8) * 4 + 1, rtol=0, atol=0.5)


CONDITIONS = ["Smiling", "Male", "Young"]


def generator_of(**other) -> DCGANGenerator:
    torch.manual_seed(2)
    generator = DCGANGenerator(
        **({"image_size": 64, "latent_dim": 5, "width": 4, "labels": CONDITIONS, "multi_label": True} | other)
    ).eval()
    for name, buffer in generator.named_buffers():
        if "running" in name:
            buffer.uniform_(0.5, 1.5)
    generator.embedding.bias.data.normal_()
    generator.label_table.copy_((torch.rand(generator.label_table.shape) < torch.tensor([0.5, 0.2, 0.9])).float())
    return generator.requires_grad_(False)


def editor_of(**other) -> Editor:
    return (
        Editor(**({"latent_dim": 8, "width": 2, "decoder_width": 4, "hidden": 8, "conditions": CONDITIONS} | other))
        .eval()
        .requires_grad_(False)
    )


def test_it_draws_as_a_finished_generator_does():
    generator, model = generator_of(), editor_of()
    model.adopt(generator)
    latents, labels = generator.sample_latents(6, seed=0), generator.sample_labels(6, seed=0)
    torch.testing.assert_close(
        model.decoder(torch.cat([latents, 2 * labels - 1], 1)),
        generator.generate(latents, labels),
        rtol=1e-4,
        atol=1e-5,
    )
    codes = model.codes_from(model.sample_latents(4000, seed=1))
    assert set(codes[:, 5:].unique().tolist()) == {-1.0, 1.0}
    torch.testing.assert_close((codes[:, 5:] > 0).float().mean(0), generator.label_table.mean(0), rtol=0, atol=0.05)
    torch.testing.assert_close(codes[:, :5].std(0), torch.ones(5), rtol=0, atol=0.05)


@pytest.mark.parametrize(
    "generator, editor",
    [
        ({"latent_dim": 6}, {}),
        ({"width": 8}, {}),
        ({"image_size": 32}, {}),
        ({"labels": CONDITIONS[::-1]}, {}),
        ({"labels": CONDITIONS, "multi_label": False}, {}),
        ({}, {"conditions": None}),
        ({"labels": None, "multi_label": False}, {}),
    ],
)
def test_a_generator_that_does_not_fit_gets_a_sentence(generator, editor):
    other = DCGANGenerator(
        **({"image_size": 64, "latent_dim": 5, "width": 4, "labels": CONDITIONS, "multi_label": True} | generator)
    )
    with pytest.raises(InvalidInput, match="cannot draw as this generator"):
        editor_of(**editor).adopt(other)


def test_load_gives_the_same_edits_back(editor, faces, tmp_path):
    model_folder.save(editor, tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["family"] == "editor"
    loaded = gan_models.load(tmp_path)
    assert isinstance(loaded, Editor) and loaded.attributes == ATTRIBUTES
    torch.testing.assert_close(loaded.edit(faces, {"Male": 0.0}), editor.edit(faces, {"Male": 0.0}))


@pytest.mark.parametrize(
    "key, value, sentence",
    [
        ("image_size", 28, "must be 8, 16"),
        ("image_size", 512, "image_size"),
        ("latent_dim", 0, "latent_dim"),
        ("width", "wide", "width"),
        ("attributes", [], "names"),
        ("attributes", ["Smiling", "Smiling"], "distinct"),
        ("attributes", "Smiling", "names"),
        ("hidden", 10**6, "hidden"),
        ("conditions", ["Smiling"] * 2, "distinct"),
        ("conditions", list("abcdefgh"), "latent_dim = 8"),
        ("labels", ["Smiling"], "unknown keys"),
    ],
)
def test_an_odd_configuration_gets_a_sentence(editor, tmp_path, key, value, sentence):
    model_folder.save(editor, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text()) | {key: value}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InvalidConfig, match=sentence):
        gan_models.load(tmp_path)


@pytest.mark.parametrize("size", [8, 64, 128])
def test_sizes(size):
    with torch.no_grad():
        model = Editor(image_size=size, width=4, latent_dim=8, hidden=8).eval()
        assert model.edit(torch.zeros(1, 3, size, size), {"Smiling": 1.0}).shape == (1, 3, size, size)


def test_colours_are_taken_apart_and_put_together():
    images = torch.rand(3, 3, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
    torch.testing.assert_close(from_colours(colours(images)), images)
    for rgb, expected in (((1, 1, 1), (1, 0, 0)), ((1, 0, -1), (0, 1, 0)), ((-1, 1, -1), (-1 / 3, 0, 1))):
        pixel = torch.tensor(rgb, dtype=torch.float32)[None, :, None, None]
        torch.testing.assert_close(colours(pixel).flatten(), torch.tensor(expected, dtype=torch.float32))


def test_edits_paint_no_colours_that_faces_do_not_have(editor, faces):
    latents = editor.encode(faces)
    before = editor.decode(latents, one("Bangs").expand(3, -1))
    editor.palette[1] = torch.tensor([-0.1, 0.05])[:, None]  # of greenness
    try:
        after = editor.decode(latents, one("Bangs").expand(3, -1))
        same = editor.decode(latents, torch.zeros(3, len(editor.attributes)))
    finally:
        editor.palette.copy_(torch.tensor([-2.0, 2.0])[None, :, None].expand_as(editor.palette))
    assert torch.equal(same, faces)
    had, free, bound = (colours(images)[:, 2] for images in (faces, before, after))
    assert ((free > 0.1) & (had < 0)).any()  # too green without a palette
    changed = (after != faces).any(1)
    assert not torch.equal(before, after) and torch.equal(changed, (before != faces).any(1))
    inside = (after.abs() < 0.999).all(1)  # at 1, clipping moves colours
    assert (bound <= had.clamp_min(0.05) + 1e-5)[inside & changed].all() and (bound >= had.clamp_max(-0.1) - 1e-5)[
        inside & changed
    ].all()
    torch.testing.assert_close(
        colours(after)[:, 0][inside], colours(before)[:, 0][inside], rtol=0, atol=1e-4
    )  # as bright as before


def test_what_the_decoder_knows_as_a_condition_moves_the_conditions_alone():
    torch.manual_seed(0)
    editor = Editor(16, width=4, latent_dim=8, hidden=8, conditions=["Bangs", "Male"])
    for weight in editor.mapping.parameters():
        torch.nn.init.normal_(weight)
    codes, both = torch.randn(3, 8), one("Bangs") + one("Bald")
    for differences, free in ((one("Bangs"), False), (-one("Male"), False), (one("Bald"), True), (both, True)):
        moved = editor.mapping(codes, differences.expand(3, -1))
        assert moved[:, 6:].abs().min() > 0 and moved[:, :6].any() == free
    shared, alone = (editor.mapping.layers(torch.cat([codes, asked.expand(3, -1)], 1)) for asked in (both, one("Bald")))
    torch.testing.assert_close(
        editor.mapping(codes, both.expand(3, -1))[:, :6], editor.mapping.directions[0, :6] + shared[:, :6] / 2
    )
    torch.testing.assert_close(
        editor.mapping(codes, one("Bald").expand(3, -1))[:, :6], editor.mapping.directions[0, :6] + alone[:, :6]
    )
