"""ONNX files: for every family the same pictures as PyTorch's, and all that a stranger must know in the metadata."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import gan_models
from gan_models import cli, model_folder
from gan_models.choices import PARTS
from gan_models.errors import InvalidInput, MissingPackage, ModelError
from gan_models.export import graphs, onnx, parts
from gan_models.networks import FAMILIES
from gan_models.networks.classifying import ClassifyingGenerator
from gan_models.networks.dcgan import DCGANGenerator
from gan_models.networks.editor import Editor
from gan_models.networks.encoding import EncodingGenerator
from gan_models.networks.infogan import InfoGANGenerator
from gan_models.networks.invertible import InvertibleGenerator
from gan_models.networks.laplacian import LaplacianGenerator
from gan_models.networks.mlp import MLPGenerator
from gan_models.networks.resnet import ResNetGenerator
from gan_models.networks.restore import Restorer
from gan_models.networks.retouch import RetouchEditor
from gan_models.networks.translate import Translator

onnx_package = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

ATTRIBUTES = ["Black_Hair", "Smiling", "Male"]
MODELS = {
    "mlp": lambda: MLPGenerator(image_size=8, latent_dim=4, width=8),
    "dcgan": lambda: DCGANGenerator(image_size=16, latent_dim=4, width=4),
    "dcgan of classes": lambda: DCGANGenerator(image_size=16, latent_dim=4, width=4, labels=["a", "b", "c"]),
    "dcgan of attributes": lambda: DCGANGenerator(
        image_size=16, latent_dim=4, width=4, labels=ATTRIBUTES, multi_label=True
    ),
    "infogan": lambda: InfoGANGenerator(width=4, hidden=16),
    "encoding": lambda: EncodingGenerator(width=4, latent_dim=8),
    "invertible": lambda: InvertibleGenerator(image_size=16, width=4, labels=ATTRIBUTES, multi_label=True),
    "invertible of classes": lambda: InvertibleGenerator(image_size=16, width=4, labels=["a", "b"]),
    "laplacian": lambda: LaplacianGenerator(
        image_size=32, latent_dim=4, width=4, labels=ATTRIBUTES, multi_label=True, details_width=4
    ),
    "classifying": lambda: ClassifyingGenerator(width=4, reader_width=8, classes=["a", "b"]),
    "dcgan, not square": lambda: DCGANGenerator(image_size=[32, 16], latent_dim=4, width=4),
    "resnet": lambda: ResNetGenerator(image_size=16, width=16),
    "resnet of classes": lambda: ResNetGenerator(image_size=16, width=16, patch=1, labels=["a", "b"]),
    "editor": lambda: Editor(image_size=16, width=4, latent_dim=8, hidden=8, conditions=["Smiling"]),
    "restore": lambda: Restorer(image_size=32, width=8, embedding=8),
    "restore of drawings": lambda: Restorer(image_size=32, width=8, embedding=8, residual=False, damages=["edges"]),
    "translate": lambda: Translator(image_size=32, width=8, embedding=8, labels=["a", "b"]),
    "retouch": lambda: RetouchEditor(image_size=32, width=8, finest=8),
    "retouch, larger": lambda: RetouchEditor(image_size=128, width=8, finest=8),
    "retouch in regions": lambda: RetouchEditor(image_size=128, width=8, finest=8, regions=True),
}
CASES = [
    *((name, part) for name in MODELS for part in PARTS),
    *((name, part) for name in gan_models.bundled() for part in PARTS),
]


def lively(model):
    """Untrained networks draw next to nothing; these draw something."""
    torch.manual_seed(0)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim > 1:
                weight.normal_(0, 0.15)
            elif "norm" not in name:
                weight.add_(0.05 * torch.randn_like(weight))
    if model.labels and model.multi_label:
        model.label_table.bernoulli_(0.4)
    return model.eval().requires_grad_(False)


def test_every_family_is_here():
    covered = {make().family for make in MODELS.values()}
    exportable = {name for name, cls in FAMILIES.items() if issubclass(cls, gan_models.Generator)}
    missing = exportable - covered
    assert not missing, f"add {missing} to MODELS"


def run(path, rows: int, part: graphs.Part) -> tuple[list[np.ndarray], dict]:
    """What onnxruntime makes of inputs of a seed, and the inputs."""
    rng = np.random.default_rng(rows)
    inputs = {}
    for name, shape in part.inputs.items():
        between = part.ranges[name]
        if between is None:
            inputs[name] = rng.standard_normal((rows, *shape), np.float32)
        elif len(shape) == 3:  # smooth pictures
            coarse = torch.from_numpy(rng.uniform(*between, (rows, shape[0], 8, 8)).astype(np.float32))
            inputs[name] = torch.nn.functional.interpolate(coarse, shape[1:], mode="bilinear").numpy()
        else:
            inputs[name] = rng.uniform(*between, (rows, *shape)).astype(np.float32)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [value.name for value in session.get_inputs()] == list(part.inputs)
    assert [value.name for value in session.get_outputs()] == list(part.outputs)
    return session.run(None, inputs), inputs


@pytest.mark.parametrize("name, part", CASES)
def test_the_file_draws_what_pytorch_draws(name, part, tmp_path):
    model = lively(MODELS[name]()) if name in MODELS else gan_models.load(name)
    known = parts(model)
    path = tmp_path / "model.onnx"
    if part not in known:
        with pytest.raises(InvalidInput, match=f"no part '{part}'"):
            onnx(model, path, part=part)
        return
    assert onnx(model, path, part=part) <= graphs.TOLERANCE
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"]
    for rows in (1, 9):  # any number of rows
        got, inputs = run(str(path), rows, known[part])
        tensors = {key: torch.from_numpy(value) for key, value in inputs.items()}
        # by the public methods, not by the network that was exported
        if part == "generate":
            wanted = [model.generate(tensors["latents"], tensors.get("labels"))]
        elif part == "encode":
            wanted = [model.encode(tensors["images"]), model.estimate_labels(tensors["images"])]
        elif part == "restore":
            images, mask, strengths = (tensors[key] for key in ("images", "mask", "strengths"))
            known_pixels = images * (1 - mask)
            sharp = model.unblurred(known_pixels, model.blurs_of(known_pixels), strengths)
            seen = model.estimated(model.look(images, mask))
            wanted = [model.draw(model.look(images, mask, sharp), strengths).clamp(-1, 1), seen]
        elif part == "translate":
            wanted = [model.draw(tensors["images"], tensors["kinds"]).clamp(-1, 1)]
        elif part == "classify":
            wanted = [model.classify(tensors["images"])]
        else:
            seen = model.encode(tensors["images"])
            wanted = [model.decode(seen, tensors["changes"]), seen.shown]
        wanted = [value for value in wanted if value is not None]
        assert len(got) == len(wanted)
        for a, b in zip(got, wanted):
            assert a.shape == tuple(b.shape) and np.abs(a - b.numpy()).max() <= 1e-4
        assert got[0].std() > 1e-4  # something is drawn at all


def test_nothing_asked_of_an_editor_gives_back_the_very_picture(tmp_path):
    for make in (MODELS["editor"], MODELS["retouch"]):
        model = lively(make())
        onnx(model, tmp_path / "model.onnx")
        session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
        images = np.random.default_rng(0).uniform(-1, 1, (2, *model.image_shape)).astype(np.float32)
        edited = session.run(["edited"], {"images": images, "changes": np.zeros((2, len(model.attributes)), "f4")})[0]
        assert np.array_equal(edited, images)


def test_the_file_says_what_a_stranger_must_know(tmp_path):
    path = tmp_path / "faces.onnx"
    card = "---\nlicense: other\nlicense_name: for-research\nlicense_link: https://example.org/terms\n---\n\n# Faces\n"
    model = lively(MODELS["dcgan of attributes"]())
    onnx(model, path, card=card, name="user/faces")
    told = {entry.key: entry.value for entry in onnx_package.load(path).metadata_props}
    assert told["title"] == "user/faces" and told["card"] == card and told["part"] == "generate"
    assert told["licence"] == "for-research" and told["licence_link"] == "https://example.org/terms"
    assert json.loads(told["labels"]) == ATTRIBUTES and "0 (absent) to 1 (present)" in told["label_kind"]
    assert np.allclose(json.loads(told["label_table"]), model.label_table)
    assert json.loads(told["config"]) == model_folder.config_of(model)
    assert "standard normal" in told["latents"] and "(n, 4)" in told["latents"]
    # the rule of the seed is Python that gives the very latents
    rule = told["seed_rule"].partition(": ")[2]
    for k in (0, 7):
        drawn = eval(rule, {"numpy": np, "s": 3, "k": k, "latent_dim": 4})
        assert np.array_equal(drawn, model.sample_latents(8, seed=3)[k].numpy())


def test_bundled_models_keep_their_licence(tmp_path):
    card = (model_folder.Path(gan_models.layout.PRETRAINED) / "celeba-cgan" / "README.md").read_text()
    assert graphs.licence_in(card)["licence"] == "celeba-non-commercial-research"
    assert graphs.licence_in("# no front matter")["note"] == "The licence is not stated."
    assert graphs.licence_in("---\nlicense: [\n---\n")["licence"] == "not stated"


def test_halves_are_half_the_file_and_the_same_numbers(tmp_path):
    """Weights that float16 holds are stored so; others only where that is asked for."""
    torch.manual_seed(0)
    model = DCGANGenerator(image_size=32, latent_dim=16, width=16).eval()
    sizes = {}
    for name, half in (("whole", False), ("rounded", True)):
        onnx(model, tmp_path / f"{name}.onnx", half=half)
        sizes[name] = (tmp_path / f"{name}.onnx").stat().st_size
    onnx(model.half().float(), tmp_path / "held.onnx")
    sizes["held"] = (tmp_path / "held.onnx").stat().st_size
    assert sizes["held"] == sizes["rounded"] < 0.6 * sizes["whole"]


def test_what_goes_wrong_is_a_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    model = lively(MODELS["mlp"]())
    for path, words in (
        (tmp_path / "x.pt", "must end in .onnx"),
        (tmp_path / "no" / "x.onnx", "does not exist"),
        (tmp_path, "must end in .onnx"),
    ):
        with pytest.raises(InvalidInput, match=words):
            onnx(model, path)
    monkeypatch.setattr(graphs, "TOLERANCE", -1.0)
    with pytest.raises(ModelError, match="differ from PyTorch's"):
        onnx(model, tmp_path / "x.onnx")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(graphs.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match=r"package onnx, which comes with the extra 'onnx'"):
        onnx(model, tmp_path / "x.onnx")


def test_the_model_is_left_as_it_was(tmp_path):
    model = MODELS["dcgan"]().train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    onnx(model, tmp_path / "x.onnx")
    assert model.training and all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_the_command(tmp_path, capsys):
    path = tmp_path / "digits.onnx"
    assert cli.main(["export", "mnist-cgan", "-o", str(path)]) == 0
    assert str(path) in capsys.readouterr().out
    told = {entry.key: entry.value for entry in onnx_package.load(path).metadata_props}
    assert told["title"] == "mnist-cgan" and told["licence"] == "mit" and 'load("mnist-cgan")' in told["card"]
    session = onnxruntime.InferenceSession(str(path))
    model = gan_models.load("mnist-cgan")
    latents, labels = model.sample_latents(3, seed=1), torch.eye(10)[[7, 0, 3]]
    got = session.run(["images"], {"latents": latents.numpy(), "labels": labels.numpy()})[0]
    assert np.abs(got - model.generate(latents, torch.tensor([7, 0, 3])).numpy()).max() <= 1e-4
    assert cli.main(["export", "mnist-cgan", "-o", str(tmp_path / "x.onnx"), "--part", "edit"]) == 2
    assert "it has generate" in capsys.readouterr().err
    assert cli.main(["export", "mnist-cgn", "-o", str(tmp_path / "x.onnx")]) == 2
    assert "did you mean mnist-cgan" in capsys.readouterr().err
    for arguments in (["mnist-cgan"], ["mnist-cgan", "--page", "x", "--part", "edit"]):
        with pytest.raises(SystemExit) as end:
            cli.main(["export", *arguments])
        assert end.value.code == 2


def test_the_code_of_the_page_about_it_runs_as_it_stands(tmp_path, monkeypatch):
    text = (Path(__file__).parents[3] / "docs/anywhere.md").read_text()
    monkeypatch.chdir(tmp_path)
    scope = {}
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(code, "docs/anywhere.md", "exec"), scope)
    model, labels = scope["model"], torch.from_numpy(scope["labels"])
    wanted = model.generate(model.sample_latents(1, seed=1), labels).numpy()
    assert np.abs(scope["images"] - wanted).max() <= 1e-4 and labels[0, model.labels.index("Smiling")] == 1
