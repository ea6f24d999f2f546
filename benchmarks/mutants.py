"""Change liftlab in one place at a time, and look whether the nearest tests notice.

A seeded sample of one-token changes (a comparison, an operator, a number, a condition, a
statement left out) is tried in copies of the repository. Each meets the tests that were recorded
to run its statement (`_touched.py`), its module's own first, then one of each file in turn,
the quickest first; where none was recorded, those that its names lead to (`_near.py`). They
run 15, then 45, then 240 at a time, until one fails; each run begins no further test after
`--seconds` of processor time. A mutant that fails none of them survives: look whether it changes
anything, and if so add a test. Changes of texts are not tried: what is said is asserted in one
place. `--record` records anew what each test runs, about as long as the whole suite takes.

    python benchmarks/mutants.py [--record] [--sample 200] [--seed 1] [--only liftlab/analysis]
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import random
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from queue import Queue

from _forks import ENOUGH
from _near import ROOT
from _recorded import RECORDED, meets, recording_of, test_files
from _tracer import PLACE

from liftlab.analysis.estimate import span
from liftlab.analysis.rates import clopper_pearson

# A file of tests that fails as it is imported is followed by an ERROR without a name.
FAILING = re.compile(r"^(?:FAILED|ERROR) (\S.*?)(?: - .*)?$", re.MULTILINE)
NOT_FOUND = re.compile(r"^ERROR: (?:not found|file or directory not found): (.+)$", re.MULTILINE)
PARTS = (0, 15, 60, 300)  # importing many files of tests takes longer than the first few tests
KILLED, SURVIVED, UNTRIED = "killed", "survived", "untried"
SWAPS: dict[type[ast.AST], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.In: ("in", "not in"),
    ast.Is: ("is", "is not"),
    ast.NotIn: (r"not\s+in", "in"),  # codespell:ignore notin
    ast.IsNot: (r"is\s+not", "is"),
    ast.And: ("and", "or"),
    ast.Or: ("or", "and"),
    ast.Add: (r"\+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: (r"\*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
}

# Arguments whose values are not changed; mutants.md has the reasons.
NOT_TRIED = {"strict", "linewidth", "linewidths", "lw", "fontsize", "zorder", "alpha", "dpi"}


@dataclass(frozen=True)
class Mutant:
    """A module with the bytes from `start` to `end` replaced."""

    path: str
    line: int
    start: int
    end: int
    old: str
    new: str
    function: str = ""  # qualified, as its code names it; or the name that a module assigns to

    def __str__(self) -> str:
        old, new = (" ".join(text.split())[:50] for text in (self.old, self.new))
        return f"{self.path}:{self.line}: `{old}` → `{new}`"


class Finder:
    """All mutants of one module."""

    def __init__(self, path: str, source: str) -> None:
        self.path = path
        self.source = source.encode()
        self.starts = [0]
        for line in source.encode().splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.found: list[Mutant] = []
        self.scope: list[str] = []
        self._visit(ast.parse(source))

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self.starts[node.lineno - 1] + node.col_offset
        return start, self.starts[node.end_lineno - 1] + node.end_col_offset

    def _add(self, start: int, end: int, new: str) -> None:
        line = self.source.count(b"\n", 0, start) + 1
        old = self.source[start:end].decode()
        function = ".".join(self.scope).removesuffix(".<locals>")
        self.found.append(Mutant(self.path, line, start, end, old, new, function))

    def _replace(self, node: ast.expr | ast.stmt, new: str) -> None:
        self._add(*self._span(node), new)

    def _text(self, node: ast.expr) -> str:
        start, end = self._span(node)
        return self.source[start:end].decode()

    def _swap(self, operator: ast.AST, left: ast.expr, right: ast.expr) -> None:
        """Replace an operator between two operands."""
        if type(operator) not in SWAPS:
            return
        old, new = SWAPS[type(operator)]
        gap = self._span(left)[1]
        between = self.source[gap : self._span(right)[0]].decode()
        place = re.search(rf"\b{old}\b" if old[0].isalpha() else old, between)
        if place:
            self._add(gap + place.start(), gap + place.end(), new)

    def _visit(self, node: ast.AST) -> None:
        if _is_no_code(node):
            return
        depth = len(self.scope)
        match node:
            case ast.ClassDef():
                self.scope.append(node.name)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.scope += [node.name, "<locals>"]
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                self.scope += [name] if not self.scope else []
        self._change_operator(node)
        self._change_whole(node)
        for name, child in ast.iter_fields(node):
            if name not in ("annotation", "returns", "type_params"):
                for part in child if isinstance(child, list) else [child]:
                    if isinstance(part, ast.AST):
                        self._visit(part)
        del self.scope[depth:]

    def _change_operator(self, node: ast.AST) -> None:
        match node:
            case ast.Compare():
                operands = [node.left, *node.comparators]
                for operator, left, right in zip(node.ops, operands, operands[1:], strict=False):
                    self._swap(operator, left, right)
            case ast.BoolOp():
                for left, right in pairwise(node.values):
                    self._swap(node.op, left, right)
            case ast.BinOp() if not (_is_text(node.left) or _is_text(node.right)):
                self._swap(node.op, node.left, node.right)

    def _change_whole(self, node: ast.AST) -> None:
        match node:
            case ast.UnaryOp(op=ast.Not()):
                self._replace(node, f"({self._text(node.operand)})")
            case ast.If() | ast.IfExp() | ast.While() if not isinstance(node.test, ast.Constant):
                self._replace(node.test, f"(not ({self._text(node.test)}))")
            case ast.Constant(value=bool() as value):
                self._replace(node, str(not value))
            case ast.Constant(value=int() | float() as value):
                self._replace(node, f"({value} + 1)")
            case ast.Expr(value=ast.Call() | ast.Await()):
                self._replace(node, "pass")


def _is_no_code(node: ast.AST) -> bool:
    """Tell texts, assertions and what is there for the type checker."""
    match node:
        case ast.If(test=ast.Name(id="TYPE_CHECKING")) | ast.Assert() | ast.JoinedStr():
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]) | ast.Import() | ast.ImportFrom():
            return True
        case ast.Call(func=ast.Name(id="TypeVar" | "cast" | "dataclass")):
            return True
        case ast.keyword(arg=str() as name) if name in NOT_TRIED:
            return isinstance(node.value, ast.Constant)
    return False


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


class Copy:
    """A copy of the repository whose liftlab is the one that its interpreter imports."""

    def __init__(self, folder: Path, seconds: float = 20.0) -> None:
        self.root = folder
        self.seconds = seconds
        self.sound: dict[tuple[str, ...], bool] = {}
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        for name in listing.stdout.splitlines():
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        command = [sys.executable, "-m", "venv", "--without-pip", str(folder / ".venv")]
        subprocess.run(command, check=True)
        (site,) = (folder / ".venv").glob("lib/python*/site-packages")
        (folder / ".venv" / "share").symlink_to(Path(sys.prefix) / "share")  # Jupyter's templates
        shutil.copy2(ROOT / "benchmarks" / "_tracer.py", site)
        paths = f"{folder}\n{sysconfig.get_path('purelib')}\n"
        traced = f"import os; os.environ.get({PLACE!r}) and __import__('_tracer')\n"
        (site / "liftlab.pth").write_text(paths + traced)
        verb = folder / ".venv" / "bin" / "liftlab"
        start = "import sys\nfrom liftlab.cli.main import main\nsys.exit(main())\n"
        verb.write_text(f"#!{verb.parent / 'python'}\n{start}")
        verb.chmod(0o755)

    @cached_property
    def runner(self) -> subprocess.Popen[str]:
        """What runs tests here, in forks of itself."""
        return subprocess.Popen(
            [self.root / ".venv" / "bin" / "python", self.root / "benchmarks" / "_forks.py"],
            cwd=self.root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def record(self, files: Sequence[str], into: Path) -> None:
        """Record what files of tests touch."""
        python, script = self.root / ".venv" / "bin" / "python", "benchmarks/_touched.py"
        subprocess.run([python, script, into, *files], cwd=self.root, check=True)

    def failing(self, tests: tuple[str, ...]) -> tuple[str, ...]:
        """Return the first test that fails, or all of them if they do not end in time."""
        flags = ["-x", "-rfE", "--tb=no", "-p", "no:cacheprovider", "-p", "no:xdist"]
        output = self.root / ".venv" / "output.txt"
        job = {"arguments": [*flags, *tests], "seconds": self.seconds, "output": str(output)}
        assert self.runner.stdin is not None
        assert self.runner.stdout is not None
        self.runner.stdin.write(json.dumps(job) + "\n")
        self.runner.stdin.flush()
        code = json.loads(self.runner.stdout.readline())
        if code in (0, ENOUGH):
            return ()
        said = output.read_text(errors="replace")
        gone = {f"{self.root}/{test}" for test in tests} & set(NOT_FOUND.findall(said))
        if gone:  # named for a value that the mutant changed
            return self.failing(tuple(t for t in tests if f"{self.root}/{t}" not in gone))
        return tuple(FAILING.findall(said)) or tests

    def is_sound(self, tests: tuple[str, ...]) -> bool:
        """Tell whether tests pass without a mutant."""
        if tests not in self.sound:
            self.sound[tests] = not self.failing(tests)
        return self.sound[tests]

    def judge(self, mutant: Mutant) -> tuple[str, str]:
        """Try one mutant, and tell by which test it is killed.

        A test that fails without it, too, tells nothing of it.
        """
        untried = ""
        tests = meets(mutant.path, mutant.line, mutant.function)
        for part in filter(None, (tests[a:b] for a, b in pairwise(PARTS))):
            verdict, test = self._judge_by(part, mutant)
            if verdict == KILLED:
                return KILLED, test
            untried = test if verdict == UNTRIED else untried
        return (UNTRIED, untried) if untried and len(tests) <= PARTS[1] else (SURVIVED, "")

    def _judge_by(self, tests: tuple[str, ...], mutant: Mutant) -> tuple[str, str]:
        unsound: tuple[str, ...] = ()
        while failing := self._failing_with(mutant, (*tests, *unsound)):
            if self.is_sound(failing):
                return KILLED, failing[0]
            files = dict.fromkeys(test.partition("::")[0] for test in failing)
            more = tuple(f"--deselect={file}" for file in files)
            if set(failing) >= set(tests) or set(more) <= set(unsound):
                return UNTRIED, failing[0]
            unsound += more
        return SURVIVED, ""

    def _failing_with(self, mutant: Mutant, tests: tuple[str, ...]) -> tuple[str, ...]:
        place = self.root / mutant.path
        source = place.read_bytes()
        compiled = Path(importlib.util.cache_from_source(str(place)))
        try:
            place.write_bytes(source[: mutant.start] + mutant.new.encode() + source[mutant.end :])
            compiled.unlink(missing_ok=True)
            return self.failing(tests)
        finally:
            place.write_bytes(source)
            compiled.unlink(missing_ok=True)


def sample(size: int, seed: int, only: str) -> list[Mutant]:
    """Return a seeded sample of all mutants of the modules whose path begins so."""
    found = [mutant for path in _modules(only) for mutant in mutants_of(path)]
    return random.Random(seed).sample(found, min(size, len(found)))


def _modules(only: str) -> Iterator[str]:
    for path in sorted((ROOT / "liftlab").rglob("*.py")):
        name = str(path.relative_to(ROOT))
        if name.startswith(only):
            yield name


def mutants_of(path: str) -> list[Mutant]:
    """Return all mutants of one module."""
    return Finder(path, (ROOT / path).read_text()).found


def record(copies: Sequence[Copy]) -> None:
    """Record all files of tests anew, in several copies at once."""
    shutil.rmtree(RECORDED, ignore_errors=True)
    with ThreadPoolExecutor(len(copies)) as pool:
        shares = [test_files()[number :: len(copies)] for number in range(len(copies))]
        list(pool.map(lambda copy, share: copy.record(share, RECORDED), copies, shares))


def main() -> int:
    """Try the sample, print a line a mutant, and return 1 under four fifths killed."""
    begun_s = time.monotonic()
    parser = argparse.ArgumentParser(description="Try mutants of liftlab on the nearest tests.")
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="liftlab/", help="modules whose path begins so")
    parser.add_argument(
        "--seconds", type=float, default=20.0, help="of processor time a run of tests"
    )
    parser.add_argument("--record", action="store_true", help="first which test runs which line")
    options = parser.parse_args()
    mutants = sample(options.sample, options.seed, options.only)
    verdicts: dict[str, list[Mutant]] = {KILLED: [], SURVIVED: [], UNTRIED: []}
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies: Queue[Copy] = Queue()
        for number in range(options.jobs):
            copies.put(Copy(Path(folder) / str(number), options.seconds))
        if options.record:
            record([*copies.queue])
        known = sum(recording_of(name).exists() for name in test_files())
        print(f"recorded: {known} of {len(test_files())} files of tests", flush=True)

        def judged(mutant: Mutant) -> tuple[Mutant, str, str]:
            copy = copies.get()
            try:
                return mutant, *copy.judge(mutant)
            finally:
                copies.put(copy)

        with ThreadPoolExecutor(options.jobs) as pool:
            futures = [pool.submit(judged, mutant) for mutant in mutants]
            try:
                for future in as_completed(futures):
                    mutant, verdict, test = future.result()
                    verdicts[verdict].append(mutant)
                    print(f"{verdict:<8} {mutant} {test}", flush=True)
            except BaseException as stopped:
                pool.shutdown(wait=False, cancel_futures=True)
                if not isinstance(stopped, KeyboardInterrupt):
                    raise
    tried = len(verdicts[KILLED]) + len(verdicts[SURVIVED])
    killed = len(verdicts[KILLED]) / tried if tried else 0.0
    likely = span(*clopper_pearson(killed, tried), "%") if tried else "unknown"
    print(
        f"\n{len(verdicts[KILLED])} of {tried} killed ({killed:.0%}; 95 % interval {likely}), "
        f"seed {options.seed}, {(time.monotonic() - begun_s) / 60:.0f} minutes"
    )
    for name in (SURVIVED, UNTRIED):
        for mutant in verdicts[name]:
            print(f"{name}: {mutant}")
    if verdicts[UNTRIED]:
        print("untried: the test that fails does so without the mutant, too")
    return 0 if killed >= 0.8 else 1


if __name__ == "__main__":
    sys.exit(main())
