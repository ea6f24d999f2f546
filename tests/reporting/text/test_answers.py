"""How many answers are right, in words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from liftlab.analysis.success import failure_classes, success_by_group, success_rate
from liftlab.reporting.text import answers as text


def _answers(*outcomes: str, errors: Any = (), **columns: Any) -> Any:
    """Answers of as many cases, each asked once."""
    table = pd.DataFrame({"case_id": [str(n) for n in range(len(outcomes))], "outcome": outcomes})
    table = table.assign(**columns)
    rate = success_rate(table)
    return SimpleNamespace(
        trials=len(table),
        answered=rate.trials + rate.ungraded,
        graded=rate.trials,
        right=rate.successes,
        wrong=rate.trials - rate.successes,
        errors=rate.errors,
        success=rate,
        parsed=success_rate(table, "parsed"),
        failures=failure_classes(table),
        by_category=success_by_group(table, "category"),
        error_classes=list(errors),
    )


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        (["pass"], "1 of 1 answer is right"),
        (["fail"], "0 of 1 answer is right"),
        (["pass", "fail"], "1 of 2 answers is right"),
        (["pass", "pass", "fail"], "2 of 3 answers are right"),
        (["fail", "fail"], "0 of 2 answers are right"),
        (["ungraded"], "No answer was graded"),
        ([], "No request has ended yet"),
    ],
)
def test_how_many_are_right(outcomes: list[str], said: str) -> None:
    assert text.right(_answers(*outcomes)) == said


def test_the_count_is_marked_as_the_rate() -> None:
    rate = success_rate(pd.DataFrame({"case_id": ["a"], "outcome": ["pass"]}))
    assert [words for _, words in text.count(rate).quantities] == ["1 of 1"]


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        ([None], ""),
        (["timeout"], "1 of 1 answer is wrong."),
        (["timeout", None], "1 of 2 answers is wrong."),
        (["timeout", "crash"], "2 of 2 answers are wrong."),
        (["timeout", "timeout"], "2 of 2 answers are wrong; all of them run too long."),
        (
            ["timeout", "timeout", "crash", None],
            "3 of 4 answers are wrong; most often (2) they run too long.",
        ),
        (["timeout", "timeout", "crash", "crash"], "4 of 4 answers are wrong."),
    ],
)
def test_what_the_wrong_ones_share(classes: list[str | None], said: str) -> None:
    outcomes = ["pass" if name is None else "fail" for name in classes]
    assert text.wrong(_answers(*outcomes, failure_class=classes)) == said


def test_a_rate_that_is_not_the_count_is_told() -> None:
    alike = pd.DataFrame({"case_id": list("ab"), "outcome": ["pass", "fail"]})
    more = pd.DataFrame({"case_id": list("abbb"), "outcome": ["pass", *3 * ["fail"]]})
    assert text.weighed(SimpleNamespace(success=success_rate(alike))) == ""
    assert text.weighed(SimpleNamespace(success=success_rate(alike[:0]))) == ""
    said = text.weighed(SimpleNamespace(success=success_rate(more)))
    assert said == "If every prompt counts the same, 50 % are right."


@pytest.mark.parametrize(
    ("outcomes", "parsed", "said"),
    [
        (["pass", "fail"], [True, False], ""),
        (["fail"], [True], "The answer parses, which does not make it right."),
        (["pass", "fail"], [True, True], "All 2 parse, which does not make them right."),
        (["fail", "fail"], [True, False], "1 of 2 parses, which does not make it right."),
        (["pass", "fail"], [False, False], "0 of 2 parse."),
        (["ungraded"], [True], ""),
    ],
)
def test_parsing_is_less_than_right(outcomes: list[str], parsed: list[bool], said: str) -> None:
    assert text.parsed(_answers(*outcomes, parsed=parsed)) == said


def test_requests_that_failed() -> None:
    some = _answers("pass", "error", "error", errors=[("deadline", 2)])
    assert text.errors(some) == "2 of 3 requests failed at the endpoint (timed out)."
    assert text.out_of(some) == "of 1 answered; 2 of 3 failed at the endpoint"
    assert text.errors(_answers("pass")) == text.out_of(_answers("pass")) == ""


def test_where_nothing_was_answered_that_is_the_finding() -> None:
    none = _answers("error", errors=[("dns", 1)])
    assert text.errors(none) == text.out_of(none) == ""
    said = "No request was answered: 1 of 1 request failed at the endpoint"
    assert text.right(none) == f"{said} (the host name is unknown)"
    assert text.unanswered(_answers("error")) == said


def test_three_kinds_of_failure_are_named() -> None:
    kinds = [("deadline", 1200), ("dns", 3), ("tls", 2), ("reset", 1)]
    said = " (timed out: 1,200, the host name is unknown: 3, no secure connection: 2)"
    assert text.how(kinds) == said


@pytest.mark.parametrize(
    ("outcomes", "category", "said"),
    [
        (["pass", "pass"], [None, None], ""),
        (["ungraded"], ["lists"], ""),
        (["pass", "fail"], ["lists", "sets"], "It was right every time for lists (1 of 1)."),
        (
            ["pass", "fail", "fail", "fail"],
            ["lists", "lists", "sets", "sets"],
            "It is not reliable for any kind of prompt yet (best: lists, 1 of 2).",
        ),
        (
            ["pass", "pass", "ungraded"],
            ["lists", "hash_maps", "sets"],
            "It was right every time for lists (1 of 1) and hash maps (1 of 1).",
        ),
    ],
)
def test_what_it_is_reliable_for(outcomes: Any, category: Any, said: str) -> None:
    assert text.reliable(_answers(*outcomes, category=category)) == said


def _groups(**rights: tuple[int, int]) -> Any:
    rows = [
        (f"{name}{n}", "pass" if n < right else "fail", name)
        for name, (right, of) in rights.items()
        for n in range(of)
    ]
    table = pd.DataFrame(rows, columns=["case_id", "outcome", "category"])
    return success_by_group(table, "category")


def test_groups_are_apart_where_their_intervals_are() -> None:
    assert text.apart(_groups(lists=(20, 20), sets=(0, 20))) == (
        "Best: lists, 20 of 20; worst: sets, 0 of 20."
    )
    assert text.apart(_groups(lists=(3, 3), sets=(0, 3))) == ""
    assert text.apart(_groups(lists=(20, 20))) == ""


def _failures(*classes: str | None, clearly: bool = True, graded: bool = True) -> Any:
    outcome = ["fail" if name else "pass" if graded else "error" for name in classes]
    table = pd.DataFrame({"outcome": outcome, "failure_class": classes}, dtype=object)
    table["case_id"] = [str(n) for n in range(len(table))]
    rows = failure_classes(table)
    return SimpleNamespace(
        run=SimpleNamespace(counted=lambda _, name: table[[name]].drop_duplicates()),
        rows=rows,
        count=sum(row.count for row in rows),
        clearly_first=clearly,
    )


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        ([None], "No answer failed"),
        (["timeout"], "One answer failed: answers that run too long"),
        (["name_error"] * 2, "Undefined names cause all 2 failures"),
        (["name_error", "crash"], "2 answers fail in 2 different ways"),
        (
            ["name_error", "name_error", "crash"],
            "Undefined names cause most failures: 2 of 3",
        ),
        (
            ["name_error", "name_error", "crash", "timeout"],
            "The most frequent fault is undefined names: 2 of 4 failures",
        ),
    ],
)
def test_the_title_names_the_cause(classes: list[str | None], said: str) -> None:
    assert text.failures_title(_failures(*classes)) == said


def test_nothing_graded_is_not_nothing_wrong() -> None:
    assert text.failures_title(_failures(None, graded=False)) == "No answer was graded"
    assert text.spoiled(_failures(None)) == ""


def test_shares_of_failures_that_are_not_their_counts_are_explained() -> None:
    alike = _failures("crash", "timeout", None)
    assert text.weighed_shares(alike) == text.weighed_shares(_failures(None)) == ""
    outcomes = pd.DataFrame({"outcome": "fail", "failure_class": ["crash", *3 * ["timeout"]]})
    rows = failure_classes(outcomes.assign(case_id=list("abbb")))
    said = text.weighed_shares(SimpleNamespace(rows=rows, count=4))
    assert said == "In shares every prompt counts the same, however many of its answers failed."


def test_how_much_the_first_spoils() -> None:
    one = text.spoiled(_failures("name_error", "name_error", None, None))
    assert one.startswith("They spoil 50 % (likely ")
    assert one.endswith(") of all graded answers.")
    tied = text.spoiled(_failures("name_error", "crash", None, clearly=False))
    assert tied.startswith("Undefined names spoil 33 %")
    assert tied.endswith(" That is not clearly more than crashes of the interpreter.")
    sure = text.spoiled(_failures("name_error", "name_error", "crash"))
    assert "not clearly" not in sure
