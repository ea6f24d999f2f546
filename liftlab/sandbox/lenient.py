"""Let honest code set modes, times and owners of its own files, which the filter refuses.

The kernel cannot refuse it by path, so it refuses it everywhere. `shutil.copy` sets the mode of
what it has copied, and an archive's files have their times: without this such code would be
blocked. Nothing is set, and outside the scratch folder the refusal stays. Standard library only.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from typing import Any

_CALLS = ("chmod", "fchmod", "utime", "chown", "fchown", "lchown")
_TOLD_ABOUT = (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks)


def be_lenient(scratch: str) -> None:
    """Have `os`, in this process, pass refusals over for files in the folder `scratch`."""
    for name in _CALLS:
        strict = getattr(os, name)
        lenient = _lenient(strict, os.path.realpath(scratch))
        setattr(os, name, lenient)
        for calls in _TOLD_ABOUT:
            if strict in calls:
                calls.add(lenient)
    os.truncate = _truncate


def _lenient(strict: Callable[..., None], scratch: str) -> Callable[..., None]:
    @functools.wraps(strict)
    def lenient(path: Any, *arguments: Any, **named: Any) -> None:
        try:
            strict(path, *arguments, **named)
        except PermissionError:
            # The filter refuses before the kernel has looked whether there is such a file.
            told: dict[str, Any] = {
                key: named[key] for key in ("dir_fd", "follow_symlinks") if key in named
            }
            found = os.stat(path, **told)
            if not any(os.path.samestat(found, own) for own in _likely(path, scratch, told)):
                raise

    return lenient


def _likely(path: Any, scratch: str, told: dict[str, Any]) -> Iterator[os.stat_result]:
    """Yield what in the scratch folder the path may stand for."""
    if isinstance(path, int) or told.get("dir_fd") is not None:
        for folder, _, names in os.walk(scratch):  # a path is not known
            yield from (os.lstat(os.path.join(folder, name)) for name in ("", *names))
        return
    place = os.path.realpath(os.fsdecode(path))
    if place == scratch or place.startswith(scratch + os.sep):
        yield os.stat(path, **told)


def _truncate(path: Any, length: int) -> None:
    """Truncate as `os.truncate` does, by a descriptor: for that Landlock says which files."""
    fd = path if isinstance(path, int) else os.open(path, os.O_WRONLY)
    try:
        os.ftruncate(fd, length)
    finally:
        if fd is not path:
            os.close(fd)
