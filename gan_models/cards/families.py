"""The parts of a model card that depend on the family of the model: what it does, how to use it, its limits."""

from collections.abc import Mapping
from typing import Any

from ..celeba import ATTRIBUTES
from ..choices import DAMAGES
from ..sizes import sides
from .tables import cell

# `publish` replaces this by the repository's name, so that the line that loads the model can be copied.
PLACEHOLDER = "USER/REPO"

EDITORS = ("editor", "retouch")
SHOWN = (*EDITORS, "restore", "translate")  # families whose input is a picture
DRAWLESS = ("retouch", "restore", "translate")  # families that cannot draw pictures from latents
_SAMPLE = """
latents, labels = model.sample_latents(16, seed=1), model.sample_labels(16, seed=1)
images = model.generate(latents, labels)  # (16, C, H, W) in [-1, 1]
"""
_EXAMPLES = {
    "editor": """
smiling = model.edit(images, {{"{attribute}": 1.0}})  # faces (n, C, H, W) in [-1, 1], cropped as CelebA's
codes = model.encode(images[:1])  # once for many edits: differences (m, K) from -2 to 2, K = len(model.attributes)
strip = model.decode(codes, torch.linspace(-2, 2, 5)[:, None] * (torch.arange(len(model.attributes)) == 0))
""",
    "retouch": """
images = torch.rand(4, *model.image_shape) * 2 - 1  # your faces in [-1, 1], cropped as CelebA's
changed = model.edit(images, {{"{attribute}": 1.0}})  # targets from 0 to 1
""",
    "restore": """
pictures = torch.rand(4, *model.image_shape) * 2 - 1  # yours in [-1, 1]
repaired = model.restore(pictures)  # repairs what it detects
print(model.damages)  # the kinds for model.restore(pictures, damages=[...])
""",
    "sketch": """
pictures = torch.rand(4, *model.image_shape) * 2 - 1  # yours in [-1, 1]
lines = damages.damaged(pictures, {{"edges": 0.5}}).pictures  # dark on white
drawn = model.restore(lines)  # or model.restore("drawing.png"): dark lines on paper, one face as large as the picture
""",
    "translate": """
pictures = torch.rand(4, *model.image_shape) * 2 - 1  # yours in [-1, 1]
translated = model.translate(pictures, to=model.labels[1])  # model.labels has the kinds
""",
    "encoding": """
codes = model.encode(images)  # of pictures (n, C, H, W) in [-1, 1]
again = model.generate(codes, labels)
""",
    "classifying": """
classes = model.classify(images)  # (16, K) probabilities of model.classes; rows sum to 1
""",
    "infogan": """
latents = model.with_codes(latents, categories=[0] * 16)  # the same pictures with code 0 of {categories}
changed = model.generate(latents, labels)
""",
    "invertible": """
found = invert(model, images)  # latents and labels that reproduce pictures (n, C, H, W) in [-1, 1]
again = model.generate(found.latents, found.labels)
""",
}
_IMPORTS = {
    "editor": "import torch\n\nimport gan_models",
    "retouch": "import torch\n\nimport gan_models",
    "restore": "import torch\n\nimport gan_models",
    "sketch": "import torch\n\nimport gan_models\nfrom gan_models import damages",
    "translate": "import torch\n\nimport gan_models",
    "invertible": "import gan_models\nfrom gan_models.inversion import invert",
}
_PORTRAIT = """
A photo of any size (`pip install dlib-bin face_recognition_models` finds the faces):

```python
import gan_models
from gan_models.portrait import open_portrait

portrait = open_portrait(gan_models.load("{name}"), "photo.jpg")
edited = portrait.edited({{"{attribute}": 1.0}})  # changes from -1 to 1
gan_models.photos.save_photo(edited, "edited.jpg")  # with metadata that say that a model changed it
print(portrait.shown)  # the probability of each attribute, 0..1
```"""
_NOT_EVERY = {
    "": "Not every sample is a good picture; a truncation below 1 gives more typical and less varied ones.",
    "restore": "Lost detail cannot be recovered: the network draws what is likely, not what was there. A face that it fills in or "
    "enlarges is not that of the person, and proves nothing about anybody.",
    "sketch": "Lines leave most of a picture open: colours, light and hair are invented, and are of no real person. It knows "
    "faces from the front; lines of anything else give something like a face.",
    "translate": "It changes everything that differs between the kinds in its training pictures, which may be more than was "
    "meant.",
    "retouch": "Not every edit is a good picture: paint has the resolution of the network. In a photo a hair colour goes on beyond "
    "the window around the face, into what is connected with the hair and similar in colour, which may be a dark wall too.",
}


