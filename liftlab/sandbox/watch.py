"""Watch one child from outside: its clocks, its output, its disk; and end it when it must."""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import sys
import time

from liftlab.sandbox import protocol

_CHUNK = 1 << 16
_KIBIBYTE = 1024
RESULT_BYTES = 4 * 1024 * _KIBIBYTE
SCRATCH_BYTES = 32 * 1024 * _KIBIBYTE
_DEEPEST = 64
_ENTRY_BYTES = 4096  # what an empty file or folder costs
_LOOK_S = 0.05  # how often disk use is added up
_LOOK_OFTEN_S = 0.002  # where nothing tells the end of a process
_FIRST_LOOK_MS = 10
_KILLED = (-int(signal.SIGXCPU), -int(signal.SIGKILL))


class Watch:
    """Collects what a child writes, and kills it at the first limit it passes.

    To be made right before the child, as its clock starts then. What is in `scratch` is limited;
    the descriptor `request` tells when the caller is gone. The child writes to `result_end` and
    `output_end`, which are open until it has ended.
    """

    def __init__(self, job: protocol.Job, scratch: str, request: int) -> None:
        self._limits = job
        self._scratch = scratch
        self._request = request
        self._result_fd, self.result_end = os.pipe()
        self._output_fd, self.output_end = os.pipe()
        os.set_blocking(self._result_fd, False)
        os.set_blocking(self._output_fd, False)
        self._poller = select.poll()
        self._poller.register(request, 0)  # tells only that the other side is gone
        self._pid = 0
        self._look_s = _LOOK_S
        self._result = bytearray()
        self._output_bytes = 0
        self._ended_by: protocol.EndedBy | None = None
        self._status: int | None = None
        self._cpu_s = 0.0
        self._wall_s = 0.0
        self._started = time.monotonic()

    def until_end(self, pid: int) -> protocol.Answer:
        """Return everything seen when the child `pid` has ended and been reaped."""
        self._pid = pid
        handle = _handle_of(pid)
        if handle is None:
            _close(self.result_end, self.output_end)  # so that the pipes end when it does
            self._poller.register(self._result_fd, 0)  # unless the child closes it before
            self._look_s = _LOOK_OFTEN_S
        else:
            self._poller.register(handle, select.POLLIN)
        # Most runs end within that time: one look at the end does for all they wrote.
        self._poller.poll(_FIRST_LOOK_MS)
        if not self._is_reaped():
            self._look_until_reaped()
        if handle is not None:
            _close(self.result_end, self.output_end, handle)
        for fd in (self._result_fd, self._output_fd):
            while self._take(fd):
                pass
            os.close(fd)
        return protocol.Answer(
            self._ended_by, self._status, self._cpu_s, self._wall_s, bytes(self._result)
        )

    def _look_until_reaped(self) -> None:
        pipes = (self._result_fd, self._output_fd)
        for fd in pipes:
            self._poller.register(fd, select.POLLIN)
        while not self._is_reaped():
            for fd, event in self._poller.poll(self._patience_ms()):
                if fd == self._request:
                    self._poller.unregister(fd)
                    self._end("caller")
                elif fd not in pipes:
                    continue  # it has ended
                elif not self._take(fd) and event & select.POLLHUP:
                    self._poller.unregister(fd)
            self._check_limits()

    def _patience_ms(self) -> int:
        """Return how long no limit can be passed unseen; processor time runs at most that fast."""
        elapsed = time.monotonic() - self._started
        wall_left = self._limits.wall_s - elapsed
        cpu_left = self._limits.cpu_s - self._cpu_so_far()
        seconds: float = min(wall_left, cpu_left, self._look_s)
        return max(1, math.ceil(seconds * 1000))

    def _check_limits(self) -> None:
        if self._status is not None or self._ended_by is not None:
            return
        elapsed = time.monotonic() - self._started
        if self._cpu_so_far() >= self._limits.cpu_s:
            self._end("cpu")
        elif elapsed >= self._limits.wall_s and not self._is_held_up(elapsed):
            self._end("wall")
        elif elapsed >= _LOOK_S and _disk_use(self._scratch) > SCRATCH_BYTES:
            self._end("disk")

    def _is_held_up(self, elapsed: float) -> bool:
        """Say whether the child would be within its wall limit but for waiting for a processor.

        A busy machine must not change a verdict; the kernel counts that wait in `schedstat`.
        """
        if elapsed >= self._limits.wall_s * protocol.HELD_UP_FACTOR:
            return False
        try:
            with open(f"/proc/{self._pid}/schedstat", "rb") as file:
                waited_s = int(file.read().split()[1]) / 1e9
        except (OSError, IndexError, ValueError):
            return False  # not Linux, or a kernel that does not count it
        return bool(elapsed - waited_s < self._limits.wall_s)

    def _take(self, fd: int) -> bool:
        """Read what there is; False when there is nothing now."""
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return False
        if not data:
            return False
        if fd == self._result_fd:
            self._result += data[: RESULT_BYTES - len(self._result)]
            if len(self._result) >= RESULT_BYTES:
                self._end("result")
        else:
            self._output_bytes += len(data)
            if self._output_bytes > self._limits.output_kb * _KIBIBYTE:
                self._end("output")
        return True

    def _end(self, reason: protocol.EndedBy) -> None:
        """Note the first limit that was passed, and kill the child if it still runs."""
        if self._ended_by is not None:
            return
        self._ended_by = reason
        if self._status is not None:
            return  # what it wrote was read after its end
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        # Its group, too: below the restricted level there can be more than one process.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)

    def _is_reaped(self) -> bool:
        pid, status, usage = os.wait4(self._pid, os.WNOHANG)
        if pid == 0:
            return False
        self._status = os.waitstatus_to_exitcode(status)
        self._wall_s = time.monotonic() - self._started
        self._cpu_s = usage.ru_utime + usage.ru_stime
        if self._ended_by is None and self._status in _KILLED and self._cpu_s >= self._limits.cpu_s:
            self._ended_by = "cpu"  # by the hard limit
        return True

    def _cpu_so_far(self) -> float:
        if not sys.platform.startswith("linux"):
            return 0.0  # there the hard limit alone decides
        try:
            # The kernel's clock of another process: CPUCLOCK_SCHED in MAKE_PROCESS_CPUCLOCK.
            return time.clock_gettime((~self._pid << 3) | 2)
        except OSError:
            return 0.0


def _close(*fds: int) -> None:
    for fd in fds:
        os.close(fd)


def _handle_of(pid: int) -> int | None:
    """Return a descriptor that tells the child's end; None where the system has no such thing."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None  # then the end of its pipes has to do, and looking now and then


def _disk_use(folder: str) -> int:
    """Add up what is beneath `folder`, no further than the limit; deep nesting counts as all."""
    total, pending = 0, [(folder, 0)]
    while pending and total <= SCRATCH_BYTES:
        path, depth = pending.pop()
        if depth > _DEEPEST:
            return SCRATCH_BYTES + 1
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    total += _ENTRY_BYTES
                    if entry.is_dir(follow_symlinks=False):
                        pending.append((entry.path, depth + 1))
                    else:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
        except OSError:
            continue  # removed while we looked
    return total
