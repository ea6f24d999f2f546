"""The same code as an ordinary user: what root is refused must not hang on being root."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

NOBODY = 65534
INTERPRETER = Path("/usr/bin/python3")  # one that every user may start
# Everything is loaded before the user is changed, who may not read this environment.
SCRIPT = """
import dataclasses, json, os, runpy, socket, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from liftlab.grading import grade
from liftlab.sandbox import Sandbox
here, level, canary = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
hostile = runpy.run_path(str(here / "test_hostile.py"))
benign = runpy.run_path(str(here / "test_benign.py"))
grade("def f(x): return 0", hostile["CASE"], allow_weak_isolation=True)
os.environ[hostile["SECRET"]] = "hunter2"
os.chdir("/")
os.setgroups([]); os.setgid(65534); os.setuid(65534)
os.environ["HOME"] = "/"
limits = dataclasses.replace(hostile["CASE"].limits, cpu_s=0.1, wall_s=0.5)
case = dataclasses.replace(hostile["CASE"], limits=limits)
listener = socket.create_server(("127.0.0.1", 0))
places = {"canary": canary, "secret": hostile["SECRET"], "caller": os.getpid(),
          "port": listener.getsockname()[1]}

def wrong(box, names):
    for name in names:
        source = hostile["HOSTILE"][name]
        for key, value in places.items():
            source = source.replace("{" + key + "}", str(value))
        graded = grade(source, case, sandbox=box)
        told = " ".join(str(check.actual) for check in graded.checks)
        if graded.outcome != "fail" or "hunter2" in told or canary.read_text() != "as it was":
            yield name
    for name, source in benign["BENIGN"].items():
        graded = grade(source, benign["CASE"], sandbox=box)
        if graded.outcome != "pass": yield [name, graded.failure_class, graded.facets]

def work(part):
    with Sandbox(level=level, python="/usr/bin/python3") as box:
        return box.isolation, list(wrong(box, list(hostile["HOSTILE"])[part::4]))

with ThreadPoolExecutor(4) as pool:
    print(json.dumps(list(pool.map(work, range(4)))))
"""


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root can become another")
@pytest.mark.skipif(not INTERPRETER.exists(), reason="needs an interpreter of the system")
@pytest.mark.parametrize("level", ["full", "restricted"])
def test_an_ordinary_user_is_as_safe(level: str) -> None:
    here = Path(__file__).parent
    # A place of its own: pytest keeps the folders above tmp_path to their owner.
    with tempfile.TemporaryDirectory() as place:
        canary = Path(place) / "canary"
        canary.write_text("as it was")
        canary.parent.chmod(0o755)
        os.chown(canary, NOBODY, NOBODY)
        command = [sys.executable, "-c", SCRIPT, str(here), level, str(canary)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=here.parents[1]
        )
    if "no isolation at level full here" in done.stderr:
        pytest.skip(done.stderr.splitlines()[-1])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[level, []]] * 4
