"""Run pytest again and again in forks of an interpreter that has imported what takes long.

A line of JSON on stdin is one run: its arguments, the processor time after which no further test
begins (half as long again by the clock), and where its output goes. A line on stdout says how it
ended. liftlab is imported only in the forks: `benchmarks/mutants.py` changes it between two runs.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
import traceback
from importlib import import_module

import pytest

HEAVY = (
    "aiohttp",
    "duckdb",
    "httpx",
    "hypothesis",
    "jinja2",
    "pandas",
    "pyarrow.parquet",
    "pydantic",
    "scipy.optimize",
    "scipy.stats",
    "seaborn",
)
PATIENCE_S = 150.0  # that a run has to end in, however busy the machine is
WAITING = 1.5  # seconds by the clock for one of processor time: tests that wait use little of that
ENOUGH = 100  # the exit code of a run whose tests took their time, and passed


class Limit:
    """Begin no further test after so many seconds of processor time, or half as long again."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.ends = 0.0
        self.ends_s = 0.0
        self.reached = False
        self.session: pytest.Session | None = None

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Keep what can be stopped."""
        self.session = session

    def pytest_collection_finish(self) -> None:
        """Begin to count: importing files of tests is no test."""
        self.ends = sum(os.times()[:4]) + self.seconds
        self.ends_s = time.monotonic() + WAITING * self.seconds

    def pytest_runtest_logfinish(self) -> None:
        """Stop after a test when the time is over."""
        assert self.session is not None
        over = sum(os.times()[:4]) > self.ends or time.monotonic() > self.ends_s
        if over and not self.session.testsfailed:
            self.reached = True
            self.session.shouldstop = "enough"


def _run(arguments: list[str], seconds: float, output: str) -> int:
    place = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(place, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    limit = Limit(seconds)
    imported = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
    code = pytest.main([*imported, *arguments], plugins=[limit])
    sys.stdout.flush()
    return ENOUGH if limit.reached else int(code)


def _forked(arguments: list[str], seconds: float, output: str) -> int | None:
    child = os.fork()
    if child == 0:
        os.setsid()
        code = 99
        try:
            code = _run(arguments, seconds, output)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    ends_s = time.monotonic() + PATIENCE_S
    status = None
    while status is None and time.monotonic() < ends_s:
        ended, left = os.waitpid(child, os.WNOHANG)
        status = left if ended else None
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # a mutant may keep a server from stopping
    if status is None:
        os.waitpid(child, 0)
        return None
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.path[0] = os.getcwd()
    for name in HEAVY:
        import_module(name)
    for line in sys.stdin:
        print(json.dumps(_forked(**json.loads(line))), flush=True)
