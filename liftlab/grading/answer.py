"""One answer against one case: take its code, run it, compare here, name what went wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, ClassVar, Literal

from liftlab import values
from liftlab.grading import foreign, taxonomy
from liftlab.grading.compare import is_same
from liftlab.grading.program_runner import plain_lines
from liftlab.grading.taxonomy import Finding
from liftlab.grading.verdict import CheckResult, Graded
from liftlab.records import Outcome
from liftlab.sandbox import CallReport, Function, Limits, ParseReport, RunReport, Sandbox
from liftlab.sandbox.extract import Extracted, extract, from_prose, to_bytes
from liftlab.sandbox.markup import has_fence, is_wrapped
from liftlab.sandbox.protocol import OWNER
from liftlab.sandbox.reports import UNKNOWN
from liftlab.suite import Case, Check

# Classes of text that does not parse, in which code may still be found.
_MAY_HOLD_CODE = ("not_python", "truncated", "indentation_error", "syntax_error")
_NO_ANSWER = "no answer came back"


class Grading:
    """The grading of one answer to one case."""

    integrity: ClassVar[Literal["caller", "in-process"]] = "caller"
    is_program: ClassVar[bool] = False  # as which code is looked for among words

    def __init__(
        self, case: Case, ir_name: str | None, sandbox: Sandbox, *, asked: bool = False
    ) -> None:
        self.case = case
        self.sandbox = sandbox
        self.is_asked = asked or case.names_function
        own = "signature" if case.signature else "asked" if self.is_asked else "entry_point"
        self.known = {case.entry_point: own, ir_name: "ir"}  # how each name came to be known
        self.names = list(dict.fromkeys(name for name in (ir_name, case.entry_point) if name))
        self.looked_for = None if self.is_program else self.names
        self.limits = Limits(**dataclasses.asdict(case.limits))

    def of(self, code: str | bytes) -> Graded:
        """Grade the text as it came; if it does not parse, the code that is in it."""
        text = code.decode("utf-8", "replace") if isinstance(code, bytes) else code
        raw = code if isinstance(code, bytes) else to_bytes(text)
        if is_wrapped(text):
            taken = extract(text, self.looked_for, self._parse)
            return self._of_taken(taken) if taken.removed else self._of_source(raw)
        graded = self._of_source(raw)
        found = self._from_prose(text, graded)
        return graded if found is None else self._of_taken(found)

    def _from_prose(
        self, text: str, graded: Graded, removed: tuple[str, ...] = ()
    ) -> Extracted | None:
        """Return the code that stands among words, where the whole is no code or a word is read."""
        is_word = graded.failure_class == "name_error" and graded.facets["stage"] == "load"
        if not is_word and (graded.parsed or graded.failure_class not in _MAY_HOLD_CODE):
            return None
        if self.is_program and graded.failure_class == "truncated":
            return None  # its first lines would do for one
        return from_prose(text, self.looked_for, self._parse, removed)

    def _parse(self, source: bytes) -> ParseReport:
        return self.sandbox.parse(source, self.limits)

    def _of_taken(self, taken: Extracted) -> Graded:
        """Grade what was taken out of a text that does not parse as it came."""
        facets: dict[str, Any] = {"removed": list(taken.removed)}
        if taken.joined:
            facets["joined"] = taken.joined
        if taken.unfinished:
            return self._graded(
                "fail",
                [self._result(check, CallReport(), _NO_ANSWER) for check in self.case.checks],
                failure_class="reasoning_unfinished",
                facets={"stage": "response", **facets},
                parsed=False,
                code=b"",
            )
        graded = self._of_source(to_bytes(taken.source), fenced=has_fence(taken.source))
        found = self._from_prose(taken.source, graded, taken.removed)
        if found is not None:
            return self._of_taken(found)
        return dataclasses.replace(graded, raw_outcome="fail", facets=graded.facets | facets)

    def _of_source(self, source: bytes, *, fenced: bool = False) -> Graded:
        report = self._run(source)
        results, found = self._results(report), self._found(report)
        parsed = report.parse is not None and report.parse.parsed
        finding = None
        if not _is_right(report, results):
            report = self._with_facts(source, report)
            finding = taxonomy.of_source(report.parse, fenced=fenced) if report.parse else None
            finding = finding or self._of_run(report) or self._of_calls(report, results)
        if finding and self._is_of_type_only(report, results):
            found |= {"type_only": True}
        if finding and finding.failure_class == "wrong_function_name":
            found = self._otherwise(source)
        finding = finding and taxonomy.with_needs(finding, self.sandbox.version)
        outcome = outcome_of(finding) if self.case.checks or finding else "ungraded"
        return self._graded(
            outcome,
            results,
            failure_class=finding.failure_class if finding and outcome != "ungraded" else None,
            facets=(finding.facets if finding else {}) | found,
            parsed=report.parse.parsed if report.parse else parsed,
            cpu_s=report.cpu_s,
            wall_s=report.wall_s,
            reruns=report.reruns,
            code=source,
        )

    def _graded(self, outcome: Outcome, results: Sequence[CheckResult], **more: Any) -> Graded:
        return Graded(
            outcome=outcome,
            raw_outcome=outcome,
            checks=tuple(results),
            checks_passed=sum(result.passed for result in results),
            checks_total=len(results),
            isolation=self.sandbox.isolation,
            limits=self.limits,
            verdict_integrity=self.integrity,
            **more,
        )

    def _results(self, report: RunReport) -> list[CheckResult]:
        return [
            self._result(check, call, _error_text(call, report))
            for check, call in zip(self.case.checks, report.calls, strict=True)
        ]

    def _result(self, check: Check, call: CallReport, error: str | None) -> CheckResult:
        passed, wanted, value = self._compared(check, call)
        return CheckResult(
            name=check.name,
            passed=passed,
            expected=wanted,
            actual=values.show(value) if call.ok else None,
            error=error,
            elapsed_s=call.elapsed_s,
        )

    def _compared(self, check: Check, call: CallReport) -> tuple[bool, str, Any]:
        """Return whether a call gave what was wanted, what that is, and what came."""
        if check.raises is not None:
            # A call that does not fit the signature is no answer, even where TypeError is wanted.
            raised = call.raised
            passed = raised is not None and not raised.own_call and check.raises in raised.bases
            return passed, f"raises {check.raises}", call.value
        expected = check.expected_value()
        return call.ok and is_same(expected, call.value), values.show(expected), call.value

    def _is_of_type_only(self, report: RunReport, results: Sequence[CheckResult]) -> bool:
        """Say whether Python's own `==`, as in HumanEval's tests, would pass what came."""
        ways = zip(self.case.checks, report.calls, results, strict=True)
        missed = [(check, call) for check, call, result in ways if not result.passed]
        return bool(missed) and all(
            check.raises is None and call.ok and check.expected_value() == call.value
            for check, call in missed
        )

    def _found(self, report: RunReport) -> dict[str, Any]:
        """Return how the function was found that was called; nothing if none was."""
        if report.function is None or not report.calls or report.calls[0].missing:
            return {}
        if report.function.startswith(f"{OWNER}."):
            return {"found": "method"}
        how = self.known.get(report.function) or (report.parse and report.parse.found)
        return {"found": how} if how else {}

    def _otherwise(self, source: bytes) -> dict[str, Any]:
        """Return whether code is right but for the name of its function, and what that is."""
        report = self._run_with(source, None)
        is_right = _is_right(report, self._results(report))
        return {"right_but_for_name": True, "function": report.function} if is_right else {}

    def _with_facts(self, source: bytes, report: RunReport) -> RunReport:
        """Return a report that knows of its source what naming a failure takes."""
        if report.parse is None or not report.parse.parsed:
            return report  # there is no more to know
        facts = self.sandbox.parse(source, self.limits)
        return dataclasses.replace(report, parse=None if facts.kind == UNKNOWN else facts)

    def _run(self, source: bytes) -> RunReport:
        """Run the checks on the first of the wanted functions that the code defines.

        Where none was asked for by name, and the code has none of them, the function is found.
        """
        wanted = [*self.names, *([] if self.names and self.is_asked else [None])]
        for name in wanted:
            report = self._run_with(source, name)
            if not (report.calls and all(call.missing for call in report.calls)):
                return report
        return report

    def _run_with(self, source: bytes, name: str | None) -> RunReport:
        if name:
            source = foreign.with_imports(source, self.case)
        return self.sandbox.run(source, foreign.calls_of(self.case.checks, name), self.limits)

    def _of_run(self, report: RunReport) -> Finding | None:
        finding = taxonomy.of_run(report)
        functions = report.parse.functions if report.parse else ()
        if finding and report.load_error and not functions:
            return taxonomy.first([finding, self._of_missing(functions)])
        return finding

    def _of_calls(self, report: RunReport, results: Sequence[CheckResult]) -> Finding | None:
        """Judge a run that ended well and has failed checks."""
        facts = report.parse or ParseReport(parsed=True)
        function = next((item for item in facts.functions if item.name == report.function), None)
        gave_none = all(call.ok and call.value is None for call in report.calls)
        if gave_none and function is not None and not function.returns_value:
            return taxonomy.of_missing_return(function)
        some_passed = any(result.passed for result in results)
        return taxonomy.first(
            self._of_call(call, result, facts, some_passed=some_passed)
            for call, result in zip(report.calls, results, strict=True)
            if not result.passed
        )

    def _of_call(
        self, call: CallReport, result: CheckResult, facts: ParseReport, *, some_passed: bool
    ) -> Finding:
        if call.missing:
            return self._of_missing(facts.functions)
        if call.raised is not None:
            finding = taxonomy.of_exception(call.raised, "call")
            return Finding(finding.failure_class, finding.facets | {"check": result.name})
        if call.too_large:
            return Finding("output", {"stage": "call", "sub_kind": "result", "check": result.name})
        facets: dict[str, Any] = {"stage": "compare", "check": result.name}
        if call.not_plain:
            is_generator = call.not_plain in ("generator", "async_generator")
            kind = "generator" if is_generator else "not_plain"
            facets |= {"sub_kind": kind, "message": call.not_plain}
        if call.mutated:
            facets["mutated"] = True
        return Finding("partially_wrong" if some_passed else "wrong_answer", facets)

    def _of_missing(self, functions: tuple[Function, ...]) -> Finding:
        """Judge code without the function: its name can be wrong only if it was asked for."""
        return taxonomy.of_missing(self.names if self.is_asked else (), functions)


class ProgramGrading(Grading):
    """The grading of one answer by tests that run beside it, as one check named `tests`."""

    integrity: ClassVar[Literal["caller", "in-process"]] = "in-process"

    def __init__(
        self, case: Case, ir_name: str | None, sandbox: Sandbox, *, asked: bool = False
    ) -> None:
        tests = Check(name="tests", args=(), expected=True)
        super().__init__(dataclasses.replace(case, checks=(tests,)), None, sandbox, asked=asked)

    def _run(self, source: bytes) -> RunReport:
        return foreign.run_tests(source, self.case, self.sandbox, self.limits)

    def _of_calls(self, report: RunReport, results: Sequence[CheckResult]) -> Finding | None:
        facts = report.parse or ParseReport(parsed=True)
        function = next((f for f in facts.functions if f.name in self.names), None)
        raised = report.calls[0].raised
        if raised is None:
            return super()._of_calls(report, results)
        if "AssertionError" in raised.bases:
            if function is not None and not function.returns_value:
                return taxonomy.of_missing_return(function)
            return Finding("wrong_answer", {"stage": "compare", "check": "tests"})
        unknown = "NameError" in raised.bases and function is None
        if unknown and any(repr(name) in raised.message for name in self.names):
            return self._of_missing(facts.functions)
        if "TypeError" in raised.bases and raised.line is None and "argument" in raised.message:
            return taxonomy.of_exception(dataclasses.replace(raised, own_call=True), "call")
        return super()._of_calls(report, results)


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

    def _compared(self, check: Check, call: CallReport) -> tuple[bool, str, Any]:
        wanted = plain_lines(check.stdout or "")
        told: Any = call.value
        passed = call.ok and told == wanted
        if isinstance(told, dict):
            passed = told.get("sha256") == sha256(wanted.encode()).hexdigest()
            told = told.get("head")
        return passed, values.show(wanted), told

    def _is_of_type_only(self, report: RunReport, results: Sequence[CheckResult]) -> bool:
        return False  # what is printed is text

    def _of_calls(self, report: RunReport, results: Sequence[CheckResult]) -> Finding | None:
        finding = super()._of_calls(report, results)
        if finding and all(call.ok and call.value == "" for call in report.calls):
            return Finding(finding.failure_class, finding.facets | {"sub_kind": "nothing_printed"})
        return finding


def _is_right(report: RunReport, results: Sequence[CheckResult]) -> bool:
    return report.succeeded and bool(results) and all(result.passed for result in results)


def _error_text(call: CallReport, report: RunReport) -> str | None:
    """Say why a call gave no value that can be compared; None if it gave one."""
    if call.raised is not None:
        return f"{call.raised.name}: {call.raised.message}".rstrip(": ")
    if call.not_plain:
        return f"returned a {call.not_plain}, which is no plain value"
    if call.ok:
        return None
    if call.missing:
        return "no such function"
    return call.too_large or (_NO_ANSWER if report.loaded else "the code did not load")


def outcome_of(finding: Finding | None) -> Outcome:
    """Return what a finding comes to: without one the answer is right.

    Code for a newer Python than the sandbox has was not tried, so it is neither right nor wrong.
    """
    if finding is None:
        return "pass"
    if "needs_python" in finding.facets:
        return "ungraded"
    return "error" if finding.failure_class == "endpoint_error" else "fail"
