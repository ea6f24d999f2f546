"""Which tests a mutant of liftlab meets, the nearest first: found in the sources, nothing is run.

Nearest are the module's doctests and its own tests. Then come tests that mention the changed
function, tests that mention a function that mentions it, and so on: of each test module one after
the other. Last come whole modules of tests that import the changed one.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain, zip_longest
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = 3  # at most, that import the module
FAR = {"agreement", "browser", "notebooks"}  # whole pages, minutes each: never the nearest
TESTS = 40  # at most, beside a module's own
STEPS = 7  # from a function to a test, at most
SHARED = 3  # functions of one name, at most, that are told apart by nothing


@dataclass(frozen=True)
class Place:
    """A function of liftlab or of the tests, or the body of a class or module."""

    path: str
    name: str  # qualified

    @property
    def called(self) -> str:
        """What mentions of it say."""
        *owners, last = self.name.split(".")
        return owners[-1] if owners and last.startswith("__") else last


@cache
def imports_of(path: str) -> frozenset[str]:
    """Return the modules that a module imports, and what might be one."""
    found = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return frozenset(found)


@cache
def tree_of(path: str) -> ast.Module:
    """Return a module as Python reads it."""
    return ast.parse((ROOT / path).read_text())


@cache
def _files(folder: str) -> tuple[str, ...]:
    files = (str(file.relative_to(ROOT)) for file in sorted((ROOT / folder).rglob("*.py")))
    return tuple(file for file in files if not FAR & set(Path(file).parts))


@cache
def _mentions() -> dict[str, set[Place]]:
    """Return who mentions a name, of all functions of liftlab and its tests."""
    found: defaultdict[str, set[Place]] = defaultdict(set)
    for path in chain(_files("liftlab"), _files("tests")):
        for place, node in _places(path):
            for name in _names(node):
                found[name].add(place)
    return found


@cache
def _definitions() -> dict[str, int]:
    """Return how many functions of liftlab have a name."""
    found: defaultdict[str, int] = defaultdict(int)
    for path in _files("liftlab"):
        for place, _ in _places(path):
            found[place.called] += 1
    return found


def _places(path: str) -> Iterator[tuple[Place, ast.stmt]]:
    for node in tree_of(path).body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield Place(path, node.name), node
            case ast.ClassDef():
                yield Place(path, node.name), node
                for part in node.body:
                    if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
                        yield Place(path, f"{node.name}.{part.name}"), part
            case ast.Assign() | ast.AnnAssign():
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    if isinstance(target, ast.Name):
                        yield Place(path, target.id), node


def _names(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        match part:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name
            case ast.Constant(value=str() as name) if name.isidentifier():  # a fixture, a verb
                yield from (name, f"{name}_command")


def _knows(other: Place, place: Place) -> bool:
    """Tell whether a mention of that name may mean this place."""
    if other.path == place.path:
        return other != place
    if place.path.endswith("conftest.py"):
        return Path(place.path).parent in Path(other.path).parents
    if "." in place.name and _definitions()[place.called] <= SHARED:
        return True
    return _imports(other.path, place.path)


@cache
def _imports(path: str, other: str) -> bool:
    """Tell whether a module imports another, or a package that the other is in."""
    module = _module(other)
    if other.startswith("liftlab/cli/") and "liftlab.cli.main" in imports_of(path):
        return True  # verbs are called by their names
    packages = {module, *(module.rsplit(".", depth)[0] for depth in range(1, module.count(".")))}
    return bool(packages & imports_of(path))


def _module(path: str) -> str:
    return ".".join(Path(path).with_suffix("").parts).removesuffix(".__init__")


def _tests_of(path: str, function: str) -> list[list[str]]:
    """Return tests that lead to a function, by how many steps away they are."""
    start = Place(path, function.partition(".<locals>")[0])
    found: list[list[str]] = []
    seen, edge = {start}, {start}
    for _ in range(STEPS):
        near = {
            other
            for place in edge
            for other in _mentions().get(place.called, ())
            if other not in seen and _knows(other, place)
        }
        near |= {Place(place.path, place.name.partition(".")[0]) for place in edge} - seen
        seen |= near
        found.append([_id(place) for place in near if _is_test(place)])
        edge = {place for place in near if not _is_test(place)}
    return found


def _is_test(place: Place) -> bool:
    name = place.name.rpartition(".")[2]
    return Path(place.path).name.startswith("test_") and name.startswith("test_")


def _id(place: Place) -> str:
    return f"{place.path}::{place.name.replace('.', '::')}"


@cache
def near_tests(path: str, function: str) -> tuple[str, ...]:
    """Return tests, not a module's own, that a function of it is found to lead to."""
    own = own_tests(path)
    tests = chain(*(in_turn(sorted(tests), path) for tests in _tests_of(path, function)))
    near = [test for test in tests if test.partition("::")[0] not in own][:TESTS]
    return tuple(dict.fromkeys((*near, *(file for file in nearest_files(path) if file not in own))))


def readers_of(path: str, name: str) -> set[Place]:
    """Return the functions of liftlab that mention a name of a module."""
    place = Place(path, name.partition(".")[0])
    mentions = _mentions().get(place.called, ())
    return {other for other in mentions if other != place and _knows(other, place)}


def in_turn(tests: Iterable[str], path: str) -> Iterator[str]:
    """Yield a test of each file, the innermost folder's first, then a second, and so on."""
    files: defaultdict[str, list[str]] = defaultdict(list)
    for test in tests:
        files[test.partition("::")[0]].append(test)
    turns = zip_longest(*(files[file] for file in sorted(files, key=lambda f: _distance(f, path))))
    return filter(None, chain(*turns))


def own_tests(path: str) -> tuple[str, ...]:
    """Return a module's doctests and its mirrored test module."""
    mirror = Path("tests", *Path(path).parts[1:-1], f"test_{Path(path).stem}.py")
    doctests = (path,) if ">>> " in (ROOT / path).read_text() else ()
    return (*doctests, str(mirror)) if (ROOT / mirror).exists() else doctests


def nearest_files(path: str) -> list[str]:
    """Return the modules of tests that import a module, else those of its folder."""
    tests = [test for test in _files("tests") if Path(test).name.startswith("test_")]
    near = sorted(tests, key=lambda test: _distance(test, path))
    importing = [test for test in near if _module(path) in imports_of(test)]
    return (importing or near)[:FILES]


def _distance(test: str, path: str) -> int:
    """Return how many folders of a module's path a test is away from."""
    folders = [Path("tests", *part.parts[1:]) for part in Path(path).parents if part.parts]
    near = (depth for depth, folder in enumerate(folders) if folder in Path(test).parents)
    return next(near, len(folders))  # a doctest is in no folder of tests
