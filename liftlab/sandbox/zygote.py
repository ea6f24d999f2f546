"""The warm worker: reads a job, forks a child for it, watches it, and answers what happened.

Jobs and answers are JSON behind a four-byte length, on standard input and output. The worker
has imported what candidates commonly import, so that a run costs a fork and not a start of
Python. It never runs foreign code itself. Standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from importlib import import_module
from typing import Any, NoReturn

from liftlab.sandbox import child, confine, facts, protocol, seccomp
from liftlab.sandbox.watch import Watch

_REQUEST_FD = 0
_CHILD_FDS = 4  # the candidate keeps 0 to 3
_WARM = (
    "abc", "array", "ast", "asyncio", "base64", "bisect", "cmath", "collections", "contextlib",
    "copy", "csv", "ctypes", "dataclasses", "datetime", "decimal", "enum", "fractions",
    "functools", "hashlib", "heapq", "inspect", "io", "itertools", "json", "math", "numbers",
    "operator", "queue", "random", "re", "socket", "statistics", "string", "struct", "textwrap",
    "threading", "time", "traceback", "typing", "unicodedata", "urllib.parse", "uuid",
)  # fmt: skip


def main(scratch_root: str) -> NoReturn:
    """Serve jobs until told to stop, or until standard input ends."""
    for name in _WARM:
        try:
            import_module(name)
        except ImportError:
            continue  # an interpreter built without it
    warnings.simplefilter("ignore")  # the candidate's warnings are nobody's
    _become_subreaper()
    wake_read, wake_write = os.pipe()
    for end in (wake_read, wake_write):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    reply_fd = os.dup(1)
    os.dup2(2, 1)  # nothing but answers goes there
    _warm_up()
    gc.collect()
    gc.freeze()  # pages stay shared with the children
    baseline = _address_space()
    with contextlib.suppress(BrokenPipeError):
        while (job := receive(_REQUEST_FD)) is not None:
            if job["kind"] == "stop":
                sys.exit(0)
            send(reply_fd, _run(job, scratch_root, baseline, wake_read))
    # The caller was killed, and cannot tidy up after itself.
    shutil.rmtree(os.path.dirname(scratch_root), ignore_errors=True)
    sys.exit(0)


def _warm_up() -> None:
    """Make once, before the forks, what each child would make anew."""
    seccomp.filter_code()
    confine.readable_paths()
    confine.libc()
    child.own_modules()
    for source in (b"def f(x):\n    return x\n", b"def f(:\n"):
        facts.inspect_source(source)  # the types of syntax trees are made at the first one


def receive(fd: int) -> Any:
    """Read one message; None when the other side has closed."""
    head = _read_exactly(fd, protocol.HEADER_BYTES)
    if head is None:
        return None
    body = _read_exactly(fd, protocol.length(head))
    return None if body is None else json.loads(body)


def send(fd: int, message: Any) -> None:
    """Write one message."""
    data = protocol.pack(message)
    while data:
        data = data[os.write(fd, data) :]


def _read_exactly(fd: int, count: int) -> bytes | None:
    parts = []
    while count:
        part = os.read(fd, min(count, 1 << 20))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _run(job: dict[str, Any], scratch_root: str, baseline: int, wake: int) -> dict[str, Any]:
    scratch = tempfile.mkdtemp(dir=scratch_root)
    result_read, result_write = os.pipe()
    output_read, output_write = os.pipe()
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        try:
            _arrange_descriptors(result_write, output_write)
            child.run_job(job, scratch, baseline)
        finally:
            os._exit(protocol.EXIT_BROKEN)
    os.close(result_write)
    os.close(output_write)
    watch = Watch(pid, job["limits"], scratch, started)
    try:
        watch.until_end(result_read, output_read, wake, _REQUEST_FD)
    finally:
        os.close(result_read)
        os.close(output_read)
    _kill_stragglers()
    _remove(scratch)
    return watch.report()


def _arrange_descriptors(result_write: int, output_write: int) -> None:
    """Leave the child nothing but an empty input, the output pipe and the result pipe."""
    high = [os.dup(fd) for fd in (result_write, output_write)]
    while min(high) < _CHILD_FDS:
        high = [os.dup(fd) for fd in high]
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(high[1], 1)
    os.dup2(high[1], 2)
    os.dup2(high[0], protocol.RESULT_FD)
    os.closerange(_CHILD_FDS, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _become_subreaper() -> None:
    """Have orphans of a child come to us, so that they can be found and killed."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def _kill_stragglers() -> None:
    """Kill and reap what a child left behind; at the restricted level there is nothing."""
    for _ in range(1000):
        try:
            pid, _status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid:
            continue
        for orphan in _children():
            os.kill(orphan, signal.SIGKILL)
        time.sleep(0.001)


def _children() -> list[int]:
    found = []
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    parent = int(file.read().rpartition(b")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue  # it has just ended
            if parent == os.getpid():
                found.append(int(name))
    return found


def _remove(scratch: str) -> None:
    """Remove the scratch folder, however deep or unreadable the candidate has made it."""
    try:
        os.rmdir(scratch)  # mostly it is empty
        return
    except OSError:
        pass
    try:
        shutil.rmtree(scratch)
    except (OSError, RecursionError):
        for command in (["rm", "-rf"], ["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
            if os.path.isdir(scratch):
                subprocess.run([*command, "--", scratch], check=False, stderr=subprocess.DEVNULL)


def _address_space() -> int:
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 64 * 1024 * 1024  # no /proc: about what a warm interpreter takes
