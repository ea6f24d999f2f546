"""The same code as an ordinary user: what root is refused must not hang on being root."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NOBODY = 65534
INTERPRETER = Path("/usr/bin/python3")  # one that every user may start
# Everything is loaded before the user is changed, who may not read this environment.
SCRIPT = """
import json, os, runpy, sys
from pathlib import Path
from liftlab.grading import grade
from liftlab.sandbox import Sandbox
here, level, names = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
hostile = runpy.run_path(str(here / "test_hostile.py"))
benign = runpy.run_path(str(here / "test_benign.py"))
grade("def f(x): return 0", hostile["CASE"], allow_weak_isolation=True)
os.chdir("/")
os.setgroups([]); os.setgid(65534); os.setuid(65534)
os.environ["HOME"] = "/"
wrong = []
with Sandbox(level=level, python="/usr/bin/python3") as box:
    for name in names:
        graded = grade(hostile["HOSTILE"][name], hostile["CASE"], sandbox=box)
        if graded.outcome != "fail": wrong.append(name)
    for name, source in benign["BENIGN"].items():
        graded = grade(source, benign["CASE"], sandbox=box)
        if graded.outcome != "pass": wrong.append([name, graded.failure_class, graded.facets])
    print(json.dumps([box.isolation, wrong]))
"""
# Those that hang on whose process it is; time and memory do not.
HOSTILE = (
    "lines on the result pipe", "fork", "fork bomb", "detached child", "kill the worker",
    "kill everything", "trace the worker", "secret from any process", "large file",
    "locked folder", "deep folders", "raise the limits", "become root", "datagram",
)  # fmt: skip


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root can become another")
@pytest.mark.skipif(not INTERPRETER.exists(), reason="needs an interpreter of the system")
@pytest.mark.parametrize("level", ["full", "restricted"])
def test_an_ordinary_user_is_as_safe(level: str) -> None:
    here = Path(__file__).parent
    command = [sys.executable, "-c", SCRIPT, str(here), level, json.dumps(HOSTILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=here.parents[1])
    if "no isolation at level full here" in done.stderr:
        pytest.skip(done.stderr.splitlines()[-1])
    assert done.returncode == 0, done.stderr
    reached, wrong = json.loads(done.stdout)
    assert (reached, wrong) == (level, [])
