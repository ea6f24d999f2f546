"""How foreign code ends itself, and what the kernel keeps for it meanwhile."""

from __future__ import annotations

import signal

import pytest

from liftlab.grading import grade
from liftlab.sandbox import Call, Limits, Sandbox, protocol
from liftlab.suite import Case, Check

CASE = Case(
    case_id="answer",
    prompt="Return the answer.",
    entry_point="f",
    checks=(Check(name="one", args=(6,), expected=42),),
)
OWN_SIGNAL = """
import ctypes, platform, time
def f(x):
    libc, event, timer, when = ctypes.CDLL(None), bytearray(64), ctypes.c_int(), [0, 0, 0, 10**6]
    event[8] = {number}
    make, start = (222, 223) if platform.machine() == "x86_64" else (107, 110)
    at = (ctypes.c_char * 64).from_buffer(event)
    if libc.syscall(make, 1, at, ctypes.byref(timer)): raise ValueError("not to be had")
    libc.syscall(start, timer, 0, (ctypes.c_long * 4)(*when), None)
    time.sleep(5)
"""
# Leaves as much as it can in buffers of the kernel's, which no limit of the process counts.
FILL = """
import fcntl, os, socket
kind, held = {kind}, []
def ends():
    if kind is None:
        return os.pipe()
    return [end.detach() for end in socket.socketpair(socket.AF_UNIX, kind)]
def enlarge(end):
    if kind is None: fcntl.fcntl(end, 1031, 1 << 20)
    else: socket.socket(fileno=os.dup(end)).setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
def f():
    total = 0
    while True:
        try: kept, end = ends()
        except OSError: return total
        held.append(kept)
        try: enlarge(end)
        except OSError: pass
        os.set_blocking(end, False)
        for size in (65536, 4096, 1):
            try:
                while True: total += os.write(end, bytes(size))
            except OSError: pass
        os.close(end)
"""


@pytest.mark.parametrize("status", [0, 1, protocol.EXIT_MEMORY, protocol.EXIT_BROKEN, 137, 255])
@pytest.mark.parametrize("source", ["import os\nos._exit({})", "import os\ndef f(x): os._exit({})"])
def test_no_class_is_chosen_by_a_status(source: str, status: int, restricted: Sandbox) -> None:
    graded = grade(source.format(status), CASE, sandbox=restricted)
    assert graded.failure_class == "crash"
    assert graded.facets["message"] == f"exit status {status}"


def test_no_class_is_chosen_by_a_signal(restricted: Sandbox) -> None:
    for number in (signal.SIGKILL, signal.SIGSYS, signal.SIGXCPU):
        graded = grade(OWN_SIGNAL.replace("{number}", str(int(number))), CASE, sandbox=restricted)
        assert graded.failure_class == "runtime_error"
        assert graded.facets["message"] == "not to be had"


def test_want_of_memory_is_told_whoever_meets_it(restricted: Sandbox) -> None:
    for source in ("def f(x): return 'x' * 300_000_000", "def f(x): raise MemoryError"):
        assert grade(source, CASE, sandbox=restricted).failure_class == "memory"


def test_the_kernel_keeps_little_for_it(restricted: Sandbox) -> None:
    for kind in ("socket.SOCK_STREAM", "socket.SOCK_DGRAM", "socket.SOCK_SEQPACKET", "None"):
        source = FILL.replace("{kind}", kind).encode()
        [call] = restricted.run(source, [Call(function="f")], Limits()).calls
        assert call.ok, call
        assert 0 < call.value < 32 * 1024 * 1024
