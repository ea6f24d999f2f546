"""A failure has the severity of its rule, and one name whoever sees it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from liftlab.sessions.checks import parse
from liftlab.sessions.judge import Finding, Judge
from liftlab.sessions.record import Exchange

FILE = """
[api]
error = "error"
[api.calls.read]
method = "GET"
reply = "note"
[schemas.error]
required = ["detail"]
[schemas.note]
type = "object"
required = ["id", "text", "time"]
properties = { id = { type = "string" } }
[[check]]
id = "one"
group = "g"
why = "w"
severity = "critical"
[[check.step]]
call = "read"
expect = { that = [{ at = "n", equals = 1, plus = 1 }, { at = "list[*].id", excludes = "x" }] }
[[check.step]]
call = "read"
expect = { status = 404, error = true }
[[check.step]]
call = "read"
severity = "minor"
[[check.step]]
call = "read"
repeat = 3
expect = { status = ["2xx", "409"] }
all = { succeed = 1, distinct = "id" }
"""
CHECKS = parse(FILE.encode(), Path("checks.toml"))
JUDGE = Judge(CHECKS, CHECKS["one"])
NOTE = {"id": "a", "text": "t", "time": "now", "n": 2, "list": [{"id": "y"}]}


def judged(at: str, reply: Any = None, **more: Any) -> list[Finding]:
    one = Exchange(at=at, call="read", method="GET", path="", user="a", **more)
    return [f for f in JUDGE.exchange(one, json.dumps(reply).encode()) if not f.passed]


@pytest.mark.parametrize(
    ("at", "status", "reply", "cause", "severity"),
    [
        ("1", 500, {}, "read: fails with 500", "major"),
        ("1", 404, {}, "read: is refused with 404", "major"),
        ("1", 200, {"error": "none"}, "read: answers something else", "major"),
        ("1", 200, NOTE | {"id": 1}, "id is of another type", "major"),
        ("1", 200, NOTE | {"n": 1}, "n is wrong", "critical"),
        ("1", 200, NOTE | {"list": [{"id": "x"}]}, "list[*].id has what", "critical"),
        ("2", 200, {}, "read: is accepted", "critical"),
        ("2", 500, {}, "read: answers a bad request with 500", "critical"),
        ("2", 404, {}, "detail is missing in replies", "major"),
        ("3", 500, {}, "read: fails with 500", "minor"),
    ],
)
def test_each_deviation_has_its_cause(
    at: str, status: int, reply: Any, cause: str, severity: str
) -> None:
    [found] = judged(at, reply, status=status)
    assert cause in found.cause
    assert found.severity == severity


def test_what_is_expected_is_said_in_words() -> None:
    [found] = judged("1", NOTE | {"list": [{"id": "x"}]}, status=200)
    assert found.expected == "list[*].id does not contain 'x'"


def test_no_reply_is_one_finding() -> None:
    [hangs] = judged("1", error_class="deadline", message="no whole reply within 10 s")
    assert (hangs.kind, hangs.severity) == ("hang", "critical")
    [lost] = judged("1", error_class="reset")
    assert (lost.kind, lost.severity) == ("no_reply", "major")


def test_what_is_as_expected_has_no_cause() -> None:
    assert judged("1", NOTE, status=200) == []
    assert judged("2", {"detail": "none"}, status=404) == []


def over(*statuses: int) -> list[bool]:
    made = [
        Exchange(at=f"4#{n}", call="read", method="GET", path="", user="a", status=status)
        for n, status in enumerate(statuses, 1)
    ]
    return [found.passed for found in JUDGE.over("4", made, lambda one: b'{"id": "a"}')]


def test_replies_are_judged_together() -> None:
    assert over(200, 409, 409) == [True, True]
    assert over(200, 200, 409) == [False, False]
    assert over(409, 409, 409) == [False, True]
