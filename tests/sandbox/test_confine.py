"""What a child has given up before foreign code runs, as that code finds it."""

from __future__ import annotations

import resource
import sys
from typing import Any

import pytest

from liftlab.sandbox import Call, Limits, Sandbox
from liftlab.sandbox.confine import confine


def limit_of(sandbox: Sandbox, name: str, **limits: Any) -> tuple[int, int]:
    source = f"import resource\ndef f(): return resource.getrlimit(resource.RLIMIT_{name})"
    told = Limits(wall_s=20.0, **limits)
    (call,) = sandbox.run(source.encode(), [Call(function="f")], told).calls
    found: tuple[int, int] = call.value
    return found


@pytest.mark.parametrize(("name", "most"), [("FSIZE", 1024 * 1024), ("NOFILE", 64), ("CORE", 0)])
def test_limits_that_are_the_same_for_all(name: str, most: int, sandbox: Sandbox) -> None:
    highest = resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[1]
    most = most if highest == resource.RLIM_INFINITY else min(most, highest)
    assert limit_of(sandbox, name) == (most, most)


@pytest.mark.parametrize(("cpu_s", "most"), [(0.5, 2), (1.0, 3), (2.9, 4)])
def test_the_kernel_s_limit_of_processor_time_is_looser(
    cpu_s: float, most: int, sandbox: Sandbox
) -> None:
    assert limit_of(sandbox, "CPU", cpu_s=cpu_s) == (most, most)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="macOS limits no address space")
def test_memory_is_what_the_worker_takes_and_the_limit(sandbox: Sandbox) -> None:
    small, large = (limit_of(sandbox, "AS", memory_mb=size) for size in (100, 164))
    assert small[0] == small[1]
    assert large[0] - small[0] == 64 * 1024 * 1024
    own_bytes = small[0] - 100 * 1024 * 1024
    assert 4 * 1024 * 1024 < own_bytes < 4 * 1024**3


def test_a_mechanism_is_in_force_if_its_call_says_so() -> None:
    taken: list[str] = []

    def take(name: str, answer: int | None) -> int | None:
        taken.append(name)
        return answer

    told = [("a", 0, "walls"), ("b", 1, "roof"), ("c", 0, None), ("d", None, "door"), ("e", 0, "x")]
    steps: list[Any] = [(take, (name, answer), mechanism) for name, answer, mechanism in told]
    assert confine(steps) == ["walls", "x"]
    assert taken == ["a", "b", "c", "d", "e"]
    assert confine([]) == []


@pytest.mark.parametrize(
    ("path", "readable"),
    [
        ("/usr", True),
        ("/dev/urandom", True),
        ("/etc/passwd", False),
        ("/proc/self/status", False),
        ("/", False),
    ],
)
def test_what_may_be_read(path: str, readable: bool, restricted: Sandbox) -> None:
    source = (
        "import os\ndef f(path):\n    try:\n"
        "        os.close(os.open(path, os.O_RDONLY))\n        return True\n"
        "    except OSError: return False"
    )
    call = Call(function="f", args=(path,))
    assert restricted.run(source.encode(), [call], Limits()).calls[0].value is readable


@pytest.mark.parametrize(
    ("tried", "allowed"),
    [
        ("open('a', 'w').write('x')", True),
        ("os.mkdir('d'); os.rename('d', 'e'); os.rmdir('e')", True),
        ("open('/dev/null', 'w').write('x')", True),
        ("os.truncate('/dev/null', 0)", False),
        ("os.mkfifo('p')", False),
        ("open('/usr/mine', 'w')", False),
        ("open('a', 'wb').write(bytes(1024 * 1024))", True),
        ("open('a', 'wb', 0).write(bytes(1024 * 1024)); open('a', 'ab', 0).write(b'x')", False),
        ("[os.open('/dev/null', os.O_RDONLY) for _ in range(60)]", True),
        ("[os.open('/dev/null', os.O_RDONLY) for _ in range(61)]", False),
    ],
)
def test_what_may_be_written(tried: str, allowed: bool, restricted: Sandbox) -> None:
    source = f"import os, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\ndef f(): {tried}"
    (call,) = restricted.run(source.encode(), [Call(function="f")], Limits()).calls
    assert (call.raised is None) is allowed, call.raised
