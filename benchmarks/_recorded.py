"""Which tests run a line of liftlab, from what `_touched.py` recorded, the nearest first."""

from __future__ import annotations

import ast
import json
from collections import defaultdict
from functools import cache
from itertools import chain
from pathlib import Path

from _near import ROOT, in_turn, near_tests, own_tests, readers_of, tree_of

RECORDED = ROOT / "build" / "touched"
LEFT_OUT = ("tests/browser/", "tests/test_mutants.py")  # looks at pages; starts this
TESTS = 300  # at most, for one mutant: their names have to fit in a command
Lines = dict[int, dict[str, float]]  # the tests of each line, and their seconds


@cache
def test_files() -> tuple[str, ...]:
    """Return the files of tests, and modules with doctests, that can be recorded."""
    tests = {str(file.relative_to(ROOT)) for file in (ROOT / "tests").rglob("test_*.py")}
    left_out = {test for test in tests if test.startswith(LEFT_OUT)}
    modules = (str(file.relative_to(ROOT)) for file in (ROOT / "liftlab").rglob("*.py"))
    doctests = {module for module in modules if ">>> " in (ROOT / module).read_text()}
    return tuple(sorted(tests - left_out | doctests))


def recording_of(test_file: str) -> Path:
    """Return where what a file of tests touched is kept."""
    return RECORDED / f"{test_file.replace('/', '+')}.json"


@cache
def recorded() -> dict[str, Lines]:
    """Return the tests of each line of each module of liftlab."""
    found: defaultdict[str, Lines] = defaultdict(lambda: defaultdict(dict))
    for place in sorted(RECORDED.glob("*.json")):
        recording = json.loads(place.read_text())
        tests = recording["tests"]
        of_context: list[list[str]] = [
            [context] if context in tests else [t for t in tests if context in tests[t]["fixtures"]]
            for context in recording["contexts"]
        ]
        for path, lines in recording["lines"].items():
            for line, numbers in lines.items():
                for test in (test for number in numbers for test in of_context[number]):
                    found[path][int(line)][test] = tests[test]["seconds"]
    return found


def _statement(path: str, line: int) -> range:
    """Return the lines of the innermost statement that a line is in, of a block its head."""
    lines = range(line, line + 1)
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            last = max(node.lineno, body[0].lineno - 1) if body else node.end_lineno
            if last is not None and node.lineno <= line <= last:
                lines = range(node.lineno, last + 1)
    return lines


def lines_of(path: str, function: str) -> range:
    """Return the lines of a function or of a class."""
    names = function.partition(".<locals>")[0].split(".")
    body: list[ast.stmt] = tree_of(path).body
    lines = range(0)
    for name in names:
        for node in body:
            if getattr(node, "name", None) == name and isinstance(
                node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
            ):
                assert node.end_lineno is not None
                lines, body = range(node.lineno, node.end_lineno + 1), node.body
                break
    return lines


def _tests_of(path: str, lines: range) -> dict[str, float]:
    known = recorded().get(path, {})
    return {test: s for line in lines if line in known for test, s in known[line].items()}


def meets(path: str, line: int, function: str) -> tuple[str, ...]:
    """Return the tests that a mutant meets, in their order.

    They are those that were recorded to run its statement. A statement that runs only when its
    module is imported, or in a process that was not recorded, has none: then the module's own
    tests, those that run the function or what mentions its name, and those that lead to it.
    """
    if tests := _tests_of(path, _statement(path, line)):
        unknown = [file for file in own_tests(path) if not recording_of(file).exists()]
        return (*unknown, *_ordered(tests, path))
    tests = _tests_of(path, lines_of(path, function))
    for place in () if tests else readers_of(path, function):
        tests |= _tests_of(place.path, lines_of(place.path, place.name))
    own = chain.from_iterable(map(_quickest, own_tests(path)))
    return tuple(dict.fromkeys((*own, *_ordered(tests, path), *near_tests(path, function))))


def _quickest(test_file: str) -> list[str]:
    """Return the tests of a file, the quickest first; the file itself where that is not known."""
    place = recording_of(test_file)
    tests = json.loads(place.read_text())["tests"] if place.exists() else {}
    return sorted(tests, key=lambda test: (tests[test]["seconds"], test)) or [test_file]


def _ordered(tests: dict[str, float], path: str) -> tuple[str, ...]:
    """Return a module's own tests and then one of each file in turn, each time the quickest."""
    quickest = sorted(tests, key=lambda test: (tests[test], test))
    own = own_tests(path)
    first = [test for test in quickest if test.partition("::")[0] in own]
    others = in_turn([test for test in quickest if test not in first], path)
    return (*first, *others)[:TESTS]
