"""A summary computes each part when it is asked for, once, and never changes it."""

from __future__ import annotations

from collections import Counter
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from liftlab.settings import Project
from liftlab.store import RunData
from liftlab.summary import RunSummary, run, summarize

PARTS = [name for name in vars(run) if name.endswith("_of")]


def test_a_part_is_computed_when_it_is_asked_for_and_once(
    day: RunData, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Counter[str] = Counter()
    for name in PARTS:
        whole = getattr(run, name)

        def counted(*given: Any, name: str = name, whole: Any = whole) -> Any:
            calls[name] += 1
            return whole(*given)

        monkeypatch.setattr(run, name, counted)
    made = summarize(day, project)
    assert not calls
    assert made.answers is made.answers
    assert calls == {"answers_of": 1, "decision_of": 1}
    assert made.recommendations is made.recommendations
    assert set(calls.values()) == {1}


def test_results_cannot_be_changed(summary: RunSummary) -> None:
    for result in (summary.answers, summary.latency, summary.cost, summary.slow):
        with pytest.raises(FrozenInstanceError):
            result.run = None  # type: ignore[misc,assignment]


def test_results_name_their_run(summary: RunSummary) -> None:
    assert repr(summary) == "<RunSummary of week2_day1>"
    assert type(summary.latency).__name__ == "Latency"
    assert summary.latency.run is summary.run


def test_only_a_load_has_a_load(summary: RunSummary) -> None:
    assert summary.load is None


def test_a_run_without_an_answer_has_none(day: RunData, project: Project) -> None:
    assert summarize(day, project).has_answers
    failed = day.trials.assign(outcome="error", failure_class="endpoint_error")
    failed.loc[0, "outcome"] = "fail"
    assert summarize(replace(day, trials=failed), project).has_answers
    failed.loc[0, "outcome"] = "error"
    assert not summarize(replace(day, trials=failed), project).has_answers
