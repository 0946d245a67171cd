"""ONNX: a network as a graph of plain operations, with everything that is needed to use it in the metadata."""

import contextlib
import copy
import importlib.util
import io
import json
import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from huggingface_hub import ModelCard
from torch import Tensor, nn

from ..cli import missing
from ..errors import InvalidInput, MissingPackage, ModelError, short
from ..files import write_atomically
from ..model_folder import config_of
from ..networks.base import Generator, encode_labels
from ..networks.editor import Editor
from ..networks.restore import Restorer
from ..networks.retouch import RetouchEditor
from ..networks.translate import Translator
from ..outputs import check_output
from ..project import VERSION

OPSET = 17  # supported by onnxruntime since 1.12 (2022)
TOLERANCE = 1e-4  # largest difference between the file's pictures, in -1..1, and PyTorch's
SMALL = 1024  # numbers; shorter tensors stay float32
SEED_RULE = (
    "latent k of seed s: numpy.random.Generator(numpy.random.Philox(key=[s, 0], counter=[0, k, 0, 0]))"
    ".standard_normal(latent_dim, dtype=numpy.float32)"
)


class Part(NamedTuple):
    """One function of a model, as a network that takes and returns only tensors."""

    network: nn.Module
    inputs: dict[str, tuple[int, ...]]  # name -> shape of one row
    outputs: tuple[str, ...]
    ranges: dict[str, tuple[float, float] | None]  # of the inputs; None: standard normal


class _Draws(nn.Module):
    def __init__(self, model: Generator):
        super().__init__()
        self.model = model

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        if labels is not None:
            labels = encode_labels(labels, self.model.labels or (), self.model.multi_label)
        images: Tensor = self.model(latents, labels)
        return images


class _EditorDraws(nn.Module):
    """An editor's generator with its Cholesky factor precomputed, since ONNX has no operation for it."""

    spread: Tensor

    def __init__(self, model: Editor):
        super().__init__()
        self.model = model
        self.register_buffer("spread", model.spread())

    def forward(self, latents: Tensor) -> Tensor:
        return self.model.draw(self.model.codes_from(latents, self.spread))


class _Edits(nn.Module):
    def __init__(self, model: Editor | RetouchEditor):
        super().__init__()
        self.model = model

    def forward(self, images: Tensor, changes: Tensor) -> tuple[Tensor, Tensor]:
        return self.model.changed(images, changes)


class _Reads(nn.Module):
    def __init__(self, model: Generator):
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        latents, labels = self.model.encode(images), self.model.estimate_labels(images)
        return latents if labels is None else (latents, labels)


class _Classifies(nn.Module):
    def __init__(self, model: Generator):
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        return self.model.classify(images)


class _Restores(nn.Module):
    def __init__(self, model: Restorer):
        super().__init__()
        self.model = model

    def forward(self, images: Tensor, mask: Tensor, strengths: Tensor) -> tuple[Tensor, Tensor]:
        looked = plain = self.model.look(images, mask)
        if self.model.deconvolves:
            known = images * (1 - mask)
            looked = self.model.look(images, mask, self.model.unblurred(known, self.model.blurs_of(known), strengths))
        return self.model.draw(looked, strengths).float().clamp(-1, 1), self.model.estimated(plain)


class _Translates(nn.Module):
    def __init__(self, model: Translator):
        super().__init__()
        self.model = model

    def forward(self, images: Tensor, kinds: Tensor) -> Tensor:
        return self.model.draw(images, kinds).float().clamp(-1, 1)


def parts(model: Generator) -> dict[str, Part]:
    """The parts of a model that can be exported, by the names of PARTS; its main use comes first."""
    found: dict[str, Part] = {}
    picture = model.image_shape
    inputs: dict[str, tuple[int, ...]]
    ranges: dict[str, tuple[float, float] | None]
    if isinstance(model, Editor | RetouchEditor):
        inputs = {"images": picture, "changes": (len(model.attributes),)}
        most = model.most_change
        ranges = {"images": (-1.0, 1.0), "changes": (-most, most)}
        found["edit"] = Part(_Edits(model), inputs, ("edited", "shown"), ranges)
    if model.latent_dim:
        inputs, ranges = {"latents": (model.latent_dim,)}, {"latents": None}
        if model.labels:
            inputs["labels"], ranges["labels"] = (len(model.labels),), (0.0, 1.0)
        network = _EditorDraws(model) if isinstance(model, Editor) else _Draws(model)
        found["generate"] = Part(network, inputs, ("images",), ranges)
    if model.encodes and "edit" not in found:
        outputs = ("latents", "labels") if model.labels else ("latents",)
        found["encode"] = Part(_Reads(model), {"images": picture}, outputs, {"images": (-1.0, 1.0)})
    if model.classifies:
        found["classify"] = Part(_Classifies(model), {"images": picture}, ("classes",), {"images": (-1.0, 1.0)})
    if isinstance(model, Restorer) and model.told:
        inputs = {"images": picture, "mask": (1, *picture[1:]), "strengths": (len(model.told),)}
        ranges = {"images": (-1.0, 1.0), "mask": (0.0, 1.0), "strengths": (0.0, 1.0)}
        found["restore"] = Part(_Restores(model), inputs, ("restored", "seen"), ranges)
    if isinstance(model, Translator):
        inputs = {"images": picture, "kinds": (len(model.labels or ()),)}
        found["translate"] = Part(
            _Translates(model), inputs, ("translated",), {"images": (-1.0, 1.0), "kinds": (0.0, 1.0)}
        )
    return found


