"""What to do next, in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from liftlab.analysis.estimate import Estimate
from liftlab.analysis.success import FailureShare
from liftlab.analysis.targets import judged
from liftlab.reporting.text import recommendations as text
from liftlab.settings.targets import TargetSettings
from liftlab.summary.targets import (
    FixClass,
    FixEndpoint,
    Investigate,
    MeasureAgain,
    Recommendations,
    Settle,
)


def steps(*rows: Any) -> list[tuple[str, str]]:
    run: Any = None
    return list(text.steps(Recommendations(run=run, rows=rows)))


def share(count: int) -> Any:
    part = Estimate(value=0.5, n=8, unit="%", quantity="share")
    return FailureShare(
        failure_class="timeout",
        count=count,
        cases=("add",),
        of_failures=part,
        of_trials=part,
        picked=part,
    )


@pytest.mark.parametrize(("trials", "noun"), [(1, "request"), (2, "requests")])
def test_an_endpoint_that_fails_comes_with_its_count(trials: int, noun: str) -> None:
    ((_, why),) = steps(FixEndpoint(errors=1, trials=trials, classes=(("http_5xx", 1),)))
    assert why.startswith(f"1 of {trials} {noun} failed there")


def test_a_class_comes_with_its_share_of_failures() -> None:
    ((lead, why),) = steps(FixClass(share=share(1200), failures=2400))
    assert lead == "Fix answers that run too long first."
    assert "1,200 of 2,400 failures" in why


def test_slow_steps_and_a_busy_client_have_their_reasons() -> None:
    (look, why), (again, client) = steps(Investigate(steps=1, seconds=12.5), MeasureAgain())
    assert why.startswith("1 slow step took 12.5 s longer")
    assert look != again
    assert client


def settle(metric: str, limit: float, seconds: float | None, usd: float | None, n: int = 20) -> Any:
    low, high = (0.5, 0.87) if metric == "success_rate" else (10.0, 20.0)
    value = 0.72 if metric == "success_rate" else 14.0
    unit = "%" if metric == "success_rate" else "s"
    estimate = Estimate(value=value, low=low, high=high, confidence=0.95, n=n, unit=unit)
    target = judged("t", TargetSettings(metric=metric, limit=limit), estimate)
    return Settle(target=target, seconds=seconds, usd=usd)


@pytest.mark.parametrize(
    ("metric", "limit", "said"),
    [("success_rate", 0.7, "reaches 70 %."), ("e2e_median_s", 15, "stays within 15 s.")],
)
def test_an_open_target_is_named_with_its_limit(metric: str, limit: float, said: str) -> None:
    ((lead, _),) = steps(settle(metric, limit, None, None))
    assert lead.endswith(said)


def test_what_deciding_takes_is_said_as_far_as_it_is_known() -> None:
    row = settle("success_rate", 0.7, 600.0, 0.25)
    fewest = row.target.result.more[0]
    assert fewest > 1
    whys = [
        steps(settle("success_rate", 0.7, *known))[0][1]
        for known in ((600.0, 0.25), (600.0, None), (None, 0.25), (None, None), (600.0, 0.0))
    ]
    lacking = f"; {fewest} prompts "
    assert whys[0].endswith(f"{lacking}take 10 min and cost 0.25 USD.")
    assert whys[1].endswith(f"{lacking}take 10 min.")
    assert whys[2].endswith(f"{lacking}cost 0.25 USD.")
    assert lacking not in whys[3]
    assert whys[4] == whys[1]
    assert all(why[0] == why[0].upper() for why in whys)


def test_one_prompt_takes_what_several_take() -> None:
    row = settle("success_rate", 0.7, 45.0, 0.25)
    one = replace(row.target, result=replace(row.target.result, more=(1, 9)))
    ((_, why),) = steps(replace(row, target=one))
    assert why.endswith("; 1 prompt takes 45 s and costs 0.25 USD.")
    none = replace(row.target, result=replace(row.target.result, more=None))
    ((_, why),) = steps(replace(row, target=none))
    assert "45 s" not in why


def test_what_comes_first_is_the_first_lead() -> None:
    run: Any = None
    rows = (MeasureAgain(), FixClass(share=share(1), failures=2))
    assert text.first(Recommendations(run=run, rows=rows)) == steps(*rows)[0][0]
    assert text.first(Recommendations(run=run, rows=())) == ""
