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


def found(source: str, given: int) -> Any:
    return inspect_source(source.encode(), given)[1]["found"]


@pytest.mark.parametrize(
    ("source", "given", "function", "how"),
    [
        ("def f(a): pass", 1, "f", "only"),
        ("def f(a): pass", 5, "f", "only"),  # where there is no other
        ("def f(a): pass\ndef g(a, b): pass", 1, "f", "last"),
        ("def f(a): pass\ndef g(a, b): pass", 2, "g", "last"),
        ("def f(a): pass\ndef g(a, b=1): pass", 1, "g", "last"),
        ("def g(*a): pass\ndef f(a): pass", 7, "g", "last"),
        ("def g(a): pass\ndef f(a): return g(a)", 1, "f", "last"),
        ("def f(a): return g(a)\ndef g(a): pass", 1, "f", "last"),
        ("def f(a): return f(a)\n", 1, "f", "only"),
        ("def f(a): pass\ndef _g(a): pass", 1, "f", "only"),
        ("def f(a): pass\ndef main(): f(1)\ndef test_f(a): pass", 1, "f", "last"),
        ("def main(a): pass", 1, "main", "only"),
        ("def f(a): return 1\ndef f(a): return 2", 1, "f", "only"),
        ("class Solution:\n    def f(self, a): pass", 1, "Solution.f", "method"),
        ("class Solution:\n    @staticmethod\n    def f(a): pass", 1, "Solution.f", "method"),
        ("class Solution:\n  def g(self, a): pass\n  def f(self, a): return self.g(a)", 1,
         "Solution.f", "method"),
        ("class Other:\n    def f(self, a): pass", 1, None, None),
        ("def _f(a): pass", 1, None, None),
        ("def f(a): return g(a)\ndef g(a): return f(a)", 1, None, None),
        ("x = 1", 0, None, None),
    ],
)  # fmt: skip
def test_which_function_a_call_without_a_name_goes_to(
    source: str, given: int, function: str | None, how: str | None
) -> None:
    wanted = None if function is None else {"function": function, "how": how}
    assert found(source, given) == wanted


@pytest.mark.parametrize(
    ("source", "defines", "lacks"),
    [
        ("x = 1", {"x"}, set()),
        ("x = y", {"x"}, {"y"}),
        ("print(len(x))", set(), {"x"}),
        ("import a.b, c as d\nfrom e import f as g", {"a", "d", "g"}, set()),
        ("def f(a, *b, c=1, **d): return a, b, c, d, e", {"f"}, {"e"}),
        ("class A:\n    x = y", {"A"}, {"y"}),
        ("for i in z: w = i", {"i", "w"}, {"z"}),
        ("try: pass\nexcept E as error: print(error)", set(), {"E"}),
        ("match v:\n case [a, *b]: c = a\n case {'k': 1, **d}: e = b, d", {"c", "e"}, {"v"}),
        ("def f():\n    inner = 1\n    return inner", {"f"}, set()),
        ("[q for q in range(3)]", {"q"}, set()),
        ("del x", set(), set()),
        (f"{'n' * 120} = 1", {"n" * 120}, set()),
        (f"{'n' * 121} = 1", set(), set()),
    ],
)
def test_names_that_a_module_has_and_those_that_it_lacks(
    source: str, defines: set[str], lacks: set[str]
) -> None:
    told = facts(source)
    assert (set(told["defines"]), set(told["lacks"])) == (defines, lacks)


@pytest.mark.parametrize(
    ("body", "stub", "prints"),
    [
        ("pass", True, False),
        ("...", True, False),
        ("'Says.'\n    raise NotImplementedError", True, False),
        ("raise NotImplementedError('x')", True, False),
        ("raise ValueError", False, False),
        ("return 1", False, False),
        ("'Says.'\n    return 1", False, False),
        ("if x: print(1)", False, True),
        ("g = lambda: print(1)", False, False),
        ("x.print(1)", False, False),
    ],
)
def test_what_a_function_does(body: str, stub: bool, prints: bool) -> None:
    (function,) = facts(f"\ndef f(x):\n    {body}\n")["functions"]
    assert (function["stub"], function["prints"], function["line"]) == (stub, prints, 2)


def test_methods_of_the_solution_are_functions() -> None:
    source = (
        "class Solution:\n    x = 1\n    def f(self, a, b=1): pass\n"
        "    @staticmethod\n    def g(a): pass\n    async def h(self, *a): pass\n"
        "u: object = lambda: 1\nv = w = lambda a: a\n(y, z) = 1, lambda: 2\n"
    )
    told = [(f["name"], f["required"], f["accepted"]) for f in facts(source)["functions"]]
    assert told == [
        ("Solution.f", 1, 2),
        ("Solution.g", 1, 1),
        ("Solution.h", 0, None),
        ("u", 0, 0),
        ("v", 1, 1),
        ("w", 1, 1),
    ]


def test_of_very_many_functions_some_are_told() -> None:
    assert len(facts("def f(): pass\n" * 100)["functions"]) == 100
    assert len(facts("def f(): pass\n" * 101)["functions"]) == 100


@pytest.mark.parametrize(
    ("source", "at_end"),
    [
        ("def f(:\n    pass", False),
        ("def f(a, b", True),
        ("x = (1,\n", True),
        ("x = (1,\ny = 2\n", False),
        ("def f():\n    x = [1,\n        2", True),
        ("def f():\n    x = [1,\ndef g(): pass", False),
        ('x = """a', True),
        ('x = "a', True),
        ('x = "a\ny = 1', False),
        ("@wraps", True),
        ("@wraps\n# more\n", True),
        ("def f():", True),
        ("def f():\n# says\n", True),
        ("def f():\nx = 1", False),
        ("if x", True),
        ("if x\n    y = 1", False),
        ("x = 1 +", True),
        ("x = 1 +\ny = 2", False),
        ("x = y and", True),
        ("for x in", True),
        ("x = = 1", False),
        ("    x = 1", False),
        ("x = 1\n  y = 2", False),
        ("try:\n    pass", True),
        ("# only\nimport", True),
        ("from x import", True),
        ("x = ?", False),
    ],
)
def test_whether_a_text_breaks_off_at_its_end(source: str, at_end: bool) -> None:
    told = facts(source)
    assert told["parsed"] is False
    assert told["at_end"] is at_end


def test_an_open_field_of_a_text_is_an_open_text() -> None:
    assert "unterminated" in facts('x = f"{a')["message"]
    assert "never closed" in facts("x = {1")["message"]


def test_a_fault_is_bounded() -> None:
    assert facts("")["empty"] is True
    assert facts("# only\n")["empty"] is True
    assert facts("x")["empty"] is False
    assert facts("x = 1\0")["kind"] in ("ValueError", "SyntaxError")
    assert len(facts("x = 'a' 'b' y" + "z" * 900)["message"]) <= 300
