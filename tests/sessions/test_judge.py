"""A failure has the severity of its rule, and one name whoever sees it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from liftlab.sessions.checks import parse
from liftlab.sessions.judge import Finding, Judge
from liftlab.sessions.record import Exchange, Record

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


MORE = """
[api]
error = "error"
[api.calls.read]
method = "GET"
[api.calls.typed]
method = "GET"
reply = "note"
[schemas.error]
required = ["detail"]
[schemas.note]
required = ["id", "text"]
properties = { id = { type = "string" }, tags = { items = { minLength = 2 } } }
[[check]]
id = "minor"
group = "g"
why = "w"
severity = "minor"
[[check.step]]
call = "read"
expect = { within_s = 0.5 }
[[check.step]]
call = "read"
save = { id = "made.id" }
expect = { that = { at = "n", at_least = "{limit}", plus = 2 } }
[[check.step]]
call = "typed"
[[check.step]]
call = "read"
expect = { reply = { type = "array" }, that = { at = "@text", contains = "b" } }
[[check.step]]
repeat = 2
all = { same = "id" }
[[check.step.steps]]
call = "read"
[[check.step]]
lanes = [[{ call = "typed" }], [{ call = "read" }, { call = "typed", severity = "critical" }]]
[values]
limit = 3
"""
OTHERS = parse(MORE.encode(), Path("more.toml"))
OTHER = Judge(OTHERS, OTHERS["minor"])


def found_at(at: str, body: Any, *, call: str = "read", **more: Any) -> list[Finding]:
    one = Exchange(at=at, call=call, method="GET", path="", user="a", **{"status": 200, **more})
    return OTHER.exchange(one, body if isinstance(body, bytes) else json.dumps(body).encode())


def kinds(findings: list[Finding]) -> list[tuple[str, bool]]:
    return [(found.kind, found.passed) for found in findings]


@pytest.mark.parametrize(("elapsed_s", "fast"), [(0.4, True), (0.5, True), (0.51, False)])
def test_a_reply_may_take_so_long_and_no_longer(elapsed_s: float, fast: bool) -> None:
    assert kinds(found_at("1", {}, elapsed_s=elapsed_s)) == [("status", True), ("slow", fast)]
    assert kinds(found_at("1", {})) == [("status", True)]  # where nobody measured it


@pytest.mark.parametrize(("n", "holds"), [(4, False), (5, True), (6, True), ("5", False)])
def test_a_comparison_is_with_a_value_and_what_is_added(n: Any, holds: bool) -> None:
    [*_, value] = found_at("2", {"n": n, "made": {"id": 1}})
    assert (value.kind, value.passed) == ("value", holds)
    assert value.expected == "n is at least 5"


def test_what_is_to_be_saved_has_to_be_there() -> None:
    assert ("shape", False) in kinds(found_at("2", {"n": 5, "made": {}}))
    assert kinds(found_at("2", {"n": 5, "made": {"id": None}})) == [
        ("status", True),
        ("value", True),
    ]


@pytest.mark.parametrize(
    ("body", "causes"),
    [
        ({"id": "a", "text": "b"}, []),
        ({"text": "b"}, ["id is missing in replies"]),
        ({}, ["id is missing in replies", "text is missing in replies"]),
        ({"id": 1}, ["text is missing in replies", "id is of another type"]),
        ({"id": 1, "tags": ["a"]}, ["typed: answers something else"]),
        ({"id": "a", "text": "b", "tags": ["a"]}, ["tags is not as its schema says"]),
        (b"{", ["typed: the reply of typed: not JSON"]),
        (b"[NaN]", ["typed: the reply of typed: not JSON"]),
    ],
)
def test_few_faults_of_shape_are_told_apart(body: Any, causes: list[str]) -> None:
    shapes = [found for found in found_at("3", body, call="typed") if found.kind == "shape"]
    assert [found.cause for found in shapes if not found.passed] == causes
    assert len(shapes) == max(1, len(causes))
    assert {found.severity for found in shapes} == {"minor"}


def test_of_a_reply_of_another_shape_no_value_is_judged() -> None:
    assert kinds(found_at("4", ["b"])) == [("status", True), ("shape", True), ("value", True)]
    assert kinds(found_at("4", ["c"])) == [("status", True), ("shape", True), ("value", False)]
    assert kinds(found_at("4", {"b": 1})) == [("status", True), ("shape", False)]


@pytest.mark.parametrize(
    ("at", "call", "severity"),
    [
        ("5#2.1", "read", "minor"),
        ("6.l1.1", "typed", "minor"),
        ("6.l2.1", "read", "minor"),
        ("6.l2.2", "typed", "critical"),
    ],
)
def test_a_place_names_a_step_in_rounds_and_lanes(at: str, call: str, severity: str) -> None:
    assert OTHER.step_at(at).call == [call]
    [found] = found_at(at, {}, call=call, status=500)
    assert (found.at, found.call, found.severity) == (at, call, severity)


@pytest.mark.parametrize(
    ("at", "status", "cause", "severity"),
    [
        ("1", 302, "answers 302 in place of 2xx", "critical"),
        ("1", 399, "answers 399", "critical"),
        ("1", 400, "is refused with 400", "major"),
        ("1", 599, "fails with 599", "major"),
        ("1", 199, "answers 199", "critical"),
        ("2", 400, "answers 400 in place of 404", "critical"),
        ("2", 299, "is accepted", "critical"),
        ("3", 302, "answers 302", "minor"),
    ],
)
def test_each_status_has_its_cause(at: str, status: int, cause: str, severity: str) -> None:
    [found] = judged(at, {}, status=status)
    assert cause in found.cause
    assert found.severity == severity


@pytest.mark.parametrize(
    ("ids", "passed"),
    [(["a", "a"], True), (["a", "b"], False), ([None, None], False), ([], True), (["a"], True)],
)
def test_what_is_the_same_in_all_replies(ids: list[str | None], passed: bool) -> None:
    made = [
        Exchange(at=f"5#{n}.1", call="read", method="GET", path="", user="a", status=200)
        for n, _ in enumerate(ids, 1)
    ]
    made.append(Exchange(at="55", call="read", method="GET", path="", user="b", status=200))
    made.append(Exchange(at="5#9.1", call="read", method="GET", path="", user="b", judged=False))

    def reply(one: Exchange) -> bytes:
        told = ids[made.index(one)] if one.at.startswith("5#") else "other"
        return json.dumps({} if told is None else {"id": told}).encode()

    [found] = OTHER.over("5", made, reply)
    assert found.passed is passed
    assert (found.at, found.call) == ("5", "read" if ids else "script")


def test_a_record_is_judged_whole_and_in_order() -> None:
    one = Exchange(at="1", call="read", method="GET", path="", user="a", status=500)
    broken = Exchange(at="2", call="read", method="GET", path="", user="a", judged=False)
    record = Record(exchanges=[one, broken], overs=["5"], fault="it went wrong")
    findings = OTHER.record(record, lambda _: b"{}")
    assert [(f.kind, f.at, f.passed) for f in findings] == [
        ("status", "1", False),
        ("all", "5", True),
        ("script", "2", False),
    ]
    assert findings[-1].actual == "it went wrong"
    [nothing] = OTHER.record(Record(fault="no list"), lambda _: b"")
    assert (nothing.at, nothing.call, nothing.severity) == ("1", "script", "minor")
    assert OTHER.record(Record(), lambda _: b"") == []
