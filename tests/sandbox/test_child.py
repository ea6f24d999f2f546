"""What a call finds where it runs, and what is told of how it ended."""

from __future__ import annotations

import re
from typing import Any

import pytest

from liftlab.sandbox import Call, CallReport, Limits, RunReport, Sandbox

LIMITS = Limits(cpu_s=2.0, wall_s=20.0, memory_mb=128, output_kb=8)


def run(sandbox: Sandbox, source: str, *args: Any, **told: Any) -> RunReport:
    return sandbox.run(source.encode(), [Call(**{"function": "f", "args": args, **told})], LIMITS)


def called(sandbox: Sandbox, source: str, *args: Any, **told: Any) -> CallReport:
    (report,) = run(sandbox, source, *args, **told).calls
    return report


@pytest.mark.parametrize(
    ("imports", "expression", "value"),
    [
        ("sys", "sys.argv", ["candidate"]),
        ("sys", "(__name__, __file__)", ("candidate", "candidate.py")),
        ("sys", "sys.modules['candidate'].f is f", True),
        ("os", "[n for n in ('PWD', 'LD_BIND_NOW') if n in os.environ]", []),
        ("os", "os.environ['HOME'] == os.environ['TMPDIR'] == os.getcwd()", True),
        ("threading", "threading.stack_size()", 1024 * 1024),
        ("sys", "(sys.stdout is sys.stderr, sys.stdout.fileno())", (True, 1)),
        ("sys", "(sys.stdout.encoding, sys.stdout.errors)", ("utf-8", "backslashreplace")),
        ("os, stat", "stat.S_ISFIFO(os.fstat(1).st_mode)", True),
        ("sys", "sys.stdin.read()", ""),
        ("os", "os.getsid(0) == os.getpid() == os.getpgid(0)", True),
        ("signal", "signal.getsignal(signal.SIGINT) is signal.SIG_DFL", True),
        ("warnings", "warnings.filters[0][0]", "ignore"),
        ("gc", "gc.get_freeze_count() > 1000", True),  # its pages stay the worker's
        ("os", "[os.chmod in os.supports_dir_fd, os.utime in os.supports_fd]", [True, True]),
        ("os", "os.chmod.__name__", "chmod"),
        # 3 is the result's pipe
        ("os", "[n for n in range(9) if os.path.lexists(f'/dev/fd/{n}') or opened(n)]", None),
    ],
)
def test_what_a_call_finds(imports: str, expression: str, value: Any, sandbox: Sandbox) -> None:
    opened = (
        "def opened(n):\n    try: os.fstat(n)\n    except OSError: return False\n    return True"
    )
    wanted = [0, 1, 2, 3] if value is None else value
    assert called(sandbox, f"import {imports}\n{opened}\ndef f(): return {expression}").value == (
        wanted
    )


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("os.truncate(fd, 3); return os.fstat(fd).st_size", 3),  # and it stays open
        ("[os.truncate('own', n) for n in range(99)]; return os.fstat(fd).st_size", 98),
        ("os.chmod(os.getcwd(), 0o700); return 1", 1),
        ("os.chmod('own', 0o600, dir_fd=os.open('.', os.O_RDONLY)); return 1", 1),
        ("os.fchmod(fd, 0o600); os.utime(fd); return 1", 1),
        ("os.symlink('own', 'l'); os.utime('l', follow_symlinks=False); return 1", 1),
        ("os.symlink('nowhere', 'l'); os.utime('l', follow_symlinks=False); return 1", 1),
        ("os.lchown('own', -1, -1); os.chown(b'own', -1, -1); return 1", 1),
    ],
)
def test_honest_settings_of_its_own_files(body: str, value: int, sandbox: Sandbox) -> None:
    source = f"import os\ndef f():\n    fd = os.open('own', os.O_RDWR | os.O_CREAT)\n    {body}"
    report = called(sandbox, source)
    assert report.value == value, report.raised


@pytest.mark.parametrize(
    ("tried", "name"),
    [
        ("os.fchmod(os.open('/dev/null', os.O_RDONLY), 0o600)", "PermissionError"),
        ("os.chmod('/usr', 0o700)", "PermissionError"),
        ("os.utime('null', dir_fd=os.open('/dev', os.O_RDONLY))", "PermissionError"),
        ("os.symlink('/usr', 'l'); os.chmod('l', 0o700)", "PermissionError"),
        ("os.chmod('missing', 0o600)", "FileNotFoundError"),
        ("os.truncate('missing', 1)", "FileNotFoundError"),
        ("os.truncate(99, 1)", "OSError"),
        ("os.chmod()", "TypeError"),
    ],
)
def test_settings_of_others_files_stay_refused(tried: str, name: str, restricted: Sandbox) -> None:
    raised = called(restricted, f"import os\ndef f(): {tried}").raised
    assert raised is not None
    assert raised.name == name


