"""The model card: README.md of a model folder, and what the Hub shows and searches (its front matter).

It lays out what the folder's files say. How a model was trained and measured, and what that means, is told by
metrics.json: `training`, `legend`, `notes`.
"""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard, ModelCardData

from . import card_edits, files, model_folder, portable, project
from .celeba import ATTRIBUTES
from .damages import KINDS
from .errors import InvalidConfig
from .model_folder import CARD, MAX_CARD_BYTES, METRICS, PICTURE, read_metrics
from .notices import KEYS, UNKNOWN, combined, dataset_of, licence_fields
from .sizes import sides

# What `publish` replaces by the repository's name, so that the line that loads the model can be copied.
PLACEHOLDER = "USER/REPO"

# What a card can tell about a training: the paper is `source`, the sentence under which the weights may be used
# `licence`, the address of the code `repository`; dataset is mnist, fashionmnist, celeba or other words; `data` is
# {"title": ..., "licence": ...} of somebody's own pictures; `origin` is the record of the model that the training
# started from, whose licence is its `licence_fields`.
ABOUT = (
    "name",
    "recipe",
    "summary",
    "source",
    "dataset",
    "data",
    "images_seen",
    "hours",
    "seed",
    "init_from",
    "command",
    "commit",
    "licence",
    "repository",
    "origin",
)
STAGES = 20  # models that started from one another, at most

EDITORS = ("editor", "retouch")
SHOWN = (*EDITORS, "restore", "translate")  # families that are shown a picture
DRAWLESS = ("retouch", "restore", "translate")  # and such as draw none of their own
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
repaired = model.restore(pictures)  # of whatever damage it sees
print(model.damages)  # what it knows, to be named: model.restore(pictures, damages=[...])
""",
    "translate": """
pictures = torch.rand(4, *model.image_shape) * 2 - 1  # yours in [-1, 1]
translated = model.translate(pictures, to=model.labels[1])  # print(model.labels) says into what
""",
    "encoding": """
codes = model.encode(images)  # of pictures (n, C, H, W) in [-1, 1]
again = model.generate(codes, labels)
""",
    "invertible": """
found = invert(model, images)  # the latents and labels that draw something like pictures (n, C, H, W) in [-1, 1]
again = model.generate(found.latents, found.labels)
""",
}
_IMPORTS = {
    "editor": "import torch\n\nimport gan_models",
    "retouch": "import torch\n\nimport gan_models",
    "restore": "import torch\n\nimport gan_models",
    "translate": "import torch\n\nimport gan_models",
    "invertible": "import gan_models\nfrom gan_models.inversion import invert",
}
_PORTRAIT = """
A photo of any size (it needs `pip install dlib-bin face_recognition_models`, which find the faces):

