"""What the verdicts on a file of answers come to, counted one by one."""

from __future__ import annotations

from typing import Any

import pytest

from liftlab.grading.samples import Summary


def verdict(outcome: str = "pass", case_id: str = "a", **more: Any) -> dict[str, Any]:
    return {"case_id": case_id, "outcome": outcome} | more


def tally(*rows: dict[str, Any], told: tuple[int, int] = (0, 0)) -> Summary:
    made = Summary(told=told)
    for row in rows:
        made.add(row)
    return made


def test_outcomes_are_counted_and_of_each_case_only_what_could_be_judged() -> None:
    rows = [verdict(), verdict("fail"), verdict("error"), verdict("ungraded"), verdict(case_id="b")]
    counted = tally(*rows)
    assert counted.outcomes == {"pass": 2, "fail": 1, "error": 1, "ungraded": 1}
    assert counted.total == 5
    assert counted.by_case == {"a": (1, 2), "b": (1, 1)}


def test_answers_that_differ_in_type_alone_are_counted() -> None:
    rows = [
        verdict("fail", facets={"type_only": True}),
        verdict("fail", facets={"type_only": False}),
        verdict("fail", facets={}),
    ]
    assert tally(*rows).type_only == 1


def test_what_answers_lack_is_kept_by_what_says_so() -> None:
    rows = [
        verdict("error", facets={"not_installed": "numpy", "line": 1}),
        verdict("error", facets={"needs_python": "3.12"}),
        verdict("fail", facets={"line": 2}),
    ]
    assert tally(*rows).lacking == [{"not_installed": "numpy"}, {"needs_python": "3.12"}]


@pytest.mark.parametrize(
    ("levels", "weakest"),
    [
        (["full"], "full"),
        (["full", "restricted"], "restricted"),
        (["limits-only", "full"], "limits-only"),
        (["none", "limits-only"], "none"),
        ([None], "none"),
        (["full", "no such level"], "full"),
    ],
)
def test_the_weakest_isolation_is_told(levels: list[str | None], weakest: str) -> None:
    counted = tally(*(verdict(isolation=level) for level in levels))
    assert counted.isolation == weakest


def test_verdicts_are_proven_where_all_known_answers_were_told_apart() -> None:
    sound = verdict(verdict_integrity="proven")
    counted = tally(sound, told=(3, 3))
    assert counted.proven
    assert not tally(sound, told=(2, 3)).proven
    counted.add(verdict(verdict_integrity="unproven"))
    assert not counted.proven
    assert "2" in tally(sound, told=(2, 3)).controls
    assert (counted.resumed, counted.joined, counted.strange) == (0, 0, ())
