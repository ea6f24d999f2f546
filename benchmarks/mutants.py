"""Change liftlab in one place at a time, and look whether the nearest tests notice.

A seeded sample of one-token changes (a comparison, an operator, a number, a condition, a
statement left out) is tried in copies of the repository. Each meets its module's doctests and
own tests, `tests/<path>/test_<module>.py`, then those that lead to the changed function, nearest
first (`_near.py` says how), until one fails or they have taken `--seconds` of processor time.
A mutant that fails none of them survives: look whether it changes anything, and if so add a test.
Changes of texts are not tried: what is said is asserted in one place.

    python benchmarks/mutants.py [--sample 200] [--seed 1] [--jobs 2] [--only liftlab/analysis]
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
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from queue import Queue

from _forks import ENOUGH
from _near import ROOT
from _recorded import meets

NOT_FOUND = re.compile(r"^ERROR: (?:not found|file or directory not found): (.+)$", re.MULTILINE)
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
    return False


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


class Copy:
    """A copy of the repository whose liftlab is the one that its interpreter imports."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.root = folder
        self.seconds = seconds
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
        paths = f"{folder}\n{sysconfig.get_path('purelib')}\n"
        (site / "liftlab.pth").write_text(paths)
        verb = folder / ".venv" / "bin" / "liftlab"
        start = "import sys\nfrom liftlab.cli.main import main\nsys.exit(main())\n"
        verb.write_text(f"#!{verb.parent / 'python'}\n{start}")
        verb.chmod(0o755)
        self.sound: dict[tuple[str, ...], bool] = {}
        self.runner = subprocess.Popen(
            [verb.parent / "python", folder / "benchmarks" / "_forks.py"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

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
        return tuple(re.findall(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", said, re.MULTILINE)) or tests

    def is_sound(self, tests: tuple[str, ...]) -> bool:
        """Tell whether tests pass without a mutant."""
        if tests not in self.sound:
            self.sound[tests] = not self.failing(tests)
        return self.sound[tests]

    def judge(self, mutant: Mutant) -> tuple[str, str]:
        """Try one mutant, and tell by which test it is killed.

        A test that fails without it, too, tells nothing of it.
        """
        tests = meets(mutant.path, mutant.line, mutant.function)
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


def main() -> int:
    """Try the sample, print a line a mutant, and return 1 under four fifths killed."""
    parser = argparse.ArgumentParser(description="Try mutants of liftlab on the nearest tests.")
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="liftlab/", help="modules whose path begins so")
    parser.add_argument("--seconds", type=float, default=60.0, help="of processor time a mutant")
    options = parser.parse_args()
    mutants = sample(options.sample, options.seed, options.only)
    verdicts: dict[str, list[Mutant]] = {KILLED: [], SURVIVED: [], UNTRIED: []}
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies: Queue[Copy] = Queue()
        for number in range(options.jobs):
            copies.put(Copy(Path(folder) / str(number), options.seconds))

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
            except KeyboardInterrupt:  # what was tried is told
                pool.shutdown(wait=False, cancel_futures=True)
    tried = len(verdicts[KILLED]) + len(verdicts[SURVIVED])
    killed = len(verdicts[KILLED]) / tried if tried else 0.0
    print(f"\n{len(verdicts[KILLED])} of {tried} killed ({killed:.0%}), seed {options.seed}")
    for name in (SURVIVED, UNTRIED):
        for mutant in verdicts[name]:
            print(f"{name}: {mutant}")
    if verdicts[UNTRIED]:
        print("untried: the test that fails does so without the mutant, too")
    return 0 if killed >= 0.8 else 1


if __name__ == "__main__":
    sys.exit(main())
