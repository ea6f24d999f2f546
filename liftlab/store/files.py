"""Files that are there in full or not at all, and disk errors that people can act on."""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from liftlab.errors import RunFolderCorrupt, StorageFailed

TEMPORARY = re.compile(r"\..+\.[0-9a-f]{16}")  # what `write_atomic` calls a file under way
_ADVICE = "Free some space or set LIFTLAB_RUNS_DIR to a place you can write to"


_LARGEST = 8 * 2**30  # of a journal or a table: no run comes near it


def read_regular(path: Path, limit: int) -> bytes:
    """Return the bytes of a file of a run's folder, which anybody may have filled.

    Raises RunFolderCorrupt if it is not readable, no regular file, or longer than `limit`.
    """
    try:
        # A FIFO without a writer would keep us waiting.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            refuse_odd(path, os.fstat(file.fileno()), limit)
            return file.read(limit)
    except OSError as error:
        raise RunFolderCorrupt(path, f"cannot be read: {error.strerror}") from error


def refuse_odd(path: Path | str, found: os.stat_result, limit: int = _LARGEST) -> None:
    """Raise RunFolderCorrupt if a file of a run's folder is not one to be read to its end."""
    if not stat.S_ISREG(found.st_mode):
        raise RunFolderCorrupt(path, "is no regular file: remove it, a run's folder has none such")
    if found.st_size > limit:
        raise RunFolderCorrupt(path, f"is larger than {limit / 2**20:,.0f} MiB")


@contextmanager
def writing(path: Path, advice: str = _ADVICE) -> Iterator[None]:
    """Turn an `OSError` of the block into a StorageFailed that names `path` and says what to do."""
    try:
        yield
    except OSError as error:
        raise StorageFailed(
            f"{path}: cannot be written: {error.strerror or error}. {advice}"
        ) from error


def write_atomic(
    path: Path, content: bytes, *, durable: bool = True, advice: str = _ADVICE
) -> None:
    """Write a file under a temporary name and move it into place, where it replaces an older one.

    If `durable`, wait until the disk has it, so that it outlasts a power cut. Raises StorageFailed
    if it cannot be written; nothing is left behind, and an older file stays.
    """
    with writing(path, advice):
        name = f"{path.parent}/.{path.name[:80]}.{secrets.token_hex(8)}"
        # Not mkstemp: its mode locks a team out of each other's runs, and it is slower.
        handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            with open(handle, "wb") as file:
                file.write(content)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
        if durable:
            sync(path.parent)


def sync(path: Path) -> None:
    """Wait until the disk has a file, or the names in a directory."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