def onnx(
    model: Generator,
    path: str | os.PathLike[str],
    *,
    part: str | None = None,
    card: str | None = None,
    name: str | None = None,
    half: bool = False,
) -> float:
    """Write a model, or a part of it, as an ONNX file. Returns the largest difference of its output from PyTorch's.

    part: "generate" (latents (n, latent_dim) float32 standard normal, and labels (n, K) float32 in 0..1 where it has
    labels -> images (n, C, H, W) in [-1, 1]), "edit" (images, changes (n, K) -> edited, and shown (n, K) 0..1, the
    probability of each attribute), "encode" (images -> latents, and labels where it has any), "classify" (images ->
    classes (n, K), rows that sum to 1), "restore" (images, mask (n, 1, H, W), 1 where pixels are missing, strengths
    (n, K) 0..1 of the damages to repair -> restored, and seen (n, K), the estimated strengths), or "translate" (images,
    kinds (n, K), one-hot rows of the kinds to translate into -> translated). None: "edit" for an editor, "generate" for a generator. n is any number. Classes are one-hot rows; rows that mix classes draw something
    in between.

    card: the text of the model's README.md, which goes into the metadata with its licence; None: a card made from the
    configuration. name: of the model. half: round the weights to float16, which halves the file. Weights that float16
    represents exactly are always stored as float16.

    The file is run by onnxruntime before it is renamed to `path`. Raises InvalidInput for a part that the model does
    not have, MissingPackage without onnx and onnxruntime (the extra `onnx`), ModelError if its output differs from
    PyTorch's.
    """
    if absent := [package for package in ("onnx", "onnxruntime") if not importlib.util.find_spec(package)]:
        raise MissingPackage(missing(absent[0]))
    path = Path(path)
    check_output(path, (".onnx",))
    chosen, part = _choose(model, part, half)
    graph = _graph(chosen, part)
    told = metadata(model, part, card, name)
    graph.doc_string = told["description"]
    for key, value in told.items():
        graph.metadata_props.add(key=key, value=value)
    data = graph.SerializeToString(deterministic=True)
    difference = _compare(data, chosen)
    try:
        write_atomically(path, data)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written ({error.strerror or error}); name another file.") from error
    return difference


def metadata(model: Generator, part: str, card: str | None = None, name: str | None = None) -> dict[str, str]:
    """The metadata of the file, by key. Lists and objects are JSON."""
    config = config_of(model)
    card = str(model.generate_model_card()) if card is None else card
    known = licence_in(card)
    told = {
        "title": name or f"{model.family} model",
        "description": f"{name or 'A model'}: {_does(model, part)}. {known['note']}",
        "made_by": f"GAN Studio {VERSION}",
        "part": part,
        "licence": known["licence"],
        "licence_link": known["link"],
        "card": card,
        "config": json.dumps(config),
        "images": f"(n, {', '.join(map(str, model.image_shape))}) float32, from -1 to 1, red green blue",
    }
    if part == "generate":
        told["latents"] = f"(n, {model.latent_dim}) float32, standard normal"
        told["seed_rule"] = SEED_RULE
    if part in ("generate", "encode") and model.labels:
        told["labels"] = json.dumps(model.labels)
        told["label_kind"] = (
            "attributes, each from 0 (absent) to 1 (present)" if model.multi_label else "classes, one-hot rows"
        )
        if model.multi_label:  # combinations that occur: independent random labels give some that no picture has
            told["label_table"] = json.dumps([[round(value, 4) for value in row] for row in model.label_table.tolist()])
    if part == "encode":
        told["latents"] = f"(n, {model.latent_dim}) float32"
    if part == "classify":
        told["classes"] = json.dumps(model.classes)
    if part == "restore":
        told["damages"] = json.dumps(model.told)
        told["mask"] = "(n, 1, H, W) float32, 1 where pixels are missing, else 0"
        told["strengths"] = "(n, K) float32, from 0 to 1: the strength of each damage; `seen` is an estimate of it"
    if part == "translate":
        kinds = model.labels or ()
        told["kinds"] = f"(n, {len(kinds)}) float32, one-hot rows of {', '.join(kinds)}"
    if part == "edit" and isinstance(model, Editor | RetouchEditor):
        told["attributes"] = json.dumps(model.attributes)
        told["changes"] = (
            f"(n, {len(model.attributes)}) float32, from -{model.most_change:g} to {model.most_change:g}: 0 leaves an "
            "attribute, 1 adds it, -1 removes it"
        )
        told["shown"] = "(n, K) float32, from 0 to 1: the probability of each attribute before the edit"
    return told


