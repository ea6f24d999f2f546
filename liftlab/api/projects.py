"""Find the project that is meant, load its suites or make one by hand, and grade an answer."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liftlab import settings, suite
from liftlab.errors import UsageError
from liftlab.reporting.render import PROJECT
from liftlab.settings import Project
from liftlab.suite import Case, Suite

if TYPE_CHECKING:
    from liftlab.grading.grade import Graded

Place = Project | str | os.PathLike[str] | None  # a project, a folder in it, or here


def load_project(path: Place = None, **overrides: Any) -> Project:
    """Return the project around a folder: its settings, and where its runs lie.

    Parameters
    ----------
    path
        A folder or its `liftlab.toml`; the working directory if None.
    overrides
        Settings of its `[run]` table that hold for this project only, such as `suite="mvp"`.

    Raises
    ------
    UsageError
        If no `liftlab.toml` is there or above.
    SettingsInvalid
        If the file is broken: says the line and the field.

    Examples
    --------
    >>> import liftlab
    >>> liftlab.load_project(".").settings.run.suite
    'mvp'
    """
    if not isinstance(path, Project | str | os.PathLike | None):
        raise UsageError(f"a project is named by its folder, not by {type(path).__name__}")
    if isinstance(path, Project) and not overrides:
        return path
    start = path.root if isinstance(path, Project) else Path(path or ".").expanduser()
    if not start.exists():
        raise UsageError(f"{start}: there is no such folder")
    asked = {f"run.{name}": value for name, value in overrides.items()}
    if not path and os.environ.get(PROJECT):
        start = Path(os.environ[PROJECT])
    try:
        return settings.find_project(start.parent if start.is_file() else start, overrides=asked)
    except UsageError:
        notebook = None if path else _executed_notebook()
        if notebook is None:
            raise
    return settings.find_project(notebook.parent, overrides=asked)


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
    from liftlab.grading.grade import grade as judge

    if not isinstance(case, Case):
        raise UsageError(
            f"grade takes a Case, not {type(case).__name__}: "
            f'try liftlab.load_suite("mvp")[{str(case)[:40]!r}]'
        )
    if not isinstance(code, str):
        raise UsageError(f"grade takes an answer as text, not {type(code).__name__}")
    return judge(code, case)


def _executed_notebook() -> Path | None:
    """Return the notebook that papermill executes from another folder; None elsewhere.

    A kernel is not told: the command that started it is.
    """
    if "ipykernel" not in sys.modules:
        return None
    import psutil  # ipykernel needs it

    try:
        command = psutil.Process().parent()
        words = command.cmdline() if command else []
    except psutil.Error:
        return None
    return next((Path(word) for word in words if word.endswith(".ipynb")), None)
