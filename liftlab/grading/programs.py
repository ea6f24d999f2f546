"""Answers that are programs: each check runs one anew, and what it printed is compared here."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from liftlab import values
from liftlab.grading import foreign
from liftlab.grading.answer import Grading, error_text
from liftlab.grading.program_runner import plain_lines
from liftlab.grading.taxonomy import Finding
from liftlab.grading.verdict import CheckResult
from liftlab.sandbox import CallReport, RunReport
from liftlab.suite import Check


class StdinGrading(Grading):
    """The grading of one answer that reads standard input and prints."""

    is_program = True

    def _run(self, source: bytes) -> RunReport:
        """Run every check in a process of its own, up to the first that does not end well."""
        reports: list[RunReport] = []
        for check in self.case.checks:
            report = foreign.run_program(source, check.stdin, self.case, self.sandbox, self.limits)
            reports.append(report)
            if not report.succeeded:
                break
        calls = [report.calls[0] for report in reports]
        missed = [CallReport()] * (len(self.case.checks) - len(calls))
        return dataclasses.replace(
            reports[-1],
            function=None,
            calls=(*calls, *missed),
            cpu_s=sum(report.cpu_s for report in reports),
            wall_s=sum(report.wall_s for report in reports),
            reruns=sum(report.reruns for report in reports),
        )

    def _results(self, report: RunReport) -> list[CheckResult]:
        return [
            _result(check, call, error_text(call, report))
            for check, call in zip(self.case.checks, report.calls, strict=True)
        ]

    def _is_of_type_only(self, report: RunReport, results: Sequence[CheckResult]) -> bool:
        return False  # what is printed is text

    def _of_calls(self, report: RunReport, results: Sequence[CheckResult]) -> Finding | None:
        finding = super()._of_calls(report, results)
        if finding and all(call.ok and call.value == "" for call in report.calls):
            return Finding(finding.failure_class, finding.facets | {"sub_kind": "nothing_printed"})
        return finding


def _result(check: Check, call: CallReport, error: str | None) -> CheckResult:
    wanted = plain_lines(check.stdout or "")
    shown: Any = call.value
    passed = call.ok and call.value == wanted
    if isinstance(shown, dict):
        passed = shown.get("sha256") == sha256(wanted.encode()).hexdigest()
        shown = shown.get("head")
    return CheckResult(
        name=check.name,
        passed=passed,
        expected=values.show(wanted),
        actual=values.show(shown) if call.ok else None,
        error=error,
        elapsed_s=call.elapsed_s,
    )
