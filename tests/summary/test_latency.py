"""Times of a run: of whom they are, what they are called, and what is listed as slow."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from liftlab.settings import Project
from liftlab.store import RunData
from liftlab.summary import RunSummary, latency, summarize
from liftlab.summary.latency import drift_of, slow_of


def test_times_of_right_answers_are_a_quantity_of_their_own(summary: RunSummary) -> None:
    found = summary.latency
    answered, right = found.of("e2e"), found.of("e2e", "right")
    assert answered is found.e2e
    assert right is found.right
    assert (found.e2e.n, found.right.n) == (5, 1)
    assert (found.e2e.p50.quantity, found.right.p50.quantity) == ("median:e2e", "median:e2e right")
    assert found.right.p50.value == pytest.approx(26.9)


def test_a_stage_is_found_by_its_name_and_rows(summary: RunSummary) -> None:
    answered = summary.latency.of("ir_to_code")
    right = summary.latency.of("ir_to_code", "right")
    assert answered is not None
    assert right is not None
    assert (answered.n, right.n) == (5, 1)
    assert right.p50.value == pytest.approx(17.08)
    assert right.p50.quantity == "median:ir_to_code right"
    assert summary.latency.of("nlp_to_code") is None
    assert summary.latency.of("nlp_to_code", "right") is None


def test_every_statistic_is_named(summary: RunSummary) -> None:
    e2e = summary.latency.e2e
    named = {
        name: getattr(e2e, name).quantity for name in ("p50", "p90", "p95", "p99", "mean", "cv")
    }
    assert named == {
        "p50": "median:e2e",
        "p90": "p90:e2e",
        "p95": "p95:e2e",
        "p99": "p99:e2e",
        "mean": "mean:e2e",
        "cv": "cv:e2e",
    }


def test_a_long_run_lists_no_slow_steps_and_says_how_many_it_left_out(
    day: RunData, summary: RunSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latency, "MOST_STEPS", 10)
    listed = slow_of(day, summary.latency)
    assert listed.left_out == 0
    medians = {name: estimate.value for name, estimate in listed.medians.items()}
    assert medians == {"nlp_to_ir": pytest.approx(10.01), "ir_to_code": pytest.approx(4.19)}
    assert len(listed.steps.steps) == 2
    monkeypatch.setattr(latency, "MOST_STEPS", 9)
    none = slow_of(day, summary.latency)
    assert (none.left_out, none.medians, len(none.steps.steps)) == (10, {}, 0)


def test_a_time_is_seen_against_what_its_prompt_usually_takes(day: RunData) -> None:
    once = drift_of(day).relative
    assert once == pytest.approx(day.trials["e2e_s"] / 14.96)  # one repeat: against all prompts
    later = day.trials.assign(repeat=2, e2e_s=3 * day.trials["e2e_s"])
    started = [f"2026-01-01T00:0{minute}:00+00:00" for minute in range(10)]
    trials = pd.concat([later, day.trials], ignore_index=True).assign(started_at=started[::-1])
    twice = drift_of(replace(day, trials=trials)).relative
    assert twice == pytest.approx([0.5] * 5 + [1.5] * 5)  # in the order of measuring


def test_variance_is_of_each_stage_and_end_to_end(day: RunData, project: Project) -> None:
    spread = summarize(day, project).spread
    assert [what for what, _ in spread.rows] == ["nlp_to_ir", "ir_to_code", "e2e"]
