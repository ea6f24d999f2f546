"""What a piece of source is: does it compile, where did it break, which functions has it.

Runs in the sandboxed child only: parsing foreign source can use any amount of time, memory
or stack. Facts are plain JSON; judging them is the grader's. Standard library only.
"""

from __future__ import annotations

import _ast as ast  # `ast` itself is 280 KB more for each child to inherit, and 1 % of a run
import builtins
import re
from types import CodeType
from typing import Any

from liftlab.sandbox import entry, newer
from liftlab.sandbox.bodies import text_facts
from liftlab.sandbox.entry import Defined
from liftlab.sandbox.protocol import FILENAME, MESSAGE_CHARS, MOST_FUNCTIONS, NAME_CHARS

_STATEMENT = re.compile(
    r"^\s*(return|def|class|if|for|while|with|try|import|from|raise|pass|print|\w+\s*=[^=])"
)
# What no statement ends with.
_OPEN_END = re.compile(r"([-+*/%@&|^~<>=,.([{]|\b(and|or|not|in|is|if))\s*$")
# From the beginning of an f-string to the brace of a field that is never closed.
_CUT_FIELD = re.compile(r"""\b[fF][rR]?("[^"]*|'[^']*)\{[^}]*$""")
# What is in these is not the function's own.
_OTHERS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def inspect_source(
    source: bytes, given: int | None = None
) -> tuple[CodeType | None, dict[str, Any]]:
    """Compile `source` and collect its facts.

    `source`: as it came. `given`: how many arguments the function to be found will get; None if
    none is to be found.

    Returns
    -------
    code
        The compiled module, or None where it does not compile.
    facts
        `parsed`, `kind`, `message`, `line`, `at_end` (the text stops in the middle of
        something), `needs_python` (the newer version that takes it), `functions`, `defines` and
        `lacks` (names at the top level, and those that are bound nowhere), `found` (the
        function to call), `json` ("error", "value" or None), `pythonic`, `foreign`,
        `gateway_page`, `empty`.

    Examples
    --------
    >>> inspect_source(b"def f(x): return x")[1]["functions"][0]["name"]
    'f'
    """
    text = source.decode("utf-8", "replace")
    facts: dict[str, Any] = {"parsed": True, "functions": [], **text_facts(text)}
    try:
        tree = compile(source, FILENAME, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        assert isinstance(tree, ast.Module)
        code = compile(tree, FILENAME, "exec", dont_inherit=True)
    except SyntaxError as error:
        facts |= _fault(error, _message(text, error), error.lineno)
        facts["at_end"] = _stops_short(text, error)
        facts["needs_python"] = newer.needed(text)
        return None, facts
    except (ValueError, MemoryError, RecursionError, OverflowError) as error:
        return None, facts | _fault(error, str(error), None)
    functions = list(entry.functions_of(tree))
    facts["functions"] = [_describe(item) for item in functions[:MOST_FUNCTIONS]]
    facts["empty"] = not tree.body
    if given is None:
        defines, lacks = entry.names_of_module(tree)
        facts["defines"] = _bounded(defines)
        facts["lacks"] = _bounded(lacks - vars(builtins).keys())
    else:
        facts["found"] = entry.find(functions, given)
    return code, facts


def _bounded(names: set[str]) -> list[str]:
    return sorted(name for name in names if len(name) <= NAME_CHARS)[:MOST_FUNCTIONS]


def _fault(error: BaseException, message: str | None, line: int | None) -> dict[str, Any]:
    return {
        "parsed": False,
        "kind": type(error).__name__,
        "message": (message or "")[:MESSAGE_CHARS],
        "line": line,
    }


def _message(text: str, error: SyntaxError) -> str | None:
    """Return the parser's message; that of a cut f-string as Python 3.11 words it."""
    line = text.split("\n")[(error.lineno or 1) - 1 :][:1]
    in_field = error.msg == "'{' was never closed" and line and _CUT_FIELD.search(line[0])
    return "unterminated string literal" if in_field else error.msg


def _stops_short(text: str, error: SyntaxError) -> bool:
    """Say whether the text ends in the middle of something, rather than being wrong inside."""
    lines = text.split("\n")
    code_lines = [n for n, line in enumerate(lines, 1) if line.strip() and line.strip()[0] != "#"]
    last = code_lines[-1] if code_lines else 1
    line = error.lineno or 1
    message = error.msg or ""
    if "unterminated triple-quoted" in message:
        return True
    if "was never closed" in message:
        return not _code_goes_on(lines, line, last)
    if "unterminated" in message or lines[last - 1].lstrip().startswith("@"):
        return line >= last  # a decorator has nothing that it decorates
    if message.startswith("expected an indented block"):
        header = re.search(r"on line (\d+)$", message)
        return bool(header) and int(header.group(1) if header else 0) >= last
    if isinstance(error, IndentationError) or "codec" in message or "character" in message:
        return False
    end_of_last_line = len(lines[last - 1].rstrip())
    # Something expected may be missing after all that there is; other faults lie where they start.
    offset = error.offset or 0
    if message.startswith("expected "):
        offset = max(offset, error.end_offset or 0)
        if _OPEN_END.search(lines[last - 1]):
            offset = end_of_last_line + 1  # the fault is told of what precedes the operator
    return line > last or (line == last and offset > end_of_last_line)


def _code_goes_on(lines: list[str], opened: int, last: int) -> bool:
    """Say whether a new statement follows the line on which a bracket was left open."""
    indent = _indent(lines[opened - 1])
    following = lines[opened:last]
    return any(_indent(line) <= indent and _STATEMENT.match(line) for line in following)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _describe(item: Defined) -> dict[str, Any]:
    inside = list(entry.walk(item.body, closed=_OTHERS))
    return {
        "name": item.name[:NAME_CHARS],
        "line": item.line,
        "required": item.required,
        "accepted": item.accepted,
        "returns_value": any(_gives_value(node) for node in inside),
        "prints": any(_is_print(node) for node in inside),
        "ends_with": _ending(item.body),
        "stub": entry.is_stub(item.body),
    }


def _gives_value(node: ast.AST) -> bool:
    if isinstance(node, ast.Yield | ast.YieldFrom):
        return True
    if not isinstance(node, ast.Return) or node.value is None:
        return False
    return not (isinstance(node.value, ast.Constant) and node.value.value is None)


def _is_print(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    )


def _ending(body: list[ast.stmt]) -> str | None:
    """Name what a function's last statement is, where that explains a missing return."""
    last = body[-1] if body else None
    if isinstance(last, ast.Expr):
        if isinstance(last.value, ast.Constant):
            return "empty"  # a docstring or an ellipsis and nothing else to return
        return "print" if _is_print(last.value) else "expression"
    if isinstance(last, ast.Assign | ast.AugAssign | ast.AnnAssign):
        return "assignment"
    return "empty" if isinstance(last, ast.Pass) else None
