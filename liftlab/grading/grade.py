"""Grade one answer: run it in the sandbox, compare here, name what went wrong."""

from __future__ import annotations

import sys
from contextlib import ExitStack

from liftlab.grading import foreign, taxonomy
from liftlab.grading.answer import Grading, ProgramGrading, StdinGrading, outcome_of
from liftlab.grading.verdict import GRADER_VERSION, CheckResult, Graded
from liftlab.records import Isolation
from liftlab.sandbox import Sandbox
from liftlab.settings import GradingSettings
from liftlab.suite import Case, Suite

__all__ = ["GRADER_VERSION", "CheckResult", "Graded", "grade", "grade_failure", "grade_resolved"]
BY_DEFAULT = GradingSettings()
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
    """Run an answer, as it came, against a case's checks and judge it.

    `ir_name` is the function's name by the IR: it is called if the code defines it, else the case's
    `entry_point`, else what the sandbox finds. With `asked`, `entry_point` was asked for
    by name where the case's own prompt does not have it: an answer that names its function
    otherwise is wrong. Where the sandbox cannot isolate, an answer stays ungraded unless that is
    allowed. Raises ValueError if a value of a check is not JSON data with tags.
    """
    for check in case.checks:  # no file's are wrong, but a case can be made by hand
        try:
            check.fresh_args(), check.fresh_kwargs(), check.expected_value()
        except ValueError as error:
            raise ValueError(f"case {case.case_id}, check {check.name}: {error}") from None
    with ExitStack() as stack:
        box = sandbox or stack.enter_context(Sandbox())
        if box.isolation in WEAK and not allow_weak_isolation:
            return Graded(outcome="ungraded", isolation=box.isolation)
        return grade_resolved(code, foreign.resolve(case, box), box, ir_name=ir_name, asked=asked)


def sandbox_for(settings: GradingSettings, suite: Suite | None) -> Sandbox:
    """Return a sandbox with the interpreter that was set, and all packages that answers may use."""
    packages = dict.fromkeys((*settings.packages, *(suite.packages if suite else ())))
    return Sandbox(python=settings.python or sys.executable, packages=list(packages))


def grade_resolved(
    code: str | bytes,
    case: Case,
    sandbox: Sandbox,
    *,
    ir_name: str | None = None,
    asked: bool = False,
) -> Graded:
    """Grade as `grade` does, for a case that `foreign.resolve` has seen to already."""
    by_tests = case.program and not case.checks
    grading = StdinGrading if case.is_program else ProgramGrading if by_tests else Grading
    return grading(case, ir_name, sandbox, asked=asked).of(code)


def grade_failure(
    stage: str, reason: str, message: str | None = None, *, no_answer: bool = False
) -> Graded:
    """Judge a trial that never came to code: "error" where the endpoint is to blame, else "fail".

    `reason` is the `error_class` of the stage that failed, or why the last reply was refused.
    With `no_answer`, that was whole and held nothing of a model's, such as a gateway's page.
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
