"""A page without a server: one folder of static files that draws, walks and edits in the browser."""

import html
import json
import os
import re
import string
from pathlib import Path
from typing import Any, NamedTuple

import torch
from PIL import Image

from .. import images, layout
from ..cards.families import PLACEHOLDER
from ..celeba import EXCLUSIVE, HAIR_COLOURS
from ..errors import InvalidInput, ModelError
from ..files import UnfitFile, read_bounded, write_atomically
from ..layout import CARD, MAX_CARD_BYTES
from ..networks.base import Generator, find, load_folder
from ..networks.editor import Editor
from ..networks.infogan import InfoGANGenerator
from ..networks.retouch import RetouchEditor
from ..portable import name as name_of
from ..sanitise import safe
from .graphs import licence_in, onnx, parts
from .runtime import runtime

__all__ = ["LoadedModel", "open_model", "page"]

WEB = Path(__file__).parent / "web"
STATIC = ("index.html", "app.js", "style.css")
FACES = 16  # on an editor's page
SECTIONS = ("Data and licence", "Limits", "Intended use")  # of the card, shown on the page


class LoadedModel(NamedTuple):
    """A model with its card and name."""

    network: Generator
    card: str  # the text of README.md
    name: str


def open_model(source: str | os.PathLike[str], revision: str | None = None) -> LoadedModel:
    """The model of a folder, a bundled name or a Hub repository. Raises as `gan_models.load` does."""
    found = find(source, revision)
    folder, source = found.folder, found.name
    network = load_folder(folder, source)
    try:
        card = read_bounded(folder / CARD, MAX_CARD_BYTES, folder).decode("utf-8", "replace")
    except (OSError, UnfitFile):
        card = str(network.generate_model_card())
    return LoadedModel(network, card.replace(PLACEHOLDER, source), name_of(source))


