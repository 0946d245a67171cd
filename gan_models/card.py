"""The model card: README.md of a model folder, and what the Hub shows and searches (its front matter)."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import ModelCard, ModelCardData

from . import files, model_folder, portable
from .celeba import ATTRIBUTES
from .model_folder import read_metrics
from .sizes import sides

# What `publish` replaces by the repository's name, so that the line that loads the model can be copied.
PLACEHOLDER = "USER/REPO"

# What a card can tell about a training: the paper is `source`, the sentence under which the weights may be used
# `licence`, the address for `pip install git+` `repository`; dataset is mnist, fashionmnist, celeba or other words;
# `calibration` is what training.calibrate returned.
ABOUT = (
    "name",
    "recipe",
    "summary",
    "source",
    "dataset",
    "images_seen",
    "hours",
    "seed",
    "init_from",
    "command",
    "commit",
    "licence",
    "repository",
    "origin",
    "calibration",
)


@dataclass(frozen=True)
class DatasetNotice:
    """What a card says about weights made from a data set. `licence`: the Hub's fields for it."""

    title: str
    hub_id: str
    licence: dict[str, str]
    note: str
    limits: str


_MIT = {"license": "mit"}
DATASETS = {
    "mnist": DatasetNotice(
        "[MNIST](https://yann.lecun.com/exdb/mnist/) (LeCun et al. 1998), handwritten digits",
        "ylecun/mnist",
        _MIT,
        "The weights are under the MIT licence, like the code.",
        "It draws digits as American writers of the 1990s wrote them, centred, and nothing else.",
    ),
    "fashionmnist": DatasetNotice(
        "[FashionMNIST](https://github.com/zalandoresearch/fashion-mnist) (Xiao et al. 2017), articles of clothing",
        "zalando-datasets/fashion_mnist",
        _MIT,
        "Data and weights are under the MIT licence, like the code.",
        "It draws the ten kinds of articles of that catalogue, and nothing else.",
    ),
    "celeba": DatasetNotice(
        "[CelebA](https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html) (Liu et al. 2015), faces of celebrities",
        "flwrlabs/celeba",
        {
            "license": "other",
            "license_name": "celeba-non-commercial-research",
            "license_link": "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
        },
        "CelebA is available for **non-commercial research** only, and so are weights made from it. "
        "The code is under the MIT licence.",
        "The faces that it draws are of nobody, but they inherit CelebA's bias: celebrities, mostly young, light-skinned and "
        "made up. An attribute means what CelebA's annotators saw in a photo (only 12 of the 40 reach 95 % "
        "agreement between annotators, Wu et al. 2023, arXiv:2210.07356), not what anybody is; changing one "
        "also changes what goes with it in the data.",
    ),
}
EDITORS = ("editor", "retouch")
_EXAMPLES = {
    "editor": """
smiling = model.edit(images, {"Smiling": 1.0})        # faces (n, C, H, W) in [-1, 1], cropped as CelebA's
latents = model.encode(images[:1])        # once for many edits: differences (m, K) from -2 to 2, K = len(model.attributes)
strip = model.decode(latents, torch.linspace(-2, 2, 5)[:, None] * (torch.arange(len(model.attributes)) == 0))
""",
    "retouch": """
from gan_models.portrait import open_portrait

smiling = model.edit(images, {"Smiling": 1.0})        # faces (n, 3, H, W) in [-1, 1], cropped as CelebA's; targets 0..1
portrait = open_portrait(model, "photo.jpg")        # any photo: changes from -1 to 1, at its full size
portrait.edited({"Smiling": 1.0, "Blond_Hair": 0.5}).save("edited.jpg")
print(portrait.shown)        # how surely each attribute is there, 0..1
""",
    "encoding": """
latents = model.encode(images)        # pictures (n, C, H, W) in [-1, 1]
""",
    "invertible": """
from gan_models.inversion import invert

found = invert(model, images)        # the latents and labels that draw something like pictures (n, C, H, W) in [-1, 1]
again = model.generate(found.latents, found.labels)
""",
}
# What stands in the details of a metric and in the columns of the attributes.
_LEGEND = {
    "drawn": "of what the editor draws by itself of each photo, not of the edited photo",
    "worst": "of the attribute with the least",
    "both": "share of the pairs, switched off and on, that are both seen as asked for",
    "own": "of those others alone that the generator is asked for",
    "change_seen": "share of the edits (each turns the attribute into its opposite, at intensity 1) in which the judge sees that",
    "brought": "the same of pictures without the attribute",
    "taken_away": "the same of pictures with it",
    "put_back": "the same after the change has faded towards the border of the crop, as in a photo of any size",
    "by_target": "change seen by `edit(images, {name: 0.0 or 1.0})`, which goes by what the editor itself sees in the photo",
    "others_kept": "share of the other attributes that the judge sees as before; hair colours that were to go do not count",
    "judge_accuracy": "share of unedited pictures in which the judge is right; *balanced*: mean of those with and without it",
    "psnr_outside": "the same as `psnr` of edited pictures, outside the head's ellipse (equal pictures count as 100 dB)",
    "identity_kept": "share of the edits in which a face recognition network sees the same person as before",
    "toggled": "share of pictures seen as asked for, when the attribute alone is switched off and on at the same latent",
    "toggled_both": "share of the pairs, switched off and on, that are both seen as asked for",
    "toggled_others_kept": "share of all other attributes that look the same in both pictures of a pair (hair colours and "
    "baldness are no others to one another)",
    "toggled_own_kept": "of those others alone that the generator is asked for",
}
SELDOM = 0.3  # change seen in a smaller share of the edits
ANOTHER = 0.5  # the same person seen in a smaller share
UNKNOWN = DatasetNotice(
    "not recorded",
    "",
    {},
    "The licence of these weights follows from the data that they were made from, which this card does not know.",
    "It draws what its training pictures showed, and inherits their bias.",
)


