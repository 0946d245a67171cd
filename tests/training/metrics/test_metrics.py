"""The table of metrics: complete, readable, and the one that everybody reads."""

import re
from pathlib import Path

import pytest

from gan_models.cards.tables import base_name
from training.compare import page
from training.evaluate import __main__ as command
from training.metrics import METRICS, legend

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("row", METRICS.values(), ids=lambda row: row.name)
def test_a_row_says_what_it_tells_in_one_sentence(row):
    assert re.fullmatch(r"[a-z_]+", row.name) and row.better in ("lower", "higher")
    assert row.about and not row.about.endswith(".") and "\n" not in row.about
    for name in (f"{row.name}10k_test_reader", f"{row.name}500_train", f"{row.name}_10k_judge", row.name):
        assert base_name(name) == row.name


def test_every_metric_that_is_written_somewhere_has_a_row():
    """Names in the bundled models, and in whatever makes a result."""
    written = set()
    for path in (*ROOT.glob("training/metrics/*.py"), *ROOT.glob("training/evaluate/*.py")):
        written |= set(re.findall(r'f"([a-z_]+)\{(?:protocol|short_count|_short|n\}|seen\.how|how)', path.read_text()))
    assert {"fid", "is", "change_seen", "edit_seen", "code_agreement"} <= written
    assert written - {"reconstruction_"} <= set(METRICS)


def test_page_and_help_read_the_table(capsys):
    with pytest.raises(SystemExit):
        command.main(["--help"])
    shown = capsys.readouterr().out
    assert legend() in shown and all(f"\n    {name} " in shown for name in METRICS)
    run = type("Run", (), {"evaluation": {"metrics": {"kl26k_reader": {}, "fid10k_test_reader": {}, "evaluation": {}}}})
    lines = [line for line in page.reading([run]).splitlines() if line.startswith("- `")]
    assert lines == [f"- `{name}` ↓: {METRICS[name].about}." for name in ("fid", "kl")]
