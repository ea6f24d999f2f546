"""The sandbox: a warm worker that runs foreign source in confined children."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from liftlab import values
from liftlab.errors import LiftlabError
from liftlab.records import Isolation
from liftlab.sandbox import protocol
from liftlab.sandbox.bubblewrap import HOW_TO_INSTALL, INNER_PACKAGE, INNER_SCRATCH, bubblewrap
from liftlab.sandbox.reports import (
    LINES_BESIDE_CALLS,
    Call,
    Limits,
    ParseReport,
    RunReport,
    lines_of,
    parse_report,
    run_report,
)

MAX_SOURCE_BYTES = 1024 * 1024
_MAX_ANSWER_BYTES = 64 * 1024 * 1024
_GRACE_S = 10.0  # beyond the wall limit: killing, reaping and removing the scratch folder
_RUNS_PER_WORKER = 1000
_OLDEST = (3, 11)  # the worker's own code is written for it
_ASK = "import json, sys; print(json.dumps([sys.version_info[:2], sys.path]))"
_PACKAGE = Path(__file__).parent
_NOT_TRIED = "walls around the worker were not asked for"
_MECHANISMS = ("landlock", "seccomp")
# Not `liftlab` itself: the worker imports these two folders under that name and nothing else,
# so that its start loads no library and no code of the candidate's can reach one.
_BOOT = """
import sys, types
for name, folder in (("liftlab", sys.argv[1]), ("liftlab.sandbox", sys.argv[2])):
    module = types.ModuleType(name)
    module.__path__ = [folder]
    sys.modules[name] = module
