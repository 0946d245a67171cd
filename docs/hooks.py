"""Pages of the site that are made when it is built: the README as its first page, and a gallery of samples."""

import re
from pathlib import Path

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
PRETRAINED = ROOT / "gan_models/pretrained"


def on_files(files: Files, config) -> Files:
    """Add index.md, gallery.md, and the pictures that they show."""
    for picture in sorted(PRETRAINED.glob("*/samples.png")):
        where = f"gan_models/pretrained/{picture.parent.name}/samples.png"
        files.append(File.generated(config, where, abs_src_path=str(picture)))
    files.append(File.generated(config, "index.md", content=index()))
    files.append(File.generated(config, "gallery.md", content=gallery()))
    if hooks := files.get_file_from_path("hooks.py"):
        files.remove(hooks)
    return files


def index() -> str:
    """The README, without the Hub's front matter; links to docs/ lead to the pages, others to the file's name alone."""
    text = re.sub(r"\A---\n.*?\n---\n", "", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    text = text.replace("](docs/", "](")
    return re.sub(r"\[(`?[^\]]+`?)\]\((?!http|gan_models/pretrained|[\w-]+\.md)[^)]+\)", r"\1", text)


def gallery() -> str:
    """The samples of every model that comes with the package, uncurated."""
    parts = [
        "# Gallery\n\nUncurated samples of the models that come with the package, as training wrote them: nobody chose. "
        "The names are those of recipes; `python -m training NAME` trains one."
    ]
    for picture in sorted(PRETRAINED.glob("*/samples.png")):
        name = picture.parent.name
        card = re.sub(r"<!--.*?-->", "", (picture.parent / "README.md").read_text(), flags=re.DOTALL)
        lead = re.search(r"^# .*?\n\n(.*?)\n", card, re.MULTILINE)
        parts.append(
            f"## {name}\n\n{lead[1] if lead else ''}\n\n![{name}](gan_models/pretrained/{name}/samples.png)\n\n"
            f'```python\nimport gan_models\n\nmodel = gan_models.load("{name}")\n```'
        )
    return "\n\n".join(parts) + "\n"
