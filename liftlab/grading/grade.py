"""Grade one answer: run it in the sandbox, compare here, name what went wrong."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal

from liftlab import records, values
from liftlab.grading import foreign, taxonomy
from liftlab.grading.compare import is_same
from liftlab.grading.taxonomy import Finding
from liftlab.records import FailureClass, Isolation, Outcome
from liftlab.sandbox import CallReport, Limits, ParseReport, RunReport, Sandbox
from liftlab.sandbox.extract import extract, has_fence
from liftlab.sandbox.reports import UNKNOWN
from liftlab.suite import Case, Check

GRADER_VERSION = "3"
WEAK: tuple[Isolation, ...] = ("limits-only", "none")  # not run there unless it is allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What one check gave; values are text for people, bounded in size."""

    name: str
    passed: bool
    expected: str | None = None
    actual: str | None = None
    error: str | None = None
    elapsed_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """The verdict on one answer.

    `outcome` is for the code as taken out of its Markdown, `raw_outcome` for the text as it
    came. `code` is what ran, None for a trial that never came to code.
    """

    outcome: Outcome
    raw_outcome: Outcome | None = None
    failure_class: FailureClass | None = None
    facets: dict[str, Any] = field(default_factory=dict)
    parsed: bool | None = None
    checks: tuple[CheckResult, ...] = ()
    checks_passed: int | None = None
    checks_total: int | None = None
    cpu_s: float | None = None
    wall_s: float | None = None
    reruns: int | None = None
    isolation: Isolation | None = None
    limits: Limits | None = None
    verdict_integrity: Literal["caller", "in-process"] | None = None
    code: bytes | None = field(default=None, repr=False)

    def to_grade(self, **keys: Any) -> records.Grade:
        """Return the row of the grade table.

        Parameters
        ----------
        **keys
            The columns that this verdict does not know: `run_id`, `case_id`, `repeat`, and
            what there is of `suite_sha256` and `code_sha256`.
        """
        return records.Grade(
            grader_version=GRADER_VERSION,
            isolation=self.isolation,
            limits=json.dumps(asdict(self.limits)) if self.limits else None,
            outcome=self.outcome,
            raw_outcome=self.raw_outcome,
            reruns=self.reruns,
            failure_class=self.failure_class,
            facets=json.dumps(self.facets) if self.facets else None,
            parsed=self.parsed,
            checks_passed=self.checks_passed,
            checks_total=self.checks_total,
            cpu_s=self.cpu_s,
            wall_s=self.wall_s,
            verdict_integrity=self.verdict_integrity,
            **keys,
        )

    def to_checks(self, *, run_id: str, case_id: str, repeat: int) -> list[records.Check]:
        """Return the rows of the check table."""
        return [
            records.Check(
                run_id=run_id,
                case_id=case_id,
                repeat=repeat,
                grader_version=GRADER_VERSION,
                check=check.name,
                passed=check.passed,
                expected=check.expected,
                actual=check.actual,
                error=check.error,
                elapsed_s=check.elapsed_s,
            )
            for check in self.checks
        ]


def grade(
    code: str | bytes,
    case: Case,
    *,
    ir_name: str | None = None,
    sandbox: Sandbox | None = None,
    allow_weak_isolation: bool = False,
) -> Graded:
    r"""Run an answer against a case's checks and judge it.

    Parameters
    ----------
    code
        The answer as it came, in Markdown or not.
    case
        The case with its checks and limits.
    ir_name
        The function's name by the IR's signature. It is called if the code defines it, else
        the case's `entry_point`; where neither name is known, the only public function.
    sandbox
        Where to run it; one is made for this call if none is given.
    allow_weak_isolation
        Whether to run it where the sandbox cannot isolate; if not, it stays ungraded there.

    Raises
    ------
    ValueError
        If a value of a check is not JSON data with the tags of `liftlab.values`.

    Examples
    --------
    >>> from liftlab.suite import Case, Check
    >>> case = Case(case_id="double", prompt="Double a number.", checks=(
    ...     Check(name="two", args=(1,), expected=2), Check(name="zero", args=(0,), expected=0)))
    >>> grade("def double(x):\n    x * 2", case).failure_class
    'missing_return'
    """
    _validate(case)
    with ExitStack() as stack:
        box = sandbox or stack.enter_context(Sandbox())
        if box.isolation in WEAK and not allow_weak_isolation:
            return Graded(outcome="ungraded", isolation=box.isolation)
        return grade_resolved(code, foreign.resolve(case, box), box, ir_name=ir_name)


