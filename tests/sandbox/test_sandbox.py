from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from liftlab.errors import LiftlabError
from liftlab.sandbox import (
    MAX_SOURCE_BYTES,
    Call,
    Limits,
    RunReport,
    Sandbox,
    bubblewrap,
    canaries,
    landlock,
    seccomp,
)
from liftlab.sandbox import sandbox as module

QUICK = Limits(cpu_s=0.3, wall_s=2.0, memory_mb=64, output_kb=8)


def run(sandbox: Sandbox, source: str, *args: Any, limits: Limits = QUICK) -> RunReport:
    return sandbox.run(source.encode(), [Call(function="f", args=args)], limits)


def _walled() -> Sandbox:
    try:
        return Sandbox(level="full")
    except LiftlabError as error:
        pytest.skip(str(error))


def test_the_level_is_what_was_refused(sandbox: Sandbox) -> None:
    assert tuple(sandbox.probes) == canaries.NAMES
    if landlock.abi() and seccomp.filter_code():
        assert sandbox.isolation in ("restricted", "full")


@pytest.mark.parametrize(
    ("possible", "level"),
    [
        (set(), "full"),
        ({"see_caller"}, "restricted"),
        ({"see_caller", "fork"}, "limits-only"),
        ({"connect"}, "limits-only"),
        (set(canaries.NAMES), "limits-only"),
    ],
)
def test_levels(possible: set[str], level: str) -> None:
    assert module._level({name: name in possible for name in canaries.NAMES}) == level


def test_values_come_back_as_they_are(sandbox: Sandbox) -> None:
    value = [1, (2.5, None), {"a": {3, 4}}, b"x", 2**80, "é\udcff", {(1,): True}, float("inf")]
    report = run(sandbox, "def f(x): return x", value)
    assert report.finished
    assert report.calls[0].value == value
    assert report.calls[0].mutated is False


def test_named_arguments_and_no_name(sandbox: Sandbox) -> None:
    call = Call(args=(1,), kwargs={"b": 2})
    report = sandbox.run(b"def plus(a, b):\n    return a + b", [call], QUICK)
    assert (report.function, report.calls[0].value) == ("plus", 3)


def test_large_arguments_go_in(sandbox: Sandbox) -> None:
    assert run(sandbox, "def f(x): return len(x)", ["x" * 1000] * 1000).calls[0].value == 1000


def test_an_exception_is_described(sandbox: Sandbox) -> None:
    report = run(sandbox, "class Odd(KeyError): pass\ndef f(x):\n    raise Odd('y' * 999)", 1)
    raised = report.calls[0].raised
    assert raised is not None
    assert (raised.name, raised.line, raised.own_call) == ("Odd", 3, False)
    assert raised.bases == ("KeyError", "LookupError", "Exception", "BaseException")
    assert len(raised.message) == 300


def test_too_much_output_counts_however_soon_the_run_ends(sandbox: Sandbox) -> None:
    report = run(sandbox, "def f(): print('x' * 9_000)")  # fits into the pipe
    assert (report.ended_by, report.finished) == ("output", False)


def test_a_fraction_of_a_second_is_a_limit(sandbox: Sandbox) -> None:
    report = run(sandbox, "def f():\n    while True: pass")
    assert (report.ended_by, report.finished, report.reruns) == ("cpu", False, 0)
    assert QUICK.cpu_s <= report.cpu_s < QUICK.cpu_s + 0.5


def test_a_wait_is_tried_once_more(sandbox: Sandbox) -> None:
    report = run(sandbox, "import time\ndef f(): time.sleep(9)", limits=Limits(wall_s=0.2))
    assert (report.ended_by, report.reruns) == ("wall", 1)


def test_the_calls_before_the_end_count(sandbox: Sandbox) -> None:
    source = b"def f(x):\n    while x: pass\n    return x"
    calls = [Call(function="f", args=(number,)) for number in (0, 1, 0)]
    report = sandbox.run(source, calls, QUICK)
    assert [call.ok for call in report.calls] == [True, False, False]


def test_a_run_finds_nothing_of_the_one_before(sandbox: Sandbox) -> None:
    leave = """
import builtins, math, os, sys
def f():
    os.makedirs("a/b", mode=0o300)
    open(".hidden", "w").close(); os.symlink("/", "link")
    os.environ["LEFT"] = builtins.left = math.left = sys.left = "x"
    sys.modules["left"] = math
    os.chdir("a")
"""
    find = """
import builtins, math, os, sys
def f():
    here = os.path.realpath(os.getcwd()) == os.path.realpath(os.environ["HOME"])
    left = [hasattr(place, "left") for place in (builtins, math, sys)]
    return [os.listdir(), here, "LEFT" in os.environ, *left, "left" in sys.modules]
"""
    assert run(sandbox, leave).finished
    assert run(sandbox, find).calls[0].value == [[], True, *[False] * 5]


