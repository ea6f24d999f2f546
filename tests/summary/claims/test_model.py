"""What a run's summary gives for each quantity that a claim may name."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from liftlab.settings import Project
from liftlab.store import RunData
from liftlab.summary import RunSummary, summarize
from liftlab.summary.claims.model import Quantity, counts, estimate, is_known, number

BOTH = ("class=missing_return", "class=indentation_error")


@pytest.mark.parametrize(
    ("wanted", "value", "n"),
    [
        (Quantity(metric="success_rate"), 0.2, 5),
        (Quantity(metric="success_rate", groups=("category=control_flow",)), 0.5, 2),
        (
            Quantity(metric="success_rate", groups=("category=strings", "category=control_flow")),
            1 / 3,
            3,
        ),
        (Quantity(metric="failure_share", groups=("class=missing_return",)), 0.6, 5),
        (Quantity(metric="share_of_failures", groups=("class=missing_return",)), 0.75, 4),
        (Quantity(metric="e2e_max_s"), 27.1, 5),
        (Quantity(metric="e2e_min_s"), 14.16, 5),
        (Quantity(metric="e2e_max_s", population="right"), 26.9, 1),
        (Quantity(metric="nlp_to_ir_max_s"), 10.8, 5),
        (Quantity(metric="e2e_sd_s"), 6.7558, 5),
        (Quantity(metric="e2e_cv"), 0.34454, 5),
        (Quantity(metric="e2e_within", within_s=16.0), 0.6, 5),
        (Quantity(metric="e2e_within", within_s=27.1), 1.0, 5),
        (Quantity(metric="right_within", within_s=26.0), 0.0, 5),
        (Quantity(metric="right_within", within_s=27.0), 0.2, 5),
        (Quantity(metric="slow_steps"), 0.2, 10),
        (Quantity(metric="planned_p50_s"), 21.322, 5),
        (Quantity(metric="pass_at_1"), 0.2, 5),
        (Quantity(metric="failure_share", groups=("class=timeout",)), 0.0, 5),
        (Quantity(metric="share_of_failures", groups=BOTH), 1.0, 4),
        (Quantity(metric="failure_share", groups=BOTH), 0.8, 5),
    ],
)
def test_a_figure_is_that_of_the_pages(
    summary: RunSummary, wanted: Quantity, value: float, n: int
) -> None:
    found = estimate(summary, wanted)
    assert (found.value, found.n) == (pytest.approx(value, rel=1e-4), n)


@pytest.mark.parametrize(
    ("metric", "groups"),
    [
        ("success_rate", ("no_such_kind",)),
        ("success_rate", ("category=strings", "no_such_kind")),
        ("parsed_rate", ("category=strings",)),
        ("pass_at_9", ()),
        ("intent_inference_max_s", ()),
    ],
)
def test_what_the_summary_has_not_is_none_with_a_reason(
    summary: RunSummary, metric: str, groups: tuple[str, ...]
) -> None:
    found = estimate(summary, Quantity(metric=metric, groups=groups))
    assert found.value is None
    assert found.reason


@pytest.mark.parametrize(
    ("metric", "groups", "expected"),
    [
        ("success_rate", (), (1, 5)),
        ("parsed_rate", (), (4, 5)),
        ("success_rate", ("category=control_flow",), (1, 2)),
        ("parsed_rate", ("category=control_flow",), None),
        ("error_rate", (), (0, 5)),
        ("failure_share", ("class=missing_return",), (3, 5)),
        ("share_of_failures", ("class=missing_return",), (3, 4)),
        ("e2e_median_s", (), None),
        ("slow_steps", (), (2, 10)),
        ("success_rate", ("category=control_flow", "category=strings"), (1, 3)),
    ],
)
def test_a_share_is_so_many_of_so_many(
    summary: RunSummary, metric: str, groups: tuple[str, ...], expected: tuple[int, int] | None
) -> None:
    assert counts(summary, Quantity(metric=metric, groups=groups)) == expected


@pytest.mark.parametrize(
    ("metric", "count"),
    [
        ("requests", 5),
        ("prompts", 5),
        ("repeats", 1),
        ("right_answers", 1),
        ("wrong_answers", 4),
        ("parsed_answers", 4),
        ("failed_requests", 0),
        ("number_of_slow_steps", 2),
        ("steps", 10),
        ("attempts", 13),
        ("retries", 3),
    ],
)
def test_a_number_of_the_run_is_counted(summary: RunSummary, metric: str, count: int) -> None:
    assert number(summary, Quantity(metric=metric)) == count


def test_what_was_sent_again_on_a_stale_connection_is_no_retry(
    day: RunData, project: Project
) -> None:
    stale = day.attempts.assign(retry_reason="stale_connection").head(2)
    attempts = pd.concat([day.attempts.iloc[2:].assign(retry_reason=None), stale])
    summary = summarize(replace(day, attempts=attempts), project)
    assert number(summary, Quantity(metric="retries")) == 1
    none = summarize(replace(day, stages=day.stages.assign(attempts=None)), project)
    assert number(none, Quantity(metric="attempts")) is None
    assert number(none, Quantity(metric="retries")) is None


@pytest.mark.parametrize(
    ("metric", "is_share", "stage"),
    [
        ("success_rate", True, ""),
        ("pass_at_3", True, ""),
        ("e2e_cv", True, "e2e"),
        ("code_within", True, "code"),
        ("right_within", True, ""),
        ("e2e_p95_s", False, "e2e"),
        ("nlp_to_ir_max_s", False, "nlp_to_ir"),
        ("cost_per_trial_usd", False, ""),
        ("prompts_tested", False, ""),
    ],
)
def test_a_quantity_knows_what_it_is(metric: str, is_share: bool, stage: str) -> None:
    wanted = Quantity(metric=metric)
    assert (wanted.is_share, wanted.stage) == (is_share, stage)
    assert is_known(metric)
    assert not is_known(f"{metric} of it")


def test_a_share_within_a_time_has_the_interval_that_its_target_rests_on(
    summary: RunSummary,
) -> None:
    found = estimate(summary, Quantity(metric="e2e_within", within_s=16.0))
    assert (found.low, found.high) == (
        pytest.approx(0.1466, abs=1e-4),
        pytest.approx(0.9473, abs=1e-4),
    )
    assert (found.confidence, found.unit) == (0.95, "%")
