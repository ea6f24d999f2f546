"""Which repeats belong to which visit of which level."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from liftlab.runner.levels import CapacityPlan, between


@given(
    levels=st.lists(st.integers(1, 60), min_size=1, max_size=6, unique=True),
    cases=st.integers(1, 200),
    visits=st.integers(1, 4),
)
def test_each_repeat_belongs_to_one_visit_of_one_level(
    levels: list[int], cases: int, visits: int
) -> None:
    plan = CapacityPlan(
        levels=tuple(sorted(levels)), visits=visits, cases=cases, metric="e2e_p95_s", limit_s=1
    )
    seen: set[int] = set()
    for visit in range(1, visits + 1):
        for level in range(1, max(levels) + 1):  # those that a run adds, too
            repeats = plan.repeats(visit, level)
            assert len(repeats) * cases >= 8 * level
            assert not seen.intersection(repeats)
            seen.update(repeats)
            assert {plan.place(repeat) for repeat in repeats} == {(visit, level)}


def test_a_level_is_added_where_most_of_the_range_lies() -> None:
    known = [1, 2, 4, 8, 16]
    assert between(7.5, 16.0, known) == 12
    assert between(1.0, 2.0, known) is None  # there is none between
    assert between(58.0, 62.0, [32, 58, 62]) is None  # close enough
    assert between(3.0, 5.0, [4]) is None


@given(st.floats(1, 64), st.floats(1, 64))
def test_an_added_level_lies_between_known_ones_and_this_ends(low: float, high: float) -> None:
    known = {1, 2, 4, 8, 16, 32, 64}
    for _ in range(200):
        extra = between(min(low, high), max(low, high), known)
        if extra is None:
            return
        assert extra not in known
        known.add(extra)
    raise AssertionError("it goes on and on")


def plan(**told: object) -> CapacityPlan:
    whole: dict[str, object] = {"levels": (1, 2, 4), "visits": 2, "cases": 4, "limit_s": 1.0}
    return CapacityPlan.model_validate(whole | {"metric": "e2e_p95_s"} | told)


@pytest.mark.parametrize(
    ("metric", "share"),
    [("e2e_median_s", 0.5), ("e2e_p90_s", 0.9), ("e2e_p95_s", 0.95), ("e2e_p99_s", 0.99)],
)
def test_an_objective_is_a_share_of_requests(metric: str, share: float) -> None:
    assert plan(metric=metric).share == share


def test_a_visit_asks_eight_times_for_each_place() -> None:
    assert [plan().rounds(level) for level in (1, 2, 3, 4)] == [2, 4, 6, 8]
    assert [plan(cases=5).rounds(level) for level in (1, 2)] == [2, 4]
    assert list(plan().repeats(1, 1)) == [1, 2]
    assert plan().repeats(2, 1)[0] == 2 + 4 + 6 + 8 + 1


@pytest.mark.parametrize(
    "least", [{"levels": (1,)}, {"visits": 1}, {"cases": 1}, {"limit_s": 1e-9}]
)
def test_the_least_that_a_plan_may_be(least: dict[str, object]) -> None:
    plan(**least)
    [(name, value)] = least.items()
    with pytest.raises(ValidationError):
        plan(**{name: () if name == "levels" else 0})
    with pytest.raises(ValidationError):
        setattr(plan(), name, value)  # what is planned stays


@pytest.mark.parametrize(
    ("known", "added"),
    [
        ((10, 11), None),
        ((10, 12), 11),
        ((20, 22), None),  # a tenth apart
        ((20, 23), 21),
        ((1, 2), None),
        ((1, 3), 2),
    ],
)
def test_levels_a_tenth_apart_are_close_enough(known: tuple[int, int], added: int | None) -> None:
    assert between(*map(float, known), known) == added