def test_arguments_may_come_as_the_data_that_stands_for_them(sandbox: Sandbox) -> None:
    source = b"def f(*args, **named): return [args, named]"
    values = ((1, {2}), "$tuple", None), {"last": b"x"}
    encoded = ({"$tuple": [1, {"$set": [2]}]}, "$tuple", None), {"last": {"$bytes": "78"}}
    calls = [
        Call(function="f", args=values[0], kwargs=values[1]),
        Call(function="f", args=encoded[0], kwargs=encoded[1], is_encoded=True),
    ]
    given = [call.value for call in sandbox.run(source, calls, QUICK).calls]
    assert given == [[values[0], values[1]]] * 2


def test_each_run_is_confined_by_its_own_limits(sandbox: Sandbox) -> None:
    source = "import resource\ndef f(): return resource.getrlimit(resource.RLIMIT_CPU)"
    for cpu_s in (1.0, 4.0, 1.0):
        limits = Limits(cpu_s=cpu_s, wall_s=5.0)
        most = int(cpu_s) + 2
        assert run(sandbox, source, limits=limits).calls[0].value == (most, most)


def test_a_worker_that_was_killed_costs_no_verdict(sandbox: Sandbox) -> None:
    assert run(sandbox, "def f(): return 1").finished
    assert sandbox._worker is not None
    os.killpg(sandbox._worker.pid, signal.SIGKILL)
    sandbox._worker.wait()
    assert run(sandbox, "def f(): return 1").finished


def test_a_worker_that_starts_no_more_is_no_candidates_fault() -> None:
    with Sandbox(level="restricted") as box:
        box._stop()
        box._command = [sys.executable, "-c", "import sys; sys.exit('no room')"]
        with pytest.raises(LiftlabError, match="does not start: no room"):
            run(box, "def f(): return 1")


def test_a_lock_ends_with_the_run(sandbox: Sandbox) -> None:
    source = """
import fcntl
def f():
    fcntl.flock(0, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return True
"""
    assert [run(sandbox, source).calls[0].value for _ in range(2)] == [True, True]
    with open(os.devnull) as own:
        fcntl.flock(own, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_run_finds_nothing_of_the_worker(sandbox: Sandbox) -> None:
    find = """
import gc, sys, types
def f():
    modules = [name for name in sys.modules if name == "candidate" or "liftlab" in name]
    rehearsed = [item for item in gc.get_objects() if isinstance(item, types.FunctionType)
                 and item.__module__ == "candidate" and item.__globals__ is not globals()]
    return modules, rehearsed
"""
    assert run(sandbox, find).calls[0].value == (["candidate"], [])


def test_a_source_that_is_too_long_is_not_read(sandbox: Sandbox) -> None:
    source = b"#" * (MAX_SOURCE_BYTES + 1)
    assert sandbox.parse(source).kind == "TooLong"
    report = sandbox.run(source, [Call(function="f")], QUICK)
    assert report.parse is not None
    assert (report.parse.kind, report.calls[0].ok) == ("TooLong", False)


def test_a_source_of_just_the_limit_is_read(sandbox: Sandbox) -> None:
    assert MAX_SOURCE_BYTES == 1024 * 1024
    source = b"#" * (MAX_SOURCE_BYTES - 2) + b"\n1"
    assert sandbox.parse(source, Limits(wall_s=30.0)).parsed
    assert sandbox.run(source, [], Limits(wall_s=30.0)).loaded


def test_parsing_runs_nothing(sandbox: Sandbox) -> None:
    report = sandbox.parse(b"print(1 / 0)\ndef f(x, y=1): return x\n")
    assert report.parsed
    assert [item.name for item in report.functions] == ["f"]
    assert sandbox.parse(b"def f(:").message == "invalid syntax"


def test_many_blank_lines_are_read_once(sandbox: Sandbox) -> None:
    assert sandbox.parse(b"\n" * 19_000 + b"def f(:\n", QUICK).kind == "SyntaxError"


def test_verdicts_can_be_repeated() -> None:
    source = (
        b"import random\ndef f(): return [random.random(), list({'a', 'b', 'c', 'd'}), hash('a')]"
    )
    found = []
    for _ in range(2):
        with Sandbox() as box:
            found.append(box.run(source, [Call(function="f")], QUICK).calls[0].value)
    assert found[0] == found[1] is not None


def test_an_interrupted_run_leaves_no_stale_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    with Sandbox() as box:
        with monkeypatch.context() as patch:
            patch.setattr(module, "_receive", interrupted)
            with pytest.raises(KeyboardInterrupt):
                run(box, "def f(): return 1")
        assert run(box, "def f(): return 2").calls[0].value == 2


def test_a_worker_is_replaced_after_many_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RUNS_PER_WORKER", 3)
    pids = set()
    with Sandbox() as box:
        for _ in range(5):
            assert run(box, "def f(): return 1").finished
            assert box._worker is not None
            pids.add(box._worker.pid)
    assert len(pids) == 2


def test_a_run_that_would_be_weaker_is_refused() -> None:
    with Sandbox() as box:
        box._required = ("landlock", "seccomp", "a third wall")
        with pytest.raises(LiftlabError, match="could not apply a third wall"):
            run(box, "def f(): return 1")


def test_nothing_is_left_after_closing() -> None:
    with Sandbox(level="restricted") as box:
        folder, worker = box._folder, box._worker
        assert folder.is_dir()
    assert worker is not None
    assert worker.returncode is not None
    assert not folder.exists()


def test_walls_leave_no_folder_outside() -> None:
    with _walled() as box:
        assert not box._folder.exists()
        assert box.advice is None


def test_walls_hide_all_but_the_interpreter() -> None:
    source = """
import os
def f():
    found = []
    for path in ("/etc", "/root", "/home", "/var", "/usr"):
        try: os.stat(path)
        except OSError: continue
        found.append(path)
    return found
"""
    with _walled() as box:
        seen = set(run(box, source).calls[0].value)
    assert "/usr" in seen
    assert not seen & {"/etc", "/home", "/var"}


def test_walls_let_in_what_is_compiled_already(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bubblewrap.sys, "platform", "linux")
    monkeypatch.setattr(bubblewrap.shutil, "which", lambda _: "/usr/bin/bwrap")
    compiled = tmp_path / "__pycache__"
    compiled.mkdir()
    for name in ("values.cpython-311.pyc", "errors.cpython-311.pyc"):
        (compiled / name).touch()
    command = bubblewrap.bubblewrap(sys.executable, tmp_path, {})
    assert command is not None
    inside = {target for target in command if target.startswith(bubblewrap.INNER_PACKAGE)}
    parts = ("values.py", "sandbox", "__pycache__/values.cpython-311.pyc")
    assert inside == {f"/liftlab/{part}" for part in parts}


def test_without_bubblewrap_the_level_is_lower_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bubblewrap.shutil, "which", lambda _: None)
    with Sandbox() as box:
        assert box.isolation != "full"
        assert box.advice == bubblewrap.HOW_TO_INSTALL
    with pytest.raises(LiftlabError, match="apt-get install bubblewrap"):
        Sandbox(level="full")


