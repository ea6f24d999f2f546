"""The verdict on a session API in words: what is counted, what is bounded, what is left out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from liftlab.analysis.estimate import Estimate
from liftlab.analysis.targets import judged
from liftlab.reporting.text import sessions as text
from liftlab.settings.targets import SESSION_METRIC, TargetSettings
from liftlab.summary.sessions import Failure


def failure(**parts: Any) -> Failure:
    plain: dict[str, Any] = {
        "cause": "sessions leak", "severity": "critical", "witnesses": ("S1", "S2"),
        "basis": "contract", "why": "users see others' work", "expected": "404", "actual": "200",
        "command": "liftlab sessions --only S1",
        "sent": SimpleNamespace(method="GET", path="/s/1", user="ann", request="{}"),
        "reply": "hello",
    }  # fmt: skip
    return Failure(**plain | parts)


def made(identifier: str | None, line: str = "abc: user ann") -> Any:
    return SimpleNamespace(id=identifier, line=line)


def found(**parts: Any) -> Any:
    failures = parts.pop("failures", ())
    plain = {
        "judged": 10, "passed": 9, "checks": 10, "failures": failures, "untested": (),
        "not_run": 0, "left": [], "lost_kept": 0, "stopped": (), "refused": "",
        "of": lambda severity: [one for one in failures if one.severity == severity],
        "times": SimpleNamespace(is_busy=False, rows=()),
        "run": SimpleNamespace(run=SimpleNamespace(run_id="r1")),
    }  # fmt: skip
    return SimpleNamespace(**plain | parts)


def summary(limit: float | None = None, at_most: bool = True, **parts: Any) -> Any:
    sessions = found(**parts)
    target = None
    if limit is not None:
        count = float(len(sessions.of("critical")))
        rule = TargetSettings(metric=SESSION_METRIC, limit=limit)
        exact = Estimate(value=count, low=count, high=count, n=9)
        target = judged("sessions", rule, exact)
    return SimpleNamespace(
        sessions=sessions, targets=SimpleNamespace(of=lambda _: target), run=sessions.run
    )


def test_the_title_counts_critical_failures_alone() -> None:
    minor = failure(severity="minor")
    title = text.title(summary(failures=(failure(), minor, minor)))
    assert title == "Session API: 1 critical failure"
    assert title.quantities == [(f"count:{SESSION_METRIC}", "1 critical failure")]


@pytest.mark.parametrize(
    ("limit", "aim", "verdict"),
    [(0, "fewer than 1", "not met"), (1, "fewer than 2", "met"), (1.5, "1.5", "met")],
)
def test_the_title_has_the_target_s_verdict(limit: float, aim: str, verdict: str) -> None:
    title = text.title(summary(limit, failures=(failure(),)))
    assert title.endswith(f"(target: {aim}; {verdict})")
    assert ("target.sessions", verdict) in title.quantities


def test_without_a_verdict_the_reason_is_said() -> None:
    assert text.title(summary(judged=0, refused="GET /s: 404")).endswith(", GET /s: 404")
    assert text.title(summary(judged=0)).endswith("the server does not answer")
    assert text.sentences(summary(judged=0, passed=0)) == (text.NOTHING,)
    assert text.sentences(summary(judged=0, refused="GET /s: 404")) == ()
    assert text.numbers(summary(judged=0)) == []


def test_checks_without_a_verdict_are_counted_with_those_that_passed() -> None:
    assert text.sentences(summary()) == ("9 of 10 checks passed.",)
    (said,) = text.sentences(summary(checks=13))
    assert said == "9 of 10 checks passed; 3 checks could not be tested."


def test_what_is_beside_critical_failures_is_counted_by_severity() -> None:
    several = (failure(severity="minor"), failure(severity="major"), failure(severity="minor"))
    _, said = text.sentences(summary(failures=(failure(), *several)))
    assert said == "Beside critical ones: 1 major failure and 2 minor failures."


def test_what_may_be_left_is_told_apart_from_what_is() -> None:
    left = [made("a"), made("b"), made(None)]
    _, stopped, is_left, may_be, lost = text.sentences(
        summary(left=left, stopped=("S3",), lost_kept=4)
    )
    starts = [said.split(" ")[0] for said in (stopped, is_left, may_be, lost)]
    assert starts == ["1", "2", "1", "4"]
    assert "may" in may_be
    assert "may" not in is_left


def test_the_numbers_of_an_update() -> None:
    rows = dict(text.numbers(summary(failures=(failure(), failure(severity="minor")))))
    assert list(rows.values()) == ["9 of 10", "1", "0", "1"]


def test_the_message_names_three_failures_and_why_the_first_matters() -> None:
    worst = [failure(cause=f"cause {n}", why=f"why {n}") for n in range(4)]
    said = text.message(summary(failures=tuple(worst)))
    assert [f"cause {n}" in said for n in range(4)] == [True, True, True, False]
    assert [f"why {n}" in said for n in range(4)] == [True, False, False, False]
    assert "9 of 10 checks passed." in said
    assert "worst" not in text.message(summary())
    assert "1 minor" not in text.message(summary(failures=(failure(severity="minor"),)))


def test_the_technical_message_has_the_rest_too() -> None:
    whole = summary(failures=(failure(severity="major"),), untested=(("S7", "no second user"),))
    said = text.technical(whole)
    assert said.count("9 of 10 checks passed.") == 1
    assert "1 major failure" in said
    assert said.endswith("Not tested: S7: no second user")


def test_another_run_s_report_names_the_run() -> None:
    assert text.beside(summary()).endswith("(run r1).")


def test_facts_are_what_is_known_and_bounded() -> None:
    facts = dict(text.facts(failure(reply="x\n" * 1000, expected="")))
    assert list(facts) == [
        "got", "why it matters", "seen by", "request", "body", "reply", "try again",
    ]  # fmt: skip
    assert facts["request"] == "GET /s/1, user ann"
    assert facts["reply"].startswith("x x ")
    assert len(facts["reply"].partition(" … ")[0]) == 600
    unsent = dict(text.facts(failure(sent=None)))
    assert {"request", "body", "reply"}.isdisjoint(unsent)


@pytest.mark.parametrize(
    ("count", "said"), [(1, "S0"), (5, "S0, S1, S2, S3, S4"), (7, "S0, S1, S2, S3, S4 and 2 more")]
)
def test_five_witnesses_are_named(count: int, said: str) -> None:
    witnesses = tuple(f"S{n}" for n in range(count))
    assert dict(text.facts(failure(witnesses=witnesses)))["seen by"] == said


def test_checks_with_one_reason_are_named_together() -> None:
    untested = (("S1", "no user"), ("S2", "slow"), ("S3", "no user"))
    assert list(text.untested(found(untested=untested, not_run=2))) == [
        "S1, S3: no user",
        "S2: slow",
        "2 checks not begun: the run ended early",
    ]
    (long,) = text.untested(found(untested=(("S1", "y" * 400),)))
    assert long == "S1: " + "y" * 300


@pytest.mark.parametrize(("count", "more"), [(1, 0), (20, 0), (21, 1)])
def test_twenty_that_are_left_are_named_and_the_others_counted(count: int, more: int) -> None:
    *rows, again = text.left(found(left=[made(str(n), f"line {n}") for n in range(count)]))
    assert again.endswith("--resume r1")
    assert len([row for row in rows if row.startswith("line ")]) == count - more
    assert rows[-1] == (f"and {more} more" if more else f"line {count - 1}")


def test_of_nothing_left_nothing_is_said() -> None:
    assert list(text.left(found())) == []


def test_a_terminal_has_each_failure_with_its_facts_and_the_times_of_calls() -> None:
    slow = Estimate(value=2.0, n=90, unit="s")
    calls = SimpleNamespace(what="create", p50=Estimate(value=1.0, n=9, unit="s"), p95=slow)
    short = SimpleNamespace(what="read", p50=calls.p50, p95=Estimate(value=None, n=9, unit="s"))
    times = SimpleNamespace(is_busy=False, rows=((True, calls), (False, short)))
    lines = list(text.lines(summary(failures=(failure(),), times=times)))
    assert lines[0] == "Session API: 1 critical failure."
    assert "\ncritical: sessions leak (2 checks)" in lines
    assert "  got            200" in lines
    under, plain = lines[-2:]
    assert under.split()[:6] == ["create", "under", "load", "median", "1", "s"]
    assert under.endswith("; P95 2 s")
    assert plain.split()[:4] == ["read", "median", "1", "s"]
    assert "P95" not in plain
    assert not any("Not tested" in line or text.LEFT in line for line in lines)


def test_times_of_a_busy_machine_are_not_given() -> None:
    times = SimpleNamespace(is_busy=True, rows=((False, None),))
    assert list(text.lines(summary(times=times)))[-1] == f"  {text.BUSY}"


def test_a_cause_is_one_line_of_bounded_length() -> None:
    assert text.cause(failure(cause="a\nb")) == "a b"
    assert [len(text.cause(failure(cause="x" * n))) for n in (199, 200, 201)] == [199, 200, 200]