def write_card(folder: str | os.PathLike, about: dict | None = None) -> None:
    """Write README.md of a model folder from its config.json, its metrics.json (where there is one) and `about`.

    about: the keys of ABOUT, all optional. What is not given is taken from the record "training" that a run leaves in
    metrics.json, so that the card can be written again from the folder alone, after an evaluation for example.
    Raises InvalidConfig or InvalidWeights for a broken folder, TypeError for an unknown key.
    """
    folder = Path(folder)
    config = model_folder.config_of(model_folder.load_folder(folder))
    card = model_card(config, read_metrics(folder / "metrics.json"), about, samples=(folder / "samples.png").is_file())
    files.write_atomically(folder / "README.md", str(card).encode())


def model_card(
    config: dict, metrics: dict | None = None, about: dict | None = None, samples: bool = False
) -> ModelCard:
    """The card of a model with this config.json. metrics: name -> number, or name -> {"value": ..., "real": ..., ...};
    "training" -> what is known about the training (keys of ABOUT); "evaluation" -> for each network that judged, the
    record of `training.evaluate`. samples: show samples.png."""
    metrics = dict(metrics or {})
    recorded = metrics.pop("training", None)
    recorded = (
        {key: value for key, value in recorded.items() if key in ABOUT and _fits(key, value)}
        if (isinstance(recorded, dict))
        else {}
    )
    sections = _sections(config, metrics, samples, **recorded | (about or {}))
    return ModelCard("\n\n".join(section.strip() for section in sections) + "\n")


def _fits(key: str, value) -> bool:
    """Whether a recorded value is of the kind that its key has; what is not is left out, whoever wrote it."""
    if key in ("origin", "calibration"):
        return isinstance(value, dict)
    return isinstance(value, str) or (key in ("images_seen", "hours", "seed") and _is_number(value))


def dataset_of(name: str | None) -> DatasetNotice:
    """What is known about a data set. Anything that calls itself CelebA gets CelebA's restriction: better once too
    often."""
    plain = re.sub("[^a-z0-9]", "", (name or "").lower())
    return DATASETS["celeba"] if "celeba" in plain else DATASETS.get(plain, UNKNOWN)


def _front_matter(config: dict, dataset: DatasetNotice, recipe: str | None) -> str:
    kind = _conditioning(config)
    tags = ["gan", "image-generation", config["family"], "gan-studio"] + ([f"{kind}-conditional"] if kind else [])
    tags += ["image-editing"] if config["family"] in EDITORS else []
    tags += [recipe] if recipe and re.fullmatch(r"[\w.-]+", recipe) else []
    # No model-index: its metric names (such as plain "fid") would compare our in-domain protocols with other people's.
    data = ModelCardData(
        **dataset.licence,
        library_name="gan-studio",
        pipeline_tag="image-to-image" if config["family"] in EDITORS else "unconditional-image-generation",
        tags=tags,
        datasets=[dataset.hub_id] if dataset.hub_id else None,
    )
    return f"---\n{data.to_yaml()}\n---"


def _conditioning(config: dict) -> str | None:
    if not config.get("labels"):
        return None
    return "attribute" if config.get("multi_label") else "class"


