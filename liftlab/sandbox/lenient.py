"""Let honest code set modes and times of its own files, which the filter refuses everywhere.

The kernel cannot refuse it by path. `shutil.copy` sets the mode of what it has copied, and an
archive's files have their times: without this such code would be blocked. Nothing is set, and
outside the scratch folder the refusal stays. Standard library only.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

_CALLS = ("chmod", "utime")
_TOLD_ABOUT = (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks)


def be_lenient(scratch: str) -> None:
    """Replace, in this process, what `os` has for modes and times of files.

    Parameters
    ----------
    scratch
        The folder in which a refusal is passed over in silence.
    """
    for name in _CALLS:
        strict = getattr(os, name)
        lenient = _lenient(strict, os.path.realpath(scratch))
        setattr(os, name, lenient)
        for calls in _TOLD_ABOUT:
            if strict in calls:
                calls.add(lenient)


def _lenient(strict: Callable[..., None], scratch: str) -> Callable[..., None]:
    @functools.wraps(strict)
    def lenient(path: Any, *arguments: Any, **named: Any) -> None:
        try:
            strict(path, *arguments, **named)
        except PermissionError:
            if named.get("dir_fd") is not None or not _is_inside(path, scratch):
                raise
            # The filter refuses before the kernel has looked whether there is such a file.
            os.stat(path, follow_symlinks=named.get("follow_symlinks", True))

    return lenient


def _is_inside(path: Any, scratch: str) -> bool:
    if isinstance(path, int):
        return False  # an open file, whose path is not known
    found = os.path.realpath(os.fsdecode(path))
    return found == scratch or found.startswith(scratch + os.sep)
