from __future__ import annotations

from typing import Any

import pytest

from liftlab.sandbox.facts import inspect_source


def facts(source: str) -> dict[str, Any]:
    return inspect_source(source.encode())[1]


@pytest.mark.parametrize(
    ("source", "required", "accepted"),
    [
        ("def f(): pass", 0, 0),
        ("def f(a, b=1): pass", 1, 2),
        ("def f(a, /, b, *, c): pass", 2, 2),
        ("def f(a, *rest): pass", 1, None),
        ("f = lambda a, b: a", 2, 2),
        ("async def f(a): pass", 1, 1),
    ],
)
def test_how_many_arguments(source: str, required: int, accepted: int | None) -> None:
    (function,) = facts(source)["functions"]
    assert (function["name"], function["required"], function["accepted"]) == (
        "f",
        required,
        accepted,
    )


@pytest.mark.parametrize(
    ("body", "returns"),
    [
        ("return x", True),
        ("if x:\n        return 0", True),
        ("yield x", True),
        ("return", False),
        ("return None", False),
        ("x + 1", False),
        ("def g(): return x", False),
        ("g = lambda: x", False),
        ("class A:\n        def g(self): return x", False),
    ],
)
def test_whether_a_value_is_returned(body: str, returns: bool) -> None:
    (function,) = facts(f"def f(x):\n    {body}\n")["functions"]
    assert function["returns_value"] is returns


@pytest.mark.parametrize(
    ("body", "ends_with"),
    [
        ("x + 1", "expression"),
        ("y = x", "assignment"),
        ("x += 1", "assignment"),
        ("print(x)", "print"),
        ('"""Says."""', "empty"),
        ("...", "empty"),
        ("pass", "empty"),
        ("return x", None),
    ],
)
def test_how_a_function_ends(body: str, ends_with: str | None) -> None:
    (function,) = facts(f"def f(x):\n    {body}\n")["functions"]
    assert function["ends_with"] == ends_with


def test_only_the_top_level_counts() -> None:
    found = facts("class A:\n    def f(self): pass\ndef g():\n    def h(): pass\n")
    assert [item["name"] for item in found["functions"]] == ["g"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"error": "x"}', "error"),
        ('{"detail": []}', "error"),
        ('{"a": 1}', "value"),
        ("[1, 2]", "value"),
        ("[1, 2", None),
        ("{1, 2}", None),
        ("[" * 100_000, None),
        ("x = {}", None),
    ],
)
def test_json_is_told_from_code(text: str, kind: str | None) -> None:
    assert facts(text)["json"] == kind


def test_a_fault_says_where() -> None:
    found = facts("x = 1\ny = = 2\n")
    assert (found["parsed"], found["kind"], found["line"]) == (False, "SyntaxError", 2)


def test_nothing_is_run() -> None:
    code, found = inspect_source(b"raise SystemExit\n")
    assert code is not None
    assert found["parsed"]