def _validate(case: Case) -> None:
    """Refuse values that are not JSON data: no file's are, but a case can be made by hand."""
    for check in case.checks:
        try:
            check.fresh_args(), check.fresh_kwargs(), check.expected_value()
        except ValueError as error:
            raise ValueError(f"case {case.case_id}, check {check.name}: {error}") from None


def grade_resolved(
    code: str | bytes, case: Case, sandbox: Sandbox, *, ir_name: str | None = None
) -> Graded:
    """Grade as `grade` does, for a case that `foreign.resolve` has seen to already."""
    grading = _ProgramGrading if case.program else _Grading
    return grading(case, ir_name, sandbox).of(code)


def grade_failure(
    stage: str, reason: str, message: str | None = None, *, no_answer: bool = False
) -> Graded:
    """Judge a trial that never came to code.

    Parameters
    ----------
    stage
        The pipeline's stage that failed, such as "nlp_to_ir".
    reason
        Its `error_class`: one of `records.ErrorClass`, or why the last reply was refused.
    message
        What was wrong with it, if that is known.
    no_answer
        Whether the last reply was whole and held nothing of a model's, such as a gateway's page.

    Returns
    -------
    Graded
        With the outcome "error" where the endpoint or the network is to blame, else "fail".

    Examples
    --------
    >>> grade_failure("nlp_to_ir", "http_5xx").outcome
    'error'
    >>> grade_failure("nlp_to_ir", "schema_mismatch").failure_class
    'invalid_ir'
    """
    finding = taxonomy.of_stage_failure(stage, reason, message, no_answer=no_answer)
    outcome = _outcome(finding)
    in_code = finding.failure_class in ("indentation_error", "syntax_error", "truncated")
    return Graded(
        outcome=outcome,
        raw_outcome=outcome,
        failure_class=finding.failure_class,
        facets=finding.facets,
        parsed=False if in_code else None,
        verdict_integrity="caller",
    )


