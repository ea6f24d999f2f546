"""Figures that were published stand beside those that their rows give, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from liftlab.settings import Project
from liftlab.store import RunData
from liftlab.summary import RunSummary, summarize
from liftlab.summary.provenance import published_days, source_of, unproven, warning_of


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


def test_a_grader_that_missed_known_answers_is_said_with_the_way_to_mend_it(day: RunData) -> None:
    grades = day.grades.assign(verdict_integrity="unproven", controls=None)
    grades.loc[0, "controls"] = "11 of 12"
    bad = replace(day, grades=grades)
    said = "only 11 of 12 known answers correctly. Do not rely on them."
    assert said in unproven(bad)
    assert unproven(bad).endswith("liftlab doctor week2_day1")
    assert warning_of(bad) == unproven(bad)
    assert unproven(day) == warning_of(day) == ""


def test_a_simulator_s_run_is_known_by_its_model(day: RunData, project: Project) -> None:
    assert not summarize(day, project).provenance.is_simulated
    simulated = replace(day, run=replace(day.run, model="steady (simulated)"))
    assert summarize(simulated, project).provenance.is_simulated


def test_only_an_imported_run_has_a_source(day: RunData) -> None:
    assert source_of(day) == {}
    folder = type("Folder", (), {"manifest": lambda self: {"imported": {"file": "a.json"}}})()
    imported = replace(day, run=replace(day.run, provenance="imported"), folder=folder)
    assert source_of(imported) == {"file": "a.json"}
    assert source_of(replace(day, folder=folder)) == {}
