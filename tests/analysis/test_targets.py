"""The one judge: verdicts from the whole interval, and a number of prompts that decides."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from liftlab.analysis.decide import success_rate
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.intervals import mean, median, proportion, quantile
from liftlab.analysis.targets import COUNTED, THIS_RUN_ONLY, judge, judged
from liftlab.settings.targets import TargetSettings

E2E = [14.92, 14.96, 14.16, 27.10, 26.90]


def test_targets_of_the_published_day() -> None:
    e2e = median(E2E)
    assert judge(e2e, 5.0, "median E2E").verdict == "not met"
    assert judge(e2e, 30.0).verdict == "met"
    assert judge(proportion(1, 5), 0.7, at_most=False).verdict == "undecided"
    assert judge(proportion(4, 5), 0.7, at_most=False).verdict == "undecided"
    assert judge(proportion(0, 5), 0.7, at_most=False).verdict == "not met"
    assert judge(proportion(30, 30), 0.7, at_most=False).verdict == "met"


def test_a_median_next_to_its_limit_is_undecided_with_a_range_of_n() -> None:
    found = judge(median(E2E), 15.0, "median E2E")
    assert found.verdict == "undecided"
    assert found.more == (4, 803)
    assert found.needs == "4 to 803 more prompts"
    assert found.estimate.point == "14.96 s"


def test_a_target_without_a_number_is_not_measurable() -> None:
    assert judge(median([]), 15.0).verdict == "not measurable"
    assert judge(proportion(0, 0), 0.7).verdict == "not measurable"
    assert judge(proportion(0, 0), 0.7, by_count=True).verdict == "not measurable"


def test_a_count_of_this_run_decides_by_itself() -> None:
    assert judge(proportion(2, 40), 0.05, by_count=True).verdict == "met"
    assert judge(proportion(3, 40), 0.05, by_count=True).verdict == "not met"


@pytest.mark.parametrize(
    ("outcomes", "by_limit"),
    [  # of the test's own limit, and of those that follow; others are judged by the interval
        ([1] * 12, {0.5: "met", 0.7: "met", 0.75: "undecided"}),
        ([0, 1] * 8, {0.65: "undecided", 0.7: "not met", 0.75: "not met"}),
        ([1, 1, 0, 1], {0.01: "met", 0.7: "undecided"}),
    ],
)
def test_a_run_that_was_to_decide_is_judged_by_its_test(
    outcomes: list[int], by_limit: dict[float, str]
) -> None:
    decision = success_rate(outcomes)
    rate = replace(decision.published, decision=decision)
    found = {limit: judge(rate, limit, at_most=False) for limit in by_limit}
    assert {limit: result.verdict for limit, result in found.items()} == by_limit
    own = found[0.7]
    if own.verdict == "undecided":
        assert own.needs == f"about {decision.more} more prompts"
    else:
        assert judge(rate, 0.7, at_most=True).verdict != own.verdict


def test_one_bound_can_decide() -> None:
    bound = Estimate(value=2.0, high=3.0, confidence=0.95, n=60, unit="s")
    assert judge(bound, 4.0).verdict == "met"
    assert judge(bound, 1.0).verdict == "undecided"


def test_an_interval_of_too_little_confidence_decides_nothing() -> None:
    assert judge(median([1.0, 2.0]), 15.0).verdict == "undecided"
    assert judge(median([1.0] * 2 + [2.0] * 3), 15.0).verdict == "met"


def test_a_limit_that_is_the_value_takes_more_than_can_be_told() -> None:
    found = judge(proportion(14, 20), 0.7, at_most=False)
    assert found.more is not None
    assert found.more[1] is None
    assert found.needs.endswith(" to over 1,000 more prompts")
    hopeless = judge(proportion(35_000, 50_000), 0.7, at_most=False)
    assert hopeless.needs == "over 1,000 more prompts"


def test_where_no_number_is_known_the_next_step_is() -> None:
    open_checks = Estimate(value=1, low=1, high=28, n=98, needs="27", quantity="critical_failures")
    assert judge(open_checks, 9).needs == "27"
    assert judge(mean([1.0, 2.0, 3.0]), 2.5).needs == "needs 20 prompts for an interval"
    assert judge(Estimate(value=2.0, n=3, unit="s"), 4.0).needs == "more prompts"


def test_of_a_mean_widths_shrink_with_the_root_of_n() -> None:
    estimate = Estimate(value=10.0, low=8.0, high=14.0, confidence=0.95, n=25, unit="s")
    factor = 4 * (1.959964 + 0.841621) / 1.959964
    near = math.ceil(25 * (factor / 4) ** 2) - 25  # truth at 8, limit at 12
    far = math.ceil(25 * (factor / 1) ** 2) - 25  # truth at 11
    assert judge(estimate, 12.0).more == (near, far)


def test_a_clock_s_error_makes_no_number_of_prompts_smaller() -> None:
    estimate = median(E2E)
    wide = judge(estimate.no_narrower_than(13.0), 15.0)
    assert wide.more == judge(estimate, 15.0).more


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 60), st.floats(0.05, 0.95), st.floats(0.03, 0.97), st.booleans())
def test_every_open_rate_has_a_range(n: int, share: float, limit: float, at_most: bool) -> None:
    found = judge(proportion(round(share * n), n), limit, at_most=at_most)
    if found.verdict != "undecided":
        assert (found.needs, found.more) == ("", None)
        return
    assert found.more is not None
    low, high = found.more
    assert 1 <= low <= (high or 1001)
    assert "more prompt" in found.needs


@pytest.mark.parametrize(
    ("right", "n", "limit"), [(4, 5, 0.7), (28, 40, 0.6), (17, 20, 0.7), (5, 20, 0.4)]
)
@pytest.mark.parametrize("truth", ["far end", "halfway"])
def test_the_named_number_decides_four_times_of_five(
    right: int, n: int, limit: float, truth: str
) -> None:
    estimate = proportion(right, n)
    found = judge(estimate, limit, at_most=False)
    assert found.more is not None
    far = estimate.high if right / n > limit else estimate.low
    rate, more = (far, found.more[0]) if truth == "far end" else ((right / n + limit) / 2, None)
    more = found.more[1] if more is None else more
    assert more is not None
    assert rate is not None
    rng, total = np.random.default_rng(right), n + more
    decided = [
        judge(proportion(int(count), total), limit, at_most=False).verdict != "undecided"
        for count in rng.binomial(total, rate, 400)
    ]
    assert np.mean(decided) >= 0.70
    assert total < 50 or np.mean(decided) <= 0.90  # three standard errors beyond .75 and .85


@pytest.mark.parametrize(("q", "n", "within"), [(0.5, 40, 25), (0.5, 40, 16), (0.95, 80, 72)])
def test_the_named_number_decides_about_quantiles(q: float, n: int, within: int) -> None:
    """The truth is the share within the limit, halfway between what was seen and q."""
    rng = np.random.default_rng(n + within)
    x = np.sort(rng.lognormal(0, 0.5, n))
    limit = float(x[within - 1 : within + 1].mean())
    found = judge(quantile(x, q), limit)
    assert found.verdict == "undecided"
    assert found.more is not None
    assert found.more[1] is not None
    halfway, total = (within / n + q) / 2, n + found.more[1]
    scale = limit / math.exp(0.5 * float(stats.norm.ppf(halfway)))
    decided = [
        judge(quantile(scale * rng.lognormal(0, 0.5, total), q), limit).verdict != "undecided"
        for _ in range(300)
    ]
    assert 0.70 <= np.mean(decided) <= 0.91


def estimate(low: float | None, high: float | None, **more: object) -> Estimate:
    plain = {"value": 5.0, "low": low, "high": high, "n": 40, "confidence": 0.95}
    return Estimate(**(plain | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("low", "high", "at_most", "verdict"),
    [
        (4.0, 6.0, True, "met"),  # up to the limit itself
        (4.0, 6.1, True, "undecided"),
        (6.0, 7.0, True, "undecided"),
        (6.1, 7.0, True, "not met"),
        (6.0, 7.0, False, "met"),
        (5.9, 7.0, False, "undecided"),
        (4.0, 6.0, False, "undecided"),
        (4.0, 5.9, False, "not met"),
        (None, 6.0, True, "met"),
        (None, 6.1, True, "undecided"),
        (6.1, None, True, "not met"),
        (6.0, None, False, "met"),
        (None, 5.9, False, "not met"),
    ],
)
def test_a_verdict_takes_the_whole_interval(
    low: float | None, high: float | None, at_most: bool, verdict: str
) -> None:
    assert judge(estimate(low, high), 6.0, at_most=at_most).verdict == verdict


@pytest.mark.parametrize(
    ("confidence", "verdict"), [(0.9, "met"), (0.89, "undecided"), (None, "met")]
)
def test_an_interval_of_less_than_ninety_percent_decides_nothing(
    confidence: float | None, verdict: str
) -> None:
    assert judge(estimate(4.0, 5.5, confidence=confidence), 6.0).verdict == verdict


@pytest.mark.parametrize(
    ("limit", "at_most", "verdict"),
    [(5.0, True, "met"), (4.9, True, "not met"), (5.0, False, "met"), (5.1, False, "not met")],
)
def test_a_count_is_met_up_to_its_limit(limit: float, at_most: bool, verdict: str) -> None:
    assert judge(estimate(1.0, 9.0), limit, at_most=at_most, by_count=True).verdict == verdict


def test_prompts_that_were_not_asked_are_the_number_that_is_missing() -> None:
    target = TargetSettings(metric="prompts_tested", limit=59)
    few = judged("many_prompts", target, Estimate(value=40, low=40, high=40, n=40))
    assert (few.verdict, few.result.more, few.basis) == ("not met", (19, 19), COUNTED)
    assert few.result.needs == "19 more prompts"
    assert (few.result.name, few.whose) == ("many prompts", "prompts with a graded answer")
    enough = judged("many_prompts", target, Estimate(value=59, low=59, high=59, n=59))
    assert (enough.verdict, enough.result.needs, enough.result.more) == ("met", "", None)
    last = judged("many_prompts", target, Estimate(value=58, low=58, high=58, n=58))
    assert last.result.needs == "1 more prompt"


def test_a_judged_target_is_told_as_plain_data() -> None:
    target = TargetSettings(metric="e2e_median_s", limit=6.0, title="Fast", required=False)
    found = judged("fast", target, estimate(4.0, math.inf, unit="s", cases=20))
    told = found.as_json()
    assert (told["target"], told["title"], told["direction"]) == ("fast", "Fast", "at_most")
    assert (told["value"], told["low"], told["high"]) == (5.0, 4.0, None)  # no end is no number
    assert (told["verdict"], told["required"], told["basis"]) == ("undecided", False, THIS_RUN_ONLY)
    assert (told["population"], told["n"], told["cases"]) == ("answered requests", 40, 20)
    right = TargetSettings(metric="e2e_median_s", limit=6.0, population="right")
    assert judged("fast", right, estimate(4.0, 5.0)).whose == "right answers only"
    errors = TargetSettings(metric="error_rate", limit=0.05)
    assert (
        judged("errors", errors, estimate(0.0, 0.1, value=0.02)).whose == "all requests, errors too"
    )
