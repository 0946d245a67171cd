"""The model card: README.md of a model folder, and what the Hub shows and searches (its front matter).

It only lays out the content of the folder's files. metrics.json says how the model was trained and measured, and what
that means: `training`, `legend`, `notes`.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard, ModelCardData

from .. import portable, project
from ..notices import KEYS, UNKNOWN, combined, dataset_of, hub_link, licence_fields, on_hub
from . import edits, families
from .commands import reproducing
from .tables import as_dict, cell, is_number, is_text, metrics_section, number, spaced, table

# The facts about a training that a card can show. source: the paper. licence: a sentence on the licence of the weights.
# repository: the address of the code. dataset: mnist, fashionmnist, celeba or other words. data: {"title", "licence"} of
# own pictures; of a data set of the Hub also {"hub": "USER/DATASET@COMMIT", "page_licence": the licence on its page};
# {"altered": a sentence on how the pictures differ from the published ones}.
# features: a network of somebody else whose features the losses used. origin: the record of the model from which the
# training started, with its licence as `licence_fields`.
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
    "features",
    "origin",
)
STAGES = 20  # limit for a chain of models that started from one another


def model_card(
    config: dict[str, Any],
    metrics: dict[str, Any] | None = None,
    about: dict[str, Any] | None = None,
    samples: bool = False,
) -> ModelCard:
    """The card of a model with this config.json. metrics: name -> number, or name -> {"value": ..., "real": ..., ...},
    and besides

    - "training": facts about the training (keys of ABOUT)
    - "evaluation": for each network of an evaluation, the record of how it was measured
    - "legend": for each metric (or its name up to the first digit, or a word of its details) {"better": "lower",
      "higher" or "", "about": a sentence}
    - "notes": {"metrics": paragraphs under the metrics, "limits": paragraphs under the limits}
    - "copy_of": the model that these files were copied from, such as user/repo@commit
    - "offered": for an editor, {attribute: {"more": rating, "less": rating}}, see :class:`gan_models.studio.Offer`

    samples: whether to show samples.png. Raises TypeError for an unknown key of `about`.
    """
    metrics = dict(metrics or {})
    recorded = as_dict(metrics.pop("training", None))
    recorded = {key: value for key, value in recorded.items() if key in ABOUT and _fits(key, value)}
    told = recorded | (about or {})
    if unknown := set(told) - set(ABOUT):
        raise TypeError(f"a card does not know {', '.join(sorted(unknown))}; it knows {', '.join(ABOUT)}")
    page = _Page(config, metrics, told, samples)
    text = "\n\n".join(section.strip() for section in page.sections() if section)
    return ModelCard(edits.with_marks(page.front_matter(), text))


class _Page:
    """One card, section by section."""

    def __init__(self, config: dict[str, Any], metrics: dict[str, Any], told: dict[str, Any], samples: bool):
        self.config, self.told, self.samples = config, told, samples
        self.legend = as_dict(metrics.pop("legend", None))
        self.notes = as_dict(metrics.pop("notes", None))
        self.copy_of = metrics.pop("copy_of", None)
        self.offered = as_dict(metrics.pop("offered", None))
        self.metrics = metrics
        self.family = config["family"]
        self.stages = _stages(told)
        # An encoder for a trained generator has the name and the summary of the generator.
        self.first = self.stages[0] if self.family == "invertible" else told
        self.known = dataset_of(told.get("dataset"))
        self.data = {key: value for key, value in as_dict(told.get("data")).items() if isinstance(value, str) and value}
        self.hub = on_hub(self.data)
        if self.known is UNKNOWN and "celeba" in self.data.get("title", "").lower():
            self.known = dataset_of("celeba")

    def front_matter(self) -> str:
        kind, recipe = families.conditioning(self.config), self.told.get("recipe")
        tags = ["gan", "image-generation", self.family, "gan-studio"] + ([f"{kind}-conditional"] if kind else [])
        tags += ["image-editing"] if self.family in families.EDITORS else []
        tags += [recipe] if recipe and re.fullmatch(r"[\w.-]+", recipe) and not self.other_data() else []
        base = self.base_model()
        # No model-index: its metric names, such as plain "fid", would compare our protocols with other people's.
        origin = self.origin_licence()
        own = self.own_licence() if self.told.get("dataset") or not origin else origin
        licence: dict[str, Any] = {**combined(own, None if self.unknown_origin() else origin)}
        data = ModelCardData(
            **licence,
            library_name="gan-studio",
            pipeline_tag="image-to-image" if self.family in families.SHOWN else "unconditional-image-generation",
            tags=tags,
            datasets=[found] if (found := self.known.hub_id or self.hub.partition("@")[0]) else None,
            base_model=base,
        )
        return str(data.to_yaml())

    def own_licence(self) -> dict[str, str]:
        words = self.data.get("licence") or self.data.get("page_licence")
        return licence_fields(words) if self.known is UNKNOWN and words else self.known.licence

    def other_data(self) -> bool:
        """Whether it learned from pictures other than those of a known data set, so that the recipe's name misleads."""
        return self.known is UNKNOWN and bool(self.told.get("dataset"))

    def unknown_origin(self) -> bool:
        """Whether the training started from weights whose licence is not known."""
        return bool(self.told.get("init_from")) and not self.origin_licence()

    def origin_licence(self) -> dict[str, str]:
        """The licence of the weights from which the training started, as far as it is known."""
        found: dict[str, str] = {}
        for stage in self.stages[:-1]:
            fields = as_dict(stage.get("licence_fields")) or dataset_of(stage.get("dataset")).licence
            fields = {key: value for key, value in fields.items() if key in KEYS and isinstance(value, str)}
            found = combined(fields, found) if fields else found
        return found

    def base_model(self) -> str | None:
        """The Hub repository from which these weights come."""
        for source in (self.copy_of, self.told.get("init_from")):
            if isinstance(source, str) and (match := re.match(r"([\w.-]+/[\w.-]+)(@[\w./-]+)?$", source)):
                return match[1]
        return None

    def sections(self) -> Iterable[str | None]:
        told = self.told
        recipe = self.first.get("recipe") or told.get("recipe") or self.family
        on = f"{recipe} on {self.hub.partition('@')[0] or Path(str(told.get('dataset'))).name}"
        yield f"# {cell(told.get('name') or self.data.get('title') or (on if self.other_data() else recipe))}"
        yield " ".join(filter(None, [self.lead(), families.network(self.config), self.papers()]))
        if self.samples:
            yield "![Samples](samples.png)"
        yield families.use(self.config, told.get("repository") or project.repository())
        yield self.licence()
        yield self.training()
        yield self.measured()
        yield self.by_eye()
        yield self.limits()
        yield """## Intended use

Research, teaching and play. Not for deceiving anybody about what is real, nor for judging or identifying people."""

    def by_eye(self) -> str | None:
        """The section on how good each change looks."""
        rows = [
            (spaced(name), str(marks.get("more", "")), str(marks.get("less", "")))
            for name, marks in self.offered.items()
            if isinstance(marks, dict)
        ]
        if not rows:
            return None
        return "\n\n".join(
            (
                "## By eye",
                "How each change looked on photos, as rated by somebody who had not trained the model. Changes that look "
                "broken, or that cannot be seen, are not offered in the demo.",
                table(("attribute", "more", "less"), rows),
            )
        )

    def lead(self) -> str | None:
        """The recipe's summary. It only fits the data of the recipe, so other data get a sentence of their own."""
        if self.other_data():
            return f"It {families.verb(self.config)} pictures such as those of {self.title()}."
        summary = self.first.get("summary")
        return summary[0].upper() + summary[1:].rstrip(".") + "." if summary else None

    def title(self) -> str:
        """The title of the training pictures. Of an own folder only the last part of its path is shown."""
        if self.known is not UNKNOWN:
            return self.known.title
        if self.hub:
            title = f"*{cell(self.data['title'])}*, " if "title" in self.data else ""
            return f"{title}{hub_link(self.hub)} of the Hub"
        if "title" in self.data:
            return f"*{cell(self.data['title'])}* (the trainer's own pictures)"
        return f"`{cell(Path(str(self.told.get('dataset'))).name)}` (the trainer's own pictures)"

    def papers(self) -> str | None:
        stages = [self.first, self.told] if self.first is not self.told else [self.told]
        papers = list(dict.fromkeys(stage["source"] for stage in stages if stage.get("source")))
        return f"Source: {'; '.join(papers)}." if papers else None

    def licence(self) -> str:
        told, sentences = self.told, []
        if told.get("dataset"):
            sentences.append(f"Trained on {self.title()}.")
        if "altered" in self.data:
            sentences.append(cell(self.data["altered"]))
        if told.get("licence"):
            sentences.append(told["licence"])
        elif self.known is UNKNOWN and "licence" in self.data:
            sentences.append(
                f"According to the trainer, the licence of the pictures is {cell(self.data['licence'])}; it also holds for "
                "these weights."
            )
        elif self.known is UNKNOWN and "page_licence" in self.data:
            sentences.append(
                f"According to the page of the data set, its licence is {cell(self.data['page_licence'])}; it also holds "
                "for these weights."
            )
        else:
            sentences.append(self.known.note)
        if told.get("features"):
            sentences.append(
                f"The losses compared features of {cell(told['features'])}; none of its weights are in this model."
            )
        if told.get("init_from"):
            origin = as_dict(told.get("origin"))
            fields = as_dict(origin.get("licence_fields"))
            name = fields.get("license_name") or fields.get("license")
            under = f" ({cell(name)})" if isinstance(name, str) else ""
            known = ", which is not known here," if self.unknown_origin() else under
            what = "encoder was trained for" if self.family == "invertible" else "training started from"
            sentences.append(f"The {what} the weights of {_linked(told['init_from'])}; their licence{known} holds too.")
        if isinstance(self.copy_of, str) and self.copy_of:
            sentences.append(f"These files are a copy of {_linked(self.copy_of)}.")
        return "## Data and licence\n\n" + " ".join(sentences)

    def training(self) -> str | None:
        """The section on the training: a row for each model in the chain, this one last."""
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
            [form.format(number(stage[key])) if stage.get(key) not in (None, "") else "" for _, key, form in used]
            for stage in stages
        ]
        commands = reproducing(stages)
        if not (used or commands):
            return None
        several = "One row per training; each started from the weights of the one above." if len(rows) > 1 else None
        overview = table([title for title, _, _ in used], rows) if used else None
        code = "```sh\n" + "\n".join(commands) + "\n```" if commands else None
        return "\n\n".join(filter(None, ["## Training", several, overview, code]))

    def measured(self) -> str | None:
        parts = [metrics_section(self.metrics, self.legend)] if self.metrics else []
        parts += _sentences(self.notes.get("metrics"))
        return "\n\n".join(["## Metrics", *parts]) if parts else None

    def limits(self) -> str:
        text = [
            f"{self.known.limits} {families.limits(self.config)}",
            "Metrics can only be compared between models measured by the same protocol (number of pictures, reference and "
            "network are in their names).",
            *_sentences(self.notes.get("limits")),
        ]
        return "\n\n".join(["## Limits", *text])


