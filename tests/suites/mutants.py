"""Wrong answers made of a right one: small faults of the kinds that models and people make."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

_SWAPS: dict[type, tuple[type, ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt,),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt,),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),  # codespell:ignore
    ast.NotIn: (ast.In,),  # codespell:ignore
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add,),
    ast.Div: (ast.FloorDiv, ast.Mult),
    ast.FloorDiv: (ast.Div, ast.Mult),
    ast.Mod: (ast.FloorDiv,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
}


def mutants_of(source: str) -> dict[str, str]:
    """Return wrong versions of a function `f`, by what was done to it; no two are the same."""
    tree = ast.parse(source)
    found: dict[str, str] = {}
    for index, node in enumerate(ast.walk(tree)):
        for what in _faults(node):
            changed = copy.deepcopy(tree)
            target = next(n for i, n in enumerate(ast.walk(changed)) if i == index)
            _apply(target, what)
            text = ast.unparse(ast.fix_missing_locations(changed))
            line = getattr(node, "lineno", 0)
            if text != ast.unparse(tree) and text not in found.values():
                found[f"{what} (node {index}, line {line})"] = text
    return found


def _faults(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Compare):
        for n, operator in enumerate(node.ops):
            yield from (f"op {n} {new.__name__}" for new in _SWAPS.get(type(operator), ()))
    if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign):
        yield from (f"op 0 {new.__name__}" for new in _SWAPS.get(type(node.op), ()))
    if isinstance(node, ast.Constant):
        yield from _faults_of_constant(node.value)
    if isinstance(node, ast.Return) and node.value is not None:
        given = node.value.value if isinstance(node.value, ast.Constant) else ...
        if given is not None:  # else it falls off the end, which gives the same
            yield from ("no return", "print", "return None")
        if not isinstance(given, str):
            yield "return str"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "no not"
    if isinstance(node, ast.If | ast.IfExp):
        yield from ("always", "never")
    if isinstance(node, ast.FunctionDef) and len(node.args.args) > 1:
        yield "swap arguments"
    if isinstance(node, ast.Slice):
        yield from (part for part in ("lower", "upper") if getattr(node, part) is not None)
    if isinstance(node, ast.For | ast.While):
        yield "break"


def _faults_of_constant(value: object) -> Iterator[str]:
    if type(value) is bool:
        yield "other truth"
    elif type(value) in (int, float):
        yield from ("plus one", "minus one")
    elif isinstance(value, str):
        yield "other text"


def _apply(node: ast.AST, what: str) -> None:
    if what.startswith("op "):
        _, position, name = what.split()
        new = getattr(ast, name)()
        if isinstance(node, ast.Compare):
            node.ops[int(position)] = new
        else:
            node.op = new  # type: ignore[attr-defined]
        return
    _ACTIONS[what](node)


def _become(node: ast.AST, other: ast.AST) -> None:
    node.__class__ = type(other)
    node.__dict__.clear()
    node.__dict__.update(other.__dict__)


def _wrapped(node: ast.AST, name: str) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), [node.value], [])  # type: ignore[attr-defined]


def _with(node: ast.AST, **changes: object) -> None:
    for name, value in changes.items():
        setattr(node, name, value)


_ACTIONS = {
    "no return": lambda node: _become(node, ast.Expr(node.value)),
    "print": lambda node: _become(node, ast.Expr(_wrapped(node, "print"))),
    "return None": lambda node: _with(node, value=ast.Constant(None)),
    "return str": lambda node: _with(node, value=_wrapped(node, "str")),
    "no not": lambda node: _become(node, node.operand),
    "always": lambda node: _with(node, test=ast.Constant(True)),
    "never": lambda node: _with(node, test=ast.Constant(False)),
    "swap arguments": lambda node: node.args.args.reverse(),
    "lower": lambda node: _with(node, lower=None),
    "upper": lambda node: _with(node, upper=None),
    "break": lambda node: node.body.append(ast.Break()),
    "other truth": lambda node: _with(node, value=not node.value),
    "plus one": lambda node: _with(node, value=node.value + 1),
    "minus one": lambda node: _with(node, value=node.value - 1),
    "other text": lambda node: _with(node, value=node.value + "?"),
}