def page(
    source: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    revision: str | None = None,
    runtime_folder: Path | None = None,
    half: bool = False,
    card: str | None = None,
    name: str | None = None,
) -> Path:
    """Write a page that shows a model in the browser, without a server, and return its folder.

    It holds index.html, app.js, style.css, model.onnx and the three files of onnxruntime-web (14 MB, from the cache,
    from npm, or from `runtime_folder`); for an editor also faces.png, generated faces to start with. Any static file
    server can serve it, and it makes no requests to other hosts. half, card, name: as in `onnx`. Existing files of
    these names are replaced, each by renaming; index.html comes last. Raises InvalidInput if the folder or the runtime
    is not available, and as `load` and `onnx` do.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(f"{folder} is a file; name a folder for the page.")
    model = open_model(source, revision)
    model = model._replace(card=card or model.card, name=name or model.name)
    known = parts(model.network)
    part = next((name for name in ("edit", "generate") if name in known), None)
    if part is None:
        raise InvalidInput(
            f"There is no page for models of the family {model.network.family}: a page draws pictures or edits faces."
        )
    files = runtime(runtime_folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"{folder} cannot be made ({error.strerror or error}); name another folder.") from error
    onnx(model.network, folder / "model.onnx", part=part, card=model.card, name=model.name, half=half)
    try:
        if part == "edit":
            images.save_png(_faces(model.network), folder / "faces.png")
        files |= {name: (WEB / name).read_bytes() for name in reversed(STATIC)}
        files["index.html"] = _filled_template(files["index.html"].decode(), model, part).encode()
        for name, data in files.items():
            write_atomically(folder / name, data)
    except OSError as error:
        raise InvalidInput(f"{folder} cannot be written ({error.strerror or error}); name another folder.") from error
    return folder


def _filled_template(template: str, model: LoadedModel, part: str) -> str:
    licence = licence_in(model.card)
    card = re.sub(r"<!--.*?-->", "", model.card, flags=re.DOTALL)
    link = licence["link"] if re.match(r"https?://[^\s\"<>]+$", licence["link"]) else ""
    words = "MIT" if licence["licence"] == "mit" else html.escape(licence["licence"].replace("-", " "))
    sections = {name: text for name, text in _sections(card).items() if name in SECTIONS}
    return string.Template(template).substitute(
        title=html.escape(model.name.rpartition("/")[2]),
        lead=html.escape(_lead(card)),
        licence=f'<a href="{html.escape(link)}">{words}</a>' if link else words,
        sections="\n".join(
            f"<section><h2>{html.escape(name)}</h2>{safe(text)}</section>" for name, text in sections.items()
        ),
        # "</script>" in a name would end the block
        model=json.dumps(_facts(model.network, part) | {"name": model.name}).replace("<", "\\u003c"),
    )


def _lead(card: str) -> str:
    """The first sentence of a card."""
    found = re.search(r"^# .*\n+([^\n]+)", card, re.MULTILINE)
    sentence = re.split(r"(?<=[.!?])\s", found[1], maxsplit=1)[0] if found else ""
    return re.sub(r"\s*\(--[^)]*\)", "", sentence)[:200]  # without options, which only matter for training


def _sections(card: str) -> dict[str, str]:
    found = re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", card, re.MULTILINE | re.DOTALL)
    return {name.strip(): text.strip() for name, text in found}


def _facts(model: Generator, part: str) -> dict[str, Any]:
    """The facts about a model that the page needs."""
    facts: dict[str, Any] = {
        "part": part,
        "shape": model.image_shape,
        "latents": model.latent_dim,
        "kind": "plain",
        "labels": [],
    }
    if part == "edit" and isinstance(model, Editor | RetouchEditor):
        names = list(model.attributes)
        exclusive = [k for k, name in enumerate(names) if name in EXCLUSIVE]
        return facts | {"labels": list(map(friendly, names)), "exclusive": exclusive, "most": model.most_change}
    if isinstance(model, InfoGANGenerator):
        return facts | {"kind": "codes", "categories": model.categories, "continuous": model.continuous}
    if not model.labels:
        return facts
    names = list(model.labels)
    facts["labels"] = list(map(friendly, names))
    if not model.multi_label:
        return facts | {"kind": "classes"}
    return facts | {
        "kind": "attributes",
        "exclusive": [k for k, name in enumerate(names) if name in HAIR_COLOURS],
        "table": [[round(value, 4) for value in row] for row in model.label_table.tolist()],
    }


def friendly(name: str) -> str:
    """A label for people: "Mouth_Slightly_Open" is "Mouth slightly open". Other labels stay as they are."""
    words = name.replace("_", " ").strip()
    return (
        words[:1] + words[1:].lower() if re.fullmatch(r"[A-Z][a-z0-9]*(_[A-Z0-9][a-z0-9]*)+", name) else words or name
    )


@torch.no_grad()
def _faces(editor: Generator) -> Image.Image:
    """Generated faces to edit, side by side: by the editor itself if it can draw, else by a bundled generator."""
    count, size = FACES, editor.image_shape[1]
    if editor.latent_dim:
        drawn = editor.generate(editor.sample_latents(count, seed=1, truncation=0.8))
    else:
        drawn = _bundled_faces(count)
    drawn = torch.nn.functional.interpolate(drawn, (size, size), mode="bicubic", antialias=True).clamp(-1, 1)
    pixels = images.to_uint8(drawn)
    sheet = Image.new("RGB", (count * size, size))
    for k in range(count):
        sheet.paste(Image.fromarray(pixels[k]), (k * size, 0))
    return sheet


def _bundled_faces(count: int) -> torch.Tensor:
    for name in layout.bundled():
        model = load_folder(layout.PRETRAINED / name)
        if model.latent_dim and model.multi_label and model.image_shape[0] == 3 and "Smiling" in (model.labels or ()):
            return model.generate(model.sample_latents(count, seed=1), model.sample_labels(count, seed=1))
    raise ModelError(
        "This editor draws no faces, and no generator of faces is bundled that could draw them for its page."
    )
