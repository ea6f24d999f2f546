"""Every trial of a run: how it went, and which answers are shown."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from liftlab.errors import UnknownName, UsageError
from liftlab.store import RunData
from liftlab.summary.trials import (
    MOST,
    code_of,
    examples_of,
    facets_of,
    ir_of,
    like_of,
    slowest,
    trial_of,
    trials_of,
)

TRIALS = pd.DataFrame(
    {
        "case_id": ["a", "a", "b", "c", "d"],
        "repeat": [1, 2, 1, 1, 1],
        "category": ["lists", "lists", "lists", "lists", None],
        "outcome": ["fail", "pass", "pass", "fail", "pass"],
    }
)


def test_a_right_answer_beside_a_wrong_one_is_of_the_same_case_first() -> None:
    rows = TRIALS.to_dict("records")
    assert list(like_of(TRIALS, rows[0])) == [("a", 2), ("a", 2), ("b", 1)]
    assert list(like_of(TRIALS, rows[3])) == [("a", 2), ("b", 1)]
    assert list(like_of(TRIALS, {"case_id": "x", "category": "sets"})) == []


def test_how_the_published_day_went(day: RunData) -> None:
    found = trials_of(day)
    assert found.completed == 4
    assert found.requests == len(day.attempts)
    assert found.tokens == ()


def test_requests_that_failed_on_the_way_are_counted(day: RunData) -> None:
    attempts = pd.DataFrame(
        {
            "stage": "code",
            "attempt": [1, 2, 2],
            "retry_reason": [None, "reset", "stale_connection"],
            "transport_ok": [False, True, None],
            "output_tokens": [None, 7, 5],
            "phase": "measure",
            **dict.fromkeys(("first_token_s", "first_reasoning_s")),
        }
    )
    found = trials_of(replace(day, attempts=attempts))
    assert (found.requests, found.retries, found.failed) == (3, 1, 1)
    assert found.output_tokens == 12
    attempts["output_tokens"] = pd.Series([None] * 3, dtype="Int64")
    assert trials_of(replace(day, attempts=attempts)).output_tokens is None


def test_examples_take_each_class_in_turn(day: RunData) -> None:
    found = examples_of(day)
    assert found.failed == 4
    classes = [row.failure_class for row in found.rows]
    assert set(classes[:2]) == {"missing_return", "indentation_error"}
    assert len(classes) == 4 <= MOST
    many = replace(day, trials=pd.concat([day.trials] * 3, ignore_index=True))
    assert (len(examples_of(many).rows), examples_of(many).failed) == (MOST, 12)


def test_facets_that_are_no_object_are_none(day: RunData) -> None:
    case, repeat = day.grades.iloc[0][["case_id", "repeat"]]
    for kept in ("{", "[1]", None):
        grades = day.grades.assign(facets=kept)
        assert facets_of(replace(day, grades=grades), case, repeat) == {}
    grades = day.grades.assign(facets='{"line": 3}')
    assert facets_of(replace(day, grades=grades), case, repeat) == {"line": 3}
    assert facets_of(day, "nobody", 1) == {}


def test_a_trial_that_there_is_not(day: RunData) -> None:
    with pytest.raises(UnknownName, match=r"is_evn.*is_even"):
        trial_of(day, "is_evn")
    with pytest.raises(UsageError, match=r"is_even has no repeat 2 in .*, but 1"):
        trial_of(day, "is_even", 2)
    assert trial_of(day, "is_even").case_id == "is_even"


def test_the_slowest_trials_come_with_their_steps(day: RunData) -> None:
    trials, stages = slowest(day, 2)
    assert trials["case_id"].tolist() == ["max_of_two", "is_even"]
    assert set(stages["case_id"]) == {"max_of_two", "is_even"}
    assert len(stages) == 4
    for most in (5, 6):
        trials, stages = slowest(day, most)
        assert trials["case_id"].tolist() == day.trials["case_id"].tolist()
        assert len(stages) == 10
    assert len(slowest(day, 4)[0]) == 4


def test_a_wrong_answer_is_shown_with_what_the_grader_found(day: RunData) -> None:
    rows = {row.case_id: row for row in examples_of(day).rows}
    wrong = rows["max_of_two"]
    assert (wrong.repeat, wrong.failure_class) == (1, "indentation_error")
    assert wrong.category == "control_flow"
    assert wrong.like == ("is_even", 1)  # right, of the same category
    assert wrong.like_code == code_of(day, "is_even", 1)
    assert rows["add_numbers"].like is None
    assert rows["add_numbers"].like_code is None
    assert wrong.line == wrong.facets.get("line")


def test_what_was_not_kept_is_none(day: RunData) -> None:
    bare = replace(
        day,
        grades=day.grades.assign(code_sha256=None),
        stages=day.stages.assign(value_sha256=None),
    )
    assert code_of(bare, "is_even", 1) is None
    assert ir_of(bare, "is_even", 1) is None
    assert code_of(day, "nobody", 1) is None
    found = trial_of(day, "max_of_two")
    assert (found.case_id, found.repeat, found.trial["outcome"]) == ("max_of_two", 1, "fail")
    assert found.stages["stage"].tolist() == ["nlp_to_ir", "ir_to_code"]
    assert found.attempts["seq"].is_monotonic_increasing
    assert len(found.exchanges) == len(found.attempts)
    assert found.reply is None or found.reply == found.exchanges[-1].reply


@pytest.mark.parametrize(("line", "named"), [(3, 3), ("3", None), (True, None), (None, None)])
def test_the_line_that_the_grader_names_is_a_number(
    day: RunData, line: object, named: int | None
) -> None:
    assert replace(trial_of(day, "max_of_two"), facets={"line": line}).line == named


class _Kept:
    """Artifacts by their digest."""

    def __init__(self, **texts: str) -> None:
        self.texts = texts

    def get(self, digest: str) -> bytes:
        return self.texts[digest].encode()

    def get_text(self, digest: str) -> str:
        return self.texts[digest]


def _keeping(run: RunData, **texts: str) -> RunData:
    folder: Any = SimpleNamespace(artifacts=_Kept(**texts), suite=lambda: None)
    return replace(run, folder=folder)


@pytest.mark.parametrize(
    ("kept", "shown"),
    [
        ('{"value": {"a": 1}}', '{\n  "a": 1\n}'),
        ('{"a": "ä"}', '{\n  "a": "ä"\n}'),
        ("[1]", "[\n  1\n]"),
        ("no JSON", "no JSON"),
    ],
)
def test_an_ir_is_shown_as_json_where_it_is(day: RunData, kept: str, shown: str) -> None:
    digests = ["ir" if stage == "nlp_to_ir" else "code" for stage in day.stages["stage"]]
    run = _keeping(replace(day, stages=day.stages.assign(value_sha256=digests)), ir=kept, code="x")
    assert ir_of(run, "is_even", 1) == shown


def test_what_an_attempt_sent_and_got_is_shown_as_far_as_it_was_kept(day: RunData) -> None:
    mine = day.attempts["case_id"] == "is_even"
    count = int(mine.sum())
    assert count == 3
    prompts = ["asked", "odd", None]
    attempts = day.attempts.assign(prompt_sha256=None, reply_sha256=None)
    attempts.loc[mine, "prompt_sha256"] = prompts
    attempts.loc[mine, "reply_sha256"] = ["reply", None, None]
    asked = '{"prompt": "p", "system": "s", "schema": {"type": "object"}}'
    bare = day.grades.assign(code_sha256=None)
    run = replace(day, attempts=attempts, grades=bare, stages=day.stages.assign(value_sha256=None))
    found = trial_of(_keeping(run, asked=asked, odd="[no JSON", reply="answer"), "is_even")
    first, second, third = found.exchanges
    assert (first.prompt, first.system, first.schema) == ("p", "s", {"type": "object"})
    assert (second.prompt, second.system) == ("[no JSON", None)
    assert (third.prompt, third.reply) == (None, None)
    assert found.reply == "answer"
    assert (found.case, found.prompt) == (None, None)


def test_a_check_shows_what_it_called(day: RunData) -> None:
    checks = trial_of(day, "is_even").checks
    assert len(checks)
    assert checks["call"].str.startswith("is_even(").all()
    unknown = day.checks.assign(check="gone")
    assert set(trial_of(replace(day, checks=unknown), "is_even").checks["call"]) == {"gone"}


def test_rows_of_a_trial_are_of_its_case_and_its_repeat(day: RunData) -> None:
    again = pd.concat([day.trials, day.trials.assign(repeat=2)], ignore_index=True)
    found = trial_of(replace(day, trials=again), "is_even", 2)
    assert (found.repeat, len(found.stages), len(found.attempts), found.code) == (2, 0, 0, None)
