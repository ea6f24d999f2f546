"""The published estimates of the semantic stages, under each assumption, and what the plan says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.analysis.budget import (
    Budget,
    PlannedStage,
    critical,
    ends,
    forecast,
    needs_of,
    side_by_side,
)
from liftlab.analysis.intervals import quantile

RANGES = [("entity", 1, 2), ("clause", 1, 2), ("graphs", 0.5, 1), ("ambiguity", 0.5, 1)]
SEMANTIC = [
    PlannedStage(name=name, low_s=low, high_s=high)
    for name, low, high in [*RANGES, ("intent", 1, 2)]
]
DAY = [(10.80, 4.12), (10.77, 4.19), (10.01, 4.16), (7.33, 19.77), (9.81, 17.08)]
E2E = [14.92, 14.96, 14.16, 27.10, 26.90]


def trials(e2e: list[float], cases: list[str] | None = None) -> pd.DataFrame:
    cases = cases or [f"c{i}" for i in range(len(e2e))]
    repeat = pd.Series(cases).groupby(cases).cumcount() + 1
    key = {"case_id": cases, "repeat": repeat.to_numpy(), "outcome": "fail"}
    return pd.DataFrame(key | {"e2e_s": e2e})


def stages(times: dict[str, list[float]]) -> pd.DataFrame:
    rows = [
        {"case_id": f"c{i}", "repeat": 1, "stage": name, "position": at, "latency_s": seconds}
        for at, (name, column) in enumerate(times.items())
        for i, seconds in enumerate(column)
    ]
    return pd.DataFrame(rows)


def week2() -> tuple[pd.DataFrame, pd.DataFrame]:
    ir, code = (list(column) for column in zip(*DAY, strict=True))
    return trials(E2E), stages({"nlp_to_ir": ir, "ir_to_code": code})


def tails(budget: Budget) -> list[float]:
    return [float(value) for value in np.quantile(budget.planned_s, [0.05, 0.5, 0.95])]


@pytest.mark.parametrize(
    ("correlation", "expected", "beyond_22"),
    [
        (0.0, [20.01, 20.90, 21.79], 0.019),
        (0.5, [19.44, 20.90, 22.36], 0.13),
        (1.0, [19.10, 20.90, 22.70], 0.225),
    ],
)
def test_the_semantic_stages_on_a_constant_base(
    correlation: float, expected: list[float], beyond_22: float
) -> None:
    told = forecast(trials([14.9]), pd.DataFrame(), SEMANTIC, correlation=correlation)
    assert tails(told) == pytest.approx(expected, abs=0.04)
    assert 1 - told.within(22.0)[1] == pytest.approx(beyond_22, abs=0.005)
    assert (told.lowest_s, told.highest_s) == pytest.approx((18.9, 22.9))


def test_the_spread_of_what_is_there_dominates() -> None:
    told = forecast(*week2(), SEMANTIC)
    assert tails(told) == pytest.approx([19.74, 21.33, 33.65], abs=0.04)
    assert told.within(15.0) == (0.6, 0.0)
    assert told.stages[0].name == "nlp_to_ir"
    assert not told.stages[0].planned
    assert all(each.critical == 1 for each in told.stages)


def test_few_rows_carry_a_middle_and_no_tail() -> None:
    told = forecast(*week2(), SEMANTIC)
    assert str(told.without[0.5]) == "15.0 s (93.75 % interval 14.2–27.1 s, n = 5)"
    assert told.with_planned[0.5].value == pytest.approx(21.33, abs=0.03)
    assert told.with_planned[0.95].value is None
    assert "P95 needs 20 prompts" in str(told.with_planned[0.95])
    assert told.with_planned[0.9].value is None
    repeated = trials(E2E * 5, [f"c{i}" for i in range(5)] * 5)
    assert forecast(repeated, pd.DataFrame(), SEMANTIC).with_planned[0.95].value is None
    many = forecast(trials(E2E * 5), pd.DataFrame(), SEMANTIC)
    assert many.with_planned[0.95].value == pytest.approx(33.65, abs=0.05)


@pytest.mark.parametrize("seed", range(4))
def test_no_quantile_grows_by_more_than_the_stages_add(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 6, 30)  # unequal repeats
    cases = np.repeat([f"c{i}" for i in range(30)], sizes).tolist()
    seconds = np.where(rng.random(len(cases)) < 0.3, 10.0, 1.0) * rng.lognormal(0, 0.2, len(cases))
    told = forecast(trials(seconds.tolist(), cases), pd.DataFrame(), SEMANTIC)
    for q in (0.5, 0.9, 0.95):
        grown = told.with_planned[q].value - told.without[q].value
        assert 4.0 - 1e-9 <= grown <= 8.0 + 1e-9  # the ranges sum to 4 to 8 s


def test_now_is_the_quantile_of_requests() -> None:
    seconds = np.random.default_rng(3).lognormal(1, 0.5, 40)
    told = forecast(trials(seconds.tolist()), pd.DataFrame(), SEMANTIC)
    assert told.without[0.5].value == pytest.approx(np.median(seconds))
    assert told.without[0.95].value == pytest.approx(np.sort(seconds)[37])
    assert told.without[0.95].value == quantile(seconds, 0.95).value
    nothing = forecast(trials(seconds.tolist()), pd.DataFrame(), [])
    assert nothing.with_planned[0.95].value == nothing.without[0.95].value


def test_every_case_weighs_the_same() -> None:
    often = trials([10.0] * 90 + [1.0] * 2, ["a"] * 90 + ["b", "c"])
    assert forecast(often, pd.DataFrame(), []).without[0.5].value == 1.0


def test_errors_are_left_out_and_deadlines_are_longer_than_all() -> None:
    rows = trials([5.0] * 20 + [0.01] * 10 + [300.0] * 4)
    rows["outcome"] = ["pass"] * 20 + ["error"] * 14
    table = stages({"code": rows["e2e_s"].tolist()})
    table["error_class"] = [None] * 20 + ["reset"] * 10 + ["deadline"] * 4
    told = forecast(rows, table, SEMANTIC)
    assert (told.rows, told.left_out) == (24, 10)
    assert told.without[0.5].value == 5.0
    assert told.with_planned[0.95].value is None
    assert told.with_planned[0.95].reason == "over 300 s, at which the client gave up"
    assert told.within(20.0)[1] == pytest.approx(20 / 24)
    assert told.stages[0].name == "code"


def test_what_the_client_did_itself_is_not_counted() -> None:
    rows = trials([5.0, 6.0, 7.0]).assign(client_s=[1.0, None, 1.0])
    assert forecast(rows, pd.DataFrame(), []).without[0.5].value == 6.0


def test_a_measured_stage_replaces_its_range_and_tells_how_good_it_was() -> None:
    base = trials([12.0] * 8)
    rows = stages({"code": [10.0] * 8, "entity": [1.5, 1.4, 1.6, 1.5, 1.7, 1.3, 1.5, 1.9]})
    told = forecast(base, rows, SEMANTIC)
    [kept] = told.kept
    assert kept.name == "entity"
    assert kept.inside.value == 1
    assert [stage.name for stage in told.planned] == ["clause", "graphs", "ambiguity", "intent"]
    assert (told.lowest_s, told.highest_s) == pytest.approx((15.0, 18.0))


@pytest.mark.parametrize(("seconds", "inside"), [(5.0, 0), (0.2, 0), (1.95, 3 / 8)])
def test_an_estimate_may_have_been_wrong(seconds: float, inside: float) -> None:
    times = [seconds * (1 + 0.01 * i) for i in range(8)]
    [kept] = forecast(trials([12.0] * 8), stages({"entity": times}), SEMANTIC).kept
    assert kept.inside.value == inside


def test_stages_beside_each_other_take_as_long_as_the_slowest() -> None:
    one_after, beside = (
        forecast(trials([10.0]), pd.DataFrame(), plan)
        for plan in (SEMANTIC, side_by_side(SEMANTIC))
    )
    assert beside.highest_s == pytest.approx(12.0)
    assert one_after.highest_s == pytest.approx(18.0)
    waited = {each.name: each.critical for each in beside.stages}
    assert waited["graphs"] == 0
    assert waited["entity"] == pytest.approx(1 / 3, abs=0.02)
    apart = PlannedStage(name="apart", low_s=1, high_s=2, after=("entity",))
    assert side_by_side([*SEMANTIC, apart])[-1] == apart
    assert side_by_side([]) == []


def test_a_stage_beside_a_longer_one_costs_nothing() -> None:
    free = PlannedStage(name="intent", low_s=1, high_s=2, after=("nlp_to_ir",))
    rows = stages({"nlp_to_ir": [10.0], "ir_to_code": [4.0]})
    told = forecast(trials([14.0]), rows, [free])
    assert told.planned_s.max() == pytest.approx(14.0)
    intent = next(each for each in told.stages if each.name == "intent")
    assert (intent.critical, intent.saves_p50_s) == (0, 0)
    from_the_start = PlannedStage(name="intent", low_s=20, high_s=20, after=())
    assert forecast(trials([14.0]), rows, [from_the_start]).planned_s.max() == pytest.approx(20.0)


def test_a_stage_after_one_that_the_run_does_not_have_comes_last() -> None:
    lost = PlannedStage(name="intent", low_s=1, high_s=1, after=("nlp_to_ir",))
    told = forecast(trials([5.0]), stages({"code": [5.0]}), [lost])
    assert told.misplaced == ("nlp_to_ir",)
    assert told.planned_s.max() == pytest.approx(6.0)


def test_trials_without_a_time_are_counted_and_left_out() -> None:
    told = forecast(trials([5.0, float("nan"), 7.0]), pd.DataFrame(), [])
    assert (told.rows, told.left_out, told.n) == (2, 1, 2)
    with pytest.raises(ValueError, match="no request was answered"):
        forecast(trials([float("nan")]), pd.DataFrame(), SEMANTIC)
    with pytest.raises(ValueError, match="correlation is 2"):
        forecast(trials([5.0]), pd.DataFrame(), SEMANTIC, correlation=2)


@given(st.lists(st.floats(0, 20), min_size=3, max_size=3), st.floats(0, 20), st.booleans())
def test_the_whole_ends_with_the_longest_way(
    chain: list[float], extra: float, from_start: bool
) -> None:
    plan = [PlannedStage(name="x", low_s=0, high_s=1, after=() if from_start else ("a",))]
    needs, unknown = needs_of(["a", "b", "c"], plan)
    times = {name: np.array([value]) for name, value in zip("abcx", [*chain, extra], strict=True)}
    beside = extra if from_start else chain[0] + extra
    assert unknown == ()
    assert ends(times, needs)[0] == pytest.approx(max(sum(chain), beside))
    waited = critical(times, needs)
    assert any(mask[0] for mask in waited.values())
    if beside < sum(chain) - 1e-6:
        assert not waited["x"][0]