def _stages(told: dict[str, Any]) -> list[dict[str, Any]]:
    """The trainings on which a model is based, the first one first, its own last."""
    stages = [told]
    while len(stages) < STAGES and (origin := as_dict(stages[-1].get("origin"))):
        keys = (*ABOUT, "licence_fields")
        stages.append({key: value for key, value in origin.items() if key in keys and _fits(key, value)})
    return stages[::-1]


def _fits(key: str, value: object) -> bool:
    """Whether a recorded value has the type of its key; others are left out."""
    if key in ("origin", "data", "licence_fields"):
        return isinstance(value, dict)
    return isinstance(value, str) or (key in ("images_seen", "hours", "seed") and is_number(value))


def _sentences(value: object) -> list[str]:
    """Paragraphs of notes, one line each, so that none can start a section."""
    return [cell(item) for item in value if is_text(item)] if isinstance(value, list) else []


def _linked(source: str) -> str:
    """The name of a model, as a link if it is on the Hub."""
    if match := re.fullmatch(r"([\w.-]+/[\w.-]+)@([0-9a-f]{40})(/[\w./-]+)?", source):
        address = f"https://huggingface.co/{match[1]}/tree/{match[2]}{match[3] or ''}"
        return f"[{match[1]}{match[3] or ''}]({address})"
    return f"`{cell(portable.name(source))}`"
