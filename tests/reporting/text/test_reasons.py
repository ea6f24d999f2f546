"""Why trials are not right, in the lines under a run's table."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from liftlab.reporting.text.reasons import answer_notes, reason_lines, set_up_fault, went_wrong
from liftlab.store import RunData
from tests.reporting.conftest import frame


def grade(case_id: str, failure: str | None, outcome: str = "fail", **more: Any) -> dict[str, Any]:
    facets = json.dumps(more.pop("facets", {}))
    return {
        "run_id": "r", "case_id": case_id, "repeat": 1, "grader_version": "4", "outcome": outcome,
        "failure_class": failure, "code_sha256": "c" * 64, "facets": facets,
    } | more  # fmt: skip


def graded(run: RunData, *rows: dict[str, Any], **about: Any) -> RunData:
    return replace(run, grades=frame("grade", [*rows]), run=replace(run.run, **about))


CASES = ("add_numbers", "multiply", "string_length", "max_of_two", "is_even")


def test_the_most_frequent_reason_is_told_with_its_share(week2: RunData) -> None:
    run = graded(
        week2,
        *(grade(name, "missing_return") for name in CASES[:2]),
        grade("string_length", "timeout"),
        grade("is_even", None, "pass"),
    )
    [line] = reason_lines(run)
    assert line.startswith("Most frequent reason, 2 of 3: answers return nothing")
    assert reason_lines(graded(week2, grade("is_even", None, "pass"))) == []


def test_of_grades_made_again_the_last_counts(week2: RunData) -> None:
    first = [grade(name, "timeout") for name in CASES]
    again = [grade(name, "missing_return") for name in CASES]
    [line] = reason_lines(graded(week2, *first, *again))
    assert "5 of 5: answers return nothing" in line


def test_what_the_server_said_is_told_once(week2: RunData) -> None:
    facets = {"stage": "nlp_to_ir", "sub_kind": "http_4xx", "message": "the server says: no model"}
    rows = [
        grade(name, "endpoint_error", "error", code_sha256=None, facets=facets) for name in CASES
    ]
    run = graded(week2, *rows)
    [line] = reason_lines(run)
    assert line.startswith("Most frequent reason, 5 of 5: ")
    assert line.endswith(": no model")
    fault = set_up_fault(run)
    assert fault is not None
    assert "no model. The set-up is the likely cause: check the endpoint" in fault


def test_a_set_up_is_suspected_only_where_all_trials_ended_alike_before_grading(
    week2: RunData,
) -> None:
    ended = [
        grade(name, "invalid_ir", code_sha256=None, facets={"stage": "nlp_to_ir"}) for name in CASES
    ]
    assert set_up_fault(graded(week2, *ended)) is not None
    assert set_up_fault(graded(week2, *ended[:4])) is None
    assert set_up_fault(graded(week2, *ended[:4], grade("is_even", "timeout"))) is None
    assert set_up_fault(graded(week2, *(grade(name, "timeout") for name in CASES))) is None


@pytest.mark.parametrize(
    ("protocol", "pipeline", "failure", "wants"),
    [
        ("openai", "lift", "invalid_ir", True),
        ("openai", "lift", "invalid_reply", True),
        ("openai", "lift", "refusal", False),
        ("lift", "lift", "invalid_ir", False),
        ("openai", "direct", "invalid_ir", False),
    ],
)
def test_an_endpoint_for_any_text_is_better_asked_for_the_code(
    week2: RunData, protocol: str, pipeline: str, failure: str, wants: bool
) -> None:
    rows = [grade(name, failure, code_sha256=None, facets={"stage": "s"}) for name in CASES]
    run = graded(week2, *rows, protocol=protocol, pipeline=pipeline)
    assert any("--pipeline direct" in line for line in reason_lines(run)) == wants
    assert ("try --pipeline direct" in (set_up_fault(run) or "")) == wants


def test_a_pipeline_that_raised_is_told_beside_a_more_frequent_reason(week2: RunData) -> None:
    own = {"sub_kind": "pipeline_error", "stage": "mine", "message": "KeyError (mine.py:3)"}
    rows = [grade(name, "timeout") for name in CASES[:3]]
    rows += [
        grade(name, "endpoint_error", "error", code_sha256=None, facets=own) for name in CASES[3:]
    ]
    first, second = reason_lines(graded(week2, *rows))
    assert "3 of 5" in first
    assert second.startswith("2 of 5: ")
    assert second.endswith("KeyError (mine.py:3)")
    assert len(reason_lines(graded(week2, *rows[3:]))) == 1


def test_answers_that_were_not_held_to_their_schema_are_counted(week2: RunData) -> None:
    held = [None] * 7 + [True, False, False, True, True, True]
    attempts = week2.attempts.assign(constrained=pd.array(held, "boolean"))
    told = "2 of 6 JSON answers were not constrained to their schema"
    run = replace(graded(week2), attempts=attempts)
    assert reason_lines(run) == [told]
    warm_up = attempts.assign(phase="warmup")
    assert reason_lines(replace(run, attempts=warm_up)) == []
    assert reason_lines(replace(run, attempts=attempts.assign(constrained=True))) == []


def test_what_went_wrong_with_each_trial_in_words(week2: RunData) -> None:
    trials = week2.trials.assign(outcome=["error", "error", "fail", "fail", "pass"])
    trials["failure_class"] = [
        "endpoint_error",
        "endpoint_error",
        "missing_return",
        "timeout",
        None,
    ]
    stages = week2.stages.assign(error_class=["http_5xx", None, *[None] * 8])
    said = went_wrong(trials, stages)
    assert len(said) == 5
    assert "server" in said[0]
    assert said[1] != said[0]
    assert said[4] == ""


def grades(*rows: tuple[str, str, dict[str, Any] | None]) -> pd.DataFrame:
    columns = ["case_id", "outcome", "facets"]
    return pd.DataFrame(
        [(case, outcome, facets and json.dumps(facets)) for case, outcome, facets in rows],
        columns=columns,
    )


def test_answers_that_were_unwrapped_are_counted_by_kind() -> None:
    (note,) = answer_notes(
        grades(
            ("a", "pass", {"found": "asked", "removed": ["reasoning", "fence"]}),
            ("b", "fail", {"removed": ["fence"]}),
            ("c", "pass", {"found": "asked"}),
            ("d", "ungraded", None),
        )
    )
    assert note == "2 answers were unwrapped before grading (Markdown 2, reasoning 1): 1 is right."


def test_answers_right_but_for_the_name_are_listed() -> None:
    misnamed = {"right_but_for_name": True, "function": "plus"}
    assert answer_notes(grades(("add", "fail", misnamed))) == [
        "1 answer is right but for the function's name: add (named plus)."
    ]
    (note,) = answer_notes(grades(*[("add", "fail", misnamed)] * 12))
    assert note.startswith("12 answers are right but for the function's name: add (named plus), ")
    assert note.endswith(" and 2 more.")


def test_nothing_to_say_is_nothing() -> None:
    assert answer_notes(grades(("a", "pass", {"found": "asked"}), ("b", "ungraded", None))) == []
    assert answer_notes(grades()) == []


def test_what_answers_lacked_is_counted() -> None:
    wanted = [("a", "fail", {"not_installed": name}) for name in ("numpy", "pandas", "numpy")]
    newer = [("a", "ungraded", {"needs_python": version}) for version in ("3.14", "3.12", "3.12")]
    assert answer_notes(grades(*wanted, *newer)) == [
        "3 answers import packages that the sandbox lacks: numpy (2), pandas (1). "
        "Allow them with packages under [grading].",
        "3 answers need a newer Python and were not graded: Python 3.12 (2), Python 3.14 (1). "
        "Name an interpreter with python under [grading].",
    ]
