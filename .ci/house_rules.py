"""Check what no linter checks: sizes, stored notebook outputs, and leaks of a machine's paths.

A file is read in one sitting (400 lines at most) and a function does one thing (60 at most,
not counting its docstring).
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

FILE_LIMIT = 400
FUNCTION_LIMIT = 60
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:root|home/\w+|work|Users/\w+)/")


def main() -> int:
    """Print every breach as `file:line: what`, and return 1 if there is one."""
    breaches = [breach for path in tracked_files() for breach in check(path)]
    for breach in breaches:
        print(breach)
    return 1 if breaches else 0


def tracked_files() -> list[Path]:
    """Return the files that git tracks or would track."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [path for line in listing.splitlines() if (path := Path(line)).is_file()]


def check(path: Path) -> Iterator[str]:
    """Yield the breaches of one file."""
    if path.suffix not in {".py", ".ipynb", ".md", ".toml", ".sh", ".yml", ".css", ".j2", ""}:
        return
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    yield from machine_paths(path, text)
    if path.suffix == ".py":
        yield from sizes(path, text)
    if path.suffix == ".ipynb":
        yield from stored_outputs(path, text)


def machine_paths(path: Path, text: str) -> Iterator[str]:
    """Yield places that name a path of somebody's machine."""
    for number, line in enumerate(text.splitlines(), 1):
        if MACHINE_PATH.search(line) and path != Path(__file__).relative_to(Path.cwd()):
            yield f"{path}:{number}: names a path of one machine"


def sizes(path: Path, text: str) -> Iterator[str]:
    """Yield files and functions that are too long."""
    lines = text.count("\n")
    if lines > FILE_LIMIT:
        yield f"{path}:1: {lines} lines, at most {FILE_LIMIT}"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1 - docstring_lines(node)
            if length > FUNCTION_LIMIT:
                what = f"{node.name} has {length} lines, at most {FUNCTION_LIMIT}"
                yield f"{path}:{node.lineno}: {what}"


def docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many lines a function's docstring takes."""
    if ast.get_docstring(node) is None:
        return 0
    return (node.body[0].end_lineno or 0) - node.body[0].lineno + 1


def stored_outputs(path: Path, text: str) -> Iterator[str]:
    """Yield notebook cells that were committed with their outputs."""
    for number, cell in enumerate(json.loads(text)["cells"], 1):
        if cell["cell_type"] == "code" and (cell["outputs"] or cell["execution_count"]):
            yield f"{path}: cell {number} holds outputs: make format"


if __name__ == "__main__":
    sys.exit(main())
