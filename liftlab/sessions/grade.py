"""Grade a run of session checks from its records, as rows of the tables `grade` and `check`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from liftlab.grading.grade import GRADER_VERSION, grade
from liftlab.records import Check, Grade, Outcome
from liftlab.sandbox import Sandbox
from liftlab.sessions.checks import Checks
from liftlab.sessions.judge import Finding, Judge, at_path
from liftlab.sessions.model import CheckModel, CodeModel, Severity, read_call
from liftlab.sessions.paths import MISSING
from liftlab.sessions.record import Exchange, Record
from liftlab.sessions.template import fill
from liftlab.store import Artifacts
from liftlab.suite import Case
from liftlab.suite import Check as CaseCheck
from liftlab.values import show

if TYPE_CHECKING:
    import pandas as pd

_NO_SANDBOX = "code is not run here: the sandbox cannot isolate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The verdict on one check."""

    outcome: Outcome
    findings: tuple[Finding, ...]
    untested: str | None


def grade_sessions(
    trials: pd.DataFrame,
    stages: pd.DataFrame,
    artifacts: Artifacts,
    checks: Checks,
) -> tuple[list[Grade], list[Check]]:
    """Grade every check of a run: one grade a check, and one row an expectation."""
    grades: list[Grade] = []
    rows: list[Check] = []
    with Sandbox() as sandbox:
        for check_id, record in records(trials, stages, artifacts):
            judged = judge(checks, checks[check_id], record, artifacts, sandbox)
            [run_id] = set(trials["run_id"])
            keys = {"run_id": str(run_id), "case_id": check_id, "repeat": 1}
            grades.append(_grade(judged, record, keys, checks))
            rows += _rows(judged, keys)
    return grades, rows


def records(
    trials: pd.DataFrame, stages: pd.DataFrame, artifacts: Artifacts
) -> Iterator[tuple[str, Record]]:
    """Return the record of each check; of one that broke off, why there is none."""
    kept: dict[str, Any] = {}
    for row in stages.sort_values("position").to_dict("records"):
        if isinstance(row["value_sha256"], str):
            kept[row["case_id"]] = json.loads(artifacts.get(row["value_sha256"])) | kept.get(
                row["case_id"], {}
            )
    for check_id in trials["case_id"]:
        told = kept.get(check_id, {})
        data = told.get("ir", told.get("value"))
        if data is None:
            yield str(check_id), Record(untested=str(told.get("message", "no record was kept")))
        else:
            yield str(check_id), Record.from_json(data)


def judge(
    checks: Checks, check: CheckModel, record: Record, artifacts: Artifacts, sandbox: Sandbox
) -> Judged:
    """Judge one check by its record: what its replies say, then the code that they hold."""

    def reply(exchange: Exchange) -> bytes:
        return artifacts.get(exchange.reply_sha256) if exchange.reply_sha256 else b""

    judging = Judge(checks, check)
    findings = judging.record(record, reply)
    untested = record.untested
    for one in record.exchanges:
        step = judging.step_at(one.at)
        failed = any(not f.passed and f.at == one.at for f in findings)
        if not (one.judged and step.expect.code) or failed:
            continue
        if sandbox.isolation in ("limits-only", "none"):
            untested = untested or _NO_SANDBOX
            continue
        for code in step.expect.code:
            severity = step.severity or check.severity
            findings.append(_run(checks, one, reply(one), code, sandbox, severity))
    if not all(finding.passed for finding in findings):
        outcome: Outcome = "fail"
    elif record.down:
        outcome = "error"
    else:
        outcome = "ungraded" if untested else "pass"
    return Judged(outcome=outcome, findings=tuple(findings), untested=untested)


def _run(
    checks: Checks,
    one: Exchange,
    body: bytes,
    code: CodeModel,
    sandbox: Sandbox,
    severity: Severity,
) -> Finding:
    """Run the code of a reply once, as the check says."""
    name, args, named = read_call(code.call)
    returns = fill(code.returns, checks.values | dict(one.given))
    if code.raises is None:
        test = CaseCheck(args=args, kwargs=named, expected=returns)
        expected = f"{code.call} returns {show(returns)}"
    else:
        test = CaseCheck(args=args, kwargs=named, raises=code.raises)
        expected = f"{code.call} raises {code.raises}"
    source = at_path(code.at, one, body)
    passed, actual = False, "no code" if source is MISSING else show(source, 80)
    if isinstance(source, str):
        case = Case(one.call, "code of a session", entry_point=name, checks=[test])
        graded = grade(source, case, ir_name=name, sandbox=sandbox)
        passed = graded.outcome == "pass"
        said = [one.error or one.actual for one in graded.checks]
        actual = "it does" if passed else str(next(filter(None, said), graded.failure_class))
    return Finding(
        at=one.at, call=one.call, kind="code", passed=passed, expected=expected, actual=actual,
        severity=severity, cause=f"{one.call}: wrong code",
    )  # fmt: skip


def _grade(judged: Judged, record: Record, keys: Mapping[str, Any], checks: Checks) -> Grade:
    failed = [asdict(finding) for finding in judged.findings if not finding.passed]
    facets = {
        "failures": failed,
        "untested": judged.untested,
        "left": record.left,
        "lost_kept": record.lost_kept,
        "down": record.down,
    }
    return Grade(
        **keys,
        grader_version=GRADER_VERSION,
        suite_sha256=checks.sha256,
        outcome=judged.outcome,
        raw_outcome=judged.outcome,
        facets=json.dumps({name: told for name, told in facets.items() if told}),
        checks_passed=len(judged.findings) - len(failed),
        checks_total=len(judged.findings),
    )


def _rows(judged: Judged, keys: Mapping[str, Any]) -> Iterator[Check]:
    for number, found in enumerate(judged.findings, 1):
        yield Check(
            **keys,
            grader_version=GRADER_VERSION,
            check=f"{number}. {found.call} (step {found.at})",
            passed=found.passed,
            expected=found.expected,
            actual=found.actual,
            error=None if found.passed else found.cause,
        )
