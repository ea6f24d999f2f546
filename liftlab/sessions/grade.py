"""Grade a run of session checks from its records, as rows of the tables `grade` and `check`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from liftlab.errors import UsageError
from liftlab.grading.grade import GRADER_VERSION, grade
from liftlab.records import Check, Grade, Outcome
from liftlab.sandbox import Sandbox
from liftlab.sessions.checks import Checks
from liftlab.sessions.judge import Finding, Judge
from liftlab.sessions.model import Severity, code_check
from liftlab.sessions.record import Exchange, Record
from liftlab.sessions.replies import at_path
from liftlab.sessions.template import Unset
from liftlab.store import Artifacts
from liftlab.suite import Case

if TYPE_CHECKING:
    import pandas as pd

_NO_SANDBOX = "code is not run here: the sandbox cannot isolate"
_STUB = "NotImplementedError"  # code that says that it is none is not handed out as good


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The verdict on one check."""

    outcome: Outcome
    findings: tuple[Finding, ...]
    untested: str | None


def grade_sessions(
    trials: pd.DataFrame, stages: pd.DataFrame, artifacts: Artifacts, checks: Checks
) -> tuple[list[Grade], list[Check]]:
    """Grade every check of a run: one grade a check, and one row an expectation."""
    grades: list[Grade] = []
    rows: list[Check] = []
    suite_sha256 = checks.as_suite().sha256
    with Sandbox() as sandbox:
        for check_id, record in records(trials, stages, artifacts):
            judged = judge(checks, check_id, record, artifacts, sandbox)
            run_id = str(trials["run_id"].iloc[0])
            keys: Any = {"run_id": run_id, "case_id": check_id, "repeat": 1}
            keys["grader_version"] = GRADER_VERSION
            grades.append(Grade(**keys, suite_sha256=suite_sha256, **_columns(judged, record)))
            for number, found in enumerate(judged.findings, 1):
                name = f"{number}. {found.call} (step {found.at})"
                error = None if found.passed else found.cause
                told: Any = {"expected": found.expected, "actual": found.actual, "error": error}
                rows.append(Check(**keys, check=name, passed=found.passed, **told))
    return grades, rows


def records(
    trials: pd.DataFrame, stages: pd.DataFrame, artifacts: Artifacts
) -> Iterator[tuple[str, Record]]:
    """Return the record of each check; of one that broke off, why there is none."""
    kept: dict[str, Any] = {}
    for row in stages.sort_values("position", ascending=False).to_dict("records"):
        if isinstance(row["value_sha256"], str):
            told = json.loads(artifacts.get(row["value_sha256"]))
            kept[row["case_id"]] = kept.get(row["case_id"], {}) | told
    for check_id in map(str, trials["case_id"]):
        told = kept.get(check_id, {})
        data = told.get("ir", told.get("value"))
        why = str(told.get("message", "no record was kept"))
        yield check_id, Record(untested=why) if data is None else Record.from_json(data)


def judge(
    checks: Checks, check_id: str, record: Record, artifacts: Artifacts, sandbox: Sandbox
) -> Judged:
    """Judge one check by its record: what its replies say, then the code that they hold."""

    def reply(exchange: Exchange) -> bytes:
        return artifacts.get(exchange.reply_sha256) if exchange.reply_sha256 else b""

    judging = Judge(checks, checks[check_id])
    findings = judging.record(record, reply)
    untested = record.untested
    failed = {found.at for found in findings if not found.passed}
    for one in record.exchanges:
        expect = judging.step_at(one.at).expect
        if not (one.judged and expect.code) or one.at in failed:
            continue
        if sandbox.isolation in ("limits-only", "none"):
            untested = untested or _NO_SANDBOX
            continue
        given, source = checks.values | dict(one.given), at_path(expect.code_at, one, reply(one))
        findings += [_run(judging, one, source, code, given, sandbox) for code in expect.code]
    if not all(finding.passed for finding in findings):
        outcome: Outcome = "fail"
    elif record.down:
        outcome = "error"
    else:
        outcome = "ungraded" if untested else "pass"
    return Judged(outcome=outcome, findings=tuple(findings), untested=untested)


def _run(
    judging: Judge,
    one: Exchange,
    source: Any,
    example: str,
    given: dict[str, Any],
    sandbox: Sandbox,
) -> Finding:
    """Run the code of a reply once, as an example says."""
    passed, stub = False, False
    try:
        name, test = code_check(example, given)
    except (Unset, UsageError) as error:  # what a reply named is not there, or is no name
        actual = str(error)
    else:
        case = Case(one.call, "code of a session", entry_point=name, checks=[test])
        graded = grade(str(source), case, ir_name=name, sandbox=sandbox)
        passed = graded.outcome == "pass"
        said = [each.error or each.actual for each in graded.checks]
        actual = "it does" if passed else str(next(filter(None, said), graded.failure_class))
        stub = actual.startswith(_STUB)
    limit: Severity | None = "major" if stub else None
    what = example, actual, "code is a stub" if stub else "wrong code"
    return judging.found((one.at, one.call), "code", passed, what, limit=limit)


def _columns(judged: Judged, record: Record) -> dict[str, Any]:
    failed = [asdict(finding) for finding in judged.findings if not finding.passed]
    facets: Any = {"failures": failed, "untested": judged.untested}
    facets |= {"lost_kept": record.lost_kept, "down": record.down}
    return {
        "outcome": judged.outcome,
        "raw_outcome": judged.outcome,
        "facets": json.dumps({name: told for name, told in facets.items() if told}),
        "checks_passed": len(judged.findings) - len(failed),
        "checks_total": len(judged.findings),
    }
