"""The files of a static Space: a page that draws in the visitor's browser (gan_models.export)."""

import tempfile
from pathlib import Path

from huggingface_hub import ModelCard, SpaceCardData

from gan_models.export import pages

# With these headers a browser lets the page use several cores; without them it uses one.
HEADERS = {"cross-origin-embedder-policy": "require-corp", "cross-origin-opener-policy": "same-origin"}


def files(folder: Path, card: str, repo_id: str, runtime: Path | None = None) -> dict[str, bytes]:
    """Path in the Space -> content, for a model folder that is published as `repo_id` with this card. runtime: the folder
    of an unpacked onnxruntime-web. Raises as `gan_models.export.page` does."""
    with tempfile.TemporaryDirectory() as temporary:
        page = pages.page(folder, temporary, card=card, name=repo_id, runtime_folder=runtime)
        found = {path.name: path.read_bytes() for path in sorted(page.iterdir())}
    return found | {"README.md": front(card, repo_id).encode()}


def front(card: str, repo_id: str) -> str:
    """The README.md of the Space, with the licence of the model's card."""
    name = repo_id.split("/")[1]
    told = ModelCard(card, ignore_metadata_errors=True).data.to_dict()
    licence = {key: value for key, value in told.items() if key.startswith("license")}
    data = SpaceCardData(
        title=name,
        emoji="🎭",
        colorFrom="indigo",
        colorTo="pink",
        sdk="static",
        app_file="index.html",
        short_description="A GAN that draws in your browser",
        models=[repo_id],
        custom_headers=HEADERS,
        **licence,
    )
    return f"""---
{data.to_yaml()}
---

# {name}

The model [{repo_id}](https://huggingface.co/{repo_id}) as a page that draws in the browser: nothing is sent anywhere. The
model's card tells its data, licence and limits.
"""