```python
import gan_models
from gan_models.portrait import open_portrait

portrait = open_portrait(gan_models.load("{name}"), "photo.jpg")
portrait.edited({{"{attribute}": 1.0}}).save("edited.jpg")  # changes from -1 to 1
print(portrait.shown)  # how surely each attribute is there, 0..1
```"""
_NOT_EVERY = {
    "": "Not every sample is a good picture; a truncation below 1 gives more typical and less varied ones.",
    "restore": "What is lost is lost: the network draws what is likely there, not what was. A face that it fills in or enlarges is "
    "nobody in particular, and proves nothing about anybody.",
    "translate": "It knows what tells the kinds apart in its training pictures, and may change more than was meant.",
    "retouch": "Not every edit is a good picture: paint is as coarse as the network sees, and what the window around the face does not "
    "hold, such as long hair, keeps its colour.",
}
_ARROWS = {"lower": " ↓", "higher": " ↑"}


def write_card(folder: str | os.PathLike[str], about: dict[str, Any] | None = None) -> None:
    """Write README.md of a model folder from its config.json, its metrics.json (where there is one) and `about`.

    about: the keys of ABOUT, all optional. What is not given is taken from the record "training" that a run leaves in
    metrics.json, so that the card can be written again from the folder alone, after an evaluation for example. What a
    person wrote into the card stays (card_edits.py). A card of before there were marks is kept as README.before.md.
    Raises InvalidConfig or InvalidWeights for a broken folder, TypeError for an unknown key.
    """
    folder = Path(folder)
    config = model_folder.config_of(model_folder.load_folder(folder))
    card = str(model_card(config, read_metrics(folder / METRICS), about, samples=(folder / PICTURE).is_file()))
    files.write_atomically(folder / CARD, model_folder.with_edits(folder, card).encode())


def model_card(
    config: dict[str, Any],
    metrics: dict[str, Any] | None = None,
    about: dict[str, Any] | None = None,
    samples: bool = False,
) -> ModelCard:
    """The card of a model with this config.json. metrics: name -> number, or name -> {"value": ..., "real": ..., ...},
    and beside them

    - "training": what is known about the training (keys of ABOUT)
    - "evaluation": for each network that judged, the record of how it was measured
    - "legend": for each metric (or its name up to the first digit, or a word of its details) {"better": "lower",
      "higher" or "", "about": a sentence}
    - "notes": {"metrics": paragraphs under the metrics, "limits": paragraphs under the limits}
    - "copy_of": the model that these files were copied from, such as user/repo@commit
    - "offered": of an editor, {attribute: {"more": mark, "less": mark}}, marks as of :class:`gan_models.studio.Offer`

    samples: show samples.png. Raises TypeError for an unknown key of `about`.
    """
    metrics = dict(metrics or {})
    recorded = _dict(metrics.pop("training", None))
    recorded = {key: value for key, value in recorded.items() if key in ABOUT and _fits(key, value)}
    told = recorded | (about or {})
    if unknown := set(told) - set(ABOUT):
        raise TypeError(f"a card does not tell {', '.join(sorted(unknown))}; it tells {', '.join(ABOUT)}")
    page = _Page(config, metrics, told, samples)
    text = "\n\n".join(section.strip() for section in page.sections() if section)
    return ModelCard(card_edits.marked(page.front_matter(), text))


def licence_of(folder: Path) -> dict[str, str]:
    """The Hub's fields for the licence of a model folder: those of its card, else those of its data. {}: not known."""
    try:
        text = files.read_bounded(folder / CARD, MAX_CARD_BYTES, folder).decode("utf-8", "replace")
        fields = card_edits.front_matter(text)
    except (OSError, files.UnfitFile):
        fields = {}
    found = {key: str(fields[key])[:300] for key in KEYS if isinstance(fields.get(key), str)}
    if "license" in found:
        return found
    try:
        dataset = _dict(read_metrics(folder / METRICS).get("training")).get("dataset")
    except InvalidConfig:
        return {}
    return dataset_of(dataset if isinstance(dataset, str) else None).licence