def _sections(
    config,
    metrics,
    samples,
    *,
    name=None,
    recipe=None,
    summary=None,
    source=None,
    dataset=None,
    images_seen=None,
    hours=None,
    seed=None,
    init_from=None,
    command=None,
    commit=None,
    licence=None,
    repository=None,
    origin=None,
    calibration=None,
):
    if config["family"] == "invertible" and isinstance(
        origin, dict
    ):  # a generator that was there, and an encoder for it
        name, summary = name or origin.get("recipe"), origin.get("summary") or summary
        source = "; ".join(filter(None, [origin.get("source"), source]))
    known = dataset_of(dataset)
    # Of somebody's own folder of pictures only the last part of its path is told.
    title = (
        known.title
        if known is not UNKNOWN or not dataset
        else f"`{Path(str(dataset)).name}` (the trainer's own pictures)"
    )
    yield _front_matter(config, known, recipe)
    yield f"# {_cell(name or recipe or config['family'])}"
    yield " ".join(
        filter(
            None,
            [
                summary and summary[0].upper() + summary[1:].rstrip(".") + ".",
                _network(config),
                source and f"Source: {source}.",
            ],
        )
    )
    if samples:
        yield "![Samples](samples.png)"
    install = f"pip install git+{repository}" if repository else "pip install .        # in a checkout of GAN Studio"
    draws = config["family"] != "retouch"
    sheet = f"\npython -m gan_models {PLACEHOLDER} --seed 1 --count 16 --output grid.png" if draws else ""
    sample = """
images = model.generate(model.sample_latents(16, seed=1), model.sample_labels(16, seed=1))        # (16, C, H, W) in [-1, 1]"""
    yield f"""## Use it

```sh
{install}{sheet}
```

```python
import gan_models

model = gan_models.load("{PLACEHOLDER}")        # or the folder that this file lies in{sample if draws else ""}
{_EXAMPLES.get(config["family"], "")}```"""
    yield "## Data and licence"
    yield " ".join(
        filter(
            None,
            [
                dataset and f"Trained on {title}.",
                licence or known.note,
                init_from
                and (
                    f"The training started from the weights of `{portable.name(init_from)}`, whose licence holds too."
                ),
            ],
        )
    )
    rows = [
        ("recipe", recipe and f"`{recipe}`"),
        ("real images shown to the discriminator", images_seen),
        ("hours of training", hours),
        ("seed", seed),
        ("code", commit and f"commit `{commit}`"),
    ]
    rows = [(what, _number(value)) for what, value in rows if value not in (None, "")]
    if rows or command:
        yield "\n\n".join(
            filter(
                None,
                [
                    "## Training",
                    rows and _table(("what", "value"), rows),
                    command and f"```sh\n{portable.command(command)}\n```",
                    _origin(origin),
                ],
            )
        )
    judged = _judged(known, init_from, calibration) if config["family"] == "editor" else None
    if metrics or judged:
        yield "\n\n".join(filter(None, ["## Metrics", metrics and _metrics(metrics), judged]))
    yield f"""## Limits

{known.limits} {_NOT_EVERY[config["family"] == "retouch"]}
Metrics compare models under the same protocol (count, reference and network are in their names) and with nothing else."""
    if config["family"] == "editor":
        yield _edits(metrics)
    yield """## Intended use

Research, teaching and play. Not for deceiving anybody about what is real, nor for judging or identifying people."""


def _origin(origin) -> str | None:
    """How the weights that the training started from were trained, by their own record."""
    if not isinstance(origin, dict) or not origin.get("command"):
        return None
    images = f", {_number(origin['images_seen'])} images" if origin.get("images_seen") else ""
    return f"The weights that it started from: recipe `{_cell(origin.get('recipe'))}`{images}.\n\n```sh\n{portable.command(str(origin['command']))}\n```"


def _network(config: dict) -> str:
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


def _judged(known: DatasetNotice, init_from, calibration) -> str | None:
    """How far the judge of an editor of CelebA's faces is apart from it (the rule stands in training/judges.py)."""
    if known is not DATASETS["celeba"]:
        return None
    started = ", and so did the generator that the training started from" if init_from else ""
    text = (
        "The judge learned from the training pictures with an even file number; the classifier of the editor's attribute "
        "loss, and the editor's own estimate of attributes, learned from those with an odd one. The regressions that give edits "
        f"their directions and regions saw the labels of both halves{started}."
    )
    return " ".join(filter(None, [text, _tuned(calibration)]))


def _tuned(calibration) -> str | None:
    """What the calibration took from the judge, and what came of it."""
    try:
        before, after = (
            {key: float(calibration[when][key]) for key in ("seen", "kept", "fid")} for when in ("before", "after")
        )
        split = str(calibration["split"])
    except (KeyError, TypeError, ValueError):
        return None
    went = ", ".join(
        f"{what} from {before[key]:.{digits}f} to {after[key]:.{digits}f}"
        for key, what, digits in (("seen", "the change seen went", 3), ("kept", "others kept", 3), ("fid", "FID", 2))
    )
    text = (
        f"The judge is not independent of how far edits go: the calibration tuned two strengths of each attribute (brought "
        f"in, taken out) on its verdicts and features, by which on {_SPLITS.get(split, _cell(split))} pictures {went}."
    )
    return text if split == "test" else text + " Test pictures were not used for it."


