"""What a run advises: the endpoint first, then its largest fault, then what is open."""

from __future__ import annotations

from dataclasses import replace

import pytest

from liftlab.reporting.text import recommendations as text
from liftlab.settings import Project
from liftlab.store import RunData
from liftlab.summary import RunSummary, summarize
from liftlab.summary.targets import FixClass, FixEndpoint, Investigate, MeasureAgain, Settle


def test_the_published_day(summary: RunSummary) -> None:
    kinds = [type(row) for row in summary.recommendations.rows]
    assert kinds == [FixClass, Settle, Settle, Investigate]
    first, settle, *_ = summary.recommendations.rows
    assert isinstance(first, FixClass)
    assert (first.share.failure_class, first.share.count, first.failures) == (
        "missing_return",
        3,
        4,
    )
    assert isinstance(settle, Settle)
    assert settle.target.metric == "success_rate"
    assert settle.target.result.more is not None
    least = settle.target.result.more[0]
    assert settle.seconds == pytest.approx(least * 19.608)
    assert settle.usd == pytest.approx(least * 19.608 * 1.10 / 3600)


def test_an_endpoint_that_never_answered_is_all_there_is_to_mend(
    day: RunData, project: Project
) -> None:
    trials = day.trials.assign(outcome="error", failure_class="endpoint_error")
    stages = day.stages.assign(error_class="http_5xx")
    (only,) = summarize(replace(day, trials=trials, stages=stages), project).recommendations.rows
    assert isinstance(only, FixEndpoint)
    assert (only.errors, only.trials) == (5, 5)


def test_a_decided_target_is_not_to_be_settled(day: RunData, project: Project) -> None:
    trials = day.trials.loc[day.trials.index.repeat(20)].reset_index(drop=True)
    names = [f"{case}_{number}" for number, case in enumerate(trials["case_id"])]
    many = replace(day, trials=trials.assign(case_id=names))
    rows = summarize(many, project).recommendations.rows
    assert not [row for row in rows if isinstance(row, Settle) and row.target.key == "success"]


def test_where_the_client_was_the_bottleneck_it_is_run_again(
    day: RunData, project: Project
) -> None:
    slow = replace(day, run=replace(day.run, client_cpu_share=0.9))
    *_, last = summarize(slow, project).recommendations.rows
    assert isinstance(last, MeasureAgain)
    steps = [lead for lead, _ in text.steps(summarize(slow, project).recommendations)]
    assert steps[-1].startswith("Run it again on a quieter machine")
