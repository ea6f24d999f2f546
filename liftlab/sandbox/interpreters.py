"""The Python interpreters of this machine: which will do, and where their packages are."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys

from liftlab.errors import LiftlabError

OLDEST = (3, 11)  # the worker's own code is written for it
_ASK = "import json, sys; print(json.dumps([sys.version_info[:2], sys.path]))"


@functools.cache
def find(python: str) -> tuple[str, tuple[int, int], tuple[str, ...]]:
    """Return an interpreter's path, its version, and the folders in which it has packages.

    `python`: a path, or a name that is looked up. Raises LiftlabError if there is none, or it is
    too old.

    Examples
    --------
    >>> import sys
    >>> find(sys.executable)[0] == sys.executable
    True
    """
    if python == sys.executable:
        return python, sys.version_info[:2], _packages(sys.path)
    found = shutil.which(python)
    advice = "name another with python under [grading] of liftlab.toml, or leave it out"
    if found is None:
        raise LiftlabError(f"there is no interpreter {python!r} on this machine: {advice}")
    asked = subprocess.run([found, "-I", "-c", _ASK], capture_output=True, text=True, check=False)
    try:
        version, path = json.loads(asked.stdout)
    except ValueError:
        fault = asked.stderr.strip().rpartition("\n")[2] or "it says nothing"
        raise LiftlabError(f"{found} is no Python that works ({fault}): {advice}") from None
    major, minor = version
    if (major, minor) < OLDEST:
        raise LiftlabError(f"{found} is Python {major}.{minor}, older than 3.11: {advice}")
    return found, (major, minor), _packages(path)


def _packages(path: list[str]) -> tuple[str, ...]:
    return tuple(folder for folder in path if folder.endswith(("site-packages", "dist-packages")))
