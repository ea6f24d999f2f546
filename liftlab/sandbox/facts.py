"""What a piece of source is: does it compile, where did it break, which functions has it.

Runs in the sandboxed child only: parsing foreign source can use any amount of time, memory
or stack. Facts are plain JSON; judging them is the grader's. Standard library only.
"""

from __future__ import annotations

import _ast as ast  # `ast` itself is 280 KB more for each child to inherit, and 1 % of a run
import builtins
import re
from collections.abc import Collection, Iterator
from types import CodeType
from typing import Any, NamedTuple

from liftlab.sandbox import newer
from liftlab.sandbox.bodies import text_facts
from liftlab.sandbox.protocol import FILENAME, MESSAGE_CHARS, MOST_FUNCTIONS, NAME_CHARS, OWNER

_STATEMENT = re.compile(
    r"^\s*(return|def|class|if|for|while|with|try|import|from|raise|pass|print|\w+\s*=[^=])"
)
# What no statement ends with.
_OPEN_END = re.compile(r"([-+*/%@&|^~<>=,.([{]|\b(and|or|not|in|is|if))\s*$")
# From the beginning of an f-string to the brace of a field that is never closed.
_CUT_FIELD = re.compile(r"""\b[fF][rR]?("[^"]*|'[^']*)\{[^}]*$""")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_NO_ANSWER = ("main", "test")  # what names of functions that only try the answer begin with


class Defined(NamedTuple):
    """A function at the top level, or a method of the one class `Solution`."""

    name: str
    line: int
    arguments: ast.arguments
    body: list[ast.stmt]
    bound: bool  # its first parameter is the instance

    @property
    def short(self) -> str:
        """Its name without that of its class."""
        return self.name.rpartition(".")[2]

    @property
    def required(self) -> int:
        """How many positional arguments it can't do without."""
        positional = len(self.arguments.posonlyargs) + len(self.arguments.args)
        return max(0, positional - len(self.arguments.defaults) - self.bound)

    @property
    def accepted(self) -> int | None:
        """How many positional arguments it takes, None for any number."""
        if self.arguments.vararg:
            return None
        return len(self.arguments.posonlyargs) + len(self.arguments.args) - self.bound


def inspect_source(
    source: bytes, given: int | None = None
) -> tuple[CodeType | None, dict[str, Any]]:
    """Compile `source`; return the module, None where it does not compile, and its facts.

    These are what `reports.ParseReport` holds. `given` is how many arguments the function to be
    found will get; None if none is to be found.
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
    functions = list(_functions_of(tree))
    facts["functions"] = [_described(item) for item in functions[:MOST_FUNCTIONS]]
    facts["empty"] = not tree.body
    if given is None:
        defines, lacks = _names_of_module(tree)
        facts["defines"] = _bounded(defines)
        facts["lacks"] = _bounded(lacks - vars(builtins).keys())
    else:
        facts["found"] = _find(functions, given)
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
    if "was never closed" in message:  # unless a new statement follows that line
        indent, following = _indent(lines[line - 1]), lines[line:last]
        return not any(_indent(item) <= indent and _STATEMENT.match(item) for item in following)
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


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _functions_of(tree: ast.Module) -> Iterator[Defined]:
    """Yield the functions of a module, and the methods of its class `Solution`, in order."""
    for node in tree.body:
        if isinstance(node, _FUNCTIONS):
            yield Defined(node.name, node.lineno, node.args, node.body, False)
        elif isinstance(node, ast.ClassDef) and node.name == OWNER:
            for inner in node.body:
                if isinstance(inner, _FUNCTIONS):
                    marks = [mark.id for mark in inner.decorator_list if isinstance(mark, ast.Name)]
                    name, bound = f"{OWNER}.{inner.name}", "staticmethod" not in marks
                    yield Defined(name, inner.lineno, inner.args, inner.body, bound)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Lambda):
            body: list[ast.stmt] = [ast.Return(value=node.value.body)]
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    yield Defined(target.id, node.lineno, node.value.args, body, False)


def _described(item: Defined) -> dict[str, Any]:
    # What is in functions and classes within it is not its own.
    inside = list(_walk(item.body, closed=(*_FUNCTIONS, ast.Lambda, ast.ClassDef)))
    return {
        "name": item.name[:NAME_CHARS],
        "line": item.line,
        "required": item.required,
        "accepted": item.accepted,
        "returns_value": any(_gives_value(node) for node in inside),
        "prints": any(_is_print(node) for node in inside),
        "ends_with": _ending(item.body),
        "stub": all(_is_no_code(node) for node in item.body),
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


def _is_no_code(node: ast.stmt) -> bool:
    """Say whether a statement does no more than hold the place of one."""
    return (
        isinstance(node, ast.Pass)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.Raise) and "NotImplementedError" in _names_in([node]))
    )


def _find(functions: Collection[Defined], given: int) -> dict[str, str] | None:
    """Return the function to call, and how it was found; None where that is open.

    It is the only public one, else the last one that no other calls. Those that can't take `given`
    arguments, or that only try the answer, count where there are no others.
    """
    latest = {item.name: item for item in functions}  # a second one of a name replaces the first
    public = [item for item in latest.values() if not item.short.startswith("_")]
    answers = [item for item in public if not item.short.lower().startswith(_NO_ANSWER)]
    fitting = [
        item
        for item in answers
        if item.required <= given and (item.accepted is None or given <= item.accepted)
    ]
    candidates = fitting or answers or public
    how = "only" if len(public) == 1 else "last"
    if len(candidates) > 1:
        used = {item.name: _names_in(item.body) for item in candidates}
        candidates = [
            item
            for item in candidates
            if not any(item.short in names for name, names in used.items() if name != item.name)
        ]
    if not candidates:
        return None
    name = candidates[-1].name
    return {"function": name[:NAME_CHARS], "how": "method" if "." in name else how}


def _names_in(body: list[ast.stmt]) -> set[str]:
    """Return the names and attributes that statements mention."""
    nodes = list(_walk(body))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    return names | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def _names_of_module(tree: ast.Module) -> tuple[set[str], set[str]]:
    """Return the names that a module defines at its top level, and those that it lacks.

    A name that is bound anywhere in it is not lacking.
    """
    bound: set[str] = set()
    read: set[str] = set()
    for node in _walk(tree.body):
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        else:
            bound.update(_bound_by(node))
    top: set[str] = set()
    for statement in tree.body:
        top.update(_bound_by(statement))
        if not isinstance(statement, (*_FUNCTIONS, ast.ClassDef)):
            parts = [node for node in _walk([statement]) if isinstance(node, ast.Name)]
            top.update(node.id for node in parts if isinstance(node.ctx, ast.Store))
    return top, read - bound


def _bound_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            yield (alias.asname or alias.name).partition(".")[0]
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
        yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest


def _walk(body: list[ast.stmt], *, closed: tuple[type[ast.AST], ...] = ()) -> Iterator[ast.AST]:
    """Yield statements and all that is in them, but for what is in the kinds that are `closed`."""
    pending: list[ast.AST] = list(body)
    while pending:
        node = pending.pop()
        yield node
        if isinstance(node, closed):
            continue
        for name in node._fields:
            value = getattr(node, name, None)
            parts = value if isinstance(value, list) else [value]
            pending.extend(part for part in parts if isinstance(part, ast.AST))
