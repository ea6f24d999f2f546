"""Figures that were published stand beside those that their rows give, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from liftlab.settings import Project
from liftlab.store import RunData
from liftlab.summary import RunSummary, summarize
from liftlab.summary.provenance import published_days


def test_what_was_published_of_the_day(summary: RunSummary) -> None:
    rows = {row.field: row for row in summary.published.rows}
    assert len(rows) == len(summary.published.rows)
    assert {row.survives for row in rows.values()} == {"yes", "no", "cannot be checked"}
    money = next(row for row in rows.values() if row.published == 0.0034)
    assert money.recomputed == summary.cost.request.value
    mean = next(row for row in rows.values() if row.published == 7.4)
    assert (mean.survives, mean.recomputed) == ("no", pytest.approx(9.864))


def test_of_another_run_nothing_was_published(day: RunData, project: Project) -> None:
    other = replace(day, run=replace(day.run, run_id="20260101_000000_test", provenance="measured"))
    assert summarize(other, project).published.rows == ()
    assert summarize(other, project).claims.rows == ()


def test_days_come_newest_first(tmp_path: Path) -> None:
    for name in ("week1", "week2_day1"):
        (tmp_path / f"{name}.toml").write_text("[published]\ne2e_s = 21.7\n")
    (tmp_path / "claims.toml").write_text('title = "none"\n')
    assert list(published_days(tmp_path)) == ["week2_day1", "week1"]
