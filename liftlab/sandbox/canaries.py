"""Try, from inside the child, what the sandbox ought to refuse; only what is tried counts."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

# Weaker levels allow more: full refuses all of these, restricted all but the last.
NAMES = (
    "connect",
    "fork",
    "read_outside",
    "write_outside",
    "change_mode_outside",
    "read_home",
    "read_caller_environment",
    "signal_worker",
    "write_worker_memory",
    "see_caller",
)


def probe(target: Mapping[str, Any]) -> dict[str, bool]:
    """Try each canary, and say whether it was possible.

    `target`: `port` of a listener on loopback, `file` outside the scratch folder, `home`, and
    `caller` and `group`, the process and the group of the program that grades.
    """
    caller, file = int(target["caller"]), str(target["file"])
    tries: dict[str, Callable[[], object]] = {
        "connect": lambda: _connect(target["port"]),
        "fork": _fork,
        "read_outside": lambda: _open(file, os.O_RDONLY),
        "write_outside": lambda: _open(file, os.O_WRONLY | os.O_APPEND),
        "change_mode_outside": lambda: os.chmod(file, 0o600),
        "read_home": lambda: os.listdir(target["home"]),
        "read_caller_environment": lambda: _open(f"/proc/{caller}/environ", os.O_RDONLY),
        "signal_worker": lambda: os.kill(os.getppid(), 0),
        "write_worker_memory": lambda: _open(f"/proc/{os.getppid()}/mem", os.O_RDWR),
        "see_caller": lambda: _see(caller, int(target["group"])),
    }
    return {name: _is_possible(tries[name]) for name in NAMES}


def _is_possible(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True


def _connect(port: int) -> None:
    import socket  # what every child would inherit is kept small

    socket.create_connection(("127.0.0.1", port), 0.2).close()


def _see(process: int, group: int) -> None:
    if os.getpgid(process) != group:
        raise ProcessLookupError("another process that has this number in here")


def _open(path: str, flags: int) -> None:
    os.close(os.open(path, flags))


def _fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
