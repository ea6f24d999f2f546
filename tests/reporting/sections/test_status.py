"""Published figures beside the recomputed ones, as the status page lists them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from liftlab.analysis.published import compare_published
from liftlab.reporting.sections.status import published_rows
from liftlab.settings import load_project
from liftlab.store import RunData
from liftlab.summary import summarize


def test_a_published_figure_in_milliseconds_is_read_in_its_own_unit(
    week2: RunData, project_folder: Path
) -> None:
    figures = compare_published({"nlp_to_ir_mean": 9744.0}, week2.trials, week2.stages)
    published = summarize(week2, load_project(project_folder)).published
    [row] = published_rows(replace(published, rows=tuple(figures)))
    assert (row["Figure"], row["Published"]) == ("NLP → IR, mean", "9.74 s")
    assert str(row["Recomputed"]).endswith(" s")
