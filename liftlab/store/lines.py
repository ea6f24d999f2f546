"""A load's requests as JSON Lines, for other tools: one object a request, in the order sent."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from liftlab.errors import UsageError
from liftlab.records import STALE
from liftlab.store import schema
from liftlab.store.files import writing
from liftlab.store.folder import RunFolder

_MOMENTS = ("planned_ns", "sent_ns", "first_byte_ns", "first_token_ns", "last_byte_ns")
_SENT = _MOMENTS.index("sent_ns")
_QUERY = (
    "SELECT repeat, request_id, response_id, scheduled_s, sent_s, first_byte_s, first_token_s, "
    "last_byte_s, valid, http_status, error_class, connection_reused, output_tokens "
    "FROM attempt WHERE phase = 'measure' ORDER BY seq"
)


def check_place(path: Path) -> None:
    """See to it, before a load, that its lines can be written where they are wanted.

    Raises UsageError if something other than a file is there, or no folder to hold it. Raises
    StorageFailed if nothing can be written there.
    """
    if path.exists() and not path.is_file():
        raise UsageError(f"--out: {path} is no file; give the name of one")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise UsageError(f"--out: there is no folder {folder}")
    # Tried, not asked for: a superuser may write anywhere, except where nobody can.
    with writing(path, "Give --out another place"), tempfile.TemporaryFile(dir=folder):
        pass


def write_lines(folder: RunFolder, path: Path, zero_ns: int) -> None:
    """Write the measured requests of a load, whole or not at all; a file there is replaced.

    Moments are written on the clock `perf_counter_ns`, on which the run's zero is `zero_ns`. Raises
    StorageFailed if it cannot be written; nothing is left behind.
    """
    part = path.with_name(f".{path.name[:80]}.{os.getpid()}.part")
    advice = f"The load itself is kept: liftlab show {folder.run_id}"
    with schema.opened(folder.journal_path) as connection, writing(path, advice):
        try:
            with part.open("w", encoding="utf-8") as file:
                file.writelines(_lines(connection, zero_ns))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def _lines(connection: sqlite3.Connection, zero_ns: int) -> Iterator[str]:
    first_sent: dict[int, float] = {}  # of requests that are sent again at once
    for repeat, *row in connection.execute(_QUERY):
        request_id, response_id, *moments, valid, status, error_class, reused, tokens = row
        if error_class == STALE:
            first_sent[repeat] = moments[_SENT]
            continue
        moments[_SENT] = first_sent.pop(repeat, moments[_SENT])
        line: dict[str, Any] = {"request_id": request_id, "response_id": response_id}
        for name, seconds in zip(_MOMENTS, moments, strict=True):
            line[name] = None if seconds is None else zero_ns + round(seconds * 1e9)
        line |= {
            "ok": valid == 1 and error_class is None,
            "http_status": status,
            "error_class": error_class,
            "connection_reused": None if reused is None else bool(reused),
            "output_tokens": tokens,
        }
        yield json.dumps(line) + "\n"