class _Page:
    """One card, section by section."""

    def __init__(self, config: dict[str, Any], metrics: dict[str, Any], told: dict[str, Any], samples: bool):
        self.config, self.told, self.samples = config, told, samples
        self.legend = _dict(metrics.pop("legend", None))
        self.notes = _dict(metrics.pop("notes", None))
        self.copy_of = metrics.pop("copy_of", None)
        self.offered = _dict(metrics.pop("offered", None))
        self.metrics = metrics
        self.family = config["family"]
        self.stages = _stages(told)
        # Of an encoder for a generator that was there, the name and the words are the generator's.
        self.first = self.stages[0] if self.family == "invertible" else told
        self.known = dataset_of(told.get("dataset"))
        self.data = {key: value for key, value in _dict(told.get("data")).items() if isinstance(value, str) and value}
        if self.known is UNKNOWN and "celeba" in self.data.get("title", "").lower():
            self.known = dataset_of("celeba")

    def front_matter(self) -> str:
        kind, recipe = _conditioning(self.config), self.told.get("recipe")
        tags = ["gan", "image-generation", self.family, "gan-studio"] + ([f"{kind}-conditional"] if kind else [])
        tags += ["image-editing"] if self.family in EDITORS else []
        tags += [recipe] if recipe and re.fullmatch(r"[\w.-]+", recipe) else []
        base = self.base_model()
        # No model-index: its metric names (such as plain "fid") would compare our in-domain protocols with other people's.
        origin = self.origin_licence()
        own = self.own_licence() if self.told.get("dataset") or not origin else origin
        licence: dict[str, Any] = {**combined(own, origin)}
        data = ModelCardData(
            **licence,
            library_name="gan-studio",
            pipeline_tag="image-to-image" if self.family in SHOWN else "unconditional-image-generation",
            tags=tags,
            datasets=[self.known.hub_id] if self.known.hub_id else None,
            base_model=base,
        )
        return str(data.to_yaml())

    def own_licence(self) -> dict[str, str]:
        if self.known is UNKNOWN and "licence" in self.data:
            return licence_fields(self.data["licence"])
        return self.known.licence

    def origin_licence(self) -> dict[str, str]:
        """What the weights that the training started from stand under, as far as it is known."""
        found: dict[str, str] = {}
        for stage in self.stages[:-1]:
            fields = _dict(stage.get("licence_fields")) or dataset_of(stage.get("dataset")).licence
            fields = {key: value for key, value in fields.items() if key in KEYS and isinstance(value, str)}
            found = combined(fields, found) if fields else found
        return found

    def base_model(self) -> str | None:
        """The repository of the Hub that these weights come from."""
        for source in (self.copy_of, self.told.get("init_from")):
            if isinstance(source, str) and (match := re.match(r"([\w.-]+/[\w.-]+)(@[\w./-]+)?$", source)):
                return match[1]
        return None

    def sections(self) -> Iterable[str | None]:
        told = self.told
        heading = told.get("name") or self.data.get("title") or self.first.get("recipe") or told.get("recipe")
        yield f"# {_cell(heading or self.family)}"
        yield " ".join(filter(None, [self.lead(), _network(self.config), self.papers()]))
        if self.samples:
            yield "![Samples](samples.png)"
        yield self.use()
        yield self.licence()
        yield self.training()
        yield self.measured()
        yield self.by_eye()
        yield self.limits()
        yield """## Intended use

Research, teaching and play. Not for deceiving anybody about what is real, nor for judging or identifying people."""

    def by_eye(self) -> str | None:
        """How good each change looks."""
        rows = [
            (_word(name), str(marks.get("more", "")), str(marks.get("less", "")))
            for name, marks in self.offered.items()
            if isinstance(marks, dict)
        ]
        if not rows:
            return None
        return "\n\n".join(
            (
                "## By eye",
                "How each change looked on photos to somebody who had not trained the model. What shows nothing, or looks "
                "broken, is not offered in the demo.",
                _table(("attribute", "more", "less"), rows),
            )
        )

    def verb(self) -> str:
        """What the model does with pictures."""
        if self.family in EDITORS:
            return "edits"
        return {"restore": "repairs", "translate": "translates"}.get(self.family, "draws")

    def lead(self) -> str | None:
        """What the recipe says of itself, which is true of the data that it was written for."""
        if self.known is UNKNOWN and self.told.get("dataset"):
            return f"It {self.verb()} pictures such as those of {self.title()}."
        summary = self.first.get("summary")
        return summary[0].upper() + summary[1:].rstrip(".") + "." if summary else None

    def title(self) -> str:
        """What the training pictures are called. Of somebody's own folder only the last part of its path is told."""
        if self.known is not UNKNOWN:
            return self.known.title
        if "title" in self.data:
            return f"*{_cell(self.data['title'])}* (the trainer's own pictures)"
        return f"`{_cell(Path(str(self.told.get('dataset'))).name)}` (the trainer's own pictures)"

    def papers(self) -> str | None:
        stages = [self.first, self.told] if self.first is not self.told else [self.told]
        papers = list(dict.fromkeys(stage["source"] for stage in stages if stage.get("source")))
        return f"Source: {'; '.join(papers)}." if papers else None

    def use(self) -> str:
        repository = self.told.get("repository") or project.repository()
        install = (
            f"pip install git+{repository}" if repository else "pip install .        # in a checkout of GAN Studio"
        )
        draws = self.family not in DRAWLESS
        sheet = f"\npython -m gan_models {PLACEHOLDER} --seed 1 --count 16 --output grid.png" if draws else ""
        attributes = self.config.get("attributes") or ATTRIBUTES
        attribute = "Smiling" if "Smiling" in attributes else attributes[0]
        code = (_SAMPLE if draws else "") + _EXAMPLES.get(self.family, "").format(attribute=attribute)
        home = f"\n\nThe code, and how to train such a model: {repository}" if repository else ""
        photo = _PORTRAIT.format(name=PLACEHOLDER, attribute=attribute) if self.family in EDITORS else ""
        return f"""## Use it

```sh
{install}{sheet}
```

```python
{_IMPORTS.get(self.family, "import gan_models")}

model = gan_models.load("{PLACEHOLDER}")  # or the folder that this file lies in{code.rstrip()}
```
{photo}{home}"""

    def licence(self) -> str:
        told, sentences = self.told, []
        if told.get("dataset"):
            sentences.append(f"Trained on {self.title()}.")
        if told.get("licence"):
            sentences.append(told["licence"])
        elif self.known is UNKNOWN and "licence" in self.data:
            sentences.append(
                f"The licence of the pictures, as the trainer gives it, is {_cell(self.data['licence'])}; it holds for "
                "these weights too."
            )
        else:
            sentences.append(self.known.note)
        if told.get("init_from"):
            origin = _dict(told.get("origin"))
            fields = _dict(origin.get("licence_fields"))
            name = fields.get("license_name") or fields.get("license")
            under = f" ({_cell(name)})" if isinstance(name, str) else ""
            what = "encoder was trained for" if self.family == "invertible" else "training started from"
            sentences.append(f"The {what} the weights of {_linked(told['init_from'])}, whose licence{under} holds too.")
        if isinstance(self.copy_of, str) and self.copy_of:
            sentences.append(f"These files are a copy of {_linked(self.copy_of)}.")
        return "## Data and licence\n\n" + " ".join(sentences)

    def training(self) -> str | None:
        """A row for each model that stands on the one before, this one last."""
        columns = (
            ("recipe", "recipe", "`{}`"),
            ("what it does", "summary", "{}"),
            ("real images shown", "images_seen", "{}"),
            ("hours", "hours", "{}"),
            ("seed", "seed", "{}"),
            ("code", "commit", "commit `{}`"),
        )
        stages = [stage for stage in self.stages if any(stage.get(key) is not None for key in ("recipe", "command"))]
        stages = stages or [self.told]
        used = [
            (title, key, form)
            for title, key, form in columns
            if any(stage.get(key) not in (None, "") for stage in stages)
            and not (key == "summary" and (len(stages) == 1 or self.known is UNKNOWN))
        ]
        rows = [
            [form.format(_number(stage[key])) if stage.get(key) not in (None, "") else "" for _, key, form in used]
            for stage in stages
        ]
        commands = [portable.command(stage["command"]) for stage in stages if _is_text(stage.get("command"))]
        if not (used or commands):
            return None
        several = "A row for each training; each began with the weights of the one above." if len(rows) > 1 else None
        table = _table([title for title, _, _ in used], rows) if used else None
        code = "```sh\n" + "\n".join(commands) + "\n```" if commands else None
        return "\n\n".join(filter(None, ["## Training", several, table, code]))

    def measured(self) -> str | None:
        parts = [_metrics(self.metrics, self.legend)] if self.metrics else []
        parts += _sentences(self.notes.get("metrics"))
        return "\n\n".join(["## Metrics", *parts]) if parts else None

    def limits(self) -> str:
        text = [
            f"{self.known.limits} {_NOT_EVERY[self.family if self.family in DRAWLESS else '']}",
            "Metrics compare models under the same protocol (count, reference and network are in their names) and with "
            "nothing else.",
            *_sentences(self.notes.get("limits")),
        ]
        return "\n\n".join(["## Limits", *text])


