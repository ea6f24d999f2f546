"""Who holds the run now: its writer, other processes, and servers that nobody holds any more."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from liftlab.store import lock
from liftlab.store.doctor import Finding, some
from liftlab.store.folder import RunFolder

_PROC = Path("/proc")
_OURS = re.compile(r"\bliftlab\.(?:serving|runner)\.[a-z_.]+")


class _Process(NamedTuple):
    pid: int
    command: str
    stdin: str
    files: frozenset[str]


def check_processes(folder: RunFolder) -> Iterator[Finding]:
    """Say who writes to the run, who else has its files open, and which children were left."""
    yield _writer(folder)
    if not (_PROC / "self" / "fd").is_dir():
        yield Finding("processes", "note", "this system does not tell who has a file open")
        return
    inside = f"{folder.path.resolve()}{os.sep}"
    everybody = list(_processes())
    readers = [
        f"{p.pid} ({p.command[:60]})"
        for p in everybody
        if p.pid != os.getpid() and any(name.startswith(inside) for name in p.files)
    ]
    if readers:
        text = f"has files of this run open: process {some(readers)}"
        yield Finding("processes", "note", text)
    left = _left(everybody)
    if left:
        text = f"outlived the liftlab that started it: {some([p.command for p in left])}"
        advice = f"end it with: kill {' '.join(str(p.pid) for p in left)}"
        yield Finding("processes", "note", text, advice)
    if not readers and not left:
        yield Finding("processes", "sound", "none left behind")


def _writer(folder: RunFolder) -> Finding:
    if lock.is_held(folder.path):
        text = f"{lock.owner(folder.path)} is writing to this run"
        advice = "tables, orphans and leftovers are not judged while it does"
        return Finding("lock", "note", text, advice)
    if not (folder.path / lock.FILE_NAME).exists():
        return Finding("lock", "sound", "free, nobody has written since")
    return Finding("lock", "sound", f"free; {lock.owner(folder.path)} was the last to write")


def _left(everybody: list[_Process]) -> list[_Process]:
    """Return servers and load processes whose standard input has nobody at its other end.

    The one who starts them holds it as long as it lives, and they leave when it closes.
    """
    holders = Counter(name for process in everybody for name in process.files)
    return [
        process
        for process in everybody
        if _OURS.search(process.command)
        and process.stdin.startswith("pipe:")
        and holders[process.stdin] == 1
    ]


def _processes() -> Iterator[_Process]:
    """Yield the processes that we may look at; they come and go meanwhile."""
    for entry in _PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            links = {name: os.readlink(entry / "fd" / name) for name in os.listdir(entry / "fd")}
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it has ended, or belongs to somebody else
            continue
        command = b" ".join(words).decode("utf-8", "replace").strip()
        yield _Process(int(entry.name), command, links.get("0", ""), frozenset(links.values()))
