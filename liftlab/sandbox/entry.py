"""The functions of a piece of source, and which of them to call where no name is known.

Runs in the sandboxed child only. Standard library only.
"""

from __future__ import annotations

import _ast as ast
from collections.abc import Collection, Iterator
from typing import NamedTuple

from liftlab.sandbox.protocol import NAME_CHARS, OWNER

_NO_ANSWER = ("main", "test")  # what names of functions that only try the answer begin with


class Defined(NamedTuple):
    """A function at the top level, or a method of the one class `Solution`."""

    name: str
    line: int
    arguments: ast.arguments
    body: list[ast.stmt]
    bound: bool  # its first parameter is the instance

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


def functions_of(tree: ast.Module) -> Iterator[Defined]:
    """Yield the functions of a module, and the methods of its class `Solution`, in order."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Defined(node.name, node.lineno, node.args, node.body, False)
        elif isinstance(node, ast.ClassDef) and node.name == OWNER:
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                    name, bound = f"{OWNER}.{inner.name}", not _is_static(inner)
                    yield Defined(name, inner.lineno, inner.args, inner.body, bound)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Lambda):
            body: list[ast.stmt] = [ast.Return(value=node.value.body)]
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    yield Defined(target.id, node.lineno, node.value.args, body, False)


def find(functions: Collection[Defined], given: int) -> dict[str, str] | None:
    """Return the function to call, and how it was found; None where that is open.

    It is the only public one, else the last one that no other calls. Those that can't take
    the arguments, or that only try the answer, count where there are no others.

    `functions`: those of the module. `given`: how many arguments it will be called with.
    """
    latest = {item.name: item for item in functions}  # a second one of a name replaces the first
    public = [item for item in latest.values() if not _short(item).startswith("_")]
    answers = [item for item in public if not _short(item).lower().startswith(_NO_ANSWER)]
    fitting = [item for item in answers if _takes(item, given)]
    candidates = fitting or answers or public
    how = "only" if len(public) == 1 else "last"
    if len(candidates) > 1:
        used = {item.name: names_in(item.body) for item in candidates}
        candidates = [
            item
            for item in candidates
            if not any(_short(item) in names for name, names in used.items() if name != item.name)
        ]
    if not candidates:
        return None
    name = candidates[-1].name
    return {"function": name[:NAME_CHARS], "how": "method" if "." in name else how}


def names_in(body: list[ast.stmt]) -> set[str]:
    """Return the names and attributes that statements mention."""
    names: set[str] = set()
    for node in walk(body):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
    return names


def is_stub(body: list[ast.stmt]) -> bool:
    """Say whether a function's body is no more than a place for one."""
    return all(
        isinstance(node, ast.Pass)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.Raise) and "NotImplementedError" in names_in([node]))
        for node in body
    )


def names_of_module(tree: ast.Module) -> tuple[set[str], set[str]]:
    """Return the names that a module defines at its top level, and those that it lacks.

    A name that is bound anywhere in it is not lacking.
    """
    bound: set[str] = set()
    read: set[str] = set()
    for node in walk(tree.body):
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        else:
            bound.update(_bound_by(node))
    top: set[str] = set()
    for statement in tree.body:
        top.update(_bound_by(statement))
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            parts = [node for node in walk([statement]) if isinstance(node, ast.Name)]
            top.update(node.id for node in parts if isinstance(node.ctx, ast.Store))
    return top, read - bound


def walk(body: list[ast.stmt], *, closed: tuple[type[ast.AST], ...] = ()) -> Iterator[ast.AST]:
    """Yield statements and all that is in them, but for what is in the kinds that are `closed`."""
    pending: list[ast.AST] = list(body)
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, closed):
            pending.extend(_children(node))


def _children(node: ast.AST) -> Iterator[ast.AST]:
    for name in node._fields:
        value = getattr(node, name, None)
        parts = value if isinstance(value, list) else [value]
        yield from (part for part in parts if isinstance(part, ast.AST))


def _bound_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            yield (alias.asname or alias.name).partition(".")[0]
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
        yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest


def _takes(item: Defined, given: int) -> bool:
    return item.required <= given and (item.accepted is None or given <= item.accepted)


def _short(item: Defined) -> str:
    return item.name.rpartition(".")[2]


def _is_static(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in node.decorator_list)
