"""Find the project that is meant."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from liftlab import settings
from liftlab.errors import UsageError
from liftlab.reporting.render import PROJECT
from liftlab.settings import Project

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
