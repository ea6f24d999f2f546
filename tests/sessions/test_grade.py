"""From the record of a check to its verdict, and the rows that say it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

from liftlab.sandbox import Sandbox
from liftlab.sessions.checks import parse
from liftlab.sessions.grade import Judged, grade_sessions, judge, records
from liftlab.sessions.record import Exchange, Record
from liftlab.store import Artifacts

FILE = """
[api.calls.read]
method = "GET"
[[check]]
id = "one"
group = "g"
why = "w"
severity = "critical"
[[check.step]]
call = "read"
expect = { code = ["{name}(2) -> 4", "{name}(3) -> 9"] }
[[check.step]]
call = "read"
[[check]]
id = "two"
group = "g"
why = "w"
severity = "minor"
[[check.step]]
call = "read"
expect = { code = "f(1) -> 1", code_at = "inner.code" }
[values]
name = "square"
"""
CHECKS = parse(FILE.encode(), Path("checks.toml"))
RIGHT = b'{"source_code": "def square(x): return x * x"}'
ONE = Exchange(at="1", call="read", method="GET", path="", user="a", status=200)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as box:
        yield box


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "artifacts")


def judged(
    reply: bytes, artifacts: Artifacts, sandbox: Any, check: str = "one", **record: Any
) -> Judged:
    one = replace(ONE, reply_sha256=artifacts.put(reply), **record.pop("exchange", {}))
    return judge(CHECKS, check, Record(exchanges=[one], **record), artifacts, sandbox)


@pytest.mark.parametrize(
    ("code", "passed", "severity"),
    [
        ("def square(x): return x * x", [True, True], "critical"),
        ("def square(x): return x + x", [True, False], "critical"),
        ("def square(x): return 1", [False, False], "critical"),
        ("def square(x): raise NotImplementedError", [False, False], "major"),
        ("def square(x", [False, False], "critical"),
    ],
)
def test_the_code_of_a_reply_is_run_as_each_example_says(
    code: str, passed: list[bool], severity: str, artifacts: Artifacts, sandbox: Sandbox
) -> None:
    found = judged(json.dumps({"source_code": code}).encode(), artifacts, sandbox)
    run = [one for one in found.findings if one.kind == "code"]
    assert [one.passed for one in run] == passed
    assert found.outcome == ("pass" if all(passed) else "fail")
    assert {one.severity for one in run if not one.passed} <= {severity}
    causes = {one.cause.partition(": ")[2] for one in run if not one.passed}
    assert causes <= {"code is a stub" if "NotImplemented" in code else "wrong code"}
    assert all(one.actual for one in run)


def test_code_is_run_only_of_a_reply_that_is_right_so_far(
    artifacts: Artifacts, sandbox: Sandbox
) -> None:
    found = judged(RIGHT, artifacts, sandbox, exchange={"status": 500})
    assert [one.kind for one in found.findings] == ["status"]
    unjudged = judged(RIGHT, artifacts, sandbox, exchange={"judged": False})
    assert (unjudged.findings, unjudged.outcome) == ((), "pass")
    other = judged(RIGHT, artifacts, sandbox, exchange={"at": "2"})
    assert [one.kind for one in other.findings] == ["status"]


@pytest.mark.parametrize("isolation", ["limits-only", "none"])
def test_no_code_is_run_where_nothing_isolates(isolation: Any, artifacts: Artifacts) -> None:
    weak = cast(Any, SimpleNamespace(isolation=isolation))
    found = judged(RIGHT, artifacts, weak)
    assert (found.outcome, [one.kind for one in found.findings]) == ("ungraded", ["status"])
    assert "cannot isolate" in str(found.untested)
    assert judged(RIGHT, artifacts, weak, untested="why").untested == "why"


@pytest.mark.parametrize(
    ("record", "outcome"),
    [
        ({}, "pass"),
        ({"untested": "why"}, "ungraded"),
        ({"untested": "why", "down": True}, "error"),
        ({"fault": "it stopped"}, "fail"),
        ({"fault": "it stopped", "untested": "why", "down": True}, "fail"),
    ],
)
def test_what_a_check_comes_to(
    record: dict[str, Any], outcome: str, artifacts: Artifacts, sandbox: Sandbox
) -> None:
    found = judged(RIGHT, artifacts, sandbox, **record)
    assert (found.outcome, found.untested) == (outcome, record.get("untested"))


def test_what_a_reply_named_may_not_be_there(artifacts: Artifacts, sandbox: Sandbox) -> None:
    found = judged(RIGHT, artifacts, sandbox, exchange={"given": {"name": "no name"}})
    assert [one.passed for one in found.findings] == [True, False, False]
    assert found.outcome == "fail"


def tables(artifacts: Artifacts, **kept: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    trials = pd.DataFrame({"run_id": ["r"] * len(kept), "case_id": list(kept)})
    rows: list[dict[str, Any]] = []
    for case_id, values in kept.items():
        for position, value in enumerate(values):
            digest = None if value is None else artifacts.put(json.dumps(value).encode())
            rows.append({"case_id": case_id, "position": position, "value_sha256": digest})
    return trials, pd.DataFrame(rows, columns=["case_id", "position", "value_sha256"])


def test_a_record_is_what_the_first_stage_that_has_one_kept(artifacts: Artifacts) -> None:
    mine, other = (asdict(Record(untested=why)) for why in ("mine", "other"))
    kept = tables(
        artifacts,
        one=[{"ir": mine}, {"ir": other}],
        two=[{"value": mine}, None],
        three=[{"message": "it broke off"}],
        four=[None],
    )
    found = {name: record.untested for name, record in records(*kept, artifacts)}
    assert found == {
        "one": "mine",
        "two": "mine",
        "three": "it broke off",
        "four": "no record was kept",
    }


def test_a_run_s_rows_say_what_failed(artifacts: Artifacts) -> None:
    reply = artifacts.put(b'{"source_code": "def square(x): return x + x"}')
    record = Record(exchanges=[replace(ONE, reply_sha256=reply)], lost_kept=True)
    kept = tables(artifacts, one=[{"ir": asdict(record)}], two=[{"message": "none"}])
    (one, two), rows = grade_sessions(*kept, artifacts, CHECKS)
    assert (one.case_id, one.repeat, one.outcome, one.raw_outcome) == ("one", 1, "fail", "fail")
    assert (one.checks_passed, one.checks_total) == (2, 3)
    facets = json.loads(str(one.facets))
    assert [failure["kind"] for failure in facets["failures"]] == ["code"]
    assert facets["lost_kept"] is True
    assert not {"untested", "down"} & facets.keys()
    assert (two.outcome, two.checks_total, json.loads(str(two.facets))) == (
        "ungraded",
        0,
        {"untested": "none"},
    )
    assert [row.check for row in rows] == [f"{n}. read (step 1)" for n in (1, 2, 3)]
    assert [(row.passed, row.error is None) for row in rows] == [(True, True)] * 2 + [
        (False, False)
    ]
    assert one.suite_sha256 == CHECKS.as_suite().sha256