def draws_from_lines(config: Mapping[str, Any]) -> bool:
    """Whether it turns line drawings into pictures."""
    return config["family"] == "restore" and config.get("damages") == ["edges"]


def use(config: Mapping[str, Any], repository: str | None) -> str:
    """The section that shows how to install the package and to use the model."""
    family, draws = config["family"], config["family"] not in DRAWLESS
    install = f"pip install git+{repository}" if repository else "pip install .        # in a checkout of GAN Studio"
    sheet = f"\npython -m gan_models {PLACEHOLDER} --seed 1 --count 16 --output grid.png" if draws else ""
    attributes = config.get("attributes") or ATTRIBUTES
    attribute = "Smiling" if "Smiling" in attributes else attributes[0]
    what = "sketch" if draws_from_lines(config) else family
    example = _EXAMPLES.get(what, "").format(attribute=attribute, categories=config.get("categories"))
    code = (_SAMPLE if draws else "") + example
    home = f"\n\nThe code, and how to train such a model: {repository}" if repository else ""
    photo = _PORTRAIT.format(name=PLACEHOLDER, attribute=attribute) if family in EDITORS else ""
    return f"""## Use it

```sh
{install}{sheet}
```

```python
{_IMPORTS.get(what, "import gan_models")}

model = gan_models.load("{PLACEHOLDER}")  # or the folder of this file{code.rstrip()}
```
{photo}{home}"""


def verb(config: Mapping[str, Any]) -> str:
    """What a model does with pictures."""
    family = config["family"]
    if family in EDITORS:
        return "edits"
    if draws_from_lines(config):
        return "draws"
    return {"restore": "repairs", "translate": "translates"}.get(family, "draws")


def limits(config: Mapping[str, Any]) -> str:
    """A sentence on how good the pictures are."""
    if draws_from_lines(config):
        return _NOT_EVERY["sketch"]
    return _NOT_EVERY[config["family"] if config["family"] in DRAWLESS else ""]


def conditioning(config: dict[str, Any]) -> str | None:
    """ "attribute", "class", or None for a model without labels."""
    if not config.get("labels"):
        return None
    return "attribute" if config.get("multi_label") else "class"


def network(config: dict[str, Any]) -> str:
    """One or two sentences: what goes in and what comes out."""
    size, channels = config.get("image_size"), config.get("image_channels")
    across = " x ".join(map(str, reversed(sides(size)))) if size else ""
    picture = f"{across} {'grey' if channels == 1 else 'colour'} pictures" if size else "pictures"
    if config["family"] == "editor":
        names = ", ".join(cell(name) for name in config.get("attributes") or ATTRIBUTES)
        return (
            f"An editor of {picture}: it encodes a face, moves the code by differences of attributes ({names}), and adds the "
            "change of the decoded picture to the photo, which keeps all its detail where nothing changes."
        )
    if config["family"] == "restore" and config.get("damages") == []:
        return (
            f"It takes a picture, at {size} x {size} pixels, and draws another one, as learned from pairs of pictures."
        )
    if draws_from_lines(config):
        return f"It turns line drawings into {picture}."
    if config["family"] == "restore":
        kinds = ", ".join(cell(kind) for kind in config.get("damages") or DAMAGES)
        return f"It restores damaged pictures, at {size} x {size} pixels. It knows these damages: {kinds}."
    if config["family"] == "translate":
        kinds = ", ".join(cell(kind) for kind in config.get("labels") or ())
        return f"It translates {picture} between these kinds: {kinds}."
    if config["family"] == "retouch":
        names = ", ".join(cell(name) for name in config.get("attributes") or ATTRIBUTES)
        return (
            f"An editor of faces, at {size} x {size} pixels: to change attributes ({names}) it moves the photo's own pixels, "
            "changes their colours, and paints a layer over them."
            + (" Each change acts only in its part of the face." if config.get("regions") else "")
        )
    text = f"A generator of the family `{config['family']}`: {config.get('latent_dim')} standard-normal numbers become {picture}."
    kind = conditioning(config)
    if config["family"] in ("encoding", "invertible"):
        text += " It also encodes pictures: `encode` gives their latents."
    if config["family"] == "infogan":
        text += (
            f" The first of them choose one of {config.get('categories')} categories, and the next {config.get('continuous')} "
            "are continuous codes; both were learned without labels."
        )
    if config["family"] == "classifying":
        names = ", ".join(cell(name) for name in config.get("classes") or ())
        text += f" It also classifies pictures: `classify` gives the probabilities of {names}."
    if kind:
        names = {"class": "the class", "attribute": "attributes (each from 0 to 1)"}[kind]
        text += f" It is conditional on {names}: {', '.join(cell(label) for label in config['labels'])}."
    return text