def _stages(told: dict[str, Any]) -> list[dict[str, Any]]:
    """The trainings that a model stands on, the first one first, its own last."""
    stages = [told]
    while len(stages) < STAGES and (origin := _dict(stages[-1].get("origin"))):
        keys = (*ABOUT, "licence_fields")
        stages.append({key: value for key, value in origin.items() if key in keys and _fits(key, value)})
    return stages[::-1]


def _fits(key: str, value: object) -> bool:
    """Whether a recorded value is of the kind that its key has; what is not is left out, whoever wrote it."""
    if key in ("origin", "data", "licence_fields"):
        return isinstance(value, dict)
    return isinstance(value, str) or (key in ("images_seen", "hours", "seed") and _is_number(value))


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _sentences(value: object) -> list[str]:
    """Paragraphs of notes: one line each, so that none opens a section of its own."""
    return [_cell(item) for item in value if _is_text(item)] if isinstance(value, list) else []


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _linked(source: str) -> str:
    """The name of a model, as a link where it is one of the Hub."""
    if match := re.fullmatch(r"([\w.-]+/[\w.-]+)@([0-9a-f]{40})(/[\w./-]+)?", source):
        address = f"https://huggingface.co/{match[1]}/tree/{match[2]}{match[3] or ''}"
        return f"[{match[1]}{match[3] or ''}]({address})"
    return f"`{_cell(portable.name(source))}`"


