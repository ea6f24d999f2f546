"""One writer a run: an advisory lock that the kernel takes back when its owner dies."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from liftlab.errors import StorageFailed
from liftlab.store.files import writing

FILE_NAME = "run.lock"

_TRIES = 5  # `is_held` takes the lock for an instant
_PAUSE_S = 0.02


class RunLock:
    """The right to write to a run, held until `release` or until the process ends.

    `flock` ties the lock to a living process: a killed owner's lock is free at once, and no
    process id that was given out again is taken for the owner. The file's content, owner
    and start time, only serves the message.
    """

    def __init__(self, folder: Path) -> None:
        """Take the lock.

        Raises StorageFailed if a living process holds it; the message names that process.
        """
        self._path = folder / FILE_NAME
        with writing(self._path):
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._take()
            self._sign()
        except BaseException:
            os.close(self._handle)
            raise

    def release(self) -> None:
        """Give the lock back; the file stays, since removing it would race with the next owner."""
        os.close(self._handle)

    def _take(self) -> None:
        for attempt in range(_TRIES):
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if attempt < _TRIES - 1:
                    time.sleep(_PAUSE_S)
            except OSError as error:
                raise StorageFailed(
                    f"{self._path}: this file system has no locks ({error.strerror}): "
                    "set LIFTLAB_RUNS_DIR to a local disk"
                ) from error
        raise StorageFailed(
            f"{self._path.parent}: {owner(self._path.parent)} is writing to this run: "
            "wait for it or stop it"
        )

    def _sign(self) -> None:
        owner = {"pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
        with writing(self._path):
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, json.dumps(owner).encode(), 0)


def is_held(folder: Path) -> bool:
    """Tell whether a living process writes to the run."""
    try:
        handle = os.open(folder / FILE_NAME, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in (errno.EWOULDBLOCK, errno.EAGAIN)
    finally:
        os.close(handle)
    return False


def owner(folder: Path) -> str:
    """Name the last process that took the lock, as well as its file tells."""
    try:
        told = json.loads((folder / FILE_NAME).read_text()[:500])
        return f"process {int(told['pid'])} (since {str(told['since'])[:40]})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
