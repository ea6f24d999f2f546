"""Grade one answer: run it in the sandbox, compare here, name what went wrong."""

from __future__ import annotations

import sys
from contextlib import ExitStack

from liftlab.grading import foreign, taxonomy
from liftlab.grading.answer import Grading, ProgramGrading, outcome_of
from liftlab.grading.programs import StdinGrading
from liftlab.grading.verdict import GRADER_VERSION, CheckResult, Graded
from liftlab.records import Isolation
from liftlab.sandbox import Sandbox
from liftlab.settings import GradingSettings
from liftlab.suite import Case, Suite

__all__ = ["GRADER_VERSION", "CheckResult", "Graded", "grade", "grade_failure", "grade_resolved"]
BY_DEFAULT = GradingSettings()
# What a stage may fail with that says of the code itself that it is no Python.
WEAK: tuple[Isolation, ...] = ("limits-only", "none")  # not run there unless it is allowed


def grade(
    code: str | bytes,
    case: Case,
    *,
    ir_name: str | None = None,
    asked: bool = False,
    sandbox: Sandbox | None = None,
    allow_weak_isolation: bool = False,
) -> Graded:
    r"""Run an answer against a case's checks and judge it.

    Raises ValueError if a value of a check is not JSON data with the tags of `liftlab.values`.

    Parameters
    ----------
    code
        The answer as it came, wrapped in Markdown and the like or not.
    case
        The case with its checks and limits.
    ir_name
        The function's name by the IR's signature. It is called if the code defines it, else
        the case's `entry_point`, else what `sandbox.entry.find` finds.
    asked
        Whether `entry_point` was asked for by name where the case's own prompt does not have it:
        then an answer that names its function otherwise is wrong.
    sandbox
        Where to run it; one is made for this call if none is given.
    allow_weak_isolation
        Whether to run it where the sandbox cannot isolate; if not, it stays ungraded there.

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
        return grade_resolved(code, foreign.resolve(case, box), box, ir_name=ir_name, asked=asked)


def sandbox_for(settings: GradingSettings, suite: Suite | None) -> Sandbox:
    """Return a sandbox with the interpreter that was set, and all packages that answers may use."""
    packages = dict.fromkeys((*settings.packages, *(suite.packages if suite else ())))
    return Sandbox(python=settings.python or sys.executable, packages=list(packages))


def _validate(case: Case) -> None:
    """Refuse values that are not JSON data: no file's are, but a case can be made by hand."""
    for check in case.checks:
        try:
            check.fresh_args(), check.fresh_kwargs(), check.expected_value()
        except ValueError as error:
            raise ValueError(f"case {case.case_id}, check {check.name}: {error}") from None


def grade_resolved(
    code: str | bytes,
    case: Case,
    sandbox: Sandbox,
    *,
    ir_name: str | None = None,
    asked: bool = False,
) -> Graded:
    """Grade as `grade` does, for a case that `foreign.resolve` has seen to already."""
    grading = ProgramGrading if case.program and not case.checks else Grading
    if case.is_program:
        grading = StdinGrading
    return grading(case, ir_name, sandbox, asked=asked).of(code)


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
    outcome = outcome_of(finding)
    return Graded(
        outcome=outcome,
        raw_outcome=outcome,
        failure_class=finding.failure_class,
        facets=finding.facets,
        parsed=None if outcome == "error" else False,  # answered, and nothing came that parses
        verdict_integrity="caller",
    )
