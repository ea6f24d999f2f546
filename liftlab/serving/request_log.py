"""What a server did with each request, by its own clock: the truth for checking a client's."""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Self


def _now() -> str:
    return datetime.now(UTC).isoformat()


@dataclass(slots=True, kw_only=True)
class Entry:
    """One request. `*_s` are this process's monotonic clock, `busy_s` the time in a slot."""

    request_id: str
    path: str
    received_s: float = field(default_factory=time.monotonic)
    received_at: str = field(default_factory=_now)
    started_s: float | None = None  # a slot was free
    finished_s: float | None = None
    finished_at: str | None = None
    queue_s: float | None = None
    busy_s: float | None = None
    status: str = "cancelled"  # what stays when the client goes away
    http_status: int | None = None
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    tokens: int | None = None

    def start(self) -> None:
        """Note that the request has its slot."""
        self.started_s = time.monotonic()
        self.queue_s = self.started_s - self.received_s

    def leave_slot(self) -> None:
        """Note that the request gave its slot back."""
        if self.started_s is not None:
            self.busy_s = time.monotonic() - self.started_s


class RequestLog:
    """A file with a line of JSON for each request that ended; each line is flushed."""

    def __init__(self, path: Path | None) -> None:
        self._file: IO[str] | None = None
        if path is not None:
            self._file = path.open("a", encoding="utf-8", buffering=1)

    def write(self, entry: Entry) -> None:
        """Complete `entry` with its end and append it."""
        entry.finished_s = time.monotonic()
        entry.finished_at = _now()
        if self._file is not None:
            self._file.write(json.dumps(dataclasses.asdict(entry)) + "\n")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_request_log(path: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a server's log, in the order in which requests ended."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]
