"""Pages of the site that are made when it is built: the README as its first page, and a gallery of samples."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.structure.files import Files

ROOT = Path(__file__).parents[1]
PRETRAINED = ROOT / "gan_models/pretrained"


def on_files(files: Files, config) -> Files:
    """Add index.md, gallery.md, and the pictures that they show."""
    from mkdocs.structure.files import File  # the texts need no mkdocs

    for picture in sorted(PRETRAINED.glob("*/samples.png")):
        where = f"gan_models/pretrained/{picture.parent.name}/samples.png"
        files.append(File.generated(config, where, abs_src_path=str(picture)))
    files.append(File.generated(config, "index.md", content=index()))
    files.append(File.generated(config, "gallery.md", content=gallery()))
    for name in ("hooks.py", "pictures.py"):
        if script := files.get_file_from_path(name):
            files.remove(script)
    return files


def on_page_markdown(markdown: str, page, config, files) -> str:
    """Links to files of the repository that are no pages become the files' names."""
    return re.sub(r"\[([^\]]+)\]\(\.\./(?:gan_models|training)/[^)]+\)", r"\1", markdown)


def index() -> str:
    """The README, without the Hub's front matter; links to docs/ lead to the pages, others to the file's name alone."""
    text = re.sub(r"\A---\n.*?\n---\n", "", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    text = re.sub(r"\[([^\]]+)\]\((?!http|gan_models/pretrained|docs/)[^)]+\)", r"\1", text)
    return text.replace("](docs/", "](")


def gallery() -> str:
    """The uncurated samples of every model that comes with the package, and of every recipe that was compared."""
    parts = [
        "# Gallery\n\nUncurated samples, as training wrote them: nobody chose. First the models that come with the package, "
        "then recipes that were trained for a short, equal time. The names are those of recipes; `python -m training NAME` "
        "trains one."
    ]
    shown = {picture.parent.name for picture in PRETRAINED.glob("*/samples.png")}
    for picture in sorted(PRETRAINED.glob("*/samples.png")):
        name = picture.parent.name
        card = re.sub(r"<!--.*?-->", "", (picture.parent / "README.md").read_text(), flags=re.DOTALL)
        lead = re.search(r"^# .*?\n\n(.*?)\n", card, re.MULTILINE)
        parts.append(
            f"## {name}\n\n{lead[1] if lead else ''}\n\n![{name}](gan_models/pretrained/{name}/samples.png)\n\n"
            f'```python\nimport gan_models\n\nmodel = gan_models.load("{name}")\n```'
        )
    for path in sorted((ROOT / "docs").glob("results*.md")):
        text = path.read_text()
        names = dict.fromkeys(re.findall(r"^\| \*\*([\w-]+)\*\*", text, re.MULTILINE))
        if (ROOT / f"docs/{path.stem}-samples.png").is_file():
            shown |= set(names)
            parts.append(
                f"## Compared: {', '.join(names)}\n\nOne row each, in this order ([how, and what was measured]({path.name})).\n\n"
                f"![{', '.join(names)}]({path.stem}-samples.png)"
            )
    recipes = re.findall(r"`((?:mnist|fashion|cifar10|celeba|stackedmnist)-[\w-]+)`", (ROOT / "README.md").read_text())
    if others := sorted(set(recipes) - shown):
        parts.append(f"## Not shown\n\nOf these recipes there are no samples here: {', '.join(others)}.")
    return "\n\n".join(parts) + "\n"
