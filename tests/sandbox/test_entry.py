"""Which function is called where no name is known."""

from __future__ import annotations

import pytest

from liftlab.sandbox.facts import inspect_source

ADD = "def add(a, b):\n    return a + b\n"


@pytest.mark.parametrize(
    ("source", "function", "how"),
    [
        (ADD, "add", "only"),
        (f"def _plus(a, b): pass\n{ADD}", "add", "only"),
        ("add = lambda a, b: a + b", "add", "only"),
        (f"def minus(a, b): return a\n{ADD}", "add", "last"),
        (f"{ADD}def total(a, b): return add(a, b)\n", "total", "last"),
        (f"def total(a, b): return add(a, b)\n{ADD}", "total", "last"),
        (f"{ADD}def main():\n    print(add(1, 2))\n", "add", "last"),
        (f"{ADD}def demo():\n    print(add(1, 2))\n", "add", "last"),
        (f"{ADD}def test_add(a=1, b=2):\n    assert add(a, b) == 3\n", "add", "last"),
        ("def main(a, b): return a + b\n", "main", "only"),
        ("def one(a): return a\ndef three(a, b, c): return a\n", "three", "last"),
        ("class Solution:\n    def add(self, a, b): return a + b\n", "Solution.add", "method"),
        (
            "class Solution:\n    def add(self, a, b): return self.plus(a, b)\n"
            "    def plus(self, a, b): return a + b\n",
            "Solution.add",
            "method",
        ),
        (
            "class Solution:\n    @staticmethod\n    def add(a, b): return a + b\n",
            "Solution.add",
            "method",
        ),
        (
            f"{ADD}class Solution:\n    def total(self, a, b): return add(a, b)\n",
            "Solution.total",
            "method",
        ),
        (
            "class Solution:\n    def add(self, a, b): return a + b\n"
            "def add_numbers(a, b): return Solution().add(a, b)\n",
            "add_numbers",
            "last",
        ),
        ("class Other:\n    def add(self, a, b): return a + b\n", None, None),
        ("def even(a, b): return odd(a, b)\ndef odd(a, b): return even(a, b)\n", None, None),
        ("a + b", None, None),
    ],
)
def test_the_function_is_found(source: str, function: str | None, how: str | None) -> None:
    found = inspect_source(source.encode(), 2)[1]["found"]
    assert found == (None if function is None else {"function": function, "how": how})


@pytest.mark.parametrize(
    ("body", "stub"),
    [
        ("pass", True),
        ('"""Add."""', True),
        ("...", True),
        ("raise NotImplementedError", True),
        ('"""Add."""\n    raise NotImplementedError("later")', True),
        ("return None", False),
        ("raise ValueError(a)", False),
        ("print(a)", False),
    ],
)
def test_a_stub_is_a_place_for_code(body: str, stub: bool) -> None:
    (function,) = inspect_source(f"def f(a):\n    {body}\n".encode())[1]["functions"]
    assert function["stub"] is stub


def test_names_that_a_piece_defines_and_lacks() -> None:
    source = (
        "import os.path as p, json\nfrom math import sqrt\nX: int = 1\n"
        "def f(a, *b, c=Y):\n"
        "    total = [i for i in b if len(a) > X]\n"
        "    try:\n        return helper(total, sqrt(c), lambda z: z)\n"
        "    except Wrong as w:\n        return w\n"
        "class C(Base):\n    pass\n"
    )
    facts = inspect_source(source.encode())[1]
    assert facts["defines"] == ["C", "X", "f", "json", "p", "sqrt"]
    assert facts["lacks"] == ["Base", "Wrong", "Y", "helper"]
