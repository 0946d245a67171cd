"""The files of a Space that shows a model: the demo, its requirements, and the reference to the model."""

import importlib.metadata
from pathlib import Path

from huggingface_hub import SpaceCardData

from gan_models import project
from gan_models.cards import edits
from gan_models.cards.families import SHOWN
from gan_models.layout import BESIDE, CONFIG, PICTURE, PRETRAINED, WEIGHTS
from gan_models.networks.base import Generator
from gan_models.notices import DATASETS, KEYS, combined
from gan_models.samples import FACES

from ..errors import TrainingError

TRAINING = Path(__file__).parents[1]
PYTHON = "3.12"
ZERO = "zero-a10g"  # ZeroGPU: a GPU only while a function with `spaces.GPU` runs
NEEDED = (
    "torch",
    "huggingface-hub",
    "safetensors",
    "numpy",
    "pillow",
    "gradio",
    "av",
    "cmarkgfm",
    "nh3",
)
PHOTOS = ("dlib-bin", "face-recognition-models", "pillow-heif")  # additional packages for a model that takes photos
TOP = ("__init__", "errors", "losses", "penalties")  # files of training for the demo's lab, beside the folder points
CPU_WHEELS = "--extra-index-url https://download.pytorch.org/whl/cpu"  # torch without CUDA: a tenth of the size

APP = '''"""The demo of GAN Studio with {models}. Written by `python -m training.publish`."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
{spaces}
from gan_models import demo

MODELS = os.environ.get("GAN_STUDIO_MODELS", "{models}").split()

if __name__ == "__main__":
    demo.serve(demo.Models(MODELS), "0.0.0.0", int(os.environ.get("GRADIO_SERVER_PORT", "7860")))
'''


def files(
    model: Generator,
    contents: dict[str, Path | bytes],
    repo_id: str,
    commit: str,
    *,
    hardware: str | None = None,
    private: bool = False,
) -> dict[str, Path | bytes]:
    """Path in the Space -> file or content, for a model at this commit of a repository. contents: the published files of
    the model folder.

    The Hub adds the model to the Space's image when it builds it (preload_from_hub). A private model cannot be read
    then, so it is stored in the Space itself. So is a generator of faces for an editor that cannot draw any.
    """
    package = PRETRAINED.parent
    found: dict[str, Path | bytes] = {}
    for path in sorted(package.rglob("*")):
        inside = path.relative_to(package)
        if path.is_file() and inside.parts[0] != "pretrained" and "__pycache__" not in inside.parts:
            found[f"gan_models/{inside.as_posix()}"] = path
    found |= {f"training/{path.relative_to(TRAINING).as_posix()}": path for path in lab_files()}
    name = repo_id.split("/")[1]
    models = name if private else f"{repo_id}@{commit}"
    if private:
        found |= {f"gan_models/pretrained/{name}/{file}": content for file, content in contents.items()}
    drawn_elsewhere = hasattr(model, "edit") and not model.latent_dim
    if drawn_elsewhere:
        faces = package / "pretrained" / FACES
        found |= {f"gan_models/pretrained/{FACES}/{path.name}": path for path in faces.iterdir() if path.is_file()}
        models += f" {FACES}"
    if licence := project.licence():
        found["LICENSE"] = licence
    spaces = "\nimport spaces  # noqa: F401 - before torch, as ZeroGPU wants it\n" if hardware == ZERO else ""
    return found | {
        "app.py": APP.format(models=models, spaces=spaces).encode(),
        "requirements.txt": requirements(takes_photos(model), hardware).encode(),
        "README.md": space_card(contents, repo_id, commit, hardware, private, drawn_elsewhere).encode(),
    }


def lab_files() -> list[Path]:
    """The files of training that the demo's lab needs."""
    return [*(TRAINING / f"{name}.py" for name in TOP), *sorted((TRAINING / "points").glob("*.py"))]


def takes_photos(model: Generator) -> bool:
    """Whether the demo of this model takes a visitor's photos, in which faces are to be found."""
    return model.family in SHOWN


def requirements(photos: bool, hardware: str | None = None) -> str:
    """requirements.txt: the packages of the demo, with the versions that are installed here. photos: also those for
    photos. hardware: None or cpu-... for a torch without CUDA."""
    on_cpu = hardware is None or hardware.startswith("cpu")
    lines = [CPU_WHEELS] if on_cpu else []
    lines += [f"{name}=={version(name)}" for name in (*NEEDED, *(PHOTOS if photos else ()))]
    return "\n".join(lines + (["spaces"] if hardware == ZERO else [])) + "\n"


def version(package: str) -> str:
    """The version of an installed package, without the build of torch. Raises TrainingError if it is not installed,
    since a Space should only get versions that were tried here."""
    try:
        return importlib.metadata.version(package).partition("+")[0]
    except importlib.metadata.PackageNotFoundError as error:
        raise TrainingError(
            f"A Space is given the packages that its demo was tried with, and {package} is not installed here: "
            "pip install '.[app,photos]' in a checkout of GAN Studio."
        ) from error


def space_card(
    contents: dict[str, Path | bytes],
    repo_id: str,
    commit: str,
    hardware: str | None = None,
    private: bool = False,
    with_faces: bool = False,
) -> str:
    """README.md: the front matter with which the Hub builds and lists the Space, and a sentence for its readers.
    with_faces: whether the generator of faces is in it too, whose licence then holds."""
    published = contents.get("README.md", b"")
    model = edits.front_matter(published.decode("utf-8", "replace") if isinstance(published, bytes) else "")
    name = repo_id.split("/")[1]
    files = [name for name in (CONFIG, WEIGHTS, *BESIDE) if name in contents]
    address = f"https://huggingface.co/{repo_id}"
    data = {
        "title": name,
        "emoji": "🎭",
        "colorFrom": "indigo",
        "colorTo": "pink",
        "sdk": "gradio",
        "sdk_version": version("gradio"),
        "python_version": PYTHON,
        "app_file": "app.py",
        "short_description": "A GAN that changes the pictures that you give it"
        if model.get("pipeline_tag") == "image-to-image"
        else "Sample, walk between and edit what a GAN draws",  # the Hub takes 60 characters
        "models": [repo_id],
    }
    licence = {key: value for key, value in model.items() if key in KEYS}
    data |= combined(licence, DATASETS["celeba"].licence) if with_faces else licence
    data |= {} if private else {"preload_from_hub": [f"{repo_id} {','.join(files)} {commit}"]}
    data |= {} if private or PICTURE not in files else {"thumbnail": f"{address}/resolve/{commit}/{PICTURE}"}
    data |= {"suggested_hardware": hardware} if hardware else {}
    code = project.repository()
    told = f"The code: [GAN Studio]({code})." if code else "The code of GAN Studio is in the files of this Space."
    return f"""---
{SpaceCardData(**data).to_yaml()}
---

# {name}

The demo of GAN Studio with the model [{repo_id}]({address}), whose card tells its data, licence and limits. {told}
"""
