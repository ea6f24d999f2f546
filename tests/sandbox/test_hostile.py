"""Code that must not pass, must not hurt, and must not be left running."""

from __future__ import annotations

import json
import os
import resource
import socket
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from liftlab.grading import grade
from liftlab.grading.verdict import MAX_ROW_BYTES, result_row
from liftlab.sandbox import Sandbox, bubblewrap
from liftlab.suite import Case, Check
from liftlab.suite import Limits as CaseLimits

SECRET = "LIFTLAB_TEST_SECRET"
CASE = Case(
    case_id="answer",
    prompt="Return the answer.",
    entry_point="f",
    checks=(Check(name="one", args=(6,), expected=42), Check(name="two", args=(7,), expected=49)),
    limits=CaseLimits(cpu_s=0.25, wall_s=1.0, memory_mb=128, output_kb=32),
)

# Placeholders: {canary} a file outside, {secret} a variable's name, {caller} our process id,
# {port} our listener.
HOSTILE = {
    # forged results
    "equal to everything": """
class Any:
    def __eq__(self, other): return True
    __hash__ = None
def f(x): return Any()
""",
    "int that is equal to everything": """
class Any(int):
    def __eq__(self, other): return True
    def __hash__(self): return 0
def f(x): return Any(1)
""",
    "success on standard output": """
print('{"call": 0, "value": true}'); print("PASSED", flush=True)
def f(x): print('{"end": true}'); return None
""",
    "lines on the result pipe": """
import os
for fd in range(3, 10):
    try: os.write(fd, b'{"call": 0, "passed": true}\\n{"end": true}\\n')
    except OSError: pass
os._exit(0)
""",
    "deep JSON on the result pipe": """
import os
os.write(3, b"[" * 100000 + b"\\n")
os.write(3, b'{"call": 0, "value": ' + b"[" * 100000 + b"]" * 100000 + b'}\\n{"end": true}\\n')
os._exit(0)
""",
    "wrong types on the result pipe": """
import os
os.write(3, b'{"call": 0, "value": {"$set": [[]]}}\\n{"call": 1, "error": 7}\\n{"end": true}\\n')
os.write(3, b'{"call": 1e999, "value": NaN}\\n{"loaded": [], "load_error": {"bases": {}}}\\n')
os._exit(0)
""",
    "a long integer on the result pipe": """
import os
os.write(3, b'{"call": 0, "value": ' + b"9" * 50000 + b'}\\n{"end": true}\\n')
os._exit(0)
""",
    "other encoder": """
import json
json.dumps = lambda *a, **k: '{"call": 0, "value": 42}'
json.encoder.JSONEncoder.encode = lambda *a: "42"
def f(x): return object()
""",
    "other builtins": """
import builtins
builtins.type = lambda *a: int
builtins.len = lambda x: 0
builtins.isinstance = lambda *a: True
builtins.id = lambda x: 0
def f(x): return object()
""",
    "search for the expected value": """
import gc, sys
def f(x):
    for thing in gc.get_objects():
        if isinstance(thing, dict) and "expected" in thing:
            return thing["expected"]
    frame = sys._getframe()
    while frame:
        for value in list(frame.f_locals.values()):
            if isinstance(value, dict) and "expected" in value: return value["expected"]
        frame = frame.f_back
""",
    "pretend to be the harness": """
import sys
class Fake:
    passed = True
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return True
sys.modules["json"] = sys.modules["liftlab"] = sys.modules["__main__"] = Fake()
def f(x): return Fake()
""",
    "trace the harness": """
import sys
def tracer(frame, event, arg):
    for name in frame.f_locals: frame.f_locals[name] = 42
    return tracer
sys.settrace(tracer); sys.setprofile(tracer)
def f(x): return 0
""",
    "lie in the exception": """
class Odd(Exception):
    def __str__(self): raise self
    __class__ = int
def f(x): raise Odd()
""",
    "generator of the answers": "def f(x):\n    yield x * 7\n",
    "answer in a list": "def f(x): return [x * 7]",
    "float for int": "def f(x): return x * 7.0",
    "string of the answer": "def f(x): return str(x * 7)",
    "subclass of int": "class Odd(int): pass\ndef f(x): return Odd(x * 7)",
    "right once": "calls = []\ndef f(x):\n    calls.append(x)\n    return 42",
    "answer as the error": "def f(x): raise ValueError(x * 7)",
    "frames of the harness": """
import sys
def f(x):
    frame = sys._getframe(1)
    while frame:
        for name in list(frame.f_locals):
            if name in ("calls", "call", "job"): frame.f_locals[name] = None
        frame.f_globals["_encode"] = frame.f_globals["_write"] = lambda *a, **k: 42
        frame = frame.f_back
    return 0
""",
    # leaving
    "sys.exit(0)": "import sys\nsys.exit(0)",
    "os._exit(0)": "import os\nos._exit(0)",
    "exit in the call": "import os\ndef f(x): os._exit(0)",
    "raise SystemExit": "def f(x): raise SystemExit(0)",
    "raise KeyboardInterrupt": "def f(x): raise KeyboardInterrupt",
    "close descriptors": "import os\nos.closerange(0, 100)\ndef f(x): return x * 7",
    # processes and signals
    "fork": "import os\nos.fork()\ndef f(x): return 0",
    "fork bomb": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    "detached child": """
import subprocess, sys
subprocess.Popen(["sleep", "60"], start_new_session=True)
def f(x): return 0
""",
    "multiprocessing": """
import multiprocessing
def f(x):
    with multiprocessing.Pool(2) as pool: return pool.map(abs, [x])
""",
    "exec another program": "import os\nos.execv('/bin/true', ['true'])",
    "kill the worker": "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)",
    "kill the caller": "import os\nos.kill({caller}, 9)",
    "kill everything": "import os\nos.kill(-1, 9)",
    "ignore signals": """
import signal
for number in range(1, 64):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True: pass
""",
    "trace the worker": """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def f(x): return libc.ptrace(16, os.getppid(), 0, 0)
""",
    "spawn": "import os\nos.posix_spawn('/bin/true', ['true'], {})",
    "vfork by number": """
import ctypes
def f(x): return ctypes.CDLL(None).syscall(58)
""",
    "own namespaces": """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def f(x): return libc.unshare(0x10000000) or libc.mount(b"none", b"/", b"tmpfs", 0, None) or 42
""",
    "stop itself": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
    "alarm": "import signal\nsignal.setitimer(signal.ITIMER_REAL, 0.01)\nwhile True: pass",
    # time, memory, disk, output
    "endless loop": "def f(x):\n    while True: pass",
    "loop that swallows all": """
def f(x):
    while True:
        try:
            while True: pass
        except BaseException: pass
""",
    "sleep": "import time\ndef f(x): time.sleep(100)",
    "read standard input": "def f(x): return int(input())",
    "busy threads": """
def spin():
    while True: pass
def f(x):
    for _ in range(4): threading.Thread(target=spin).start()
    spin()
""",
    "memory": "def f(x):\n    a = []\n    while True: a.append(bytearray(10**6))",
    "memory at once": "def f(x): return len(bytearray(10**11))",
    "shared memory": """
import os
def f(x):
    fd = os.memfd_create("m")
    while True: os.write(fd, bytes(10**6))
""",
    "endless recursion": "import sys\nsys.setrecursionlimit(10**9)\ndef f(x): return f(x) + 1",
    "recursion in C": """
import sys
sys.setrecursionlimit(10**9)
def f(x):
    a = []
    for _ in range(10**6): a = [a]
    return repr(a)
""",
    "output flood": "def f(x):\n    while True: print('x' * 10**4)",
    "error flood": "import sys\ndef f(x):\n    while True: sys.stderr.write('x' * 10**4)",
    "result flood": "import os\nwhile True: os.write(3, b'x' * 65536)",
    "result line without end": "def f(x): return 'x' * 10**7",
    "self-containing result": "def f(x):\n    a = []\n    a.append(a)\n    return a",
    "wide result": "def f(x): return [[0]] * 10**6",
    "large integer": "def f(x): return 1 << 10**8",
    "large file": "def f(x):\n    with open('big', 'wb') as file: file.write(bytes(2**26))",
    "many files": """
def f(x):
    number = 0
    while True:
        number += 1
        with open(f"file{number}", "wb") as file: file.write(bytes(10**6))
""",
    "deep folders": """
import os
def f(x):
    for _ in range(3000):
        os.mkdir("d"); os.chdir("d")
    return 0
""",
    "locked folder": "import os\nos.mkdir('a', 0o300)\nos.mkdir('a/b')\ndef f(x): return 0",
    # source
    "power bomb": "x = 9**9**9\ndef f(y): return x",
    "nested brackets": "x = " + "[" * 5000 + "]" * 5000,
    "nested minus": "x = " + "-" * 100_000 + "1",
    "nested blocks": "\n".join(" " * n + "if 1:" for n in range(200)),
    "compile-time string": "x = ('a' * 4096) * 4096 * 4096\ndef f(y): return x",
    "NUL": "def f(x):\n    return x\0 * 7",
    "lone surrogate": "def f(x): return '\udcff'",
    "surrogate in result": "def f(x): return chr(0xdcff) * 3",
    "odd coding": "# coding: utf-7\ndef f(x): return 0",
    "unknown coding": "# coding: klingon\ndef f(x): return 0",
    # secrets, files, network
    "secret from the environment": "import os\ndef f(x): return os.environ['{secret}']",
    "secret from the caller": """
def f(x):
    with open('/proc/{caller}/environ', 'rb') as file: data = file.read()
    return data[data.index(b'{secret}'):][:40]
""",
    "secret from any process": """
import os
def f(x):
    found = []
    for pid in os.listdir('/proc'):
        try: found.append(open(f'/proc/{pid}/environ', 'rb').read())
        except OSError: pass
    return found
""",
    "read outside": "def f(x): return open('{canary}').read()",
    "write outside": "open('{canary}', 'w').write('changed')\ndef f(x): return 0",
    "remove outside": "import os\nos.remove('{canary}')",
    "rename outside": "import os\nos.rename('{canary}', 'mine')",
    "link outside": "import os\nos.symlink('{canary}', 'l')\nopen('l', 'w').write('changed')",
    "hard link outside": "import os\nos.link('{canary}', 'l')\nopen('l', 'w').write('changed')",
    "change mode outside": "import os\nos.chmod('{canary}', 0o777)",
    "change times outside": "import os\nos.utime('{canary}', (0, 0))",
    "truncate outside": "import os\nos.truncate('{canary}', 0)",
    "password file": "def f(x): return open('/etc/passwd').read()",
    "local socket": "import socket\nsocket.socket(socket.AF_UNIX).connect('/run/docker.sock')",
    "server": "import socket\nsocket.create_server(('127.0.0.1', 0))",
    "kernel socket": """
import socket
def f(x):
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)
    return x * 7
""",
    "home": "import os\ndef f(x): return os.listdir(os.path.expanduser('~root'))",
    "own command line": "def f(x): return open('/proc/self/cmdline').read()",
    "memory of the worker": "import os\nopen(f'/proc/{os.getppid()}/mem', 'r+b').write(b'0')",
    "connect": "import socket\nsocket.create_connection(('127.0.0.1', {port}), 1)",
    "datagram": "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "raise the limits": """
import resource
resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
def f(x): return len(bytearray(10**9))
""",
    "become root": "import os\nos.setuid(0); os.setgid(0); os.chroot('/')",
} | tomllib.loads(Path(__file__).with_name("hostile.toml").read_text("utf-8"))
WITH_NUMPY = tomllib.loads(Path(__file__).with_name("hostile_numpy.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def outside(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, object]]:
    canary = tmp_path_factory.mktemp("outside") / "canary"
    canary.write_text("as it was")
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.MonkeyPatch.context() as patch:
        patch.setenv(SECRET, "hunter2")
        yield {
            "canary": canary,
            "secret": SECRET,
            "caller": os.getpid(),
            "port": listener.getsockname()[1],
            "peak_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        }


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_code_never_passes(
    name: str, restricted: Sandbox, outside: dict[str, object]
) -> None:
    hold(HOSTILE[name], restricted, outside)


@pytest.mark.parametrize("name", [*HOSTILE, *WITH_NUMPY])
def test_nor_does_it_with_packages(
    name: str, with_numpy: Sandbox, outside: dict[str, object]
) -> None:
    hold((HOSTILE | WITH_NUMPY)[name], with_numpy, outside)


def hold(source: str, sandbox: Sandbox, outside: dict[str, object]) -> None:
    for key, value in outside.items():
        source = source.replace("{" + key + "}", str(value))
    canary = outside["canary"]
    assert isinstance(canary, Path)
    before = canary.stat()

    graded = grade(source, CASE, sandbox=sandbox)

    assert graded.outcome == "fail", graded
    assert graded.failure_class is not None
    assert len(json.dumps(result_row("answer", graded))) < MAX_ROW_BYTES
    assert not any("hunter2" in str(check.actual) for check in graded.checks)
    after = canary.stat()
    assert canary.read_text() == "as it was"
    assert (before.st_mode, before.st_mtime_ns) == (after.st_mode, after.st_mtime_ns)
    assert _scratch_folders(sandbox) == []
    assert _children_of_worker(sandbox) == []
    assert grade("def f(x): return x * 7", CASE, sandbox=sandbox).outcome == "pass"


def test_the_caller_stays_small(restricted: Sandbox, outside: dict[str, object]) -> None:
    before = outside["peak_kb"]  # by now, all that stands above has been run
    assert isinstance(before, int)
    for name in ("output flood", "result flood", "memory", "wide result"):
        grade(HOSTILE[name], CASE, sandbox=restricted)
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kb < 64 * 1024


def _scratch_folders(sandbox: Sandbox) -> list[str]:
    if sandbox.isolation == "restricted":
        return os.listdir(sandbox._folder / "scratch")
    if os.getuid() != 0:
        return []  # behind the walls, where an ordinary user can't look
    return os.listdir(f"/proc/{_worker(sandbox)}/root{bubblewrap.INNER_SCRATCH}")


def _children_of_worker(sandbox: Sandbox) -> list[int]:
    return _children(_worker(sandbox))


def _worker(sandbox: Sandbox) -> int:
    """Return the worker's process id, inside walls that of the last in a row of three."""
    assert sandbox._worker is not None
    process = sandbox._worker.pid
    for _ in range(2 if sandbox.isolation == "full" else 0):
        [process] = _children(process)
    return process


def _children(process: int) -> list[int]:
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = Path(f"/proc/{name}/stat").read_text("utf-8", "replace")
        except OSError:
            continue
        if int(stat.rpartition(")")[2].split()[1]) == process:
            found.append(int(name))
    return found