def licence_in(card: str) -> dict[str, str]:
    """The licence in the front matter of a card: `licence` (its name, "not stated" if there is none), `link`, and
    `note`, a sentence."""
    try:
        data = ModelCard(card, ignore_metadata_errors=True).data
    except Exception:  # a stranger's YAML can be anything
        data = None
    stated = {key: getattr(data, key, None) for key in ("license", "license_name", "license_link")}
    words = {key: value if isinstance(value, str) else "" for key, value in stated.items()}
    licence = words["license_name"] if words["license"] in ("", "other") else words["license"]
    note = f"Licence: {licence}." if licence else "The licence is not stated."
    return {"licence": licence or "not stated", "link": words["license_link"], "note": note}


def _does(model: Generator, part: str) -> str:
    size = f"{model.image_shape[2]} x {model.image_shape[1]}"
    return {
        "generate": f"draws pictures of {size} pixels from standard normal latents",
        "edit": f"changes attributes of pictures of {size} pixels",
        "encode": f"reads the latents of pictures of {size} pixels",
        "restore": f"repairs pictures of {size} pixels",
        "translate": f"translates pictures of {size} pixels into another kind",
        "classify": f"says which classes pictures of {size} pixels are of",
    }[part]


def _choose(model: Generator, part: str | None, half: bool) -> tuple[Part, str]:
    model = copy.deepcopy(model).cpu().float().eval().requires_grad_(False)
    if half:
        model = model.half().float()
    known = parts(model)
    if not known:
        raise InvalidInput(f"Models of the family {model.family} cannot be exported.")
    part = next(iter(known)) if part is None else part
    if part not in known:
        raise InvalidInput(
            f"There is no part {short(part)} of this {model.family} model; it has {' and '.join(known)}."
        )
    known[part].network.eval()  # else the exporter leaves the model in training mode
    return known[part], part


def _example(part: Part, rows: int) -> dict[str, Tensor]:
    """Inputs from a fixed seed. The pictures are smooth, as photos are: when an editor moves the pixels of noise,
    rounding errors of places become visible."""
    generator = torch.Generator().manual_seed(rows)
    found = {}
    for name, shape in part.inputs.items():
        between = part.ranges[name]
        if between is None:
            found[name] = torch.randn(rows, *shape, generator=generator)
        elif len(shape) == 3:
            low, high = between
            coarse = low + (high - low) * torch.rand(rows, shape[0], 4, 4, generator=generator)
            found[name] = nn.functional.interpolate(coarse, shape[1:], mode="bilinear", align_corners=False)
        else:
            low, high = between
            found[name] = low + (high - low) * torch.rand(rows, *shape, generator=generator)
    return found


def _graph(part: Part, name: str) -> Any:
    """The ONNX model of a part, for any number of rows."""
    import onnx as onnx_package

    example = _example(part, 2)
    buffer = io.BytesIO()
    # The tracing exporter needs no further package and is ten times as quick as the one by torch.export. The networks
    # have no control flow that depends on their input, so tracing is exact. (Details are drawn for a few pictures at a
    # time, which changes nothing; two are few.)
    with torch.no_grad(), _silent():
        register = torch.onnx.register_custom_op_symbolic  # type: ignore[attr-defined] # public, but not in its __all__
        register("aten::atanh", lambda graph, x: graph.op("Atanh", x), OPSET)
        torch.onnx.export(
            part.network,
            tuple(example.values()),
            buffer,  # type: ignore[arg-type] # the signature forgets that the tracing exporter takes a buffer
            input_names=list(example),
            output_names=list(part.outputs),
            dynamic_axes={key: {0: "n"} for key in (*example, *part.outputs)},
            opset_version=OPSET,
            dynamo=False,
        )
    graph = onnx_package.load_from_string(buffer.getvalue())
    graph.graph.name, graph.producer_name, graph.producer_version = name, "GAN Studio", VERSION
    _store_halves(graph)
    onnx_package.checker.check_model(graph, full_check=True)
    return graph


def _store_halves(graph: Any) -> None:
    """Store weights that float16 represents exactly as float16, each followed by a cast: half the size, the same
    numbers."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in graph.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            halves = values.astype(np.float16)
        if values.size < SMALL or not np.array_equal(halves.astype(np.float32), values):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(halves, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], f"{name}.cast", to=TensorProto.FLOAT))
    for cast in reversed(casts):
        graph.graph.node.insert(0, cast)


def _compare(data: bytes, part: Part) -> float:
    """The largest difference between the outputs of the file and of the network, for another number of rows than it was
    traced with. Raises ModelError if it is more than TOLERANCE."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    example = _example(part, 3)
    with torch.no_grad():
        wanted = part.network(*example.values())
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    got = session.run(list(part.outputs), {key: value.numpy() for key, value in example.items()})
    difference = max(float(np.abs(a - b.numpy()).max()) for a, b in zip(got, wanted))
    if not difference <= TOLERANCE:  # NaN is not
        raise ModelError(
            f"Nothing was written: the pictures of the ONNX file differ from PyTorch's by {difference:.2g}, more than "
            f"{TOLERANCE:g}; check that onnx, onnxruntime and torch are of the versions in requirements.txt."
        )
    return difference


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Silence the exporter's warnings about its own future and about folding constants."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
