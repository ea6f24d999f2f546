"""Suites and single answers: load, make by hand, grade."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from liftlab import suite
from liftlab.api.projects import Place, load_project
from liftlab.errors import UsageError
from liftlab.grading.grade import Graded
from liftlab.grading.grade import grade as judge
from liftlab.suite import Case, Suite


def load_suite(name: str | os.PathLike[str], project: Place = None) -> Suite:
    """Return a suite by its name in the project, or by its file.

    Parameters
    ----------
    name
        A name, such as "mvp", or a file.
    project
        The project, or a folder in it; the one around the working directory if None.

    Raises
    ------
    UnknownName
        If there is no suite of that name; the message gives the nearest.
    SuiteInvalid
        If the file has a fault: says the line and the field.

    Examples
    --------
    >>> import liftlab
    >>> liftlab.load_suite("mvp")["is_even"].entry_point
    'is_even'
    """
    if not isinstance(name, str | os.PathLike):
        raise UsageError(f"load_suite takes a suite's name, not {type(name).__name__}")
    return suite.load(os.fspath(name), [load_project(project).path("suites")])


def make_suite(name: str, cases: Iterable[Case]) -> Suite:
    """Return a suite of cases that are made by hand; `run` takes it as it takes a name.

    Raises
    ------
    SuiteInvalid
        If two cases have the same id, or one has a fault.

    Examples
    --------
    >>> import liftlab
    >>> case = liftlab.Case("double", "Double a number.")
    >>> len(liftlab.make_suite("mine", [case]))
    1
    """
    return suite.parse(suite.to_jsonl(cases), Path(f"{name}.jsonl"), name=name)


def grade(code: str, case: Case) -> Graded:
    r"""Run one answer against a case's checks, in the sandbox, and judge it.

    Parameters
    ----------
    code
        The answer as it came, wrapped in Markdown and the like or not.
    case
        The case with its checks and limits.

    Raises
    ------
    UsageError
        If no case is given.

    Examples
    --------
    >>> import liftlab
    >>> case = liftlab.load_suite("mvp")["is_even"]
    >>> liftlab.grade("def is_even(n):\n    return n % 2 == 0", case).outcome
    'pass'
    """
    _refuse_names(case)
    if not isinstance(code, str):
        raise UsageError(f"grade takes an answer as text, not {type(code).__name__}")
    return judge(code, case)


def _refuse_names(case: object) -> None:
    if not isinstance(case, Case):
        known = f'liftlab.load_suite("mvp")[{str(case)[:40]!r}]'
        raise UsageError(f"grade takes a Case, not {type(case).__name__}: try {known}")
