"""Code that must pass in the sandbox, and what it can see there."""

from __future__ import annotations

import threading

import pytest

from liftlab.grading import grade
from liftlab.sandbox import Call, Limits, Sandbox
from liftlab.suite import Case, Check

SECRET = "LIFTLAB_TEST_SECRET"
CASE = Case(
    case_id="seven_times",
    prompt="Multiply by seven.",
    entry_point="f",
    checks=(Check(name="one", args=(6,), expected=42), Check(name="two", args=(7,), expected=49)),
)

BENIGN = {
    "plain": "def f(x): return x * 7",
    "math": "import math\ndef f(x): return math.prod([x, 7])",
    "re": "import re\ndef f(x): return int(re.sub('a', '', 'a7')) * x",
    "itertools": "import itertools\ndef f(x): return sum(itertools.repeat(x, 7))",
    "collections": "from collections import Counter\ndef f(x): return Counter('a' * x)['a'] * 7",
    "functools": "from functools import cache\n@cache\ndef f(x): return x and f(x - 1) + 7",
    "typing": "from typing import Optional\ndef f(x: Optional[int]) -> int: return (x or 0) * 7",
    "dataclasses": """
from dataclasses import dataclass, field
@dataclass
class Box:
    x: int
    seven: list[int] = field(default_factory=lambda: [7])
def f(x): return Box(x).x * Box(x).seven[0]
""",
    "copies of a file": """
import os, pathlib, shutil
def f(x):
    pathlib.Path("made").write_text("7")
    shutil.copy("made", b"copied")
    shutil.copy2("copied", "again")
    os.chmod("again", 0o600)
    os.utime("again", (0, 0), follow_symlinks=False)
    pathlib.Path("again").touch()
    return int(pathlib.Path("again").read_text()) * x
""",
    "settings of open files": """
import os
def f(x):
    fd = os.open("kept", os.O_RDWR | os.O_CREAT)
    os.posix_fallocate(fd, 0, 8192)
    os.fchmod(fd, 0o600)
    os.truncate("kept", x)
    os.chmod("kept", 0o600, dir_fd=os.open(".", os.O_RDONLY))
    os.chown("kept", os.getuid(), os.getgid())
    return os.fstat(fd).st_size * 7
""",
    "a file made by a touch": """
import os, pathlib
def f(x):
    made = pathlib.Path(f"made {x}")
    made.touch()
    os.utime(".")
    try: os.utime("missing")
    except FileNotFoundError: return x * 7 if made.exists() else 0
""",
    "other settings of the output": """
import io, sys
sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8")
def f(x): return print("ok") or x * 7
""",
    "output to nowhere": """
import os
def f(x): return print(x, file=open(os.devnull, 'w')) or x * 7
""",
    "many threads": """
import threading, time
def f(x):
    sleepers = [threading.Thread(target=time.sleep, args=(0.01,)) for _ in range(60)]
    for each in sleepers: each.start()
    for each in sleepers: each.join()
    return len(sleepers) * x * 7 // 60
""",
    "its own place": """
import os
HERE = os.path.dirname(os.path.abspath(__file__))
def f(x): return x * 7 if os.path.isdir(HERE) else 0
""",
    "an archive": """
import os, shutil, tarfile
def f(x):
    os.makedirs("a", exist_ok=True)
    open("a/seven", "w").write("7")
    shutil.make_archive("packed", "tar", "a")
    shutil.unpack_archive("packed.tar", "b")
    return int(open("b/seven").read()) * x
""",
    "recursion": "def f(x): return 0 if x == 0 else 7 + f(x - 1)",
    "generator inside": "def f(x): return sum(7 for _ in range(x))",
    "prints, too": "def f(x):\n    print('multiplying', x, chr(0xdcff))\n    return x * 7",
    "threads": """
import threading
def f(x):
    found = []
    threads = [threading.Thread(target=lambda: found.append(x)) for _ in range(7)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return sum(found)
""",
    "a pool of threads": """
from concurrent.futures import ThreadPoolExecutor
def f(x):
    with ThreadPoolExecutor(4) as pool: return sum(pool.map(lambda _: x, range(7)))
""",
    "asyncio": """
import asyncio
async def part(x):
    await asyncio.sleep(0)
    return x
async def all_of(x): return await asyncio.gather(*[part(x) for _ in range(7)])
def f(x): return sum(asyncio.run(all_of(x)))
""",
    "temporary file": """
import tempfile
def f(x):
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/n", "w") as file: file.write(str(x))
        with open(folder + "/n") as file: return int(file.read()) * 7
""",
    "json and datetime": """
import json, datetime
def f(x): return json.loads(json.dumps(x)) * datetime.timedelta(weeks=1).days
""",
    "decimal and fractions": """
from decimal import Decimal
from fractions import Fraction
def f(x): return int(Decimal(x) * 7 * Fraction(1, 1).numerator)
""",
    "some memory": "def f(x): return len(bytearray(50_000_000)) // 50_000_000 * x * 7",
    "an exception inside": "def f(x):\n    try: x / 0\n    except ArithmeticError: return x * 7",
    "handles a refusal": """
import os
def f(x):
    try: os.fork()
    except OSError: pass
    else: raise RuntimeError
    return x * 7
""",
    "pickle and enumerations": """
import enum, pickle
class Factor(enum.IntEnum):
    SEVEN = 7
def f(x): return x * int(pickle.loads(pickle.dumps(Factor.SEVEN)))
""",
    "a lambda": "f = lambda x: x * 7",
    "a guard for scripts": "def f(x): return x * 7\nif __name__ == '__main__': raise SystemExit",
}


@pytest.mark.parametrize("name", BENIGN)
def test_benign_code_passes(name: str, sandbox: Sandbox) -> None:
    if name == "handles a refusal" and sandbox.isolation == "limits-only":
        pytest.skip("nothing is refused here")
    graded = grade(BENIGN[name], CASE, sandbox=sandbox)
    assert (graded.outcome, graded.facets) == ("pass", {"found": "entry_point"})


def test_nothing_of_the_environment_is_seen(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET, "hunter2")
    report = sandbox.run(
        b"import os\ndef f(): return sorted(os.environ)", [Call(function="f")], Limits()
    )
    assert set(report.calls[0].value) <= {
        "HOME", "LANG", "LC_CTYPE", "MALLOC_ARENA_MAX", "PATH", "PYTHONHASHSEED", "PYTHONUTF8",
        "TMPDIR", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
    }  # fmt: skip


def test_the_harness_is_not_importable(sandbox: Sandbox) -> None:
    graded = grade("import liftlab.suite\ndef f(x): return x * 7", CASE, sandbox=sandbox)
    assert graded.failure_class == "import_error"


def test_two_threads_can_share_a_sandbox(sandbox: Sandbox) -> None:
    outcomes: list[str] = []

    def work() -> None:
        outcomes.extend(grade(BENIGN["plain"], CASE, sandbox=sandbox).outcome for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == ["pass"] * 10