@pytest.mark.parametrize(
    ("source", "function", "value"),
    [
        ("class Solution:\n    def f(self): return 5", "Solution.f", 5),
        ("f = 3\nclass Solution:\n    def f(self): return 5", "Solution.f", 5),
        ("class Solution:\n    def f(self): return 5\ndef f(): return 4", "f", 4),
        ("f = lambda: 6", "f", 6),
        ("class f(int): pass\nf.__new__ = lambda kind: 7", "f", 7),
    ],
)
def test_a_function_or_a_method_of_its_name(
    source: str, function: str, value: int, sandbox: Sandbox
) -> None:
    report = run(sandbox, source)
    assert (report.function, report.calls[0].value) == (function, value)


@pytest.mark.parametrize(
    "source", ["", "f = 3", "class Solution: f = 3", "class Solution: pass", "Solution = len"]
)
def test_what_is_not_there_is_missing(source: str, sandbox: Sandbox) -> None:
    report = run(sandbox, source)
    assert report.succeeded
    assert report.calls == (CallReport(missing=True),)


def test_a_solution_that_cannot_be_made_raised(sandbox: Sandbox) -> None:
    source = "class Solution:\n    def __init__(self):\n        1 / 0\n    def f(self): pass"
    raised = called(sandbox, source).raised
    assert raised is not None
    assert (raised.name, raised.line, raised.own_call) == ("ZeroDivisionError", 3, False)


def test_without_a_name_the_function_that_fits_the_arguments_is_called(sandbox: Sandbox) -> None:
    source = "def one(a): return 1\ndef two(a, b): return 2\ndef three(a, b, c): return 3"
    for args, kwargs, name in (
        ((1,), {"b": 1}, "two"),
        ((1,), {}, "one"),
        ((1, 2, 3), {}, "three"),
    ):
        report = run(sandbox, source, function=None, args=args, kwargs=kwargs)
        assert report.function == name
        assert report.parse is not None
        assert len(report.parse.functions) == 3
    named = run(sandbox, source, 1, function="one")
    assert named.parse is not None
    assert (named.parse.parsed, named.parse.functions) == (True, ())
    assert sandbox.run(source.encode(), [], LIMITS).succeeded


@pytest.mark.parametrize(
    ("source", "own_call", "line"),
    [
        ("def f(): pass", True, None),
        ("def f(x, y): pass", True, None),
        ("def f(x): return len()", False, 1),
        ("def g(): pass\ndef f(x): return g(x)", False, 2),
        ("def f(x): raise TypeError('no')", False, 1),
        ("f = str.upper", False, None),  # the wrong type, of the right number
        ("f = dict.fromkeys", False, None),
        ("f = [].clear", True, None),  # takes no arguments
        ("class f:\n    def __init__(self): pass", True, None),
        ("class f:\n    def __call__(self, x): pass", True, None),
        ("f = 'a'.join\nx = 1 / 1", False, None),
        ("def f(x): raise ValueError('argument')", False, 1),
    ],
)
def test_a_call_that_did_not_fit_is_told_from_a_fault_inside(
    source: str, own_call: bool, line: int | None, sandbox: Sandbox
) -> None:
    raised = called(sandbox, source, 1).raised
    assert raised is not None
    assert (raised.own_call, raised.line) == (own_call, line), raised


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("return [1 / n for n in (1, 0)]", 3),
        ("import json; json.loads('{')", 3),  # the last line that is the answer's own
        ("g()", 1),
    ],
)
def test_a_line_is_the_innermost_of_the_answer_s(body: str, line: int, sandbox: Sandbox) -> None:
    raised = called(sandbox, f"def g(): 1 / 0\ndef f():\n    {body}").raised
    assert raised is not None
    assert raised.line == line


def test_an_error_s_classes_and_its_message(sandbox: Sandbox) -> None:
    source = (
        "class Odd(OSError, ValueError):\n    def __str__(self): raise self\n"
        "Odd.__name__ = 'N' * 200\ndef f(): raise Odd"
    )
    raised = called(sandbox, source).raised
    assert raised is not None
    assert raised.bases == ("OSError", "ValueError", "Exception", "BaseException")
    assert len(raised.name) == 120
    assert "could not be made" in raised.message


@pytest.mark.parametrize(
    ("body", "argument", "mutated"),
    [
        ("return x", [1], False),
        ("x.append(2)", [1], True),
        ("x[0] = 1.0", [1], True),
        ("x.append(object())", [1], True),
        ("x.append(2); x.pop()", [1], False),
        ("x[0].append(2)", ([1],), True),
        ("x = [3]", [1], False),
    ],
)
def test_what_a_call_changed_of_its_arguments(
    body: str, argument: Any, mutated: bool, sandbox: Sandbox
) -> None:
    source = f"def f(x):\n    {body}"
    assert called(sandbox, source, argument).mutated is mutated
    assert called(sandbox, f"def f(*, x):\n    {body}", kwargs={"x": argument}).mutated is mutated


