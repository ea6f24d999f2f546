"""Which repeats belong to which visit of which level."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

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
