"""Text and tables of a model card, and its section on metrics."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

_ARROWS = {"lower": " ↓", "higher": " ↑"}


def metrics_section(metrics: dict[str, Any], legend: dict[str, Any]) -> str:
    """The table of metrics: name, value, the same for real pictures (the floor of a distance, the ceiling of a share),
    and other numbers; then the meaning of the names, and the records of the evaluations."""
    metrics = dict(metrics)
    evaluation = metrics.pop("evaluation", None)
    rows: list[tuple[str, ...]] = []
    noted: dict[str, Any] = {}
    for name, record in metrics.items():
        record = dict(record) if isinstance(record, dict) else {"value": record}
        value, real = record.pop("value", None), record.pop("real", None)
        noted |= record
        rest = ", ".join(f"{spaced(key)} {number(item)}" for key, item in record.items() if item is not None)
        arrow = _ARROWS.get(str(_meaning(name, legend).get("better")), "")
        rows.append((f"`{name}`{arrow}", number(value), number(real), rest))
    header = ("metric", "value", "real pictures", "details")
    used = [k for k in range(4) if k < 2 or any(row[k] for row in rows)]
    parts = [table([header[k] for k in used], [[row[k] for k in used] for row in rows])] if rows else []
    real = ["*real pictures*: the same for real, unedited pictures; for classifiers, their accuracy"]
    lines = _explained([*metrics, *noted], legend)
    more = {key: value for key, value in legend.items() if spaced(key) not in lines}  # what needs no second line
    if any(any(row[0].endswith(arrow) for arrow in _ARROWS.values()) for row in rows):
        real = ["↑: higher is better, ↓: lower is better", *real * (2 in used)]
    else:
        real = real * (2 in used)
    parts += filter(None, ["\n".join("- " + line for line in [*real, *lines.values()])])
    records = evaluation.items() if isinstance(evaluation, dict) else ()
    return "\n\n".join(
        parts + [_evaluation_section(name, record, more) for name, record in records if isinstance(record, dict)]
    )


def _evaluation_section(network: str, record: dict[str, Any], legend: dict[str, Any]) -> str:
    """How the metrics of one network were measured, and its numbers for each attribute."""
    how = ", ".join(f"{key} {number(record[key])}" for key in ("samples", "seed") if key in record)
    text = f"Measured with the network `{cell(network)}` ({how}); metrics.json has the whole record."
    attributes = record.get("attributes")
    if not isinstance(attributes, dict) or not all(isinstance(numbers, dict) for numbers in attributes.values()):
        return text
    columns = list(dict.fromkeys(key for numbers in attributes.values() for key in numbers))
    rows = [(name, *(number(numbers.get(key)) for key in columns)) for name, numbers in attributes.items()]
    by_attribute = table(("attribute", *(spaced(key) for key in columns)), rows)
    return "\n\n".join(
        filter(None, [text, by_attribute, "\n".join("- " + line for line in _explained(columns, legend).values())])
    )


def base_name(metric: str) -> str:
    """The name of a metric without its protocol: "fid" of fid10k_test_reader."""
    return re.sub(r"_?\d.*", "", metric)


def _meaning(name: str, legend: dict[str, Any]) -> dict[str, Any]:
    return as_dict(legend.get(name)) or as_dict(legend.get(base_name(name)))


def _explained(names: Iterable[str], legend: dict[str, Any]) -> dict[str, str]:
    """{name in words: a line with its meaning} for the names in the legend."""
    lines: dict[str, str] = {}
    for name in names:
        about = _meaning(name, legend).get("about")
        if is_text(about):
            word = cell(spaced(base_name(name)))
            lines.setdefault(word, f"*{word}*: {cell(about)}")
    return lines


def spaced(key: str) -> str:
    return key.replace("_", " ")


def number(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) and value >= 10_000 else str(value)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell(text) for text in line) + " |" for line in lines)


def cell(text: object) -> str:
    """A text from anywhere, so that it breaks neither a table nor the page."""
    return re.sub(r"\s+", " ", str(text)).replace("|", "\\|").replace("<", "&lt;")


def as_dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
