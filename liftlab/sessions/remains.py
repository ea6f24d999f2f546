"""What the calls of a run made on the server, or may have made, and is not known to be gone.

It is noted before such a call is sent, so that a killed run knows it, too: a line in the run's
folder for each change. When nothing remains, the file goes.
"""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from liftlab.errors import RunFolderCorrupt
from liftlab.store.files import read_regular, writing
from liftlab.words import one_line

FILE_NAME = "made.jsonl"
ENDED_S = 1.0  # by then a server has ended a call whose connection is gone
_MOST_BYTES = 64 * 2**20

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What one call made, under its `id`; without one it may have made something."""

    number: int
    check: str
    call: str
    user: Headers
    until: float  # the moment by which the server has ended the call
    id: str | None = None
    why: str = "not looked for yet"  # it is there, or may be
    gone: bool = False

    @property
    def line(self) -> str:
        """What it is, and why it is there or may be."""
        who = " and ".join(value for _, value in self.user)[:100] or "none"
        what = "may remain" if self.id is None else self.id[:100]
        line = f"{what}: user {who}, made by check {self.check} ({self.call}); {self.why}"
        return one_line(line)


class Remains:
    """The one writer of that file; without a folder it is kept in memory.

    A line outlasts a killed process, and not a power cut: no call waits for the disk.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._path = None if folder is None else folder / FILE_NAME
        known = [] if folder is None else _read(folder)
        self._made = {made.number: made for made in known}
        self._numbers = itertools.count(max(self._made, default=0) + 1)
        self.deleted: Made | None = None  # the first in this session, to be deleted once more

    def of(self, check: str | None = None) -> list[Made]:
        """Return what a check left, or all checks together."""
        made = self._made.values()
        return [one for one in made if not one.gone and check in (None, one.check)]

    def begun(
        self, check: str, call: str, user: Headers, deadline_s: float, made: str | None = None
    ) -> Made:
        """Note a call that may make something before it is sent."""
        until = time.time() + deadline_s + ENDED_S
        number = next(self._numbers)
        one = Made(number=number, check=check, call=call, user=user, until=until, id=made)
        return self._note(one)

    def ended(self, made: Made) -> None:
        """Note that the server is not at the call any more."""
        self._note(replace(made, until=time.time() + ENDED_S))

    def named(self, made: Made, name: str) -> None:
        """Note what the call made."""
        self._note(replace(made, id=name))

    def stays(self, made: Made, why: str) -> None:
        """Note why it is still there, or may be."""
        self._note(replace(made, why=why[:300]))

    def gone(self, made: Made) -> None:
        """Note that nothing of it remains."""
        self._note(replace(made, gone=True))

    def close(self) -> None:
        """Remove the file where nothing remains."""
        if self._path is not None and not self.of():
            with writing(self._path):
                self._path.unlink(missing_ok=True)

    def _note(self, made: Made) -> Made:
        before = self._made.get(made.number)
        self._made[made.number] = made
        if self._path is not None and made != before:
            line = json.dumps(asdict(made)).encode() + b"\n"
            with writing(self._path), self._path.open("ab", buffering=0) as file:
                file.write(line)
        return made


def remaining(folder: Path) -> list[Made]:
    """Return what a run made and is not known to be gone. Raises RunFolderCorrupt."""
    latest = {made.number: made for made in _read(folder)}
    return [made for made in latest.values() if not made.gone]


def _read(folder: Path) -> list[Made]:
    path = folder / FILE_NAME
    if not path.exists():
        return []
    *lines, _ = read_regular(path, _MOST_BYTES).split(b"\n")  # the last one was cut off by a kill
    return [_made(path, number, line) for number, line in enumerate(lines, 1)]


def _made(path: Path, number: int, line: bytes) -> Made:
    """Return what a line says; anybody may have written it."""
    try:
        told: dict[str, Any] = json.loads(line)
        user = tuple((str(name), str(value)) for name, value in told["user"])
        made = Made(**{**told, "user": user, "until": float(told["until"])})
        texts = (made.check, made.call, made.why, "" if made.id is None else made.id)
        if isinstance(made.number, int) and all(isinstance(text, str) for text in texts):
            return made
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    raise RunFolderCorrupt(path, "this is not what liftlab wrote; remove the file", number)