def test_bubblewrap_that_is_refused_is_no_wall(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho setting up uid map: Permission denied >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(bubblewrap.shutil, "which", lambda _: str(broken))
    with Sandbox() as box:
        assert box.isolation != "full"
        assert "uid map: Permission denied" in str(box.advice)
        assert run(box, "def f(): return 1").finished


def test_walls_that_let_something_through_do_not_count(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scratch = tmp_path / "inner" / "scratch"
    scratch.mkdir(parents=True)
    monkeypatch.setattr(module, "INNER_SCRATCH", str(scratch))
    monkeypatch.setattr(module, "bubblewrap", lambda python, *_: [python])
    monkeypatch.setattr(module, "INNER_PACKAGE", str(Path(module.__file__).parents[1]))
    with Sandbox() as box:
        assert box.isolation != "full"
        assert "could still" in str(box.advice)


def test_a_command_can_go_before_the_worker() -> None:
    with Sandbox(prefix=("env", "LIFTLAB_INSIDE=1")) as box:
        source = "import os\ndef f(): return os.environ.get('LIFTLAB_INSIDE')"
        assert run(box, source).calls[0].value == "1"


def test_a_worker_that_does_not_start_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no such library >&2\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(LiftlabError, match=r"no Python that works \(no such library\)"):
        Sandbox(python=str(broken))


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for a process not its own")
def test_nothing_survives_a_killed_caller() -> None:
    script = (
        "from liftlab.sandbox import *\n"
        "box = Sandbox()\n"
        "print(box._worker.pid, box._folder, flush=True)\n"
        "box.run(b'while True: pass', [], Limits(cpu_s=60, wall_s=60))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(module.__file__).parents[2],
    ) as caller:
        assert caller.stdout is not None
        pid, folder = caller.stdout.readline().split()
        worker = os.pidfd_open(int(pid))
        caller.send_signal(signal.SIGKILL)
    try:
        waiting = select.poll()
        waiting.register(worker, select.POLLIN)
        assert waiting.poll(10_000)
    finally:
        os.close(worker)
    assert not Path(folder).exists()
