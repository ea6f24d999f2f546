"""Record which tests run which lines of liftlab, to try a mutant on those that run its line.

The files of tests are run one after the other, each in a fork of an interpreter that has imported
liftlab, with `_tracer.py` on. What each touched is kept as JSON in build/touched/, until the file
is recorded anew. Of a test with many parameters as many are run as take `ENOUGH_S`.

    python benchmarks/_touched.py [tests/analysis tests/store/test_lock.py ...]
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import _tracer
import pytest
from _forks import HEAVY

ENOUGH_S = 1.5  # of processor time for all parameters of a test
PATIENCE_S = 600.0  # for a file, however busy the machine is


def _spent_s() -> float:
    return sum(os.times()[:4])


class Recorder:
    """Tells the tracer which test, or which fixture of several tests, is running."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.places: dict[str, Path] = {}
        self.tests: dict[str, dict[str, Any]] = {}

    def _turn_to(self, context: str) -> None:
        place = self.places.setdefault(context, self.folder / str(len(self.places)))
        _tracer.switch(str(place))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Record a test, all of its parameters as one."""
        name = item.nodeid.partition("[")[0]
        known = item._fixtureinfo.name2fixturedefs if isinstance(item, pytest.Function) else {}
        shared = {
            f"{definition.baseid}::{definition.argname}"
            for definitions in known.values()
            for definition in definitions
            if definition.scope != "function"
        }
        test = self.tests.setdefault(name, {"seconds": 0.0, "fixtures": []})
        test["fixtures"] = sorted({*test["fixtures"], *shared})
        self._turn_to(name)
        begun_s = _spent_s()
        result = yield
        test["seconds"] += _spent_s() - begun_s
        self._turn_to("")
        return result

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Leave out what would show the same once more."""
        if self.tests[item.nodeid.partition("[")[0]]["seconds"] > ENOUGH_S:
            pytest.skip("its other parameters have been seen")

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Iterator[None]:
        """Record what is done once for several tests."""
        if fixturedef.scope == "function":
            return (yield)
        before = os.environ[_tracer.PLACE]
        self._turn_to(f"{fixturedef.baseid}::{fixturedef.argname}")
        try:
            return (yield)
        finally:
            _tracer.switch(before)

    def touched(self, root: str) -> dict[str, Any]:
        """Return which contexts ran which lines, by their numbers."""
        lines: defaultdict[str, defaultdict[str, list[int]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for number, (context, place) in enumerate(self.places.items()):
            if context:
                for line in sorted(set(place.read_text().splitlines())):
                    path, _, at = line.removeprefix(f"{root}/").rpartition(":")
                    lines[path][at].append(number)
        return {"contexts": list(self.places), "tests": self.tests, "lines": lines}


def _record(test_file: str, root: str, place: Path) -> None:
    output = os.open(place.with_suffix(".txt"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    with tempfile.TemporaryDirectory(prefix="touched-") as folder:
        recorder = Recorder(Path(folder))
        recorder._turn_to("")
        _tracer.start()
        flags = ["-p", "no:cacheprovider", "-p", "no:xdist", "--tb=no"]
        flags += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
        pytest.main([*flags, test_file], plugins=[recorder])
        sys.settrace(None)
        place.write_text(json.dumps(recorder.touched(root)))


def _forked(test_file: str, root: str, place: Path) -> None:
    child = os.fork()
    if child == 0:
        os.setsid()
        try:
            _record(test_file, root, place)
        finally:
            os._exit(0)
    ends_s = time.monotonic() + PATIENCE_S
    while not os.waitpid(child, os.WNOHANG)[0]:
        if time.monotonic() > ends_s:
            break
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)


def main(root: Path, into: Path, files: list[str]) -> None:
    """Record these files of tests of the repository at `root`."""
    os.environ[_tracer.FOLDER] = _tracer.folder = f"{root}/liftlab/"
    into.mkdir(parents=True, exist_ok=True)
    for name in (*HEAVY, "liftlab", "liftlab.cli.main"):
        import_module(name)
    for test_file in files:
        begun_s = time.monotonic()
        place = into / f"{test_file.replace('/', '+')}.json"
        _forked(test_file, str(root), place)
        print(f"{time.monotonic() - begun_s:6.1f} s {test_file} {place.exists()}", flush=True)


if __name__ == "__main__":
    sys.path[0] = os.getcwd()
    main(Path.cwd(), Path(sys.argv[1]), sys.argv[2:])
