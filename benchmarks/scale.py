"""Measure what liftlab does beyond one process, all of it on this machine.

    python benchmarks/scale.py grading [--samples N] [--answers N]

grading: the same samples by one process and by a cluster of four workers, of which two are killed
in mid-run; verdicts must be the same to the byte, but for times.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

LIFTLAB = (sys.executable, "-m", "liftlab")
CASES = (
    {"case_id": "double", "prompt": "Double x.", "checks": [[[2], 4], [[-3], -6], [[0], 0]]},
    {"case_id": "evens", "prompt": "The even ones.", "checks": [[[[1, 2, 4]], [2, 4]], [[[]], []]]},
)
ANSWERS = {
    "double": (
        "def f(x):\n    mark = {n}\n    return x * 2\n",
        "def f(x):\n    mark = {n}\n    return x ** 2\n",
        "Sure:\n```python\ndef f(x):\n    return x + x  # {n}\n```\n",
        "def f(x):\n    raise ValueError({n})\n",
    ),
    "evens": (
        "def f(xs):\n    return [x for x in xs if x % 2 == 0]  # {n}\n",
        "def f(xs):\n    print({n}, xs)\n",
        "def f(xs)\n    return {n}\n",
    ),
}
KILLED_AFTER = (0.25, 0.6)  # of the answers


def main() -> None:
    """Run the part that is asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("part", nargs="?", choices=["grading"], default="grading")
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--answers", type=int, default=25_000, help="different ones among them")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        told = graded_twice(Path(folder), options.samples, options.answers)
    print(json.dumps(told, indent=1))
    if not told["same"]:
        sys.exit("the cluster's verdicts differ from one process's")


def graded_twice(folder: Path, samples: int, answers: int, workers: int = 4) -> dict[str, Any]:
    """Grade samples by one process and by a cluster, kill two of its workers, and compare."""
    (folder / "suite.jsonl").write_text("".join(json.dumps(case) + "\n" for case in CASES))
    with (folder / "samples.jsonl").open("w") as file:
        file.writelines(json.dumps(sample(n % answers)) + "\n" for n in range(samples))
    started = time.perf_counter()
    subprocess.run(grade("one.jsonl"), check=True, capture_output=True, cwd=folder)
    alone_s = time.perf_counter() - started
    started = time.perf_counter()
    cluster = subprocess.Popen(
        [*grade("many.jsonl"), "--cluster", f"local:{workers}"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder,
    )  # fmt: skip
    killed = [kill_one(cluster, folder, int(share * answers)) for share in KILLED_AFTER]
    out, err = cluster.communicate()
    if cluster.returncode:
        sys.exit(f"grading on the cluster failed: {err.decode()[-500:]}")
    return {
        "samples": samples,
        "answers": answers,
        "workers": workers,
        "killed": killed,
        "same": timeless(folder / "one.jsonl") == timeless(folder / "many.jsonl"),
        "one process": f"{answers / alone_s:.0f} programs a second",
        "cluster": f"{answers / (time.perf_counter() - started):.0f} programs a second",
        "bytes a verdict": round((folder / "many.jsonl").stat().st_size / samples),
        "told": out.decode(),
    }


def sample(number: int) -> dict[str, str]:
    """Return an answer; another number is another answer."""
    case_id = list(ANSWERS)[number % 2]
    forms = ANSWERS[case_id]
    return {"case_id": case_id, "code": forms[number // 2 % len(forms)].format(n=number)}


def grade(out: str) -> list[str]:
    """Return the command that grades the samples of its folder."""
    return [*LIFTLAB, "grade", "samples.jsonl", "--suite", "suite.jsonl", "--out", out]


def kill_one(cluster: subprocess.Popen[bytes], folder: Path, after: int) -> int:
    """Kill a worker once so many verdicts are there; return its process's number."""
    while cluster.poll() is None:
        found = [*folder.glob("many.jsonl.*.shard")]
        text = found[0].read_text() if found else ""
        if text.count('"verdict"') >= after:
            at_work = dict.fromkeys(map(int, re.findall(r'"by": "[^"]*process (\d+)', text)))
            for process in at_work:
                if Path(f"/proc/{process}").exists():
                    os.kill(process, signal.SIGKILL)
                    return process
        time.sleep(0.2)
    raise SystemExit("the cluster ended before a worker could be killed")


def timeless(path: Path) -> list[str]:
    """Return the lines of verdicts without their times."""
    return [re.sub(r', "(cpu|wall)_s": [^,}]+', "", line) for line in path.open()]


if __name__ == "__main__":
    main()
