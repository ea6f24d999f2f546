"""Times, their variation, drift and slow steps as sections: rows, columns and what is left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from liftlab.reporting.sections import section_of
from liftlab.settings import load_project
from liftlab.store import RunData
from liftlab.summary import RunSummary, summarize
from tests.reporting.conftest import synthetic_run, tables_in

PROJECT = load_project(Path(__file__).parents[3], environ={})


@pytest.fixture(scope="module")
def summary(forty: RunData) -> RunSummary:
    began = [f"2025-11-01T10:{n // 60:02}:{n % 60:02}" for n in range(len(forty.trials))]
    return summarize(replace(forty, trials=forty.trials.assign(started_at=began)), PROJECT)


@pytest.fixture(scope="module")
def nothing() -> RunSummary:
    return summarize(synthetic_run(0, 1), PROJECT)


def test_times_are_a_row_a_stage_then_end_to_end_then_of_right_answers(
    summary: RunSummary,
) -> None:
    section = section_of(summary.latency)
    ((_, details),) = section.details
    (rows,) = tables_in(details)
    assert [row["Requests"] for row in rows] == ["40", "40", "40", "27"]
    assert [row[""] for row in rows][:3] == ["NLP → IR", "IR → Code", "End to end"]
    assert list(rows[2].values())[1:6] == ["40", "2.24", "1.97–2.49", "2.67", "2.94"]
    assert len(section.parts) == 1


def test_without_times_there_are_neither_bars_nor_rows(nothing: RunSummary) -> None:
    section = section_of(nothing.latency)
    assert section.parts == section.details == ()


def test_a_stage_without_answers_has_no_row(summary: RunSummary) -> None:
    latency = summary.latency
    none = replace(latency, right=replace(latency.right, n=0))
    (rows,) = tables_in(section_of(none).details[0][1])
    assert len(rows) == 3


def test_variation_tells_repeats_from_prompts(summary: RunSummary) -> None:
    section = section_of(summary.spread)
    (rows,) = tables_in(section.html())
    assert list(rows[2].values()) == [
        "End to end", "40", "0.515", "23.3 %", "24.4 %", "20.6–40.0 %", "0 %", "0–22 %",
    ]  # fmt: skip
    assert len(section.notes) == 1


def test_of_prompts_asked_once_only_the_whole_variation_is_known() -> None:
    section = section_of(summarize(synthetic_run(20, 1), PROJECT).spread)
    (rows,) = tables_in(section.html())
    assert list(rows[0]) == ["", "n", "SD, s", "SD / mean"]
    assert section.notes == ()


def test_of_nothing_there_is_no_variation(nothing: RunSummary) -> None:
    assert section_of(nothing.spread).parts == ()


def test_drift_is_a_row_a_stage_with_its_verdict(summary: RunSummary) -> None:
    section = section_of(summary.drift)
    (rows,) = tables_in(section.html())
    assert [row["n"] for row in rows] == ["40"] * 3
    assert rows[2]["Last over first"] == "0.97"
    assert rows[0]["95 % interval"] != "–"
    assert all(len(row["Neighbours correlate by"].partition(".")[2]) == 2 for row in rows)
    assert len(section.parts) == 2


def test_without_an_order_there_is_no_drift(forty: RunData, nothing: RunSummary) -> None:
    assert section_of(summarize(forty, PROJECT).drift).parts == ()
    assert section_of(nothing.drift).parts == ()


def test_a_ratio_that_is_not_known_is_a_dash_and_none_is_minus_nothing(
    summary: RunSummary,
) -> None:
    times = summary.drift.times
    e2e = times.e2e
    changed = replace(
        e2e,
        neighbours=replace(e2e.neighbours, value=-0.001),
        warm_up=replace(e2e.warm_up, value=None, low=None, high=None),
    )
    (rows,) = tables_in(
        section_of(replace(summary.drift, times=replace(times, e2e=changed))).html()
    )
    assert rows[2]["Neighbours correlate by"] == "0.00"
    assert rows[2]["First tenth over the rest"] == "–"


def test_slow_steps_have_the_causes_that_occur(summary: RunSummary) -> None:
    section = section_of(summary.slow)
    (rows,) = tables_in(section.html())
    assert list(rows[0]) == [
        "Prompt", "Repeat", "Stage", "Took, s", "Usual, s", "Over, s", "Retry, s",
        "Longer answers, s", "Unexplained, s",
    ]  # fmt: skip
    assert list(rows[0].values()) == [
        "case_06", "1", "IR → Code", "2.14", "0.89", "1.25", "1.25", "0", "0",
    ]  # fmt: skip
    assert len(section.parts) == 3
    assert str(section.parts[2]).count("<li>") == 5


def test_without_slow_steps_every_step_is_shown_still(summary: RunSummary) -> None:
    slow = summary.slow
    section = section_of(replace(slow, steps=replace(slow.steps, steps=slow.steps.steps.head(0))))
    assert len(section.parts) == 1
    nothing = section_of(replace(slow, steps=replace(slow.steps, total=0)))
    assert nothing.parts == ()


def test_eight_slow_steps_are_told_and_twenty_shown(summary: RunSummary) -> None:
    slow = summary.slow
    many = pd.concat([slow.steps.steps] * 5, ignore_index=True)
    section = section_of(replace(slow, steps=replace(slow.steps, steps=many)))
    assert str(section.parts[2]).count("<li>") == 8
    (rows,) = tables_in(section.html())
    assert len(rows) == 20
    assert "and 5 more" in str(section.html())