def _conditioning(config: dict[str, Any]) -> str | None:
    if not config.get("labels"):
        return None
    return "attribute" if config.get("multi_label") else "class"


def _network(config: dict[str, Any]) -> str:
    """One or two sentences: what goes in and what comes out."""
    size, channels = config.get("image_size"), config.get("image_channels")
    across = " x ".join(map(str, reversed(sides(size)))) if size else ""
    picture = f"{across} {'grey' if channels == 1 else 'colour'} pictures" if size else "pictures"
    if config["family"] == "editor":
        names = ", ".join(_cell(name) for name in config.get("attributes") or ATTRIBUTES)
        return (
            f"An editor of {picture}: it reads a face, moves its code by differences of attributes ({names}), and adds the "
            "change of what the code draws to the photo, which keeps all its detail where nothing changes."
        )
    if config["family"] == "restore" and config.get("damages") == []:
        return (
            f"It is shown a picture, seen at {size} x {size} pixels, and draws another, as pairs of pictures taught it."
        )
    if config["family"] == "restore":
        kinds = ", ".join(_cell(kind) for kind in config.get("damages") or KINDS)
        return f"It is shown a damaged picture, seen at {size} x {size} pixels, and draws it whole. It knows these damages: {kinds}."
    if config["family"] == "translate":
        kinds = ", ".join(_cell(kind) for kind in config.get("labels") or ())
        return f"It is shown {picture} and draws them as one of another kind: {kinds}."
    if config["family"] == "retouch":
        names = ", ".join(_cell(name) for name in config.get("attributes") or ATTRIBUTES)
        return (
            f"An editor of faces, seen at {size} x {size} pixels: for the wished attributes ({names}) it moves the photo's own "
            "pixels, changes their colours, and paints a layer over them."
        )
    text = f"A generator of the family `{config['family']}`: {config.get('latent_dim')} standard-normal numbers become {picture}."
    kind = _conditioning(config)
    if config["family"] in ("encoding", "invertible"):
        text += " It also reads pictures: `encode` gives their latents."
    if kind:
        names = {"class": "the class asked for", "attribute": "the attributes asked for (each from 0 to 1)"}[kind]
        text += f" It draws {names}: {', '.join(_cell(label) for label in config['labels'])}."
    return text


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _metrics(metrics: dict[str, Any], legend: dict[str, Any]) -> str:
    """A table: name, value, the same of real pictures (a distance's floor, a share's ceiling), and whatever else was
    recorded; then what the names mean."""
    metrics = dict(metrics)
    evaluation = metrics.pop("evaluation", None)
    rows: list[tuple[str, ...]] = []
    noted: dict[str, Any] = {}
    for name, record in metrics.items():
        record = dict(record) if isinstance(record, dict) else {"value": record}
        value, real = record.pop("value", None), record.pop("real", None)
        noted |= record
        rest = ", ".join(f"{_word(key)} {_number(item)}" for key, item in record.items() if item is not None)
        arrow = _ARROWS.get(str(_meaning(name, legend).get("better")), "")
        rows.append((f"`{name}`{arrow}", _number(value), _number(real), rest))
    header = ("metric", "value", "real pictures", "details")
    used = [k for k in range(4) if k < 2 or any(row[k] for row in rows)]
    parts = [_table([header[k] for k in used], [[row[k] for k in used] for row in rows])] if rows else []
    real = [
        "*real pictures*: the same of real pictures, unedited; where a network sees labels, the share that it gets right"
    ]
    lines = _explained([*metrics, *noted], legend)
    more = {key: value for key, value in legend.items() if _word(key) not in lines}  # what needs no second line
    if any(any(row[0].endswith(arrow) for arrow in _ARROWS.values()) for row in rows):
        real = ["↑: higher is better, ↓: lower is better", *real * (2 in used)]
    else:
        real = real * (2 in used)
    parts += filter(None, ["\n".join("- " + line for line in [*real, *lines.values()])])
    records = evaluation.items() if isinstance(evaluation, dict) else ()
    return "\n\n".join(parts + [_record(name, record, more) for name, record in records if isinstance(record, dict)])