class _Grading:
    """The grading of one answer to one case."""

    integrity: ClassVar[Literal["caller", "in-process"]] = "caller"

    def __init__(self, case: Case, ir_name: str | None, sandbox: Sandbox) -> None:
        self.case = case
        self.sandbox = sandbox
        self.names = [name for name in (ir_name, case.entry_point) if name]
        self.limits = Limits(
            cpu_s=case.limits.cpu_s,
            wall_s=case.limits.wall_s,
            memory_mb=case.limits.memory_mb,
            output_kb=case.limits.output_kb,
        )

    def of(self, code: str | bytes) -> Graded:
        """Grade the text as it came; if it does not parse, what its Markdown holds."""
        text = code.decode("utf-8", "replace") if isinstance(code, bytes) else code
        raw = code if isinstance(code, bytes) else code.encode("utf-8", "surrogatepass")
        fenced = has_fence(text)
        if not fenced or self.sandbox.parse(raw, self.limits).parsed:
            return self._of_source(raw, fenced=False, raw_outcome=None)
        inner = extract(text)
        return self._of_source(
            inner.encode("utf-8", "surrogatepass"), fenced=has_fence(inner), raw_outcome="fail"
        )

    def _of_source(self, source: bytes, *, fenced: bool, raw_outcome: Outcome | None) -> Graded:
        report = self._run(source)
        results = [
            _check_result(check, call)
            for check, call in zip(self.case.checks, report.calls, strict=True)
        ]
        finding = None
        if not (report.succeeded and results and all(result.passed for result in results)):
            report = self._with_facts(source, report)
            finding = taxonomy.of_source(report.parse, fenced=fenced) if report.parse else None
            finding = finding or self._of_run(report) or self._of_calls(report, results)
        outcome = _outcome(finding) if self.case.checks or finding else "ungraded"
        return Graded(
            outcome=outcome,
            raw_outcome=raw_outcome or outcome,
            failure_class=finding.failure_class if finding else None,
            facets=finding.facets if finding else {},
            parsed=report.parse.parsed if report.parse else None,
            checks=tuple(results),
            checks_passed=sum(result.passed for result in results),
            checks_total=len(results),
            cpu_s=report.cpu_s,
            wall_s=report.wall_s,
            reruns=report.reruns,
            isolation=self.sandbox.isolation,
            limits=self.limits,
            verdict_integrity=self.integrity,
            code=source,
        )

    def _with_facts(self, source: bytes, report: RunReport) -> RunReport:
        """Return a report that knows of its source what naming a failure takes."""
        if report.parse is None or not report.parse.parsed:
            return report  # there is no more to know
        facts = self.sandbox.parse(source, self.limits)
        return dataclasses.replace(report, parse=None if facts.kind == UNKNOWN else facts)

    def _run(self, source: bytes) -> RunReport:
        """Run the checks on the first of the wanted functions that the code defines."""
        report = self._run_with(source, self.names[0] if self.names else None)
        for name in self.names[1:]:
            if not (report.calls and all(call.missing for call in report.calls)):
                break
            report = self._run_with(source, name)
        return report

    def _run_with(self, source: bytes, name: str | None) -> RunReport:
        return self.sandbox.run(source, foreign.calls_of(self.case.checks, name), self.limits)

    def _of_run(self, report: RunReport) -> Finding | None:
        finding = taxonomy.of_run(report)
        functions = report.parse.functions if report.parse else ()
        if finding and report.load_error and not functions:
            return taxonomy.first([finding, taxonomy.of_missing(self.names, functions)])
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
            return taxonomy.of_missing(self.names, facts.functions)
        if call.raised is not None:
            finding = taxonomy.of_exception(call.raised, "call")
            return Finding(finding.failure_class, finding.facets | {"check": result.name})
        if call.too_large:
            return Finding("output", {"stage": "call", "sub_kind": "result", "check": result.name})
        facets: dict[str, Any] = {"stage": "compare", "check": result.name}
        if call.not_plain:
            facets |= {"sub_kind": _kind_of_foreign(call.not_plain), "message": call.not_plain}
        if call.mutated:
            facets["mutated"] = True
        return Finding("partially_wrong" if some_passed else "wrong_answer", facets)


class _ProgramGrading(_Grading):
    """The grading of one answer by tests that run beside it, as one check named `tests`."""

    integrity: ClassVar[Literal["caller", "in-process"]] = "in-process"

    def __init__(self, case: Case, ir_name: str | None, sandbox: Sandbox) -> None:
        tests = Check(name="tests", args=(), expected=True)
        super().__init__(dataclasses.replace(case, checks=(tests,)), None, sandbox)

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
            return taxonomy.of_missing(self.names, facts.functions)
        if "TypeError" in raised.bases and raised.line is None and "argument" in raised.message:
            return taxonomy.of_exception(dataclasses.replace(raised, own_call=True), "call")
        return super()._of_calls(report, results)


def _check_result(check: Check, call: CallReport) -> CheckResult:
    if check.raises is not None:
        # A call that does not fit the signature is no answer, even where TypeError is wanted.
        raised = call.raised
        passed = raised is not None and not raised.own_call and check.raises in raised.bases
        wanted = f"raises {check.raises}"
    else:
        expected = check.expected_value()
        passed = call.ok and is_same(expected, call.value)
        wanted = values.show(expected)
    return CheckResult(
        name=check.name,
        passed=passed,
        expected=wanted,
        actual=values.show(call.value) if call.ok else None,
        error=_error_text(call),
        elapsed_s=call.elapsed_s,
    )


def _error_text(call: CallReport) -> str | None:
    if call.raised is not None:
        return f"{call.raised.name}: {call.raised.message}".rstrip(": ")
    if call.not_plain:
        return f"returned a {call.not_plain}, which is no plain value"
    if call.ok:
        return None
    return call.too_large or ("no such function" if call.missing else "no answer came back")


def _kind_of_foreign(type_name: str) -> str:
    return "generator" if type_name in ("generator", "async_generator") else "not_plain"


def _outcome(finding: Finding | None) -> Outcome:
    if finding is None:
        return "pass"
    return "error" if finding.failure_class == "endpoint_error" else "fail"
