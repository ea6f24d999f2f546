"""A run whose tables are read column by column shows what it shows when they are in memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from liftlab.cli.show import trial_table
from liftlab.reporting import markdown
from liftlab.reporting.sections import section_of
from liftlab.reporting.text.reasons import answer_notes, reason_lines
from liftlab.settings import load_project
from liftlab.store import RunData, RunFolder, write_tables
from liftlab.store.frames import STATE, frame_of, table_columns
from liftlab.summary import RunSummary, summarize
from liftlab.summary.latency import MOST_STEPS
from tests.reporting.sections.test_base import RESULTS

PROJECT = load_project(Path(__file__).parents[3], environ={})
NAMES = ("trial", "stage", "attempt", "grade", "check", "cost")


def priced(run: RunData) -> RunData:
    """Return a run with grades, costs, and some requests that failed, late or at once."""
    late = run.trials["case_id"] == run.trials["case_id"].iloc[-1]
    error = run.trials["repeat"].eq(2) & (run.trials.index % 7 == 0)
    trials = run.trials.assign(
        outcome=run.trials["outcome"].mask(late | error, "error"),
        failure_class=run.trials["failure_class"].mask(late | error, "endpoint_error"),
        cost_usd=run.trials["e2e_s"] / 3600,
        started_at=[
            f"2025-11-01T10:{place // 60:02}:{place % 60:02}" for place in run.trials.index
        ],
    )
    ended = trials.loc[trials["outcome"] == "error", ["case_id", "repeat"]].to_numpy().tolist()
    last = run.stages["stage"] == run.stages["stage"].iloc[-1]
    failed = [[*key] in ended for key in run.stages[["case_id", "repeat"]].to_numpy().tolist()]
    was = last & pd.Series(failed, run.stages.index)
    kind = run.stages["repeat"].eq(2).map({True: "http_5xx", False: "deadline"})
    stages = run.stages.assign(error_class=run.stages["error_class"].mask(was, kind), client_s=0.01)
    attempts = run.attempts.assign(
        last_byte_s=run.attempts["last_byte_s"].mask(run.attempts.index % 11 == 0),
        queue_s=0.02,
        cold_s=run.attempts["sent_s"].mask(run.attempts.index > 0, 0.5),
    )
    costs = run.attempts[["run_id", "seq"]].assign(
        price_id="modal-a10g", cost_model="gpu_seconds", usd=0.001
    )
    grades = trials[["run_id", "case_id", "repeat", "outcome", "failure_class", "parsed"]].assign(
        facets='{"removed": ["fence"], "message": "no"}', verdict_integrity="unproven",
        controls="13 of 14", grader_version="5",
    )  # fmt: skip
    return replace(
        run,
        trials=trials,
        stages=stages,
        attempts=attempts,
        costs=frame_of(costs.reindex(columns=[*table_columns("cost")]), table_columns("cost")),
        grades=frame_of(grades.reindex(columns=[*table_columns("grade")]), table_columns("grade")),
    )


@pytest.fixture(params=["week2", "forty", "priced", "all_fail", "empty_run"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[RunSummary, RunSummary]:
    """Return the summary of a run, and the same of its tables, of which none is in memory."""
    name = "forty" if request.param == "priced" else request.param
    run: RunData = request.getfixturevalue(name)
    run = priced(run) if request.param == "priced" else run
    folder = RunFolder(tmp_path / run.run.run_id)
    folder.path.mkdir()
    frames = {table: getattr(run, f"{table}s") for table in NAMES}
    row = frame_of([], table_columns("run"))
    row.attrs[STATE] = ""
    write_tables(folder, {"run": row, **frames})
    lazy = object.__new__(RunData)
    known = {"run": run.run, "folder": folder, "sped_up": 1.0, "until": None, "merged": {}}
    for field, value in known.items():
        object.__setattr__(lazy, field, value)
    return summarize(replace(run, folder=folder), PROJECT), summarize(lazy, PROJECT)


def test_a_run_shows_the_same_column_by_column(both: tuple[RunSummary, RunSummary]) -> None:
    held, lazy = both
    for name in RESULTS:
        before, after = (str(section_of(getattr(each, name)).html()) for each in both)
        assert after == before, name
    assert markdown.status(lazy) == markdown.status(held)
    assert reason_lines(lazy.run) == reason_lines(held.run)
    assert trial_table(lazy).to_string() == trial_table(held).to_string()
    noted = lazy.run.counted("grade", "case_id", "outcome", "facets")
    assert answer_notes(noted) == answer_notes(held.run.grades)


def test_the_status_of_a_run_needs_no_whole_table(both: tuple[RunSummary, RunSummary]) -> None:
    _, lazy = both
    markdown.status(lazy)
    assert not any(lazy.run._held(table) is not None for table in NAMES)


def test_slow_steps_of_very_many_are_not_listed(
    forty: RunData, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(forty.stages) < MOST_STEPS
    monkeypatch.setattr("liftlab.summary.latency.MOST_STEPS", 10)
    summary = summarize(forty, PROJECT)
    assert "Slow steps are not listed: this run has 80 steps." in markdown.status(summary)
    assert not section_of(summary.slow).parts