_NOT_EVERY = (
    "Not every sample is a good picture; a truncation below 1 gives more typical and less varied ones.",
    "Not every edit is a good picture: paint is as coarse as the network sees, and what the window around the face does not "
    "hold, such as long hair, keeps its colour.",
)
_SPLITS = {"valid": "validation", "train": "training"}


def _edits(metrics: dict) -> str:
    """What an editor does badly, as far as it was measured."""
    record = metrics.get("evaluation")
    record = record.get("judge") if isinstance(record, dict) else None
    attributes = record.get("attributes") if isinstance(record, dict) else None
    attributes = attributes if isinstance(attributes, dict) else {}

    def below(key: str, least: float) -> str:
        shares = [(name, numbers.get(key)) for name, numbers in attributes.items() if isinstance(numbers, dict)]
        return ", ".join(
            f"{_cell(name)} ({_percent(share)})" for name, share in shares if _is_number(share) and share < least
        )

    def mean(kind: str) -> float | None:
        found = next((value for name, value in metrics.items() if re.match(rf"{kind}\d", name)), None)
        value = found.get("value") if isinstance(found, dict) else found
        return value if _is_number(value) else None

    text = []
    if seldom := below("change_seen", SELDOM):
        text.append(f"In less than {_percent(SELDOM)} of the edits the judge sees the change of: {seldom}.")
    if another := below("identity_kept", ANOTHER):
        text.append(
            f"In less than {_percent(ANOTHER)} a face recognition network sees the same person as before, of: {another}."
        )
    if shares := [f"{_percent(share)} {how}" for kind, how in _WAYS.items() if (share := mean(kind)) is not None]:
        text.append(f"The change is seen in {', '.join(shares)} (means of the attributes, Smiling left out).")
    text.append("Edits do not leave an ellipse around the head: hair beyond it keeps its colour.")
    return " ".join(text)


_WAYS = {
    "change_seen": "of the edits by known labels",
    "change_seen_by_target": "where the editor itself has to see what is there",
    "change_seen_put_back": "where the change has faded towards the border of the crop, as in a photo of any size",
}


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _metrics(metrics: dict) -> str:
    """A table: name, value, the same of real pictures (a distance's floor, a share's ceiling), and whatever else was
    recorded."""
    metrics = dict(metrics)
    evaluation = metrics.pop("evaluation", None)
    rows, noted = [], {}
    for name, record in metrics.items():
        record = dict(record) if isinstance(record, dict) else {"value": record}
        value, real = record.pop("value", None), record.pop("real", None)
        noted |= record
        rest = ", ".join(f"{key} {_number(item)}" for key, item in record.items() if item is not None)
        rows.append((f"`{name}`", _number(value), _number(real), rest))
    header = ("metric", "value", "real pictures", "details")
    used = [k for k in range(4) if k < 2 or any(row[k] for row in rows)]
    parts = [_table([header[k] for k in used], [[row[k] for k in used] for row in rows])] if rows else []
    real = [
        "*real pictures*: the same of real pictures, unedited; where a network sees labels, the share that it gets right"
    ]
    parts += filter(None, ["\n".join("- " + line for line in real * (2 in used) + _legend(noted))])
    records = evaluation.items() if isinstance(evaluation, dict) else ()
    return "\n\n".join(parts + [_record(name, record) for name, record in records if isinstance(record, dict)])


def _record(network: str, record: dict) -> str:
    """How the metrics of one network were measured, and what it says of each attribute."""
    how = ", ".join(f"{key} {_number(record[key])}" for key in ("samples", "seed") if key in record)
    text = f"The network `{_cell(network)}` judged ({how}); metrics.json holds the whole record."
    attributes = record.get("attributes")
    if not isinstance(attributes, dict) or not all(isinstance(numbers, dict) for numbers in attributes.values()):
        return text
    columns = list(dict.fromkeys(key for numbers in attributes.values() for key in numbers))
    rows = [(name, *(_number(numbers.get(key)) for key in columns)) for name, numbers in attributes.items()]
    table = _table(("attribute", *(key.replace("_", " ") for key in columns)), rows)
    return "\n\n".join(filter(None, [text, table, "\n".join("- " + line for line in _legend(columns))]))


def _legend(names) -> list[str]:
    return [f"*{name.replace('_', ' ')}*: {_LEGEND[name]}" for name in names if name in _LEGEND]


def _number(value) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) and value >= 10_000 else str(value)


def _table(header, rows) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text) -> str:
    """Text that breaks neither a table nor the page, wherever it came from."""
    return re.sub(r"\s+", " ", str(text)).replace("|", "\\|").replace("<", "&lt;")
