"""A run of session checks comes to root causes, what is untested, and the times of its calls."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from liftlab.records import SESSIONS
from liftlab.summary.sessions import Sessions, sessions_of

API = """
[api]
base = "/api"
[api.calls.create]
method = "POST"
path = "/new"
makes = "id"
[api.calls.read]
method = "GET"
path = "/{id}"
[api.clean_up]
call = "read"
"""
# The id of each check, how bad a failure of it is, and what else it says.
CHECKS = [
    ("leak", "critical", ""),
    ("lost", "critical", ""),
    ("slow", "major", "alone = true\n"),
    ("typo", "minor", 'basis = "good sense"\n'),
]
STEP = '[[check.step]]\ncall = "create"\nsave = { id = "id" }\n'
FOUND = {"kind": "status", "severity": "major", "cause": "lies", "expected": "200",
         "actual": "500", "at": "", "call": ""}  # fmt: skip
HTML = {"content-type": "text/html; charset=utf-8"}


def _exchange(at: str = "1", **parts: Any) -> dict[str, Any]:
    one = {"at": at, "call": "create", "method": "POST", "path": "/new", "user": "a"}
    return {**one, "status": 200, "headers": {"content-type": "application/json"}, **parts}


def _sessions(
    tmp_path: Path,
    facets: Mapping[str, Mapping[str, Any]],
    *,
    outcomes: Mapping[str, str] | None = None,
    attempts: Sequence[tuple[Any, ...]] = (),
    exchanges: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    token: str | None = None,
    restart: bool = False,
) -> Sessions:
    """Sum up a run: of each check what its grade says beside the outcome."""
    texts, begun = {"reply": "body"}, outcomes or dict.fromkeys(facets, "fail")
    for name in begun:
        record = {"exchanges": list((exchanges or {}).get(name, ()))}
        texts[name] = json.dumps({"value": record})
    checks = "".join(
        f'[[check]]\nid = "{name}"\ngroup = "g"\nwhy = "of {name}"\nseverity = "{bad}"\n{more}'
        f"{'[[check.step]]' + chr(10) + 'restart = true' + chr(10) if restart else ''}{STEP}"
        for name, bad, more in CHECKS
    )
    asked = {
        "cases": [],
        "sessions": {"file": "my checks.toml", "user_header": None},
        "endpoint": {"token_env": token, "base_url": "http://127.0.0.1:9"},
    }
    columns = ["phase", "case_id", "stage", "http_status", "sent_s", "last_byte_s"]
    of_stages = {"case_id": list(begun), "value_sha256": list(begun), "position": 1}
    run: Any = SimpleNamespace(
        run=SimpleNamespace(pipeline=SESSIONS, timing_uncertainty_s=0.01),
        folder=SimpleNamespace(
            run_id="r",
            path=tmp_path,
            manifest=lambda: {"suite": SESSIONS, "request": asked},
            suite_source=lambda: ((API + checks).encode(), ".toml"),
            artifacts=SimpleNamespace(get=texts.__getitem__, get_text=texts.__getitem__),
        ),
        grades=pd.DataFrame(
            {"case_id": [*facets], "facets": [json.dumps(told) for told in facets.values()]}
        ),
        trials=pd.DataFrame({"case_id": [*begun], "outcome": [*begun.values()], "run_id": "r"}),
        attempts=pd.DataFrame(attempts, columns=columns),
        stages=pd.DataFrame(of_stages),
    )
    found = sessions_of(run)
    assert found is not None
    return found


def test_another_run_is_none() -> None:
    assert sessions_of(SimpleNamespace(run=SimpleNamespace(pipeline="lift"))) is None  # type: ignore[arg-type]


def test_failures_of_one_cause_are_one_told_by_the_worst_of_them(tmp_path: Path) -> None:
    found = _sessions(
        tmp_path,
        {
            "typo": {"failures": [FOUND, {**FOUND, "cause": "other"}]},
            "slow": {"failures": [FOUND, {**FOUND, "cause": "another"}]},
            "leak": {"failures": [{**FOUND, "severity": "critical", "cause": "leaks"}]},
        },
    )
    told = [(one.cause, one.severity, one.witnesses, one.basis) for one in found.failures]
    assert told == [
        ("leaks", "critical", ("leak",), "contract"),
        ("lies", "major", ("slow", "typo"), "contract"),  # what a contract says, before good sense
        ("another", "major", ("slow",), "contract"),
        ("other", "major", ("typo",), "good sense"),
    ]
    assert found.failures[1].why == "of slow"
    assert [one.cause for one in found.of("critical")] == ["leaks"]
    assert (found.checks, found.passed, found.failed, found.judged) == (4, 0, 3, 3)
    assert found.not_run == 1


def test_a_worse_failure_tells_of_a_cause_even_where_only_good_sense_asks(tmp_path: Path) -> None:
    worse = {**FOUND, "severity": "critical", "expected": "no leak"}
    facets = {"slow": {"failures": [FOUND]}, "typo": {"failures": [worse]}}
    (one,) = _sessions(tmp_path, facets).failures
    assert (one.severity, one.expected, one.witnesses) == ("critical", "no leak", ("typo", "slow"))


@pytest.mark.parametrize(("kind", "count"), [("status", 1), ("value", 2), ("code", 2)])
def test_what_is_accepted_or_wrong_stays_apart_by_how_bad_it_is(
    tmp_path: Path, kind: str, count: int
) -> None:
    bad = {**FOUND, "kind": kind}
    facets = {"leak": {"failures": [{**bad, "severity": "critical"}]}, "typo": {"failures": [bad]}}
    assert len(_sessions(tmp_path, facets).failures) == count


def test_critical_failures_have_an_upper_end_that_counts_what_was_not_made(tmp_path: Path) -> None:
    bad = {**FOUND, "severity": "critical"}
    facets = {"leak": {"failures": [bad]}, "typo": {"failures": [FOUND]}}
    outcomes = {"leak": "fail", "typo": "fail", "slow": "pass"}
    critical = _sessions(tmp_path, facets, outcomes=outcomes).critical  # "lost" was not begun
    assert (critical.value, critical.low, critical.high, critical.n) == (1, 1, 2, 3)
    assert critical.needs
    whole = {"leak": "fail", "lost": "pass", "slow": "pass", "typo": "pass"}
    critical = _sessions(tmp_path, {"leak": {"failures": [bad]}}, outcomes=whole).critical
    assert (critical.high, critical.n, critical.needs) == (1, 4, "")


def test_a_critical_check_that_another_failure_stopped_counts_as_not_made(tmp_path: Path) -> None:
    facets = {"leak": {"failures": [FOUND]}, "lost": {"untested": "no restart"}, "slow": {}}
    found = _sessions(tmp_path, facets, outcomes={"leak": "fail", "lost": "ungraded"})
    assert found.stopped == ("leak",)
    assert found.untested == (("lost", "no restart"),)
    assert (found.critical.value, found.critical.high) == (0, 2)


def test_a_server_that_is_gone_is_a_critical_failure(tmp_path: Path) -> None:
    facets = {"typo": {"down": True, "untested": "nothing answers"}, "slow": {"lost_kept": True}}
    found = _sessions(tmp_path, facets, outcomes={"typo": "error", "slow": "pass"})
    (one,) = found.failures
    assert (one.severity, one.witnesses, one.actual) == ("critical", ("typo",), "nothing answers")
    assert (found.lost_kept, found.critical.value) == (1, 1)


def test_where_nothing_answered_no_failure_is_counted(tmp_path: Path) -> None:
    found = _sessions(tmp_path, {"typo": {"down": True}}, outcomes={"typo": "error"})
    assert (found.failures, found.critical.value, found.critical.high) == ((), None, None)
    assert found.critical.reason
    assert not found.refused


def _answers(*statuses: float | None, stage: str = "create", phase: str = "measure") -> Any:
    return [(phase, "leak", stage, status, 0.0, 1.0) for status in statuses]


@pytest.mark.parametrize(
    ("attempts", "headers", "is_refused"),
    [
        (_answers(404, 404), {}, True),
        (_answers(404, 400), {}, False),  # it understood one of them
        (_answers(404, 500), {}, False),
        (_answers(None), {}, False),
        (_answers(404, phase="warmup"), {}, False),
        (_answers(200), {}, False),
        (_answers(200), HTML, True),  # a page for people
        (_answers(300), {}, True),  # leads to one
        ([*_answers(404), *_answers(200, stage="read")], {}, True),  # what makes a session tells
        (_answers(405, stage="read"), {}, True),  # nothing that makes one was sent
    ],
)
def test_a_server_without_such_sessions_is_told_from_a_faulty_one(
    tmp_path: Path, attempts: Any, headers: dict[str, str], is_refused: bool
) -> None:
    bad = {**FOUND, "severity": "critical"}
    one = _exchange(status=int(attempts[0][3] or 404), headers=headers)
    found = _sessions(
        tmp_path, {"leak": {"failures": [bad]}}, attempts=attempts, exchanges={"leak": [one]}
    )
    assert bool(found.refused) is is_refused
    assert found.judged == (0 if is_refused else 1)
    assert len(found.failures) == found.judged
    assert (found.critical.value is None) is is_refused
    assert ("liftlab sessions" in "".join(one.command for one in found.failures)) is not is_refused


def test_a_server_that_answered_what_was_not_kept_refused_nothing(tmp_path: Path) -> None:
    assert not _sessions(tmp_path, {"leak": {}}, attempts=_answers(200), exchanges={}).refused


def test_a_refusal_names_the_call_and_the_status_that_came_most(tmp_path: Path) -> None:
    attempts = _answers(404, 401, 401)
    refused = _sessions(tmp_path, {"leak": {}}, attempts=attempts).refused
    assert "POST /api/new was answered with 401" in refused
    assert "--token-env" in refused
    assert "--token-env" not in _sessions(tmp_path, {"leak": {}}, attempts=_answers(404)).refused


def test_a_failure_shows_its_last_judged_exchange_of_the_call(tmp_path: Path) -> None:
    found = {**FOUND, "at": "2", "call": "read"}
    exchanges = [
        _exchange("1"),
        _exchange("2#1", call="read", path="/x", status=500, reply_sha256="reply"),
        _exchange("2#2", call="read", path="/y", judged=False),
        _exchange("2#3", path="/z"),  # of another call
    ]
    facets = {"leak": {"failures": [found]}}
    (one,) = _sessions(tmp_path, facets, exchanges={"leak": exchanges}).failures
    assert one.sent is not None
    assert (one.sent.at, one.sent.path) == ("2#1", "/api/x")
    assert one.reply == "500 application/json\nbody"
    facets = {"leak": {"failures": [{**found, "call": "gone"}]}}  # no such call there: the last
    (one,) = _sessions(tmp_path, facets, exchanges={"leak": exchanges}).failures
    assert one.sent is not None
    assert one.sent.at == "2#3"
    exchanges = [_exchange("2", status=None, message=None, error_class="timeout")]
    (one,) = _sessions(tmp_path, facets, exchanges={"leak": exchanges}).failures
    assert one.reply == "timeout"
    (one,) = _sessions(tmp_path, facets, exchanges={"leak": [_exchange("1")]}).failures
    assert (one.sent, one.reply) == (None, "")


def test_the_command_that_makes_a_check_again_has_what_it_needs(tmp_path: Path) -> None:
    facets = {"leak": {"failures": [FOUND]}}
    (one,) = _sessions(tmp_path, facets).failures
    plain = "liftlab sessions http://127.0.0.1:9 --checks 'my checks.toml' --only leak"
    assert one.command == plain
    (one,) = _sessions(tmp_path, facets, token="TOKEN", restart=True).failures
    more = "--token-env TOKEN --restart-hook CMD --only"
    assert one.command == plain.replace("--only", more)


def test_calls_are_timed_each_apart_and_apart_under_load(tmp_path: Path) -> None:
    attempts = [
        ("measure", "leak", "read", 200, 1.0, 1.5),
        ("measure", "leak", "create", 299, 1.0, 3.0),
        ("measure", "leak", "create", 300, 1.0, 9.0),  # no success
        ("warmup", "leak", "create", 200, 1.0, 9.0),
        ("measure", "slow", "create", 200, 1.0, 5.0),
    ]
    times = _sessions(tmp_path, {"leak": {}}, attempts=attempts).times
    assert [(load, of.what, of.n, of.p50.value) for load, of in times.rows] == [
        (False, "create", 1, 2.0),
        (False, "read", 1, 0.5),
        (True, "create", 1, 4.0),
    ]
    assert not times.is_busy


@pytest.mark.parametrize(("seconds", "is_busy"), [((), False), ((0.009,), True),
    ((0.01,), False), ((0.009, 0.5), False)])  # fmt: skip
def test_a_machine_is_busy_where_it_could_time_no_call(
    tmp_path: Path, seconds: tuple[float, ...], is_busy: bool
) -> None:
    attempts = [
        ("measure", "leak", call, 200, 0.0, took)
        for call, took in zip(("create", "read"), seconds, strict=False)
    ]
    assert _sessions(tmp_path, {"leak": {}}, attempts=attempts).times.is_busy is is_busy


def test_as_data_it_has_its_counts_and_its_failures(tmp_path: Path) -> None:
    attempts = [("measure", "leak", "read", 200, 1.0, 1.5)]
    facets = {"leak": {"failures": [FOUND]}}
    answered = {"leak": [_exchange(call="read")]}
    found = _sessions(tmp_path, facets, attempts=attempts, exchanges=answered)
    told = json.loads(json.dumps(found.as_json([{"verdict": "met"}])))
    assert [told[name] for name in ("checks", "passed", "failed", "not_run")] == [4, 0, 1, 3]
    assert [one["cause"] for one in told["failures"]] == ["lies"]
    assert told["calls"] == [
        {"call": "read", "under_load": False, "n": 1, "median_s": 0.5, "p95_s": None}
    ]
    assert told["targets"] == [{"verdict": "met"}]