def _record(network: str, record: dict[str, Any], legend: dict[str, Any]) -> str:
    """How the metrics of one network were measured, and what it says of each attribute."""
    how = ", ".join(f"{key} {_number(record[key])}" for key in ("samples", "seed") if key in record)
    text = f"The network `{_cell(network)}` judged ({how}); metrics.json holds the whole record."
    attributes = record.get("attributes")
    if not isinstance(attributes, dict) or not all(isinstance(numbers, dict) for numbers in attributes.values()):
        return text
    columns = list(dict.fromkeys(key for numbers in attributes.values() for key in numbers))
    rows = [(name, *(_number(numbers.get(key)) for key in columns)) for name, numbers in attributes.items()]
    table = _table(("attribute", *(_word(key) for key in columns)), rows)
    return "\n\n".join(
        filter(None, [text, table, "\n".join("- " + line for line in _explained(columns, legend).values())])
    )


def base_name(metric: str) -> str:
    """The name of a metric without its protocol: "fid" of fid10k_test_reader."""
    return re.sub(r"_?\d.*", "", metric)


def _meaning(name: str, legend: dict[str, Any]) -> dict[str, Any]:
    return _dict(legend.get(name)) or _dict(legend.get(base_name(name)))


def _explained(names: Iterable[str], legend: dict[str, Any]) -> dict[str, str]:
    """A line for each name that the legend knows, by its words."""
    lines: dict[str, str] = {}
    for name in names:
        about = _meaning(name, legend).get("about")
        if _is_text(about):
            word = _cell(_word(base_name(name)))
            lines.setdefault(word, f"*{word}*: {_cell(about)}")
    return lines


def _word(key: str) -> str:
    return key.replace("_", " ")


def _number(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) and value >= 10_000 else str(value)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: object) -> str:
    """Text that breaks neither a table nor the page, wherever it came from."""
    return re.sub(r"\s+", " ", str(text)).replace("|", "\\|").replace("<", "&lt;")
