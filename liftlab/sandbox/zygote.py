"""The warm worker: reads a job, forks a child for it, watches it, and answers what happened.

Jobs and answers are messages of `protocol`, on standard input and output. The worker has
imported what candidates commonly import, so that a run costs a fork and not a start of Python.
It never runs foreign code itself. Standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import resource
import signal
import sys
import time
import warnings
from collections.abc import Sequence
from typing import NoReturn

from liftlab.sandbox import child, facts, protocol
from liftlab.sandbox.watch import Watch

_REQUEST_FD = 0
_MEBIBYTE = 1024 * 1024
_fork, _exit = os.fork, os._exit  # taken before foreign code can replace them


def main(scratch: str, readable: Sequence[str] = ()) -> NoReturn:
    """Serve jobs until told to stop, or until standard input ends.

    `readable`: what children may read beside the interpreter's own files.
    """
    warnings.simplefilter("ignore")  # the candidate's warnings are nobody's
    if sys.platform.startswith("linux"):  # orphans of a child come to us, to be found and killed
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.closerange(protocol.RESULT_FD, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    # Takes the number of a child's result pipe: what a rehearsal tells goes nowhere.
    os.open(os.devnull, os.O_WRONLY)
    reply_fd = os.dup(1)
    os.dup2(2, 1)  # nothing but answers goes there
    _empty(scratch)  # of what a lost worker left
    prepared = child.Prepared(scratch, readable)
    _warm_up(prepared)
    own_bytes = _address_space()
    with contextlib.suppress(BrokenPipeError, EOFError):
        while True:
            job = protocol.read_job(lambda most: os.read(_REQUEST_FD, most))
            if job.kind == "stop":
                sys.exit(0)
            message = protocol.pack_answer(_run(job, prepared, scratch, own_bytes))
            while message:
                message = message[os.write(reply_fd, message) :]
    # The caller was killed, and cannot tidy up after itself.
    import shutil

    shutil.rmtree(os.path.dirname(scratch), ignore_errors=True)
    sys.exit(0)


def _warm_up(prepared: child.Prepared) -> None:
    """Do once, before the forks, what each child would do anew."""
    for source in (b"def f(x):\n    return x\n", b"def f(:\n"):
        facts.inspect_source(source)  # the types of syntax trees are made at the first one
    child.rehearse(prepared)
    for name in [name for name in sys.modules if name.partition(".")[0] == "liftlab"]:
        del sys.modules[name]  # no candidate is to find them
    gc.collect()
    gc.freeze()  # pages stay shared with the children


def _run(
    job: protocol.Job, prepared: child.Prepared, scratch: str, own_bytes: int
) -> protocol.Answer:
    # What can be done before the fork is done before it: what either side touches then is copied.
    kind, source, told = job.kind, job.source, job.told
    watch = Watch(job, scratch, _REQUEST_FD)
    memory_bytes = own_bytes + job.memory_mb * _MEBIBYTE
    steps = prepared.steps(job.cpu_s, memory_bytes, watch.output_end, watch.result_end)
    pid = _fork()
    if pid == 0:
        status = protocol.EXIT_BROKEN
        try:
            status = child.run_job(kind, source, told, steps, prepared)
        finally:
            _exit(status)
    answer = watch.until_end(pid)
    if not prepared.confinement.is_complete:
        _kill_stragglers()
    _empty(scratch)
    return answer


def _kill_stragglers() -> None:
    """Kill and reap what a child left behind, where it could start anything."""
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


def _empty(scratch: str) -> None:
    """Leave nothing in the scratch folder, however deep or unreadable it was made.

    The folder itself stays: what a child may touch is written down once for all of them.
    """
    left = os.listdir(scratch)
    if not left:
        return  # mostly
    import shutil
    import subprocess

    for name in left:
        path = os.path.join(scratch, name)
        is_folder = os.path.isdir(path) and not os.path.islink(path)
        try:
            (shutil.rmtree if is_folder else os.remove)(path)
        except (OSError, RecursionError):
            for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
                subprocess.run([*command, "--", path], check=False, stderr=subprocess.DEVNULL)
    if os.listdir(scratch):
        sys.exit("the scratch folder cannot be emptied")


def _address_space() -> int:
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 64 * 1024 * 1024  # no /proc: about what a warm interpreter takes