from liftlab.sandbox import warm
warm.import_common()
readable = warm.import_packages(sys.argv[4].split(":"), sys.argv[5:])
from liftlab.sandbox import zygote
zygote.main(sys.argv[3], readable)
"""


class Sandbox:
    """Runs and parses foreign source away from this process; one job at a time, from any thread.

    `level` is "full" to insist on walls around the worker, "restricted" to do without them; by
    default the stronger of what this machine can do. `prefix` is a command that starts the worker
    inside walls of its own, in place of bubblewrap. Candidates run with the interpreter `python`,
    3.11 or newer, and may import those `packages` that it has. Raises LiftlabError if the worker
    does not start, or a level cannot be had.

    `isolation` is "restricted" if the child was refused all that `canaries` tries but the sight of
    this process, "full" if that too, else "limits-only": tried, never assumed. `probes` says for
    each try whether it was possible, `advice` how to have a stronger level here (None at the
    strongest), and `version` which Python candidates run on, such as (3, 12).
    """

    def __init__(
        self,
        *,
        level: Literal["full", "restricted"] | None = None,
        prefix: Sequence[str] = (),
        python: str = sys.executable,
        packages: Sequence[str] = (),
    ) -> None:
        if not hasattr(os, "fork"):
            raise LiftlabError("the sandbox needs Linux or macOS; on Windows, use WSL")
        self._lock = threading.Lock()
        self._worker: subprocess.Popen[bytes] | None = None
        self._runs = 0
        self._required: tuple[str, ...] = ()
        python, self.version, folders = _interpreter(python)
        self._folders = folders if packages else ()
        self._packages = tuple(packages)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by close()
        self._folder = Path(tempfile.mkdtemp(prefix="liftlab-"))
        (self._folder / "scratch").mkdir()
        may_be_full = level != "restricted" and not prefix
        bare = [*prefix, python]
        places = (str(_PACKAGE.parent), str(_PACKAGE), str(self._folder / "scratch"))
        try:
            self.advice = self._reach_full(python) if may_be_full else _NOT_TRIED
            if level == "full" and self.advice:
                raise LiftlabError(f"no isolation at level full here: {self.advice}")
            if self.advice:
                self._start_as(bare, places)
        except BaseException:
            self.close()
            raise
        if self.isolation in ("full", "restricted"):
            self._required = _MECHANISMS  # from now on a run without them is refused

    def _reach_full(self, python: str) -> str | None:
        """Start the worker inside walls and return None, or say why that can't be had."""
        walls = bubblewrap(python, _PACKAGE.parent, _ENVIRONMENT, self._folders)
        if walls is None:
            return HOW_TO_INSTALL
        try:
            self._start_as(walls, (INNER_PACKAGE, f"{INNER_PACKAGE}/sandbox", INNER_SCRATCH))
        except LiftlabError as error:
            return f"bubblewrap does not work here: {error}"
        if self.isolation != "full":
            possible = ", ".join(name for name, is_possible in self.probes.items() if is_possible)
            return f"inside bubblewrap, code could still {possible.replace('_', ' ')}"
        shutil.rmtree(self._folder)  # the scratch folders are behind the walls
        return None

    def _start_as(self, command: Sequence[str], places: Sequence[str]) -> None:
        """Start the worker this way from now on, and see how well it isolates."""
        self._stop()
        packages = (":".join(self._folders), *self._packages)
        self._command = [*command, "-P", "-s", "-S", "-B", "-c", _BOOT, *places, *packages]
        self.probes = self._probe()
        self.isolation = _level(self.probes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the worker and remove everything it wrote."""
        self._stop()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._log.close()

    def parse(self, source: bytes, limits: Limits | None = None) -> ParseReport:
        """Compile `source` in a child and tell what it is; nothing of it runs."""
        if len(source) > MAX_SOURCE_BYTES:
            return _too_long(source)
        report = run_report(self._ask("parse", limits or Limits(), source), 0)
        return report.parse or parse_report(None)

    def run(self, source: bytes, calls: Sequence[Call], limits: Limits) -> RunReport:
        """Load `source` in a child, make the calls, and bring the values back.

        A run that passed a time limit with less than half of its processor time used was held up by
        something else: it is tried once more, and `reruns` says so. Raises values.NotPlain,
        values.TooLarge if an argument of a call cannot be sent.
        """
        if len(source) > MAX_SOURCE_BYTES:
            return RunReport(
                parse=_too_long(source), calls=run_report(protocol.LOST, len(calls)).calls
            )
        asked = [_asked(call) for call in calls]
        report = self._run_once(source, asked, limits)
        if report.ended_by == "wall" and report.cpu_s < limits.cpu_s / 2:
            again = self._run_once(source, asked, limits)
            return dataclasses.replace(again, reruns=1)
        return report

    def _run_once(self, source: bytes, asked: list[dict[str, Any]], limits: Limits) -> RunReport:
        report = run_report(self._ask("run", limits, source, calls=asked), len(asked))
        missing = set(self._required) - set(report.confined)
        if missing and report.confined:
            raise LiftlabError(
                f"the sandbox could not apply {', '.join(sorted(missing))} as it did at its start"
            )
        return report

    def _probe(self) -> dict[str, bool]:
        canary = self._folder / "canary"
        canary.write_text("nobody but the caller may read or change this\n")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            target = {
                "port": listener.getsockname()[1],
                "file": str(canary),
                "home": str(Path.home()),
                "caller": os.getpid(),
                "group": os.getpgrp(),
            }
            answer = self._ask("probe", Limits(cpu_s=5, wall_s=5), canary=target)
        for item in lines_of(answer.result, LINES_BESIDE_CALLS):
            if isinstance(item.get("probes"), dict):
                return {str(name): bool(possible) for name, possible in item["probes"].items()}
        raise LiftlabError(f"the sandbox's worker did not start: {self._last_words()}")

    def _ask(
        self, kind: protocol.Kind, limits: Limits, source: bytes = b"", **told: Any
    ) -> protocol.Answer:
        packed = protocol.pack_told({"require": self._required, **told})
        job = protocol.Job(
            kind, limits.cpu_s, limits.wall_s, limits.memory_mb, limits.output_kb, source, packed
        )
        answer = self._ask_worker(job)
        if answer == protocol.LOST and self._required:
            # No candidate could do that: once more, with another worker.
            answer = self._ask_worker(job)
            idle = job._replace(kind="parse", source=b"")
            if answer == protocol.LOST and self._ask_worker(idle) == protocol.LOST:
                raise LiftlabError(f"the sandbox's worker does not start: {self._last_words()}")
        return answer

    def _ask_worker(self, job: protocol.Job) -> protocol.Answer:
        with self._lock:
            if self._runs >= _RUNS_PER_WORKER:
                self._stop()
            worker = self._worker or self._start()
            self._runs += 1
            try:
                _send(worker, job)
                return _receive(worker, job.wall_s * protocol.HELD_UP_FACTOR + _GRACE_S)
            except (OSError, ValueError, EOFError, IndexError):
                # The worker is gone or talks nonsense: below the restricted level a candidate
                # can do that. This run is lost, the next one gets a new worker.
                self._stop()
                return protocol.LOST
            except BaseException:
                self._stop()  # interrupted: the answer would be taken for the next one's
                raise

    def _start(self) -> subprocess.Popen[bytes]:
        self._log.seek(0)
        self._log.truncate()
        self._worker = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,  # Ctrl-C is for us to handle
        )
        self._runs = 0
        return self._worker

    def _stop(self) -> None:
        worker, self._worker = self._worker, None
        if worker is None:
            return
        assert worker.stdin is not None and worker.stdout is not None  # noqa: PT018
        with contextlib.suppress(OSError):  # it has gone already
            _send(worker, protocol.Job("stop"))
        with contextlib.suppress(OSError):
            worker.stdin.close()
        try:
            worker.wait(timeout=2)  # it ends its child first
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)  # with walls, it is more than one process
            worker.wait()
        worker.stdout.close()

    def _last_words(self) -> str:
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").split("\n")
        return " | ".join(line.strip() for line in lines[-4:] if line.strip()) or "it said nothing"


# The worker's whole environment. A fixed hash seed gives sets the same order in every run.
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "LD_BIND_NOW": "1",  # else each child looks up anew what it calls in the C library
    "MALLOC_ARENA_MAX": "1",  # else each thread reserves 64 MB of the address space
    "OPENBLAS_NUM_THREADS": "1",  # a worker that has threads can't be forked safely
    "OMP_NUM_THREADS": "1",
}


@functools.cache
def _interpreter(python: str) -> tuple[str, tuple[int, int], tuple[str, ...]]:
    """Return the path of an interpreter, its version, and the folders in which it has packages.

    Raises LiftlabError if there is none of that path or name, or it is too old.
    """
    if python == sys.executable:
        return python, sys.version_info[:2], _packages(sys.path)
    found = shutil.which(python)
    advice = "name another with python under [grading] of liftlab.toml, or leave it out"
    if found is None:
        raise LiftlabError(f"there is no interpreter {python!r} on this machine: {advice}")
    asked = subprocess.run([found, "-I", "-c", _ASK], capture_output=True, text=True, check=False)
    try:
        version, path = json.loads(asked.stdout)
    except ValueError:
        fault = asked.stderr.strip().rpartition("\n")[2] or "it says nothing"
        raise LiftlabError(f"{found} is no Python that works ({fault}): {advice}") from None
    major, minor = version
    if (major, minor) < _OLDEST:
        raise LiftlabError(f"{found} is Python {major}.{minor}, older than 3.11: {advice}")
    return found, (major, minor), _packages(path)


def _packages(path: list[str]) -> tuple[str, ...]:
    return tuple(folder for folder in path if folder.endswith(("site-packages", "dist-packages")))


def _level(probes: Mapping[str, bool]) -> Isolation:
    possible = {name for name, is_possible in probes.items() if is_possible}
    if not possible:
        return "full"
    return "restricted" if possible == {"see_caller"} else "limits-only"


def _asked(call: Call) -> dict[str, Any]:
    arguments, named = list(call.args), dict(call.kwargs)
    if not call.is_encoded:
        arguments = values.encode(arguments, **protocol.ARGUMENT_LIMITS)
        named = values.encode(named, **protocol.ARGUMENT_LIMITS)
    asked = {"function": call.function, "args": arguments, "kwargs": named}
    return asked if call.token is None else asked | {"token": call.token}


def _too_long(source: bytes) -> ParseReport:
    message = f"the source has {len(source)} bytes, more than {MAX_SOURCE_BYTES}"
    return ParseReport(parsed=False, kind="TooLong", message=message)


def _send(worker: subprocess.Popen[bytes], job: protocol.Job) -> None:
    assert worker.stdin is not None
    worker.stdin.write(protocol.pack_job(job))
    worker.stdin.flush()


def _receive(worker: subprocess.Popen[bytes], patience_s: float) -> protocol.Answer:
    """Read one answer; raise OSError, EOFError or ValueError if there is none worth reading."""
    assert worker.stdout is not None
    fd = worker.stdout.fileno()
    deadline = time.monotonic() + patience_s
    poller = select.poll()
    poller.register(fd, select.POLLIN)

    def read(most: int) -> bytes:
        left = deadline - time.monotonic()
        if left <= 0 or not poller.poll(left * 1000):
            raise TimeoutError("the sandbox's worker does not answer")
        return os.read(fd, most)

    return protocol.read_answer(read, _MAX_ANSWER_BYTES)