@pytest.mark.parametrize(
    ("value", "field", "told"),
    [
        ("{'b': 1, 'a': [2, {'d': 3, 'c': 4}]}", "value", "{'b': 1, 'a': [2, {'d': 3, 'c': 4}]}"),
        ("'\\n\\u00e9\\U0001f600'", "value", "'\\né😀'"),
        ("[float('nan'), 1e400, -0.0]", "value", "[nan, inf, -0.0]"),
        ("object()", "not_plain", "'object'"),
        ("[range(3)]", "not_plain", "'range'"),
        ("'x' * 70_000", "too_large", "'more than 65536 bytes'"),
    ],
)
def test_what_a_call_gave(value: str, field: str, told: str, sandbox: Sandbox) -> None:
    report = called(sandbox, f"def f(): return {value}")
    assert repr(getattr(report, field)) == told
    assert report.ok == (field == "value")


def test_a_call_takes_as_long_as_it_waits_though_it_fails(sandbox: Sandbox) -> None:
    source = b"import time\ndef f(x):\n    time.sleep(x)\n    1 / 0"
    [call] = sandbox.run(source, [Call(function="f", args=(0.05,))], LIMITS).calls
    assert call.elapsed_s is not None
    assert call.elapsed_s >= 0.05
    assert call.raised is not None


def test_one_want_of_memory_is_one_call_s(sandbox: Sandbox) -> None:
    source = "def f(x): return 'x' * x if x else x"
    calls = [Call(function="f", args=(x,)) for x in (10**10, 0)]
    full, empty = sandbox.run(source.encode(), calls, LIMITS).calls
    assert full.raised is not None
    assert full.raised.name == full.raised.bases[0] == "MemoryError"
    assert empty.value == 0


def test_a_token_is_given_once_and_by_name(sandbox: Sandbox) -> None:
    source = (
        "def f(x, *, token):\n    first = token()\n    try: token()\n"
        "    except IndexError: return [x, first]"
    )
    assert called(sandbox, source, 1, token="secret").value == [1, "secret"]
    assert called(sandbox, "def f(**named): return named").value == {}


def test_source_is_loaded_once_for_all_calls(sandbox: Sandbox) -> None:
    source = b"from __future__ import annotations\nn = []\ndef f(): n.append(1); return len(n)"
    report = sandbox.run(source, [Call(function="f")] * 3, LIMITS)
    assert [call.value for call in report.calls] == [1, 2, 3]
    # No future of liftlab's own is the answer's.
    assert called(sandbox, "def f(x: int): return f.__annotations__['x'] is int", 1).value is True


def test_what_fails_to_load_makes_no_call(sandbox: Sandbox) -> None:
    report = run(sandbox, "x = 1\nraise SystemExit('no')")
    assert report.load_error is not None
    assert (report.load_error.name, report.load_error.line) == ("SystemExit", 2)
    assert report.load_error.own_call is False
    assert (report.begun, report.loaded, report.finished) == (True, False, True)
    assert report.calls == (CallReport(),)


def test_what_does_not_compile_is_looked_at(sandbox: Sandbox) -> None:
    report = run(sandbox, "def f(:")
    assert report.parse is not None
    assert (report.parse.parsed, report.parse.kind, report.parse.line) == (False, "SyntaxError", 1)
    assert (report.loaded, report.finished, report.calls) == (False, True, (CallReport(),))


def test_what_was_told_first_counts(sandbox: Sandbox) -> None:
    source = "import os\ndef f(x):\n    if x: os._exit(3)\n    return x"
    calls = [Call(function="f", args=(x,)) for x in (0, 1, 0)]
    report = sandbox.run(source.encode(), calls, LIMITS)
    assert [call.ok for call in report.calls] == [True, False, False]
    assert (report.exit_code, report.signal, report.finished) == (3, None, False)
    assert report.loaded


def test_chance_is_the_same_for_all(sandbox: Sandbox) -> None:
    source = "import {}\ndef f(): return [{}.random() for _ in range(2)]"
    drawn = called(sandbox, source.format("random", "random")).value
    assert drawn == [0.8444218515250481, 0.7579544029403025]  # of the seed 0


def test_a_refusal_names_what_is_in_force(restricted: Sandbox) -> None:
    report = run(restricted, "def f(): return 1")
    assert set(report.confined) == {"landlock", "seccomp"}
    assert re.fullmatch("restricted|full", restricted.isolation)
