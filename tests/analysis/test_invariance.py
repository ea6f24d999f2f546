"""What holds for every method: no unit and no order matters, more confidence is never narrower."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftlab.analysis import intervals
from liftlab.analysis.causes import CAUSES
from liftlab.analysis.decide import success_rate
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.outliers import flag
from liftlab.analysis.paired import times
from liftlab.analysis.slow_steps import slow_steps

Of = Callable[..., Estimate]
ESTIMATORS: dict[str, tuple[Of, int]] = {  # and the power of the unit that they carry
    "median": (intervals.median, 1),
    "P90": (lambda x, **more: intervals.quantile(x, 0.9, **more), 1),
    "mean": (intervals.mean, 1),
    "cv": (intervals.cv, 0),
}
every = pytest.mark.parametrize("name", ESTIMATORS)
positive = st.lists(st.floats(1e-3, 1e5), min_size=1, max_size=60)
finite = st.floats(allow_nan=False, allow_infinity=False)
few = settings(max_examples=40, deadline=None)


def ends(estimate: Estimate) -> list[float]:
    return [np.nan if end is None else end for end in (estimate.low, estimate.high)]


@every
@few
@given(values=positive, factor=st.sampled_from([0.001, 60.0, 1024.0]), seed=st.integers(0, 99))
def test_units_and_order(name: str, values: list[float], factor: float, seed: int) -> None:
    of, power = ESTIMATORS[name]
    x, cases = np.array(values), np.arange(len(values)) // 2
    order = np.random.default_rng(seed).permutation(len(x))
    for clusters in (None, cases):
        mixed = None if clusters is None else clusters[order]
        one = of(x, clusters=clusters)
        other = of(factor * x[order], clusters=mixed)
        assert (one.value is None) == (other.value is None)
        if one.value is not None and other.value is not None:
            assert other.value == pytest.approx(one.value * factor**power, rel=1e-6, abs=1e-9)
            scaled = np.array(ends(one)) * factor**power
            assert ends(other) == pytest.approx(scaled, rel=1e-5, abs=1e-9, nan_ok=True)


@every
@few
@given(values=positive, level=st.floats(0.5, 0.98))
def test_more_confidence_is_never_narrower(name: str, values: list[float], level: float) -> None:
    of, _ = ESTIMATORS[name]
    narrow, wide = of(values, confidence=level), of(values, confidence=level + 0.019)
    if narrow.has_interval and wide.has_interval:
        slack = 1e-9 * abs(narrow.value)
        assert wide.low <= narrow.low + slack
        assert wide.high >= narrow.high - slack


@every
@few
@given(values=st.lists(finite, max_size=40), bad=st.sampled_from([0.0, -1.0]))
def test_what_is_not_positive_gives_a_reason_and_nothing_raises(
    name: str, values: list[float], bad: float
) -> None:
    of, _ = ESTIMATORS[name]
    assert str(of(values))
    refused = of([*values, bad])
    assert refused.value is None
    assert refused.reason


@few
@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=1, max_size=60),
    st.floats(0.5, 0.98),
    st.integers(0, 99),
)
def test_a_rate_depends_on_no_order_and_widens_with_confidence(
    rows: list[tuple[bool, int]], level: float, seed: int
) -> None:
    good, cases = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    order = np.random.default_rng(seed).permutation(len(rows))
    one = intervals.proportion(good, clusters=cases, confidence=level)
    other = intervals.proportion(good[order], clusters=cases[order], confidence=level)
    assert ends(other) == pytest.approx(ends(one), nan_ok=True)
    wide = intervals.proportion(good, clusters=cases, confidence=level + 0.019)
    if one.has_interval:
        assert wide.low <= one.low + 1e-12
        assert wide.high >= one.high - 1e-12


@few
@given(st.lists(st.booleans(), max_size=80), st.floats(0.01, 0.2))
def test_a_smaller_error_never_decides_sooner(outcomes: list[bool], error: float) -> None:
    loose, strict = success_rate(outcomes, error=error), success_rate(outcomes, error=error / 2)
    if strict.decided_after is not None:
        assert loose.decided_after is not None
        assert loose.decided_after <= strict.decided_after
    assert strict.published.low is None or strict.published.low <= loose.published.low + 1e-9


@few
@given(st.lists(st.tuples(finite, finite, st.sampled_from("abcdefg")), max_size=30))
def test_comparing_and_flagging_raise_on_no_finite_times(
    rows: list[tuple[float, float, str]],
) -> None:
    first, second, cases = ([row[place] for row in rows] for place in range(3))
    change = times(first, cases, second, cases)
    if change.ratio.has_interval:
        assert change.ratio.low <= change.ratio.value <= change.ratio.high
    assert str(flag(first, cases, second))


TIMES = ["sent_s", "first_byte_s", "last_byte_s", "queue_s", "cold_s", "server_s", "max_gap_s"]
COLUMNS = [*TIMES, "backoff_before_s", "prompt_tokens", "output_tokens"]
attempt = st.fixed_dictionaries(
    {"case_id": st.sampled_from("abc"), "repeat": st.integers(1, 3), "cold": st.booleans()},
    optional=dict.fromkeys(COLUMNS, st.none() | finite),
)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 3), finite), max_size=12),
    st.lists(attempt, max_size=20),
)
def test_slow_steps_sum_up_whatever_the_records(
    rows: list[tuple[str, int, float]], attempts: list[dict[str, float]]
) -> None:
    stages = pd.DataFrame(rows, columns=["case_id", "repeat", "latency_s"])
    stages = stages.assign(stage="code", attempts=1)
    made = pd.DataFrame(attempts).assign(stage="code", phase="measure")
    found = slow_steps(pd.DataFrame(), stages, made if attempts else pd.DataFrame(), pooled=True)
    steps = found.steps
    parts = steps[[*CAUSES, "unexplained_s"]]
    assert (parts.to_numpy() >= 0).all()
    assert parts.sum(axis=1).tolist() == pytest.approx(steps["excess_s"].tolist())
    assert all(step.excess_s > 0 for step in found)
